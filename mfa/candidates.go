package mfa

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// candidates returns every way in which ask could ever be met, in the order of
// the policy, whatever the time, the guards and the chain say.
func candidates(ask Ask, e Enrolments) []Option {
	var found []Option
	for _, m := range methods(ask) {
		for _, c := range e.Contacts {
			if c.Subject != ask.Subject || !reachable(ask, e, m, c) {
				continue
			}
			f := e.activeFactor(m, c.ID)
			if !gives(ask, c, f, m) {
				continue
			}
			found = append(found, Option{Method: m, FactorID: f.ID, ContactID: c.ID, Masked: c.Masked})
		}
	}
	return found
}

// methods are the methods that policy, action and the caller's own restriction
// leave for ask. A login is always the action auth.login and the reverse.
func methods(ask Ask) []Method {
	if (ask.Purpose == PurposeLogin) != (ask.Action == policy.ActionLogin) {
		return nil
	}
	return slices.DeleteFunc(ask.Policy.ActionMethods(ask.Action), func(m Method) bool {
		return !m.Delivered() || (ask.Allowed != nil && !slices.Contains(ask.Allowed, m))
	})
}

// activeFactor returns the user's active factor of kind m on the contact; its
// zero value when there is none.
func (e Enrolments) activeFactor(m Method, contactID string) Factor {
	i := slices.IndexFunc(e.Factors, func(f Factor) bool {
		return f.Status == FactorActive && f.Kind == m && f.ContactID == contactID
	})
	if i < 0 {
		return Factor{}
	}
	return e.Factors[i]
}

// gives reports whether a code by m to contact c is the proof that ask wants. f
// is the user's active factor of that kind on it, if any.
func gives(ask Ask, c Contact, f Factor, m Method) bool {
	switch ask.Proof {
	case policy.ProofDeliveredCode:
		return isChannel(ask.Policy, m) && (c.Kind == ContactPhone || c.Registered)
	case policy.ProofSecondFactor, policy.ProofAnyFactor:
		if c.Status != ContactConfirmed {
			return true // reachable has let it pass: the first login confirms and enrols it
		}
		return f.ID != ""
	}
	return false
}

// isChannel reports whether a delivered_code may go by m at all: by the method
// presented first, or one of those to fall back to.
func isChannel(p *policy.Policy, m Method) bool {
	return presentedFirst(p, m) || p.Delivery.FallbackTo.Has(m)
}

// reachable reports whether a code may be sent to c by m.
func reachable(ask Ask, e Enrolments, m Method, c Contact) bool {
	if c.Status != ContactConfirmed && !confirmsOnLogin(ask, e, c) {
		return false
	}
	phone := ask.Policy.Contacts.Phone
	line := policy.LineType(c.LineType)
	switch m {
	case policy.Email:
		return c.Kind == ContactEmail && (c.Registered || ask.Policy.Contacts.Email.FactorAddress == "any_verified")
	case policy.SMS: // a fixed line gets none, whatever a policy says
		return c.Kind == ContactPhone && line != policy.LineFixed &&
			phone.SMSTo.Has(line) && phone.CountriesSMS.Allows(c.Country)
	case policy.Voice:
		return c.Kind == ContactPhone && phone.VoiceTo.Has(line) && phone.CountriesVoice.Allows(c.Country)
	}
	return false
}

// confirmsOnLogin reports whether c is a number set by an admin that the first
// login code confirms. It ends with the first thing that the user has proved:
// from then on an admin can add no way in.
func confirmsOnLogin(ask Ask, e Enrolments, c Contact) bool {
	if c.Kind != ContactPhone || c.Source != SourceAdmin || c.Status != ContactUnverified ||
		ask.Purpose != PurposeLogin ||
		ask.Policy.Contacts.Phone.AdminAssigned != policy.AdminAssignedConfirmOnFirstLogin {
		return false
	}
	proved := slices.ContainsFunc(e.Contacts, func(o Contact) bool {
		return o.Kind == ContactPhone && o.Status == ContactConfirmed
	})
	return !proved && !slices.ContainsFunc(e.Factors, func(f Factor) bool {
		return f.Status == FactorActive && f.ContactID != c.ID
	})
}

// StillAllowed reports whether the present policy and enrolments would let c be
// begun for ask. They may have changed since it was.
func StillAllowed(ask Ask, e Enrolments, c Challenge) bool {
	return slices.ContainsFunc(candidates(ask, e), func(o Option) bool {
		return o.Method == c.Method && o.ContactID == c.ContactID
	})
}
