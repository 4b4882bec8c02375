package relying_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/stepup"
)

// writer draws JSON with the things that two readers could take in two ways: names
// that sort differently by bytes and by UTF-16, escapes, numbers at the edges of what
// a double holds. One that is hostile makes mistakes.
type writer struct{ hostile bool }

var (
	literals     = []string{"null", "true", "false", "-0", "1e21", "1E-7", "0.000001", "5e-324", "9007199254740992", "999999999999999900000"}
	badLiterals  = []string{"9007199254740993", "1e400", "1e-400", "01", "+1", "nul"}
	pieces       = []string{"a", "b", "<", "&", "é", "e\u0301", "\u2028", "😀", "\ufb33", "\U0010fffd", `\u0061`, `\u00E9`, `\ud83d\ude00`, `\n`, `\/`, `\\`, `\"`, `\u0000`, `\u001f`, "\x7f"}
	badPieces    = []string{`\ud83d`, `\udc00\ud800`, `\ufffd`, "\ufffd", `\ufdd0`, "\uffff", "\U0001ffff", "\xff", "\xed\xa0\x80", "\x01", `\x`, `\u12`}
	awkwardNames = []string{`"\ufb33"`, `"😀"`, `"\ud83d\ude01"`, `"z"`, `"é"`, `"\uE000"`, `"\n"`, `"1"`, `"10"`}
)

// some is one of sound, or of bad where the writer is hostile.
func (w writer) some(t *rapid.T, sound, bad []string) string {
	if w.hostile && rapid.IntRange(0, 9).Draw(t, "mistake") == 0 {
		return rapid.SampledFrom(bad).Draw(t, "bad")
	}
	return rapid.SampledFrom(sound).Draw(t, "sound")
}

func (w writer) value(t *rapid.T, depth int) string {
	kinds := 6
	if depth == 4 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return w.some(t, literals, badLiterals)
	case 1:
		number, _ := json.Marshal(rapid.Float64Range(-1e300, 1e300).Draw(t, "number")) // a finite number always has a form
		return string(number)
	case 2, 3:
		return w.text(t)
	case 4:
		list := make([]string, rapid.IntRange(0, 4).Draw(t, "length"))
		for i := range list {
			list[i] = w.value(t, depth+1)
		}
		return "[" + strings.Join(list, " ,\n") + "]"
	}
	return w.object(t, depth)
}

// object has each name once, as it is written; that two ways to write it mean one name
// is a mistake that a hostile writer makes.
func (w writer) object(t *rapid.T, depth int) string {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(awkwardNames), 0, 5, rapid.ID).Draw(t, "names")
	if w.hostile {
		names = append(names, w.text(t))
	}
	for i, name := range names {
		names[i] = name + "\t:" + w.value(t, depth+1)
	}
	return "{ " + strings.Join(names, ",") + "}"
}

// text is written in one of the ways that there are.
func (w writer) text(t *rapid.T) string {
	var b strings.Builder
	for range rapid.IntRange(0, 4).Draw(t, "length") {
		b.WriteString(w.some(t, pieces, badPieces))
	}
	return `"` + b.String() + `"`
}

// TestTheLibraryAndTheServerAgree: what the library hashes is what the server
// hashes, to the byte, and what the server cannot read the library does not send.
// The library refuses one thing more, the sign of a text that was lost.
func TestTheLibraryAndTheServerAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := writer{rapid.Bool().Draw(t, "hostile")}
		raw := w.object(t, 0)
		theirs, refused := details.Canonical([]byte(raw))

		ours, err := stepup.Canonical(json.RawMessage(raw))

		require.True(t, refused == nil || w.hostile, "%v: %s", refused, raw)
		if refused != nil {
			require.Error(t, err, raw)
			return
		}
		if strings.ContainsRune(string(theirs), '\ufffd') {
			require.Error(t, err, raw)
			return
		}
		require.NoError(t, err, raw)
		require.Equal(t, string(theirs), string(ours), raw)
	})
}

func TestTheLibraryAndTheServerHashAlike(t *testing.T) {
	text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool {
		return r != '\ufffd' && r&0xFFFE != 0xFFFE && (r < 0xFDD0 || r > 0xFDEF)
	}))
	rapid.Check(t, func(t *rapid.T) {
		issuer, client, sub := text.Draw(t, "issuer"), text.Draw(t, "client"), text.Draw(t, "sub")
		payout := stepup.Payout{
			TxnID: text.Draw(t, "txn"), Amount: stepup.Money{Value: text.Draw(t, "value"), Currency: "EUR"},
			Payee: stepup.Payee{Name: text.Draw(t, "name"), IBAN: text.Draw(t, "iban")}, Reference: text.Draw(t, "reference"),
		}
		canonical, err := stepup.Canonical(payout)
		require.NoError(t, err)

		ours, err := stepup.DetailsHash(issuer, client, sub, payout)

		require.NoError(t, err)
		require.Equal(t, consent.DetailsHash(issuer, client, sub, canonical), ours)
		plain, err := stepup.DetailsHash(issuer, client, sub, stepup.PlainAction("payout.request"))
		require.NoError(t, err)
		require.Equal(t, consent.DetailsHash(issuer, client, sub, consent.PlainDetail("payout.request")), plain)
	})
}
