package phone

import (
	"errors"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Verdict is what may be done with a number. nil is yes; each error says why not.
type Verdict struct {
	SMS   error // nil, ErrType, ErrLine or ErrCountry
	Voice error // nil, ErrType, ErrLine or ErrCountry
}

// Judge says what p lets be done with n, of which it reads Region and Line alone:
// a stored contact is judged by its country and line type, again before each send.
// Whether the methods are on is not its question.
//
// Both are [ErrType] for a line that p does not accept at all. Beyond that a text
// message is [ErrLine] for a line outside sms_to, and for a fixed line whatever
// sms_to says; a call is for a line outside voice_to. Either is [ErrCountry] in a
// country that [Served] denies.
//
// Source: mfa.md 4.12; policy.md 2.2 (platform floor).
func Judge(n Number, p policy.PhoneContacts) Verdict {
	line := policy.LineType(n.Line)
	if !p.LineTypes.Has(line) {
		return Verdict{SMS: ErrType, Voice: ErrType}
	}
	return Verdict{
		SMS:   judge(line != policy.LineFixed && p.SMSTo.Has(line), p.CountriesSMS, n.Region),
		Voice: judge(p.VoiceTo.Has(line), p.CountriesVoice, n.Region),
	}
}

func judge(line bool, countries policy.Countries, region string) error {
	switch {
	case !line:
		return ErrLine
	case !Served(countries, region):
		return ErrCountry
	}
	return nil
}

// For is the verdict on one method. It is [ErrType] for a method that needs no
// telephone, which must not be asked for a number.
func (v Verdict) For(method policy.Kind) error {
	if method == policy.SMS {
		return v.SMS
	}
	if method == policy.Voice {
		return v.Voice
	}
	return ErrType
}

// Key is the key of the message for an error of this package, met by a user who
// wanted a code by method, sms or voice. It is "" for any other error and for nil.
func Key(method policy.Kind, err error) string {
	switch {
	case errors.Is(err, ErrExtension):
		return "phone_extension_not_allowed"
	case errors.Is(err, ErrLine):
		return string(method) + "_not_possible_for_line"
	case errors.Is(err, ErrCountry):
		return string(method) + "_country_unavailable"
	case errors.Is(err, ErrType):
		return "phone_type_not_allowed"
	case errors.Is(err, ErrInvalid):
		return "phone_invalid"
	}
	return ""
}
