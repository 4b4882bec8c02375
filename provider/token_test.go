package provider

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

func TestCodeExchange(t *testing.T) {
	s := newTokenServer(t)
	code, g := s.grant(appShop, nil)

	a := s.post(s.codeForm(appShop, code), asShop)

	require.Equal(t, http.StatusOK, a.Status, a.Description)
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.Equal(t, "Bearer", a.TokenType)
	require.EqualValues(t, 300, a.ExpiresIn)
	require.Equal(t, "openid profile email offline_access", a.Scope)

	t.Run("the access token is that of RFC 9068", func(t *testing.T) {
		require.Equal(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": headerOf(t, a.AccessToken)["kid"]}, headerOf(t, a.AccessToken))
		claims := claimsIn(t, a.AccessToken)
		require.Len(t, claims["jti"], 22)
		delete(claims, "jti")
		require.Equal(t, map[string]any{
			"iss": issuerOf(tenantA), "sub": userAlice, "aud": issuerOf(tenantA), "client_id": appShop,
			"iat": float64(tokenT0.Unix()), "exp": float64(tokenT0.Unix() + 300), "scope": a.Scope,
			"auth_time": float64(tokenT0.Unix() - 3600), "acr": "urn:sallyport:acr:1fa", "amr": []any{"pwd"},
			"sid": g.SID, "gid": g.ID,
		}, claims)
	})

	t.Run("the ID token says what was proven", func(t *testing.T) {
		require.Equal(t, "JWT", headerOf(t, a.IDToken)["typ"])
		claims := claimsIn(t, a.IDToken)
		require.Equal(t, map[string]any{
			"iss": issuerOf(tenantA), "sub": userAlice, "aud": appShop,
			"iat": float64(tokenT0.Unix()), "exp": float64(tokenT0.Unix() + 300),
			"auth_time": float64(tokenT0.Unix() - 3600), "acr": "urn:sallyport:acr:1fa", "amr": []any{"pwd"},
			"sid": g.SID, "nonce": g.Nonce, "at_hash": claims["at_hash"],
		}, claims)
	})

	t.Run("both are signed by keys of the tenant", func(t *testing.T) {
		_, err := verifyJWT(s.keySet(), a.AccessToken, expected{Typ: typAccessToken, Issuer: issuerOf(tenantA), Audience: issuerOf(tenantA), Now: tokenT0})
		require.NoError(t, err)
		_, err = verifyJWT(s.keySet(), a.IDToken, expected{Typ: typPlain, Issuer: issuerOf(tenantA), Audience: appShop, Now: tokenT0})
		require.NoError(t, err)
	})

	t.Run("a second use ends everything that came of the first", func(t *testing.T) {
		require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)

		again := s.post(s.codeForm(appShop, code), asShop)

		require.Equal(t, "invalid_grant", again.Error)
		require.Equal(t, http.StatusBadRequest, again.Status)
		require.Equal(t, http.StatusUnauthorized, s.info(a.AccessToken).Code)
		require.Equal(t, "invalid_grant", s.post(refreshForm(a.RefreshToken), asShop).Error)
		require.Contains(t, s.audited(), "code.replayed")
	})
}

