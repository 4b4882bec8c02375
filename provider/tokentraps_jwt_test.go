package provider

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

func trapRetiredKey(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(nil)
	hint := expected{Typ: typPlain, Issuer: issuerOf(tenantA), Audience: appShop, Now: s.clock().Add(100 * 24 * time.Hour), Expired: true}
	old, _ := s.keySet().Signing(keys.ES256)
	next, err := keys.Generate(tenantA, keys.ES256, keys.Active, s.clock())
	require.NoError(t, err)
	require.NoError(t, s.store.AddKey(t.Context(), next))
	require.NoError(t, s.store.SetState(t.Context(), tenantA, old.ID, keys.Retired, s.clock()))

	claims, err := verifyJWT(s.keySet(), a.IDToken, hint)
	require.NoError(t, err, "an expired ID token of a retired key is a good hint")
	require.Equal(t, userAlice, claims["sub"])
	require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
	require.Equal(t, next.ID, headerOf(t, s.exchange(nil).IDToken)["kid"])

	require.NoError(t, s.store.SetState(t.Context(), tenantA, old.ID, keys.Removed, s.clock()))
	_, err = verifyJWT(s.keySet(), a.IDToken, hint)
	require.ErrorIs(t, err, errToken)
}

func trapAlgs(t *testing.T) {
	good := jwt.MapClaims{"iss": "i", "aud": "a", "iat": tokenT0.Unix(), "exp": tokenT0.Add(time.Minute).Unix()}
	want := expected{Typ: typPlain, Issuer: "i", Audience: "a", Now: tokenT0}
	for _, alg := range []string{keys.ES256, keys.RS256} {
		key, err := keys.Generate(tenantA, alg, keys.Active, tokenT0)
		require.NoError(t, err)
		set := keys.NewSet([]keys.Key{key})
		token, err := signJWT(&key, typPlain, good)
		require.NoError(t, err)
		_, err = verifyJWT(set, token, want)
		require.NoError(t, err, alg)

		// A key must be used as what it is, and only one of this tenant counts.
		for _, forged := range forgeries(t, &key, good) {
			_, err = verifyJWT(set, forged, want)
			require.ErrorIs(t, err, errToken)
		}
	}
}

// forgeries are tokens that name key and were not signed with it as they should.
func forgeries(t *testing.T, key *keys.Key, claims jwt.MapClaims) []string {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(key.Private.Public())
	require.NoError(t, err)
	other, err := keys.Generate(tenantB, key.Alg, keys.Active, tokenT0)
	require.NoError(t, err)
	sign := func(m jwt.SigningMethod, with any, kid any) string {
		token := jwt.NewWithClaims(m, claims)
		token.Header["kid"] = kid
		signed, err := token.SignedString(with)
		require.NoError(t, err)
		return signed
	}
	list := []string{
		sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, key.ID),
		sign(jwt.SigningMethodHS256, public, key.ID), // the public key taken for a shared secret
		sign(signingMethods[key.Alg], other.Private, key.ID),
		sign(signingMethods[key.Alg], other.Private, other.ID),
		sign(signingMethods[key.Alg], key.Private, nil),
	}
	if private, ok := key.Private.(*rsa.PrivateKey); ok {
		list = append(list, sign(jwt.SigningMethodRS512, private, key.ID), sign(jwt.SigningMethodPS256, private, key.ID))
	}
	return list
}

func trapLeeway(t *testing.T) {
	key, err := keys.Generate(tenantA, keys.ES256, keys.Active, tokenT0)
	require.NoError(t, err)
	set := keys.NewSet([]keys.Key{key})
	for name, tt := range map[string]struct {
		iat, exp time.Duration // from now
		good     bool
	}{
		"issued by a clock 8 s ahead":   {8 * time.Second, time.Minute, true},
		"issued by a clock 60 s ahead":  {time.Minute, 2 * time.Minute, false},
		"expired 8 s ago":               {-time.Minute, -8 * time.Second, true},
		"expired 10 s ago":              {-time.Minute, -clockSkew, false},
		"without an end, as it were":    {0, 0, false},
		"good until the end of an hour": {-time.Minute, time.Hour, true},
	} {
		claims := jwt.MapClaims{"iss": "i", "aud": "a", "iat": tokenT0.Add(tt.iat).Unix(), "exp": tokenT0.Add(tt.exp).Unix()}
		if tt.exp == 0 {
			delete(claims, "exp")
		}
		token, err := signJWT(&key, typPlain, claims)
		require.NoError(t, err)
		_, err = verifyJWT(set, token, expected{Typ: typPlain, Issuer: "i", Audience: "a", Now: tokenT0})
		require.Equal(t, tt.good, err == nil, name)
	}
}

