package settings

import (
	"errors"
	"net/url"
	"slices"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// refusal is why the operation cannot be begun, as a reason of the templates or the
// name of a flag; "" if it can. [mfa.Service.StartOperation] judges again: what is
// left out here is not offered, what is offered may still be refused there.
func (f facts) refusal(st mfa.Start) string {
	reason := f.phoneKept(st)
	if reason != "" {
		return reason
	}
	o := f.operation(st)
	stages, err := o.Stages(f.Policy, f.Have)
	switch {
	case errors.Is(err, mfa.ErrInUse):
		return templates.BlockedInUse
	case err != nil:
		return f.forbidden(st)
	case f.adds(st) && !f.Policy.Methods[st.Kind].Enabled:
		return templates.BlockedForbidden
	case f.last(o):
		return templates.BlockedLast
	case f.full(o):
		return templates.ReasonLimit
	}
	return f.missing(stages, o)
}

// phoneKept is what keeps the number as it is: the policy, or a flag that an app
// has set. The first number is no change, nor is the confirmation of the one that is
// there.
func (f facts) phoneKept(st mfa.Start) string {
	had := f.Have.Phone().ID
	switch {
	case st.Kind != policy.SMS && st.Kind != policy.Voice, st.Verb == mfa.VerbDisable, had == "",
		st.Verb == mfa.VerbEnable && st.ContactID == had:
		return ""
	case st.Verb != mfa.VerbRemove && f.Policy.Contacts.Phone.Change == policy.Forbidden:
		return templates.BlockedForbidden
	}
	return f.flagged()
}

// forbidden says more exactly what the policy does not allow.
func (f facts) forbidden(st mfa.Start) string {
	switch {
	case st.Verb == mfa.VerbRemove && st.Kind != policy.WebAuthn:
		return templates.BlockedNeverGoes
	case st.Verb == mfa.VerbSwitchOff && f.Policy.Enforcement.Mode == policy.ModeRequired:
		return templates.BlockedRequired
	}
	return templates.BlockedForbidden
}

func (f facts) adds(st mfa.Start) bool {
	return !st.Account && (st.Verb == mfa.VerbEnable || st.Verb == mfa.VerbChange)
}

// operation is what st would begin.
func (f facts) operation(st mfa.Start) mfa.Operation {
	o := mfa.Operation{Kind: st.Kind, Verb: st.Verb}
	o.State.Account = st.Account
	switch st.Verb {
	case mfa.VerbEnable:
		o.State.ContactID = st.ContactID
		old, gives := f.givesWay(st.Kind)
		if gives {
			o.State.OldKind, o.State.OldContactID, o.State.OldFactorID = old.Kind, old.ContactID, old.ID
		}
	case mfa.VerbDisable, mfa.VerbChange, mfa.VerbRemove:
		o.State.OldKind, o.State.OldContactID, o.State.OldFactorID = st.Kind, st.ContactID, st.FactorID
		on := f.active(st.Kind)
		if st.FactorID == "" && st.ContactID == "" && len(on) > 0 {
			o.State.OldContactID, o.State.OldFactorID = on[0].ContactID, on[0].ID
		}
	case mfa.VerbSwitchOn, mfa.VerbSwitchOff:
	}
	return o
}

// givesWay is the method that k takes the place of, where one replaces the other.
func (f facts) givesWay(k policy.Kind) (mfa.Factor, bool) {
	if f.Policy.Selection.Switch != policy.SwitchReplace || len(f.on()) < f.Policy.Selection.UserMax || !slices.Contains(secondSteps, k) {
		return mfa.Factor{}, false
	}
	for _, other := range f.Have.Factors {
		if other.Status == mfa.FactorActive && other.Kind != k && slices.Contains(secondSteps, other.Kind) {
			return other, true
		}
	}
	return mfa.Factor{}, false
}

// on are the kinds of second step that the user has.
func (f facts) on() []policy.Kind { return f.Have.SecondFactors() }

// last reports whether o takes the last second step of somebody who must have one.
func (f facts) last(o mfa.Operation) bool {
	if f.Policy.Enforcement.Mode != policy.ModeRequired || !slices.Contains(secondSteps, o.Kind) ||
		o.Verb != mfa.VerbDisable && o.Verb != mfa.VerbRemove {
		return false
	}
	return !slices.ContainsFunc(f.Have.Factors, func(x mfa.Factor) bool {
		if x.Status != mfa.FactorActive || !slices.Contains(secondSteps, x.Kind) {
			return false
		}
		if o.Verb == mfa.VerbDisable {
			return x.Kind != o.Kind
		}
		return x.ID != o.State.OldFactorID && (o.State.OldContactID == "" || x.ContactID != o.State.OldContactID)
	})
}

// full reports whether the user has as many second steps as there can be.
func (f facts) full(o mfa.Operation) bool {
	return o.Verb == mfa.VerbEnable && slices.Contains(secondSteps, o.Kind) && !slices.Contains(f.on(), o.Kind) &&
		o.State.OldKind == "" && len(f.on()) >= f.Policy.Selection.UserMax
}

// missing is what a stage asks for and the user does not have.
func (f facts) missing(stages policy.Stages, o mfa.Operation) string {
	switch {
	case stages.Has(policy.ProofPIN) && len(f.active(policy.PIN)) == 0:
		return templates.BlockedPIN
	case stages.Has(policy.ProofSecondFactor) && len(f.on()) == 0:
		return templates.ReasonFirst
	case stages.Has(policy.ProofCodeCurrent) && o.State.OldContactID != "" && f.contact(o.State.OldContactID).Status != mfa.ContactConfirmed:
		return templates.ReasonUnverified
	case stages.Has(policy.ProofDeliveredCode) && !f.reached(o.Verb):
		return templates.ReasonUnverified
	}
	return ""
}

// reached reports whether a code could be delivered for an operation of that verb: no
// contact that was never confirmed gets one.
func (f facts) reached(v mfa.Verb) bool {
	action := "lifecycle"
	switch v {
	case mfa.VerbSwitchOn:
		action = policy.ActionMFAEnable
	case mfa.VerbSwitchOff:
		action = policy.ActionMFADisable
	case mfa.VerbEnable, mfa.VerbDisable, mfa.VerbChange, mfa.VerbRemove:
	}
	ask := mfa.Ask{
		Subject: f.User.Subject(), Policy: f.Policy, Purpose: mfa.PurposeLifecycle, Action: action, Proof: policy.ProofDeliveredCode, RP: f.RP,
	}
	return len(mfa.Options(ask, f.Have, nil, f.Now)) > 0
}

// buttons are those of a row, and what stands in place of those that are not
// offered.
type buttons struct {
	Actions []templates.RowAction
	Blocked []templates.Block
}

// offer adds the button for st, or why there is none. Each reason is told once.
func (f facts) offer(to *buttons, label string, st mfa.Start) {
	reason := f.refusal(st)
	switch {
	case reason == "":
		to.Actions = append(to.Actions, f.action(label, st))
	case reason != templates.BlockedInUse: // the row of the method offers to turn that off
		to.block(label, reason)
	}
}

func (to *buttons) block(label, reason string) {
	if !slices.ContainsFunc(to.Blocked, func(b templates.Block) bool { return b.Reason == reason }) {
		to.Blocked = append(to.Blocked, templates.Block{Label: label, Reason: reason})
	}
}

// action is the button that begins st: a form, or a link to a page that asks first
// where something is lost.
func (f facts) action(label string, st mfa.Start) templates.RowAction {
	fields := fieldsOf(st)
	switch st.Verb {
	case mfa.VerbDisable, mfa.VerbRemove, mfa.VerbSwitchOff:
		return templates.RowAction{Label: label, URL: confirmURL(f.Base, st)}
	}
	return templates.RowAction{Label: label, URL: f.Base + "/start", Post: true, Fields: fields}
}

// confirmURL is the page that asks before st is begun.
func confirmURL(base string, st mfa.Start) string {
	query := url.Values{}
	for _, field := range fieldsOf(st) {
		query.Set(field.Name, field.Value)
	}
	return base + "/confirm?" + query.Encode()
}

// fieldsOf are st as the forms of the life cycle post it.
func fieldsOf(st mfa.Start) []templates.Field {
	fields := startFields(st)
	if st.Account && !slices.ContainsFunc(fields, func(x templates.Field) bool { return x.Name == "account" }) {
		fields = append(fields, templates.Field{Name: "account", Value: "1"})
	}
	return fields
}
