// Package npm brings tests what they need from npm: what a lock file says, by its
// hashes, and none of it is run before the test runs it. Nothing of it is part of the
// product.
package npm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Program finds a program such as node. Without it the test is left out; in CI nothing
// may be left out.
func Program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		require.NoError(t, err)
	}
	t.Skipf("LEFT OUT: %v; on Debian: apt-get install nodejs npm", err)
	return ""
}

// Install fetches the packages that package-lock.json in folder names, where they are not
// there yet or where it has changed since.
func Install(t *testing.T, folder string) {
	t.Helper()
	// npm writes the second file when it is done. The script that installs before the
	// tests goes by the same two.
	lock, done := filepath.Join(folder, "package-lock.json"), filepath.Join(folder, "node_modules", ".package-lock.json")
	wanted, err := os.Stat(lock)
	require.NoError(t, err)
	there, err := os.Stat(done)
	if err == nil && !wanted.ModTime().After(there.ModTime()) {
		return
	}
	program := Program(t, "npm")
	c := exec.CommandContext(t.Context(), program, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error") //nolint:gosec // npm, as it was found
	c.Dir = folder
	out, err := c.CombinedOutput()
	require.NoError(t, err, "what %s names could not be installed: %s", lock, out)
	now := time.Now()
	require.NoError(t, os.Chtimes(done, now, now))
}
