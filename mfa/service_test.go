package mfa_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/storetest"
	"github.com/sallyport-id/sallyport/ratelimit"
)

func newLab(t *testing.T) *storetest.Lab { return storetest.NewLab(t, &memstore.Store{}) }

func TestBeginByMethod(t *testing.T) {
	tests := []struct {
		name   string
		edit   func(*storetest.Lab, *mfa.Ask)
		method mfa.Method
		want   error
		sent   mfa.Method
	}{
		{"the first one", nil, "", nil, policy.Email},
		{"by name", nil, policy.Email, nil, policy.Email},
		{"a fallback before its timer", nil, policy.SMS, mfa.ErrTooSoon, ""},
		{"a fallback that is unlocked at once", func(l *storetest.Lab, _ *mfa.Ask) { l.Policy.Delivery.FallbackUnlock = policy.UnlockAtOnce }, policy.SMS, nil, policy.SMS},
		{"one that is not offered", nil, policy.Voice, mfa.ErrNotOffered, ""},
		{"nothing can give the proof", func(_ *storetest.Lab, a *mfa.Ask) { a.Proof = policy.ProofSecondFactor }, "", mfa.ErrNoMethod, ""},
		{"a user of whom nothing is known", func(_ *storetest.Lab, a *mfa.Ask) { a.Subject.UserID = "u9" }, "", mfa.ErrNoMethod, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lab := newLab(t)
			ask := lab.Login("i1")
			if tt.edit != nil {
				tt.edit(lab, &ask)
			}

			c, err := lab.Begin(t.Context(), ask, tt.method)

			require.ErrorIs(t, err, tt.want)
			refused := errors.Is(err, mfa.ErrTooSoon) || errors.Is(err, mfa.ErrNotOffered)
			require.Equal(t, refused, lab.Log.Count(mfa.EventDowngrade, "") == 1)
			if tt.want != nil {
				require.Empty(t, lab.Mailbox.Messages())
				return
			}
			require.Equal(t, tt.sent, c.Method)
			require.Equal(t, tt.sent, lab.Mailbox.Messages()[0].Channel)
		})
	}
}

func TestBeginTellsWhenAFallbackWillBeThere(t *testing.T) {
	lab := newLab(t)

	_, err := lab.Begin(t.Context(), lab.Login("i1"), policy.SMS)

	soon, ok := errors.AsType[*mfa.TooSoonError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, lab.Clock.Now().Add(time.Minute), soon.At)
}

func TestBeginForSomethingElseCancelsWhatWasOpen(t *testing.T) {
	lab := newLab(t)
	first := lab.Payout("i1", "h1")
	c := lab.Started(t, first)
	again := lab.Started(t, first)
	require.Equal(t, c, again, "the same ask gets the same challenge")

	other := lab.Started(t, lab.Payout("i1", "h2"))

	require.NotEqual(t, c.ID, other.ID)
	require.ErrorIs(t, lab.Enter(first, c, lab.Code(c)), mfa.ErrSuperseded)
}

func TestTheMessage(t *testing.T) {
	lab := newLab(t)
	login, payout := lab.Started(t, lab.Login("i1")), lab.Started(t, lab.Payout("i2", "h1"))

	forLogin, _ := lab.Mailbox.Find(login.ID)
	forPayout, _ := lab.Mailbox.Find(payout.ID)

	require.Equal(t, "code.login", forLogin.Title, "the words for a login are others than those for an action")
	require.Equal(t, "code.action", forPayout.Title)
	require.Equal(t, lab.Who.UserID+"@example.test", forLogin.To.Reveal())
	require.Len(t, forLogin.Code.Reveal(), 6)
	require.Equal(t, "[secret]", fmt.Sprintf("%v", forLogin.Code))
}

