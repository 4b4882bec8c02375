package mfa

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-id/sallyport/mfa/pin"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// readPIN reads what was typed for a PIN.
func readPIN(typed Secret, set policy.PINDigits) (Secret, bool) {
	text, ok := pin.Parse(typed.Reveal(), set.Min, set.Max)
	return Secret(text), ok
}

// Pay counts one try at p at now, before it is compared. The pin_fails-th try
// since the last success begins a block, whatever comes of it until it is right;
// after pin_hard_fails of them the PIN is dead until it is made anew.
//
// Errors: [*LockedError], with a zero Until when it is dead; then nothing was
// counted.
//
// Source: mfa.md 4.6.
func (p *PIN) Pay(now time.Time, rule policy.Lockout) error {
	if p.TotalFails >= rule.PINHardFails {
		return &LockedError{}
	}
	if now.Before(p.BlockedUntil) {
		return &LockedError{Until: p.BlockedUntil}
	}
	p.Fails++
	p.TotalFails++
	if p.Fails >= rule.PINFails {
		p.Fails, p.BlockedUntil = 0, now.Add(rule.PINBlock.Duration())
	}
	return nil
}

// Forget clears the counters after a success.
func (p *PIN) Forget() { p.Fails, p.TotalFails, p.BlockedUntil = 0, 0, time.Time{} }

// payPIN counts a try and compares.
//
// Errors: [*LockedError]; [ErrNoMethod] if the user has no PIN.
func (s *Service) payPIN(ctx context.Context, who Subject, typed Secret, rule policy.Lockout) (right bool, err error) {
	hash := ""
	err = s.Store.UpdatePIN(ctx, who, func(p *PIN) error {
		hash = p.Hash
		return p.Pay(s.now(), rule)
	})
	if errors.Is(err, ErrNotFound) {
		return false, ErrNoMethod
	}
	if err != nil {
		return false, fmt.Errorf("mfa: pin: %w", err)
	}
	right, err = s.Hasher.Verify(ctx, hash, s.keyedPIN(who, typed))
	if err != nil {
		return false, fmt.Errorf("mfa: pin: %w", err)
	}
	return right, nil
}

func (s *Service) clearPIN(ctx context.Context, who Subject) error {
	err := s.Store.UpdatePIN(ctx, who, func(p *PIN) error { p.Forget(); return nil })
	if err != nil {
		return fmt.Errorf("mfa: pin: %w", err)
	}
	return nil
}

func (s *Service) keyedPIN(who Subject, p Secret) Secret {
	return s.Peppers.KeyedSecret(LabelPIN, who.TenantID, who.UserID, p)
}

// CheckPIN judges a PIN that is entered alone, as a stage of its own.
//
// Errors: [ErrMalformed], which costs nothing; [ErrMismatch]; [*LockedError];
// [ErrNoMethod]; [*ratelimit.WaitError].
func (s *Service) CheckPIN(ctx context.Context, ask Ask, typed Secret) error {
	given, ok := readPIN(typed, ask.Policy.Codes.PIN)
	if !ok {
		return ErrMalformed
	}
	err := s.spend(ctx, ask, verifyScopes(ask))
	if err != nil {
		return err
	}
	right, err := s.payPIN(ctx, ask.Subject, given, ask.Policy.Lockout)
	if err == nil && !right {
		err = ErrMismatch
	}
	s.tell(ctx, EventTried, ask, Challenge{Method: policy.PIN}, err)
	if err != nil {
		return err
	}
	return s.clearPIN(ctx, ask.Subject)
}

// WeakPINError refuses a PIN that is easily guessed; Reason is a message key.
type WeakPINError struct{ Reason string }

func (e *WeakPINError) Error() string { return "mfa: that PIN is easily guessed: " + e.Reason }

// hashPIN makes of a new PIN what is stored. What a page knows besides, such as the
// password, it judges itself with [ReadNewPIN].
//
// Errors: those of [ReadNewPIN].
func (s *Service) hashPIN(ctx context.Context, d Doer, e Enrolments, typed Secret) (string, error) {
	var about pin.Hints
	for _, c := range e.Contacts {
		if c.Kind == ContactPhone {
			about.Phones = append(about.Phones, c.Value.Reveal())
		}
	}
	chosen, err := ReadNewPIN(typed, d.Policy.Codes.PIN, about)
	if err != nil {
		return "", err
	}
	hash, err := s.Hasher.Hash(ctx, s.keyedPIN(d.Subject, chosen))
	if err != nil {
		return "", fmt.Errorf("mfa: pin: %w", err)
	}
	return hash, nil
}

// ReadNewPIN judges a PIN that a user wants to have from now on.
//
// Errors: [ErrMalformed]; [*WeakPINError].
func ReadNewPIN(typed Secret, set policy.PINDigits, about pin.Hints) (Secret, error) {
	chosen, ok := readPIN(typed, set)
	if !ok {
		return "", ErrMalformed
	}
	reason, weak := pin.Weak(chosen.Reveal(), about)
	if weak {
		return "", &WeakPINError{Reason: reason}
	}
	return chosen, nil
}
