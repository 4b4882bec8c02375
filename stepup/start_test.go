package stepup_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestStart(t *testing.T) {
	_, c := open(t)
	age := 90*time.Second + 900*time.Millisecond

	address, tx, err := c.Start(stepup.StartOptions{
		ACR:         []string{stepup.ACRPHR, stepup.ACRMFA},
		MaxAge:      &age,
		Prompt:      "login  consent",
		Scopes:      []string{"email", "openid", "email"},
		Subject:     `al"ice`,
		IDTokenHint: "hint",
		LoginHint:   "alice@example.test",
		UILocales:   []string{"de", "en"},
	})

	require.NoError(t, err)
	u, err := url.Parse(address)
	require.NoError(t, err)
	sum := sha256.Sum256([]byte(tx.Verifier))
	want := url.Values{
		"response_type":         {"code"},
		"client_id":             {clientID},
		"redirect_uri":          {redirectURI},
		"scope":                 {"openid email"},
		"state":                 {string(tx.State)},
		"nonce":                 {string(tx.Nonce)},
		"code_challenge":        {b64(sum[:])},
		"code_challenge_method": {"S256"},
		"acr_values":            {"phr urn:sallyport:acr:mfa"},
		"max_age":               {"90"},
		"prompt":                {"login consent"},
		"login_hint":            {"alice@example.test"},
		"id_token_hint":         {"hint"},
		"ui_locales":            {"de en"},
		"claims":                {`{"id_token":{"sub":{"value":"al\"ice"}}}`},
	}
	require.Empty(t, cmp.Diff(want, u.Query()))
	require.Equal(t, start, tx.StartedAt)
	require.Len(t, string(tx.Verifier), 43)

	_, again, err := c.Start(stepup.StartOptions{})
	require.NoError(t, err)
	require.NotEqual(t, string(tx.State), string(again.State))
	require.NotEqual(t, string(tx.Nonce), string(again.Nonce))
	require.NotEqual(t, string(tx.Verifier), string(again.Verifier))
}

func TestStartSendsNothingThatWasNotAsked(t *testing.T) {
	p := newProvider()
	t.Cleanup(p.Close)
	p.discovery = func(m map[string]any) { m["authorization_endpoint"] = p.issuer() + "/authorize?tenant=acme" }

	address, _, err := connect(t, p).Start(stepup.StartOptions{})

	require.NoError(t, err)
	query := must(url.Parse(address)).Query()
	for _, name := range []string{"acr_values", "max_age", "prompt", "login_hint", "id_token_hint", "ui_locales", "claims"} {
		require.False(t, query.Has(name), name)
	}
	require.Equal(t, "openid", query.Get("scope"))
	require.Equal(t, "acme", query.Get("tenant"))
}

func TestStartRefuses(t *testing.T) {
	_, c := open(t)
	age := func(d time.Duration) *time.Duration { return &d }
	action := stepup.Action("payout.request")
	tests := []struct {
		name string
		opts stepup.StartOptions
	}{
		{"an action beside a level", stepup.StartOptions{ACR: []string{action, stepup.ACRMFA}, Subject: "alice"}},
		{"an action of nobody", stepup.StartOptions{ACR: []string{action}}},
		{"an action without a name", stepup.StartOptions{ACR: []string{stepup.Action("")}, Subject: "alice"}},
		{"an action of one word", stepup.StartOptions{ACR: []string{stepup.Action("payout")}, Subject: "alice"}},
		{"an action in capitals", stepup.StartOptions{ACR: []string{stepup.Action("Payout.Request")}, Subject: "alice"}},
		{"two values in one", stepup.StartOptions{ACR: []string{"phr phrh"}}},
		{"an empty acr", stepup.StartOptions{ACR: []string{""}}},
		{"a trusted device", stepup.StartOptions{ACR: []string{stepup.ACRTrustedDevice}}},
		{"a negative max_age", stepup.StartOptions{MaxAge: age(-time.Second)}},
		{"a max_age of centuries", stepup.StartOptions{MaxAge: age(200 * 365 * 24 * time.Hour)}},
		{"a prompt that is not known", stepup.StartOptions{Prompt: "create"}},
		{"prompt none with another", stepup.StartOptions{Prompt: "none login"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, tx, err := c.Start(tt.opts)

			require.Error(t, err)
			require.Empty(t, address)
			require.Zero(t, tx)
		})
	}
}

