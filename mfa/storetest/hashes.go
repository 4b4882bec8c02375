package storetest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"sync/atomic"

	"github.com/sallyport-id/sallyport/mfa"
)

// Hashes is a hasher with a salt that costs nothing, and counts what it was asked.
type Hashes struct {
	Made     atomic.Int64
	Compared atomic.Int64
}

// Hash implements [mfa.Hasher].
func (h *Hashes) Hash(_ context.Context, secret mfa.Secret) (string, error) {
	h.Made.Add(1)
	salt := rand.Text()
	return salt + "$" + salted(salt, secret), nil
}

// Verify implements [mfa.Hasher].
func (h *Hashes) Verify(_ context.Context, hash string, secret mfa.Secret) (bool, error) {
	h.Compared.Add(1)
	salt, sum, ok := strings.Cut(hash, "$")
	return ok && hmac.Equal([]byte(sum), []byte(salted(salt, secret))), nil
}

func salted(salt string, secret mfa.Secret) string {
	sum := sha256.Sum256([]byte(salt + secret.Reveal()))
	return hex.EncodeToString(sum[:])
}

func base32Of(seed mfa.Secret) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(seed.Reveal()))
}
