package consent

import (
	"slices"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Goal is what a request has to reach beside the floor: a class of session, an
// action, or nothing.
type Goal struct {
	Value  string // the acr value that was chosen; "" when nothing was asked for or it may be ignored
	Class  Class
	Action string
}

// chooseGoal picks the acr value to aim at. Values are tried in the order in
// which the app prefers them; but one that is held already wins over one that
// would need a prompt. reachable says what this user can reach.
//
// missing is true when something was asked for and nothing of it can be
// reached, which is an error where the request says so.
//
// Source: OpenID Connect Core section 3.1.2.1 (order of preference); RFC 9470
// section 4 (the values are necessary).
func chooseGoal(values []string, held Class, reachable func(Goal) bool) (goal Goal, missing bool) {
	var goals []Goal
	for _, v := range values {
		g, ok := parseGoal(v)
		if ok {
			goals = append(goals, g)
		}
	}
	i := slices.IndexFunc(goals, func(g Goal) bool { return g.Action == "" && g.Class <= held })
	if i < 0 {
		i = slices.IndexFunc(goals, reachable)
	}
	if i < 0 {
		return Goal{}, len(values) > 0
	}
	return goals[i], false
}

func parseGoal(value string) (Goal, bool) {
	name, ok := ParseAction(value)
	if ok {
		return Goal{Value: value, Action: name}, true
	}
	class, ok := ParseClass(value)
	return Goal{Value: value, Class: class}, ok
}

// methodsFor are the methods that would lift events to class in one step, nil
// if no further step is needed for it.
func methodsFor(class Class, events []identity.AuthEvent, p *policy.Policy) []policy.Kind {
	if ClassOf(events, p.ACR) >= class {
		return nil
	}
	kinds := []policy.Kind{}
	for _, k := range policy.Kinds() {
		step := identity.AuthEvent{Method: string(k), UserVerified: true}
		if ClassOf(append(slices.Clone(events), step), p.ACR) >= class {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// tenantReaches reports whether the tenant's policy has any way to the goal. It
// is asked while the user is not known yet.
func tenantReaches(g Goal, p *policy.Policy, client *identity.Client, detailed bool) bool {
	if g.Action != "" {
		return actionOpen(g.Action, p, client, detailed)
	}
	password := []identity.AuthEvent{{Method: identity.MethodPassword}}
	ways := methodsFor(g.Class, password, p)
	if ways == nil {
		return true
	}
	return slices.ContainsFunc(p.LoginMethods(), func(k policy.Kind) bool { return slices.Contains(ways, k) })
}

// actionOpen reports whether client may ask for action: by its acr value alone, or
// with the details of one transaction.
func actionOpen(action string, p *policy.Policy, client *identity.Client, detailed bool) bool {
	if len(client.Actions) > 0 && !identity.Allows(client.Actions, action) {
		return false
	}
	a, ok := p.Action(action)
	return ok && p.Requestable(action) && (detailed || a.Details != policy.DetailsRequired)
}
