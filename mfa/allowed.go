package mfa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// judged is what o takes, if it is allowed as things are: at its start, at every
// step, and once more in the transaction of its effect.
//
// Errors: [ErrForbidden]; [ErrChanged]; [*BlockedError]; [ErrTooMany]; [ErrInUse];
// [ErrAlready]; [ErrNoPIN]; [ErrUnverified]; [ErrNotFound] where there is nothing to be
// changed.
func judged(d Doer, o Operation, e Enrolments) (policy.Stages, error) {
	if !o.stands(e) {
		return nil, ErrChanged
	}
	stages, err := o.Stages(d.Policy, e)
	if err != nil {
		return nil, err
	}
	err = allowed(d, o, e)
	switch {
	case err != nil:
	case stages.Has(policy.ProofPIN) && !e.HasPIN():
		err = ErrNoPIN
	case stages.Has(ProofEmailCode) && e.registered().Status != ContactConfirmed:
		err = ErrUnverified
	}
	return stages, err
}

// stands reports whether what o is about is still as it was when o began. What a
// user has proved of one number is no proof for the next one.
func (o Operation) stands(e Enrolments) bool {
	st := o.State
	if st.OldFactorID != "" && !slices.ContainsFunc(e.active(st.OldKind), func(f Factor) bool {
		return f.ID == st.OldFactorID && f.ContactID == st.OldContactID
	}) {
		return false
	}
	if st.FactorID != "" && !slices.ContainsFunc(e.Factors, func(f Factor) bool { return f.ID == st.FactorID && f.Status == FactorPending }) {
		return false
	}
	return (st.OldContactID == "" || e.contact(st.OldContactID).ID != "") && (st.ContactID == "" || e.contact(st.ContactID).ID != "")
}

// reauthAge is how old the latest active login may be when an operation begins.
func reauthAge(p *policy.Policy, k Method) time.Duration {
	life, ok := p.Lifecycle[k]
	if !ok {
		return p.FreshLoginAge()
	}
	return life.ReauthMaxAge.Duration()
}

// allowed judges what the stages do not: flags, and how many.
func allowed(d Doer, o Operation, e Enrolments) error {
	err := blocked(d, o, e)
	if err != nil {
		return err
	}
	switch o.Verb {
	case VerbSwitchOn, VerbSwitchOff:
		return mayTurn(d, o.Verb, e)
	case VerbDisable:
		if len(e.active(o.Kind)) == 0 {
			return ErrNotFound
		}
		return mayGo(d, o, e)
	case VerbRemove:
		if o.State.OldContactID == "" && o.State.OldFactorID == "" {
			return ErrNotFound
		}
		return mayGo(d, o, e)
	}
	return mayAdd(d, o, e)
}

func mayTurn(d Doer, v Verb, e Enrolments) error {
	switch {
	case d.MFAEnabled == (v == VerbSwitchOn):
		return ErrAlready
	case v == VerbSwitchOn && !switchApart(d.Policy) && len(e.secondFactors()) == 0:
		return ErrNoMethod
	}
	return nil
}

// mayAdd judges what brings something in. A method that is on is changed, which may
// take more than to switch it on; keys alone may be several.
func mayAdd(d Doer, o Operation, e Enrolments) error {
	switch {
	case !o.State.Account && !d.Policy.Methods[o.Kind].Enabled:
		return ErrForbidden
	case o.Verb == VerbChange && o.State.OldContactID == "" && o.State.OldFactorID == "":
		return ErrNotFound
	case o.Verb == VerbChange:
		return nil
	case o.Kind != policy.WebAuthn && !o.State.Reset && len(e.active(o.Kind)) > 0:
		return ErrAlready
	case !slices.Contains(counted, o.Kind) || slices.Contains(e.SecondFactors(), o.Kind):
		return nil
	case len(e.SecondFactors()) >= d.Policy.Selection.UserMax && o.State.OldKind == "":
		return ErrTooMany
	}
	return nil
}

// mayGo keeps the last second factor of somebody who must have one.
func mayGo(d Doer, o Operation, e Enrolments) error {
	if d.Policy.Enforcement.Mode != policy.ModeRequired || !slices.Contains(counted, o.Kind) {
		return nil
	}
	left := slices.ContainsFunc(e.secondFactors(), func(f Factor) bool {
		if o.Verb == VerbDisable {
			return f.Kind != o.Kind
		}
		return f.ID != o.State.OldFactorID && (o.State.OldContactID == "" || f.ContactID != o.State.OldContactID)
	})
	if !left {
		return ErrForbidden
	}
	return nil
}

// blocked refuses another number in the place of the user's, where the policy
// forbids it or a flag on the account does. The first number is no change, nor is
// the confirmation of the one that is there.
func blocked(d Doer, o Operation, e Enrolments) error {
	if kindOfContact(o.Kind) != ContactPhone || !o.replacesPhone(e) {
		return nil
	}
	if d.Policy.Contacts.Phone.Change == policy.Forbidden && o.Verb != VerbRemove {
		return ErrForbidden
	}
	for _, flag := range d.Policy.Contacts.Phone.ChangeBlockedBy {
		if slices.Contains(d.Flags, flag) {
			return &BlockedError{Flag: flag}
		}
	}
	return nil
}

// replacesPhone reports whether the user's number gives way to another one, or goes.
func (o Operation) replacesPhone(e Enrolments) bool {
	switch o.Verb {
	case VerbChange, VerbRemove:
		return o.State.OldContactID != ""
	case VerbEnable:
		had := e.phone().ID
		return had != "" && o.State.ContactID != "" && o.State.ContactID != had
	}
	return false
}

// pinDied reports whether o makes a new PIN because the one before died of too many
// wrong tries.
func (s *Service) pinDied(ctx context.Context, d Doer, o Operation, e Enrolments) (bool, error) {
	if o.Kind != policy.PIN || !e.HasPIN() {
		return false, nil
	}
	died := false
	err := s.Store.UpdatePIN(ctx, d.Subject, func(p *PIN) error {
		died = p.TotalFails >= d.Policy.Lockout.PINHardFails
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return true, nil // there is a factor and nothing behind it: nobody can use it
	}
	if err != nil {
		return false, fmt.Errorf("mfa: pin: %w", err)
	}
	return died, nil
}
