// Package keys holds the signing keys of a tenant and the rule by which they
// come and go: pending (published, not yet used), active, retired (published
// for verification only), removed.
package keys

import (
	"context"
	"crypto"
	"time"
)

// State is where a key is in its life.
type State string

// The states of a key, in the order in which it passes them.
const (
	Pending State = "pending"
	Active  State = "active"
	Retired State = "retired"
	Removed State = "removed"
)

// Key is one signing key of a tenant.
type Key struct {
	TenantID  string
	ID        string // kid: RFC 7638 thumbprint
	Alg       string // ES256 or RS256
	State     State
	Private   crypto.Signer // sealed in the store
	CreatedAt time.Time
	ChangedAt time.Time // when it came into State
}

// Store keeps keys. Private keys are sealed at rest.
type Store interface {
	// Keys returns all keys of a tenant that are not removed.
	Keys(ctx context.Context, tenantID string) ([]Key, error)
	AddKey(ctx context.Context, k Key) error
	// SetState moves a key on; it also raises the tenant's version.
	SetState(ctx context.Context, tenantID, id string, to State, now time.Time) error
}

// Source gives the keys of a tenant as they are kept in memory, at version or
// later (see identity.Realms.AtLeast).
type Source interface {
	Keys(ctx context.Context, tenantID string, version int64) (*Set, error)
}

// The algs that keys are made for.
const (
	ES256 = "ES256" // ECDSA on P-256 with SHA-256
	RS256 = "RS256" // RSASSA-PKCS1-v1_5 of 2048 bits with SHA-256
)
