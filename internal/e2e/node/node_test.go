package node_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/npm"
	"github.com/sallyport-id/sallyport/internal/setup"
)

const (
	folder = "../../../stepup/node"
	alice  = "alice@example.test"
	payout = "urn:sallyport:action:payout.request"
	mfa    = "urn:sallyport:acr:mfa"
)

// compiled installs what the package needs and compiles it, once for all tests. A test
// calls it before it becomes parallel.
func compiled(t *testing.T) {
	t.Helper()
	npm.Install(t, folder)
	program := npm.Program(t, "npm")
	compile.Do(func() { said, failed = run(program, "run", "--silent", "build") })
	require.NoError(t, failed, "%s", said)
}

var (
	compile sync.Once
	said    []byte
	failed  error
)

// run runs a program in the folder of the package.
func run(program string, args ...string) ([]byte, error) {
	c := exec.Command(program, args...)
	c.Dir = folder
	return c.CombinedOutput()
}

// TestThePackageByItself: its own tests, and its types, also as an app uses them.
func TestThePackageByItself(t *testing.T) {
	compiled(t)
	t.Parallel()
	for _, script := range []string{"check", "test"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			out, err := run(npm.Program(t, "npm"), "run", "--silent", script)
			require.NoError(t, err, "%s", out)
		})
	}
}

// clock is a file that tells a process by how much the server's clock is ahead.
type clock struct {
	house *harness.House
	path  string
}

func newClock(t *testing.T, h *harness.House) clock {
	t.Helper()
	c := clock{h, filepath.Join(t.TempDir(), "clock")}
	c.set(t)
	return c
}

func (c clock) set(t *testing.T) {
	t.Helper()
	offset := strconv.FormatInt(c.house.Clock.Offset().Milliseconds(), 10)
	require.NoError(t, os.WriteFile(c.path, []byte(offset), 0o600))
}

// process starts a program of the package that lives by the server's clock.
func (c clock) process(t *testing.T, file string, env ...string) (in io.WriteCloser, out *bufio.Scanner, stderr *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), npm.Program(t, "node"), "--import", "./test/clock.mjs", file)
	cmd.Dir = folder
	cmd.Env = append(append(os.Environ(), "CLOCK_FILE="+c.path), env...)
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	out = bufio.NewScanner(pipe)
	out.Buffer(nil, 1<<20)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // the end of the test's context has ended it, if nothing else did
	})
	return in, out, stderr
}

// app is an app with the package, at a tenant of its own, with its one user at a browser.
type app struct {
	house  *harness.House
	place  *harness.Place
	user   *harness.Browser
	clock  clock
	in     io.Writer
	out    *bufio.Scanner
	stderr *bytes.Buffer
	login  proof
}

type proof struct {
	Subject     string `json:"subject"`
	ACR         string `json:"acr"`
	AccessToken string `json:"accessToken"`
}

type started struct {
	URL         string          `json:"url"`
	Transaction json.RawMessage `json:"transaction"`
}

type confirmation struct {
	ID          string `json:"id"`
	Action      string `json:"action"`
	TxnID       string `json:"txnId"`
	Subject     string `json:"subject"`
	Hash        string `json:"detailsHash"`
	ApprovedAt  string `json:"approvedAt"`
	Method      string `json:"method"`
	ACR         string `json:"acr"`
	Key         string `json:"key"`
	AccessToken string `json:"accessToken"`
}

// problem is what the package threw.
type problem struct {
	Name        string          `json:"name"`
	Code        string          `json:"code"`
	Status      int             `json:"status"`
	Error       string          `json:"error"`
	Description string          `json:"description"`
	RetryAfter  int             `json:"retryAfter"` // seconds
	Message     string          `json:"message"`
	Challenge   json.RawMessage `json:"challenge"`
}

