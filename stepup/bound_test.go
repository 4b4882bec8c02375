package stepup_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestChallengesOfBoundTokens(t *testing.T) {
	p, _ := open(t)
	key := newES256("k")
	token := bound(p, key, nil)
	auth := []string{"DPoP " + string(token)}
	proof := func() []string { return []string{key.proves(p, token, nil)} }
	plain := bearer(accessToken(p, nil))
	only := func(c *stepup.VerifierConfig) { c.RequireDPoP = true }
	never := func(c *stepup.VerifierConfig) { c.PublicURL = "" }
	payout := stepup.Requirement{ACR: []string{stepup.Action("payout.request")}, MaxAge: 5 * time.Minute}
	for _, tt := range []struct {
		name        string
		cfg         func(*stepup.VerifierConfig)
		req         stepup.Requirement
		auth, proof []string
		status      int
		want        []string
	}{
		{"no token: both schemes", nil, payout, nil, nil, 401, []string{"Bearer", `DPoP algs="ES256 EdDSA PS256"`}},
		{"no token where it has to be bound", only, payout, nil, nil, 401, []string{`DPoP algs="ES256 EdDSA PS256"`}},
		{"a bearer token where it has to be bound", only, stepup.Requirement{}, plain, nil, 401, []string{noGood}},
		{"a bad token where it has to be bound", only, stepup.Requirement{}, []string{"Bearer x"}, nil, 401, []string{noGood}},
		{"a bound token where it has to be", only, stepup.Requirement{}, auth, proof(), 200, nil},
		{"a bound token where none is taken", never, stepup.Requirement{}, auth, proof(), 401, []string{`Bearer error="invalid_token"`}},
		{"bound, as a bearer token, where none is taken", never, stepup.Requirement{}, bearer(token), nil, 401, []string{`Bearer error="invalid_token"`}},
		{"more is demanded of the user", nil, payout, auth, proof(), 401, []string{
			`DPoP error="insufficient_user_authentication", error_description="A stronger or more recent authentication is required", acr_values="urn:sallyport:action:payout.request", max_age="300"` + atOurs,
		}},
		{"more is demanded of the user of a bearer token", nil, payout, plain, nil, 401, []string{
			`Bearer error="insufficient_user_authentication", error_description="A stronger or more recent authentication is required", acr_values="urn:sallyport:action:payout.request", max_age="300"`,
		}},
		{"a scope is missing", nil, stepup.Requirement{Scope: "admin"}, auth, proof(), 403, []string{`DPoP error="insufficient_scope", scope="admin"` + atOurs}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := knock(guard(t, p, tt.cfg), tt.req, tt.auth, tt.proof)

			require.Equal(t, tt.status, w.Code)
			require.Equal(t, tt.want, w.Header().Values("WWW-Authenticate"))
			if tt.status == 401 && tt.req.ACR != nil && tt.auth != nil {
				demand, ok := stepup.ChallengeIn(w.Header())
				require.True(t, ok)
				require.Equal(t, payout.ACR, demand.ACR)
			}
		})
	}
	t.Run("Verify alone takes no bound token, since it sees no proof", func(t *testing.T) {
		_, err := guard(t, p, nil).Verify(t.Context(), token)
		require.ErrorIs(t, err, stepup.ErrToken)
	})
}

