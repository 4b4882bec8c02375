package threats_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/mfa"
)

const (
	alice = "alice@example.test"
	bob   = "bob@example.test"
	phone = "+4915735991000"

	preset = "contractor-email-first"
)

// noLimits takes the rate limits out of the way where a test is about what
// stands behind them.
const noLimits = `"limits": {
	"send_per_contact": [{"n": 1000000, "per_s": 86400}], "send_per_user": [{"n": 1000000, "per_s": 86400}],
	"send_per_ip": [{"n": 1000000, "per_s": 86400}], "send_per_prefix": [{"n": 1000000, "per_s": 86400}],
	"send_per_country": [{"n": 1000000, "per_s": 86400}],
	"verify_per_user": [{"n": 1000000, "per_s": 86400}], "verify_per_ip": [{"n": 1000000, "per_s": 86400}]}`

// longCodes gives a test time for what it does in between.
const longCodes = `"codes": {"default": {"ttl_s": 600}}`

// trusting is a policy that remembers devices for 30 days.
const trusting = `"trusted_device": {"enabled": true, "lifetime": "P30D", "consent": "ask"}`

// patch joins parts of a policy.
func patch(parts ...string) string { return "{" + strings.Join(parts, ",") + "}" }

// person is harness.Alice under a name and a number, with a password hash that
// costs next to nothing: no threat here is about its cost.
func person(t *testing.T, name, number string) setup.User {
	t.Helper()
	u := harness.Named(harness.Alice(), name, number)
	u.PasswordHash = cheapHash(t)
	return u
}

func cheapHash(t *testing.T) string {
	t.Helper()
	phc, err := cheapHasher(t).Hash(context.Background(), harness.Password)
	require.NoError(t, err)
	return phc
}

func cheapHasher(t *testing.T) *identity.Hasher {
	t.Helper()
	hasher, err := identity.NewHasher(identity.Cost{Memory: 64, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	return hasher
}

// wire keeps the connections of a storm open.
var wire = &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512}

func browser(p *harness.Place) *harness.Browser {
	b := p.NewBrowser()
	b.HTTP.Transport = wire
	return b
}

// visit is an interaction in a browser.
type visit struct {
	browser *harness.Browser
	auth    harness.Auth
	id      string
	csrf    string
}

// open goes from an authorization request to its first page.
func open(b *harness.Browser, auth harness.Auth) (visit, *harness.Page, error) {
	page := b.TryGet(auth.URL)
	v := visit{browser: b, auth: auth}
	if page.Status != http.StatusOK || len(page.Forms) == 0 {
		return v, page, fmt.Errorf("no page: status %d, %s: %.300s", page.Status, page.Name, page.Body)
	}
	v.id = interactionOf(page.URL)
	v.csrf = page.Forms[0].Fields.Get("csrf")
	return v, page, nil
}

func mustOpen(t *testing.T, b *harness.Browser, auth harness.Auth) (visit, *harness.Page) {
	t.Helper()
	v, page, err := open(b, auth)
	require.NoError(t, err)
	return v, page
}

// interactionOf is the id in a path such as /t/slug/interaction/ID/login.
func interactionOf(u *url.URL) string {
	_, rest, _ := strings.Cut(u.Path, "/interaction/")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

func (v visit) path(suffix string) string { return "/interaction/" + v.id + suffix }

func (v visit) resume() string { return "/authorize/resume/" + v.id }

// post sends a form of the interaction and follows nothing.
func (v visit) post(suffix string, pairs ...string) (*harness.Page, error) {
	form := url.Values{"csrf": {v.csrf}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return v.browser.PostOnce(v.path(suffix), form)
}

func (v visit) mustPost(t *testing.T, suffix string, pairs ...string) *harness.Page {
	t.Helper()
	p, err := v.post(suffix, pairs...)
	require.NoError(t, err)
	return p
}

func (v visit) guess(code string) (*harness.Page, error) { return v.post("/challenge", "code", code) }

func (v visit) mustGuess(t *testing.T, code string) *harness.Page {
	t.Helper()
	return v.mustPost(t, "/challenge", "code", code)
}

// enter gives username and password, and reports where that leads to.
func (v visit) enter(username string) (string, error) {
	_, err := v.post("/identify", "username", username)
	if err != nil {
		return "", err
	}
	p, err := v.post("/password", "password", harness.Password)
	if err != nil {
		return "", err
	}
	if p.Status != http.StatusSeeOther {
		return "", fmt.Errorf("password: status %d: %.300s", p.Status, p.Body)
	}
	return p.URL.Path, nil
}

// secondStep logs in as far as the code.
func secondStep(b *harness.Browser, username string, pairs ...string) (visit, error) {
	v, _, err := open(b, b.Place.Authorize(b.Place.Own, pairs...))
	if err != nil {
		return v, err
	}
	at, err := v.enter(username)
	if err == nil && !strings.HasSuffix(at, "/challenge") {
		err = errors.New("no second step was asked for: " + at)
	}
	return v, err
}

func mustSecondStep(t *testing.T, b *harness.Browser, username string, pairs ...string) visit {
	t.Helper()
	v, err := secondStep(b, username, pairs...)
	require.NoError(t, err)
	return v
}

// askedForCode logs in anew, as far as password and trusted device lead, and
// reports whether a code is asked for.
func askedForCode(t *testing.T, b *harness.Browser, username string) bool {
	t.Helper()
	v, _ := mustOpen(t, b, b.Place.Authorize(b.Place.Own, "prompt", "login"))
	at, err := v.enter(username)
	require.NoError(t, err)
	return strings.HasSuffix(at, "/challenge")
}

// finish takes a login that is complete back to the app.
func (v visit) finish(t *testing.T) url.Values {
	t.Helper()
	p := v.browser.Get(t, v.resume())
	require.NotNil(t, p.Callback, "no way back to the app: page %s (%d) at %s: %.400s", p.Name, p.Status, p.URL, p.Body)
	return p.Callback
}

// parallel runs do n times at once, as far as goroutines let it.
func parallel[T any](n int, do func(i int) T) []T {
	results := make([]T, n)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-gate
			results[i] = do(i)
		})
	}
	close(gate)
	all.Wait()
	return results
}

