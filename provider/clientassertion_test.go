package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/store"
)

// TestClientAssertion takes a good assertion and changes one thing.
func TestClientAssertion(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	at := func(d time.Duration) int64 { return s.clock().Add(d).Unix() }
	claim := func(name string, value any) func(map[string]any, jwt.MapClaims) {
		return func(_ map[string]any, c jwt.MapClaims) {
			if value == nil {
				delete(c, name)
				return
			}
			c[name] = value
		}
	}
	header := func(name string, value any) func(map[string]any, jwt.MapClaims) {
		return func(h map[string]any, _ jwt.MapClaims) {
			if value == nil {
				delete(h, name)
				return
			}
			h[name] = value
		}
	}
	issuer := issuerOf(tenantA)
	tests := []struct {
		name string
		key  string
		alg  string
		edit func(map[string]any, jwt.MapClaims)
		want string // why it is refused; "" for a good one
	}{
		{"signed with ES256", "ec", "ES256", nil, ""},
		{"signed with PS256", "rsa", "PS256", nil, ""},
		{"signed with RS256", "rsa", "RS256", nil, ""},
		{"signed with EdDSA", "ed", "EdDSA", nil, ""},
		{"without a kid, any key that fits is tried", "ed", "EdDSA", header("kid", nil), ""},
		{"without a typ", "ec", "ES256", header("typ", nil), ""},
		{"with the typ of its own", "ec", "ES256", header("typ", "client-authentication+jwt"), ""},
		{"with the long form of a typ", "ec", "ES256", header("typ", "application/client-authentication+jwt"), ""},
		{"with a typ in other letters", "ec", "ES256", header("typ", "jwt"), ""},
		{"made by a clock that is 8 s ahead", "ec", "ES256", func(_ map[string]any, c jwt.MapClaims) { c["iat"], c["nbf"] = at(8*time.Second), at(8*time.Second) }, ""},
		{"without iat", "ec", "ES256", claim("iat", nil), ""},
		{"5 minutes to live", "ec", "ES256", claim("exp", at(5*time.Minute)), ""},
		{"over for 9 s", "ec", "ES256", claim("exp", at(-9*time.Second)), ""},
		{"a time with a fraction", "ec", "ES256", claim("exp", float64(at(time.Minute))+0.5), ""},
		{"a jti of 128 letters", "ec", "ES256", claim("jti", strings.Repeat("j", 128)), ""},

		{"the typ of an access token", "ec", "ES256", header("typ", "at+jwt"), "another typ"},
		{"a typ that is no text", "ec", "ES256", header("typ", 7), "another typ"},
		{"another issuer than subject", "ec", "ES256", claim("iss", "somebody"), "iss is not sub"},
		{"no issuer", "ec", "ES256", claim("iss", nil), "iss is not sub"},
		{"no audience", "ec", "ES256", claim("aud", nil), "aud is not the issuer alone"},
		{"the issuer in a list", "ec", "ES256", claim("aud", []string{issuer}), "aud is not the issuer alone"},
		{"the issuer and another", "ec", "ES256", claim("aud", []string{issuer, "https://evil.example"}), "aud is not the issuer alone"},
		{"the token endpoint as audience", "ec", "ES256", claim("aud", issuer+"/token"), "aud is not the issuer alone"},
		{"the endpoint for pushed requests as audience", "ec", "ES256", claim("aud", issuer+"/par"), "aud is not the issuer alone"},
		{"the issuer with a slash behind", "ec", "ES256", claim("aud", issuer+"/"), "aud is not the issuer alone"},
		{"another tenant as audience", "ec", "ES256", claim("aud", issuerOf(tenantB)), "aud is not the issuer alone"},
		{"no exp", "ec", "ES256", claim("exp", nil), "exp is missing, over or too far ahead"},
		{"exp as text", "ec", "ES256", claim("exp", "9999999999"), "exp is missing, over or too far ahead"},
		{"over for 10 s", "ec", "ES256", claim("exp", at(-10*time.Second)), "exp is missing, over or too far ahead"},
		{"5 minutes and 11 s to live", "ec", "ES256", claim("exp", at(5*time.Minute+11*time.Second)), "exp is missing, over or too far ahead"},
		{"an exp that no clock knows", "ec", "ES256", claim("exp", 1e300), "exp is missing, over or too far ahead"},
		{"an exp before 1970", "ec", "ES256", claim("exp", -5), "exp is missing, over or too far ahead"},
		{"made 61 s ahead", "ec", "ES256", claim("iat", at(61*time.Second)), "iat is ahead"},
		{"good in 61 s", "ec", "ES256", claim("nbf", at(61*time.Second)), "nbf is ahead"},
		{"iat as text", "ec", "ES256", claim("iat", "yesterday"), "iat is ahead"},
		{"no jti", "ec", "ES256", claim("jti", nil), "jti is missing or too long"},
		{"a jti that is a number", "ec", "ES256", claim("jti", 7), "jti is missing or too long"},
		{"a jti of 129 letters", "ec", "ES256", claim("jti", strings.Repeat("j", 129)), "jti is missing or too long"},
		{"the kid of another key", "ec", "ES256", header("kid", "rsa-1"), "no key fits"},
		{"a kid that there is not", "ec", "ES256", header("kid", "ec-9"), "no key fits"},
		{"the key of another app", "next", "ES256", header("kid", "ec-1"), "no key fits"},
		{"an app that there is not", "ec", "ES256", func(_ map[string]any, c jwt.MapClaims) { c["iss"], c["sub"] = "nobody", "nobody" }, "no app of that name signs"},
		{"an app that has a secret", "ec", "ES256", func(_ map[string]any, c jwt.MapClaims) { c["iss"], c["sub"] = appMachine, appMachine }, "no app of that name signs"},
		{"the name of another app that signs", "ec", "ES256", func(h map[string]any, c jwt.MapClaims) { c["iss"], c["sub"] = appOther, appOther }, "no key fits"},
		{"an extension that has to be understood", "ec", "ES256", header("crit", []string{"b64"}), "no JWT with an alg that is taken"},
		{"another hash", "rsa", "RS512", nil, "no JWT with an alg that is taken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.events = nil

			a := s.post(signed(ccForm(), s.assertion(tt.key, tt.alg, tt.edit)))

			if tt.want == "" {
				require.Equal(t, http.StatusOK, a.Status, a.Description)
				require.Equal(t, "client:"+appSigner, claimsIn(t, a.AccessToken)["sub"])
				return
			}
			require.Equal(t, "invalid_client", a.Error)
			require.Equal(t, http.StatusUnauthorized, a.Status)
			require.Equal(t, "client.refused", s.events[0].Type)
			require.Equal(t, map[string]string{"reason": tt.want}, s.events[0].Data)
		})
	}
}

