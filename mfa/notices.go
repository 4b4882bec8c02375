package mfa

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Kinds of [Notice] that are finer than the event of the policy that mails them: what
// was there for the first time was not changed, and what is gone was not either.
const (
	NoticeContactConfirmed = "contact_confirmed"       // mailed as contact_changed
	NoticeContactRemoved   = "contact_removed"         // mailed as contact_changed
	NoticePINSet           = "pin_set"                 // mailed as pin_changed
	NoticeCodesReplaced    = "recovery_codes_replaced" // mailed as recovery_codes_made
)

// tell notes what has happened, and queues the notice of it, once for each who gets
// it, if the policy mails it. contactID is who gets it, "" for the registered address;
// what another contact is told as well has not happened twice.
func (p *planner) tell(event policy.Event, contactID string) {
	event = p.named(event)
	about := p.e.contact(p.o.State.ContactID)
	if about.ID == "" {
		about = p.e.contact(p.o.State.OldContactID)
	}
	n := Notice{Kind: p.kindOf(event), ContactID: contactID, Method: p.o.Kind, Masked: about.Masked}
	c := p.effect.Change
	if contactID == "" {
		c.Happened = append(c.Happened, n)
	}
	if p.d.Policy.Notify.EmailEvents.Has(event) && !slices.ContainsFunc(c.Notices, n.same) {
		c.Notices = append(c.Notices, n)
	}
}

// named is event in the words for the kinds that have some of their own.
func (p *planner) named(event policy.Event) policy.Event {
	if event != policy.EventFactorAdded && event != policy.EventFactorChanged {
		return event
	}
	switch p.o.Kind {
	case policy.RecoveryCodes:
		return policy.EventRecoveryCodesMade
	case policy.PIN:
		return policy.EventPINChanged
	}
	return event
}

// kindOf is the kind of a notice of event: that of the first time is another than
// that of all later ones.
func (p *planner) kindOf(event policy.Event) string {
	had := len(p.e.active(p.o.Kind)) > 0
	switch {
	case event == policy.EventRecoveryCodesMade && had:
		return NoticeCodesReplaced
	case event == policy.EventPINChanged && !had:
		return NoticePINSet
	case event == policy.EventContactChanged && p.o.Verb == VerbRemove:
		return NoticeContactRemoved
	case event == policy.EventContactChanged && len(p.effect.Retire)+len(p.effect.Disable) == 0:
		return NoticeContactConfirmed
	}
	return string(event)
}

// tellConsequences adds to what is told what else has ended or begun with the change.
// It is the last word of a plan.
func (p *planner) tellConsequences() {
	c := p.effect.Change
	also := p.alsoEnded()
	for _, k := range also {
		c.Happened = append(c.Happened, Notice{Kind: string(policy.EventFactorRemoved), Method: k})
	}
	about := []string{string(policy.EventMFAEnabled), string(policy.EventMFADisabled)}
	for i := range c.Notices {
		n := &c.Notices[i]
		if n.ContactID != "" || slices.Contains(about, n.Kind) {
			continue
		}
		n.Also = also
		switch {
		case c.SwitchTo == nil:
		case *c.SwitchTo:
			n.TwoStep = "on"
		default:
			n.TwoStep = "off"
		}
	}
}

// alsoEnded are the methods that end with the change and are not what it is about.
func (p *planner) alsoEnded() []Method {
	told := []Method{}
	if p.o.Verb != VerbRemove || p.o.Kind == policy.WebAuthn {
		told = append(told, p.o.Kind)
	}
	var also []Method
	for _, k := range policy.Kinds() {
		ended := slices.ContainsFunc(p.e.active(k), func(f Factor) bool { return slices.Contains(p.effect.Disable, f.ID) })
		again := slices.ContainsFunc(p.effect.Activate, func(f Factor) bool { return f.Kind == k })
		if ended && !again && !slices.Contains(told, k) {
			also = append(also, k)
		}
	}
	return also
}

// tellContact tells the registered address and, where the policy says so, the
// contact that was given up.
func (p *planner) tellContact() {
	p.tell(policy.EventContactChanged, "")
	p.tellOld()
}

// tellOld tells the contacts that are needed no more: those that end, and those whose
// method gave way to another.
func (p *planner) tellOld() {
	if !p.d.Policy.Notify.OldContactToo {
		return
	}
	for _, old := range p.e.Contacts {
		if old.Status != ContactConfirmed || old.Registered {
			continue
		}
		if slices.ContainsFunc(p.effect.Retire, func(r Retired) bool { return r.ContactID == old.ID }) {
			p.tell(policy.EventContactChanged, old.ID)
			continue
		}
		p.tellLost(old)
	}
}

// tellLost tells a contact that stays, and is no way to confirm any more. It is told
// of its own method, and of nothing that took its place.
func (p *planner) tellLost(c Contact) {
	if !p.d.Policy.Notify.EmailEvents.Has(policy.EventFactorRemoved) {
		return
	}
	for _, f := range p.e.Factors {
		if f.ContactID == c.ID && slices.Contains(p.effect.Disable, f.ID) {
			p.effect.Change.Notices = append(p.effect.Change.Notices, Notice{
				Kind: string(policy.EventFactorRemoved), ContactID: c.ID, Method: f.Kind, Masked: c.Masked,
			})
		}
	}
}

// signal queues what the policy wants the relying app to know, once in the life of
// the account.
func (p *planner) signal(when string) {
	for _, s := range p.d.Policy.Signals {
		if s.When != when || s.Channel != "" && s.Channel != p.o.Kind {
			continue
		}
		p.effect.Change.Signals = append(p.effect.Change.Signals, Signal{
			Event: s.Event, Value: s.Value, Dedupe: s.Event + "/" + p.o.Subject.UserID,
		})
	}
}
