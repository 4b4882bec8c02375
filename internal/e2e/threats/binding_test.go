package threats_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/mfa"
)

const bobPhone = "+4915735991001"

// foreignChallenge is T-15. The id of a challenge never leaves the server; what
// an attacker can name is the interaction that owns it.
func foreignChallenge(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
	other := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	owner := mustSecondStep(t, browser(p), bob)
	right := code(t, p, bob)

	attacker := browser(p)
	attacker.Login(t, alice, alice) // with a session of another user
	elsewhere := browser(other)
	elsewhere.Login(t, alice, alice)
	// The binding cookie of the owner, under the name that the other tenant reads.
	forged := browser(other)
	mustOpen(t, forged, other.Authorize(other.Own))
	plant(t, forged, cookie(t, forged, "sp-browser-").Name, cookie(t, owner.browser, "sp-browser-").Value)
	for _, tt := range []struct {
		name    string
		browser *harness.Browser
	}{
		{"the session of another user", attacker},
		{"another browser", browser(p)},
		{"another tenant", elsewhere},
		{"another tenant with the owner's binding", forged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := visit{browser: tt.browser, id: owner.id, csrf: owner.csrf}
			for _, post := range []func() (*harness.Page, error){
				func() (*harness.Page, error) { return v.guess(right) },
				func() (*harness.Page, error) { return v.guess(wrong(right, 0)) },
				func() (*harness.Page, error) { return v.post("/challenge/resend") },
				func() (*harness.Page, error) { return v.post("/challenge/switch", "method", "sms") },
				func() (*harness.Page, error) { return v.post("/cancel") },
			} {
				page, err := post()
				require.NoError(t, err)
				require.Equal(t, http.StatusNotFound, page.Status)
			}
			for _, path := range []string{v.path(""), v.path("/challenge"), v.path("/choose"), v.resume()} {
				require.Equal(t, http.StatusNotFound, tt.browser.Get(t, path).Status, "%s", path)
			}
			require.Zero(t, owner.challenge(t).Attempts)
			require.Equal(t, "sent", owner.challenge(t).Status)
		})
	}
	require.Equal(t, 1, codes(p, bob))
	require.Equal(t, http.StatusSeeOther, owner.mustGuess(t, right).Status)
	require.NotEmpty(t, owner.finish(t).Get("code"))
}

// burntAttempts is T-16.
func burntAttempts(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes), person(t, alice, phone))
	owner := mustSecondStep(t, browser(p), alice)
	right := code(t, p, alice)

	t.Run("without the binding of the browser", func(t *testing.T) {
		stranger := visit{browser: browser(p), id: owner.id, csrf: owner.csrf}
		for i := range 20 {
			require.Equal(t, http.StatusNotFound, stranger.mustGuess(t, wrong(right, i)).Status)
		}
	})
	t.Run("without the form's secret", func(t *testing.T) {
		forger := owner
		forger.csrf = ""
		for i := range 20 {
			require.Equal(t, http.StatusForbidden, forger.mustGuess(t, wrong(right, i)).Status)
		}
	})
	t.Run("without the first factor", func(t *testing.T) {
		v, _ := mustOpen(t, browser(p), p.Authorize(p.Own))
		v.mustPost(t, "/identify", "username", alice)
		for i := range 20 {
			require.Equal(t, http.StatusConflict, v.mustGuess(t, wrong(right, i)).Status)
		}
		require.Equal(t, http.StatusConflict, v.mustPost(t, "/challenge/resend").Status)
		require.Equal(t, http.StatusConflict, v.mustPost(t, "/challenge/switch", "method", "email").Status)
	})

	require.Equal(t, challenge{owner.challenge(t).ID, "sent", 0, 0, 1}, owner.challenge(t))
	require.Zero(t, comparisons(t, p))
	require.Zero(t, number(t, p, "select coalesce(sum(fails_run), 0) from mfa_guards where tenant_id = $1"))
	require.Equal(t, 1, codes(p, alice))
	require.Equal(t, http.StatusSeeOther, owner.mustGuess(t, right).Status)
	require.NotEmpty(t, owner.finish(t).Get("code"))
}

