package stepup_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

const (
	atOurs = `, algs="ES256 EdDSA PS256"`
	badDPo = `DPoP error="invalid_dpop_proof", error_description="The DPoP proof is not valid: `
	noGood = `DPoP error="invalid_token"` + atOurs
)

// bound makes an access token that is bound to the key of s.
func bound(p *provider, s *signer, edit func(claims map[string]any)) stepup.Secret {
	return accessToken(p, func(_, c map[string]any) {
		c["cnf"] = map[string]any{"jkt": jktOf(s.public)}
		if edit != nil {
			edit(c)
		}
	})
}

// proves makes a good proof for POST https://api.example.test/limits with token, bent
// by edit.
func (s *signer) proves(p *provider, token stepup.Secret, edit func(header, claims map[string]any)) string {
	header := map[string]any{"typ": "dpop+jwt", "jwk": s.public}
	claims := map[string]any{
		"jti": rand.Text(), "htm": "POST", "htu": apiName + "/limits", "iat": p.clock.Now().Unix(), "ath": ath(token),
	}
	if edit != nil {
		edit(header, claims)
	}
	return s.signed(header, claims)
}

func guard(t *testing.T, p *provider, edit func(*stepup.VerifierConfig)) *stepup.Verifier {
	t.Helper()
	cfg := stepup.VerifierConfig{Issuer: p.issuer(), Audience: apiName, Now: p.clock.Now, PublicURL: apiName}
	if edit != nil {
		edit(&cfg)
	}
	v, err := stepup.NewVerifier(t.Context(), cfg)
	require.NoError(t, err)
	return v
}

// knock sends a request to what v guards. Its Host is what a stranger would choose.
func knock(v *stepup.Verifier, req stepup.Requirement, auth, proofs []string) *httptest.ResponseRecorder {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := stepup.FromContext(r.Context())
		w.Header().Set("Holder", token.JKT)
	})
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "http://evil.example.test/limits?a=b", nil)
	r.Header.Set("X-Forwarded-Host", "evil.example.test")
	r.Header["Authorization"], r.Header["Dpop"] = auth, proofs
	w := httptest.NewRecorder()
	v.Require(req)(next).ServeHTTP(w, r)
	return w
}

