package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/gormstore"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

const (
	newPassword = "seven grey herons at dawn"
	dora        = "dora@example.com" // disabled
	uma         = "uma@example.com"  // never confirmed her address
	nora        = "nora@example.com" // nobody
)

// rowSealer is a key ring as package gormstore wants it.
type rowSealer struct{ ring *seal.Ring }

func (s rowSealer) Seal(table, column, tenant, user, row string, plain []byte) (string, error) {
	return s.ring.Seal(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, plain)
}

func (s rowSealer) Open(table, column, tenant, user, row, sealed string) ([]byte, error) {
	return s.ring.Open(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, sealed)
}

func (s rowSealer) BlindIndex(tenant, kind, value string) string {
	return base64.RawURLEncoding.EncodeToString(s.ring.Index(tenant, kind, value))
}

// desk is the life of accounts over a real database. Whoever has an account has
// the password "open sesame".
type desk struct {
	*identity.Accounts
	*storetest.Fixture
	contacts *gormstore.Store
	realm    *identity.Realm
	mu       sync.Mutex
	events   []string
}

func newDesk(t *testing.T, url string) *desk {
	t.Helper()
	f := storetest.New(t, url)
	h := hasher(t)
	phc, err := h.Hash(t.Context(), password)
	require.NoError(t, err)
	d := &desk{Fixture: f, contacts: gormstore.New(f.DB.Gorm, rowSealer{f.Ring}, store.Fail)}
	for name, status := range map[string]identity.UserStatus{
		storetest.AliceName: identity.UserActive, dora: identity.UserDisabled, uma: identity.UserActive,
	} {
		u := identity.User{
			ID: "user-" + name[:strings.Index(name, "@")], TenantID: storetest.TenantID, Username: name, PasswordHash: phc, Status: status,
			Profile: identity.Profile{Email: name, EmailVerified: name != uma},
		}
		_, err := f.Store.PutUser(t.Context(), u)
		require.NoError(t, err)
		c := mfa.Contact{
			ID: identity.ContactID(u.Subject(), mfa.ContactEmail, name), Subject: u.Subject(), Kind: mfa.ContactEmail, Value: mfa.Secret(name),
			Masked: mfa.MaskEmail(name), Status: mfa.ContactConfirmed, Source: mfa.SourceAdmin, Registered: true,
			ConfirmedAt: storetest.Start, CreatedAt: storetest.Start,
		}
		if name == uma {
			c.Status, c.ConfirmedAt = mfa.ContactUnverified, time.Time{}
		}
		require.NoError(t, d.contacts.AddContact(t.Context(), c))
	}
	realm, err := f.Catalog.BySlug(t.Context(), storetest.Slug)
	require.NoError(t, err)
	open := *realm
	open.Tenant.SignUp = true
	d.realm = &open
	d.Accounts = &identity.Accounts{
		SignIn: &identity.SignIn{
			Users: f.Store, Hashes: h, Limits: store.Buckets{DB: f.DB.Gorm}, Now: f.Clock.Now,
			LimitKey: func(tenantID, value string) string {
				return base64.RawURLEncoding.EncodeToString(f.Ring.Index(tenantID, "limit", value))
			},
		},
		Rows: f.Store, Contacts: d.contacts, Now: f.Clock.Now,
		Observe: func(_ context.Context, e mfa.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.events = append(d.events, e.Kind+" "+e.Result+" "+e.Subject.UserID)
		},
	}
	return d
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url string) { test(t, newDesk(t, url)) })
}

// letters hands over what waits in the outbox, and returns the letters to write
// and the kinds of the notices beside them.
func (d *desk) letters(t *testing.T) (letters []identity.Letter, notices []string) {
	t.Helper()
	list, err := d.Store.DueNotices(t.Context(), 100, d.Clock.Now().Add(time.Minute))
	require.NoError(t, err)
	for _, n := range list {
		require.NoError(t, d.Store.EndNotice(t.Context(), n, true))
		if !n.IsRequest() {
			notices = append(notices, n.Kind+" to "+n.UserID)
			continue
		}
		l, err := d.Letter(t.Context(), d.realm, n)
		if !errors.Is(err, identity.ErrNoLetter) {
			require.NoError(t, err)
			letters = append(letters, l)
		}
	}
	return letters, notices
}

// reset asks for a link as alice and returns its token.
func (d *desk) reset(t *testing.T) mfa.Secret {
	t.Helper()
	require.NoError(t, d.RequestReset(t.Context(), d.realm, storetest.AliceName, "fr", home))
	letters, _ := d.letters(t)
	require.Len(t, letters, 1)
	return letters[0].Token
}

func (d *desk) user(t *testing.T, name string) identity.User {
	t.Helper()
	u, err := d.Store.UserByName(t.Context(), storetest.TenantID, name)
	require.NoError(t, err)
	return u
}

