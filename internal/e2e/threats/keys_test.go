package threats_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// keyForged is T-57, and the part of T-39 that is about keys.
func keyForged(t *testing.T, h *harness.House) {
	p := h.Tenant(t, broker, patch(everyMethod, noLimits), mailed(t, alice))
	b := browser(p)
	d := signedIn(t, b, alice)
	k := d.addKey(t, nil)

	t.Run("a registration for another page", func(t *testing.T) {
		for _, change := range []func(*key){
			func(k *key) { k.page.ID = "login.example" },
			func(k *key) { k.page.Origin = "https://login.example" },
		} {
			foreign := newKey(t, p)
			change(foreign)
			op := d.begin(t, "kind", "webauthn", "verb", "enable")
			refused := d.mustPost(t, op+"/answer", "name", "key", "credential", foreign.create(t, b.Get(t, op)))
			require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
			require.Len(t, keysOf(t, p, alice), 1)
			d.mustPost(t, op+"/cancel")
		}
	})
	t.Run("the second step for another page", func(t *testing.T) {
		for _, change := range []func(*key){
			func(k *key) { k.page.ID = "login.example" },
			func(k *key) { k.page.Origin = "https://login.example" },
		} {
			relayed := *k
			change(&relayed)
			v, page := by(t, browser(p), alice, "webauthn")
			require.Equal(t, http.StatusUnprocessableEntity, v.mustPost(t, "/challenge", "credential", relayed.sign(t, page)).Status)
			require.Nil(t, v.browser.Get(t, v.resume()).Callback)
		}
	})
	t.Run("a challenge is signed once", func(t *testing.T) {
		v, page := by(t, browser(p), alice, "webauthn")
		signed := k.sign(t, page)
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge", "credential", signed).Status)
		require.Equal(t, http.StatusConflict, v.mustPost(t, "/challenge", "credential", signed).Status)
		require.NotEmpty(t, v.finish(t).Get("code"))

		again, _ := by(t, browser(p), alice, "webauthn")
		require.Equal(t, http.StatusUnprocessableEntity, again.mustPost(t, "/challenge", "credential", signed).Status)
		require.Nil(t, again.browser.Get(t, again.resume()).Callback)
	})
	t.Run("a passkey that did not check its user is no login", func(t *testing.T) {
		v, page := mustOpen(t, browser(p), p.Authorize(p.Own))
		present := *k
		present.auth.Options.UserNotVerified = true
		signed := present.sign(t, page)
		k.cred.Counter = present.cred.Counter
		require.Equal(t, http.StatusUnprocessableEntity, v.mustPost(t, "/passkey", "credential", signed).Status)
		require.Nil(t, v.browser.Get(t, v.resume()).Callback)

		page = v.browser.Get(t, v.path("/login"))
		in := v.mustPost(t, "/passkey", "credential", k.sign(t, page))
		require.Equal(t, http.StatusSeeOther, in.Status, "%s", words(in))
		require.NotEmpty(t, v.finish(t).Get("code"))
	})
	t.Run("a counter that goes back turns the key off", func(t *testing.T) {
		v, page := by(t, browser(p), alice, "webauthn")
		k.cred.Counter -= 2
		require.Equal(t, http.StatusUnprocessableEntity, v.mustPost(t, "/challenge", "credential", k.sign(t, page)).Status)
		require.Empty(t, keysOf(t, p, alice))
		require.Nil(t, v.browser.Get(t, v.resume()).Callback)

		next := mustSecondStep(t, browser(p), alice, "prompt", "login")
		require.Equal(t, http.StatusBadRequest, next.mustPost(t, "/challenge/switch", "method", "webauthn").Status)
		require.Equal(t, 1, events(t, p, mfa.EventDowngrade, "not_offered"))
	})
}

// keysOf are the keys of a user that are on.
func keysOf(t *testing.T, p *harness.Place, name string) []mfa.Factor {
	t.Helper()
	var on []mfa.Factor
	for _, f := range enrolled(t, p, name).Factors {
		if f.Kind == policy.WebAuthn && f.Status == mfa.FactorActive {
			on = append(on, f)
		}
	}
	return on
}
