package recovery_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/recovery"
)

func TestParse(t *testing.T) {
	const secret = "8GQ2M4ZCTR0X51"
	tests := []struct {
		name, input string
		bits        int
		slot        string
		ok          bool
	}{
		{"as it is shown", "07-8GQ2-M4ZC-TR0X-51", 70, "07", true},
		{"in lower case, without separators", "078gq2m4zctr0x51", 70, "07", true},
		{"with spaces, tabs and lines", " 07 8GQ2\tM4ZC\u00a0TR0X\r\n51 ", 70, "07", true},
		{"with other dashes and marks that have no width", "07–8GQ2—M4ZC−TR0X\u200b-51\u200f", 70, "07", true},
		{"O for zero, I and L for one", "O7-8GQ2-M4ZC-TRoX-5l", 70, "07", true},
		{"I for one", "07-8GQ2-M4ZC-TR0X-5I", 70, "07", true},
		{"full-width", "０７ー", 70, "", false},
		{"full-width letters and digits", "０７－８ＧＱ２－Ｍ４ｚｃ－ＴＲＯＸ－５ｌ", 70, "07", true},
		{"Arabic-Indic digits", "٠٧-٨GQ٢-M٤ZC-TR٠X-٥١", 70, "07", true},
		{"eastern Arabic-Indic digits", "۰۷-۸GQ۲-M۴ZC-TR۰X-۵۱", 70, "07", true},
		{"the first slot", "01-8GQ2-M4ZC-TR0X-51", 70, "01", true},
		{"the last slot", "20-8GQ2-M4ZC-TR0X-51", 70, "20", true},
		{"slot nought", "00-8GQ2-M4ZC-TR0X-51", 70, "", false},
		{"a slot that no set has", "21-8GQ2-M4ZC-TR0X-51", 70, "", false},
		{"a slot with a letter", "0A-8GQ2-M4ZC-TR0X-51", 70, "", false},
		{"a letter that is none", "07-8GQ2-M4ZC-TR0X-5U", 70, "", false},
		{"a mark that is none", "07-8GQ2-M4ZC-TR0X-5!", 70, "", false},
		{"without its slot", "8GQ2-M4ZC-TR0X-51", 70, "", false},
		{"cut short", "07-8GQ2-M4ZC-TR0X-5", 70, "", false},
		{"a letter too many", "07-8GQ2-M4ZC-TR0X-511", 70, "", false},
		{"short where a long one is asked for", "07-8GQ2-M4ZC-TR0X-51", 112, "", false},
		{"bits that no policy has", "07-8GQ2-M4ZC-TR0X-51", 0, "", false},
		{"nothing", "", 70, "", false},
		{"dashes alone", "--- ---", 70, "", false},
		{"bytes that are no text", "07-8GQ2-M4ZC-TR0X-5\xff", 70, "", false},
		{"a flood", strings.Repeat(" ", 10_000) + "07-8GQ2-M4ZC-TR0X-51", 70, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			slot, got, ok := recovery.Parse(tt.input, tt.bits)

			require.Equal(t, tt.ok, ok)
			require.Equal(t, tt.slot, slot)
			if ok {
				require.Equal(t, secret, got.Reveal())
			} else {
				require.Empty(t, got.Reveal())
			}
		})
	}
}

// TestTheLongestCodeFits types the longest code in the widest letters with a space
// after each.
func TestTheLongestCodeFits(t *testing.T) {
	set, err := recovery.New(rand.Reader, 20, 112)
	require.NoError(t, err)
	for _, c := range set {
		var wide strings.Builder
		for _, r := range c.Slot + c.Secret.Reveal() {
			wide.WriteRune(r + '\uff10' - '0')
			wide.WriteString("\u3000")
		}

		slot, secret, ok := recovery.Parse(wide.String(), 112)

		require.True(t, ok)
		require.Equal(t, c, recovery.Code{Slot: slot, Secret: secret})
	}
}

// FuzzParse holds for any input: no panic, and what is read is a code whose text
// reads the same.
func FuzzParse(f *testing.F) {
	f.Add("07-8GQ2-M4ZC-TR0X-51", false)
	f.Add("０７－８ＧＱ２－Ｍ４ｚｃ－ＴＲＯＸ－５ｌ", false)
	f.Add("20 0123456789abcdefghjkmnp", true)
	f.Add("٠٧-٨GQ٢-M٤ZC-TR٠X-٥١", false)
	f.Fuzz(func(t *testing.T, input string, long bool) {
		bits := 70
		if long {
			bits = 112
		}
		slot, secret, ok := recovery.Parse(input, bits)
		if !ok {
			require.Empty(t, slot)
			require.Empty(t, secret.Reveal())
			return
		}
		require.True(t, utf8.ValidString(input))
		require.Regexp(t, `^(0[1-9]|1\d|20)$`, slot)
		require.Regexp(t, `^([0-9A-HJKMNP-TV-Z]{14}|[0-9A-HJKMNP-TV-Z]{23})$`, secret.Reveal())
		c := recovery.Code{Slot: slot, Secret: secret}
		slot, secret, ok = recovery.Parse(strings.ToLower(c.Text()), bits)
		require.True(t, ok)
		require.Equal(t, c, recovery.Code{Slot: slot, Secret: secret})
	})
}

// FuzzNew holds for any source of chance: every code that is made is read as it
// was made.
func FuzzNew(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0xff, 0x1f, 0x20}, 200), byte(10), false)
	f.Add([]byte{}, byte(1), true)
	f.Fuzz(func(t *testing.T, random []byte, count byte, long bool) {
		bits := 70
		if long {
			bits = 112
		}
		set, err := recovery.New(bytes.NewReader(random), int(count), bits)
		if err != nil {
			require.Empty(t, set)
			return
		}
		for _, c := range set {
			slot, secret, ok := recovery.Parse(c.Text(), bits)
			require.True(t, ok)
			require.Equal(t, c, recovery.Code{Slot: slot, Secret: secret})
		}
	})
}
