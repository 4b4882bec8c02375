package mfa

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNormalise(t *testing.T) {
	tests := []struct {
		name, input, want string
		ok                bool
	}{
		{"as sent", "012345", "012345", true},
		{"spaces", " 012 345\t", "012345", true},
		{"hyphens of every kind", "01-23\u201045\u2212", "012345", true},
		{"a narrow and a no-break space", "012\u202f3\u00a045", "012345", true},
		{"marks that have no width", "\u200e012345\u200f", "012345", true},
		{"full-width digits", "０１２３４５", "012345", true},
		{"Arabic-Indic digits", "٠١٢٣٤٥", "012345", true},
		{"eastern Arabic-Indic digits", "۰۱۲۳۴۵", "012345", true},
		{"digits of two scripts", "01２３45", "012345", true},
		{"too short", "12345", "", false},
		{"too long", "1234567", "", false},
		{"empty", "", "", false},
		{"only spaces", "      ", "", false},
		{"a letter", "12345O", "", false},
		{"digits of a script that is not typed", "०१२३४५", "", false},
		{"superscripts", "¹²³⁴⁵⁶", "", false},
		{"a sign", "+12345", "", false},
		{"a point", "1.23456", "", false},
		{"bytes that are no text", "12345\xff", "", false},
		{"endless", strings.Repeat(" ", 100) + "012345", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Normalise(Secret(tt.input), 6)

			require.Equal(t, tt.ok, ok)
			if tt.ok {
				require.Equal(t, tt.want, got.Reveal())
			}
		})
	}
}

func TestNormaliseNeverChangesACode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.IntRange(6, 10).Draw(t, "digits")
		code, err := newCode(rand.Reader, digits)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := Normalise(code, digits)
		if !ok || got != code {
			t.Fatalf("%q became %q", code.Reveal(), got.Reveal())
		}
	})
}

func TestNewCodeKeepsLeadingZeros(t *testing.T) {
	code, err := newCode(bytes.NewReader(make([]byte, 64)), 8)

	require.NoError(t, err)
	require.Equal(t, "00000000", code.Reveal())
}

// TestNewCodeFavoursNothing draws so often that a first digit which is one
// hundredth too frequent would show.
func TestNewCodeFavoursNothing(t *testing.T) {
	const draws = 20_000
	var count [10]int
	for range draws {
		code, err := newCode(rand.Reader, 6)
		require.NoError(t, err)
		count[code.Reveal()[0]-'0']++
	}
	for d, n := range count {
		require.InDelta(t, draws/10, n, draws/100*1.5, "first digit %d", d)
	}
}

func TestNewCodeFailsWithoutRandomness(t *testing.T) {
	_, err := newCode(strings.NewReader(""), 6)

	require.Error(t, err)
}

// parts joins what it is given, so that a test sees what a MAC is made of.
type parts struct{}

func (parts) CurrentPepper() string { return "p" }
func (parts) LimitKey(t, v string) string {
	return "<" + t + "|" + v + ">"
}

func (parts) KeyedSecret(label, t, u string, s Secret) Secret {
	return Secret(label+"|"+t+"|"+u+"|") + s
}

func (parts) CodeMAC(pepper, tenant string, parts ...string) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s %q", pepper, tenant, parts), nil
}

func TestCodeMACBindsEverything(t *testing.T) {
	c := Challenge{ID: "c1", Gen: 2, PepperID: "p1", Subject: Subject{"t1", "u1"}, ContactID: "mail"}
	ask := Ask{Purpose: PurposeAction, Action: "payout.request", DetailsHash: "h1"}

	mac, err := codeMAC(parts{}, c, ask, "123456")

	require.NoError(t, err)
	require.Equal(t, `p1 t1 ["otp/1" "c1" "2" "action" "payout.request" "u1" "mail" "h1" "123456"]`, string(mac))
}