func TestRequireProofOfPossession(t *testing.T) {
	p, _ := open(t)
	key, other := newES256("k"), newES256("k")
	token := bound(p, key, nil)
	plain := accessToken(p, nil)
	dpop := func(token stepup.Secret) []string { return []string{"DPoP " + string(token)} }
	claim := func(name string, value any) []string {
		return []string{key.proves(p, token, func(_, c map[string]any) { c[name] = value })}
	}
	head := func(name string, value any) []string {
		return []string{key.proves(p, token, func(h, _ map[string]any) { h[name] = value })}
	}
	jwk := func(members map[string]any) []string {
		all := map[string]any{}
		for name, value := range key.public {
			all[name] = value
		}
		for name, value := range members {
			all[name] = value
		}
		return head("jwk", all)
	}
	good := func() []string { return []string{key.proves(p, token, nil)} }
	now := p.clock.Now().Unix()
	tests := []struct {
		name   string
		auth   []string
		proofs []string
		want   string // the challenge; "" passes
	}{
		{"a proof", dpop(token), good(), ""},
		{"the scheme in small letters", []string{"dpop " + string(token)}, good(), ""},
		{"a bearer token, where both are taken", bearer(plain), nil, ""},

		{"a bound token as a bearer token", bearer(token), good(), noGood},
		{"a bearer token as a bound one", dpop(plain), []string{key.proves(p, plain, nil)}, noGood},
		{"two tokens", append(dpop(token), bearer(plain)...), good(), `Bearer error="invalid_token"`},
		{"a token that is not good", dpop("x.y.z"), good(), noGood},
		{"bound to a key, and to something else", dpop(bound(p, key, func(c map[string]any) {
			c["cnf"] = map[string]any{"jkt": jktOf(key.public), "x5t#S256": "x"}
		})), good(), noGood},
		{"bound to a key without a name", dpop(bound(p, key, func(c map[string]any) { c["cnf"] = map[string]any{"jkt": ""} })), good(), noGood},
		{"a proof of another key", dpop(token), []string{other.proves(p, token, nil)}, noGood},

		{"no proof", dpop(token), nil, badDPo + `there has to be exactly one."` + atOurs},
		{"two proofs", dpop(token), append(good(), good()...), badDPo + `there has to be exactly one."` + atOurs},
		{"no JWT", dpop(token), []string{"x"}, badDPo + `it is no JWT."` + atOurs},
		{"more than 8 KiB", dpop(token), claim("x", strings.Repeat("x", 8<<10)), badDPo + `it is too long."` + atOurs},
		{"typ of another kind", dpop(token), head("typ", "jwt"), badDPo + `its typ is not dpop+jwt."` + atOurs},
		{"typ written in full", dpop(token), head("typ", "application/dpop+jwt"), ""},
		{"no typ", dpop(token), head("typ", nil), badDPo + `its typ is not dpop+jwt."` + atOurs},
		{"an extension", dpop(token), head("crit", []string{"x"}), badDPo + `it has extensions that are not understood."` + atOurs},
		{"no jwk", dpop(token), head("jwk", nil), badDPo + `its jwk is no public key for its alg."` + atOurs},
		{"a jwk that is text", dpop(token), head("jwk", "x"), badDPo + `its jwk is no public key for its alg."` + atOurs},
		{"a jwk of wrong types", dpop(token), jwk(map[string]any{"x": 1}), badDPo + `its jwk cannot be read."` + atOurs},
		{"a private key", dpop(token), jwk(map[string]any{"d": "x"}), badDPo + `its jwk gives a private key away."` + atOurs},
		{"a key for encryption", dpop(token), jwk(map[string]any{"use": "enc"}), badDPo + `its jwk is no public key for its alg."` + atOurs},
		{"a point that is not on the curve", dpop(token), jwk(map[string]any{"y": key.public["x"]}), badDPo + `its jwk is no public key for its alg."` + atOurs},
		{"a jwk that did not sign", dpop(token), jwk(other.public), badDPo + `its signature is not of its jwk, or of an alg that is not taken."` + atOurs},

		{"no jti", dpop(token), claim("jti", ""), badDPo + `its jti is missing or too long."` + atOurs},
		{"a long jti", dpop(token), claim("jti", strings.Repeat("j", 129)), badDPo + `its jti is missing or too long."` + atOurs},
		{"the longest jti", dpop(token), claim("jti", strings.Repeat("j", 128)), ""},
		{"a jti that is a number", dpop(token), claim("jti", 1), badDPo + `a claim has another type than it should."` + atOurs},
		{"another method", dpop(token), claim("htm", "GET"), badDPo + `its htm is another method."` + atOurs},
		{"the method in small letters", dpop(token), claim("htm", "post"), badDPo + `its htm is another method."` + atOurs},
		{"another path", dpop(token), claim("htu", apiName+"/limits/"), badDPo + `its htu is another address."` + atOurs},
		{"the host that the request names", dpop(token), claim("htu", "http://evil.example.test/limits"), badDPo + `its htu is another address."` + atOurs},
		{"another scheme", dpop(token), claim("htu", "http://api.example.test/limits"), badDPo + `its htu is another address."` + atOurs},
		{"another port", dpop(token), claim("htu", "https://api.example.test:444/limits"), badDPo + `its htu is another address."` + atOurs},
		{"a user name in the address", dpop(token), claim("htu", "https://a@api.example.test/limits"), badDPo + `its htu is another address."` + atOurs},
		{"no address", dpop(token), claim("htu", nil), badDPo + `a claim has another type than it should."` + atOurs},
		{"the same address, written otherwise", dpop(token), claim("htu", "HTTPS://API.example.test:443/%6Cimits?c=d#e"), ""},
		{"the hash of another token", dpop(token), claim("ath", ath(plain)), badDPo + `its ath is of another token."` + atOurs},
		{"no hash of the token", dpop(token), claim("ath", ""), badDPo + `its ath is of another token."` + atOurs},

		{"a minute old", dpop(token), claim("iat", now-60), ""},
		{"older than a minute", dpop(token), claim("iat", now-61), badDPo + `its time is over, or ahead."` + atOurs},
		{"10 s ahead", dpop(token), claim("iat", now+10), ""},
		{"more than 10 s ahead", dpop(token), claim("iat", now+11), badDPo + `its time is over, or ahead."` + atOurs},
		{"of no time", dpop(token), claim("iat", "now"), badDPo + `a claim has another type than it should."` + atOurs},
		{"it has ended", dpop(token), claim("exp", now-10), badDPo + `its time is over, or ahead."` + atOurs},
		{"it has not begun", dpop(token), claim("nbf", now+11), badDPo + `its time is over, or ahead."` + atOurs},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := knock(guard(t, p, nil), stepup.Requirement{}, tt.auth, tt.proofs)

			require.Equal(t, tt.want, w.Header().Get("WWW-Authenticate"))
			require.Equal(t, tt.want == "", w.Code == http.StatusOK)
			require.Contains(t, []int{http.StatusOK, http.StatusUnauthorized}, w.Code)
		})
	}
}

