package protocol_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// server is the plain flow: a login that nobody made before.
func server(m *module) {
	_, a := m.login()
	require.Contains(m.t, a.Pages, "password")
}

func presentedBy(m *module, way string) {
	v := m.request(m.first)
	k := m.exchange(m.first, v, m.authorize(v))
	m.userinfo(k, way)
}

// otherOrder writes the parameters and the scopes in the opposite order.
func otherOrder(m *module) {
	v := m.request(m.first, "scope", "email openid")
	parts := strings.Split(v.Encode(), "&")
	slices.Reverse(parts)
	a := m.send(v, strings.Join(parts, "&"))
	k := m.exchange(m.first, v, a)
	require.Contains(m.t, m.userinfo(k, getHeader), "email")
}

// authTime is when the user of k was last active, in whole seconds.
func (m *module) authTime(k tokens) time.Time {
	m.t.Helper()
	return m.seconds(k.Claims, "auth_time")
}

// sameTwice logs in and asks again with pairs: nothing is shown, and the same
// user and the same moment come back.
func sameTwice(m *module, pairs ...string) {
	first, _ := m.login()
	m.house.Clock.Advance(3 * time.Second)
	second, a := m.login(pairs...)
	require.Empty(m.t, a.Pages, "the user was asked though nothing was to be asked")
	require.Equal(m.t, first.sub(), second.sub())
	require.Equal(m.t, m.authTime(first), m.authTime(second))
	require.NotEqual(m.t, first.ID, second.ID)
}

func idTokenHint(m *module) {
	first, _ := m.login()
	m.house.Clock.Advance(time.Hour / 2) // the hint has long expired
	second, a := m.login("prompt", "none", "id_token_hint", first.ID)
	require.Empty(m.t, a.Pages)
	require.Equal(m.t, first.sub(), second.sub())
	require.Equal(m.t, m.authTime(first), m.authTime(second))
}

func promptLogin(m *module) {
	first, _ := m.login()
	m.house.Clock.Advance(time.Second)
	second, a := m.login("prompt", "login")
	require.Contains(m.t, a.Pages, "password", "no second login page")
	require.Equal(m.t, first.sub(), second.sub())
	require.True(m.t, m.authTime(second).After(m.authTime(first)), "auth_time did not move")

	third, a := m.login("prompt", "none")
	require.Empty(m.t, a.Pages)
	require.Equal(m.t, m.authTime(second), m.authTime(third), "auth_time moved without a login")
}

func promptNoneNotLoggedIn(m *module) {
	a := m.authorize(m.request(m.first, "prompt", "none"))
	require.Empty(m.t, a.Pages, "prompt=none shows nothing")
	m.refused(a, "login_required", "interaction_required")
}

func maxAge1(m *module) {
	first, _ := m.login()
	m.house.Clock.Advance(2 * time.Second)
	second, a := m.login("max_age", "1")
	require.Contains(m.t, a.Pages, "password", "no second login page")
	require.Equal(m.t, first.sub(), second.sub())
	require.True(m.t, m.authTime(second).After(m.authTime(first)), "auth_time did not move")
}

func acrValues(m *module) {
	supported := m.list(m.t, "acr_values_supported")
	require.NotEmpty(m.t, supported)
	k, _ := m.login("acr_values", strings.Join(supported, " "))
	require.Contains(m.t, supported, k.Claims["acr"], "an acr that was not asked for")
	// What the suite sends where the server lists none: nobody knows these.
	m.login("acr_values", "1 2")
}

func validPKCE(m *module) {
	verifier := randomText(64)
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	v := m.request(m.first, "code_challenge", challenge, "code_challenge_method", "S256")
	code := m.code(m.authorize(v))
	m.userinfo(m.granted(m.first, v, false, codeForm(v, code, "code_verifier", verifier)), getHeader)

	// The challenge counts: without its verifier a code is worth nothing.
	v = m.request(m.first, "code_challenge", challenge, "code_challenge_method", "S256")
	m.denied(m.first, codeForm(v, m.code(m.authorize(v))), "invalid_grant")
}

