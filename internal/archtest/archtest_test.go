package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/sallyport-id/sallyport"

// pkg is what `go list -deps -json` tells of a package: what it imports by
// itself, and what it depends on through others. Tests are not in it.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// Names of what the rules speak about. A name with "..." at its end stands for
// the package and everything below it; "own" stands for every package of ours.
const (
	gin    = "github.com/gin-gonic/gin/..."
	gorm   = "gorm.io/..."
	fosite = "github.com/ory/fosite/..."
	jwt    = "github.com/golang-jwt/jwt/v5/..."
	own    = module + "/..."
)

// core is values and rules: what another product could take over as a library,
// and what a test can run without a socket.
var core = []string{
	"mfa", "mfa/policy", "mfa/phone", "mfa/totp", "mfa/recovery", "mfa/pin", "mfa/memstore", "identity", "consent", "consent/details", "ratelimit",
}

// edges speak to browsers and apps. They share packages, never each other.
var edges = []string{"provider", "consent/hosted", "settings", "admin"}

// future are the packages that a rule names before they exist.
var future = []string{"admin"}

// never lists what a package may not depend on, directly or through others.
var never = []struct {
	rule string
	pkgs []string
	deps []string
}{
	{
		"the core is values and rules: no gin, gorm, fosite, pages or HTTP", core,
		[]string{gin, gorm, fosite, "net/http", "templates/...", "store/...", "migrations/...", "internal/...", "cmd/...", "provider/..."},
	},
	{"mfa can be used without users and interactions of ours", []string{"mfa/..."}, []string{"identity/...", "consent/...", "provider/...", "store/...", "internal/..."}},
	{"the library of relying apps is small", []string{"stepup/..."}, []string{own, gin, gorm, fosite}},
	{"these import nothing of ours", []string{"templates/...", "migrations/...", "ratelimit"}, []string{own}},
	{"what store needs of the provider is free of fosite", []string{"provider/model", "provider/keys", "store/..."}, []string{fosite, gin}},
	{"the provider does not know the pages", []string{"provider/..."}, []string{"consent/hosted", "settings/...", "admin/..."}},
	{"the pages do not know the provider", []string{"consent/hosted"}, []string{"provider/...", "settings/...", "admin/..."}},
	{"one edge does not know another", []string{"settings/...", "admin/..."}, []string{"provider", "consent/hosted"}},
	{"nothing imports a command", []string{own}, []string{"cmd/..."}},
}

// only lists what may be imported by a few packages alone. It is about direct
// imports: who imports a package that imports gorm does not import gorm.
var only = []struct {
	rule string
	what []string
	by   []string
}{
	{"fosite lives in provider", []string{fosite}, []string{"provider"}},
	{"samples of pages are for the demo and for tests", []string{"templates/samples"}, []string{"internal/demo"}},
	{"gorm lives in the stores", []string{gorm}, []string{"store/...", "mfa/gormstore"}},
	{
		"gin lives in the edges and what they share",
		[]string{gin},
		append([]string{"internal/web", "internal/server", "internal/audit", "internal/demo", "internal/receipts", "cmd/..."}, edges...),
	},
	{
		"who knows the database is who puts the house together, and tests",
		[]string{"store"},
		[]string{"cmd/...", "internal/server", "internal/demo", "internal/setup", "internal/testdb", "store/storetest"},
	},
	{"WebAuthn is spoken in one place", []string{"github.com/go-webauthn/..."}, []string{"mfa/webauthn"}},
	{"SQL drivers are opened in one place", []string{"store/sqlite"}, []string{"store", "internal/testdb"}},
	{
		"tokens are made in provider and checked in stepup; a gateway has its own",
		[]string{jwt},
		[]string{"provider", "stepup", "mfa/delivery"},
	},
}