// TestCodeRefused changes one thing of a good exchange.
func TestCodeRefused(t *testing.T) {
	tests := []struct {
		name  string
		grant func(*model.Grant)
		form  func(url.Values)
		after time.Duration
		want  string
	}{
		{"another redirect URI", nil, func(f url.Values) { f.Set("redirect_uri", "https://shop.example/other") }, 0, "invalid_grant"},
		{"no redirect URI", nil, func(f url.Values) { f.Del("redirect_uri") }, 0, "invalid_grant"},
		{"no verifier", nil, func(f url.Values) { f.Del("code_verifier") }, 0, "invalid_grant"},
		{"another verifier", nil, func(f url.Values) { f.Set("code_verifier", strings.Repeat("x", 43)) }, 0, "invalid_grant"},
		{"the challenge as the verifier", nil, func(f url.Values) { f.Set("code_verifier", challengeOf(verifier)) }, 0, "invalid_grant"},
		{"a verifier without a challenge", func(g *model.Grant) { g.CodeChallenge, g.CodeChallengeMethod = "", "" }, nil, 0, "invalid_grant"},
		{"no PKCE at all", func(g *model.Grant) { g.CodeChallenge, g.CodeChallengeMethod = "", "" }, func(f url.Values) { f.Del("code_verifier") }, 0, "invalid_request"},
		{"a plain challenge", func(g *model.Grant) { g.CodeChallenge, g.CodeChallengeMethod = verifier, "plain" }, nil, 0, "invalid_request"},
		{"a code of another app", func(g *model.Grant) { g.ClientID = appPost }, nil, 0, "invalid_grant"},
		{"a code of another tenant", func(g *model.Grant) { g.TenantID = tenantB }, nil, 0, "invalid_grant"},
		{"the code at 60 s", nil, nil, time.Minute, "invalid_grant"},
		{"no code", nil, func(f url.Values) { f.Del("code") }, 0, "invalid_grant"},
		{"something that is no code", nil, func(f url.Values) { f.Set("code", "ac1.short") }, 0, "invalid_grant"},
		{"a code that nobody made", nil, func(f url.Values) { f.Set("code", codePrefix+strings.Repeat("A", 43)) }, 0, "invalid_grant"},
		{
			"a resource that was not granted", func(g *model.Grant) { g.Audience = []string{"https://api.example"} },
			func(f url.Values) { f["resource"] = []string{"https://pay.example"} }, 0, "invalid_target",
		},
	}
	s := newTokenServer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, _ := s.grant(appShop, tt.grant)
			form := s.codeForm(appShop, code)
			if tt.form != nil {
				tt.form(form)
			}
			s.advance(tt.after)

			a := s.post(form, asShop)

			require.Equal(t, tt.want, a.Error)
			require.Equal(t, http.StatusBadRequest, a.Status)
			require.Empty(t, a.AccessToken)
		})
	}

	t.Run("the code at 59 s is still good", func(t *testing.T) {
		code, _ := s.grant(appShop, nil)
		s.advance(59 * time.Second)
		require.Equal(t, http.StatusOK, s.post(s.codeForm(appShop, code), asShop).Status)
	})

	t.Run("an app with PKCE optional and a secret may go without", func(t *testing.T) {
		code, _ := s.grant(appPost, func(g *model.Grant) { g.CodeChallenge, g.CodeChallengeMethod = "", "" })
		form := s.codeForm(appPost, code)
		form.Del("code_verifier")
		require.Equal(t, http.StatusOK, s.post(form, as(appPost, postSecret)).Status)
	})

	t.Run("an app without a secret may not, whatever is registered", func(t *testing.T) {
		code, _ := s.grant(appPublic, func(g *model.Grant) { g.CodeChallenge, g.CodeChallengeMethod = "", "" })
		form := s.codeForm(appPublic, code)
		form.Del("code_verifier")
		form.Set("client_id", appPublic)
		require.Equal(t, "invalid_request", s.post(form).Error)
	})

	t.Run("nor one that may come without its secret", func(t *testing.T) {
		app := s.app(appPost)
		require.False(t, pkceRequired(&app))
		app.AuthMethods = append(app.AuthMethods, identity.AuthNone)
		require.True(t, pkceRequired(&app))
	})

	t.Run("a user who was disabled meanwhile gets nothing", func(t *testing.T) {
		code, _ := s.grant(appShop, nil)
		s.setStatus(identity.UserDisabled)
		defer s.setStatus(identity.UserActive)
		require.Equal(t, "invalid_grant", s.post(s.codeForm(appShop, code), asShop).Error)
	})
}

func (s *tokenServer) setStatus(status identity.UserStatus) {
	_, err := s.store.UpdateUser(s.t.Context(), tenantA, userAlice, func(u *identity.User) error {
		u.Status = status
		return nil
	})
	require.NoError(s.t, err)
}

