package threats_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// appHouse is a place with a clock that stands, and alice with an app whose first
// code was that of the step before the present one.
func appHouse(t *testing.T, h *harness.House) (annex, *still, *harness.Place, app) {
	t.Helper()
	p := h.Tenant(t, broker, patch(everyMethod, noLimits), mailed(t, alice))
	clock := stillAt(h.Clock.Now().Truncate(30 * time.Second))
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	phoneApp := signedIn(t, a.browser(p), alice).addApp(t, clock.now())
	clock.move(time.Minute)
	return a, clock, p, phoneApp
}

// appReplayed is T-09.
func appReplayed(t *testing.T, h *harness.House) {
	a, clock, p, phoneApp := appHouse(t, h)
	ok := events(t, p, mfa.EventTried, "ok")

	t.Run("64 at once, in as many logins", func(t *testing.T) {
		logins := make([]visit, 16)
		for i := range logins {
			logins[i], _ = by(t, a.browser(p), alice, "totp")
		}
		right := phoneApp.code(t, clock.now())
		n := statuses(t, parallel(64, func(i int) answer {
			page, err := logins[i%len(logins)].guess(right)
			return answer{page, err}
		}))
		require.Equal(t, 1, n[http.StatusSeeOther], "%v", n)
		require.Equal(t, ok+1, events(t, p, mfa.EventTried, "ok"))
		ended := 0
		for _, v := range logins {
			if v.browser.Get(t, v.resume()).Callback != nil {
				ended++
			}
		}
		require.Equal(t, 1, ended)
	})
	t.Run("the same code again, and the one before the last", func(t *testing.T) {
		clock.move(30 * time.Minute) // past the delays of the refused ones
		before := phoneApp.code(t, clock.now())
		clock.move(30 * time.Second)
		after := phoneApp.code(t, clock.now())
		v, _ := by(t, a.browser(p), alice, "totp")
		require.Equal(t, http.StatusSeeOther, v.mustGuess(t, after).Status)

		again, _ := by(t, a.browser(p), alice, "totp")
		for _, old := range []string{after, before} {
			require.Equal(t, http.StatusUnprocessableEntity, again.mustGuess(t, old).Status)
		}
		require.Nil(t, again.browser.Get(t, again.resume()).Callback)
		clock.move(30 * time.Second)
		require.Equal(t, http.StatusSeeOther, again.mustGuess(t, phoneApp.code(t, clock.now())).Status)
	})
}

// setUpCode is T-10.
func setUpCode(t *testing.T, h *harness.House) {
	p := h.Tenant(t, broker, patch(everyMethod, noLimits), mailed(t, alice))
	clock := stillAt(h.Clock.Now().Truncate(30 * time.Second))
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	phoneApp := signedIn(t, a.browser(p), alice).addApp(t, clock.now())
	right := phoneApp.code(t, clock.now())

	clock.move(29 * time.Second)
	v, _ := by(t, a.browser(p), alice, "totp")
	require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, right).Status)
	clock.move(time.Second)
	require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, right).Status, "in the next step, too")

	require.Nil(t, v.browser.Get(t, v.resume()).Callback)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, phoneApp.code(t, clock.now())).Status)
}

// appWindow is T-11.
func appWindow(t *testing.T, h *harness.House) {
	a, clock, p, phoneApp := appHouse(t, h)
	for _, tt := range []struct {
		name string
		step time.Duration
		want int
	}{
		{"two steps ago", -2, http.StatusUnprocessableEntity},
		{"the next step", 1, http.StatusUnprocessableEntity},
		{"one step ago", -1, http.StatusSeeOther},
		{"now", 0, http.StatusSeeOther},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock.move(10 * time.Minute)
			v, _ := by(t, a.browser(p), alice, "totp")
			require.Equal(t, tt.want, v.mustGuess(t, phoneApp.code(t, clock.now().Add(tt.step*30*time.Second))).Status)
		})
	}
}

