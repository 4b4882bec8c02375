package provider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"github.com/sallyport-id/sallyport/provider/keys"
)

// Secrets gives the keys that are kept outside the database.
type Secrets interface {
	// TokenKey is the tenant's own key of 32 bytes for what the server alone
	// reads again: refresh tokens and session ids.
	TokenKey(tenantID string) []byte
	// ClientSecretMAC is the keyed hash of an app's secret under a pepper. It
	// fails where the pepper is not in the key ring.
	ClientSecretMAC(pepperID, tenantID, clientID, secret string) ([]byte, error)
	// CurrentClientPepper names the pepper that new secrets are hashed with.
	CurrentClientPepper() string
}

const (
	codePrefix = "ac1."
	codeSize   = 32 // random bytes of a code
	saltSize   = 16
)

var errNoSigningKey = errors.New("provider: the tenant has no active signing key")

// tokenStrategy makes codes, access tokens and refresh tokens for one request.
// It has no lock and no state (T29).
type tokenStrategy struct {
	uow     *unitOfWork
	keys    *keys.Set
	secrets Secrets
}

var _ oauth2.CoreStrategy = (*tokenStrategy)(nil)

// newCode makes a code of 256 random bits and the hash by which it is kept.
func (p *Provider) newCode() (code string, hash []byte) {
	code = codePrefix + b64(randomBytes(codeSize))
	sum := sha256.Sum256([]byte(code))
	return code, sum[:]
}

// codeHash is the hash of a code, nil for what cannot be one.
func codeHash(code string) []byte {
	random, found := strings.CutPrefix(code, codePrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(random)
	if !found || err != nil || len(raw) != codeSize {
		return nil
	}
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}

// AuthorizeCodeSignature implements [oauth2.AuthorizeCodeStrategy].
func (t *tokenStrategy) AuthorizeCodeSignature(_ context.Context, code string) string {
	return b64(codeHash(code))
}

// GenerateAuthorizeCode implements [oauth2.AuthorizeCodeStrategy].
func (t *tokenStrategy) GenerateAuthorizeCode(context.Context, fosite.Requester) (code, signature string, err error) {
	code, hash := (*Provider)(nil).newCode()
	return code, b64(hash), nil
}

// ValidateAuthorizeCode implements [oauth2.AuthorizeCodeStrategy]. The
// statement that consumed the code has judged it.
func (t *tokenStrategy) ValidateAuthorizeCode(context.Context, fosite.Requester, string) error {
	return nil
}

// AccessTokenSignature implements [oauth2.AccessTokenStrategy]. Access tokens
// have no row to be found by.
func (t *tokenStrategy) AccessTokenSignature(context.Context, string) string { return "" }

// GenerateAccessToken implements [oauth2.AccessTokenStrategy].
func (t *tokenStrategy) GenerateAccessToken(_ context.Context, r fosite.Requester) (token, signature string, err error) {
	key, ok := accessKey(t.keys)
	if !ok {
		return "", "", errNoSigningKey
	}
	token, err = signJWT(key, typAccessToken, accessClaims(t.uow, r.GetGrantedScopes()))
	return token, "", err
}

// ValidateAccessToken implements [oauth2.AccessTokenStrategy]. fosite is never
// asked to judge one.
func (t *tokenStrategy) ValidateAccessToken(context.Context, fosite.Requester, string) error {
	return fosite.ErrInactiveToken
}

// randomBytes returns n bytes of the system's random source, which never fails.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // documented never to return an error
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
