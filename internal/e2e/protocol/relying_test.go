package protocol_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

const (
	alice  = "alice@example.test"
	payout = "urn:sallyport:action:payout.request"
)

// TestRelyingApps is the main job as other people's apps do it: a login, and later
// the confirmation of a payout. All checks of the answers are the libraries' own.
func TestRelyingApps(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		t.Run("go-oidc and x/oauth2", func(t *testing.T) { withGoOIDC(t, h) })
		t.Run("stepup", func(t *testing.T) { withStepup(t, h) })
		t.Run("stepup guards an app's own pages", func(t *testing.T) { guardedPages(t, h) })
		t.Run("stepup guards an API", func(t *testing.T) { guardedAPI(t, h) })
	})
}

// person is a browser with a user before it, who does what the pages ask for.
type person struct {
	*harness.Browser
	place *harness.Place
	pages []string // what was shown since the last visit began
}

// visit opens an address, does all that is asked, and returns what the app is
// told in the end.
func (p *person) visit(t *testing.T, address string) url.Values {
	t.Helper()
	p.pages = nil
	page := p.Get(t, address)
	for range 8 {
		if page.Callback != nil {
			return page.Callback
		}
		p.pages = append(p.pages, page.Name)
		code := func() string { return p.place.Letter(t, alice).Code }
		switch page.Name {
		case "identify":
			page = p.Submit(t, page, "/identify", "username", alice)
		case "password":
			page = p.Submit(t, page, "/password", "username", alice, "password", harness.Password)
		case "challenge":
			page = p.Submit(t, page, "/challenge", "code", code())
		case "confirm":
			page = p.Submit(t, page, "/confirm", "code", code())
		case "consent":
			page = p.Submit(t, page, "/consent", "decision", "allow")
		default:
			require.Fail(t, "a page that nobody expected", "%s (%d): %s", page.Name, page.Status, page.Body)
		}
	}
	require.Fail(t, "the pages do not end", "%v", p.pages)
	return nil
}

func newPerson(t *testing.T, h *harness.House) *person {
	t.Helper()
	place := h.Tenant(t, "contractor-email-first", "", harness.Alice())
	return &person{Browser: place.NewBrowser(), place: place}
}

// idClaims are the claims that an app looks at beyond what go-oidc checks.
type idClaims struct {
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	AuthTime int64    `json:"auth_time"`
	SID      string   `json:"sid"`
}

// goApp is an app made of go-oidc and x/oauth2, as their documentation shows it.
type goApp struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config
	user     *person
}

func newGoApp(t *testing.T, h *harness.House) *goApp {
	t.Helper()
	user := newPerson(t, h)
	provider, err := oidc.NewProvider(t.Context(), user.place.Issuer)
	require.NoError(t, err)
	return &goApp{
		provider: provider, user: user,
		verifier: provider.Verifier(&oidc.Config{ClientID: user.place.Client, Now: h.Clock.Now}),
		config: oauth2.Config{
			ClientID: user.place.Client, ClientSecret: user.place.Secret, Endpoint: provider.Endpoint(), RedirectURL: harness.Callback,
			Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
		},
	}
}

// login sends the user through one request and verifies what comes back.
func (a *goApp) login(t *testing.T, opts ...oauth2.AuthCodeOption) (*oauth2.Token, *oidc.IDToken, idClaims) {
	t.Helper()
	state, nonce, verifier := randomText(32), randomText(32), oauth2.GenerateVerifier()
	opts = append(opts, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	answer := a.user.visit(t, a.config.AuthCodeURL(state, opts...))
	require.Equal(t, state, answer.Get("state"))
	token, err := a.config.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	id, claims := a.verify(t, token)
	require.Equal(t, nonce, id.Nonce)
	return token, id, claims
}

// verify checks the ID token by the published keys, and that it belongs to the
// access token.
func (a *goApp) verify(t *testing.T, token *oauth2.Token) (*oidc.IDToken, idClaims) {
	t.Helper()
	raw, ok := token.Extra("id_token").(string)
	require.True(t, ok, "no ID token")
	id, err := a.verifier.Verify(t.Context(), raw)
	require.NoError(t, err)
	require.NoError(t, id.VerifyAccessToken(token.AccessToken))
	var claims idClaims
	require.NoError(t, id.Claims(&claims))
	return id, claims
}

func withGoOIDC(t *testing.T, h *harness.House) {
	a := newGoApp(t, h)
	token, id, login := a.login(t)
	require.Equal(t, []string{"identify", "password", "challenge", "consent"}, a.user.pages)
	require.Equal(t, "urn:sallyport:acr:2sv", login.ACR)
	require.Contains(t, login.AMR, "pwd")

	info, err := a.provider.UserInfo(t.Context(), a.config.TokenSource(t.Context(), token))
	require.NoError(t, err)
	require.Equal(t, id.Subject, info.Subject)
	require.Equal(t, alice, info.Email)
	require.True(t, info.EmailVerified)

	h.Clock.Advance(90 * time.Second)
	fresh, err := a.config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	require.NoError(t, err)
	require.NotEqual(t, token.AccessToken, fresh.AccessToken)
	require.NotEqual(t, token.RefreshToken, fresh.RefreshToken)
	renewed, again := a.verify(t, fresh)
	require.Equal(t, id.Subject, renewed.Subject)
	require.Equal(t, login, again, "a refresh proves nothing anew")

	token, id, proof := a.login(t, oauth2.SetAuthURLParam("acr_values", payout))
	require.Equal(t, []string{"confirm"}, a.user.pages, "who is signed in only confirms")
	require.Equal(t, payout, proof.ACR)
	require.Greater(t, proof.AuthTime, login.AuthTime)
	require.Equal(t, renewed.Subject, id.Subject)
	require.Empty(t, token.RefreshToken, "a confirmation is proof of one moment")
	a.replay(t, token)
}

// replay: the confirmation's code was used, and its tokens do not make others.
func (a *goApp) replay(t *testing.T, token *oauth2.Token) {
	t.Helper()
	_, err := a.config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.AccessToken}).Token()
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_grant", refused.ErrorCode)
	require.Equal(t, http.StatusBadRequest, refused.Response.StatusCode)
}
