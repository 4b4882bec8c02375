package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var challengePromises = []promise{
	{"a challenge comes back as it was put in", challengeRoundTrip},
	{"a stranger finds no challenge and changes none", strangersChallenge},
	{"an owner has one open challenge", oneOpen},
	{"a judgement is saved whatever it found", judgementSaved},
	{"a passed challenge marks its factor as used", factorUsed},
	{"the gateway's answer ends created, once", acceptedOrRefused},
	{"a challenge is superseded only when it may be", supersedeTable},
	{"comparisons of the chain are carried over as they are then", carriedOver},
	{"only its owner uses a challenge, and only a verified one", useOwner},
	{"cancelling a chain ends what is open and nothing else", cancelChain},
}

func challengeRoundTrip(t *testing.T, s Stores) {
	who := newSubject()
	want := sent(who, "c1")
	want.FactorID, want.DetailsHash, want.VerifiedAt = "f1", "h1", t0.Add(1234*time.Millisecond)
	want.Attempts, want.ChainAttempts = 2, 3
	add(t, s, want)

	require.Empty(t, cmp.Diff(want, get(t, s, who, "c1")))
	require.Equal(t, mfa.Guard{Subject: who, Key: "contact:mail"}, guardOf(t, s, who))
}

func strangersChallenge(t *testing.T, s Stores) {
	ctx := t.Context()
	who := newSubject()
	c := add(t, s, sent(who, "c1"))
	open := sent(who, "c2")
	open.Status, open.ChainID = mfa.ChallengeCreated, "c2"
	add(t, s, open)

	for name, x := range strangers(who) {
		_, err := s.Challenge(ctx, x, "c1")
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		_, err = s.OpenChallenge(ctx, x, c.OwnerID)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		err = s.Judge(ctx, x, mfa.Which{ChallengeID: "c1"}, func(*mfa.Case) { t.Error(name, "was let to judge") })
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		require.ErrorIs(t, s.Accepted(ctx, x, "c2", open), mfa.ErrNotFound, name)
		require.ErrorIs(t, s.Refused(ctx, x, "c2"), mfa.ErrNotFound, name)
		next := sent(x, "stranger's")
		require.ErrorIs(t, s.Supersede(ctx, x, "c1", t0.Add(time.Hour), next), mfa.ErrNotFound, name)
		_, err = s.Use(ctx, x, "c1", c.OwnerID)
		require.ErrorIs(t, err, mfa.ErrNotFound, name)
		require.NoError(t, s.CancelChain(ctx, x, c.ChainID), name)
	}

	require.Empty(t, cmp.Diff(c, get(t, s, who, "c1")))
	require.Empty(t, cmp.Diff(open, get(t, s, who, "c2")))
	require.Equal(t, 0, guardOf(t, s, who).FailsRun)
}

func oneOpen(t *testing.T, s Stores) {
	who := newSubject()
	c := add(t, s, sent(who, "c1"))
	second := sent(who, "c2")
	second.OwnerID = c.OwnerID

	require.ErrorIs(t, s.CreateChallenge(t.Context(), second), mfa.ErrOpen)
	got, err := s.OpenChallenge(t.Context(), who, c.OwnerID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(c, got))

	require.NoError(t, s.CancelChain(t.Context(), who, "c1"))
	_, err = s.OpenChallenge(t.Context(), who, c.OwnerID)
	require.ErrorIs(t, err, mfa.ErrNotFound)
	require.NoError(t, s.CreateChallenge(t.Context(), second))
}

func judgementSaved(t *testing.T, s Stores) {
	who := newSubject()
	add(t, s, sent(who, "c1"))

	verdict, err := try(s, who, "c1", wrong, t0.Add(time.Second))
	require.NoError(t, err)
	require.ErrorIs(t, verdict, mfa.ErrMismatch)
	c, g := get(t, s, who, "c1"), guardOf(t, s, who)
	require.Equal(t, []int{1, 1}, []int{c.Attempts, c.ChainAttempts})
	require.Equal(t, mfa.Guard{
		Subject: who, Key: "contact:mail", FailsRun: 1, WindowFails: 1, WindowStart: t0.Add(time.Second),
	}, g)

	verdict, err = try(s, who, "c1", right, t0.Add(2*time.Second))
	require.NoError(t, err)
	require.NoError(t, verdict)
	c, g = get(t, s, who, "c1"), guardOf(t, s, who)
	require.Equal(t, mfa.ChallengeVerified, c.Status)
	require.Equal(t, t0.Add(2*time.Second), c.VerifiedAt)
	require.Equal(t, mfa.Guard{Subject: who, Key: "contact:mail"}, g)

	_, err = try(s, who, "unknown", right, t0)
	require.ErrorIs(t, err, mfa.ErrNotFound)
}

func factorUsed(t *testing.T, s Stores) {
	who := newSubject()
	require.NoError(t, s.AddFactor(t.Context(), smsFactor(who)))
	c := sent(who, "c1")
	c.FactorID = "f1"
	add(t, s, c)

	_, err := try(s, who, "c1", right, t0.Add(9*time.Second))
	require.NoError(t, err)

	e, err := s.Enrolments(t.Context(), who)
	require.NoError(t, err)
	require.Equal(t, t0.Add(9*time.Second), e.Factors[0].LastUsedAt)
}

