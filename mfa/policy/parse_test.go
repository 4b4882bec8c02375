package policy

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// TestParseRefusesWhatDoesNotFit is V01: each case has one mistake, told with its
// path and with what to do.
func TestParseRefusesWhatDoesNotFit(t *testing.T) {
	tests := []struct {
		name  string
		edits []string
		want  string
	}{
		{"unknown field at the top", []string{"mfa = true"}, "mfa: There is no such field; correct its spelling or remove it. [V01]"},
		{"unknown field inside", []string{"codes/default/digit = 6"}, "codes.default.digit: There is no such field; correct its spelling or remove it. [V01]"},
		{"a field in other letters", []string{"codes/default/Digits = 6"}, "codes.default.Digits: There is no such field; correct its spelling or remove it. [V01]"},
		{"a strange name is quoted", []string{`we:ird<> = 1`}, `"we:ird<>": There is no such field; correct its spelling or remove it. [V01]`},
		{"missing", []string{"-enforcement/mode"}, "enforcement.mode: It is missing; add it. [V01]"},
		{"too small", []string{"codes/default/digits = 4"}, "codes.default.digits: It is 4; write at least 6. [V01]"},
		{"too large", []string{"codes/default/attempts = 11"}, "codes.default.attempts: It is 11; write at most 10. [V01]"},
		{"text for a number", []string{`codes/default/ttl_s = "60"`}, "codes.default.ttl_s: It is text; write a whole number. [V01]"},
		{"a fraction", []string{"codes/default/ttl_s = 60.5"}, "codes.default.ttl_s: It is 60.5; write a whole number without fraction and exponent. [V01]"},
		{"another word", []string{`enforcement/mode = "on"`}, `enforcement.mode: It is "on"; write one of "disabled", "opt_in", "prompt", "required". [V01]`},
		{"another version", []string{`schema = "mfa-policy/2"`}, `schema: It is "mfa-policy/2"; write "mfa-policy/1". [V01]`},
		{"a name with capitals", []string{`name = "A"`}, "name: It is \"A\"; write text of the form ^[a-z0-9][a-z0-9._-]{0,63}$. [V01]"},
		{"a long note", []string{`note = "` + strings.Repeat("x", 501) + `"`}, "note: It has 501 characters; leave at most 500. [V01]"},
		{"a repeat in a list", []string{`delivery/fallback_to = ["sms", "sms"]`}, "delivery.fallback_to: Entries 0 and 1 are the same; keep one of them. [V01]"},
		{"an empty list", []string{`lockout/delays_s = []`}, "lockout.delays_s: It has 0 entries; give it at least 1. [V01]"},
		{"an unknown proof", []string{`lifecycle/sms/enable = [["code_new"], ["sms"]]`}, `lifecycle.sms.enable[1][0]: It is "sms"; write one of "password", "pin", "code_new", "code_current", "second_factor", "delivered_code", "any_factor", "fresh_login". [V01]`},
		{"another word than forbidden", []string{`lifecycle/sms/enable = "never"`}, `lifecycle.sms.enable: Write "forbidden" or a list. [V01]`},
		{"a number instead of stages", []string{`lifecycle/sms/enable = 3`}, `lifecycle.sms.enable: Write "forbidden" or a list. [V01]`},
		{"another word than all", []string{`contacts/phone/countries_sms = "DE"`}, `contacts.phone.countries_sms: Write "all" or a list. [V01]`},
		{"a country in small letters", []string{`contacts/phone/countries_sms = ["DE", "fr"]`}, `contacts.phone.countries_sms[1]: It is "fr"; write text of the form ^[A-Z]{2}$. [V01]`},
		{"SMS to fixed lines", []string{`contacts/phone/sms_to = ["fixed"]`}, `contacts.phone.sms_to[0]: It is "fixed"; write one of "mobile", "ambiguous", "voip". [V01]`},
		{"a name that is none for an action", []string{`actions/Payout = {"stages": []}`}, "actions.Payout: It is no name for an action; write two or three words of a-z, 0-9 and _, joined by dots, such as payout.request. [V01]"},
		{"null", []string{`session/idle_s = null`}, "session.idle_s: It is null; write a whole number. [V01]"},
		{"nothing sent as a signal", []string{`signals = [{"when": "factor_added", "event": "x", "value": null}]`}, "signals[0].value: It is null; write one of true or false, a whole number, text. [V01]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := presetDoc(t, systemA)
			d.edit(tt.edits...)

			_, err := Parse(d.text(t))

			require.Len(t, refusal(t, err), 1)
			require.Equal(t, "policy: not valid:\n"+tt.want, err.Error())
		})
	}
}

