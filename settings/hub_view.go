package settings

import (
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// view is the hub for f, but for its surroundings and the news.
func view(f facts) templates.SettingsPage {
	p := templates.SettingsPage{
		Tasks: f.tasks(), TwoStep: f.twoStep(), Choice: f.choice(), Rows: f.rows(), Contacts: f.contacts(), SignIn: f.signIn(),
		Methods: f.protecting(), HasDevices: f.Policy.TrustLifetime() > 0, Devices: f.Devices, Sessions: f.Sessions, Apps: f.Apps,
		Recent: f.Recent,
	}
	p.Passkeys, p.Keys = f.keyRows()
	f.sayPINOnce(&p)
	if len(p.Rows) > 0 || p.Choice != nil {
		p.Advice = f.advice()
	}
	limit := f.Policy.Notify.FrequentPromptHintPerDay
	if limit > 0 && f.Prompts > limit {
		p.Prompts = f.Prompts
	}
	return p
}

// sayPINOnce says in one place, with a button, what would stand in each row: that a PIN
// is to be set first.
func (f facts) sayPINOnce(p *templates.SettingsPage) {
	set := mfa.Start{Kind: policy.PIN, Verb: mfa.VerbEnable}
	if len(f.active(policy.PIN)) > 0 || len(p.Rows) == 0 || !f.Policy.Methods[policy.PIN].Enabled || f.refusal(set) != "" {
		return
	}
	waits := false
	strip := func(list []templates.Block) []templates.Block {
		return slices.DeleteFunc(list, func(b templates.Block) bool {
			waits = waits || b.Reason == templates.BlockedPIN
			return b.Reason == templates.BlockedPIN
		})
	}
	for i := range p.Rows {
		p.Rows[i].Blocked = strip(p.Rows[i].Blocked)
	}
	for i := range p.Contacts {
		p.Contacts[i].Blocked = strip(p.Contacts[i].Blocked)
	}
	if waits {
		p.NeedsPIN = new(f.action(templates.DoSet, set))
	}
}

// protecting is how many ways stand between the password and the account.
func (f facts) protecting() int {
	if !f.inForce() {
		return 0
	}
	n := 0
	for _, k := range secondSteps {
		if f.Policy.Methods[k].Enabled && (f.works(k) || f.always(k)) {
			n++
		}
	}
	return n
}

// adviceRules run from top to bottom; the first that applies is given.
var adviceRules = []struct {
	advice  string
	applies func(facts) bool
}{
	{templates.AdviceTurnOn, func(f facts) bool { return !f.inForce() && f.twoStep().Action != "" }},
	{templates.AdviceStart, func(f facts) bool { return f.protecting() == 0 && f.mayAdd() }},
	{templates.AdviceCodes, facts.codesLow},
	{templates.AdviceSecondKey, func(f facts) bool {
		return f.protecting() == 1 && len(f.active(policy.WebAuthn)) == 1 && f.may(policy.WebAuthn)
	}},
	{templates.AdviceSecondOther, func(f facts) bool { return f.alone() && f.byMail() }},
	{templates.AdviceSecondMethod, facts.alone},
	{templates.AdviceCodes, func(f facts) bool {
		return f.protecting() > 0 && len(f.active(policy.RecoveryCodes)) == 0 && f.may(policy.RecoveryCodes)
	}},
}

// advice is what would make the account safer, "" when nothing would.
func (f facts) advice() string {
	for _, rule := range adviceRules {
		if rule.applies(f) {
			return rule.advice
		}
	}
	return ""
}

// alone reports whether there is one second step, and another one could be added.
func (f facts) alone() bool { return f.protecting() == 1 && !f.exclusive() && f.mayAdd() }

// byMail reports whether the mailbox is a second step that works: no lost phone takes it
// away.
func (f facts) byMail() bool { return f.works(policy.Email) || f.always(policy.Email) }

// codesLow reports whether the backup codes are nearly used up.
func (f facts) codesLow() bool {
	for _, x := range f.active(policy.RecoveryCodes) {
		return templates.FactorRow{CodesLeft: x.CodesLeft, CodesTotal: f.Policy.Codes.Recovery.Count}.CodesLow()
	}
	return false
}

// mayAdd reports whether there is a second step that the user does not have and
// could add.
func (f facts) mayAdd() bool {
	for _, k := range f.ways() {
		if k != policy.RecoveryCodes && len(f.active(k)) == 0 && !f.always(k) && f.may(k) {
			return true
		}
	}
	return false
}

// may reports whether the user could begin with k, or add one more of it.
func (f facts) may(k policy.Kind) bool {
	return f.Policy.Methods[k].Enabled && f.refusal(mfa.Start{Kind: k, Verb: mfa.VerbEnable}) == ""
}

// tasksShown is how long a checklist stays of which all is done.
const tasksShown = 24 * time.Hour

// tasks are the lines of the checklist. Each begins what is to be done: a number may be
// confirmed as it is there, or be corrected, on the page that opens. A list of which all
// was done long ago is no news.
func (f facts) tasks() []templates.Task {
	var list []templates.Task
	for _, t := range Tasks(f.Policy, f.Have) {
		line := templates.Task{Name: t.ID, Done: t.State == TaskDone}
		begin := mfa.Start{Kind: f.phoneKind(), Verb: mfa.VerbEnable}
		switch {
		case line.Done && f.Now.Sub(f.Have.Phone().ConfirmedAt) > tasksShown:
			continue
		case line.Done:
		case f.refusal(begin) == "":
			button := f.action(templates.DoAdd, begin)
			line.URL, line.Post, line.Fields = button.URL, button.Post, button.Fields
		default:
			line.URL = f.Base + "#contact-phone" // the row says why not
		}
		list = append(list, line)
	}
	return list
}

// works reports whether k is on and a proof can be given with it.
func (f facts) works(k policy.Kind) bool {
	for _, x := range f.active(k) {
		return f.unreachable(k, f.contact(x.ContactID)) == ""
	}
	return false
}
