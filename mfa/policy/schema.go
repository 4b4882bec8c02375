package policy

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed policy.schema.json
var schemaText []byte

const schemaID = "urn:mfa-policy:1"

// Schema returns the JSON Schema of the document, draft 2020-12.
func Schema() []byte { return bytes.Clone(schemaText) }

// schema is the compiled schema: a table that takes some milliseconds to build,
// so it is built when it is first looked at, and once.
var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return nil, fmt.Errorf("policy: read schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is ever loaded from a disk or a network
	err = c.AddResource(schemaID, doc)
	if err != nil {
		return nil, fmt.Errorf("policy: read schema: %w", err)
	}
	return c.Compile(schemaID)
})

// checkSchema reports where v, decoded JSON, does not fit the schema.
func checkSchema(v any) []Finding {
	s, err := schema()
	if err != nil {
		return found("", "The schema cannot be used: %s.", err)
	}
	err = s.Validate(v)
	if err == nil {
		return nil
	}
	failure, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return found("", "The document could not be checked: %s.", err)
	}
	all := leaves(failure)
	slices.SortFunc(all, func(a, b Finding) int { // the engine walks maps, in any order
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return all
}

// leaves returns the mistakes at the ends of the tree that the schema engine
// builds. The nodes above only say that something below is wrong.
func leaves(e *jsonschema.ValidationError) []Finding {
	path := ""
	for _, name := range e.InstanceLocation {
		path = join(path, name)
	}
	switch k := e.ErrorKind.(type) {
	case *kind.OneOf:
		return alternatives(path, e.Causes)
	case *kind.PropertyNames:
		// The engine's location is not to be trusted here: its memory is written to
		// again by what is checked later. Only actions have a rule for names.
		return found(join("actions", k.Property), "It is no name for an action; write two or three words of a-z, 0-9 and _, joined by dots, such as payout.request.")
	case *kind.AdditionalProperties:
		return each(path, k.Properties, "There is no such field; correct its spelling or remove it.")
	case *kind.Required:
		return each(path, k.Missing, "It is missing; add it.")
	}
	if len(e.Causes) == 0 {
		return found(path, "%s", sentence(e.ErrorKind))
	}
	var all []Finding
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

// alternatives reports a value that is neither the fixed word nor the list that
// may stand in its place. If it is a list, what is wrong inside is the news.
func alternatives(path string, causes []*jsonschema.ValidationError) []Finding {
	var inside []Finding
	word := ""
	for _, cause := range causes {
		for cause.ErrorKind != nil && len(cause.Causes) == 1 && sameValue(cause, cause.Causes[0]) {
			cause = cause.Causes[0]
		}
		switch k := cause.ErrorKind.(type) {
		case *kind.Const:
			word = fmt.Sprint(k.Want)
		case *kind.Type: // it is no list either
		default:
			inside = append(inside, leaves(cause)...)
		}
	}
	if len(inside) > 0 {
		return inside
	}
	return found(path, "Write %q or a list.", word)
}

func sameValue(a, b *jsonschema.ValidationError) bool {
	return len(a.InstanceLocation) == len(b.InstanceLocation)
}

func each(path string, names []string, message string) []Finding {
	var all []Finding
	for _, name := range names {
		all = append(all, found(join(path, name), "%s", message)...)
	}
	return all
}

// sentence says what is wrong with one value and what to write instead.
func sentence(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("It is %s; write %s.", typeName(k.Got), listed(k.Want, typeName))
	case *kind.Enum:
		return fmt.Sprintf("It is %s; write %s.", shown(k.Got), listed(k.Want, shown))
	case *kind.Const:
		return fmt.Sprintf("It is %s; write %s.", shown(k.Got), shown(k.Want))
	case *kind.Minimum:
		return fmt.Sprintf("It is %s; write at least %s.", k.Got.RatString(), k.Want.RatString())
	case *kind.Maximum:
		return fmt.Sprintf("It is %s; write at most %s.", k.Got.RatString(), k.Want.RatString())
	case *kind.MinItems:
		return fmt.Sprintf("It has %d entries; give it at least %d.", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("It has %d entries; leave at most %d.", k.Got, k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("It has %d entries; leave at most %d.", k.Got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("It has %d characters; leave at most %d.", k.Got, k.Want)
	case *kind.UniqueItems:
		return fmt.Sprintf("Entries %d and %d are the same; keep one of them.", k.Duplicates[0], k.Duplicates[1])
	case *kind.Pattern:
		return fmt.Sprintf("It is %s; write text of the form %s.", shown(k.Got), k.Want)
	default:
		return "It does not fit the schema; compare it with policy.schema.json."
	}
}

// shown is a value of the document as it is quoted in a message.
func shown(v any) string {
	s, ok := v.(string)
	if !ok {
		return clip(fmt.Sprint(v))
	}
	return fmt.Sprintf("%q", clip(s))
}

// typeName is a JSON type in words.
func typeName(t string) string {
	words := map[string]string{
		"string":  "text",
		"integer": "a whole number",
		"number":  "a number",
		"boolean": "true or false",
		"object":  "an object",
		"array":   "a list",
		"null":    "null",
	}
	return words[t]
}

func listed[T any](values []T, text func(T) string) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = text(v)
	}
	if len(words) == 1 {
		return words[0]
	}
	return "one of " + strings.Join(words, ", ")
}
