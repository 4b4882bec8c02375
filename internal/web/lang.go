package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/templates"
)

const (
	keyUserLang = "sallyport.userlang"
	langCookie  = "sp-lang" // one for all tenants: it names a person's language and nobody
	langFor     = 365 * 24 * time.Hour
)

// endonyms are the names of languages in themselves, for the switcher.
var endonyms = map[string]string{
	"en": "English", "es": "Español", "fr": "Français", "de": "Deutsch", "ar": "العربية",
}

// wishes are what is known of the language that a reader wants; each is a list of
// tags or "".
type wishes struct {
	Here    string // chosen on a page of this very sign-in
	App     string // ui_locales
	User    string // the setting of a user who has proved who he is
	Chosen  string // what the browser remembers
	Browser string // Accept-Language
	Tenant  string
}

// order is the wishes from the strongest to the weakest. What was chosen here beats
// what the app asked for: it is the later word of the same person.
//
// Source: OpenID Connect Core section 3.1.2.1 (ui_locales).
func (w wishes) order() []string {
	all := append([]string{w.Here}, strings.Fields(w.App)...)
	return append(all, w.User, w.Chosen, w.Browser, w.Tenant)
}

// Lang is the language for this request: ui_locales of the app, the setting of the
// user where the page knows who that is, the choice that the browser remembers,
// Accept-Language, then the tenant's own. On the pages of a sign-in on which the
// reader has switched, that choice comes first.
func (p *Pages) Lang(c *gin.Context) string {
	chosen, within := p.chosen(c)
	w := wishes{
		App: c.GetString(keyLocales), User: c.GetString(keyUserLang), Chosen: chosen, Browser: c.GetHeader("Accept-Language"),
	}
	if within != "" && within == c.Param("id") {
		w.Here = chosen
	}
	realm := realmOf(c)
	if realm != nil {
		w.Tenant = realm.Tenant.Locale
	}
	return p.Set.Match(w.order()...)
}

// UseLocales makes the languages that the app asked for (ui_locales) win over
// those of user and browser.
func UseLocales(c *gin.Context, locales []string) {
	c.Set(keyLocales, strings.Join(locales, " "))
}

// UseUserLang makes lang, the setting of the user, win over the browser's. It may
// be called only once that user has proved who he is: the language of a page is for
// nobody else to see. "" is no setting.
func UseUserLang(c *gin.Context, lang string) { c.Set(keyUserLang, lang) }

// chosen is the language that the browser remembers, and the id of the interaction
// on whose pages it was chosen; both may be "".
func (p *Pages) chosen(c *gin.Context) (lang, within string) {
	if p.Cookies == nil {
		return "", ""
	}
	lang, within, _ = strings.Cut(p.Cookies.Get(c, langCookie), ".")
	if !p.speaks(lang) {
		return "", ""
	}
	return lang, within
}

func (p *Pages) speaks(lang string) bool { return slices.Contains(p.Set.Languages(), lang) }

// Languages are the languages that the pages speak, by their own names; current is
// the code of the one that is chosen.
func (p *Pages) Languages(current string) []templates.Lang {
	var all []templates.Lang
	for _, code := range p.Set.Languages() {
		name := endonyms[code]
		if name == "" {
			name = code
		}
		all = append(all, templates.Lang{Code: code, Name: name, Current: code == current})
	}
	return all
}

// MountLang adds the form that switches the language to the routes of a tenant.
// Whoever may call it from another site is kept out by [SameOrigin]; it needs no
// secret of its own, since all it does is to remember a language.
func (p *Pages) MountLang(r gin.IRouter) {
	r.POST("/lang", Page(p, func(c *gin.Context) error {
		err := p.ChooseLang(c, c.PostForm("lang"))
		if err != nil {
			return err
		}
		c.Header("Cache-Control", "no-store")
		c.Redirect(http.StatusSeeOther, Back(c))
		return nil
	}))
}

// ChooseLang makes the browser remember lang.
//
// Errors: [*Failure] for a language that the pages do not speak.
func (p *Pages) ChooseLang(c *gin.Context, lang string) error {
	if !p.speaks(lang) || p.Cookies == nil {
		return &Failure{Status: http.StatusBadRequest, Problem: templates.ErrorRequest, BackURL: Back(c)}
	}
	value := lang
	id := interactionOf(strings.TrimPrefix(Back(c), Realm(c).Tenant.Path()))
	if id != "" {
		value += "." + id
	}
	p.Cookies.Set(c, langCookie, value, langFor)
	return nil
}

// Back is the page of the same tenant on which a form stood: the field back of the
// form, or the Referer. The pages of an interaction go back to its dispatcher,
// which knows where it stands; a page that cannot be told goes back to the
// settings. It is always a path below the tenant's.
func Back(c *gin.Context) string {
	base := Realm(c).Tenant.Path()
	for _, from := range []string{c.PostForm("back"), c.GetHeader("Referer")} {
		u, err := url.Parse(from)
		if from == "" || err != nil || u.User != nil || u.Host != "" && u.Host != c.Request.Host {
			continue
		}
		below, ok := strings.CutPrefix(u.Path, base)
		if !ok || !strings.HasPrefix(below, "/") || path.Clean(below) != below || strings.ContainsAny(u.Path, `\`) {
			continue
		}
		id := interactionOf(below)
		if id != "" {
			return base + "/interaction/" + id
		}
		return (&url.URL{Path: base + below, RawQuery: u.RawQuery}).String()
	}
	return base + "/settings"
}

// interactionOf is the id of the interaction that a path below the tenant's belongs
// to, "" for none.
func interactionOf(below string) string {
	rest, ok := strings.CutPrefix(below, "/interaction/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' {
			return ""
		}
	}
	return id
}
