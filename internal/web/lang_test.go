package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/templates"
)

func TestTheOrderOfLanguages(t *testing.T) {
	all := wishes{Here: "ar", App: "fr-CA fr", User: "de", Chosen: "es", Browser: "en;q=0.8, it", Tenant: "pt"}

	require.Equal(t, []string{"ar", "fr-CA", "fr", "de", "es", "en;q=0.8, it", "pt"}, all.order())
	require.Equal(t, []string{"", "", "", "", ""}, wishes{}.order())
}

func TestTheLanguageThatWins(t *testing.T) {
	tests := []struct {
		name, cookie, app, user, browser, tenant string
		want                                     string
	}{
		{"chosen in this very sign-in", "de.one", "fr", "es", "en", "en", "de"},
		{"asked for by the app", "de.two", "fr", "es", "en", "en", "fr"},
		{"the setting of the user", "de", "", "es", "en", "en", "es"},
		{"what the browser remembers", "de", "", "", "fr", "en", "de"},
		{"what the browser asks for", "", "", "", "fr-CA, en;q=0.5", "de", "fr"},
		{"the tenant's", "", "", "", "ja", "de", "de"},
		{"a choice that is none", "tlh", "xx", "qq", "", "es", "es"},
	}
	_, p := langHouse(t, identity.Tenant{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
			c.Request.Header.Set("Accept-Language", tt.browser)
			c.Request.AddCookie(&http.Cookie{Name: langCookie, Value: tt.cookie})
			c.Params = gin.Params{{Key: "id", Value: "one"}}
			UseRealm(c, &identity.Realm{Tenant: identity.Tenant{Locale: tt.tenant}})
			UseLocales(c, strings.Fields(tt.app))
			UseUserLang(c, tt.user)

			require.Equal(t, tt.want, p.Lang(c))
		})
	}
}

// langHouse is one tenant with the switcher and a page of a sign-in.
func langHouse(t *testing.T, tenant identity.Tenant) (*gin.Engine, *Pages) {
	t.Helper()
	gin.SetMode(gin.TestMode)
	set, err := templates.New()
	require.NoError(t, err)
	p := &Pages{Set: set, Now: func() time.Time { return time.Unix(0, 0) }, Cookies: &Cookies{}}
	e := gin.New()
	r := e.Group("/t/:tenant", func(c *gin.Context) { UseRealm(c, &identity.Realm{Tenant: tenant}) }, SameOrigin(p))
	p.MountLang(r)
	r.GET("/interaction/:id/login", func(c *gin.Context) {
		chosen, within := p.chosen(c)
		c.String(http.StatusOK, "%s %s %t", chosen, within, within != "" && within == c.Param("id"))
	})
	return e, p
}

func switchTo(lang string, headers ...string) *http.Request {
	form := url.Values{"lang": {lang}}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "back" {
			form.Set("back", headers[i+1])
		}
	}
	r := httptest.NewRequest(http.MethodPost, "http://login.example/t/acme/lang", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] != "back" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

