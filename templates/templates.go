package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed html i18n static text
var files embed.FS

// ContentSecurityPolicy is the policy that every page keeps, except a
// [FormPostPage], which needs it without form-action.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// Page is the data of one HTML file. There is one type for each file, so a
// handler that misspells a field does not compile; a test renders every page,
// so a file that asks for a field its type lacks does not pass.
type Page interface{ file() string }

// Set is every page and text in every language. It is safe for use by many
// goroutines. Make one with [New].
type Set struct {
	langs    []string // the first is the default, "en"
	catalogs map[string]*catalog
	pages    map[string]map[string]*template.Template // by language, by file
	assets   map[string]Asset
	paths    map[string]string // name to path with hash
	letter   *letterTemplates
}

// New reads and checks all pages and languages. It fails when a page names a
// message that some language lacks, or when a translation has other
// placeholders than the English text.
func New() (*Set, error) { return newSet(files) }

func newSet(fsys fs.FS) (*Set, error) {
	s := &Set{catalogs: map[string]*catalog{}, pages: map[string]map[string]*template.Template{}}
	err := s.loadAssets(fsys)
	if err != nil {
		return nil, err
	}
	err = s.loadCatalogs(fsys)
	if err != nil {
		return nil, err
	}
	s.letter, err = parseLetter(fsys)
	if err != nil {
		return nil, err
	}
	icons, err := loadIcons(fsys)
	if err != nil {
		return nil, err
	}
	pages, err := parsePages(fsys, s.funcs(s.catalogs[s.langs[0]], icons))
	if err != nil {
		return nil, err
	}
	for _, lang := range s.langs {
		s.pages[lang], err = speaking(pages, s.funcs(s.catalogs[lang], icons))
		if err != nil {
			return nil, err
		}
	}
	return s, s.checkKeys()
}

// speaking are pages with the functions of another language. To copy a page is much
// less work than to parse it again.
func speaking(pages map[string]*template.Template, funcs template.FuncMap) (map[string]*template.Template, error) {
	copies := make(map[string]*template.Template, len(pages))
	for name, page := range pages {
		clone, err := page.Clone()
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		copies[name] = clone.Funcs(funcs)
	}
	return copies, nil
}

// parsePages parses each page with the layout and the shared parts. Every page
// has a set of its own, because each defines the same names ("title", "main").
func parsePages(fsys fs.FS, funcs template.FuncMap) (map[string]*template.Template, error) {
	base, err := template.New("layout.html").Funcs(funcs).Option("missingkey=error").
		ParseFS(fsys, "html/layout.html", "html/part-*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	names, err := fs.Glob(fsys, "html/*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		file := path.Base(name)
		if file == "layout.html" || strings.HasPrefix(file, "part-") {
			continue
		}
		page, err := base.Clone()
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		pages[file], err = page.ParseFS(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	return pages, nil
}

// Render writes p to w in lang, or in English where there is no such language.
//
// It renders to memory first: a page that fails half-way leaves no half page.
func (s *Set) Render(w io.Writer, lang string, p Page) error {
	pages, ok := s.pages[lang]
	if !ok {
		pages = s.pages[s.langs[0]]
	}
	t, ok := pages[p.file()]
	if !ok {
		return fmt.Errorf("templates: no file %s", p.file())
	}
	var buf bytes.Buffer
	err := t.ExecuteTemplate(&buf, "layout.html", p)
	if err != nil {
		return fmt.Errorf("templates: %s: %w", p.file(), err)
	}
	_, err = buf.WriteTo(w)
	return err
}

// Languages returns the languages that the pages speak, as BCP 47 tags. The
// first is the default.
func (s *Set) Languages() []string { return slices.Clone(s.langs) }
