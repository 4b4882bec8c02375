package threats_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// pay is the one transaction of authorization_details, after edits.
func pay(txn string, edits ...string) string {
	return strings.NewReplacer(append([]string{"TXN", txn}, edits...)...).Replace(
		`[{"type":"payout.request","txn_id":"TXN","amount":{"value":"1250.00","currency":"EUR"},` +
			`"payee":{"name":"ACME GmbH","account":{"iban":"DE89370400440532013000"}}}]`)
}

// paid is a payout that alice has confirmed.
type paid struct {
	place     *harness.Place
	id, hash  string
	canonical string
}

func payPlace(t *testing.T, h *harness.House) (*harness.Place, *harness.Browser) {
	t.Helper()
	owner := person(t, alice, phone)
	owner.Factors = []string{"sms"}
	p := h.Tenant(t, preset, patch(longCodes, noLimits), owner)
	b := browser(p)
	b.Login(t, alice, alice)
	return p, b
}

// confirmed takes a pushed transaction to its approval.
func confirmed(t *testing.T, p *harness.Place, b *harness.Browser, detail string) paid {
	t.Helper()
	auth := p.Push(t, p.Own, detail)
	v, page := mustOpen(t, b, auth)
	require.Equal(t, "confirm", page.Name)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/confirm", "code", code(t, p, alice)).Status)
	tokens := p.Exchange(t, v.auth, v.finish(t))
	require.Empty(t, tokens.Refresh)
	list, ok := harness.Claims(t, tokens.Access)["authorization_details"].([]any)
	require.True(t, ok)
	told, ok := list[0].(map[string]any)
	require.True(t, ok)
	canonical, err := details.Canonical([]byte(strings.TrimSuffix(strings.TrimPrefix(detail, "["), "]")))
	require.NoError(t, err)
	return paid{p, fmt.Sprint(told["confirmation_id"]), fmt.Sprint(told["details_hash"]), string(canonical)}
}

// use consumes the approval by client with hash, and returns the status.
func (x paid) use(t *testing.T, client, hash, key string) int {
	t.Helper()
	status, err := x.tryUse(client, hash, key)
	require.NoError(t, err)
	return status
}

func (x paid) tryUse(client, hash, key string) (int, error) {
	var answer map[string]any
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	return x.place.TryCall(client, http.MethodPost, "/confirmations/"+x.id+"/consume", "application/json",
		fmt.Sprintf(`{"details_hash": %q}`, hash), header, &answer)
}

// changedAfterApproval is T-40.
func changedAfterApproval(t *testing.T, h *harness.House) {
	p, b := payPlace(t, h)
	x := confirmed(t, p, b, pay("order-1"))
	sub := user(t, p, alice).ID
	require.Equal(t, consent.DetailsHash(p.Issuer, p.Own, sub, []byte(x.canonical)), x.hash, "the app computes it from what it executes")

	for i := range len(x.canonical) {
		changed := []byte(x.canonical)
		changed[i] ^= 1
		hash := consent.DetailsHash(p.Issuer, p.Own, sub, changed)
		require.Equal(t, http.StatusUnprocessableEntity, x.use(t, p.Own, hash, ""), "byte %d", i)
	}
	for name, hash := range map[string]string{
		"another app":    consent.DetailsHash(p.Issuer, p.Client, sub, []byte(x.canonical)),
		"another user":   consent.DetailsHash(p.Issuer, p.Own, sub+"x", []byte(x.canonical)),
		"another server": consent.DetailsHash(p.Issuer+"x", p.Own, sub, []byte(x.canonical)),
	} {
		require.Equal(t, http.StatusUnprocessableEntity, x.use(t, p.Own, hash, ""), name)
	}
	require.Equal(t, http.StatusBadRequest, x.use(t, p.Own, "", ""), "nothing is used up without saying what is executed")

	t.Run("a code for one payout is none for another", func(t *testing.T) {
		one, _ := mustOpen(t, b, p.Push(t, p.Own, pay("order-2")))
		first := code(t, p, alice)
		two, _ := mustOpen(t, b, p.Push(t, p.Own, pay("order-3", "1250.00", "9250.00")))
		require.NotEqual(t, first, code(t, p, alice))
		require.Equal(t, http.StatusUnprocessableEntity, two.mustPost(t, "/confirm", "code", first).Status)
		require.Nil(t, b.Get(t, two.resume()).Callback)
		tried := comparisons(t, p)
		one.mustPost(t, "/confirm", "code", code(t, p, alice))
		require.Equal(t, tried, comparisons(t, p), "the first one gave way to the second")
		require.Equal(t, "access_denied", b.Get(t, one.resume()).Callback.Get("error"))
	})
	t.Run("other details under the same id end what is open", func(t *testing.T) {
		v, _ := mustOpen(t, b, p.Push(t, p.Own, pay("order-4")))
		right := code(t, p, alice)
		_, refused := p.TryPush(t, p.Own, pay("order-4", "ACME", "EVIL"))
		require.Equal(t, "invalid_authorization_details", refused.Error)
		tried := comparisons(t, p)
		v.mustPost(t, "/confirm", "code", right)
		require.Equal(t, tried, comparisons(t, p), "its code is worth nothing")
		require.Equal(t, "access_denied", b.Get(t, v.resume()).Callback.Get("error"))
	})
	require.Equal(t, http.StatusOK, x.use(t, p.Own, x.hash, ""))
}

