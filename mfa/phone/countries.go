package phone

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Country is a country that a user may choose for a number.
type Country struct {
	Region  string // ISO 3166-1 alpha-2, such as MX
	Calling string // such as +52; several countries may share one
	Name    string // in the language asked for, such as México
}

// Countries returns every country that has telephones, in the alphabetical order
// of the language lang, a BCP 47 tag such as es-MX. Names are English in a language
// that there are none for.
//
// Which of them a policy serves is [Served]'s question; the others are shown too,
// with the reason, so that nobody looks for his country in vain.
func Countries(lang string) []Country {
	tag, names := namer(lang)
	var list countryList
	for region := range phonenumbers.GetSupportedRegions() {
		list = append(list, Country{Region: region, Calling: calling(region), Name: name(names, tag, region)})
	}
	collate.New(tag).Sort(list)
	return list
}

// CountryOf returns the country of a region that [Guess] has returned; its zero
// value for anything else.
func CountryOf(region, lang string) Country {
	if region == "" || Guess(region) != region {
		return Country{}
	}
	tag, names := namer(lang)
	return Country{Region: region, Calling: calling(region), Name: name(names, tag, region)}
}

// Guess returns the region to preselect where something names one: a look-up of
// the address, a header of a proxy, a tenant's setting. It is "" where there are
// no telephones, where nothing is known, and for what is no region; then nothing
// is preselected. A guess never sends anything.
func Guess(region string) string {
	region = strings.ToUpper(strings.TrimSpace(region))
	if region == "UK" {
		return "GB" // reserved in ISO 3166-1 for that; headers have it
	}
	if !phonenumbers.GetSupportedRegions()[region] {
		return ""
	}
	return region
}

// Example is how a number of region is written there, such as 222 123 4567: a
// mobile one where the plan tells, else any. Typed into a form for that region it
// is a valid number. It is "" for an unknown region.
//
// The numbers are those of libphonenumber's metadata.
func Example(region string) string {
	for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE} {
		found := phonenumbers.GetExampleNumberForType(region, kind)
		if found.GetNationalNumber() == 0 {
			continue
		}
		n := Number{E164: phonenumbers.Format(found, phonenumbers.E164), Region: region}
		text := n.National()
		if text != n.International() {
			return text
		}
	}
	return ""
}

func calling(region string) string {
	return "+" + strconv.Itoa(phonenumbers.GetCountryCodeForRegion(region))
}

// namer returns the names of regions in the language lang, or in English.
func namer(lang string) (language.Tag, display.Namer) {
	tag, err := language.Parse(lang)
	if err == nil {
		names := display.Regions(tag)
		if names != nil && names.Name(language.MustParseRegion("MX")) != "" {
			return tag, names
		}
	}
	return language.English, display.Regions(language.English)
}

// renamed are names by region and language that have changed since the version of CLDR
// that x/text has (32 of 2017).
//
// Source: CLDR 45, main/*/territories.json.
var renamed = map[string]map[string]string{
	"MK": {"en": "North Macedonia", "es": "Macedonia del Norte", "fr": "Macédoine du Nord", "de": "Nordmazedonien", "ar": "مقدونيا الشمالية"},
	"SZ": {"en": "Eswatini", "es": "Esuatini", "fr": "Eswatini", "de": "Eswatini", "ar": "إسواتيني"},
	"TR": {"en": "Türkiye"},
}

// name is the name of region in the language of tag, in English if names have none, and
// its code if even English has none.
func name(names display.Namer, tag language.Tag, region string) string {
	base, _ := tag.Base()
	text, ok := renamed[region][base.String()]
	if ok {
		return text
	}
	r, err := language.ParseRegion(region)
	if err != nil {
		return region
	}
	for _, from := range []display.Namer{names, display.Regions(language.English)} {
		text = from.Name(r)
		if text != "" {
			return todays(region, text, r)
		}
	}
	return region
}

// todays is text, or the new English name where text is the old one: that of a language
// which has no names of its own.
func todays(region, text string, r language.Region) string {
	now, changed := renamed[region]["en"]
	if changed && text == display.Regions(language.English).Name(r) {
		return now
	}
	return text
}

// countryList is sorted by name. It implements [collate.Lister].
type countryList []Country

// Len implements [collate.Lister].
func (l countryList) Len() int { return len(l) }

// Swap implements [collate.Lister].
func (l countryList) Swap(i, j int) { l[i], l[j] = l[j], l[i] }

// Bytes implements [collate.Lister].
func (l countryList) Bytes(i int) []byte { return []byte(l[i].Name) }
