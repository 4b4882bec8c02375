package details

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheBuiltInTypesAreSound(t *testing.T) {
	r := newRegistry(t)

	require.Equal(t, []string{"bid.place", "payment_details.add", "payout.request", "withdrawal.confirm"}, r.Names())
	for _, b := range Builtin() {
		e, mistakes := newEntry(b)
		require.Empty(t, mistakes)
		require.NotNil(t, e.schema)
		schema, ok := r.Schema(b.Name)
		require.True(t, ok)
		require.JSONEq(t, string(b.Schema), string(schema))
		require.Nil(t, r.Title(b.Name))
	}
	_, ok := r.Schema("payout.revoke")
	require.False(t, ok)
	require.Nil(t, r.Title("payout.revoke"))
}

func TestWordsAreSortedAndUsed(t *testing.T) {
	require.True(t, slices.IsSorted(Labels()))
	require.True(t, slices.IsSorted(Choices()))
	used := map[string]bool{"network": true} // the first of the two lines of a wallet
	values := map[string]bool{}
	for _, b := range Builtin() {
		e, _ := newEntry(b)
		for _, s := range b.Show {
			used[s.Label] = true
			m := e.shape.at(s.At)
			if s.As == AsWallet {
				m = m.members["network"]
			}
			for _, v := range m.values {
				values[v] = true
			}
		}
	}
	require.Equal(t, Labels(), slices.Sorted(maps.Keys(used)))
	require.Equal(t, Choices(), slices.Sorted(maps.Keys(values)))
}

// prescription is a type that a tenant could write.
const prescription = `{
  "name": "prescription.sign",
  "title": {"en": "Sign a prescription", "de": "Rezept unterschreiben"},
  "schema": {
    "type": "object",
    "additionalProperties": false,
    "required": ["type", "txn_id", "patient", "drug", "urgency"],
    "properties": {
      "type": {"const": "prescription.sign"},
      "txn_id": {"type": "string"},
      "patient": {"type": "string", "minLength": 1, "maxLength": 80},
      "drug": {
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
          "name": {"type": "string", "maxLength": 80},
          "packs": {"type": "string", "maxLength": 2, "pattern": "^[1-9][0-9]?$"}
        }
      },
      "urgency": {"enum": ["normal", "urgent"]}
    }
  },
  "show": [
    {"at": "/patient", "as": "text", "labels": {"en": "Patient", "de": "Patient"}},
    {"at": "/drug/name", "as": "text", "labels": {"en": "Drug", "de": "Arznei"}},
    {"at": "/drug/packs", "as": "text", "labels": {"en": "Packs"}},
    {"at": "/urgency", "as": "choice", "labels": {"en": "Urgency"}, "words": {"normal": {"en": "Normal"}, "urgent": {"en": "Urgent", "de": "Dringend"}}}
  ],
  "message": {"to": "/patient"}
}`

func TestATypeOfATenant(t *testing.T) {
	own, err := ParseType([]byte(prescription))
	require.NoError(t, err)
	r := newRegistry(t, own)

	d, err := r.Parse([]byte(`[{"type":"prescription.sign","txn_id":"7","patient":"Ada Lovelace","drug":{"name":"Aspirin"},"urgency":"urgent"}]`))

	require.NoError(t, err)
	require.Equal(t, []Line{
		{Labels: map[string]string{"en": "Patient", "de": "Patient"}, Kind: AsText, Value: "Ada Lovelace"},
		{Labels: map[string]string{"en": "Drug", "de": "Arznei"}, Kind: AsText, Value: "Aspirin"},
		{
			Labels: map[string]string{"en": "Urgency"}, Kind: AsChoice, Value: "urgent",
			Words: map[string]string{"en": "Urgent", "de": "Dringend"},
		},
	}, d.Lines())
	require.Equal(t, Summary{To: "Ada Lovelace"}, d.Summary())
	require.Equal(t, "Sign a prescription", r.Title("prescription.sign")["en"])
	require.Contains(t, r.Names(), "prescription.sign")
	require.NotContains(t, newRegistry(t).Names(), "prescription.sign", "another tenant does not have it")

	_, err = r.Parse([]byte(`[{"type":"prescription.sign","txn_id":"7","patient":"Ada","drug":{"name":"Aspirin","packs":"100"},"urgency":"urgent"}]`))
	requireFault(t, err, FaultSchema, "/0/drug/packs")

	_, err = r.Parse([]byte(`[{"type":"prescription.sign","txn_id":"7 8","patient":"Ada","drug":{"name":"Aspirin"},"urgency":"urgent"}]`))
	requireFault(t, err, FaultSchema, "/0/txn_id") // whatever its schema says
}