func TestNonceOfTheAPI(t *testing.T) {
	p, _ := open(t)
	key := newES256("k")
	token := bound(p, key, func(c map[string]any) { c["exp"] = start.Add(time.Hour).Unix() })
	auth := []string{"DPoP " + string(token)}
	secret := stepup.Secret(strings.Repeat("k", 32))
	with := func(c *stepup.VerifierConfig) { c.NonceKey = secret }
	v := guard(t, p, with)
	ask := func(v *stepup.Verifier, nonce string) *httptest.ResponseRecorder {
		return knock(v, stepup.Requirement{}, auth, []string{key.proves(p, token, func(_, c map[string]any) { c["nonce"] = nonce })})
	}
	const want = `DPoP error="use_dpop_nonce"` + atOurs

	w := ask(v, "")
	nonce := w.Header().Get("DPoP-Nonce")
	require.Equal(t, []any{401, want, "no-store"}, []any{w.Code, w.Header().Get("WWW-Authenticate"), w.Header().Get("Cache-Control")})
	require.Len(t, nonce, 43)
	require.Equal(t, want, ask(v, "another").Header().Get("WWW-Authenticate"))
	w = ask(v, nonce)
	require.Equal(t, []any{200, ""}, []any{w.Code, w.Header().Get("DPoP-Nonce")})
	require.Equal(t, 200, ask(guard(t, p, with), nonce).Code, "a replica with the same key knows it")
	elsewhere := guard(t, p, func(c *stepup.VerifierConfig) { c.NonceKey = secret + "x" })
	require.Equal(t, 401, ask(elsewhere, nonce).Code)

	p.clock.Move(5 * time.Minute)
	w = ask(v, nonce)
	next := w.Header().Get("DPoP-Nonce")
	require.Equal(t, 200, w.Code, "the one before is taken too")
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.NotEqual(t, nonce, next)
	require.Len(t, next, 43)
	p.clock.Move(-10 * time.Second)
	require.Equal(t, 200, ask(v, next).Code, "of a replica whose clock is ahead")
	p.clock.Move(-time.Second)
	require.Equal(t, want, ask(v, next).Header().Get("WWW-Authenticate"), "nobody knows it before its time")
	p.clock.Move(5*time.Minute + 11*time.Second)
	require.Equal(t, want, ask(v, nonce).Header().Get("WWW-Authenticate"))
	w = knock(v, stepup.Requirement{}, auth, nil)
	require.NotEmpty(t, w.Header().Get("DPoP-Nonce"), "who sends a bad proof is told for the next one")
	require.Equal(t, 200, knock(v, stepup.Requirement{}, bearer(accessToken(p, nil)), nil).Code, "a bearer token has no proof")

	refused := []string{key.proves(p, token, func(_, c map[string]any) { c["nonce"] = "x" })}
	require.Equal(t, 401, knock(v, stepup.Requirement{}, auth, refused).Code)
	plain := guard(t, p, nil)
	require.Equal(t, 200, knock(plain, stepup.Requirement{}, auth, refused).Code, "where none is wanted, any will do")
}

func TestTheAddressBehindAProxy(t *testing.T) {
	p, _ := open(t)
	key := newES256("k")
	token := bound(p, key, nil)
	for _, tt := range []struct {
		name, public, htu string
		pass              bool
	}{
		{"the proxy takes a part of the path away", "https://example.test/api/", "https://example.test/api/limits", true},
		{"the part is missing in the proof", "https://example.test/api", "https://example.test/limits", false},
		{"an API on this machine", "http://localhost:8080", "http://localhost:8080/limits", true},
		{"a host that begins alike", "https://example.test", "https://example.test.evil.test/limits", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := guard(t, p, func(c *stepup.VerifierConfig) { c.PublicURL = tt.public })
			proof := key.proves(p, token, func(_, c map[string]any) { c["htu"] = tt.htu })
			w := knock(v, stepup.Requirement{}, []string{"DPoP " + string(token)}, []string{proof})
			require.Equal(t, tt.pass, w.Code == http.StatusOK)
		})
	}
}

func TestVerifierConfig(t *testing.T) {
	p, _ := open(t)
	for _, tt := range []struct {
		name string
		edit func(*stepup.VerifierConfig)
		want string
	}{
		{"no audience", func(c *stepup.VerifierConfig) { c.Audience = "" }, "Audience: is missing"},
		{"bound tokens without an address", func(c *stepup.VerifierConfig) { c.RequireDPoP = true }, "PublicURL: is missing"},
		{"nonces without an address", func(c *stepup.VerifierConfig) { c.NonceKey = stepup.Secret(strings.Repeat("k", 32)) }, "PublicURL: is missing"},
		{"a store without an address", func(c *stepup.VerifierConfig) { c.Replays = broken{} }, "PublicURL: is missing"},
		{"an address without protection", func(c *stepup.VerifierConfig) { c.PublicURL = "http://api.example.test" }, "PublicURL: must be https"},
		{"an address with a query", func(c *stepup.VerifierConfig) { c.PublicURL = apiName + "?a" }, "PublicURL: must not have a query"},
		{"a key that can be guessed", func(c *stepup.VerifierConfig) {
			c.PublicURL, c.NonceKey = apiName, stepup.Secret(strings.Repeat("k", 31))
		}, "NonceKey: has to have 32 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := stepup.VerifierConfig{Issuer: p.issuer(), Audience: apiName, Now: p.clock.Now}
			tt.edit(&cfg)
			_, err := stepup.NewVerifier(t.Context(), cfg)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "kkk")
		})
	}
}