// codeTwice is T-12. The other ways in, of another provider and of a device, have no
// routes yet.
func codeTwice(t *testing.T, h *harness.House) {
	p := h.Tenant(t, broker, patch(everyMethod, noLimits), mailed(t, alice))
	a := build(t, h, nil)
	list := signedIn(t, a.browser(p), alice).addCodes(t)
	logins := make([]visit, 16)
	for i := range logins {
		logins[i], _ = by(t, a.browser(p), alice, "recovery_codes")
	}

	n := statuses(t, parallel(64, func(i int) answer {
		page, err := logins[i%len(logins)].guess(list[3])
		return answer{page, err}
	}))

	require.Equal(t, 1, n[http.StatusSeeOther], "%v", n)
	require.Equal(t, 1, number(t, p, "select count(*) from mfa_recovery_codes where tenant_id = $1 and used_at is not null"))
	h.Clock.Advance(2 * time.Hour)
	again, _ := by(t, a.browser(p), alice, "recovery_codes")
	require.NotEqual(t, http.StatusSeeOther, again.mustGuess(t, list[3]).Status)
	require.Nil(t, again.browser.Get(t, again.resume()).Callback)
	require.Equal(t, http.StatusSeeOther, again.mustGuess(t, list[4]).Status)
	require.NotEmpty(t, again.finish(t).Get("code"))

	t.Run("and in an operation of the settings", func(t *testing.T) {
		d := settle(t, again.browser)
		op := d.begin(t, "kind", "email", "verb", "disable", "confirm", "1")
		d.mustPost(t, op+"/switch", "method", "recovery_codes")
		for _, spent := range list[3:5] {
			require.NotEqual(t, http.StatusSeeOther, d.mustPost(t, op+"/answer", "code", spent).Status)
		}
		require.NotEmpty(t, factor(t, p, alice, policy.Email).ID)
	})
}

// oneHash is T-14.
func oneHash(t *testing.T, h *harness.House) {
	p := h.Tenant(t, broker, patch(everyMethod, noLimits), mailed(t, alice))
	hashes := cheapHasher(t)
	a := build(t, h, func(o *server.Options) { o.Hashes = hashes })
	list := signedIn(t, a.browser(p), alice).addCodes(t)
	v, _ := by(t, a.browser(p), alice, "recovery_codes")
	other := list[0][:2] + list[1][2:] // the slot of one code, the secret of another

	for _, tt := range []struct {
		name, code string
		want       int64
		status     int
	}{
		{"a wrong code of a slot that there is", other, 1, http.StatusUnprocessableEntity},
		{"what is no code", "not-a-code", 0, http.StatusUnprocessableEntity},
		{"a right code", list[2], 1, http.StatusSeeOther},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := hashes.Worked()
			require.Equal(t, tt.status, v.mustGuess(t, tt.code).Status)
			require.Equal(t, tt.want, hashes.Worked()-before)
		})
	}
}

// codesAsTwo is T-13. A new password takes a link from the mailbox and no recovery
// code, so two of them could only meet in an action with two stages.
func codesAsTwo(t *testing.T, h *harness.House) {
	const twice = `"actions": {
		"auth.login": {"methods": ["email", "recovery_codes"]},
		"operation.confirm": {"applies": "always", "stages": [["second_factor"], ["any_factor"]], "methods": ["recovery_codes", "email"],
			"binding": "page", "begin": "on_arrival"}}`
	p := h.Tenant(t, broker, patch(noLimits, `"lifecycle": {"recovery_codes": {"enable": [["password"]]}}`, twice), mailed(t, alice))
	b := browser(p)
	list := signedIn(t, b, alice).addCodes(t)
	v, page := mustOpen(t, b, p.Authorize(p.Own, "acr_values", "urn:sallyport:action:operation.confirm"))
	require.Contains(t, page.Body, `value="recovery_codes"`)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge/switch", "method", "recovery_codes").Status)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", list[0]).Status)

	for _, path := range []string{"/confirm", "/choose"} {
		require.NotContains(t, b.Get(t, v.path(path)).Body, `value="recovery_codes"`, "%s", path)
	}
	require.Equal(t, http.StatusBadRequest, v.mustPost(t, "/challenge/switch", "method", "recovery_codes").Status)
	require.NotEqual(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", list[1]).Status)
	require.Nil(t, b.Get(t, v.resume()).Callback)
	require.Equal(t, 1, number(t, p, "select count(*) from mfa_recovery_codes where tenant_id = $1 and used_at is not null"))

	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
}

