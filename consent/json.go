package consent

import (
	"bytes"
	"encoding/json"
)

// marshalPlain is json.Marshal without its HTML escapes, which RFC 8785 does
// not have.
func marshalPlain(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}
