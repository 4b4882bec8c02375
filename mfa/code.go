package mfa

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// newCode returns a code of so many decimal digits, every one of them equally
// likely, with its leading zeros.
func newCode(random io.Reader, digits int) (Secret, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n, err := rand.Int(random, limit) // it draws again when over the limit, so nothing is favoured
	if err != nil {
		return "", fmt.Errorf("mfa: random code: %w", err)
	}
	return Secret(fmt.Sprintf("%0*d", digits, n)), nil
}

// longestInput is more than anybody types for a code with all its spaces.
const longestInput = 64

// zeros are the digits 0 of the scripts in which codes are typed: ASCII,
// Arabic-Indic, its eastern form, and full-width. Nine more follow each.
var zeros = []rune{'0', '\u0660', '\u06f0', '\uff10'}

// Normalise returns what a person meant who typed input for a code of so many
// digits: spaces and hyphens are left out, and digits of other scripts become
// ASCII ones. ok is false for anything that is not exactly a code of that
// length; such input cannot be right, so it costs no attempt.
func Normalise(input Secret, digits int) (code Secret, ok bool) {
	text := input.Reveal()
	if len(text) > longestInput {
		return "", false
	}
	var b strings.Builder
	for _, r := range text {
		if ignored(r) {
			continue
		}
		d, isDigit := digit(r)
		if !isDigit {
			return "", false
		}
		b.WriteByte(d)
	}
	return Secret(b.String()), b.Len() == digits && digits > 0
}

// ignored is true for spaces, marks that have no width, and hyphens.
func ignored(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Pd, r) || r == '\u2212'
}

func digit(r rune) (byte, bool) {
	for _, zero := range zeros {
		if r >= zero && r <= zero+9 {
			return byte('0' + r - zero), true
		}
	}
	return 0, false
}

// codeMAC binds code to everything that c and ask say, so that a row copied to
// another challenge, user, tenant, purpose or transaction does not verify.
func codeMAC(p Peppers, c Challenge, ask Ask, code Secret) ([]byte, error) {
	mac, err := p.CodeMAC(c.PepperID, c.Subject.TenantID,
		"otp/1", c.ID, strconv.Itoa(c.Gen), string(ask.Purpose), ask.Action,
		c.Subject.UserID, c.ContactID, ask.DetailsHash, code.Reveal())
	if err != nil {
		return nil, fmt.Errorf("mfa: hash code: %w", err)
	}
	return mac, nil
}
