package mfa

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// Current returns the challenge id that was begun for ask, for the page to show.
//
// Errors: [ErrNotFound] for anybody else's, also of another browser, owner,
// purpose or details.
func (s *Service) Current(ctx context.Context, ask Ask, id string) (Challenge, error) {
	c, err := s.Store.Challenge(ctx, ask.Subject, id)
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: challenge: %w", err)
	}
	if !c.answers(ask) {
		return Challenge{}, fmt.Errorf("mfa: challenge: %w", ErrNotFound)
	}
	return c, nil
}

// Resend sends a fresh code by the method of challenge id, whose code dies. An
// expired chain goes on in this way, too. It returns the next challenge of the
// chain, which takes the place of the old one.
//
// Errors: [*TooSoonError] before its ResendAt; [ErrNoSends]; [ErrSpent],
// [ErrExhausted] and [ErrSuperseded] where there is nothing to go on with;
// [ErrPolicyChanged]; and those of [Service.Begin].
func (s *Service) Resend(ctx context.Context, ask Ask, id string) (Challenge, error) {
	c, err := s.Current(ctx, ask, id)
	if err != nil {
		return Challenge{}, err
	}
	return s.goOn(ctx, ask, c, func(options []Option) (Option, error) {
		own := pick(options, func(o Option) bool { return o.Method == c.Method && o.ContactID == c.ContactID })
		if len(own) == 0 {
			return Option{}, ErrPolicyChanged
		}
		if !own[0].Available(s.now()) {
			return Option{}, whyNot(own)
		}
		return own[0], nil
	})
}

// Switch goes on with challenge id by method m; the old code dies. It returns the
// next challenge of the chain.
//
// Errors: [ErrNotOffered] for a method that is not in [Options], [*TooSoonError]
// before its time, both observed as a downgrade attempt; and those of
// [Service.Resend].
func (s *Service) Switch(ctx context.Context, ask Ask, id string, m Method) (Challenge, error) {
	c, err := s.Current(ctx, ask, id)
	if err != nil {
		return Challenge{}, err
	}
	if m == c.Method || m == "" {
		return s.Resend(ctx, ask, id)
	}
	return s.goOn(ctx, ask, c, func(options []Option) (Option, error) {
		return s.choose(ctx, ask, options, m)
	})
}

// goOn begins the next generation of the chain of c by the option that choose
// picks.
func (s *Service) goOn(ctx context.Context, ask Ask, c Challenge, choose func([]Option) (Option, error)) (Challenge, error) {
	err := c.closed()
	if err != nil && !errors.Is(err, ErrExpired) && !errors.Is(err, ErrDelivery) {
		return Challenge{}, err
	}
	e, err := s.enrolments(ctx, ask)
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: resend: %w", err)
	}
	options, err := s.affordable(ctx, ask, e, Options(ask, e, &c, s.now()))
	if err != nil {
		return Challenge{}, err
	}
	option, err := choose(options)
	if errors.Is(err, ErrPolicyChanged) {
		return Challenge{}, errors.Join(err, s.cancel(ctx, ask, c))
	}
	if err != nil {
		return Challenge{}, err
	}

	contact := e.contact(option.ContactID)
	if !option.Method.Delivered() {
		return s.renew(ctx, ask, e, c, option, contact)
	}
	err = s.spend(ctx, ask, sendScopes(ask, contact), once(c))
	if wait, ok := errors.AsType[*ratelimit.WaitError](err); ok && wait.What == onceName {
		return Challenge{}, ErrSuperseded
	}
	if err != nil {
		return Challenge{}, err
	}
	return s.renew(ctx, ask, e, c, option, contact)
}

// onceName and once let only the first of many requests that renew one challenge
// at the same moment be charged: a double click must not eat up the limits.
const onceName = "renew"

func once(c Challenge) ratelimit.Charge {
	key := onceName + "/" + c.Subject.TenantID + "/" + c.ID
	return ratelimit.Charge{What: onceName, Key: key, Limit: ratelimit.Limit{Burst: 1, Every: gatewayPatience}}
}

func (s *Service) renew(ctx context.Context, ask Ask, e Enrolments, old Challenge, option Option, contact Contact) (Challenge, error) {
	next, code, err := s.draft(ctx, ask, e, option, &old)
	if err != nil {
		return Challenge{}, err
	}
	due := s.now()
	if !option.isOf(old) && due.Before(old.ResendAt) {
		due = old.ResendAt // another way that Options lists as available does not wait for the timer
	}
	err = s.Store.Supersede(ctx, ask.Subject, old.ID, due, next)
	if errors.Is(err, ErrTooSoon) {
		return Challenge{}, &TooSoonError{At: old.ResendAt}
	}
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: resend: %w", err)
	}
	if !next.Method.Delivered() {
		return next, nil
	}
	return s.deliver(ctx, ask, next, contact, code)
}

// Use tells that the owner has taken the effect of a verified challenge. It
// returns true for exactly one caller; only that one may take the effect.
//
// Errors: [ErrNotFound] for a challenge of another owner.
func (s *Service) Use(ctx context.Context, who Subject, id, owner string) (first bool, err error) {
	first, err = s.Store.Use(ctx, who, id, owner)
	if err != nil {
		return false, fmt.Errorf("mfa: use: %w", err)
	}
	if first {
		s.tell(ctx, EventUsed, Ask{Subject: who, OwnerID: owner}, Challenge{ID: id}, nil)
	}
	return first, nil
}

// Cancel ends the chain of challenge id: the user gave up, or what it was for is
// gone.
//
// Errors: [ErrNotFound].
func (s *Service) Cancel(ctx context.Context, ask Ask, id string) error {
	c, err := s.Current(ctx, ask, id)
	if err != nil {
		return err
	}
	return s.cancel(ctx, ask, c)
}

func (s *Service) cancel(ctx context.Context, ask Ask, c Challenge) error {
	err := s.Store.CancelChain(ctx, ask.Subject, c.ChainID)
	if err != nil {
		return fmt.Errorf("mfa: cancel: %w", err)
	}
	s.tell(ctx, EventCancelled, ask, c, nil)
	return nil
}
