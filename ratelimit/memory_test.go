package ratelimit

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMemoryForgetsKeysThatAreWholeAgainAndNoOthers(t *testing.T) {
	var m Memory
	start := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Minute) }
	charge := func(i int) Charge {
		return Charge{What: "x", Key: fmt.Sprint(i), Limit: Limit{Burst: 1, Every: time.Hour}}
	}

	for i := range 10 * sweepAfter {
		require.NoError(t, m.Spend(t.Context(), at(i), charge(i)))
		if i > 0 {
			require.Error(t, m.Spend(t.Context(), at(i), charge(i-1)), "a key that still counts was forgotten")
		}
	}

	require.Less(t, len(m.full), 2*sweepAfter)
}
