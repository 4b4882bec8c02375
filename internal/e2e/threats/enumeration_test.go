package threats_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/store"
)

// gauge is an annex that tells what its work costs. Whoever asks it may say from
// which address he comes.
type gauge struct {
	annex
	hashes   *identity.Hasher
	counters chan *store.Counter
}

func newGauge(t *testing.T, h *harness.House) *gauge {
	t.Helper()
	g := &gauge{hashes: cheapHasher(t), counters: make(chan *store.Counter, 1000)}
	clock := stillAt(h.Clock.Now()) // two answers a second apart differ in Retry-After, whoever was asked for
	g.annex = build(t, h, func(o *server.Options) {
		o.Now, o.Hashes, o.TrustedProxies = clock.now, g.hashes, []string{"127.0.0.1", "::1"}
	})
	inner := g.web.Config.Handler
	g.web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, counter := store.Count(r.Context())
		inner.ServeHTTP(w, r.WithContext(ctx))
		g.counters <- counter
	})
	return g
}

// from is a browser of that number, at an address of its own.
func (g *gauge) from(p *harness.Place, n int) *harness.Browser {
	b := g.browser(p)
	b.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", 100+n/250, n%250+1))
	return b
}

// told is what somebody can see of an answer, and what it has cost.
type told struct {
	Status     int
	Location   string
	Body       string
	Retry      string
	Statements int
	Begins     int
	Hashes     int64
}

// measure runs one request and forgets in its answer what differs from browser to
// browser, and the name that was typed.
func (g *gauge) measure(t *testing.T, name string, do func() (*harness.Page, error)) told {
	t.Helper()
	for len(g.counters) > 0 {
		<-g.counters
	}
	before := g.hashes.Worked()
	p, err := do()
	require.NoError(t, err)
	seen := told{
		Status: p.Status, Location: changing.ReplaceAllString(p.Header.Get("Location"), "…"), Retry: p.Header.Get("Retry-After"),
		Body:   changing.ReplaceAllString(strings.ReplaceAll(p.Body, name, "NAME"), "…"),
		Hashes: g.hashes.Worked() - before,
	}
	counter := <-g.counters
	for _, statement := range counter.Statements() {
		if !strings.Contains(statement, "from tenants where removed_at is null") { // once a second, for whoever is there
			seen.Statements++
		}
	}
	seen.Begins = counter.Begins()
	return seen
}

// changing is what no two pages have in common: ids, form secrets and times.
var changing = regexp.MustCompile(`/interaction/[A-Za-z0-9_-]+|name="csrf" value="[^"]*"|nonce="[^"]*"|nonce-[A-Za-z0-9+/=_-]+|request [a-z0-9-]+|data-options="[^"]*"|` +
	`\d\d:\d\d(:\d\d)?|datetime="[^"]*"`)

