package memstore

import (
	"context"

	"github.com/sallyport-id/sallyport/mfa"
)

// Judge implements [mfa.Store].
func (s *Store) Judge(_ context.Context, who mfa.Subject, which mfa.Which, judge func(*mfa.Case)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(who, which.ChallengeID)
	if c == nil {
		return mfa.ErrNotFound
	}
	g := s.guard(who, c.GuardKey)
	k := mfa.Case{Guard: *g, Challenge: copied(*c)}
	f := s.factor(who, which.FactorID)
	if f != nil {
		factor := *f
		k.Factor = &factor
	}
	code := s.code(who, which)
	if code != nil {
		saved := *code
		k.Code = &saved
	}
	judge(&k)

	g.FailsRun, g.WindowStart, g.WindowFails = k.Guard.FailsRun, k.Guard.WindowStart, k.Guard.WindowFails
	g.Delays, g.LockedUntil, g.Dead = k.Guard.Delays, k.Guard.LockedUntil, k.Guard.Dead
	if f != nil {
		if k.Challenge.Status == mfa.ChallengeVerified && c.Status != mfa.ChallengeVerified {
			f.LastUsedAt = k.Challenge.VerifiedAt
		}
		f.LastStep, f.Credential = max(f.LastStep, k.Factor.LastStep), k.Factor.Credential
	}
	if code != nil {
		code.UsedAt = k.Code.UsedAt
	}
	c.Status, c.VerifiedAt, c.Answer = k.Challenge.Status, k.Challenge.VerifiedAt, k.Challenge.Answer
	c.Attempts, c.ChainAttempts = k.Challenge.Attempts, k.Challenge.ChainAttempts
	if f != nil && k.Factor.Status == mfa.FactorDisabled && f.Status != mfa.FactorDisabled {
		s.forgetDevices(who)
		return s.disableFactor(who, f.ID, k.Factor.DisabledAt)
	}
	return nil
}
