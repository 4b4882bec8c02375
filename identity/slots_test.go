package identity

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNoMoreHashesRunThanThereAreCores fills every slot with hashes that take a
// while, and watches one more caller give up waiting.
func TestNoMoreHashesRunThanThereAreCores(t *testing.T) {
	h, err := NewHasher(Cost{Memory: 8, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	h.cost = Cost{Memory: 64 * 1024, Passes: 12, Lanes: 1}
	cores := runtime.GOMAXPROCS(0)
	ended := make(chan error, cores)
	for range cores {
		go func() {
			_, err := h.Hash(context.Background(), "x")
			ended <- err
		}()
	}
	require.Eventually(t, func() bool { return len(h.slots) == cores }, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()

	_, err = h.Hash(ctx, "x")

	require.ErrorIs(t, err, context.DeadlineExceeded)
	for range cores {
		require.NoError(t, <-ended)
	}
	_, err = h.Verify(t.Context(), "", "x")
	require.NoError(t, err, "a slot that was given back can be taken again")
}
