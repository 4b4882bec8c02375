package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// doc is a policy document that a test takes apart. Paths are written with
// slashes, because names of actions have dots: "actions/payout.request/hold".
type doc map[string]any

func presetDoc(t testing.TB, name string) doc {
	t.Helper()
	text, err := presetFiles.ReadFile("presets/" + name + ".json")
	require.NoError(t, err)
	var d doc
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// node returns the object that holds the last name of path, and that name.
func (d doc) node(path string) (map[string]any, string) {
	names := strings.Split(path, "/")
	at := map[string]any(d)
	for _, name := range names[:len(names)-1] {
		at = at[name].(map[string]any)
	}
	return at, names[len(names)-1]
}

// set writes text, which is JSON, at path.
func (d doc) set(path, text string) {
	var v any
	err := json.Unmarshal([]byte(text), &v)
	if err != nil {
		panic(path + ": " + err.Error())
	}
	at, name := d.node(path)
	at[name] = v
}

func (d doc) remove(path string) {
	at, name := d.node(path)
	_, ok := at[name]
	if !ok {
		panic(path + " is not there")
	}
	delete(at, name)
}

// edit applies "path = json" and "-path" to the document.
func (d doc) edit(edits ...string) {
	for _, e := range edits {
		path, value, isSet := strings.Cut(e, " = ")
		if isSet {
			d.set(path, value)
			continue
		}
		d.remove(strings.TrimPrefix(e, "-"))
	}
}

func (d doc) text(t testing.TB) []byte {
	t.Helper()
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return text
}

// edited reads a changed preset without running the validators.
func edited(t testing.TB, preset string, edits ...string) Policy {
	t.Helper()
	d := presetDoc(t, preset)
	d.edit(edits...)
	p, findings := read(d.text(t))
	require.Empty(t, findings)
	return p
}

func preset(t testing.TB, name string) Policy {
	t.Helper()
	p, err := Preset(name)
	require.NoError(t, err)
	return p
}

// at lists findings as "ID path", sorted and each once.
func at(findings []Finding) []string {
	lines := map[string]bool{}
	for _, f := range findings {
		lines[strings.TrimSpace(f.ID+" "+f.Path)] = true
	}
	return slices.Sorted(maps.Keys(lines))
}

func paths(findings []Finding) []string {
	all := []string{}
	for _, f := range findings {
		all = append(all, f.Path)
	}
	return all
}

func refusal(t testing.TB, err error) []Finding {
	t.Helper()
	var invalid *Invalid
	require.ErrorAs(t, err, &invalid)
	require.NotEmpty(t, invalid.Findings)
	return invalid.Findings
}
