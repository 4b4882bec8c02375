package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"time"
)

const rsaBits = 2048

// Generate makes a key of alg for a tenant in state, as of now. Its id is the
// RFC 7638 thumbprint, so the same key has the same id wherever it is seen.
func Generate(tenantID, alg string, state State, now time.Time) (Key, error) {
	private, err := generate(alg)
	if err != nil {
		return Key{}, fmt.Errorf("keys: generate: %w", err)
	}
	id, err := Thumbprint(private.Public())
	if err != nil {
		return Key{}, err
	}
	return Key{
		TenantID: tenantID, ID: id, Alg: alg, State: state, Private: private,
		CreatedAt: now, ChangedAt: now,
	}, nil
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, errKeyType
}
