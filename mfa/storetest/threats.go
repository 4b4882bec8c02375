package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// threats are named by their number in security.md, which tells the attack.
var threats = []promise{
	{"T-01 the right code passes once of 64 at once", sameCodeTwice},
	{"T-02 no more guesses at once are compared than allowed", overrun},
	{"T-02 with attempts left, one right code among wrong ones passes", rightAmongWrong},
	{"T-03 guesses over many logins end at the hard limit", manyLogins},
	{"T-06 resends do not multiply guesses", resendGuesses},
	{"T-07 an old code is refused after a resend and counts", oldCode},
	{"T-08 a code lives until its last millisecond, not longer", codeLife},
	{"T-15 T-16 nobody else can use or burn a challenge", strangersVerify},
	{"T-40 a code for one transaction is none for another", otherDetails},
	{"T-58 a clock set back revives no code", clockBack},
	{"a right code during a delay is refused and not consumed", rightWhileLocked},
}

func sameCodeTwice(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.NoLimits()
	ask := lab.Login("i1")
	c := lab.Started(t, ask)

	passed := inParallel(64, func(int) bool {
		err := lab.Enter(ask, c, lab.Code(c))
		if err != nil && !errors.Is(err, mfa.ErrSpent) {
			t.Errorf("Verify: %v", err)
		}
		return err == nil
	})

	require.Equal(t, 1, passed)
	require.Equal(t, 1, lab.Log.Count(mfa.EventTried, "ok"))
}

func overrun(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.NoLimits()
	ask := lab.Login("i1")
	c := lab.Started(t, ask)

	passed := inParallel(64, func(i int) bool {
		code := lab.Wrong(c)
		if i == 40 {
			code = lab.Code(c)
		}
		return lab.Enter(ask, c, code) == nil
	})

	require.LessOrEqual(t, passed, 1)
	require.LessOrEqual(t, lab.Compared(), 5)
	got, err := lab.Current(t.Context(), ask, c.ID)
	require.NoError(t, err)
	require.Contains(t, []mfa.ChallengeStatus{mfa.ChallengeVerified, mfa.ChallengeLocked}, got.Status)
}

func rightAmongWrong(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.NoLimits()
	lab.Policy.Codes.Default.Attempts, lab.Policy.Lockout.SoftFails = 10, 20
	for round := range 20 {
		ask := lab.Login(fmt.Sprint("i", round))
		c := lab.Started(t, ask)

		passed := inParallel(10, func(i int) bool {
			code := lab.Wrong(c)
			if i == round%10 {
				code = lab.Code(c)
			}
			return lab.Enter(ask, c, code) == nil
		})

		require.Equal(t, 1, passed, "round %d", round)
	}
}

// storm guesses five times in each of n logins, all at once.
func storm(t *testing.T, lab *Lab, name string, n int) {
	t.Helper()
	var challenges []mfa.Challenge
	for i := range n {
		c, err := lab.Begin(t.Context(), lab.Login(fmt.Sprint(name, i)), "")
		if err != nil {
			_, locked := errors.AsType[*mfa.LockedError](err)
			require.True(t, locked, "%v", err)
			return
		}
		challenges = append(challenges, c)
	}
	inParallel(n*5, func(i int) bool {
		c := challenges[i%n]
		ask := lab.Login(c.OwnerID)
		ask.IP = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) // T-04: each from elsewhere
		err := lab.Enter(ask, c, lab.Wrong(c))
		if err == nil {
			t.Error("a wrong code passed")
		}
		return false
	})
}

func manyLogins(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.NoLimits()
	require.NoError(t, s.AddFactor(t.Context(), mfa.Factor{
		ID: "fmail", Subject: lab.Who, Kind: policy.Email, ContactID: "mail", Status: mfa.FactorActive, CreatedAt: t0,
	}))

	storm(t, lab, "first", 50)
	require.LessOrEqual(t, lab.Compared(), lab.Policy.Lockout.SoftFails)
	require.Equal(t, 1, lab.Log.Count(mfa.EventSecondStepFailed, ""))
	for round := range 60 {
		e, err := s.Enrolments(t.Context(), lab.Who)
		require.NoError(t, err)
		if e.Guards[0].Dead {
			break
		}
		lab.Clock.Move(e.Guards[0].LockedUntil.Sub(lab.Clock.Now()))
		storm(t, lab, fmt.Sprint("round", round), 4)
	}

	require.LessOrEqual(t, lab.Compared(), lab.Policy.Lockout.HardFails)
	require.Equal(t, 1, lab.Log.Count(mfa.EventFactorLocked, ""), "the owner is told")
	e, err := s.Enrolments(t.Context(), lab.Who)
	require.NoError(t, err)
	require.Empty(t, e.Factors, "the factor is disabled")
	options, err := lab.Options(t.Context(), lab.Login("after"), nil)
	require.NoError(t, err)
	require.Equal(t, policy.SMS, options[0].Method, "the account itself stays usable")
}

