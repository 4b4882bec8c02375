package consent

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// confirm makes the confirmation of the action asked for, once. Its row is there before
// the interaction says so, and before anything is sent for it.
//
// Errors: [ErrOver] where there cannot be one: the app has asked the user for too many,
// or another one is open.
func (s *Service) confirm(ctx context.Context, st *Standing) error {
	if st.state().ConfirmationID != "" {
		return nil
	}
	tenant := st.Realm.Tenant.ID
	charge := s.chargeFor(tenant, st.User.ID, st.Client.ID)
	err := s.MFA.Limits.Peek(ctx, s.Now(), charge)
	if err != nil {
		return s.tooMany(ctx, st, err)
	}
	c := Confirmation{
		ID: newID(), TenantID: tenant, UserID: st.User.ID, ClientID: st.Client.ID,
		InteractionID: st.In.ID, Action: st.Goal.Action, TxnID: st.Request.TxnID, Details: st.Request.Details, DetailsHash: st.detailsHash(),
		Status: ConfirmationRequested, PolicyVersion: st.Realm.Tenant.PolicyVersion,
		CreatedAt: st.now, ExpiresAt: st.now.Add(st.Action.TTL.Duration()),
	}
	made, err := s.alone(ctx, st, &c)
	switch {
	case errors.Is(err, ErrTxnUsed):
		return s.overAs(ctx, st, "txn_used") // pushed twice, and the other one was faster
	case errors.Is(err, errOtherApp):
		return s.overAs(ctx, st, "open_elsewhere_other")
	case errors.Is(err, ErrOneOpen):
		return s.overAs(ctx, st, "open_elsewhere")
	case err != nil:
		return err
	}
	in, err := s.Store.UpdateInteraction(ctx, tenant, st.In.ID, func(in *Interaction) error {
		if in.State.ConfirmationID == "" && in.State.pin(c.UserID) {
			in.State.ConfirmationID, in.State.ConfirmBy = c.ID, c.ExpiresAt
		}
		return nil
	})
	if err != nil {
		return err
	}
	*st.In = in
	switch {
	case !made:
		return nil
	case in.State.ConfirmationID != c.ID: // the interaction is about somebody else by now
		return s.Store.MoveConfirmation(ctx, tenant, c.ID, ConfirmationCancelled, s.Now())
	}
	return s.tooMany(ctx, st, s.MFA.Limits.Spend(ctx, s.Now(), charge))
}

// overAs ends the interaction for reason.
func (s *Service) overAs(ctx context.Context, st *Standing, reason string) error {
	_, err := s.End(ctx, st, reason)
	return errors.Join(ErrOver, err)
}

// tooMany ends the interaction, before anything reaches the user, if err says that its app
// has asked him for too many confirmations.
func (s *Service) tooMany(ctx context.Context, st *Standing, err error) error {
	_, over := errors.AsType[*ratelimit.WaitError](err)
	if !over {
		return err
	}
	return s.overAs(ctx, st, "too_many")
}

// errOtherApp is [ErrOneOpen] for a confirmation that another app has asked for.
var errOtherApp = errors.Join(ErrOneOpen, errors.New("consent: of another app"))

// alone makes c the one open confirmation of its user and action, and reports whether it
// was made: one that this interaction made before, and then lost by a crash or to a request
// beside this one, is taken up.
//
// Another one in the same browser gives way, which its user has left; one in another browser
// stays, since it may be that somebody else wants this one to be confirmed in its stead.
//
// Errors: [ErrOneOpen], [errOtherApp], [ErrTxnUsed].
//
// Source: mfa.md 4.11.10 (one open confirmation per user and action).
func (s *Service) alone(ctx context.Context, st *Standing, c *Confirmation) (made bool, err error) {
	for range 3 {
		created := s.Store.CreateConfirmation(ctx, *c)
		if !errors.Is(created, ErrOneOpen) && !errors.Is(created, ErrTxnUsed) {
			return created == nil, created
		}
		open, err := s.Store.OpenConfirmation(ctx, c.TenantID, c.UserID, c.Action)
		switch {
		case err == nil && open.InteractionID == c.InteractionID:
			*c = open
			return false, nil
		case err != nil && !errors.Is(err, ErrNotFound):
			return false, err
		case errors.Is(created, ErrTxnUsed):
			return false, created
		case err != nil:
			continue // it has ended meanwhile
		}
		err = s.giveWay(ctx, st, open)
		if err != nil {
			return false, err
		}
	}
	return false, ErrOneOpen
}

// giveWay ends open for the confirmation of st, if it may. One that rests on the word of an
// app alone, and has no proof yet, gives way to a user who has logged in.
//
// Errors: [ErrOneOpen] and [errOtherApp] if it may not.
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
	elsewhere := err == nil && in.Open(st.now) && subtle.ConstantTimeCompare(in.BrowserHash, st.In.BrowserHash) != 1
	weaker := in.Request.Vouched != nil && len(in.State.Proofs) == 0 && st.Request.Vouched == nil
	switch {
	case !elsewhere || weaker:
		return s.withdraw(ctx, open, "replaced")
	case open.ClientID != st.Client.ID:
		return errOtherApp
	}
	return ErrOneOpen
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
