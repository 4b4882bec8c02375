package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
)

var racePromises = []promise{
	{"of 20 submits of the right code at once, one passes", rightAtOnce},
	{"of 64 guesses at once, no more are compared than allowed", guessesAtOnce},
	{"guesses at once in many challenges share one guard", guardAtOnce},
	{"of 20 that supersede at once, one succeeds", supersedeAtOnce},
	{"of 20 that create for one owner at once, one succeeds", createAtOnce},
	{"of 20 that use at once, one is first", useAtOnce},
	{"judging and superseding at once both end", judgeAndSupersede},
}

func rightAtOnce(t *testing.T, s Stores) {
	who := newSubject()
	add(t, s, sent(who, "c1"))

	passed := inParallel(20, func(int) bool {
		verdict, err := try(s, who, "c1", right, t0)
		if err != nil {
			t.Errorf("Judge: %v", err) // it must wait its turn, not give up
		}
		return err == nil && verdict == nil
	})

	require.Equal(t, 1, passed)
}

func guessesAtOnce(t *testing.T, s Stores) {
	for round := range 5 {
		who := newSubject()
		add(t, s, sent(who, "c1"))
		compared := inParallel(64, func(i int) bool {
			mac := wrong
			if i == 20 {
				mac = right
			}
			verdict, err := try(s, who, "c1", mac, t0)
			if err != nil {
				t.Errorf("Judge: %v", err)
			}
			return verdict == nil || errors.Is(verdict, mfa.ErrMismatch)
		})

		require.LessOrEqual(t, compared, 5, "round %d", round)
		status := get(t, s, who, "c1").Status
		require.Contains(t, []mfa.ChallengeStatus{mfa.ChallengeVerified, mfa.ChallengeLocked}, status)
	}
}

func guardAtOnce(t *testing.T, s Stores) {
	who := newSubject()
	for i := range 16 {
		add(t, s, sent(who, fmt.Sprint("c", i)))
	}

	compared := inParallel(64, func(i int) bool {
		verdict, err := try(s, who, fmt.Sprint("c", i%16), wrong, t0)
		if err != nil {
			t.Errorf("Judge: %v", err)
		}
		return errors.Is(verdict, mfa.ErrMismatch)
	})

	require.Equal(t, rule.SoftFails, compared)
	require.Equal(t, mfa.Guard{
		Subject: who, Key: "contact:mail", FailsRun: 5, WindowStart: t0, WindowFails: 5, Delays: 1,
		LockedUntil: t0.Add(30 * time.Second),
	}, guardOf(t, s, who))
}

func supersedeAtOnce(t *testing.T, s Stores) {
	who := newSubject()
	c := add(t, s, sent(who, "c1"))

	won := inParallel(20, func(i int) bool {
		err := s.Supersede(context.Background(), who, "c1", t0.Add(time.Minute), nextOf(c, fmt.Sprint("n", i)))
		if err != nil && !errors.Is(err, mfa.ErrSuperseded) {
			t.Errorf("Supersede: %v", err)
		}
		return err == nil
	})

	require.Equal(t, 1, won)
}

func createAtOnce(t *testing.T, s Stores) {
	who := newSubject()

	won := inParallel(20, func(i int) bool {
		c := sent(who, fmt.Sprint("c", i))
		c.OwnerID = "owner"
		err := s.CreateChallenge(context.Background(), c)
		if err != nil && !errors.Is(err, mfa.ErrOpen) {
			t.Errorf("CreateChallenge: %v", err)
		}
		return err == nil
	})

	require.Equal(t, 1, won)
}

func useAtOnce(t *testing.T, s Stores) {
	who := newSubject()
	c := sent(who, "c1")
	c.Status = mfa.ChallengeVerified
	add(t, s, c)

	first := inParallel(20, func(int) bool {
		first, err := s.Use(context.Background(), who, "c1", c.OwnerID)
		if err != nil {
			t.Errorf("Use: %v", err)
		}
		return first
	})

	require.Equal(t, 1, first)
}

// judgeAndSupersede would hang or fail if the two took their locks in different
// orders.
func judgeAndSupersede(t *testing.T, s Stores) {
	for range 10 {
		who := newSubject()
		c := add(t, s, sent(who, "c1"))
		inParallel(16, func(i int) bool {
			var err error
			if i%2 == 0 {
				_, err = try(s, who, "c1", wrong, t0)
			} else {
				err = s.Supersede(context.Background(), who, "c1", t0.Add(time.Minute), nextOf(c, fmt.Sprint("n", i)))
			}
			if err != nil && !errors.Is(err, mfa.ErrSuperseded) {
				t.Errorf("call %d: %v", i, err)
			}
			return err == nil
		})
	}
}
