package consent_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/store/storetest"
)

const contractor = "contractor-email-first"

func TestALoginFromTheFirstPageToTheLast(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	st := fl.start(fl.ask(nil), nil)
	requireStep(t, st, consent.StepLogin, "signed_out")
	require.Empty(t, st.In.State.UserID, "a login may still be anybody's")
	require.Empty(t, fl.lab.Mailbox.Messages())

	st, err := fl.Identify(t.Context(), st, alice.Username)
	require.NoError(t, err)
	requireStep(t, st, consent.StepLogin, "signed_out")
	st = fl.logIn(st, alice)
	requireStep(t, st, consent.StepChallenge, "second_step")
	st = fl.pass(st)
	requireStep(t, st, consent.StepConsent, "scopes")
	st, err = fl.Agree(t.Context(), st)
	require.NoError(t, err)

	requireStep(t, st, consent.StepDone, "")
	o := st.Outcome
	require.Equal(t, alice.ID, o.User.ID)
	require.Equal(t, "urn:sallyport:acr:2sv", o.ACR)
	require.Equal(t, []string{"pwd", "otp"}, o.AMR)
	require.True(t, o.NewSession)
	require.Equal(t, []string{"openid"}, o.Agreement.Scopes)
	require.Equal(t, fl.f.Clock.Now(), o.AuthTime)
}

func TestALiveSessionNeedsNoPage(t *testing.T) {
	fl := newFlow(t, contractor)
	fl.agreed(fl.f.Alice)

	d := fl.resolve(fl.ask(nil), fl.signIn(fl.f.Alice))

	require.Equal(t, consent.StepDone, d.Step, d.Reason)
	require.Equal(t, "urn:sallyport:acr:1fa", d.Outcome.ACR)
	require.False(t, d.Outcome.NewSession || d.Outcome.Rotate)
}

func TestWhomAnInteractionIsAbout(t *testing.T) {
	tests := []struct {
		name     string
		edit     func(*consent.Request)
		signedIn bool
		want     string
	}{
		{"nobody, while nobody is signed in", nil, false, ""},
		{"whose session is to be stepped up", func(r *consent.Request) { r.ACRValues = []string{"urn:sallyport:acr:2sv"} }, true, storetest.AliceID},
		{"whose session an action is confirmed in", func(r *consent.Request) { r.ACRValues = []string{payout} }, true, storetest.AliceID},
		{"nobody, when a new login was asked for", func(r *consent.Request) { r.Login = true }, true, ""},
		{"whose session it was, when a new login was asked for before an action", func(r *consent.Request) {
			r.Login, r.ACRValues = true, []string{payout}
		}, true, storetest.AliceID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fl := newFlow(t, contractor)
			var token []byte
			if tt.signedIn {
				token = fl.signIn(fl.f.Alice)
			}

			st := fl.start(fl.ask(tt.edit), token)

			require.Equal(t, tt.want, st.In.State.UserID)
			require.Equal(t, tt.signedIn, st.In.SessionID != "")
		})
	}
}

func TestAnActionThatBeginsOnArrivalHasItsCodeOnTheWay(t *testing.T) {
	fl := newFlow(t, contractor)
	token := fl.signIn(fl.f.Alice)

	st := fl.start(fl.forAction(payout), token)

	requireStep(t, st, consent.StepConfirm, "action")
	require.Len(t, fl.lab.Mailbox.Messages(), 1)
	c := fl.confirmation(st)
	require.Equal(t, consent.ConfirmationChallenged, c.Status)
	require.Equal(t, fl.f.Clock.Now().Add(10*time.Minute), c.ExpiresAt)
}

func TestAnActionThatBeginsOnSubmitWaits(t *testing.T) {
	fl := newFlow(t, contractor, action("payout.request", func(a *policy.Action) { a.Begin = policy.BeginOnSubmit }))
	st := fl.start(fl.forAction(payout), fl.signIn(fl.f.Alice))
	require.Empty(t, fl.lab.Mailbox.Messages())
	c, err := fl.Arrive(t.Context(), st, fl.browser)
	require.NoError(t, err)
	require.Nil(t, c)

	st, err = fl.Submit(t.Context(), st)
	require.NoError(t, err)

	fl.arrive(st)
	require.Len(t, fl.lab.Mailbox.Messages(), 1)
}