// strangersAsk is T-34: who is not signed in learns nothing about an address.
func strangersAsk(t *testing.T, h *harness.House) {
	yes, off := true, true
	unverified := mailed(t, "unverified@example.test")
	unverified.EmailStatus = "unverified"
	disabled := mailed(t, "disabled__@example.test")
	disabled.Disabled = &off
	p := h.Tenant(t, preset, patch(noLimits), mailed(t, "knownknown@example.test"), mailed(t, "overlimits@example.test"),
		mailed(t, "lockedlock@example.test"), unverified, disabled)
	apply(t, p, setup.Tenant{SignUp: &yes})
	g := newGauge(t, h)
	g.refresh(t)
	names := []string{"nobodyever@example.test", "knownknown@example.test", "lockedlock@example.test", "unverified@example.test", "disabled__@example.test"}
	visitors := 0
	next := func() *harness.Browser { visitors++; return g.from(p, visitors) }
	// The second step of this one is shut after too many wrong codes.
	v, err := secondStep(next(), "lockedlock@example.test")
	require.NoError(t, err)
	for i := range 6 {
		_, err = v.guess(fmt.Sprintf("%06d", i))
		require.NoError(t, err)
	}

	for _, path := range []string{"/forgot", "/sign-up"} {
		t.Run(path, func(t *testing.T) {
			ask := func(name string) (posted, shown told) {
				b := next()
				csrf := b.Get(t, path).Form(t, path).Fields.Get("csrf")
				posted = g.measure(t, name, func() (*harness.Page, error) {
					return b.PostOnce(path, url.Values{"csrf": {csrf}, "username": {name}})
				})
				shown = g.measure(t, name, func() (*harness.Page, error) { return b.Get(t, path+"/sent"), nil })
				return posted, shown
			}
			want, page := ask(names[0])
			require.Equal(t, http.StatusSeeOther, want.Status)
			require.NotZero(t, want.Statements)
			require.Contains(t, page.Body, "NAME")
			for _, name := range names[1:] {
				posted, shown := ask(name)
				require.Equal(t, want, posted, name)
				require.Equal(t, page, shown, name)
			}
			for _, name := range []string{"overlimits@example.test", "overnobody@example.test"} {
				for i := range 8 { // five in an hour
					posted, shown := ask(name)
					require.Equal(t, want, posted, "%s, request %d", name, i+1)
					require.Equal(t, page, shown, "%s, request %d", name, i+1)
				}
			}
		})
	}
	t.Run("/password", func(t *testing.T) {
		try := func(name string) told {
			b := next()
			b.Header.Set("X-Forwarded-For", "203.0.113.7")
			v, _ := mustOpen(t, b, b.Place.Authorize(p.Own))
			v.mustPost(t, "/identify", "username", name)
			return g.measure(t, name, func() (*harness.Page, error) { return v.post("/password", "password", "not-the-password-at-all") })
		}
		want := try(names[0])
		require.Equal(t, http.StatusUnprocessableEntity, want.Status)
		require.EqualValues(t, 1, want.Hashes)
		for _, name := range names[1:] {
			require.Equal(t, want, try(name), name)
		}
		for range 9 { // ten for one name at one address
			for _, name := range names {
				require.Equal(t, want, try(name), name)
			}
		}
		over := try(names[0])
		require.Equal(t, http.StatusTooManyRequests, over.Status)
		for _, name := range names[1:] {
			require.Equal(t, over, try(name), name)
		}
	})
}

// lockedOut is T-68.
func lockedOut(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), mailed(t, alice))
	g := build(t, h, func(o *server.Options) { o.TrustedProxies = []string{"127.0.0.1", "::1"} })
	own := g.browser(p)
	own.Header.Set("X-Forwarded-For", "192.0.2.1")
	own.Login(t, alice, alice)
	strangers := parallel(20, func(i int) error {
		b := g.at(p).NewBrowser()
		b.HTTP.Transport = wire
		v, _, err := open(b, b.Place.Authorize(p.Own))
		if err == nil {
			_, err = v.post("/identify", "username", alice)
		}
		for k := 0; k < 50 && err == nil; k++ {
			b.Header.Set("X-Forwarded-For", fmt.Sprintf("198.18.%d.%d", i, k+1))
			var page *harness.Page
			page, err = v.post("/password", "password", fmt.Sprintf("a wrong guess, number %d", k))
			if err == nil && page.Status != http.StatusUnprocessableEntity && page.Status != http.StatusTooManyRequests {
				err = fmt.Errorf("a wrong password was answered with %d", page.Status)
			}
		}
		return err
	})
	for _, err := range strangers {
		require.NoError(t, err)
	}

	unknown := g.browser(p)
	unknown.Header.Set("X-Forwarded-For", "192.0.2.1")
	v, _ := mustOpen(t, unknown, unknown.Place.Authorize(p.Own))
	v.mustPost(t, "/identify", "username", alice)
	require.Equal(t, http.StatusTooManyRequests, v.mustPost(t, "/password", "password", harness.Password).Status, "the storm was one")
	_, answer := own.Login(t, alice, alice, "prompt", "login")
	require.NotEmpty(t, answer.Get("code"))
}

var linkMailed = regexp.MustCompile(`https?://\S+/reset\?token=\S+`)

// resetMailed asks for a new password and returns the path of the link in the
// letter. The clock of a is ahead of the house's, so that the letter is a's to send.
func resetMailed(t *testing.T, a annex, b *harness.Browser, name string) string {
	t.Helper()
	b.Submit(t, b.Get(t, "/forgot"), "/forgot", "username", name)
	require.NoError(t, a.house.Server.Deliver(t.Context()))
	link := linkMailed.FindString(b.Place.Letter(t, name).Text)
	require.NotEmpty(t, link, b.Place.Letter(t, name).Text)
	return link[strings.Index(link, "/reset?"):]
}