func acceptedOrRefused(t *testing.T, s Stores) {
	ctx := t.Context()
	who := newSubject()
	for _, id := range []string{"yes", "no"} {
		c := sent(who, id)
		c.Status, c.SentAt, c.ExpiresAt = mfa.ChallengeCreated, time.Time{}, time.Time{}
		add(t, s, c)
	}
	times := mfa.Challenge{SentAt: t0.Add(time.Second), ResendAt: t0.Add(2 * time.Second), ExpiresAt: t0.Add(3 * time.Second)}

	require.NoError(t, s.Accepted(ctx, who, "yes", times))
	require.NoError(t, s.Refused(ctx, who, "no"))

	yes, no := get(t, s, who, "yes"), get(t, s, who, "no")
	require.Equal(t, mfa.ChallengeSent, yes.Status)
	require.Equal(t, []time.Time{times.SentAt, times.ResendAt, times.ExpiresAt}, []time.Time{yes.SentAt, yes.ResendAt, yes.ExpiresAt})
	require.Equal(t, mfa.ChallengeFailed, no.Status)
	require.True(t, no.ResendAt.IsZero())
	for _, id := range []string{"yes", "no"} {
		require.ErrorIs(t, s.Accepted(ctx, who, id, times), mfa.ErrSuperseded)
		require.ErrorIs(t, s.Refused(ctx, who, id), mfa.ErrSuperseded)
	}
}

func supersedeTable(t *testing.T, s Stores) {
	minute := t0.Add(time.Minute)
	tests := []struct {
		name string
		edit func(*mfa.Challenge)
		due  time.Time
		want error
	}{
		{"its time has come", func(*mfa.Challenge) {}, minute, nil},
		{"a millisecond before its time", func(*mfa.Challenge) {}, minute.Add(-time.Millisecond), mfa.ErrTooSoon},
		{"refused by the gateway", func(c *mfa.Challenge) { c.Status, c.ResendAt = mfa.ChallengeFailed, time.Time{} }, t0, nil},
		{"expired", func(c *mfa.Challenge) { c.Status = mfa.ChallengeExpired }, minute, nil},
		{"its request died before the gateway answered", func(c *mfa.Challenge) { c.Status = mfa.ChallengeCreated }, minute, nil},
		{"the last delivery was made", func(c *mfa.Challenge) { c.Sends = 5 }, minute, mfa.ErrNoSends},
		{"no comparison is left in the chain", func(c *mfa.Challenge) { c.ChainAttempts = 10 }, minute, mfa.ErrExhausted},
		{"passed", func(c *mfa.Challenge) { c.Status = mfa.ChallengeVerified }, minute, mfa.ErrSuperseded},
		{"locked", func(c *mfa.Challenge) { c.Status = mfa.ChallengeLocked }, minute, mfa.ErrSuperseded},
		{"cancelled", func(c *mfa.Challenge) { c.Status = mfa.ChallengeCancelled }, minute, mfa.ErrSuperseded},
		{"superseded", func(c *mfa.Challenge) { c.Status = mfa.ChallengeSuperseded }, minute, mfa.ErrSuperseded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			who := newSubject()
			c := sent(who, "c1")
			tt.edit(&c)
			add(t, s, c)

			err := s.Supersede(t.Context(), who, "c1", tt.due, nextOf(c, "c2"))

			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				require.Equal(t, mfa.ChallengeSuperseded, get(t, s, who, "c1").Status)
				require.Equal(t, 2, get(t, s, who, "c2").Gen)
				return
			}
			require.Empty(t, cmp.Diff(c, get(t, s, who, "c1")))
			_, err = s.Challenge(t.Context(), who, "c2")
			require.ErrorIs(t, err, mfa.ErrNotFound)
		})
	}
}

// nextOf is the next generation of c, not yet sent.
func nextOf(c mfa.Challenge, id string) mfa.Challenge {
	next := sent(c.Subject, id)
	next.ChainID, next.Gen, next.OwnerID = c.ChainID, c.Gen+1, c.OwnerID
	next.Status, next.Sends = mfa.ChallengeCreated, c.Sends+1
	return next
}

func carriedOver(t *testing.T, s Stores) {
	who := newSubject()
	old := add(t, s, sent(who, "c1"))
	for range 3 { // after the caller has read old
		_, err := try(s, who, "c1", wrong, t0)
		require.NoError(t, err)
	}
	next := nextOf(old, "c2")
	next.GuardKey, next.Method = "contact:phone", policy.SMS

	require.NoError(t, s.Supersede(t.Context(), who, "c1", t0.Add(time.Minute), next))

	got := get(t, s, who, "c2")
	require.Equal(t, []int{0, 3}, []int{got.Attempts, got.ChainAttempts})
	_, err := try(s, who, "c2", wrong, t0)
	require.NoError(t, err, "the guard of the new way is there")
}

func useOwner(t *testing.T, s Stores) {
	who := newSubject()
	c := sent(who, "open")
	add(t, s, c)
	done := sent(who, "done")
	done.Status = mfa.ChallengeVerified
	add(t, s, done)

	first, err := s.Use(t.Context(), who, "open", c.OwnerID)
	require.NoError(t, err)
	require.False(t, first)
	_, err = s.Use(t.Context(), who, "done", "another owner")
	require.ErrorIs(t, err, mfa.ErrNotFound)
	first, err = s.Use(t.Context(), who, "done", done.OwnerID)
	require.NoError(t, err)
	require.True(t, first)
	require.Equal(t, mfa.ChallengeUsed, get(t, s, who, "done").Status)
}

func cancelChain(t *testing.T, s Stores) {
	who := newSubject()
	old := add(t, s, sent(who, "c1"))
	require.NoError(t, s.Supersede(t.Context(), who, "c1", t0.Add(time.Minute), nextOf(old, "c2")))
	other := add(t, s, sent(who, "c3"))

	require.NoError(t, s.CancelChain(t.Context(), who, "c1"))

	require.Equal(t, mfa.ChallengeSuperseded, get(t, s, who, "c1").Status)
	require.Equal(t, mfa.ChallengeCancelled, get(t, s, who, "c2").Status)
	require.Equal(t, other.Status, get(t, s, who, "c3").Status)
}
