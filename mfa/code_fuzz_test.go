package mfa_test

import (
	"strings"
	"testing"

	"github.com/sallyport-id/sallyport/mfa"
)

// FuzzNormalise: whatever is typed, a code is so many ASCII digits or nothing, and
// what was read once is read the same again, with spaces and hyphens in it, too.
func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"123456", " 123-456 ", "１２３４５６", "١٢٣٤٥٦", "۱۲۳۴۵۶", "12\u200b3456", "12345", "1234567", "12345a", "", "\xff123456", "−123456"} {
		f.Add(seed, 6)
	}
	f.Add("12345678", 8)
	f.Add("", 0)
	f.Add("1", -1)
	f.Fuzz(func(t *testing.T, typed string, digits int) {
		code, ok := mfa.Normalise(mfa.Secret(typed), digits)
		if !ok {
			return
		}
		text := code.Reveal()
		if len(text) != digits || digits < 1 || strings.Trim(text, "0123456789") != "" {
			t.Fatalf("Normalise(%q, %d) = %q", typed, digits, text)
		}
		if len(text) > 20 {
			return // with the hyphens it would be longer than anybody types
		}
		spaced := " " + strings.Join(strings.Split(text, ""), "-") + "\u00a0"
		again, ok := mfa.Normalise(mfa.Secret(spaced), digits)
		if !ok || again != code {
			t.Fatalf("Normalise(%q) = %q, %v; want %q", spaced, again.Reveal(), ok, text)
		}
	})
}
