package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func (fl *flow) change(edit func(*identity.User)) {
	fl.t.Helper()
	_, err := fl.f.Store.UpdateUser(fl.t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error { edit(u); return nil })
	require.NoError(fl.t, err)
}

func TestWhatAConfirmedActionSays(t *testing.T) {
	fl := newFlow(t, contractor)
	fl.agreed(fl.f.Alice)
	token := fl.signIn(fl.f.Alice)
	fl.f.Clock.Move(time.Hour)
	st := fl.start(fl.forAction(payout), token)
	c := fl.arrive(st)
	fl.f.Clock.Move(20 * time.Second)

	st, _, err := fl.Answer(t.Context(), fl.open(st.In.ID, token), consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)

	require.NoError(t, err)
	requireStep(t, st, consent.StepDone, "")
	o := st.Outcome
	require.Equal(t, payout, o.ACR)
	require.Equal(t, "payout.request", o.Action)
	require.Equal(t, []string{"otp"}, o.AMR, "what was proven here, and nothing that the session held before")
	require.Equal(t, fl.f.Clock.Now(), o.AuthTime)
	require.Equal(t, fl.confirmation(st).ID, o.ConfirmationID)
	require.Equal(t, consent.DetailsHash(storetest.Issuer, storetest.Confidential, storetest.AliceID, []byte(`{"type":"payout.request"}`)), o.DetailsHash)
	require.Equal(t, 2*time.Minute, o.ConsumeWithin)
	require.True(t, o.Rotate)
	require.False(t, o.NewSession)
}

func TestWhatKeepsAnActionFromBeingConfirmed(t *testing.T) {
	now := storetest.Start
	flagged := action("payout.request", func(a *policy.Action) { a.DenyFlags = policy.List[string]{"fraud"} })
	tests := []struct {
		name   string
		policy func(*policy.Policy)
		user   func(*identity.User)
		step   consent.Step
		reason string
		oauth  string
	}{
		{"nothing", nil, nil, consent.StepConfirm, "action", "interaction_required"},
		{"a hold", nil, func(u *identity.User) { u.HoldUntil = now.Add(time.Second) }, consent.StepRefuse, "held", "access_denied"},
		{"a hold that is over to the second", nil, func(u *identity.User) { u.HoldUntil = now }, consent.StepConfirm, "action", "interaction_required"},
		{
			"a hold, for an action that has none", action("payout.request", func(a *policy.Action) { a.Hold = false }),
			func(u *identity.User) { u.HoldUntil = now.Add(time.Hour) }, consent.StepConfirm, "action", "interaction_required",
		},
		{"a flag", flagged, func(u *identity.User) { u.Flags = map[string]time.Time{"fraud": now} }, consent.StepRefuse, "held", "access_denied"},
		{"another flag", flagged, func(u *identity.User) { u.Flags = map[string]time.Time{"vip": now} }, consent.StepConfirm, "action", "interaction_required"},
		{
			"an action for those with a second step", action("payout.request", func(a *policy.Action) { a.Applies = policy.AppliesWhenMFAEnabled }),
			nil, consent.StepRefuse, "precondition", "unmet_authentication_requirements",
		},
		{
			"the same, with a second step", action("payout.request", func(a *policy.Action) { a.Applies = policy.AppliesWhenMFAEnabled }),
			func(u *identity.User) { u.MFAEnabled = true }, consent.StepConfirm, "action", "interaction_required",
		},
		{
			"a second factor that alice has not enrolled", action("payout.request", func(a *policy.Action) { a.Stages = policy.Stages{{policy.ProofSecondFactor}} }),
			nil, consent.StepRefuse, "no_method", "unmet_authentication_requirements",
		},
		{
			"details that were not pushed", action("payout.request", func(a *policy.Action) { a.Details = policy.DetailsRequired }),
			nil, consent.StepRefuse, "acr", "unmet_authentication_requirements",
		},
		{
			"a password that there is none of", action("payout.request", func(a *policy.Action) { a.Stages = policy.Stages{{policy.ProofPassword}} }),
			func(u *identity.User) { u.PasswordHash = "" }, consent.StepRefuse, "no_method", "unmet_authentication_requirements",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var edits []func(*policy.Policy)
			if tt.policy != nil {
				edits = append(edits, tt.policy)
			}
			fl := newFlow(t, contractor, edits...)
			if tt.user != nil {
				fl.change(tt.user)
			}
			user, err := fl.f.Store.User(t.Context(), storetest.TenantID, storetest.AliceID)
			require.NoError(t, err)

			d := fl.resolve(fl.forAction(payout), fl.signIn(user, "email"))

			require.Equal(t, tt.step, d.Step, d.Reason)
			require.Equal(t, tt.reason, d.Reason)
			require.Equal(t, tt.oauth, d.OAuthError)
		})
	}
}

