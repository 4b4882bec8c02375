package provider

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/store"
)

// proofEdit changes a proof before it is signed.
type proofEdit func(header map[string]any, claims jwt.MapClaims)

// proof is a good proof for an endpoint of tenant A, unless edit changes it.
func (s *tokenServer) proof(key, alg, method, path string, edits ...proofEdit) string {
	s.t.Helper()
	k := appKeysOnce()[key]
	claims := jwt.MapClaims{
		"jti": b64(randomBytes(16)), "htm": method, "htu": issuerOf(tenantA) + path, "iat": s.clock().Unix(),
		"nonce": s.provider.nonce(tenantA, s.clock()),
	}
	t := jwt.NewWithClaims(jwt.GetSigningMethod(alg), claims)
	t.Header["typ"], t.Header["jwk"] = "dpop+jwt", k.jwk(nil)
	for _, edit := range edits {
		edit(t.Header, claims)
	}
	signed, err := t.SignedString(k.private)
	require.NoError(s.t, err)
	return signed
}

// proving sends a good proof of key to the token endpoint.
func (s *tokenServer) proving(key string, edits ...proofEdit) func(*http.Request) {
	return withProof(s.proof(key, map[string]string{"ec": "ES256", "next": "ES256", "rsa": "PS256", "ed": "EdDSA"}[key], http.MethodPost, "/token", edits...))
}

func withProof(proof string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add("DPoP", proof) }
}

func claimed(name string, value any) proofEdit {
	return func(_ map[string]any, c jwt.MapClaims) {
		if value == nil {
			delete(c, name)
			return
		}
		c[name] = value
	}
}

func headed(name string, value any) proofEdit {
	return func(h map[string]any, _ jwt.MapClaims) {
		if value == nil {
			delete(h, name)
			return
		}
		h[name] = value
	}
}

func jktOf(t *testing.T, key string) string {
	t.Helper()
	jkt, err := keys.Thumbprint(appKeysOnce()[key].private.Public())
	require.NoError(t, err)
	return jkt
}

func asMachine(r *http.Request) { as(appMachine, robotSecret)(r) }

