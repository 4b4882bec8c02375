package settings

import (
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// rows are the ways to confirm that it is the user. Where one alone may be on, the
// others are in the choice.
func (f facts) rows() []templates.FactorRow {
	var list []templates.FactorRow
	for _, k := range f.ways() {
		if f.exclusive() && slices.Contains(secondSteps, k) && len(f.active(k)) == 0 {
			continue
		}
		list = append(list, f.row(k))
	}
	return list
}

func (f facts) row(k policy.Kind) templates.FactorRow {
	r := templates.FactorRow{Kind: string(k), State: templates.StateOff, First: f.first() == k}
	var may buttons
	switch {
	case len(f.active(k)) > 0:
		f.rowOn(&r, &may, k)
	case f.always(k):
		c := f.standing(k)
		r.State, r.Masked, r.Apart = templates.StateRequired, c.Masked, !f.inForce()
		f.offer(&may, templates.DoChange, f.changeOf(k))
	case k == policy.Email:
		f.rowOfAddress(&r, &may)
	case k.Delivered():
		f.rowOfNumber(&r, &may, k)
	default:
		f.offer(&may, enableLabel(k), mfa.Start{Kind: k, Verb: mfa.VerbEnable})
	}
	r.Actions = may.Actions
	r.Blocked = slices.DeleteFunc(may.Blocked, func(b templates.Block) bool { return b.Reason == r.Reason }) // the row says so already
	return r
}

// enableLabel is the word on the button that begins with a method.
func enableLabel(k policy.Kind) string {
	switch k {
	case policy.WebAuthn:
		return templates.DoAdd
	case policy.RecoveryCodes:
		return templates.DoMake
	case policy.PIN:
		return templates.DoSet
	}
	return templates.DoEnable
}

// rowOn is a method that is on.
func (f facts) rowOn(r *templates.FactorRow, may *buttons, k policy.Kind) {
	on := f.active(k)
	r.Since = on[0].CreatedAt
	for _, x := range on {
		r.Since, r.LastUsed = earlier(r.Since, x.CreatedAt), maxTime(r.LastUsed, lastUse(x))
	}
	r.Unused = !slices.ContainsFunc(on, func(x mfa.Factor) bool { return x.LastUsedAt.After(x.CreatedAt) })
	r.State = f.stateOn(k)
	r.Apart = r.State == templates.StateRequired && slices.Contains(secondSteps, k) && !f.inForce()
	switch {
	case k.Delivered():
		c := f.contact(on[0].ContactID)
		r.Masked, r.Reason = c.Masked, f.unreachable(k, c)
	case k == policy.TOTP:
		r.Name = on[0].Label
	case k == policy.RecoveryCodes:
		r.State, r.LastUsed, r.Unused = "", time.Time{}, false
		r.CodesLeft, r.CodesTotal = on[0].CodesLeft, max(f.Policy.Codes.Recovery.Count, on[0].CodesLeft)
	}
	switch {
	case !f.Policy.Methods[k].Enabled:
		r.Reason = templates.BlockedForbidden
	case k == policy.PIN && f.PINDead:
		r.Reason = templates.BlockedPINDead
	}
	if r.Reason != "" {
		r.State = templates.StateBlocked
	}
	f.offerOn(r, may, k)
}

// stateOn is the state of a method that is on: one that may not be turned off is
// kept on by the organization.
func (f facts) stateOn(k policy.Kind) string {
	if f.Policy.Lifecycle[k].Disable.Forbidden {
		return templates.StateRequired
	}
	return templates.StateOn
}

// offerOn are the buttons of a method that is on. That a required one cannot be
// turned off is told by its state; where one alone may be on, the choice has "off".
func (f facts) offerOn(r *templates.FactorRow, may *buttons, k policy.Kind) {
	if f.Policy.Methods[k].Enabled {
		switch k {
		case policy.WebAuthn:
			f.offer(may, templates.DoAdd, mfa.Start{Kind: k, Verb: mfa.VerbEnable})
		case policy.RecoveryCodes:
			f.offer(may, templates.DoMakeNew, mfa.Start{Kind: k, Verb: mfa.VerbChange})
		case policy.PIN:
			f.offerPIN(may)
		default:
			f.offer(may, templates.DoChange, f.changeOf(k))
		}
	}
	if r.State != templates.StateRequired && !f.exclusive() && r.Reason != templates.BlockedPINDead {
		f.offer(may, disableLabel(k), mfa.Start{Kind: k, Verb: mfa.VerbDisable})
	}
}

// offerPIN changes the PIN, or makes a new one in the place of one that is dead.
func (f facts) offerPIN(may *buttons) {
	if f.PINDead {
		f.offer(may, templates.DoSet, mfa.Start{Kind: policy.PIN, Verb: mfa.VerbEnable})
		return
	}
	f.offer(may, templates.DoChange, f.changeOf(policy.PIN))
}

// disableLabel is the word on the button that ends a method: keys are things that are
// removed, all others are turned off.
func disableLabel(k policy.Kind) string {
	if k == policy.WebAuthn {
		return templates.DoRemoveAll
	}
	return templates.DoTurnOff
}

// changeOf changes where method k goes. Where codes go to the account's own address
// alone, that is what changes.
func (f facts) changeOf(k policy.Kind) mfa.Start {
	return mfa.Start{Kind: k, Verb: mfa.VerbChange, Account: k == policy.Email && f.Policy.Contacts.Email.FactorAddress == "registered"}
}

// standing is the contact to which codes by k go without being turned on.
func (f facts) standing(k policy.Kind) mfa.Contact {
	if k == policy.Email {
		return f.Have.Registered()
	}
	return f.Have.Phone()
}

// rowOfAddress is the email method while it is off. Where it may go to any address,
// one is typed; else it is the account's own.
func (f facts) rowOfAddress(r *templates.FactorRow, may *buttons) {
	st := mfa.Start{Kind: policy.Email, Verb: mfa.VerbEnable}
	c := f.Have.Registered()
	if f.Policy.Contacts.Email.FactorAddress != "registered" || c.ID == "" {
		f.offer(may, templates.DoEnable, st)
		return
	}
	st.ContactID, r.Masked = c.ID, c.Masked
	if c.Status != mfa.ContactConfirmed {
		r.State = templates.StateUnverified
		f.offer(may, templates.DoConfirm, st)
		return
	}
	f.offer(may, templates.DoEnable, st)
}

// rowOfNumber is a method that reaches the telephone, while it is off. A number that
// was never proved gets a code for its own confirmation and nothing else.
func (f facts) rowOfNumber(r *templates.FactorRow, may *buttons, k policy.Kind) {
	c := f.Have.Phone()
	st := mfa.Start{Kind: k, Verb: mfa.VerbEnable}
	switch {
	case c.ID == "":
		pending := f.pendingPhone()
		if pending.ID != "" {
			r.State, r.Masked = templates.StatePending, pending.Masked
		}
		f.offer(may, templates.DoEnable, st)
		return
	case f.unreachable(k, c) != "":
		r.Masked = c.Masked
		may.block(templates.DoEnable, f.unreachable(k, c))
		return
	}
	st.ContactID, r.Masked = c.ID, c.Masked
	if c.Status == mfa.ContactConfirmed {
		f.offer(may, templates.DoEnable, st)
		return
	}
	r.State = templates.StateUnverified
	f.offer(may, templates.DoConfirm, st)
	f.offer(may, templates.DoEdit, mfa.Start{Kind: k, Verb: mfa.VerbEnable})
}

// signIn are the password and the PIN.
func (f facts) signIn() []templates.FactorRow {
	var list []templates.FactorRow
	if f.User.PasswordHash != "" {
		list = append(list, templates.FactorRow{Kind: "password", Actions: []templates.RowAction{
			{Label: templates.DoChange, URL: f.Base + passwordPath},
		}})
	}
	if f.Policy.Methods[policy.PIN].Enabled || len(f.active(policy.PIN)) > 0 {
		list = append(list, f.row(policy.PIN))
	}
	return list
}

// passwordPath is the page that changes the password.
const passwordPath = "/password"

// keyRows are the user's passkeys and security keys.
func (f facts) keyRows() (passkeys, keys []templates.KeyRow) {
	for _, x := range f.active(policy.WebAuthn) {
		row := templates.KeyRow{
			Name: x.Label, Synced: x.Credential != nil && x.Credential.BackedUp, Since: x.CreatedAt, LastUsed: lastUse(x),
		}
		may := buttons{Actions: []templates.RowAction{{Label: templates.DoRename, URL: keyPath(f.Base, x.ID)}}}
		f.offer(&may, templates.DoRemove, mfa.Start{Kind: policy.WebAuthn, Verb: mfa.VerbRemove, FactorID: x.ID})
		row.Actions, row.Blocked = may.Actions, may.Blocked
		if isPasskey(x) {
			passkeys = append(passkeys, row)
			continue
		}
		keys = append(keys, row)
	}
	return passkeys, keys
}

// enrolling is how long a method may wait for the proof with which it is enrolled.
const enrolling = 15 * time.Minute

// lastUse is when x was used last; zero if it never was since it was enrolled. The
// proof at the enrolment shows that the method works, and is no use of it; an
// authenticator app waits for it while its key is on the screen.
func lastUse(x mfa.Factor) time.Time {
	enrolled := x.CreatedAt
	if x.Kind == policy.TOTP {
		enrolled = enrolled.Add(enrolling)
	}
	if !x.LastUsedAt.After(enrolled) {
		return time.Time{}
	}
	return x.LastUsedAt
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
