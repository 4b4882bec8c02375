package gormstore

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// keepHistory is how long challenges and the log of deliveries stay: for
// questions about a code that did not come, and no longer. No challenge lives as
// long, so whatever its status, one of that age is over.
const keepHistory = 30 * 24 * time.Hour

// aging are the rows that nobody needs any more, each with the column that says
// so and how long they stay after it. Guards, and contacts and factors that were proved, have no end of their own.
var aging = []struct {
	table, column string
	keep          time.Duration
}{
	{"mfa_challenges", "created_at", keepHistory},
	{"mfa_deliveries", "at", keepHistory},
	{"mfa_devices", "expires_at", 0},
	{"mfa_operations", "expires_at", keepHistory},
	{"mfa_spend", "at", 400 * 24 * time.Hour},
	{"mfa_conversions", "window_start", 48 * time.Hour},
	{"mfa_contacts", "expires_at", 0}, // only pending ones expire
	{"mfa_factors", "expires_at", 0},
}

// Sweep deletes what has ended at now, for all tenants, and returns how many rows
// it took from each table. One statement deletes at most limit rows, so that no
// lock is held for long. Several processes may sweep at once; they share the work.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (map[string]int64, error) {
	swept := map[string]int64{}
	for _, a := range aging {
		statement := sweepOf(s.db, a.table, a.column)
		for {
			res := s.db.WithContext(ctx).Exec(statement, now.Add(-a.keep).UTC(), limit)
			if res.Error != nil {
				return swept, s.err("sweep "+a.table, res.Error)
			}
			swept[a.table] += res.RowsAffected
			if res.RowsAffected < int64(limit) {
				break
			}
		}
	}
	return swept, nil
}

func sweepOf(db *gorm.DB, table, column string) string {
	skip := ""
	if db.Name() == "postgres" {
		skip = " FOR UPDATE SKIP LOCKED"
	}
	return fmt.Sprintf(`DELETE FROM %s WHERE (tenant_id, id) IN
	(SELECT tenant_id, id FROM %s WHERE %s < ? ORDER BY %s LIMIT ?%s)`, table, table, column, column, skip)
}
