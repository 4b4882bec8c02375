package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Finding is one thing to tell about a document.
type Finding struct {
	ID      string // the validator: V01 to V28, W01 to W06, or "unsupported"
	Path    string // the field, such as codes.default.ttl_s; "" is the document itself
	Message string // sentences that say what is wrong and what to do
}

// String returns the finding as one line.
func (f Finding) String() string {
	if f.Path == "" {
		return f.Message + " [" + f.ID + "]"
	}
	return f.Path + ": " + f.Message + " [" + f.ID + "]"
}

// found returns one finding. Its ID is set by whoever runs the rule.
func found(path, format string, args ...any) []Finding {
	return []Finding{{Path: path, Message: fmt.Sprintf(format, args...)}}
}

// Invalid refuses a document. Findings is every mistake in it, at least one.
type Invalid struct{ Findings []Finding }

// Error lists every finding on a line of its own.
func (e *Invalid) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return "policy: not valid:\n" + strings.Join(lines, "\n")
}

// Parse reads a policy document: JSON that fits policy.schema.json and passes the
// validators V02 to V28. Missing fields get their defaults.
//
// Unknown fields and names that stand twice are refused. Parse assumes nothing
// about the tenant's users; use [ParseFor] where something is known.
//
// Errors: [*Invalid], with every mistake. While the document does not fit the
// schema, only those mistakes are told, because the others rest on it.
func Parse(doc []byte) (Policy, error) { return ParseFor(doc, Facts{}) }

// ParseFor is [Parse] for a tenant of which facts are known.
//
// Errors: [*Invalid].
func ParseFor(doc []byte, facts Facts) (Policy, error) {
	p, findings := read(doc)
	if len(findings) > 0 {
		return Policy{}, &Invalid{withID("V01", findings)}
	}
	mistakes, _ := Validate(p, facts)
	if len(mistakes) > 0 {
		return Policy{}, &Invalid{mistakes}
	}
	return p, nil
}

// read decodes doc over the defaults if it fits the schema.
func read(doc []byte) (Policy, []Finding) {
	v, findings := decode(doc)
	if v != nil || len(findings) == 0 { // the document null is a value too
		findings = append(findings, elsewhere(checkSchema(v), findings)...)
	}
	if len(findings) > 0 {
		return Policy{}, findings
	}
	type plain Policy
	p := plain(defaults())
	err := json.Unmarshal(doc, &p)
	if err != nil {
		return Policy{}, found("", "The document could not be read: %s.", err)
	}
	return Policy(p), nil
}

// elsewhere returns those of findings that lie at no path of told: a place that
// was found wrong is told once.
func elsewhere(findings, told []Finding) []Finding {
	return slices.DeleteFunc(findings, func(f Finding) bool {
		return slices.ContainsFunc(told, func(t Finding) bool { return t.Path == f.Path })
	})
}

func withID(id string, findings []Finding) []Finding {
	for i := range findings {
		findings[i].ID = id
	}
	return findings
}

// MarshalJSON writes the effective document: every field, defaults included, in
// the order of the schema. [Parse] reads it back as the same policy.
func (p Policy) MarshalJSON() ([]byte, error) {
	type plain Policy
	v := plain(p)
	v.Methods = notNil(v.Methods)
	v.Codes.ByChannel = notNil(v.Codes.ByChannel)
	v.Codes.ByPurpose = notNil(v.Codes.ByPurpose)
	v.Lifecycle = notNil(v.Lifecycle)
	v.Actions = notNil(v.Actions)
	if v.Signals == nil {
		v.Signals = []Signal{}
	}
	return json.Marshal(v)
}

func notNil[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

// UnmarshalJSON is [Parse], so that no other way of decoding yields a policy
// without its defaults or one that breaks a rule.
func (p *Policy) UnmarshalJSON(doc []byte) error {
	v, err := Parse(doc)
	if err != nil {
		return err
	}
	*p = v
	return nil
}

// Hash returns the SHA-256, in hexadecimal, of the effective document with its
// names sorted and without white space. Two documents that differ only in layout,
// order of names or defaults left out have the same hash.
func (p Policy) Hash() string {
	sum := sha256.Sum256(canonical(p))
	return hex.EncodeToString(sum[:])
}

// canonical returns v as JSON with sorted names. v is a policy or a part of one:
// text, numbers, lists and maps, which always can be written.
func canonical(v any) []byte {
	written, err := json.Marshal(v)
	if err != nil {
		panic("policy: a document cannot be written: " + err.Error())
	}
	dec := json.NewDecoder(bytes.NewReader(written))
	dec.UseNumber()
	var tree any
	err = dec.Decode(&tree)
	if err != nil {
		panic("policy: a written document cannot be read: " + err.Error())
	}
	sorted, err := json.Marshal(tree)
	if err != nil {
		panic("policy: a document cannot be written: " + err.Error())
	}
	return sorted
}
