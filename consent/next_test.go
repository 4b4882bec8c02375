package consent

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	age := func(d time.Duration) *time.Duration { return &d }
	signedIn := func(edit func(*Facts)) Facts {
		f := Facts{Now: now, SignedIn: true, AuthTime: now.Add(-time.Hour), Class: Class1FA, Agreed: true}
		edit(&f)
		return f
	}
	payout := func(edit func(*Facts)) Facts {
		return signedIn(func(f *Facts) {
			f.Action, f.Staged, f.StagesLeft, f.ActionMethods = "payout.request", true, true, true
			edit(f)
		})
	}

	tests := []struct {
		name  string
		facts Facts
		want  Step
		oauth string
	}{
		{"nobody signed in", Facts{Now: now}, StepLogin, "login_required"},
		{"all is settled", signedIn(func(*Facts) {}), StepDone, ""},
		{"the user cancelled", signedIn(func(f *Facts) { f.NoAnswer = true }), StepRefuse, "access_denied"},
		{"the session is another account's", signedIn(func(f *Facts) { f.WrongUser = true }), StepLogin, "login_required"},
		{"another account logged in here", signedIn(func(f *Facts) { f.WrongUser, f.LoggedIn = true, true }), StepRefuse, "login_required"},
		{"prompt=login asks once", signedIn(func(f *Facts) { f.LoginAsked = true }), StepLogin, "login_required"},
		{"prompt=login was met here", signedIn(func(f *Facts) { f.LoginAsked, f.LoggedIn = true, true }), StepDone, ""},
		{"prompt=select_account", signedIn(func(f *Facts) { f.SelectAsked = true }), StepLogin, "account_selection_required"},
		{"max_age met to the second", signedIn(func(f *Facts) { f.MaxAge = age(time.Hour) }), StepDone, ""},
		{"max_age missed by a second", signedIn(func(f *Facts) { f.MaxAge = age(time.Hour - time.Second) }), StepLogin, "login_required"},
		{"max_age after a login here", signedIn(func(f *Facts) { f.MaxAge, f.LoggedIn = age(0), true }), StepDone, ""},
		{"no acr asked for can be reached", signedIn(func(f *Facts) { f.Unreachable = true }), StepRefuse, "unmet_authentication_requirements"},
		{"the login owes its second step", signedIn(func(f *Facts) { f.SecondDue, f.Methods = true, true }), StepChallenge, "interaction_required"},
		{"the session is too weak", signedIn(func(f *Facts) { f.Least, f.Methods = ClassMFA, true }), StepChallenge, "interaction_required"},
		{"a second step that nobody can give", signedIn(func(f *Facts) { f.SecondDue = true }), StepRefuse, "unmet_authentication_requirements"},
		{"a second step that cannot be put off", signedIn(func(f *Facts) { f.MustAdd, f.Remind = true, true }), StepRefuse, "unmet_authentication_requirements"},
		{"a reminder after the login", signedIn(func(f *Facts) { f.Remind = true }), StepBanner, ""},
		{"no reminder under prompt=none", signedIn(func(f *Facts) { f.Remind, f.Silent = true, true }), StepDone, ""},
		{"a payout asks to confirm", payout(func(*Facts) {}), StepConfirm, "interaction_required"},
		{"a payout that was confirmed here", payout(func(f *Facts) { f.StagesLeft = false }), StepDone, ""},
		{"a payout during a hold", payout(func(f *Facts) { f.Held = true }), StepRefuse, "access_denied"},
		{"a payout whose precondition fails", payout(func(f *Facts) { f.NotReady = true }), StepRefuse, "unmet_authentication_requirements"},
		{"a payout that nobody can confirm", payout(func(f *Facts) { f.ActionMethods = false }), StepRefuse, "unmet_authentication_requirements"},
		{"a payout comes after the login's second step", payout(func(f *Facts) { f.SecondDue, f.Methods = true, true }), StepChallenge, "interaction_required"},
		{"a payout on an old session is fresh by its own stages", payout(func(f *Facts) { f.MaxAge = age(time.Minute) }), StepConfirm, "interaction_required"},
		{"an action that wants a fresher login", payout(func(f *Facts) { f.StaleLogin = true }), StepLogin, "login_required"},
		{"a precondition alone does not make an old session fresh", signedIn(func(f *Facts) { f.Action, f.MaxAge = "bid.place", age(time.Minute) }), StepLogin, "login_required"},
		{"a transaction that nobody was shown", signedIn(func(f *Facts) { f.Action, f.Detailed = "bid.place", true }), StepRefuse, "unmet_authentication_requirements"},
		{"the word of an app, and nothing proven", signedIn(func(f *Facts) { f.Action, f.Vouched = "bid.place", true }), StepRefuse, "unmet_authentication_requirements"},
		{"the word of an app, where a fresher login is wanted", payout(func(f *Facts) { f.Vouched, f.StaleLogin = true, true }), StepRefuse, "unmet_authentication_requirements"},
		{"the word of an app for nobody", Facts{Vouched: true, Action: "payout.request", Staged: true}, StepRefuse, "unmet_authentication_requirements"},
		{"new scopes", signedIn(func(f *Facts) { f.Agreed = false }), StepConsent, "consent_required"},
		{"prompt=consent", signedIn(func(f *Facts) { f.AgreeAsked = true }), StepConsent, "consent_required"},
		{"consent comes after the confirmation", payout(func(f *Facts) { f.Agreed = false }), StepConfirm, "interaction_required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, reason, oauth := Next(tt.facts)
			if got != tt.want || oauth != tt.oauth {
				t.Errorf("Next = %s, %q (%s), want %s, %q", got, oauth, reason, tt.want, tt.oauth)
			}
		})
	}
}

// TestNothingEndsWithoutAnAccount states the rule that matters most: whatever
// else is true, nobody gets an answer who is not known.
func TestNothingEndsWithoutAnAccount(t *testing.T) {
	for bits := range 1 << 12 {
		on := func(i int) bool { return bits>>i&1 == 1 }
		f := Facts{
			LoggedIn: on(0), WrongUser: on(1), LoginAsked: on(2), SelectAsked: on(3), Silent: on(4), Methods: on(5),
			Unreachable: on(6), StagesLeft: on(7), ActionMethods: on(8), Remind: on(9), Agreed: on(10), NoAnswer: on(11),
		}
		step, _, _ := Next(f)
		if step == StepDone {
			t.Fatalf("Next(%+v) = done", f)
		}
	}
}
