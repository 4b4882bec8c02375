package stepup_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

// remote is a key of which the app has no more than this.
type remote struct{ crypto.Signer }

func newDPoPKey() crypto.Signer {
	return remote{must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
}

// holding is a client whose tokens are bound to a key.
func holding(t *testing.T, p *provider, edit func(*stepup.Config)) *stepup.Client {
	t.Helper()
	cfg := config(p)
	cfg.DPoPKey = newDPoPKey()
	if edit != nil {
		edit(&cfg)
	}
	c, err := stepup.New(t.Context(), cfg)
	require.NoError(t, err)
	return c
}

func TestProofsOfTheClient(t *testing.T) {
	p, _ := open(t)
	p.discovery = func(m map[string]any) { m["token_endpoint"] = p.issuer() + "/token?of=acme" }
	c := holding(t, p, nil)
	login, err := run(t, c, stepup.StartOptions{})
	require.NoError(t, err)
	_, err = c.Userinfo(t.Context(), login)
	require.NoError(t, err)

	require.Len(t, p.dpop.proofs, 2)
	first, second := p.dpop.proofs[0], p.dpop.proofs[1]
	key := first.header["jwk"].(map[string]any)
	require.Len(t, key, 4, "nothing but the public key: %v", key)
	require.Equal(t, []any{"dpop+jwt", "ES256", "EC", "P-256"}, []any{first.header["typ"], first.header["alg"], key["kty"], key["crv"]})
	require.Equal(t, []any{"POST", p.issuer() + "/token", float64(start.Unix())}, []any{first.claims["htm"], first.claims["htu"], first.claims["iat"]})
	require.Len(t, first.claims["jti"], 43)
	require.Len(t, first.claims, 4, "%v", first.claims)
	require.Equal(t, []any{"GET", ath(login.AccessToken)}, []any{second.claims["htm"], second.claims["ath"]})
	require.NotEqual(t, first.claims["jti"], second.claims["jti"])

	address, _, err := c.Start(stepup.StartOptions{})
	require.NoError(t, err)
	require.Equal(t, jktOf(key), must(url.Parse(address)).Query().Get("dpop_jkt"), "the code is bound, too")
	_, _, err = c.Push(t.Context(), pushing("t1"))
	require.NoError(t, err)
	require.Equal(t, jktOf(key), p.pushes["urn:ietf:params:oauth:request_uri:1"].Get("dpop_jkt"))
	require.Equal(t, "/par", p.dpop.proofs[2].path)
}

func TestWithoutAKeyThereIsNoProof(t *testing.T) {
	p, c := open(t)
	address, _, err := c.Start(stepup.StartOptions{})
	require.NoError(t, err)
	_, err = approved(t, c)
	require.NoError(t, err)
	require.NotContains(t, address, "dpop_jkt")
	require.Empty(t, p.dpop.proofs)
}

func TestNonceOfTheServer(t *testing.T) {
	t.Run("it is learnt by one more request, and then known", func(t *testing.T) {
		p, _ := open(t)
		p.dpop.nonce = "n1"
		p.assertion = func(string) bool { return true }
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		c := holding(t, p, func(c *stepup.Config) {
			c.AuthMethod, c.ClientSecret, c.Key = stepup.AuthPrivateKeyJWT, "", key
		})
		login, err := run(t, c, stepup.StartOptions{})
		require.NoError(t, err)
		_, err = c.Userinfo(t.Context(), login)
		require.NoError(t, err)
		require.Equal(t, []any{nil, "n1", "n1"}, p.nonces())
		require.NotEqual(t, p.dpop.proofs[0].claims["jti"], p.dpop.proofs[1].claims["jti"])
		require.NotEmpty(t, p.dpop.proofs[0].assertion)
		require.NotEqual(t, p.dpop.proofs[0].assertion, p.dpop.proofs[1].assertion, "an assertion is used once, too")

		p.dpop.nonce = "n2" // userinfo says so with 401
		_, err = c.Userinfo(t.Context(), login)
		require.NoError(t, err)
		require.Equal(t, []any{nil, "n1", "n1", "n1", "n2"}, p.nonces())
	})
	t.Run("an answer that went well may bring the next one", func(t *testing.T) {
		p, _ := open(t)
		c := holding(t, p, nil)
		p.override["/userinfo"] = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("DPoP-Nonce", "n9")
			p.serveUserinfo(w, r)
		}
		login, err := run(t, c, stepup.StartOptions{})
		require.NoError(t, err)
		_, err = c.Userinfo(t.Context(), login)
		require.NoError(t, err)
		_, err = c.Refresh(t.Context(), login)
		require.NoError(t, err)
		require.Equal(t, []any{nil, "n9"}, p.nonces())
	})
	for name, bend := range map[string]func(*provider){
		"a server that is never content":         func(p *provider) { p.dpop.nonce, p.dpop.stuck = "n1", true },
		"a nonce that cannot be one":             func(p *provider) { p.dpop.nonce = "a b" },
		"a nonce of which there is too much":     func(p *provider) { p.dpop.nonce = strings.Repeat("n", 513) },
		"a server that says no nonce":            func(p *provider) { p.override["/token"] = failing(p, "use_dpop_nonce") },
		"a server that says two":                 func(p *provider) { p.override["/token"] = failing(p, "use_dpop_nonce", "n1", "n2") },
		"a server that refuses for other causes": func(p *provider) { p.override["/token"] = failing(p, "invalid_dpop_proof", "n1") },
	} {
		t.Run("asked at most twice: "+name, func(t *testing.T) {
			p, _ := open(t)
			c := holding(t, p, nil)
			address, tx, err := c.Start(stepup.StartOptions{})
			require.NoError(t, err)
			query := browse(address)
			bend(p)
			_, err = c.Finish(t.Context(), tx, query)
			endpoint, ok := errors.AsType[*stepup.EndpointError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, http.StatusBadRequest, endpoint.Status)
			want := 1
			if p.dpop.stuck {
				want = 2
			}
			require.Len(t, p.dpop.proofs, want)
		})
	}
}

