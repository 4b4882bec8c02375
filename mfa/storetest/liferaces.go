package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func numberSwapped(t *testing.T, s Stores) {
	l := NewLife(t, s, systemA)
	v := l.Start(start(mfa.VerbEnable, policy.SMS))
	l.Step(v.ID)
	first := l.Begun(v.ID)
	l.Number = mobile2
	_, err := l.EnterContact(t.Context(), l.Doer(), v.ID, l.Entered(policy.SMS))
	require.NoError(t, err)

	_, _, err = l.AnswerProof(t.Context(), l.Doer(), v.ID, mfa.Answer{ChallengeID: first.Challenge.ID, Input: l.Code(*first.Challenge)})

	require.ErrorIs(t, err, mfa.ErrOrder)
	second := l.Begun(v.ID)
	require.NotEqual(t, first.Challenge.ID, second.Challenge.ID)
	require.Equal(t, "code_new by sms", joined(l.GoOn(v.ID)))
	require.Equal(t, "sms "+mobile2, joined(l.Enrolled()))

	// The number is swapped between the verdict on the code and its effect.
	l = NewLife(t, s, systemA)
	v = l.Start(start(mfa.VerbEnable, policy.SMS))
	l.Step(v.ID)
	first = l.Begun(v.ID)
	l.Log.Each = func(e mfa.Event) {
		if e.Kind != mfa.EventTried {
			return
		}
		l.Number = mobile2
		_, err := l.EnterContact(t.Context(), l.Doer(), v.ID, l.Entered(policy.SMS))
		require.NoError(t, err)
	}
	_, _, err = l.AnswerProof(t.Context(), l.Doer(), v.ID, mfa.Answer{ChallengeID: first.Challenge.ID, Input: l.Code(*first.Challenge)})
	require.ErrorIs(t, err, mfa.ErrOrder)
	require.Empty(t, l.Enrolled())

	// A proof that was taken in before is dropped as well.
	l = NewLife(t, s, systemA)
	life := l.Policy.Lifecycle[policy.SMS]
	life.Enable = policy.Ceremony{Stages: policy.Stages{{policy.ProofCodeNew}, {policy.ProofPassword}}}
	l.Policy.Lifecycle[policy.SMS] = life
	v = l.Start(start(mfa.VerbEnable, policy.SMS))
	l.Step(v.ID)
	l.Step(v.ID)
	l.Number = mobile2
	_, err = l.EnterContact(t.Context(), l.Doer(), v.ID, l.Entered(policy.SMS))
	require.NoError(t, err)
	require.Equal(t, "code_new by sms, password", joined(l.GoOn(v.ID)))
}

func oldNumberChanged(t *testing.T, s Stores) {
	l := NewLife(t, s, systemB)
	l.Has(policy.PIN)
	l.Has(policy.SMS)
	l.makePIN()
	slow := l.Start(start(mfa.VerbChange, policy.SMS))
	l.Step(slow.ID) // a code to the old number
	l.Do(start(mfa.VerbChange, policy.SMS))

	_, err := l.ViewOperation(t.Context(), l.Doer(), slow.ID)

	require.ErrorIs(t, err, mfa.ErrChanged)
}

func effectLost(t *testing.T, s Stores) {
	l := NewLife(t, s, systemA)
	v := l.Start(start(mfa.VerbSwitchOn, ""))
	p := l.Begun(v.ID)
	ask := p.Ask(l.Doer())
	require.NoError(t, l.Enter(ask, *p.Challenge, l.Code(*p.Challenge)), "and then the server stops")

	p, err := l.Prove(t.Context(), l.Doer(), v.ID)

	require.NoError(t, err)
	require.Equal(t, mfa.OperationDone, p.Status)
	require.Equal(t, "mfa_enabled, switch true", joined(l.Told()))
	require.Len(t, l.Mailbox.Messages(), 1)
}

func numberTaken(t *testing.T, s Stores) {
	l := NewLife(t, s, systemC)
	other := mfa.Subject{TenantID: l.Who.TenantID, UserID: "u9"}
	taken := phone(other, "theirs", mobile1)
	taken.Status, taken.Unique, taken.ConfirmedAt = mfa.ContactConfirmed, true, t0
	require.NoError(t, s.AddContact(t.Context(), taken))
	v := l.Start(start(mfa.VerbEnable, policy.SMS))
	l.Step(v.ID)
	p := l.Begun(v.ID)
	require.ErrorIs(t, func() error {
		_, _, err := l.AnswerProof(t.Context(), l.Doer(), v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Wrong(*p.Challenge)})
		return err
	}(), mfa.ErrMismatch, "C-20 a wrong code tells nothing of it")

	_, _, err := l.AnswerProof(t.Context(), l.Doer(), v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Code(*p.Challenge)})

	require.ErrorIs(t, err, mfa.ErrContactInUse)
	require.Empty(t, l.Enrolled())
	l.Number = mobile2
	_, err = l.EnterContact(t.Context(), l.Doer(), v.ID, l.Entered(policy.SMS))
	require.NoError(t, err)
	require.Equal(t, "code_new by sms", joined(l.GoOn(v.ID)))
}

