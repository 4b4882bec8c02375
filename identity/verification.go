package identity

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/sallyport-id/sallyport/mfa"
)

// RequestVerification asks for a link to the registered address of a user who is
// signed in.
//
// Errors: [*ratelimit.WaitError].
func (a *Accounts) RequestVerification(ctx context.Context, realm *Realm, userID, lang string, ip netip.Addr) error {
	return a.request(ctx, Notice{TenantID: realm.Tenant.ID, UserID: userID, Kind: RequestVerify, Lang: lang}, userID, ip)
}

// OpenVerification is what the page behind a link that proves an address needs:
// whose account it is. It uses nothing.
//
// Errors: [ErrLinkUnknown], [ErrLinkExpired], [ErrLinkUsed].
func (a *Accounts) OpenVerification(ctx context.Context, realm *Realm, token mfa.Secret) (User, error) {
	_, u, _, err := a.openMailed(ctx, realm, LinkEmailVerify, token)
	if err != nil {
		return User{}, err
	}
	return *u, nil
}

// ConfirmEmail marks the registered address as confirmed by a mailed link, in the
// profile and as a contact, and uses the link up. It signs nobody in.
//
// The contact comes first: should the rest not happen, the link still works, and
// to confirm a contact twice changes nothing.
//
// Errors: those of [Accounts.OpenVerification].
func (a *Accounts) ConfirmEmail(ctx context.Context, realm *Realm, token mfa.Secret, ip netip.Addr) (User, error) {
	l, u, c, err := a.openMailed(ctx, realm, LinkEmailVerify, token)
	if err != nil {
		return User{}, err
	}
	err = a.Contacts.ConfirmContact(ctx, u.Subject(), c.ID, c.Unique, a.Now())
	if err != nil {
		return User{}, fmt.Errorf("identity: confirm email: %w", err)
	}
	err = a.Rows.VerifyEmail(ctx, l, a.Now())
	if err != nil {
		return User{}, err
	}
	a.observe(ctx, EventEmailVerified, "ok", u.TenantID, u.ID, ip)
	return *u, nil
}