func TestResendTimer(t *testing.T) {
	tests := []struct {
		after time.Duration
		want  error
	}{
		{0, mfa.ErrTooSoon},
		{59_999 * time.Millisecond, mfa.ErrTooSoon},
		{60 * time.Second, nil},
	}
	for _, tt := range tests {
		t.Run(tt.after.String(), func(t *testing.T) {
			lab := newLab(t)
			ask := lab.Login("i1")
			c := lab.Started(t, ask)
			lab.Clock.Move(tt.after)

			next, err := lab.Resend(t.Context(), ask, c.ID)

			require.ErrorIs(t, err, tt.want)
			if tt.want != nil {
				soon, ok := errors.AsType[*mfa.TooSoonError](err)
				require.True(t, ok)
				require.Equal(t, c.SentAt.Add(time.Minute), soon.At)
				require.Equal(t, 0, lab.Log.Count(mfa.EventDowngrade, ""), "impatience is no attack")
				return
			}
			require.Equal(t, []int{2, 2}, []int{next.Gen, next.Sends})
			require.Equal(t, c.ChainID, next.ChainID)
			require.Equal(t, lab.Clock.Now().Add(time.Minute), next.ResendAt, "a new timer starts")
		})
	}
}

func TestAChainEndsWithItsSends(t *testing.T) {
	lab := newLab(t)
	lab.NoLimits()
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	for range 4 {
		lab.Clock.Move(time.Minute)
		var err error
		c, err = lab.Resend(t.Context(), ask, c.ID)
		require.NoError(t, err)
	}
	lab.Clock.Move(time.Minute)

	_, resend := lab.Resend(t.Context(), ask, c.ID)
	_, other := lab.Switch(t.Context(), ask, c.ID, policy.SMS)

	require.ErrorIs(t, resend, mfa.ErrNoSends)
	require.ErrorIs(t, other, mfa.ErrNoSends)
	require.Len(t, lab.Mailbox.Messages(), 5)
}

func TestSwitchAtOnceDoesNotWaitForTheTimer(t *testing.T) {
	lab := newLab(t)
	lab.Policy.Delivery.FallbackUnlock = policy.UnlockAtOnce
	ask := lab.Login("i1")
	c := lab.Started(t, ask)

	next, err := lab.Switch(t.Context(), ask, c.ID, policy.SMS)

	require.NoError(t, err)
	require.Equal(t, policy.SMS, next.Method)
	require.NoError(t, lab.Enter(ask, next, lab.Code(next)))
}

func TestWhatIsOverCannotGoOn(t *testing.T) {
	tests := []struct {
		name string
		end  func(*testing.T, *storetest.Lab, mfa.Ask, mfa.Challenge)
		want error
	}{
		{"passed", func(t *testing.T, l *storetest.Lab, a mfa.Ask, c mfa.Challenge) {
			require.NoError(t, l.Enter(a, c, l.Code(c)))
		}, mfa.ErrSpent},
		{"cancelled", func(t *testing.T, l *storetest.Lab, a mfa.Ask, c mfa.Challenge) {
			require.NoError(t, l.Cancel(t.Context(), a, c.ID))
		}, mfa.ErrSuperseded},
		{"locked", func(t *testing.T, l *storetest.Lab, a mfa.Ask, c mfa.Challenge) {
			for range 5 {
				require.ErrorIs(t, l.Enter(a, c, l.Wrong(c)), mfa.ErrMismatch)
			}
		}, mfa.ErrExhausted},
		{"its method was dropped", func(_ *testing.T, l *storetest.Lab, _ mfa.Ask, _ mfa.Challenge) {
			l.Policy.Methods[policy.Email] = policy.Method{}
		}, mfa.ErrPolicyChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lab := newLab(t)
			ask := lab.Login("i1")
			c := lab.Started(t, ask)
			tt.end(t, lab, ask, c)
			lab.Clock.Move(time.Hour)

			_, err := lab.Resend(t.Context(), ask, c.ID)

			require.ErrorIs(t, err, tt.want)
			require.Len(t, lab.Mailbox.Messages(), 1)
		})
	}
}

func TestSendLimits(t *testing.T) {
	lab := newLab(t)
	for i := range 5 {
		lab.Started(t, lab.Login(fmt.Sprint("i", i)))
	}

	_, err := lab.Begin(t.Context(), lab.Login("i6"), "")

	wait, ok := errors.AsType[*ratelimit.WaitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, ratelimit.WaitError{What: "send.contact", After: 2 * time.Minute}, *wait)
	require.Len(t, lab.Mailbox.Messages(), 5)
	require.Equal(t, 1, lab.Log.Count(mfa.EventLimited, "send.contact"))
	_, err = lab.OpenChallenge(t, "i6")
	require.ErrorIs(t, err, mfa.ErrNotFound, "the counters come before everything that costs")
}

