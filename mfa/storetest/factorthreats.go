package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// factorThreats are about what is judged without a message.
var factorThreats = []promise{
	{"T-09 a code of an app passes once, also of 64 at once and in whichever login", appCodeOnce},
	{"T-10 the code of the enrolment does not log in", enrolmentCode},
	{"T-12 T-14 a recovery code passes once of 64 at once, with one hash a try", recoveryCodeOnce},
	{"T-57 a key that counts back is turned off", keyCloned},
	{"T-57 what a key signed for another page, demand or challenge is not right", keyElsewhere},
	{"T-40 what a key signs for a transaction is the transaction", keySignsTransaction},
	{"a challenge without a message costs no delivery, and is left and entered again", switchedToAndFrom},
	{"a challenge without a message runs out and is renewed", renewed},
	{"recovery codes are offered to who recovers, and to nobody else", recovering},
}

// withApp is a user of B with an app and sms. The first code of the app is used up.
func withApp(t *testing.T, s Stores) *Life {
	l := NewLife(t, s, systemB)
	l.Has(policy.PIN)
	l.makePIN()
	l.Do(start(mfa.VerbEnable, policy.TOTP))
	l.Has(policy.SMS)
	return l
}

func (l *Life) second(owner string) mfa.Ask {
	ask := l.Login(owner)
	ask.Proof, ask.RP = policy.ProofSecondFactor, l.Doer().RP
	return ask
}

func (l *Life) begin(owner string, m mfa.Method) (mfa.Ask, mfa.Challenge) {
	l.t.Helper()
	ask := l.second(owner)
	c, err := l.Begin(l.t.Context(), ask, m)
	require.NoError(l.t, err)
	require.Equal(l.t, m, c.Method)
	return ask, c
}

func (l *Life) seed() mfa.Secret {
	l.t.Helper()
	e, err := l.Store.Enrolments(l.t.Context(), l.Who)
	require.NoError(l.t, err)
	for _, f := range e.Factors {
		if f.Kind == policy.TOTP {
			return f.Secret
		}
	}
	l.t.Fatal("no app")
	return ""
}

func appCodeOnce(t *testing.T, s Stores) {
	l := withApp(t, s)
	l.Clock.Move(60 * time.Second)
	seed, now := l.seed(), l.Clock.Now()
	asks, challenges := make([]mfa.Ask, 8), make([]mfa.Challenge, 8)
	for i := range asks {
		asks[i], challenges[i] = l.begin("i"+string(rune('a'+i)), policy.TOTP)
	}
	passed := inParallel(64, func(i int) bool {
		err := l.Enter(asks[i%8], challenges[i%8], AppCode(seed, now))
		if err != nil && !errors.Is(err, mfa.ErrMismatch) && !errors.Is(err, mfa.ErrSpent) && !isLocked(err) && !errors.Is(err, mfa.ErrExhausted) {
			t.Errorf("Verify: %v", err)
		}
		return err == nil
	})
	require.Equal(t, 1, passed)

	l.Clock.Move(time.Hour)
	ask, c := l.begin("later", policy.TOTP)
	require.ErrorIs(t, l.Enter(ask, c, AppCode(seed, now)), mfa.ErrMismatch, "long ago")
	next := l.Clock.Now()
	require.NoError(t, l.Enter(ask, c, AppCode(seed, next)))
	ask, c = l.begin("again", policy.TOTP)
	require.ErrorIs(t, l.Enter(ask, c, AppCode(seed, next)), mfa.ErrReplayed)
	require.ErrorIs(t, l.Enter(ask, c, AppCode(seed, next.Add(-30*time.Second))), mfa.ErrReplayed, "s+1, then s")
}

func isLocked(err error) bool {
	_, ok := errors.AsType[*mfa.LockedError](err)
	return ok
}

