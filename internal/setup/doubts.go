package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// doubts holds the policy and the kinds of transactions of a tenant against each other.
// It refuses what could never work, and returns what is likely a mistake. Where the file
// says nothing about either, nobody is bothered with what was there before.
func (s *Setup) doubts(ctx context.Context, before, row identity.Tenant, types *details.Registry, next *plannedPolicy) ([]string, error) {
	if next == nil && row.DetailTypes == before.DetailTypes {
		return nil, nil
	}
	var rules policy.Policy
	if next != nil {
		rules = next.policy
	} else {
		var err error
		rules, err = s.rules(ctx, row)
		if err != nil {
			return nil, err
		}
	}
	var errs []error
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(rules.Actions)) {
		a := rules.Actions[name]
		errs = append(errs, actionErrors(name, a, types)...)
		warnings = append(warnings, fieldWarnings(name, a, types)...)
	}
	for _, name := range slices.Sorted(maps.Keys(typesByName(row.DetailTypes))) {
		if !rules.Requestable(name) {
			warnings = append(warnings, "detail type warning "+name+": the policy has no action of this name, so no app can ask for it; add it under policy.actions.")
		}
	}
	return warnings, errors.Join(errs...)
}

// actionErrors is what keeps an action from ever being confirmed.
func actionErrors(name string, a policy.Action, types *details.Registry) []error {
	var errs []error
	refuse := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("policy: actions.%s.%s: %s", name, field, fmt.Sprintf(format, args...)))
	}
	_, typed := types.Members(name)
	if a.Details == policy.DetailsRequired && !typed {
		refuse("details", "It is required, and there is no detail type %s; add one to detail_types of the tenant, or write optional.", name)
	}
	mute := typed && !types.Tells(name)
	if mute && a.Binding == policy.BindingMessage {
		refuse("binding", "It is message, and the detail type %s has no message that could say anything; add message to the type, or choose page or signed.", name)
	}
	for i, t := range a.Thresholds {
		at := fmt.Sprintf("thresholds[%d].", i)
		if !details.IsCurrency(t.Currency) {
			refuse(at+"currency", "%s is no currency that an amount can have; write a code of ISO 4217, such as EUR, or one of BTC, ETH, USDC, USDT.", t.Currency)
		}
		if mute && t.Binding == policy.BindingMessage {
			refuse(at+"binding", "It is message, and the detail type %s has no message that could say anything; add message to the type, or choose signed.", name)
		}
	}
	return errs
}

// fieldWarnings: a field that the type of the action does not have is shown to nobody.
func fieldWarnings(name string, a policy.Action, types *details.Registry) []string {
	members, typed := types.Members(name)
	if !typed {
		return nil
	}
	var unknown []string
	for _, field := range a.Fields {
		if !slices.Contains(members, field) {
			unknown = append(unknown, field)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("policy warning actions.%s.fields: the detail type has no %s; it has %s.", name, strings.Join(unknown, ", "), strings.Join(members, ", "))}
}

// clientDoubts is what is likely a mistake in the registration of an app, and, of a new
// one, what it has because its file does not say otherwise.
func clientDoubts(c identity.Client, members json.RawMessage, fresh bool, rules policy.Policy) []string {
	var lines, unknown []string
	for _, action := range c.Actions {
		if !rules.Requestable(action) {
			unknown = append(unknown, action)
		}
	}
	if len(unknown) > 0 {
		lines = append(lines, fmt.Sprintf("client %s warning: actions: the policy has no %s, so the app cannot ask for it.", c.ID, strings.Join(unknown, ", ")))
	}
	if slices.Contains(c.GrantTypes, "authorization_code") && len(c.RedirectURIs) == 0 {
		lines = append(lines, "client "+c.ID+" warning: redirect_uris is empty, so no user can come back to the app.")
	}
	if fresh {
		lines = append(lines, assumed(c, members)...)
	}
	return lines
}

// assumed tells what a new app has by default.
func assumed(c identity.Client, members json.RawMessage) []string {
	said, _ := plain(members).(map[string]any)
	var parts []string
	for _, f := range []struct {
		name string
		has  []string
	}{{"grant_types", c.GrantTypes}, {"scopes", c.Scopes}, {"auth_methods", c.AuthMethods}} {
		_, ok := said[f.name]
		if !ok {
			parts = append(parts, f.name+" ["+strings.Join(f.has, ", ")+"]")
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return []string{"client " + c.ID + " has by default " + strings.Join(parts, ", ")}
}
