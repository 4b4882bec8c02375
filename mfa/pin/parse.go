package pin

import (
	"strings"
	"unicode"
)

const (
	// Shortest is the fewest digits that a PIN has, whatever a policy says.
	Shortest = 4
	// Longest is the most digits that a PIN has, whatever a policy says.
	Longest = 12
	// longestInput is more bytes than anybody types for a PIN with all its spaces.
	longestInput = 64
)

// zeros are the digits 0 of the scripts in which a PIN is typed: ASCII,
// Arabic-Indic, its eastern form, and full-width. Nine more follow each.
var zeros = []rune{'0', '\u0660', '\u06f0', '\uff10'}

// Parse reads what a person typed for a PIN of shortest to longest digits. As in a
// code, spaces and hyphens are left out, so that 48 29 15 is one PIN however it is
// typed, and digits of other scripts become ASCII ones. ok is false for anything
// else; such input cannot be right, so it costs no attempt.
//
// The bounds of the policy, [Shortest] and [Longest], hold as well.
func Parse(input string, shortest, longest int) (pin string, ok bool) {
	if len(input) > longestInput {
		return "", false
	}
	pin, ok = digits(input)
	if !ok || len(pin) < max(shortest, Shortest) || len(pin) > min(longest, Longest) {
		return "", false
	}
	return pin, true
}

// digits returns the digits of text as ASCII ones, and false if it has anything
// but digits, spaces and hyphens.
func digits(text string) (found string, only bool) {
	var b strings.Builder
	only = true
	for _, r := range text {
		d, isDigit := digit(r)
		switch {
		case isDigit:
			b.WriteByte(d)
		case !ignored(r):
			only = false
		}
	}
	return b.String(), only
}

// ignored is true for spaces, marks that have no width, and hyphens.
func ignored(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Pd, r) || r == '\u2212'
}

func digit(r rune) (byte, bool) {
	for _, zero := range zeros {
		if r >= zero && r <= zero+9 {
			return "0123456789"[r-zero], true
		}
	}
	return 0, false
}
