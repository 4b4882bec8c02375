package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// passkeyLife is how long the page that asks who the user is takes a passkey.
const passkeyLife = 5 * time.Minute

// OfferPasskey begins a ceremony in which a passkey tells the account by itself, and
// returns its options for the browser. The page takes one answer.
func (s *Service) OfferPasskey(ctx context.Context, st *Standing) (options string, err error) {
	ceremony, err := s.MFA.OfferPasskey(st.Realm.Tenant.RelyingParty())
	if err != nil {
		return "", fmt.Errorf("consent: passkey: %w", err)
	}
	_, err = s.Store.UpdateInteraction(ctx, st.Realm.Tenant.ID, st.In.ID, func(in *Interaction) error {
		in.State.Passkey, in.State.PasskeyBy = ceremony.Session, s.Now().Add(passkeyLife)
		return nil
	})
	return ceremony.Options, err
}

// Passkey judges the answer of a passkey, and finds the user whose it is.
//
// Errors: [mfa.ErrExpired] if the page is too old or was answered before;
// [mfa.ErrUnknownKey], also for an account that cannot be used; those of
// [mfa.Service.Verify].
func (s *Service) Passkey(ctx context.Context, st *Standing, answer string, b Browser) (identity.User, mfa.Proof, error) {
	session := ""
	_, err := s.Store.UpdateInteraction(ctx, st.Realm.Tenant.ID, st.In.ID, func(in *Interaction) error {
		session = in.State.Passkey
		if !s.Now().Before(in.State.PasskeyBy) {
			session = ""
		}
		in.State.Passkey, in.State.PasskeyBy = "", time.Time{} // one answer, whatever comes of it
		return nil
	})
	if err != nil {
		return identity.User{}, mfa.Proof{}, err
	}
	if session == "" {
		return identity.User{}, mfa.Proof{}, mfa.ErrExpired
	}
	ask := mfa.Ask{
		Subject: mfa.Subject{TenantID: st.Realm.Tenant.ID}, Policy: st.Realm.Policy, PolicyVersion: st.Realm.Tenant.PolicyVersion,
		Purpose: mfa.PurposeLogin, Action: policy.ActionLogin, Proof: policy.ProofSecondFactor,
		OwnerID: st.In.ID, Binding: st.In.BrowserHash, IP: b.IP, About: st.about(b.Lang),
		RP: st.Realm.Tenant.RelyingParty(), UserVerify: mfa.UVRequired,
	}
	proof, err := s.MFA.Passkey(ctx, ask, session, mfa.Secret(answer), s.usable)
	if err != nil {
		return identity.User{}, mfa.Proof{}, err
	}
	user, err := s.People.User(ctx, proof.Subject.TenantID, proof.Subject.UserID)
	if err != nil {
		return identity.User{}, mfa.Proof{}, fmt.Errorf("consent: passkey: %w", err)
	}
	return user, proof, nil
}

// usable reports whether somebody may sign in at all.
func (s *Service) usable(ctx context.Context, who mfa.Subject) (bool, error) {
	user, err := s.People.User(ctx, who.TenantID, who.UserID)
	if errors.Is(err, identity.ErrNotFound) {
		return false, nil
	}
	return err == nil && user.Status == identity.UserActive, err
}
