// Package storetest gives other packages' tests a store that works: a real
// database with the schema, a key ring in memory, and one tenant with two apps
// and a user in it.
package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/migrations"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/store"
)

// Start is where the clock of a fixture begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The ids of what is in the database.
const (
	TenantID     = "tenant-acme"
	Slug         = "acme"
	Issuer       = "https://login.example/t/acme"
	Confidential = "app-web" // client_secret_basic
	Public       = "app-spa" // no secret
	AliceID      = "user-alice"
	AliceName    = "alice@example.com"
	KeyID        = "key-1" // an active ES256 key
)

// A Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move moves the clock on.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A Fixture is a database and what is in it. It goes with the test.
type Fixture struct {
	DB      *store.DB
	Store   *store.Store
	Catalog *store.Catalog // nobody polls it
	Ring    *seal.Ring
	Clock   *Clock
	Tenant  identity.Tenant // as it is stored, with its policy
	Alice   identity.User
}

// New opens the database at url, brings its schema up to date, and fills it: a
// tenant with the policy contractor-email-first and a signing key, an app with a
// secret, an app without, and alice, whose password hash is the text "hash".
func New(t testing.TB, url string) *Fixture {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = migrations.Up(t.Context(), db.SQL, string(db.Dialect))
	require.NoError(t, err)

	f := &Fixture{DB: db, Ring: seal.New(Start), Clock: &Clock{now: Start}}
	f.Store = &store.Store{DB: db, Seal: f.Ring, Now: f.Clock.Now}
	f.Catalog = store.NewCatalog(f.Store)
	f.AddTenant(t, TenantID, Slug, "contractor-email-first")
	f.Tenant, err = f.Store.Tenant(t.Context(), TenantID)
	require.NoError(t, err)
	f.Alice = f.AddUser(t, TenantID, AliceID, AliceName)
	return f
}

// AddTenant adds a tenant with a preset as policy, a signing key, and the two
// apps.
func (f *Fixture) AddTenant(t testing.TB, id, slug, preset string) {
	t.Helper()
	ctx := t.Context()
	rules, err := policy.Preset(preset)
	require.NoError(t, err)
	doc, err := json.Marshal(rules)
	require.NoError(t, err)
	require.NoError(t, f.Store.CreateTenant(ctx, identity.Tenant{
		ID: id, Slug: slug, Issuer: "https://login.example/t/" + slug, Name: slug, Preset: preset,
	}))
	_, err = f.Store.SavePolicy(ctx, id, doc, "test", "first", nil, false)
	require.NoError(t, err)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	require.NoError(t, f.Store.AddKey(ctx, keys.Key{
		TenantID: id, ID: KeyID, Alg: "ES256", State: keys.Active, Private: private, CreatedAt: Start, ChangedAt: Start,
	}))
	for _, c := range []identity.Client{
		{ID: Confidential, Name: "Web", AuthMethods: []string{identity.AuthBasic}},
		{ID: Public, Name: "SPA", AuthMethods: []string{identity.AuthNone}},
	} {
		c.TenantID = id
		c.RedirectURIs = []string{"https://app.example/callback"}
		c.GrantTypes = []string{"authorization_code", "refresh_token"}
		c.Scopes = []string{"openid", "profile", "email", "offline_access"}
		c.IDTokenAlg, c.ACRMode = "ES256", identity.ACRRequired
		_, err = f.Store.PutClient(ctx, c)
		require.NoError(t, err)
	}
}

// AddUser adds an active user and returns the record as it is stored.
func (f *Fixture) AddUser(t testing.TB, tenantID, id, username string) identity.User {
	t.Helper()
	_, err := f.Store.PutUser(t.Context(), identity.User{
		ID: id, TenantID: tenantID, Username: username, PasswordHash: "hash", Status: identity.UserActive,
		Profile: identity.Profile{Email: username, EmailVerified: true},
	})
	require.NoError(t, err)
	u, err := f.Store.UserByName(t.Context(), tenantID, username)
	require.NoError(t, err)
	return u
}
