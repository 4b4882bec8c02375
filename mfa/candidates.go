package mfa

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// candidates returns every way in which ask could ever be met, in the order of
// the policy, whatever the time, the guards and the chain say.
func candidates(ask Ask, e Enrolments) []Option {
	var found []Option
	for _, m := range methods(ask) {
		switch {
		case m.Delivered():
			found = append(found, delivered(ask, e, m)...)
		case m == policy.WebAuthn:
			found = append(found, keys(ask, e)...)
		default:
			found = append(found, kept(ask, e, m)...)
		}
	}
	return found
}

// delivered are the contacts that a code may go to by m.
func delivered(ask Ask, e Enrolments, m Method) []Option {
	var found []Option
	for _, c := range e.Contacts {
		if c.Subject != ask.Subject || !reachable(ask, e, m, c) {
			continue
		}
		f := e.activeFactor(m, c.ID)
		if !gives(ask, c, f, m) {
			continue
		}
		found = append(found, Option{Method: m, FactorID: f.ID, ContactID: c.ID, Masked: c.Masked, Adds: ask.Proof == policy.ProofCodeNew})
	}
	return found
}

// keys is the one way by any of the user's keys, or by the key that is added.
func keys(ask Ask, e Enrolments) []Option {
	if ask.RP.ID == "" || ask.Proof != policy.ProofCodeNew && len(e.credentials()) == 0 {
		return nil
	}
	return []Option{{Method: policy.WebAuthn, Adds: ask.Proof == policy.ProofCodeNew}}
}

// kept are the factors of a kind whose codes the user has: an authenticator app, or
// a list on paper.
func kept(ask Ask, e Enrolments, m Method) []Option {
	var found []Option
	for _, f := range e.Factors {
		usable := f.Status == FactorActive
		if ask.Proof == policy.ProofCodeNew {
			usable = f.ID == ask.FactorID && f.Status == FactorPending
		}
		if f.Kind != m || !usable || m == policy.RecoveryCodes && f.CodesLeft == 0 {
			continue
		}
		found = append(found, Option{Method: m, FactorID: f.ID, Masked: f.Label, CodesLeft: f.CodesLeft})
	}
	return found
}

// methods are the methods that policy, action and the caller's own restriction
// leave for ask. A login is always the action auth.login and the reverse.
func methods(ask Ask) []Method {
	if (ask.Purpose == PurposeLogin) != (ask.Action == policy.ActionLogin) {
		return nil
	}
	return slices.DeleteFunc(listed(ask), func(m Method) bool {
		onlySent := ask.Proof == policy.ProofDeliveredCode && !m.Delivered() && !ask.Recover
		second := m == policy.RecoveryCodes && ask.CodeGiven
		return onlySent || second || (ask.Allowed != nil && !slices.Contains(ask.Allowed, m))
	})
}

// listed are the methods that the policy names for what is asked.
func listed(ask Ask) []Method {
	p := ask.Policy
	switch {
	case ask.Recover:
		if p.Recovery.SelfService.Has(policy.RecoverByCodes) && p.Methods[policy.RecoveryCodes].Enabled &&
			p.Methods[policy.RecoveryCodes].Uses.Has(policy.UseRecover) {
			return []Method{policy.RecoveryCodes}
		}
		return nil
	case ask.Proof == ProofEmailCode:
		return []Method{policy.Email}
	case ask.Proof == policy.ProofCodeCurrent, ask.Proof == policy.ProofCodeNew:
		return ofKind(ask)
	case ask.Purpose == PurposeLifecycle:
		_, configured := p.Actions[ask.Action]
		if !configured {
			return p.FactorMethods()
		}
	}
	return p.ActionMethods(ask.Action)
}

// ofKind is the kind that an operation is about and, for a number, the other way
// to reach it.
func ofKind(ask Ask) []Method {
	list := []Method{ask.Kind}
	phone := map[Method]Method{policy.SMS: policy.Voice, policy.Voice: policy.SMS}
	other, ok := phone[ask.Kind]
	if ok && ask.Policy.Methods[other].Enabled {
		list = append(list, other)
	}
	return list
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
	case ProofEmailCode:
		return c.Registered
	case policy.ProofCodeNew:
		return c.ID == ask.ContactID
	case policy.ProofCodeCurrent:
		return c.ID == ask.ContactID && c.Status == ContactConfirmed
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
	own := ask.Proof == policy.ProofCodeNew && c.ID == ask.ContactID // it gets a code to verify itself
	if c.Status != ContactConfirmed && !own && !confirmsOnLogin(ask, e, c) {
		return false
	}
	if m == policy.Email {
		return c.Kind == ContactEmail && (c.Registered || own || ask.Policy.Contacts.Email.FactorAddress == "any_verified")
	}
	if c.Kind != ContactPhone || m == policy.SMS && c.SMSIncapable {
		return false
	}
	// A fixed line gets no text message, whatever a policy says.
	return phone.Judge(phone.Number{Region: c.Country, Line: c.LineType}, ask.Policy.Contacts.Phone).For(m) == nil
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
		return o.Method == c.Method && o.ContactID == c.ContactID && (o.Method.Delivered() || o.FactorID == c.FactorID)
	})
}