func TestACodeThatCannotBeSentLosesNoRequest(t *testing.T) {
	fl := newFlow(t, contractor)
	fl.lab.Mailbox.Broken = map[mfa.Method]bool{policy.Email: true}
	token := fl.signIn(fl.f.Alice)

	st := fl.start(fl.forAction(payout), token)

	requireStep(t, st, consent.StepConfirm, "action")
	c, err := fl.Current(t.Context(), st)
	require.NoError(t, err)
	require.Equal(t, mfa.ChallengeFailed, c.Status)
	next, err := fl.Switch(t.Context(), st, policy.SMS, fl.browser)
	require.NoError(t, err)
	st, _, err = fl.Answer(t.Context(), fl.open(st.In.ID, token), consent.Given{ChallengeID: next.ID, Input: fl.lab.Code(next).Reveal()}, fl.browser)
	require.NoError(t, err)
	requireStep(t, st, consent.StepConsent, "scopes")
}

func TestWhoMayOpenAnInteraction(t *testing.T) {
	fl := newFlow(t, contractor)
	id := fl.start(fl.ask(nil), nil).In.ID
	other := *fl.realm
	other.Tenant.ID = "tenant-other"
	without := *fl.realm
	without.Clients = nil
	open := func(realm *identity.Realm, id string, browser []byte) error {
		_, err := fl.Open(t.Context(), realm, id, browser, nil)
		return err
	}

	require.NoError(t, open(fl.realm, id, fl.browser.Hash))
	require.ErrorIs(t, open(fl.realm, id, nil), consent.ErrNotFound)
	require.ErrorIs(t, open(fl.realm, id, fl.browser.Hash[:31]), consent.ErrNotFound)
	require.ErrorIs(t, open(fl.realm, id, make([]byte, 32)), consent.ErrNotFound)
	require.ErrorIs(t, open(fl.realm, id+"x", fl.browser.Hash), consent.ErrNotFound)
	require.ErrorIs(t, open(&other, id, fl.browser.Hash), consent.ErrNotFound)
	require.ErrorIs(t, open(&without, id, fl.browser.Hash), consent.ErrNotFound)
	fl.f.Clock.Move(consent.InteractionLife - time.Microsecond)
	require.NoError(t, open(fl.realm, id, fl.browser.Hash))
	fl.f.Clock.Move(time.Microsecond)
	require.ErrorIs(t, open(fl.realm, id, fl.browser.Hash), consent.ErrOver)
}

func TestAnotherIdentifierDropsWhatWasProven(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	st := fl.start(fl.ask(func(r *consent.Request) { r.Login = true }), nil)
	st, err := fl.Identify(t.Context(), st, alice.Username)
	require.NoError(t, err)
	st = fl.logIn(st, alice)
	fl.arrive(st)

	st, err = fl.Identify(t.Context(), fl.open(st.In.ID, nil), fl.bob.Username)
	require.NoError(t, err)

	requireStep(t, st, consent.StepLogin, "signed_out")
	require.Empty(t, st.In.State.UserID)
	require.Empty(t, st.In.State.Here)
	require.Empty(t, st.In.State.ChallengeID)
	require.Equal(t, fl.bob.Username, st.In.State.Identifier)
	st = fl.logIn(st, fl.bob)
	require.Equal(t, fl.bob.ID, st.User.ID)
}

func TestAStepUpStaysWithItsUser(t *testing.T) {
	fl := newFlow(t, contractor)
	token := fl.signIn(fl.f.Alice)
	st := fl.start(fl.ask(func(r *consent.Request) { r.ACRValues, r.Login = []string{payout}, true }), token)
	requireStep(t, st, consent.StepLogin, "prompt")
	before := asJSON(t, fl.interaction(st.In.ID).State)

	_, err := fl.LogIn(t.Context(), st, fl.bob, nil)

	require.ErrorIs(t, err, consent.ErrOtherUser)
	require.Equal(t, before, asJSON(t, fl.interaction(st.In.ID).State), "nothing of it is kept")
	st, err = fl.Identify(t.Context(), st, fl.bob.Username)
	require.NoError(t, err)
	require.Equal(t, fl.f.Alice.ID, st.In.State.UserID)
	_, err = fl.LogIn(t.Context(), st, fl.bob, nil)
	require.ErrorIs(t, err, consent.ErrOtherUser)
}