func TestTheSwitchGoesBackToWhereItWas(t *testing.T) {
	path := identity.Tenant{ID: "t1", Slug: "acme"}
	host := identity.Tenant{ID: "t1", Slug: "acme", Host: "login.example"}
	tests := []struct {
		name   string
		tenant identity.Tenant
		from   []string
		want   string
	}{
		{"a page of the tenant", path, []string{"Referer", "http://login.example/t/acme/forgot?x=1#y"}, "/t/acme/forgot?x=1"},
		{"a page of the form's own choice", path, []string{"back", "/t/acme/settings/password", "Referer", "http://login.example/t/acme/forgot"}, "/t/acme/settings/password"},
		{"a sign-in, at its dispatcher", path, []string{"Referer", "http://login.example/t/acme/interaction/Ab-_9/password"}, "/t/acme/interaction/Ab-_9"},
		{"nothing is known", path, nil, "/t/acme/settings"},
		{"another site", path, []string{"Referer", "https://evil.example/t/acme/forgot"}, "/t/acme/settings"},
		{"another site as the form's choice", path, []string{"back", "//evil.example/t/acme/x"}, "/t/acme/settings"},
		{"another tenant", path, []string{"Referer", "http://login.example/t/other/forgot"}, "/t/acme/settings"},
		{"a tenant whose name goes on", path, []string{"Referer", "http://login.example/t/acme2/forgot"}, "/t/acme/settings"},
		{"up and over", path, []string{"back", "/t/acme/../other/forgot"}, "/t/acme/settings"},
		{"a backslash", path, []string{"back", `/t/acme/\evil.example`}, "/t/acme/settings"},
		{"by its own host", host, []string{"Referer", "http://login.example/forgot"}, "/forgot"},
		{"by its own host, to another one", host, []string{"back", "//evil.example/"}, "/settings"},
		{"by its own host, with slashes", host, []string{"back", "/x//evil.example/"}, "/settings"},
		{"a script", host, []string{"back", "javascript:alert(1)"}, "/settings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, _ := langHouse(t, tt.tenant)
			w := httptest.NewRecorder()

			e.ServeHTTP(w, switchTo("en", tt.from...))

			require.Equal(t, http.StatusSeeOther, w.Code)
			require.Equal(t, tt.want, w.Header().Get("Location"))
		})
	}
}

func TestTheSwitchIsRemembered(t *testing.T) {
	e, p := langHouse(t, identity.Tenant{ID: "t1", Slug: "acme"})
	for _, tt := range []struct{ name, from, cookie, here string }{
		{"everywhere", "http://login.example/t/acme/forgot", "en", "en  false"},
		{"first of all in this sign-in", "http://login.example/t/acme/interaction/one/login", "en.one", "en one true"},
		{"in another sign-in after what the app asks", "http://login.example/t/acme/interaction/two/login", "en.two", "en two false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, switchTo("en", "Referer", tt.from))
			require.Len(t, w.Result().Cookies(), 1)
			cookie := w.Result().Cookies()[0]
			require.Equal(t, tt.cookie, cookie.Value)
			require.Equal(t, int(langFor.Seconds()), cookie.MaxAge)
			r := httptest.NewRequest(http.MethodGet, "/t/acme/interaction/one/login", nil)
			r.AddCookie(cookie)
			page := httptest.NewRecorder()
			e.ServeHTTP(page, r)

			require.Equal(t, tt.here, page.Body.String())
		})
	}
	refused := httptest.NewRecorder()
	e.ServeHTTP(refused, switchTo("tlh"))
	require.Equal(t, http.StatusBadRequest, refused.Code)
	require.Empty(t, refused.Result().Cookies())
	foreign := httptest.NewRecorder()
	e.ServeHTTP(foreign, switchTo("en", "Sec-Fetch-Site", "cross-site"))
	require.Equal(t, http.StatusForbidden, foreign.Code)
	r := httptest.NewRequest(http.MethodGet, "/t/acme/interaction/one/login", nil)
	r.AddCookie(&http.Cookie{Name: langCookie, Value: "<b>.one"})
	junk := httptest.NewRecorder()
	e.ServeHTTP(junk, r)
	require.Equal(t, "  false", junk.Body.String())
	require.Subset(t, p.Set.Languages(), []string{"en"})
}

func TestEveryPageOfATenantHasTheSwitcher(t *testing.T) {
	gin.SetMode(gin.TestMode)
	_, p := langHouse(t, identity.Tenant{})
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "/", nil)

	require.Empty(t, p.Frame(c).LangAction, "outside of all tenants there is none")

	UseRealm(c, &identity.Realm{Tenant: identity.Tenant{Slug: "acme"}})
	f := p.Frame(c)
	require.Equal(t, "/t/acme/lang", f.LangAction)
	require.Len(t, f.Langs, len(p.Set.Languages()))
	require.Equal(t, templates.Lang{Code: "en", Name: "English", Current: true}, f.Langs[0])
	for _, l := range f.Langs {
		require.NotEqual(t, l.Code, l.Name, "a language has a name")
	}
}
