package demo

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
	"github.com/sallyport-id/sallyport/templates/samples"
)

// look is how somebody wants to see a page: lang and dir of the query. What it
// does not know stands for the language and the direction of the reader.
type look struct{ lang, dir string }

func (r *routes) look(c *gin.Context) look {
	l := look{lang: c.Query("lang"), dir: c.Query("dir")}
	if !slices.Contains(r.pages.Set.Languages(), l.lang) {
		l.lang = r.pages.Lang(c)
	}
	if l.dir != "ltr" && l.dir != "rtl" {
		l.dir = ""
	}
	return l
}

func (l look) query() string {
	q := url.Values{"lang": {l.lang}}
	if l.dir != "" {
		q.Set("dir", l.dir)
	}
	return "?" + q.Encode()
}

// listPages links every state of every screen.
func (r *routes) listPages(c *gin.Context) error {
	l := r.look(c)
	page := templates.ScreensPage{Demo: r.frame(c), Action: "/_pages", Dir: l.dir, Looks: r.pages.Languages(l.lang)}
	for _, s := range samples.Screens() {
		screen := templates.Screen{Name: s.Name}
		for _, state := range s.Samples {
			screen.States = append(screen.States, templates.ScreenState{Name: state.Name, URL: "/_pages/" + state.Name + l.query()})
		}
		page.Screens = append(page.Screens, screen)
	}
	return r.pages.Render(c, http.StatusOK, page)
}

// showPage answers with one state, as a user would get it: by the same renderer,
// with the same headers. Only what it says is made up.
func (r *routes) showPage(c *gin.Context) error {
	sample, ok := samples.Find(c.Param("name"))
	if !ok {
		return &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorNotFound}
	}
	l := r.look(c)
	web.UseLocales(c, []string{l.lang})
	if l.dir != "" {
		c.Writer = &turned{ResponseWriter: c.Writer, dir: l.dir}
	}
	return r.pages.Render(c, http.StatusOK, sample.Spoken(r.pages.Set, l.lang).Page)
}

// turned writes a page in another direction than that of its language. A page is
// written at once, so its first tag is in one piece.
type turned struct {
	gin.ResponseWriter
	dir  string
	done bool
}

func (t *turned) Write(page []byte) (int, error) {
	if t.done {
		return t.ResponseWriter.Write(page)
	}
	t.done = true
	for _, own := range []string{"ltr", "rtl"} {
		head, rest, ok := bytes.Cut(page, []byte(` dir="`+own+`">`))
		if ok && bytes.HasSuffix(head, []byte(`"`)) && bytes.Count(head, []byte("<")) == 2 { // <!doctype> and <html>
			_, err := t.ResponseWriter.Write(slices.Concat(head, []byte(` dir="`+t.dir+`">`), rest))
			return len(page), err
		}
	}
	return t.ResponseWriter.Write(page)
}
