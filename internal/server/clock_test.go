package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSteady(t *testing.T) {
	t0 := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	wall, machine := t0, t0
	now := steady(func() time.Time { return wall }, func() time.Time { return machine })
	pass := func(d time.Duration) { wall, machine = wall.Add(d), machine.Add(d) }

	pass(time.Minute)
	require.Equal(t, t0.Add(time.Minute), now(), "runs with the machine's clock")

	wall = wall.Add(-10 * time.Minute)
	require.Equal(t, t0.Add(time.Minute), now(), "does not follow it back")

	pass(5 * time.Second)
	require.Equal(t, t0.Add(time.Minute+5*time.Second), now(), "goes on by the time that passes")

	wall = wall.Add(time.Hour)
	require.Equal(t, wall, now(), "follows it forward")

	wall = wall.Add(-500 * time.Millisecond)
	require.Equal(t, wall, now(), "follows the small steps of a time service")
}
