package settings

import (
	"maps"
	"slices"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// confirmPage says what st takes away from somebody with e and so many trusted
// devices, or why it cannot be done.
func confirmPage(st mfa.Start, p *policy.Policy, e mfa.Enrolments, devices int) templates.ConfirmChangePage {
	t := targetOf(st, e)
	o := mfa.Operation{Kind: st.Kind, Verb: st.Verb}
	o.State.OldKind, o.State.OldContactID, o.State.OldFactorID = st.Kind, t.contact.ID, t.factor.ID
	page := templates.ConfirmChangePage{
		Change: changeOf(o, "", isPasskey(t.factor)), Fields: startFields(st), Masked: t.contact.Masked,
	}
	if st.FactorID != "" {
		page.Name = t.factor.Label
	}
	stages, err := o.Stages(p, e)
	if err != nil {
		page.Refused = refusalReason(refusedStart(err, st, p, e))
		return page
	}
	page.Next = slices.ContainsFunc(stages, func(stage []policy.Proof) bool {
		return !slices.Equal(stage, []policy.Proof{policy.ProofFreshLogin})
	})
	page.Losses = losses(st, p, e, t, devices)
	if st.Verb == mfa.VerbDisable && stages.Has(policy.ProofCodeCurrent) {
		page.NextTo = t.contact.Masked
	}
	page.Alone = endsTwoStep(st, p, e)
	return page
}

// endsTwoStep reports whether st takes the only second step of an account whose login
// needs none.
func endsTwoStep(st mfa.Start, p *policy.Policy, e mfa.Enrolments) bool {
	on := e.SecondFactors()
	return st.Verb == mfa.VerbDisable && len(on) == 1 && on[0] == st.Kind && p.Enforcement.Mode != policy.ModeDisabled
}

// target is what a change is about, as far as it is there.
type target struct {
	contact mfa.Contact
	factor  mfa.Factor
}

// targetOf finds what st speaks of; the one in use where it names none.
func targetOf(st mfa.Start, e mfa.Enrolments) target {
	var t target
	for _, f := range e.Factors {
		if f.Kind == st.Kind && f.Status == mfa.FactorActive && (st.FactorID == "" || st.FactorID == f.ID) {
			t.factor = f
			break
		}
	}
	id := t.factor.ContactID
	if st.ContactID != "" {
		id = st.ContactID
	}
	for _, c := range e.Contacts {
		if id != "" && c.ID == id {
			t.contact = c
		}
	}
	if t.contact.ID == "" && st.Verb == mfa.VerbRemove && (st.Kind == policy.SMS || st.Kind == policy.Voice) {
		t.contact = e.Phone()
	}
	return t
}

// isPasskey reports whether f is a key that knows the account by itself, or that a
// password manager keeps.
func isPasskey(f mfa.Factor) bool {
	return f.Credential != nil && (f.Credential.Discoverable || f.Credential.BackupEligible)
}

// losses are the lines of the page that asks once more: first what goes, then what
// stays.
func losses(st mfa.Start, p *policy.Policy, e mfa.Enrolments, t target, devices int) []templates.Loss {
	var list []templates.Loss
	lose := func(what string, n int) { list = append(list, templates.Loss{What: what, N: n}) }
	keep := func(what string, n int) { list = append(list, templates.Loss{What: what, N: n, Stays: true}) }
	methods, codes := len(e.SecondFactors()), codesLeft(e)
	switch st.Verb {
	case mfa.VerbSwitchOff:
		if p.Selection.UserMax == 1 && methods > 0 {
			lose(templates.LossMethods, methods)
		} else if methods > 0 {
			keep(templates.LossMethods, methods)
		}
	case mfa.VerbDisable:
		list = append(list, lossesOf(st.Kind, e)...)
		if st.Kind.Delivered() {
			keep(templates.LossContact, 0)
		}
	case mfa.VerbRemove:
		users := slices.DeleteFunc(slices.Clone(e.Factors), func(f mfa.Factor) bool {
			return f.Status != mfa.FactorActive || t.contact.ID == "" || f.ContactID != t.contact.ID
		})
		if len(users) > 0 {
			lose(templates.LossMethods, len(users))
		}
	case mfa.VerbEnable, mfa.VerbChange, mfa.VerbSwitchOn:
	}
	if st.Verb == mfa.VerbSwitchOff && codes > 0 {
		keep(templates.LossCodes, codes)
	}
	if devices > 0 && (st.Verb != mfa.VerbRemove || bound(t.contact, e) || t.factor.ID != "") {
		lose(templates.LossDevices, devices)
	}
	if st.Verb == mfa.VerbSwitchOff && asksAlways(p) {
		keep(templates.LossActions, 0)
	}
	return list
}

// lossesOf is what goes with all factors of a kind.
func lossesOf(k mfa.Method, e mfa.Enrolments) []templates.Loss {
	keys := slices.DeleteFunc(slices.Clone(e.Factors), func(f mfa.Factor) bool {
		return f.Kind != policy.WebAuthn || f.Status != mfa.FactorActive
	})
	codes := codesLeft(e)
	switch {
	case k == policy.WebAuthn && len(keys) > 0:
		return []templates.Loss{{What: templates.LossPasskeys, N: len(keys)}}
	case k == policy.PIN:
		return []templates.Loss{{What: templates.LossPIN}}
	case (k == policy.TOTP || k == policy.RecoveryCodes) && codes > 0:
		return []templates.Loss{{What: templates.LossCodes, N: codes}} // they end with the app
	}
	return nil
}

// codesLeft is how many recovery codes still work.
func codesLeft(e mfa.Enrolments) int {
	left := 0
	for _, f := range e.Factors {
		if f.Kind == policy.RecoveryCodes && f.Status == mfa.FactorActive {
			left += f.CodesLeft
		}
	}
	return left
}

// asksAlways reports whether an app's action asks for a proof whatever the user's
// switch says.
func asksAlways(p *policy.Policy) bool {
	own := []string{policy.ActionLogin, policy.ActionMFAEnable, policy.ActionMFADisable}
	for _, name := range slices.Sorted(maps.Keys(p.Actions)) {
		a := p.Actions[name]
		if !slices.Contains(own, name) && a.Applies == policy.AppliesAlways && len(a.Stages) > 0 {
			return true
		}
	}
	return false
}
