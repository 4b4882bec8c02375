package phone_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/phone"
)

func TestParse(t *testing.T) {
	number := func(e164, region, line, masked string) phone.Number {
		return phone.Number{E164: e164, Region: region, Line: line, Masked: masked}
	}
	mexico := number("+526441832399", "MX", phone.Ambiguous, "+52 ••• ••• ••99")
	tests := []struct {
		name, text, region string
		want               phone.Number
		err                error
	}{
		{"Mexico does not tell mobile from fixed", "(+52) 6441832399", "", mexico, nil},
		{"written with spaces", "+52 644 183 2399", "", mexico, nil},
		{"written with anything between", "+52-(644)/183.2399", "", mexico, nil},
		{"without a calling code, in its country", "644 183 2399", "MX", mexico, nil},
		{"with a calling code, in another country", "+52 644 183 2399", "DE", mexico, nil},
		{"in full-width digits", "＋５２６４４１８３２３９９", "", mexico, nil},
		{"in Arabic-Indic digits", "+٥٢٦٤٤١٨٣٢٣٩٩", "", mexico, nil},
		{"with the prefix for calls abroad", "00 52 644 183 2399", "DE", mexico, nil},
		{"Mexico's old form for mobiles", "+52 1 644 183 2399", "", phone.Number{}, phone.ErrInvalid},
		{"without a calling code, anywhere", "644 183 2399", "", phone.Number{}, phone.ErrInvalid},
		{"North America neither", "+1 201 555 0123", "", number("+12015550123", "US", phone.Ambiguous, "+1 ••• ••• ••23"), nil},
		{"Canada on the shared plan", "+1 604 555 0123", "", number("+16045550123", "CA", phone.Ambiguous, "+1 ••• ••• ••23"), nil},
		{"a German mobile", "+49 1573 5991000", "", number("+4915735991000", "DE", phone.Mobile, "+49 ••• ••• ••00"), nil},
		{"a German fixed line", "+49 30 901820", "", number("+4930901820", "DE", phone.Fixed, "+49 ••• ••• ••20"), nil},
		{"the trunk zero is dropped", "+33 0612345678", "", number("+33612345678", "FR", phone.Mobile, "+33 ••• ••• ••78"), nil},
		{"the trunk zero is dropped at home, too", "0612345678", "FR", number("+33612345678", "FR", phone.Mobile, "+33 ••• ••• ••78"), nil},
		{"the trunk zero in brackets", "+49 (0) 1573 5991000", "", number("+4915735991000", "DE", phone.Mobile, "+49 ••• ••• ••00"), nil},
		{"Russia's trunk prefix is an eight", "8 (912) 345-67-89", "RU", number("+79123456789", "RU", phone.Mobile, "+7 ••• ••• ••89"), nil},
		{"Hungary's are two digits", "06 20 123 4567", "HU", number("+36201234567", "HU", phone.Mobile, "+36 ••• ••• ••67"), nil},
		{"the zero of Italy is kept at home, too", "02 1234 5678", "IT", number("+390212345678", "IT", phone.Fixed, "+39 ••• ••• ••78"), nil},
		{"a calling code without its plus, in its country", "526441832399", "MX", mexico, nil},
		{"the zero of Italy is kept", "+39 06 6982", "", number("+39066982", "VA", phone.Fixed, "+39 ••• ••• ••82"), nil},
		{"a British mobile", "+44 7400 123456", "", number("+447400123456", "GB", phone.Mobile, "+44 ••• ••• ••56"), nil},
		{"one of Guernsey, on the plan of Britain", "+44 7911 123456", "", number("+447911123456", "GG", phone.Mobile, "+44 ••• ••• ••56"), nil},
		{"one of Guernsey, asked for as Britain's", "07911 123456", "GB", number("+447911123456", "GG", phone.Mobile, "+44 ••• ••• ••56"), nil},
		{"Kazakhstan on the plan of Russia", "+7 701 234 5678", "", number("+77012345678", "KZ", phone.Mobile, "+7 ••• ••• ••78"), nil},
		{"over the internet", "+44 56 0000 0000", "", number("+445600000000", "GB", phone.VoIP, "+44 ••• ••• ••00"), nil},
		{"a premium number", "+44 900 123 4567", "", phone.Number{}, phone.ErrType},
		{"a toll-free number", "+1 800 234 5678", "", phone.Number{}, phone.ErrType},
		{"a shared-cost number", "+44 844 123 4567", "", phone.Number{}, phone.ErrType},
		{"a number that follows a person", "+44 70 1234 5678", "", phone.Number{}, phone.ErrType},
		{"a pager", "+44 76 4012 3456", "", phone.Number{}, phone.ErrType},
		{"a satellite telephone", "+870 301 234 567", "", phone.Number{}, phone.ErrType},
		{"a network of the world", "+883 5100 0123 4567", "", phone.Number{}, phone.ErrType},
		{"an extension", "+52 644 183 2399 ext 12", "", phone.Number{}, phone.ErrExtension},
		{"an extension in short", "+52 644 183 2399 x12", "", phone.Number{}, phone.ErrExtension},
		{"an extension as RFC 3966 has it", "tel:+52-644-183-2399;ext=12", "", phone.Number{}, phone.ErrExtension},
		{"nothing", "", "MX", phone.Number{}, phone.ErrInvalid},
		{"a word", "telephone", "MX", phone.Number{}, phone.ErrInvalid},
		{"a calling code that nobody has", "+999 123 456 789", "", phone.Number{}, phone.ErrInvalid},
		{"a digit too few", "+52 644 183 239", "", phone.Number{}, phone.ErrInvalid},
		{"a digit too many", "+52 644 183 23990", "", phone.Number{}, phone.ErrInvalid},
		{"an emergency number", "112", "DE", phone.Number{}, phone.ErrInvalid},
		{"a country that is none", "644 183 2399", "XX", phone.Number{}, phone.ErrInvalid},
		{"a number after much else", strings.Repeat(" ", 200) + "+526441832399", "", phone.Number{}, phone.ErrInvalid},
		{"a flood", "+" + strings.Repeat("5", 10_000), "", phone.Number{}, phone.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := phone.Parse(tt.text, tt.region)

			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, got)
			if err == nil {
				again, err := phone.Parse(got.E164, "")
				require.NoError(t, err)
				require.Equal(t, got, again, "the canonical form is its own")
			}
		})
	}
}

// TestAMaskHidesAllButTheEnd counts digits: the calling code and two.
func TestAMaskHidesAllButTheEnd(t *testing.T) {
	for _, text := range []string{"+526441832399", "+4930901820", "+39066982", "+12015550123", "+6834002", "+290 22158"} {
		n, err := phone.Parse(text, "")
		require.NoError(t, err, text)
		code, rest, ok := strings.Cut(n.Masked, " ")
		require.True(t, ok)
		require.True(t, strings.HasPrefix(n.E164, code))
		shown := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, rest)
		require.Len(t, shown, 2, n.Masked)
		require.Less(t, len(shown), len(n.E164)-len(code), "%s shows the whole number", n.Masked)
		require.True(t, strings.HasSuffix(n.E164, shown))
		require.True(t, utf8.ValidString(n.Masked))
	}
}
