package threats_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// graced is forced, where the set-up can be put off for a day.
func graced(t *testing.T, h *harness.House) *harness.Place {
	t.Helper()
	return h.Tenant(t, "account-admin-sms-default", patch(noLimits, longCodes, trusting, `"enforcement": {"grace_s": 86400}`,
		`"methods": {"totp": {"enabled": true, "role": "any", "uses": ["login"]}}`), plain(t, alice))
}

// strangerPutsOff is T-30, for somebody who has the password alone and puts the set-up
// off, to do it in the settings where no code was asked for.
func strangerPutsOff(t *testing.T, h *harness.House) {
	p := graced(t, h)
	b := browser(p)
	v, _ := mustOpen(t, b, p.Authorize(p.Own))
	_, err := v.enter(alice)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/later").Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	d := settle(t, b)

	for kind, path := range map[string]string{"sms": "/contact", "totp": "/answer"} {
		op := d.begin(t, "kind", kind, "verb", "enable", "os", "other")
		page := b.Get(t, op)
		require.Equal(t, "challenge", page.Name, "the account's own address comes first")
		require.NotContains(t, page.Body, "secret=", "no key is shown before")
		got := d.mustPost(t, op+path, "phone", phone, "confirmed", "1", "code", wrong(code(t, p, alice), 0))
		require.GreaterOrEqual(t, got.Status, 400)
		require.Empty(t, p.Letters(phone))
		require.Empty(t, factor(t, p, alice, policy.Kind(kind)).ID)
		d.mustPost(t, op+"/cancel")
	}

	op := d.begin(t, "kind", "sms", "verb", "enable")
	b.Get(t, op)
	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/answer", "code", code(t, p, alice)).Status)
	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/contact", "phone", phone, "confirmed", "1").Status)
	b.Get(t, op)
	done(t, d.mustPost(t, op+"/answer", "code", code(t, p, phone)))
}

// addressTaken: whoever has the password alone cannot make the account's address one of
// their own, also where no method of the tenant goes by email.
func addressTaken(t *testing.T, h *harness.House) {
	const mallory = "mallory@example.test"
	p := h.Tenant(t, "marketplace-phone-verification", patch(noLimits, longCodes), plain(t, alice))
	b := browser(p)
	v, _ := mustOpen(t, b, p.Authorize(p.Own))
	_, err := v.enter(alice)
	require.NoError(t, err)
	require.NotEmpty(t, v.finish(t).Get("code"))
	d := settle(t, b)

	op := d.begin(t, "kind", "email", "verb", "change", "account", "1")
	require.Equal(t, "challenge", b.Get(t, op).Name)
	for path, pairs := range map[string][]string{
		"/contact":  {"email", mallory, "confirmed", "1"},
		"/password": {"password", harness.Password},
		"/answer":   {"code", wrong(code(t, p, alice), 0)},
	} {
		require.GreaterOrEqual(t, d.mustPost(t, op+path, pairs...).Status, 400, path)
	}
	require.Empty(t, p.Letters(mallory))

	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/answer", "code", code(t, p, alice)).Status)
	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/contact", "email", mallory, "confirmed", "1").Status)
}

// trustBeforeTheEnd is T-22, by a proof that a login takes before its second step.
func trustBeforeTheEnd(t *testing.T, h *harness.House) {
	p := graced(t, h)
	b := browser(p)
	v, _ := mustOpen(t, b, p.Authorize(p.Own))
	_, err := v.enter(alice)
	require.NoError(t, err)
	b.Get(t, v.path("/challenge"))

	got := v.mustPost(t, "/challenge", "code", code(t, p, alice), "trust_device", "1")

	require.Equal(t, http.StatusSeeOther, got.Status)
	require.Nil(t, cookie(t, b, "td-"), "that code is no second step")
	require.Zero(t, devices(t, p))
}

// passwordOfAnother: the password of a stage is that of the user who confirms.
func passwordOfAnother(t *testing.T, h *harness.House) {
	const his = "a-word-that-only-bob-has"
	p := h.Tenant(t, preset, patch(longCodes, noLimits,
		`"actions":{"payout.request":{"applies":"always","stages":[["password"]],"methods":["email"],"binding":"page","ttl_s":300}}`),
		plain(t, alice), plain(t, bob))
	apply(t, p, passwordOf(bob, his))
	b := browser(p)
	b.Login(t, alice, alice)
	v, page := mustOpen(t, b, p.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, "password", page.Name)

	for _, name := range []string{"", alice, bob} {
		got := v.mustPost(t, "/confirm", "username", name, "password", his)
		require.Equal(t, http.StatusUnprocessableEntity, got.Status, "as %q", name)
	}

	require.Nil(t, b.Get(t, v.resume()).Callback)
	require.Zero(t, number(t, p, "select count(*) from confirmations where tenant_id = $1 and status = $2", "approved"))
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "password", harness.Password).Status)
}

// staleByCode: a code that raises a session makes its login no younger, and the
// settings still ask for a new one.
func staleByCode(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	clock := stillAt(h.Clock.Now())
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	b := a.browser(p)
	v := mustSecondStep(t, b, alice)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, alice)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	clock.move(10 * time.Minute)
	v, page := mustOpen(t, b, b.Place.Authorize(p.Own, "acr_values", "urn:sallyport:acr:mfa"))
	require.Equal(t, "challenge", page.Name)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, phone)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	d := settle(t, b)
	require.Contains(t, d.begin(t, "kind", "sms", "verb", "change"), "/op/", "it is young enough so far")
	clock.move(5*time.Minute + time.Second)

	got := d.mustPost(t, "/start", "kind", "sms", "verb", "change")
	require.Equal(t, http.StatusSeeOther, got.Status)
	require.Contains(t, got.URL.Path, "/interaction/", "to the sign-in")
}