// login gives alice a session.
func (d *desk) login(t *testing.T, id string) identity.Session {
	t.Helper()
	u := d.user(t, storetest.AliceName)
	s := identity.Session{
		ID: id, TenantID: u.TenantID, UserID: u.ID, TokenHash: []byte(id), PasswordEpoch: u.PasswordEpoch, MFAEpoch: u.MFAEpoch,
		CreatedAt: d.Clock.Now(), LastSeen: d.Clock.Now(), ExpiresAt: d.Clock.Now().Add(24 * time.Hour), IdleFor: 2 * time.Hour,
	}
	require.NoError(t, d.Store.Complete(t.Context(), model.Completion{TenantID: u.TenantID, Now: d.Clock.Now(), NewSession: &s}))
	return s
}

func (d *desk) sessions(t *testing.T) (ids []string) {
	t.Helper()
	list, err := d.Store.SessionList(t.Context(), storetest.TenantID, storetest.AliceID, "", d.Clock.Now())
	require.NoError(t, err)
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}

func (d *desk) signIn(t *testing.T, name, typed string) error {
	t.Helper()
	_, err := d.SignIn.Verify(t.Context(), storetest.TenantID, name, typed, home)
	return err
}

func TestAChangeOfPassword(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		mine, other := d.login(t, "mine"), d.login(t, "other")
		before := d.user(t, storetest.AliceName)
		change := func(old, next mfa.Secret) error {
			_, err := d.ChangePassword(t.Context(), d.realm, identity.PasswordChange{
				UserID: storetest.AliceID, Old: old, New: next, IP: home, Device: "Firefox on Windows",
				Keep: &identity.KeptSession{ID: mine.ID, TokenHash: []byte("rotated")},
			})
			return err
		}
		require.ErrorIs(t, change("wrong", newPassword), identity.ErrCredentials)
		require.Equal(t, identity.PasswordTooShort, reason(change(password, "xk3vq9zl")))
		require.Equal(t, identity.PasswordContext, reason(change(password, "alice@example.com")))
		require.Equal(t, before, d.user(t, storetest.AliceName))
		require.ElementsMatch(t, []string{"mine", "other"}, d.sessions(t))

		require.NoError(t, change(password, newPassword))

		require.Equal(t, []string{"mine"}, d.sessions(t), other.ID+" has ended")
		kept, err := d.Store.SessionByID(t.Context(), storetest.TenantID, "mine")
		require.NoError(t, err)
		require.Equal(t, []byte("rotated"), kept.TokenHash)
		require.Equal(t, before.PasswordEpoch+1, kept.PasswordEpoch)
		require.Equal(t, identity.PasswordSameAsOld, reason(change(newPassword, newPassword)))
		require.ErrorIs(t, change(password, newPassword), identity.ErrCredentials)
		_, notices := d.letters(t)
		require.Equal(t, []string{"password_changed to user-alice"}, notices)
	})
}

func TestASecondFactorAllowsAShorterPassword(t *testing.T) {
	d := newDesk(t, testdb.SQLite(t))
	d.SecondFactor = func(_ context.Context, realm *identity.Realm, u identity.User) (bool, error) {
		return realm == d.realm && u.ID == storetest.AliceID, nil
	}

	_, err := d.ChangePassword(t.Context(), d.realm, identity.PasswordChange{UserID: storetest.AliceID, Old: password, New: "xk3vq9zl", IP: home})

	require.NoError(t, err)
	rules, err := d.Rules(t.Context(), d.realm, identity.User{Username: nora})
	require.NoError(t, err)
	require.Equal(t, identity.MinPasswordAlone, rules.MinLength, "an account that is about to be made has none")
}

func TestTheOldPasswordIsGuessedNoMoreOftenThanAtSignIn(t *testing.T) {
	d := newDesk(t, testdb.SQLite(t))
	for range 10 {
		require.ErrorIs(t, d.signIn(t, storetest.AliceName, "x"), identity.ErrCredentials)
	}

	_, err := d.ChangePassword(t.Context(), d.realm, identity.PasswordChange{UserID: storetest.AliceID, Old: password, New: newPassword, IP: home})

	require.True(t, limited(err))
}

func TestOneOfSixteenChangesAtOnceSucceeds(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		var mu sync.Mutex
		var all sync.WaitGroup
		won := 0
		for i := range 16 {
			all.Go(func() {
				_, err := d.ChangePassword(t.Context(), d.realm, identity.PasswordChange{
					UserID: storetest.AliceID, Old: password, New: mfa.Secret(fmt.Sprintf("%s %d", newPassword, i)),
					IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
				})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !errors.Is(err, identity.ErrCredentials) {
					t.Error(err)
				}
			})
		}
		all.Wait()

		require.Equal(t, 1, won)
	})
}

func TestTheZoneOfAUser(t *testing.T) {
	tenant := identity.Tenant{TimeZone: "America/Mexico_City"}
	for zone, want := range map[string]string{
		"": "America/Mexico_City", "Europe/Paris": "Europe/Paris", "Nowhere/Land": "America/Mexico_City", "Local": "America/Mexico_City",
		"../../etc/passwd": "America/Mexico_City",
	} {
		require.Equal(t, want, identity.User{Profile: identity.Profile{Zoneinfo: zone}}.Zone(tenant).String(), zone)
	}
	require.Equal(t, "de", identity.User{Profile: identity.Profile{Locale: "de"}}.Lang())
}
