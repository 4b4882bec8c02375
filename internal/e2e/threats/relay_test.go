package threats_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// relayedTransactions is T-39 where codes and signatures are for a transaction: each is
// good for the one that it was made for, and for nothing else.
func relayedTransactions(t *testing.T, h *harness.House) {
	p, b, k := risingPlace(t, h)
	issuer, err := url.Parse(p.Issuer)
	require.NoError(t, err)
	open := func(t *testing.T, detail string) (visit, *harness.Page, string) {
		t.Helper()
		v, page := mustOpen(t, b, p.Push(t, p.Own, detail))
		require.Equal(t, "confirm", page.Name)
		return v, page, p.Letter(t, phone).Text
	}
	wrongCode := func(t *testing.T, v visit, path, code string) {
		t.Helper()
		require.Equal(t, http.StatusUnprocessableEntity, v.mustPost(t, path, "code", code).Status)
		require.Nil(t, v.browser.Get(t, v.resume()).Callback)
	}

	login := mustSecondStep(t, browser(p), alice)
	require.Equal(t, http.StatusSeeOther, login.mustPost(t, "/challenge/switch", "method", "sms").Status)
	toLogin, loginCode := p.Letter(t, phone).Text, code(t, p, phone)
	one, _, toOne := open(t, pay("one"))
	oneCode := code(t, p, phone)
	wrongCode(t, one, "/confirm", loginCode)
	wrongCode(t, login, "/challenge", oneCode)
	two, _, toTwo := open(t, pay("two", "1250.00", "1250.01"))
	twoCode := code(t, p, phone)

	for _, text := range []struct{ words, code string }{{toLogin, loginCode}, {toOne, oneCode}, {toTwo, twoCode}} {
		lines := strings.Split(strings.TrimRight(text.words, "\n"), "\n")
		require.Equal(t, "@"+issuer.Host+" #"+text.code, lines[len(lines)-1], "where the code is for: %q", text.words)
	}
	require.Contains(t, toOne, "1,250.00")
	require.Contains(t, toOne, "ACME GmbH")
	require.Contains(t, toTwo, "1,250.01")
	require.NotContains(t, toLogin, "1,250")

	wrongCode(t, two, "/confirm", loginCode)
	wrongCode(t, two, "/confirm", oneCode)
	wrongCode(t, login, "/challenge", twoCode)
	tried := comparisons(t, p)
	for _, code := range []string{twoCode, oneCode} {
		one.mustPost(t, "/confirm", "code", code)
	}
	require.Equal(t, tried, comparisons(t, p), "the first one gave way to the second: no code is good for it")
	require.Equal(t, "access_denied", b.Get(t, one.resume()).Callback.Get("error"))
	require.Equal(t, http.StatusSeeOther, two.mustPost(t, "/confirm", "code", twoCode).Status)
	require.NotEmpty(t, two.finish(t).Get("code"))
	require.Equal(t, http.StatusSeeOther, login.mustGuess(t, loginCode).Status)
	require.NotEmpty(t, login.finish(t).Get("code"))
	t.Run("a signature is good for one of them", func(t *testing.T) { relayedSignatures(t, p, b, k) })
}

// relayedSignatures: a key signs the page that it is at and the transaction that is asked
// for.
func relayedSignatures(t *testing.T, p *harness.Place, b *harness.Browser, k *key) {
	p.House.Clock.Advance(time.Minute)
	refused := func(v visit, path, credential, why string) {
		t.Helper()
		require.Equal(t, http.StatusUnprocessableEntity, v.mustPost(t, path, "credential", credential).Status, why)
		require.Nil(t, v.browser.Get(t, v.resume()).Callback, why)
	}
	one, first := mustOpen(t, b, p.Push(t, p.Own, pay("signed-1", "1250.00", "20000.00")))
	for _, change := range []func(*key){
		func(k *key) { k.page.ID = "login.example" },
		func(k *key) { k.page.Origin = "https://login.example" },
	} {
		relayed := *k
		change(&relayed)
		refused(one, "/confirm", relayed.sign(t, first), "made at another page")
	}
	two, second := mustOpen(t, b, p.Push(t, p.Own, pay("signed-2", "1250.00", "90000.00")))
	login, third := by(t, browser(p), alice, "webauthn")
	refused(two, "/confirm", k.sign(t, first), "made for another transaction")
	refused(two, "/confirm", k.sign(t, third), "made for a login")
	refused(login, "/challenge", k.sign(t, second), "made for a transaction")
	touched := *k
	touched.auth.Options.UserNotVerified = true
	refused(two, "/confirm", touched.sign(t, second), "touched by somebody")

	k.cred.Counter += 10 // its copies have counted, too
	require.Equal(t, http.StatusSeeOther, two.mustPost(t, "/confirm", "credential", k.sign(t, second)).Status)
	claims := harness.Claims(t, p.Exchange(t, two.auth, two.finish(t)).Access)
	require.Contains(t, claims["amr"], "hwk")
}

