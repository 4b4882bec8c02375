package identity

import (
	"context"
	"errors"
	"net/netip"

	"github.com/sallyport-id/sallyport/mfa"
)

// RequestReset notes that somebody typed an identifier on the page for a forgotten
// password. lang is the language of that page.
//
// It does the same for every identifier: unknown, disabled, without a confirmed
// address, or asked for too often. A nil error therefore says nothing but that the
// page may say "check your mail".
func (a *Accounts) RequestReset(ctx context.Context, realm *Realm, typed, lang string, ip netip.Addr) error {
	name := Username(typed)
	if name == "" || len(name) > maxAddress {
		return ErrAddress
	}
	return quiet(a.request(ctx, Notice{TenantID: realm.Tenant.ID, Kind: RequestReset, To: mfa.Secret(name), Lang: lang}, name, ip))
}

// maxAddress is the longest identifier that is looked at, in bytes. Source: RFC
// 5321 section 4.5.3.1 (the longest mail address), with room.
const maxAddress = 320

// OpenReset is what the page behind a link for a new password needs: whose account
// it is, so that password managers store the pair, and the rules. It uses nothing.
//
// Errors: [ErrLinkUnknown], [ErrLinkExpired], [ErrLinkUsed].
func (a *Accounts) OpenReset(ctx context.Context, realm *Realm, token mfa.Secret) (User, PasswordRules, error) {
	_, u, _, err := a.openMailed(ctx, realm, LinkPasswordReset, token)
	if err != nil {
		return User{}, PasswordRules{}, err
	}
	rules, err := a.Rules(ctx, realm, *u)
	return *u, rules, err
}

// Reset sets a new password by a mailed link, and uses the link up. device is for
// the notice.
//
// Every session, grant and trusted device ends, and none begins: the next login
// asks for the new password and for the second step, like any other (ASVS 6.4.3).
//
// Errors: those of [Accounts.OpenReset]; [*PasswordError], which leaves the link as
// it was.
func (a *Accounts) Reset(ctx context.Context, realm *Realm, token, password mfa.Secret, device string, ip netip.Addr) (User, error) {
	l, u, _, err := a.openMailed(ctx, realm, LinkPasswordReset, token)
	if err != nil {
		return User{}, err
	}
	hash, err := a.newHash(ctx, realm, *u, password)
	if err != nil {
		return User{}, err
	}
	after, err := a.setPassword(ctx, EventPasswordReset, device, ip, PasswordWrite{
		TenantID: l.TenantID, UserID: u.ID, Hash: hash, Epoch: l.PasswordEpoch, LinkID: l.ID,
	})
	if errors.Is(err, ErrCredentials) { // the password was changed in the meantime, which voids the link
		return User{}, ErrLinkUnknown
	}
	return after, err
}