func TestATenantsTypeTakesThePlaceOfABuiltInOne(t *testing.T) {
	own := Builtin()[2]
	own.Schema = json.RawMessage(strings.Replace(string(own.Schema), `"currency": {"type": "string"}`, `"currency": {"enum": ["CHF"]}`, 1))
	r := newRegistry(t, own)

	_, err := r.Parse([]byte("[" + payout + "]"))
	requireFault(t, err, FaultSchema, "/0/amount/currency")

	_, err = newRegistry(t).Parse([]byte("[" + payout + "]"))
	require.NoError(t, err, "another tenant keeps the built-in one")
}

func TestATypeLeavesTheServersOwnMembersAlone(t *testing.T) {
	for _, taken := range told {
		own := Builtin()[2]
		own.Schema = json.RawMessage(strings.ReplaceAll(string(own.Schema), `"reference"`, `"`+taken+`"`))
		own.Show[3].At = "/" + taken
		_, err := NewRegistry(own)
		require.ErrorContains(t, err, "tells "+taken)
	}
}

func TestTypesThatAreRefused(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // what stands in the prescription, and what in its place
		at       string
		says     string
	}{
		{"a member that the page does not show", `{"at": "/drug/packs", "as": "text", "labels": {"en": "Packs"}},`, ``, "/schema/properties/drug/properties/packs", "nothing is approved that was not shown"},
		{"a member in an open object", `"additionalProperties": false,
        "required": ["name"]`, `"required": ["name"]`, "/schema/properties/drug", "Close the object"},
		{"an object that lets everything in", `"additionalProperties": false,
        "required": ["name"]`, `"additionalProperties": true, "required": ["name"]`, "/schema/properties/drug", "Close the object"},
		{"an object that lets some in", `"additionalProperties": false,
        "required": ["name"]`, `"additionalProperties": {"type": "string"}, "required": ["name"]`, "/schema/properties/drug", "Close the object"},
		{"patterns of names", `"additionalProperties": false,
        "required": ["name"]`, `"additionalProperties": false, "patternProperties": {"^x": {}}, "required": ["name"]`, "/schema/properties/drug", "patternProperties"},
		{"a schema from elsewhere", `{"type": "string", "maxLength": 80},
          "packs"`, `{"$ref": "https://x.example/s"},
          "packs"`, "/schema/properties/drug/properties/name", "$ref"},
		{"a choice of schemas", `"urgency": {"enum": ["normal", "urgent"]}`, `"urgency": {"anyOf": [{"type": "string"}, {"type": "object"}]}`, "/schema/properties/urgency", "anyOf"},
		{"a list", `"urgency": {"enum": ["normal", "urgent"]}`, `"urgency": {"type": "array"}`, "/schema/properties/urgency", "text or an object"},
		{"a number", `"urgency": {"enum": ["normal", "urgent"]}`, `"urgency": {"type": "number"}`, "/schema/properties/urgency", "text or an object"},
		{"a member of two forms", `"urgency": {"enum": ["normal", "urgent"]}`, `"urgency": {"type": ["string", "null"], "enum": ["a"]}`, "/schema/properties/urgency", "text or an object"},
		{"a member that may be anything", `"urgency": {"enum": ["normal", "urgent"]}`, `"urgency": {}`, "/schema/properties/urgency", "text or an object"},
		{"a member that is always allowed", `"urgency": {"enum": ["normal", "urgent"]}`, `"urgency": true`, "/schema/properties/urgency", "write a schema"},
		{"values that are no texts", `["normal", "urgent"]`, `["normal", 1]`, "/schema/properties/urgency", "a text"},
		{"an object that may be empty", `"required": ["name"],`, ``, "/schema/properties/drug", "Require at least one"},
		{"a required member that there is not", `"required": ["name"]`, `"required": ["nam"]`, "/schema/properties/drug/required", "correct its spelling"},
		{"a name of a member that needs escapes", `"packs": {`, `"pa/cks": {`, "/schema/properties/drug/properties", "no name for a member"},
		{"no txn_id", `"txn_id": {"type": "string"},`, ``, "/schema/properties/txn_id", "Require the member"},
		{"a txn_id that may be missing", `["type", "txn_id", `, `["type", `, "/schema/properties/txn_id", "Require the member"},
		{"the type of another", `{"const": "prescription.sign"}`, `{"const": "prescription.burn"}`, "/schema/properties/type", "const prescription.sign"},
		{"a type that may be missing", `["type", "txn_id", `, `["txn_id", `, "/schema/properties/type", "Require the member"},
		{"a name of one word", `"name": "prescription.sign"`, `"name": "prescription"`, "/name", "two or three words"},
		{"a pointer to nothing", `"/patient", "as"`, `"/pattient", "as"`, "/show/0/at", "no such member"},
		{"a pointer to the whole", `"/patient", "as"`, `"", "as"`, "/show/0/at", "no such member"},
		{"a pointer into a text", `"/patient", "as"`, `"/patient/name", "as"`, "/show/0/at", "no such member"},
		{"a member twice", `"/drug/packs", "as"`, `"/drug/name", "as"`, "/show/2/at", "twice"},
		{"an object as a text", `"/drug/name", "as"`, `"/drug", "as"`, "/show/1/as", "maxLength"},
		{"a text as an amount", `"/drug/name", "as": "text"`, `"/drug/name", "as": "amount"`, "/show/1/as", "value and currency"},
		{"a text as a wallet", `"/drug/name", "as": "text"`, `"/drug/name", "as": "wallet"`, "/show/1/as", "network"},
		{"a text as a choice", `"/drug/name", "as": "text"`, `"/drug/name", "as": "choice"`, "/show/1/as", "enum"},
		{"a choice as a text", `"/urgency", "as": "choice"`, `"/urgency", "as": "text"`, "/show/3/as", "neither enum"},
		{"an object as an IBAN", `"/drug/name", "as": "text"`, `"/drug", "as": "iban"`, "/show/1/as", "is a text"},
		{"a long text as a masked account", `"/drug/name", "as": "text"`, `"/drug/name", "as": "masked"`, "/show/1/as", "1 to 40"},
		{"a kind that there is not", `"/drug/name", "as": "text"`, `"/drug/name", "as": "html"`, "/show/1/as", "no such kind"},
		{"a text without bound", `"minLength": 1, "maxLength": 80`, `"minLength": 1`, "/show/0/as", "maxLength"},
		{"a text that is too long", `"minLength": 1, "maxLength": 80`, `"maxLength": 141`, "/show/0/as", "maxLength"},
		{"a label that the pages lack", `"labels": {"en": "Packs"}`, `"label": "packs"`, "/show/2/label", "no such word"},
		{"a label and labels", `"labels": {"en": "Packs"}`, `"label": "item", "labels": {"en": "Packs"}`, "/show/2", "either"},
		{"no label", `, "labels": {"en": "Packs"}`, ``, "/show/2", "either"},
		{"a label without English", `{"en": "Packs"}`, `{"de": "Packungen"}`, "/show/2/labels", "Add a text for en"},
		{"a language that there is not", `{"en": "Packs"}`, `{"en": "Packs", "english": "Packs"}`, "/show/2/labels", "BCP 47"},
		{"a language in another form", `{"en": "Packs"}`, `{"en": "Packs", "pt_br": "Packs"}`, "/show/2/labels", "BCP 47"},
		{"a label with a web address", `{"en": "Packs"}`, `{"en": "www.x.example"}`, "/show/2/labels/en", "web address"},
		{"a label that is too long", `{"en": "Packs"}`, `{"en": "` + strings.Repeat("x", 41) + `"}`, "/show/2/labels/en", "at most 40"},
		{"a label that is not normal", `{"en": "Packs"}`, `{"en": "Pack e\u0301"}`, "/show/2/labels/en", "form C"},
		{"a title without English", `"en": "Sign a prescription", `, ``, "/title", "Add a text for en"},
		{"a choice without words", `"normal": {"en": "Normal"}, `, ``, "/show/3/words", "Say what normal is called"},
		{"words of null", `"normal": {"en": "Normal"}`, `"normal": null`, "/show/3/words", "Say what normal is called"},
		{"words for another value", `"normal": {"en": "Normal"}`, `"normal": {"en": "Normal"}, "late": {"en": "Late"}`, "/show/3/words", "no value"},
		{"words for a text", `"labels": {"en": "Packs"}`, `"labels": {"en": "Packs"}, "words": {}`, "/show/2/words", "Only a choice"},
		{"a value that is no word", `["normal", "urgent"]`, `["normal", "urgent", "Very urgent"]`, "/show/3/at", "0-9 and _"},
		{"a message to nobody", `{"to": "/patient"}`, `{"to": "/patients"}`, "/message/to", "shown as a text"},
		{"a message to a choice", `{"to": "/patient"}`, `{"to": "/urgency"}`, "/message/to", "shown as a text"},
		{"a message with an amount that is a text", `{"to": "/patient"}`, `{"amount": "/patient"}`, "/message/amount", "shown as an amount"},
		{"a message with an account that is a text", `{"to": "/patient"}`, `{"account": ["/patient"]}`, "/message/account/0", "shown as iban"},
		{"a pattern that cannot be read", `"^[1-9][0-9]?$"`, `"^(?=x)$"`, "/schema", "no JSON Schema"},
		{"a bound that is no number", `"maxLength": 2`, `"maxLength": -1`, "/show/2/as", "maxLength"},
		{"type on the page", `"show": [`, `"show": [{"at": "/type", "as": "choice", "label": "item"},`, "/show/0/at", "not shown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, prescription, tt.old)
			own, err := ParseType([]byte(strings.Replace(prescription, tt.old, tt.new, 1)))
			require.NoError(t, err)

			_, err = NewRegistry(own)

			invalid, ok := errors.AsType[*Invalid](err)
			require.True(t, ok, "it was taken")
			require.True(t, slices.ContainsFunc(invalid.Mistakes, func(m Mistake) bool {
				return m.At == tt.at && strings.Contains(m.Text, tt.says) && m.Type == own.Name
			}), "%v", err)
		})
	}
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	own, err := ParseType([]byte(strings.NewReplacer(`"/patient", "as"`, `"/x", "as"`, `"to": "/patient"`, `"to": "/y"`).Replace(prescription)))
	require.NoError(t, err)
	twice, err := ParseType([]byte(prescription))
	require.NoError(t, err)

	_, err = NewRegistry(own, twice)

	invalid, ok := errors.AsType[*Invalid](err)
	require.True(t, ok)
	require.Len(t, invalid.Mistakes, 4, err.Error())
	require.ErrorContains(t, err, "two types of this name")
}

func TestASchemaThatIsNoObject(t *testing.T) {
	for _, schema := range []string{``, `7`, `true`, `{"type":"string"}`, `{"a":1,"a":2}`, strings.Repeat(" ", 40_000)} {
		_, err := NewRegistry(Type{Name: "a.b", Schema: json.RawMessage(schema)})
		require.Error(t, err, schema)
	}
	deep := `{"type":"string","maxLength":1}`
	for range 8 {
		deep = `{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":` + deep + `}}`
	}
	_, err := NewRegistry(Type{Name: "a.b", Schema: json.RawMessage(deep)})
	require.ErrorContains(t, err, "too deep")
}

func TestDocumentsOfTypesAreReadStrictly(t *testing.T) {
	for name, doc := range map[string]string{
		"a field that types do not have": strings.Replace(prescription, `"title"`, `"titel"`, 1),
		"a field twice":                  strings.Replace(prescription, `"name": "prescription.sign"`, `"name": "prescription.sign", "name": "payout.request"`, 1),
		"a list":                         `[]`,
		"something behind it":            prescription + "{}",
		"too much":                       prescription + strings.Repeat(" ", 32<<10),
	} {
		_, err := ParseType([]byte(doc))
		require.Error(t, err, name)
	}
}
