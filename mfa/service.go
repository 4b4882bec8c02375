package mfa

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// Service does the operations of this package. All fields but Rand are
// required, and none may change once it is in use.
type Service struct {
	Store     Store
	Devices   Devices
	Limits    ratelimit.Limiter
	Sender    Sender
	Composer  Composer
	Peppers   Peppers
	Hasher    Hasher     // of recovery codes and PINs
	Keys      Keys       // nil: no passkeys and security keys
	Telephony *Telephony // what messages cost; nil: nothing
	Events    Observer
	Now       func() time.Time
	Rand      io.Reader // nil: crypto/rand
}

// Options returns the ways in which ask can be met now; see [Options]. chain is
// the challenge in progress, or nil.
func (s *Service) Options(ctx context.Context, ask Ask, chain *Challenge) ([]Option, error) {
	e, err := s.enrolments(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("mfa: options: %w", err)
	}
	return Options(ask, e, chain, s.now()), nil
}

func (s *Service) enrolments(ctx context.Context, ask Ask) (Enrolments, error) {
	if ask.Known != nil {
		return *ask.Known, nil
	}
	return s.Store.Enrolments(ctx, ask.Subject)
}

// Begin makes a challenge for ask and delivers its code by m, or, where m is
// "", by the method that is presented first.
//
// While the owner has an open challenge for the same ask, Begin returns that
// one and sends nothing, so a page that is opened twice sends one code. An open
// challenge for anything else, or by a method that ask leaves out, is cancelled, and so is one that no message carries
// when it has run out.
//
// Errors: [ErrNoMethod] if nothing can give the proof; [ErrNotOffered] for a
// method that is not in [Options], [*TooSoonError] for one whose time has not
// come; [*LockedError]; [*ratelimit.WaitError]; [ErrDelivery], together with the
// failed challenge, from which [Service.Switch] and [Service.Resend] go on.
func (s *Service) Begin(ctx context.Context, ask Ask, m Method) (Challenge, error) {
	open, err := s.Store.OpenChallenge(ctx, ask.Subject, ask.OwnerID)
	switch {
	case err == nil && open.answers(ask) && !open.Stale(s.now()) && slices.Contains(methods(ask), open.Method):
		return open, nil
	case err == nil:
		err = s.cancel(ctx, ask, open)
		if err != nil {
			return Challenge{}, err
		}
	case !errors.Is(err, ErrNotFound):
		return Challenge{}, fmt.Errorf("mfa: begin: %w", err)
	}

	e, err := s.enrolments(ctx, ask)
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: begin: %w", err)
	}
	options, err := s.affordable(ctx, ask, e, Options(ask, e, nil, s.now()))
	if err != nil {
		return Challenge{}, err
	}
	option, err := s.choose(ctx, ask, options, m)
	if err != nil {
		return Challenge{}, err
	}
	contact := e.contact(option.ContactID)
	if option.Method.Delivered() {
		err = s.spend(ctx, ask, sendScopes(ask, contact))
		if err != nil {
			return Challenge{}, err
		}
	}
	return s.create(ctx, ask, e, option, contact)
}

func (s *Service) create(ctx context.Context, ask Ask, e Enrolments, option Option, contact Contact) (Challenge, error) {
	c, code, err := s.draft(ctx, ask, e, option, nil)
	if err != nil {
		return Challenge{}, err
	}
	err = s.Store.CreateChallenge(ctx, c)
	if errors.Is(err, ErrOpen) {
		return s.opened(ctx, ask)
	}
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: begin: %w", err)
	}
	if !c.Method.Delivered() {
		return c, nil
	}
	return s.deliver(ctx, ask, c, contact, code)
}

// opened returns what another request of the same page has begun meanwhile.
func (s *Service) opened(ctx context.Context, ask Ask) (Challenge, error) {
	open, err := s.Store.OpenChallenge(ctx, ask.Subject, ask.OwnerID)
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: begin: %w", err)
	}
	if !open.answers(ask) {
		return Challenge{}, fmt.Errorf("mfa: begin: %w", ErrOpen)
	}
	return open, nil
}

// choose picks the option of method m, or the first that can be begun for "".
func (s *Service) choose(ctx context.Context, ask Ask, options []Option, m Method) (Option, error) {
	if len(options) == 0 && m == "" {
		return Option{}, ErrNoMethod
	}
	now := s.now()
	mine := options
	if m != "" {
		mine = pick(options, func(o Option) bool { return o.Method == m })
	}
	i := slices.IndexFunc(mine, func(o Option) bool { return o.Available(now) })
	if i >= 0 {
		return mine[i], nil
	}
	err := whyNot(mine)
	if m != "" && (errors.Is(err, ErrNotOffered) || errors.Is(err, ErrTooSoon)) {
		s.tell(ctx, EventDowngrade, ask, Challenge{Method: m}, err)
	}
	return Option{}, err
}

// whyNot says why none of options can be begun: the soonest one tells, and one
// that is closed for good only where there is no other.
func whyNot(options []Option) error {
	if len(options) == 0 {
		return ErrNotOffered
	}
	soonest := slices.MinFunc(options, func(a, b Option) int {
		if a.AvailableAt.IsZero() != b.AvailableAt.IsZero() {
			return b.AvailableAt.Compare(a.AvailableAt)
		}
		return a.AvailableAt.Compare(b.AvailableAt)
	})
	switch soonest.Reason {
	case ReasonTimer:
		return &TooSoonError{At: soonest.AvailableAt}
	case ReasonNoSends:
		return ErrNoSends
	default:
		return &LockedError{Until: soonest.AvailableAt}
	}
}

