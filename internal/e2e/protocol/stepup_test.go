package protocol_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

// ownApp is an app made with the library of this project.
type ownApp struct {
	*stepup.Client
	user *person
}

func newOwnApp(t *testing.T, h *harness.House) *ownApp {
	t.Helper()
	user := newPerson(t, h)
	client, err := stepup.New(t.Context(), stepup.Config{
		Issuer: user.place.Issuer, ClientID: user.place.Own, ClientSecret: stepup.Secret(user.place.Secret),
		RedirectURI: harness.Callback, Now: h.Clock.Now,
	})
	require.NoError(t, err)
	return &ownApp{client, user}
}

// prove sends the user through one request and takes what comes back. resources
// are the APIs that the access token is for, none for the server's own.
//
// Source: RFC 8707 section 2.
func (a *ownApp) prove(t *testing.T, opts stepup.StartOptions, resources ...string) stepup.Proof {
	t.Helper()
	address, tx, err := a.Start(opts)
	require.NoError(t, err)
	for _, r := range resources {
		address += "&resource=" + url.QueryEscape(r)
	}
	proof, err := a.Finish(t.Context(), tx, a.user.visit(t, address))
	require.NoError(t, err)
	return proof
}

func (a *ownApp) signIn(t *testing.T) stepup.Proof {
	t.Helper()
	return a.prove(t, stepup.StartOptions{Scopes: []string{"profile", "email", "offline_access"}})
}

func withStepup(t *testing.T, h *harness.House) {
	a := newOwnApp(t, h)
	login := a.signIn(t)
	require.Equal(t, stepup.ACR2SV, login.ACR)
	info, err := a.Userinfo(t.Context(), login)
	require.NoError(t, err)
	require.Equal(t, alice, info["email"])

	h.Clock.Advance(90 * time.Second)
	fresh, err := a.Refresh(t.Context(), login)
	require.NoError(t, err)
	require.NotEqual(t, login.RefreshToken, fresh.RefreshToken)
	require.Equal(t, login.AuthTime, fresh.AuthTime)

	proof := a.prove(t, stepup.StartOptions{
		ACR: []string{stepup.Action("payout.request")}, Subject: login.Subject, IDTokenHint: fresh.IDToken,
	})
	require.Equal(t, []string{"confirm"}, a.user.pages)
	require.Equal(t, "payout.request", proof.Action())
	require.Equal(t, login.Subject, proof.Subject)
	require.True(t, proof.AuthTime.After(login.AuthTime))
	require.Empty(t, proof.RefreshToken)

	silent := a.prove(t, stepup.StartOptions{Prompt: "none", Subject: login.Subject})
	require.Empty(t, a.user.pages)
	require.Equal(t, stepup.ACR2SV, silent.ACR, "a session never holds an action")
	a.refusals(t, login)
}

// refusals: what the library turns an error of the server into.
func (a *ownApp) refusals(t *testing.T, login stepup.Proof) {
	t.Helper()
	address, tx, err := a.Start(stepup.StartOptions{
		ACR: []string{stepup.Action("payout.request")}, Subject: login.Subject, Prompt: "none",
	})
	require.NoError(t, err)
	_, err = a.Finish(t.Context(), tx, a.user.visit(t, address))
	require.ErrorIs(t, err, stepup.ErrInteractionRequired)

	address, tx, err = a.Start(stepup.StartOptions{ACR: []string{stepup.ACRPHRH}, Subject: login.Subject})
	require.NoError(t, err)
	_, err = a.Finish(t.Context(), tx, a.user.visit(t, address))
	require.ErrorIs(t, err, stepup.ErrUnmet)
}

