package provider

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// proofFor is a good proof to bring along with token.
func (s *tokenServer) proofFor(key, method, path, token string, edits ...proofEdit) string {
	s.t.Helper()
	return s.proof(key, "ES256", method, path, append([]proofEdit{claimed("ath", hashOf(token))}, edits...)...)
}

// resource asks a resource of tenant A. proofs are headers of their own each.
func (s *tokenServer) resource(method, path, scheme, token string, proofs ...string) *http.Request {
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/t/a"+path, nil)
	r.Header.Set("Authorization", scheme+" "+token)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

func TestABoundTokenAtUserinfo(t *testing.T) {
	s := newTokenServer(t)
	code, _ := s.grant(appShop, nil)
	a := s.post(s.codeForm(appShop, code), asShop, s.proving("ec"))
	require.Equal(t, http.StatusOK, a.Status)
	token, unbound := a.AccessToken, s.exchange(nil).AccessToken
	other := s.post(refreshForm(a.RefreshToken), asShop, s.proving("ec")).AccessToken
	good := func(edits ...proofEdit) []string {
		return []string{s.proofFor("ec", http.MethodGet, "/userinfo", token, edits...)}
	}
	const dpop, bearer = "DPoP", "Bearer"
	tests := []struct {
		name, scheme, token string
		proofs              []string
		want                string // the error; "" for a good one
		challenge           string
	}{
		{"with its proof", dpop, token, good(), "", ""},
		{"the scheme in small letters", "dpop", token, good(), "", ""},
		{"the address with a query", dpop, token, good(claimed("htu", issuerOf(tenantA)+"/userinfo?x=y")), "", ""},
		{"an unbound token as ever", bearer, unbound, nil, "", ""},

		{"as a bearer token", bearer, token, nil, "invalid_token", dpop},
		{"as a bearer token, with its proof", bearer, token, good(), "invalid_token", dpop},
		{"without a proof", dpop, token, nil, "invalid_dpop_proof", dpop},
		{"with two proofs", dpop, token, append(good(), good()...), "invalid_dpop_proof", dpop},
		{"with the proof of another key", dpop, token, []string{s.proofFor("next", http.MethodGet, "/userinfo", token)}, "invalid_token", dpop},
		{"with a proof for another token", dpop, token, good(claimed("ath", hashOf(other))), "invalid_dpop_proof", dpop},
		{"with a proof for no token", dpop, token, good(claimed("ath", nil)), "invalid_dpop_proof", dpop},
		{"with a proof for another method", dpop, token, good(claimed("htm", "POST")), "invalid_dpop_proof", dpop},
		{"with a proof for another resource", dpop, token, good(claimed("htu", issuerOf(tenantA)+"/token")), "invalid_dpop_proof", dpop},
		{"without the nonce", dpop, token, good(claimed("nonce", nil)), "use_dpop_nonce", dpop},
		{"an unbound token with a proof", dpop, unbound, []string{s.proofFor("ec", http.MethodGet, "/userinfo", unbound)}, "invalid_token", dpop},
		{"what is no token", dpop, "x", []string{s.proofFor("ec", http.MethodGet, "/userinfo", "x")}, "invalid_token", dpop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := s.serve(s.resource(http.MethodGet, "/userinfo", tt.scheme, tt.token, tt.proofs...))
			if tt.want == "" {
				require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
				require.Equal(t, userAlice, bodyOf(t, w)["sub"])
				return
			}
			require.Equal(t, http.StatusUnauthorized, w.Code)
			require.Equal(t, tt.want, errorOf(t, w))
			challenge := w.Header().Get("WWW-Authenticate")
			require.Regexp(t, `^`+tt.challenge+` error="`+tt.want+`", error_description="[^"]+", algs="ES256 EdDSA PS256"$`, challenge)
			if tt.want != "invalid_token" {
				require.Equal(t, s.provider.nonce(tenantA, s.clock()), w.Header().Get("DPoP-Nonce"))
			}
		})
	}

	t.Run("in the form of a POST it is a bearer token", func(t *testing.T) {
		w := s.call("userinfo", url.Values{"access_token": {token}}, withProof(s.proofFor("ec", http.MethodPost, "/userinfo", token)))
		require.Equal(t, http.StatusUnauthorized, w.Code)
	})
	t.Run("without any token both ways are named", func(t *testing.T) {
		w := s.serve(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/a/userinfo", nil))
		require.Equal(t, []string{"Bearer", `DPoP algs="ES256 EdDSA PS256"`}, w.Header().Values("WWW-Authenticate"))
	})
	t.Run("a proof is good once", func(t *testing.T) {
		proof := good()
		require.Equal(t, http.StatusOK, s.serve(s.resource(http.MethodGet, "/userinfo", dpop, token, proof...)).Code)
		w := s.serve(s.resource(http.MethodGet, "/userinfo", dpop, token, proof...))
		require.Equal(t, http.StatusUnauthorized, w.Code)
		require.Equal(t, "invalid_dpop_proof", errorOf(t, w))
	})
	t.Run("what the request says of its host plays no part", func(t *testing.T) {
		r := s.resource(http.MethodGet, "/userinfo", dpop, token, good(claimed("htu", "https://evil.example/t/a/userinfo"))...)
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		require.Equal(t, http.StatusUnauthorized, s.serve(r).Code)
		r = s.resource(http.MethodGet, "/userinfo", dpop, token, good()...)
		r.Host = "evil.example"
		require.Equal(t, http.StatusOK, s.serve(r).Code)
	})
	t.Run("a nonce that is nearly over brings the next one", func(t *testing.T) {
		old := s.provider.nonce(tenantA, s.clock())
		s.advance(nonceLife)
		fresh := s.post(refreshForm(a.RefreshToken), asShop, s.proving("ec"))
		if fresh.Status != http.StatusOK { // the token of the grace is over by now
			code, _ := s.grant(appShop, nil)
			fresh = s.post(s.codeForm(appShop, code), asShop, s.proving("ec"))
		}
		proof := s.proofFor("ec", http.MethodGet, "/userinfo", fresh.AccessToken, claimed("nonce", old))
		w := s.serve(s.resource(http.MethodGet, "/userinfo", dpop, fresh.AccessToken, proof))
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, s.provider.nonce(tenantA, s.clock()), w.Header().Get("DPoP-Nonce"))
	})
}