func TestParseRefusesWhatIsNoDocument(t *testing.T) {
	good := string(presetDoc(t, systemA).text(t))
	tests := []struct {
		name string
		doc  string
		want string
	}{
		{"nothing", "", "The document is not JSON"},
		{"null", "null", "It is null; write an object."},
		{"a list", "[]", "It is a list; write an object."},
		{"not JSON", "{\n  \"schema\": }", "at line 2, column 13"},
		{"something behind it", good + "{}", "The document is not JSON"},
		{"a name that stands twice", strings.Replace(good, `"schema":`, `"schema":"mfa-policy/1","schema":`, 1), "schema: It stands here twice; keep one of them."},
		{"a name inside that stands twice", strings.Replace(good, `"hard_fails":50`, `"hard_fails":100,"hard_fails":50`, 1), "lockout.hard_fails: It stands here twice"},
		{"a name that stands twice, once escaped", strings.Replace(good, `"hard_fails":50`, `"hard_f\u0061ils":100,"hard_fails":50`, 1), "lockout.hard_fails: It stands here twice"},
		{"an exponent", strings.Replace(good, `"hard_fails":50`, `"hard_fails":5e1`, 1), "lockout.hard_fails: It is 5e1; write a whole number"},
		{"a number that would fill the memory", strings.Replace(good, `"hard_fails":50`, `"hard_fails":1e999999999`, 1), "lockout.hard_fails: It is 1e999999999; write a whole number"},
		{"a number past 64 bits", strings.Replace(good, `"hard_fails":50`, `"hard_fails":9999999999999999999999`, 1), "lockout.hard_fails: It is 9999999999999999999999; write a whole number"},
		{"bytes that are not UTF-8", strings.Replace(good, `"note":"`, "\"note\":\"\xff", 1), "not UTF-8"},
		{"too long", good + strings.Repeat(" ", maxBytes), "make it at most"},
		{"too deep", `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}", "levels deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.doc))

			require.NotEmpty(t, refusal(t, err))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestParseTellsEveryMistakeAtOnce(t *testing.T) {
	d := presetDoc(t, systemA)
	d.edit("codes/default/digits = 4", "codes/default/ttl_s = 20", `enforcement/mode = "on"`, "extra = 1", "-session", "lockout/window_s = 1")
	_, err := Parse(d.text(t))
	require.Equal(t, []string{
		"V01 codes.default.digits", "V01 codes.default.ttl_s", "V01 enforcement.mode", "V01 extra", "V01 lockout.window_s", "V01 session",
	}, at(refusal(t, err)))

	d = presetDoc(t, systemA)
	d.edit("codes/default/resend_after_s = 90", "recovery/hold_actions_s = 0", "session/idle_s = 90000")
	_, err = Parse(d.text(t))
	require.Equal(t, []string{
		"V06 codes.default.resend_after_s", "V17 actions.payment_details.add.hold", "V17 actions.payout.request.hold", "V23 session.idle_s",
	}, at(refusal(t, err)))
}

func TestParseTellsMistakesOfJSONAndOfTheSchemaAtOnce(t *testing.T) {
	d := presetDoc(t, systemA)
	d.edit("codes/default/digits = 4")
	text := strings.Replace(string(d.text(t)), `"hard_fails":50`, `"hard_fails":5e1,"soft_fails":4`, 1)

	_, err := Parse([]byte(text))

	require.Equal(t, []string{"V01 codes.default.digits", "V01 lockout.hard_fails", "V01 lockout.soft_fails"}, at(refusal(t, err)))
}

func TestParseTakesADocumentOfTheGreatestLength(t *testing.T) {
	text := presetDoc(t, systemA).text(t)
	text = append(text, bytes.Repeat([]byte(" "), maxBytes-len(text))...)

	_, err := Parse(text)

	require.NoError(t, err)
}

func TestWrittenPolicyIsReadBackTheSame(t *testing.T) {
	for _, name := range Presets() {
		t.Run(name, func(t *testing.T) {
			p := preset(t, name)

			text, err := json.Marshal(p)
			require.NoError(t, err)
			again, err := Parse(text)

			require.NoError(t, err)
			require.Empty(t, cmp.Diff(p, again))
			require.Equal(t, p.Hash(), again.Hash())
		})
	}
}

func TestHashIsOfTheEffectiveDocument(t *testing.T) {
	d := presetDoc(t, systemA)
	p, err := Parse(d.text(t))
	require.NoError(t, err)
	require.Regexp(t, "^[0-9a-f]{64}$", p.Hash())

	var loose bytes.Buffer
	require.NoError(t, json.Indent(&loose, d.text(t), "", "\t"))
	same, err := Parse(loose.Bytes())
	require.NoError(t, err)
	require.Equal(t, p.Hash(), same.Hash(), "layout")

	d.edit("-codes/totp", "-lockout/hard_fails", "-signals", "-actions/payout.request/consume_within_s")
	same, err = Parse(d.text(t))
	require.NoError(t, err)
	require.Equal(t, p.Hash(), same.Hash(), "defaults left out")

	d.edit("lockout/hard_fails = 49")
	other, err := Parse(d.text(t))
	require.NoError(t, err)
	require.NotEqual(t, p.Hash(), other.Hash(), "another value")
}

func TestHashOfAPresetDoesNotMove(t *testing.T) {
	// Stored versions carry this hash. If it moves, say why in the changelog.
	require.Equal(t, "3ac1a4c90683b593d5880e0fea3597d1fc3e08e7ac288f4229d26d44b34b7d97", preset(t, conformance).Hash())
}

func TestUnmarshalIsParse(t *testing.T) {
	var p Policy
	require.NoError(t, json.Unmarshal(presetDoc(t, systemB).text(t), &p))
	require.Empty(t, cmp.Diff(preset(t, systemB), p))

	err := json.Unmarshal([]byte(`{"schema": "mfa-policy/1"}`), &p)
	require.NotEmpty(t, refusal(t, err))
	require.Empty(t, cmp.Diff(preset(t, systemB), p), "a refused document changes nothing")
}

func TestValuesOfSignals(t *testing.T) {
	p := edited(t, systemA, `signals = [
		{"when": "factor_added", "event": "a", "value": "x"},
		{"when": "factor_added", "event": "b", "value": 7, "channel": "sms"},
		{"when": "factor_added", "event": "c", "value": false},
		{"when": "factor_added", "event": "d"}]`)

	text, number, flag := "x", int64(7), false
	require.Equal(t, []Signal{
		{When: "factor_added", Event: "a", Value: Value{Text: &text}},
		{When: "factor_added", Event: "b", Value: Value{Number: &number}, Channel: SMS},
		{When: "factor_added", Event: "c", Value: Value{Flag: &flag}},
		{When: "factor_added", Event: "d"},
	}, p.Signals)
	written, err := json.Marshal(p.Signals)
	require.NoError(t, err)
	require.JSONEq(t, `[{"when":"factor_added","event":"a","value":"x"},{"when":"factor_added","channel":"sms","event":"b","value":7},
		{"when":"factor_added","event":"c","value":false},{"when":"factor_added","event":"d"}]`, string(written))
}

// FuzzParse: whatever comes in, Parse answers, and what it accepts it writes in a
// form that it accepts as the same.
func FuzzParse(f *testing.F) {
	for _, name := range Presets() {
		text, err := presetFiles.ReadFile("presets/" + name + ".json")
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"a":[{"b":1e5}],"a":null}`))
	f.Add([]byte(`{"lifecycle":{"sms":{"enable":"never","disable":[[]],"change":7}},"contacts":{"phone":{"countries_sms":["D"]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			require.NotEmpty(t, refusal(t, err))
			return
		}
		written, err := json.Marshal(p)
		require.NoError(t, err)
		again, err := Parse(written)
		require.NoError(t, err)
		require.Equal(t, p.Hash(), again.Hash())
	})
}
