package recovery

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// MaxCodes is the most codes that a set has, slot 20 being its last.
const MaxCodes = 20

// Errors of [New].
var (
	ErrCount = errors.New("recovery: a set has 1 to 20 codes")
	ErrBits  = errors.New("recovery: a code has 70 or 112 bits")
)

// hidden is what everything prints in place of a secret.
const hidden = "[secret]"

// Secret is the part of a code that proves something, without separators, in
// upper case. It prints [secret]; Reveal gives the text.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the text, as do the methods below for every other way to print.
func (Secret) String() string { return hidden }

// GoString hides the text from %#v.
func (Secret) GoString() string { return hidden }

// LogValue hides the text from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the text from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format hides the text from every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// Code is one recovery code. It prints [secret]; Text gives what a user writes
// down.
type Code struct {
	Slot   string // "01" to "20"; it names the row and is no secret
	Secret Secret
}

// Text returns the code as it is shown, once: the slot, then the secret in groups
// of four. This is the only way to print one.
func (c Code) Text() string {
	var b strings.Builder
	b.WriteString(c.Slot)
	for i, r := range c.Secret.Reveal() {
		if i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// String hides the code, as do the methods below for every other way to print.
func (Code) String() string { return hidden }

// GoString hides the code from %#v.
func (Code) GoString() string { return hidden }

// LogValue hides the code from slog.
func (Code) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the code from encoders.
func (Code) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format hides the code from every verb.
func (Code) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// alphabet is Crockford's: no I, L, O and U. It has 32 letters, so five bits of a
// random byte choose one, and none is favoured.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// length returns how many letters carry so many bits. Below 112 bits a code has
// to be hashed as a password (OWASP ASVS 6.5.2).
func length(bits int) (letters int, ok bool) {
	switch bits {
	case 70:
		return 14, true
	case 112:
		return 23, true // 115 bits; 22 letters would be 110
	}
	return 0, false
}

// New returns a set of so many codes with secrets of so many bits from random,
// in slots 01, 02 and so on.
//
// Errors: [ErrCount] for fewer than 1 or more than [MaxCodes]; [ErrBits] for
// anything but 70 and 112; and what random says.
func New(random io.Reader, count, bits int) ([]Code, error) {
	if count < 1 || count > MaxCodes {
		return nil, ErrCount
	}
	letters, ok := length(bits)
	if !ok {
		return nil, ErrBits
	}
	set := make([]Code, count)
	draw := make([]byte, letters)
	for i := range set {
		_, err := io.ReadFull(random, draw)
		if err != nil {
			return nil, fmt.Errorf("recovery: new codes: %w", err)
		}
		for j, b := range draw {
			draw[j] = alphabet[b%byte(len(alphabet))]
		}
		set[i] = Code{Slot: fmt.Sprintf("%02d", i+1), Secret: Secret(draw)}
	}
	return set, nil
}
