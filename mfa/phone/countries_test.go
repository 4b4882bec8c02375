package phone_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/sallyport-id/sallyport/mfa/phone"
)

func TestCountries(t *testing.T) {
	tests := []struct {
		lang, region, name, calling string
	}{
		{"en", "MX", "Mexico", "+52"},
		{"es", "MX", "México", "+52"},
		{"es-MX", "DE", "Alemania", "+49"},
		{"fr", "DE", "Allemagne", "+49"},
		{"de", "AT", "Österreich", "+43"},
		{"ar", "EG", "مصر", "+20"},
		{"en-XA", "GB", "United Kingdom", "+44"},
		{"en", "XK", "Kosovo", "+383"},
		{"tlh", "FR", "France", "+33"},
		{"no language", "FR", "France", "+33"},
		{"", "GG", "Guernsey", "+44"},
		{"en", "MK", "North Macedonia", "+389"},
		{"es-MX", "MK", "Macedonia del Norte", "+389"},
		{"fr", "MK", "Macédoine du Nord", "+389"},
		{"de", "MK", "Nordmazedonien", "+389"},
		{"ar", "MK", "مقدونيا الشمالية", "+389"},
		{"en-GB", "SZ", "Eswatini", "+268"},
		{"tlh", "TR", "Türkiye", "+90"},
		{"de", "TR", "Türkei", "+90"},
	}
	for _, tt := range tests {
		t.Run(tt.lang+" "+tt.region, func(t *testing.T) {
			list := phone.Countries(tt.lang)

			want := phone.Country{Region: tt.region, Calling: tt.calling, Name: tt.name}
			require.Contains(t, list, want)
			require.Equal(t, want, phone.CountryOf(tt.region, tt.lang))
		})
	}
	require.Zero(t, phone.CountryOf("", "en"))
	require.Zero(t, phone.CountryOf("XX", "en"))
	require.Zero(t, phone.CountryOf("mx", "en"))
}

// TestEveryCountryHasAllThatAFormShows walks the list in every language of the
// pages.
func TestEveryCountryHasAllThatAFormShows(t *testing.T) {
	for _, lang := range []string{"en", "es", "fr", "de", "ar"} {
		list := phone.Countries(lang)
		require.Greater(t, len(list), 240)
		names := map[string]string{}
		for _, c := range list {
			require.Regexp(t, `^[A-Z]{2}$`, c.Region)
			require.Regexp(t, `^\+[1-9]\d{0,2}$`, c.Calling)
			require.NotEmpty(t, c.Name)
			require.NotEqual(t, c.Region, c.Name, "%s has no name in %s", c.Region, lang)
			require.Empty(t, names[c.Name], "%s: two countries of one name", lang)
			names[c.Name] = c.Region
			require.Equal(t, c.Region, phone.Guess(c.Region))
		}
		order := collate.New(language.MustParse(lang))
		require.True(t, slices.IsSortedFunc(list, func(a, b phone.Country) int {
			return order.CompareString(a.Name, b.Name)
		}), lang)
	}
}

// TestTheOrderIsThatOfTheLanguage: a letter with a mark is not after Z.
func TestTheOrderIsThatOfTheLanguage(t *testing.T) {
	at := func(lang, region string) int {
		return slices.IndexFunc(phone.Countries(lang), func(c phone.Country) bool { return c.Region == region })
	}
	require.Less(t, at("de", "AT"), at("de", "PK"), "Österreich before Pakistan")
	require.Less(t, at("fr", "EG"), at("fr", "FI"), "Égypte before Finlande")
	require.Less(t, at("de", "EG"), at("de", "AT"), "Ägypten before Österreich")
}

// TestAnExampleIsAValidNumberOfItsCountry reads each as somebody would who typed
// what the form shows.
func TestAnExampleIsAValidNumberOfItsCountry(t *testing.T) {
	for _, c := range phone.Countries("en") {
		example := phone.Example(c.Region)
		n, err := phone.Parse(example, c.Region)
		require.NoError(t, err, "%s: %q", c.Region, example)
		require.True(t, strings.HasPrefix(n.E164, c.Calling), "%s: %q is %s", c.Region, example, n.E164)
		require.NotContains(t, example, "+")
	}
	require.Equal(t, "222 123 4567", phone.Example("MX"))
	require.Equal(t, "01512 3456789", phone.Example("DE"))
	require.Empty(t, phone.Example("XX"))
	require.Empty(t, phone.Example(""))
}

func TestGuess(t *testing.T) {
	for text, want := range map[string]string{
		"MX": "MX", "mx": "MX", " de\n": "DE", "UK": "GB", "XK": "XK",
		"": "", "XX": "", "T1": "", "EU": "", "001": "", "MEX": "", "AQ": "", "es-MX": "", "M\xff": "",
	} {
		require.Equal(t, want, phone.Guess(text), "%q", text)
	}
}

// TestANumberIsShownAsItWasUnderstood is C-07 and C-09.
func TestANumberIsShownAsItWasUnderstood(t *testing.T) {
	for _, tt := range []struct{ text, region, international, national string }{
		{"(+52) 6441832399", "", "+52 644 183 2399", "644 183 2399"},
		{"6441832399", "MX", "+52 644 183 2399", "644 183 2399"},
		{"+33 0612345678", "", "+33 6 12 34 56 78", "06 12 34 56 78"},
		{"02 1234 5678", "IT", "+39 02 1234 5678", "02 1234 5678"},
		{"+12015550123", "", "+1 201-555-0123", "(201) 555-0123"},
		// The mobiles of Argentina are dialled at home in a form that the library writes wrong.
		{"+5491123456789", "", "+54 9 11 2345-6789", "+54 9 11 2345-6789"},
	} {
		n, err := phone.Parse(tt.text, tt.region)
		require.NoError(t, err)
		require.Equal(t, tt.international, n.International())
		require.Equal(t, tt.national, n.National())
	}
	require.Empty(t, phone.Number{}.International())
	require.Empty(t, phone.Number{}.National())
}

func BenchmarkCountries(b *testing.B) {
	for b.Loop() {
		phone.Countries("es")
	}
}
