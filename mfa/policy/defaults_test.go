package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// minimal has no field but those that must be there, and one entry in each map.
const minimal = `{
	"schema": "mfa-policy/1", "name": "minimal",
	"enforcement": {"mode": "opt_in"},
	"methods": {"email": {"enabled": false}, "sms": {"enabled": false}, "voice": {"enabled": false}, "totp": {"enabled": false},
		"webauthn": {"enabled": false}, "recovery_codes": {"enabled": false}, "pin": {"enabled": false}},
	"selection": {"user_max": 5},
	"codes": {"default": {}},
	"delivery": {"first": "user_choice"},
	"contacts": {"phone": {}, "email": {}},
	"lifecycle": {"sms": {"enable": "forbidden", "disable": [], "change": "forbidden"}},
	"actions": {"payout.request": {"stages": []}},
	"trusted_device": {"enabled": false},
	"session": {}, "lockout": {}, "limits": {}, "recovery": {}, "admin": {}, "notify": {}, "acr": {}
}`

// TestDefaultsAreThoseOfTheSchema walks the schema and the effective form of a
// minimal document side by side.
func TestDefaultsAreThoseOfTheSchema(t *testing.T) {
	p, findings := read([]byte(minimal))
	require.Empty(t, findings)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	var effective, given any
	require.NoError(t, json.Unmarshal(text, &effective))
	require.NoError(t, json.Unmarshal([]byte(minimal), &given))

	w := walker{t: t, schema: schemaTree(t)}
	w.compare("", w.schema, effective, given)

	require.Greater(t, w.compared, 90, "defaults compared")
}

func schemaTree(t testing.TB) map[string]any {
	t.Helper()
	var tree map[string]any
	require.NoError(t, json.Unmarshal(Schema(), &tree))
	return tree
}

type walker struct {
	t        *testing.T
	schema   map[string]any
	compared int
}

// follow replaces a reference by what it points to; what stands beside it wins.
func (w *walker) follow(node map[string]any) map[string]any {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node
	}
	merged := maps.Clone(w.schema["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any))
	maps.Copy(merged, node)
	delete(merged, "$ref")
	return merged
}

// compare checks that every field that was not given has the default of the
// schema, or, for an object whose default is empty, those of its own fields.
func (w *walker) compare(path string, node map[string]any, effective, given any) {
	object, ok := effective.(map[string]any)
	if !ok {
		return
	}
	was, _ := given.(map[string]any)
	properties, _ := node["properties"].(map[string]any)
	for name, value := range object {
		sub, ok := properties[name].(map[string]any)
		if !ok { // a map: methods by kind are properties, actions are not
			sub, ok = node["additionalProperties"].(map[string]any)
			require.True(w.t, ok, "%s.%s is not in the schema", path, name)
		}
		sub = w.follow(sub)
		at := path + "/" + name
		original, wasGiven := was[name]
		def, hasDefault := sub["default"]
		_, isObject := value.(map[string]any)
		switch {
		case wasGiven || isObject && hasDefault:
			w.compare(at, sub, value, original)
		default:
			require.True(w.t, hasDefault, "%s has no default in the schema", at)
			require.Equal(w.t, def, value, at)
			w.compared++
		}
	}
	for name, sub := range properties {
		_, hasDefault := w.follow(sub.(map[string]any))["default"]
		_, there := object[name]
		require.True(w.t, there || !hasDefault || slices.Contains([]string{"/codes/by_channel", "/codes/by_purpose"}, path),
			"%s/%s has a default and is missing", path, name)
	}
}

// TestEveryFieldOfThePresetsIsKept reads the presets, which spell out nearly every
// field, and looks for each of their leaves afterwards: none is read and lost.
func TestEveryFieldOfThePresetsIsKept(t *testing.T) {
	for _, name := range Presets() {
		want := presetDoc(t, name)
		text, err := json.Marshal(preset(t, name))
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(text, &got))
		requireWithin(t, name, map[string]any(want), got)
	}
}

// requireWithin checks that every leaf of want is in got with the same value.
func requireWithin(t *testing.T, path string, want, got any) {
	t.Helper()
	object, ok := want.(map[string]any)
	if !ok {
		require.Equal(t, want, got, path)
		return
	}
	in, ok := got.(map[string]any)
	require.True(t, ok, path)
	for name, value := range object {
		requireWithin(t, path+"/"+name, value, in[name])
	}
}

func TestOnlyActionsHaveARuleForNames(t *testing.T) {
	require.Equal(t, 1, strings.Count(string(Schema()), "propertyNames"))
}

func TestDefaultsOfOnePolicyAreNotThoseOfAnother(t *testing.T) {
	a := edited(t, systemA, "-lockout/delays_s", "-limits/send_per_user")
	a.Lockout.Delays[0] = 1
	a.Limits.SendPerUser[0].N = 1

	b := edited(t, systemA, "-lockout/delays_s", "-limits/send_per_user")

	require.Equal(t, Seconds(30), b.Lockout.Delays[0])
	require.Equal(t, 10, b.Limits.SendPerUser[0].N)
}
