package stepup_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func cancelable(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func verifier(t *testing.T, p *provider) *stepup.Verifier {
	t.Helper()
	v, err := stepup.NewVerifier(t.Context(), stepup.VerifierConfig{Issuer: p.issuer(), Audience: apiName, Now: p.clock.Now})
	require.NoError(t, err)
	return v
}

// accessToken makes a good access token of a multi-factor login a minute ago,
// bent by edit.
func accessToken(p *provider, edit func(header, claims map[string]any)) stepup.Secret {
	now := p.clock.Now()
	header := map[string]any{"typ": "at+jwt", "kid": p.signers[0].kid}
	claims := map[string]any{
		"iss": p.issuer(), "sub": "alice", "aud": []string{"other", apiName}, "client_id": clientID, "jti": "j1",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "scope": "read pay",
		"acr": stepup.ACRMFA, "auth_time": now.Add(-time.Minute).Unix(), "amr": []string{"pwd", "otp", "mfa"},
	}
	if edit != nil {
		edit(header, claims)
	}
	return stepup.Secret(p.signers[0].signed(header, claims))
}

func TestVerify(t *testing.T) {
	p, _ := open(t)
	v := verifier(t, p)
	set := func(name string, value any) func(_, c map[string]any) {
		return func(_, c map[string]any) { c[name] = value }
	}
	drop := func(name string) func(_, c map[string]any) { return func(_, c map[string]any) { delete(c, name) } }
	typ := func(value string) func(h, _ map[string]any) { return func(h, _ map[string]any) { h["typ"] = value } }
	tests := []struct {
		name string
		edit func(header, claims map[string]any)
		want error
	}{
		{"a good token", nil, nil},
		{"typ written in full", typ("application/at+jwt"), nil},
		{"no acr: a client on its own", drop("acr"), nil},
		{"an ID token", typ("JWT"), stepup.ErrToken},
		{"no typ", func(h, _ map[string]any) { delete(h, "typ") }, stepup.ErrToken},
		{"another issuer", set("iss", "https://evil.example.test"), stepup.ErrToken},
		{"another API", set("aud", "https://other.example.test"), stepup.ErrToken},
		{"no audience", drop("aud"), stepup.ErrToken},
		{"an audience that starts like ours", set("aud", apiName+"/v2"), stepup.ErrToken},
		{"expired", set("exp", start.Add(-10*time.Second).Unix()), stepup.ErrToken},
		{"no exp", drop("exp"), stepup.ErrToken},
		{"no iat", drop("iat"), stepup.ErrToken},
		{"no sub", drop("sub"), stepup.ErrToken},
		{"no client_id", drop("client_id"), stepup.ErrToken},
		{"no jti", drop("jti"), stepup.ErrToken},
		{"scope is a list", set("scope", []string{"read"}), stepup.ErrToken},
		{"acr is a number", set("acr", 2), stepup.ErrToken},
		{"auth_time ahead", set("auth_time", start.Add(11*time.Second).Unix()), stepup.ErrToken},
		{"bound to a key", set("cnf", map[string]any{"jkt": "x"}), stepup.ErrToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := v.Verify(t.Context(), accessToken(p, tt.edit))

			require.ErrorIs(t, err, tt.want)
			if tt.want != nil {
				require.Zero(t, got)
			}
		})
	}

	t.Run("says what the token says", func(t *testing.T) {
		got, err := v.Verify(t.Context(), accessToken(p, set("acr", stepup.Action("payout.request"))))

		require.NoError(t, err)
		require.NotEmpty(t, got.Claims)
		require.NotEmpty(t, string(got.Raw))
		require.NotContains(t, fmt.Sprintf("%+v", got), string(got.Raw))
		got.Claims, got.Raw = nil, ""
		require.Equal(t, stepup.AccessToken{
			Subject: "alice", ClientID: clientID, ID: "j1", Audience: []string{"other", apiName}, Scope: "read pay",
			ACR: stepup.Action("payout.request"), AMR: []string{"pwd", "otp", "mfa"},
			AuthTime: start.Add(-time.Minute), IssuedAt: start, ExpiresAt: start.Add(5 * time.Minute),
		}, got)
		require.Equal(t, "payout.request", got.Action())
	})
}

