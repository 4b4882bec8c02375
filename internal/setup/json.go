package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// strict decodes data into v and refuses members that v does not have.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err != nil {
		return fmt.Errorf("the file does not fit: %w", err)
	}
	return nil
}

// merge lays a JSON merge patch over a document.
//
// Source: RFC 7396 section 2.
func merge(document, patch []byte) ([]byte, error) {
	var target, change any
	err := json.Unmarshal(document, &target)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(patch, &change)
	if err != nil {
		return nil, err
	}
	return json.Marshal(mergeValue(target, change))
}

func mergeValue(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
			continue
		}
		object[name] = mergeValue(object[name], value)
	}
	return object
}

// overlay decodes members onto v, which keeps what they do not mention. The
// names in skip are not v's; those in refuse are, and no file may set them.
func overlay(members json.RawMessage, v any, skip, refuse []string) error {
	var all map[string]json.RawMessage
	err := json.Unmarshal(members, &all)
	if err != nil {
		return err
	}
	for name := range all {
		// encoding/json takes any case for the names of fields.
		same := func(other string) bool { return strings.EqualFold(name, other) }
		if slices.ContainsFunc(refuse, same) {
			return fmt.Errorf("the file does not fit: %s cannot be set", name)
		}
		if slices.ContainsFunc(skip, same) {
			delete(all, name)
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return strict(data, v)
}
