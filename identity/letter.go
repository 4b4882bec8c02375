package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// The kinds of letters. Each is the name of a text. Only the last has no link of
// its own: it says that there is an account already, and how to get in.
const (
	LetterReset       = "password_reset"
	LetterVerify      = "email_verify"
	LetterSignUp      = "sign_up"
	LetterSignUpKnown = "sign_up_known"
)

// Letter is the mail that answers a request.
type Letter struct {
	Kind      string
	Subject   mfa.Subject // UserID is "" for an address without an account
	To        mfa.Secret
	Token     mfa.Secret // of the link; "" for a letter without one. Nothing keeps it
	ExpiresAt time.Time  // of the link
	Lang      string
	Zone      *time.Location
}

// Letter finds out what a request is to be answered with, and makes the link. It
// runs when the mail is about to leave, so the token of a link is nowhere but in
// the mail; a second try makes another link, which takes the first one's place.
//
// Errors: [ErrNoLetter] if there is nobody to write to: the account does not
// exist, cannot be used, or has no confirmed registered address.
func (a *Accounts) Letter(ctx context.Context, realm *Realm, n Notice) (Letter, error) {
	var l Letter
	var err error
	switch n.Kind {
	case RequestReset:
		l, err = a.resetLetter(ctx, realm, n)
	case RequestVerify:
		l, err = a.verifyLetter(ctx, realm, n)
	case RequestSignUp:
		l, err = a.signUpLetter(ctx, realm, n)
	default:
		return Letter{}, fmt.Errorf("%w: %s is not a request", ErrNoLetter, n.Kind)
	}
	if errors.Is(err, ErrNotFound) {
		return Letter{}, ErrNoLetter
	}
	if err != nil {
		return Letter{}, fmt.Errorf("identity: letter: %w", err)
	}
	return l, nil
}

func (a *Accounts) resetLetter(ctx context.Context, realm *Realm, n Notice) (Letter, error) {
	u, err := a.Rows.UserByName(ctx, realm.Tenant.ID, n.To.Reveal())
	if err != nil {
		return Letter{}, err
	}
	c, err := a.registered(ctx, u.Subject())
	if err != nil {
		return Letter{}, err
	}
	if u.Status != UserActive || c.Status != mfa.ContactConfirmed {
		return Letter{}, ErrNoLetter
	}
	return a.withLink(ctx, realm, n, u, LinkPasswordReset, LetterReset, c.Value)
}

func (a *Accounts) verifyLetter(ctx context.Context, realm *Realm, n Notice) (Letter, error) {
	u, err := a.Rows.User(ctx, realm.Tenant.ID, n.UserID)
	if err != nil {
		return Letter{}, err
	}
	c, err := a.registered(ctx, u.Subject())
	if err != nil {
		return Letter{}, err
	}
	if u.Status != UserActive || c.Status == mfa.ContactConfirmed && u.Profile.EmailVerified {
		return Letter{}, ErrNoLetter
	}
	return a.withLink(ctx, realm, n, u, LinkEmailVerify, LetterVerify, c.Value)
}

func (a *Accounts) signUpLetter(ctx context.Context, realm *Realm, n Notice) (Letter, error) {
	if !realm.Tenant.SignUp {
		return Letter{}, ErrNoLetter
	}
	u, err := a.Rows.UserByName(ctx, realm.Tenant.ID, n.To.Reveal())
	if err == nil {
		return a.letter(realm, n, u, LetterSignUpKnown, n.To), nil
	}
	if !errors.Is(err, ErrNotFound) {
		return Letter{}, err
	}
	return a.withLink(ctx, realm, n, User{}, LinkSignUp, LetterSignUp, n.To)
}

func (a *Accounts) withLink(ctx context.Context, realm *Realm, n Notice, u User, purpose LinkPurpose, kind string, to mfa.Secret) (Letter, error) {
	link, token := newLink(purpose, realm.Tenant.ID, u, to, a.Now())
	err := a.Rows.PutLink(ctx, link)
	if err != nil {
		return Letter{}, err
	}
	l := a.letter(realm, n, u, kind, to)
	l.Token, l.ExpiresAt = token, link.ExpiresAt
	return l, nil
}

// letter is a letter in the language that its reader chose: for the account, else
// on the page, else what the tenant has.
func (a *Accounts) letter(realm *Realm, n Notice, u User, kind string, to mfa.Secret) Letter {
	t := realm.Tenant
	l := Letter{Kind: kind, Subject: mfa.Subject{TenantID: t.ID, UserID: u.ID}, To: to, Lang: t.Locale, Zone: u.Zone(t)}
	for _, lang := range []string{n.Lang, u.Lang()} {
		if lang != "" {
			l.Lang = lang
		}
	}
	return l
}