func TestCodeParallel(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		code, g := s.grant(appShop, nil)
		form := s.codeForm(appShop, code)

		var mu sync.Mutex
		var good []answer
		refused := 0
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				a := s.post(form, asShop)
				mu.Lock()
				defer mu.Unlock()
				if a.Status == http.StatusOK {
					good = append(good, a)
				} else if a.Error == "invalid_grant" {
					refused++
				}
			})
		}
		wg.Wait()

		require.Len(t, good, 1, "of 64 exchanges at once, one succeeds")
		require.Equal(t, 63, refused)
		_, _, err := s.store.Grant(t.Context(), tenantA, g.ID, s.clock())
		require.ErrorIs(t, err, model.ErrNotFound, "and the replays have ended its grant")
	})
}

func TestClientCredentials(t *testing.T) {
	s := newTokenServer(t)
	form := func(edit func(url.Values)) url.Values {
		f := url.Values{"grant_type": {grantCredentials}, "scope": {"api reports"}}
		if edit != nil {
			edit(f)
		}
		return f
	}
	asRobot := as(appMachine, robotSecret)

	t.Run("the token speaks for the app and no user", func(t *testing.T) {
		a := s.post(form(nil), asRobot)

		require.Equal(t, http.StatusOK, a.Status, a.Description)
		require.Empty(t, a.RefreshToken)
		require.Empty(t, a.IDToken)
		claims := claimsIn(t, a.AccessToken)
		delete(claims, "jti")
		require.Equal(t, map[string]any{
			"iss": issuerOf(tenantA), "sub": "client:robot", "aud": issuerOf(tenantA), "client_id": appMachine,
			"iat": float64(tokenT0.Unix()), "exp": float64(tokenT0.Unix() + 300), "scope": "api reports",
		}, claims)
	})

	t.Run("a resource becomes the audience", func(t *testing.T) {
		a := s.post(form(func(f url.Values) { f.Set("resource", "https://api.example") }), asRobot)
		require.Equal(t, "https://api.example", claimsIn(t, a.AccessToken)["aud"])
	})

	t.Run("it is no key to userinfo", func(t *testing.T) {
		w := s.info(s.post(form(nil), asRobot).AccessToken)
		require.Equal(t, http.StatusForbidden, w.Code)
		require.Contains(t, w.Header().Get("WWW-Authenticate"), `error="insufficient_scope"`)
	})

	t.Run("an app without a secret may not, whatever is registered", func(t *testing.T) {
		app := s.app(appPublic)
		app.GrantTypes, app.Scopes = []string{grantCredentials}, []string{"api"}
		s.put(app)
		require.NoError(t, s.catalog.Refresh(t.Context()))
		require.Equal(t, "unauthorized_client", s.post(form(func(f url.Values) {
			f.Set("client_id", appPublic)
			f.Set("scope", "api")
		})).Error)
	})

	for _, tt := range []struct {
		name string
		edit func(url.Values)
		auth func(*http.Request)
		want string
	}{
		{"a scope of another app", func(f url.Values) { f.Set("scope", "api admin") }, asRobot, "invalid_scope"},
		{"a scope that speaks of a user", func(f url.Values) { f.Set("scope", "openid") }, asRobot, "invalid_scope"},
		{"a resource that is not its own", func(f url.Values) { f.Set("resource", "https://pay.example") }, asRobot, "invalid_target"},
		{"an app that may not", nil, asShop, "unauthorized_client"},
	} {
		t.Run(tt.name+" is refused", func(t *testing.T) {
			require.Equal(t, tt.want, s.post(form(tt.edit), tt.auth).Error)
		})
	}
}

