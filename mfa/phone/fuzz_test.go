package phone_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/phone"
)

// FuzzParse holds for anything that somebody types, in any country: no panic, and
// what is read has one canonical form, which all its ways of writing give, and a
// mask that hides it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"(+52) 6441832399", "644 183 2399", "+33 0612345678", "+39 06 6982", "+1 800 FLOWERS", "tel:+52-644-183-2399;ext=12",
		"tel:253-0000;phone-context=+1-201", "＋５２６４４１８３２３９９", "+٥٢٦٤٤١٨٣٢٣٩٩", "00 52 644 183 2399", "8 (912) 345-67-89",
		"+447911123456 x3", "+870301234567", "112", "+", "+++", "\xff+1", "+52 644 183 2399 / 644 183 2398", "*31#06441832399",
	} {
		for _, region := range []string{"", "MX", "IT", "RU", "XX"} {
			f.Add(text, region)
		}
	}
	f.Fuzz(func(t *testing.T, text, region string) {
		n, err := phone.Parse(text, region)
		if err != nil {
			require.Zero(t, n)
			require.NotEmpty(t, phone.Key("sms", err))
			return
		}
		require.Regexp(t, `^\+[1-9]\d{4,16}$`, n.E164)
		require.Equal(t, n.Region, phone.Guess(n.Region))
		require.Contains(t, []string{phone.Mobile, phone.Fixed, phone.Ambiguous, phone.VoIP}, n.Line)
		for _, written := range []string{n.E164, n.International(), strings.ReplaceAll(n.International(), " ", "-")} {
			again, err := phone.Parse(written, region)
			require.NoError(t, err, written)
			require.Equal(t, n, again)
		}
		code, rest, _ := strings.Cut(n.Masked, " ")
		require.True(t, strings.HasPrefix(n.E164, code))
		require.Equal(t, "••• ••• ••"+n.E164[len(n.E164)-2:], rest)
	})
}