// answer is what a goroutine brings home.
type answer struct {
	page *harness.Page
	err  error
}

// statuses counts answers by their status.
func statuses(t *testing.T, answers []answer) map[int]int {
	t.Helper()
	n := map[int]int{}
	for _, a := range answers {
		require.NoError(t, a.err)
		n[a.page.Status]++
	}
	return n
}

// wrong is a code that is not code, another one for each i from 0 on.
func wrong(code string, i int) string { return near(code, i+1) }

// near is the code that is i steps after code, all codes in a circle.
func near(code string, i int) string {
	const all = 1_000_000
	var n int
	_, _ = fmt.Sscanf(code, "%d", &n)
	return fmt.Sprintf("%06d", (n+i+all)%all)
}

// tenant is the id of p in the database.
func tenant(t *testing.T, p *harness.Place) string {
	t.Helper()
	row, err := p.House.Server.Store.TenantBySlug(t.Context(), p.Slug)
	require.NoError(t, err)
	return row.ID
}

func user(t *testing.T, p *harness.Place, name string) identity.User {
	t.Helper()
	u, err := p.House.Server.Store.UserByName(t.Context(), tenant(t, p), name)
	require.NoError(t, err)
	return u
}

func subject(t *testing.T, p *harness.Place, name string) mfa.Subject {
	t.Helper()
	return user(t, p, name).Subject()
}

// number is the one number that query gives; $1 is the tenant.
func number(t *testing.T, p *harness.Place, query string, args ...any) int {
	t.Helper()
	var n int
	args = append([]any{tenant(t, p)}, args...)
	err := p.House.Server.Store.DB.SQL.QueryRowContext(t.Context(), query, args...).Scan(&n)
	require.NoError(t, err)
	return n
}

// exec changes the database behind the server's back; $1 is the tenant.
func exec(t *testing.T, p *harness.Place, statement string, args ...any) {
	t.Helper()
	args = append([]any{tenant(t, p)}, args...)
	res, err := p.House.Server.Store.DB.SQL.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
	n, err := res.RowsAffected()
	require.NoError(t, err)
	require.NotZero(t, n, "nothing was changed by %s", statement)
}

// events counts the audit log.
func events(t *testing.T, p *harness.Place, kind, result string) int {
	t.Helper()
	return number(t, p, "select count(*) from audit_events where tenant_id = $1 and type = $2 and result = $3", kind, result)
}

// comparisons is how many codes were compared, by the audit log.
func comparisons(t *testing.T, p *harness.Place) int {
	t.Helper()
	return number(t, p, "select count(*) from audit_events where tenant_id = $1 and type = $2", mfa.EventTried)
}

func sessions(t *testing.T, p *harness.Place) int {
	t.Helper()
	return number(t, p, "select count(*) from sessions where tenant_id = $1")
}

// challenge is the newest challenge of an interaction.
type challenge struct {
	ID, Status string
	Attempts   int
	Chain      int
	Gen        int
}

func (v visit) challenge(t *testing.T) challenge {
	t.Helper()
	var c challenge
	p := v.browser.Place
	err := p.House.Server.Store.DB.SQL.QueryRowContext(t.Context(),
		`select id, status, attempts, chain_attempts, gen from mfa_challenges
		where tenant_id = $1 and owner_id = $2 order by created_at desc, gen desc limit 1`, tenant(t, p), v.id).
		Scan(&c.ID, &c.Status, &c.Attempts, &c.Chain, &c.Gen)
	require.NoError(t, err)
	return c
}

// apply changes a tenant.
func apply(t *testing.T, p *harness.Place, change setup.Tenant) {
	t.Helper()
	change.Slug = p.Slug
	p.House.Apply(t, change)
}

// code is the newest code that was sent to an address.
func code(t *testing.T, p *harness.Place, to string) string {
	t.Helper()
	return p.Code(t, to)
}

// codes counts the codes that were sent to an address.
func codes(p *harness.Place, to string) int {
	n := 0
	for _, l := range p.Letters(to) {
		if l.Code != "" {
			n++
		}
	}
	return n
}

// cookie is the browser's cookie of a kind (sp-session-, sp-browser-, td-) at
// the tenant, with and without the prefix of https.
func cookie(t *testing.T, b *harness.Browser, kind string) *http.Cookie {
	t.Helper()
	for _, c := range b.HTTP.Jar.Cookies(origin(t, b)) {
		if strings.HasPrefix(strings.TrimPrefix(c.Name, "__Host-"), kind) {
			return c
		}
	}
	return nil
}

func origin(t *testing.T, b *harness.Browser) *url.URL {
	t.Helper()
	u, err := url.Parse(b.Place.Issuer)
	require.NoError(t, err)
	u.Path = "/"
	return u
}

// plant puts a cookie into the browser.
func plant(t *testing.T, b *harness.Browser, name, value string) {
	t.Helper()
	b.HTTP.Jar.SetCookies(origin(t, b), []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// copied is a second browser with all cookies of b.
func copied(t *testing.T, b *harness.Browser) *harness.Browser {
	t.Helper()
	c := browser(b.Place)
	c.HTTP.Transport = b.HTTP.Transport
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c.HTTP.Jar = jar
	for _, k := range b.HTTP.Jar.Cookies(origin(t, b)) {
		plant(t, c, k.Name, k.Value)
	}
	return c
}