func enrolmentCode(t *testing.T, s Stores) {
	l := withApp(t, s)
	ask, c := l.begin("i1", policy.TOTP)

	require.ErrorIs(t, l.Enter(ask, c, AppCode(l.seed(), l.Clock.Now())), mfa.ErrReplayed)
}

func recoveryCodeOnce(t *testing.T, s Stores) {
	l := withApp(t, s)
	v := l.Start(start(mfa.VerbEnable, policy.RecoveryCodes))
	l.Step(v.ID)
	made, err := l.Finish(t.Context(), l.Doer(), v.ID, "")
	require.NoError(t, err)
	require.Len(t, made.Codes, 10)
	require.Equal(t, int64(10+1+1), l.Hashes.Made.Load()+1, "ten codes and a PIN")
	ask, c := l.begin("i1", policy.RecoveryCodes)
	before := l.Hashes.Compared.Load()
	require.ErrorIs(t, l.Enter(ask, c, "07-AAAA-AAAA-AAAA-AA"), mfa.ErrMismatch)
	require.Equal(t, before+1, l.Hashes.Compared.Load(), "a wrong one costs one hash, not ten")
	require.ErrorIs(t, l.Enter(ask, c, "7-AAAA"), mfa.ErrMalformed)
	require.Equal(t, before+1, l.Hashes.Compared.Load(), "what is no code costs none")

	asks, challenges := []mfa.Ask{ask}, []mfa.Challenge{c}
	for _, owner := range []string{"i2", "i3", "i4"} {
		a, c := l.begin(owner, policy.RecoveryCodes)
		asks, challenges = append(asks, a), append(challenges, c)
	}
	passed := inParallel(64, func(i int) bool {
		return l.Enter(asks[i%4], challenges[i%4], mfa.Secret(made.Codes[6].Text())) == nil
	})

	require.Equal(t, 1, passed)
	e, err := l.Store.Enrolments(t.Context(), l.Who)
	require.NoError(t, err)
	for _, f := range e.Factors {
		if f.Kind == policy.RecoveryCodes {
			require.Equal(t, 9, f.CodesLeft)
		}
	}
	require.Equal(t, 1, l.Log.Count(mfa.EventRecoveryCodeUsed, "ok"))
}

// withKey is a user of E with a key.
func withKey(t *testing.T, s Stores) *Life {
	l := NewLife(t, s, systemE)
	variant(l, policy.WebAuthn)
	l.Do(start(mfa.VerbEnable, policy.WebAuthn))
	return l
}

func keyCloned(t *testing.T, s Stores) {
	l := withKey(t, s)
	ask, c := l.begin("i1", policy.WebAuthn)
	l.keys[0].Counter = 10
	require.NoError(t, l.Enter(ask, c, l.Sign(c.Ceremony.Options, 0)))
	ask, c = l.begin("i2", policy.WebAuthn)
	l.keys[0].Counter = 4

	err := l.Enter(ask, c, l.Sign(c.Ceremony.Options, 0))

	require.ErrorIs(t, err, mfa.ErrCloned)
	require.Empty(t, l.Enrolled())
	require.Equal(t, 1, l.Log.Count(mfa.EventFactorCloned, ""))
}

func keyElsewhere(t *testing.T, s Stores) {
	l := withKey(t, s)
	l.Policy.Lockout.Delays = nil
	ask, c := l.begin("i1", policy.WebAuthn)
	key := l.keys[0]
	key.Counter = 20
	phish := tab
	phish.Origin = "https://login.example.evil.test"
	other := tab
	other.ID = "other.example"
	require.ErrorIs(t, l.Enter(ask, c, l.SignAs(c.Ceremony.Options, key, phish, true)), mfa.ErrMismatch, "another origin")
	require.ErrorIs(t, l.Enter(ask, c, l.SignAs(c.Ceremony.Options, key, other, true)), mfa.ErrMismatch, "another relying party")
	strict := ask
	strict.UserVerify = mfa.UVRequired
	require.ErrorIs(t, l.Enter(strict, c, l.SignAs(c.Ceremony.Options, key, tab, false)), mfa.ErrMismatch, "UV = 0 where it is required")
	right := l.SignAs(c.Ceremony.Options, key, tab, false)
	require.NoError(t, l.Enter(ask, c, right), "a key of the U2F kind does not verify its user")
	ask2, c2 := l.begin("i2", policy.WebAuthn)
	require.ErrorIs(t, l.Enter(ask2, c2, right), mfa.ErrMismatch, "the challenge of another login")
	require.ErrorIs(t, l.Enter(ask, c, right), mfa.ErrSpent)
}

