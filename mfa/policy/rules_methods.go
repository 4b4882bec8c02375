package policy

import (
	"fmt"
	"slices"
)

// enabled returns the kinds of among that are switched on, in the order of among.
func (p Policy) enabled(among []Kind) []Kind {
	var on []Kind
	for _, k := range among {
		if p.Methods[k].Enabled {
			on = append(on, k)
		}
	}
	return on
}

// secondFactors returns the enabled factors that may stand alone at a login.
func (p Policy) secondFactors() []Kind {
	return slices.DeleteFunc(p.enabled(factors), func(k Kind) bool {
		m := p.Methods[k]
		return m.Role == RoleCompanion || !m.Uses.Has(UseLogin)
	})
}

// requiredModeHasMethod is V03: who must have a second step must be able to.
func requiredModeHasMethod(c candidate) []Finding {
	if c.Enforcement.Mode != ModeRequired || len(c.secondFactors()) > 0 {
		return nil
	}
	return found("enforcement.mode", "It is required, but no method can be used at a login; "+
		"enable email, sms, voice, totp or webauthn with use login, or choose another mode.")
}

// tenantSelection is V07.
func tenantSelection(c candidate) []Finding {
	on := c.enabled(factors)
	var all []Finding
	if len(on) > c.Selection.TenantMax {
		all = append(all, found("selection.tenant_max", "%d methods are on (%s), and at most %d may be; switch some off or raise tenant_max.",
			len(on), words(on), c.Selection.TenantMax)...)
	}
	if len(on) < 2 {
		return all
	}
	for _, k := range c.Selection.TenantMultiMustInclude {
		if !c.Methods[k].Enabled {
			all = append(all, found("selection.tenant_multi_must_include",
				"Several methods are on (%s), so %s must be one of them; enable it or keep only one method.", words(on), k)...)
		}
	}
	return all
}

// exclusiveMethod is V08: with one method per user there is nothing to fall back
// to, and a change has to swap.
func exclusiveMethod(c candidate) []Finding {
	if c.Selection.UserMax != 1 {
		return nil
	}
	var all []Finding
	if len(c.Delivery.FallbackTo) > 0 {
		all = append(all, found("delivery.fallback_to", "A user has one method only (selection.user_max is 1), so nothing can be fallen back to; write [].")...)
	}
	if c.Selection.Switch != SwitchReplace {
		all = append(all, found("selection.switch", "A user has one method only (selection.user_max is 1), so another one takes its place; write replace.")...)
	}
	return all
}

// firstMethodExists is V10.
func firstMethodExists(c candidate) []Finding {
	first := c.Delivery.First
	k, isKind := first.Kind()
	if isKind && !c.Methods[k].Enabled {
		return found("delivery.first", "It is %s, which is not enabled; enable it or choose another.", k)
	}
	primary := slices.DeleteFunc(c.enabled(kinds), func(k Kind) bool { return c.Methods[k].Role != RolePrimary })
	if first == FirstTenantPrimary && len(primary) != 1 {
		return found("delivery.first", "It is tenant_primary, which needs exactly one enabled method with role primary; there are %d.", len(primary))
	}
	return nil
}

// pinIsCompanion is V11: a PIN is knowledge like the password, so it never is a
// second factor.
func pinIsCompanion(c candidate) []Finding {
	var all []Finding
	if c.Methods[PIN].Role != RoleCompanion {
		all = append(all, found("methods.pin.role", "A PIN is never a second factor alone; write companion.")...)
	}
	stages := c.Actions[ActionLogin].Stages
	onlyPIN := len(stages) > 0 && !slices.ContainsFunc(stages, func(stage []Proof) bool {
		return slices.ContainsFunc(stage, func(p Proof) bool { return p != ProofPIN })
	})
	if onlyPIN {
		all = append(all, found(actionPath(ActionLogin, "stages"), "A PIN alone is no second step; add a stage with second_factor.")...)
	}
	return all
}

// enabledMethodsHaveLifecycle is V26.
func enabledMethodsHaveLifecycle(c candidate) []Finding {
	var all []Finding
	for _, k := range c.enabled(kinds) {
		_, ok := c.Lifecycle[k]
		if !ok {
			all = append(all, found(fmt.Sprintf("lifecycle.%s", k),
				"The method is enabled, so say how it is switched on, off and changed; add enable, disable and change.")...)
		}
	}
	return all
}

// optInCanBeUndone is V27: what a user may switch on, the user can switch off
// again, and never without a proof.
func optInCanBeUndone(c candidate) []Finding {
	mode := c.Enforcement.Mode
	if mode != ModeOptIn && mode != ModePrompt {
		return nil
	}
	if len(c.Actions[ActionMFADisable].Stages) > 0 {
		return nil
	}
	return found(join("actions", ActionMFADisable), "In mode %s a user may switch the second step off again; "+
		"add this action with at least one stage, such as [[\"second_factor\"]].", mode)
}

// fallbackEnabled is V09, a warning.
func fallbackEnabled(c candidate) []Finding {
	var all []Finding
	for _, k := range c.Delivery.FallbackTo {
		if !c.Methods[k].Enabled {
			all = append(all, found("delivery.fallback_to", "%s is not enabled, so it is ignored here; enable it or remove it.", k)...)
		}
	}
	return all
}

// onlyInterceptable is W03: users should be offered something stronger than a
// mailbox or the telephone network. Source: OWASP ASVS 5.0 6.6.1.
func onlyInterceptable(c candidate) []Finding {
	on := c.enabled(factors)
	if len(on) == 0 || c.Methods[TOTP].Enabled || c.Methods[WebAuthn].Enabled {
		return nil
	}
	return found("methods", "Only %s can be chosen, which others may intercept; consider totp or webauthn as well (ASVS 6.6.1).", words(on))
}
