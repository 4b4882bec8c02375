package templates

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func newTestSet(t *testing.T) *Set {
	t.Helper()
	s, err := New()
	require.NoError(t, err)
	return s
}

func render(t *testing.T, s *Set, p Page) string {
	t.Helper()
	var buf bytes.Buffer
	err := s.Render(&buf, "en", p)
	require.NoError(t, err)
	return buf.String()
}

// TestPages renders every page in its states and holds each to the rules for
// all pages. With SALLYPORT_PAGES=DIR it also leaves the files there, to look at.
func TestPages(t *testing.T) {
	s := newTestSet(t)
	out := os.Getenv("SALLYPORT_PAGES")
	for _, tt := range samples() {
		t.Run(tt.name, func(t *testing.T) {
			text := render(t, s, tt.page)
			if out != "" {
				leave(t, s, out, tt.name, text)
			}
			// As without script, so that what stands in <noscript> is looked at, too.
			doc, err := html.ParseWithOptions(strings.NewReader(text), html.ParseOptionEnableScripting(false))
			require.NoError(t, err)

			p := page{t, doc}
			p.isBalanced(text)
			p.hasOneHead()
			p.hasNothingInline()
			p.hasUniqueIDs()
			p.hasLabels()
			p.hasCSRF(tt.page)
			p.hasNoHole(text)
		})
	}
}

// page asks questions about a parsed page.
type page struct {
	t   *testing.T
	doc *html.Node
}

func (p page) all(match func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			found = append(found, n)
		}
	}
	return found
}

func (p page) tags(names ...string) []*html.Node {
	return p.all(func(n *html.Node) bool {
		for _, name := range names {
			if n.Data == name {
				return true
			}
		}
		return false
	})
}

func (p page) byID(id string) *html.Node {
	for _, n := range p.all(func(n *html.Node) bool { return attr(n, "id") == id }) {
		return n
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func content(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// isBalanced refuses what a lenient parser would repair in silence: an element
// that is closed by another one, or never.
func (p page) isBalanced(text string) {
	void := map[string]bool{"meta": true, "link": true, "input": true, "br": true, "hr": true, "img": true}
	var open []string
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			require.Empty(p.t, open, "left open")
			return
		case html.StartTagToken:
			name, _ := z.TagName()
			if !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			require.NotEmpty(p.t, open, "closes %s", name)
			require.Equal(p.t, open[len(open)-1], string(name))
			open = open[:len(open)-1]
		}
	}
}

func (p page) hasOneHead() {
	require.Len(p.t, p.tags("h1"), 1)
	require.NotEmpty(p.t, content(p.tags("h1")[0]))
	require.Len(p.t, p.tags("main"), 1)
	require.NotEmpty(p.t, content(p.tags("title")[0]))
	require.Equal(p.t, "en", attr(p.tags("html")[0], "lang"))
	require.Equal(p.t, "ltr", attr(p.tags("html")[0], "dir"))
	require.NotEmpty(p.t, attr(p.tags("body")[0], "data-page"))
	failed := len(p.all(func(n *html.Node) bool { return attr(n, "role") == "alert" })) > 0
	isError := attr(p.tags("body")[0], "data-page") == "error"
	require.Equal(p.t, failed || isError, strings.HasPrefix(content(p.tags("title")[0]), "Error: "), "title says that something failed")
}

// hasNothingInline keeps the strict content security policy.
func (p page) hasNothingInline() {
	require.Empty(p.t, p.tags("style", "iframe", "object", "embed", "base"))
	for _, n := range p.all(func(*html.Node) bool { return true }) {
		for _, a := range n.Attr {
			require.False(p.t, a.Key == "style" || strings.HasPrefix(a.Key, "on"), "%s %s", n.Data, a.Key)
		}
	}
	for _, n := range p.tags("script") {
		require.True(p.t, strings.HasPrefix(attr(n, "src"), StaticPrefix), "script from our own place")
		require.Empty(p.t, content(n))
	}
	for _, n := range p.tags("link") {
		require.True(p.t, strings.HasPrefix(attr(n, "href"), StaticPrefix), "stylesheet from our own place")
	}
}

func (p page) hasUniqueIDs() {
	seen := map[string]bool{}
	for _, n := range p.all(func(n *html.Node) bool { return hasAttr(n, "id") }) {
		require.False(p.t, seen[attr(n, "id")], "id %s twice", attr(n, "id"))
		seen[attr(n, "id")] = true
	}
	for _, n := range p.all(func(*html.Node) bool { return true }) {
		for _, ref := range []string{"aria-describedby", "aria-labelledby", "aria-controls", "for", "form"} {
			for _, id := range strings.Fields(attr(n, ref)) {
				require.True(p.t, seen[id], "%s=%s leads nowhere", ref, id)
			}
		}
	}
}

// hasLabels holds every field that a user can see to a label, a word for the
// password manager, and a tie to its error.
func (p page) hasLabels() {
	labelled := map[string]bool{}
	for _, n := range p.tags("label") {
		labelled[attr(n, "for")] = true
	}
	for _, n := range p.tags("input", "select", "textarea") {
		if attr(n, "type") == "hidden" {
			continue
		}
		require.True(p.t, labelled[attr(n, "id")], "%s has no label", attr(n, "name"))
		if attr(n, "type") != "checkbox" && attr(n, "type") != "radio" {
			require.True(p.t, hasAttr(n, "autocomplete"), "%s has no autocomplete", attr(n, "name"))
		}
		if attr(n, "aria-invalid") == "true" {
			// An error of two fields stands once, at the first of them.
			require.Contains(p.t, attr(n, "aria-describedby"), "-error")
		}
	}
	for _, n := range p.tags("button") {
		require.NotEmpty(p.t, content(n), "a button without words")
	}
	for _, n := range p.tags("a") {
		require.NotEmpty(p.t, content(n), "a link without words")
	}
}

// hasCSRF wants the token in every form that posts to us.
func (p page) hasCSRF(of Page) {
	for _, form := range p.tags("form") {
		if _, ok := of.(FormPostPage); ok || attr(form, "method") == "get" {
			continue
		}
		require.Equal(p.t, "post", attr(form, "method"))
		count := 0
		for n := range form.Descendants() {
			if n.Type == html.ElementNode && n.Data == "input" && attr(n, "name") == "csrf" {
				count++
			}
			require.False(p.t, n.Type == html.ElementNode && n.Data == "form", "a form in a form")
		}
		require.Equal(p.t, 1, count, "csrf in form %s", attr(form, "action"))
	}
}

func (p page) hasNoHole(text string) {
	for _, hole := range []string{"ZgotmplZ", "<no value>", "&lt;no value", "{{", "%!", "&lt;bdi", "&lt;time"} {
		require.NotContains(p.t, text, hole)
	}
}

// leave writes a page to look at, with paths that a file can follow.
func leave(t *testing.T, s *Set, dir, name, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, `"`+StaticPrefix, `"static/`)
	text = strings.ReplaceAll(text, `http-equiv="refresh"`, `name="refresh"`)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "static"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".html"), []byte(text), 0o600))
	for asset := range s.assets {
		a, _ := s.Asset(asset)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "static", asset), a.Body, 0o600))
	}
	for _, hex := range []string{"0b5563", "7a3b12"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "static", "brand-"+hex+".css"), []byte(BrandCSS("#"+hex)), 0o600))
	}
}
