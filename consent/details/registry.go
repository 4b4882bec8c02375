package details

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Registry is the types that one tenant has. It never changes, so many may use
// it at once.
type Registry struct{ entries map[string]*entry }

// entry is a type that was found sound.
type entry struct {
	Type

	shape  *member
	schema *jsonschema.Schema
}

// NewRegistry returns the built-in types and a tenant's own, which take the place
// of built-in ones of the same name.
//
// Every type is looked at: whether its objects are closed, whether type and
// txn_id are there, whether every pointer leads to a member of the right form,
// and above all whether the page shows every member that may be sent.
//
// Errors: [*Invalid], with every mistake of every type.
func NewRegistry(own ...Type) (*Registry, error) {
	r := &Registry{entries: maps.Clone(builtin())}
	var mistakes []Mistake
	seen := map[string]bool{}
	for _, t := range own {
		if seen[t.Name] {
			mistakes = append(mistakes, Mistake{t.Name, "/name", "There are two types of this name; keep one of them."})
		}
		seen[t.Name] = true
		e, wrong := newEntry(t)
		mistakes = append(mistakes, wrong...)
		r.entries[t.Name] = e
	}
	if len(mistakes) > 0 {
		return nil, &Invalid{mistakes}
	}
	return r, nil
}

// builtin is the built-in types, ready for use: a table that takes some
// milliseconds to build, so it is built when it is first looked at, and once.
var builtin = sync.OnceValue(func() map[string]*entry {
	entries := map[string]*entry{}
	for _, t := range Builtin() {
		e, wrong := newEntry(t)
		if len(wrong) > 0 {
			panic((&Invalid{wrong}).Error()) // a test makes them all
		}
		entries[t.Name] = e
	}
	return entries
})

func newEntry(t Type) (*entry, []Mistake) {
	c := inspection{Type: t}
	c.run()
	e := &entry{Type: t, shape: c.shape}
	if len(c.mistakes) == 0 { // what the engine says rests on the rest
		schema, err := compile(t.Schema)
		if err != nil {
			c.note("/schema", "It is no JSON Schema of draft 2020-12: %s", err)
		}
		e.schema = schema
	}
	slices.SortFunc(c.mistakes, func(a, b Mistake) int { // maps are walked in any order
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Text, b.Text))
	})
	return e, slices.Compact(c.mistakes)
}

// schemaID names a schema to the engine, which resolves nothing against it.
const schemaID = "urn:sallyport:detail"

func compile(schema json.RawMessage) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is ever loaded from a disk or a network
	c.DefaultDraft(jsonschema.Draft2020)
	err = c.AddResource(schemaID, doc)
	if err != nil {
		return nil, err
	}
	return c.Compile(schemaID)
}

// Names returns the names of all types, sorted. It is the
// authorization_details_types_supported of RFC 9396 section 10.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.entries)) }

// Schema returns the JSON Schema of a type, and whether there is such a type.
func (r *Registry) Schema(name string) (json.RawMessage, bool) {
	e, ok := r.entries[name]
	if !ok {
		return nil, false
	}
	return bytes.Clone(e.Type.Schema), true
}

// Members returns the members of a type's transactions, sorted, without type and txn_id,
// and whether there is such a type.
func (r *Registry) Members(name string) ([]string, bool) {
	e, ok := r.entries[name]
	if !ok {
		return nil, false
	}
	members := slices.Sorted(maps.Keys(e.shape.members))
	return slices.DeleteFunc(members, func(m string) bool { return m == "type" || m == "txn_id" }), true
}

// Tells reports whether a message says anything of a transaction of a type: an amount, a
// name or an account. It is false for a type that there is not.
func (r *Registry) Tells(name string) bool {
	e, ok := r.entries[name]
	return ok && (e.Message.Amount != "" || e.Message.To != "" || len(e.Message.Account) > 0)
}

// Title returns the heading of a type's page by language tag, "en" among them.
// It is nil for types of which the pages know a heading, and for unknown ones.
func (r *Registry) Title(name string) map[string]string {
	e, ok := r.entries[name]
	if !ok {
		return nil
	}
	return maps.Clone(e.Type.Title)
}

// In is the word in lang of those that a type has in several languages, else the English
// one, which every word has; "" for nil.
func In(lang string, words map[string]string) string {
	word, ok := words[lang]
	if !ok {
		word = words["en"]
	}
	return word
}

// place is the pointer to entry i of the list at pointer.
func place(pointer string, i int) string { return fmt.Sprintf("%s/%d", pointer, i) }
