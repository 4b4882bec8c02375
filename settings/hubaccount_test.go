package settings

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

var hubNoon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// account states a user's facts: a good case, changed by edits.
func account(t *testing.T, preset string, edits ...func(*facts)) facts {
	t.Helper()
	rules, err := policy.Preset(preset)
	require.NoError(t, err)
	f := facts{
		Policy: &rules, Base: "/s", Now: hubNoon,
		User: identity.User{ID: "u1", TenantID: "t1", Username: "alice@example.test", PasswordHash: "hash", Flags: map[string]time.Time{}},
		RP:   mfa.RelyingParty{ID: "login.example", Origins: []string{"https://login.example"}},
		Have: mfa.Enrolments{Contacts: []mfa.Contact{{
			ID: "mail", Kind: mfa.ContactEmail, Masked: "a•••@example.test", Status: mfa.ContactConfirmed, Registered: true,
		}}},
	}
	for _, edit := range edits {
		edit(&f)
	}
	for i := range f.Have.Contacts {
		f.Have.Contacts[i].Subject = f.User.Subject()
	}
	for i := range f.Have.Factors {
		f.Have.Factors[i].Subject = f.User.Subject()
	}
	return f
}

// number gives the user a telephone number.
func number(status mfa.ContactStatus, region, line string) func(*facts) {
	return func(f *facts) {
		f.Have.Contacts = append(f.Have.Contacts, mfa.Contact{
			ID: "phone", Kind: mfa.ContactPhone, Masked: "+52 ••• 2399", Status: status, Country: region, LineType: line,
		})
		if status == mfa.ContactConfirmed {
			f.Have.Contacts[len(f.Have.Contacts)-1].ConfirmedAt = hubNoon.Add(-time.Hour)
		}
	}
}

// with turns on methods; those that are delivered go to the contact that is there.
func with(kinds ...policy.Kind) func(*facts) {
	return func(f *facts) {
		for _, k := range kinds {
			x := mfa.Factor{
				ID: fmt.Sprintf("f-%s-%d", k, len(f.Have.Factors)), Kind: k, Status: mfa.FactorActive,
				CreatedAt: hubNoon.Add(-time.Hour), Label: "My " + string(k),
			}
			switch k {
			case policy.Email:
				x.ContactID = "mail"
			case policy.SMS, policy.Voice:
				x.ContactID = "phone"
			case policy.RecoveryCodes:
				x.CodesLeft = 10
			case policy.WebAuthn:
				x.Credential = &mfa.Credential{Discoverable: len(f.Have.Factors)%2 == 0}
			}
			f.Have.Factors = append(f.Have.Factors, x)
		}
	}
}

func switchedOn(f *facts) { f.User.MFAEnabled = true }

func flagSet(name string) func(*facts) {
	return func(f *facts) { f.User.Flags[name] = hubNoon }
}

func rule(edit func(*policy.Policy)) func(*facts) { return func(f *facts) { edit(f.Policy) } }

// enable makes kinds a part of the policy, each changed with nothing but itself.
func enable(kinds ...policy.Kind) func(*facts) {
	return rule(func(p *policy.Policy) {
		for _, k := range kinds {
			p.Methods[k] = policy.Method{Enabled: true, Role: policy.RoleAny, Uses: policy.List[policy.Use]{policy.UseLogin, policy.UseAction}}
			p.Lifecycle[k] = policy.Lifecycle{
				Enable:       policy.Ceremony{Stages: policy.Stages{{policy.ProofCodeNew}}},
				Disable:      policy.Ceremony{Stages: policy.Stages{{policy.ProofCodeCurrent}}},
				Change:       policy.Ceremony{Stages: policy.Stages{{policy.ProofCodeCurrent}, {policy.ProofCodeNew}}},
				ReauthMaxAge: 900,
			}
		}
		a := p.Actions[policy.ActionLogin]
		a.Methods = nil
		p.Actions[policy.ActionLogin] = a
	})
}

// pageLines are what a page says and offers, a line for each of its parts.
func pageLines(p templates.SettingsPage) []string {
	var lines []string
	say := func(parts ...string) {
		lines = append(lines, strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " "))
	}
	for _, task := range p.Tasks {
		say("task", task.Name, map[bool]string{true: "done", false: "open"}[task.Done], task.URL)
	}
	if p.Prompts > 0 {
		say("prompts", fmt.Sprint(p.Prompts))
	}
	if p.TwoStep.State != "" {
		say("two-step", p.TwoStep.State, map[bool]string{true: "one-way"}[p.TwoStep.OneWay], p.TwoStep.Action, blockWord(p.TwoStep.Blocked))
	}
	if p.Choice != nil {
		for _, o := range p.Choice.Options {
			say("option", o.Method, map[bool]string{true: "current"}[o.Current], o.Masked, blockWord(o.Reason))
		}
	}
	if p.NeedsPIN != nil {
		say("pin first", offered([]templates.RowAction{*p.NeedsPIN}, nil))
	}
	for _, r := range slices.Concat(p.Rows, p.SignIn) {
		codes := ""
		if r.CodesTotal > 0 {
			codes = fmt.Sprintf("%d/%d", r.CodesLeft, r.CodesTotal)
		}
		say("row", r.Kind, r.State, map[bool]string{true: "apart"}[r.Apart], blockWord(r.Reason), r.Masked, codes, map[bool]string{true: "first"}[r.First], offered(r.Actions, r.Blocked))
	}
	for _, k := range p.Passkeys {
		say("passkey", k.Name, offered(k.Actions, k.Blocked))
	}
	for _, k := range p.Keys {
		say("key", k.Name, offered(k.Actions, k.Blocked))
	}
	for _, c := range p.Contacts {
		say("contact", c.Kind, c.Status, offered(c.Actions, c.Blocked))
	}
	say("protected by", fmt.Sprint(p.Methods), p.Advice)
	return lines
}

func blockWord(reason string) string {
	if reason == "" {
		return ""
	}
	return "(" + reason + ")"
}

func offered(actions []templates.RowAction, blocked []templates.Block) string {
	var parts []string
	for _, a := range actions {
		parts = append(parts, "+"+a.Label)
	}
	for _, b := range blocked {
		parts = append(parts, "-"+b.Label+"("+b.Reason+")")
	}
	return strings.Join(parts, " ")
}

func codesLeft2(f *facts) { f.Have.Factors[1].CodesLeft = 2 }

func confirmedLongAgo(f *facts) { f.Have.Contacts[1].ConfirmedAt = hubNoon.Add(-25 * time.Hour) }

// lastUsed makes k the method that was used last.
func lastUsed(k policy.Kind) func(*facts) {
	return func(f *facts) {
		for i := range f.Have.Factors {
			if f.Have.Factors[i].Kind == k {
				f.Have.Factors[i].LastUsedAt = hubNoon.Add(-time.Minute)
			}
		}
	}
}

func unverifiedAddress(f *facts) { f.Have.Contacts[0].Status = mfa.ContactUnverified }

func prompts(n int) func(*facts) { return func(f *facts) { f.Prompts = n } }

// keptOn lets no user turn anything off.
func keptOn(f *facts) {
	delete(f.Policy.Actions, policy.ActionMFADisable)
	life := f.Policy.Lifecycle[policy.Email]
	life.Disable = policy.Ceremony{Forbidden: true}
	f.Policy.Lifecycle[policy.Email] = life
}
