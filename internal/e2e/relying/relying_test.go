package relying_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/npm"
)

const (
	alice  = "alice@example.test"
	payout = "urn:sallyport:action:payout.request"
)

// outcome is what the app has learnt in the end, all of it checked by its library.
type outcome struct {
	Login         claims `json:"login"`
	LoginAccess   claims `json:"login_access"`
	Userinfo      claims `json:"userinfo"`
	Refreshed     claims `json:"refreshed"`
	Rotated       bool   `json:"rotated"`
	Payout        claims `json:"payout"`
	PayoutAccess  claims `json:"payout_access"`
	PayoutRefresh string `json:"payout_refresh"`
	Nonces        int    `json:"nonces"`    // how often the server asked for its nonce
	AsBearer      int    `json:"as_bearer"` // the status of userinfo, with the token alone
	Refused       struct {
		Name   string `json:"name"`
		Error  string `json:"error"`
		Status int    `json:"status"`
	} `json:"refused"`
}

type claims struct {
	Subject  string   `json:"sub"`
	Client   string   `json:"client_id"`
	Email    string   `json:"email"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	AuthTime int64    `json:"auth_time"`
	Bound    struct {
		Key string `json:"jkt"`
	} `json:"cnf"`
}

// TestJavaScriptApp: an app with oauth4webapi logs a user in, refreshes, and has a
// payout confirmed; with bearer tokens, and with tokens that are bound to a key.
func TestJavaScriptApp(t *testing.T) {
	node := npm.Program(t, "node")
	npm.Install(t, ".")
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		t.Run("bearer tokens", func(t *testing.T) { javaScriptApp(t, h, node, "") })
		t.Run("tokens bound to a key", func(t *testing.T) { javaScriptApp(t, h, node, "ES256") })
	})
}

// javaScriptApp runs the app once. Its tokens are bound to a key for alg, if that is not "".
func javaScriptApp(t *testing.T, h *harness.House, node, alg string) {
	place := h.Tenant(t, "contractor-email-first", "", harness.Alice())
	app := start(t, node)
	app.write(t, map[string]any{
		"issuer": place.Issuer, "client_id": place.Own, "client_secret": place.Secret,
		"redirect_uri": harness.Callback, "payout": payout, "dpop": alg,
	})
	user := &person{place.NewBrowser(), place}
	user.visit(t, app, "identify", "password", "challenge")
	next := app.read(t) // by now it has asked userinfo and refreshed
	h.Clock.Advance(90 * time.Second)
	user.answer(t, app, next.Open, "confirm")
	out := app.read(t).Done
	require.NotNil(t, out)
	require.NoError(t, app.wait())

	require.Equal(t, "urn:sallyport:acr:2sv", out.Login.ACR)
	require.Equal(t, out.Login.Subject, out.Userinfo.Subject)
	require.Equal(t, alice, out.Userinfo.Email)
	require.Equal(t, place.Own, out.LoginAccess.Client)
	require.Equal(t, out.Login.Subject, out.LoginAccess.Subject)
	require.True(t, out.Rotated)
	require.Equal(t, out.Login.AuthTime, out.Refreshed.AuthTime)
	require.Equal(t, out.Login.ACR, out.Refreshed.ACR)
	require.Equal(t, payout, out.Payout.ACR)
	require.Equal(t, payout, out.PayoutAccess.ACR)
	require.Equal(t, out.Login.Subject, out.Payout.Subject)
	require.Greater(t, out.Payout.AuthTime, out.Login.AuthTime)
	require.Equal(t, out.Payout.AuthTime, out.PayoutAccess.AuthTime)
	require.Empty(t, out.PayoutRefresh)
	require.Equal(t, "ResponseBodyError", out.Refused.Name)
	require.Equal(t, "invalid_grant", out.Refused.Error)
	require.Equal(t, 400, out.Refused.Status)
	require.Equal(t, alg != "", out.LoginAccess.Bound.Key != "")
	require.Equal(t, out.LoginAccess.Bound, out.PayoutAccess.Bound)
	if alg != "" {
		require.Equal(t, 2, out.Nonces, "the server wants its nonce, and then it is known; the app forgets it when the clock is moved")
		require.Equal(t, 401, out.AsBearer, "without the key the token is worth nothing")
	}
}

// process is the app while it runs.
type process struct {
	in   io.WriteCloser
	out  *bufio.Scanner
	said *bytes.Buffer // on standard error; to be read once it has ended
	wait func() error
}

func start(t *testing.T, node string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), node, "app.mjs")
	p := &process{said: &bytes.Buffer{}}
	cmd.Stderr = p.said
	var err error
	p.in, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<20)
	require.NoError(t, cmd.Start())
	p.wait = sync.OnceValue(cmd.Wait)
	t.Cleanup(func() {
		_ = p.in.Close()
		_ = p.wait() // the end of the test's context has ended it, if nothing else did
	})
	return p
}

func (p *process) write(t *testing.T, message map[string]any) {
	t.Helper()
	line, err := json.Marshal(message)
	require.NoError(t, err)
	_, err = p.in.Write(append(line, '\n'))
	require.NoError(t, err)
}

type message struct {
	Open string   `json:"open"`
	Done *outcome `json:"done"`
}

func (p *process) read(t *testing.T) message {
	t.Helper()
	if !p.out.Scan() {
		_ = p.in.Close()
		_ = p.wait() // whatever it says, it ended before its time
		require.Fail(t, "the app ended", "%s", p.said)
	}
	var m message
	require.NoError(t, json.Unmarshal(p.out.Bytes(), &m), "%s", p.out.Text())
	return m
}

// person is the user at a browser, who does what the pages ask for.
type person struct {
	*harness.Browser
	place *harness.Place
}

// visit opens what the app asks to open next, and answers.
func (p *person) visit(t *testing.T, app *process, pages ...string) {
	t.Helper()
	m := app.read(t)
	require.NotEmpty(t, m.Open)
	p.answer(t, app, m.Open, pages...)
}

// answer goes through exactly pages from address on, and hands the app the
// address that the browser was sent to in the end.
func (p *person) answer(t *testing.T, app *process, address string, pages ...string) {
	t.Helper()
	page := p.Get(t, address)
	for _, name := range pages {
		require.Equal(t, name, page.Name, "%s", page.Body)
		fields := []string{"username", alice}
		switch name {
		case "password":
			fields = append(fields, "password", harness.Password)
		case "challenge", "confirm":
			fields = []string{"code", p.place.Letter(t, alice).Code}
		}
		page = p.Submit(t, page, "/"+name, fields...)
	}
	require.NotNil(t, page.Callback, "page %s (%d): %s", page.Name, page.Status, page.Body)
	app.write(t, map[string]any{
		"callback": harness.Callback + "?" + page.Callback.Encode(), "moved": int64(p.place.House.Clock.Offset() / time.Second),
	})
}