// TestProofsOfTheRFC are the examples of RFC 9449 sections 4.1, 6.1 and 7.1.
func TestProofsOfTheRFC(t *testing.T) {
	const atToken = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	want := wantedProof{Method: http.MethodPost, URL: "https://server.example.com/token", Now: time.Unix(1562262616, 0)}
	proof, refused := judgeProof(atToken, want)
	require.Empty(t, refused)
	require.Equal(t, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", proof.JKT)
	require.Equal(t, "-BwC3ESc6acc2lTc", proof.jti)

	require.Equal(t, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", hashOf("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"))

	want.Now = want.Now.Add(proofLife + time.Second)
	_, refused = judgeProof(atToken, want)
	require.Equal(t, "its time is over, or ahead", refused)
}

// TestProof takes a good proof and changes one thing.
func TestProof(t *testing.T) {
	s := newTokenServer(t)
	at := func(d time.Duration) int64 { return s.clock().Add(d).Unix() }
	url := issuerOf(tenantA) + "/token"
	k := appKeysOnce()
	ok, invalid := "", "invalid_dpop_proof"
	tests := []struct {
		name, key, alg string
		edit           proofEdit
		want           string
	}{
		{"signed with ES256", "ec", "ES256", nil, ok},
		{"signed with PS256", "rsa", "PS256", nil, ok},
		{"signed with EdDSA", "ed", "EdDSA", nil, ok},
		{"the typ in its long form", "ec", "ES256", headed("typ", "application/dpop+jwt"), ok},
		{"a jti of 128 letters", "ec", "ES256", claimed("jti", strings.Repeat("j", 128)), ok},
		{"made 60 s ago", "ec", "ES256", claimed("iat", at(-time.Minute)), ok},
		{"made by a clock that is 10 s ahead", "ec", "ES256", claimed("iat", at(10*time.Second)), ok},
		{"an address with query and fragment", "ec", "ES256", claimed("htu", url+"?a=b#c"), ok},
		{"scheme and host in capitals", "ec", "ES256", claimed("htu", "HTTPS://ID.EXAMPLE/t/a/token"), ok},
		{"the port of the scheme", "ec", "ES256", claimed("htu", "https://id.example:443/t/a/token"), ok},
		{"a letter of the path in percent", "ec", "ES256", claimed("htu", "https://id.example/t/a/%74oken"), ok},
		{"an end that is ahead", "ec", "ES256", claimed("exp", at(time.Minute)), ok},
		{"an ath where no token is", "ec", "ES256", claimed("ath", "x"), ok},

		{"signed with RS256", "rsa", "RS256", nil, invalid},
		{"another hash", "rsa", "PS512", nil, invalid},
		{"no typ", "ec", "ES256", headed("typ", nil), invalid},
		{"the typ of any JWT", "ec", "ES256", headed("typ", "JWT"), invalid},
		{"an extension that has to be understood", "ec", "ES256", headed("crit", []string{"b64"}), invalid},
		{"no key", "ec", "ES256", headed("jwk", nil), invalid},
		{"a key that is no object", "ec", "ES256", headed("jwk", "x"), invalid},
		{"the name of a key", "ec", "ES256", headed("jwk", map[string]any{"kid": "ec-1"}), invalid},
		{"the key of somebody else", "ec", "ES256", headed("jwk", k["next"].jwk(nil)), invalid},
		{"a key of another kind", "ec", "ES256", headed("jwk", k["rsa"].jwk(nil)), invalid},
		{"a key with its private part", "ec", "ES256", headed("jwk", k["ec"].jwk(map[string]any{"d": "AQ"})), invalid},
		{"a shared secret for a key", "ec", "ES256", headed("jwk", map[string]any{"kty": "oct", "k": "AQ"}), invalid},
		{"a key that is for encryption", "ec", "ES256", headed("jwk", k["ec"].jwk(map[string]any{"use": "enc"})), invalid},
		{"a key that says another alg", "rsa", "PS256", headed("jwk", k["rsa"].jwk(map[string]any{"alg": "RS256"})), invalid},
		{"no jti", "ec", "ES256", claimed("jti", nil), invalid},
		{"a jti that is a number", "ec", "ES256", claimed("jti", 7), invalid},
		{"a jti of 129 letters", "ec", "ES256", claimed("jti", strings.Repeat("j", 129)), invalid},
		{"no method", "ec", "ES256", claimed("htm", nil), invalid},
		{"another method", "ec", "ES256", claimed("htm", "GET"), invalid},
		{"the method in small letters", "ec", "ES256", claimed("htm", "post"), invalid},
		{"no address", "ec", "ES256", claimed("htu", nil), invalid},
		{"another endpoint", "ec", "ES256", claimed("htu", issuerOf(tenantA)+"/par"), invalid},
		{"another tenant", "ec", "ES256", claimed("htu", issuerOf(tenantB)+"/token"), invalid},
		{"another host", "ec", "ES256", claimed("htu", "https://evil.example/t/a/token"), invalid},
		{"http", "ec", "ES256", claimed("htu", "http://id.example/t/a/token"), invalid},
		{"another port", "ec", "ES256", claimed("htu", "https://id.example:8443/t/a/token"), invalid},
		{"a slash behind", "ec", "ES256", claimed("htu", url+"/"), invalid},
		{"a name before the host", "ec", "ES256", claimed("htu", "https://x@id.example/t/a/token"), invalid},
		{"only a path", "ec", "ES256", claimed("htu", "/t/a/token"), invalid},
		{"a slash of the path in percent", "ec", "ES256", claimed("htu", "https://id.example/t/a%2ftoken"), invalid},
		{"no time", "ec", "ES256", claimed("iat", nil), invalid},
		{"a time that is text", "ec", "ES256", claimed("iat", "now"), invalid},
		{"made 61 s ago", "ec", "ES256", claimed("iat", at(-61*time.Second)), invalid},
		{"made 11 s ahead", "ec", "ES256", claimed("iat", at(11*time.Second)), invalid},
		{"an end that is over", "ec", "ES256", claimed("exp", at(-10*time.Second)), invalid},
		{"a beginning that is ahead", "ec", "ES256", claimed("nbf", at(11*time.Second)), invalid},
		{"more than it may be long", "ec", "ES256", claimed("more", strings.Repeat("x", maxProof)), invalid},

		{"no nonce", "ec", "ES256", claimed("nonce", nil), "use_dpop_nonce"},
		{"somebody's own nonce", "ec", "ES256", claimed("nonce", "mine"), "use_dpop_nonce"},
		{"the nonce of another tenant", "ec", "ES256", claimed("nonce", s.provider.nonce(tenantB, s.clock())), "use_dpop_nonce"},
		{"the nonce of the time to come", "ec", "ES256", claimed("nonce", s.provider.nonce(tenantA, s.clock().Add(nonceLife))), "use_dpop_nonce"},
		{"the nonce before the last", "ec", "ES256", claimed("nonce", s.provider.nonce(tenantA, s.clock().Add(-2*nonceLife))), "use_dpop_nonce"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			edit := tt.edit
			if edit == nil {
				edit = func(map[string]any, jwt.MapClaims) {}
			}
			a := s.post(ccForm(), asMachine, withProof(s.proof(tt.key, tt.alg, http.MethodPost, "/token", edit)))

			require.Equal(t, tt.want, a.Error, a.Description)
			if tt.want == ok {
				require.Equal(t, http.StatusOK, a.Status)
				require.Equal(t, "DPoP", a.TokenType)
				require.Equal(t, map[string]any{"jkt": jktOf(t, tt.key)}, claimsIn(t, a.AccessToken)["cnf"])
				require.Empty(t, a.Header.Values("DPoP-Nonce"), "the one that it has is the current one")
				return
			}
			require.Equal(t, http.StatusBadRequest, a.Status)
			require.Equal(t, s.provider.nonce(tenantA, s.clock()), a.Header.Get("DPoP-Nonce"))
			require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		})
	}
}

// TestProofForged are signatures that look good to who lets the header choose.
func TestProofForged(t *testing.T) {
	s := newTokenServer(t)
	good := s.proof("ec", "ES256", http.MethodPost, "/token")
	parts := strings.Split(good, ".")
	header, claims := headerOf(t, good), jwt.MapClaims(claimsIn(t, good))
	forge := func(method jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(method, claims)
		token.Header["typ"], token.Header["jwk"] = "dpop+jwt", header["jwk"]
		signed, err := token.SignedString(key)
		require.NoError(t, err)
		return signed
	}
	other := strings.Split(s.proof("ec", "ES256", http.MethodPost, "/token"), ".")
	for name, forged := range map[string]string{
		"no signature and alg none":      forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"a secret where a key is meant":  forge(jwt.SigningMethodHS256, []byte("secret")),
		"the signature of another proof": parts[0] + "." + parts[1] + "." + other[2],
		"no signature at all":            parts[0] + "." + parts[1] + ".",
		"nothing":                        "",
		"two in one header":              good + ", " + good,
	} {
		t.Run(name, func(t *testing.T) {
			a := s.post(ccForm(), asMachine, withProof(forged))
			require.Equal(t, "invalid_dpop_proof", a.Error)
		})
	}
	a := s.post(ccForm(), asMachine, withProof(good), s.proving("next"))
	require.Equal(t, "invalid_dpop_proof", a.Error, "two headers")
	require.Equal(t, "invalid_client", s.post(ccForm(), as(appMachine, "wrong"), withProof(good)).Error)
	require.Equal(t, http.StatusOK, s.post(ccForm(), asMachine, withProof(good)).Status, "what was refused has not used it up")
}

// TestProofOnce: of 32 requests with the same proof, one gets a token.
func TestProofOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		proof := withProof(s.proof("ec", "ES256", http.MethodPost, "/token", claimed("jti", "one")))
		var mu sync.Mutex
		got := map[string]int{}
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for range 32 {
			wg.Go(func() {
				<-begin
				a := s.post(ccForm(), asMachine, proof)
				mu.Lock()
				defer mu.Unlock()
				got[a.Error]++
			})
		}
		close(begin)
		wg.Wait()

		require.Equal(t, map[string]int{"": 1, "invalid_dpop_proof": 31}, got)
		require.Contains(t, s.audited(), "proof.replayed")
		require.Equal(t, http.StatusOK, s.post(ccForm(), asMachine, s.proving("next", claimed("jti", "one"))).Status, "another key may have the same jti")
		s.advance(proofLife)
		require.Equal(t, "invalid_dpop_proof", s.post(ccForm(), asMachine, proof).Error, "as long as it could be good")
		s.advance(clockSkew)
		swept, err := s.store.Sweep(t.Context(), s.clock())
		require.NoError(t, err)
		require.EqualValues(t, 2, swept["replays"])
		require.Equal(t, "invalid_dpop_proof", s.post(ccForm(), asMachine, proof).Error, "then it is over")
	})
}

