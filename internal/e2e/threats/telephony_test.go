package threats_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// priced is the mailbox as a gateway that takes money for texts and calls.
type priced struct {
	*demo.Mailbox
	micros int64
	paid   *atomic.Int64
}

// SendVia implements [mfa.Routed].
func (g priced) SendVia(ctx context.Context, m mfa.Message) (mfa.Handed, error) {
	reference, err := g.Send(ctx, m)
	cost := g.Quote(m)
	g.paid.Add(cost)
	return mfa.Handed{Gateway: g.Name(), Reference: reference, CostMicros: cost}, err
}

// Quote implements [mfa.Routed].
func (g priced) Quote(m mfa.Message) int64 {
	if m.Channel == policy.Email {
		return 0
	}
	return g.micros
}

// pump is somebody who has numbers of his own called, with as many accounts and
// addresses as he likes.
type pump struct {
	annex
	place *harness.Place
	desks []desk
	paid  atomic.Int64
}

func newPump(t *testing.T, h *harness.House, accounts int, more ...string) *pump {
	t.Helper()
	x := &pump{}
	var names []string
	x.annex, x.place, names = bidders(t, h, accounts, func(o *server.Options) {
		o.Sender = priced{h.Mailbox, 50_000, &x.paid}
		o.TrustedProxies = []string{"127.0.0.1", "::1"}
	}, more...)
	for i, name := range names {
		b := x.browser(x.place)
		b.Header.Set("X-Forwarded-For", fmt.Sprintf("198.18.7.%d", i+1))
		x.desks = append(x.desks, byPassword(t, b, name))
	}
	return x
}

// run has each account try each of its numbers, all accounts at once, and returns
// how many codes have left.
func (x *pump) run(t *testing.T, numbers int, number func(account, i int) string) int {
	t.Helper()
	var last atomic.Int64
	for _, err := range parallel(len(x.desks), func(account int) error {
		d := x.desks[account]
		for i := range numbers {
			started, err := d.post("/start", "kind", "sms", "verb", "enable")
			if err != nil {
				return err
			}
			entered, err := d.post(started.URL.Path+"/contact", "phone", number(account, i), "method", "sms", "line", "mobile", "confirmed", "1")
			if err != nil || entered.Status >= http.StatusInternalServerError {
				return fmt.Errorf("account %d: %w, %s", account, err, words(entered))
			}
			last.Store(int64(entered.Status))
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	left := 0
	for _, l := range x.place.Letters("") {
		if l.Channel == "sms" {
			left++
		}
	}
	return left
}

// pumped is T-35, with the limits of the preset. Ten thousand tries are those of the
// tests of package mfa; what stands in their way here is the same.
func pumped(t *testing.T, h *harness.House) {
	t.Run("many numbers with one prefix", func(t *testing.T) {
		x := newPump(t, h, 20)
		left := x.run(t, 3, func(account, i int) string { return fmt.Sprintf("+491573599%04d", account*10+i) })
		require.LessOrEqual(t, left, 30)
		require.Greater(t, left, 10)
	})
	t.Run("many prefixes of one country", func(t *testing.T) {
		x := newPump(t, h, 20)
		left := x.run(t, 3, func(account, i int) string { return fmt.Sprintf("+491573%03d1000", 400+account*10+i) })
		require.LessOrEqual(t, left, 30)
		require.Equal(t, 1, events(t, x.place, mfa.EventConversion, "country"), "the guard of the country has tripped")
		require.Equal(t, left, x.run(t, 1, func(account, _ int) string { return fmt.Sprintf("+491573%03d2000", 100+account) }), "and holds")
	})
	t.Run("a budget", func(t *testing.T) {
		x := newPump(t, h, 20, `"limits": {"conversion_min_percent": 0, "budget_daily_usd_micros": 475000}`)
		left := x.run(t, 1, func(account, _ int) string { return fmt.Sprintf("+491573%03d1000", 400+account) })
		require.Equal(t, 9, left)
		require.EqualValues(t, 450_000, x.paid.Load())
		require.Equal(t, 1, events(t, x.place, mfa.EventBudget, "100"))
	})
	t.Run("what gets no text at all", func(t *testing.T) {
		x := newPump(t, h, 1, `"contacts": {"phone": {"countries_sms": ["DE", "GB"], "countries_voice": ["DE", "GB"]}}`)
		d := x.desks[0].asProgram()
		for name, to := range map[string]string{
			"a landline": "+4930901820", "a premium number": "+499001123456", "a country that is not listed": "+33612345678",
			"a shared plan": "+447911123456", "a toll-free number": "+498001234567",
		} {
			_, page := d.enter(t, "enable", "sms", to)
			require.Equal(t, http.StatusUnprocessableEntity, page.Status, "%s: %s", name, page.Body)
			require.Empty(t, x.place.Letters(to), name)
		}
		require.Zero(t, number(t, x.place, "select count(*) from mfa_deliveries where tenant_id = $1"))
		require.Zero(t, x.paid.Load())
	})
}

// revokedNumber is what there is of T-69: a number that was taken from an account
// gets no code any more, and is somebody else's to confirm.
func revokedNumber(t *testing.T, h *harness.House) {
	revoke := "update mfa_contacts set status = 'revoked' where tenant_id = $1 and kind = 'phone'"
	t.Run("no code goes there", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, noLimits, `"delivery": {"fallback_unlock": "at_once"}`), person(t, alice, phone))
		exec(t, p, revoke)
		v := mustSecondStep(t, browser(p), alice)
		require.NotContains(t, v.browser.Get(t, v.path("/choose")).Body, `value="sms"`)
		require.Equal(t, http.StatusBadRequest, v.mustPost(t, "/challenge/switch", "method", "sms").Status)
		strong, _ := mustOpen(t, browser(p), p.Authorize(p.Own, "acr_values", "urn:sallyport:acr:mfa"))
		_, err := strong.enter(alice)
		require.NoError(t, err)
		require.Equal(t, "unmet_authentication_requirements", strong.browser.Get(t, strong.resume()).Callback.Get("error"))
		require.Empty(t, p.Letters(phone))
	})
	t.Run("somebody else may have it", func(t *testing.T) {
		owner := person(t, alice, phone)
		owner.Factors, owner.MFAEnabled = []string{"sms"}, nil
		p := h.Tenant(t, "marketplace-phone-verification", patch(noLimits), owner, plain(t, bob))
		exec(t, p, revoke)
		d := byPassword(t, browser(p), bob)
		op, page := d.enter(t, "enable", "sms", phone)
		require.Equal(t, http.StatusSeeOther, page.Status, "%s", words(page))
		done(t, d.mustPost(t, op+"/answer", "code", code(t, p, phone)))
		hers := byPassword(t, browser(p), alice)
		bid := hers.browser.Get(t, p.Authorize(p.Own, "acr_values", "urn:sallyport:action:bid.place").URL)
		require.Empty(t, bid.Callback.Get("code"), "the old account has no number")
	})
}