// TestClientAssertionForged are signatures that look good to who lets the header
// choose (RFC 8725 section 2.1).
func TestClientAssertionForged(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	good := s.assertion("ec", "ES256", nil)
	parts := strings.Split(good, ".")
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(good, claims)
	require.NoError(t, err)
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	shared, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(s.app(appSigner).JWKS))
	require.NoError(t, err)
	stranger := appKeysOnce()["next"]
	embedded := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	embedded.Header["jwk"], embedded.Header["kid"] = stranger.jwk(nil), stranger.kid
	own, err := embedded.SignedString(stranger.private)
	require.NoError(t, err)
	changed := strings.Split(s.assertion("ec", "ES256", func(_ map[string]any, c jwt.MapClaims) { c["jti"] = "another" }), ".")

	for name, forged := range map[string]string{
		"no signature and alg none":           none,
		"a secret where a key is meant":       shared,
		"a key that the header brings itself": own,
		"the signature of another assertion":  changed[0] + "." + changed[1] + "." + parts[2],
		"no signature at all":                 parts[0] + "." + parts[1] + ".",
		"two parts":                           parts[0] + "." + parts[1],
		"four parts":                          good + ".x",
		"nothing that could be read":          "x.y.z",
		"more than it may be long":            good + strings.Repeat("A", maxAppJWT),
	} {
		t.Run(name, func(t *testing.T) {
			a := s.post(signed(ccForm(), forged))
			require.Equal(t, "invalid_client", a.Error)
			require.Equal(t, http.StatusUnauthorized, a.Status)
		})
	}
	require.Equal(t, http.StatusOK, s.post(signed(ccForm(), good)).Status, "what was refused has not used it up")
}

// TestClientAssertionBesideOthers: RFC 6749 section 2.3, one method a request.
func TestClientAssertionBesideOthers(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	tests := []struct {
		name   string
		form   func(url.Values)
		header func(*http.Request)
		want   string
	}{
		{"its own client_id beside it", func(f url.Values) { f.Set("client_id", appSigner) }, nil, ""},
		{"another client_id beside it", func(f url.Values) { f.Set("client_id", appOther) }, nil, "invalid_client"},
		{"a secret beside it", func(f url.Values) { f.Set("client_secret", "x") }, nil, "invalid_request"},
		{"Basic beside it", nil, as(appSigner, "x"), "invalid_request"},
		{"no type", func(f url.Values) { f.Del("client_assertion_type") }, nil, "invalid_request"},
		{"a type and nothing else", func(f url.Values) { f.Del("client_assertion") }, nil, "invalid_request"},
		{"the type of a SAML assertion", func(f url.Values) {
			f.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
		}, nil, "invalid_client"},
		{"a name and nothing else", func(f url.Values) {
			f.Del("client_assertion")
			f.Del("client_assertion_type")
			f.Set("client_id", appSigner)
		}, nil, "invalid_client"},
		{"two assertions", func(f url.Values) { f.Add("client_assertion", "x") }, nil, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := signed(ccForm(), s.assertion("ec", "ES256", nil))
			if tt.form != nil {
				tt.form(form)
			}
			var edit []func(*http.Request)
			if tt.header != nil {
				edit = append(edit, tt.header)
			}
			require.Equal(t, tt.want, s.post(form, edit...).Error)
		})
	}
}

