package mfa

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Attempt is what somebody typed for a challenge, and what it was asked for.
type Attempt struct {
	Ask
	ChallengeID string
	Input       Secret // as typed; for a key, the JSON of its answer
	WithPIN     bool   // the form asked for a PIN as well
	PIN         Secret // as typed
}

// Verdict is the outcome of one attempt. Proof is set only when the error beside
// it is nil.
type Verdict struct {
	Proof       Proof
	TriesLeft   int       // for this challenge; 0 also while the guard is locked for good
	LockedUntil time.Time // no further guess before it; zero when not locked
	Challenge   Challenge // as it is after the attempt
}

// Verify judges an attempt, and returns a Proof the one time that it is right.
//
// What cannot be right costs nothing: input that is no answer of the method, and a
// challenge that is not open. An open challenge is paid for before the comparison,
// and so is the PIN; the verdict leaves only after the payment is stored.
//
// Errors: [ErrNotFound] for a challenge of anybody or anything else;
// [ErrMalformed]; [ErrPolicyChanged] if the method is no longer allowed, which
// ends the chain; [*ratelimit.WaitError]; those of [Try]; [ErrReplayed] for a code
// of an authenticator app that was used before; [ErrCloned]; [ErrContactInUse] if
// the code would confirm a number that another account has.
func (s *Service) Verify(ctx context.Context, a Attempt) (Verdict, error) {
	c, err := s.Current(ctx, a.Ask, a.ChallengeID)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{TriesLeft: c.TriesLeft(), Challenge: c}
	err = c.closed()
	if err != nil {
		s.tell(ctx, EventRefused, a.Ask, c, err)
		return v, err
	}
	e, err := s.enrolments(ctx, a.Ask)
	if err != nil {
		return v, fmt.Errorf("mfa: verify: %w", err)
	}
	given, err := s.read(ctx, a, c, e)
	if err != nil {
		return v, err
	}
	if !StillAllowed(a.Ask, e, c) {
		s.tell(ctx, EventRefused, a.Ask, c, ErrPolicyChanged)
		return v, errors.Join(ErrPolicyChanged, s.cancel(ctx, a.Ask, c))
	}
	err = s.spend(ctx, a.Ask, verifyScopes(a.Ask))
	if err != nil {
		return v, err
	}
	err = s.prepare(ctx, a, c, e, given)
	if err != nil {
		return v, err
	}
	return s.judge(ctx, a, c, e, given)
}

// judge pays and compares under the lock of the store, then acts on the verdict.
func (s *Service) judge(ctx context.Context, a Attempt, c Challenge, e Enrolments, given answer) (Verdict, error) {
	ask := a.Ask
	var after Case
	var verdict error
	var found finding
	err := s.Store.Judge(ctx, ask.Subject, given.which(c), func(k *Case) {
		found = finding{}
		verdict = Try(&k.Guard, &k.Challenge, func() bool { return given.right(k, &found, s.now()) }, s.now(), ask.Policy.Lockout)
		after = *k
	})
	if err != nil {
		// What was judged was not kept, so nobody may learn of it.
		return Verdict{Challenge: c}, fmt.Errorf("mfa: verify: %w", err)
	}

	c = after.Challenge
	v := Verdict{TriesLeft: c.TriesLeft(), Challenge: c}
	if after.Guard.Dead {
		v.TriesLeft = 0
	}
	if s.now().Before(after.Guard.LockedUntil) {
		v.LockedUntil = after.Guard.LockedUntil
	}
	if verdict != nil {
		return v, s.failed(ctx, ask, after, e, errors.Join(verdict, found.why))
	}
	if a.WithPIN {
		err = s.clearPIN(ctx, ask.Subject)
		if err != nil {
			return v, err
		}
	}
	s.tell(ctx, EventTried, ask, c, nil)
	// Whether the code was typed at all tells a pump from people. It decides nothing
	// here, so that it cannot be counted is no reason to refuse.
	if c.Method == policy.SMS || c.Method == policy.Voice {
		_ = s.Telephony.Converted(ctx, ask.Subject, c.ID)
	}
	err = s.confirm(ctx, ask, c, e)
	if err != nil {
		return v, err
	}
	v.Proof = proofOf(c)
	v.Proof.UserVerified, v.Proof.BackupEligible = found.userVerified, found.backupEligible
	if after.Factor != nil {
		v.Proof.FactorID = after.Factor.ID
	}
	s.tellPassed(ctx, ask, after, e)
	return v, nil
}

func proofOf(c Challenge) Proof {
	return Proof{
		ChallengeID: c.ID, Subject: c.Subject, Purpose: c.Purpose, Action: c.Action, Method: c.Method,
		FactorID: c.FactorID, ContactID: c.ContactID, DetailsHash: c.DetailsHash, At: c.VerifiedAt,
		Evidence: evidenceOf(c),
	}
}

