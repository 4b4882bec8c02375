package recovery

import (
	"strings"
	"unicode"
)

// longestInput is more bytes than the longest code has in full-width letters with
// a space after each.
const longestInput = 192

// zeros are the digits 0 of the scripts in which codes are typed: ASCII,
// Arabic-Indic, its eastern form, and full-width. Nine more follow each.
var zeros = []rune{'0', '\u0660', '\u06f0', '\uff10'}

// Parse reads what a person typed for a code of so many bits: case, spaces and
// dashes do not matter, I and L are 1, O is 0, and full-width letters and the
// digits of other scripts become ASCII ones. ok is false for anything that is
// not a slot and a secret of that length; such input cannot be right, so it
// costs neither an attempt nor a hash.
//
// Source: Crockford's base 32 (decoding).
func Parse(input string, bits int) (slot string, secret Secret, ok bool) {
	letters, ok := length(bits)
	if !ok || len(input) > longestInput {
		return "", "", false
	}
	var b strings.Builder
	for _, r := range input {
		if ignored(r) {
			continue
		}
		letter, ok := read(r)
		if !ok {
			return "", "", false
		}
		b.WriteByte(letter)
	}
	text := b.String()
	if len(text) != 2+letters || text[:2] < "01" || text[:2] > "20" || text[1] > '9' {
		return "", "", false
	}
	return text[:2], Secret(text[2:]), true
}

// ignored is true for spaces, marks that have no width, and dashes.
func ignored(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Pd, r) || r == '\u2212'
}

// read returns the letter of the alphabet that r stands for.
func read(r rune) (letter byte, ok bool) {
	for _, zero := range zeros {
		if r >= zero && r <= zero+9 {
			return alphabet[r-zero], true
		}
	}
	if r >= '\uff21' && r <= '\uff5a' { // full-width A to z
		r -= '\uff21' - 'A'
	}
	if r >= 'a' && r <= 'z' {
		r -= 'a' - 'A'
	}
	switch r {
	case 'O':
		return '0', true
	case 'I', 'L':
		return '1', true
	}
	i := strings.IndexRune(alphabet, r)
	if i < 0 {
		return 0, false
	}
	return alphabet[i], true
}