func TestWhatAnAppVouchesForIsPushed(t *testing.T) {
	_, c := open(t)
	opts := stepup.StartOptions{ACR: []string{stepup.Action("payout.request")}, Subject: "alice", LoggedInAt: time.Now()}
	_, _, err := c.Start(opts)
	require.ErrorContains(t, err, "use Push")
	_, _, err = c.Push(t.Context(), opts)
	require.ErrorContains(t, err, "AuthPrivateKeyJWT")
	opts.ACR = []string{stepup.ACRMFA}
	_, _, err = c.Push(t.Context(), opts)
	require.ErrorContains(t, err, "LoggedInAt goes with an action")
}

func TestTransactionIsKeptByEncodeAlone(t *testing.T) {
	_, c := open(t)
	_, tx, err := c.Start(payout())
	require.NoError(t, err)

	back, err := stepup.DecodeTransaction(tx.Encode())
	require.NoError(t, err)
	require.Equal(t, tx, back)

	text, err := json.Marshal(tx)
	require.NoError(t, err)
	require.NotContains(t, string(text), string(tx.State))
	err = json.Unmarshal(text, &back)
	require.ErrorContains(t, err, "masked")
}

func TestDecodeTransactionRefusesDamage(t *testing.T) {
	good := map[string]any{
		"v": 1, "iss": "i", "client": "c", "started_at": start,
		"state": strings.Repeat("s", 43), "nonce": strings.Repeat("n", 43), "verifier": strings.Repeat("v", 43),
	}
	tests := []struct {
		name  string
		key   string
		value any
	}{
		{"another version", "v", 2},
		{"short state", "state", "s"},
		{"no nonce", "nonce", ""},
		{"no verifier", "verifier", nil},
		{"no issuer", "iss", ""},
		{"no client", "client", ""},
		{"no time", "started_at", time.Time{}},
		{"negative max_age", "max_age", -1},
		{"max_age that overflows", "max_age", 1 << 40},
		{"a list for text", "state", []string{"x"}},
	}
	decode := func(m map[string]any) error {
		_, err := stepup.DecodeTransaction(b64(must(json.Marshal(m))))
		return err
	}
	require.NoError(t, decode(good))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := map[string]any{}
			for k, v := range good {
				bad[k] = v
			}
			bad[tt.key] = tt.value

			require.Error(t, decode(bad))
		})
	}
	_, err := stepup.DecodeTransaction("not base64!")
	require.Error(t, err)
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const hidden = "correct-horse"
	proof := stepup.Proof{Subject: "alice", IDToken: hidden, AccessToken: hidden, RefreshToken: hidden}
	tx := stepup.Transaction{State: hidden, Nonce: hidden, Verifier: hidden}
	values := []any{stepup.Secret(hidden), proof, &proof, tx, &tx, stepup.Config{ClientSecret: hidden}, &stepup.AuthError{State: hidden}}

	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			require.NotContains(t, fmt.Sprintf(verb, v), hidden, "%T with %s", v, verb)
			require.NotContains(t, fmt.Sprintf(verb, v), fmt.Sprintf("%x", hidden), "%T with %s", v, verb)
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		require.NotContains(t, log.String(), hidden, "%T", v)
	}
	require.Equal(t, hidden, string(stepup.Secret(hidden)))
	require.Equal(t, "[secret]", stepup.Secret(hidden).String())

	var cfg struct{ Secret stepup.Secret }
	require.NoError(t, json.Unmarshal([]byte(`{"Secret":"correct-horse"}`), &cfg))
	require.Equal(t, hidden, string(cfg.Secret), "a secret can be read, as from a file of settings")
}

