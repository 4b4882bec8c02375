package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// The algs that apps sign with, besides ES256 and RS256.
const (
	PS256 = "PS256" // RSASSA-PSS with SHA-256
	EdDSA = "EdDSA" // Ed25519
)

// AppAlgs are the algs that are taken from apps. There is no alg with a shared
// secret among them, and not "none".
var AppAlgs = []string{ES256, PS256, EdDSA, RS256}

// Limits of a key set that an app registers or publishes.
const (
	MaxSet     = 64 << 10 // bytes
	maxSetKeys = 20
	minRSA     = 2048 // bits; RFC 7518 section 3.3
	maxRSA     = 8192 // bits; what is longer only costs time
)

// Public is a public key of an app.
type Public struct {
	ID   string   // kid; "" where the set gives none
	Algs []string // what it may verify, of AppAlgs; never empty
	Key  crypto.PublicKey
}

// Errors of [ParseSet] and [ParseUsable].
var (
	// ErrSet: the document is no set of public keys, or has nothing that can be used.
	ErrSet = errors.New("keys: not a usable set of public keys")
	// ErrPrivate: the set gives a private key away.
	ErrPrivate = errors.New("keys: the set holds a private key")
)

// ParseSet reads a set of public keys strictly, for a registration: every key in
// it has to be one that the server can use.
//
// Errors: [ErrSet], [ErrPrivate].
//
// Source: RFC 7517 sections 4 and 5; RFC 7518 section 6; RFC 8037 section 2.
func ParseSet(document []byte) ([]Public, error) {
	list, refused, err := parseSet(document)
	if err == nil && len(refused) > 0 {
		err = refused[0]
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// ParseUsable reads the set that an app publishes. Keys that are for something
// else, or that the server cannot use, are passed over: an app may publish for
// others too (RFC 7517 section 5).
//
// Errors: [ErrSet], [ErrPrivate].
func ParseUsable(document []byte) ([]Public, error) {
	list, _, err := parseSet(document)
	return list, err
}

// parseSet returns the keys that can be used, and why others cannot.
func parseSet(document []byte) (list []Public, refused []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(document) > MaxSet || json.Unmarshal(document, &set) != nil {
		return nil, nil, fmt.Errorf("%w: it is no JSON object of at most %d bytes with a list keys", ErrSet, MaxSet)
	}
	if len(set.Keys) > maxSetKeys {
		return nil, nil, fmt.Errorf("%w: it has more than %d keys", ErrSet, maxSetKeys)
	}
	for i, raw := range set.Keys {
		k, err := parsePublic(raw)
		if errors.Is(err, ErrPrivate) {
			return nil, nil, err
		}
		if err == nil && k.ID != "" && slices.ContainsFunc(list, func(o Public) bool { return o.ID == k.ID }) {
			err = fmt.Errorf("%w: two keys have the same kid", ErrSet)
		}
		if err != nil {
			refused = append(refused, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		list = append(list, k)
	}
	if len(list) == 0 {
		return nil, nil, errors.Join(append([]error{fmt.Errorf("%w: it has no key to verify a signature with", ErrSet)}, refused...)...)
	}
	return list, refused, nil
}

// privateMembers are those of RFC 7518 section 6 that nobody else may know: of EC,
// RSA and OKP keys (d, p, q, dp, dq, qi, oth), and of shared secrets (k).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// publicJWK is what is read of a key.
type publicJWK struct {
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

// ParseKey reads one public key that stands alone, such as that in a DPoP proof.
//
// Errors: [ErrSet], [ErrPrivate].
func ParseKey(document []byte) (Public, error) { return parsePublic(document) }

// parsePublic reads one key.
func parsePublic(raw json.RawMessage) (Public, error) {
	var members map[string]json.RawMessage
	var k publicJWK
	if json.Unmarshal(raw, &members) != nil || json.Unmarshal(raw, &k) != nil {
		return Public{}, fmt.Errorf("%w: it is no JSON Web Key", ErrSet)
	}
	for _, name := range privateMembers {
		if _, there := members[name]; there {
			return Public{}, ErrPrivate
		}
	}
	if k.Use != "" && k.Use != "sig" || k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify") {
		return Public{}, fmt.Errorf("%w: it is not for signatures", ErrSet)
	}
	public, algs, err := k.public()
	if err != nil {
		return Public{}, err
	}
	if k.Alg != "" {
		if !slices.Contains(algs, k.Alg) {
			return Public{}, fmt.Errorf("%w: its alg does not fit, or is not one of ES256, PS256, EdDSA, RS256", ErrSet)
		}
		algs = []string{k.Alg}
	}
	return Public{ID: k.Kid, Algs: algs, Key: public}, nil
}

// public is the key itself and the algs of its kind.
func (k publicJWK) public() (crypto.PublicKey, []string, error) {
	switch {
	case k.Kty == "EC" && k.Crv == "P-256":
		x, errX := decodeMember(k.X, 32)
		y, errY := decodeMember(k.Y, 32)
		if errX != nil || errY != nil {
			return nil, nil, fmt.Errorf("%w: x and y have to be 32 bytes, base64url", ErrSet)
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err != nil {
			return nil, nil, fmt.Errorf("%w: x and y are no point of P-256", ErrSet)
		}
		return key, []string{ES256}, nil
	case k.Kty == "OKP" && k.Crv == "Ed25519":
		x, err := decodeMember(k.X, ed25519.PublicKeySize)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: x has to be 32 bytes, base64url", ErrSet)
		}
		return ed25519.PublicKey(x), []string{EdDSA}, nil
	case k.Kty == "RSA":
		key, err := k.rsa()
		return key, []string{PS256, RS256}, err
	}
	return nil, nil, fmt.Errorf("%w: it is not EC on P-256, RSA, or OKP on Ed25519", ErrSet)
}

func (k publicJWK) rsa() (*rsa.PublicKey, error) {
	n, errN := decodeMember(k.N, 0)
	e, errE := decodeMember(k.E, 0)
	if errN != nil || errE != nil || len(e) > 4 {
		return nil, fmt.Errorf("%w: n and e have to be base64url, and e at most 4 bytes", ErrSet)
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e).Int64()
	if modulus.BitLen() < minRSA || modulus.BitLen() > maxRSA || modulus.Bit(0) == 0 {
		return nil, fmt.Errorf("%w: an RSA key has %d to %d bits", ErrSet, minRSA, maxRSA)
	}
	if exponent < 3 || exponent&1 == 0 || exponent > 1<<31-1 {
		return nil, fmt.Errorf("%w: e has to be an odd number from 3 to 2^31-1", ErrSet)
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, nil
}

// decodeMember reads base64url without padding, in the one way to write it; size 0
// is any but nothing.
func decodeMember(text string, size int) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || size > 0 && len(b) != size || bytes.ContainsAny([]byte(text), "\r\n") {
		return nil, ErrSet
	}
	return b, nil
}
