// Package storetest holds the promises of [mfa.Store] and [mfa.Devices] as tests,
// and the threats that a store has to withstand together with [mfa.Service].
// Every implementation runs them.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Stores is what is tested: both interfaces, and the log of deliveries to read.
type Stores interface {
	mfa.Store
	mfa.Devices
	Deliveries(ctx context.Context, who mfa.Subject) ([]mfa.Delivery, error)
}

// Run checks every promise. open may return the same stores each time: every test
// works in a tenant of its own.
func Run(t *testing.T, open func(*testing.T) Stores) {
	for _, group := range [][]promise{contactPromises, challengePromises, racePromises, devicePromises, threats, deliveryThreats, deviceThreats, lifeThreats, factorThreats, lifePromises} {
		for _, p := range group {
			t.Run(p.name, func(t *testing.T) { p.check(t, open(t)) })
		}
	}
	for _, r := range lifeRows {
		t.Run(r.name, func(t *testing.T) { r.check(t, open(t)) })
	}
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) { r.check(t, open(t)) })
	}
}

type promise struct {
	name  string
	check func(*testing.T, Stores)
}

var t0 = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

// rule is the default lock-out of a policy.
var rule = policy.Lockout{
	SoftFails: 5, Window: 900, Delays: policy.List[policy.Seconds]{30, 60, 300, 900, 3600}, HardFails: 50,
}

var right, wrong = []byte("right"), []byte("wrong")

// newSubject is a user of a tenant that no other test knows.
func newSubject() mfa.Subject { return mfa.Subject{TenantID: "t-" + rand.Text(), UserID: "u1"} }

// strangers are those who must not find what belongs to who.
func strangers(who mfa.Subject) map[string]mfa.Subject {
	return map[string]mfa.Subject{
		"another tenant": {TenantID: who.TenantID + "x", UserID: who.UserID},
		"another user":   {TenantID: who.TenantID, UserID: "u2"},
	}
}

// sent is a challenge whose code went out at t0.
func sent(who mfa.Subject, id string) mfa.Challenge {
	return mfa.Challenge{
		ID: id, ChainID: id, Gen: 1, Subject: who, OwnerID: "owner-" + id, Binding: []byte("browser"),
		Purpose: mfa.PurposeLogin, Action: policy.ActionLogin, Method: policy.Email, ContactID: "mail",
		Masked: "a•••@e•••", GuardKey: "contact:mail", CodeMAC: right, PepperID: "p1", Digits: 6,
		Status: mfa.ChallengeSent, MaxAttempts: 5, Sends: 1, MaxSends: 5, TTL: time.Minute, ResendAfter: time.Minute,
		CreatedAt: t0, SentAt: t0, ResendAt: t0.Add(time.Minute), ExpiresAt: t0.Add(time.Minute), PolicyVersion: 3,
	}
}

func add(t *testing.T, s Stores, c mfa.Challenge) mfa.Challenge {
	t.Helper()
	require.NoError(t, s.CreateChallenge(t.Context(), c))
	return c
}

func get(t *testing.T, s Stores, who mfa.Subject, id string) mfa.Challenge {
	t.Helper()
	c, err := s.Challenge(t.Context(), who, id)
	require.NoError(t, err)
	return c
}

func guardOf(t *testing.T, s Stores, who mfa.Subject) mfa.Guard {
	t.Helper()
	e, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)
	require.Len(t, e.Guards, 1)
	return e.Guards[0]
}

// try lets the store judge one answer at now.
func try(s Stores, who mfa.Subject, id string, mac []byte, now time.Time) (verdict, err error) {
	err = s.Judge(context.Background(), who, mfa.Which{ChallengeID: id, FactorID: factorOf(s, who, id)}, func(k *mfa.Case) {
		right := func() bool { return bytes.Equal(mac, k.Challenge.CodeMAC) }
		verdict = mfa.Try(&k.Guard, &k.Challenge, right, now, rule)
	})
	return verdict, err
}

// factorOf is the factor of challenge id, "" where there is none.
func factorOf(s Stores, who mfa.Subject, id string) string {
	c, err := s.Challenge(context.Background(), who, id)
	if err != nil {
		return ""
	}
	return c.FactorID
}

// inParallel counts for how many of n calls at once f is true.
func inParallel(n int, f func(i int) bool) int {
	var yes atomic.Int64
	var group sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-gate
			if f(i) {
				yes.Add(1)
			}
		})
	}
	close(gate)
	group.Wait()
	return int(yes.Load())
}
