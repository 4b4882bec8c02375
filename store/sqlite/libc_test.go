package sqlite_test

import (
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// libcVersion is the version that modernc.org/sqlite v1.57.0 names in its own
// go.mod. Its documentation asks for exactly this one ("Fragile
// modernc.org/libc dependency"): the engine is C translated against it.
const libcVersion = "v1.74.4"

func TestLinkedLibcIsTheOneSQLiteAsksFor(t *testing.T) {
	got, from := linkedLibc(t)

	require.Equal(t, libcVersion, got,
		"%s: move modernc.org/sqlite, modernc.org/libc and goose together, then change this constant", from)
}

// linkedLibc reads the version from the test binary itself; a binary built
// without module data leaves the module graph as the next best witness.
func linkedLibc(t *testing.T) (version, from string) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == "modernc.org/libc" {
				return m.Version, "linked into this binary"
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "modernc.org/libc").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out)), "of the module graph"
}
