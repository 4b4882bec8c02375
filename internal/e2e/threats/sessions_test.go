package threats_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

const payoutACR = "urn:sallyport:action:payout.request"

// whoIs is the subject that the browser's session answers for, "" where it has
// none that lives.
func whoIs(t *testing.T, b *harness.Browser) string {
	t.Helper()
	auth := b.Place.Authorize(b.Place.Own, "prompt", "none")
	page := b.Get(t, auth.URL)
	require.NotNil(t, page.Callback, "page %s: %.300s", page.Name, page.Body)
	if page.Callback.Get("error") != "" {
		require.Equal(t, "login_required", page.Callback.Get("error"))
		return ""
	}
	sub, _ := harness.Claims(t, b.Place.Exchange(t, auth, page.Callback).ID)["sub"].(string)
	return sub
}

// fixation is T-24.
func fixation(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
	attacker := browser(p)
	attacker.Login(t, bob, bob)
	planted := cookie(t, attacker, "sp-session-")

	for _, tt := range []struct{ name, value string }{
		{"a made-up value", strings.Repeat("A", 43)},
		{"a text that is none of ours", "chosen-by-the-attacker"},
		{"a live session of the attacker", planted.Value},
	} {
		t.Run("planted before login: "+tt.name, func(t *testing.T) {
			victim := browser(p)
			plant(t, victim, planted.Name, tt.value)
			victim.Login(t, alice, alice, "prompt", "login")

			require.NotEqual(t, tt.value, cookie(t, victim, "sp-session-").Value)
			require.Equal(t, user(t, p, alice).ID, whoIs(t, victim))
			stranger := browser(p)
			plant(t, stranger, planted.Name, tt.value)
			require.NotEqual(t, user(t, p, alice).ID, whoIs(t, stranger))
		})
	}
	t.Run("the session of the login before", func(t *testing.T) {
		b := browser(p)
		b.Login(t, alice, alice)
		before := copied(t, b)
		require.Equal(t, user(t, p, alice).ID, whoIs(t, before))
		b.Login(t, alice, alice, "prompt", "login")
		require.NotEqual(t, cookie(t, before, "sp-session-").Value, cookie(t, b, "sp-session-").Value)
		require.Empty(t, whoIs(t, before), "the old session lives on")
		require.NotEmpty(t, whoIs(t, b))
	})
	for _, tt := range []struct{ name, acr, form, to string }{
		{"a stronger session", "urn:sallyport:acr:mfa", "/challenge", phone},
		{"an action", payoutACR, "/confirm", alice},
	} {
		t.Run("the session before a step-up: "+tt.name, func(t *testing.T) {
			b := browser(p)
			b.Login(t, alice, alice)
			before := copied(t, b)
			v, _ := mustOpen(t, b, p.Authorize(p.Own, "acr_values", tt.acr))
			require.Equal(t, http.StatusSeeOther, v.mustPost(t, tt.form, "code", code(t, p, tt.to)).Status)
			require.Equal(t, user(t, p, alice).ID, whoIs(t, before), "the session changes with the effect")
			require.NotEmpty(t, v.finish(t).Get("code"))

			require.NotEqual(t, cookie(t, before, "sp-session-").Value, cookie(t, b, "sp-session-").Value)
			require.Empty(t, whoIs(t, before), "the secret from before the step-up is still good")
			require.Equal(t, user(t, p, alice).ID, whoIs(t, b))
		})
	}
}

// open to everybody: nothing about a user is behind them.
var public = []string{
	"/t/:tenant/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/t/:tenant",
	"/t/:tenant/jwks", "/healthz", "/readyz", "/static/*name",
	"/t/:tenant/forgot", "/t/:tenant/forgot/sent", "/t/:tenant/reset", "/t/:tenant/verify-email", "/t/:tenant/verify-email/new",
	"/t/:tenant/sign-up", "/t/:tenant/sign-up/sent", "/t/:tenant/sign-up/finish", "/t/:tenant/lang",
	"/t/:tenant/.well-known/change-password", "/.well-known/change-password",
	"/t/:tenant", "/t/:tenant/", "/t/:tenant/settings/signed-out", "/t/:tenant/receipts/jwks",
}

// halfway are the pages of the second step itself.
var halfway = []string{
	"/t/:tenant/interaction/:id/challenge", "/t/:tenant/interaction/:id/challenge/resend",
	"/t/:tenant/interaction/:id/challenge/switch", "/t/:tenant/interaction/:id/choose", "/t/:tenant/interaction/:id/recover",
	"/t/:tenant/interaction/:id/cancel",
}

