package settings

import (
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// contacts are the account's own address and its number.
func (f facts) contacts() []templates.ContactRow {
	list := []templates.ContactRow{f.addressRow()}
	if f.phoneKind() == "" && f.Have.Phone().ID == "" {
		return list
	}
	r := f.phoneRow()
	if r.Status != "" || len(r.Actions)+len(r.Blocked) > 0 {
		list = append(list, r)
	}
	return list
}

// addressRow is the registered address. It stays, as notices need one.
func (f facts) addressRow() templates.ContactRow {
	c := f.Have.Registered()
	r := templates.ContactRow{Kind: "email", Masked: c.Masked, Status: statusWord(c.Status), Since: c.ConfirmedAt, Registered: true}
	if c.ID == "" { // an account whose address was never put among the contacts
		r.Masked, r.Status = f.User.Username, statusWord(mfa.ContactUnverified)
	}
	var may buttons
	if c.ID != "" && c.Status != mfa.ContactConfirmed {
		may.Actions = append(may.Actions, templates.RowAction{Label: templates.DoConfirm, URL: f.Base + verifyPath})
	}
	f.offer(&may, templates.DoChange, mfa.Start{Kind: policy.Email, Verb: mfa.VerbChange, Account: true})
	may.block(templates.DoRemove, templates.BlockedRegistered)
	r.Actions, r.Blocked = may.Actions, may.Blocked
	return r
}

// verifyPath is the page that sends the letter by which the account's own address is
// confirmed.
const verifyPath = "/verify-email"

// phoneKind is the method by which the user's number is proved: one that reaches
// it, or the first that is on; "" where the tenant has none.
func (f facts) phoneKind() policy.Kind {
	var first policy.Kind
	c := f.Have.Phone()
	for _, k := range []policy.Kind{policy.SMS, policy.Voice} {
		if !f.Policy.Methods[k].Enabled {
			continue
		}
		if c.ID != "" && f.unreachable(k, c) == "" {
			return k
		}
		if first == "" {
			first = k
		}
	}
	return first
}

// phoneRow is the user's number. One that was never proved may be confirmed as it
// is, or be typed anew, for which the old one is not asked.
func (f facts) phoneRow() templates.ContactRow {
	c, kind := f.Have.Phone(), f.phoneKind()
	if kind == "" {
		kind = policy.SMS // none is on; the number may go
	}
	r := templates.ContactRow{Kind: "phone", Masked: c.Masked, Status: statusWord(c.Status), Since: c.ConfirmedAt}
	if c.ID == "" {
		pending := f.pendingPhone()
		r.Masked, r.Status = pending.Masked, statusWord(pending.Status)
	}
	may := f.phoneButtons(c, kind)
	r.Actions, r.Blocked = may.Actions, may.Blocked
	return r
}

// phoneButtons are those of the number c. Where one method alone may be on, to
// confirm a number is to choose it, and stands in the choice. One that was confirmed and
// is not in use may be changed there all the same, by who can read its messages: that
// turns nothing on.
func (f facts) phoneButtons(c mfa.Contact, kind policy.Kind) buttons {
	var may buttons
	gone := mfa.Start{Kind: kind, Verb: mfa.VerbRemove, ContactID: c.ID}
	switch {
	case c.ID == "":
		if !f.exclusive() {
			f.offer(&may, templates.DoAdd, mfa.Start{Kind: kind, Verb: mfa.VerbEnable})
		}
		return may
	case c.Status == mfa.ContactConfirmed:
		if !f.exclusive() || bound(c, f.Have) || f.unreachable(kind, c) == "" {
			f.offer(&may, templates.DoChange, mfa.Start{Kind: kind, Verb: mfa.VerbChange, ContactID: c.ID})
		}
		f.offer(&may, templates.DoRemove, gone)
		return may
	case !f.exclusive():
		reason := f.unreachable(kind, c)
		if reason == "" {
			f.offer(&may, templates.DoConfirm, mfa.Start{Kind: kind, Verb: mfa.VerbEnable, ContactID: c.ID})
		} else {
			may.block(templates.DoConfirm, reason)
		}
		f.offer(&may, templates.DoEdit, mfa.Start{Kind: kind, Verb: mfa.VerbEnable})
	}
	if f.refusal(gone) == "" {
		f.offer(&may, templates.DoRemove, gone)
	}
	if f.exclusive() && f.option(kind).Reason == "" {
		may.block(templates.DoConfirm, templates.BlockedChoice)
	}
	return may
}

// statusWord is the state of a contact as the pages and the apps know it. A number
// that staff took back is one that has to be proved anew.
func statusWord(s mfa.ContactStatus) string {
	switch s {
	case mfa.ContactConfirmed:
		return "confirmed"
	case mfa.ContactPending:
		return "pending"
	case mfa.ContactUnverified, mfa.ContactRevoked:
		return "unverified"
	case mfa.ContactReplaced, mfa.ContactRemoved:
	}
	return ""
}
