package ratelimit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/ratelimit/limitertest"
)

func TestMemory(t *testing.T) {
	limitertest.Run(t, func(*testing.T) ratelimit.Limiter { return &ratelimit.Memory{} })
}

func TestPer(t *testing.T) {
	require.Equal(t, ratelimit.Limit{Burst: 5, Every: 2 * time.Minute}, ratelimit.Per(5, 10*time.Minute))
}

// TestLimitNeverLetsThroughMoreThanItsBurstAndItsRefill states the limit in
// numbers: in any span from the first request on, at most Burst requests and
// one more for each Every that went by.
func TestLimitNeverLetsThroughMoreThanItsBurstAndItsRefill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := ratelimit.Limit{
			Burst: rapid.IntRange(1, 8).Draw(t, "burst"),
			Every: time.Duration(rapid.IntRange(1, 5000).Draw(t, "every")) * time.Millisecond,
		}
		start := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
		now, full, passed := start, time.Time{}, 0
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 4000), 1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(step) * time.Millisecond)
			next, wait := l.Spend(full, now)
			if wait == 0 {
				passed++
			} else {
				if !next.Equal(full) {
					t.Fatal("a refusal was counted")
				}
				_, tooEarly := l.Spend(full, now.Add(wait-1))
				_, onTime := l.Spend(full, now.Add(wait))
				if tooEarly == 0 || onTime != 0 {
					t.Fatalf("told to wait %s, which is not when the next one passes", wait)
				}
			}
			full = next
			if most := l.Burst + int(now.Sub(start)/l.Every); passed > most {
				t.Fatalf("%d passed, at most %d may", passed, most)
			}
		}
	})
}