func TestRequire(t *testing.T) {
	p, _ := open(t)
	v := verifier(t, p)
	with := func(name string, value any) stepup.Secret {
		return accessToken(p, func(_, c map[string]any) { c[name] = value })
	}
	const stepUp = `Bearer error="insufficient_user_authentication", error_description="A stronger or more recent authentication is required", `
	mfa := stepup.Requirement{ACR: []string{stepup.ACRMFA}}
	payout := stepup.Requirement{ACR: []string{stepup.Action("payout.request")}, MaxAge: 5 * time.Minute, Scope: "pay"}
	minute := stepup.Requirement{MaxAge: time.Minute}
	tests := []struct {
		name   string
		req    stepup.Requirement
		auth   []string
		status int
		header string
	}{
		{"no token", mfa, nil, 401, `Bearer`},
		{"another scheme", mfa, []string{"Basic eDp5"}, 401, `Bearer error="invalid_token"`},
		{"an empty token", mfa, []string{"Bearer "}, 401, `Bearer error="invalid_token"`},
		{"two tokens", mfa, []string{"Bearer " + string(accessToken(p, nil)), "Bearer x"}, 401, `Bearer error="invalid_token"`},
		{"a bad token", mfa, []string{"Bearer x.y.z"}, 401, `Bearer error="invalid_token"`},
		{"an expired token", mfa, bearer(with("exp", start.Unix()-60)), 401, `Bearer error="invalid_token"`},
		{"the level is reached", mfa, bearer(with("x", 1)), 200, ""},
		{"the scheme in small letters", mfa, []string{"bearer " + string(accessToken(p, nil))}, 200, ""},
		{"a stronger level", mfa, bearer(with("acr", stepup.ACRPHRH)), 200, ""},
		{"a weaker level", mfa, bearer(with("acr", stepup.ACR2SV)), 401, stepUp + `acr_values="urn:sallyport:acr:mfa"`},
		{"a trusted device", mfa, bearer(with("acr", stepup.ACRTrustedDevice)), 401, stepUp + `acr_values="urn:sallyport:acr:mfa"`},
		{"an action is not a login", mfa, bearer(with("acr", stepup.Action("payout.request"))), 401, stepUp + `acr_values="urn:sallyport:acr:mfa"`},
		{"a client on its own", mfa, bearer(with("acr", "")), 401, stepUp + `acr_values="urn:sallyport:acr:mfa"`},
		{"one of several", stepup.Requirement{ACR: []string{stepup.ACRPHR, stepup.ACRMFA}}, bearer(with("x", 1)), 200, ""},
		{"the very action", payout, bearer(with("acr", stepup.Action("payout.request"))), 200, ""},
		{"another action", payout, bearer(with("acr", stepup.Action("bid.place"))), 401, stepUp + `acr_values="urn:sallyport:action:payout.request", max_age="300", scope="pay"`},
		{"a login is not an action", payout, bearer(with("acr", stepup.ACRPHRH)), 401, stepUp + `acr_values="urn:sallyport:action:payout.request", max_age="300", scope="pay"`},
		{"the scope is missing, which comes first", payout, bearer(with("scope", "read payments")), 403, `Bearer error="insufficient_scope", scope="pay"`},
		{"exactly as old as allowed", minute, bearer(with("auth_time", start.Unix()-60)), 200, ""},
		{"a second older", minute, bearer(with("auth_time", start.Unix()-61)), 401, stepUp + `max_age="60"`},
		{"of unknown age", minute, bearer(accessToken(p, func(_, c map[string]any) { delete(c, "auth_time") })), 401, stepUp + `max_age="60"`},
		{"a clock 5 s ahead", minute, bearer(with("auth_time", start.Unix()+5)), 200, ""},
		{"nothing demanded but a token", stepup.Requirement{}, bearer(with("acr", "")), 200, ""},
		{"a negative age is never met", stepup.Requirement{MaxAge: -1}, bearer(with("x", 1)), 401, `Bearer error="insufficient_user_authentication", error_description="A stronger or more recent authentication is required"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			passed := false
			h := v.Require(tt.req)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				token, ok := stepup.FromContext(r.Context())
				passed = ok && token.Subject == "alice"
			}))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header["Authorization"] = tt.auth
			if tt.auth == nil {
				r.Header.Del("Authorization")
			}
			w := httptest.NewRecorder()

			h.ServeHTTP(w, r)

			require.Equal(t, tt.status, w.Code)
			require.Equal(t, tt.header, w.Header().Get("WWW-Authenticate"))
			require.Equal(t, tt.status == http.StatusOK, passed)
			if !passed {
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			}
		})
	}

	t.Run("the keys cannot be read", func(t *testing.T) {
		p, _ := open(t)
		p.override["/jwks"] = http.NotFound
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header["Authorization"] = bearer(accessToken(p, nil))

		verifier(t, p).Require(mfa)(http.NotFoundHandler()).ServeHTTP(w, r)

		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Empty(t, w.Header().Get("WWW-Authenticate"))
	})

	t.Run("outside of the middleware there is no token", func(t *testing.T) {
		_, ok := stepup.FromContext(t.Context())

		require.False(t, ok)
	})
}

func bearer(token stepup.Secret) []string { return []string{"Bearer " + string(token)} }

func TestRequireProof(t *testing.T) {
	p, c := open(t)
	good, err := run(t, c, payout())
	require.NoError(t, err)
	req := stepup.Requirement{ACR: []string{stepup.Action("payout.request")}, MaxAge: 5 * time.Minute, Scope: "openid"}
	tests := []struct {
		name string
		edit func(*stepup.Proof) bool // returns whether the session has a proof
		age  time.Duration
		pass bool
	}{
		{"a fresh proof", func(*stepup.Proof) bool { return true }, 0, true},
		{"at exactly MaxAge", func(*stepup.Proof) bool { return true }, 5 * time.Minute, true},
		{"too old", func(*stepup.Proof) bool { return true }, 5*time.Minute + time.Second, false},
		{"from a clock 10 s ahead", func(*stepup.Proof) bool { return true }, -10 * time.Second, true},
		{"from the future", func(*stepup.Proof) bool { return true }, -11 * time.Second, false},
		{"of nobody", func(p *stepup.Proof) bool { p.Subject = ""; return true }, 0, false},
		{"of unknown age", func(p *stepup.Proof) bool { p.AuthTime = time.Time{}; return true }, 0, false},
		{"none", func(*stepup.Proof) bool { return false }, 0, false},
		{"an empty one", func(p *stepup.Proof) bool { *p = stepup.Proof{}; return true }, 0, false},
		{"a login", func(p *stepup.Proof) bool { p.ACR = stepup.ACRPHRH; return true }, 0, false},
		{"another action", func(p *stepup.Proof) bool { p.ACR = stepup.Action("bid.place"); return true }, 0, false},
		{"without the scope", func(p *stepup.Proof) bool { p.Scope = ""; return true }, 0, false},
		{"of another tenant", func(p *stepup.Proof) bool { p.Claims = map[string]any{"iss": "x"}; return true }, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.clock.Move(tt.age)
			defer p.clock.Move(-tt.age)
			get := func(*http.Request) (stepup.Proof, bool) {
				proof := good
				has := tt.edit(&proof)
				return proof, has
			}
			missing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
			w := httptest.NewRecorder()

			c.RequireProof(get, req, missing)(next).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))

			require.Equal(t, tt.pass, w.Code == http.StatusOK)
		})
	}

	t.Run("without onMissing it answers 401", func(t *testing.T) {
		none := func(*http.Request) (stepup.Proof, bool) { return stepup.Proof{}, false }
		w := httptest.NewRecorder()

		c.RequireProof(none, req, nil)(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))

		require.Equal(t, http.StatusUnauthorized, w.Code)
	})
}
