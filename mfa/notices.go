package mfa

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// tell queues the notice of event, once for each who gets it, if the policy mails it.
// contactID is who gets it, "" for the registered address.
func (p *planner) tell(event policy.Event, contactID string) {
	event = p.named(event)
	if !p.d.Policy.Notify.EmailEvents.Has(event) {
		return
	}
	about := p.e.contact(p.o.State.ContactID)
	if about.ID == "" {
		about = p.e.contact(p.o.State.OldContactID)
	}
	n := Notice{Kind: string(event), ContactID: contactID, Method: p.o.Kind, Masked: about.Masked}
	if !slices.Contains(p.effect.Change.Notices, n) {
		p.effect.Change.Notices = append(p.effect.Change.Notices, n)
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
