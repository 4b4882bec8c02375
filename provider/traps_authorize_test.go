package provider

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// TestTrapsAuthorize holds the authorization endpoint clear of the traps of
// fosite, under the numbers of protocol.md 1.7.
func TestTrapsAuthorize(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)

	t.Run("T5 a missing or short state is no error and never answered", func(t *testing.T) {
		_, got := told(t, b.authorize(shopForm("state=")))
		require.NotEmpty(t, got.Get("code"))
		require.NotContains(t, got, "state")
		_, got = told(t, b.authorize(shopForm("state=x")))
		require.NotEmpty(t, got.Get("code"))
		require.Equal(t, []string{"x"}, got["state"])
		_, got = told(t, b.authorize(shopForm("state="+sentinelState)))
		require.Equal(t, []string{sentinelState}, got["state"], "what the app sends is its own")
	})
	t.Run("T5 T7 T9 T25 fosite sees a form of our own", func(t *testing.T) {
		v, err := s.provider.read(t.Context(), s.realm(), shopForm("prompt=login", "max_age=5", "acr_values=phr", "audience=x"), s.clock(), nil)
		require.NoError(t, err)
		ar, err := v.framework(t.Context(), s.provider.newFosite(v.realm, v.keys, s.provider.codeWork(v)))
		require.NoError(t, err)
		require.Empty(t, ar.GetState(), "the stand-in for state is gone")
		require.True(t, v.req.RequestedAt.Equal(ar.GetRequestedAt()))
		require.Equal(t, []string{shopReturn}, ar.GetClient().GetRedirectURIs(), "the one that was matched")
		for _, name := range []string{"prompt", "max_age", "id_token_hint", "acr_values", "audience", "claims"} {
			require.NotContains(t, ar.GetRequestForm(), name)
		}
	})
	t.Run("T6 a parameter that comes twice is refused", func(t *testing.T) {
		for _, name := range known {
			if name == "resource" || name == "client_id" || name == "redirect_uri" {
				continue
			}
			_, got := told(t, b.authorize(shopForm(name+"=a", name+"=b")))
			require.Equal(t, "invalid_request", got.Get("error"), name)
		}
	})
	t.Run("T7 max_age 0 asks for a login and is not no limit", func(t *testing.T) {
		id := interactionID(t, b.authorize(shopForm("max_age=0")))
		require.Equal(t, consent.StepLogin, b.open(id).Step)
		for _, bad := range []string{"-1", "x", "1e3", " 1"} {
			_, got := told(t, b.authorize(shopForm("max_age="+bad)))
			require.Equal(t, "invalid_request", got.Get("error"), bad)
		}
	})
	t.Run("T7 max_age is judged by our clock, to the second", func(t *testing.T) {
		_, got := told(t, b.authorize(shopForm("max_age=60", "prompt=none")))
		require.NotEmpty(t, got.Get("code"))
		_, got = told(t, b.authorize(shopForm("max_age=59", "prompt=none")))
		require.Equal(t, "login_required", got.Get("error"))
	})
	t.Run("T8 prompt=login holds within the second of the request", func(t *testing.T) {
		s.advance(700 * time.Millisecond)
		defer s.advance(-700 * time.Millisecond)
		own := s.signedIn(time.Minute)
		id := interactionID(t, own.authorize(shopForm("prompt=login")))
		in, err := s.store.Interaction(t.Context(), tenantA, id)
		require.NoError(t, err)
		require.Zero(t, in.Request.RequestedAt.Nanosecond())
		own.logIn(id, userAlice)
		_, got := told(t, own.resume(id))
		require.NotEmpty(t, got.Get("code"))
	})
	t.Run("T8 the time of the request is that of its arrival", func(t *testing.T) {
		own := s.signedIn(time.Minute)
		arrived := s.clock()
		id := interactionID(t, own.authorize(shopForm("prompt=login")))
		s.advance(20 * time.Minute)
		defer s.advance(-20 * time.Minute)
		own.logIn(id, userAlice)
		_, got := told(t, own.resume(id))
		require.NotEmpty(t, got.Get("code"))
		in, err := s.store.Interaction(t.Context(), tenantA, id)
		require.NoError(t, err)
		require.True(t, arrived.Equal(in.Request.RequestedAt))
	})
	t.Run("T9 what was judged here is not judged again at the token endpoint", func(t *testing.T) {
		own := s.signedIn(time.Minute)
		_, got := told(t, own.authorize(shopForm("max_age=61", "nonce=x")))
		s.advance(30 * time.Second) // max_age has passed; the code has not
		defer s.advance(-30 * time.Second)
		require.NotEmpty(t, s.tokens(t, got.Get("code")).IDToken)
	})
	t.Run("T10 a hint signed by a retired key still counts", func(t *testing.T) {
		own := s.signedIn(time.Minute)
		_, got := told(t, own.authorize(shopForm()))
		hint := s.tokens(t, got.Get("code")).IDToken
		kid, _ := headerOf(t, hint)["kid"].(string)
		next := testKey(t, keys.ES256, keys.Active)
		next.TenantID = tenantA
		require.NoError(t, s.store.AddKey(t.Context(), next))
		require.NoError(t, s.store.SetState(t.Context(), tenantA, kid, keys.Retired, s.clock()))

		_, got = told(t, own.authorize(shopForm("prompt=none", "id_token_hint="+hint)))

		require.NotEmpty(t, got.Get("code"))
		require.NotEqual(t, kid, headerOf(t, s.tokens(t, got.Get("code")).IDToken)["kid"])
	})
	t.Run("T11 acr is what was proven and never 0", func(t *testing.T) {
		s.register(appShop, func(c *identity.Client) { c.ACRMode = identity.ACRVoluntary })
		defer s.register(appShop, func(c *identity.Client) { c.ACRMode = identity.ACRRequired })
		_, got := told(t, b.authorize(shopForm("acr_values=phr urn:x")))
		require.Equal(t, "urn:sallyport:acr:1fa", claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["acr"])
	})
	t.Run("T24 an error holds no empty state and keeps the address as it is", func(t *testing.T) {
		s.register(appShop, func(c *identity.Client) { c.RedirectURIs = []string{shopReturn, shopReturn + "?z=1&a=%20"} })
		defer s.register(appShop, func(c *identity.Client) { c.RedirectURIs = []string{shopReturn} })
		w := b.authorize(shopForm("state=", "scope=nope", "redirect_uri="+shopReturn+"?z=1&a=%20"))
		require.Contains(t, w.Header().Get("Location"), shopReturn+"?z=1&a=%20&error=invalid_scope&")
		_, got := told(t, w)
		require.NotContains(t, got, "state")
	})
	t.Run("T24 a response mode that is unknown is told by redirect", func(t *testing.T) {
		_, got := told(t, b.authorize(shopForm("response_mode=nope")))
		require.Equal(t, "invalid_request", got.Get("error"))
	})
	t.Run("T25 any port only for a native app that registered http", func(t *testing.T) {
		const registered, asked = "http://127.0.0.1/cb", "http://127.0.0.1:50123/cb"
		try := func(native bool, uri string) int {
			s.register(appShop, func(c *identity.Client) { c.Native, c.RedirectURIs = native, []string{shopReturn, uri} })
			return b.authorize(shopForm("redirect_uri=" + asked)).Code
		}
		defer s.register(appShop, func(c *identity.Client) { c.Native, c.RedirectURIs = false, []string{shopReturn} })
		require.Equal(t, http.StatusSeeOther, try(true, registered))
		require.Equal(t, http.StatusBadRequest, try(false, registered))
		require.Equal(t, http.StatusBadRequest, try(true, "https://127.0.0.1/cb"))
	})
	t.Run("T26 nothing is fetched from an address in a request", func(t *testing.T) {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		defer server.Close()
		_, got := told(t, b.authorize(shopForm("request_uri="+server.URL)))
		require.Equal(t, "request_uri_not_supported", got.Get("error"))
		require.Zero(t, asked.Load())
	})
	t.Run("T28 nothing of one request is in the next", func(t *testing.T) {
		_, first := told(t, b.authorize(shopForm("nonce=one", "scope=openid email")))
		_, second := told(t, b.authorize(shopForm("nonce=two", "scope=openid")))
		one, two := s.tokens(t, first.Get("code")), s.tokens(t, second.Get("code"))
		require.Equal(t, "one", claimsIn(t, one.IDToken)["nonce"])
		require.Equal(t, "two", claimsIn(t, two.IDToken)["nonce"])
		require.Equal(t, appShop, claimsIn(t, two.IDToken)["aud"])
		require.Equal(t, "openid", two.Scope)
	})
	t.Run("T32 a moved clock breaks no login", func(t *testing.T) {
		s.advance(400 * 24 * time.Hour)
		defer s.advance(-400 * 24 * time.Hour)
		own := s.browser()
		id := interactionID(t, own.authorize(shopForm("max_age=10")))
		own.logIn(id, userAlice)
		_, got := told(t, own.resume(id))
		require.InDelta(t, s.clock().Unix(), claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["auth_time"], 0)
	})
}