func trapAtHash(t *testing.T) {
	token := "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	require.Equal(t, "77QmUPtjPfzWtF2AnpK9RQ", atHash("RS256", token)) // a published example
	half := func(sum []byte) string { return b64(sum[:len(sum)/2]) }
	s256, s384, s512 := sha256.Sum256([]byte(token)), sha512.Sum384([]byte(token)), sha512.Sum512([]byte(token))
	for alg, sum := range map[string][]byte{"ES256": s256[:], "PS256": s256[:], "ES384": s384[:], "RS512": s512[:], "EdDSA": s512[:]} {
		require.Equal(t, half(sum), atHash(alg, token), alg)
	}

	s := newTokenServer(t)
	es := s.exchange(nil)
	require.Equal(t, "ES256", headerOf(t, es.IDToken)["alg"])
	sum := sha256.Sum256([]byte(es.AccessToken))
	require.Equal(t, half(sum[:]), claimsIn(t, es.IDToken)["at_hash"])

	code, _ := s.grant(appPost, nil)
	rs := s.post(s.codeForm(appPost, code), as(appPost, postSecret))
	require.Equal(t, "RS256", headerOf(t, rs.IDToken)["alg"])
	require.Equal(t, "ES256", headerOf(t, rs.AccessToken)["alg"])
	sum = sha256.Sum256([]byte(rs.AccessToken))
	require.Equal(t, half(sum[:]), claimsIn(t, rs.IDToken)["at_hash"])
}

func trapTokenTypes(t *testing.T) {
	key, err := keys.Generate(tenantA, keys.ES256, keys.Active, tokenT0)
	require.NoError(t, err)
	claims := jwt.MapClaims{"iss": "i", "aud": []string{"a", "b"}, "iat": tokenT0.Unix(), "exp": tokenT0.Add(time.Minute).Unix()}
	token, err := signJWT(&key, typAccessToken, claims)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		want expected
		good bool
	}{
		"as it is meant":        {expected{Typ: typAccessToken, Issuer: "i", Audience: "b", Now: tokenT0}, true},
		"as another type":       {expected{Typ: typPlain, Issuer: "i", Audience: "b", Now: tokenT0}, false},
		"of another issuer":     {expected{Typ: typAccessToken, Issuer: "j", Audience: "b", Now: tokenT0}, false},
		"for another audience":  {expected{Typ: typAccessToken, Issuer: "i", Audience: "c", Now: tokenT0}, false},
		"another type, as hint": {expected{Typ: typPlain, Issuer: "i", Audience: "b", Now: tokenT0.Add(time.Hour), Expired: true}, false},
		"another issuer, hint":  {expected{Typ: typAccessToken, Issuer: "j", Audience: "b", Now: tokenT0.Add(time.Hour), Expired: true}, false},
		"expired, as hint":      {expected{Typ: typAccessToken, Issuer: "i", Audience: "b", Now: tokenT0.Add(time.Hour), Expired: true}, true},
	} {
		_, err := verifyJWT(keys.NewSet([]keys.Key{key}), token, tt.want)
		require.Equal(t, tt.good, err == nil, name)
	}

	s := newTokenServer(t)
	a := s.exchange(nil)
	refused := map[string]string{
		"the ID token":               a.IDToken,
		"the refresh token":          a.RefreshToken,
		"a token for another server": s.exchange(func(g *model.Grant) { g.Audience = []string{"https://api.example"} }).AccessToken,
	}
	for name, token := range refused {
		w := s.info(token)
		require.Equal(t, http.StatusUnauthorized, w.Code, name)
		require.Contains(t, w.Header().Get("WWW-Authenticate"), `error="invalid_token"`, name)
	}
	require.Equal(t, http.StatusUnauthorized, s.infoAt("/t/b/userinfo", a.AccessToken).Code, "at another tenant")
	require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
}
