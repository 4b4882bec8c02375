package mfa

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/recovery"
	"github.com/sallyport-id/sallyport/mfa/totp"
)

// answer is what somebody entered, read as the method wants it. Its right is asked
// under the lock of the store, after the attempt was paid for; it may be asked more
// than once.
type answer interface {
	// which names what the store has to lock beside the guard.
	which(c Challenge) Which
	// right compares, edits what the case has to remember, and notes what it found.
	right(k *Case, found *finding, now time.Time) bool
}

// finding is what a comparison says beside yes and no.
type finding struct {
	why            error // beside [ErrMismatch]
	userVerified   bool
	backupEligible bool
}

// read makes an answer of what was typed. Anything that cannot be right is refused
// here, and costs nothing.
//
// Errors: [ErrMalformed]; [ErrUnknownKey] for a key that is not the user's.
func (s *Service) read(ctx context.Context, a Attempt, c Challenge, e Enrolments) (answer, error) {
	given, err := s.readInput(ctx, a, c, e)
	if err != nil || !a.WithPIN {
		return given, err
	}
	pin, ok := readPIN(a.PIN, a.Policy.Codes.PIN)
	if !ok {
		return nil, ErrMalformed
	}
	return &withPIN{answer: given, pin: pin}, nil
}

func (s *Service) readInput(ctx context.Context, a Attempt, c Challenge, e Enrolments) (answer, error) {
	switch c.Method {
	case policy.TOTP:
		code, ok := Normalise(a.Input, a.Policy.Codes.TOTP.Digits)
		if !ok {
			return nil, ErrMalformed
		}
		return &appCode{code: code, set: a.Policy.Codes.TOTP}, nil
	case policy.RecoveryCodes:
		slot, secret, ok := recovery.Parse(a.Input.Reveal(), a.Policy.Codes.Recovery.Bits)
		if !ok {
			return nil, ErrMalformed
		}
		return &savedCode{slot: slot, secret: Secret(slot + secret.Reveal())}, nil
	case policy.WebAuthn:
		return s.readKey(ctx, a, e)
	}
	code, ok := Normalise(a.Input, c.Digits)
	if !ok {
		return nil, ErrMalformed
	}
	mac, err := codeMAC(s.Peppers, c, a.Ask, code)
	return &sentCode{mac: mac}, err
}

// prepare does what takes long, before the store is locked: the slow hashes. Where
// nothing will be compared, nothing is paid for either.
func (s *Service) prepare(ctx context.Context, a Attempt, c Challenge, e Enrolments, given answer) error {
	now := s.now()
	if !c.Live(now) || c.TriesLeft() == 0 || e.guard(c.GuardKey).Locked(now) != nil {
		return nil
	}
	if both, ok := given.(*withPIN); ok {
		right, err := s.payPIN(ctx, a.Subject, both.pin, a.Policy.Lockout)
		if err != nil {
			return err
		}
		both.pinRight = right
		given = both.answer
	}
	saved, ok := given.(*savedCode)
	if !ok {
		return nil
	}
	code, err := s.Store.RecoveryCode(ctx, a.Subject, c.FactorID, saved.slot)
	if errors.Is(err, ErrNotFound) {
		return nil // no such slot: it is paid for like a wrong code
	}
	if err != nil {
		return fmt.Errorf("mfa: verify: %w", err)
	}
	keyed := s.Peppers.KeyedSecret(LabelRecovery, a.Subject.TenantID, a.Subject.UserID, saved.secret)
	saved.hashRight, err = s.Hasher.Verify(ctx, code.Hash, keyed)
	if err != nil {
		return fmt.Errorf("mfa: verify: %w", err)
	}
	saved.hash = code.Hash
	return nil
}

// sentCode is a code that came in a message.
type sentCode struct{ mac []byte }

func (*sentCode) which(c Challenge) Which {
	return Which{ChallengeID: c.ID, FactorID: c.FactorID}
}

func (a *sentCode) right(k *Case, _ *finding, _ time.Time) bool {
	return len(k.Challenge.CodeMAC) > 0 && subtle.ConstantTimeCompare(a.mac, k.Challenge.CodeMAC) == 1
}

// appCode is a code of an authenticator app.
type appCode struct {
	code Secret
	set  policy.TOTPCodes
}

func (*appCode) which(c Challenge) Which {
	return Which{ChallengeID: c.ID, FactorID: c.FactorID}
}

// right lets a step pass once: what is stored only ever grows, so a code that was
// seen cannot be used again, nor one from before it (RFC 6238 section 5.2).
func (a *appCode) right(k *Case, found *finding, now time.Time) bool {
	f := k.Factor
	if f == nil || f.Status == FactorDisabled || f.Status == FactorPending && !now.Before(f.ExpiresAt) {
		return false
	}
	step, ok := totp.Match([]byte(f.Secret.Reveal()), a.code.Reveal(), now, a.set, f.LastStep)
	if !ok {
		if step != totp.NoStep {
			found.why = ErrReplayed
		}
		return false
	}
	f.LastStep = step
	return true
}

// savedCode is a recovery code. The slot picks the row, so one try costs one hash.
type savedCode struct {
	slot      string
	secret    Secret
	hash      string // that was compared; "" where the slot is not there
	hashRight bool
}

func (a *savedCode) which(c Challenge) Which {
	return Which{ChallengeID: c.ID, FactorID: c.FactorID, Slot: a.slot}
}

func (a *savedCode) right(k *Case, _ *finding, now time.Time) bool {
	if k.Code == nil || k.Factor == nil || k.Factor.Status != FactorActive ||
		!a.hashRight || k.Code.Hash != a.hash || !k.Code.UsedAt.IsZero() {
		return false
	}
	k.Code.UsedAt = now
	return true
}

// withPIN is an answer together with a PIN. Both are always checked, and the
// message for a failure does not tell which one was wrong.
type withPIN struct {
	answer
	pin      Secret
	pinRight bool
}

func (a *withPIN) right(k *Case, found *finding, now time.Time) bool {
	before := k.copied()
	ok := a.answer.right(k, found, now)
	if ok && a.pinRight {
		return true
	}
	if errors.Is(found.why, ErrCloned) {
		return false // the key goes out of use, whatever the PIN was
	}
	// The answer is not used up by a wrong PIN.
	k.Factor, k.Code, k.Challenge.Answer, *found = before.Factor, before.Code, "", finding{}
	return false
}

// copied shares nothing with k that a judgement changes.
func (k *Case) copied() Case {
	c := *k
	if k.Factor != nil {
		f := *k.Factor
		c.Factor = &f
	}
	if k.Code != nil {
		code := *k.Code
		c.Code = &code
	}
	return c
}
