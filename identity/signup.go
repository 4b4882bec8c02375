package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"

	"github.com/sallyport-id/sallyport/mfa"
)

// NewAccount is what somebody chooses who signs up.
type NewAccount struct {
	Name     string
	Password mfa.Secret
	Lang     string // BCP 47; "" for the tenant's
	Zone     string // IANA name; "" for the tenant's
}

// RequestSignUp notes that somebody wants an account for an address. As with
// [Accounts.RequestReset], a nil error says nothing about the address.
//
// Errors: [ErrSignUpClosed]; [ErrAddress].
func (a *Accounts) RequestSignUp(ctx context.Context, realm *Realm, typed, lang string, ip netip.Addr) error {
	if !realm.Tenant.SignUp {
		return ErrSignUpClosed
	}
	address := Username(typed)
	if !isAddress(address) {
		return ErrAddress
	}
	return quiet(a.request(ctx, Notice{TenantID: realm.Tenant.ID, Kind: RequestSignUp, To: mfa.Secret(address), Lang: lang}, address, ip))
}

func isAddress(canonical string) bool {
	if len(canonical) > maxAddress {
		return false
	}
	a, err := mail.ParseAddress(canonical)
	return err == nil && a.Name == "" && a.Address == canonical
}

// OpenSignUp is what the page behind a link to sign up needs: the address that it
// proved, and the rules for a password. It uses nothing.
//
// Errors: [ErrSignUpClosed], [ErrLinkUnknown], [ErrLinkExpired], [ErrLinkUsed].
func (a *Accounts) OpenSignUp(ctx context.Context, realm *Realm, token mfa.Secret) (address string, rules PasswordRules, err error) {
	if !realm.Tenant.SignUp {
		return "", PasswordRules{}, ErrSignUpClosed
	}
	l, _, err := a.open(ctx, realm, LinkSignUp, token)
	if err != nil {
		return "", PasswordRules{}, err
	}
	rules, err = a.Rules(ctx, realm, User{Username: l.Address.Reveal()})
	return l.Address.Reveal(), rules, err
}

// SignUp makes the account that a link leads to, with its address confirmed, and
// uses the link up. It signs nobody in.
//
// The contact is written before the account, under ids that follow from the link:
// should the account not come to be, the same form can be sent again.
//
// Errors: those of [Accounts.OpenSignUp]; [*PasswordError], which leaves the link
// as it was; [ErrTaken] if the address got an account in the meantime.
func (a *Accounts) SignUp(ctx context.Context, realm *Realm, token mfa.Secret, in NewAccount, ip netip.Addr) (User, error) {
	if !realm.Tenant.SignUp {
		return User{}, ErrSignUpClosed
	}
	l, _, err := a.open(ctx, realm, LinkSignUp, token)
	if err != nil {
		return User{}, err
	}
	now, address := a.Now(), l.Address.Reveal()
	u := User{
		ID: l.ID, TenantID: l.TenantID, Username: address, Status: UserActive, CreatedAt: now,
		Profile: Profile{
			Name: strings.TrimSpace(in.Name), Email: address, EmailVerified: true, Locale: in.Lang, Zoneinfo: in.Zone,
		},
	}
	u.PasswordHash, err = a.newHash(ctx, realm, User{TenantID: u.TenantID, Username: address, Profile: u.Profile}, in.Password)
	if err != nil {
		return User{}, err
	}
	err = a.addRegistered(ctx, u)
	if err != nil {
		return User{}, err
	}
	err = a.Rows.CreateAccount(ctx, l, u, now)
	if err != nil {
		return User{}, err
	}
	a.observe(ctx, EventAccountCreated, "ok", u.TenantID, u.ID, ip)
	return u, nil
}

// addRegistered writes the registered address of an account that is about to be,
// once, however many forms are sent at the same time.
func (a *Accounts) addRegistered(ctx context.Context, u User) error {
	c := mfa.Contact{
		ID: ContactID(u.Subject(), mfa.ContactEmail, u.Username), Subject: u.Subject(), Kind: mfa.ContactEmail,
		Value: mfa.Secret(u.Username), Masked: mfa.MaskEmail(u.Username), Status: mfa.ContactConfirmed, Source: mfa.SourceSelf,
		Registered: true, ConfirmedAt: u.CreatedAt, CreatedAt: u.CreatedAt,
	}
	err := a.Contacts.AddContact(ctx, c)
	if errors.Is(err, mfa.ErrContactInUse) {
		err = a.Contacts.AddContact(ctx, c) // by another form of the same link, then it is there now
	}
	if errors.Is(err, mfa.ErrContactInUse) {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("identity: sign up: %w", err)
	}
	return nil
}

// ContactID is the id of the contact that value is for who: the same each time, so
// that whoever writes it twice writes one.
func ContactID(who mfa.Subject, kind mfa.ContactKind, value string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"contact/1", who.TenantID, who.UserID, string(kind), value}, "\x00")))
	return hex.EncodeToString(sum[:16])
}
