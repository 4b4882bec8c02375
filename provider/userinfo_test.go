package provider

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

func TestUserinfoWays(t *testing.T) {
	s := newTokenServer(t)
	token := s.exchange(nil).AccessToken
	form := func(body string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/t/a/userinfo", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	with := func(r *http.Request, scheme string) *http.Request {
		r.Header.Add("Authorization", scheme+" "+token)
		return r
	}
	get := func() *http.Request {
		return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/a/userinfo", nil)
	}
	inForm := url.Values{"access_token": {token}}.Encode()
	tests := []struct {
		name   string
		r      *http.Request
		status int
		errors string // "" with 401: a challenge that names no error
	}{
		{"GET with the token in the header", with(get(), "Bearer"), 200, ""},
		{"the scheme in small letters", with(get(), "bearer"), 200, ""},
		{"POST with the token in the header", with(form(""), "Bearer"), 200, ""},
		{"POST with the token in the form", form(inForm), 200, ""},
		{"no token", get(), 401, ""},
		{"another scheme", with(get(), "MAC"), 401, ""},
		{"POST without a token", form(""), 401, ""},
		{"header and form at once", with(form(inForm), "Bearer"), 400, "invalid_request"},
		{"two headers", with(with(get(), "Bearer"), "Bearer"), 400, "invalid_request"},
		{"twice in the form", form(inForm + "&" + inForm), 400, "invalid_request"},
		{"another method", with(httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/t/a/userinfo", nil), "Bearer"), 405, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := s.serve(tt.r)

			require.Equal(t, tt.status, w.Code)
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			challenge := w.Header().Get("WWW-Authenticate")
			switch {
			case tt.status == http.StatusOK:
				require.Equal(t, userAlice, bodyOf(t, w)["sub"])
				require.Empty(t, challenge)
			case tt.errors == "":
				require.Equal(t, "Bearer", challenge)
				require.Empty(t, w.Body.String())
			default:
				require.Contains(t, challenge, `error="`+tt.errors+`"`)
			}
		})
	}
}

func TestUserinfoClaims(t *testing.T) {
	s := newTokenServer(t)
	profile := []string{"sub", "name", "given_name", "locale", "updated_at"}
	tests := []struct {
		name   string
		scopes []string
		claims string
		want   []string
	}{
		{"openid alone tells who it is and nothing else", []string{"openid"}, "", []string{"sub"}},
		{"profile", []string{"openid", "profile"}, "", profile},
		{"email", []string{"openid", "email"}, "", []string{"sub", "email", "email_verified"}},
		{"phone", []string{"openid", "phone"}, "", []string{"sub", "phone_number", "phone_number_verified"}},
		{"address", []string{"openid", "address"}, "", []string{"sub", "address"}},
		{
			"the claims parameter adds to the scopes",
			[]string{"openid", "email"},
			`{"userinfo":{"name":{"essential":true},"locale":{}}}`,
			[]string{"sub", "email", "email_verified", "name", "locale"},
		},
		{"what it asks of the ID token is not told here", []string{"openid"}, `{"id_token":{"name":{}}}`, []string{"sub"}},
		{"what is not known is not there", []string{"openid"}, `{"userinfo":{"nickname":{},"sub":{"value":"x"},"password_hash":{}}}`, []string{"sub"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := s.exchange(func(g *model.Grant) {
				g.Scopes = tt.scopes
				if tt.claims != "" {
					g.Claims = []byte(tt.claims)
				}
			})

			body := bodyOf(t, s.info(a.AccessToken))

			var names []string
			for name := range body {
				names = append(names, name)
			}
			require.ElementsMatch(t, tt.want, names)
			require.Equal(t, userAlice, body["sub"])
		})
	}

	t.Run("values have the types of the specification", func(t *testing.T) {
		a := s.exchange(func(g *model.Grant) { g.Scopes = []string{"openid", "profile", "email", "phone", "address"} })
		w := s.info(a.AccessToken)
		body := bodyOf(t, w)
		require.Equal(t, true, body["email_verified"])
		require.Equal(t, false, body["phone_number_verified"])
		require.Equal(t, map[string]any{"country": "DE"}, body["address"])
		require.Contains(t, w.Body.String(), `"updated_at":1767225600`)
		require.Contains(t, w.Header().Get("Content-Type"), "application/json")
	})
}