func resendGuesses(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.NoLimits()
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	for gen, guesses := range []int{4, 4, 2} {
		if gen > 0 {
			var err error
			lab.Clock.Move(1000 * time.Second) // past the timer, and into a new window of the guard
			c, err = lab.Resend(t.Context(), ask, c.ID)
			require.NoError(t, err)
		}
		for range guesses {
			require.ErrorIs(t, lab.Enter(ask, c, lab.Wrong(c)), mfa.ErrMismatch)
		}
	}

	require.ErrorIs(t, lab.Enter(ask, c, lab.Code(c)), mfa.ErrExhausted, "the 11th comparison, though right")

	require.Equal(t, mfa.MaxChainAttempts, lab.Compared())
	lab.Clock.Move(time.Hour)
	_, err := lab.Resend(t.Context(), ask, c.ID)
	require.ErrorIs(t, err, mfa.ErrExhausted)
}

func oldCode(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	ask := lab.Login("i1")
	first := lab.Started(t, ask)
	old := lab.Code(first)
	lab.Clock.Move(time.Minute)
	second, err := lab.Resend(t.Context(), ask, first.ID)
	require.NoError(t, err)
	if lab.Code(second) == old {
		t.Skip("one in a million: the new code is the old one")
	}

	v, err := lab.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: second.ID, Input: old})
	require.ErrorIs(t, err, mfa.ErrMismatch)
	require.Equal(t, 4, v.TriesLeft)
	require.ErrorIs(t, lab.Enter(ask, first, old), mfa.ErrSuperseded)
	require.NoError(t, lab.Enter(ask, second, lab.Code(second)))
}

func codeLife(t *testing.T, s Stores) {
	for _, tt := range []struct {
		after time.Duration
		want  error
	}{{59_999 * time.Millisecond, nil}, {60 * time.Second, mfa.ErrExpired}} {
		t.Run(tt.after.String(), func(t *testing.T) {
			lab := NewLab(t, s)
			// The gateway takes three seconds; life begins when it has accepted.
			lab.Mailbox.Delay = func() { lab.Clock.Move(3 * time.Second) }
			ask := lab.Login("i1")
			c := lab.Started(t, ask)
			require.Equal(t, t0.Add(63*time.Second), c.ExpiresAt)
			lab.Clock.Move(tt.after)

			v, err := lab.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: lab.Code(c)})

			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				return
			}
			require.Equal(t, mfa.ChallengeExpired, v.Challenge.Status)
			require.Equal(t, 0, v.Challenge.Attempts, "it does not count")
			require.Equal(t, 0, lab.Compared())
			require.Equal(t, 1, lab.Log.Count(mfa.EventRefused, "code_expired"), "it is observed")
			_, err = lab.Resend(t.Context(), ask, c.ID)
			require.NoError(t, err, "an expired chain goes on")
		})
	}
}

