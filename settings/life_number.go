package settings

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/text/language"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// Errors of a form for a number or an address.
var (
	errNoCountry = fmt.Errorf("settings: no country was chosen: %w", phone.ErrInvalid)
	errNoLine    = fmt.Errorf("settings: it was not said whether the line is mobile: %w", phone.ErrType)
	errAddress   = fmt.Errorf("settings: not a mail address: %w", identity.ErrAddress)
)

// numberForm is what was typed about a telephone number.
type numberForm struct {
	Country string // the region that was chosen
	Phone   string
	Line    string // mobile or fixed, where that was asked
	Method  mfa.Method
}

// read is the number that was meant. A plan that cannot tell mobile from fixed asks
// the user; his answer can only take possibilities away.
//
// Errors: errNoCountry, errNoLine, and those of [phone.Parse] and [phone.Judge] in a
// [*numberError].
func (f numberForm) read(p policy.PhoneContacts) (phone.Number, error) {
	if f.Country == "" && !strings.HasPrefix(strings.TrimLeft(f.Phone, " ("), "+") {
		return phone.Number{}, errNoCountry
	}
	n, err := phone.Parse(f.Phone, f.Country)
	if err != nil {
		return phone.Number{}, &numberError{f.Method, err}
	}
	if asksLine(n, p) {
		switch f.Line {
		case phone.Mobile:
		case phone.Fixed:
			n.Line = phone.Fixed
		default:
			return n, errNoLine
		}
	}
	err = phone.Judge(n, p).For(f.Method)
	if err != nil {
		return n, &numberError{f.Method, err}
	}
	return n, nil
}

// asksLine reports whether the user has to say what line n is: the plan does not
// tell, and it makes a difference here.
func asksLine(n phone.Number, p policy.PhoneContacts) bool {
	return n.Line == phone.Ambiguous && p.LineTypes.Has(policy.LineAmbiguous) && p.LineTypes.Has(policy.LineFixed)
}

// contactProblem is what the form for a contact of kind k says about err; "" for a
// failure that is not the user's to mend.
func contactProblem(k mfa.Method, err error) string {
	if err == nil {
		return ""
	}
	email := k == policy.Email
	for _, row := range contactProblems {
		if errors.Is(err, row.err) && email {
			return row.email
		}
		if errors.Is(err, row.err) {
			return row.phone
		}
	}
	problem, _ := proofProblem(err)
	return problem
}

var contactProblems = []struct {
	err          error
	phone, email string
}{
	{mfa.ErrContactInUse, templates.ProblemPhoneInUse, templates.ProblemEmailInUse},
	{mfa.ErrUnchanged, templates.ProblemPhoneSame, templates.ProblemEmailSame},
	{errNoCountry, templates.ProblemPhoneNoCountry, ""},
	{errNoLine, templates.ProblemPhoneWhich, ""},
	{phone.ErrExtension, templates.ProblemPhoneExtension, ""},
	{phone.ErrLine, templates.ProblemPhoneLandline, ""},
	{phone.ErrCountry, templates.ProblemPhoneCountry, ""},
	{phone.ErrType, templates.ProblemPhoneType, ""},
	{phone.ErrInvalid, templates.ProblemPhoneInvalid, ""},
	{errAddress, "", templates.ProblemBadEmail},
}

// numberProblemOf is contactProblem for a number that was meant for method m: a
// landline that takes no call is a line that is not accepted, and no landline that
// takes no text.
func numberProblemOf(m mfa.Method, err error) string {
	if errors.Is(err, phone.ErrLine) && m != policy.SMS {
		return templates.ProblemPhoneLine
	}
	return contactProblem(policy.SMS, err)
}

// phoneMethods are the ways in which a code may come to a number of an operation.
// region is that of the number, "" while there is none.
func phoneMethods(v mfa.View, p *policy.Policy, region string) []templates.PhoneMethod {
	var list []templates.PhoneMethod
	for _, m := range []mfa.Method{policy.SMS, policy.Voice} {
		if !takes(v, p, m) {
			continue
		}
		countries := p.Contacts.Phone.CountriesSMS
		if m == policy.Voice {
			countries = p.Contacts.Phone.CountriesVoice
		}
		way := templates.PhoneMethod{Method: string(m), Available: true}
		if countries.Empty() || region != "" && !phone.Served(countries, region) {
			way.Available, way.Reason = false, templates.ReasonCountry
		}
		list = append(list, way)
	}
	return list
}

// takes reports whether operation v may be about method m as well as its own. What
// is on already is a change of its own.
func takes(v mfa.View, p *policy.Policy, m mfa.Method) bool {
	if !p.Methods[m].Enabled || m != v.Kind && v.Verb == mfa.VerbEnable && isOn(m, v.Enrolments) {
		return false
	}
	if m == v.Kind {
		return true
	}
	_, err := mfa.Operation{Kind: m, Verb: v.Verb, State: v.State}.Stages(p, v.Enrolments)
	return err == nil
}

// guessCountry is the region to preselect: that of the user's number or the
// tenant's language where the policy says tenant, and that of the browser's
// languages where it says ip, as no look-up of addresses is part of this server; where
// the browser names no country, the tenant's language may. "" preselects none.
func guessCountry(how, own, tenantLocale, accept string) string {
	switch how {
	case "tenant":
		if own != "" {
			return phone.Guess(own)
		}
		return regionOf(tenantLocale)
	case "ip":
		tags, _, err := language.ParseAcceptLanguage(accept)
		if err != nil {
			return ""
		}
		for _, tag := range tags {
			region := regionOf(tag.String())
			if region != "" {
				return region
			}
		}
		return regionOf(tenantLocale)
	}
	return ""
}

// regionOf is the region that a language tag names, not one that could be inferred.
func regionOf(locale string) string {
	tag, err := language.Parse(locale)
	if err != nil {
		return ""
	}
	region, confidence := tag.Region()
	if confidence != language.Exact {
		return ""
	}
	return phone.Guess(region.String())
}

// countriesOf are the options of the country select.
func countriesOf(lang string) []templates.Country {
	var list []templates.Country
	for _, c := range phone.Countries(lang) {
		list = append(list, templates.Country{Code: c.Region, Name: c.Name, Calling: c.Calling, Example: phone.Example(c.Region)})
	}
	return list
}

// maxAddress is the longest mail address that is looked at, in bytes. Source: RFC
// 5321 section 4.5.3.1.3.
const maxAddress = 254

// readAddress is the canonical form of a mail address.
//
// Errors: errAddress.
func readAddress(typed string) (string, error) {
	address := identity.Username(typed)
	a, err := mail.ParseAddress(address)
	if err != nil || len(address) > maxAddress || a.Name != "" || a.Address != address {
		return "", errAddress
	}
	return address, nil
}