func (e Enrolments) contact(id string) Contact {
	i := slices.IndexFunc(e.Contacts, func(c Contact) bool { return c.ID == id })
	if i < 0 {
		return Contact{}
	}
	return e.Contacts[i]
}

// undeliveredLife is how long a challenge waits that no message carries: long
// enough to find the phone or the paper. Source: NIST SP 800-63B-4 section 3.1.3.2
// (10 minutes at most).
const undeliveredLife = 10 * time.Minute

// ceremonyLife is that of a challenge for a key. Source: mfa.md 4.4.
const ceremonyLife = 5 * time.Minute

// draft makes the challenge for option and its code: the first of a chain, or
// the next after old. Where a message carries the code, its times begin when the
// gateway has accepted it; until then ResendAt is only when a request that died on
// the way is given up.
func (s *Service) draft(ctx context.Context, ask Ask, e Enrolments, option Option, old *Challenge) (Challenge, Secret, error) {
	now := s.now()
	set := ask.Policy.Code(option.Method, policy.Purpose(ask.Purpose))
	id, err := s.newID()
	if err != nil {
		return Challenge{}, "", err
	}
	c := Challenge{
		ID: id, ChainID: id, Gen: 1,
		Subject: ask.Subject, OwnerID: ask.OwnerID, Binding: ask.Binding,
		Purpose: ask.Purpose, Action: ask.Action, Method: option.Method,
		FactorID: option.FactorID, ContactID: option.ContactID, Masked: option.Masked,
		GuardKey:    option.guardKey(),
		DetailsHash: ask.DetailsHash,
		PepperID:    s.Peppers.CurrentPepper(), Digits: set.Digits,
		Status: ChallengeCreated, MaxAttempts: set.Attempts, Sends: 1, MaxSends: set.Sends,
		TTL: set.TTL.Duration(), ResendAfter: set.ResendAfter.Duration(),
		CreatedAt: now, ResendAt: now.Add(set.ResendAfter.Duration()),
		PolicyVersion: ask.PolicyVersion,
	}
	if old != nil {
		c.ChainID, c.Gen = old.ChainID, old.Gen+1
		c.Sends, c.MaxSends, c.ChainAttempts = old.Sends+1, old.MaxSends, old.ChainAttempts
	}
	if !option.Method.Delivered() {
		return c, "", s.undelivered(ctx, ask, e, &c, old)
	}
	code, err := newCode(s.random(), set.Digits)
	if err != nil {
		return Challenge{}, "", err
	}
	c.CodeMAC, err = codeMAC(s.Peppers, c, ask, code)
	return c, code, err
}

// undelivered completes a challenge that no message carries. It waits from now on,
// costs no delivery, and has no timer.
func (s *Service) undelivered(ctx context.Context, ask Ask, e Enrolments, c *Challenge, old *Challenge) error {
	c.Status, c.SentAt, c.ResendAt, c.PepperID = ChallengeSent, c.CreatedAt, time.Time{}, ""
	c.TTL, c.ResendAfter, c.Sends = undeliveredLife, 0, 0
	if old != nil {
		c.Sends = old.Sends
	}
	switch c.Method {
	case policy.TOTP:
		c.Digits = ask.Policy.Codes.TOTP.Digits
	case policy.WebAuthn:
		c.TTL = ceremonyLife
		err := s.beginCeremony(ctx, ask, e, c)
		if err != nil {
			return err
		}
	}
	c.ExpiresAt = c.SentAt.Add(c.TTL)
	return nil
}

// beginCeremony makes what a key has to sign.
func (s *Service) beginCeremony(ctx context.Context, ask Ask, e Enrolments, c *Challenge) error {
	if s.Keys == nil {
		return ErrNotOffered
	}
	var options, session, nonce []byte
	var err error
	if ask.Proof == policy.ProofCodeNew {
		var handle []byte
		handle, err = s.handle(ctx, ask.Subject)
		if err != nil {
			return err
		}
		options, session, err = s.Keys.BeginRegistration(Registration{
			RP: ask.RP, User: KeyUser{Handle: handle, Name: ask.UserName, DisplayName: ask.UserName},
			Exclude: e.credentials(), UV: ask.userVerify(),
		})
	} else {
		var challenge []byte
		challenge, nonce, err = s.transactionChallenge(ask)
		if err != nil {
			return err
		}
		options, session, err = s.Keys.BeginAuthentication(Authentication{
			RP: ask.RP, Allow: e.credentials(), UV: ask.userVerify(), Challenge: challenge,
		})
	}
	if err != nil {
		return fmt.Errorf("mfa: key: %w", err)
	}
	c.Ceremony = &Ceremony{Options: string(options), Session: string(session), Nonce: nonce}
	return nil
}

// handle is how keys know the user; it is made with the first key.
func (s *Service) handle(ctx context.Context, who Subject) ([]byte, error) {
	fresh := make([]byte, 32)
	_, err := io.ReadFull(s.random(), fresh)
	if err != nil {
		return nil, fmt.Errorf("mfa: random handle: %w", err)
	}
	handle, err := s.Store.Handle(ctx, who, fresh)
	if err != nil {
		return nil, fmt.Errorf("mfa: handle: %w", err)
	}
	return handle, nil
}

func (s *Service) random() io.Reader {
	if s.Rand == nil {
		return rand.Reader
	}
	return s.Rand
}

// newID returns 128 random bits.
func (s *Service) newID() (string, error) {
	b := make([]byte, 16)
	_, err := io.ReadFull(s.random(), b)
	if err != nil {
		return "", fmt.Errorf("mfa: random id: %w", err)
	}
	return hex.EncodeToString(b), nil
}