// postRequest posts the request from the app's page, as a browser does: to
// another site a post brings none of the cookies that a link would bring.
func postRequest(m *module) {
	v := m.request(m.first)
	m.browser.Header.Set("Origin", "https://app.example")
	m.browser.Header.Set("Sec-Fetch-Site", "cross-site")
	page := m.browser.Post(m.t, m.endpoint(m.t, "authorization_endpoint"), v)
	clear(m.browser.Header)
	a := m.walk(v, page)
	require.Contains(m.t, a.Pages, "password")
	m.userinfo(m.exchange(m.first, v, a), getHeader)

	v = m.request(m.first)
	stranger := m.place.NewBrowser()
	stranger.Header.Set("Origin", "https://app.example")
	stranger.Header.Set("Sec-Fetch-Site", "cross-site")
	page, err := stranger.PostOnce(m.endpoint(m.t, "authorization_endpoint"), v)
	require.NoError(m.t, err)
	require.Equal(m.t, http.StatusSeeOther, page.Status, "only a 303 turns a post into a get")
	a = m.walk(v, m.browser.Get(m.t, page.URL.String()))
	require.Empty(m.t, a.Pages, "who is signed in is signed in, however the request came")
	m.exchange(m.first, v, a)
}

func clientSecretPost(m *module) {
	require.Contains(m.t, m.list(m.t, "token_endpoint_auth_methods_supported"), "client_secret_post")
	v := m.request(m.first)
	code := m.code(m.authorize(v))
	m.userinfo(m.granted(m.first, v, true, codeForm(v, code)), getHeader)
}

// codeReuse redeems a code a second time, at once.
func codeReuse(m *module) {
	v := m.request(m.first)
	a := m.authorize(v)
	m.exchange(m.first, v, a)
	m.denied(m.first, codeForm(v, m.code(a)), "invalid_grant")
}

// codeReuseLater redeems a code a second time after half a minute; what the first
// time gave stops working.
//
// Source: RFC 6749 section 4.1.2.
func codeReuseLater(m *module) {
	v := m.request(m.first)
	a := m.authorize(v)
	k := m.exchange(m.first, v, a)
	m.userinfo(k, getHeader)
	m.house.Clock.Advance(31 * time.Second)
	m.denied(m.first, codeForm(v, m.code(a)), "invalid_grant")
	status, header, _ := m.askUserinfo(k.Access, getHeader)
	require.Equal(m.t, http.StatusUnauthorized, status, "the first access token still works")
	require.Contains(m.t, header.Get("WWW-Authenticate"), `error="invalid_token"`)
}

// refreshToken renews the tokens of two clients, and tries the token of the
// second as the first.
//
// Source: OpenID Connect Core sections 11 and 12; RFC 6749 section 6.
func refreshToken(m *module) {
	require.Contains(m.t, m.list(m.t, "grant_types_supported"), "refresh_token")
	var last string
	for _, client := range []app{m.first, m.second} {
		v := m.request(client, "scope", "openid offline_access", "prompt", "consent")
		a := m.authorize(v)
		require.Contains(m.t, a.Pages, "consent", "prompt=consent asks")
		old := m.exchange(client, v, a)
		require.Regexp(m.t, `^[\x20-\x7E]{22,}$`, old.Refresh, "RFC 6749 appendix A.17")
		m.house.Clock.Advance(2 * time.Second)
		fresh := m.granted(client, nil, false, refreshForm(old.Refresh))
		require.NotEqual(m.t, old.Access, fresh.Access)
		for _, name := range []string{"iss", "sub", "aud", "azp", "auth_time", "acr"} {
			require.Equal(m.t, old.Claims[name], fresh.Claims[name], name)
		}
		if nonce, sent := fresh.Claims["nonce"]; sent {
			require.Equal(m.t, old.Claims["nonce"], nonce)
		}
		require.True(m.t, m.seconds(fresh.Claims, "iat").After(m.seconds(old.Claims, "iat")))
		m.userinfo(fresh, getHeader)
		last = fresh.Refresh
	}
	m.denied(m.first, refreshForm(last), "invalid_grant")
	m.granted(m.second, nil, false, refreshForm(last)) // whose it is loses nothing by the theft
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}
