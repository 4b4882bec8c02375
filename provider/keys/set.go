package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Set is the signing keys of one tenant at one moment. It never changes once
// it is made, so any number of requests may share it.
type Set struct {
	byID   map[string]*Key
	active map[string]*Key // by alg
	jwks   []byte
	etag   string
}

// NewSet arranges keys for use. Removed keys are left out; where an alg has
// several active keys, the one that became active last signs. A key of a type
// that cannot be published is left out too: what cannot be verified by others
// must not sign.
func NewSet(keys []Key) *Set {
	s := &Set{byID: map[string]*Key{}, active: map[string]*Key{}}
	var published []jwk
	for _, k := range sorted(keys) {
		pub, err := publish(k)
		if err != nil || k.State == Removed {
			continue
		}
		key := k
		s.byID[key.ID] = &key
		published = append(published, pub)
		if best := s.active[key.Alg]; key.State == Active && (best == nil || !key.ChangedAt.Before(best.ChangedAt)) {
			s.active[key.Alg] = &key
		}
	}
	s.jwks = encodeSet(published)
	sum := sha256.Sum256(s.jwks)
	s.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return s
}

// Archive is the JWK set of keys in whatever state: for what was signed to be verified
// years later, such as a receipt.
func Archive(keys []Key) []byte {
	var published []jwk
	for _, k := range sorted(keys) {
		pub, err := publish(k)
		if err == nil {
			published = append(published, pub)
		}
	}
	return encodeSet(published)
}

// Signing returns the active key of alg.
func (s *Set) Signing(alg string) (*Key, bool) {
	k, ok := s.active[alg]
	return k, ok
}

// Lookup returns the key kid for verification: pending, active or retired.
func (s *Set) Lookup(kid string) (*Key, bool) {
	k, ok := s.byID[kid]
	return k, ok
}

// Algs lists the algs that the set can sign with, in alphabetical order.
func (s *Set) Algs() []string {
	algs := make([]string, 0, len(s.active))
	for alg := range s.active {
		algs = append(algs, alg)
	}
	slices.Sort(algs)
	return algs
}

// JWKS is the key set document of RFC 7517 section 5, ready to be sent. It
// holds public members only. The caller must not change it.
func (s *Set) JWKS() []byte { return s.jwks }

// ETag is the entity tag of [Set.JWKS], with its quotes (RFC 9110 section 8.8.3).
func (s *Set) ETag() string { return s.etag }

// jwk is a public key of RFC 7517. It has no field for a private member, so
// none can slip out.
type jwk struct {
	Kty string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

var errKeyType = errors.New("keys: no such kind of key")

func publish(k Key) (jwk, error) {
	if k.Private == nil {
		return jwk{}, errKeyType
	}
	pub, err := publicMembers(k.Private.Public())
	if err != nil {
		return jwk{}, err
	}
	pub.Use, pub.Alg, pub.Kid = "sig", k.Alg, k.ID
	return pub, nil
}

// publicMembers writes the members of RFC 7518 section 6 that identify a key.
func publicMembers(public crypto.PublicKey) (jwk, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 0x04, X, Y; both of full length
		if err != nil {
			return jwk{}, fmt.Errorf("keys: publish: %w", err)
		}
		half := (len(point) - 1) / 2
		return jwk{Kty: "EC", Crv: key.Curve.Params().Name, X: b64(point[1 : 1+half]), Y: b64(point[1+half:])}, nil
	case *rsa.PublicKey:
		return jwk{Kty: "RSA", N: b64(key.N.Bytes()), E: b64(big.NewInt(int64(key.E)).Bytes())}, nil
	}
	return jwk{}, errKeyType
}

// Thumbprint is the RFC 7638 SHA-256 thumbprint of a public key, base64url: EC, RSA,
// or Ed25519 (RFC 8037 section 2).
func Thumbprint(public crypto.PublicKey) (string, error) {
	if key, ok := public.(ed25519.PublicKey); ok {
		sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + b64(key) + `"}`))
		return b64(sum[:]), nil
	}
	k, err := publicMembers(public)
	if err != nil {
		return "", err
	}
	// Section 3.2: required members only, sorted by name, without white space.
	doc := `{"crv":"` + k.Crv + `","kty":"EC","x":"` + k.X + `","y":"` + k.Y + `"}`
	if k.Kty == "RSA" {
		doc = `{"e":"` + k.E + `","kty":"RSA","n":"` + k.N + `"}`
	}
	sum := sha256.Sum256([]byte(doc))
	return b64(sum[:]), nil
}

func encodeSet(published []jwk) []byte {
	if published == nil {
		published = []jwk{}
	}
	doc, err := json.Marshal(map[string][]jwk{"keys": published})
	if err != nil {
		return []byte(`{"keys":[]}`) // strings always marshal
	}
	return doc
}

// sorted puts the keys in an order of their own, so that the document and its
// entity tag do not depend on how the store returned them.
func sorted(keys []Key) []Key {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, func(a, b Key) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return keys
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