// halfLogin is T-25. The list of routes is the router's own, so that a new one
// cannot be forgotten.
func halfLogin(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	a := build(t, h, nil)
	b := a.browser(p)
	v := mustSecondStep(t, b, alice)

	walked := 0
	for _, route := range a.engine.Routes() {
		if slices.Contains(public, route.Path) || slices.Contains(halfway, route.Path) {
			continue
		}
		walked++
		path := fill(route.Path, p.Slug, v.id)
		var form url.Values
		if route.Method == http.MethodPost {
			form = url.Values{"csrf": {v.csrf}, "username": {alice}, "decision": {"allow"}, "code": {"123456"}}
		}
		if strings.HasSuffix(route.Path, "/authorize") {
			path += "?" + parameters(t, b.Place.Authorize(p.Own, "prompt", "none"))
			form = nil
		}
		status, location := bare(t, b, route.Method, a.house.URL+path, form)
		switch {
		case status == http.StatusSeeOther && strings.HasSuffix(route.Path, "/authorize"):
			require.Contains(t, location, "error=login_required", "%s %s", route.Method, route.Path)
		case status == http.StatusSeeOther && strings.HasPrefix(route.Path, "/t/:tenant/settings"):
			require.Regexp(t, "^/t/"+p.Slug+"/interaction/[^/]+$", location, "%s %s asks for a login of its own", route.Method, route.Path)
			require.NotContains(t, location, v.id)
		case status == http.StatusSeeOther:
			at, err := url.Parse(location)
			require.NoError(t, err)
			dispatcher := "/t/" + p.Slug + "/interaction/" + v.id
			require.Contains(t, []string{dispatcher, dispatcher + "/challenge"}, at.Path, "%s %s", route.Method, route.Path)
		default:
			require.Contains(t, []int{
				http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict,
				http.StatusNoContent, // a preflight says which methods there are
			}, status, "%s %s", route.Method, route.Path)
		}
		require.Nil(t, cookie(t, b, "sp-session-"), "%s %s gave a session", route.Method, route.Path)
	}
	require.Greater(t, walked, 15)
	for _, k := range b.HTTP.Jar.Cookies(origin(t, b)) {
		require.NotContains(t, k.Name, "session")
	}
	require.Zero(t, sessions(t, p))
	require.Empty(t, whoIs(t, b))
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, alice)).Status)
	require.Zero(t, sessions(t, p), "the session begins with the last effect")
	require.NotEmpty(t, v.finish(t).Get("code"))
	require.Equal(t, 1, sessions(t, p))
}

// fill puts a tenant and an id into the path of a route.
func fill(path, slug, id string) string {
	return strings.NewReplacer(":tenant", slug, ":id", id, "*name", "x").Replace(path)
}

func parameters(t *testing.T, auth harness.Auth) string {
	t.Helper()
	u, err := url.Parse(auth.URL)
	require.NoError(t, err)
	return u.RawQuery
}

// bare sends one request by any method, with the browser's cookies.
func bare(t *testing.T, b *harness.Browser, method, address string, form url.Values) (status int, location string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.HTTP.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, resp.Header.Get("Location")
}

// oldSession is T-26.
func oldSession(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
	b := browser(p)
	b.Login(t, alice, alice)
	before := cookie(t, b, "sp-session-").Value

	v := mustSecondStep(t, b, bob, "prompt", "login")
	for _, path := range []string{v.resume(), v.path(""), v.path("/consent"), v.path("/confirm"), v.path("/banner"), v.path("/login")} {
		page := b.Get(t, path)
		require.Nil(t, page.Callback, "%s led past the second step", path)
		require.Equal(t, "challenge", page.Name, "%s", path)
	}
	require.Equal(t, user(t, p, alice).ID, whoIs(t, b), "alice stays alice")
	require.Equal(t, before, cookie(t, b, "sp-session-").Value)
	require.Equal(t, 1, sessions(t, p))
	require.Zero(t, number(t, p, "select count(*) from sessions where tenant_id = $1 and user_id = $2", user(t, p, bob).ID))

	require.Equal(t, 1, codes(p, bob), "the code went to him who is signing in")
	require.Equal(t, 1, codes(p, alice))

	// Neither does her session answer for his second step in a new request.
	auth := p.Authorize(p.Own, "prompt", "login", "login_hint", bob)
	again, page := mustOpen(t, b, auth)
	require.Contains(t, []string{"identify", "password"}, page.Name)
	require.Nil(t, b.Get(t, again.resume()).Callback)

	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, bob)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	require.Equal(t, user(t, p, bob).ID, whoIs(t, b), "with his code the login is his")
}

