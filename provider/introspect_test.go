package provider

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

const (
	appAPI    = "api" // confidential, answers for https://api.example
	apiSecret = "the secret of the api, which is long"
	apiURI    = "https://api.example"
)

var (
	asAPI   = as(appAPI, apiSecret)
	asPost  = as(appPost, postSecret)
	asRobot = as(appMachine, robotSecret)
)

// resourceServer registers the app that answers for a resource.
func (s *tokenServer) resourceServer(edit func(*identity.Client)) {
	s.t.Helper()
	app := identity.Client{
		TenantID: tenantA, ID: appAPI, Name: "API", AuthMethods: []string{identity.AuthBasic}, Secrets: s.hashed(tenantA, appAPI, apiSecret),
		ResourceServer: []string{apiURI},
	}
	if edit != nil {
		edit(&app)
	}
	s.put(app)
	require.NoError(s.t, s.catalog.Refresh(s.t.Context()))
}

func tokenForm(token string) url.Values { return url.Values{"token": {token}} }

// asked is what the introspection endpoint tells of token.
func (s *tokenServer) asked(token string, edit ...func(*http.Request)) map[string]any {
	s.t.Helper()
	w := s.call("introspect", tokenForm(token), edit...)
	require.Equal(s.t, http.StatusOK, w.Code, "%s", w.Body)
	return bodyOf(s.t, w)
}

var inactive = map[string]any{"active": false}

func forAPI(g *model.Grant) { g.Audience = []string{apiURI} }

func TestIntrospection(t *testing.T) {
	s := newTokenServer(t)
	s.resourceServer(nil)

	t.Run("tells what RFC 7662 has of an access token", func(t *testing.T) {
		a := s.exchange(forAPI)
		claims := claimsIn(t, a.AccessToken)

		w := s.call("introspect", tokenForm(a.AccessToken), asAPI)

		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Contains(t, w.Header().Get("Content-Type"), "application/json")
		require.Equal(t, map[string]any{
			"active": true, "iss": issuerOf(tenantA), "sub": userAlice, "client_id": appShop, "aud": apiURI,
			"scope": "openid profile email offline_access", "iat": claims["iat"], "exp": claims["exp"], "jti": claims["jti"],
			"token_type": "Bearer", "acr": "urn:sallyport:acr:1fa", "amr": []any{"pwd"},
			"auth_time": claims["auth_time"], "sid": claims["sid"],
		}, bodyOf(t, w))
	})

	t.Run("tells the app that got it", func(t *testing.T) {
		require.Equal(t, true, s.asked(s.exchange(nil).AccessToken, asShop)["active"])
	})

	t.Run("tells of a token of an app itself", func(t *testing.T) {
		w := s.post(url.Values{"grant_type": {grantCredentials}, "scope": {"api"}, "resource": {apiURI}}, asRobot)
		told := s.asked(w.AccessToken, asAPI)
		require.Equal(t, true, told["active"])
		require.Equal(t, "client:robot", told["sub"])
		require.NotContains(t, told, "acr")
		require.Equal(t, true, s.asked(w.AccessToken, asRobot)["active"])
		require.Equal(t, inactive, s.asked(w.AccessToken, asShop))
	})

	t.Run("tells of a refresh token only the app that has it", func(t *testing.T) {
		a := s.exchange(forAPI)
		require.Equal(t, map[string]any{
			"active": true, "iss": issuerOf(tenantA), "sub": userAlice, "client_id": appShop,
			"scope": "openid profile email offline_access", "iat": float64(s.clock().Unix()),
			"exp": float64(s.clock().Add(refreshIdle).Unix()), "acr": "urn:sallyport:acr:1fa", "amr": []any{"pwd"},
			"auth_time": claimsIn(t, a.AccessToken)["auth_time"], "sid": claimsIn(t, a.AccessToken)["sid"],
		}, s.asked(a.RefreshToken, asShop))
		require.Equal(t, inactive, s.asked(a.RefreshToken, asAPI))
		require.Equal(t, inactive, s.asked(a.RefreshToken, asPost))
	})

	t.Run("does not count as a use of a refresh token, nor end a family", func(t *testing.T) {
		a := s.exchange(nil)
		b := s.post(refreshForm(a.RefreshToken), asShop)
		require.Equal(t, true, s.asked(a.RefreshToken, asShop)["active"], "within the grace")
		s.advance(refreshGrace)
		require.Equal(t, inactive, s.asked(a.RefreshToken, asShop))
		require.Equal(t, true, s.asked(b.RefreshToken, asShop)["active"])
		require.Equal(t, http.StatusOK, s.post(refreshForm(b.RefreshToken), asShop).Status)
	})

	t.Run("a hint that is wrong changes nothing", func(t *testing.T) {
		form := tokenForm(s.exchange(nil).AccessToken)
		form.Set("token_type_hint", "refresh_token")
		require.Equal(t, true, bodyOf(t, s.call("introspect", form, asShop))["active"])
	})

	t.Run("tells how a bound token is bound", func(t *testing.T) {
		a := s.exchange(forAPI)
		claims := jwt.MapClaims(claimsIn(t, a.AccessToken))
		claims["cnf"] = map[string]any{"jkt": "thumb"}
		key, _ := accessKey(s.keySet())
		bound, err := signJWT(key, typAccessToken, claims)
		require.NoError(t, err)
		told := s.asked(bound, asAPI)
		require.Equal(t, "DPoP", told["token_type"])
		require.Equal(t, map[string]any{"jkt": "thumb"}, told["cnf"])
	})
}

