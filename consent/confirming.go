package consent

import (
	"context"
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
	err = s.Store.CreateConfirmation(ctx, c)
	if !errors.Is(err, ErrTxnUsed) {
		return err
	}
	// The app has pushed one transaction twice, and the other one was faster.
	_, err = s.End(ctx, st, "txn_used")
	return errors.Join(ErrOver, err)
}

// perApp is how many confirmations one app may ask one user for: somebody who is
// asked again and again says yes in the end. Source: mfa.md 4.11.10, ASVS 6.6.4.
var perApp = ratelimit.Per(10, time.Hour)

// bounded ends the interaction, before anything reaches the user, if its app has
// asked him for too many confirmations.
//
// Errors: [ErrOver] then.
func (s *Service) bounded(ctx context.Context, st *Standing) error {
	tenant := st.Realm.Tenant.ID
	err := s.MFA.Limits.Spend(ctx, s.Now(), ratelimit.Charge{
		What: "confirmation", Key: "confirmation/" + s.MFA.Peppers.LimitKey(tenant, st.User.ID+"\x00"+st.Client.ID), Limit: perApp,
	})
	_, over := errors.AsType[*ratelimit.WaitError](err)
	if !over {
		return err
	}
	_, err = s.End(ctx, st, "too_many")
	return errors.Join(ErrOver, err)
}
