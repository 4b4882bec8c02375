package protocol_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// ground is the tenant for conformance tools in one running demo: what a person
// types into the configuration of a test plan.
type ground struct {
	house  *harness.House
	place  *harness.Place
	meta   map[string]any // the discovery document
	keys   keySet
	user   account
	first  app // "client" of the suite's configuration
	second app // "client2"
}

type app struct {
	ID           string   `json:"id"`
	Secret       string   `json:"secret"`
	RedirectURIs []string `json:"redirect_uris"`
}

type account struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

// newGround reads everything from where a person would: from the demo's own
// description and from the discovery document.
func newGround(t *testing.T, h *harness.House) *ground {
	t.Helper()
	var demo struct {
		Tenants []struct {
			Slug    string    `json:"slug"`
			Issuer  string    `json:"issuer"`
			Users   []account `json:"users"`
			Clients []app     `json:"clients"`
		} `json:"tenants"`
	}
	getJSON(t, h.URL+"/_demo", &demo)
	for _, tenant := range demo.Tenants {
		if tenant.Slug != "conformance" {
			continue
		}
		g := &ground{house: h, user: tenant.Users[0]}
		for _, c := range tenant.Clients {
			switch c.ID {
			case "demo-cli":
				g.first = c
			case "demo-cli-2":
				g.second = c
			}
		}
		require.Equal(t, "alice@example.test", g.user.Name)
		require.NotEmpty(t, g.first.Secret)
		require.NotEmpty(t, g.second.Secret)
		require.Contains(t, g.first.RedirectURIs, harness.Callback, "the browser of the harness stops there")
		g.place = &harness.Place{House: h, Slug: tenant.Slug, Issuer: tenant.Issuer, Client: g.first.ID, Secret: g.first.Secret}
		getJSON(t, tenant.Issuer+"/.well-known/openid-configuration", &g.meta)
		g.keys = fetchKeys(t, g.endpoint(t, "jwks_uri"))
		return g
	}
	require.Fail(t, "the demo has no tenant called conformance")
	return nil
}

func (g *ground) endpoint(t *testing.T, name string) string {
	t.Helper()
	address, ok := g.meta[name].(string)
	require.True(t, ok, "the discovery document lacks %s", name)
	return address
}

func (g *ground) list(t *testing.T, name string) []string {
	t.Helper()
	return texts(t, g.meta[name])
}

// module is one run of a module of the suite: a browser that nobody used before,
// and one way to get the answers.
type module struct {
	*ground
	t       *testing.T
	mode    string // the response_mode that is sent; "" for none
	browser *harness.Browser
}

// newModule is a run at a time when no limit or lock of an earlier one counts.
func (g *ground) newModule(t *testing.T, mode string) *module {
	t.Helper()
	g.house.Clock.Advance(time.Hour)
	return &module{ground: g, t: t, mode: mode, browser: g.place.NewBrowser()}
}

