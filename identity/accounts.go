package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// Accounts is the life of an account in its owner's hands: to make one, to prove
// its address, to change its password, to get back in without it.
//
// What somebody asks for who is not signed in (a reset, a sign-up) is only noted:
// [Accounts.RequestReset] and [Accounts.RequestSignUp] count it on limits and put
// it into the outbox, whatever was typed, and look nothing up. [Accounts.Letter]
// finds out later, where nobody can measure it, whether there is an account and
// what is to be mailed. So neither answer nor time tells one address from another.
type Accounts struct {
	SignIn   *SignIn // judges old passwords; its hasher and limits serve here too
	Rows     AccountStore
	Contacts Contacts
	// SecondFactor reports whether u has to pass a second factor at sign-in, by
	// which a shorter password will do; nil is never.
	SecondFactor func(ctx context.Context, realm *Realm, u User) (bool, error)
	// Observe records what happened; nil records nothing.
	Observe func(ctx context.Context, e mfa.Event)
	Now     func() time.Time
}

// AccountStore keeps accounts and the links to them. What does not exist is
// [ErrNotFound].
type AccountStore interface {
	User(ctx context.Context, tenantID, userID string) (User, error)
	UserByName(ctx context.Context, tenantID, username string) (User, error)
	QueueNotices(ctx context.Context, notices ...Notice) error
	// PutLink keeps l. Of the same purpose and owner it is then the only one that
	// was not used.
	PutLink(ctx context.Context, l Link) error
	// LinkByToken returns a link and the user it is for, nil for nobody.
	LinkByToken(ctx context.Context, tenantID string, tokenHash []byte) (Link, *User, error)
	// SetPassword does all of w or nothing.
	SetPassword(ctx context.Context, w PasswordWrite) (User, error)
	// VerifyEmail spends l and notes in the profile of its user that the address
	// is confirmed, if that is still the profile's. [ErrLinkUsed].
	VerifyEmail(ctx context.Context, l Link, now time.Time) error
	// CreateAccount spends l and creates u. [ErrLinkUsed], [ErrTaken].
	CreateAccount(ctx context.Context, l Link, u User, now time.Time) error
}

// Contacts is the part of the second-step layer's store that accounts need.
type Contacts interface {
	Enrolments(ctx context.Context, who mfa.Subject) (mfa.Enrolments, error)
	AddContact(ctx context.Context, c mfa.Contact) error
	ConfirmContact(ctx context.Context, who mfa.Subject, id string, unique bool, now time.Time) error
}

// Rules are the rules for a new password of u. u may be one that does not exist
// yet, with nothing but a username.
func (a *Accounts) Rules(ctx context.Context, realm *Realm, u User) (PasswordRules, error) {
	var apps []string
	for _, c := range realm.Clients {
		apps = append(apps, c.Name)
	}
	slices.Sort(apps) // the same password is refused for the same reason each time
	second := false
	if a.SecondFactor != nil && u.ID != "" {
		var err error
		second, err = a.SecondFactor(ctx, realm, u)
		if err != nil {
			return PasswordRules{}, fmt.Errorf("identity: password rules: %w", err)
		}
	}
	return RulesFor(second, Words(realm.Tenant, u, apps...)...), nil
}

// Limits on what can be asked for without being signed in, for one address and
// for one network. They are on what was typed, whether it exists or not.
var (
	perRequestAddress    = ratelimit.Per(5, time.Hour)
	perRequestAddressDay = ratelimit.Per(10, 24*time.Hour)
	perRequestNetwork    = ratelimit.Per(20, time.Hour)
)

// request counts a request of owner and puts it into the outbox.
//
// Errors: [*ratelimit.WaitError].
func (a *Accounts) request(ctx context.Context, n Notice, owner string, ip netip.Addr) error {
	key := func(parts ...string) string {
		return "request/" + a.SignIn.LimitKey(n.TenantID, strings.Join(append([]string{n.Kind}, parts...), "\x00"))
	}
	err := a.SignIn.Limits.Spend(ctx, a.Now(),
		ratelimit.Charge{What: n.Kind, Key: key("address", owner), Limit: perRequestAddress},
		ratelimit.Charge{What: n.Kind, Key: key("address-day", owner), Limit: perRequestAddressDay},
		ratelimit.Charge{What: n.Kind, Key: key("network", Network(ip)), Limit: perRequestNetwork},
	)
	if err != nil {
		return err
	}
	n.At = a.Now()
	return a.Rows.QueueNotices(ctx, n)
}

// quiet is err, unless it says that somebody asked too often: that is for nobody
// to know who may be asking about another's address.
func quiet(err error) error {
	_, over := errors.AsType[*ratelimit.WaitError](err)
	if over {
		return nil
	}
	return err
}

// open finds the link of a token and the user it is for. It uses nothing.
func (a *Accounts) open(ctx context.Context, realm *Realm, purpose LinkPurpose, token mfa.Secret) (Link, *User, error) {
	hash := linkHash(token)
	if hash == nil {
		return Link{}, nil, ErrLinkUnknown
	}
	l, u, err := a.Rows.LinkByToken(ctx, realm.Tenant.ID, hash)
	if errors.Is(err, ErrNotFound) {
		return Link{}, nil, ErrLinkUnknown
	}
	if err != nil {
		return Link{}, nil, fmt.Errorf("identity: open link: %w", err)
	}
	return l, u, l.usable(purpose, u, a.Now())
}

// openMailed is open for a link of an account. One that went to an address which is
// no longer the account's is no link any more: the mailbox may have another owner.
func (a *Accounts) openMailed(ctx context.Context, realm *Realm, purpose LinkPurpose, token mfa.Secret) (Link, *User, mfa.Contact, error) {
	l, u, err := a.open(ctx, realm, purpose, token)
	if err != nil {
		return Link{}, nil, mfa.Contact{}, err
	}
	c, err := a.registered(ctx, u.Subject())
	if errors.Is(err, ErrNotFound) || err == nil && c.Value != l.Address {
		err = ErrLinkUnknown
	}
	if err != nil {
		return Link{}, nil, mfa.Contact{}, err
	}
	return l, u, c, nil
}

func (a *Accounts) observe(ctx context.Context, kind, result, tenantID, userID string, ip netip.Addr) {
	if a.Observe == nil {
		return
	}
	a.Observe(ctx, mfa.Event{
		Kind: kind, Subject: mfa.Subject{TenantID: tenantID, UserID: userID}, Result: result, IP: ip, At: a.Now(),
	})
}

// registered is the registered email address of a user, in whatever state.
func (a *Accounts) registered(ctx context.Context, who mfa.Subject) (mfa.Contact, error) {
	all, err := a.Contacts.Enrolments(ctx, who)
	if err != nil {
		return mfa.Contact{}, fmt.Errorf("identity: registered address: %w", err)
	}
	open := []mfa.ContactStatus{mfa.ContactUnverified, mfa.ContactPending, mfa.ContactConfirmed}
	i := slices.IndexFunc(all.Contacts, func(c mfa.Contact) bool {
		return c.Registered && c.Kind == mfa.ContactEmail && slices.Contains(open, c.Status)
	})
	if i < 0 {
		return mfa.Contact{}, ErrNotFound
	}
	return all.Contacts[i], nil
}
