package stepup_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

const redirectURI = "https://shop.example.test/callback"

// open starts a provider with signers and a client that trusts it.
func open(t *testing.T, signers ...*signer) (*provider, *stepup.Client) {
	t.Helper()
	p := newProvider(signers...)
	t.Cleanup(p.Close)
	return p, connect(t, p)
}

func connect(t *testing.T, p *provider) *stepup.Client {
	t.Helper()
	c, err := stepup.New(t.Context(), config(p))
	require.NoError(t, err)
	return c
}

func config(p *provider) stepup.Config {
	return stepup.Config{
		Issuer:       p.issuer(),
		ClientID:     clientID,
		ClientSecret: secret,
		RedirectURI:  redirectURI,
		Now:          p.clock.Now,
	}
}

func payout() stepup.StartOptions {
	age := time.Minute
	return stepup.StartOptions{ACR: []string{stepup.Action("payout.request")}, Subject: "alice", MaxAge: &age}
}

// run goes through the whole flow with opts.
func run(t *testing.T, c *stepup.Client, opts stepup.StartOptions) (stepup.Proof, error) {
	t.Helper()
	address, tx, err := c.Start(opts)
	require.NoError(t, err)
	return c.Finish(t.Context(), tx, browse(address))
}

func TestFinish(t *testing.T) {
	t.Run("a confirmed payout is proven", func(t *testing.T) {
		_, c := open(t)

		got, err := run(t, c, payout())

		require.NoError(t, err)
		require.Equal(t, "alice", got.Subject)
		require.Equal(t, "payout.request", got.Action())
		require.Equal(t, []string{"pwd", "otp"}, got.AMR)
		require.Equal(t, start, got.AuthTime)
		require.Equal(t, start.Add(5*time.Minute), got.ExpiresAt)
		require.Equal(t, "openid", got.Scope)
		require.Equal(t, "s1", got.Claims["sid"])
		require.NotEmpty(t, string(got.IDToken))
		require.NotEmpty(t, string(got.AccessToken))
		require.NotEmpty(t, string(got.RefreshToken))
	})

	signers := map[string]*signer{
		"ES256": newES256("k"),
		"RS256": newRSA("k", jwt.SigningMethodRS256),
		"PS256": newRSA("k", jwt.SigningMethodPS256),
		"EdDSA": newEdDSA("k"),
	}
	for alg, s := range signers {
		t.Run("an ID token signed with "+alg+" is accepted", func(t *testing.T) {
			_, c := open(t, s)

			_, err := run(t, c, stepup.StartOptions{})

			require.NoError(t, err)
		})
	}

	t.Run("a secret with odd characters passes in the form too", func(t *testing.T) {
		p, _ := open(t)
		cfg := config(p)
		cfg.AuthMethod = stepup.AuthPost
		c, err := stepup.New(t.Context(), cfg)
		require.NoError(t, err)

		_, err = run(t, c, stepup.StartOptions{})

		require.NoError(t, err)
	})

	t.Run("a public client sends no secret", func(t *testing.T) {
		p, _ := open(t)
		p.secret = ""
		cfg := config(p)
		cfg.AuthMethod, cfg.ClientSecret = stepup.AuthNone, ""
		c, err := stepup.New(t.Context(), cfg)
		require.NoError(t, err)

		_, err = run(t, c, stepup.StartOptions{})

		require.NoError(t, err)
	})

	t.Run("several audiences are accepted with azp", func(t *testing.T) {
		p, c := open(t)
		p.claims = func(m map[string]any) { m["aud"], m["azp"] = []string{clientID, "other"}, clientID }

		_, err := run(t, c, stepup.StartOptions{})

		require.NoError(t, err)
	})

	t.Run("a narrower scope than asked is reported as it was granted", func(t *testing.T) {
		p, c := open(t)
		p.tokens = func(m map[string]any) { m["scope"] = "openid" }

		got, err := run(t, c, stepup.StartOptions{Scopes: []string{"email"}})

		require.NoError(t, err)
		require.Equal(t, "openid", got.Scope)
	})

	t.Run("a signature that the server says it does not use is refused", func(t *testing.T) {
		p := newProvider()
		t.Cleanup(p.Close)
		p.discovery = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"RS256"} }

		_, err := run(t, connect(t, p), stepup.StartOptions{})

		require.ErrorIs(t, err, stepup.ErrToken)
	})

	t.Run("a server that names no signatures may use all that are accepted", func(t *testing.T) {
		p := newProvider()
		t.Cleanup(p.Close)
		p.discovery = func(m map[string]any) { delete(m, "id_token_signing_alg_values_supported") }

		_, err := run(t, connect(t, p), stepup.StartOptions{})

		require.NoError(t, err)
	})

	t.Run("a token from a clock 5 s ahead is accepted", func(t *testing.T) {
		p, c := open(t)
		p.claims = func(m map[string]any) { m["iat"], m["nbf"] = start.Unix()+5, start.Unix()+5 }

		_, err := run(t, c, stepup.StartOptions{})

		require.NoError(t, err)
	})
}

