package threats_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// recorder keeps every answer of a browser.
type recorder struct {
	mu      sync.Mutex
	answers []recorded
}

type recorded struct {
	method, path string
	status       int
	header       http.Header
}

// record makes b tell of every answer that it gets.
func record(b *harness.Browser) *recorder {
	r := &recorder{}
	inner := b.HTTP.Transport
	b.HTTP.Transport = tap{inner, func(req *http.Request, resp *http.Response) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answers = append(r.answers, recorded{req.Method, req.URL.Path, resp.StatusCode, resp.Header.Clone()})
	}}
	return r
}

// everyPage shows b every page that a flow can have, and every kind of error.
func everyPage(t *testing.T, b *harness.Browser, p *harness.Place) {
	t.Helper()
	fullJourney(t, b, p, alice, phone)
	for _, pairs := range [][]string{
		{"response_type", "token"},
		{"prompt", "none", "max_age", "x"},
		{"redirect_uri", "http://127.0.0.1:9999/elsewhere"},
		{"client_id", "nobody"},
		{"scope", "nonsense"},
		{"response_mode", "form_post"},
	} {
		b.Get(t, b.Place.Authorize(p.Own, pairs...).URL)
	}
	consent, page := mustOpen(t, b, b.Place.Authorize(p.Client, "scope", "openid email"))
	require.Equal(t, "consent", page.Name)
	require.NotNil(t, b.Submit(t, page, "/consent", "decision", "deny").Callback)
	require.Equal(t, http.StatusConflict, b.Get(t, consent.resume()).Status)
	action, page := mustOpen(t, b, b.Place.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, "confirm", page.Name)
	b.Get(t, action.path("/choose"))
	action.mustPost(t, "/confirm", "code", "1")
	action.mustPost(t, "/confirm", "csrf", "forged")
	require.NotNil(t, b.Submit(t, page, "/confirm", "cancel", "1").Callback)
	for _, path := range []string{"/interaction/none", "/authorize/resume/none", "/nothing", "/authorize", "/authorize?parked=none"} {
		b.Get(t, path)
	}
	b.Get(t, b.Place.House.URL+"/t/nobody/authorize")
	b.Post(t, "/interaction/none/confirm", url.Values{"csrf": {"x"}})
}

// cookieScope is T-59.
func cookieScope(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	set := func(a annex) []*http.Cookie {
		b := a.browser(p)
		r := record(b)
		everyPage(t, b, p)
		var cookies []*http.Cookie
		for _, answer := range r.answers {
			for _, line := range answer.header.Values("Set-Cookie") {
				c, err := http.ParseSetCookie(line)
				require.NoError(t, err, "%s", line)
				cookies = append(cookies, c)
			}
		}
		return cookies
	}
	const prefix = "__Host-"
	// shapes are the cookies without what is to differ, and without their values.
	shapes := func(cookies []*http.Cookie) []string {
		var list []string
		for _, c := range cookies {
			plain := *c
			plain.Name, plain.Secure, plain.Value = strings.TrimPrefix(c.Name, prefix), false, "x"
			list = append(list, plain.String())
		}
		slices.Sort(list)
		return slices.Compact(list)
	}

	secure, open := set(buildTLS(t, h, nil)), set(build(t, h, nil))

	require.Len(t, shapes(secure), 4, "browser, session, known browser and trusted device: %v", shapes(secure))
	for _, c := range slices.Concat(secure, open) {
		require.True(t, c.HttpOnly, "%s", c)
		require.Equal(t, "/", c.Path, "%s", c)
		require.Empty(t, c.Domain, "%s", c)
		require.Equal(t, http.SameSiteLaxMode, c.SameSite, "%s", c)
		require.True(t, c.Expires.IsZero(), "Max-Age and no date: %s", c)
	}
	for _, c := range secure {
		require.True(t, strings.HasPrefix(c.Name, prefix), "%s", c)
		require.True(t, c.Secure, "%s", c)
	}
	for _, c := range open {
		require.False(t, strings.HasPrefix(c.Name, prefix), "%s", c)
		require.False(t, c.Secure, "%s", c)
	}
	require.Equal(t, shapes(secure), shapes(open), "nothing else differs")
}

