package demo_test

import (
	"io"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
)

// TestWithDataEverythingIsKept stops a demo and starts another one on its data,
// at other ports.
func TestWithDataEverythingIsKept(t *testing.T) {
	data := t.TempDir()
	first := run(t, func(o *demo.Options) { o.Data = data })
	before := first.describe(t)
	apply(t, first, `{tenants: [{slug: conformance, clients: [{client_id: demo-cli, redirect_uris: ["https://tool.example/cb"]}]},
		{slug: broker, policy: {codes: {default: {attempts: 3}}}}, {slug: contract, privacy_url: "https://contract.example/privacy"}, {slug: mine, name: Mine, preset: conformance-password-only}]}`)
	alice := account(t, first, "account", "alice@example.test")
	e, err := first.Server.Factors.Enrolments(t.Context(), alice.Subject())
	require.NoError(t, err)
	require.NoError(t, first.Server.Factors.DisableFactor(t.Context(), alice.Subject(), e.Factors[0].ID, time.Now()))
	bob := account(t, first, "account", "bob@example.test")
	e, err = first.Server.Factors.Enrolments(t.Context(), bob.Subject())
	require.NoError(t, err)
	var phone mfa.Contact
	for _, c := range e.Contacts {
		if c.Kind == mfa.ContactPhone {
			phone = c
		}
	}
	require.NoError(t, first.Server.Factors.ConfirmContact(t.Context(), bob.Subject(), phone.ID, false, first.Clock.Now()))
	require.NoError(t, first.stop())

	second := run(t, func(o *demo.Options) { o.Data = data })

	after := second.describe(t)
	for i := range before.Tenants {
		was, is := before.Tenants[i], after.Tenants[i]
		require.Equal(t, second.URL+"/t/"+was.Slug, is.Issuer)
		require.Equal(t, was.Clients[0].Secret, is.Clients[0].Secret)
		require.Equal(t, was.Users, is.Users)
	}
	requireSecrets(t, second)
	require.NotEqual(t, first.URL, second.URL)
	require.Equal(t, second.URL+"/_demo/account/help", storedTenant(t, second, "account").HelpURL)
	require.Equal(t, "https://contract.example/privacy", storedTenant(t, second, "contract").Privacy, "an address of one's own stays")
	require.Contains(t, second.get(t, "/t/account/.well-known/openid-configuration"), `"issuer":"`+second.URL+`/t/account"`)
	require.Equal(t, alice, account(t, second, "account", "alice@example.test"), "the same hash, so that sessions go on")
	e, err = second.Server.Factors.Enrolments(t.Context(), alice.Subject())
	require.NoError(t, err)
	require.Empty(t, e.Factors, "a factor that was disabled stays so")
	e, err = second.Server.Factors.Enrolments(t.Context(), bob.Subject())
	require.NoError(t, err)
	require.Contains(t, statuses(e), mfa.ContactConfirmed)
	require.NotContains(t, statuses(e), mfa.ContactUnverified)
	realm, err := second.Server.Realms.BySlug(t.Context(), "broker")
	require.NoError(t, err)
	require.Equal(t, 3, realm.Policy.Codes.Default.Attempts)
	require.Contains(t, realm.Client("demo-shop").RedirectURIs, second.ShopURL+"/callback")
	realm, err = second.Server.Realms.BySlug(t.Context(), "conformance")
	require.NoError(t, err)
	require.Equal(t, []string{"https://tool.example/cb"}, realm.Client("demo-cli").RedirectURIs)
	_, err = second.Server.Realms.BySlug(t.Context(), "mine")
	require.NoError(t, err)
	info, err := os.Stat(data + "/keys.yaml")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func storedTenant(t *testing.T, r *running, slug string) identity.Tenant {
	t.Helper()
	tenant, err := r.Server.Store.TenantBySlug(t.Context(), slug)
	require.NoError(t, err)
	return tenant
}

func statuses(e mfa.Enrolments) (all []mfa.ContactStatus) {
	for _, c := range e.Contacts {
		all = append(all, c.Status)
	}
	return all
}

func apply(t *testing.T, r *running, text string) {
	t.Helper()
	hashes, err := identity.NewHasher(identity.Cost{Memory: 8, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	public, err := url.Parse(r.URL)
	require.NoError(t, err)
	f, err := setup.Parse([]byte(text))
	require.NoError(t, err)
	s := &setup.Setup{
		Rows: r.Server.Store, Factors: r.Server.Factors, Ring: r.Ring(), Peppers: server.Peppers(r.Ring()), Hashes: hashes, PublicURL: public, Now: r.Clock.Now, Author: "test",
	}
	_, err = s.Apply(t.Context(), f)
	require.NoError(t, err)
}

// TestAnInterruptedStartIsFinished takes away what is written last, as a kill
// during the first start does.
func TestAnInterruptedStartIsFinished(t *testing.T) {
	data := t.TempDir()
	first := run(t, func(o *demo.Options) { o.Data = data })
	tenant, err := first.Server.Store.TenantBySlug(t.Context(), "account")
	require.NoError(t, err)
	admin := account(t, first, "account", "admin@example.test")
	_, err = first.Server.Store.DB.SQL.ExecContext(t.Context(), "delete from users where tenant_id = $1 and id = $2", tenant.ID, admin.ID)
	require.NoError(t, err)
	require.NoError(t, first.stop())

	second := run(t, func(o *demo.Options) { o.Data = data })

	require.True(t, account(t, second, "account", "admin@example.test").Admin)
}

func TestADemoOnPostgreSQLKeepsItsKeysInData(t *testing.T) {
	address, data := testdb.Postgres(t), t.TempDir()
	first := run(t, func(o *demo.Options) { o.Database, o.Data = address, data })
	secret := first.describe(t).Tenants[0].Clients[0].Secret
	require.NoError(t, first.stop())

	err := demo.Run(t.Context(), demo.Options{Listen: "localhost:0", ShopListen: "127.0.0.1:0", Database: address, Data: t.TempDir(), Out: io.Discard})
	require.ErrorContains(t, err, "the key ring file is missing")

	second := run(t, func(o *demo.Options) { o.Database, o.Data = address, data })
	require.Equal(t, secret, second.describe(t).Tenants[0].Clients[0].Secret)
}
