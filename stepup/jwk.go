package stepup

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
)

// jwk is one key as the server publishes it. Source: RFC 7517 section 4;
// RFC 7518 section 6; RFC 8037 section 2.
type jwk struct {
	Kty    string   `json:"kty"`
	Use    string   `json:"use"`
	KeyOps []string `json:"key_ops"`
	Alg    string   `json:"alg"`
	Kid    string   `json:"kid"`
	Crv    string   `json:"crv"`
	X      string   `json:"x"`
	Y      string   `json:"y"`
	N      string   `json:"n"`
	E      string   `json:"e"`
}

// verifyKey is a public key and the signatures it may check. A key is bound to
// its algorithms when it is read, so a token's header cannot choose how a key
// is used.
type verifyKey struct {
	kid    string
	algs   []string
	public crypto.PublicKey
}

// verifyKey turns k into a key. It refuses keys that are not for signatures,
// that are of a kind or size not accepted here, or whose "alg" does not fit.
func (k jwk) verifyKey() (verifyKey, error) {
	if k.Use != "" && k.Use != "sig" {
		return verifyKey{}, errors.New("key is not for signatures")
	}
	if k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify") {
		return verifyKey{}, errors.New("key is not for verifying")
	}
	public, algs, err := k.public()
	if err != nil {
		return verifyKey{}, err
	}
	if k.Alg != "" {
		if !slices.Contains(algs, k.Alg) {
			return verifyKey{}, errors.New("alg does not fit the key")
		}
		algs = []string{k.Alg}
	}
	return verifyKey{kid: k.Kid, algs: algs, public: public}, nil
}

func (k jwk) public() (crypto.PublicKey, []string, error) {
	switch {
	case k.Kty == "EC" && k.Crv == "P-256":
		key, err := k.p256()
		return key, []string{"ES256"}, err
	case k.Kty == "RSA":
		key, err := k.rsa()
		return key, []string{"RS256", "PS256"}, err
	case k.Kty == "OKP" && k.Crv == "Ed25519":
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, nil, errors.New("bad Ed25519 key")
		}
		return ed25519.PublicKey(x), []string{"EdDSA"}, nil
	}
	return nil, nil, errors.New("kind of key not accepted")
}

// publicMembers are those of a key as a JWK that its thumbprint is made of.
//
// Source: RFC 7638 section 3.2; RFC 8037 section 2.
func publicMembers(key crypto.PublicKey) (map[string]string, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil || k.Curve != elliptic.P256() {
			return nil, errors.New("not a point of P-256")
		}
		return map[string]string{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}, nil
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": b64(k)}, nil
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}, nil
	}
	return nil, errors.New("kind of key not accepted")
}

// thumbprint names a key by its members, base64url.
//
// Source: RFC 7638 section 3 (the members in the order of their names, as
// encoding/json writes a map; none of them needs an escape).
func thumbprint(members map[string]string) string {
	document, _ := json.Marshal(members) // texts in maps always encode
	sum := sha256.Sum256(document)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (k jwk) p256() (*ecdsa.PublicKey, error) {
	const size = 32
	x, errX := base64.RawURLEncoding.DecodeString(k.X)
	y, errY := base64.RawURLEncoding.DecodeString(k.Y)
	if errX != nil || errY != nil || len(x) != size || len(y) != size {
		return nil, errors.New("bad P-256 coordinates")
	}
	// The uncompressed form of SEC 1 section 2.3.3; the parser refuses a point
	// that is not on the curve.
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
}

func (k jwk) rsa() (*rsa.PublicKey, error) {
	const minBits, maxBits = 2048, 8192
	n, errN := base64.RawURLEncoding.DecodeString(k.N)
	e, errE := base64.RawURLEncoding.DecodeString(k.E)
	if errN != nil || errE != nil || len(e) == 0 || len(e) > 4 {
		return nil, errors.New("bad RSA key")
	}
	modulus := new(big.Int).SetBytes(n)
	exponent := int(new(big.Int).SetBytes(e).Int64())
	if modulus.BitLen() < minBits || modulus.BitLen() > maxBits || exponent < 3 || exponent%2 == 0 || exponent > 1<<31-1 {
		return nil, errors.New("RSA key is too small, too large or has a bad exponent")
	}
	return &rsa.PublicKey{N: modulus, E: exponent}, nil
}