// TestTenantChanges shows that what an admin changes is seen at once, although
// tenants are kept in memory.
func TestTenantChanges(t *testing.T) {
	t.Run("an app that was disabled gets no tokens, and its grant ends", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		code, g := s.grant(appShop, nil)
		app := s.app(appShop)
		app.Disabled = true
		s.put(app)

		a := s.post(s.codeForm(appShop, code), asShop)

		require.Equal(t, "invalid_client", a.Error)
		require.Equal(t, http.StatusUnauthorized, a.Status)
		_, _, err := s.store.Grant(t.Context(), tenantA, g.ID, s.clock())
		require.ErrorIs(t, err, model.ErrNotFound)
		require.Equal(t, http.StatusUnauthorized, s.info(first.AccessToken).Code)
	})

	t.Run("a secret that was replaced opens nothing", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		app := s.app(appShop)
		app.Secrets = s.hashed(tenantA, appShop, "a new secret")
		s.put(app)

		require.Equal(t, "invalid_client", s.post(refreshForm(first.RefreshToken), asShop).Error)
		require.Equal(t, http.StatusOK, s.post(refreshForm(first.RefreshToken), as(appShop, "a new secret")).Status)
	})

	t.Run("a scope that was taken from the app is not given", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		app := s.app(appShop)
		app.Scopes = []string{"openid", "offline_access"}
		s.put(app)

		require.Equal(t, "invalid_scope", s.post(refreshForm(first.RefreshToken), asShop).Error)
		a := s.post(url.Values{"grant_type": {grantRefresh}, "refresh_token": {first.RefreshToken}, "scope": {"openid"}}, asShop)
		require.Equal(t, "invalid_scope", a.Error, "the grant as a whole is wider than the app")
	})

	t.Run("a suspended tenant gives nothing", func(t *testing.T) {
		s := newTokenServer(t)
		first := s.exchange(nil)
		tenant, err := s.store.Tenant(t.Context(), tenantA)
		require.NoError(t, err)
		tenant.Status = identity.TenantSuspended
		_, err = s.store.UpdateTenant(t.Context(), tenant)
		require.NoError(t, err)

		require.Equal(t, "invalid_client", s.post(refreshForm(first.RefreshToken), asShop).Error)
	})
}

func TestActionGrant(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(func(g *model.Grant) {
		g.Action, g.ConfirmationID, g.DetailsHash = "payout.request", "confirmation-1", "hash-1"
		g.ACR, g.AMR = "urn:sallyport:action:payout.request", []string{"pwd", "otp"}
	})

	t.Run("it is proof of one moment: no refresh token", func(t *testing.T) {
		require.Empty(t, a.RefreshToken)
		require.Equal(t, "openid profile email", a.Scope)
	})

	for name, token := range map[string]string{"access token": a.AccessToken, "ID token": a.IDToken} {
		t.Run("the "+name+" says which confirmation", func(t *testing.T) {
			claims := claimsIn(t, token)
			require.Equal(t, "urn:sallyport:action:payout.request", claims["acr"])
			require.Equal(t, "confirmation-1", claims["txn"])
			require.Equal(t, map[string]any{
				"id": "confirmation-1", "details_hash": "hash-1", "approved_at": "2026-01-02T15:00:00Z",
			}, claims["urn:sallyport:confirmation"])
		})
	}

	t.Run("a transaction's access token lives two minutes and carries its details", func(t *testing.T) {
		code, _ := s.grant(appShop, func(g *model.Grant) {
			g.Action, g.Details = "payout.request", []byte(`[{"type":"payout.request"}]`)
		})
		got := s.post(s.codeForm(appShop, code), asShop)
		require.EqualValues(t, 120, got.ExpiresIn)
		require.Equal(t, []any{map[string]any{"type": "payout.request"}}, claimsIn(t, got.AccessToken)["authorization_details"])
	})
}

func TestRequestedIDTokenClaims(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(func(g *model.Grant) {
		g.IDClaims = []byte(`{"email":"alice@example.test","sub":"mallory","acr":"phr","iss":"x","at_hash":"y","azp":"z","txn":"t"}`)
	})

	claims := claimsIn(t, a.IDToken)

	require.Equal(t, "alice@example.test", claims["email"])
	require.Equal(t, userAlice, claims["sub"], "a stored claim never speaks for the protocol")
	require.Equal(t, "urn:sallyport:acr:1fa", claims["acr"])
	require.Equal(t, issuerOf(tenantA), claims["iss"])
	require.Equal(t, atHash(keys.ES256, a.AccessToken), claims["at_hash"])
	require.NotContains(t, claims, "azp")
	require.NotContains(t, claims, "txn")
}
