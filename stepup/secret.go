package stepup

import (
	"errors"
	"fmt"
	"log/slog"
)

// masked is what a Secret shows instead of itself.
const masked = "[secret]"

// Secret is a token, a client secret or a random value that must not reach a
// log, a page or an error. Every way of printing or encoding it gives
// "[secret]"; a conversion, string(s), gives the value to who really means it.
type Secret string

// Format implements [fmt.Formatter], so that no verb shows the value.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(masked)) // a failed print has nobody to tell
}

// String returns "[secret]".
func (s Secret) String() string { return masked }

// LogValue implements [slog.LogValuer] with "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText implements [encoding.TextMarshaler] with "[secret]". Use
// [Transaction.Encode] or [Proof.Encode] to keep a value that holds secrets.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// UnmarshalText sets s to text. It refuses "[secret]": that is a value which
// was masked on its way out, and taking it back as if it were real would make
// a secret that everybody knows.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == masked {
		return errors.New("stepup: a masked secret cannot be read back; keep the value with Encode")
	}
	*s = Secret(text)
	return nil
}
