package memstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// CreateOperation implements [mfa.Operations].
func (s *Store) CreateOperation(_ context.Context, o mfa.Operation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations = append(s.operations, copiedOperation(o))
	return nil
}

func copiedOperation(o mfa.Operation) mfa.Operation {
	o.Binding, o.State.Given = slices.Clone(o.Binding), slices.Clone(o.State.Given)
	return o
}

// Operation implements [mfa.Operations].
func (s *Store) Operation(_ context.Context, who mfa.Subject, id string) (mfa.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.operation(who, id)
	if i < 0 {
		return mfa.Operation{}, mfa.ErrNotFound
	}
	return copiedOperation(s.operations[i]), nil
}

func (s *Store) operation(who mfa.Subject, id string) int {
	return slices.IndexFunc(s.operations, func(o mfa.Operation) bool { return o.Subject == who && o.ID == id })
}

// Advance implements [mfa.Operations].
func (s *Store) Advance(_ context.Context, who mfa.Subject, id string, step func(*mfa.Operation, mfa.Enrolments) (mfa.Effect, error)) (mfa.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.operation(who, id)
	if i < 0 {
		return mfa.Operation{}, mfa.ErrNotFound
	}
	o := copiedOperation(s.operations[i])
	effect, err := step(&o, s.enrolments(who))
	if err != nil {
		return o, err
	}
	undo := s.snapshot()
	s.operations[i] = copiedOperation(o)
	err = s.carryOut(who, effect)
	if err != nil {
		undo()
	}
	return o, err
}

// snapshot returns what brings back the present state.
func (s *Store) snapshot() func() {
	contacts, factors, challenges := slices.Clone(s.contacts), slices.Clone(s.factors), slices.Clone(s.challenges)
	guards := slices.Clone(s.guards)
	devices, operations, tombstones := slices.Clone(s.devices), slices.Clone(s.operations), slices.Clone(s.tombstones)
	pins, codes := maps.Clone(s.pins), maps.Clone(s.codes)
	for who, list := range codes {
		codes[who] = slices.Clone(list)
	}
	return func() {
		s.contacts, s.factors, s.challenges, s.guards = contacts, factors, challenges, guards
		s.devices, s.operations, s.tombstones, s.pins, s.codes = devices, operations, tombstones, pins, codes
	}
}

func (s *Store) carryOut(who mfa.Subject, e mfa.Effect) error {
	c := s.find(who, e.Spend)
	if c != nil && c.Status == mfa.ChallengeVerified {
		c.Status = mfa.ChallengeUsed
	}
	for _, key := range e.Forgive {
		g := s.guard(who, key)
		if g != nil {
			g.Succeed()
		}
	}
	for _, id := range e.Disable {
		err := s.disableFactor(who, id, e.At)
		if err != nil {
			return err
		}
	}
	for _, r := range e.Retire {
		err := s.retire(who, r)
		if err != nil {
			return err
		}
	}
	err := s.begin(who, e, e.At)
	if err != nil || e.Change == nil || s.Hook == nil {
		return err
	}
	return s.Hook(*e.Change)
}

// begin does what an effect brings in.
func (s *Store) begin(who mfa.Subject, e mfa.Effect, now time.Time) error {
	if e.Confirm != "" {
		err := s.confirmContact(who, e.Confirm, e.Unique, now)
		if err != nil {
			return err
		}
	}
	if e.Registered != "" {
		i := s.contact(who, e.Registered)
		if i < 0 {
			return mfa.ErrNotFound
		}
		s.contacts[i].Registered = true
		if s.taken(s.contacts[i]) {
			return mfa.ErrContactInUse
		}
	}
	for _, f := range e.Activate {
		err := s.putFactor(f)
		if err != nil {
			return err
		}
	}
	if len(e.Codes) > 0 {
		s.setCodes(who, append(s.codes[who], e.Codes...))
	}
	if e.PIN != "" {
		if s.pins == nil {
			s.pins = map[mfa.Subject]mfa.PIN{}
		}
		s.pins[who] = mfa.PIN{Hash: e.PIN, ChangedAt: now}
	}
	if e.ForgetDevices {
		s.forgetDevices(who)
	}
	return nil
}

func (s *Store) retire(who mfa.Subject, r mfa.Retired) error {
	i := s.contact(who, r.ContactID)
	if i < 0 {
		return mfa.ErrNotFound
	}
	c := &s.contacts[i]
	c.Status, c.ReplacedBy, c.Registered, c.ExpiresAt = r.Status, r.ReplacedBy, false, time.Time{}
	if r.Tombstone {
		s.tombstones = append(s.tombstones, tombstone{who: who, value: c.Value, until: r.Until})
	}
	return nil
}

// contact is where a contact of who is, -1 if it is not.
func (s *Store) contact(who mfa.Subject, id string) int {
	return slices.IndexFunc(s.contacts, func(c mfa.Contact) bool { return c.Subject == who && c.ID == id })
}

// barred reports whether another account of the tenant had the value of c, and it
// is not free yet.
func (s *Store) barred(c mfa.Contact, now time.Time) bool {
	return slices.ContainsFunc(s.tombstones, func(t tombstone) bool {
		return t.who.TenantID == c.Subject.TenantID && t.who != c.Subject && t.value == c.Value &&
			(t.until.IsZero() || now.Before(t.until))
	})
}
