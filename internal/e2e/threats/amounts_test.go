package threats_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/mfa"
)

// rising is a policy by which a payout takes more the more is paid: a code by email up to
// 1,000 EUR, one to the phone above, and a signature above 10,000 EUR.
const rising = `
	"methods": {"webauthn": {"enabled": true, "role": "any", "uses": ["login", "action"]}},
	"delivery": {"first": "email", "fallback_to": ["email", "sms", "webauthn"], "fallback_unlock": "at_once"},
	"lifecycle": {"webauthn": {"enable": [["code_new"]], "disable": [["code_current"]], "change": [["code_current"], ["code_new"]], "reauth_max_age_s": 900}},
	"lockout": {"soft_fails": 20},
	"actions": {"auth.login": {"methods": ["email", "sms", "webauthn"]}, "payout.request": {"applies": "always", "stages": [["delivered_code"]], "methods": ["email", "sms", "webauthn"],
		"binding": "page", "details": "required", "fields": ["amount", "payee"], "ttl_s": 600, "consume_within_s": 120, "begin": "on_arrival",
		"thresholds": [
			{"currency": "EUR", "above": "1000.00", "methods": ["sms", "webauthn"]},
			{"currency": "EUR", "above": "10000.00", "stages": [["second_factor"]], "methods": ["webauthn"], "binding": "signed"}]}}`

// risingPlace is alice, signed in, with a mailbox, a phone and a key; bob has a mailbox.
func risingPlace(t *testing.T, h *harness.House) (*harness.Place, *harness.Browser, *key) {
	t.Helper()
	owner := person(t, alice, phone)
	owner.Factors = []string{"email", "sms"}
	p := h.Tenant(t, broker, patch(longCodes, noLimits, rising), owner, mailed(t, bob))
	b := browser(p)
	k := signedIn(t, b, alice).addKey(t, nil)
	return p, b, k
}

// downgradeByAmount is T-27 where the amount says which methods there are.
func downgradeByAmount(t *testing.T, h *harness.House) {
	p, b, k := risingPlace(t, h)
	for _, tt := range []struct {
		name, amount string
		offered      []string
		refused      []string
	}{
		{"as much as the first threshold", "1000.00", []string{"email", "sms"}, []string{"totp", "voice", "recovery_codes", "webauthn"}},
		{"a cent above it", "1000.01", []string{"sms"}, []string{"email", "totp", "webauthn"}},
		{"as much as the second threshold", "10000.00", []string{"sms"}, []string{"email"}},
		{"a cent above it, too", "10000.01", []string{"webauthn"}, []string{"sms", "email", "totp", "recovery_codes", "pin", "password", "carrier-pigeon"}},
		{"another currency takes what the most takes", "", []string{"webauthn"}, []string{"sms", "email"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			detail := pay("order-"+tt.name[:1]+tt.amount, "1250.00", tt.amount)
			if tt.amount == "" {
				detail = pay("order-dollars", "1250.00", "1.00", "EUR", "USD")
			}
			v, page := mustOpen(t, b, p.Push(t, p.Own, detail))
			require.Equal(t, "confirm", page.Name)
			tried, was := comparisons(t, p), events(t, p, mfa.EventDowngrade, "not_offered")
			for i, method := range tt.refused {
				begun, sent := v.challenge(t), codes(p, alice)+codes(p, phone)
				require.Equal(t, http.StatusBadRequest, v.mustPost(t, "/challenge/switch", "method", method).Status, method)
				require.Equal(t, was+i+1, events(t, p, mfa.EventDowngrade, "not_offered"), method)
				require.Equal(t, begun, v.challenge(t), "the challenge goes on as it was")
				require.Equal(t, sent, codes(p, alice)+codes(p, phone), "nothing is sent")
			}
			for _, method := range tt.offered {
				require.NotEqual(t, http.StatusBadRequest, v.mustPost(t, "/challenge/switch", "method", method).Status, method)
			}
			require.Equal(t, tried, comparisons(t, p))
			require.Equal(t, was+len(tt.refused), events(t, p, mfa.EventDowngrade, "not_offered"))
		})
	}
	t.Run("a code for a small payout is none for a large one", func(t *testing.T) { codeForMore(t, p, b, k) })
	t.Run("who has nothing that the amount takes is refused", func(t *testing.T) {
		his := browser(p)
		his.Login(t, bob, bob)
		sent := codes(p, bob)
		answer := his.Get(t, p.Push(t, p.Own, pay("too-much")).URL).Callback
		require.Equal(t, "unmet_authentication_requirements", answer.Get("error"), "%v", answer)
		require.Equal(t, sent, codes(p, bob))
		v, _ := mustOpen(t, his, p.Push(t, p.Own, pay("little", "1250.00", "5.00")))
		require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, bob)).Status)
	})
}

// codeForMore: where a key is asked for, no code does, not even a right one.
func codeForMore(t *testing.T, p *harness.Place, b *harness.Browser, k *key) {
	small, page := mustOpen(t, b, p.Push(t, p.Own, pay("small", "1250.00", "9.00")))
	require.Equal(t, "confirm", page.Name)
	require.Equal(t, http.StatusSeeOther, small.mustPost(t, "/challenge/switch", "method", "sms").Status)
	right := code(t, p, phone)
	large, _ := mustOpen(t, b, p.Push(t, p.Own, pay("large", "1250.00", "20000.00")))
	for _, path := range []string{"/confirm", "/challenge"} {
		require.NotEqual(t, http.StatusSeeOther, large.mustPost(t, path, "code", right).Status, path)
	}
	require.Nil(t, b.Get(t, large.resume()).Callback)

	page = b.Get(t, large.path("/confirm"))
	require.Equal(t, http.StatusSeeOther, large.mustPost(t, "/confirm", "credential", k.sign(t, page)).Status)
	claims := harness.Claims(t, p.Exchange(t, large.auth, large.finish(t)).Access)
	require.Contains(t, claims["amr"], "hwk")
	require.Equal(t, "access_denied", b.Get(t, small.resume()).Callback.Get("error"), "the small one gave way to it")
}