// usedTwiceOrLate is T-41.
func usedTwiceOrLate(t *testing.T, h *harness.House) {
	p, b := payPlace(t, h)
	x := confirmed(t, p, b, pay("order-1"))
	require.Equal(t, http.StatusNotFound, x.use(t, p.Client, x.hash, ""), "another app")
	type fate struct {
		status int
		err    error
	}
	fates := parallel(64, func(i int) fate {
		status, err := x.tryUse(p.Own, x.hash, fmt.Sprint("key-", i))
		return fate{status, err}
	})
	won := 0
	for _, f := range fates {
		require.NoError(t, f.err)
		if f.status == http.StatusOK {
			won++
			continue
		}
		require.Equal(t, http.StatusConflict, f.status)
	}
	require.Equal(t, 1, won)

	late := confirmed(t, p, b, pay("order-2"))
	h.Clock.Advance(10*time.Minute + time.Second) // the longest that a policy gives
	require.Equal(t, http.StatusGone, late.use(t, p.Own, late.hash, ""))
	b.Login(t, alice, alice, "prompt", "login")
	ended := confirmed(t, p, b, pay("order-3"))
	_, err := h.Server.Store.EndSessionsOf(t.Context(), tenant(t, p), user(t, p, alice).ID, "", h.Clock.Now())
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, ended.use(t, p.Own, ended.hash, ""), "its session has ended")
}

// textInMessage is T-44.
func textInMessage(t *testing.T, h *harness.House) {
	p, b := payPlace(t, h)
	for name, payee := range map[string]string{
		"an address":            "see https://evil.example/pay",
		"an address without //": "www.evil.example",
		"a line of its own":     `ACME\nCode 123456`,
		"a turned text":         "AC\u202eME",
		"an invisible letter":   "AC\u200bME",
		"five hundred letters":  strings.Repeat("A", 500),
		"a tag":                 "AC\U000e0041ME",
		"a line separator":      "AC\u2028ME",
	} {
		_, refused := p.TryPush(t, p.Own, pay("order-1", "ACME GmbH", payee))
		require.Equal(t, "invalid_authorization_details", refused.Error, name)
		require.NotContains(t, refused.Reason, "evil", name)
	}
	sent := len(p.Letters(phone))
	v, page := mustOpen(t, b, p.Push(t, p.Own, pay("order-2", "ACME GmbH", "Ångström & Söhne <b>"+strings.Repeat("x", 100))))
	require.Contains(t, words(page), "1,250.00 EUR")
	require.Contains(t, words(page), "DE•• •••• 3000")
	require.NotContains(t, page.Body, "<b>x")
	mail := p.Letter(t, alice)
	require.Contains(t, mail.Subject+mail.Text, "1,250.00")
	h.Clock.Advance(61 * time.Second)
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge/switch", "method", "sms").Status)
	require.Len(t, p.Letters(phone), sent+1)
	text := p.Letter(t, phone)
	lines := strings.Split(strings.TrimRight(text.Text, "\n"), "\n")
	require.Equal(t, 2, len(lines), "%q", text.Text)
	require.True(t, strings.HasSuffix(lines[1], "#"+text.Code), "%q", lines[1])
	require.True(t, strings.HasPrefix(lines[1], "@"), "%q", lines[1])
	require.Contains(t, lines[0], "1,250.00")
	require.LessOrEqual(t, len(text.Text), 160)
}