func TestScriptsMayBindTheirTokens(t *testing.T) {
	s := newTokenServer(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/t/a/token", nil)
	r.Header.Set("Origin", "https://spa.example")
	w := s.serve(r)
	require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "DPoP")
	require.Contains(t, w.Header().Get("Access-Control-Expose-Headers"), "DPoP-Nonce")
}

// TestAPushedRequestWithAKey: RFC 9449 section 10.1.
func TestAPushedRequestWithAKey(t *testing.T) {
	s := newAuthServer(t)
	ec, next := jktOf(t, "ec"), jktOf(t, "next")
	pushing := func(key string, edits ...proofEdit) func(*http.Request) {
		return func(r *http.Request) {
			asShop(r)
			withProof(s.proof(key, "ES256", http.MethodPost, "/par", edits...))(r)
		}
	}
	refused := []struct {
		name string
		form url.Values
		by   func(*http.Request)
		want string
	}{
		{"a proof of another key than dpop_jkt", shopForm("dpop_jkt=" + next), pushing("ec"), "invalid_dpop_proof"},
		{"a proof for the token endpoint", shopForm(), func(r *http.Request) { asShop(r); s.proving("ec")(r) }, "invalid_dpop_proof"},
		{"a proof without the nonce", shopForm(), pushing("ec", claimed("nonce", nil)), "use_dpop_nonce"},
		{"a dpop_jkt that is no thumbprint", shopForm("dpop_jkt=x"), asShop, "invalid_request"},
		{"a dpop_jkt of another hash", shopForm("dpop_jkt=" + b64(make([]byte, 20))), asShop, "invalid_request"},
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			got := s.push(tt.form, tt.by)
			require.Equal(t, http.StatusBadRequest, got.Status)
			require.Equal(t, tt.want, got.Error, got.Description)
			if tt.want == "use_dpop_nonce" {
				require.NotEmpty(t, got.Header.Get("DPoP-Nonce"))
			}
		})
	}
	t.Run("a proof is good once", func(t *testing.T) {
		proof := s.proof("ec", "ES256", http.MethodPost, "/par")
		by := func(r *http.Request) { asShop(r); withProof(proof)(r) }
		require.Equal(t, http.StatusCreated, s.push(shopForm(), by).Status)
		require.Equal(t, "invalid_dpop_proof", s.push(shopForm(), by).Error)
	})

	bound := []struct {
		name string
		code func(t *testing.T, b *browser) string
	}{
		{"by a proof that came with the push", func(t *testing.T, b *browser) string {
			got := s.push(shopForm(), pushing("ec"))
			require.Equal(t, http.StatusCreated, got.Status, got.Description)
			return s.codeOf(t, b.authorize(reference(got.RequestURI)))
		}},
		{"by both", func(t *testing.T, b *browser) string {
			got := s.push(shopForm("dpop_jkt="+ec), pushing("ec"))
			return s.codeOf(t, b.authorize(reference(got.RequestURI)))
		}},
		{"by dpop_jkt in the push", func(t *testing.T, b *browser) string {
			return s.codeOf(t, b.authorize(reference(s.mustPush(shopForm("dpop_jkt="+ec)))))
		}},
		{"by dpop_jkt in the browser", func(t *testing.T, b *browser) string {
			return s.codeOf(t, b.authorize(shopForm("dpop_jkt="+ec)))
		}},
		{"by the push, whatever the browser says", func(t *testing.T, b *browser) string {
			return s.codeOf(t, b.authorize(reference(s.mustPush(shopForm("dpop_jkt="+ec)), "dpop_jkt="+next)))
		}},
	}
	for _, tt := range bound {
		t.Run("the code is bound "+tt.name, func(t *testing.T) {
			b := s.signedIn(time.Minute)
			a := s.post(s.codeForm(appShop, tt.code(t, b)), asShop, s.proving("ec"))
			require.Equal(t, http.StatusOK, a.Status, a.Description)
			require.Equal(t, "DPoP", a.TokenType)
			require.Equal(t, "invalid_grant", s.post(s.codeForm(appShop, tt.code(t, b)), asShop, s.proving("next")).Error)
			require.Equal(t, "invalid_grant", s.post(s.codeForm(appShop, tt.code(t, b)), asShop).Error)
		})
	}
	t.Run("the code is bound through a login", func(t *testing.T) {
		b := s.browser()
		got := s.push(shopForm(), pushing("ec"))
		id := interactionID(t, b.authorize(reference(got.RequestURI)))
		b.logIn(id, userAlice)
		a := s.post(s.codeForm(appShop, s.codeOf(t, b.resume(id))), asShop, s.proving("next"))
		require.Equal(t, "invalid_grant", a.Error)
	})
}