// deviceByCode is the half of T-22 that is about recovery codes.
func deviceByCode(t *testing.T, h *harness.House) {
	t.Run("among the ways of a login", func(t *testing.T) {
		p := h.Tenant(t, broker, patch(everyMethod, noLimits, trusting), mailed(t, alice))
		b := browser(p)
		list := signedIn(t, b, alice).addCodes(t)
		v, page := by(t, b, alice, "recovery_codes")
		require.NotContains(t, page.Form(t, "/challenge").Names, "trust_device")
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge", "code", list[0], "trust_device", "1").Status)
		require.NotEmpty(t, v.finish(t).Get("code"))
		require.Zero(t, devices(t, p))

		by, page := by(t, b, alice, "email")
		require.Contains(t, page.Form(t, "/challenge").Names, "trust_device")
		require.Equal(t, http.StatusSeeOther, by.mustPost(t, "/challenge", "code", code(t, p, alice), "trust_device", "1").Status)
		require.Equal(t, 1, devices(t, p), "a code from the mailbox may")
	})
	t.Run("when nothing else works", func(t *testing.T) {
		p := h.Tenant(t, preset, patch(longCodes, noLimits, trusting, `"lifecycle": {"recovery_codes": {"enable": [["password"]]}}`), mailed(t, alice))
		b := browser(p)
		list := signedIn(t, b, alice).addCodes(t)
		v := mustSecondStep(t, b, alice, "prompt", "login")
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/recover").Status)
		page := b.Get(t, v.path("/challenge"))
		require.NotContains(t, page.Form(t, "/challenge").Names, "trust_device")
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge", "code", list[0], "trust_device", "1").Status)
		require.NotEmpty(t, v.finish(t).Get("code"))
		require.Zero(t, devices(t, p))
		require.Nil(t, cookie(t, b, "td-"))
	})
}

// movedSecret is the half of T-46 that is about the secrets of factors.
func movedSecret(t *testing.T, h *harness.House) {
	p := h.Tenant(t, broker, patch(everyMethod, noLimits), mailed(t, alice), mailed(t, bob))
	clock := stillAt(h.Clock.Now())
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	hers, his := signedIn(t, a.browser(p), alice), signedIn(t, a.browser(p), bob)
	apps := map[string]app{alice: hers.addApp(t, clock.now()), bob: his.addApp(t, clock.now())}
	lists := map[string][]string{alice: hers.addCodes(t), bob: his.addCodes(t)}
	clock.move(10 * time.Minute)

	t.Run("the keys of two apps", func(t *testing.T) {
		one, other := factor(t, p, alice, policy.TOTP).ID, factor(t, p, bob, policy.TOTP).ID
		exchange(t, p, "mfa_factors", "secret_enc", one, other)
		for name, theirs := range map[string]string{alice: bob, bob: alice} {
			b := a.browser(p)
			v, _ := mustOpen(t, b, b.Place.Authorize(p.Own))
			v.mustPost(t, "/identify", "username", name)
			v.mustPost(t, "/password", "password", harness.Password)
			v.mustPost(t, "/challenge/switch", "method", "totp")
			for _, code := range []string{apps[name].code(t, clock.now()), apps[theirs].code(t, clock.now())} {
				page := v.mustGuess(t, code)
				require.NotEqual(t, http.StatusSeeOther, page.Status)
			}
			require.Equal(t, http.StatusInternalServerError, v.browser.Get(t, v.path("")).Status, "tampering is no passing trouble")
			require.Nil(t, v.browser.Get(t, v.resume()).Callback)
		}
		require.NotZero(t, events(t, p, "integrity.failed", "refused"))
		exchange(t, p, "mfa_factors", "secret_enc", one, other)
		v, _ := by(t, a.browser(p), alice, "totp")
		require.Equal(t, http.StatusSeeOther, v.mustGuess(t, apps[alice].code(t, clock.now())).Status, "back in their places they are good")
	})
	t.Run("the hashes of two recovery codes", func(t *testing.T) {
		// A hash is not sealed but keyed: in another row it is that of no code.
		mine, theirs := factor(t, p, alice, policy.RecoveryCodes).ID, factor(t, p, bob, policy.RecoveryCodes).ID
		exec(t, p, `update mfa_recovery_codes set hash = (select o.hash from mfa_recovery_codes o
			where o.tenant_id = $1 and o.factor_id = $3 and o.slot = mfa_recovery_codes.slot) where tenant_id = $1 and factor_id = $2`, mine, theirs)
		clock.move(time.Hour)
		v, _ := by(t, a.browser(p), alice, "recovery_codes")
		for _, code := range []string{lists[alice][0], lists[bob][0]} {
			require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, code).Status)
		}
		require.Nil(t, v.browser.Get(t, v.resume()).Callback)
	})
}

// exchange swaps a column between the rows with two ids.
func exchange(t *testing.T, p *harness.Place, table, column, one, other string) {
	t.Helper()
	value := func(id string) (v string) {
		query := "select " + column + " from " + table + " where tenant_id = $1 and id = $2"
		require.NoError(t, p.House.Server.Store.DB.SQL.QueryRowContext(t.Context(), query, tenant(t, p), id).Scan(&v))
		return v
	}
	first, second := value(one), value(other)
	require.NotEqual(t, first, second)
	for id, v := range map[string]string{one: second, other: first} {
		exec(t, p, "update "+table+" set "+column+" = $3 where tenant_id = $1 and id = $2", id, v)
	}
}
