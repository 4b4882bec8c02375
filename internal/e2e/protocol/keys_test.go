package protocol_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// keySet is the published keys of a server, by kid.
type keySet map[string]publicKey

type publicKey struct {
	Alg string
	Key crypto.PublicKey
}

// fetchKeys reads a JWK set and checks its shape: every key has a kid of its own
// and valid members, and none holds a private or symmetric one.
//
// Source: RFC 7517 sections 4 and 5; RFC 7518 section 6.
func fetchKeys(t *testing.T, address string) keySet {
	t.Helper()
	var document struct {
		Keys []map[string]any `json:"keys"`
	}
	header := getJSON(t, address, &document)
	require.Contains(t, []string{"application/json", "application/jwk-set+json"}, jsonType(header))
	require.NotEmpty(t, document.Keys)
	set := keySet{}
	for _, raw := range document.Keys {
		for name, value := range raw {
			require.NotContains(t, []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}, name, "a private member")
			_, isText := value.(string)
			require.True(t, isText || name == "x5c" || name == "key_ops", "%s is %v", name, value)
		}
		kid, _ := raw["kid"].(string)
		require.NotEmpty(t, kid)
		require.NotContains(t, set, kid, "two keys with one kid")
		require.Equal(t, "sig", raw["use"])
		set[kid] = publicKey{Alg: raw["alg"].(string), Key: publicOf(t, raw)}
	}
	return set
}

func publicOf(t *testing.T, raw map[string]any) crypto.PublicKey {
	t.Helper()
	number := func(name string) *big.Int {
		s, _ := raw[name].(string)
		b, err := base64.RawURLEncoding.Strict().DecodeString(s)
		require.NoError(t, err, "%s is not base64url without padding", name)
		require.NotEmpty(t, b, name)
		return new(big.Int).SetBytes(b)
	}
	switch raw["kty"] {
	case "RSA":
		key := &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
		require.GreaterOrEqual(t, key.N.BitLen(), 2048)
		return key
	case "EC":
		require.Equal(t, "P-256", raw["crv"])
		require.Equal(t, "ES256", raw["alg"])
		key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: number("x"), Y: number("y")}
		_, err := key.ECDH()
		require.NoError(t, err, "not a point of the curve")
		return key
	}
	require.Fail(t, "a key of a type that this tenant does not use", "%v", raw["kty"])
	return nil
}

// verify checks the signature of a JWT by the key that its kid names, and
// returns what it says. Its times are judged by the caller, by the demo's clock.
func (set keySet) verify(t *testing.T, token string) (claims jwt.MapClaims, header map[string]any) {
	t.Helper()
	parser := jwt.NewParser(jwt.WithoutClaimsValidation(), jwt.WithJSONNumber(), jwt.WithStrictDecoding())
	claims = jwt.MapClaims{}
	parsed, err := parser.ParseWithClaims(token, claims, func(parsed *jwt.Token) (any, error) {
		kid, _ := parsed.Header["kid"].(string)
		key, known := set[kid]
		require.True(t, known, "kid %q is not published", kid)
		require.Equal(t, key.Alg, parsed.Header["alg"], "the key is published for another alg")
		return key.Key, nil
	})
	require.NoError(t, err)
	return claims, parsed.Header
}

// halfHash is at_hash for the algorithms that use SHA-256.
// Source: OpenID Connect Core section 3.1.3.6.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// unsigned is a request object with alg none.
func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(body) + "."
}