// TestIntrospectionInactive takes a good token and lets something happen.
func TestIntrospectionInactive(t *testing.T) {
	tests := []struct {
		name   string
		happen func(s *tokenServer, a answer) string // returns the token to ask for
		as     func(*http.Request)
	}{
		{"an app that it is not meant for", func(_ *tokenServer, a answer) string { return a.AccessToken }, asPost},
		{"the ID token", func(_ *tokenServer, a answer) string { return a.IDToken }, asShop},
		{"a code", func(s *tokenServer, _ answer) string { code, _ := s.grant(appShop, nil); return code }, asShop},
		{"nothing that we made", func(*tokenServer, answer) string { return "x" }, asShop},
		{"a changed token", func(_ *tokenServer, a answer) string { return a.AccessToken[:len(a.AccessToken)-6] + "AAAAAA" }, asAPI},
		{"a forged refresh token", func(_ *tokenServer, a answer) string {
			return a.RefreshToken[:len(a.RefreshToken)-44] + "." + b64(make([]byte, 32))
		}, asShop},
		{"at its exp, to the second", func(s *tokenServer, a answer) string { s.advance(accessTokenLife); return a.AccessToken }, asAPI},
		{"a refresh token that was idle for too long", func(s *tokenServer, a answer) string { s.advance(refreshIdle); return a.RefreshToken }, asShop},
		{"a grant that was revoked", func(s *tokenServer, a answer) string {
			s.call("revoke", tokenForm(a.RefreshToken), asShop)
			return a.AccessToken
		}, asAPI},
		{"a user who was disabled", func(s *tokenServer, a answer) string {
			_, err := s.store.UpdateUser(s.t.Context(), tenantA, userAlice, func(u *identity.User) error { u.Status = identity.UserDisabled; return nil })
			require.NoError(s.t, err)
			return a.AccessToken
		}, asAPI},
		{"an app that was disabled elsewhere", func(s *tokenServer, a answer) string {
			app := s.app(appShop)
			app.Disabled = true
			s.put(app)
			return a.AccessToken
		}, asAPI},
		{"a resource that the caller no longer answers for", func(s *tokenServer, a answer) string {
			app := s.app(appAPI)
			app.ResourceServer = []string{"https://other.example"}
			s.put(app)
			return a.AccessToken
		}, asAPI},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTokenServer(t)
			s.resourceServer(nil)
			token := tt.happen(s, s.exchange(forAPI))
			require.Equal(t, inactive, s.asked(token, tt.as))
		})
	}
	t.Run("a token of another tenant", func(t *testing.T) {
		s := newTokenServer(t)
		a := s.exchange(nil)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/t/b/introspect", formBody(tokenForm(a.AccessToken)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		asShop(r)
		app := s.apps(tenantB)[0]
		require.Equal(t, appShop, app.ID)
		require.Equal(t, inactive, bodyOf(t, s.serve(r)))
	})
	t.Run("a token of an app that was disabled has no grant, and is over all the same", func(t *testing.T) {
		s := newTokenServer(t)
		s.resourceServer(nil)
		w := s.post(url.Values{"grant_type": {grantCredentials}, "resource": {apiURI}}, asRobot)
		require.Equal(t, true, s.asked(w.AccessToken, asAPI)["active"])
		app := s.app(appMachine)
		app.Disabled = true
		s.put(app)
		require.NoError(t, s.catalog.Refresh(t.Context()))
		require.Equal(t, inactive, s.asked(w.AccessToken, asAPI))
	})
}