// downgrade is T-27.
func downgrade(t *testing.T, h *harness.House) {
	unconfirmed := person(t, bob, bobPhone)
	unconfirmed.PhoneStatus, unconfirmed.PhoneSource, unconfirmed.Factors = "unverified", "legacy", []string{"email"}
	tests := []struct {
		name   string
		policy string
		user   string
		acr    string
		method string
		status int
		result string // in the audit log
	}{
		{"before the timer", patch(longCodes), alice, "", "sms", http.StatusTooManyRequests, "too_soon"},
		{"an unconfirmed phone", patch(longCodes), bob, "", "sms", http.StatusBadRequest, "not_offered"},
		{"switched off by the policy", patch(longCodes, `"methods": {"sms": {"enabled": false}}`), alice, "", "sms", http.StatusBadRequest, "not_offered"},
		{"not for logins by the policy", patch(longCodes, `"methods": {"sms": {"uses": ["action"]}}`), alice, "", "sms", http.StatusBadRequest, "not_offered"},
		{"a backup that is never unlocked", patch(longCodes, `"delivery": {"fallback_unlock": "never"}`), alice, "", "sms", http.StatusBadRequest, "not_offered"},
		{"too weak for the acr asked for", patch(longCodes), alice, "urn:sallyport:acr:mfa", "email", http.StatusBadRequest, "not_offered"},
		{"a method that is no method", patch(longCodes), alice, "", "carrier-pigeon", http.StatusBadRequest, "not_offered"},
		{"a method that the user has not", patch(longCodes), alice, "", "totp", http.StatusBadRequest, "not_offered"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := h.Tenant(t, preset, tt.policy, person(t, alice, phone), unconfirmed)
			v := mustSecondStep(t, browser(p), tt.user, "acr_values", tt.acr)
			begun := v.challenge(t)

			page := v.mustPost(t, "/challenge/switch", "method", tt.method)

			require.Equal(t, tt.status, page.Status)
			if tt.status == http.StatusTooManyRequests {
				require.NotEmpty(t, page.Header.Get("Retry-After"))
			}
			require.Equal(t, 1, events(t, p, mfa.EventDowngrade, tt.result))
			require.Equal(t, begun, v.challenge(t), "the challenge goes on as it was")
			sent := len(p.Letters(alice)) + len(p.Letters(phone)) + len(p.Letters(bob)) + len(p.Letters(bobPhone))
			require.Equal(t, 1, sent)
		})
	}
}

// anotherUserInAnotherTab: somebody else signs in while a page is open. What the
// page then sends must not be answered for either of them.
func anotherUserInAnotherTab(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
	tests := []struct {
		name string
		acr  string
		page string
		form string
		to   string
	}{
		{"an action", payoutACR, "confirm", "/confirm", alice},
		{"a stronger session", "urn:sallyport:acr:mfa", "challenge", "/challenge", phone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := browser(p)
			_, answer := b.Login(t, alice, alice)
			require.NotEmpty(t, answer.Get("code"))
			first, page := mustOpen(t, b, p.Authorize(p.Own, "acr_values", tt.acr))
			require.Equal(t, tt.page, page.Name)
			approved := events(t, p, "action.approved", "ok")
			stepped := events(t, p, "stepup.completed", "ok")

			b.Login(t, bob, bob, "prompt", "login") // in the other tab
			got := first.mustPost(t, tt.form, "code", code(t, p, tt.to))

			require.Equal(t, http.StatusConflict, got.Status, "the page of one user was answered while another was signed in")
			require.Equal(t, "sent", first.challenge(t).Status, "the code was looked at")
			end := b.Get(t, first.resume())
			require.Nil(t, end.Callback)
			require.Equal(t, "password", end.Name, "the first user has to sign in again")
			require.NotContains(t, end.Body, bob)
			// With the other user's password it does not go on, either.
			wrongUser := apart(t, p, first, bob)
			require.Equal(t, http.StatusUnprocessableEntity, wrongUser.Status)
			require.Nil(t, b.Get(t, first.resume()).Callback)
			require.Equal(t, approved, events(t, p, "action.approved", "ok"))
			require.Equal(t, stepped, events(t, p, "stepup.completed", "ok"))

			answer = b.Get(t, p.Authorize(p.Own, "prompt", "none").URL).Callback
			require.Empty(t, answer.Get("error"), "the other tab stays as it was: %v", answer)
		})
	}
	t.Run("a page that was begun signed out", func(t *testing.T) { begunSignedOut(t, h) })
	t.Run("a login whose second step is open", func(t *testing.T) {
		b := browser(p)
		first := mustSecondStep(t, b, alice)
		_, _ = b.Login(t, bob, bob)

		require.Equal(t, http.StatusSeeOther, first.mustGuess(t, code(t, p, alice)).Status)
		answer := first.finish(t)

		tokens := p.Exchange(t, first.auth, answer)
		require.Equal(t, user(t, p, alice).ID, harness.Claims(t, tokens.ID)["sub"], "a login answers for whom it was")
	})
}

