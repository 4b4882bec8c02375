package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/store"
)

func TestDiscovery(t *testing.T) {
	s := newAuthServer(t)
	get := func(edit func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/a/.well-known/openid-configuration", nil)
		if edit != nil {
			edit(r)
		}
		return s.serve(r)
	}
	w := get(nil)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"))
	var doc map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))

	t.Run("every member is what the specifications say", func(t *testing.T) {
		dec := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
		dec.DisallowUnknownFields()
		var m metadata
		require.NoError(t, dec.Decode(&m))
		issuer := issuerOf(tenantA)
		require.Equal(t, issuer, m.Issuer)
		for _, endpoint := range []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.UserinfoEndpoint, m.JWKSURI, m.IntrospectionEndpoint, m.RevocationEndpoint} {
			require.True(t, strings.HasPrefix(endpoint, issuer+"/"), endpoint)
		}
		require.Equal(t, []string{"code"}, m.ResponseTypes)
		require.Equal(t, []string{"query", "form_post"}, m.ResponseModes)
		require.Equal(t, []string{"S256"}, m.PKCEMethods)
		require.Equal(t, []string{"public"}, m.SubjectTypes)
		require.Equal(t, []string{"ES256", "RS256"}, m.IDTokenAlgs)
		require.Equal(t, []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}, m.AuthMethods)
		require.Equal(t, m.AuthMethods, m.RevocationAuthMethods, "an app without a secret may revoke its own")
		require.Equal(t, []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}, m.IntrospectionAuthMethods)
		for _, algs := range [][]string{m.AuthAlgs, m.IntrospectionAuthAlgs, m.RevocationAuthAlgs} {
			require.Equal(t, []string{"ES256", "PS256", "EdDSA", "RS256"}, algs)
		}
		require.Equal(t, []string{"ES256", "RS256"}, m.IntrospectionAlgs)
		require.Contains(t, m.Scopes, "openid")
		require.Contains(t, m.Claims, "acr")
		require.Equal(t, []string{"none", "login", "consent", "select_account"}, m.Prompts)
		require.Contains(t, m.UILocales, "en")
		require.True(t, m.ClaimsParameter)
		require.True(t, m.IssParameter)
	})
	t.Run("what does not exist is not listed, and what would default to true is stated", func(t *testing.T) {
		require.Equal(t, false, doc["request_uri_parameter_supported"])
		require.Equal(t, true, doc["request_parameter_supported"])
		for name := range doc {
			for _, missing := range []string{"device", "registration", "end_session", "logout", "backchannel"} {
				require.NotContains(t, name, missing)
			}
		}
	})
	t.Run("every endpoint that is listed answers", func(t *testing.T) {
		for name, value := range doc {
			uri, ok := value.(string)
			if !ok || name == "issuer" || name == "op_policy_uri" {
				continue
			}
			path := strings.TrimPrefix(uri, "https://id.example")
			got := s.serve(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)).Code
			require.NotEqual(t, http.StatusNotFound, got, name)
		}
	})
	t.Run("it is made once for each version of the tenant", func(t *testing.T) {
		tag := w.Header().Get("ETag")
		require.NotEmpty(t, tag)
		ctx, count := store.Count(t.Context())
		again := s.serve(httptest.NewRequestWithContext(ctx, http.MethodGet, "/t/a/.well-known/openid-configuration", nil))
		require.Equal(t, tag, again.Header().Get("ETag"))
		require.Empty(t, count.Statements())
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		web.UseRealm(c, s.realm())
		first, err := s.provider.document(c)
		require.NoError(t, err)
		second, err := s.provider.document(c)
		require.NoError(t, err)
		require.Same(t, first, second)
		cached := get(func(r *http.Request) { r.Header.Set("If-None-Match", tag) })
		require.Equal(t, http.StatusNotModified, cached.Code)
		require.Empty(t, cached.Body.Bytes())

		s.usePolicy("contractor-email-first")
		changed := get(func(r *http.Request) { r.Header.Set("If-None-Match", tag) })
		require.Equal(t, http.StatusOK, changed.Code)
		require.Contains(t, changed.Body.String(), "urn:sallyport:action:payout.request")
	})
	t.Run("the form of RFC 8414 is the same document", func(t *testing.T) {
		s.engine.GET("/.well-known/oauth-authorization-server/t/:tenant", web.Tenant(s.catalog, s.provider.Pages), s.provider.Discovery)
		other := s.serve(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/.well-known/oauth-authorization-server/t/a", nil))
		require.Equal(t, get(nil).Body.String(), other.Body.String())
	})
	t.Run("scripts may ask before", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/t/a/.well-known/openid-configuration", nil)
		require.Equal(t, http.StatusNoContent, s.serve(r).Code)
	})
	t.Run("another tenant has another document", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/b/.well-known/openid-configuration", nil)
		require.Contains(t, s.serve(r).Body.String(), `"issuer":"`+issuerOf(tenantB)+`"`)
	})
}

func TestACRValues(t *testing.T) {
	const prefix = "urn:sallyport:"
	for _, preset := range policy.Presets() {
		t.Run(preset, func(t *testing.T) {
			p, err := policy.Preset(preset)
			require.NoError(t, err)
			values := acrValues(&p)
			require.Equal(t, prefix+"acr:1fa", values[0], "a password reaches the first")
			require.NotContains(t, values, prefix+"acr:td", "it is reported and cannot be asked for")
			for _, name := range p.RequestableActions() {
				action, _ := p.Action(name)
				listed := slices.Contains(values, prefix+"action:"+name)
				require.Equal(t, action.Details != policy.DetailsRequired, listed, name)
			}
			require.NotContains(t, values, prefix+"action:"+policy.ActionLogin)
		})
	}
	t.Run("an action that needs pushed details cannot be asked for by its acr", func(t *testing.T) {
		p, err := policy.Preset("contractor-email-first")
		require.NoError(t, err)
		require.Contains(t, acrValues(&p), prefix+"action:payout.request")
		payout := p.Actions["payout.request"]
		payout.Details = policy.DetailsRequired
		p.Actions["payout.request"] = payout
		require.NotContains(t, acrValues(&p), prefix+"action:payout.request")
	})
	t.Run("email is no factor", func(t *testing.T) {
		p, err := policy.Preset("contractor-email-first")
		require.NoError(t, err)
		sms := p.Methods[policy.SMS]
		sms.Enabled = false
		p.Methods[policy.SMS] = sms
		require.Contains(t, acrValues(&p), prefix+"acr:2sv")
		require.NotContains(t, acrValues(&p), prefix+"acr:mfa")
	})
}

// TestTokenErrorBody: RFC 6749 section 5.2.
func TestTokenErrorBody(t *testing.T) {
	s := newAuthServer(t)
	write := func(basic bool, err error) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(w)
		c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/t/a/token", nil)
		if basic {
			c.Request.SetBasicAuth("a", "b")
		}
		web.UseRealm(c, s.realm())
		s.provider.tokenError(c, err)
		return w
	}
	w := write(true, invalidClient())
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Contains(t, w.Header().Get("WWW-Authenticate"), "Basic ")
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Contains(t, w.Body.String(), `"error":"invalid_client"`)
	w = write(false, invalidClient())
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Empty(t, w.Header().Get("WWW-Authenticate"))
	w = write(false, store.Fail("read", context.DeadlineExceeded))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), `"error":"temporarily_unavailable"`)
}
