package consent

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// confirm makes the confirmation of the action asked for, once.
//
// Errors: [ErrOver] where the app has asked the user for too many.
func (s *Service) confirm(ctx context.Context, st *Standing) error {
	if st.state().ConfirmationID != "" {
		return nil
	}
	err := s.bounded(ctx, st)
	if err != nil {
		return err
	}
	c := Confirmation{
		ID: newID(), TenantID: st.Realm.Tenant.ID, UserID: st.User.ID, ClientID: st.Client.ID,
		InteractionID: st.In.ID, Action: st.Goal.Action, TxnID: st.Request.TxnID, Details: st.Request.Details, DetailsHash: st.detailsHash(),
		Status: ConfirmationRequested, PolicyVersion: st.Realm.Tenant.PolicyVersion,
		CreatedAt: st.now, ExpiresAt: st.now.Add(st.Action.TTL.Duration()),
	}
	first := false
	in, err := s.Store.UpdateInteraction(ctx, c.TenantID, st.In.ID, func(in *Interaction) error {
		first = in.State.ConfirmationID == "" && in.State.pin(c.UserID)
		if first {
			in.State.ConfirmationID, in.State.ConfirmBy = c.ID, c.ExpiresAt
		}
		return nil
	})
	if err != nil {
		return err
	}
	*st.In = in
	if !first {
		return nil
	}
	reason := ""
	err = s.alone(ctx, st, c)
	switch {
	case errors.Is(err, ErrTxnUsed):
		reason = "txn_used" // pushed twice, and the other one was faster
	case errors.Is(err, ErrOneOpen):
		reason = "open_elsewhere"
	default:
		return err
	}
	_, err = s.End(ctx, st, reason)
	return errors.Join(ErrOver, err)
}

// alone makes c the one open confirmation of its user and action. One in the same browser
// gives way, which its user has left; one in another browser stays, since it may be that
// somebody else wants this one to be confirmed in its stead.
//
// Errors: [ErrOneOpen], [ErrTxnUsed].
//
// Source: mfa.md 4.11.10 (one open confirmation per user and action).
func (s *Service) alone(ctx context.Context, st *Standing, c Confirmation) error {
	for range 3 {
		err := s.Store.CreateConfirmation(ctx, c)
		if !errors.Is(err, ErrOneOpen) {
			return err
		}
		open, err := s.Store.OpenConfirmation(ctx, c.TenantID, c.UserID, c.Action)
		if errors.Is(err, ErrNotFound) {
			continue // it has ended meanwhile
		}
		if err == nil {
			err = s.giveWay(ctx, st, open)
		}
		if err != nil {
			return err
		}
	}
	return ErrOneOpen
}

// giveWay ends open for the confirmation of st, if it may.
//
// Errors: [ErrOneOpen] if it may not.
func (s *Service) giveWay(ctx context.Context, st *Standing, open Confirmation) error {
	if open.At(st.now) == ConfirmationExpired {
		err := s.Store.MoveConfirmation(ctx, open.TenantID, open.ID, ConfirmationExpired, st.now)
		if errors.Is(err, ErrOver) {
			return nil
		}
		return err
	}
	in, err := s.Store.Interaction(ctx, open.TenantID, open.InteractionID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil && in.Open(st.now) && subtle.ConstantTimeCompare(in.BrowserHash, st.In.BrowserHash) != 1 {
		return ErrOneOpen
	}
	return s.withdraw(ctx, open, "replaced")
}

// perApp is how many confirmations one app may ask one user for: somebody who is
// asked again and again says yes in the end. Source: mfa.md 4.11.10, ASVS 6.6.4.
var perApp = ratelimit.Per(10, time.Hour)

func (s *Service) chargeFor(tenantID, userID, clientID string) ratelimit.Charge {
	return ratelimit.Charge{
		What: "confirmation", Key: "confirmation/" + s.MFA.Peppers.LimitKey(tenantID, userID+"\x00"+clientID), Limit: perApp,
	}
}

// MayAsk tells an app beforehand whether it may ask a user for one confirmation more.
//
// Errors: a [*ratelimit.WaitError] that says when.
func (s *Service) MayAsk(ctx context.Context, tenantID, userID, clientID string) error {
	return s.MFA.Limits.Peek(ctx, s.Now(), s.chargeFor(tenantID, userID, clientID))
}

// bounded ends the interaction, before anything reaches the user, if its app has
// asked him for too many confirmations.
//
// Errors: [ErrOver] then.
func (s *Service) bounded(ctx context.Context, st *Standing) error {
	err := s.MFA.Limits.Spend(ctx, s.Now(), s.chargeFor(st.Realm.Tenant.ID, st.User.ID, st.Client.ID))
	_, over := errors.AsType[*ratelimit.WaitError](err)
	if !over {
		return err
	}
	_, err = s.End(ctx, st, "too_many")
	return errors.Join(ErrOver, err)
}
