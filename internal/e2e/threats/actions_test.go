package threats_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// bombed is T-38.
func bombed(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone), person(t, bob, bobPhone))
	hers, his := browser(p), browser(p)
	hers.Login(t, alice, alice)
	his.Login(t, bob, bob)
	h.Clock.Advance(time.Minute)
	ask := func(b *harness.Browser, client string) *harness.Page {
		return b.Get(t, p.Authorize(client, "acr_values", payoutACR).URL)
	}
	shown, refused, sent := 0, 0, codes(p, alice)
	for range 50 {
		page := ask(hers, p.Own)
		if page.Callback == nil {
			require.Equal(t, "confirm", page.Name)
			shown++
			continue
		}
		require.Equal(t, "access_denied", page.Callback.Get("error"))
		require.Contains(t, page.Callback.Get("error_description"), "too many confirmations")
		refused++
	}

	require.Equal(t, 10, shown)
	require.Equal(t, 40, refused)
	require.Equal(t, 10, codes(p, alice)-sent, "what is refused reaches nobody")
	require.Equal(t, 10, number(t, p, "select count(*) from confirmations where tenant_id = $1"))
	require.Equal(t, "confirm", ask(hers, p.Client).Name, "another app is not at fault")
	require.Equal(t, "confirm", ask(his, p.Own).Name, "nor is another user")
	h.Clock.Advance(10 * time.Minute)
	require.Equal(t, "confirm", ask(hers, p.Own).Name, "a while later")
}

// relayed is T-39: what a phishing page could pass on is worth nothing there.
func relayed(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits, `"delivery": {"fallback_unlock": "at_once"}`), person(t, alice, phone))
	issuer, err := url.Parse(p.Issuer)
	require.NoError(t, err)
	b := browser(p)
	b.Login(t, alice, alice)
	login := mustSecondStep(t, browser(p), alice)
	require.Equal(t, http.StatusSeeOther, login.mustPost(t, "/challenge/switch", "method", "sms").Status)
	toLogin := p.Letter(t, phone)
	action, _ := mustOpen(t, b, p.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, http.StatusSeeOther, action.mustPost(t, "/challenge/switch", "method", "sms").Status)
	toAction := p.Letter(t, phone)
	require.NotEqual(t, toLogin.Code, toAction.Code)

	for _, l := range []string{toLogin.Text, toAction.Text} {
		lines := strings.Split(strings.TrimRight(l, "\n"), "\n")
		last := lines[len(lines)-1]
		require.Equal(t, "@"+issuer.Host+" #", strings.TrimRight(last, "0123456789"), "%q", l)
	}
	require.True(t, strings.HasSuffix(toLogin.Text, "#"+toLogin.Code))
	wordsOf := func(text, code string) string { return strings.ReplaceAll(text, code, "") }
	require.NotEqual(t, wordsOf(toLogin.Text, toLogin.Code), wordsOf(toAction.Text, toAction.Code), "a text says what its code is for")

	require.Equal(t, http.StatusUnprocessableEntity, action.mustPost(t, "/confirm", "code", toLogin.Code).Status)
	require.Equal(t, http.StatusUnprocessableEntity, login.mustGuess(t, toAction.Code).Status)
	require.Nil(t, b.Get(t, action.resume()).Callback)
	require.Nil(t, login.browser.Get(t, login.resume()).Callback)
	require.Equal(t, http.StatusSeeOther, action.mustPost(t, "/confirm", "code", toAction.Code).Status)
	require.Equal(t, http.StatusSeeOther, login.mustGuess(t, toLogin.Code).Status)
}

const herPIN = "482915"

// brokerPlace is a place with PINs, and alice in her own pages with one of them.
func brokerPlace(t *testing.T, h *harness.House, more ...string) (*harness.Place, desk) {
	t.Helper()
	owner := mailed(t, alice)
	owner.PIN = herPIN
	p := h.Tenant(t, broker, patch(append([]string{noLimits}, more...)...), owner)
	return p, signedIn(t, browser(p), alice)
}

// wrongPINs is how many wrong PINs in a row count.
func wrongPINs(t *testing.T, p *harness.Place) int {
	t.Helper()
	return number(t, p, "select coalesce(sum(fails), 0) from mfa_pins where tenant_id = $1")
}

