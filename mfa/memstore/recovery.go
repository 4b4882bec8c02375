package memstore

import (
	"context"
	"slices"

	"github.com/sallyport-id/sallyport/mfa"
)

// code returns a recovery code in place, or nil.
func (s *Store) code(who mfa.Subject, which mfa.Which) *mfa.RecoveryCode {
	if which.Slot == "" {
		return nil
	}
	i := slices.IndexFunc(s.codes[who], func(c mfa.RecoveryCode) bool { return c.FactorID == which.FactorID && c.Slot == which.Slot })
	if i < 0 {
		return nil
	}
	return &s.codes[who][i]
}

func (s *Store) codesLeft(f mfa.Factor) int {
	n := 0
	for _, c := range s.codes[f.Subject] {
		if c.FactorID == f.ID && c.UsedAt.IsZero() {
			n++
		}
	}
	return n
}

func (s *Store) setCodes(who mfa.Subject, codes []mfa.RecoveryCode) {
	if s.codes == nil {
		s.codes = map[mfa.Subject][]mfa.RecoveryCode{}
	}
	s.codes[who] = codes
}

// RecoveryCode implements [mfa.Store].
func (s *Store) RecoveryCode(_ context.Context, who mfa.Subject, factorID, slot string) (mfa.RecoveryCode, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.code(who, mfa.Which{FactorID: factorID, Slot: slot})
	if c == nil {
		return mfa.RecoveryCode{}, mfa.ErrNotFound
	}
	return *c, nil
}

// UpdatePIN implements [mfa.Store].
func (s *Store) UpdatePIN(_ context.Context, who mfa.Subject, change func(*mfa.PIN) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.pins[who]
	if !ok {
		return mfa.ErrNotFound
	}
	err := change(&p)
	s.pins[who] = p
	return err
}

// Handle implements [mfa.Store].
func (s *Store) Handle(_ context.Context, who mfa.Subject, fresh []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handles == nil {
		s.handles = map[mfa.Subject]string{}
	}
	if s.handles[who] == "" {
		s.handles[who] = string(fresh)
	}
	return []byte(s.handles[who]), nil
}

// HandleOwner implements [mfa.Store].
func (s *Store) HandleOwner(_ context.Context, tenantID string, handle []byte) (mfa.Subject, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for who, h := range s.handles {
		if who.TenantID == tenantID && h == string(handle) {
			return who, nil
		}
	}
	return mfa.Subject{}, mfa.ErrNotFound
}

// Contact implements [mfa.Store].
func (s *Store) Contact(_ context.Context, who mfa.Subject, id string) (mfa.Contact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.contacts {
		if c.Subject == who && c.ID == id {
			return c, nil
		}
	}
	return mfa.Contact{}, mfa.ErrNotFound
}