func strangersVerify(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.Policy.Limits.VerifyPerUser = []policy.Rate{{N: 1, Per: 3600}}
	ask := lab.Payout("i1", "h1")
	c := lab.Started(t, ask)
	tests := map[string]func(*mfa.Ask){
		"another user":     func(a *mfa.Ask) { a.Subject.UserID = "u2" },
		"another tenant":   func(a *mfa.Ask) { a.Subject.TenantID += "x" },
		"another browser":  func(a *mfa.Ask) { a.Binding = []byte("another") },
		"no browser":       func(a *mfa.Ask) { a.Binding = nil },
		"another owner":    func(a *mfa.Ask) { a.OwnerID = "i2" },
		"another purpose":  func(a *mfa.Ask) { a.Purpose = mfa.PurposeLogin },
		"another action":   func(a *mfa.Ask) { a.Action = "payment_details.add" },
		"other details":    func(a *mfa.Ask) { a.DetailsHash = "h2" },
		"details left out": func(a *mfa.Ask) { a.DetailsHash = "" },
	}
	for name, edit := range tests {
		wrongAsk := ask
		edit(&wrongAsk)
		require.ErrorIs(t, lab.Enter(wrongAsk, c, lab.Code(c)), mfa.ErrNotFound, name)
		_, err := lab.Resend(t.Context(), wrongAsk, c.ID)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		_, err = lab.Switch(t.Context(), wrongAsk, c.ID, policy.SMS)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		require.ErrorIs(t, lab.Cancel(t.Context(), wrongAsk, c.ID), mfa.ErrNotFound, name)
	}

	got, err := lab.Current(t.Context(), ask, c.ID)
	require.NoError(t, err)
	require.Equal(t, 0, got.Attempts)
	require.NoError(t, lab.Enter(ask, c, lab.Code(c)), "nor were the limits of the owner used up")
}

func otherDetails(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	a, b := lab.Payout("i1", "h-a"), lab.Payout("i2", "h-b")
	ca, cb := lab.Started(t, a), lab.Started(t, b)
	login := lab.Login("i3")
	cl := lab.Started(t, login)
	if lab.Code(ca) == lab.Code(cb) || lab.Code(ca) == lab.Code(cl) {
		t.Skip("one in a million: two codes are the same")
	}

	require.ErrorIs(t, lab.Enter(b, cb, lab.Code(ca)), mfa.ErrMismatch)
	require.ErrorIs(t, lab.Enter(login, cl, lab.Code(ca)), mfa.ErrMismatch)

	v, err := lab.Verify(t.Context(), mfa.Attempt{Ask: a, ChallengeID: ca.ID, Input: lab.Code(ca)})
	require.NoError(t, err)
	require.Equal(t, mfa.Proof{
		ChallengeID: ca.ID, Subject: lab.Who, Purpose: mfa.PurposeAction, Action: "payout.request", Method: policy.Email,
		ContactID: "mail", DetailsHash: "h-a", At: t0,
	}, v.Proof)
	first, err := lab.Use(t.Context(), lab.Who, ca.ID, "i1")
	require.NoError(t, err)
	require.True(t, first)
	first, err = lab.Use(t.Context(), lab.Who, ca.ID, "i1")
	require.NoError(t, err)
	require.False(t, first)
}

func clockBack(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	lab.Clock.Move(2 * time.Minute)

	lab.Clock.Move(-12 * time.Minute)
	require.ErrorIs(t, lab.Enter(ask, c, lab.Code(c)), mfa.ErrExpired)
	_, err := lab.Resend(t.Context(), ask, c.ID)
	require.ErrorIs(t, err, mfa.ErrTooSoon)
	require.Equal(t, 0, lab.Compared())

	lab.Clock.Move(10*time.Minute + time.Second)
	require.NoError(t, lab.Enter(ask, c, lab.Code(c)), "nor does it harm a code that lives")
}

func rightWhileLocked(t *testing.T, s Stores) {
	lab := NewLab(t, s)
	lab.NoLimits()
	lab.Policy.Codes.Default.TTL = 300
	ask, other := lab.Login("i1"), lab.Login("i2")
	c, fresh := lab.Started(t, ask), lab.Started(t, other)
	for range 5 {
		require.ErrorIs(t, lab.Enter(ask, c, lab.Wrong(c)), mfa.ErrMismatch)
	}

	v, err := lab.Verify(t.Context(), mfa.Attempt{Ask: other, ChallengeID: fresh.ID, Input: lab.Code(fresh)})

	locked, ok := errors.AsType[*mfa.LockedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, t0.Add(30*time.Second), locked.Until)
	require.Equal(t, locked.Until, v.LockedUntil)
	_, err = lab.Begin(t.Context(), lab.Login("i3"), "")
	_, ok = errors.AsType[*mfa.LockedError](err)
	require.True(t, ok, "no code is sent that cannot be entered: %v", err)
	lab.Clock.Move(30 * time.Second)
	require.NoError(t, lab.Enter(other, fresh, lab.Code(fresh)), "it was not consumed")
}
