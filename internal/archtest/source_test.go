package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the top of the module, seen from this package.
const root = "../.."

const (
	maxFunction = 60  // lines, from func to its closing brace
	maxFile     = 400 // lines
)

// sleepers may wait by the clock of the machine, each for its reason.
var sleepers = map[string]string{}

// file is one Go file of the module.
type file struct {
	path  string // from the top of the module
	set   *token.FileSet
	ast   *ast.File
	lines int
	test  bool // a test, or a package that is only there for tests
}

// files parses every Go file of the module, once.
func files(t *testing.T) []file {
	t.Helper()
	var all []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		f, err := parse(path)
		if err == nil {
			all = append(all, f)
		}
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 100, "the module has more files than that: %s", root)
	return all
}

func parse(path string) (file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return file{}, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, path, text, parser.ParseComments)
	if err != nil {
		return file{}, err
	}
	name, err := filepath.Rel(root, path)
	f := file{path: filepath.ToSlash(name), set: set, ast: tree, lines: strings.Count(string(text), "\n")}
	f.test = strings.HasSuffix(path, "_test.go") || f.imports("testing")
	return f, err
}

// imports reports whether f imports one of paths by itself.
func (f file) imports(paths ...string) bool {
	return slices.ContainsFunc(f.ast.Imports, func(s *ast.ImportSpec) bool {
		path, err := strconv.Unquote(s.Path.Value)
		return err == nil && slices.Contains(paths, path)
	})
}

func (f file) at(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.set.Position(n.Pos()).Line)
}

func TestNoFunctionIsLongerThanAScreen(t *testing.T) {
	for _, f := range files(t) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || f.test {
				continue
			}
			n := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1
			if n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", f.at(fn), fn.Name.Name, n, maxFunction)
			}
		}
	}
}

func TestNoFileHoldsTwoIdeas(t *testing.T) {
	for _, f := range files(t) {
		if !f.test && f.lines > maxFile {
			t.Errorf("%s has %d lines, more than %d", f.path, f.lines, maxFile)
		}
	}
}

func TestNothingIsRandomByMathRand(t *testing.T) {
	for _, f := range files(t) {
		if !f.test && f.imports("math/rand", "math/rand/v2") {
			t.Errorf("%s imports math/rand; crypto/rand is the only source of random numbers here", f.path)
		}
	}
}

func TestNothingSleepsByTheClockOfTheMachine(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range files(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Sleep" {
				return true
			}
			of, ok := sel.X.(*ast.Ident)
			if ok && of.Name == "time" {
				seen[f.path] = true
				if sleepers[f.path] == "" {
					t.Errorf("%s sleeps; wait for a channel, a timer or the context instead", f.at(n))
				}
			}
			return true
		})
	}
	for path := range sleepers {
		require.True(t, seen[path], "%s is allowed to sleep and does not", path)
	}
}

// leftOver is a note that something is still to be done; it needs the number of
// an issue behind it, or it is forgotten.
var (
	leftOver = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	numbered = regexp.MustCompile(`\bTODO\(#\d+\)`)
)

func TestWhatIsLeftToDoHasAnIssue(t *testing.T) {
	for _, f := range files(t) {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				rest := numbered.ReplaceAllString(c.Text, "")
				if leftOver.MatchString(rest) && f.path != "internal/archtest/source_test.go" {
					t.Errorf("%s: %s has no issue number", f.at(c), leftOver.FindString(rest))
				}
			}
		}
	}
}

// TestEveryExportedNameSaysWhatItPromises reads the packages that others can
// import. A group of constants or variables may share one comment. A method that
// only fulfils an interface of the standard library has that interface's promise.
func TestEveryExportedNameSaysWhatItPromises(t *testing.T) {
	documented := map[string]bool{} // package folders with a package comment
	folders := map[string]bool{}
	for _, f := range files(t) {
		folder := filepath.Dir(f.path)
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		folders[folder] = true
		documented[folder] = documented[folder] || f.ast.Doc.Text() != ""
		if strings.HasPrefix(f.path, "internal/") || f.ast.Name.Name == "main" {
			continue
		}
		for _, n := range undocumented(f.ast) {
			t.Errorf("%s: %s is exported and has no comment", f.at(n.node), n.name)
		}
	}
	for folder := range folders {
		require.True(t, documented[folder], "package %s does not introduce itself", folder)
	}
}

type named struct {
	name string
	node ast.Node
}

// undocumented lists the exported names of a file that have no comment.
func undocumented(f *ast.File) []named {
	var all []named
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name, exported := funcName(d)
			if exported && d.Doc.Text() == "" {
				all = append(all, named{name, d})
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				for _, name := range specNames(s) {
					if name.IsExported() && d.Doc.Text() == "" && !specDocumented(s) {
						all = append(all, named{name.Name, s})
					}
				}
			}
		}
	}
	return all
}

// wellKnown are methods of interfaces of the standard library.
var wellKnown = []string{
	"String", "GoString", "Format", "LogValue", "Error", "Is", "Unwrap",
	"MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON", "Scan", "Value",
}

// funcName names a function or method, and tells whether others can call it.
func funcName(d *ast.FuncDecl) (name string, exported bool) {
	if d.Recv == nil {
		return d.Name.Name, d.Name.IsExported()
	}
	of, ok := receiver(d.Recv.List[0].Type).(*ast.Ident)
	if !ok {
		return d.Name.Name, false
	}
	return of.Name + "." + d.Name.Name, of.IsExported() && d.Name.IsExported() && !slices.Contains(wellKnown, d.Name.Name)
}

// receiver takes the star and the type parameters off the type of a receiver.
func receiver(of ast.Expr) ast.Expr {
	switch t := of.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return t.X
	case *ast.IndexListExpr:
		return t.X
	}
	return of
}

func specNames(s ast.Spec) []*ast.Ident {
	switch s := s.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{s.Name}
	case *ast.ValueSpec:
		return s.Names
	}
	return nil
}

func specDocumented(s ast.Spec) bool {
	switch s := s.(type) {
	case *ast.TypeSpec:
		return s.Doc.Text() != "" || s.Comment.Text() != ""
	case *ast.ValueSpec:
		return s.Doc.Text() != "" || s.Comment.Text() != ""
	}
	return true
}