func TestIntrospectionRefused(t *testing.T) {
	s := newTokenServer(t)
	s.resourceServer(nil)
	a := s.exchange(nil)
	form := tokenForm(a.AccessToken)
	public := tokenForm(a.AccessToken)
	public.Set("client_id", appPublic)
	tests := []struct {
		name   string
		form   url.Values
		edit   func(*http.Request)
		status int
		want   string
	}{
		{"nobody", form, func(*http.Request) {}, 401, "invalid_client"},
		{"a wrong secret", form, as(appShop, "wrong"), 401, "invalid_client"},
		{"an app that keeps no secret", public, func(*http.Request) {}, 401, "invalid_client"},
		{"an access token in place of a secret", form, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+a.AccessToken) }, 401, "invalid_client"},
		{"no token", url.Values{}, asShop, 400, "invalid_request"},
		{"two tokens", url.Values{"token": {"a", "b"}}, asShop, 400, "invalid_request"},
		{"GET", form, func(r *http.Request) { r.Method = http.MethodGet }, 405, "invalid_request"},
		{"the token in the query", url.Values{}, func(r *http.Request) { asShop(r); r.URL.RawQuery = form.Encode() }, 400, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := s.call("introspect", tt.form, tt.edit)
			require.Equal(t, tt.status, w.Code)
			require.Equal(t, tt.want, errorOf(t, w))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		})
	}
	t.Run("a caller whose secret was replaced elsewhere is refused", func(t *testing.T) {
		app := s.app(appShop)
		app.Secrets = s.hashed(tenantA, appShop, "a newer secret")
		s.put(app)
		require.Equal(t, http.StatusUnauthorized, s.call("introspect", form, asShop).Code)
	})
	t.Run("a store that does not answer is no inactive token", func(t *testing.T) {
		s.provider.Grants = &brokenGrants{Store: s.store}
		w := s.call("introspect", form, as(appShop, "a newer secret"))
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Equal(t, "temporarily_unavailable", errorOf(t, w))
	})
}