// lostNotice is T-50. The clock of the servers that are killed is ahead of the
// house's, so that the house does not send what they have left behind.
func lostNotice(t *testing.T, h *harness.House) {
	for _, tt := range []struct {
		name string
		kill func(t *testing.T, a annex, now time.Time)
	}{
		{"killed before it looked", func(*testing.T, annex, time.Time) {}},
		{"killed with the notice in its hand", func(t *testing.T, a annex, now time.Time) {
			for {
				batch, err := a.house.Server.Store.DueNotices(t.Context(), 50, now.Add(time.Minute))
				require.NoError(t, err)
				if len(batch) == 0 {
					return
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := h.Tenant(t, broker, patch(everyMethod, noLimits), mailed(t, alice))
			clock := stillAt(h.Clock.Now().Add(48 * time.Hour))
			a := build(t, h, func(o *server.Options) { o.Now = clock.now })
			signedIn(t, a.browser(p), alice).addApp(t, clock.now())
			require.Equal(t, 1, number(t, p, "select count(*) from notifications where tenant_id = $1 and status = 'queued'"))
			tt.kill(t, a, clock.now())
			a.web.Close()
			require.Zero(t, notices(p, alice))

			again := build(t, h, func(o *server.Options) { o.Now = clock.now })
			clock.move(61 * time.Second)
			for range 3 {
				require.NoError(t, again.house.Server.Deliver(t.Context()))
				clock.move(61 * time.Second)
			}

			require.Equal(t, 1, notices(p, alice))
			require.Zero(t, number(t, p, "select count(*) from notifications where tenant_id = $1 and status = 'queued'"))
		})
	}
}

// notices counts the messages to an address that hold no code.
func notices(p *harness.Place, to string) int { return len(p.Letters(to)) - codes(p, to) }

// surprisingYAML is T-66.
func surprisingYAML(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, "", plain(t, alice))
	before := one(t, p, "select cast(version as text) from tenants where id = $1")
	for _, tt := range []struct{ name, yaml, refused string }{
		{"Norway", "{contacts: {phone: {countries_sms: [NO, DE]}}}", ""},
		{"a key that is on", "{methods: {on: {enabled: true}}}", "on"},
		{"a switch that is yes", "{trusted_device: {enabled: yes}}", "It is text; write true or false"},
		{"a switch that is off", "{methods: {sms: {enabled: off}}}", "It is text; write true or false"},
		{"a key that is true", "{methods: {true: {enabled: true}}}", "text"},
		{"a country that is false", "{contacts: {phone: {countries_sms: [false]}}}", "countries_sms"},
		{"a key twice", "{codes: {default: {ttl_s: 60, ttl_s: 600}}}", "already defined"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := setup.Parse([]byte("tenants:\n- slug: " + p.Slug + "\n  policy: " + tt.yaml + "\n"))
			if err == nil {
				err = h.TryApply(t.Context(), f.Tenants...)
			}
			if tt.refused != "" {
				require.ErrorContains(t, err, tt.refused)
				require.Equal(t, before, one(t, p, "select cast(version as text) from tenants where id = $1"))
				return
			}
			require.NoError(t, err)
			realm, err := h.Server.Realms.BySlug(t.Context(), p.Slug)
			require.NoError(t, err)
			phone := realm.Policy.Contacts.Phone
			require.Contains(t, fmt.Sprintf("%+v", phone.CountriesSMS), "NO")
			before = one(t, p, "select cast(version as text) from tenants where id = $1")
		})
	}
	t.Run("a number that is an octal", func(t *testing.T) {
		_, err := setup.Parse([]byte("tenants:\n- slug: " + p.Slug + "\n  users:\n  - {username: alice@example.test, pin: 0755123}\n"))
		require.Error(t, err, "a PIN is a text, and no number in another base")
	})
}
