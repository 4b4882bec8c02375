package details

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// rewritten draws another way to write the JSON value v: members in another
// order, white space, and escapes where none are needed.
func rewritten(t *rapid.T, v any) string {
	space := func() string { return rapid.StringOfN(rapid.RuneFrom([]rune(" \t\n\r")), 0, 2, -1).Draw(t, "space") }
	text := func(s string) string {
		var b strings.Builder
		b.WriteByte('"')
		for _, r := range s {
			if r < 0x10000 && rapid.Bool().Draw(t, "escape") {
				b.WriteString(`\u`)
				const hex = "0123456789abcdefABCDEF"
				for shift := 12; shift >= 0; shift -= 4 {
					b.WriteByte(hex[r>>shift&0xF])
				}
				continue
			}
			plain, _ := json.Marshal(string(r))
			b.Write(plain[1 : len(plain)-1])
		}
		b.WriteByte('"')
		return b.String()
	}
	switch v := v.(type) {
	case map[string]any:
		names := []string{}
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		names = rapid.Permutation(names).Draw(t, "order")
		parts := make([]string, len(names))
		for i, name := range names {
			parts[i] = space() + text(name) + space() + ":" + space() + rewritten(t, v[name]) + space()
		}
		return "{" + strings.Join(parts, ",") + "}"
	default:
		return text(v.(string))
	}
}

// anySound draws a payout that is sound, with any name and reference.
func anySound(t *rapid.T) string {
	name := rapid.StringOfN(rapid.Rune(), 1, 140, -1).Filter(func(s string) bool {
		n, _ := normal(s).(string)
		return textFault(n) == "" && len([]rune(n)) <= 140
	})
	var v map[string]any
	_ = json.Unmarshal([]byte(payout), &v)
	v["payee"].(map[string]any)["name"] = name.Draw(t, "name")
	v["reference"] = name.Draw(t, "reference")
	v["txn_id"] = rapid.StringMatching(`[A-Za-z0-9._:-]{1,64}`).Draw(t, "txn_id")
	v["amount"].(map[string]any)["value"] = rapid.StringMatching(`[1-9][0-9]{0,14}\.[0-9]{2}`).Draw(t, "value")
	out, _ := json.Marshal(v)
	return string(out)
}

func TestOrderAndWhiteSpaceAndEscapesDoNotMatter(t *testing.T) {
	r := newRegistry(t)
	rapid.Check(t, func(t *rapid.T) {
		doc := rapid.OneOf(rapid.SampledFrom(sound()), rapid.Custom(anySound)).Draw(t, "doc")
		var v any
		require.NoError(t, json.Unmarshal([]byte(doc), &v))
		one, err := r.Parse([]byte("[" + doc + "]"))
		require.NoError(t, err)
		other := "[" + rewritten(t, v) + "]"
		if len(other) > largestParam {
			t.Skip("escapes made it too long")
		}

		two, err := r.Parse([]byte(other))

		require.NoError(t, err, other)
		require.Equal(t, string(one.Canonical), string(two.Canonical))
	})
}

func TestTheCanonicalFormOfACanonicalFormIsItself(t *testing.T) {
	r := newRegistry(t)
	rapid.Check(t, func(t *rapid.T) {
		d, err := r.Parse([]byte("[" + rapid.Custom(anySound).Draw(t, "doc") + "]"))
		require.NoError(t, err)

		plain, err := Canonical(d.Canonical)
		require.NoError(t, err)
		require.Equal(t, string(d.Canonical), string(plain))
		again, err := r.Parse([]byte("[" + string(d.Canonical) + "]"))
		require.NoError(t, err)
		require.Equal(t, d.Canonical, again.Canonical)
	})
}

// TestOneOtherByteIsRefusedOrAnotherTransaction: what is opened is what was
// stored, to the byte. So a hash over the bytes of a Detail is one over what it
// shows.
func TestOneOtherByteIsRefusedOrAnotherTransaction(t *testing.T) {
	r := newRegistry(t)
	rapid.Check(t, func(t *rapid.T) {
		d, err := r.Parse([]byte("[" + rapid.OneOf(rapid.SampledFrom(sound()), rapid.Custom(anySound)).Draw(t, "doc") + "]"))
		require.NoError(t, err)
		stored := slices.Clone(d.Canonical)
		i := rapid.IntRange(0, len(stored)-1).Draw(t, "at")
		change := rapid.SampledFrom([]string{"set", "insert", "delete"}).Draw(t, "change")
		b := rapid.Byte().Draw(t, "byte")
		switch change {
		case "set":
			stored[i] ^= max(b, 1)
		case "insert":
			stored = slices.Insert(stored, i, b)
		default:
			stored = slices.Delete(stored, i, i+1)
		}
		if slices.Equal(stored, d.Canonical) {
			t.Skip("the same byte twice in a row")
		}

		other, err := r.Open(stored)
		if err != nil {
			return
		}

		require.Equal(t, stored, other.Canonical)
		require.NotEqual(t, d.Canonical, other.Canonical)
		plain, err := Canonical(stored)
		require.NoError(t, err)
		require.Equal(t, stored, plain)
	})
}
