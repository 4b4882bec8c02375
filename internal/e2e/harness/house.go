// Package harness starts the whole product for tests: a demo on free ports of
// this machine, on a real database, with a clock that can be moved and a mailbox
// that can be read. Tests then use it as browsers and apps do, over HTTP.
package harness

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// House is a running demo.
type House struct {
	Name string // sqlite or postgres
	*demo.Demo
}

// Both starts a demo on SQLite and one on PostgreSQL; they end with t.
func Both(t *testing.T) []*House {
	t.Helper()
	return []*House{
		Start(t, "sqlite", testdb.SQLite(t)),
		Start(t, "postgres", testdb.Postgres(t)),
	}
}

// Start starts a demo on the database at address; it ends with t.
func Start(t *testing.T, name, address string) *House {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan *demo.Demo, 1), make(chan error, 1)
	options := demo.Options{
		Listen: "localhost:0", ShopListen: "127.0.0.1:0", Data: t.TempDir(), Database: address, TestClock: true, Out: io.Discard,
		Ready: func(d *demo.Demo) { ready <- d },
	}
	go func() { ended <- demo.Run(ctx, options) }()
	select {
	case d := <-ready:
		t.Cleanup(func() {
			stop()
			require.NoError(t, <-ended)
		})
		return &House{Name: name, Demo: d}
	case err := <-ended:
		stop()
		require.NoError(t, err)
	case <-time.After(2 * time.Minute):
		stop()
		require.Fail(t, "the demo did not start in two minutes")
	}
	return nil
}

// On runs test once for each house, as a subtest named by its database.
func On(t *testing.T, houses []*House, test func(t *testing.T, h *House)) {
	t.Helper()
	for _, h := range houses {
		t.Run(h.Name, func(t *testing.T) { test(t, h) })
	}
}

// Password is the password of every user that [House.Tenant] makes.
const Password = "the-first-gate-opens-here"

// passwordHash is a hash of Password, made once: it is slow on purpose.
var passwordHash = sync.OnceValues(func() (string, error) {
	hashes, err := identity.NewHasher(identity.DefaultCost)
	if err != nil {
		return "", err
	}
	return hashes.Hash(context.Background(), Password)
})

// settled is how long ago the users that a test is given have confirmed what they
// have: a policy does not let an action rest on what is newer than its hold.
const settled = 30 * 24 * time.Hour

// Callback is the redirect URI of every client that House.Tenant makes. Nothing
// listens there: the tests end where a browser would be sent to it.
const Callback = "http://127.0.0.1:9999/callback"

// Place is a tenant that a test made for itself.
type Place struct {
	House  *House
	Slug   string
	Issuer string
	Client string // a third-party client with secret, "app"
	Secret string
	Own    string // a first-party client with the same secret, "own"
}

// Tenant makes a tenant from preset, masked to what the engine enforces, with
// patch (a JSON merge patch, "" for none) over its policy. Its clients are "app"
// and "own"; users are made from the list, with Password where they have none.
func (h *House) Tenant(t *testing.T, preset, patch string, users ...setup.User) *Place {
	t.Helper()
	p, err := policy.Preset(preset)
	require.NoError(t, err)
	masked, _ := policy.Mask(p, policy.Enforced())
	document, err := json.Marshal(masked)
	require.NoError(t, err)
	slug := "t" + strings.ToLower(rand.Text()[:12])
	place := &Place{House: h, Slug: slug, Issuer: h.URL + "/t/" + slug, Client: "app", Own: "own", Secret: rand.Text() + rand.Text()}
	hash, err := passwordHash()
	require.NoError(t, err)
	for i := range users {
		if users[i].Password == "" {
			users[i].PasswordHash = hash
		}
	}
	tenant := setup.Tenant{
		Slug: slug, Name: "Test " + slug, Preset: preset, Policy: document, Users: users,
		Clients: []setup.Client{client(t, "app", place.Secret, false), client(t, "own", place.Secret, true)},
	}
	h.Apply(t, tenant)
	if patch != "" {
		h.Apply(t, setup.Tenant{Slug: slug, Policy: json.RawMessage(patch)})
	}
	return place
}

func client(t *testing.T, id, secret string, firstParty bool) setup.Client {
	t.Helper()
	members, err := json.Marshal(map[string]any{
		"client_name": strings.ToUpper(id[:1]) + id[1:], "redirect_uris": []string{Callback}, "first_party": firstParty,
		"grant_types":  []string{"authorization_code", "refresh_token", "client_credentials"},
		"scopes":       []string{"openid", "profile", "email", "phone", "address", "offline_access"},
		"auth_methods": []string{"client_secret_basic", "client_secret_post"},
	})
	require.NoError(t, err)
	return setup.Client{ID: id, Secret: secret, Members: members}
}

// Apply writes tenants as `sallyport apply` does.
func (h *House) Apply(t *testing.T, tenants ...setup.Tenant) {
	t.Helper()
	require.NoError(t, h.TryApply(t.Context(), tenants...))
}

// TryApply is Apply for files that may be refused.
func (h *House) TryApply(ctx context.Context, tenants ...setup.Tenant) error {
	public, err := url.Parse(h.URL)
	if err != nil {
		return err
	}
	hashes, err := identity.NewHasher(identity.DefaultCost)
	if err != nil {
		return err
	}
	s := &setup.Setup{
		Rows: h.Server.Store, Factors: h.Server.Factors, Ring: h.Ring(), Peppers: server.Peppers(h.Ring()), Hashes: hashes,
		PublicURL: public, Now: h.Clock.Now, Author: "test", Age: settled,
	}
	_, err = s.Apply(ctx, setup.File{Tenants: tenants})
	if err != nil {
		return err
	}
	// The server looks for changes once a second; a test goes on at once.
	return h.Server.Realms.Refresh(ctx)
}

// Alice is a user with email and a confirmed phone, both of them factors, and
// the second step switched on.
func Alice() setup.User {
	on := true
	return setup.User{
		Username: "alice@example.test", Phone: "+4915735991000", PhoneStatus: "confirmed", PhoneSource: "self",
		MFAEnabled: &on, Factors: []string{"email", "sms"},
	}
}

// Named is u under another name and number, for tests that need several users.
func Named(u setup.User, username, phone string) setup.User {
	u.Username, u.Phone = username, phone
	if phone == "" {
		u.PhoneStatus, u.PhoneSource, u.Factors = "", "", []string{"email"}
	}
	return u
}

// Letter is the newest message to an address in this tenant; it fails the test
// when there is none.
func (p *Place) Letter(t *testing.T, to string) demo.Letter {
	t.Helper()
	letters := p.Letters(to)
	require.NotEmpty(t, letters, "no message to %s", to)
	return letters[0]
}

// Code is the newest code that was sent to an address in this tenant; notices
// may have been sent since. It fails the test when there is none.
func (p *Place) Code(t *testing.T, to string) string {
	t.Helper()
	for _, l := range p.Letters(to) {
		if l.Code != "" {
			return l.Code
		}
	}
	require.Fail(t, "no code was sent", "to %s", to)
	return ""
}

// Letters are the messages to an address in this tenant, newest first.
func (p *Place) Letters(to string) []demo.Letter {
	return p.House.Mailbox.Letters(demo.Filter{To: to, Tenant: p.Slug})
}
