package threats_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// guarded is a policy in which nothing but the count of failures stands in the
// way of guesses: 5 of them, then one after each delay, and with the tenth in a
// row the factor is gone.
const (
	softFails = 5
	hardFails = 10
	guarded   = `"lockout": {"soft_fails": 5, "hard_fails": 10, "window_s": 900, "delays_s": [30, 31, 32, 33, 34]}`
)

// siege is many logins of one user, each at its code.
type siege struct {
	place  *harness.Place
	logins []visit
	guess  string // not one of the codes sent
}

// besiege logs in n times at once.
func besiege(t *testing.T, n int, newBrowser func(i int) *harness.Browser) siege {
	t.Helper()
	type outcome struct {
		v   visit
		err error
	}
	s := siege{}
	for _, o := range parallel(n, func(i int) outcome {
		v, err := secondStep(newBrowser(i), alice)
		return outcome{v, err}
	}) {
		require.NoError(t, o.err)
		s.logins = append(s.logins, o.v)
	}
	s.place = s.logins[0].browser.Place
	sent := map[string]bool{}
	for _, l := range s.place.Letters(alice) {
		sent[l.Code] = true
	}
	for i := 0; s.guess == "" || sent[s.guess]; i++ {
		s.guess = fmt.Sprintf("%06d", i)
	}
	return s
}

// storm makes every login guess times times, all logins at once. before is
// called before each guess.
func (s siege) storm(t *testing.T, times int, before func(v visit, login, guess int)) {
	t.Helper()
	for _, err := range parallel(len(s.logins), func(i int) error {
		for k := range times {
			before(s.logins[i], i, k)
			page, err := s.logins[i].guess(s.guess)
			if err != nil {
				return err
			}
			if page.Status != http.StatusTooManyRequests && page.Status != http.StatusUnprocessableEntity {
				return fmt.Errorf("a wrong code was answered with %d: %.300s", page.Status, page.Body)
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
}

func nothing(visit, int, int) {}

// guessingEverywhere is T-03.
func guessingEverywhere(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits, guarded), person(t, alice, phone))
	s := besiege(t, 200, func(int) *harness.Browser { return browser(p) })

	s.storm(t, 5, nothing)
	require.Equal(t, softFails, comparisons(t, p), "1000 guesses at once")
	outlast(t, h, s, nothing)

	require.Equal(t, 1, number(t, p, "select count(*) from mfa_factors where tenant_id = $1 and kind = 'email' and status = 'disabled'"))
	require.Equal(t, 1, number(t, p, "select count(*) from mfa_factors where tenant_id = $1 and kind = 'sms' and status = 'active'"))
	require.Equal(t, 1, events(t, p, mfa.EventFactorLocked, "mismatch"))
	require.NoError(t, h.Server.Deliver(t.Context()))
	require.Contains(t, titles(p, alice), notice(t, h, p, "factor_locked"))
	require.Contains(t, titles(p, alice), notice(t, h, p, "second_step_failed"))

	v := s.logins[0]
	require.Equal(t, http.StatusTooManyRequests, v.mustGuess(t, code(t, p, alice)).Status)
	require.Equal(t, hardFails, comparisons(t, p), "not even the right code is compared")
	require.Zero(t, sessions(t, p))
	other := mustSecondStep(t, browser(p), alice) // the account is not locked: it has a phone
	require.Equal(t, http.StatusSeeOther, other.mustGuess(t, code(t, p, phone)).Status)
	require.NotEmpty(t, other.finish(t).Get("code"))
}

// outlast repeats the storm after each delay, until nothing is compared any more.
func outlast(t *testing.T, h *harness.House, s siege, before func(visit, int, int)) {
	t.Helper()
	for total := softFails; total < hardFails; total++ {
		h.Clock.Advance(35 * time.Second)
		s.storm(t, 1, before)
		require.Equal(t, total+1, comparisons(t, s.place), "one guess after each delay")
	}
	h.Clock.Advance(35 * time.Second)
	s.storm(t, 1, before)
	require.Equal(t, hardFails, comparisons(t, s.place))
	require.Zero(t, events(t, s.place, mfa.EventTried, "ok"))
}

// titles are the subjects of the messages to an address.
func titles(p *harness.Place, to string) []string {
	var list []string
	for _, l := range p.Letters(to) {
		list = append(list, l.Subject)
	}
	return list
}

// notice is the subject of a notice of that kind.
func notice(t *testing.T, h *harness.House, p *harness.Place, kind string) string {
	t.Helper()
	title, _, _, err := h.Server.Pages.Set.Text("en", kind, templates.TextData{
		Channel: "email", Tenant: "Test " + p.Slug, Now: h.Clock.Now(), Zone: time.UTC,
	})
	require.NoError(t, err)
	return title
}

// guessingFromEverywhere is T-04.
func guessingFromEverywhere(t *testing.T, h *harness.House) {
	from := func(b *harness.Browser, n int) {
		b.Header.Set("X-Forwarded-For", fmt.Sprintf("198.18.%d.%d", n/250, n%250+1))
	}
	addresses := "select count(distinct ip) from audit_events where tenant_id = $1 and type like 'challenge.%'"

	t.Run("a thousand addresses behind a trusted proxy", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, guarded, noLimits), person(t, alice, phone))
		a := build(t, h, func(o *server.Options) { o.TrustedProxies = []string{"127.0.0.1", "::1"} })
		s := besiege(t, 100, func(i int) *harness.Browser {
			b := browser(a.at(p))
			from(b, 2000+i)
			return b
		})
		before := func(v visit, login, guess int) { from(v.browser, login*10+guess) }

		s.storm(t, 10, before)
		require.Equal(t, softFails, comparisons(t, p), "1000 guesses from 1000 addresses")
		require.Equal(t, 1100, number(t, p, addresses), "the guesses and the logins came from an address each")
		outlast(t, h, s, before)
		require.Equal(t, 1, number(t, p, "select count(*) from mfa_factors where tenant_id = $1 and kind = 'email' and status = 'disabled'"))
	})
	t.Run("without a trusted proxy the header is not believed", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, guarded), person(t, alice, phone))
		v := mustSecondStep(t, browser(p), alice)
		for i := range 4 {
			from(v.browser, i)
			require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, wrong(code(t, p, alice), i)).Status)
		}
		require.Equal(t, 1, number(t, p, addresses))
	})
}
