package identity

import "context"

// Realms finds tenants in memory. Both finders return [ErrNotFound] for an
// unknown or removed tenant.
type Realms interface {
	BySlug(ctx context.Context, slug string) (*Realm, error)
	ByHost(ctx context.Context, host string) (*Realm, error)
	// AtLeast returns the tenant's realm at version or later, and loads it
	// first where the one in memory is older. A statement that a request makes
	// anyway tells the version in the database, so that a change made by another
	// process is seen at once and costs nothing while nothing changes.
	AtLeast(ctx context.Context, tenantID string, version int64) (*Realm, error)
}