func TestProofCostsOneStatement(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		s.exchange(nil) // the tenant is in memory now
		ctx, count := store.Count(t.Context())
		a := s.postCtx(ctx, ccForm(), asMachine, s.proving("ec"))
		require.Equal(t, http.StatusOK, a.Status)
		require.Len(t, count.Statements(), 1, "client_credentials")

		code, _ := s.grant(appPublic, nil)
		count.Reset()
		b := s.postCtx(ctx, publicForm(s.codeForm(appPublic, code)), s.proving("ec"))
		require.Equal(t, http.StatusOK, b.Status, b.Description)
		require.Len(t, count.Statements(), 2, "code")

		count.Reset()
		require.Equal(t, http.StatusOK, s.postCtx(ctx, publicForm(refreshForm(b.RefreshToken)), s.proving("ec")).Status)
		require.Len(t, count.Statements(), 3, "refresh")

		count.Reset()
		r := s.resource(http.MethodGet, "/userinfo", "DPoP", b.AccessToken, s.proofFor("ec", http.MethodGet, "/userinfo", b.AccessToken))
		require.Equal(t, http.StatusOK, s.serve(r.WithContext(ctx)).Code)
		require.Len(t, count.Statements(), 2, "userinfo")

		count.Reset()
		require.Equal(t, "use_dpop_nonce", s.postCtx(ctx, ccForm(), asMachine, s.proving("ec", claimed("nonce", nil))).Error)
		require.Empty(t, count.Statements(), "what is refused")
	})
}

