package details

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNumbersAreThoseOfRFC8785AppendixB(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0",
		0x8000000000000000: "0",
		0x0000000000000001: "5e-324",
		0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308",
		0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23",
		0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000",
		0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332",
		0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334",
		0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333",
		0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		got := string(appendNumber(nil, math.Float64frombits(bits)))
		require.Equal(t, want, got, "%016x", bits)

		again, err := Canonical([]byte(want))
		require.NoError(t, err)
		require.Equal(t, want, string(again), "the canonical form of a canonical number")
	}
}

func TestCanonicalForms(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{
			"the example of RFC 8785 section 3.2.2",
			`{
				"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
				"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
				"literals": [null, true, false]
			}`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		{
			"names are sorted by UTF-16 units, as in RFC 8785 section 3.2.3",
			`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
			  "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\"," +
				"\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		},
		{"line separators stand for themselves", `"\u2028\u2029"`, "\"\u2028\u2029\""},
		{"signs of HTML stand for themselves", `"<a href='x'>&amp;</a>"`, `"<a href='x'>&amp;</a>"`},
		{"control characters have their short escapes", `"\u0008\u0009\u000a\u000c\u000d\u0000\u001F\u007f"`, "\"\\b\\t\\n\\f\\r\\u0000\\u001f\u007f\""},
		{"a surrogate pair is one character", `"\uD83D\uDE00"`, `"😀"`},
		{"texts are not normalised", `"e\u0301"`, "\"e\u0301\""},
		{"minus zero is zero", `[-0, -0.0, 0e5]`, `[0,0,0]`},
		{"nothing inside", ` { } `, `{}`},
		{"a name may be empty", `{"b":[[],{}],"":1}`, `{"":1,"b":[[],{}]}`},
		{"the replacement character is a character", `"\ufffd"`, "\"\ufffd\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Canonical([]byte(tt.raw))

			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		})
	}
}

func TestWhatIsNoIJSONIsRefused(t *testing.T) {
	tests := []struct {
		name, raw string
		want      Fault
	}{
		{"nothing", ``, FaultMalformed},
		{"white space", " \n", FaultMalformed},
		{"a value and another", `{} {}`, FaultMalformed},
		{"a value and a zero byte", "{}\x00", FaultMalformed},
		{"a byte order mark", "\uFEFF{}", FaultMalformed},
		{"a name twice", `{"a":1,"a":1}`, FaultDuplicate},
		{"a name twice, once with an escape", `{"a":1,"\u0061":1}`, FaultDuplicate},
		{"a name twice, deep inside", `[{"b":{"a":1,"c":2,"a":3}}]`, FaultDuplicate},
		{"half a pair, the first", `"\ud83d"`, FaultMalformed},
		{"half a pair, the second", `"\ude00"`, FaultMalformed},
		{"a pair the wrong way round", `"\ude00\ud83d"`, FaultMalformed},
		{"half a pair and a letter", `"\ud83d\u0061"`, FaultMalformed},
		{"half a pair in a name", `{"\ud83d":1}`, FaultMalformed},
		{"bytes that are not UTF-8", "\"\xff\"", FaultMalformed},
		{"a surrogate in UTF-8", "\"\xed\xa0\xbd\"", FaultMalformed},
		{"an overlong slash", "\"\xc0\xaf\"", FaultMalformed},
		{"a code point that is no character", `"\ufffe"`, FaultMalformed},
		{"another, beyond the first plane", `"\ud83f\udfff"`, FaultMalformed},
		{"a line break in a text", "\"a\nb\"", FaultMalformed},
		{"a text without an end", `"abc`, FaultMalformed},
		{"an escape without an end", `"\`, FaultMalformed},
		{"an unknown escape", `"\x"`, FaultMalformed},
		{"an incomplete escape", `"\u12"`, FaultMalformed},
		{"an escape that is not hexadecimal", `"\u12g4"`, FaultMalformed},
		{"an escape of control characters", "\"\\u\x10\x10\x10\x10\"", FaultMalformed},
		{"a comma too many in an object", `{"a":1,}`, FaultMalformed},
		{"a comma too many in an array", `[1,]`, FaultMalformed},
		{"a comma at the beginning", `[,1]`, FaultMalformed},
		{"no comma", `[1 2]`, FaultMalformed},
		{"no colon", `{"a" 1}`, FaultMalformed},
		{"a name that is no text", `{a:1}`, FaultMalformed},
		{"a comment", `{/**/}`, FaultMalformed},
		{"an object without an end", `{"a":1`, FaultMalformed},
		{"a literal in capitals", `True`, FaultMalformed},
		{"a literal that goes on", `true1`, FaultMalformed},
		{"a number with a leading zero", `01`, FaultMalformed},
		{"a number with a plus", `+1`, FaultMalformed},
		{"a number that begins with a point", `.5`, FaultMalformed},
		{"a number that ends with a point", `5.`, FaultMalformed},
		{"an empty exponent", `1e`, FaultMalformed},
		{"a minus alone", `-`, FaultMalformed},
		{"not a number", `NaN`, FaultMalformed},
		{"a number past the range of a double", `1e309`, FaultMalformed},
		{"a number below the range of a double", `1e-400`, FaultMalformed},
		{"a whole number that a double would change", `9007199254740993`, FaultMalformed},
		{"more than 100 levels", strings.Repeat("[", 101) + strings.Repeat("]", 101), FaultTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Canonical([]byte(tt.raw))

			requireFault(t, err, tt.want, "")
		})
	}
	_, err := Canonical([]byte(strings.Repeat("[", 100) + strings.Repeat("]", 100)))
	require.NoError(t, err, "100 levels")
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"b":[1,2.5e-7,-0],"a":"\u20ac\ud83d\ude00\n"}`, `[]`, `"\u2028"`, `1e21`, `{"a":{"a":{}}}`, `[null,true,false]`,
		`9007199254740993`, `{"a":1,"a":2}`, "\"\xff\"", `123456789012345678901234567890`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := Canonical(raw)
		if err != nil {
			return
		}
		again, err := Canonical(got)
		require.NoError(t, err, "%q", got)
		require.Equal(t, string(got), string(again))

		// encoding/json is laxer, but must read the same out of both.
		var want, have any
		require.NoError(t, json.Unmarshal(raw, &want), "%q was taken", raw)
		require.NoError(t, json.Unmarshal(got, &have))
		require.Equal(t, zeros(want), have)
	})
}

// zeros takes the sign off minus zero, which RFC 8785 does not write.
func zeros(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = zeros(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = zeros(inner)
		}
	case float64:
		return v + 0
	}
	return v
}

func TestTextsOfErrorsCanBeSentAsTheyAre(t *testing.T) {
	e := refuse(FaultSchema, "", "a \"quoted\" text with \\, ünïcode,\nand %s", strings.Repeat("x", 300))

	require.Len(t, e.Text, 200)
	require.NotContains(t, strconv.QuoteToASCII(e.Text), `\`)
}
