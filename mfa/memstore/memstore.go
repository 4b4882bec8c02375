// Package memstore keeps the data of package mfa in memory, for tests and
// trials. It keeps every promise of [mfa.Store] and [mfa.Devices], and forgets
// all when the process ends.
package memstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// Store implements [mfa.Store] and [mfa.Devices]. Its zero value is empty and
// ready to use. One lock orders everything.
type Store struct {
	mu         sync.Mutex
	contacts   []mfa.Contact
	factors    []mfa.Factor
	guards     []mfa.Guard
	challenges []mfa.Challenge
	deliveries []mfa.Delivery
	devices    []mfa.Device
}

var (
	_ mfa.Store   = (*Store)(nil)
	_ mfa.Devices = (*Store)(nil)
)

// Enrolments implements [mfa.Store].
func (s *Store) Enrolments(_ context.Context, who mfa.Subject) (mfa.Enrolments, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e mfa.Enrolments
	for _, c := range s.contacts {
		if c.Subject == who && c.Status != mfa.ContactReplaced && c.Status != mfa.ContactRemoved {
			e.Contacts = append(e.Contacts, c)
		}
	}
	for _, f := range s.factors {
		if f.Subject == who && f.Status != mfa.FactorDisabled {
			e.Factors = append(e.Factors, f)
		}
	}
	for _, g := range s.guards {
		if g.Subject == who {
			e.Guards = append(e.Guards, g)
		}
	}
	return e, nil
}

// ConfirmContact implements [mfa.Store].
func (s *Store) ConfirmContact(_ context.Context, who mfa.Subject, id string, unique bool, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.contacts, func(c mfa.Contact) bool { return c.Subject == who && c.ID == id })
	if i < 0 {
		return mfa.ErrNotFound
	}
	c := s.contacts[i]
	switch c.Status {
	case mfa.ContactConfirmed:
		return nil
	case mfa.ContactUnverified, mfa.ContactPending:
	default:
		return mfa.ErrNotFound
	}
	c.Status, c.ConfirmedAt, c.Unique = mfa.ContactConfirmed, now, unique
	if s.taken(c) {
		return mfa.ErrContactInUse
	}
	s.contacts[i] = c
	return nil
}

// taken reports whether another contact bars c from being what it is.
func (s *Store) taken(c mfa.Contact) bool {
	return slices.ContainsFunc(s.contacts, func(o mfa.Contact) bool {
		if o.ID == c.ID || o.Subject.TenantID != c.Subject.TenantID {
			return false
		}
		return exclusive(c) && exclusive(o) && o.Value == c.Value ||
			c.Registered && o.Registered && o.Subject == c.Subject
	})
}

func exclusive(c mfa.Contact) bool {
	return c.Kind == mfa.ContactPhone && c.Status == mfa.ContactConfirmed && c.Unique
}

// AddContact implements [mfa.Store].
func (s *Store) AddContact(_ context.Context, c mfa.Contact) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.contacts, func(o mfa.Contact) bool {
		return o.Subject.TenantID == c.Subject.TenantID && o.ID == c.ID
	})
	switch {
	case i >= 0 && s.contacts[i].Subject != c.Subject:
		return mfa.ErrNotFound
	case i >= 0 && (s.contacts[i].Value != c.Value || s.contacts[i].Kind != c.Kind):
		return mfa.ErrImmutable
	case s.taken(c):
		return mfa.ErrContactInUse
	case i < 0:
		s.contacts = append(s.contacts, c)
	default:
		c.CreatedAt = s.contacts[i].CreatedAt
		s.contacts[i] = c
	}
	return nil
}

// AddFactor implements [mfa.Store].
func (s *Store) AddFactor(_ context.Context, f mfa.Factor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.factors, func(o mfa.Factor) bool {
		return o.Subject.TenantID == f.Subject.TenantID && o.ID == f.ID
	})
	switch {
	case i >= 0 && s.factors[i].Subject != f.Subject:
		return mfa.ErrNotFound
	case i >= 0 && s.factors[i].Status == mfa.FactorDisabled && f.Status != mfa.FactorDisabled:
		return mfa.ErrImmutable
	case s.hasFactor(f):
		return mfa.ErrFactorExists
	case i < 0:
		s.factors = append(s.factors, f)
	default:
		f.CreatedAt = s.factors[i].CreatedAt
		s.factors[i] = f
	}
	return nil
}

func (s *Store) hasFactor(f mfa.Factor) bool {
	return f.Status == mfa.FactorActive && f.ContactID != "" && slices.ContainsFunc(s.factors, func(o mfa.Factor) bool {
		return o.Status == mfa.FactorActive && o.ID != f.ID &&
			o.Subject == f.Subject && o.Kind == f.Kind && o.ContactID == f.ContactID
	})
}

// DisableFactor implements [mfa.Store].
func (s *Store) DisableFactor(_ context.Context, who mfa.Subject, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.factor(who, id)
	if f == nil {
		return mfa.ErrNotFound
	}
	f.Status = mfa.FactorDisabled
	return nil
}

func (s *Store) factor(who mfa.Subject, id string) *mfa.Factor {
	i := slices.IndexFunc(s.factors, func(f mfa.Factor) bool { return f.Subject == who && f.ID == id })
	if i < 0 {
		return nil
	}
	return &s.factors[i]
}

// RecordDelivery implements [mfa.Store].
func (s *Store) RecordDelivery(_ context.Context, d mfa.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = append(s.deliveries, d)
	return nil
}

// Deliveries returns the log of deliveries to who, oldest first.
func (s *Store) Deliveries(_ context.Context, who mfa.Subject) ([]mfa.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []mfa.Delivery
	for _, d := range s.deliveries {
		if d.Subject == who {
			found = append(found, d)
		}
	}
	return found, nil
}