func (s *authServer) codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	_, got := told(t, w)
	require.NotEmpty(t, got.Get("code"), "%v", got)
	return got.Get("code")
}

// TestATransactionIsBoundToAKey: the token of an approval is worth nothing to whoever
// copies it.
func TestATransactionIsBoundToAKey(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	b := s.signedIn(time.Minute)
	got := s.push(payout("order-1"), func(r *http.Request) {
		asShop(r)
		withProof(s.proof("ec", "ES256", http.MethodPost, "/par"))(r)
	})
	require.Equal(t, http.StatusCreated, got.Status, got.Description)
	id := interactionID(t, b.authorize(reference(got.RequestURI)))
	st := b.open(id)
	_, _, err := s.flow.Answer(t.Context(), st, consent.Given{ChallengeID: st.In.State.ChallengeID, Input: s.mail.code}, consent.Browser{Hash: st.In.BrowserHash})
	require.NoError(t, err)
	a := s.post(s.codeForm(appShop, s.codeOf(t, b.resume(id))), asShop, s.proving("ec"))
	require.Equal(t, http.StatusOK, a.Status, a.Description)
	require.Equal(t, "DPoP", a.TokenType)
	require.NotEmpty(t, claimsIn(t, a.AccessToken)["authorization_details"])
	v, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
	require.NoError(t, err)

	path := "/confirmations/" + v.ID
	as := func(scheme string, proofs ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", scheme+" "+a.AccessToken)
			for _, p := range proofs {
				r.Header.Add("DPoP", p)
			}
		}
	}
	proof := func(key, method, path string) string { return s.proofFor(key, method, path, a.AccessToken) }

	for name, by := range map[string]func(*http.Request){
		"as a bearer token":                   as("Bearer"),
		"without a proof":                     as("DPoP"),
		"with the proof of another key":       as("DPoP", proof("next", http.MethodPost, path+"/consume")),
		"with a proof for another call":       as("DPoP", proof("ec", http.MethodGet, path)),
		"with a proof for another":            as("DPoP", proof("ec", http.MethodPost, "/confirmations/other/consume")),
		"with a proof of the token's request": as("DPoP", s.proof("ec", "ES256", http.MethodPost, "/token")),
	} {
		f := s.consume(v, v.DetailsHash, by)
		require.Equal(t, http.StatusUnauthorized, f.Code, name)
		require.Contains(t, f.Header.Get("WWW-Authenticate"), "DPoP error=", name)
	}
	f := s.fate(http.MethodGet, "/t/a"+path, "", as("DPoP", proof("ec", http.MethodGet, path)))
	require.Equal(t, http.StatusOK, f.Code)
	require.Equal(t, "approved", f.Status)
	f = s.fate(http.MethodGet, "/t/a/confirmations?action=payout.request&txn_id=order-1", "", as("DPoP", proof("ec", http.MethodGet, "/confirmations")))
	require.Equal(t, http.StatusOK, f.Code)
	f = s.consume(v, v.DetailsHash, idempotent("k", as("DPoP", proof("ec", http.MethodPost, path+"/consume"))))
	require.Equal(t, http.StatusOK, f.Code, f.Title)
	require.Equal(t, "consumed", f.Status)
}

