package policy

import (
	"maps"
	"slices"
)

// Mask returns p as far as engine can enforce it, for a demo that shows a policy
// of which not everything exists yet. p itself is not changed.
//
// What the engine lacks goes away; nothing becomes easier than p says:
//
//   - Methods are switched off, and disappear from fallback_to, from
//     tenant_multi_must_include and from the lists of actions.
//   - An action goes away as a whole if one of its stages, its binding or its
//     preconditions cannot be run, or if none of its methods is left: asked for,
//     it is unknown and refused. Stages are never dropped.
//   - auth.login cannot go away, because the mode would stand in for it and might
//     ask for less. It stays as it is, and so does its list of methods if none of
//     them would be left, which then lets nobody in.
//   - Without a PIN, a change to a method that takes the PIN is forbidden.
//   - Without voice, fixed lines are not accepted.
//   - delivery.first that lost its method becomes user_choice.
//   - Other fields that are not enforced go back to what asks for nothing.
//
// notYet names what was taken away, for people to read: the methods that were
// switched off, in the order of [Kinds], then the actions as "action:<name>".
//
// Not every policy has a masked form that makes sense: one that demands totp of
// everybody has none where totp is missing. So call [Validate] and [Unsupported]
// on the result, and do not use it if they find a mistake. For the presets they
// find none, as a test shows.
func Mask(p Policy, engine Capabilities) (masked Policy, notYet []string) {
	masked = p
	masked.Methods = maps.Clone(p.Methods)
	for _, k := range p.enabled(kinds) {
		if engine.lacks(k) {
			m := p.Methods[k]
			m.Enabled = false
			masked.Methods[k] = m
			notYet = append(notYet, string(k))
		}
	}
	masked.Delivery.FallbackTo = p.Delivery.FallbackTo.without(engine.lacks)
	masked.Selection.TenantMultiMustInclude = p.Selection.TenantMultiMustInclude.without(engine.lacks)
	notYet = append(notYet, maskActions(&masked, p, engine)...)
	maskLifecycle(&masked)
	maskVoice(&masked)
	if len(firstMethodExists(candidate{Policy: masked})) > 0 {
		masked.Delivery.First = FirstUserChoice
	}
	for _, f := range fieldFeatures {
		if !engine.Features.Has(f.feature) && f.asked(masked) {
			f.clear(&masked)
		}
	}
	return masked, notYet
}

// maskActions gives masked the actions of p that engine can run, and returns the
// names of the others.
func maskActions(masked *Policy, p Policy, engine Capabilities) (gone []string) {
	masked.Actions = maps.Clone(p.Actions)
	for _, name := range p.actionNames() {
		a := p.Actions[name]
		methods := a.Methods.without(engine.lacks)
		emptied := len(a.Methods) > 0 && len(methods) == 0
		if !emptied { // an empty list would mean every method
			a.Methods = methods
			masked.Actions[name] = a
		}
		if name == ActionLogin {
			continue
		}
		stranded := passable(a.Stages, p.ActionMethods(name)) && !passable(a.Stages, masked.ActionMethods(name))
		if emptied || stranded || !engine.canRun(name, a) {
			delete(masked.Actions, name)
			gone = append(gone, "action:"+name)
		}
	}
	return gone
}

// passable reports whether methods suffice for those proofs of stages that come
// from the methods of an action.
func passable(stages Stages, methods []Kind) bool {
	if stages.Has(ProofDeliveredCode) && !slices.ContainsFunc(methods, Kind.Delivered) {
		return false
	}
	return len(methods) > 0 || !stages.Has(ProofSecondFactor)
}

// maskLifecycle forbids what would take a PIN that is off. To drop the PIN from
// the stages would make the change easier than the tenant wants.
func maskLifecycle(masked *Policy) {
	if masked.Methods[PIN].Enabled {
		return
	}
	masked.Lifecycle = maps.Clone(masked.Lifecycle)
	for k, l := range masked.Lifecycle {
		for _, ceremony := range []*Ceremony{&l.Enable, &l.Disable, &l.Change} {
			if ceremony.Stages.Has(ProofPIN) {
				*ceremony = Ceremony{Forbidden: true}
			}
		}
		masked.Lifecycle[k] = l
	}
}

// maskVoice stops taking numbers that could only be called.
func maskVoice(masked *Policy) {
	if masked.Methods[Voice].Enabled {
		return
	}
	phone := &masked.Contacts.Phone
	fixed := func(t LineType) bool { return t == LineFixed }
	phone.LineTypes = phone.LineTypes.without(fixed)
	phone.VoiceTo = phone.VoiceTo.without(fixed)
	if len(phone.LineTypes) == 0 { // the schema wants one
		phone.LineTypes = defaultContacts().Phone.LineTypes
	}
}