func failing(p *provider, code string, nonces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.dpop.proofs = append(p.dpop.proofs, readProof(r.Header.Get("DPoP")))
		w.Header()["Dpop-Nonce"] = nonces
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": code})
	}
}

func (p *provider) nonces() []any {
	var all []any
	for _, proof := range p.dpop.proofs {
		all = append(all, proof.claims["nonce"])
	}
	return all
}

func TestNoDowngrade(t *testing.T) {
	t.Run("a code is not taken for a bearer token", func(t *testing.T) {
		p, _ := open(t)
		p.dpop.plain = true
		_, err := run(t, holding(t, p, nil), stepup.StartOptions{})
		require.ErrorIs(t, err, stepup.ErrToken)
		require.ErrorContains(t, err, "no dpop token")
	})
	t.Run("nor a refresh token", func(t *testing.T) {
		p, _ := open(t)
		c := holding(t, p, nil)
		login, err := run(t, c, stepup.StartOptions{})
		require.NoError(t, err)
		p.dpop.plain = true
		_, err = c.Refresh(t.Context(), login)
		require.ErrorIs(t, err, stepup.ErrToken)
	})
	t.Run("nor the app itself", func(t *testing.T) {
		p, _ := open(t)
		c := holding(t, p, func(c *stepup.Config) { c.AuthMethod = stepup.AuthPost })
		p.override["/token"] = func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]any{"access_token": "x", "token_type": "Bearer"})
		}
		_, err := c.Status(t.Context(), "any")
		require.ErrorIs(t, err, stepup.ErrToken)
	})
}

func TestDPoPKeyIsChecked(t *testing.T) {
	p, _ := open(t)
	cfg := config(p)
	cfg.DPoPKey = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	_, err := stepup.New(t.Context(), cfg)
	require.ErrorContains(t, err, "DPoPKey: has to be a key for ECDSA on P-256")

	for _, algs := range []any{nil, []string{"EdDSA"}} {
		p.discovery = func(m map[string]any) { m["dpop_signing_alg_values_supported"] = algs }
		cfg.DPoPKey = newDPoPKey()
		_, err = stepup.New(t.Context(), cfg)
		require.ErrorContains(t, err, "the server does not offer to bind tokens")
	}
}

// anAPI is a resource server that wants a nonce, and keeps what it was sent.
type anAPI struct {
	*httptest.Server
	nonce  string
	status int
	with   http.Header // of an answer with another status
	proofs []sentProof
	bodies []string
}

