package settings

import (
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// twoStep is the switch. It is there where it has an action of its own, or the user
// has a second step to switch; where one method alone may be on, the choice is the
// switch.
func (f facts) twoStep() templates.TwoStep {
	_, apart := f.Policy.Actions[policy.ActionMFAEnable]
	switch {
	case f.Policy.Enforcement.Mode == policy.ModeDisabled:
		return templates.TwoStep{}
	case f.Policy.Enforcement.Mode == policy.ModeRequired:
		return templates.TwoStep{State: templates.StateRequired, Since: f.since(), OneWay: f.oneWay()}
	case f.exclusive(), !apart && len(f.on()) == 0 && !f.User.MFAEnabled:
		return templates.TwoStep{}
	}
	t := templates.TwoStep{State: templates.StateOff}
	verb := mfa.VerbSwitchOn
	if f.User.MFAEnabled {
		t.State, t.Since, verb = templates.StateOn, f.since(), mfa.VerbSwitchOff
	}
	t.Blocked = f.refusal(mfa.Start{Verb: verb})
	if t.Blocked == "" {
		t.Action = f.Base + "/two-step"
	}
	return t
}

// oneWay reports whether the policy has one kind of second step and no choice.
func (f facts) oneWay() bool {
	kinds := slices.DeleteFunc(f.ways(), func(k policy.Kind) bool {
		return !slices.Contains(secondSteps, k) || !f.Policy.Methods[k].Enabled
	})
	return len(kinds) < 2
}

// since is when the first of the user's second steps was set up; zero without one.
func (f facts) since() time.Time {
	var first time.Time
	for _, k := range secondSteps {
		for _, x := range f.active(k) {
			if first.IsZero() {
				first = x.CreatedAt
			}
			first = earlier(first, x.CreatedAt)
		}
	}
	return first
}

// choiceOff is the choice that is no method.
const choiceOff = "off"

// choice is the radio group where one method alone may be on; nil elsewhere.
func (f facts) choice() *templates.MethodChoice {
	if !f.exclusive() {
		return nil
	}
	choice := &templates.MethodChoice{Action: f.Base + "/choice", Since: f.since()}
	for _, k := range f.ways() {
		if slices.Contains(secondSteps, k) {
			choice.Options = append(choice.Options, f.option(k))
		}
	}
	off := templates.MethodOption{Method: choiceOff, Current: len(f.on()) == 0}
	if !off.Current {
		_, off.Reason = f.switchOff()
	}
	choice.Options = append(choice.Options, off)
	return choice
}

func (f facts) option(k policy.Kind) templates.MethodOption {
	o := templates.MethodOption{Method: string(k)}
	on := f.active(k)
	if len(on) > 0 {
		o.Current, o.Masked = true, f.contact(on[0].ContactID).Masked
		return o
	}
	if k == policy.SMS && f.Policy.Contacts.Phone.CountriesSMS.Empty() {
		o.Reason = templates.BlockedCountry
		return o
	}
	st, masked := f.choose(k)
	o.Masked, o.Reason = masked, f.refusal(st)
	c := f.Have.Phone()
	if k != policy.Email && k.Delivered() && c.ID != "" && f.unreachable(k, c) != "" {
		o.Masked, o.Reason = c.Masked, f.unreachable(k, c)
	}
	return o
}

// choose is what begins with method k: with the contact that is there, or one that
// is still to be typed. Masked shows the former. A number that was never confirmed may be
// wrong, so its page offers to use another one.
func (f facts) choose(k policy.Kind) (st mfa.Start, masked string) {
	st = mfa.Start{Kind: k, Verb: mfa.VerbEnable}
	if !k.Delivered() || k == policy.Email && f.Policy.Contacts.Email.FactorAddress != "registered" {
		return st, ""
	}
	c := f.standing(k)
	if k == policy.Email || c.Status == mfa.ContactConfirmed {
		st.ContactID = c.ID
	}
	return st, c.Masked
}

// switchOff is what turns the one method off, or why nothing does: the switch, or,
// where the policy has none, the method itself.
func (f facts) switchOff() (st mfa.Start, reason string) {
	st = mfa.Start{Verb: mfa.VerbSwitchOff}
	reason = f.refusal(st)
	if reason == "" && f.User.MFAEnabled {
		return st, ""
	}
	for _, k := range f.on() {
		st = mfa.Start{Kind: k, Verb: mfa.VerbDisable}
		return st, f.refusal(st)
	}
	return st, reason
}
