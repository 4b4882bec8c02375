package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits of the claims parameter.
const (
	maxClaimsBytes = 8 << 10
	maxClaims      = 100 // in each of its two parts
	maxACRValues   = 50
)

// claimsRequest is the claims parameter: which claims the app wants, and where.
// Its JSON form is the parameter again, without what was not understood.
//
// Source: OpenID Connect Core section 5.5.
type claimsRequest struct {
	IDToken  map[string]claimAsk `json:"id_token,omitempty"`
	Userinfo map[string]claimAsk `json:"userinfo,omitempty"`
}

// claimAsk is the request for one claim. The zero value asks for it as
// voluntary, with any value.
type claimAsk struct {
	Essential bool              `json:"essential,omitempty"`
	Value     json.RawMessage   `json:"value,omitempty"`
	Values    []json.RawMessage `json:"values,omitempty"`
}

var errClaims = errors.New("provider: malformed claims parameter")

// parseClaims reads the claims parameter strictly: one JSON object, no member
// twice, the types of the specification. Members that it does not know are
// ignored, as the specification says. "" is a request for nothing.
func parseClaims(text string) (claimsRequest, error) {
	var r claimsRequest
	if text == "" {
		return r, nil
	}
	if len(text) > maxClaimsBytes {
		return r, fmt.Errorf("%w: too long", errClaims)
	}
	top, err := members([]byte(text))
	if err != nil {
		return r, err
	}
	r.IDToken, err = parseAsks(top["id_token"])
	if err != nil {
		return claimsRequest{}, err
	}
	r.Userinfo, err = parseAsks(top["userinfo"])
	if err != nil {
		return claimsRequest{}, err
	}
	return r, nil
}

// Empty reports whether nothing is asked for.
func (r claimsRequest) Empty() bool { return len(r.IDToken) == 0 && len(r.Userinfo) == 0 }

// parseAsks reads one part of the parameter; absent and null are no part.
func parseAsks(raw json.RawMessage) (map[string]claimAsk, error) {
	if absent(raw) {
		return nil, nil //nolint:nilnil // no part is no error
	}
	part, err := members(raw)
	if err != nil {
		return nil, err
	}
	if len(part) > maxClaims {
		return nil, fmt.Errorf("%w: too many claims", errClaims)
	}
	asks := make(map[string]claimAsk, len(part))
	for name, value := range part {
		asks[name], err = parseAsk(value)
		if err != nil {
			return nil, err
		}
	}
	return asks, nil
}

// parseAsk reads the request for one claim: null, or an object.
func parseAsk(raw json.RawMessage) (claimAsk, error) {
	var ask claimAsk
	if absent(raw) {
		return ask, nil
	}
	m, err := members(raw)
	if err != nil {
		return ask, err
	}
	err = readMember(m["essential"], &ask.Essential)
	if err != nil {
		return claimAsk{}, err
	}
	err = readMember(m["values"], &ask.Values)
	if err != nil {
		return claimAsk{}, err
	}
	if !absent(m["value"]) {
		ask.Value = m["value"]
	}
	return ask, nil
}

// readMember decodes raw into out; an absent member leaves it alone.
func readMember(raw json.RawMessage, out any) error {
	if raw == nil {
		return nil
	}
	if absent(raw) {
		return fmt.Errorf("%w: null where a value must be", errClaims)
	}
	err := json.Unmarshal(raw, out)
	if err != nil {
		return fmt.Errorf("%w: %w", errClaims, err)
	}
	return nil
}

func absent(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }

// members reads one JSON object, and nothing behind it. Unlike encoding/json it
// refuses a member that comes twice, since readers disagree on which one counts,
// and it knows names only in their exact spelling.
func members(raw []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	start, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errClaims, err)
	}
	if start != json.Delim('{') {
		return nil, fmt.Errorf("%w: not an object", errClaims)
	}
	m := map[string]json.RawMessage{}
	for dec.More() {
		err = readPair(dec, m)
		if err != nil {
			return nil, err
		}
	}
	_, err = dec.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errClaims, err)
	}
	_, err = dec.Token()
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one value", errClaims)
	}
	return m, nil
}

func readPair(dec *json.Decoder, m map[string]json.RawMessage) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", errClaims, err)
	}
	name, _ := token.(string) // inside an object the decoder gives names as strings
	_, twice := m[name]
	if twice {
		return fmt.Errorf("%w: a member comes twice", errClaims)
	}
	var value json.RawMessage
	err = dec.Decode(&value)
	if err != nil {
		return fmt.Errorf("%w: %w", errClaims, err)
	}
	m[name] = value
	return nil
}

// acr is what the parameter asks of the acr claim of the ID token: its values,
// in order, and whether they are essential.
//
// Source: OpenID Connect Core section 5.5.1.1.
func (r claimsRequest) acr() (values []string, essential bool, err error) {
	ask := r.IDToken["acr"]
	raw := ask.Values
	if ask.Value != nil {
		if raw != nil {
			return nil, false, fmt.Errorf("%w: acr has value and values", errClaims)
		}
		raw = []json.RawMessage{ask.Value}
	}
	if len(raw) > maxACRValues {
		return nil, false, fmt.Errorf("%w: too many acr values", errClaims)
	}
	for _, v := range raw {
		text, err := textValue(v)
		if err != nil {
			return nil, false, err
		}
		values = append(values, text)
	}
	return values, ask.Essential && len(values) > 0, nil
}

// subject is the user that the ID token must be about, "" for anyone.
//
// Source: OpenID Connect Core section 3.1.2.2.
func (r claimsRequest) subject() (string, error) {
	ask := r.IDToken["sub"]
	if ask.Value == nil {
		return "", nil
	}
	return textValue(ask.Value)
}

func textValue(raw json.RawMessage) (string, error) {
	var text string
	err := json.Unmarshal(raw, &text)
	if err != nil || text == "" {
		return "", fmt.Errorf("%w: not a text", errClaims)
	}
	return text, nil
}
