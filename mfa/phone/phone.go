// Package phone reads telephone numbers: one canonical form, the region that a
// number belongs to, the kind of line, and what of it may be shown.
package phone

import (
	"errors"
	"strings"

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

// Errors a caller can act on.
var (
	ErrInvalid   = errors.New("phone: not a number of any numbering plan")
	ErrExtension = errors.New("phone: numbers with an extension are not accepted")
	ErrType      = errors.New("phone: premium, shared-cost, toll-free, satellite and service numbers are not accepted")
)

// Number is a telephone number that could be called.
type Number struct {
	E164   string // such as +526441832399
	Region string // ISO 3166-1, such as MX; decided by the number, so +44 1481 is GG
	Line   string // Mobile, Fixed, Ambiguous or VoIP
	Masked string // such as +52 ••• ••• 2399
}

// Parse reads what a person wrote. region is the country to assume for a number
// without a calling code, "" to demand one. Nothing is ever corrected silently:
// the caller shows the canonical form before anything is sent to it.
//
// Errors: [ErrInvalid], [ErrExtension], [ErrType].
//
// Source: E.164; the line types are those of libphonenumber's metadata.
func Parse(text, region string) (Number, error) {
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
		Masked: mask(phonenumbers.Format(n, phonenumbers.INTERNATIONAL)),
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

// mask keeps the calling code and the last four digits of an international
// format such as "+52 644 183 2399".
func mask(international string) string {
	code, rest, _ := strings.Cut(international, " ")
	var digits []rune
	for _, r := range rest {
		if r >= '0' && r <= '9' {
			digits = append(digits, r)
		}
	}
	if len(digits) <= 4 {
		return code + " ••••"
	}
	return code + " ••• ••• " + string(digits[len(digits)-4:])
}