// newApp connects, and signs its user in. members are of the app's registration, config of
// the package's.
func newApp(t *testing.T, h *harness.House, members string, config map[string]any) *app {
	t.Helper()
	a := &app{house: h, place: h.Tenant(t, "contractor-email-first", "", harness.Alice()), clock: newClock(t, h)}
	if members != "" {
		h.Apply(t, setup.Tenant{Slug: a.place.Slug, Clients: []setup.Client{{ID: a.place.Own, Members: json.RawMessage(members)}}})
	}
	in, out, stderr := a.clock.process(t, "test/driver.mjs")
	a.in, a.out, a.stderr = in, out, stderr
	a.user = a.place.NewBrowser()
	all := map[string]any{
		"issuer": a.place.Issuer, "clientId": a.place.Own, "auth": map[string]any{"secret": a.place.Secret},
		"redirectUri": harness.Callback, "pauses": []int{1, 1, 1},
	}
	for name, value := range config {
		all[name] = value
	}
	a.must(t, nil, "discover", all)
	a.login = a.signIn(t, map[string]any{}, "identify", "password", "challenge")
	return a
}

// signIn has the user prove what options ask for, on exactly pages.
func (a *app) signIn(t *testing.T, options map[string]any, pages ...string) proof {
	t.Helper()
	var s started
	var p proof
	a.must(t, &s, "start", options)
	a.must(t, &p, "finish", s.Transaction, a.visit(t, s.URL, pages...))
	return p
}

// ask has the app do something. The error is what it threw.
func (a *app) ask(t *testing.T, to any, do string, with ...any) *problem {
	t.Helper()
	a.clock.set(t)
	line, err := json.Marshal(map[string]any{"do": do, "with": with})
	require.NoError(t, err)
	_, err = a.in.Write(append(line, '\n'))
	require.NoError(t, err)
	require.True(t, a.out.Scan(), "the app ended: %s", a.stderr)
	var answer struct {
		OK    json.RawMessage `json:"ok"`
		Error *problem        `json:"error"`
	}
	require.NoError(t, json.Unmarshal(a.out.Bytes(), &answer), "%s", a.out.Text())
	if answer.Error == nil && to != nil {
		require.NoError(t, json.Unmarshal(answer.OK, to), "%s", answer.OK)
	}
	return answer.Error
}

// must is ask for what has to go well.
func (a *app) must(t *testing.T, to any, do string, with ...any) {
	t.Helper()
	p := a.ask(t, to, do, with...)
	require.Nil(t, p, "%s: %+v", do, p)
}

// fails is ask for what has to end with code.
func (a *app) fails(t *testing.T, code, do string, with ...any) *problem {
	t.Helper()
	p := a.ask(t, nil, do, with...)
	require.NotNil(t, p, "%s went well", do)
	require.Equal(t, []string{"StepUpError", code}, []string{p.Name, p.Code}, "%s: %+v", do, p)
	require.Contains(t, p.Message, "stepup: "+code)
	return p
}

// visit goes through exactly pages from address on, and returns the address that the
// browser was sent to in the end.
func (a *app) visit(t *testing.T, address string, pages ...string) string {
	t.Helper()
	page := a.user.Get(t, address)
	for _, name := range pages {
		require.Equal(t, name, page.Name, "%s", page.Body)
		fields := []string{"username", alice}
		switch name {
		case "password":
			fields = append(fields, "password", harness.Password)
		case "challenge", "confirm":
			fields = []string{"code", a.place.Code(t, alice)}
		}
		page = a.user.Submit(t, page, "/"+name, fields...)
	}
	require.NotNil(t, page.Callback, "page %s (%d): %s", page.Name, page.Status, page.Body)
	return callback(page.Callback)
}

func callback(query url.Values) string { return harness.Callback + "?" + query.Encode() }

// thePayout is a transaction as an app has it in its database.
func thePayout(txn, value string) map[string]any {
	return map[string]any{
		"type": "payout.request", "txn_id": txn, "amount": map[string]any{"value": value, "currency": "EUR"},
		"payee":     map[string]any{"name": "Müller & So\u0308hne <GmbH>", "account": map[string]any{"iban": "DE89370400440532013000"}},
		"reference": "Invoice 7",
	}
}

// push begins the confirmation of detail; by now another code may be sent.
func (a *app) push(t *testing.T, detail any) started {
	t.Helper()
	a.house.Clock.Advance(90 * time.Second)
	var s started
	a.must(t, &s, "push", map[string]any{"subject": a.login.Subject, "detail": detail, "resume": map[string]any{"payout": 7}})
	return s
}

// confirm has the user approve detail.
func (a *app) confirm(t *testing.T, detail any) confirmation {
	t.Helper()
	s := a.push(t, detail)
	var c confirmation
	a.must(t, &c, "finishConfirmation", s.Transaction, a.visit(t, s.URL, "confirm"))
	return c
}
