// Package phone reads telephone numbers: one canonical form, the region that a
// number belongs to, the kind of line, and what of it may be shown. It judges what
// a policy lets be done with a number, and knows the countries of a form.
//
//	Parse       what a person wrote, as a Number
//	Judge       whether a text message or a call may go to it, and if not why
//	Countries   the countries to choose from, in a language
//
// It does no lookup: a line is what its numbering plan says.
package phone

import (
	"errors"
	"strconv"

	"github.com/nyaruka/phonenumbers"
)

// The kinds of line, as the policy document names them. Ambiguous is what plans
// cannot tell apart, such as Mexico's and North America's: it may take a text
// message.
const (
	Mobile    = "mobile"
	Fixed     = "fixed"
	Ambiguous = "ambiguous"
	VoIP      = "voip"
)

// Errors a caller can act on. [Key] names the message of each.
var (
	ErrInvalid   = errors.New("phone: not a number of any numbering plan")
	ErrExtension = errors.New("phone: numbers with an extension are not accepted")
	ErrType      = errors.New("phone: numbers of this type are not accepted") // premium, shared-cost, toll-free, satellite and service numbers never are
	ErrLine      = errors.New("phone: not possible for this line")            // a text message to a fixed line
	ErrCountry   = errors.New("phone: not available in this country")
)

// Number is a telephone number that could be called.
type Number struct {
	E164   string // such as +526441832399
	Region string // ISO 3166-1, such as MX; decided by the number, so +44 1481 is GG
	Line   string // Mobile, Fixed, Ambiguous or VoIP
	Masked string // such as +52 ••• ••• ••99
}

// longestInput is more bytes than anybody types for a number.
const longestInput = 128

// Parse reads what a person wrote. region is the country to assume for a number
// without a calling code, "" to demand one. A trunk prefix is dropped, also behind
// a calling code, except in the plans that keep it, such as Italy's. Nothing is
// ever corrected silently: the caller shows [Number.International] before anything
// is sent to it.
//
// Errors: [ErrInvalid], [ErrExtension], [ErrType].
//
// Source: E.164; the line types are those of libphonenumber's metadata.
func Parse(text, region string) (Number, error) {
	if len(text) > longestInput {
		return Number{}, ErrInvalid
	}
	n, err := phonenumbers.Parse(text, region)
	if err != nil {
		return Number{}, ErrInvalid
	}
	if n.GetExtension() != "" {
		return Number{}, ErrExtension
	}
	if !phonenumbers.IsValidNumber(n) {
		return Number{}, ErrInvalid
	}
	line, ok := lines[phonenumbers.GetNumberType(n)]
	region = phonenumbers.GetRegionCodeForNumber(n)
	if !ok || region == nowhere {
		return Number{}, ErrType
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	return Number{
		E164: e164, Region: region, Line: line,
		Masked: mask(n.GetCountryCode(), e164),
	}, nil
}

// nowhere is the region of what belongs to no country: satellite telephones, some
// of which the metadata counts as mobile, and networks of the world.
const nowhere = "001"

var lines = map[phonenumbers.PhoneNumberType]string{
	phonenumbers.MOBILE:               Mobile,
	phonenumbers.FIXED_LINE:           Fixed,
	phonenumbers.FIXED_LINE_OR_MOBILE: Ambiguous,
	phonenumbers.VOIP:                 VoIP,
}

// mask keeps the calling code and the last two digits. The marks between are the
// same for every number, so that they do not tell how long it is.
//
// Source: mfa.md 4.12.
func mask(calling int32, e164 string) string {
	return "+" + strconv.Itoa(int(calling)) + " ••• ••• ••" + e164[len(e164)-2:]
}

// International is the number as it is read, such as +52 644 183 2399. It is ""
// for the zero value.
func (n Number) International() string { return n.format(phonenumbers.INTERNATIONAL) }

// National is the number as it is dialled within its country, with the trunk
// prefix where there is one, such as 06 12 34 56 78. Where that form would not be
// read as the same number again, it is the international one. It is "" for the
// zero value.
func (n Number) National() string {
	text := n.format(phonenumbers.NATIONAL)
	again, err := Parse(text, n.Region)
	if err != nil || again.E164 != n.E164 {
		return n.International()
	}
	return text
}

func (n Number) format(as phonenumbers.PhoneNumberFormat) string {
	number, err := phonenumbers.Parse(n.E164, "")
	if err != nil {
		return ""
	}
	return phonenumbers.Format(number, as)
}