func TestClientAssertionAlgOfTheRegistration(t *testing.T) {
	s := newTokenServer(t)
	s.signer(func(c *identity.Client) { c.AuthAlg = "PS256" })
	require.Equal(t, http.StatusOK, s.post(signed(ccForm(), s.assertion("rsa", "PS256", nil))).Status)
	require.Equal(t, "invalid_client", s.post(signed(ccForm(), s.assertion("rsa", "RS256", nil))).Error)
	require.Equal(t, "invalid_client", s.post(signed(ccForm(), s.assertion("ec", "ES256", nil))).Error)

	t.Run("a key says which alg it is for", func(t *testing.T) {
		k := appKeysOnce()
		s.signer(func(c *identity.Client) { c.JWKS = jwksOf(k["rsa"].jwk(map[string]any{"alg": "PS256"})) })
		require.Equal(t, http.StatusOK, s.post(signed(ccForm(), s.assertion("rsa", "PS256", nil))).Status)
		require.Equal(t, "invalid_client", s.post(signed(ccForm(), s.assertion("rsa", "RS256", nil))).Error)
	})
}

// TestClientAssertionOnce: of 64 requests with the same assertion, one gets an
// answer, whichever endpoint they go to.
func TestClientAssertionOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		s.signer(nil)
		assertion := s.assertion("ec", "ES256", nil)
		paths := []string{"token", "introspect", "revoke"}
		var mu sync.Mutex
		got := map[int]int{}
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for i := range 64 {
			wg.Go(func() {
				<-begin
				form := signed(ccForm(), assertion)
				form.Set("token", "x")
				w := s.call(paths[i%len(paths)], form)
				mu.Lock()
				defer mu.Unlock()
				got[w.Code]++
			})
		}
		close(begin)
		wg.Wait()

		require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusUnauthorized: 63}, got)
		s.advance(time.Minute + clockSkew - time.Second)
		require.Equal(t, "invalid_client", s.post(signed(ccForm(), assertion)).Error, "as long as it could be good")
		swept, err := s.store.Sweep(t.Context(), s.clock())
		require.NoError(t, err)
		require.Zero(t, swept["replays"])
		s.advance(time.Second)
		swept, err = s.store.Sweep(t.Context(), s.clock())
		require.NoError(t, err)
		require.EqualValues(t, 1, swept["replays"])
		require.Equal(t, "invalid_client", s.post(signed(ccForm(), assertion)).Error, "then it is over")
	})
}

func TestClientAssertionOfTwoAppsMayHaveOneJTI(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	same := func(app string) func(map[string]any, jwt.MapClaims) {
		return func(_ map[string]any, c jwt.MapClaims) { c["iss"], c["sub"], c["jti"] = app, app, "one" }
	}
	require.Equal(t, http.StatusOK, s.post(signed(ccForm(), s.assertion("ec", "ES256", same(appSigner)))).Status)
	require.Equal(t, http.StatusOK, s.post(signed(ccForm(), s.assertion("next", "ES256", same(appOther)))).Status)
	require.Equal(t, "invalid_client", s.post(signed(ccForm(), s.assertion("ec", "ES256", same(appSigner)))).Error)
}

// TestClientAssertionAndANewerTenant: a request that is judged again against a newer
// version of the tenant is not refused for its own assertion.
func TestClientAssertionAndANewerTenant(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	newer := func(edit func(*identity.Client)) { // in the database, as another process would
		app := s.app(appSigner)
		edit(&app)
		s.put(app)
	}
	require.True(t, s.signsWith("ec"), "the tenant is in memory now")
	code, _ := s.grant(appSigner, nil)
	newer(func(c *identity.Client) { c.URI = "https://signer.example/" })
	a := s.post(signed(s.codeForm(appSigner, code), s.assertion("ec", "ES256", nil)))
	require.Equal(t, http.StatusOK, a.Status, a.Description)

	code, _ = s.grant(appSigner, nil)
	newer(func(c *identity.Client) { c.JWKS = jwksOf(appKeysOnce()["next"].jwk(nil)) })
	a = s.post(signed(s.codeForm(appSigner, code), s.assertion("ec", "ES256", nil)))
	require.Equal(t, "invalid_client", a.Error, "a key that was taken back meanwhile")
}

func TestClientAssertionWhenTheStoreFails(t *testing.T) {
	s := newTokenServer(t)
	s.signer(nil)
	s.provider.Replays = brokenReplays{}
	a := s.post(signed(ccForm(), s.assertion("ec", "ES256", nil)))
	require.Equal(t, http.StatusServiceUnavailable, a.Status)
	require.Equal(t, "temporarily_unavailable", a.Error)
}

type brokenReplays struct{}

func (brokenReplays) FirstUse(context.Context, string, string, []byte, time.Time) (bool, error) {
	return true, store.Fail("note first use", errors.New("disk full"))
}