func TestARequestForOneUserIsNotAnsweredForAnother(t *testing.T) {
	fl := newFlow(t, contractor)
	st := fl.start(fl.ask(func(r *consent.Request) { r.Subject = fl.bob.ID }), fl.signIn(fl.f.Alice))
	requireStep(t, st, consent.StepLogin, "subject")

	st = fl.logIn(st, fl.f.Alice)

	requireStep(t, st, consent.StepRefuse, "subject")
	require.Equal(t, "login_required", st.OAuthError)
}

func TestATrustedDeviceSparesTheSecondStepOfALoginOnly(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	waiver := func(who mfa.Subject) *mfa.LoginWaiver {
		return &mfa.LoginWaiver{DeviceID: "d1", Subject: who, At: fl.f.Clock.Now()}
	}
	fl.agreed(alice)

	st, err := fl.LogIn(t.Context(), fl.start(fl.ask(nil), nil), alice, waiver(alice.Subject()))
	require.NoError(t, err)
	requireStep(t, st, consent.StepDone, "")
	require.Equal(t, "urn:sallyport:acr:td", st.Outcome.ACR)
	require.Equal(t, []string{"pwd", "rdev"}, st.Outcome.AMR)

	st, err = fl.LogIn(t.Context(), fl.start(fl.ask(nil), nil), alice, waiver(fl.bob.Subject()))
	require.NoError(t, err)
	requireStep(t, st, consent.StepChallenge, "second_step")

	st, err = fl.LogIn(t.Context(), fl.start(fl.forAction(payout), nil), alice, waiver(alice.Subject()))
	require.NoError(t, err)
	requireStep(t, st, consent.StepConfirm, "action")
}

func TestEndingAnInteraction(t *testing.T) {
	for reason, status := range map[string]consent.ConfirmationStatus{
		"cancelled": consent.ConfirmationDenied, "declined": consent.ConfirmationDenied,
		"policy_changed": consent.ConfirmationDenied, "locked": consent.ConfirmationFailed,
	} {
		t.Run(reason, func(t *testing.T) {
			fl := newFlow(t, contractor)
			token := fl.signIn(fl.f.Alice)
			st := fl.start(fl.forAction(payout), token)
			challenge := fl.arrive(st)
			st = fl.open(st.In.ID, token)

			st, err := fl.End(t.Context(), st, reason)

			require.NoError(t, err)
			requireStep(t, st, consent.StepRefuse, "ended")
			require.Equal(t, "access_denied", st.OAuthError)
			require.NotEmpty(t, st.Description)
			require.Equal(t, status, fl.confirmation(st).Status)
			c, err := fl.lab.Store.Challenge(t.Context(), fl.f.Alice.Subject(), challenge.ID)
			require.NoError(t, err)
			require.Equal(t, mfa.ChallengeCancelled, c.Status)
			_, err = fl.End(t.Context(), st, "cancelled")
			require.ErrorIs(t, err, consent.ErrOver)
			_, err = fl.Agree(t.Context(), st)
			require.ErrorIs(t, err, consent.ErrOver, "what has ended takes no step")
		})
	}
}

func TestAgreementIsAboutWhatWasAskedFor(t *testing.T) {
	fl := newFlow(t, contractor)
	fl.agreed(fl.f.Alice)
	token := fl.signIn(fl.f.Alice)

	st := fl.start(fl.ask(func(r *consent.Request) { r.Scopes = []string{"openid", "email"} }), token)
	requireStep(t, st, consent.StepConsent, "scopes")
	st, err := fl.Agree(t.Context(), st)
	require.NoError(t, err)
	requireStep(t, st, consent.StepDone, "")
	require.Equal(t, []string{"openid", "email"}, st.Outcome.Agreement.Scopes)
	require.False(t, st.Outcome.NewSession || st.Outcome.Rotate, "agreeing is no login")

	st = fl.start(fl.ask(func(r *consent.Request) { r.AskConsent = true }), token)
	requireStep(t, st, consent.StepConsent, "prompt")
	st, err = fl.Agree(t.Context(), st)
	require.NoError(t, err)
	requireStep(t, st, consent.StepDone, "")

	first := *fl.app()
	first.FirstParty = true
	d, err := fl.Resolve(t.Context(), fl.realm, &first, fl.ask(func(r *consent.Request) { r.Scopes = []string{"profile"} }), fl.who(token), nil)
	require.NoError(t, err)
	require.Equal(t, consent.StepDone, d.Step, "the tenant's own app asks for nothing")
}