// guardedPages is an app with a session of its own, whose payout page demands a
// confirmation of the last five minutes.
func guardedPages(t *testing.T, h *harness.House) {
	a := newOwnApp(t, h)
	session := a.signIn(t)
	need := stepup.Requirement{ACR: []string{stepup.Action("payout.request")}, MaxAge: 5 * time.Minute}
	var tx stepup.Transaction
	missing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		opts := need.StartOptions()
		opts.Subject = session.Subject
		address, started, err := a.Start(opts)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		tx = started
		http.Redirect(w, r, address, http.StatusSeeOther)
	})
	guard := a.RequireProof(func(*http.Request) (stepup.Proof, bool) { return session, true }, need, missing)
	page := guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	open := func() *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		page.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/payout", nil))
		return rec
	}

	rec := open()
	require.Equal(t, http.StatusSeeOther, rec.Code, "a login is no confirmation")
	proof, err := a.Finish(t.Context(), tx, a.user.visit(t, rec.Header().Get("Location")))
	require.NoError(t, err)
	require.Equal(t, []string{"confirm"}, a.user.pages)
	session = proof
	require.Equal(t, http.StatusNoContent, open().Code)
	h.Clock.Advance(5*time.Minute + time.Second)
	require.Equal(t, http.StatusSeeOther, open().Code, "a confirmation gets old")
}

// guardedAPI is the round trip of RFC 9470: an API of the app demands more than
// the access token of the login says, its caller has the user prove it, and
// comes back with another token.
func guardedAPI(t *testing.T, h *harness.House) {
	const payouts = "https://payouts.example/"
	a := newOwnApp(t, h)
	h.Apply(t, setup.Tenant{Slug: a.user.place.Slug, Clients: []setup.Client{{
		ID: a.user.place.Own, Members: json.RawMessage(`{"audiences":["` + payouts + `"]}`),
	}}})
	verifier, err := stepup.NewVerifier(t.Context(), stepup.VerifierConfig{Issuer: a.user.place.Issuer, Audience: payouts, Now: h.Clock.Now})
	require.NoError(t, err)
	need := stepup.Requirement{ACR: []string{stepup.Action("payout.request")}, MaxAge: 2 * time.Minute, Scope: "openid"}
	paid := ""
	api := httptest.NewServer(verifier.Require(need)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := stepup.FromContext(r.Context())
		paid = token.Subject + " " + token.Action()
		w.WriteHeader(http.StatusNoContent)
	})))
	t.Cleanup(api.Close)
	ask := func(token string) (int, http.Header) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL+"/payouts", nil)
		require.NoError(t, err)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		status, header, _ := call(t, req)
		return status, header
	}

	status, header := ask("")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "Bearer", header.Get("WWW-Authenticate"))

	elsewhere := a.signIn(t)
	for _, token := range []stepup.Secret{elsewhere.IDToken, elsewhere.AccessToken} {
		status, header = ask(string(token))
		require.Equal(t, http.StatusUnauthorized, status, "an ID token, and an access token for another API")
		require.Contains(t, header.Get("WWW-Authenticate"), "invalid_token")
	}

	login := a.prove(t, stepup.StartOptions{}, payouts)
	require.Empty(t, a.user.pages)
	status, header = ask(string(login.AccessToken))
	require.Equal(t, http.StatusUnauthorized, status)
	demand, ok := stepup.ParseChallenge(header.Get("WWW-Authenticate"))
	require.True(t, ok, "%v", header)
	require.Equal(t, need.ACR, demand.ACR)
	require.Equal(t, need.MaxAge, *demand.MaxAge)

	h.Clock.Advance(time.Hour / 2)
	opts := demand.StartOptions()
	opts.Subject = login.Subject
	proof := a.prove(t, opts, payouts)
	require.Equal(t, []string{"confirm"}, a.user.pages)
	status, _ = ask(string(proof.AccessToken))
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, login.Subject+" payout.request", paid)
	h.Clock.Advance(2*time.Minute + time.Second)
	status, header = ask(string(proof.AccessToken))
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, header.Get("WWW-Authenticate"), "insufficient_user_authentication", "the token lives on, the proof is too old")
	a.tooOld(t, login)
}

// tooOld: the max_age of a challenge that names no acr makes the user log in anew.
func (a *ownApp) tooOld(t *testing.T, login stepup.Proof) {
	t.Helper()
	challenge, ok := stepup.ParseChallenge(`Bearer error="insufficient_user_authentication", max_age="60"`)
	require.True(t, ok)
	opts := challenge.StartOptions()
	opts.Subject = login.Subject
	again := a.prove(t, opts)
	require.Subset(t, a.user.pages, []string{"password", "challenge"})
	require.True(t, again.AuthTime.After(login.AuthTime))
}