func publicForm(form url.Values) url.Values {
	form.Set("client_id", appPublic)
	return form
}

// TestNonce: the one before is taken too, and the answer brings the new one.
func TestNonce(t *testing.T) {
	s := newTokenServer(t)
	old := s.provider.nonce(tenantA, s.clock())
	with := func(nonce string) answer {
		return s.post(ccForm(), asMachine, s.proving("ec", claimed("nonce", nonce)))
	}
	s.advance(nonceLife - clockSkew - time.Second)
	require.Equal(t, "use_dpop_nonce", with(s.provider.nonce(tenantA, s.clock().Add(nonceLife))).Error)
	s.advance(clockSkew)
	require.Equal(t, http.StatusOK, with(s.provider.nonce(tenantA, s.clock().Add(nonceLife))).Status, "of a replica whose clock is ahead")
	require.Empty(t, with(old).Header.Values("DPoP-Nonce"))
	s.advance(time.Second)
	a := with(old)
	require.Equal(t, http.StatusOK, a.Status)
	fresh := a.Header.Get("DPoP-Nonce")
	require.NotEmpty(t, fresh)
	require.NotEqual(t, old, fresh)
	require.Equal(t, http.StatusOK, with(fresh).Status)
	s.advance(nonceLife)
	b := with(old)
	require.Equal(t, "use_dpop_nonce", b.Error)
	require.Equal(t, http.StatusOK, with(b.Header.Get("DPoP-Nonce")).Status)
}

// TestAnAssertionMayComeAgainWithTheNonce: what an app has signed is not used up by a
// proof that lacks the nonce.
func TestAnAssertionMayComeAgainWithTheNonce(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	form := signed(ccForm(), s.assertion("ec", "ES256", nil))
	a := s.post(form, s.proving("ec", claimed("nonce", nil)))
	require.Equal(t, "use_dpop_nonce", a.Error)
	a = s.post(form, s.proving("ec", claimed("nonce", a.Header.Get("DPoP-Nonce"))))
	require.Equal(t, http.StatusOK, a.Status, a.Description)
	require.Equal(t, "DPoP", a.TokenType)
}

// TestProofAddress: which spellings of an address are the same.
func TestProofAddress(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       bool
	}{
		{"an IPv6 address", "https://[::1]:8443/token", "https://[::1]:8443/token", true},
		{"one without its port", "https://[::1]/token", "https://[::1]:443/token", true},
		{"http and its port", "http://localhost:80/token", "http://LOCALHOST/token", true},
		{"another spelling of percent", "https://a.example/%7e%2F", "https://a.example/~%2f", true},
		{"a dot that leads back", "https://a.example/x/../token", "https://a.example/token", false},
		{"nothing", "", "", false},
		{"no address", "urn:x:y", "urn:x:y", false},
		{"what cannot be read", "https://a.example/%zz", "https://a.example/%zz", false},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, sameURL(tt.a, tt.b)) })
	}
}