// stageOrder is T-42.
func stageOrder(t *testing.T, h *harness.House) {
	p, d := brokerPlace(t, h)
	t.Run("an action", func(t *testing.T) {
		b := d.browser
		login := mustSecondStep(t, browser(p), alice)
		right := code(t, p, alice)
		v, _ := mustOpen(t, b, p.Authorize(p.Own, "acr_values", "urn:sallyport:action:withdrawal.confirm"))
		tried, sent := comparisons(t, p), codes(p, alice)
		require.Equal(t, http.StatusConflict, v.mustPost(t, "/challenge", "code", right).Status)
		require.NotEqual(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", right).Status)
		for _, method := range []string{"email", "sms"} {
			require.NotEqual(t, http.StatusSeeOther, v.mustPost(t, "/challenge/switch", "method", method).Status)
		}
		require.Equal(t, []int{tried, sent, 0}, []int{comparisons(t, p), codes(p, alice), wrongPINs(t, p)}, "something was counted")
		require.Nil(t, b.Get(t, v.resume()).Callback)

		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "pin", herPIN).Status)
		v.mustPost(t, "/confirm", "pin", herPIN) // one stage is not the other
		v.mustPost(t, "/confirm", "pin", herPIN)
		require.Nil(t, b.Get(t, v.resume()).Callback)
		require.Equal(t, "sent", login.challenge(t).Status)
	})
	t.Run("a change of the address", func(t *testing.T) {
		op := d.begin(t, "kind", "email", "verb", "change")
		d.browser.Get(t, op)
		tried := comparisons(t, p)
		for _, tt := range []struct {
			path  string
			pairs []string
		}{
			{"/contact", []string{"email", "mallory@example.test", "confirmed", "1"}},
			{"/password", []string{"password", harness.Password}},
			{"/finish", nil},
		} {
			require.Equal(t, http.StatusConflict, d.mustPost(t, op+tt.path, tt.pairs...).Status, tt.path)
		}
		require.Equal(t, http.StatusUnprocessableEntity, d.mustPost(t, op+"/answer", "pin", herPIN).Status)
		require.Equal(t, []int{tried, 0}, []int{comparisons(t, p), wrongPINs(t, p)}, "something was counted")
		require.Empty(t, p.Letters("mallory@example.test"))
		require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/answer", "code", code(t, p, alice)).Status)
	})
}

// pinGuessed is T-43.
func pinGuessed(t *testing.T, h *harness.House) {
	const number1 = "+4915735991077"
	p, d := brokerPlace(t, h, `"codes": {"default": {"ttl_s": 600, "attempts": 10}}`,
		`"lockout": {"soft_fails": 20, "pin_fails": 5, "pin_block_s": 300}`)
	op := d.begin(t, "kind", "sms", "verb", "enable")
	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/contact", "phone", number1, "method", "sms", "confirmed", "1").Status)
	d.browser.Get(t, op)
	right, passed := code(t, p, number1), events(t, p, mfa.EventTried, "ok")

	wrongCode := d.mustPost(t, op+"/answer", "code", wrong(right, 0), "pin", herPIN)
	require.Equal(t, http.StatusUnprocessableEntity, wrongCode.Status)
	for i := range 5 {
		page := d.mustPost(t, op+"/answer", "code", right, "pin", "735061")
		if i == 0 {
			require.Equal(t, http.StatusUnprocessableEntity, page.Status)
			require.Equal(t, strings.ReplaceAll(words(wrongCode), "9 tries", "8 tries"), words(page), "nobody learns which of them was wrong")
		}
	}

	blocked := d.mustPost(t, op+"/answer", "code", right, "pin", herPIN)
	require.Equal(t, http.StatusTooManyRequests, blocked.Status, "%s", words(blocked))
	require.Empty(t, factor(t, p, alice, policy.SMS).ID)
	require.Equal(t, 1, number(t, p, "select count(*) from mfa_challenges where tenant_id = $1 and method = 'sms' and status = 'sent'"), "the code is not consumed")
	require.Equal(t, passed, events(t, p, mfa.EventTried, "ok"))

	h.Clock.Advance(301 * time.Second)
	done(t, d.mustPost(t, op+"/answer", "code", right, "pin", herPIN))
	require.NotEmpty(t, factor(t, p, alice, policy.SMS).ID)
}

// disowned: a user who did not start an action stops it, is told where a thief does not
// read along, and may end all sessions.
func disowned(t *testing.T, h *harness.House) {
	owner := person(t, alice, phone)
	owner.Factors = []string{"sms"}
	p := h.Tenant(t, preset, patch(longCodes, noLimits), owner)
	b := browser(p)
	b.Login(t, alice, alice)
	v, page := mustOpen(t, b, p.Authorize(p.Own, "acr_values", payoutACR))
	require.Equal(t, "confirm", page.Name)
	right := code(t, p, alice)
	mails, texts, tried := len(p.Letters(alice)), len(p.Letters(phone)), comparisons(t, p)

	got := v.mustPost(t, "/deny", "deny", "1")

	require.Equal(t, http.StatusSeeOther, got.Status)
	page = b.Get(t, got.URL.String())
	require.Equal(t, "denied", page.Name)
	require.Contains(t, page.Body, "/settings/sessions/end-all")
	v.mustPost(t, "/confirm", "code", right)
	require.Zero(t, comparisons(t, p)-tried, "the code is worth nothing")
	require.Equal(t, 1, number(t, p, "select count(*) from confirmations where tenant_id = $1 and status = 'denied'"))
	require.NoError(t, h.Server.Deliver(t.Context()))
	require.Len(t, p.Letters(phone), texts+1, "the contact that the code did not go to is told")
	require.Empty(t, p.Letter(t, phone).Code)
	require.Len(t, p.Letters(alice), mails, "the mailbox, where the code went, is not")
	require.Equal(t, "access_denied", b.Get(t, v.resume()).Callback.Get("error"))
	require.Equal(t, 1, events(t, p, "action.refused", "disowned"))
}
