package consent

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-id/sallyport/mfa"
)

// Withdraw cancels an open confirmation that its app has replaced: the page that shows
// it is over, and so is the code that was sent for it.
//
// Source: mfa.md 4.11.5.
func (s *Service) Withdraw(ctx context.Context, v Confirmation) error {
	return s.withdraw(ctx, v, "details_changed")
}

func (s *Service) withdraw(ctx context.Context, v Confirmation, reason string) error {
	err := s.Store.MoveConfirmation(ctx, v.TenantID, v.ID, ConfirmationCancelled, s.Now())
	if errors.Is(err, ErrOver) {
		return nil // something else was faster
	}
	if err != nil {
		return fmt.Errorf("consent: withdraw: %w", err)
	}
	in, err := s.Store.UpdateInteraction(ctx, v.TenantID, v.InteractionID, func(in *Interaction) error {
		if in.State.Ended == "" {
			in.State.Ended, in.State.Reason = errAccessDenied, reason
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrOver) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("consent: withdraw: %w", err)
	}
	return s.MFA.Drop(ctx, mfa.Subject{TenantID: v.TenantID, UserID: v.UserID}, in.State.ChallengeID)
}