// TestIntrospectionSigned: RFC 9701.
func TestIntrospectionSigned(t *testing.T) {
	s := newTokenServer(t)
	s.resourceServer(nil)
	a := s.exchange(forAPI)
	accept := func(value string) func(*http.Request) {
		return func(r *http.Request) { asAPI(r); r.Header.Set("Accept", value) }
	}
	const media = "application/token-introspection+jwt"

	w := s.call("introspect", tokenForm(a.AccessToken), accept(media))

	require.Equal(t, media, w.Header().Get("Content-Type"))
	claims, err := verifyJWT(s.keySet(), w.Body.String(), expected{
		Typ: "token-introspection+jwt", Issuer: issuerOf(tenantA), Audience: appAPI, Now: s.clock(), Expired: true,
	})
	require.NoError(t, err)
	require.Equal(t, "RS256", headerOf(t, w.Body.String())["alg"], "what RFC 9701 section 6 has for who registered none")
	require.Len(t, claims, 4)
	told := claimsIn(t, w.Body.String())
	require.EqualValues(t, s.clock().Unix(), told["iat"])
	require.Equal(t, s.asked(a.AccessToken, asAPI), told["token_introspection"])

	t.Run("also of a token that is not active", func(t *testing.T) {
		w := s.call("introspect", tokenForm("x"), accept(media))
		require.Equal(t, inactive, claimsIn(t, w.Body.String())["token_introspection"])
	})
	t.Run("with the alg that the caller registered", func(t *testing.T) {
		s.resourceServer(func(c *identity.Client) { c.IntrospectionAlg = keys.ES256 })
		w := s.call("introspect", tokenForm(a.AccessToken), accept("application/json;q=0.5, "+media))
		require.Equal(t, "ES256", headerOf(t, w.Body.String())["alg"])
	})
	for _, other := range []string{"application/json", "*/*", media + ";q=0", ""} {
		t.Run("JSON for Accept: "+other, func(t *testing.T) {
			w := s.call("introspect", tokenForm(a.AccessToken), accept(other))
			require.Contains(t, w.Header().Get("Content-Type"), "application/json")
		})
	}
	t.Run("it is no access token", func(t *testing.T) {
		require.Equal(t, http.StatusUnauthorized, s.info(w.Body.String()).Code)
		require.Equal(t, inactive, s.asked(w.Body.String(), asAPI))
	})
}

// TestIntrospectionOfATransaction: it is active until it was used up or is over.
func TestIntrospectionOfATransaction(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		s.resourceServer(nil)
		confirmed := func(edit func(*consent.Confirmation)) answer {
			c := consent.Confirmation{
				ID: b64(randomBytes(16)), TenantID: tenantA, UserID: userAlice, ClientID: appShop, InteractionID: "i", Action: "payout.request",
				TxnID: b64(randomBytes(8)), Details: []byte(`{"type":"payout.request"}`), DetailsHash: "dh", Status: consent.ConfirmationApproved,
				CreatedAt: s.clock(), ExpiresAt: s.clock().Add(5 * time.Minute), ApprovedAt: s.clock(), ConsumeBefore: s.clock().Add(time.Minute),
			}
			if edit != nil {
				edit(&c)
			}
			require.NoError(t, s.store.CreateConfirmation(t.Context(), c))
			return s.exchange(func(g *model.Grant) {
				forAPI(g)
				g.Action, g.ConfirmationID, g.DetailsHash, g.Details = c.Action, c.ID, c.DetailsHash, json.RawMessage(`[{"type":"payout.request"}]`)
			})
		}

		a := confirmed(nil)
		told := s.asked(a.AccessToken, asAPI)
		require.Equal(t, true, told["active"])
		require.Equal(t, "approved", told["txn_status"])
		require.Equal(t, claimsIn(t, a.AccessToken)["txn"], told["txn"])
		require.Equal(t, []any{map[string]any{"type": "payout.request"}}, told["authorization_details"])
		s.advance(time.Minute)
		require.Equal(t, inactive, s.asked(a.AccessToken, asAPI), "when the time to use it is over")

		for _, status := range []consent.ConfirmationStatus{consent.ConfirmationConsumed, consent.ConfirmationCancelled, consent.ConfirmationExpired, consent.ConfirmationRequested} {
			b := confirmed(func(c *consent.Confirmation) { c.Status = status })
			require.Equal(t, inactive, s.asked(b.AccessToken, asAPI), status)
		}
		lost := s.exchange(func(g *model.Grant) { g.Action, g.ConfirmationID = "payout.request", "never-there" })
		require.Equal(t, inactive, s.asked(lost.AccessToken, asShop), "no confirmation behind it")
	})
}
