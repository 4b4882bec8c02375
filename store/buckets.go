package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// Buckets is a [ratelimit.Limiter] for all replicas on one database. Its table
// is buckets; a time in it is microseconds since 1970, which both databases
// compare as numbers, and always the caller's time.
type Buckets struct{ DB *gorm.DB }

var _ ratelimit.Limiter = Buckets{}

// Spend implements [ratelimit.Limiter]. All charges are one statement: a row
// comes back for each key that has room. When one has none, the statement is
// rolled back.
//
// Errors: [*ratelimit.WaitError], [ratelimit.ErrCharge], [*UnavailableError].
func (b Buckets) Spend(ctx context.Context, now time.Time, charges ...ratelimit.Charge) error {
	err := ratelimit.Check(charges)
	if err != nil || len(charges) == 0 {
		return err
	}
	// Whoever takes two keys takes them in the same order, so nobody waits for
	// one that waits for him.
	charges = slices.Clone(charges)
	slices.SortFunc(charges, func(x, y ratelimit.Charge) int { return strings.Compare(x.Key, y.Key) })

	var refused *ratelimit.WaitError
	err = Retry(ctx, b.DB, func(tx *gorm.DB) error {
		refused = nil
		taken, err := take(tx, now, charges)
		if err != nil || len(taken) == len(charges) {
			return err
		}
		refused, err = longestWait(tx, now, charges, taken, 1)
		if err != nil {
			return err
		}
		return refused
	})
	if refused != nil {
		return refused
	}
	return Fail("spend limits", err)
}

// Peek implements [ratelimit.Limiter]: one statement that writes nothing.
//
// Errors: those of Spend.
func (b Buckets) Peek(ctx context.Context, now time.Time, charges ...ratelimit.Charge) error {
	err := ratelimit.Check(charges)
	if err != nil || len(charges) == 0 {
		return err
	}
	refused, err := longestWait(b.DB.WithContext(ctx), now, charges, nil, 0)
	if err != nil {
		return Fail("look at limits", err)
	}
	if refused != nil {
		return refused
	}
	return nil
}

// take adds one request to each key that has room and returns those keys.
//
// What ratelimit.Limit.Spend says of times is here said of numbers: tat is when
// the limit is whole again. The new row holds now + every, so "excluded.tat" less
// now is every; there is room if the old tat is at most (burst - 1) * every ahead.
func take(tx *gorm.DB, now time.Time, charges []ratelimit.Charge) (taken []string, err error) {
	values := make([]string, len(charges))
	var args []any
	at := now.UnixMicro()
	for i, c := range charges {
		values[i] = "(cast(? as text), cast(? as bigint), cast(? as bigint))"
		args = append(args, c.Key, at+micros(c.Limit.Every), c.Limit.Burst)
	}
	args = append(args, at, at, at, at)
	err = tx.Raw(`INSERT INTO buckets (k, tat, burst) VALUES `+strings.Join(values, ", ")+`
ON CONFLICT (k) DO UPDATE SET
	burst = excluded.burst,
	tat = excluded.tat + CASE WHEN buckets.tat > cast(? as bigint) THEN buckets.tat - cast(? as bigint) ELSE 0 END
WHERE buckets.tat - cast(? as bigint) <= (excluded.burst - 1) * (excluded.tat - cast(? as bigint))
RETURNING k`, args...).Scan(&taken).Error
	return taken, err
}

// micros rounds up: a limit may be stricter by a microsecond, never looser.
func micros(d time.Duration) int64 {
	return int64((d + time.Microsecond - 1) / time.Microsecond)
}

// longestWait reads the keys that had no room. They wait at least for least: one that was
// refused has to, whatever there is to read by now.
func longestWait(tx *gorm.DB, now time.Time, charges []ratelimit.Charge, taken []string, least time.Duration) (*ratelimit.WaitError, error) {
	var keys []string
	for _, c := range charges {
		if !slices.Contains(taken, c.Key) {
			keys = append(keys, c.Key)
		}
	}
	var rows []struct {
		K   string
		Tat int64
	}
	err := tx.Raw(`SELECT k, tat FROM buckets WHERE k IN ?`, keys).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	var refused *ratelimit.WaitError
	for _, c := range charges {
		for _, r := range rows {
			if r.K != c.Key {
				continue
			}
			limit := ratelimit.Limit{Burst: c.Limit.Burst, Every: time.Duration(micros(c.Limit.Every)) * time.Microsecond}
			_, wait := limit.Spend(time.UnixMicro(r.Tat), now)
			refused = ratelimit.Longer(refused, c, max(wait, least))
		}
	}
	return refused, nil
}

// Sweep deletes up to limit keys that are whole again at now, which say no more
// than keys never seen, and returns how many.
//
// Errors: [*UnavailableError].
func (b Buckets) Sweep(ctx context.Context, now time.Time, limit int) (int64, error) {
	res := b.DB.WithContext(ctx).Exec(`DELETE FROM buckets WHERE k IN
	(SELECT k FROM buckets WHERE tat < cast(? as bigint) ORDER BY tat LIMIT cast(? as bigint))
	AND tat < cast(? as bigint)`, now.UnixMicro(), limit, now.UnixMicro())
	return res.RowsAffected, Fail("sweep limits", res.Error)
}
