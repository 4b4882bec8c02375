package settings

import (
	"slices"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// lifeStep is what the page of an operation shows.
type lifeStep string

// The steps of an operation.
const (
	stepNumber    lifeStep = "number"     // a telephone number is entered
	stepAddress   lifeStep = "address"    // a mail address is entered
	stepPassword  lifeStep = "password"   // the account's password
	stepProof     lifeStep = "proof"      // a challenge
	stepPIN       lifeStep = "pin"        // the PIN alone
	stepNewPIN    lifeStep = "new_pin"    // a PIN is chosen
	stepMakeCodes lifeStep = "make_codes" // recovery codes are made
	stepFinish    lifeStep = "finish"     // nothing but the last word is missing
	stepLogin     lifeStep = "login"      // only a login that is fresh enough is missing
)

// stepOf is what an operation wants next. A new PIN and recovery codes take a PIN
// that is still to be proved on their own form.
func stepOf(v mfa.View) lifeStep {
	alone := v.Complete || lastIsPIN(v)
	switch {
	case alone && makes(v.Operation, policy.PIN):
		return stepNewPIN
	case alone && makes(v.Operation, policy.RecoveryCodes):
		return stepMakeCodes
	case v.Complete:
		return stepFinish
	case v.NeedsContact && v.Kind == policy.Email:
		return stepAddress
	case v.NeedsContact:
		return stepNumber
	case v.Password:
		return stepPassword
	case v.Proof != "":
		return stepProof
	case v.PIN:
		return stepPIN
	}
	return stepLogin
}

// makes reports whether the operation ends with something of kind k that is chosen
// or shown.
func makes(o mfa.Operation, k mfa.Method) bool {
	return o.Kind == k && (o.Verb == mfa.VerbEnable || o.Verb == mfa.VerbChange)
}

// lastIsPIN reports whether the PIN is the only proof that is missing in all.
func lastIsPIN(v mfa.View) bool {
	return v.Stage == len(v.Stages)-1 && len(v.Missing) == 1 && v.Missing[0] == policy.ProofPIN
}

// ends reports whether the operation is done with its last proof, without anything
// more to be chosen.
func ends(o mfa.Operation) bool { return !makes(o, policy.PIN) && !makes(o, policy.RecoveryCodes) }

// adds reports whether the operation brings in an address or number.
func adds(o mfa.Operation) bool {
	return (o.Verb == mfa.VerbEnable || o.Verb == mfa.VerbChange) && o.Kind.Delivered()
}

// progressOf counts the forms of an operation: a new contact, the stages, and what
// is chosen at the end. Nothing is counted where there is one form only, nor where a
// contact is there already: its form may be skipped, and a count that begins with 2 tells
// of a step that nobody has seen.
func progressOf(v mfa.View, p *policy.Policy) templates.Progress {
	file, _ := onFile(v, p)
	if adds(v.Operation) && file.ID != "" {
		return templates.Progress{}
	}
	step, steps := 1, 0
	for i, stage := range v.Stages {
		asked := slices.ContainsFunc(stage, func(p policy.Proof) bool { return p != policy.ProofFreshLogin })
		if !asked {
			continue
		}
		steps++
		if i < v.Stage {
			step++
		}
	}
	if adds(v.Operation) {
		steps++
		if v.State.ContactID != "" {
			step++
		}
	}
	if !ends(v.Operation) && !endsWithPIN(v.Stages) {
		steps++
	}
	if steps < 2 {
		return templates.Progress{}
	}
	return templates.Progress{Step: min(step, steps), Steps: steps}
}

// endsWithPIN reports whether the last stage is the PIN alone, which is then on the
// form that ends the operation.
func endsWithPIN(stages policy.Stages) bool {
	return len(stages) > 0 && slices.Equal(stages[len(stages)-1], []policy.Proof{policy.ProofPIN})
}

// changeOf names what is being changed, as a templates.Change constant.
func changeOf(o mfa.Operation, proof policy.Proof, passkey bool) string {
	switch o.Verb {
	case mfa.VerbSwitchOn:
		return templates.ChangeTurnOn2FA
	case mfa.VerbSwitchOff:
		return templates.ChangeTurnOff2FA
	case mfa.VerbEnable:
		if o.State.OldKind != "" && proof == policy.ProofCodeCurrent {
			return templates.ChangeSwitchMethod
		}
	case mfa.VerbRemove:
		switch {
		case o.Kind == policy.Email:
			return templates.ChangeRemoveEmail
		case o.Kind != policy.WebAuthn:
			return templates.ChangeRemovePhone
		case passkey:
			return templates.ChangeRemovePasskey
		}
		return templates.ChangeRemoveKey
	case mfa.VerbDisable, mfa.VerbChange:
	}
	return string(o.Kind) + "." + string(o.Verb)
}

// newsOf is what a finished operation has done, as a templates.Done constant.
func newsOf(o mfa.Operation, p *policy.Policy) string {
	contact := o.Kind.Delivered()
	switch o.Verb {
	case mfa.VerbSwitchOn:
		return templates.DoneMFAEnabled
	case mfa.VerbSwitchOff:
		return templates.DoneMFADisabled
	case mfa.VerbDisable:
		return templates.DoneFactorRemoved
	case mfa.VerbRemove:
		if contact {
			return templates.DoneContactRemoved
		}
		return templates.DoneFactorRemoved
	case mfa.VerbEnable, mfa.VerbChange:
	}
	switch {
	case o.Kind == policy.RecoveryCodes && o.Verb == mfa.VerbChange:
		return templates.DoneCodesReplaced
	case o.Kind == policy.RecoveryCodes:
		return templates.DoneCodesMade
	case o.Verb == mfa.VerbChange && o.Kind == policy.PIN:
		return templates.DonePINChanged
	case o.Verb == mfa.VerbChange && contact:
		return templates.DoneContactChanged
	case o.Verb == mfa.VerbChange:
		return templates.DoneFactorChanged
	case contact && p.Enforcement.Mode == policy.ModeDisabled:
		return templates.DoneContactConfirmed // here a number is a contact, and no second step
	}
	return templates.DoneFactorAdded
}
