// Package limitertest holds the promises of a [ratelimit.Limiter] as tests.
// Every implementation runs them.
package limitertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/ratelimit"
)

var t0 = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func five(key string) ratelimit.Charge {
	return ratelimit.Charge{What: "guess", Key: key, Limit: ratelimit.Limit{Burst: 5, Every: time.Minute}}
}

func one(key string) ratelimit.Charge {
	return ratelimit.Charge{What: "send", Key: key, Limit: ratelimit.Limit{Burst: 1, Every: time.Hour}}
}

// Run checks every promise of [ratelimit.Limiter] against a fresh, empty one.
func Run(t *testing.T, open func(*testing.T) ratelimit.Limiter) {
	t.Run("the burst passes, the next one is told how long to wait", func(t *testing.T) { burst(t, open(t)) })
	t.Run("one more passes exactly when its time has come", func(t *testing.T) { refill(t, open(t)) })
	t.Run("a long rest saves up no more than the burst", func(t *testing.T) { rest(t, open(t)) })
	t.Run("keys do not share a limit", func(t *testing.T) { apart(t, open(t)) })
	t.Run("all charges are taken or none", func(t *testing.T) { allOrNone(t, open(t)) })
	t.Run("a look takes nothing, and tells what would be", func(t *testing.T) { peek(t, open(t)) })
	t.Run("the longest wait is named", func(t *testing.T) { longest(t, open(t)) })
	t.Run("no charges always pass", func(t *testing.T) { require.NoError(t, open(t).Spend(t.Context(), t0)) })
	t.Run("a clock set back gives nothing back", func(t *testing.T) { setBack(t, open(t)) })
	t.Run("a key named twice is refused", func(t *testing.T) {
		err := open(t).Spend(t.Context(), t0, five("k"), one("k"))
		require.ErrorIs(t, err, ratelimit.ErrCharge)
	})
	t.Run("a limit of nothing is refused", func(t *testing.T) {
		err := open(t).Spend(t.Context(), t0, ratelimit.Charge{Key: "k"})
		require.ErrorIs(t, err, ratelimit.ErrCharge)
	})
	t.Run("of 200 at once exactly 5 pass", func(t *testing.T) { crowd(t, open(t)) })
	t.Run("crossing charges at once neither block each other nor go over", func(t *testing.T) { crossing(t, open(t)) })
}

// wait demands that err is a refusal, and returns it.
func wait(t *testing.T, err error) *ratelimit.WaitError {
	t.Helper()
	w, ok := errors.AsType[*ratelimit.WaitError](err)
	require.True(t, ok, "%v is no WaitError", err)
	return w
}

func burst(t *testing.T, l ratelimit.Limiter) {
	for range 5 {
		require.NoError(t, l.Spend(t.Context(), t0, five("k")))
	}

	w := wait(t, l.Spend(t.Context(), t0.Add(10*time.Second), five("k")))

	require.Equal(t, ratelimit.WaitError{What: "guess", After: 50 * time.Second}, *w)
}

func peek(t *testing.T, l ratelimit.Limiter) {
	for range 3 {
		require.NoError(t, l.Peek(t.Context(), t0, one("k")))
	}
	require.NoError(t, l.Spend(t.Context(), t0, one("k")))
	for range 3 {
		require.Equal(t, time.Hour, wait(t, l.Peek(t.Context(), t0, five("other"), one("k"))).After)
	}
	require.NoError(t, l.Peek(t.Context(), t0.Add(time.Hour), one("k")))
	require.ErrorIs(t, l.Peek(t.Context(), t0, ratelimit.Charge{Key: "k"}), ratelimit.ErrCharge)
}

func refill(t *testing.T, l ratelimit.Limiter) {
	for range 5 {
		require.NoError(t, l.Spend(t.Context(), t0, five("k")))
	}

	early := l.Spend(t.Context(), t0.Add(59_999*time.Millisecond), five("k"))
	onTime := l.Spend(t.Context(), t0.Add(time.Minute), five("k"))
	again := l.Spend(t.Context(), t0.Add(time.Minute), five("k"))

	require.Equal(t, time.Millisecond, wait(t, early).After)
	require.NoError(t, onTime)
	require.Equal(t, time.Minute, wait(t, again).After)
}

func rest(t *testing.T, l ratelimit.Limiter) {
	for _, at := range []time.Time{t0, t0.Add(time.Hour), t0.Add(24 * time.Hour)} {
		for range 5 {
			require.NoError(t, l.Spend(t.Context(), at, five("k")))
		}
		require.Equal(t, time.Minute, wait(t, l.Spend(t.Context(), at, five("k"))).After)
	}
}

func apart(t *testing.T, l ratelimit.Limiter) {
	require.NoError(t, l.Spend(t.Context(), t0, one("a")))
	require.NoError(t, l.Spend(t.Context(), t0, one("b")))
	wait(t, l.Spend(t.Context(), t0, one("a")))
}

func allOrNone(t *testing.T, l ratelimit.Limiter) {
	require.NoError(t, l.Spend(t.Context(), t0, one("used up")))

	for range 20 {
		require.Equal(t, "send", wait(t, l.Spend(t.Context(), t0, five("k"), one("used up"), one("new"))).What)
	}

	for range 5 {
		require.NoError(t, l.Spend(t.Context(), t0, five("k")), "a refused operation was counted")
	}
	require.NoError(t, l.Spend(t.Context(), t0, one("new")), "a refused operation was counted")
}

func longest(t *testing.T, l ratelimit.Limiter) {
	for range 5 {
		require.NoError(t, l.Spend(t.Context(), t0, five("a")))
	}
	require.NoError(t, l.Spend(t.Context(), t0, one("b")))

	w := wait(t, l.Spend(t.Context(), t0, five("a"), one("b"), five("c")))

	require.Equal(t, ratelimit.WaitError{What: "send", After: time.Hour}, *w)
}

func setBack(t *testing.T, l ratelimit.Limiter) {
	for range 5 {
		require.NoError(t, l.Spend(t.Context(), t0, five("k")))
	}
	w := wait(t, l.Spend(t.Context(), t0.Add(-10*time.Minute), five("k")))
	require.Equal(t, 11*time.Minute, w.After)
}

func crowd(t *testing.T, l ratelimit.Limiter) {
	passed := inParallel(t, 200, func(int) error { return l.Spend(context.Background(), t0, five("k")) })

	require.Equal(t, 5, passed)
}

// crossing names the same keys in turned order: a limiter that locks in the
// order given would wait for itself.
func crossing(t *testing.T, l ratelimit.Limiter) {
	passed := inParallel(t, 100, func(i int) error {
		a, b, own := five("a"), five("b"), five(fmt.Sprint("own ", i))
		if i%2 == 0 {
			return l.Spend(context.Background(), t0, a, own, b)
		}
		return l.Spend(context.Background(), t0, b, a, own)
	})

	require.Equal(t, 5, passed)
}

// inParallel counts the successes of n calls at once. A call that is neither
// let through nor told to wait fails the test.
func inParallel(t *testing.T, n int, f func(i int) error) int {
	t.Helper()
	var passed atomic.Int64
	var group sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-gate
			err := f(i)
			if err == nil {
				passed.Add(1)
				return
			}
			if _, refused := errors.AsType[*ratelimit.WaitError](err); !refused {
				t.Errorf("Spend: %v", err)
			}
		})
	}
	close(gate)
	group.Wait()
	return int(passed.Load())
}
