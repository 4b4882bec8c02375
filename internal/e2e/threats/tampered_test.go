package threats_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/mfa"
)

// receiptOf uses x up by its right hash, and returns what the receipt says.
func (x paid) receiptOf(t *testing.T, key string) map[string]any {
	t.Helper()
	status, receipt := x.ask(t, x.hash, key)
	require.Equal(t, http.StatusOK, status)
	return harness.Claims(t, receipt)
}

// ask is use, with the receipt.
func (x paid) ask(t *testing.T, hash, key string) (status int, receipt string) {
	t.Helper()
	var answer struct{ Receipt string }
	status = x.place.Call(t, x.place.Own, http.MethodPost, "/confirmations/"+x.id+"/consume", "application/json",
		fmt.Sprintf(`{"details_hash": %q}`, hash), http.Header{"Idempotency-Key": {key}}, &answer)
	return status, answer.Receipt
}

// changedOnThePage is T-40 in the browser: whatever is sent beside what was pushed, what
// is shown, approved and receipted stays as it was pushed.
func changedOnThePage(t *testing.T, h *harness.House) {
	p, b := payPlace(t, h)
	more := pay("order-1", "1250.00", "9250.00", "ACME", "EVIL")
	auth := p.Push(t, p.Own, pay("order-1"))
	auth.URL += "&" + url.Values{"authorization_details": {more}, "redirect_uri": {"https://evil.example/"}, "scope": {"openid email"}, "acr_values": {"urn:sallyport:acr:1fa"}}.Encode()
	v, page := mustOpen(t, b, auth)
	require.Equal(t, "confirm", page.Name)
	require.Contains(t, words(page), "1,250.00 EUR")
	require.NotContains(t, words(page), "EVIL")
	right := code(t, p, alice)
	added := []string{
		"authorization_details", more, "details", more, "amount", "9250.00", "payee", "EVIL", "txn_id", "order-2", "action", "auth.login",
		"details_hash", strings.Repeat("A", 43), "confirmation_id", "x", "client_id", p.Client, "method", "webauthn", "sub", "somebody",
	}
	for _, path := range []string{"/challenge/resend", "/lang"} {
		v.mustPost(t, path, added...)
	}
	require.Contains(t, words(b.Get(t, v.path("/confirm"))), "1,250.00 EUR")
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", append([]string{"code", right}, added...)...).Status)

	end := b.Get(t, v.resume()+"?"+url.Values{"authorization_details": {more}, "redirect_uri": {"https://evil.example/"}}.Encode())
	require.NotNil(t, end.Callback, "%s", end.URL)
	tokens := p.Exchange(t, v.auth, end.Callback)
	told := harness.Claims(t, tokens.Access)["authorization_details"].([]any)[0].(map[string]any)
	x := paid{place: p, id: fmt.Sprint(told["confirmation_id"]), hash: fmt.Sprint(told["details_hash"])}
	for _, list := range []any{told, x.receiptOf(t, "k")["authorization_details"].([]any)[0]} {
		text, err := json.Marshal(list)
		require.NoError(t, err)
		require.Contains(t, string(text), `"1250.00"`)
		require.Contains(t, string(text), `"ACME GmbH"`)
		require.NotContains(t, string(text), "EVIL")
	}
}

// usedByOneKey is the other half of T-41: who asks again under the same key gets the same
// answer, however many do at once, and a token of the transaction is no second chance.
func usedByOneKey(t *testing.T, h *harness.House) {
	p, b := payPlace(t, h)
	x := confirmed(t, p, b, pay("order-1"))
	type fate struct {
		status  int
		receipt string
	}
	fates := parallel(64, func(int) fate {
		var answer struct{ Receipt string }
		status, err := p.TryCall(p.Own, http.MethodPost, "/confirmations/"+x.id+"/consume", "application/json",
			fmt.Sprintf(`{"details_hash": %q}`, x.hash), http.Header{"Idempotency-Key": {"the same"}}, &answer)
		if err != nil {
			return fate{0, err.Error()}
		}
		return fate{status, answer.Receipt}
	})
	for _, f := range fates {
		require.Equal(t, fate{http.StatusOK, fates[0].receipt}, f)
	}
	require.NotEmpty(t, fates[0].receipt)
	require.Equal(t, 1, events(t, p, "action.consumed", "ok"))
	h.Clock.Advance(24 * time.Hour)
	status, receipt := x.ask(t, x.hash, "the same")
	require.Equal(t, fates[0], fate{status, receipt}, "however late")
	require.Equal(t, http.StatusConflict, x.use(t, p.Own, x.hash, ""))
	require.Equal(t, http.StatusNotFound, x.use(t, p.Client, x.hash, "the same"), "another app under the same key")
	other, _ := payPlace(t, h)
	require.Equal(t, http.StatusNotFound, paid{place: other, id: x.id}.use(t, other.Own, x.hash, "the same"), "another tenant")
}

