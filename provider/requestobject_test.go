package provider

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
)

// signs gives the shop a key of its own.
func (s *authServer) signs(edit func(*identity.Client)) {
	s.register(appShop, func(c *identity.Client) {
		c.JWKS = jwksOf(appKeysOnce()["ec"].jwk(nil))
		if edit != nil {
			edit(c)
		}
	})
}

// object is a request object of the shop with form in it.
func (s *authServer) object(form url.Values, edit func(header map[string]any, claims jwt.MapClaims)) string {
	return s.assertion("ec", "ES256", func(header map[string]any, claims jwt.MapClaims) {
		header["typ"] = typRequestObject
		claims["iss"] = appShop
		delete(claims, "sub")
		for name := range form {
			claims[name] = form.Get(name)
		}
		if edit != nil {
			edit(header, claims)
		}
	})
}

func TestASignedRequest(t *testing.T) {
	s := newAuthServer(t)
	s.signs(nil)
	b := s.signedIn(time.Minute)
	outer := func(raw string, edits ...string) url.Values {
		return edited(url.Values{"client_id": {appShop}, "request": {raw}}, edits...)
	}
	t.Run("counts alone", func(t *testing.T) {
		_, got := told(t, b.authorize(outer(s.object(shopForm("scope=openid"), nil), "scope=openid email", "state=evil")))
		require.Equal(t, "s t/a+t%e", got.Get("state"))
		require.Equal(t, "openid", s.tokens(t, got.Get("code")).Scope)
	})
	t.Run("is merged, by OpenID Connect", func(t *testing.T) {
		raw := s.object(url.Values{"nonce": {"signed"}}, func(header map[string]any, _ jwt.MapClaims) { delete(header, "typ") })
		form := shopForm("scope=openid")
		form.Set("request", raw)
		_, got := told(t, b.authorize(form))
		require.Equal(t, "signed", claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["nonce"])
	})
	t.Run("is pushed, with its JSON", func(t *testing.T) {
		raw := s.object(shopForm(), func(_ map[string]any, claims jwt.MapClaims) {
			claims["max_age"] = 3600
			claims["claims"] = map[string]any{"id_token": map[string]any{"email": nil}}
		})
		_, got := told(t, b.authorize(reference(s.mustPush(url.Values{"client_id": {appShop}, "request": {raw}}))))
		require.Equal(t, "alice@example.test", claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["email"])
	})

	address := []string{"redirect_uri=" + shopReturn, "state=s1"}
	tests := []struct {
		name string
		edit func(header map[string]any, claims jwt.MapClaims)
	}{
		{"for another server", func(_ map[string]any, c jwt.MapClaims) { c["aud"] = "https://other.example" }},
		{"of another app", func(_ map[string]any, c jwt.MapClaims) { c["iss"] = appPost }},
		{"with another client_id inside", func(_ map[string]any, c jwt.MapClaims) { c["client_id"] = appPost }},
		{"that could be an assertion", func(_ map[string]any, c jwt.MapClaims) { c["sub"] = appShop }},
		{"that has run out", func(_ map[string]any, c jwt.MapClaims) { c["exp"] = s.clock().Add(-time.Second).Unix() }},
		{"without an end", func(_ map[string]any, c jwt.MapClaims) { delete(c, "exp") }},
		{"that never ends", func(_ map[string]any, c jwt.MapClaims) { c["exp"] = s.clock().Add(48 * time.Hour).Unix() }},
		{"not good yet", func(_ map[string]any, c jwt.MapClaims) { c["nbf"] = s.clock().Add(time.Minute).Unix() }},
		{"of another type", func(h map[string]any, _ jwt.MapClaims) { h["typ"] = "at+jwt" }},
		{"that refers to another one", func(_ map[string]any, c jwt.MapClaims) { c["request_uri"] = "https://evil.example/" }},
		{"with a parameter that is a list", func(_ map[string]any, c jwt.MapClaims) { c["state"] = []string{"a", "b"} }},
		{"with a broken number", func(_ map[string]any, c jwt.MapClaims) { c["max_age"] = -5 }},
	}
	for _, tt := range tests {
		t.Run("is not one "+tt.name, func(t *testing.T) {
			raw := s.object(shopForm(), tt.edit)
			_, got := told(t, b.authorize(outer(raw, address...)))
			require.Equal(t, "invalid_request_object", got.Get("error"), got.Get("error_description"))
			require.Equal(t, "s1", got.Get("state"))
			refused := s.push(url.Values{"client_id": {appShop}, "request": {raw}}, asShop)
			require.Equal(t, "invalid_request_object", refused.Error)
		})
	}
	t.Run("is not one with another signature", func(t *testing.T) {
		raw := s.object(shopForm(), nil)
		forged := raw[:len(raw)-6] + "AAAAAA"
		_, got := told(t, b.authorize(outer(forged, address...)))
		require.Equal(t, "invalid_request_object", got.Get("error"))
		require.Equal(t, http.StatusBadRequest, b.authorize(outer(forged)).Code, "nobody to tell")
	})
	t.Run("is not taken of an app without keys", func(t *testing.T) {
		raw := s.object(shopForm(), nil)
		form := edited(url.Values{"client_id": {appPost}, "request": {raw}}, "redirect_uri="+s.app(appPost).RedirectURIs[0])
		_, got := told(t, b.authorize(form))
		require.Equal(t, "request_not_supported", got.Get("error"))
	})
}

func TestAnAppThatSignsEveryRequest(t *testing.T) {
	s := newAuthServer(t)
	s.signs(func(c *identity.Client) { c.SignedRequests, c.RequestAlg = true, "ES256" })
	b := s.signedIn(time.Minute)

	_, got := told(t, b.authorize(shopForm()))
	require.Equal(t, "invalid_request", got.Get("error"))
	require.Equal(t, "invalid_request", s.push(shopForm(), asShop).Error)
	merged := shopForm()
	merged.Set("request", s.object(url.Values{"nonce": {"n"}}, func(h map[string]any, _ jwt.MapClaims) { delete(h, "typ") }))
	require.Equal(t, http.StatusBadRequest, b.authorize(merged).Code, "nothing beside the object counts, not even where to answer")
	uri := s.mustPush(url.Values{"client_id": {appShop}, "request": {s.object(shopForm(), nil)}})
	_, got = told(t, b.authorize(reference(uri)))
	require.NotEmpty(t, got.Get("code"))
	s.register(appShop, func(c *identity.Client) { c.RequestAlg = "PS256" })
	require.Equal(t, "invalid_request_object", s.push(url.Values{"client_id": {appShop}, "request": {s.object(shopForm(), nil)}}, asShop).Error)
}