func TestAnAppMayAskForItsOwnActionsOnly(t *testing.T) {
	fl := newFlow(t, contractor)
	token := fl.signIn(fl.f.Alice)
	app := *fl.app()
	resolve := func(acr string) consent.Decision {
		d, err := fl.Resolve(t.Context(), fl.realm, &app, fl.forAction(acr), fl.who(token), nil)
		require.NoError(t, err)
		return d
	}
	app.Actions = []string{"payment_details.add"}

	require.Equal(t, consent.StepRefuse, resolve(payout).Step)
	require.Equal(t, consent.StepConfirm, resolve("urn:sallyport:action:payment_details.add").Step)
	require.Equal(t, consent.StepRefuse, resolve("urn:sallyport:action:auth.login").Step)
	require.Equal(t, consent.StepRefuse, resolve("urn:sallyport:action:nothing.such").Step)
}

// TestAPreconditionIsCheckedAndProvesNothing is system C: only who has confirmed
// a phone may bid.
func TestAPreconditionIsCheckedAndProvesNothing(t *testing.T) {
	const bid = "urn:sallyport:action:bid.place"
	fl := newFlow(t, "marketplace-phone-verification")
	fl.agreed(fl.f.Alice)

	d := fl.resolve(fl.forAction(bid), fl.signIn(fl.f.Alice))
	require.Equal(t, consent.StepDone, d.Step, d.Reason)
	require.Equal(t, bid, d.Outcome.ACR)
	require.Equal(t, []string{"pwd"}, d.Outcome.AMR, "it is the session's; nothing was proven for the action")
	require.Empty(t, d.Outcome.ConfirmationID)
	require.False(t, d.Outcome.Rotate)
	require.Empty(t, fl.lab.Mailbox.Messages())

	d = fl.resolve(fl.forAction(bid), fl.signIn(fl.bob))
	require.Equal(t, consent.StepRefuse, d.Step)
	require.Equal(t, "precondition", d.Reason)
	require.Equal(t, "unmet_authentication_requirements", d.OAuthError)
}

func TestAConfirmationIsGivenInTime(t *testing.T) {
	fl := newFlow(t, contractor)
	fl.agreed(fl.f.Alice)
	token := fl.signIn(fl.f.Alice)
	st := fl.start(fl.forAction(payout), token)
	fl.f.Clock.Move(10*time.Minute - time.Microsecond)
	requireStep(t, fl.open(st.In.ID, token), consent.StepConfirm, "action")
	fl.f.Clock.Move(time.Microsecond)

	st = fl.open(st.In.ID, token)

	require.Equal(t, consent.StepRefuse, st.Step)
	require.Equal(t, "access_denied", st.OAuthError)
	require.Equal(t, "The confirmation was not given in time", st.Description)
}

// twoStages asks for the password and then for a code.
func twoStages(a *policy.Action) {
	a.Stages = policy.Stages{{policy.ProofPassword}, {policy.ProofDeliveredCode}}
}

func TestAPasswordIsAStageOfItsOwn(t *testing.T) {
	fl := newFlow(t, contractor, action("payout.request", twoStages))
	fl.agreed(fl.f.Alice)
	token := fl.signIn(fl.f.Alice)
	st := fl.start(fl.forAction(payout), token)
	requireStep(t, st, consent.StepConfirm, "action")
	require.Equal(t, consent.Target{Action: "payout.request", Stage: 0, Proof: "password"}, st.Target)
	require.Empty(t, fl.lab.Mailbox.Messages(), "no code goes out before the password was right")

	st, err := fl.AnswerPassword(t.Context(), st)
	require.NoError(t, err)
	require.Equal(t, consent.Target{Action: "payout.request", Stage: 1, Proof: "delivered_code"}, st.Target)
	again, err := fl.AnswerPassword(t.Context(), st)
	require.NoError(t, err)
	require.Len(t, again.In.State.Proofs, 1, "a password answers no other stage")
	c := fl.arrive(st)
	st, _, err = fl.Answer(t.Context(), fl.open(st.In.ID, token), consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)
	require.NoError(t, err)

	requireStep(t, st, consent.StepDone, "")
	require.Equal(t, []string{"pwd", "otp"}, st.Outcome.AMR)
}

