package memstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// CreateDevice implements [mfa.Devices].
func (s *Store) CreateDevice(_ context.Context, d mfa.Device, maxPerUser int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Selector, d.VerifierHash = bytes.Clone(d.Selector), bytes.Clone(d.VerifierHash)
	var others []mfa.Device
	for _, o := range s.devices {
		if o.Subject == d.Subject {
			others = append(others, o)
		}
	}
	slices.SortStableFunc(others, func(a, b mfa.Device) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for len(others) > maxPerUser-1 && len(others) > 0 {
		s.drop(others[0].Subject, others[0].ID)
		others = others[1:]
	}
	s.devices = append(s.devices, d)
	return nil
}

func (s *Store) drop(who mfa.Subject, id string) {
	s.devices = slices.DeleteFunc(s.devices, func(d mfa.Device) bool { return d.Subject == who && d.ID == id })
}

// DeviceBySelector implements [mfa.Devices].
func (s *Store) DeviceBySelector(_ context.Context, who mfa.Subject, selector []byte) (mfa.Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.Subject == who && bytes.Equal(d.Selector, selector) {
			return d, nil
		}
	}
	return mfa.Device{}, mfa.ErrNotFound
}

// RotateDevice implements [mfa.Devices].
func (s *Store) RotateDevice(_ context.Context, who mfa.Subject, id string, old, next []byte, now time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.devices {
		d := &s.devices[i]
		if d.Subject != who || d.ID != id || !bytes.Equal(d.VerifierHash, old) {
			continue
		}
		d.PrevHash, d.VerifierHash = d.VerifierHash, bytes.Clone(next)
		d.RotatedAt, d.LastUsedAt = now, now
		return true, nil
	}
	return false, nil
}

// DeleteDevice implements [mfa.Devices].
func (s *Store) DeleteDevice(_ context.Context, who mfa.Subject, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(who, id)
	return nil
}

// DevicesOf implements [mfa.Devices].
func (s *Store) DevicesOf(_ context.Context, who mfa.Subject) ([]mfa.Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []mfa.Device
	for _, d := range s.devices {
		if d.Subject == who {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b mfa.Device) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return all, nil
}

// RenameDevice implements [mfa.Devices].
func (s *Store) RenameDevice(_ context.Context, who mfa.Subject, id, label string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.devices {
		if s.devices[i].Subject == who && s.devices[i].ID == id {
			s.devices[i].Label = label
			return nil
		}
	}
	return mfa.ErrNotFound
}

// DeleteDevices implements [mfa.Devices].
func (s *Store) DeleteDevices(_ context.Context, who mfa.Subject) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetDevices(who)
	return nil
}

func (s *Store) forgetDevices(who mfa.Subject) {
	s.devices = slices.DeleteFunc(s.devices, func(d mfa.Device) bool { return d.Subject == who })
}
