package mfa

import (
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// planner works out the effect of a complete operation. Nothing in it is random or
// looks at a clock.
type planner struct {
	o   Operation
	d   Doer
	e   Enrolments
	now time.Time
	ids func() string

	effect Effect
}

// plan is the effect of o. pinHash and codes are what the user chose or gets.
func plan(o Operation, d Doer, e Enrolments, now time.Time, ids func() string) Effect {
	p := &planner{o: o, d: d, e: e, now: now, ids: ids}
	p.effect.At = now
	p.effect.Change = &Change{Subject: o.Subject, OperationID: o.ID, At: now, Device: d.Device}
	switch o.Verb {
	case VerbEnable:
		p.enable()
	case VerbChange:
		p.change()
	case VerbDisable:
		p.disableKind(o.Kind)
	case VerbRemove:
		p.remove()
	case VerbSwitchOn:
		p.turn(true)
	case VerbSwitchOff:
		p.turnOff()
	}
	p.settle()
	p.tellConsequences()
	return p.effect
}

func (p *planner) enable() {
	for _, f := range p.e.active(p.o.State.OldKind) {
		p.disable(f) // the method that gives way
	}
	p.add()
	if p.d.Policy.Enforcement.Mode == policy.ModeDisabled && p.o.Kind.Delivered() {
		p.tellContact() // here the number is a contact first, and no second step
		return
	}
	p.tell(policy.EventFactorAdded, "")
	p.tellOld()
}

// add brings in what the operation adds: a contact with its factor, or a factor.
func (p *planner) add() {
	switch p.o.Kind {
	case policy.Email, policy.SMS, policy.Voice:
		p.addContact()
	case policy.TOTP:
		for _, old := range p.e.active(policy.TOTP) {
			p.disable(old)
			p.voidCodes() // codes that were made for the old app end with it
		}
		i := slices.IndexFunc(p.e.Factors, func(f Factor) bool { return f.ID == p.o.State.FactorID })
		if i >= 0 {
			p.activate(p.e.Factors[i])
		}
	case policy.WebAuthn:
		c := credentialOf(p.o.State.Answer)
		p.activate(Factor{ID: p.ids(), Kind: policy.WebAuthn, Label: p.o.State.Label, Credential: c})
	case policy.RecoveryCodes, policy.PIN:
		for _, old := range p.e.active(p.o.Kind) {
			p.disable(old)
		}
		p.activate(Factor{ID: p.ids(), Kind: p.o.Kind})
	}
}

// addContact confirms the contact and makes it a factor. A phone takes the place
// of the one before, and so does an address, unless that is the account's own.
func (p *planner) addContact() {
	c := p.e.contact(p.o.State.ContactID)
	p.confirm(c)
	var carried []Method
	legacy := false
	for _, old := range p.e.Contacts {
		if old.ID == c.ID || old.Kind != c.Kind || old.Status == ContactPending && old.Source == SourceSelf {
			continue
		}
		legacy = legacy || old.Status != ContactConfirmed
		carried = append(carried, p.giveUp(old, c)...)
		if !old.Registered {
			p.retire(old, ContactReplaced, c.ID)
		}
	}
	if p.joins(carried, legacy) {
		carried = append([]Method{p.o.Kind}, carried...)
	}
	for i, k := range carried {
		if !slices.Contains(carried[:i], k) && p.e.activeFactor(k, c.ID).ID == "" {
			p.activate(Factor{ID: p.ids(), Kind: k, ContactID: c.ID})
		}
	}
}

// confirm makes c a confirmed contact, if it is none yet.
func (p *planner) confirm(c Contact) {
	if c.Status == ContactConfirmed {
		return
	}
	p.effect.Confirm = c.ID
	if c.Kind == ContactPhone {
		p.effect.Unique = p.d.Policy.Contacts.Phone.Unique == policy.UniqueConfirmedInTenant
		p.effect.Change.Phone = c.Value
	}
	if !p.o.State.Account {
		p.signal("contact_confirmed")
	}
}

// giveUp ends the methods that rest on old, and returns those that go over to c.
func (p *planner) giveUp(old, c Contact) []Method {
	var carried []Method
	for _, f := range p.e.Factors {
		if f.ContactID != old.ID || f.Status != FactorActive {
			continue
		}
		p.disable(f)
		if p.mayCarry(f.Kind, c) {
			carried = append(carried, f.Kind)
		}
	}
	return carried
}

// joins reports whether the method of the operation becomes a factor on the new
// contact. A change makes no second factor of a contact that was none before, but of
// one that was never verified: to correct that is to begin with it.
func (p *planner) joins(carried []Method, legacy bool) bool {
	switch {
	case p.o.Verb == VerbEnable:
		return true
	case len(p.effect.Disable) > 0:
		return len(carried) == 0
	}
	return legacy && len(p.e.SecondFactors()) < p.d.Policy.Selection.UserMax
}

// mayCarry reports whether method m can reach contact c at all.
func (p *planner) mayCarry(m Method, c Contact) bool {
	line := policy.LineType(c.LineType)
	switch m {
	case policy.SMS:
		return line != policy.LineFixed && p.d.Policy.Contacts.Phone.SMSTo.Has(line)
	case policy.Voice:
		return p.d.Policy.Contacts.Phone.VoiceTo.Has(line)
	}
	return true
}

func (p *planner) change() {
	switch {
	case p.o.State.Account:
		p.changeAccount()
		return
	case p.o.Kind == policy.PIN:
		p.add()
		p.tell(policy.EventPINChanged, "")
		return
	case p.o.Kind == policy.WebAuthn:
		for _, f := range p.e.active(policy.WebAuthn) {
			if f.ID == p.o.State.OldFactorID {
				p.disable(f)
			}
		}
	}
	p.add()
	if p.o.Kind.Delivered() {
		p.tellContact()
		return
	}
	p.tell(policy.EventFactorChanged, "")
}

// changeAccount makes the new address the registered one. What the old one was
// good for goes over.
func (p *planner) changeAccount() {
	c := p.e.contact(p.o.State.ContactID)
	p.confirm(c)
	p.effect.Registered, p.effect.Change.Email = c.ID, c.Value
	old := p.e.registered()
	for _, k := range p.giveUp(old, c) {
		if p.e.activeFactor(k, c.ID).ID == "" {
			p.activate(Factor{ID: p.ids(), Kind: k, ContactID: c.ID})
		}
	}
	p.retire(old, ContactReplaced, c.ID)
	p.tell(policy.EventContactChanged, "")
	p.tell(policy.EventContactChanged, old.ID) // whatever old_contact_too says: it was the account's
}

func (p *planner) remove() {
	if p.o.Kind == policy.WebAuthn {
		for _, f := range p.e.active(policy.WebAuthn) {
			if f.ID == p.o.State.OldFactorID {
				p.disable(f)
			}
		}
		p.tell(policy.EventFactorRemoved, "")
		return
	}
	c := p.e.contact(p.o.State.OldContactID)
	for _, f := range p.e.Factors {
		if f.ContactID == c.ID && f.Status == FactorActive {
			p.disable(f)
		}
	}
	p.retire(c, ContactRemoved, "")
	p.effect.Change.PhoneGone = c.Kind == ContactPhone
	p.tellContact()
}

// disableKind ends all factors of a kind. Their contacts stay.
func (p *planner) disableKind(k Method) {
	for _, f := range p.e.active(k) {
		p.disable(f)
	}
	if k == policy.TOTP {
		p.voidCodes()
	}
	p.tell(policy.EventFactorRemoved, "")
}

// voidCodes ends recovery codes together with the app they were made for.
func (p *planner) voidCodes() {
	for _, f := range p.e.active(policy.RecoveryCodes) {
		p.disable(f)
	}
}

// turnOff switches two-step sign-in off. Where a user has one method at a time,
// having none is what off means.
func (p *planner) turnOff() {
	p.turn(false)
	if p.d.Policy.Selection.UserMax != 1 {
		return
	}
	for _, f := range p.e.secondFactors() {
		p.disable(f)
	}
}

func (p *planner) turn(on bool) {
	if p.d.MFAEnabled == on {
		return
	}
	p.effect.Change.SwitchTo = &on
	p.effect.ForgetDevices = true
	if on {
		p.tell(policy.EventMFAEnabled, "")
		p.signal("mfa_enabled")
		return
	}
	p.tell(policy.EventMFADisabled, "")
}

// settle is what follows from the factors that are left.
func (p *planner) settle() {
	c := p.effect.Change
	if p.retiresPhone() {
		c.BlockedBy = p.d.Policy.Contacts.Phone.ChangeBlockedBy
	}
	if p.o.State.Reset {
		c.Hold = p.d.Policy.Recovery.HoldActions.Duration()
	}
	if slices.ContainsFunc(p.effect.Activate, func(f Factor) bool { return slices.Contains(counted, f.Kind) }) {
		p.signal("factor_added")
	}
	mode := p.d.Policy.Enforcement.Mode
	if c.SwitchTo != nil || mode == policy.ModeDisabled || switchApart(p.d.Policy) {
		return
	}
	left := p.left()
	if left != p.d.MFAEnabled && (left || mode != policy.ModeRequired) && p.changesSecondFactors() {
		p.turn(left)
	}
}

// left reports whether the user has a second factor after the effect.
func (p *planner) left() bool {
	kept := slices.ContainsFunc(p.e.secondFactors(), func(f Factor) bool { return !slices.Contains(p.effect.Disable, f.ID) })
	return kept || slices.ContainsFunc(p.effect.Activate, func(f Factor) bool { return slices.Contains(counted, f.Kind) })
}

func (p *planner) changesSecondFactors() bool {
	return slices.ContainsFunc(p.effect.Activate, func(f Factor) bool { return slices.Contains(counted, f.Kind) }) ||
		slices.ContainsFunc(p.e.secondFactors(), func(f Factor) bool { return slices.Contains(p.effect.Disable, f.ID) })
}

func (p *planner) retiresPhone() bool {
	return slices.ContainsFunc(p.effect.Retire, func(r Retired) bool { return p.e.contact(r.ContactID).Kind == ContactPhone })
}

func (p *planner) activate(f Factor) {
	f.Subject, f.Status, f.ExpiresAt = p.o.Subject, FactorActive, time.Time{}
	if f.CreatedAt.IsZero() {
		f.CreatedAt = p.now
	}
	f.LastUsedAt = p.now
	if p.d.IP.IsValid() {
		f.EnrolledIP = p.d.IP.String()
	}
	f.Exclusive = p.d.Policy.Selection.UserMax == 1 && slices.Contains(counted, f.Kind)
	p.effect.Activate = append(p.effect.Activate, f)
	p.effect.Forgive = append(p.effect.Forgive, f.guardKey())
	p.effect.ForgetDevices = true
}

func (p *planner) disable(f Factor) {
	if !slices.Contains(p.effect.Disable, f.ID) {
		p.effect.Disable = append(p.effect.Disable, f.ID)
		p.effect.ForgetDevices = true
	}
}

// retire ends a contact; its value stays barred for others as long as the policy
// says.
func (p *planner) retire(c Contact, to ContactStatus, by string) {
	r := Retired{ContactID: c.ID, Status: to, ReplacedBy: by}
	phone := p.d.Policy.Contacts.Phone
	if c.Kind == ContactPhone && c.Status == ContactConfirmed && phone.Unique == policy.UniqueConfirmedInTenant {
		switch phone.ReleaseAfterChange {
		case policy.ReleaseAtOnce:
		case policy.ReleaseAfterDays:
			r.Tombstone, r.Until = true, p.now.Add(time.Duration(phone.ReleaseDays)*24*time.Hour)
		default:
			r.Tombstone = true
		}
	}
	p.effect.Retire = append(p.effect.Retire, r)
}
