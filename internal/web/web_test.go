package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

var t0 = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func newPages(t *testing.T) *web.Pages {
	t.Helper()
	set, err := templates.New()
	require.NoError(t, err)
	return &web.Pages{Set: set, Now: func() time.Time { return t0 }}
}

// ask sends one request to a handler that stands alone at every path.
func ask(t *testing.T, r *http.Request, handlers ...gin.HandlerFunc) *httptest.ResponseRecorder {
	t.Helper()
	gin.SetMode(gin.TestMode)
	e := gin.New()
	require.NoError(t, e.SetTrustedProxies(nil))
	e.NoRoute(handlers...)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

func TestCookiesOfHTTPAndHTTPS(t *testing.T) {
	realm := &identity.Realm{Tenant: identity.Tenant{ID: "t1"}}
	tests := []struct {
		name   string
		secure bool
		set    func(*web.Cookies, *gin.Context)
		want   string
	}{
		{"https", true, func(k *web.Cookies, c *gin.Context) { k.Set(c, "x", "v", time.Hour) }, "__Host-x=v; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"http", false, func(k *web.Cookies, c *gin.Context) { k.Set(c, "x", "v", time.Hour) }, "x=v; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"until the browser ends", true, func(k *web.Cookies, c *gin.Context) { k.Set(c, "x", "v", 0) }, "__Host-x=v; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"removed", true, func(k *web.Cookies, c *gin.Context) { k.Set(c, "x", "", -1) }, "__Host-x=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		{"a session that stays", true, func(k *web.Cookies, c *gin.Context) { k.SetSession(c, realm, "v", 90*time.Second) }, "__Host-sp-session-"},
		{"a session that is cleared", false, func(k *web.Cookies, c *gin.Context) { k.ClearSession(c, realm) }, "sp-session-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(t, get("/"), func(c *gin.Context) { tt.set(&web.Cookies{Secure: tt.secure}, c) })

			got := w.Header().Get("Set-Cookie")

			require.True(t, strings.HasPrefix(got, tt.want), got)
			require.NotContains(t, got, "Domain")
			require.NotContains(t, got, "Expires", "cookies carry Max-Age, not dates")
		})
	}
}

func TestCookiesOfTwoTenantsAreTwo(t *testing.T) {
	k := &web.Cookies{}
	one, two := &identity.Realm{Tenant: identity.Tenant{ID: "t1"}}, &identity.Realm{Tenant: identity.Tenant{ID: "t2"}}
	w := ask(t, get("/"), func(c *gin.Context) {
		k.SetSession(c, one, "first", 0)
		k.SetSession(c, two, "second", 0)
	})
	r := get("/")
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	r.AddCookie(&http.Cookie{Name: "td-abc", Value: "x"})
	r.AddCookie(&http.Cookie{Name: "__Host-td-def", Value: "x"})

	ask(t, r, func(c *gin.Context) {
		require.Equal(t, "first", k.SessionToken(c, one))
		require.Equal(t, "second", k.SessionToken(c, two))
		require.Empty(t, (&web.Cookies{Secure: true}).SessionToken(c, one), "a cookie set over http is none over https")
		require.Equal(t, []string{"td-abc"}, k.Names(c, "td-"))
		require.Equal(t, []string{"td-def"}, (&web.Cookies{Secure: true}).Names(c, "td-"))
	})
}

func TestABrowserIsGivenOneSecret(t *testing.T) {
	k, realm := &web.Cookies{Secure: true}, &identity.Realm{Tenant: identity.Tenant{ID: "t1"}}
	var first []byte
	w := ask(t, get("/"), func(c *gin.Context) {
		require.Nil(t, k.BrowserHash(c, realm))
		first = k.EnsureBrowser(c, realm)
	})
	require.Len(t, first, 32)
	again := get("/")
	again.AddCookie(w.Result().Cookies()[0])

	second := ask(t, again, func(c *gin.Context) {
		require.Equal(t, first, k.EnsureBrowser(c, realm))
		require.Equal(t, first, k.BrowserHash(c, realm))
	})

	require.Empty(t, second.Result().Cookies())
}

func TestOnlyWhatWeMadeIsAToken(t *testing.T) {
	token, hash := web.NewToken()
	other, _ := web.NewToken()

	require.Equal(t, hash, web.SessionHash(token))
	require.NotEqual(t, token, other)
	for _, text := range []string{"", "x", token[:42], token + "A", token + "=", strings.Repeat("!", 43)} {
		require.Nil(t, web.SessionHash(text), text)
	}
}

// realms is a small directory.
type realms struct {
	all    []*identity.Realm
	failed error
}

func (r realms) find(is func(identity.Tenant) bool) (*identity.Realm, error) {
	for _, realm := range r.all {
		if is(realm.Tenant) {
			return realm, nil
		}
	}
	if r.failed != nil {
		return nil, r.failed
	}
	return nil, identity.ErrNotFound
}

// BySlug implements [identity.Realms].
func (r realms) BySlug(_ context.Context, slug string) (*identity.Realm, error) {
	return r.find(func(t identity.Tenant) bool { return t.Slug == slug })
}

// ByHost implements [identity.Realms].
func (r realms) ByHost(_ context.Context, host string) (*identity.Realm, error) {
	return r.find(func(t identity.Tenant) bool { return t.Host == host && host != "" })
}

// AtLeast implements [identity.Realms].
func (r realms) AtLeast(_ context.Context, id string, _ int64) (*identity.Realm, error) {
	return r.find(func(t identity.Tenant) bool { return t.ID == id })
}

// house answers with the slug of the tenant that was found, and what was left of
// the path.
func house(t *testing.T, r realms) http.Handler {
	pages := newPages(t)
	e := gin.New()
	g := e.Group("/t/:tenant", web.Tenant(r, pages))
	g.GET("/*rest", func(c *gin.Context) { c.String(http.StatusOK, web.Realm(c).Tenant.Slug+" "+c.Param("rest")) })
	e.GET("/.well-known/oauth-authorization-server/t/:tenant", web.Tenant(r, pages), func(c *gin.Context) {
		c.String(http.StatusOK, "metadata of "+web.Realm(c).Tenant.Slug)
	})
	for _, path := range []string{"/healthz", "/readyz", "/static/a.css"} {
		e.GET(path, func(c *gin.Context) { c.String(http.StatusOK, "shared") })
	}
	return web.ByHost(r, "id.example:8443", e)
}

func TestWhichTenantARequestIsFor(t *testing.T) {
	all := realms{all: []*identity.Realm{
		{Tenant: identity.Tenant{ID: "1", Slug: "path", Status: identity.TenantActive}},
		{Tenant: identity.Tenant{ID: "2", Slug: "hosted", Host: "login.acme.example", Status: identity.TenantActive}},
		{Tenant: identity.Tenant{ID: "3", Slug: "asleep", Status: identity.TenantSuspended}},
	}}
	down := realms{all: all.all, failed: errors.New("the database is down")}
	tests := []struct {
		name, host, path string
		realms           realms
		status           int
		says             string
	}{
		{"by its path", "id.example:8443", "/t/path/authorize", all, 200, "path /authorize"},
		{"by its path at whatever name", "10.0.0.5", "/t/path/authorize", all, 200, "path /authorize"},
		{"by its host", "login.acme.example", "/authorize", all, 200, "hosted /authorize"},
		{"by its host with a port, in capitals", "LOGIN.acme.example:443", "/a/b", all, 200, "hosted /a/b"},
		{"its metadata of RFC 8414 by path", "id.example:8443", "/.well-known/oauth-authorization-server/t/path", all, 200, "metadata of path"},
		{"its metadata of RFC 8414 by host", "login.acme.example", "/.well-known/oauth-authorization-server", all, 200, "metadata of hosted"},
		{"a host is not reached by path", "id.example:8443", "/t/hosted/authorize", all, 404, `data-page="error"`},
		{"nor by path below itself", "login.acme.example", "/t/hosted/authorize", all, 200, "hosted /t/hosted/authorize"},
		{"nor another one through it", "login.acme.example", "/t/path/authorize", all, 200, "hosted /t/path/authorize"},
		{"an unknown slug", "id.example:8443", "/t/none/authorize", all, 404, `data-page="error"`},
		{"a suspended tenant", "id.example:8443", "/t/asleep/authorize", all, 404, `data-page="error"`},
		{"what is shared, by host", "login.acme.example", "/healthz", all, 200, "shared"},
		{"an asset, by host", "login.acme.example", "/static/a.css", all, 200, "shared"},
		{"a host while nobody can say whose it is", "who.example", "/authorize", down, 503, "cannot answer"},
		{"the server's own host then", "id.example:8443", "/t/path/authorize", down, 200, "path /authorize"},
		{"health then, asked by address", "10.0.0.5", "/healthz", down, 200, "shared"},
		{"readiness then, asked by address", "10.0.0.5:8080", "/readyz", down, 200, "shared"},
		{"an unknown slug then", "id.example:8443", "/t/none/authorize", down, 500, `data-page="error"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := get(tt.path)
			r.Host = tt.host
			w := httptest.NewRecorder()

			house(t, tt.realms).ServeHTTP(w, r)

			require.Equal(t, tt.status, w.Code)
			require.Contains(t, w.Body.String(), tt.says)
		})
	}
}

func TestARouteWithoutTheMiddlewareIsAMistake(t *testing.T) {
	require.Panics(t, func() { ask(t, get("/"), func(c *gin.Context) { web.Realm(c) }) })
}

func TestFailuresMeetHTTPInOnePlace(t *testing.T) {
	pages := newPages(t)
	down := fmt.Errorf("read: %w", temporary{})
	tests := []struct {
		name   string
		err    error
		status int
		retry  string
	}{
		{"a limit says how long to wait", &ratelimit.WaitError{What: "x", After: 90 * time.Second}, 429, "90"},
		{"never early", &ratelimit.WaitError{What: "x", After: 1500 * time.Millisecond}, 429, "2"},
		{"never zero", &ratelimit.WaitError{What: "x", After: time.Nanosecond}, 429, "1"},
		{"through wrappings", fmt.Errorf("mfa: limits: %w", &ratelimit.WaitError{What: "x", After: time.Second}), 429, "1"},
		{"a guard that is locked", &mfa.LockedError{Until: t0}, 429, ""},
		{"a resend too soon", &mfa.TooSoonError{At: t0}, 429, ""},
		{"the database is down", down, 503, ""},
		{"it took too long", context.DeadlineExceeded, 503, ""},
		{"anything else says nothing", errors.New("the password of root is hunter2"), 500, ""},
		{"a page that says so itself", &web.Failure{Status: 409, Problem: templates.ErrorDone}, 409, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fails := func(*gin.Context) error { return tt.err }

			api, page := ask(t, get("/"), web.JSON(fails)), ask(t, get("/"), web.Page(pages, fails))

			for _, w := range []*httptest.ResponseRecorder{api, page} {
				require.Equal(t, tt.status, w.Code)
				require.Equal(t, tt.retry, w.Header().Get("Retry-After"))
				require.NotContains(t, w.Body.String(), "hunter2")
			}
			require.Equal(t, "application/problem+json", api.Header().Get("Content-Type"))
			var p web.Problem
			require.NoError(t, json.Unmarshal(api.Body.Bytes(), &p))
			require.Equal(t, tt.status, p.Status)
			require.NotEmpty(t, p.Title)
			require.Contains(t, page.Body.String(), `data-page="error"`)
			require.Equal(t, "no-store", page.Header().Get("Cache-Control"))
			require.Contains(t, page.Header().Get("Content-Security-Policy"), "form-action 'self'")
		})
	}
}

// temporary is an error of a database that may answer later.
type temporary struct{}

func (temporary) Error() string   { return "down" }
func (temporary) Temporary() bool { return true }

func TestOnlyTheServersFaultIsLogged(t *testing.T) {
	var log strings.Builder
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	for _, err := range []error{identity.ErrNotFound, context.Canceled, &ratelimit.WaitError{After: time.Second}} {
		ask(t, get("/"), web.JSON(func(*gin.Context) error { return err }))
	}
	require.Empty(t, log.String())

	ask(t, get("/"), web.Identify, web.JSON(func(*gin.Context) error { return errors.New("broken pipe") }))

	require.Contains(t, log.String(), "broken pipe")
	require.Regexp(t, `request=[a-z2-7]{16}`, log.String())
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	pages := newPages(t)
	tests := []struct {
		name, method, path string
		header             map[string]string
		status             int
	}{
		{"a form of ours", "POST", "/t/a/interaction/1/password", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"a form of another site", "POST", "/t/a/interaction/1/password", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a form of another subdomain", "POST", "/t/a/interaction/1/password", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"an old browser, our origin", "POST", "/t/a/interaction/1/password", map[string]string{"Origin": "http://example.com"}, 200},
		{"an old browser, another origin", "POST", "/t/a/interaction/1/password", map[string]string{"Origin": "https://evil.example"}, 403},
		{"an opaque origin", "POST", "/t/a/interaction/1/password", map[string]string{"Origin": "null"}, 403},
		{"no browser, or one that says nothing", "POST", "/t/a/interaction/1/password", nil, 200},
		{"a link from another site", "GET", "/t/a/interaction/1/login", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		{"a request to authorize", "POST", "/t/a/authorize", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example"}, 200},
		{"a request for tokens", "POST", "/t/a/token", map[string]string{"Origin": "https://app.example"}, 200},
		{"claims of a user", "POST", "/t/a/userinfo", map[string]string{"Origin": "https://app.example"}, 200},
		{"the end of a token", "POST", "/t/a/revoke", map[string]string{"Origin": "https://app.example"}, 200},
		{"what a token is worth", "POST", "/t/a/introspect", map[string]string{"Origin": "https://app.example"}, 200},
		{"a page whose name ends alike", "POST", "/t/a/interaction/token", map[string]string{"Origin": "https://evil.example"}, 403},
	}
	e := gin.New()
	ok := func(c *gin.Context) { c.Status(http.StatusOK) }
	g := e.Group("/t/:tenant", web.SameOrigin(pages))
	for _, path := range []string{"/authorize", "/token", "/userinfo", "/revoke", "/introspect"} {
		g.POST(path, ok)
	}
	g.GET("/interaction/:id/login", ok)
	g.POST("/interaction/:id/password", ok)
	g.POST("/interaction/:id", ok)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()

			e.ServeHTTP(w, r)

			require.Equal(t, tt.status, w.Code)
		})
	}
}

func TestAPanicIsAnErrorPage(t *testing.T) {
	pages := newPages(t)

	w := ask(t, get("/"), web.Recover(pages), func(*gin.Context) { panic("hunter2") })

	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), `data-page="error"`)
	require.NotContains(t, w.Body.String(), "hunter2")
	w = ask(t, get("/"), web.Recover(pages), func(c *gin.Context) {
		c.String(http.StatusOK, "half a p")
		panic("late")
	})
	require.Equal(t, "half a p", w.Body.String(), "nothing is put behind an answer that has begun")
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		ask(t, get("/"), web.Recover(pages), func(*gin.Context) { panic(http.ErrAbortHandler) })
	})
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	for secure, hsts := range map[bool]string{true: "max-age=63072000; includeSubDomains", false: ""} {
		w := ask(t, get("/"), web.Headers(secure), func(c *gin.Context) { c.Status(http.StatusOK) })

		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		require.Equal(t, hsts, w.Header().Get("Strict-Transport-Security"))
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 1<<20+1)))
	ask(t, r, web.Headers(false), func(c *gin.Context) {
		_, err := io.ReadAll(c.Request.Body)
		_, tooLarge := errors.AsType[*http.MaxBytesError](err)
		require.True(t, tooLarge)
	})
}

func TestAnAnswerToAnAppMayGoToTheApp(t *testing.T) {
	pages := newPages(t)
	w := ask(t, get("/"), func(c *gin.Context) {
		require.NoError(t, pages.Render(c, http.StatusOK, templates.FormPostPage{Frame: pages.Frame(c)}))
	})

	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "form-action")
}

func TestTheLanguageOfAPage(t *testing.T) {
	pages := newPages(t)
	r := get("/")
	r.Header.Set("Accept-Language", "xx, en;q=0.5")
	ask(t, r, func(c *gin.Context) {
		require.Equal(t, "en", pages.Lang(c))
		web.UseLocales(c, []string{"en-GB"})
		require.Equal(t, "en", pages.Lang(c))
	})
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LocalHost:8080": true, "127.0.0.1": true, "127.0.0.1:8080": true, "127.8.9.10": true,
		"[::1]": true, "[::1]:8080": true, "::1": true,
		"": false, ":8080": false, "0.0.0.0": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.0.2.1": false, "example.com": false,
		"localhost.evil.example": false, "127.0.0.1.evil.example": false, "127.0.0.1.evil.example:80": false, "notlocalhost": false,
	} {
		require.Equal(t, want, web.Loopback(host), host)
	}
}

func TestTheAddressOfABrowser(t *testing.T) {
	r := get("/")
	r.RemoteAddr = "[::ffff:192.0.2.7]:1234"
	r.Header.Set("X-Forwarded-For", "203.0.113.1")
	ask(t, r, func(c *gin.Context) {
		require.Equal(t, "192.0.2.7", web.ClientIP(c).String(), "nobody is believed who is not trusted")
	})
	r.RemoteAddr = "a pipe"
	ask(t, r, func(c *gin.Context) { require.False(t, web.ClientIP(c).IsValid()) })
}

func TestABrowserHasANameForPeople(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36": "Chrome on Linux",
		"":                                "",
		strings.Repeat("x", 300) + "/1.0": "",
	} {
		r := get("/")
		r.Header.Set("User-Agent", agent)
		ask(t, r, func(c *gin.Context) { require.Equal(t, want, web.UserAgentName(c)) })
	}
}

func TestARequestHasAnIDOfOurs(t *testing.T) {
	r := get("/")
	r.Header.Set("X-Request-Id", "theirs\nlevel=INFO")
	var id string

	w := ask(t, r, web.Identify, func(c *gin.Context) { id = web.RequestID(c) })

	require.Regexp(t, `^[a-z2-7]{16}$`, id)
	require.Equal(t, id, w.Header().Get("X-Request-Id"))
}
