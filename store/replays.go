package store

import (
	"context"
	"time"
)

const insertReplay = `insert into replays (tenant_id, purpose, key_hash, expires_at) values ($1, $2, $3, $4)
	on conflict (tenant_id, purpose, key_hash) do nothing`

// FirstUse notes that what hashes to keyHash was used for purpose, and reports
// whether it was for the first time: of any number that use the same at once,
// exactly one is told so. It is remembered at least until expires, by when it has to
// be too old to be taken anyway. One statement.
//
// The caller judges everything else before, so that what is refused for another
// reason is not used up.
func (s *Store) FirstUse(ctx context.Context, tenantID, purpose string, keyHash []byte, expires time.Time) (bool, error) {
	n, err := affected(ctx, s.DB.SQL, insertReplay, tenantID, purpose, keyHash, stamp(expires))
	return n == 1 && err == nil, fail("note first use", err)
}