func TestProofIsKeptByEncode(t *testing.T) {
	_, c := open(t)
	proof, err := run(t, c, payout())
	require.NoError(t, err)

	back, err := stepup.DecodeProof(proof.Encode())

	require.NoError(t, err)
	require.Equal(t, proof, back)

	for _, bad := range []string{"", "!", b64([]byte(`{"v":1}`)), b64([]byte(`{"v":2,"sub":"alice"}`))} {
		_, err = stepup.DecodeProof(bad)
		require.Error(t, err, bad)
	}
}

func TestNew(t *testing.T) {
	document := func(name string, value any) func(*provider, *stepup.Config) {
		return func(p *provider, _ *stepup.Config) { p.discovery = func(m map[string]any) { m[name] = value } }
	}
	serve := func(h http.HandlerFunc) func(*provider, *stepup.Config) {
		return func(p *provider, _ *stepup.Config) { p.override["/.well-known/openid-configuration"] = h }
	}
	elsewhere := newProvider()
	t.Cleanup(elsewhere.Close)
	tests := []struct {
		name string
		bend func(*provider, *stepup.Config)
		want string // "" passes
	}{
		{"all is right", func(*provider, *stepup.Config) {}, ""},
		{"a redirect on the same host", func(p *provider, _ *stepup.Config) {
			p.override["/.well-known/openid-configuration"] = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/t/acme/moved", http.StatusFound)
			}
			p.override["/moved"] = p.serveDiscovery
		}, ""},
		{"no user info endpoint", document("userinfo_endpoint", ""), ""},
		{"issuer in the document is another", document("issuer", "https://evil.example.test"), "want exactly"},
		{"issuer in the document has a slash more", func(p *provider, cfg *stepup.Config) { cfg.Issuer += "/" }, "want exactly"},
		{"issuer by http on a network", func(_ *provider, cfg *stepup.Config) { cfg.Issuer = "http://id.example.test" }, "must be https"},
		{"issuer on a host that only looks local", func(_ *provider, cfg *stepup.Config) { cfg.Issuer = "http://localhost.example.test" }, "must be https"},
		{"issuer with a query", func(_ *provider, cfg *stepup.Config) { cfg.Issuer += "?x=1" }, "query"},
		{"issuer with a fragment", func(_ *provider, cfg *stepup.Config) { cfg.Issuer += "#x" }, "fragment"},
		{"issuer with a user", func(_ *provider, cfg *stepup.Config) { cfg.Issuer = "https://a@id.example.test" }, "user name"},
		{"issuer missing", func(_ *provider, cfg *stepup.Config) { cfg.Issuer = "" }, "absolute"},
		{"token endpoint by http on a network", document("token_endpoint", "http://id.example.test/token"), "token_endpoint: must be https"},
		{"authorization endpoint is a script", document("authorization_endpoint", "javascript:alert(1)"), "authorization_endpoint"},
		{"keys missing", document("jwks_uri", ""), "jwks_uri"},
		{"user info by http on a network", document("userinfo_endpoint", "http://id.example.test"), "userinfo_endpoint"},
		{"only none is signed with", document("id_token_signing_alg_values_supported", []string{"none", "HS256"}), "none of the server's"},
		{"the method is not offered", document("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), "does not offer"},
		{"document larger than 256 kB", document("x", strings.Repeat("x", 257<<10)), "larger than"},
		{"document is not JSON", serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }), "discovery"},
		{"document is not found", serve(http.NotFound), "/.well-known/openid-configuration answered 404; check the issuer"},
		{"a redirect to another host", serve(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.issuer()+"/.well-known/openid-configuration", http.StatusFound)
		}), "another host"},
		{"a redirect without end", serve(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), "too many"},
		{"no client id", func(_ *provider, cfg *stepup.Config) { cfg.ClientID = "" }, "ClientID"},
		{"no secret", func(_ *provider, cfg *stepup.Config) { cfg.ClientSecret = "" }, "ClientSecret"},
		{"a secret of a public client", func(_ *provider, cfg *stepup.Config) { cfg.AuthMethod = stepup.AuthNone }, "ClientSecret"},
		{"a method that does not exist", func(_ *provider, cfg *stepup.Config) { cfg.AuthMethod = "tls" }, "AuthMethod"},
		{"redirect URI without scheme", func(_ *provider, cfg *stepup.Config) { cfg.RedirectURI = "/callback" }, "RedirectURI"},
		{"leeway of two minutes", func(_ *provider, cfg *stepup.Config) { cfg.Leeway = 2 * time.Minute }, "leeway"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider()
			t.Cleanup(p.Close)
			cfg := config(p)
			tt.bend(p, &cfg)

			_, err := stepup.New(t.Context(), cfg)

			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
	for status, passing := range map[int]bool{400: false, 401: false, 404: false, 410: false, 408: true, 429: true, 500: true, 503: true} {
		t.Run(fmt.Sprintf("a document with the status %d may come later: %t", status, passing), func(t *testing.T) {
			p := newProvider()
			t.Cleanup(p.Close)
			p.override["/.well-known/openid-configuration"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }

			_, err := stepup.New(t.Context(), config(p))
			_, apiErr := stepup.NewVerifier(t.Context(), stepup.VerifierConfig{Issuer: p.issuer(), Audience: apiName})

			require.Equal(t, passing, errors.Is(err, stepup.ErrUnavailable), "%v", err)
			require.Equal(t, passing, errors.Is(apiErr, stepup.ErrUnavailable), "%v", apiErr)
			require.ErrorContains(t, err, strconv.Itoa(status))
		})
	}

	t.Run("an https issuer may not send clients to http, not even at home", func(t *testing.T) {
		var s *httptest.Server
		s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]any{
				"issuer": s.URL, "authorization_endpoint": s.URL, "token_endpoint": "http://localhost/token", "jwks_uri": s.URL,
			})
		}))
		t.Cleanup(s.Close)

		_, err := stepup.New(t.Context(), stepup.Config{
			Issuer: s.URL, ClientID: clientID, ClientSecret: secret, RedirectURI: redirectURI, HTTP: s.Client(),
		})

		require.ErrorContains(t, err, "token_endpoint: must be https as the issuer is")
	})
}

func TestSatisfies(t *testing.T) {
	const (
		fa, td, sv  = stepup.ACR1FA, stepup.ACRTrustedDevice, stepup.ACR2SV
		mfa         = stepup.ACRMFA
		phr, phrh   = stepup.ACRPHR, stepup.ACRPHRH
		payout, bid = "urn:sallyport:action:payout.request", "urn:sallyport:action:bid.place"
	)
	wants := []string{fa, td, sv, mfa, phr, phrh, payout, bid, "gold", ""}
	tests := []struct {
		have string
		want []string // which of wants it satisfies
	}{
		{fa, []string{fa}},
		{td, []string{fa}},
		{sv, []string{fa, sv}},
		{mfa, []string{fa, sv, mfa}},
		{phr, []string{fa, sv, mfa, phr}},
		{phrh, []string{fa, sv, mfa, phr, phrh}},
		{payout, []string{payout}},
		{"gold", []string{"gold"}},
		{"", nil},
	}
	for _, tt := range tests {
		t.Run("have "+tt.have, func(t *testing.T) {
			var got []string
			for _, want := range wants {
				if stepup.Satisfies(tt.have, want) {
					got = append(got, want)
				}
			}

			require.Equal(t, tt.want, got)
		})
	}
}
