package mfa_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/storetest"
)

// slow is a store in which something else happens between two calls.
type slow struct {
	storetest.Stores
	beforeCreate, beforeSupersede, beforeRotate func()
}

func (s *slow) RotateDevice(ctx context.Context, who mfa.Subject, id string, old, next []byte, now time.Time) (bool, error) {
	once(&s.beforeRotate)
	return s.Stores.RotateDevice(ctx, who, id, old, next, now)
}

func (s *slow) CreateChallenge(ctx context.Context, c mfa.Challenge) error {
	once(&s.beforeCreate)
	return s.Stores.CreateChallenge(ctx, c)
}

func (s *slow) Supersede(ctx context.Context, who mfa.Subject, id string, due time.Time, next mfa.Challenge) error {
	once(&s.beforeSupersede)
	return s.Stores.Supersede(ctx, who, id, due, next)
}

func once(f *func()) {
	do := *f
	*f = nil
	if do != nil {
		do()
	}
}

func TestASecondTabGetsTheChallengeOfTheFirst(t *testing.T) {
	store := &slow{Stores: &memstore.Store{}}
	lab := storetest.NewLab(t, store)
	ask := lab.Login("i1")
	var first mfa.Challenge
	store.beforeCreate = func() { first = lab.Started(t, ask) }

	second := lab.Started(t, ask)

	require.Equal(t, first, second)
	require.Len(t, lab.Mailbox.Messages(), 1)

	store.beforeCreate = func() { lab.Started(t, lab.Payout("i2", "h1")) }
	_, err := lab.Begin(t.Context(), lab.Payout("i2", "h2"), "")
	require.ErrorIs(t, err, mfa.ErrOpen, "what the first began is for something else")
}

func TestASecondClickIsNotCharged(t *testing.T) {
	store := &slow{Stores: &memstore.Store{}}
	lab := storetest.NewLab(t, store)
	lab.Policy.Limits.SendPerContact = []policy.Rate{{N: 3, Per: 86400}}
	ask := lab.Login("i1")
	c := lab.Started(t, ask)
	lab.Clock.Move(time.Minute)
	var second error
	store.beforeSupersede = func() { _, second = lab.Resend(t.Context(), ask, c.ID) }

	next, err := lab.Resend(t.Context(), ask, c.ID)

	require.NoError(t, err)
	require.ErrorIs(t, second, mfa.ErrSuperseded)
	lab.Clock.Move(time.Minute)
	_, err = lab.Resend(t.Context(), ask, next.ID)
	require.NoError(t, err, "the third of three")
}

func TestABrowserWithoutASecretOwnsNothing(t *testing.T) {
	lab := newLab(t)
	ask := lab.Login("i1")
	ask.Binding = nil
	c := lab.Started(t, ask)

	require.ErrorIs(t, lab.Enter(ask, c, lab.Code(c)), mfa.ErrNotFound)
}

func TestASecondTabWithOneCookieIsLetIn(t *testing.T) {
	store := &slow{Stores: &memstore.Store{}}
	lab := storetest.NewLab(t, store)
	lab.Policy.TrustedDevice = policy.TrustedDevice{Enabled: true, Lifetime: policy.LifetimeDay, MaxPerUser: 5}
	login := mfa.Proof{ChallengeID: "c1", Subject: lab.Who, Purpose: mfa.PurposeLogin, Action: policy.ActionLogin, Method: policy.Email}
	cookie, err := lab.Trust(t.Context(), mfa.TrustRequest{Proof: login, Policy: lab.Policy})
	require.NoError(t, err)
	recognise := func() mfa.Secret {
		_, next, err := lab.Recognise(t.Context(), lab.Who, mfa.Epochs{}, lab.Policy, cookie.Value)
		require.NoError(t, err)
		return next
	}
	var first mfa.Secret
	store.beforeRotate = func() { first = recognise() }

	second := recognise()

	require.NotEmpty(t, first)
	require.Empty(t, second, "the cookie of the first tab is the one to keep")
}