// TestFinishRefusesBadIDTokens bends one thing of a good ID token at a time.
func TestFinishRefusesBadIDTokens(t *testing.T) {
	set := func(name string, value any) func(*provider) {
		return func(p *provider) { p.claims = func(m map[string]any) { m[name] = value } }
	}
	drop := func(name string) func(*provider) {
		return func(p *provider) { p.claims = func(m map[string]any) { delete(m, name) } }
	}
	head := func(name string, value any) func(*provider) {
		return func(p *provider) { p.header = func(m map[string]any) { m[name] = value } }
	}
	signWith := func(method jwt.SigningMethod, key func(*provider) any) func(*provider) {
		return func(p *provider) {
			s := &signer{method: method, key: key(p)}
			p.sign = s.signed
		}
	}
	ago := func(d time.Duration) int64 { return start.Add(-d).Unix() }

	tests := []struct {
		name string
		bend func(*provider)
		want error
	}{
		{"another issuer", set("iss", "https://evil.example.test"), stepup.ErrToken},
		{"issuer with a slash more", func(p *provider) { set("iss", p.issuer()+"/")(p) }, stepup.ErrToken},
		{"issuer missing", drop("iss"), stepup.ErrToken},
		{"another audience", set("aud", "other"), stepup.ErrToken},
		{"audience missing", drop("aud"), stepup.ErrToken},
		{"audience is a number", set("aud", 7), stepup.ErrToken},
		{"several audiences without azp", set("aud", []string{clientID, "other"}), stepup.ErrToken},
		{"several audiences, ours not among them", set("aud", []string{"one", "other"}), stepup.ErrToken},
		{"azp is another client", set("azp", "other"), stepup.ErrToken},
		{"subject missing", drop("sub"), stepup.ErrToken},
		{"subject is a number", set("sub", 7), stepup.ErrToken},
		{"another subject than the pinned one", set("sub", "bob"), stepup.ErrOtherSubject},
		{"expired 10 s ago", set("exp", ago(10*time.Second)), stepup.ErrToken},
		{"exp missing", drop("exp"), stepup.ErrToken},
		{"exp is text", set("exp", "tomorrow"), stepup.ErrToken},
		{"exp beyond all times", set("exp", 1e300), stepup.ErrToken},
		{"exp in the year 10000", set("exp", 253402300800), stepup.ErrToken},
		{"exp before 1970", set("exp", -1), stepup.ErrToken},
		{"issued 11 s ahead", set("iat", ago(-11*time.Second)), stepup.ErrToken},
		{"iat missing", drop("iat"), stepup.ErrToken},
		{"not valid before 11 s from now", set("nbf", ago(-11*time.Second)), stepup.ErrToken},
		{"another nonce", set("nonce", "other"), stepup.ErrToken},
		{"nonce missing", drop("nonce"), stepup.ErrToken},
		{"at_hash of another token", set("at_hash", b64(make([]byte, 16))), stepup.ErrToken},
		{"at_hash empty", set("at_hash", ""), stepup.ErrToken},
		{"auth_time missing", drop("auth_time"), stepup.ErrToken},
		{"auth_time 11 s ahead", set("auth_time", ago(-11*time.Second)), stepup.ErrToken},
		{"auth_time older than max_age", set("auth_time", ago(71*time.Second)), stepup.ErrUnmet},
		{"acr missing", drop("acr"), stepup.ErrUnmet},
		{"acr lower", set("acr", stepup.ACR1FA), stepup.ErrUnmet},
		{"acr a strong login, not the action", set("acr", stepup.ACRPHRH), stepup.ErrUnmet},
		{"acr another action", set("acr", stepup.Action("bid.place")), stepup.ErrUnmet},
		{"acr a list", set("acr", []string{stepup.Action("payout.request")}), stepup.ErrToken},
		{"amr is text", set("amr", "pwd"), stepup.ErrToken},
		{"typ of an access token", head("typ", "at+jwt"), stepup.ErrToken},
		{"typ of a logout token", head("typ", "application/logout+jwt"), stepup.ErrToken},
		{"typ is a number", head("typ", 1), stepup.ErrToken},
		{"an extension it must understand", head("crit", []string{"b64"}), stepup.ErrToken},
		{"kid of no key", head("kid", "unknown"), stepup.ErrToken},
		{"kid of a key of another kind", head("kid", "other"), stepup.ErrToken},
		{"kid is a number", head("kid", 1), stepup.ErrToken},
		{"alg none", signWith(jwt.SigningMethodNone, func(*provider) any { return jwt.UnsafeAllowNoneSignatureType }), stepup.ErrToken},
		{"HS256 with the public key", signWith(jwt.SigningMethodHS256, publicPEM), stepup.ErrToken},
		{"HS256 with the client's secret", signWith(jwt.SigningMethodHS256, func(*provider) any { return []byte(secret) }), stepup.ErrToken},
		{"signed by a stranger with our kid", signWith(jwt.SigningMethodES256, func(*provider) any { return newES256("es-1").key }), stepup.ErrToken},
		{"not a JWT", func(p *provider) { p.sign = func(_, _ map[string]any) string { return "nonsense" } }, stepup.ErrToken},
		{"a token of 65 kB", set("x", strings.Repeat("x", 65<<10)), stepup.ErrToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := open(t)
			tt.bend(p)

			got, err := run(t, c, payout())

			require.ErrorIs(t, err, tt.want)
			require.Zero(t, got)
		})
	}
}

