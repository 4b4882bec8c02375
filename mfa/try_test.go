package mfa_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var lockout = policy.Lockout{
	SoftFails: 5, Window: 900, Delays: policy.List[policy.Seconds]{30, 60, 300, 900, 3600}, HardFails: 50,
}

// entered is a code whose MAC is mac.
func entered(c *mfa.Challenge, mac []byte) func() bool {
	return func() bool { return len(c.CodeMAC) > 0 && string(mac) == string(c.CodeMAC) }
}

func TestTry(t *testing.T) {
	right, wrong := []byte("right"), []byte("wrong")
	type state struct {
		g *mfa.Guard
		c *mfa.Challenge
	}
	tests := []struct {
		name   string
		edit   func(state)
		after  time.Duration // how long after t0 the code is entered
		mac    []byte
		want   error
		paid   bool
		status mfa.ChallengeStatus
	}{
		{"right code", nil, 0, right, nil, true, mfa.ChallengeVerified},
		{"wrong code costs an attempt", nil, 0, wrong, mfa.ErrMismatch, true, mfa.ChallengeSent},
		{"T-08 59.999 s", nil, 59_999 * time.Millisecond, right, nil, true, mfa.ChallengeVerified},
		{"T-08 60.000 s", nil, time.Minute, right, mfa.ErrExpired, false, mfa.ChallengeExpired},
		{"T-58 a clock before the sending", nil, -time.Millisecond, right, mfa.ErrExpired, false, mfa.ChallengeSent},
		{"the last attempt may still pass", func(x state) { x.c.Attempts = 4 }, 0, right, nil, true, mfa.ChallengeVerified},
		{"the last attempt, wrong, locks", func(x state) { x.c.Attempts = 4 }, 0, wrong, mfa.ErrMismatch, true, mfa.ChallengeLocked},
		{"no attempts left, even if right", func(x state) { x.c.Attempts = 5 }, 0, right, mfa.ErrExhausted, false, mfa.ChallengeLocked},
		{"T-06 the tenth of the chain may still pass", func(x state) { x.c.ChainAttempts = 9 }, 0, right, nil, true, mfa.ChallengeVerified},
		{"T-06 the tenth of the chain, wrong, locks", func(x state) { x.c.ChainAttempts = 9 }, 0, wrong, mfa.ErrMismatch, true, mfa.ChallengeLocked},
		{"T-06 the eleventh of the chain, even if right", func(x state) { x.c.ChainAttempts = 10 }, 0, right, mfa.ErrExhausted, false, mfa.ChallengeLocked},
		{"a challenge without a code", func(x state) { x.c.CodeMAC = nil }, 0, nil, mfa.ErrMismatch, true, mfa.ChallengeSent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &mfa.Guard{Subject: alice, Key: "contact:mail", FailsRun: 2, WindowFails: 2, WindowStart: t0}
			c := &mfa.Challenge{
				CodeMAC: right, Status: mfa.ChallengeSent, MaxAttempts: 5, SentAt: t0, ExpiresAt: t0.Add(time.Minute),
			}
			if tt.edit != nil {
				tt.edit(state{g, c})
			}
			attempts, now := c.Attempts, t0.Add(tt.after)

			err := mfa.Try(g, c, entered(c, tt.mac), now, lockout)

			require.ErrorIs(t, err, tt.want)
			require.Equal(t, tt.status, c.Status)
			require.Equal(t, tt.paid, c.Attempts == attempts+1)
			fails := map[bool]int{true: 3, false: 2}[tt.paid]
			if tt.want == nil {
				fails = 0 // a success forgets
				require.Equal(t, now, c.VerifiedAt)
			}
			require.Equal(t, fails, g.FailsRun)
		})
	}
}

func TestTryWithAClosedChallenge(t *testing.T) {
	tests := []struct {
		name   string
		status mfa.ChallengeStatus
		want   error
	}{
		{"a code passes once", mfa.ChallengeVerified, mfa.ErrSpent},
		{"a used one", mfa.ChallengeUsed, mfa.ErrSpent},
		{"a locked one", mfa.ChallengeLocked, mfa.ErrExhausted},
		{"an expired one, whatever the clock says now", mfa.ChallengeExpired, mfa.ErrExpired},
		{"a superseded one", mfa.ChallengeSuperseded, mfa.ErrSuperseded},
		{"a cancelled one", mfa.ChallengeCancelled, mfa.ErrSuperseded},
		{"one that the gateway refused", mfa.ChallengeFailed, mfa.ErrDelivery},
		{"one that is still on its way", mfa.ChallengeCreated, mfa.ErrDelivery},
		{"a status that is not known", "new", mfa.ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := mfa.Guard{FailsRun: 2}
			c := mfa.Challenge{
				CodeMAC: []byte("right"), Status: tt.status, MaxAttempts: 5, SentAt: t0, ExpiresAt: t0.Add(time.Minute),
			}
			before, guard := c, g

			err := mfa.Try(&g, &c, entered(&c, []byte("right")), t0, lockout)

			require.ErrorIs(t, err, tt.want)
			require.Empty(t, cmp.Diff(before, c), "it stays what it is, and nothing is paid")
			require.Equal(t, guard, g)
		})
	}
}

