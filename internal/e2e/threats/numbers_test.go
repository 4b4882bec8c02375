package threats_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// bidders is a marketplace with n users who have a password and nothing else; they
// are at an annex.
func bidders(t *testing.T, h *harness.House, n int, change func(*server.Options), more ...string) (annex, *harness.Place, []string) {
	t.Helper()
	var users []setup.User
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("bidder%03d@example.test", i))
		users = append(users, plain(t, names[i]))
	}
	return build(t, h, change), h.Tenant(t, "marketplace-phone-verification", patch(more...), users...), names
}

// enter begins to confirm a number, and returns the operation and the answer to the
// form.
func (d desk) enter(t *testing.T, verb, method, to string) (op string, p *harness.Page) {
	t.Helper()
	op = d.begin(t, "kind", method, "verb", verb)
	return op, d.mustPost(t, op+"/contact", "phone", to, "method", method, "line", "mobile", "confirmed", "1")
}

// byPassword signs name in where a password is enough.
func byPassword(t *testing.T, b *harness.Browser, name string) desk {
	t.Helper()
	page := b.Password(t, b.Place.Authorize(b.Place.Own), name, harness.Password)
	require.NotEmpty(t, page.Callback.Get("code"), "%s", words(page))
	return settle(t, b)
}

// numberRaced is T-33.
func numberRaced(t *testing.T, h *harness.House) {
	const n = 32
	a, p, names := bidders(t, h, n+1, nil, strings.Replace(noLimits, `"limits": {`, `"limits": {"conversion_min_percent": 0, `, 1))
	desks, ops, right := make([]desk, n), make([]string, n), make([]string, n)
	for i := range n {
		desks[i] = byPassword(t, a.browser(p), names[i])
		var page *harness.Page
		ops[i], page = desks[i].enter(t, "enable", "sms", phone)
		require.Equal(t, http.StatusSeeOther, page.Status, "%s", words(page))
		right[i] = code(t, p, phone)
	}

	answers := parallel(n, func(i int) answer {
		page, err := desks[i].asProgram().post(ops[i]+"/answer", "code", right[i])
		return answer{page, err}
	})

	counts := statuses(t, answers)
	require.Equal(t, map[int]int{http.StatusSeeOther: 1, http.StatusConflict: n - 1}, counts)
	winner := slices.IndexFunc(answers, func(x answer) bool { return x.page.Status == http.StatusSeeOther })
	for i, x := range answers {
		require.True(t, i == winner || strings.Contains(x.page.Body, "/problems/phone-in-use"), "%s", x.page.Body)
	}
	confirmed := "select count(*) from mfa_contacts where tenant_id = $1 and kind = 'phone' and status = 'confirmed'"
	require.Equal(t, 1, number(t, p, confirmed))

	op, page := desks[winner].enter(t, "change", "sms", bobPhone)
	require.Equal(t, http.StatusSeeOther, page.Status, "%s", words(page))
	done(t, desks[winner].mustPost(t, op+"/answer", "code", code(t, p, bobPhone)))
	late := byPassword(t, a.browser(p), names[n])
	op, _ = late.enter(t, "enable", "sms", phone)
	late.browser.Get(t, op)
	require.Equal(t, http.StatusConflict, late.asProgram().mustPost(t, op+"/answer", "code", code(t, p, phone)).Status, "never again, after a change")
	require.Equal(t, 1, number(t, p, confirmed))
}

// legacyNumber is T-61.
func legacyNumber(t *testing.T, h *harness.House) {
	legacy := func(name string) setup.User {
		u := person(t, name, phone)
		u.PhoneStatus, u.PhoneSource, u.Factors = "unverified", "legacy", []string{"email"}
		return u
	}
	t.Run("no login code, not among the backups", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, noLimits, `"delivery": {"fallback_unlock": "at_once"}`), legacy(alice))
		v := mustSecondStep(t, browser(p), alice)
		require.NotContains(t, v.browser.Get(t, v.path("/choose")).Body, `value="sms"`)
		h.Clock.Advance(2 * time.Minute)
		require.Equal(t, http.StatusBadRequest, v.mustPost(t, "/challenge/switch", "method", "sms").Status)
		require.Empty(t, p.Letters(phone))
	})
	t.Run("no claim on the number", func(t *testing.T) {
		owner := legacy(alice)
		owner.Factors, owner.MFAEnabled = nil, nil
		p := h.Tenant(t, "marketplace-phone-verification", patch(noLimits), owner, plain(t, bob))
		d := byPassword(t, browser(p), bob)
		op, page := d.enter(t, "enable", "sms", phone)
		require.Equal(t, http.StatusSeeOther, page.Status, "%s", words(page))
		done(t, d.mustPost(t, op+"/answer", "code", code(t, p, phone)))
		require.Equal(t, mfa.ContactConfirmed, enrolled(t, p, bob).Phone().Status)
	})
}

