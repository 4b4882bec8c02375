package demo_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/demo"
)

func TestTheContractForPrograms(t *testing.T) {
	r := run(t, func(o *demo.Options) { o.Data = t.TempDir() })

	t.Run("what is set up", func(t *testing.T) { requireCast(t, r) })
	t.Run("every field is there, and no list is null", func(t *testing.T) {
		text := r.get(t, "/_demo")
		require.NotContains(t, text, "null")
		for _, name := range []string{"not_yet", "pin", "note", "phone_source", "factors", "auth_method"} {
			require.Contains(t, text, `"`+name+`":`)
		}
	})
	t.Run("every app of every tenant authenticates", func(t *testing.T) { requireSecrets(t, r) })
	t.Run("mailbox", func(t *testing.T) { requireMailbox(t, r) })
	t.Run("clock", func(t *testing.T) { requireClock(t, r) })
	t.Run("pages", func(t *testing.T) {
		start := r.get(t, "/")
		for _, tenant := range r.describe(t).Tenants {
			for _, u := range tenant.Users {
				require.Contains(t, start, u.Name)
				require.Contains(t, start, u.Password)
				require.Contains(t, start, u.PIN)
				require.Equal(t, account(t, r, tenant.Slug, u.Name).ID, u.Sub)
				require.Contains(t, start, "(sub "+u.Sub+")")
			}
		}
		require.Equal(t, "394716", r.describe(t).tenant(t, "broker").Users[0].PIN)
		require.Contains(t, r.get(t, "/_mailbox?to=a@b.example"), "a@b.example")
		require.Contains(t, r.get(t, "/readyz"), "true")
	})
	t.Run("the greeting says where everything is", func(t *testing.T) {
		for _, address := range []string{r.URL + "/ ", r.ShopURL + "/ ", r.URL + "/_mailbox"} {
			require.Contains(t, r.out.String(), address)
		}
		require.Regexp(t, `^http://localhost:\d+$`, r.URL)
		require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, r.ShopURL)
	})
}

func requireCast(t *testing.T, r *running) {
	all := r.describe(t)
	presets := map[string]string{
		"contractor": "contractor-email-first", "broker": "broker-security-identities", "marketplace": "marketplace-phone-verification",
		"contract": "contract-exclusive-method", "account": "account-admin-sms-default", "conformance": "conformance-password-only",
	}
	require.Len(t, all.Tenants, len(presets))
	for slug, preset := range presets {
		tenant := all.tenant(t, slug)
		require.Equal(t, r.URL+"/t/"+slug, tenant.Issuer)
		require.Equal(t, preset, tenant.Preset)
		require.Len(t, tenant.Users, 4)
		alice, bob, carol, admin := tenant.Users[0], tenant.Users[1], tenant.Users[2], tenant.Users[3]
		require.Equal(t, []string{"alice@example.test", "bob@example.test", "carol@example.test", "admin@example.test"},
			[]string{alice.Name, bob.Name, carol.Name, admin.Name})
		require.Equal(t, "confirmed", alice.PhoneStatus)
		require.Equal(t, "unverified", bob.PhoneStatus)
		require.Equal(t, map[bool]string{true: "admin", false: "legacy"}[slug == "account"], bob.PhoneSource)
		require.Empty(t, carol.Phone)
		require.NotEmpty(t, alice.Password)
		cli := tenant.Clients[1]
		require.Equal(t, "demo-cli", cli.ID)
		require.Equal(t, []string{"http://127.0.0.1:9999/callback"}, cli.RedirectURIs)
		require.Equal(t, "demo-shop", tenant.Clients[0].ID)
		require.Equal(t, []string{r.ShopURL + "/callback"}, tenant.Clients[0].RedirectURIs)
		row, err := r.Server.Store.TenantBySlug(t.Context(), slug)
		require.NoError(t, err)
		stored, err := r.Server.Store.Client(t.Context(), row.ID, "demo-cli")
		require.NoError(t, err)
		mode, alg := identity.ACRRequired, "ES256"
		if slug == "conformance" {
			mode, alg = identity.ACRVoluntary, "RS256"
			require.Contains(t, stored.AuthMethods, identity.AuthPost)
			require.True(t, stored.PKCEOptional)
		}
		require.Equal(t, mode, stored.ACRMode)
		require.Equal(t, alg, stored.IDTokenAlg)
		require.Subset(t, stored.GrantTypes, []string{"client_credentials", "refresh_token"})
	}
	contractor := all.tenant(t, "contractor")
	require.True(t, contractor.Users[0].MFAEnabled)
	require.False(t, contractor.Users[2].MFAEnabled)
	require.Equal(t, []string{}, contractor.NotYet, "every method of the preset works")
	require.Equal(t, []string{}, all.tenant(t, "conformance").NotYet)
}

func requireSecrets(t *testing.T, r *running) {
	for _, tenant := range r.describe(t).Tenants {
		for _, c := range tenant.Clients {
			form := url.Values{"grant_type": {"client_credentials"}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tenant.Issuer+"/token", strings.NewReader(form.Encode()))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.SetBasicAuth(c.ID, c.Secret)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode, "%s %s", tenant.Slug, c.ID)
			require.Equal(t, identity.AuthBasic, c.AuthMethod)
		}
	}
}