// begunSignedOut: nobody was signed in when the page was asked for. Whoever does
// the first step of it is the one whom the answer is about.
func begunSignedOut(t *testing.T, h *harness.House) {
	off := false
	weak := person(t, bob, bobPhone)
	weak.MFAEnabled = &off
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), weak)
	for _, tt := range []struct {
		name, client string
		pairs        []string
		page, form   string
		values       func() []string
	}{
		{
			"a stronger session", p.Own,
			[]string{"acr_values", "urn:sallyport:acr:mfa"},
			"challenge", "/challenge",
			func() []string { return []string{"code", code(t, p, phone)} },
		},
		{
			"an action", p.Own,
			[]string{"acr_values", payoutACR},
			"confirm", "/confirm",
			func() []string { return []string{"code", code(t, p, alice)} },
		},
		{
			"consent", p.Client,
			[]string{"scope", "openid email"},
			"consent", "/consent",
			func() []string { return []string{"decision", "allow"} },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := browser(p)
			v, page := mustOpen(t, b, p.Authorize(tt.client, tt.pairs...))
			require.Equal(t, "identify", page.Name)
			b.Login(t, alice, alice) // in another tab
			require.Equal(t, tt.page, b.Get(t, v.path("")).Name)
			require.Equal(t, http.StatusSeeOther, v.mustPost(t, tt.form, tt.values()...).Status)
			b.Login(t, bob, bob, "prompt", "login") // in another tab

			end := b.Get(t, v.resume())

			require.Nil(t, end.Callback, "what alice did was answered for bob: %v", end.Callback)
			require.Equal(t, user(t, p, bob).ID, whoIs(t, b))
			require.Zero(t, events(t, p, "stepup.completed", "ok"))
		})
	}
}

// apart posts the password of name into v, with name typed as well.
func apart(t *testing.T, p *harness.Place, v visit, name string) *harness.Page {
	t.Helper()
	v.mustPost(t, "/not-you")
	v.mustPost(t, "/identify", "username", name)
	// The password is one that the pinned user does not have.
	apply(t, p, passwordOf(alice, "alice-has-another-one-now"))
	defer apply(t, p, passwordOf(alice, harness.Password))
	return v.mustPost(t, "/password", "username", name, "password", harness.Password)
}

// proofElsewhere: what was proven in one interaction is worth nothing in another.
func proofElsewhere(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits, `"lockout": {"soft_fails": 20}`), person(t, alice, phone))
	const details = "urn:sallyport:action:payment_details.add"
	b := browser(p)
	b.Login(t, alice, alice)
	page := func(t *testing.T, client, acr string) (visit, string) {
		t.Helper()
		v, shown := mustOpen(t, b, p.Authorize(client, "acr_values", acr))
		require.Equal(t, "confirm", shown.Name)
		return v, code(t, p, alice)
	}

	tests := []struct {
		name, client, acr string
		beside            bool // both may be open at once
	}{
		{"the same action of the same app", p.Own, payoutACR, false},
		{"another action", p.Own, details, true},
		{"the same action of another app", p.Client, payoutACR, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, right := page(t, p.Own, payoutACR)
			second, otherCode := page(t, tt.client, tt.acr)
			require.NotEqual(t, right, otherCode)
			approved := events(t, p, "action.approved", "ok")

			replayed := second
			replayed.csrf = first.csrf
			got := replayed.mustPost(t, "/confirm", "code", right)
			require.Equal(t, http.StatusForbidden, got.Status, "the form of one interaction was taken in another")
			got = second.mustPost(t, "/confirm", "code", right)
			require.Equal(t, http.StatusUnprocessableEntity, got.Status, "the code of one interaction was taken in another")
			require.Equal(t, 1, second.challenge(t).Attempts)

			first.mustPost(t, "/confirm", "code", right)
			require.Nil(t, b.Get(t, second.resume()).Callback, "the proof of one interaction was taken in another")
			if !tt.beside { // the first one gave way
				require.Equal(t, "access_denied", first.finish(t).Get("error"))
				require.Equal(t, approved, events(t, p, "action.approved", "ok"))
				return
			}
			require.NotEmpty(t, first.finish(t).Get("code"))
			require.Nil(t, b.Get(t, second.resume()).Callback)
			got = second.mustPost(t, "/confirm", "code", right)
			require.Equal(t, http.StatusUnprocessableEntity, got.Status)
			require.Equal(t, approved+1, events(t, p, "action.approved", "ok"))
		})
	}
	t.Run("the code of a login", func(t *testing.T) {
		login := mustSecondStep(t, browser(p), alice)
		right := code(t, p, alice)
		action, _ := page(t, p.Own, payoutACR)
		require.Equal(t, http.StatusUnprocessableEntity, action.mustPost(t, "/confirm", "code", right).Status)
		require.Equal(t, http.StatusUnprocessableEntity, login.mustGuess(t, code(t, p, alice)).Status)
		require.Equal(t, http.StatusSeeOther, login.mustGuess(t, right).Status)
	})
	t.Run("the code of the answer", func(t *testing.T) {
		first, right := page(t, p.Own, payoutACR)
		first.mustPost(t, "/confirm", "code", right)
		answer := first.finish(t)
		stolen := p.Token(t, p.Client, url.Values{
			"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {harness.Callback},
			"code_verifier": {first.auth.Verifier},
		})
		require.Equal(t, "invalid_grant", stolen.Error)
	})
}