// publicPEM is the published key in the form in which confused code would use
// it as the key of an HMAC.
func publicPEM(p *provider) any {
	public := p.signers[0].key.(crypto.Signer).Public()
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(public))})
}

func TestFinishRefusesBadAnswers(t *testing.T) {
	set := func(name string, values ...string) func(url.Values) {
		return func(q url.Values) { q[name] = values }
	}
	tests := []struct {
		name string
		bend func(url.Values)
		want error
	}{
		{"iss of another server", set("iss", "https://evil.example.test"), stepup.ErrResponse},
		{"iss missing, although the server promised it", func(q url.Values) { q.Del("iss") }, stepup.ErrResponse},
		{"iss twice", func(q url.Values) { q.Add("iss", q.Get("iss")) }, stepup.ErrResponse},
		{"another state", set("state", "other"), stepup.ErrResponse},
		{"state missing", func(q url.Values) { q.Del("state") }, stepup.ErrResponse},
		{"state twice", func(q url.Values) { q.Add("state", "x") }, stepup.ErrResponse},
		{"code missing", func(q url.Values) { q.Del("code") }, stepup.ErrResponse},
		{"code twice", func(q url.Values) { q.Add("code", "x") }, stepup.ErrResponse},
		{"code of nobody", set("code", "x"), stepup.ErrInvalidGrant},
		{"an error with another state is not believed", func(q url.Values) { q.Set("error", "access_denied"); q.Set("state", "x") }, stepup.ErrResponse},
		{"an error without iss is not believed", func(q url.Values) { q.Set("error", "access_denied"); q.Del("iss") }, stepup.ErrResponse},
		{"the user said no", set("error", "access_denied"), stepup.ErrDenied},
		{"the acr cannot be reached", set("error", "unmet_authentication_requirements"), stepup.ErrUnmet},
		{"login_required", set("error", "login_required"), stepup.ErrInteractionRequired},
		{"interaction_required", set("error", "interaction_required"), stepup.ErrInteractionRequired},
		{"consent_required", set("error", "consent_required"), stepup.ErrInteractionRequired},
		{"account_selection_required", set("error", "account_selection_required"), stepup.ErrInteractionRequired},
		{"temporarily_unavailable", set("error", "temporarily_unavailable"), stepup.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := open(t)
			p.answer = tt.bend

			_, err := run(t, c, payout())

			require.ErrorIs(t, err, tt.want)
		})
	}

	t.Run("iss may be missing where the server never sends it", func(t *testing.T) {
		p := newProvider()
		t.Cleanup(p.Close)
		p.discovery = func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }
		p.answer = func(q url.Values) { q.Del("iss") }

		_, err := run(t, connect(t, p), payout())

		require.NoError(t, err)
	})

	t.Run("the error keeps code and state and is made printable", func(t *testing.T) {
		p, c := open(t)
		p.answer = func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("error_description", "no\r\nway\x1b[31m \u202e"+strings.Repeat("x", 300))
		}
		address, tx, err := c.Start(payout())
		require.NoError(t, err)

		_, err = c.Finish(t.Context(), tx, browse(address))

		var auth *stepup.AuthError
		require.ErrorAs(t, err, &auth)
		require.Equal(t, "access_denied", auth.Code)
		require.Equal(t, tx.State, auth.State)
		require.True(t, strings.HasPrefix(auth.Description, "noway[31m x"), auth.Description)
		require.Len(t, auth.Description, 200)
	})
}

func TestFinishRefusesForeignTransactions(t *testing.T) {
	_, c := open(t)
	tests := []struct {
		name string
		edit func(*stepup.Transaction)
	}{
		{"of another tenant", func(tx *stepup.Transaction) { tx.Issuer += "x" }},
		{"of another client", func(tx *stepup.Transaction) { tx.ClientID = "other" }},
		{"empty", func(tx *stepup.Transaction) { *tx = stepup.Transaction{} }},
		{"without state", func(tx *stepup.Transaction) { tx.State = "" }},
		{"started more than an hour ago", func(tx *stepup.Transaction) { tx.StartedAt = start.Add(-time.Hour - time.Second) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, tx, err := c.Start(payout())
			require.NoError(t, err)
			query := browse(address)
			tt.edit(&tx)
			if tx.State == "" {
				query.Del("state")
			}

			_, err = c.Finish(t.Context(), tx, query)

			require.ErrorIs(t, err, stepup.ErrResponse)
		})
	}

	t.Run("a code passes once", func(t *testing.T) {
		address, tx, err := c.Start(payout())
		require.NoError(t, err)
		query := browse(address)
		_, err = c.Finish(t.Context(), tx, query)
		require.NoError(t, err)

		_, err = c.Finish(t.Context(), tx, query)

		require.ErrorIs(t, err, stepup.ErrInvalidGrant)
	})
}