// vault is a policy with a PIN in an action: in a stage of its own before the code, or
// beside it.
func vault(stages string) string {
	return `"codes": {"default": {"ttl_s": 600, "attempts": 10}}, "lockout": {"soft_fails": 20, "pin_fails": 5, "pin_block_s": 300},
	"actions": {"payout.request": {"applies": "always", "stages": ` + stages + `, "methods": ["email"], "binding": "message",
		"details": "required", "fields": ["amount", "payee"], "ttl_s": 1200, "consume_within_s": 120, "begin": "on_arrival"}}`
}

// stagesOfATransaction is T-42 where a transaction takes a PIN and then a code.
func stagesOfATransaction(t *testing.T, h *harness.House) {
	p, d := brokerPlace(t, h, vault(`[["pin"], ["delivered_code"]]`))
	login := mustSecondStep(t, browser(p), alice)
	stray := code(t, p, alice)
	v, page := mustOpen(t, d.browser, p.Push(t, p.Own, pay("order-1")))
	require.Equal(t, "confirm", page.Name)
	require.Contains(t, words(page), "1,250.00 EUR")
	tried, sent := comparisons(t, p), codes(p, alice)

	require.Equal(t, http.StatusConflict, v.mustPost(t, "/challenge", "code", stray).Status)
	for _, path := range []string{"/confirm", "/challenge/switch", "/challenge/resend"} {
		require.NotEqual(t, http.StatusSeeOther, v.mustPost(t, path, "code", stray, "method", "email").Status, path)
	}
	require.Equal(t, []int{tried, sent, 0}, []int{comparisons(t, p), codes(p, alice), wrongPINs(t, p)}, "something was counted")
	require.Nil(t, d.browser.Get(t, v.resume()).Callback)

	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "pin", herPIN).Status)
	page = d.browser.Get(t, v.path("/confirm"))
	require.Contains(t, words(page), "1,250.00 EUR")
	require.Equal(t, sent+1, codes(p, alice), "now the code is on its way")
	require.NotEqual(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "pin", herPIN).Status, "a PIN is no code")
	require.Nil(t, d.browser.Get(t, v.resume()).Callback)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	require.Equal(t, "sent", login.challenge(t).Status)
}

// pinOfATransactionGuessed is T-43 where PIN and code of a transaction are one stage.
func pinOfATransactionGuessed(t *testing.T, h *harness.House) {
	p, d := brokerPlace(t, h, vault(`[["delivered_code", "pin"]]`))
	v, _ := mustOpen(t, d.browser, p.Push(t, p.Own, pay("order-1")))
	right, passed := code(t, p, alice), events(t, p, mfa.EventTried, "ok")
	wrongCode := v.mustPost(t, "/confirm", "code", wrong(right, 0), "pin", herPIN)
	require.Equal(t, http.StatusUnprocessableEntity, wrongCode.Status)
	for i := range 5 {
		page := v.mustPost(t, "/confirm", "code", right, "pin", "735061")
		if i == 0 {
			require.Equal(t, http.StatusUnprocessableEntity, page.Status)
			require.Equal(t, strings.ReplaceAll(words(wrongCode), "9 tries", "8 tries"), words(page), "nobody learns which of them was wrong")
		}
	}

	require.Equal(t, http.StatusTooManyRequests, v.mustPost(t, "/confirm", "code", right, "pin", herPIN).Status)
	require.Nil(t, d.browser.Get(t, v.resume()).Callback)
	require.Equal(t, "sent", v.challenge(t).Status, "the code is not consumed")
	require.Equal(t, passed, events(t, p, mfa.EventTried, "ok"))
	h.Clock.Advance(301 * time.Second)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", right, "pin", herPIN).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
}