func TestAPageThatIsOpenedTwentyTimesSendsOneCode(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	st := fl.logIn(fl.start(fl.ask(nil), nil), alice)
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range 20 {
		all.Go(func() {
			here, err := fl.Open(context.Background(), fl.realm, st.In.ID, fl.browser.Hash, nil)
			if err != nil {
				t.Error(err)
				return
			}
			c, err := fl.Arrive(context.Background(), here, fl.browser)
			if err != nil || c == nil {
				t.Error("no challenge", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seen[c.ID]++
		})
	}
	all.Wait()

	require.Len(t, seen, 1)
	require.Len(t, fl.lab.Mailbox.Messages(), 1)
}

func TestAnActionIsConfirmedOnceHoweverOftenItsPageIsOpened(t *testing.T) {
	fl := newFlow(t, contractor, action("payout.request", func(a *policy.Action) { a.Begin = policy.BeginOnSubmit }))
	st := fl.logIn(fl.start(fl.forAction(payout), nil), fl.f.Alice)
	requireStep(t, st, consent.StepConfirm, "action")
	require.Empty(t, fl.interaction(st.In.ID).State.ConfirmationID)
	pages := make([]*consent.Standing, 10)
	for i := range pages {
		pages[i] = fl.open(st.In.ID, nil)
	}
	var all sync.WaitGroup
	for _, page := range pages {
		all.Go(func() {
			_, err := fl.Arrive(context.Background(), page, fl.browser)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	var n int
	require.NoError(t, fl.f.DB.SQL.QueryRowContext(t.Context(), "select count(*) from confirmations").Scan(&n))
	require.Equal(t, 1, n)
}

func TestARightCodeCountsOnce(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	st := fl.logIn(fl.start(fl.ask(nil), nil), alice)
	c := fl.arrive(st)
	st = fl.open(st.In.ID, nil)
	_, v, err := fl.Answer(t.Context(), st, consent.Given{ChallengeID: c.ID, Input: fl.lab.Wrong(c).Reveal()}, fl.browser)
	require.ErrorIs(t, err, mfa.ErrMismatch)
	require.Equal(t, 4, v.TriesLeft)
	require.Len(t, fl.interaction(st.In.ID).State.Here, 1)

	var all sync.WaitGroup
	passed := make(chan bool, 8)
	for range 8 {
		all.Go(func() {
			_, _, err := fl.Answer(context.Background(), st, consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)
			passed <- err == nil
		})
	}
	all.Wait()
	close(passed)

	n := 0
	for ok := range passed {
		if ok {
			n++
		}
	}
	require.Equal(t, 1, n)
	state := fl.interaction(st.In.ID).State
	require.Len(t, state.Here, 2)
	require.Equal(t, []string{c.ID}, state.Spent)
	require.Equal(t, "email", state.Here[1].Method)
}

// TestAProofThatWasPassedIsNotLost ends the process between the verdict and its
// effect.
func TestAProofThatWasPassedIsNotLost(t *testing.T) {
	for name, acr := range map[string]string{"of a login": "", "of an action": payout} {
		t.Run(name, func(t *testing.T) {
			fl := newFlow(t, contractor)
			alice := fl.enable(fl.f.Alice)
			fl.agreed(alice)
			req := fl.ask(nil)
			if acr != "" {
				req = fl.forAction(acr)
			}
			st := fl.logIn(fl.start(req, nil), alice)
			if st.Step == consent.StepChallenge && acr != "" {
				st = fl.pass(st)
			}
			c := fl.arrive(st)
			st = fl.open(st.In.ID, nil)
			fl.crash.set(true)
			_, _, err := fl.Answer(t.Context(), st, consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)
			require.ErrorIs(t, err, errCrash)
			fl.crash.set(false)
			st = fl.open(st.In.ID, nil)
			require.NotEqual(t, consent.StepDone, st.Step, "nothing is believed that was not recorded")
			_, _, err = fl.Answer(t.Context(), st, consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)
			require.ErrorIs(t, err, mfa.ErrSpent)

			st, err = fl.Recover(t.Context(), fl.open(st.In.ID, nil))

			require.NoError(t, err)
			requireStep(t, st, consent.StepDone, "")
			before := asJSON(t, fl.interaction(st.In.ID).State)
			st, err = fl.Recover(t.Context(), fl.open(st.In.ID, nil))
			require.NoError(t, err)
			requireStep(t, st, consent.StepDone, "")
			require.Equal(t, before, asJSON(t, fl.interaction(st.In.ID).State), "and taken in once")
			used, err := fl.lab.Store.Challenge(t.Context(), alice.Subject(), c.ID)
			require.NoError(t, err)
			require.Equal(t, mfa.ChallengeUsed, used.Status)
		})
	}
}

// TestAProofIsTakenInOnce lets eight pages find the same proof that a crash left
// behind.
func TestAProofIsTakenInOnce(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	st := fl.logIn(fl.start(fl.ask(nil), nil), alice)
	c := fl.arrive(st)
	fl.crash.set(true)
	_, _, err := fl.Answer(t.Context(), fl.open(st.In.ID, nil), consent.Given{ChallengeID: c.ID, Input: fl.lab.Code(c).Reveal()}, fl.browser)
	require.ErrorIs(t, err, errCrash)
	fl.crash.set(false)
	pages := make([]*consent.Standing, 8)
	for i := range pages {
		pages[i] = fl.open(st.In.ID, nil)
	}
	fl.crash.meet = &sync.WaitGroup{}
	fl.crash.meet.Add(len(pages))
	var all sync.WaitGroup
	for _, page := range pages {
		all.Go(func() {
			_, err := fl.Recover(context.Background(), page)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	require.Len(t, fl.interaction(st.In.ID).State.Here, 2)
}

func TestThereIsNothingToRecoverBeforeACodeWasRight(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	st := fl.logIn(fl.start(fl.ask(nil), nil), alice)
	fl.arrive(st)
	before := asJSON(t, fl.interaction(st.In.ID).State)

	st, err := fl.Recover(t.Context(), fl.open(st.In.ID, nil))

	require.NoError(t, err)
	requireStep(t, st, consent.StepChallenge, "second_step")
	require.Equal(t, before, asJSON(t, fl.interaction(st.In.ID).State))
}

func TestAReminderIsShownOnceALogin(t *testing.T) {
	fl := newFlow(t, "contract-exclusive-method")
	fl.agreed(fl.bob)
	st := fl.logIn(fl.start(fl.ask(nil), nil), fl.bob)
	requireStep(t, st, consent.StepBanner, "reminder")

	st, err := fl.SeeBanner(t.Context(), st)

	require.NoError(t, err)
	requireStep(t, st, consent.StepDone, "")
}

func TestAnotherPasswordEndsALoginThatIsHalfDone(t *testing.T) {
	fl := newFlow(t, contractor)
	alice := fl.enable(fl.f.Alice)
	fl.agreed(alice)
	st := fl.pass(fl.logIn(fl.start(fl.ask(nil), nil), alice))
	requireStep(t, st, consent.StepDone, "")

	require.NoError(t, fl.f.Store.BumpPasswordEpoch(t.Context(), alice.TenantID, alice.ID))

	requireStep(t, fl.open(st.In.ID, nil), consent.StepLogin, "signed_out")
}

func TestADisabledUserGetsNoFurther(t *testing.T) {
	fl := newFlow(t, contractor)
	fl.agreed(fl.f.Alice)
	st := fl.logIn(fl.start(fl.ask(nil), nil), fl.f.Alice)
	requireStep(t, st, consent.StepDone, "")

	_, err := fl.f.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
		u.Status = identity.UserDisabled
		return nil
	})
	require.NoError(t, err)

	require.NotEqual(t, consent.StepDone, fl.open(st.In.ID, nil).Step)
}
