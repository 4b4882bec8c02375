package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// LinkPurpose is what a mailed link is for. A link does nothing else.
type LinkPurpose string

// The purposes of links.
const (
	LinkPasswordReset LinkPurpose = "password_reset"
	LinkEmailVerify   LinkPurpose = "email_verify"
	LinkSignUp        LinkPurpose = "sign_up"
)

// linkLife is how long a link can be used. Source: NIST SP 800-63B-4 section
// 3.1.3.2 and ASVS 6.4.1 (short for what sets a secret).
var linkLife = map[LinkPurpose]time.Duration{
	LinkPasswordReset: 30 * time.Minute,
	LinkEmailVerify:   24 * time.Hour,
	LinkSignUp:        24 * time.Hour,
}

// Link is a link that was mailed. It works once, by a form that is posted; looking
// at it uses nothing, because mail scanners look at links before people do.
type Link struct {
	ID            string
	TenantID      string
	UserID        string // "" for a sign-up: there is no account yet
	Purpose       LinkPurpose
	TokenHash     []byte     // SHA-256 of the token's 32 random bytes
	Address       mfa.Secret // where it was sent
	PasswordEpoch int64      // the user's when it was made
	CreatedAt     time.Time
	ExpiresAt     time.Time
	UsedAt        time.Time // zero until it was used
}

const linkTokenBytes = 32

// newLink makes a link to address, and the token that goes into the mail. u is the
// zero user for a sign-up.
func newLink(purpose LinkPurpose, tenantID string, u User, address mfa.Secret, now time.Time) (Link, mfa.Secret) {
	var b [linkTokenBytes]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails (Go 1.24)
	sum := sha256.Sum256(b[:])
	return Link{
		ID: rand.Text(), TenantID: tenantID, UserID: u.ID, Purpose: purpose, TokenHash: sum[:], Address: address,
		PasswordEpoch: u.PasswordEpoch, CreatedAt: now, ExpiresAt: now.Add(linkLife[purpose]),
	}, mfa.Secret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// linkHash is the hash that a token is stored under, nil if the token cannot be
// one of ours.
func linkHash(token mfa.Secret) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token.Reveal())
	if err != nil || len(b) != linkTokenBytes {
		return nil
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// usable tells whether l can be used for purpose at now by u, nil for nobody.
//
// Errors: [ErrLinkUnknown], [ErrLinkUsed], [ErrLinkExpired].
func (l Link) usable(purpose LinkPurpose, u *User, now time.Time) error {
	switch {
	case l.Purpose != purpose:
		return ErrLinkUnknown
	case !l.UsedAt.IsZero():
		return ErrLinkUsed
	case !now.Before(l.ExpiresAt):
		return ErrLinkExpired
	case l.UserID == "" && purpose == LinkSignUp:
		return nil
	case u == nil || u.TenantID != l.TenantID || u.ID != l.UserID || u.Status != UserActive || u.PasswordEpoch != l.PasswordEpoch:
		return ErrLinkUnknown
	}
	return nil
}
