package node_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

type answer struct {
	Status    int    `json:"status"`
	Challenge string `json:"challenge"`
}

type paid struct {
	Subject string `json:"subject"`
	ACR     string `json:"acr"`
	Action  string `json:"action"`
	Bound   bool   `json:"bound"`
}

// demanded: an API wants more than the login has, once a stronger level and once a payout
// with its amount. Its caller has that done, and makes the same call again. With key, the
// caller's tokens are bound to it.
func demanded(t *testing.T, h *harness.House, key map[string]any) {
	const api = "https://payouts.example/"
	config := map[string]any{}
	if key != nil {
		config["dpop"] = key
	}
	a := newApp(t, h, `{"audiences":["`+api+`"]}`, config)
	verifier := map[string]any{"issuer": a.place.Issuer, "audience": api}
	var levels, payouts string
	if key != nil {
		verifier["nonceKey"] = strings.Repeat("k", 32) // this API wants a nonce of its own
	}
	a.must(t, &levels, "serve", verifier, map[string]any{"acr": mfa, "maxAge": 300})
	a.must(t, &payouts, "serve", verifier, map[string]any{"acr": payout, "maxAge": 120})

	var got answer
	a.must(t, &got, "plainly", "x y", levels)
	require.Equal(t, answer{401, `Bearer, DPoP algs="ES256 EdDSA PS256"`}, got)
	var status int
	a.must(t, &status, "call", a.login.AccessToken, levels)
	require.Equal(t, http.StatusUnauthorized, status, "a token for another API is no matter of the user's")
	h.Clock.Advance(90 * time.Second)
	login := a.signIn(t, map[string]any{"resources": []string{api}})

	p := a.fails(t, "unmet", "call", login.AccessToken, levels)
	require.JSONEq(t, `{"acr":["`+mfa+`"],"maxAge":300,"description":"A stronger or more recent authentication is required"}`, string(p.Challenge))
	options := map[string]any{"subject": login.Subject, "resources": []string{api}, "resume": map[string]any{"payout": "order-1"}}
	var s started
	a.must(t, &s, "answer", p.Challenge, options)
	login = a.proves(t, s)
	require.Equal(t, mfa, login.ACR)
	a.must(t, &status, "call", login.AccessToken, levels)
	require.Equal(t, http.StatusNoContent, status)

	p = a.fails(t, "unmet", "call", login.AccessToken, payouts)
	h.Clock.Advance(90 * time.Second)
	options["detail"] = thePayout("order-1", "1250.00")
	a.must(t, &s, "answer", p.Challenge, options)
	var resume struct {
		Resume json.RawMessage `json:"resume"`
	}
	require.NoError(t, json.Unmarshal(s.Transaction, &resume))
	require.JSONEq(t, `{"payout":"order-1"}`, string(resume.Resume))
	var c confirmation
	a.must(t, &c, "finishConfirmation", s.Transaction, a.visit(t, s.URL, "confirm"))
	a.must(t, &status, "call", c.AccessToken, payouts)
	require.Equal(t, http.StatusNoContent, status)
	var done []paid
	a.must(t, &done, "paid")
	require.Equal(t, []paid{{login.Subject, mfa, "", key != nil}, {login.Subject, payout, "payout.request", key != nil}}, done)

	a.executedByTheAPI(t, c, key != nil)
	a.must(t, &got, "plainly", c.AccessToken, payouts, "DPoP")
	require.Equal(t, http.StatusUnauthorized, got.Status, "a proof, or a bound token, is missing")
	a.must(t, &got, "plainly", c.AccessToken, payouts)
	want := http.StatusNoContent
	if key != nil {
		want = http.StatusUnauthorized
	}
	require.Equal(t, want, got.Status, "what is bound to a key is worth nothing without it")
	h.Clock.Advance(121 * time.Second)
	p = a.ask(t, nil, "call", c.AccessToken, payouts)
	if p == nil {
		a.must(t, &status, "call", c.AccessToken, payouts)
		require.Equal(t, http.StatusUnauthorized, status, "the token of a confirmation lives for two minutes")
	}
}

// executedByTheAPI: the API that was called last uses c up itself, unless the token is of
// use to the holder of its key alone; then the app does, and the API checks the receipt.
func (a *app) executedByTheAPI(t *testing.T, c confirmation, bound bool) {
	t.Helper()
	var r, verified receipt
	a.fails(t, "mismatch", "apiConsumes", thePayout("order-1", "1250.01"), "execution 1")
	if bound {
		a.fails(t, "bound", "apiConsumes", thePayout("order-1", "1250.00"), "execution 1")
		a.must(t, &r, "consumeFor", c, thePayout("order-1", "1250.00"))
	} else {
		a.must(t, &r, "apiConsumes", thePayout("order-1", "1250.00"), "execution 1")
		a.fails(t, "consumed", "consumeFor", c, thePayout("order-1", "1250.00"))
	}
	a.must(t, &verified, "apiVerifies", r.JWS, thePayout("order-1", "1250.00"))
	require.Equal(t, c.ID, verified.ConfirmationID)
	a.fails(t, "mismatch", "apiVerifies", r.JWS, thePayout("order-1", "1250.01"))
}

// proves has the user prove the second factor, by the phone.
func (a *app) proves(t *testing.T, s started) proof {
	t.Helper()
	page := a.user.Get(t, s.URL)
	page = a.user.Submit(t, page, "/challenge", "code", a.place.Code(t, harness.Alice().Phone))
	require.NotNil(t, page.Callback, "page %s (%d): %s", page.Name, page.Status, page.Body)
	var p proof
	a.must(t, &p, "finish", s.Transaction, callback(page.Callback))
	return p
}

// example runs the app that the README shows, with a browser that goes back to it.
func example(t *testing.T, h *harness.House) {
	place := h.Tenant(t, "contractor-email-first", "", harness.Alice())
	clock := newClock(t, h)
	_, out, stderr := clock.process(t, "example/app.mjs",
		"ISSUER="+place.Issuer, "CLIENT_ID="+place.Own, "CLIENT_SECRET="+place.Secret, "REDIRECT_URI="+harness.Callback)
	require.True(t, out.Scan(), "the app ended: %s", stderr)
	var at struct {
		Port int `json:"port"`
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &at), "%s", out.Text())
	shop := "http://127.0.0.1:" + strconv.Itoa(at.Port)
	a := &app{house: h, place: place, user: place.NewBrowser(), clock: clock}
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	visit := func(method, path string) (*http.Response, string) {
		clock.set(t)
		req, err := http.NewRequestWithContext(t.Context(), method, shop+path, http.NoBody)
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err, "%s", stderr)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res, string(body)
	}
	back := func(address string) string {
		u, err := url.Parse(address)
		require.NoError(t, err)
		return u.RequestURI()
	}

	res, _ := visit(http.MethodGet, "/login")
	_, said := visit(http.MethodGet, back(a.visit(t, res.Header.Get("Location"), "identify", "password", "challenge")))
	require.Equal(t, "signed in", said)
	h.Clock.Advance(90 * time.Second)
	res, _ = visit(http.MethodPost, "/payouts/p-1")
	answer := back(a.visit(t, res.Header.Get("Location"), "confirm"))
	_, said = visit(http.MethodGet, answer)
	require.Equal(t, "paid", said)
	res, _ = visit(http.MethodGet, answer)
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
}
