package node_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/npm"
)

// TestTheFileToInstall: what `npm pack` makes is built, has the licence, runs nothing when it
// is installed, and works. It is not parallel: the package is compiled anew.
func TestTheFileToInstall(t *testing.T) {
	compiled(t)
	to := t.TempDir()
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "dist")), "npm pack has to build it")
	out, err := run(npm.Program(t, "npm"), "pack", "--loglevel=error", "--pack-destination", to)
	require.NoError(t, err, "%s", out)
	files, err := filepath.Glob(filepath.Join(to, "*.tgz"))
	require.NoError(t, err)
	require.Len(t, files, 1)

	installed := filepath.Join(to, "node_modules", "@sallyport-id", "stepup")
	unpack(t, files[0], installed)
	for _, name := range []string{"LICENSE", "README.md", "dist/index.js", "dist/index.d.ts"} {
		require.FileExists(t, filepath.Join(installed, name))
	}
	for _, name := range []string{"src", "test", "node_modules"} {
		require.NoDirExists(t, filepath.Join(installed, name))
	}
	var made struct {
		Scripts map[string]string `json:"scripts"`
	}
	raw, err := os.ReadFile(filepath.Join(installed, "package.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &made))
	for _, name := range []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"} {
		require.NotContains(t, made.Scripts, name, "npm would run it, or warn of it, at whoever installs the file")
	}

	for _, name := range []string{"jose", "oauth4webapi"} {
		there, err := filepath.Abs(filepath.Join(folder, "node_modules", name))
		require.NoError(t, err)
		require.NoError(t, os.Symlink(there, filepath.Join(to, "node_modules", name)))
	}
	c := exec.Command(npm.Program(t, "node"), "--input-type=module", "--eval", `import { StepUp } from '@sallyport-id/stepup'; console.log(typeof StepUp.discover)`)
	c.Dir = to
	out, err = c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "function\n", string(out))
}

// unpack writes the files of a package to folder. In the archive they are below "package".
func unpack(t *testing.T, archive, folder string) {
	t.Helper()
	file, err := os.Open(archive)
	require.NoError(t, err)
	defer file.Close()
	plain, err := gzip.NewReader(file)
	require.NoError(t, err)
	for all := tar.NewReader(plain); ; {
		one, err := all.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		name, err := filepath.Rel("package", filepath.Clean(one.Name))
		require.NoError(t, err)
		require.True(t, filepath.IsLocal(name), "%s", one.Name)
		content, err := io.ReadAll(all)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
}
