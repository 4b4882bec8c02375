package threats_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
)

// Attacks that worked once. None of them has a number in the list of threats.

// plain is a user with a password and nothing else switched on.
func plain(t *testing.T, name string) setup.User {
	t.Helper()
	return setup.User{Username: name, PasswordHash: cheapHash(t)}
}

// passwordChangedInMidLogin: what was proven with the old password ends with it,
// also in a login that is half done.
func passwordChangedInMidLogin(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), plain(t, alice))
	b := browser(p)
	page := b.Password(t, p.Authorize(p.Client), alice, harness.Password)
	require.Equal(t, "consent", page.Name)

	h.Apply(t, setup.Tenant{Slug: p.Slug, Users: []setup.User{{Username: alice, Password: "a-brand-new-password-2"}}})
	h.Clock.Advance(20 * time.Minute)
	f := page.Form(t, "/consent")
	after := b.Post(t, f.Action, f.With("decision", "allow"))

	require.Nil(t, after.Callback)
	require.Equal(t, "login_required", b.Get(t, p.Authorize(p.Client, "prompt", "none").URL).Callback.Get("error"))
}

// weakerProofForASecondStage: each stage of the login takes its own proof.
func weakerProofForASecondStage(t *testing.T, h *harness.House) {
	on := true
	p := h.Tenant(t, preset, patch(longCodes, noLimits,
		`"actions":{"auth.login":{"applies":"always","stages":[["delivered_code"],["second_factor"]]}}`),
		setup.User{Username: alice, PasswordHash: cheapHash(t), MFAEnabled: &on})
	b := browser(p)
	page := b.Password(t, p.Authorize(p.Own), alice, harness.Password)
	require.Equal(t, "challenge", page.Name)

	page = b.Submit(t, page, "/challenge", "code", p.Code(t, alice))

	require.NotNil(t, page.Callback)
	require.Equal(t, "unmet_authentication_requirements", page.Callback.Get("error"))
}

// silentAction: an action is never confirmed by what was done before it was asked
// for.
func silentAction(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits,
		`"actions":{"payout.request":{"applies":"always","stages":[["fresh_login"]],"methods":["email"],"binding":"page"}}`), plain(t, alice))
	b := browser(p)
	b.Login(t, alice, alice)
	h.Clock.Advance(10 * time.Minute)

	answer := b.Get(t, p.Authorize(p.Own, "acr_values", payoutACR, "prompt", "none").URL).Callback

	require.Empty(t, answer.Get("code"))
	require.NotEmpty(t, answer.Get("error"))
}

// passwordActionPastItsTime: an action that asks for nothing but the password has
// a confirmation and an end as any other.
func passwordActionPastItsTime(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits,
		`"actions":{"payout.request":{"applies":"always","stages":[["password"]],"methods":["email"],"binding":"page","ttl_s":300}}`), plain(t, alice))
	b := browser(p)
	b.Login(t, alice, alice)
	open := func() *harness.Page { return b.Get(t, p.Authorize(p.Own, "acr_values", payoutACR).URL) }

	late := open()
	h.Clock.Advance(6 * time.Minute)
	late = b.Submit(t, late, "/confirm", "password", harness.Password)
	require.True(t, late.Callback == nil || late.Callback.Get("error") != "", "answered with a code")

	page := b.Submit(t, open(), "/confirm", "password", harness.Password)
	require.NotEmpty(t, page.Callback.Get("code"))
	require.Equal(t, 1, number(t, p, "select count(*) from confirmations where tenant_id = $1 and status = $2", "approved"))
}

// consentOfTheOneBefore: what one user allowed is not allowed for the next.
func consentOfTheOneBefore(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), plain(t, alice), plain(t, bob))
	b := browser(p)
	first := b.Get(t, p.Authorize(p.Client, "scope", "openid email").URL)
	require.Equal(t, "identify", first.Name)
	base := p.Issuer + "/interaction/" + interactionOf(first.URL)
	b.Login(t, bob, bob)
	f := b.Get(t, base).Form(t, "/consent")
	_, err := b.PostOnce(f.Action, f.With("decision", "allow"))
	require.NoError(t, err)
	_, err = h.Server.Store.EndSessionsOf(t.Context(), tenant(t, p), user(t, p, bob).ID, "", h.Clock.Now())
	require.NoError(t, err)

	page := b.Get(t, base)
	if page.Name == "password" {
		page = b.Submit(t, page, "/not-you")
	}
	if page.Name == "identify" {
		page = b.Submit(t, page, "/identify", "username", alice)
		page = b.Submit(t, page, "/password", "password", harness.Password)
	}

	require.Nil(t, page.Callback, "answered for alice with what bob allowed")
}

// closedAccountComesBack: who is disabled loses everything, and an app's raised
// floor holds for refresh as well.
func closedAccountComesBack(t *testing.T, h *harness.House) {
	on, off := true, false
	p := h.Tenant(t, preset, patch(longCodes, noLimits), plain(t, alice))
	b := browser(p)
	refresh := func(token string) int {
		return p.Token(t, p.Own, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}).Status
	}
	a, answer := b.Login(t, alice, alice, "scope", "openid offline_access")
	tokens := p.Exchange(t, a, answer)

	h.Apply(t, setup.Tenant{Slug: p.Slug, Users: []setup.User{{Username: alice, Disabled: &on}}})
	h.Apply(t, setup.Tenant{Slug: p.Slug, Users: []setup.User{{Username: alice, Disabled: &off}}})
	require.Equal(t, 400, refresh(tokens.Refresh))
	require.Equal(t, "login_required", b.Get(t, p.Authorize(p.Own, "prompt", "none").URL).Callback.Get("error"))

	a, answer = b.Login(t, alice, alice, "scope", "openid offline_access")
	tokens = p.Exchange(t, a, answer)
	h.Apply(t, setup.Tenant{Slug: p.Slug, Clients: []setup.Client{{
		ID: p.Own, Secret: p.Secret, Members: []byte(`{"client_id":"own","min_acr":"urn:sallyport:acr:2sv"}`),
	}}})
	require.Equal(t, 400, refresh(tokens.Refresh))
}