func TestTryWithALockedGuard(t *testing.T) {
	until := t0.Add(30 * time.Second)
	tests := []struct {
		name  string
		guard mfa.Guard
		at    time.Time
		want  *mfa.LockedError
	}{
		{"during the delay", mfa.Guard{LockedUntil: until}, until.Add(-time.Millisecond), &mfa.LockedError{Until: until}},
		{"at its end", mfa.Guard{LockedUntil: until}, until, nil},
		{"dead", mfa.Guard{Dead: true}, t0.Add(time.Second), &mfa.LockedError{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := mfa.Challenge{
				CodeMAC: []byte("right"), Status: mfa.ChallengeSent, MaxAttempts: 5, SentAt: t0, ExpiresAt: t0.Add(time.Minute),
			}
			before, guard := c, tt.guard

			err := mfa.Try(&guard, &c, entered(&c, []byte("right")), tt.at, lockout)

			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			locked, ok := errors.AsType[*mfa.LockedError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, tt.want, locked)
			require.Empty(t, cmp.Diff(before, c), "neither paid nor consumed")
			require.Equal(t, tt.guard, guard)
		})
	}
}

func TestGuardFail(t *testing.T) {
	at := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	four := mfa.Guard{FailsRun: 4, WindowStart: t0, WindowFails: 4}
	tests := []struct {
		name   string
		before mfa.Guard
		now    time.Time
		want   mfa.Guard
	}{
		{"the first failure opens a window", mfa.Guard{}, at(1), mfa.Guard{FailsRun: 1, WindowStart: at(1), WindowFails: 1}},
		{"the fourth imposes nothing", mfa.Guard{FailsRun: 3, WindowStart: t0, WindowFails: 3}, at(9), four},
		{"the fifth imposes 30 s", four, at(10), mfa.Guard{FailsRun: 5, WindowStart: t0, WindowFails: 5, Delays: 1, LockedUntil: at(40)}},
		{"the sixth in the window imposes 60 s", mfa.Guard{FailsRun: 5, WindowStart: t0, WindowFails: 5, Delays: 1}, at(40), mfa.Guard{FailsRun: 6, WindowStart: t0, WindowFails: 6, Delays: 2, LockedUntil: at(100)}},
		{"the last millisecond of the window", four, at(899.999), mfa.Guard{FailsRun: 5, WindowStart: t0, WindowFails: 5, Delays: 1, LockedUntil: at(929.999)}},
		{"a new window begins at its end", four, at(900), mfa.Guard{FailsRun: 5, WindowStart: at(900), WindowFails: 1}},
		{"and goes on with the next longer delay", mfa.Guard{FailsRun: 9, WindowStart: at(900), WindowFails: 4, Delays: 2}, at(901), mfa.Guard{FailsRun: 10, WindowStart: at(900), WindowFails: 5, Delays: 3, LockedUntil: at(1201)}},
		{"the longest delay stays", mfa.Guard{FailsRun: 20, WindowStart: t0, WindowFails: 9, Delays: 7}, at(1), mfa.Guard{FailsRun: 21, WindowStart: t0, WindowFails: 10, Delays: 8, LockedUntil: at(3601)}},
		{"a clock set back opens no new window", four, at(-3600), mfa.Guard{FailsRun: 5, WindowStart: t0, WindowFails: 5, Delays: 1, LockedUntil: at(-3570)}},
		{"the 49th in a row", mfa.Guard{FailsRun: 48, WindowStart: t0}, at(1), mfa.Guard{FailsRun: 49, WindowStart: t0, WindowFails: 1}},
		{"the 50th in a row ends it", mfa.Guard{FailsRun: 49, WindowStart: t0}, at(1), mfa.Guard{FailsRun: 50, WindowStart: t0, WindowFails: 1, Dead: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := tt.before

			g.Fail(tt.now, lockout)

			require.Empty(t, cmp.Diff(tt.want, g))
		})
	}
}

// TestGuardBoundsGuesses plays any attacker who guesses whenever he likes: no
// window sees more than soft_fails guesses without a delay, and no run more than
// hard_fails.
func TestGuardBoundsGuesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g mfa.Guard
		now, compared := t0, 0
		for _, wait := range rapid.SliceOfN(rapid.IntRange(0, 1200), 1, 300).Draw(t, "waits") {
			now = now.Add(time.Duration(wait) * time.Second)
			if g.Locked(now) != nil {
				continue
			}
			g.Fail(now, lockout)
			compared++
			if g.WindowFails >= lockout.SoftFails && !g.Dead && g.Locked(now.Add(29*time.Second)) == nil {
				t.Fatalf("guess %d of a window imposed no delay", g.WindowFails)
			}
		}
		if compared > lockout.HardFails {
			t.Fatalf("%d guesses in a row", compared)
		}
		g.Succeed()
		if g != (mfa.Guard{}) {
			t.Fatalf("a success left %+v", g)
		}
	})
}