// forgedForms is T-60.
func forgedForms(t *testing.T, h *harness.House) {
	p := trustPlace(t, h)
	a := build(t, h, nil)
	t.Run("headers on all pages", func(t *testing.T) {
		b := a.browser(p)
		r := record(b)
		everyPage(t, b, p)
		pages := map[int]int{}
		for _, answer := range r.answers {
			require.Equal(t, "nosniff", answer.header.Get("X-Content-Type-Options"), "%s %s", answer.method, answer.path)
			redirect := answer.status == http.StatusSeeOther // its body is not shown
			if redirect || !strings.HasPrefix(answer.header.Get("Content-Type"), "text/html") {
				continue
			}
			pages[answer.status]++
			csp := answer.header.Get("Content-Security-Policy")
			for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"} {
				require.Contains(t, csp, directive, "%s %s", answer.method, answer.path)
			}
			require.NotRegexp(t, regexp.MustCompile(`unsafe-|\*`), csp)
			require.Equal(t, "DENY", answer.header.Get("X-Frame-Options"), "%s %s", answer.method, answer.path)
			require.Equal(t, "no-store", answer.header.Get("Cache-Control"), "%s %s", answer.method, answer.path)
			require.Equal(t, "same-origin", answer.header.Get("Cross-Origin-Opener-Policy"), "%s %s", answer.method, answer.path)
			require.NotEmpty(t, answer.header.Get("Referrer-Policy"), "%s %s", answer.method, answer.path)
		}
		for _, status := range []int{200, 400, 403, 404, 409, 422} {
			require.NotZero(t, pages[status], "the walk met no page with status %d: %v", status, pages)
		}
	})
	t.Run("GET approves nothing", func(t *testing.T) {
		b := a.browser(p)
		b.Login(t, alice, alice)
		v, page := mustOpen(t, b, b.Place.Authorize(p.Own, "acr_values", payoutACR))
		require.Equal(t, "confirm", page.Name)
		right := code(t, p, alice)
		approved := events(t, p, "action.approved", "ok")
		gets := map[string]bool{}
		for _, route := range a.engine.Routes() {
			if route.Method == http.MethodGet {
				gets[route.Path] = true
			}
		}
		only := 0
		query := "?" + url.Values{"csrf": {v.csrf}, "code": {right}, "decision": {"allow"}}.Encode()
		for _, route := range a.engine.Routes() {
			if route.Method != http.MethodPost || !strings.Contains(route.Path, "/interaction/") {
				continue
			}
			status, location := bare(t, b, http.MethodGet, a.house.URL+fill(route.Path, p.Slug, v.id)+query, nil)
			if !gets[route.Path] {
				only++
				require.Equal(t, http.StatusMethodNotAllowed, status, "%s", route.Path)
				continue
			}
			require.NotContains(t, location, "/resume/", "%s", route.Path)
		}
		require.Greater(t, only, 5)
		require.Equal(t, challenge{v.challenge(t).ID, "sent", 0, 0, 1}, v.challenge(t))
		require.Equal(t, approved, events(t, p, "action.approved", "ok"))
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", right).Status)
	})
	t.Run("a form of another site", func(t *testing.T) { foreignForm(t, a, p) })
}

// foreignForm posts to every form from another site, and without the secret.
func foreignForm(t *testing.T, a annex, p *harness.Place) {
	t.Helper()
	p.House.Clock.Advance(11 * time.Minute) // what another browser was asked is past its time
	b := a.browser(p)
	b.Login(t, alice, alice)
	v, page := mustOpen(t, b, b.Place.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, "confirm", page.Name)
	right := code(t, p, alice)
	approved := events(t, p, "action.approved", "ok")
	other := mustSecondStep(t, a.browser(p), alice)
	for _, tt := range []struct {
		name, csrf string
		header     http.Header
	}{
		{"no secret, from another site", "", http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}},
		{"no secret, from a browser that says nothing", "", http.Header{}},
		{"no secret, from our own site", "", http.Header{"Origin": {a.house.URL}, "Sec-Fetch-Site": {"same-origin"}}},
		{"the secret of another browser", other.csrf, http.Header{"Origin": {a.house.URL}, "Sec-Fetch-Site": {"same-origin"}}},
		{"the secret, from another site", v.csrf, http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}},
		{"the secret, from a sandboxed frame", v.csrf, http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}},
		{"the secret, from another host of the site", v.csrf, http.Header{"Origin": {"http://evil.localhost"}, "Sec-Fetch-Site": {"same-site"}}},
		{"the secret, by a browser that only tells its origin", v.csrf, http.Header{"Origin": {"https://evil.example"}}},
	} {
		for _, route := range a.engine.Routes() {
			if route.Method != http.MethodPost || !strings.Contains(route.Path, "/interaction/") {
				continue
			}
			form := url.Values{"csrf": {tt.csrf}, "code": {right}, "decision": {"allow"}, "username": {alice}, "password": {harness.Password}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
				a.house.URL+fill(route.Path, p.Slug, v.id), strings.NewReader(form.Encode()))
			require.NoError(t, err)
			req.Header = tt.header.Clone()
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			resp, err := b.HTTP.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusForbidden, resp.StatusCode, "%s: %s", tt.name, route.Path)
		}
	}
	require.Equal(t, challenge{v.challenge(t).ID, "sent", 0, 0, 1}, v.challenge(t))
	require.Equal(t, approved, events(t, p, "action.approved", "ok"))
}