// loweredACR is T-54, on every path that a request may take.
func loweredACR(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	const essential = `{"id_token":{"acr":{"essential":true,"value":"phr"}}}`
	const either = `{"id_token":{"acr":{"essential":true,"values":["phr","phrh"]}}}`
	requests := []struct {
		name  string
		pairs []string
	}{
		{"acr_values", []string{"acr_values", "phr"}},
		{"several acr_values", []string{"acr_values", "phrh phr urn:sallyport:acr:td unheard-of"}},
		{"an essential claim", []string{"claims", essential}},
		{"an essential claim with values", []string{"claims", either}},
		{"an essential claim beside weaker acr_values", []string{"claims", essential, "acr_values", "urn:sallyport:acr:1fa"}},
		{"an action that there is not", []string{"acr_values", "urn:sallyport:action:account.delete"}},
	}
	for _, way := range paths(t, p) {
		for _, tt := range requests {
			t.Run(tt.name+", "+way.name, func(t *testing.T) { unmet(t, p, way, tt.pairs) })
		}
	}
	t.Run("a claim that is not essential goes on and tells the truth", func(t *testing.T) {
		b := browser(p)
		auth, answer := b.Login(t, alice, alice, "claims", `{"id_token":{"acr":{"value":"phr"}}}`)
		require.Equal(t, "urn:sallyport:acr:2sv", harness.Claims(t, p.Exchange(t, auth, answer).ID)["acr"])
	})
}

// unmet asks for what nobody here can prove: at the login, with a session, and in silence.
func unmet(t *testing.T, p *harness.Place, way path, pairs []string) {
	t.Helper()
	refused := func(auth harness.Auth, answer url.Values) {
		t.Helper()
		require.Equal(t, "unmet_authentication_requirements", answer.Get("error"))
		require.Equal(t, auth.State, answer.Get("state"))
		require.Equal(t, p.Issuer, answer.Get("iss"))
		require.Empty(t, answer.Get("code"))
	}
	b := browser(p)
	auth := way.send(t, pairs...)
	page := b.Password(t, auth, alice, harness.Password)
	require.NotNil(t, page.Callback, "%s", page.Name)
	refused(auth, page.Callback)
	require.Nil(t, cookie(t, b, "sp-session-"))

	b.Login(t, alice, alice) // signed in
	auth = way.send(t, pairs...)
	refused(auth, b.Get(t, auth.URL).Callback)
	auth = way.send(t, append([]string{"prompt", "none"}, pairs...)...)
	refused(auth, b.Get(t, auth.URL).Callback)
}

// refreshAfterStepUp is T-55.
func refreshAfterStepUp(t *testing.T, h *harness.House) {
	off := false
	carol := person(t, "carol@example.test", "+4915735991007")
	carol.MFAEnabled = &off
	p := h.Tenant(t, preset, patch(longCodes, noLimits), carol)
	b := browser(p)
	auth, answer := b.Login(t, carol.Username, carol.Username, "scope", "openid offline_access")
	first := p.Exchange(t, auth, answer)
	require.NotEmpty(t, first.Refresh)
	login := harness.Claims(t, first.ID)
	require.Equal(t, "urn:sallyport:acr:1fa", login["acr"])

	h.Clock.Advance(time.Minute)
	v, page := mustOpen(t, b, p.Authorize(p.Own, "acr_values", "urn:sallyport:acr:mfa", "scope", "openid offline_access"))
	require.Equal(t, "challenge", page.Name)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, "+4915735991007")).Status)
	second := p.Exchange(t, v.auth, v.finish(t))
	stepped := harness.Claims(t, second.ID)
	require.Equal(t, "urn:sallyport:acr:mfa", stepped["acr"])
	require.Greater(t, stepped["auth_time"], login["auth_time"])
	action, page := mustOpen(t, b, p.Authorize(p.Own, "acr_values", payoutACR, "scope", "openid offline_access"))
	require.Equal(t, "confirm", page.Name)
	require.Equal(t, http.StatusSeeOther, action.mustPost(t, "/confirm", "code", code(t, p, carol.Username)).Status)
	require.Empty(t, p.Exchange(t, action.auth, action.finish(t)).Refresh, "the proof of one moment is never renewed")

	h.Clock.Advance(time.Minute)
	refresh := func(token string) harness.Tokens {
		tokens := p.Token(t, p.Own, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		require.Equal(t, http.StatusOK, tokens.Status, "%s %s", tokens.Error, tokens.Reason)
		return tokens
	}
	for _, tt := range []struct {
		name   string
		tokens harness.Tokens
		want   map[string]any
	}{
		{"the token from before", refresh(first.Refresh), login},
		{"the token of the step-up", refresh(second.Refresh), stepped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, token := range []string{tt.tokens.ID, tt.tokens.Access} {
				got := harness.Claims(t, token)
				for _, claim := range []string{"acr", "amr", "auth_time", "sub"} {
					require.Equal(t, tt.want[claim], got[claim], "%s", claim)
				}
			}
		})
	}
}