func lockedForGood(t *testing.T, s Stores) {
	l := NewLife(t, s, systemB)
	l.Has(policy.PIN)
	l.Has(policy.SMS)
	l.makePIN()
	l.Policy.Lockout.Delays, l.Policy.Lockout.HardFails = nil, 3
	ask := l.Login("i1")
	ask.Proof = policy.ProofSecondFactor
	c, err := l.Begin(t.Context(), ask, policy.SMS)
	require.NoError(t, err)
	for range 3 {
		require.ErrorIs(t, l.Enter(ask, c, l.Wrong(c)), mfa.ErrMismatch)
	}
	require.Equal(t, "pin", joined(l.Enrolled()), "the factor is out of use")

	l.Number = mobile2
	require.Equal(t, "enter, code_new by sms + pin", joined(l.Do(start(mfa.VerbEnable, policy.SMS))))

	l.Clock.Move(time.Hour)
	ask.OwnerID = "i2"
	c, err = l.Begin(t.Context(), ask, policy.SMS)
	require.NoError(t, err)
	require.NoError(t, l.Enter(ask, c, l.Code(c)))
}

func pinReset(t *testing.T, s Stores) {
	l := NewLife(t, s, systemB)
	l.Has(policy.PIN)
	l.Has(policy.SMS)
	l.makePIN()
	l.Policy.Lockout.PINBlock = 1
	ask := l.Login("i1")
	for range l.Policy.Lockout.PINHardFails {
		require.ErrorIs(t, l.CheckPIN(t.Context(), ask, "738291"), mfa.ErrMismatch)
		l.Clock.Move(2 * time.Second)
	}
	l.LoginAt = l.Clock.Now()
	var dead *mfa.LockedError
	require.ErrorAs(t, l.CheckPIN(t.Context(), ask, l.PIN), &dead)
	require.True(t, dead.Until.IsZero())

	asked := l.Do(start(mfa.VerbEnable, policy.PIN))

	require.Equal(t, "second_factor by sms, password, finish", joined(asked))
	require.NoError(t, l.CheckPIN(t.Context(), ask, l.PIN))
	require.Equal(t, 24*time.Hour, l.changes[len(l.changes)-1].Hold)
}

func weakPIN(t *testing.T, s Stores) {
	l := NewLife(t, s, systemB)
	l.Phone("phone", mobile1, mfa.ContactConfirmed)
	v := l.Start(start(mfa.VerbEnable, policy.PIN))
	l.Step(v.ID)
	for _, pin := range []mfa.Secret{"123456", "345678", "12ab", "", "12345"} {
		_, err := l.Finish(t.Context(), l.Doer(), v.ID, pin)
		var weak *mfa.WeakPINError
		require.True(t, errors.As(err, &weak) || errors.Is(err, mfa.ErrMalformed), "%q: %v", pin.Reveal(), err)
	}
	require.Empty(t, l.Enrolled())
	require.Equal(t, "finish", joined(l.GoOn(v.ID)))
}

func cancelled(t *testing.T, s Stores) {
	l := NewLife(t, s, systemE)
	variant(l, policy.TOTP)
	v := l.Start(start(mfa.VerbEnable, policy.TOTP))
	seed, err := v.Seed()
	require.NoError(t, err)
	require.Len(t, seed.Reveal(), 20)
	p := l.Begun(v.ID)

	require.NoError(t, l.CancelOperation(t.Context(), l.Doer(), v.ID))
	require.NoError(t, l.CancelOperation(t.Context(), l.Doer(), v.ID), "once more is no error")

	e, err := l.Store.Enrolments(t.Context(), l.Who)
	require.NoError(t, err)
	require.Empty(t, e.Factors)
	c, err := l.Store.Challenge(t.Context(), l.Who, p.Challenge.ID)
	require.NoError(t, err)
	require.Equal(t, mfa.ChallengeCancelled, c.Status)
	_, err = l.ViewOperation(t.Context(), l.Doer(), v.ID)
	require.ErrorIs(t, err, mfa.ErrNotFound)
}

