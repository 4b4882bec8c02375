package mfa

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// inUse reports whether an active factor needs the contact.
func (e Enrolments) inUse(contactID string) bool {
	return contactID != "" && slices.ContainsFunc(e.Factors, func(f Factor) bool {
		return f.Status == FactorActive && f.ContactID == contactID
	})
}

// active are the active factors of kind k.
func (e Enrolments) active(k Method) []Factor {
	var found []Factor
	for _, f := range e.Factors {
		if f.Kind == k && f.Status == FactorActive {
			found = append(found, f)
		}
	}
	return found
}

// counted are the kinds that selection.user_max counts: what gives a second step
// by itself. Several keys are one kind.
var counted = []Method{policy.Email, policy.SMS, policy.Voice, policy.TOTP, policy.WebAuthn}

// secondFactors are the active factors that give a second step by themselves.
func (e Enrolments) secondFactors() []Factor {
	var found []Factor
	for _, f := range e.Factors {
		if f.Status == FactorActive && slices.Contains(counted, f.Kind) {
			found = append(found, f)
		}
	}
	return found
}

// SecondFactors are the kinds of second factor that are active, each once.
func (e Enrolments) SecondFactors() []Method {
	var kinds []Method
	for _, f := range e.secondFactors() {
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

// phone is the user's number: the confirmed one, or else one that was never
// verified.
func (e Enrolments) phone() Contact {
	var found Contact
	for _, c := range e.Contacts {
		switch {
		case c.Kind != ContactPhone:
		case c.Status == ContactConfirmed:
			return c
		case c.Status == ContactUnverified || c.Status == ContactRevoked:
			found = c
		}
	}
	return found
}

// Phone is the user's number, confirmed or not; its zero value is none.
func (e Enrolments) Phone() Contact { return e.phone() }

// registered is the account's own address.
func (e Enrolments) registered() Contact {
	i := slices.IndexFunc(e.Contacts, func(c Contact) bool { return c.Registered })
	if i < 0 {
		return Contact{}
	}
	return e.Contacts[i]
}

// Registered is the account's own address.
func (e Enrolments) Registered() Contact { return e.registered() }

// heldPhone is the number that an active method needs, "" for none.
func (e Enrolments) heldPhone() string {
	i := slices.IndexFunc(e.Contacts, func(c Contact) bool { return c.Kind == ContactPhone && e.inUse(c.ID) })
	if i < 0 {
		return ""
	}
	return e.Contacts[i].ID
}
