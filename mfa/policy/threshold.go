package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Threshold is what an action takes for more than an amount. What is left empty stays
// as the action has it.
type Threshold struct {
	Currency string  `json:"currency"` // such as EUR
	Above    string  `json:"above"`    // decimal, such as 1000.00; an amount that equals it is not above
	Stages   Stages  `json:"stages,omitempty"`
	Methods  []Kind  `json:"methods,omitempty"`
	Binding  Binding `json:"binding,omitempty"`
}

// Raised is a with every threshold laid over it for which over is true, in their order.
func (a Action) Raised(over func(Threshold) bool) Action {
	for _, t := range a.Thresholds {
		if !over(t) {
			continue
		}
		if len(t.Stages) > 0 {
			a.Stages = t.Stages
		}
		if len(t.Methods) > 0 {
			a.Methods = t.Methods
		}
		if t.Binding != "" {
			a.Binding = t.Binding
		}
	}
	return a
}

// Staged reports whether the user proves anything for the action; one that is not only
// checks a precondition, and has no page.
func (a Action) Staged() bool { return len(a.Stages) > 0 && a.Applies != AppliesUntilMet }

// Names reports whether a threshold is about currency. Where none is, nobody has said
// what is much, and the most is asked for.
func (a Action) Names(currency string) bool {
	return slices.ContainsFunc(a.Thresholds, func(t Threshold) bool { return t.Currency == currency })
}

// bindings are in order, the weakest first.
var bindings = []Binding{BindingNone, BindingPage, BindingMessage, BindingSigned}

// thresholdsRaise is V29: a larger amount takes as much as a smaller one, or more.
func thresholdsRaise(c candidate) []Finding {
	var all []Finding
	for _, name := range c.actionNames() {
		a := c.Actions[name]
		refuse := func(i int, field, format string, args ...any) {
			all = append(all, found(actionPath(name, "thresholds[%d].%s", i, field), format, args...)...)
		}
		highest := map[string]string{}
		for i, t := range a.Thresholds {
			before, had := highest[t.Currency]
			if had && compareDecimals(t.Above, before) <= 0 {
				refuse(i, "above", "It is not above %s of the same currency before it; put the smaller amount first.", before)
			}
			highest[t.Currency] = t.Above
			all = append(all, c.pinIsOn(actionPath(name, "thresholds[%d].stages", i), t.Stages)...)
			a.judgeThreshold(c, name, t, func(field, format string, args ...any) { refuse(i, field, format, args...) })
			a = a.Raised(func(o Threshold) bool { return o.Currency == t.Currency && o.Above == t.Above })
		}
	}
	return all
}

// judgeThreshold compares t with what the action takes below it.
func (a Action) judgeThreshold(c candidate, name string, t Threshold, refuse func(field, format string, args ...any)) {
	allowed := c.ActionMethods(name)
	unknown := slices.DeleteFunc(slices.Clone(t.Methods), func(k Kind) bool { return slices.Contains(allowed, k) })
	if len(unknown) > 0 {
		for _, k := range unknown {
			refuse("methods", "%s", c.whyNot(name, k))
		}
		return
	}
	if t.Binding != "" && slices.Index(bindings, t.Binding) < slices.Index(bindings, a.Binding) {
		refuse("binding", "It is weaker than %s, which is asked for below this amount.", a.Binding)
	}
	raised := a.Raised(func(o Threshold) bool { return o.Currency == t.Currency && o.Above == t.Above })
	methods := raised.Methods
	if len(methods) == 0 {
		methods = allowed
	}
	unfit := slices.DeleteFunc(slices.Clone(methods), func(k Kind) bool { return canBind(k, raised.Binding) })
	if len(unfit) > 0 {
		refuse("binding", "It is %s, which %s cannot do; name other methods.", raised.Binding, words(unfit))
	}
	if len(raised.Stages) < len(a.Stages) {
		refuse("stages", "There are fewer than below this amount.")
	}
}

// whyNot says what keeps k from an action for which [Policy.ActionMethods] does not have it.
func (p Policy) whyNot(name string, k Kind) string {
	m, use := p.Methods[k], UseAction
	if name == ActionLogin {
		use = UseLogin
	}
	switch {
	case !m.Enabled:
		return fmt.Sprintf("%s is not enabled; set methods.%s.enabled to true.", k, k)
	case m.Role == RoleCompanion:
		return fmt.Sprintf("%s is a companion and confirms nothing alone; name another method.", k)
	case !m.Uses.Has(use):
		return fmt.Sprintf("%s is not for this use; add %s to methods.%s.uses.", k, use, k)
	}
	return fmt.Sprintf("The action itself does not have %s; add it to %s, too.", k, actionPath(name, "methods"))
}

// compareDecimals compares two decimals of the schema's form, without any rounding.
func compareDecimals(a, b string) int {
	aWhole, aRest, _ := strings.Cut(a, ".")
	bWhole, bRest, _ := strings.Cut(b, ".")
	places := max(len(aRest), len(bRest))
	pad := func(s string) string { return s + strings.Repeat("0", places-len(s)) }
	return cmp.Or(cmp.Compare(len(aWhole), len(bWhole)), strings.Compare(aWhole, bWhole), strings.Compare(pad(aRest), pad(bRest)))
}