// resetAndSecondStep is T-70.
func resetAndSecondStep(t *testing.T, h *harness.House) {
	const next = "a-lantern-for-the-new-gate"
	p := h.Tenant(t, preset, patch(longCodes, noLimits, trusting), mailed(t, alice))
	clock := stillAt(h.Clock.Now().Add(48 * time.Hour))
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	trusted := a.browser(p)
	trustedBrowser(t, trusted, alice)
	require.False(t, askedForCode(t, trusted, alice))
	live, enrolledBefore := sessions(t, p), enrolled(t, p, alice).Factors

	b := a.browser(p)
	b.Get(t, resetMailed(t, a, b, alice))
	reset := b.Submit(t, b.Get(t, "/reset"), "/reset", "new-password", next)
	require.Equal(t, "reset", reset.Name, "%s", words(reset))
	require.Nil(t, cookie(t, b, "sp-session-"), "a reset is no login")
	require.LessOrEqual(t, sessions(t, p), live)
	require.Empty(t, whoIs(t, trusted), "whoever was in is out")
	require.Equal(t, enrolledBefore, enrolled(t, p, alice).Factors)

	for name, at := range map[string]*harness.Browser{"the browser of the reset": b, "a trusted one": trusted} {
		v, _ := mustOpen(t, at, at.Place.Authorize(p.Own, "prompt", "login"))
		v.mustPost(t, "/identify", "username", alice)
		in := v.mustPost(t, "/password", "password", next)
		require.True(t, strings.HasSuffix(in.URL.Path, "/challenge"), "%s: %s", name, in.URL)
		require.Nil(t, at.Get(t, v.resume()).Callback)
	}
}

// markElsewhere is T-28. What was chosen in one chain is kept with that chain, and
// no form takes it from anywhere else.
func markElsewhere(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits, `"delivery": {"fallback_unlock": "at_once"}`,
		`"lifecycle": {"recovery_codes": {"enable": [["password"]]}}`), person(t, alice, phone))
	b := browser(p)
	b.Login(t, alice, alice)
	settle(t, b).addCodes(t)
	first := mustSecondStep(t, b, alice, "prompt", "login")
	require.Equal(t, http.StatusSeeOther, first.mustPost(t, "/recover").Status)
	require.Contains(t, b.Get(t, first.path("/challenge")).Body, `autocomplete="off"`)
	second := mustSecondStep(t, b, alice, "prompt", "login")
	require.Equal(t, "email", methodOf(t, second), "another login begins as ever")
	require.Equal(t, http.StatusSeeOther, second.mustPost(t, "/challenge/switch", "method", "sms").Status)
	third := mustSecondStep(t, b, alice, "prompt", "login", "method", "recovery_codes")
	require.Equal(t, "email", methodOf(t, third))
	action, _ := mustOpen(t, b, p.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, "email", methodOf(t, action))
	require.GreaterOrEqual(t, action.mustPost(t, "/recover").Status, 400)

	for _, path := range []string{"/reset", "/reset?method=recovery_codes", "/reset?token=" + strings.Repeat("A", 43)} {
		stranger := browser(p)
		page := stranger.Get(t, path)
		require.Equal(t, http.StatusGone, page.Status, path)
		csrf := stranger.Get(t, "/forgot").Form(t, "/forgot").Fields.Get("csrf")
		set := stranger.TryPost("/reset", url.Values{
			"csrf": {csrf}, "username": {alice}, "method": {"recovery_codes"}, "code": {"123456"}, "new-password": {"mallory-chose-this-one"},
		})
		require.Equal(t, http.StatusGone, set.Status, "without the link of the letter")
	}
	again, _ := mustOpen(t, browser(p), p.Authorize(p.Own))
	_, err := again.enter(alice)
	require.NoError(t, err, "the password is what it was")
}

// methodOf is the method of the newest challenge of v.
func methodOf(t *testing.T, v visit) (m string) {
	t.Helper()
	p := v.browser.Place
	err := p.House.Server.Store.DB.SQL.QueryRowContext(t.Context(),
		"select method from mfa_challenges where tenant_id = $1 and owner_id = $2 order by created_at desc, gen desc limit 1", tenant(t, p), v.id).Scan(&m)
	require.NoError(t, err)
	return m
}
