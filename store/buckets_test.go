package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/ratelimit/limitertest"
	"github.com/sallyport-id/sallyport/store"
)

func buckets(t *testing.T, url string) store.Buckets {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return store.Buckets{DB: db.Gorm}
}

func TestBuckets(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		limitertest.Run(t, func(t *testing.T) ratelimit.Limiter { return buckets(t, testdb.SQLite(t)) })
	})
	t.Run("postgres", func(t *testing.T) {
		limitertest.Run(t, func(t *testing.T) ratelimit.Limiter { return buckets(t, testdb.Postgres(t)) })
	})
}

func TestBucketsTakeAllChargesInOneStatement(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		b := buckets(t, url)
		ctx, counter := store.Count(t.Context())
		var charges []ratelimit.Charge
		for i := range 9 {
			charges = append(charges, ratelimit.Charge{What: "x", Key: fmt.Sprint(i), Limit: ratelimit.Per(3, time.Hour)})
		}

		require.NoError(t, b.Spend(ctx, time.Now(), charges...))

		require.Len(t, counter.Statements(), 1)
	})
}

// values keeps the last statement with its values.
type values struct {
	logger.Interface
	last string
}

func (v *values) Trace(_ context.Context, _ time.Time, sql func() (string, int64), _ error) {
	v.last, _ = sql()
}

func TestBucketsTakeKeysInOneOrderWhateverTheCallersOrder(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		b := buckets(t, url)
		seen := &values{Interface: logger.Discard}
		b.DB = b.DB.Session(&gorm.Session{Logger: seen})
		var charges []ratelimit.Charge
		for _, key := range []string{"key-c", "key-a", "key-d", "key-b"} {
			charges = append(charges, ratelimit.Charge{What: "x", Key: key, Limit: ratelimit.Per(3, time.Hour)})
		}

		require.NoError(t, b.Spend(t.Context(), time.Now(), charges...))

		require.Regexp(t, `(?s)key-a.*key-b.*key-c.*key-d`, seen.last)
		require.Equal(t, "key-c", charges[0].Key, "the caller's list stays as it is")
	})
}

func TestSweepLeavesTheKeysThatStillCount(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		b := buckets(t, url)
		now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
		charge := func(key string) ratelimit.Charge {
			return ratelimit.Charge{What: "x", Key: key, Limit: ratelimit.Limit{Burst: 1, Every: time.Minute}}
		}
		require.NoError(t, b.Spend(t.Context(), now.Add(-time.Hour), charge("old"), charge("older")))
		require.NoError(t, b.Spend(t.Context(), now, charge("fresh")))

		first, err := b.Sweep(t.Context(), now, 1)
		require.NoError(t, err)
		second, err := b.Sweep(t.Context(), now, 10)
		require.NoError(t, err)

		require.Equal(t, []int64{1, 1}, []int64{first, second})
		require.Error(t, b.Spend(t.Context(), now, charge("fresh")))
	})
}
