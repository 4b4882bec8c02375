package seal

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "[secret]"

// A Secret is a text that prints as "[secret]" wherever values are printed: with
// every verb of fmt, in slog, in JSON and as text. It cannot hide in an
// unexported field of a struct that is itself printed, since fmt does not call
// methods there.
type Secret string

// Reveal returns the text itself. Its name makes every use easy to find.
func (s Secret) Reveal() string { return string(s) }

// String implements [fmt.Stringer].
func (Secret) String() string { return hidden }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return hidden }

// Format implements [fmt.Formatter], so that %x and %d tell nothing either.
func (Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, hidden) }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON implements [json.Marshaler].
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