// TestACodeForOneThingIsNoProofForAnother enters the code of a login at the
// confirmation that comes after it.
func TestACodeForOneThingIsNoProofForAnother(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	st := fl.logIn(fl.start(fl.forAction(payout), nil), alice)
	requireStep(t, st, consent.StepChallenge, "second_step")
	login := fl.arrive(st)
	st, _, err := fl.Answer(t.Context(), fl.open(st.In.ID, nil), consent.Given{ChallengeID: login.ID, Input: fl.lab.Code(login).Reveal()}, fl.browser)
	require.NoError(t, err)
	requireStep(t, st, consent.StepConfirm, "action")
	c := fl.arrive(st)
	require.NotEqual(t, login.ID, c.ID)
	st = fl.open(st.In.ID, nil)

	_, _, err = fl.Answer(t.Context(), st, consent.Given{ChallengeID: login.ID, Input: fl.lab.Code(login).Reveal()}, fl.browser)

	require.ErrorIs(t, err, mfa.ErrNotFound)
	require.Empty(t, fl.interaction(st.In.ID).State.Proofs)
}

func TestAProofOfAnotherInteractionIsNone(t *testing.T) {
	fl := newFlow(t, contractor)
	token := fl.signIn(fl.f.Alice)
	one, two := fl.start(fl.forAction(payout), token), fl.start(fl.forAction(payout), token)
	c := fl.arrive(one)

	_, _, err := fl.Answer(t.Context(), two, consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)

	require.ErrorIs(t, err, mfa.ErrNotFound)
	requireStep(t, fl.open(two.In.ID, token), consent.StepConfirm, "action")
}

func TestAnActionThatWantsAFreshLogin(t *testing.T) {
	fl := newFlow(t, contractor, action("payout.request", func(a *policy.Action) {
		a.Stages = policy.Stages{{policy.ProofFreshLogin}, {policy.ProofDeliveredCode}}
	}))
	fl.agreed(fl.f.Alice)
	token := fl.signIn(fl.f.Alice)
	fl.f.Clock.Move(fl.realm.Policy.FreshLoginAge() + time.Second)
	st := fl.start(fl.forAction(payout), token)
	requireStep(t, st, consent.StepLogin, "stale_login")
	require.Empty(t, fl.lab.Mailbox.Messages())

	st = fl.logIn(st, fl.f.Alice)

	requireStep(t, st, consent.StepConfirm, "action")
	require.Equal(t, 1, st.Target.Stage)
	requireStep(t, fl.pass(st), consent.StepDone, "")
}

func TestAWayTheUserMayChoose(t *testing.T) {
	fl := newFlow(t, "broker-security-identities")
	alice := fl.enable(fl.f.Alice)
	for id, f := range map[string]mfa.Factor{"f1": {Kind: policy.Email, ContactID: "mail-" + alice.ID}, "f2": {Kind: policy.SMS, ContactID: "phone"}} {
		f.ID, f.Subject, f.Status, f.CreatedAt = id, alice.Subject(), mfa.FactorActive, longAgo
		require.NoError(t, fl.lab.Store.AddFactor(t.Context(), f))
	}
	st := fl.logIn(fl.start(fl.ask(nil), nil), alice)
	requireStep(t, st, consent.StepChallenge, "second_step")
	c, err := fl.Arrive(t.Context(), st, fl.browser)
	require.NoError(t, err)
	require.Nil(t, c, "nothing is sent before the user has chosen")
	ways, err := fl.Ways(t.Context(), st, nil)
	require.NoError(t, err)
	require.Len(t, ways, 2)

	c, err = fl.Choose(t.Context(), st, policy.SMS, fl.browser)
	require.NoError(t, err)

	require.Equal(t, policy.SMS, c.Method)
	again, err := fl.Arrive(t.Context(), fl.open(st.In.ID, nil), fl.browser)
	require.NoError(t, err)
	require.Equal(t, c.ID, again.ID)
	_, err = fl.Choose(t.Context(), fl.open(st.In.ID, nil), policy.Voice, fl.browser)
	require.NoError(t, err, "what is open stays")
	require.Len(t, fl.lab.Mailbox.Messages(), 1)
}