func newAPI(t *testing.T) *anAPI {
	t.Helper()
	a := &anAPI{status: http.StatusOK, with: http.Header{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proof := readProof(r.Header.Get("DPoP"))
		body, _ := io.ReadAll(r.Body)
		a.proofs, a.bodies = append(a.proofs, proof), append(a.bodies, r.Header.Get("Authorization")+" "+string(body))
		if a.nonce != "" && proof.claims["nonce"] != a.nonce {
			w.Header().Set("DPoP-Nonce", a.nonce)
			w.Header().Add("WWW-Authenticate", `Bearer`)
			w.Header().Add("WWW-Authenticate", `DPoP error="use_dpop_nonce", algs="ES256"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for name, values := range a.with {
			w.Header()[name] = values
		}
		w.WriteHeader(a.status)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *anAPI) call(t *testing.T, c *stepup.Client, body io.Reader) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL+"?limit=1#x", body)
	require.NoError(t, err)
	res, err := c.Do(req, "token")
	if err != nil {
		return 0, err
	}
	require.Empty(t, req.Header, "the caller's request stays as it is")
	return res.StatusCode, res.Body.Close()
}

func TestDoWithABoundToken(t *testing.T) {
	p, _ := open(t)
	t.Run("the token goes with a proof of it", func(t *testing.T) {
		a := newAPI(t)
		status, err := a.call(t, holding(t, p, nil), strings.NewReader("1"))
		require.NoError(t, err)
		require.Equal(t, 200, status)
		require.Equal(t, []string{"DPoP token 1"}, a.bodies)
		require.Equal(t, []any{"POST", a.URL + "/", ath("token")}, []any{a.proofs[0].claims["htm"], a.proofs[0].claims["htu"], a.proofs[0].claims["ath"]})
	})
	t.Run("an API that wants its nonce is asked again, with the whole body", func(t *testing.T) {
		a, c := newAPI(t), holding(t, p, nil)
		a.nonce = "n1"
		status, err := a.call(t, c, strings.NewReader("1"))
		require.NoError(t, err)
		require.Equal(t, 200, status)
		require.Equal(t, []string{"DPoP token 1", "DPoP token 1"}, a.bodies)
		require.NotEqual(t, a.proofs[0].claims["jti"], a.proofs[1].claims["jti"])
		_, err = a.call(t, c, strings.NewReader("2"))
		require.NoError(t, err)
		require.Len(t, a.proofs, 3, "by now it is known")

		other := newAPI(t)
		_, err = other.call(t, c, nil)
		require.NoError(t, err)
		require.NotContains(t, other.proofs[0].claims, "nonce", "that of one server is none of another's business")
	})
	t.Run("a body that can be read once is sent once", func(t *testing.T) {
		a, c := newAPI(t), holding(t, p, nil)
		a.nonce = "n1"
		status, err := a.call(t, c, io.MultiReader(strings.NewReader("1")))
		require.NoError(t, err)
		require.Equal(t, 401, status)
		status, err = a.call(t, c, io.MultiReader(strings.NewReader("1")))
		require.NoError(t, err)
		require.Equal(t, 200, status, "the next request has the nonce")
		require.Len(t, a.proofs, 2)
	})
	t.Run("a second refusal is the answer", func(t *testing.T) {
		a := newAPI(t)
		a.status, a.with = 401, http.Header{"Dpop-Nonce": {"n1"}, "Www-Authenticate": {`DPoP error="use_dpop_nonce"`}}
		status, err := a.call(t, holding(t, p, nil), nil)
		require.NoError(t, err)
		require.Equal(t, 401, status)
		require.Len(t, a.proofs, 2)
	})
	t.Run("a bearer challenge of that name is none", func(t *testing.T) {
		a := newAPI(t)
		a.status, a.with = 401, http.Header{"Dpop-Nonce": {"n1"}, "Www-Authenticate": {`Bearer error="use_dpop_nonce"`}}
		_, err := a.call(t, holding(t, p, nil), nil)
		require.NoError(t, err)
		require.Len(t, a.proofs, 1)
	})
	t.Run("a demand is found behind the nonce", func(t *testing.T) {
		a := newAPI(t)
		a.nonce, a.status = "n1", 401
		a.with = http.Header{"Www-Authenticate": {`DPoP error="insufficient_user_authentication", acr_values="phr", algs="ES256"`}}
		_, err := a.call(t, holding(t, p, nil), nil)
		demand, ok := errors.AsType[*stepup.DemandError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, []string{"phr"}, demand.Challenge.ACR)
		require.Len(t, a.proofs, 2)
	})
	t.Run("no redirect is followed", func(t *testing.T) {
		a := newAPI(t)
		a.status, a.with = 307, http.Header{"Location": {"/elsewhere"}}
		status, err := a.call(t, holding(t, p, nil), strings.NewReader("1"))
		require.NoError(t, err)
		require.Equal(t, 307, status)
		require.Len(t, a.proofs, 1)
	})
}
