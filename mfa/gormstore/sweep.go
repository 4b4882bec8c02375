package gormstore

import (
	"context"
	"time"
)

const day = 24 * time.Hour

// expiring are the rows that nobody needs any more, each with the column that
// says so and how long they stay after it. Challenges and deliveries stay long
// enough to answer a question about a login that went wrong.
var expiring = []struct {
	table, column string
	keep          time.Duration
}{
	{"mfa_challenges", "created_at", 30 * day},
	{"mfa_deliveries", "at", 90 * day},
	{"mfa_devices", "expires_at", 0},
}

// sweepBatch is how many rows one statement deletes, so that no lock is held for
// long.
const sweepBatch = 500

// Sweep deletes what has outlived its use at now, of all tenants, and returns how
// many rows it took from each table. Several processes may sweep at once.
// Contacts, factors and guards are never swept.
func (s *Store) Sweep(ctx context.Context, now time.Time) (map[string]int64, error) {
	swept := map[string]int64{}
	for _, e := range expiring {
		for {
			res := s.db.WithContext(ctx).Exec(`DELETE FROM `+e.table+` WHERE (tenant_id, id) IN
	(SELECT tenant_id, id FROM `+e.table+` WHERE `+e.column+` < ? ORDER BY `+e.column+` LIMIT ?)`,
				now.UTC().Add(-e.keep), sweepBatch)
			if res.Error != nil {
				return swept, s.err("sweep "+e.table, res.Error)
			}
			swept[e.table] += res.RowsAffected
			if res.RowsAffected < sweepBatch {
				break
			}
		}
	}
	return swept, nil
}