func TestVerifyLimits(t *testing.T) {
	lab := newLab(t)
	lab.Policy.Limits.VerifyPerUser = []policy.Rate{{N: 2, Per: 600}}
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	for range 10 {
		require.ErrorIs(t, lab.Enter(ask, c, "12345"), mfa.ErrMalformed)
	}
	require.ErrorIs(t, lab.Enter(ask, c, lab.Wrong(c)), mfa.ErrMismatch)
	require.ErrorIs(t, lab.Enter(ask, c, lab.Wrong(c)), mfa.ErrMismatch)

	err := lab.Enter(ask, c, lab.Code(c))

	wait, ok := errors.AsType[*ratelimit.WaitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "verify.user", wait.What)
	require.Equal(t, 2, lab.Compared(), "the limit comes before the comparison, and malformed input costs nothing")
}

func TestWrongCodesAreCountedDown(t *testing.T) {
	lab := newLab(t)
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	var left []int
	for range 5 {
		v, err := lab.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: lab.Wrong(c)})
		require.ErrorIs(t, err, mfa.ErrMismatch)
		require.Empty(t, v.Proof)
		left = append(left, v.TriesLeft)
	}

	require.Equal(t, []int{4, 3, 2, 1, 0}, left)
	require.Equal(t, 1, lab.Log.Count(mfa.EventSecondStepFailed, ""), "told once, at the third")
	require.Equal(t, 1, lab.Log.Count(mfa.EventLocked, ""))
	require.ErrorIs(t, lab.Enter(ask, c, lab.Code(c)), mfa.ErrExhausted)
}

// broken is a store that loses a judgement before it is kept, as a database does
// that fails at the commit.
type broken struct {
	storetest.Stores
	fail bool
}

var errCommit = errors.New("the commit failed")

func (b *broken) Judge(ctx context.Context, who mfa.Subject, which mfa.Which, judge func(*mfa.Case)) error {
	if !b.fail {
		return b.Stores.Judge(ctx, who, which, judge)
	}
	c, err := b.Challenge(ctx, who, which.ChallengeID)
	if err != nil {
		return err
	}
	judge(&mfa.Case{Challenge: c})
	return errCommit
}

func TestT05ALostCommitTellsNothing(t *testing.T) {
	store := &broken{Stores: &memstore.Store{}}
	lab := storetest.NewLab(t, store)
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	store.fail = true

	ofRight, right := lab.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: lab.Code(c)})
	ofWrong, wrong := lab.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: lab.Wrong(c)})

	require.ErrorIs(t, right, errCommit)
	require.Equal(t, right.Error(), wrong.Error())
	require.Equal(t, ofRight, ofWrong, "nor does the verdict tell")
	require.Empty(t, ofRight.Proof)
	require.Equal(t, 0, lab.Compared())
	store.fail = false
	require.NoError(t, lab.Enter(ask, c, lab.Code(c)))
}

func TestABrowserThatHangsUpDoesNotBreakADelivery(t *testing.T) {
	lab := newLab(t)
	ctx, hangUp := context.WithCancel(t.Context())
	lab.Mailbox.Delay = hangUp

	c, err := lab.Begin(ctx, lab.Login("i1"), "")

	require.NoError(t, err)
	require.Equal(t, mfa.ChallengeSent, c.Status)
}

func TestNoCodeAndNoContactIsObserved(t *testing.T) {
	lab := newLab(t)
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	require.ErrorIs(t, lab.Enter(ask, c, lab.Wrong(c)), mfa.ErrMismatch)
	require.NoError(t, lab.Enter(ask, c, lab.Code(c)))

	require.NotEmpty(t, lab.Log.Events())
	for _, e := range lab.Log.Events() {
		text := fmt.Sprintf("%+v", e)
		for _, secret := range []mfa.Secret{lab.Code(c), lab.Wrong(c), "@example.test", "52644183"} {
			require.NotContains(t, text, secret.Reveal())
		}
	}
}