// TestABoundTokenOfAnApp: what an app's own server asks of users.
func TestABoundTokenOfAnApp(t *testing.T) {
	s := newTokenServer(t)
	s.provider.Users, s.provider.Status = s.store, func(context.Context, *identity.Realm, identity.User) (any, error) { return gin.H{}, nil }
	s.provider.mountUsers(s.engine.Group("/t/:tenant", web.Tenant(s.catalog, nil)))
	app := s.app(appMachine)
	app.Scopes = append(app.Scopes, scopeSecurity, scopeFlags)
	s.put(app)
	require.NoError(t, s.catalog.Refresh(t.Context()))
	a := s.post(url.Values{"grant_type": {grantCredentials}, "scope": {"users.security users.flags"}}, asMachine, s.proving("ec"))
	require.Equal(t, http.StatusOK, a.Status, a.Description)
	const status, flag = "/users/" + userAlice + "/security", "/users/" + userAlice + "/flags/held"
	for _, call := range []struct{ method, path string }{{http.MethodGet, status}, {http.MethodPut, flag}, {http.MethodDelete, flag}} {
		for name, r := range map[string]*http.Request{
			"as a bearer token":             s.resource(call.method, call.path, "Bearer", a.AccessToken),
			"without a proof":               s.resource(call.method, call.path, "DPoP", a.AccessToken),
			"with the proof of another key": s.resource(call.method, call.path, "DPoP", a.AccessToken, s.proofFor("next", call.method, call.path, a.AccessToken)),
			"with a proof about another":    s.resource(call.method, call.path, "DPoP", a.AccessToken, s.proofFor("ec", call.method, "/users/bob/security", a.AccessToken)),
		} {
			w := s.serve(r)
			require.Equal(t, http.StatusUnauthorized, w.Code, "%s %s %s", call.method, call.path, name)
			require.Contains(t, w.Header().Get("WWW-Authenticate"), "DPoP error=")
		}
		w := s.serve(s.resource(call.method, call.path, "DPoP", a.AccessToken, s.proofFor("ec", call.method, call.path, a.AccessToken)))
		require.Less(t, w.Code, 300, "%s", w.Body)
	}
}

// TestProofsForATenantWithAHostOfItsOwn: the address is that of the stored issuer, not
// the path inside of the server.
func TestProofsForATenantWithAHostOfItsOwn(t *testing.T) {
	s := newTokenServer(t)
	const tenant, issuer = "tenant-h", "https://h.id.example"
	policy, err := os.ReadFile("../mfa/policy/presets/conformance-password-only.json")
	require.NoError(t, err)
	require.NoError(t, s.store.CreateTenant(t.Context(), identity.Tenant{
		ID: tenant, Slug: "h", Host: "h.id.example", Issuer: issuer, Name: "H", Status: identity.TenantActive,
	}))
	_, err = s.store.SavePolicy(t.Context(), tenant, policy, "test", "seed", nil, false)
	require.NoError(t, err)
	key, err := keys.Generate(tenant, keys.ES256, keys.Active, tokenT0)
	require.NoError(t, err)
	require.NoError(t, s.store.AddKey(t.Context(), key))
	app := s.app(appMachine)
	app.TenantID, app.Secrets = tenant, s.hashed(tenant, appMachine, robotSecret)
	s.put(app)
	require.NoError(t, s.catalog.Refresh(t.Context()))
	front := web.ByHost(s.catalog, "id.example", s.engine)
	post := func(htu string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/token", strings.NewReader(ccForm().Encode()))
		r.Host = "h.id.example"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		asMachine(r)
		r.Header.Set("DPoP", s.proof("ec", "ES256", http.MethodPost, "", claimed("htu", htu), claimed("nonce", s.provider.nonce(tenant, s.clock()))))
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		return w
	}
	w := post(issuer + "/token")
	require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
	require.Equal(t, "invalid_dpop_proof", errorOf(t, post(issuer+"/t/h/token")))
}
