package mfa

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// switchApart reports whether two-step sign-in is switched by an action of its
// own. Else it is on as long as the user has a second factor.
func switchApart(p *policy.Policy) bool {
	_, apart := p.Actions[policy.ActionMFAEnable]
	return apart
}

// freshOnly are the stages of what the document says nothing about.
var freshOnly = policy.Stages{{policy.ProofFreshLogin}}

// Stages are the stages of o under p.
//
// Errors: [ErrForbidden].
func (o Operation) Stages(p *policy.Policy, e Enrolments) (policy.Stages, error) {
	stages, err := o.written(p, e)
	if err != nil || !o.firstCounts(e) {
		return stages, err
	}
	for _, held := range ofOld(stages) {
		if held.Proof == o.State.First || held.Proof == policy.ProofCodeCurrent || held.Proof == policy.ProofSecondFactor {
			return stages, nil // the document asks for as much
		}
	}
	return append(policy.Stages{{o.State.First}}, stages...), nil
}

// firstCounts reports whether what the user owes first can be given, and is not what the
// operation proves anyway.
func (o Operation) firstCounts(e Enrolments) bool {
	switch o.State.First {
	case policy.ProofSecondFactor:
		return len(e.secondFactors()) > 0
	case ProofEmailCode:
		return o.State.ContactID == "" || o.State.ContactID != e.registered().ID
	}
	return false
}

// ofOld are the proofs that the stages ask for before anything new, and that show that
// the user has what was enrolled before.
func ofOld(stages policy.Stages) []Wanted {
	var all []Wanted
	for i, stage := range stages {
		for _, proof := range stage {
			switch proof {
			case policy.ProofCodeNew:
				return all
			case policy.ProofCodeCurrent, policy.ProofSecondFactor, policy.ProofDeliveredCode, policy.ProofAnyFactor, ProofEmailCode:
				all = append(all, Wanted{i, proof})
			}
		}
	}
	return all
}

// written are the stages that the document has for o.
func (o Operation) written(p *policy.Policy, e Enrolments) (policy.Stages, error) {
	life, known := p.Lifecycle[o.Kind]
	switch o.Verb {
	case VerbSwitchOn, VerbSwitchOff:
		return switchStages(o.Verb, p)
	case VerbRemove:
		return removeStages(o, p, e)
	case VerbChange:
		if o.State.Account {
			return accountStages(p, life, known, e)
		}
		return adding(o.Kind, life.Change, known)
	case VerbDisable:
		return open(life.Disable, known)
	case VerbEnable:
		stages, err := adding(o.Kind, life.Enable, known)
		switch {
		case err != nil:
			return nil, err
		case o.State.Reset:
			return append(resetStages(e), stages...), nil
		case o.State.OldKind != "":
			// The method that gives way has to agree first.
			return append(policy.Stages{{policy.ProofCodeCurrent}}, stages...), nil
		}
		return stages, nil
	}
	return nil, ErrForbidden
}

// adding are the stages of what brings in something new. It has to be proved,
// whether a document says so or not.
func adding(k Method, c policy.Ceremony, known bool) (policy.Stages, error) {
	stages, err := open(c, known)
	if err != nil || !slices.Contains(counted, k) || stages.Has(policy.ProofCodeNew) {
		return stages, err
	}
	return append(slices.Clone(stages), []policy.Proof{policy.ProofCodeNew}), nil
}

// resetStages are what a PIN takes that died of too many wrong tries, beside what a
// new one takes: a second factor, or the password where the user has none.
//
// Source: mfa.md 4.6.
func resetStages(e Enrolments) policy.Stages {
	if len(e.secondFactors()) > 0 {
		return policy.Stages{{policy.ProofSecondFactor}}
	}
	return policy.Stages{{policy.ProofPassword}}
}

func open(c policy.Ceremony, known bool) (policy.Stages, error) {
	if !known || c.Forbidden {
		return nil, ErrForbidden
	}
	return c.Stages, nil
}

// switchStages are those of the actions mfa.enable and mfa.disable. Without the
// first, a fresh login is enough; without the second nobody may switch off.
func switchStages(v Verb, p *policy.Policy) (policy.Stages, error) {
	if p.Enforcement.Mode == policy.ModeRequired || p.Enforcement.Mode == policy.ModeDisabled {
		return nil, ErrForbidden
	}
	name := policy.ActionMFAEnable
	if v == VerbSwitchOff {
		name = policy.ActionMFADisable
	}
	a, ok := p.Action(name)
	if !ok && v == VerbSwitchOff {
		return nil, ErrForbidden
	}
	if len(a.Stages) == 0 {
		return freshOnly, nil
	}
	return a.Stages, nil
}

// accountStages are those of a new registered address. Where email is no method of
// the tenant, the user proves a second factor, or else that the old address is theirs,
// and the new one: with the password alone a thief would take the whole account along.
// Only an address that nobody ever confirmed gives way to the password.
func accountStages(p *policy.Policy, life policy.Lifecycle, known bool, e Enrolments) (policy.Stages, error) {
	if p.Contacts.Email.Change == policy.Forbidden {
		return nil, ErrForbidden
	}
	if known && p.Methods[policy.Email].Enabled {
		return adding(policy.Email, life.Change, known)
	}
	first := policy.ProofPassword
	switch {
	case len(e.secondFactors()) > 0:
		first = policy.ProofSecondFactor
	case e.registered().Status == ContactConfirmed:
		first = ProofEmailCode
	}
	return policy.Stages{{first}, {policy.ProofCodeNew}}, nil
}

// removeStages are those of switching off what stands in the way; a key that is one
// of several may go where keys may be changed.
func removeStages(o Operation, p *policy.Policy, e Enrolments) (policy.Stages, error) {
	life, known := p.Lifecycle[o.Kind]
	switch {
	case o.Kind == policy.WebAuthn:
		if len(e.active(policy.WebAuthn)) < 2 || life.Change.Forbidden {
			return open(life.Disable, known)
		}
		return policy.Stages{{policy.ProofSecondFactor}}, nil
	case !o.Kind.Delivered(), o.State.OldContactID == e.registered().ID:
		return nil, ErrForbidden
	case o.Kind == policy.Email:
		return e.disableAll(p, o.State.OldContactID)
	}
	switch p.Contacts.Phone.Remove {
	case policy.RemoveAllowed:
		return e.disableAll(p, o.State.OldContactID)
	case policy.RemoveWhileUnused:
		if e.inUse(o.State.OldContactID) {
			return nil, ErrInUse
		}
		return freshOnly, nil
	}
	return nil, ErrForbidden
}

// disableAll are the stages of switching off every method that needs the contact,
// the same ones once.
func (e Enrolments) disableAll(p *policy.Policy, contactID string) (policy.Stages, error) {
	var all policy.Stages
	for _, f := range e.Factors {
		if f.Status != FactorActive || f.ContactID != contactID {
			continue
		}
		life, known := p.Lifecycle[f.Kind]
		stages, err := open(life.Disable, known)
		if err != nil {
			return nil, err
		}
		for _, stage := range stages {
			if !slices.ContainsFunc(all, func(had []policy.Proof) bool { return slices.Equal(had, stage) }) {
				all = append(all, stage)
			}
		}
	}
	if len(all) == 0 {
		return freshOnly, nil
	}
	return all, nil
}