func TestAlgsOfProofs(t *testing.T) {
	p, _ := open(t)
	const refused = badDPo + `its signature is not of its jwk, or of an alg that is not taken."` + atOurs
	for name, tt := range map[string]struct {
		signer *signer
		want   string
	}{
		"ES256": {newES256("k"), ""}, "EdDSA": {newEdDSA("k"), ""}, "PS256": {newRSA("k", jwt.SigningMethodPS256), ""},
		"RS256": {newRSA("k", jwt.SigningMethodRS256), refused}, "PS512": {newRSA("k", jwt.SigningMethodPS512), refused},
	} {
		t.Run(name, func(t *testing.T) {
			token := bound(p, tt.signer, nil)
			w := knock(guard(t, p, nil), stepup.Requirement{}, []string{"DPoP " + string(token)}, []string{tt.signer.proves(p, token, nil)})
			require.Equal(t, tt.want, w.Header().Get("WWW-Authenticate"))
			if tt.want == "" {
				require.Equal(t, jktOf(tt.signer.public), w.Header().Get("Holder"), "the handler is told who holds it")
			}
		})
	}
	t.Run("a key that says it is for another alg", func(t *testing.T) {
		key := newRSA("k", jwt.SigningMethodPS256)
		key.public["alg"] = "RS256"
		token := bound(p, key, nil)
		w := knock(guard(t, p, nil), stepup.Requirement{}, []string{"DPoP " + string(token)}, []string{key.proves(p, token, nil)})
		require.Equal(t, badDPo+`its jwk is no public key for its alg."`+atOurs, w.Header().Get("WWW-Authenticate"))
	})
	t.Run("none, and a secret that everybody knows", func(t *testing.T) {
		key := newES256("k")
		token := bound(p, key, nil)
		for _, method := range []jwt.SigningMethod{jwt.SigningMethodNone, jwt.SigningMethodHS256} {
			forged := &signer{kid: "k", method: method, key: jwt.UnsafeAllowNoneSignatureType, public: key.public}
			if method == jwt.SigningMethodHS256 {
				forged.key = must(base64.RawURLEncoding.DecodeString(key.public["x"].(string)))
			}
			w := knock(guard(t, p, nil), stepup.Requirement{}, []string{"DPoP " + string(token)}, []string{forged.proves(p, token, nil)})
			require.Equal(t, refused, w.Header().Get("WWW-Authenticate"))
		}
	})
}

func TestAProofPassesOnce(t *testing.T) {
	p, _ := open(t)
	key := newES256("k")
	token := bound(p, key, nil)
	auth, proof := []string{"DPoP " + string(token)}, []string{key.proves(p, token, nil)}
	const again = badDPo + `it was used before."` + atOurs

	v := guard(t, p, nil)
	require.Equal(t, 200, knock(v, stepup.Requirement{}, auth, proof).Code)
	require.Equal(t, again, knock(v, stepup.Requirement{}, auth, proof).Header().Get("WWW-Authenticate"))
	p.clock.Move(time.Minute)
	require.Equal(t, again, knock(v, stepup.Requirement{}, auth, proof).Header().Get("WWW-Authenticate"), "as long as it is not too old")
	p.clock.Move(-time.Minute)
	require.Equal(t, 200, knock(guard(t, p, nil), stepup.Requirement{}, auth, proof).Code, "a replica that shares nothing knows nothing")

	shared := stepup.NewMemoryReplays(0, p.clock.Now)
	share := func(c *stepup.VerifierConfig) { c.Replays = shared }
	require.Equal(t, 200, knock(guard(t, p, share), stepup.Requirement{}, auth, proof).Code)
	require.Equal(t, again, knock(guard(t, p, share), stepup.Requirement{}, auth, proof).Header().Get("WWW-Authenticate"))

	t.Run("of many at once", func(t *testing.T) {
		v, proof := guard(t, p, nil), []string{key.proves(p, token, nil)}
		passed := make(chan int, 64)
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() { passed <- knock(v, stepup.Requirement{}, auth, proof).Code })
		}
		all.Wait()
		close(passed)
		count := map[int]int{}
		for code := range passed {
			count[code]++
		}
		require.Equal(t, map[int]int{200: 1, 401: 63}, count)
	})
	t.Run("what is used up is what passed: a refused proof is not", func(t *testing.T) {
		full := broken{}
		w := knock(guard(t, p, func(c *stepup.VerifierConfig) { c.Replays = full }), stepup.Requirement{}, auth, []string{key.proves(p, token, func(_, c map[string]any) { c["htm"] = "GET" })})
		require.Equal(t, 401, w.Code, "the store was not asked")
	})
	t.Run("a store that cannot say lets nobody pass", func(t *testing.T) {
		w := knock(guard(t, p, func(c *stepup.VerifierConfig) { c.Replays = broken{} }), stepup.Requirement{}, auth, proof)
		require.Equal(t, []any{503, ""}, []any{w.Code, w.Header().Get("WWW-Authenticate")})
	})
}

// broken is a store that is away.
type broken struct{}

func (broken) FirstUse(context.Context, string, time.Time) (bool, error) {
	return true, errors.New("away")
}

func TestMemoryReplays(t *testing.T) {
	c := &clock{now: start}
	m := stepup.NewMemoryReplays(2, c.Now)
	use := func(key string) (bool, error) { return m.FirstUse(t.Context(), key, c.Now().Add(time.Minute)) }
	for _, step := range []struct {
		key   string
		after time.Duration
		first bool
		full  bool
	}{
		{"a", 0, true, false},
		{"a", 0, false, false},
		{"b", 30 * time.Second, true, false},
		{"c", 0, false, true}, // forgetting one would let it pass twice
		{"a", 30 * time.Second, false, false},
		{"c", time.Second, true, false}, // "a" is too old by now
		{"b", 0, false, false},
		{"b", 30 * time.Second, true, false},
	} {
		c.Move(step.after)
		first, err := use(step.key)
		require.Equal(t, []bool{step.first, step.full}, []bool{first, err != nil}, "%+v", step)
	}
}
