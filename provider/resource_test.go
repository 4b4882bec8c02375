package provider

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

// TestResourceIndicators: RFC 8707 at the token endpoint.
func TestResourceIndicators(t *testing.T) {
	s := newTokenServer(t)
	both := func(g *model.Grant) { g.Audience = []string{"https://api.example", "https://pay.example"} }
	with := func(form url.Values, resources ...string) url.Values {
		form[paramResource] = resources
		return form
	}
	aud := func(a answer) any {
		require.Equal(t, http.StatusOK, a.Status, a.Description)
		return claimsIn(t, a.AccessToken)["aud"]
	}

	t.Run("a code gives a token for part of what was granted, and the grant keeps all", func(t *testing.T) {
		code, _ := s.grant(appShop, both)
		a := s.post(with(s.codeForm(appShop, code), "https://api.example"), asShop)
		require.Equal(t, "https://api.example", aud(a))
		b := s.post(with(refreshForm(a.RefreshToken), "https://pay.example"), asShop)
		require.Equal(t, "https://pay.example", aud(b))
		c := s.post(refreshForm(b.RefreshToken), asShop)
		require.Equal(t, []any{"https://api.example", "https://pay.example"}, aud(c))
	})
	t.Run("a resource that is named twice is there once", func(t *testing.T) {
		form := with(ccForm(), "https://api.example", "https://api.example")
		require.Equal(t, "https://api.example", aud(s.post(form, asRobot)))
	})
	t.Run("the issuer is a resource like another", func(t *testing.T) {
		form := with(ccForm(), "https://api.example", issuerOf(tenantA))
		require.Equal(t, []any{"https://api.example", issuerOf(tenantA)}, aud(s.post(form, asRobot)))
	})
	t.Run("without any, the token is for the issuer", func(t *testing.T) {
		require.Equal(t, issuerOf(tenantA), aud(s.post(with(ccForm(), ""), asRobot)))
	})

	for name, resource := range map[string]string{
		"another app's":                    "https://pay.example",
		"one below its own":                "https://api.example/v1",
		"its own with a slash":             "https://api.example/",
		"its own with a query":             "https://api.example?x=1",
		"its own with a fragment":          "https://api.example#x",
		"its own in capitals":              "HTTPS://API.EXAMPLE",
		"a relative one":                   "api.example",
		"an empty one beside a good one":   "",
		"what no URI is":                   "https://a b",
		"another tenant's issuer":          issuerOf(tenantB),
		"its own with a blank behind":      "https://api.example ",
		"its own with an address in front": "https://user@api.example",
	} {
		t.Run(name+" is invalid_target", func(t *testing.T) {
			a := s.post(with(ccForm(), "https://api.example", resource), asRobot)
			require.Equal(t, "invalid_target", a.Error)
			require.Equal(t, http.StatusBadRequest, a.Status)
			if resource != "" {
				require.Equal(t, "invalid_target", s.post(with(ccForm(), resource), asRobot).Error)
			}
		})
	}
	t.Run("a refresh cannot reach further than the grant", func(t *testing.T) {
		a := s.exchange(func(g *model.Grant) { g.Audience = []string{"https://api.example"} })
		require.Equal(t, "invalid_target", s.post(with(refreshForm(a.RefreshToken), "https://pay.example"), asShop).Error)
		require.Equal(t, "invalid_target", s.post(with(refreshForm(a.RefreshToken), issuerOf(tenantA)), asShop).Error)
		require.Equal(t, http.StatusOK, s.post(refreshForm(a.RefreshToken), asShop).Status, "the token was not used up")
	})
}

func trapIntrospection(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(nil)
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+a.AccessToken) }
	require.Equal(t, http.StatusUnauthorized, s.call("introspect", tokenForm(a.AccessToken), bearer).Code)
	require.Equal(t, inactive, s.asked(a.AccessToken, asPost))
	told := s.asked(a.AccessToken, asShop)
	for _, member := range []string{"iss", "jti", "token_type", "acr", "aud", "client_id"} {
		require.Contains(t, told, member)
	}
	require.EqualValues(t, s.clock().Add(refreshIdle).Unix(), s.asked(a.RefreshToken, asShop)["exp"], "its own, not that of an access token")
}

func trapRevocation(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(nil)
	require.Equal(t, http.StatusOK, s.call("revoke", tokenForm(a.RefreshToken), asPost).Code)
	require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
	s.provider.Grants = &brokenGrants{Store: s.store}
	require.Equal(t, http.StatusServiceUnavailable, s.call("revoke", tokenForm(a.RefreshToken), asShop).Code)
}

// trapFetch: the app's address leads to this machine.
func trapFetch(t *testing.T) {
	s, p := newTokenServer(t), newPublisher(t)
	s.provider.ClientKeys = &ClientKeys{HTTP: GuardedClient(false), Now: s.clock}
	s.signer(func(c *identity.Client) { c.JWKS, c.JWKSURI = nil, p.URL })
	require.False(t, s.signsWith("ec"))
	require.Zero(t, p.asked.Load())
}

// trapAssertion: what is refused is not used up, and one app's does not use up
// another's; see also TestClientAssertion.
func trapAssertion(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	good := s.assertion("ec", "ES256", nil)
	require.Equal(t, "invalid_request", s.post(signed(ccForm(), good), as(appShop, shopSecret)).Error)
	require.Equal(t, "invalid_client", s.post(signed(url.Values{"client_id": {appOther}, "grant_type": {grantCredentials}}, good)).Error)
	require.Equal(t, http.StatusOK, s.post(signed(ccForm(), good)).Status)
	require.Equal(t, "invalid_client", s.post(signed(ccForm(), good)).Error)
}
