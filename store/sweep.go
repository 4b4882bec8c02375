package store

import (
	"context"
	"fmt"
	"time"
)

// expiring are the rows that nobody needs any more, each with the column that
// says so and how long they stay after it.
var expiring = []struct {
	table, column, also string
	keep                time.Duration
	key                 string // of the table; "" is tenant_id, id
}{
	{"interactions", "expires_at", "", 0, ""},
	{"sessions", "expires_at", "", 0, ""},
	{"grants", "grant_expires_at", "", 0, ""},
	// A code that nobody came for; kept for a while, so that a late one is told
	// from an unknown one in the logs.
	{"grants", "code_expires_at", " and code_consumed_at is null", time.Hour, ""},
	{"confirmations", "expires_at", "", 30 * 24 * time.Hour, ""},
	// Kept for a while, so that who comes late is told so.
	{"links", "expires_at", "", 7 * 24 * time.Hour, ""},
	{"notifications", "next_try_at", " and status <> 'queued'", 30 * 24 * time.Hour, ""},
	{"replays", "expires_at", "", 0, "tenant_id, purpose, key_hash"},
}

// sweepBatch is how many rows one statement deletes, so that no lock is held for
// long.
const sweepBatch = 500

// Sweep deletes what has expired at now, and returns how many rows it took from
// each table. Several processes may sweep at once; they share the work. What is
// a matter of the second factor is not touched, nor is the audit log.
func (s *Store) Sweep(ctx context.Context, now time.Time) (map[string]int64, error) {
	swept := map[string]int64{}
	for _, e := range expiring {
		before := stamp(now.Add(-e.keep))
		for {
			n, err := affected(ctx, s.DB.SQL, s.sweepOf(e.table, e.column, e.also, e.key), before, sweepBatch)
			if err != nil {
				return swept, fail("sweep "+e.table, err)
			}
			swept[e.table] += n
			if n < sweepBatch {
				break
			}
		}
	}
	return swept, nil
}

func (s *Store) sweepOf(table, column, also, key string) string {
	if key == "" {
		key = "tenant_id, id"
	}
	skip := ""
	if s.DB.Dialect == Postgres {
		skip = " for update skip locked"
	}
	return fmt.Sprintf("delete from %s where (%s) in (select %s from %s where %s <= $1%s order by %s limit $2%s)",
		table, key, key, table, column, also, column, skip)
}