// bombedByPushes is T-38 where the app pushes: what is refused reaches nobody, and the app
// is told to try later.
func bombedByPushes(t *testing.T, h *harness.House) {
	p, b := payPlace(t, h)
	shown, refused, sent := 0, 0, codes(p, alice)
	for i := range 50 {
		auth := p.Push(t, p.Own, pay("order-"+strings.Repeat("x", i+1)))
		page := b.Get(t, auth.URL)
		if page.Callback == nil {
			require.Equal(t, "confirm", page.Name)
			shown++
			continue
		}
		require.Equal(t, auth.State, page.Callback.Get("state"))
		require.Equal(t, "access_denied", page.Callback.Get("error"))
		require.Contains(t, page.Callback.Get("error_description"), "Try again later")
		refused++
	}
	require.Equal(t, []int{10, 40}, []int{shown, refused})
	require.Equal(t, 10, codes(p, alice)-sent)
	require.Equal(t, 10, number(t, p, "select count(*) from confirmations where tenant_id = $1"))
	require.Equal(t, 1, number(t, p, "select count(*) from confirmations where tenant_id = $1 and status in ('requested', 'challenged')"), "one is open")
	named := []string{"scope", "openid", "claims", `{"id_token":{"sub":{"value":"` + user(t, p, alice).ID + `"}}}`}
	_, answer := p.TryPush(t, p.Own, pay("for-her"), named...)
	require.Equal(t, []any{http.StatusTooManyRequests, "access_denied"}, []any{answer.Status, answer.Error}, "an app that names its user is told at once")

	h.Clock.Advance(6 * time.Minute)
	b.Login(t, alice, alice, "prompt", "login")
	require.Equal(t, "confirm", b.Get(t, p.Push(t, p.Own, pay("later")).URL).Name, "every six minutes one more")
	require.NotNil(t, b.Get(t, p.Push(t, p.Own, pay("too-soon")).URL).Callback)
	h.Clock.Advance(time.Hour)
	oneAtATime(t, p)
}

// oneAtATime: what is open in one browser is not confirmed in another one, and the newest
// of one browser is the one that counts.
func oneAtATime(t *testing.T, p *harness.Place) {
	hers, other := browser(p), browser(p)
	hers.Login(t, alice, alice)
	other.Login(t, alice, alice)
	first, _ := mustOpen(t, hers, p.Push(t, p.Own, pay("hers-1")))
	sent := codes(p, alice)
	answer := other.Get(t, p.Push(t, p.Own, pay("theirs")).URL).Callback
	require.Equal(t, "access_denied", answer.Get("error"))
	require.Contains(t, answer.Get("error_description"), "another browser")
	require.Equal(t, sent, codes(p, alice), "nothing reaches her")
	second, _ := mustOpen(t, hers, p.Push(t, p.Own, pay("hers-2")))
	require.Equal(t, "access_denied", hers.Get(t, first.resume()).Callback.Get("error"))
	require.Equal(t, http.StatusSeeOther, second.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
	require.NotEmpty(t, second.finish(t).Get("code"))
	require.Equal(t, "confirm", other.Get(t, p.Push(t, p.Own, pay("theirs-2")).URL).Name, "once it is decided the way is free")
}