func switchedToAndFrom(t *testing.T, s Stores) {
	l := withApp(t, s)
	sent := len(l.Mailbox.Messages())
	ask, c := l.begin("i1", policy.TOTP)
	require.Zero(t, c.Sends)
	require.Equal(t, sent, len(l.Mailbox.Messages()))
	require.Equal(t, 10*time.Minute, c.ExpiresAt.Sub(c.SentAt))
	var err error
	for i, m := range []mfa.Method{policy.SMS, policy.TOTP, policy.SMS} {
		c, err = l.Switch(t.Context(), ask, c.ID, m)
		if i == 2 {
			require.NoError(t, err)
			break
		}
		require.NoError(t, err, m)
		require.Equal(t, m, c.Method)
		l.Clock.Move(time.Minute)
	}
	require.Equal(t, 2, c.Sends, "the app cost none")
	require.Equal(t, sent+2, len(l.Mailbox.Messages()))
	require.NoError(t, l.Enter(ask, c, l.Code(c)))
}

func renewed(t *testing.T, s Stores) {
	l := NewLife(t, s, systemE)
	variant(l, policy.TOTP)
	l.Do(start(mfa.VerbEnable, policy.TOTP))
	l.LoginAt = l.Clock.Now()
	v := l.Start(start(mfa.VerbEnable, policy.RecoveryCodes))
	first := l.Begun(v.ID)
	l.Clock.Move(10 * time.Minute)

	second := l.Begun(v.ID)

	require.NotEqual(t, first.Challenge.ID, second.Challenge.ID)
	require.True(t, second.Challenge.Live(l.Clock.Now()))
	_, _, err := l.AnswerProof(context.Background(), l.Doer(), v.ID, mfa.Answer{ChallengeID: first.Challenge.ID, Input: "123456"})
	require.ErrorIs(t, err, mfa.ErrOrder)
	require.Equal(t, "second_factor by totp, finish", joined(l.GoOn(v.ID)))
}

func recovering(t *testing.T, s Stores) {
	l := NewLife(t, s, systemA)
	v := l.Start(start(mfa.VerbEnable, policy.RecoveryCodes))
	l.Step(v.ID)
	made, err := l.Finish(t.Context(), l.Doer(), v.ID, "")
	require.NoError(t, err)
	l.Clock.Move(time.Minute)
	ask := l.Login("i1") // a delivered code
	_, err = l.Begin(t.Context(), ask, policy.RecoveryCodes)
	require.ErrorIs(t, err, mfa.ErrNotOffered)
	payout := l.Payout("i2", "h1")
	_, err = l.Begin(t.Context(), payout, policy.RecoveryCodes)
	require.ErrorIs(t, err, mfa.ErrNotOffered)

	c := l.Started(t, ask)
	ask.Recover = true
	c, err = l.Switch(t.Context(), ask, c.ID, policy.RecoveryCodes)
	require.NoError(t, err)
	require.NoError(t, l.Enter(ask, c, mfa.Secret(made.Codes[0].Text())))

	l.Policy.Recovery.SelfService = nil
	ask.OwnerID = "i3"
	_, err = l.Begin(t.Context(), ask, "")
	require.ErrorIs(t, err, mfa.ErrNoMethod)
}
