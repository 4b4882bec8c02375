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
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Store implements [mfa.Store] and [mfa.Devices]. Its zero value is empty and
// ready to use. One lock orders everything.
type Store struct {
	mu         sync.Mutex
	contacts   []mfa.Contact
	factors    []mfa.Factor
	guards     []mfa.Guard
	challenges []mfa.Challenge
	deliveries []*delivery
	spending   map[string]*spending   // by tenant and day
	converted  map[string]*conversion // by tenant, country or prefix
	devices    []mfa.Device
	codes      map[mfa.Subject][]mfa.RecoveryCode
	pins       map[mfa.Subject]mfa.PIN
	handles    map[mfa.Subject]string
	operations []mfa.Operation
	tombstones []tombstone

	// Hook runs as the last part of each change of what is enrolled. Its error
	// undoes the change and is returned. nil: none.
	Hook func(c mfa.Change) error
}

// tombstone bars a value for other accounts until a time; zero is for ever.
type tombstone struct {
	who   mfa.Subject
	value mfa.Secret
	until time.Time
}

var (
	_ mfa.Store   = (*Store)(nil)
	_ mfa.Devices = (*Store)(nil)
)

// Enrolments implements [mfa.Store].
func (s *Store) Enrolments(_ context.Context, who mfa.Subject) (mfa.Enrolments, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enrolments(who), nil
}

func (s *Store) enrolments(who mfa.Subject) mfa.Enrolments {
	var e mfa.Enrolments
	for _, c := range s.contacts {
		if c.Subject == who && c.Status != mfa.ContactReplaced && c.Status != mfa.ContactRemoved {
			e.Contacts = append(e.Contacts, c)
		}
	}
	for _, f := range s.factors {
		if f.Subject == who && f.Status != mfa.FactorDisabled {
			f.CodesLeft = s.codesLeft(f)
			e.Factors = append(e.Factors, f)
		}
	}
	for _, g := range s.guards {
		if g.Subject == who {
			e.Guards = append(e.Guards, g)
		}
	}
	return e
}

// ConfirmContact implements [mfa.Store].
func (s *Store) ConfirmContact(_ context.Context, who mfa.Subject, id string, unique bool, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.confirmContact(who, id, unique, now)
}

func (s *Store) confirmContact(who mfa.Subject, id string, unique bool, now time.Time) error {
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
	c.Status, c.ConfirmedAt, c.Unique, c.ExpiresAt = mfa.ContactConfirmed, now, unique, time.Time{}
	if s.taken(c) || unique && s.barred(c, now) {
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
	case s.taken(c), exclusive(c) && s.barred(c, c.ConfirmedAt):
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
	return s.putFactor(f)
}

func (s *Store) putFactor(f mfa.Factor) error {
	i := slices.IndexFunc(s.factors, func(o mfa.Factor) bool {
		return o.Subject.TenantID == f.Subject.TenantID && o.ID == f.ID
	})
	switch {
	case i >= 0 && s.factors[i].Subject != f.Subject:
		return mfa.ErrNotFound
	case i >= 0 && s.factors[i].Status == mfa.FactorDisabled && f.Status != mfa.FactorDisabled:
		return mfa.ErrImmutable
	case s.hasKey(f):
		return mfa.ErrKeyExists
	case s.hasFactor(f):
		return mfa.ErrFactorExists
	case i < 0:
		s.factors = append(s.factors, f)
	default:
		f.CreatedAt = s.factors[i].CreatedAt
		f.LastStep = max(f.LastStep, s.factors[i].LastStep)
		s.factors[i] = f
	}
	return nil
}

// hasFactor reports whether an active factor leaves no room for f.
func (s *Store) hasFactor(f mfa.Factor) bool {
	single := f.Kind == policy.TOTP || f.Kind == policy.RecoveryCodes || f.Kind == policy.PIN
	return f.Status == mfa.FactorActive && slices.ContainsFunc(s.factors, func(o mfa.Factor) bool {
		if o.Status != mfa.FactorActive || o.ID == f.ID || o.Subject != f.Subject {
			return false
		}
		return o.Exclusive && f.Exclusive ||
			o.Kind == f.Kind && (single || f.ContactID != "" && o.ContactID == f.ContactID)
	})
}

// hasKey reports whether the key of f is an active one of the tenant.
func (s *Store) hasKey(f mfa.Factor) bool {
	return f.Status == mfa.FactorActive && f.Credential != nil && slices.ContainsFunc(s.factors, func(o mfa.Factor) bool {
		return o.Status == mfa.FactorActive && o.ID != f.ID && o.Subject.TenantID == f.Subject.TenantID &&
			o.Credential != nil && string(o.Credential.ID) == string(f.Credential.ID)
	})
}

// RenameFactor implements [mfa.Store].
func (s *Store) RenameFactor(_ context.Context, who mfa.Subject, id, label string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.factor(who, id)
	if f == nil || f.Status != mfa.FactorActive {
		return mfa.ErrNotFound
	}
	f.Label = label
	return nil
}

// DisableFactor implements [mfa.Store].
func (s *Store) DisableFactor(_ context.Context, who mfa.Subject, id string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.disableFactor(who, id, now)
	if err == nil {
		s.forgetDevices(who)
	}
	return err
}

func (s *Store) disableFactor(who mfa.Subject, id string, now time.Time) error {
	f := s.factor(who, id)
	if f == nil {
		return mfa.ErrNotFound
	}
	f.Status, f.DisabledAt, f.Secret, f.Credential, f.Exclusive = mfa.FactorDisabled, now, "", nil, false
	s.setCodes(who, slices.DeleteFunc(s.codes[who], func(c mfa.RecoveryCode) bool { return c.FactorID == id }))
	return nil
}

func (s *Store) factor(who mfa.Subject, id string) *mfa.Factor {
	i := slices.IndexFunc(s.factors, func(f mfa.Factor) bool { return f.Subject == who && f.ID == id })
	if i < 0 {
		return nil
	}
	return &s.factors[i]
}