func TestUserinfoSigned(t *testing.T) {
	s := newTokenServer(t)
	code, _ := s.grant(appPost, nil)
	a := s.post(s.codeForm(appPost, code), as(appPost, postSecret))

	w := s.info(a.AccessToken)

	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/jwt", w.Header().Get("Content-Type"))
	require.Equal(t, "RS256", headerOf(t, w.Body.String())["alg"])
	claims, err := verifyJWT(s.keySet(), w.Body.String(), expected{
		Typ: typPlain, Issuer: issuerOf(tenantA), Audience: appPost, Now: s.clock(), Expired: true,
	})
	require.NoError(t, err)
	require.Equal(t, userAlice, claims["sub"])
	require.Equal(t, "alice@example.test", claims["email"])
}

// TestUserinfoRefused takes a good token and lets something happen to it.
func TestUserinfoRefused(t *testing.T) {
	tests := []struct {
		name   string
		happen func(s *tokenServer, token string) string // returns the token to send
		status int
		code   string
	}{
		{"its grant was revoked", func(s *tokenServer, token string) string {
			gid, _ := claimsIn(s.t, token)["gid"].(string)
			require.NoError(s.t, s.store.Revoke(s.t.Context(), tenantA, gid, "logout", s.clock()))
			return token
		}, 401, "invalid_token"},
		{"its user was disabled", func(s *tokenServer, token string) string {
			s.setStatus(identity.UserDisabled)
			return token
		}, 401, "invalid_token"},
		{"its time is over", func(s *tokenServer, token string) string {
			s.advance(accessTokenLife + clockSkew)
			return token
		}, 401, "invalid_token"},
		{"its app was disabled", func(s *tokenServer, token string) string {
			app := s.app(appShop)
			app.Disabled = true
			s.put(app)
			return token
		}, 401, "invalid_token"},
		{"its tenant was suspended", func(s *tokenServer, token string) string {
			tenant, err := s.store.Tenant(s.t.Context(), tenantA)
			require.NoError(s.t, err)
			tenant.Status = identity.TenantSuspended
			_, err = s.store.UpdateTenant(s.t.Context(), tenant)
			require.NoError(s.t, err)
			return token
		}, 401, "invalid_token"},
		{"somebody changed its text", func(_ *tokenServer, token string) string {
			parts := strings.Split(token, ".")
			return parts[0] + "." + parts[1] + "A." + parts[2]
		}, 401, "invalid_token"},
		{"it never had the scope openid", func(s *tokenServer, _ string) string {
			return s.exchange(func(g *model.Grant) { g.Scopes = []string{"profile"} }).AccessToken
		}, 403, "insufficient_scope"},
		{"it is no token", func(*tokenServer, string) string { return "x.y.z" }, 401, "invalid_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTokenServer(t)
			token := s.exchange(nil).AccessToken

			w := s.info(tt.happen(s, token))

			require.Equal(t, tt.status, w.Code)
			require.Contains(t, w.Header().Get("WWW-Authenticate"), `error="`+tt.code+`"`)
			require.Equal(t, tt.code, bodyOf(t, w)["error"])
		})
	}

	t.Run("a token of another grant of the same key says nothing about this user", func(t *testing.T) {
		s := newTokenServer(t)
		first := claimsIn(t, s.exchange(nil).AccessToken)
		key, _ := s.keySet().Signing(keys.ES256)
		for _, name := range []string{"sub", "client_id", "gid"} {
			claims := accessClaims(&unitOfWork{
				realm: &identity.Realm{Tenant: identity.Tenant{Issuer: issuerOf(tenantA)}}, client: &identity.Client{ID: appShop},
				grant: &model.Grant{ID: first["gid"].(string), UserID: userAlice, AuthTime: tokenT0}, now: s.clock(),
			}, []string{"openid"})
			good, err := signJWT(key, typAccessToken, claims)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, s.info(good).Code)
			claims[name] = "another"
			bad, err := signJWT(key, typAccessToken, claims)
			require.NoError(t, err)
			require.Equal(t, http.StatusUnauthorized, s.info(bad).Code, name)
		}
	})
}