// request is an authorization request as the suite makes it: a state of the
// longest kind that it uses, a nonce and no PKCE. pairs are laid over it; an
// empty value takes a parameter away.
func (m *module) request(client app, pairs ...string) url.Values {
	v := url.Values{
		"client_id": {client.ID}, "redirect_uri": {client.RedirectURIs[0]}, "response_type": {"code"},
		"scope": {"openid"}, "state": {randomText(128)}, "nonce": {randomText(10)},
	}
	if m.mode != "" {
		v.Set("response_mode", m.mode)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
			continue
		}
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// answer is how an authorization request ended.
type answer struct {
	Values url.Values    // what the app was sent; nil where the user was told instead
	Pages  []string      // what the user had to go through, or the page that was told
	Last   *harness.Page // the last page
}

// authorize sends v as a GET and goes through the pages as the user would.
func (m *module) authorize(v url.Values) answer {
	m.t.Helper()
	return m.send(v, v.Encode())
}

// send is authorize with a query that is written in some other order.
func (m *module) send(v url.Values, query string) answer {
	m.t.Helper()
	return m.walk(v, m.browser.Get(m.t, m.endpoint(m.t, "authorization_endpoint")+"?"+query))
}

// walk signs in and agrees to whatever is asked, until the app is answered or
// a page comes that says no.
func (m *module) walk(v url.Values, p *harness.Page) answer {
	m.t.Helper()
	var a answer
	for range 8 {
		a.Last = p
		a.Values = m.delivered(v, p)
		if a.Values != nil {
			m.checkAnswer(v, a.Values)
			return a
		}
		a.Pages = append(a.Pages, p.Name)
		switch p.Name {
		case "identify":
			p = m.browser.Submit(m.t, p, "/identify", "username", m.user.Name)
		case "password":
			p = m.browser.Submit(m.t, p, "/password", "username", m.user.Name, "password", m.user.Password)
		case "consent":
			p = m.browser.Submit(m.t, p, "/consent", "decision", "allow")
		default:
			return a
		}
	}
	require.Fail(m.t, "the pages do not end", "%v", a.Pages)
	return a
}

// delivered is what p hands to the app, in the way that v asked for and in no
// other; nil while the user is still on our pages.
func (m *module) delivered(v url.Values, p *harness.Page) url.Values {
	m.t.Helper()
	post := slices.IndexFunc(p.Forms, func(f harness.Form) bool { return f.ID == "form-post" })
	if v.Get("response_mode") != "form_post" {
		require.Equal(m.t, -1, post, "a form, though response_mode is query")
		return p.Callback
	}
	require.Nil(m.t, p.Callback, "an answer in the query, though response_mode is form_post")
	if post < 0 {
		return nil
	}
	require.Equal(m.t, http.StatusOK, p.Status)
	require.Equal(m.t, v.Get("redirect_uri"), p.Forms[post].Action)
	require.Contains(m.t, p.Header.Get("Cache-Control"), "no-store")
	require.NotContains(m.t, p.Header.Get("Content-Security-Policy"), "form-action 'self'", "a browser would not send the form")
	return p.Forms[post].Fields
}

// checkAnswer is what the suite demands of every answer: the state to the letter,
// the issuer, nothing twice and nothing that is in no specification.
func (m *module) checkAnswer(v, got url.Values) {
	m.t.Helper()
	allowed := []string{"code", "state", "iss"}
	if got.Has("error") {
		allowed = []string{"error", "error_description", "error_uri", "state", "iss"}
		require.Regexp(m.t, `^[\x20-\x21\x23-\x5B\x5D-\x7E]*$`, got.Get("error_description"))
	}
	for name, values := range got {
		require.Contains(m.t, allowed, name, "an unexpected parameter")
		require.Len(m.t, values, 1, name)
	}
	require.Equal(m.t, v["state"], got["state"], "state")
	require.Equal(m.t, m.place.Issuer, got.Get("iss"))
}

// code is the code of a successful answer.
func (m *module) code(a answer) string {
	m.t.Helper()
	require.NotNil(m.t, a.Values, "no answer, but the page %s: %s", a.Last.Name, a.Last.Body)
	require.Empty(m.t, a.Values.Get("error"), "%v", a.Values)
	code := a.Values.Get("code")
	require.Regexp(m.t, `^[\x20-\x7E]+$`, code)
	require.GreaterOrEqual(m.t, len(code), 22, "a code of fewer than 128 bits")
	return code
}

// refused checks that the app was told one of codes.
func (m *module) refused(a answer, codes ...string) {
	m.t.Helper()
	require.NotNil(m.t, a.Values, "no answer, but the page %s: %s", a.Last.Name, a.Last.Body)
	require.Contains(m.t, codes, a.Values.Get("error"), "%v", a.Values)
	require.Empty(m.t, a.Values.Get("code"))
}

func getJSON(t *testing.T, address string, into any) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	status, header, body := call(t, req)
	require.Equal(t, http.StatusOK, status, "%s: %s", address, body)
	require.NoError(t, json.Unmarshal(body, into), "%s: %s", address, body)
	return header
}

// call sends req and follows no redirect: no endpoint that is called by a
// program has a reason to send one.
func call(t *testing.T, req *http.Request) (status int, header http.Header, body []byte) {
	t.Helper()
	client := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, body
}

// texts reads a JSON array of strings; missing is none.
func texts(t *testing.T, value any) []string {
	t.Helper()
	if value == nil {
		return nil
	}
	list, ok := value.([]any)
	require.True(t, ok, "not an array: %v", value)
	var out []string
	for _, v := range list {
		s, ok := v.(string)
		require.True(t, ok, "not a string: %v", v)
		out = append(out, s)
	}
	return out
}

func jsonType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return kind
}