// flagRaced is T-62.
func flagRaced(t *testing.T, h *harness.House) {
	owner := person(t, alice, phone)
	owner.Factors, owner.MFAEnabled = []string{"sms"}, nil
	p := h.Tenant(t, "marketplace-phone-verification", patch(noLimits), owner)
	d := byPassword(t, browser(p), alice)
	op, page := d.enter(t, "change", "sms", bobPhone)
	require.Equal(t, http.StatusSeeOther, page.Status, "%s", words(page))
	right := code(t, p, bobPhone)
	before := enrolled(t, p, alice).Phone()

	flags := []string{"identity_verification_pending"}
	apply(t, p, setup.Tenant{Users: []setup.User{{Username: alice, Flags: &flags}}})
	refused := d.asProgram().mustPost(t, op+"/answer", "code", right)

	require.Equal(t, http.StatusConflict, refused.Status, "%s", refused.Body)
	require.Contains(t, refused.Body, `"flag":"identity_verification_pending"`)
	require.Equal(t, before, enrolled(t, p, alice).Phone())
	require.Equal(t, http.StatusConflict, d.asProgram().mustPost(t, "/start", "kind", "sms", "verb", "change").Status)
}

// numberKept is T-63, by the doors that there are.
func numberKept(t *testing.T, h *harness.House) {
	owner := person(t, alice, phone)
	owner.Factors, owner.MFAEnabled = []string{"sms"}, nil
	p := h.Tenant(t, "marketplace-phone-verification", patch(noLimits), owner)
	d := byPassword(t, browser(p), alice)
	id := enrolled(t, p, alice).Phone().ID
	before := holdings(t, p)

	for _, tt := range []struct {
		name   string
		status int
		pairs  []string
	}{
		{"the number", http.StatusConflict, []string{"kind", "sms", "verb", "remove", "contact", id}},
		{"the number, as one for calls", http.StatusConflict, []string{"kind", "voice", "verb", "remove", "contact", id}},
		{"the number, as an address", http.StatusNotFound, []string{"kind", "email", "verb", "remove", "contact", id}},
		{"the method", http.StatusForbidden, []string{"kind", "sms", "verb", "disable"}},
		{"a new number that is none", http.StatusForbidden, []string{"kind", "phone", "verb", "change", "contact", id}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := d.asProgram().mustPost(t, "/start", append([]string{"confirm", "1"}, tt.pairs...)...)
			require.Equal(t, tt.status, got.Status, "%s", got.Body)
			require.Equal(t, before, holdings(t, p))
		})
	}
	t.Run("an import that does not mention it", func(t *testing.T) {
		apply(t, p, setup.Tenant{Users: []setup.User{{Username: alice}}})
		apply(t, p, setup.Tenant{Users: []setup.User{{Username: alice, Phone: "", Factors: []string{}}}})
		require.Equal(t, mfa.ContactConfirmed, enrolled(t, p, alice).Phone().Status)
	})
}

// textToLandline is T-64.
func textToLandline(t *testing.T, h *harness.House) {
	const landline = "+4930901820"
	p := h.Tenant(t, "marketplace-phone-verification", patch(noLimits), plain(t, alice))
	d := byPassword(t, browser(p), alice)
	_, page := d.asProgram().enter(t, "enable", "sms", landline)
	require.Equal(t, http.StatusUnprocessableEntity, page.Status, "%s", page.Body)
	require.Zero(t, number(t, p, "select count(*) from mfa_deliveries where tenant_id = $1"))
	require.Empty(t, p.Letters(landline))

	_, page = d.enter(t, "enable", "voice", landline)
	require.Equal(t, http.StatusSeeOther, page.Status, "a call is possible: %s", words(page))
	require.NotEmpty(t, code(t, p, landline))
}

// switchRaced is T-67.
func switchRaced(t *testing.T, h *harness.House) {
	const n = 16
	owner := person(t, alice, phone)
	owner.Factors = []string{"email"}
	p := h.Tenant(t, "contract-exclusive-method", patch(noLimits), owner)
	d := signedIn(t, browser(p), alice)
	active := "select count(*) from mfa_factors where tenant_id = $1 and status = 'active'"
	from, to := alice, phone
	for round, kind := range []string{"sms", "email"} {
		ops, right := make([]string, n), make([]string, n)
		for i := range n {
			ops[i] = d.begin(t, "kind", kind, "verb", "enable")
			d.browser.Get(t, ops[i])
			answered := d.mustPost(t, ops[i]+"/answer", "code", code(t, p, from))
			require.Equal(t, http.StatusSeeOther, answered.Status, "%s", words(answered))
			if d.browser.Get(t, ops[i]).Name != "enrol-code" {
				entered := d.mustPost(t, ops[i]+"/contact", "phone", "", "email", "", "method", kind, "confirmed", "1")
				require.Equal(t, http.StatusSeeOther, entered.Status, "%s", words(entered))
				d.browser.Get(t, ops[i])
			}
			right[i] = code(t, p, to)
		}
		answers := statuses(t, parallel(n, func(i int) answer {
			page, err := d.asProgram().post(ops[i]+"/answer", "code", right[i])
			return answer{page, err}
		}))
		require.Equal(t, 1, answers[http.StatusSeeOther], "round %d: %v", round, answers)
		require.Equal(t, n-1, answers[http.StatusConflict]+answers[http.StatusNotFound], "round %d: %v", round, answers)
		require.Equal(t, 1, number(t, p, active))
		require.NotEmpty(t, factor(t, p, alice, policy.Kind(kind)).ID)
		from, to = to, from
		h.Clock.Advance(6 * time.Minute)
	}
}
