package mfa

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// OfferPasskey begins a ceremony in which a passkey tells the account by itself. It
// is tied to no user; the caller keeps the session, for one answer and a few minutes.
//
// Errors: [ErrNotOffered].
func (s *Service) OfferPasskey(rp RelyingParty) (Ceremony, error) {
	if s.Keys == nil || rp.ID == "" {
		return Ceremony{}, ErrNotOffered
	}
	options, session, err := s.Keys.BeginAuthentication(Authentication{RP: rp, UV: UVRequired})
	if err != nil {
		return Ceremony{}, fmt.Errorf("mfa: passkey: %w", err)
	}
	return Ceremony{Options: string(options), Session: string(session)}, nil
}

// Passkey judges the answer to such a ceremony. The user is the one whose handle the
// key has; ask names only the tenant. What it is paid with, and how it is locked, is
// the same as for every other proof. usable says whether that account may sign in.
//
// Errors: [ErrMalformed]; [ErrUnknownKey]; those of [Service.Verify].
func (s *Service) Passkey(ctx context.Context, ask Ask, session string, given Secret, usable func(context.Context, Subject) (bool, error)) (Proof, error) {
	if s.Keys == nil {
		return Proof{}, ErrNotOffered
	}
	_, handle, err := s.Keys.CredentialOf([]byte(given.Reveal()))
	if err != nil || len(handle) == 0 {
		return Proof{}, ErrMalformed
	}
	err = s.spend(ctx, ask, []scope{{"verify.ip", network(ask.IP), ask.Policy.Limits.VerifyPerIP}})
	if err != nil {
		return Proof{}, err
	}
	who, err := s.Store.HandleOwner(ctx, ask.Subject.TenantID, handle)
	if errors.Is(err, ErrNotFound) {
		return Proof{}, ErrUnknownKey
	}
	if err != nil {
		return Proof{}, fmt.Errorf("mfa: passkey: %w", err)
	}
	ok, err := usable(ctx, who)
	if err != nil || !ok {
		return Proof{}, errors.Join(err, ErrUnknownKey)
	}
	ask.Subject = who
	c, err := s.passkeyChallenge(ctx, ask, session)
	if err != nil {
		return Proof{}, err
	}
	v, err := s.Verify(ctx, Attempt{Ask: ask, ChallengeID: c.ID, Input: given})
	return v.Proof, err
}

// passkeyChallenge makes the row on which the answer is judged.
func (s *Service) passkeyChallenge(ctx context.Context, ask Ask, session string) (Challenge, error) {
	open, err := s.Store.OpenChallenge(ctx, ask.Subject, ask.OwnerID)
	if err == nil {
		err = s.cancel(ctx, ask, open)
	} else if errors.Is(err, ErrNotFound) {
		err = nil
	}
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: passkey: %w", err)
	}
	id, err := s.newID()
	if err != nil {
		return Challenge{}, err
	}
	now := s.now()
	option := Option{Method: policy.WebAuthn}
	c := Challenge{
		ID: id, ChainID: id, Gen: 1, Subject: ask.Subject, OwnerID: ask.OwnerID, Binding: ask.Binding,
		Purpose: ask.Purpose, Action: ask.Action, Method: policy.WebAuthn, GuardKey: option.guardKey(),
		Status: ChallengeSent, MaxAttempts: 1, MaxSends: 1, TTL: time.Minute,
		CreatedAt: now, SentAt: now, ExpiresAt: now.Add(time.Minute), PolicyVersion: ask.PolicyVersion,
		Ceremony: &Ceremony{Session: session},
	}
	err = s.Store.CreateChallenge(ctx, c)
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: passkey: %w", err)
	}
	return c, nil
}
