package samples

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEverySampleHasAScreen(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		require.False(t, seen[s.Name], "%s is there twice", s.Name)
		seen[s.Name] = true
		require.GreaterOrEqual(t, screenOf(s.Name), 0, "%s has no screen", s.Name)
	}
	for _, s := range Screens() {
		require.NotEmpty(t, s.Samples, "nothing to see of %s", s.Name)
	}
}

func TestFind(t *testing.T) {
	s, ok := Find("password-locked")
	require.True(t, ok)
	require.Equal(t, "password-locked", s.Name)
	_, ok = Find("no-such-state")
	require.False(t, ok)
}
