package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// members are the public members of a fresh key of each kind.
func members(t *testing.T) (ec, okp, rsaJWK map[string]any) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := k.PublicKey.Bytes()
	require.NoError(t, err)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return map[string]any{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:]), "kid": "ec"},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(public), "kid": "okp"},
		map[string]any{"kty": "RSA", "n": b64(r.N.Bytes()), "e": "AQAB", "kid": "rsa"}
}

func document(t *testing.T, list ...map[string]any) []byte {
	t.Helper()
	doc, err := json.Marshal(map[string]any{"keys": list})
	require.NoError(t, err)
	return doc
}

func with(key map[string]any, name string, value any) map[string]any {
	k := maps.Clone(key)
	k[name] = value
	if value == nil {
		delete(k, name)
	}
	return k
}

func TestParseSet(t *testing.T) {
	ec, okp, rsaJWK := members(t)
	list, err := ParseSet(document(t, ec, okp, rsaJWK))
	require.NoError(t, err)
	require.Equal(t, []string{"ec", "okp", "rsa"}, []string{list[0].ID, list[1].ID, list[2].ID})
	require.Equal(t, [][]string{{ES256}, {EdDSA}, {PS256, RS256}}, [][]string{list[0].Algs, list[1].Algs, list[2].Algs})

	weak := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 1023), big.NewInt(1))
	long := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 8192), big.NewInt(1))
	even := new(big.Int).Lsh(big.NewInt(1), 2047)
	tests := []struct {
		name string
		keys []map[string]any
		says string // "" for a set that is good
	}{
		{"a key for signatures", []map[string]any{with(ec, "use", "sig")}, ""},
		{"a key that verifies", []map[string]any{with(ec, "key_ops", []string{"verify"})}, ""},
		{"a key for one alg", []map[string]any{with(rsaJWK, "alg", "PS256")}, ""},
		{"two keys without names", []map[string]any{with(ec, "kid", nil), with(okp, "kid", nil)}, ""},
		{"members that nobody knows", []map[string]any{with(ec, "x5t", "abc")}, ""},

		{"no keys", nil, "no key to verify"},
		{"a key for encryption", []map[string]any{ec, with(okp, "use", "enc")}, "key 2: keys: not a usable set of public keys: it is not for signatures"},
		{"a key that only signs", []map[string]any{with(ec, "key_ops", []string{"sign"})}, "not for signatures"},
		{"a key for no operation", []map[string]any{with(ec, "key_ops", []string{})}, "not for signatures"},
		{"the alg of another kind", []map[string]any{with(ec, "alg", "RS256")}, "alg does not fit"},
		{"an alg with another hash", []map[string]any{with(rsaJWK, "alg", "RS512")}, "alg does not fit"},
		{"no alg at all", []map[string]any{with(ec, "alg", "none")}, "alg does not fit"},
		{"a shared secret", []map[string]any{{"kty": "oct", "k": "AAAA"}}, "private key"},
		{"a private EC key", []map[string]any{with(ec, "d", "AAAA")}, "private key"},
		{"a private RSA key", []map[string]any{with(rsaJWK, "p", "AAAA")}, "private key"},
		{"a private key beside others", []map[string]any{ec, with(okp, "d", "AAAA")}, "private key"},
		{"another curve", []map[string]any{with(ec, "crv", "P-384")}, "not EC on P-256"},
		{"Ed448", []map[string]any{with(okp, "crv", "Ed448")}, "not EC on P-256"},
		{"X25519", []map[string]any{with(okp, "crv", "X25519")}, "not EC on P-256"},
		{"a point that is not on the curve", []map[string]any{with(ec, "y", b64(make([]byte, 32)))}, "no point of P-256"},
		{"a coordinate that is too short", []map[string]any{with(ec, "x", b64(make([]byte, 31)))}, "32 bytes"},
		{"a coordinate with padding", []map[string]any{with(okp, "x", fmt.Sprint(okp["x"], "="))}, "32 bytes"},
		{"a coordinate that is a number", []map[string]any{with(ec, "x", 7)}, "no JSON Web Key"},
		{"RSA of 1024 bits", []map[string]any{with(rsaJWK, "n", b64(weak.Bytes()))}, "2048 to 8192 bits"},
		{"RSA of more than 8192 bits", []map[string]any{with(rsaJWK, "n", b64(long.Bytes()))}, "2048 to 8192 bits"},
		{"RSA with an even modulus", []map[string]any{with(rsaJWK, "n", b64(even.Bytes()))}, "2048 to 8192 bits"},
		{"RSA with exponent 1", []map[string]any{with(rsaJWK, "e", "AQ")}, "odd number from 3"},
		{"RSA with an even exponent", []map[string]any{with(rsaJWK, "e", "BA")}, "odd number from 3"},
		{"RSA without an exponent", []map[string]any{with(rsaJWK, "e", nil)}, "n and e"},
		{"two keys of one name", []map[string]any{ec, with(okp, "kid", "ec")}, "same kid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseSet(document(t, tt.keys...))
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.says)
			if strings.Contains(tt.says, "private") {
				require.ErrorIs(t, err, ErrPrivate)
				return
			}
			require.ErrorIs(t, err, ErrSet)
		})
	}

	t.Run("what is no set of keys", func(t *testing.T) {
		for _, doc := range []string{"", "null", "[]", `"x"`, `{"keys":{}}`, `{"keys":[1]}`, `{"keys":null}`, string(document(t, ec)) + strings.Repeat(" ", MaxSet)} {
			_, err := ParseSet([]byte(doc))
			require.ErrorIs(t, err, ErrSet, doc)
		}
		many := make([]map[string]any, 21)
		for i := range many {
			many[i] = with(ec, "kid", fmt.Sprint(i))
		}
		_, err := ParseSet(document(t, many[:20]...))
		require.NoError(t, err)
		_, err = ParseSet(document(t, many...))
		require.ErrorIs(t, err, ErrSet)
	})
}

func TestParseUsablePassesOverWhatIsForOthers(t *testing.T) {
	ec, okp, rsaJWK := members(t)
	list, err := ParseUsable(document(t, with(rsaJWK, "use", "enc"), map[string]any{"kty": "new"}, ec, with(okp, "x", "short")))
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "ec", list[0].ID)

	_, err = ParseUsable(document(t, ec, with(rsaJWK, "d", "AAAA")))
	require.ErrorIs(t, err, ErrPrivate, "who gives one key away is not trusted with the others")
	_, err = ParseUsable(document(t, with(ec, "use", "enc")))
	require.ErrorIs(t, err, ErrSet)
}

// TestThumbprintOfAnEd25519Key is the example of RFC 8037 appendix A.3.
func TestThumbprintOfAnEd25519Key(t *testing.T) {
	key, err := ParseKey([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	require.NoError(t, err)
	thumb, err := Thumbprint(key.Key)
	require.NoError(t, err)
	require.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", thumb)

	_, err = ParseKey([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}`))
	require.ErrorIs(t, err, ErrPrivate)
}
