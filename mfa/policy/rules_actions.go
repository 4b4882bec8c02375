package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// actionNames returns the names of the configured actions, sorted.
func (p Policy) actionNames() []string { return slices.Sorted(maps.Keys(p.Actions)) }

// disabledModeHasNoLoginStages is V04.
func disabledModeHasNoLoginStages(c candidate) []Finding {
	if c.Enforcement.Mode != ModeDisabled || len(c.Actions[ActionLogin].Stages) == 0 {
		return nil
	}
	return found(actionPath(ActionLogin, "stages"), "In mode disabled a login has no second step; remove the stages or choose another mode.")
}

// proofsMakeSense is V12: a stage nobody could ever pass, or one that proves
// nothing, is a mistake.
func proofsMakeSense(c candidate) []Finding {
	var all []Finding
	for _, k := range kinds {
		l, ok := c.Lifecycle[k]
		if !ok {
			continue
		}
		at := func(field string) string { return fmt.Sprintf("lifecycle.%s.%s", k, field) }
		if l.Enable.Stages.Has(ProofCodeCurrent) {
			all = append(all, found(at("enable"), "There is no current contact before the method is on; write code_new instead of code_current.")...)
		}
		if l.Disable.Stages.Has(ProofCodeNew) {
			all = append(all, found(at("disable"), "Nothing new is added when the method goes off; write code_current instead of code_new.")...)
		}
		all = append(all, notEmpty(at("enable"), l.Enable)...)
		all = append(all, notEmpty(at("change"), l.Change)...)
		all = append(all, c.pinIsOn(at("enable"), l.Enable.Stages)...)
		all = append(all, c.pinIsOn(at("disable"), l.Disable.Stages)...)
		all = append(all, c.pinIsOn(at("change"), l.Change.Stages)...)
	}
	for _, name := range c.actionNames() {
		all = append(all, c.pinIsOn(actionPath(name, "stages"), c.Actions[name].Stages)...)
	}
	return all
}

func notEmpty(path string, ceremony Ceremony) []Finding {
	if ceremony.Forbidden || len(ceremony.Stages) > 0 {
		return nil
	}
	return found(path, "It asks for no proof at all; add a stage, such as [[\"code_new\"]], or write forbidden.")
}

func (p Policy) pinIsOn(path string, stages Stages) []Finding {
	if p.Methods[PIN].Enabled || !stages.Has(ProofPIN) {
		return nil
	}
	return found(path, "It asks for the PIN, which is not enabled; enable methods.pin or remove the proof.")
}

// trustNeedsSecondStep is V15.
func trustNeedsSecondStep(c candidate) []Finding {
	if !c.TrustedDevice.Enabled || c.Enforcement.Mode != ModeDisabled {
		return nil
	}
	return found("trusted_device.enabled", "In mode disabled there is no second step to skip; write false or choose another mode.")
}

// bindingFitsMethods is V16: a text can only stand in a message, and only a
// security key can sign.
func bindingFitsMethods(c candidate) []Finding {
	var all []Finding
	for _, name := range c.actionNames() {
		a := c.Actions[name]
		methods := []Kind(a.Methods)
		if len(methods) == 0 {
			methods = c.ActionMethods(name)
		}
		unfit := slices.DeleteFunc(slices.Clone(methods), func(k Kind) bool { return canBind(k, a.Binding) })
		if len(unfit) > 0 {
			all = append(all, found(actionPath(name, "binding"), "It is %s, which %s cannot do; name other methods or choose page.", a.Binding, words(unfit))...)
		}
		if a.Binding == BindingSigned && len(methods) == 0 {
			all = append(all, found(actionPath(name, "binding"), "It is signed, which only webauthn can do; enable webauthn or choose page.")...)
		}
	}
	return all
}

func canBind(k Kind, b Binding) bool {
	switch b {
	case BindingMessage:
		return k.Delivered()
	case BindingSigned:
		return k == WebAuthn
	case BindingNone, BindingPage:
		return true
	}
	return false
}

// holdHasLength is V17.
func holdHasLength(c candidate) []Finding {
	if c.Recovery.HoldActions > 0 {
		return nil
	}
	var all []Finding
	for _, name := range c.actionNames() {
		if c.Actions[name].Hold {
			all = append(all, found(actionPath(name, "hold"), "It is true, but recovery.hold_actions_s is 0, so nothing would be held; set a time there or write false.")...)
		}
	}
	return all
}

// builtInNames is V28.
func builtInNames(c candidate) []Finding {
	configurable := []string{ActionLogin, ActionMFAEnable, ActionMFADisable}
	var all []Finding
	for _, name := range c.actionNames() {
		if builtIn(name) && !slices.Contains(configurable, name) {
			all = append(all, found(join("actions", name), "Names under %s are built in, and only %s can be set; choose another name.",
				strings.Join(builtInPrefixes, ", "), strings.Join(configurable, ", "))...)
		}
	}
	return all
}

// words joins names for a sentence.
func words[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}