func tooManyUnderWay(t *testing.T, s Stores) {
	l := NewLife(t, s, systemE)
	variant(l, policy.TOTP)
	variant(l, policy.WebAuthn)
	l.Policy.Selection.UserMax = 1
	app, key := l.Start(start(mfa.VerbEnable, policy.TOTP)), l.Start(start(mfa.VerbEnable, policy.WebAuthn))
	l.GoOn(app.ID)

	_, err := l.Prove(t.Context(), l.Doer(), key.ID)

	require.ErrorIs(t, err, mfa.ErrTooMany)
}

// exclusiveSwitch prepares switches to email and to sms up to their last code, and
// lets all of them go at once, in rounds.
func exclusiveSwitch(t *testing.T, s Stores) {
	l := NewLife(t, s, systemD)
	l.Number = mobile2
	l.Has(policy.SMS)
	prepare := func(m mfa.Method) (ready []mfa.Proving) {
		for range 8 {
			v := l.Start(start(mfa.VerbEnable, m))
			l.Step(v.ID) // the present method agrees
			l.Step(v.ID)
			ready = append(ready, l.Begun(v.ID))
		}
		return ready
	}
	for round := range 3 {
		toEmail := prepare(policy.Email)
		l.Do(start(mfa.VerbEnable, policy.Email))
		all := slices.Concat(toEmail, prepare(policy.SMS))

		done := inParallel(16, func(i int) bool {
			p := all[i]
			o, _, err := l.AnswerProof(context.Background(), l.Doer(), p.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Code(*p.Challenge)})
			if err != nil && !errors.Is(err, mfa.ErrChanged) && !errors.Is(err, mfa.ErrAlready) && !errors.Is(err, mfa.ErrFactorExists) {
				t.Errorf("round %d: %v", round, err)
			}
			return o.Status == mfa.OperationDone && err == nil
		})

		require.Equal(t, 1, done, "round %d", round)
		require.Len(t, l.Enrolled(), 1)
		require.True(t, strings.HasPrefix(l.Enrolled()[0], "sms"))
		l.Clock.Move(time.Minute)
	}
}

func numberRaced(t *testing.T, s Stores) {
	first := NewLife(t, s, systemC)
	const users = 32
	lives, ready := make([]*Life, users), make([]mfa.Proving, users)
	for i := range lives {
		l := NewLife(t, s, systemC)
		l.Who = mfa.Subject{TenantID: first.Who.TenantID, UserID: fmt.Sprint("r", i)}
		address := mail(l.Who)
		address.ID = "mail" + l.Who.UserID
		require.NoError(t, s.AddContact(t.Context(), address))
		v := l.Start(start(mfa.VerbEnable, policy.SMS))
		l.Step(v.ID)
		lives[i], ready[i] = l, l.Begun(v.ID)
	}
	answer := func(i int) error {
		p := ready[i]
		_, _, err := lives[i].AnswerProof(context.Background(), lives[i].Doer(), p.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: lives[i].Code(*p.Challenge)})
		return err
	}

	winner := -1
	won := inParallel(users, func(i int) bool {
		err := answer(i)
		if err != nil && !errors.Is(err, mfa.ErrContactInUse) {
			t.Errorf("user %d: %v", i, err)
		}
		if err == nil {
			winner = i
		}
		return err == nil
	})

	require.Equal(t, 1, won)
	w := lives[winner]
	w.Number = mobile2
	require.Equal(t, "enter, code_new by sms", joined(w.Do(start(mfa.VerbChange, policy.SMS))))
	loser := (winner + 1) % users
	_, err := lives[loser].Prove(t.Context(), lives[loser].Doer(), ready[loser].ID)
	require.ErrorIs(t, err, mfa.ErrContactInUse, "C-21 also after the first account has moved on")
	w.Number = mobile1
	require.Equal(t, "enter, code_new by sms", joined(w.Do(start(mfa.VerbChange, policy.SMS))), "it is still its own")
}

func endsOnce(t *testing.T, s Stores) {
	l := NewLife(t, s, systemA)
	v := l.Start(start(mfa.VerbSwitchOn, ""))
	p := l.Begun(v.ID)

	done := inParallel(16, func(int) bool {
		o, _, err := l.AnswerProof(context.Background(), l.Doer(), v.ID, mfa.Answer{ChallengeID: p.Challenge.ID, Input: l.Code(*p.Challenge)})
		return err == nil && o.Status == mfa.OperationDone
	})

	require.Equal(t, 1, done)
	require.Len(t, l.changes, 1)
	c, err := l.Store.Challenge(t.Context(), l.Who, p.Challenge.ID)
	require.NoError(t, err)
	require.Equal(t, mfa.ChallengeUsed, c.Status)
}