func TestJWKS(t *testing.T) {
	s := newTokenServer(t)
	get := func(path, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		return s.serve(r)
	}
	w := get("/t/a/jwks", "")
	tag := w.Header().Get("ETag")

	t.Run("it is public and may be kept for five minutes", func(t *testing.T) {
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, "public, max-age=300", w.Header().Get("Cache-Control"))
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
		require.Len(t, bodyOf(t, w)["keys"], 2)
		for _, private := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`, `"k"`} {
			require.NotContains(t, w.Body.String(), private)
		}
	})

	t.Run("who has it already is told so", func(t *testing.T) {
		for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			again := get("/t/a/jwks", header)
			require.Equal(t, http.StatusNotModified, again.Code, header)
			require.Empty(t, again.Body.String())
			require.Equal(t, tag, again.Header().Get("ETag"))
		}
		require.Equal(t, http.StatusOK, get("/t/a/jwks", `"other"`).Code)
	})

	t.Run("each tenant has its own keys", func(t *testing.T) {
		require.NotEqual(t, tag, get("/t/b/jwks", "").Header().Get("ETag"))
	})

	t.Run("a new key is published before it signs", func(t *testing.T) {
		s.advance(keys.DefaultUse - keys.DefaultPublish)
		_, err := keys.Rotate(t.Context(), s.store, tenantA, keys.Rotation{}, s.clock())
		require.NoError(t, err)
		require.NoError(t, s.catalog.Refresh(t.Context()))
		require.Len(t, bodyOf(t, get("/t/a/jwks", tag))["keys"], 4)
	})
}

func TestCORS(t *testing.T) {
	s := newTokenServer(t)
	send := func(method, path, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		r.Header.Set("Access-Control-Request-Method", http.MethodPost)
		return s.serve(r)
	}

	for _, path := range []string{"/t/a/token", "/t/a/userinfo"} {
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			for origin, allowed := range map[string]bool{
				"https://shop.example": true, "https://spa.example": true,
				"": false, "https://evil.example": false, "https://shop.example.evil.example": false,
				"http://shop.example": false, "https://shop.example:8443": false, "null": false,
			} {
				w := send(method, path, origin)
				want := ""
				if allowed {
					want = origin
				}
				require.Equal(t, want, w.Header().Get("Access-Control-Allow-Origin"), "%s %s %q", method, path, origin)
				require.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"))
				require.Contains(t, w.Header().Values("Vary"), "Origin")
				if method == http.MethodOptions {
					require.Equal(t, http.StatusNoContent, w.Code)
				}
			}
		}
	}

	t.Run("the key set is for every origin", func(t *testing.T) {
		w := send(http.MethodOptions, "/t/a/jwks", "https://evil.example")
		require.Equal(t, http.StatusNoContent, w.Code)
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	})
}

func TestGrantExpiry(t *testing.T) {
	app := &identity.Client{GrantTypes: []string{grantCode, grantRefresh}}
	long, short := 90*24*time.Hour, 6*time.Minute+10*time.Second
	for _, tt := range []struct {
		name   string
		app    *identity.Client
		scopes []string
		action string
		want   time.Duration
	}{
		{"with offline_access 90 days", app, []string{scopeOffline}, "", long},
		{"without it as long as code and access token", app, []string{scopeOpenID}, "", short},
		{"an app that may not refresh", &identity.Client{}, []string{scopeOffline}, "", short},
		{"an action is never renewed", app, []string{scopeOffline}, "payout.request", short},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tokenT0.Add(tt.want), grantExpiry(tt.app, tt.scopes, tt.action, 0, tokenT0))
		})
	}
}

func TestSessionID(t *testing.T) {
	s := newTokenServer(t)
	one := s.provider.sessionID(tenantA, "s1", appShop)
	require.Len(t, one, 43)
	require.Equal(t, one, s.provider.sessionID(tenantA, "s1", appShop))
	for _, other := range []string{
		s.provider.sessionID(tenantB, "s1", appShop), s.provider.sessionID(tenantA, "s2", appShop), s.provider.sessionID(tenantA, "s1", appPost),
	} {
		require.NotEqual(t, one, other)
	}
}