func TestNoPackageDependsOnWhatItMustNot(t *testing.T) {
	all := load(t)
	for _, r := range never {
		t.Run(r.rule, func(t *testing.T) {
			for _, p := range pick(t, all, r.pkgs) {
				for _, dep := range p.Deps {
					if matches(dep, r.deps) && !sameLibrary(p.ImportPath, dep) {
						t.Errorf("%s depends on %s, by way of %s", short(p.ImportPath), short(dep), way(all, p, dep))
					}
				}
			}
		})
	}
}

func TestSomeImportsAreForAFewPackagesOnly(t *testing.T) {
	all := load(t)
	for _, r := range only {
		t.Run(r.rule, func(t *testing.T) {
			found := false
			for _, p := range ours(all) {
				for _, imported := range p.Imports {
					if !matches(imported, r.what) {
						continue
					}
					found = true
					if !matches(p.ImportPath, r.by) {
						t.Errorf("%s imports %s; only %s may", short(p.ImportPath), short(imported), strings.Join(r.by, ", "))
					}
				}
			}
			require.True(t, found, "nobody imports %v: the rule watches nothing", r.what)
		})
	}
}

// TestStepupNeedsNothingButTheStandardLibraryAndJWT keeps the one thing that
// other people's apps compile in small.
func TestStepupNeedsNothingButTheStandardLibraryAndJWT(t *testing.T) {
	all := load(t)
	for _, p := range pick(t, all, []string{"stepup/..."}) {
		for _, dep := range p.Deps {
			outside := strings.Contains(strings.Split(dep, "/")[0], ".")
			if outside && !matches(dep, []string{jwt}) {
				t.Errorf("%s depends on %s", short(p.ImportPath), dep)
			}
		}
	}
}

// load asks the go command about every package of the module and all that they
// depend on, by import path.
func load(t *testing.T) map[string]pkg {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,Deps", "./...")
	c.Dir = root
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.Output()
	require.NoError(t, err, complaint.String())
	all := map[string]pkg{}
	d := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all[p.ImportPath] = p
	}
}

// ours are the packages of this module, in order of their paths.
func ours(all map[string]pkg) []pkg {
	var list []pkg
	for path, p := range all {
		if within(path, module) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b pkg) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return list
}

// pick returns our packages that names stand for. A name that stands for nothing
// is a rule that watches nothing, unless it is of the future.
func pick(t *testing.T, all map[string]pkg, names []string) []pkg {
	t.Helper()
	var list []pkg
	for _, name := range names {
		found := false
		for _, p := range ours(all) {
			if matches(p.ImportPath, []string{name}) {
				list, found = append(list, p), true
			}
		}
		if !found && !slices.Contains(future, strings.TrimSuffix(name, "/...")) {
			t.Errorf("no package is called %s", name)
		}
	}
	return list
}

// matches reports whether path is one of names. Names without a dot in their
// first part are ours, except those of the standard library.
func matches(path string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		if name != "net/http" && !strings.Contains(strings.Split(name, "/")[0], ".") {
			name = module + "/" + name
		}
		folder, whole := strings.CutSuffix(name, "/...")
		return path == folder || whole && within(path, folder)
	})
}

func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// sameLibrary reports whether two packages of ours lie in one top-level folder:
// mfa/gormstore may depend on mfa, and so on.
func sameLibrary(path, dep string) bool {
	first := func(p string) string {
		return strings.Split(strings.TrimPrefix(p, module+"/"), "/")[0]
	}
	return within(dep, module) && first(path) == first(dep) && first(path) != "internal"
}

// way names an import of p that brings dep in.
func way(all map[string]pkg, p pkg, dep string) string {
	for _, imported := range p.Imports {
		if imported == dep {
			return "its own import"
		}
	}
	for _, imported := range p.Imports {
		if slices.Contains(all[imported].Deps, dep) {
			return short(imported)
		}
	}
	return "nothing known"
}

func short(path string) string { return strings.TrimPrefix(path, module+"/") }
