package settings

import (
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// facts is everything that the hub depends on. The page is worked out from it
// alone, so a test can state an account by stating its facts.
type facts struct {
	Policy *policy.Policy
	User   identity.User
	Have   mfa.Enrolments
	RP     mfa.RelyingParty
	Base   string // path that the pages lie below
	Now    time.Time

	PINDead  bool // the PIN has stopped working after too many wrong tries
	Devices  int  // browsers that are trusted now
	Sessions int
	Apps     int
	Prompts  int // second steps on the way in within the last 24 hours
	Recent   []templates.ActivityEvent
}

// secondSteps are the kinds that give a second step by themselves, and of which
// selection.user_max counts how many are on.
var secondSteps = []policy.Kind{policy.Email, policy.SMS, policy.Voice, policy.TOTP, policy.WebAuthn}

// active are the active factors of kind k.
func (f facts) active(k policy.Kind) []mfa.Factor {
	var found []mfa.Factor
	for _, x := range f.Have.Factors {
		if x.Kind == k && x.Status == mfa.FactorActive {
			found = append(found, x)
		}
	}
	return found
}

// contact is the contact of that id; its zero value is none.
func (f facts) contact(id string) mfa.Contact {
	i := slices.IndexFunc(f.Have.Contacts, func(c mfa.Contact) bool { return id != "" && c.ID == id })
	if i < 0 {
		return mfa.Contact{}
	}
	return f.Have.Contacts[i]
}

// pendingPhone is a number that waits for its code; its zero value is none.
func (f facts) pendingPhone() mfa.Contact {
	for _, c := range f.Have.Contacts {
		if c.Kind == mfa.ContactPhone && c.Status == mfa.ContactPending && (c.ExpiresAt.IsZero() || f.Now.Before(c.ExpiresAt)) {
			return c
		}
	}
	return mfa.Contact{}
}

// confirmedPhone reports whether the user has a number that is proved to be theirs.
func confirmedPhone(e mfa.Enrolments) bool {
	return slices.ContainsFunc(e.Contacts, func(c mfa.Contact) bool {
		return c.Kind == mfa.ContactPhone && c.Status == mfa.ContactConfirmed
	})
}

// flagged is the first flag on the account that keeps the number as it is.
func (f facts) flagged() string {
	for _, name := range f.Policy.Contacts.Phone.ChangeBlockedBy {
		if _, set := f.User.Flags[name]; set {
			return name
		}
	}
	return ""
}

// inForce reports whether a login of this user has a second step.
func (f facts) inForce() bool {
	a, _ := f.Policy.Action(policy.ActionLogin)
	return len(a.Stages) > 0 && (a.Applies == policy.AppliesAlways || f.User.MFAEnabled)
}

// exclusive reports whether one method alone may be on.
func (f facts) exclusive() bool {
	return f.Policy.Selection.UserMax == 1 && f.Policy.Enforcement.Mode != policy.ModeDisabled
}

// options are the ways in which proof could be given for action now.
func (f facts) options(action string, proof policy.Proof) []mfa.Option {
	purpose := mfa.PurposeAction
	if action == policy.ActionLogin {
		purpose = mfa.PurposeLogin
	}
	return mfa.Options(mfa.Ask{
		Subject: f.User.Subject(), Policy: f.Policy, Purpose: purpose, Action: action, Proof: proof, RP: f.RP,
	}, f.Have, nil, f.Now)
}

// first is the method that the next login asks for first, "" where none stands out: the
// user is asked which at each login, there is one alone, or no second step at all. A
// list for emergencies is never what is asked first.
func (f facts) first() policy.Kind {
	a, _ := f.Policy.Action(policy.ActionLogin)
	if !f.inForce() || f.Policy.Delivery.First == policy.FirstUserChoice || f.Policy.Delivery.First == policy.FirstLastUsed {
		return ""
	}
	proof, _ := mfa.Challenged(a.Stages[0])
	options := f.options(policy.ActionLogin, proof)
	if len(options) < 2 || options[0].Method == policy.RecoveryCodes {
		return ""
	}
	return options[0].Method
}

// always reports whether codes by k reach the user although k was never turned on,
// and cannot be turned off either: an action has its code delivered that way.
func (f facts) always(k policy.Kind) bool {
	if !k.Delivered() || !f.Policy.Lifecycle[k].Disable.Forbidden {
		return false
	}
	return slices.ContainsFunc(f.actions(), func(name string) bool {
		a, _ := f.Policy.Action(name)
		return a.Stages.Has(policy.ProofDeliveredCode) && slices.ContainsFunc(f.options(name, policy.ProofDeliveredCode), func(o mfa.Option) bool {
			return o.Method == k
		})
	})
}

// actions are the names of all actions, that of the login too.
func (f facts) actions() []string {
	names := []string{policy.ActionLogin}
	for name := range f.Policy.Actions {
		if name != policy.ActionLogin {
			names = append(names, name)
		}
	}
	return names
}

// presented reports whether there is an occasion at which k is asked for. Without
// one a number is a contact and no more.
func (f facts) presented(k policy.Kind) bool {
	return slices.ContainsFunc(f.actions(), func(name string) bool {
		a, _ := f.Policy.Action(name)
		return len(a.Stages) > 0 && slices.Contains(f.Policy.ActionMethods(name), k)
	})
}

// ways are the kinds that have a row, those of the policy first in its order of
// roles. What is on and no longer allowed is shown as long as it is there.
func (f facts) ways() []policy.Kind {
	var list []policy.Kind
	for _, role := range []policy.Role{policy.RolePrimary, policy.RoleAny, policy.RoleBackup} {
		for _, k := range policy.Kinds() {
			m := f.Policy.Methods[k]
			if m.Enabled && m.Role == role && (f.presented(k) || !k.Delivered() && k != policy.RecoveryCodes) {
				list = append(list, k)
			}
		}
	}
	backup := policy.RecoveryCodes
	if f.Policy.Methods[backup].Enabled && len(list) > 0 && !slices.Contains(list, backup) {
		list = append(list, backup)
	}
	for _, k := range policy.Kinds() {
		if k != policy.PIN && !f.Policy.Methods[k].Enabled && len(f.active(k)) > 0 {
			list = append(list, k)
		}
	}
	return list
}

// unreachable is why no code can go to c by k, "" if one can.
func (f facts) unreachable(k policy.Kind, c mfa.Contact) string {
	if c.Kind != mfa.ContactPhone {
		return ""
	}
	err := phone.Judge(phone.Number{Region: c.Country, Line: c.LineType}, f.Policy.Contacts.Phone).For(k)
	switch {
	case err == nil && !(k == policy.SMS && c.SMSIncapable):
		return ""
	case k == policy.SMS && phone.Key(k, err) == "sms_country_unavailable":
		return templates.BlockedCountry
	case k == policy.SMS:
		return templates.ReasonLine
	}
	return templates.BlockedForbidden
}
