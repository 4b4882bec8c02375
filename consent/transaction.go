package consent

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
)

// Withdraw cancels an open confirmation that its app has replaced: the page that shows
// it is over, and so is the code that was sent for it.
//
// Source: mfa.md 4.11.5.
func (s *Service) Withdraw(ctx context.Context, v Confirmation) error {
	err := s.Store.EndConfirmation(ctx, v.TenantID, v.ID, ConfirmationCancelled, s.Now())
	if errors.Is(err, ErrOver) {
		return nil // something else was faster
	}
	if err != nil {
		return fmt.Errorf("consent: withdraw: %w", err)
	}
	in, err := s.Store.UpdateInteraction(ctx, v.TenantID, v.InteractionID, func(in *Interaction) error {
		if in.State.Ended == "" {
			in.State.Ended, in.State.Reason = errAccessDenied, "details_changed"
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrOver) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("consent: withdraw: %w", err)
	}
	return s.dropChallenge(ctx, identity.User{ID: v.UserID, TenantID: v.TenantID}, in.State.ChallengeID)
}

// dropChallenge ends the challenge id and what would follow it; "" is none.
func (s *Service) dropChallenge(ctx context.Context, u identity.User, id string) error {
	if id == "" {
		return nil
	}
	c, err := s.MFA.Store.Challenge(ctx, u.Subject(), id)
	if err == nil {
		err = s.MFA.Store.CancelChain(ctx, u.Subject(), c.ChainID)
	}
	if err != nil && !errors.Is(err, mfa.ErrNotFound) {
		return fmt.Errorf("consent: drop challenge: %w", err)
	}
	return nil
}
