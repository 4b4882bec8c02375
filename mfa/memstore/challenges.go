package memstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// find returns the challenge id of who in place, or nil.
func (s *Store) find(who mfa.Subject, id string) *mfa.Challenge {
	i := slices.IndexFunc(s.challenges, func(c mfa.Challenge) bool { return c.Subject == who && c.ID == id })
	if i < 0 {
		return nil
	}
	return &s.challenges[i]
}

func open(c mfa.Challenge) bool {
	return c.Status == mfa.ChallengeCreated || c.Status == mfa.ChallengeSent
}

// copied shares no memory with c.
func copied(c mfa.Challenge) mfa.Challenge {
	c.Binding, c.CodeMAC = bytes.Clone(c.Binding), bytes.Clone(c.CodeMAC)
	return c
}

// CreateChallenge implements [mfa.Store].
func (s *Store) CreateChallenge(_ context.Context, c mfa.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := slices.ContainsFunc(s.challenges, func(o mfa.Challenge) bool {
		return open(o) && o.Subject == c.Subject && o.OwnerID == c.OwnerID
	})
	if busy {
		return mfa.ErrOpen
	}
	s.insert(c)
	return nil
}

// insert adds c and its guard where there is none yet.
func (s *Store) insert(c mfa.Challenge) {
	s.challenges = append(s.challenges, copied(c))
	if s.guard(c.Subject, c.GuardKey) == nil {
		s.guards = append(s.guards, mfa.Guard{Subject: c.Subject, Key: c.GuardKey})
	}
}

func (s *Store) guard(who mfa.Subject, key string) *mfa.Guard {
	i := slices.IndexFunc(s.guards, func(g mfa.Guard) bool { return g.Subject == who && g.Key == key })
	if i < 0 {
		return nil
	}
	return &s.guards[i]
}

// OpenChallenge implements [mfa.Store].
func (s *Store) OpenChallenge(_ context.Context, who mfa.Subject, owner string) (mfa.Challenge, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.challenges {
		if open(c) && c.Subject == who && c.OwnerID == owner {
			return copied(c), nil
		}
	}
	return mfa.Challenge{}, mfa.ErrNotFound
}

// Challenge implements [mfa.Store].
func (s *Store) Challenge(_ context.Context, who mfa.Subject, id string) (mfa.Challenge, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(who, id)
	if c == nil {
		return mfa.Challenge{}, mfa.ErrNotFound
	}
	return copied(*c), nil
}

// Accepted implements [mfa.Store].
func (s *Store) Accepted(_ context.Context, who mfa.Subject, id string, sent mfa.Challenge) error {
	return s.leaveCreated(who, id, func(c *mfa.Challenge) {
		c.Status = mfa.ChallengeSent
		c.SentAt, c.ResendAt, c.ExpiresAt = sent.SentAt, sent.ResendAt, sent.ExpiresAt
	})
}

// Refused implements [mfa.Store].
func (s *Store) Refused(_ context.Context, who mfa.Subject, id string) error {
	return s.leaveCreated(who, id, func(c *mfa.Challenge) {
		c.Status, c.ResendAt = mfa.ChallengeFailed, time.Time{}
	})
}

func (s *Store) leaveCreated(who mfa.Subject, id string, edit func(*mfa.Challenge)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(who, id)
	if c == nil {
		return mfa.ErrNotFound
	}
	if c.Status != mfa.ChallengeCreated {
		return mfa.ErrSuperseded
	}
	edit(c)
	return nil
}

// Supersede implements [mfa.Store].
func (s *Store) Supersede(_ context.Context, who mfa.Subject, id string, due time.Time, next mfa.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(who, id)
	if old == nil {
		return mfa.ErrNotFound
	}
	err := old.Renewable(due, next.Method)
	if err != nil {
		return err
	}
	was := old.Status
	old.Status = mfa.ChallengeSuperseded
	next.ChainAttempts = old.ChainAttempts
	busy := slices.ContainsFunc(s.challenges, func(o mfa.Challenge) bool {
		return open(o) && o.Subject == who && o.OwnerID == next.OwnerID
	})
	if busy {
		old.Status = was
		return mfa.ErrSuperseded
	}
	s.insert(next)
	return nil
}

// Use implements [mfa.Store].
func (s *Store) Use(_ context.Context, who mfa.Subject, id, owner string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(who, id)
	if c == nil || c.OwnerID != owner {
		return false, mfa.ErrNotFound
	}
	if c.Status != mfa.ChallengeVerified {
		return false, nil
	}
	c.Status = mfa.ChallengeUsed
	return true, nil
}

// CancelChain implements [mfa.Store].
func (s *Store) CancelChain(_ context.Context, who mfa.Subject, chainID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.challenges {
		c := &s.challenges[i]
		if open(*c) && c.Subject == who && c.ChainID == chainID {
			c.Status = mfa.ChallengeCancelled
		}
	}
	return nil
}