// evidenceOf is what a key has signed for c. What the challenge of a new key leaves is
// for the operation that adds it.
func evidenceOf(c Challenge) string {
	if c.Purpose != PurposeAction {
		return ""
	}
	return c.Answer
}

// Passed returns the proof of a challenge that [Service.Verify] found right, but
// whose effect was lost before its owner took it. What Verify demands beside the
// right code is demanded again.
//
// Errors: [ErrNotFound] if c was not passed, or is not what was begun for ask;
// [ErrPolicyChanged]; [ErrContactInUse].
func (s *Service) Passed(ctx context.Context, ask Ask, c Challenge) (Proof, error) {
	if c.Status != ChallengeVerified || !c.answers(ask) {
		return Proof{}, ErrNotFound
	}
	e, err := s.enrolments(ctx, ask)
	if err != nil {
		return Proof{}, fmt.Errorf("mfa: passed: %w", err)
	}
	if !StillAllowed(ask, e, c) {
		return Proof{}, ErrPolicyChanged
	}
	err = s.confirm(ctx, ask, c, e)
	if err != nil {
		return Proof{}, err
	}
	p := proofOf(c)
	p.UserVerified = c.Method == policy.WebAuthn && ask.userVerify() == UVRequired // else it was not kept whether it did
	return p, nil
}

// failed tells what has to be told, and takes a factor out of use whose guard
// has died, or of which there is a copy. The account stays.
func (s *Service) failed(ctx context.Context, ask Ask, k Case, e Enrolments, verdict error) error {
	c := k.Challenge
	if !errors.Is(verdict, ErrMismatch) {
		s.tell(ctx, EventRefused, ask, c, verdict)
		return verdict
	}
	s.tell(ctx, EventTried, ask, c, verdict)
	if c.Status == ChallengeLocked {
		s.tell(ctx, EventLocked, ask, c, ErrExhausted)
	}
	if k.Guard.FailsRun == suspicious && c.Purpose == PurposeLogin {
		s.tell(ctx, EventSecondStepFailed, ask, c, verdict)
	}
	if errors.Is(verdict, ErrCloned) {
		s.tell(ctx, EventFactorCloned, ask, c, verdict)
	}
	if !k.Guard.Dead {
		return verdict
	}
	s.tell(ctx, EventFactorLocked, ask, c, verdict)
	for _, f := range e.Factors {
		if f.guardKey() != k.Guard.Key {
			continue
		}
		err := s.Store.DisableFactor(ctx, ask.Subject, f.ID, s.now())
		if err != nil {
			return errors.Join(verdict, fmt.Errorf("mfa: disable factor: %w", err))
		}
	}
	return verdict
}

// tellPassed tells the owner of what a right answer has used up.
func (s *Service) tellPassed(ctx context.Context, ask Ask, k Case, e Enrolments) {
	if k.Code == nil {
		return
	}
	left := 0
	for _, f := range e.Factors {
		if f.ID == k.Code.FactorID {
			left = max(0, f.CodesLeft-1)
		}
	}
	s.tell(ctx, EventRecoveryCodeUsed, ask, k.Challenge, nil, "left", strconv.Itoa(left))
}

// confirm makes a number that an admin has set a confirmed one, and a factor
// where the login asked for one: its first code has just proved it.
func (s *Service) confirm(ctx context.Context, ask Ask, c Challenge, e Enrolments) error {
	contact := e.contact(c.ContactID)
	if contact.Status == ContactConfirmed {
		return nil
	}
	if ask.Proof == policy.ProofCodeNew || contact.ID == "" {
		return nil // the operation confirms it together with its other effects
	}
	unique := ask.Policy.Contacts.Phone.Unique == policy.UniqueConfirmedInTenant
	err := s.Store.ConfirmContact(ctx, ask.Subject, contact.ID, unique, s.now())
	if err != nil {
		return fmt.Errorf("mfa: confirm contact: %w", err)
	}
	s.tell(ctx, EventContactConfirmed, ask, c, nil)
	if ask.Proof != policy.ProofSecondFactor || e.activeFactor(c.Method, contact.ID).ID != "" {
		return nil
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	err = s.Store.AddFactor(ctx, Factor{
		ID: id, Subject: ask.Subject, Kind: c.Method, ContactID: contact.ID,
		Status: FactorActive, CreatedAt: s.now(), LastUsedAt: s.now(),
	})
	if errors.Is(err, ErrFactorExists) {
		return nil // another login of the same user was faster
	}
	if err != nil {
		return fmt.Errorf("mfa: add factor: %w", err)
	}
	s.tell(ctx, EventFactorAdded, ask, c, nil)
	return nil
}
