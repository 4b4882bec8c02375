package browser_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

// TestPayouts takes a payout through the browser, from the button to the receipt. What
// is shown, what is sent and what the receipt says is the same amount and payee.
func TestPayouts(t *testing.T) {
	for name, pay := range map[string]func(*testing.T, *stage, bool){
		"by email":                      payoutByEmail,
		"by text message":               payoutByText,
		"a withdrawal by PIN and code":  withdrawalByPIN,
		"that its user did not ask for": payoutDisowned,
		"whose amount the app changes":  payoutReplaced,
	} {
		for way, script := range map[string]bool{"with script": true, "without script": false} {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				pay(t, theStage(t), script)
			})
		}
	}
	t.Run("by passkey", func(t *testing.T) {
		t.Parallel()
		payoutByPasskey(t, theStage(t))
	})
}

// The shop's payout, as people read it.
const (
	shownAmount, shownPayee, shownAccount = "1,250.00 EUR", "Alice Example", "DE•• •••• 3000"
	sentAccount                           = "3000"
)

// shows asserts that the page of a confirmation says what is paid, and to whom.
func (v *visit) shows(t *testing.T) {
	t.Helper()
	slip := v.text(t, ".slip")
	for _, said := range []string{shownAmount, shownPayee, shownAccount, "Demo Shop"} {
		require.Contains(t, slip, said)
	}
}

// paid asserts that the shop has a receipt for its payout, proved by method.
func (v *visit) paid(t *testing.T, p sight, method string) {
	t.Helper()
	v.atShop(t, p, "payout.request")
	require.Contains(t, p.Text, "Payout requested.")
	v.press(t, "#receipt summary")
	receipt := v.text(t, "#receipt")
	for _, said := range []string{"1250.00", "EUR", shownPayee, "DE89370400440532013000", method + " 20"} {
		require.Contains(t, receipt, said)
	}
}

func payoutByEmail(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.signIn(t)
	v.ask(t, "#payout")
	v.shows(t)
	letter := v.letter(t, alice)
	for _, said := range []string{shownAmount, shownPayee, sentAccount} {
		require.Contains(t, letter.Text, said)
	}
	require.Equal(t, "confirm", v.give(t, wrong(letter.Code)).Page)
	v.shows(t)
	v.paid(t, v.give(t, letter.Code), "email")
}

func payoutByText(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.signIn(t)
	v.ask(t, "#payout")
	s.until(v.letter(t, alice).At.Add(minute + slack))
	require.Equal(t, "choose", v.click(t, `a[href$="/choose"]`).Page)
	v.click(t, byText)
	v.shows(t)
	letter := v.letter(t, alicePhone)
	require.Equal(t, "sms", letter.Channel)
	for _, said := range []string{shownAmount, shownPayee, sentAccount, letter.Code} {
		require.Contains(t, letter.Text, said)
	}
	v.paid(t, v.give(t, letter.Code), "sms")
}

func withdrawalByPIN(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, "broker", alice)
	p := v.giveName(t)
	require.Equal(t, "choose", p.Page)
	v.click(t, `button[data-method="email"]`)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "signin")
	s.Clock.Advance(minute + slack)
	require.Equal(t, "confirm", v.click(t, "#withdrawal-confirm").Page)
	require.Contains(t, v.text(t, ".slip"), shownAmount)
	require.Contains(t, v.text(t, ".slip"), shownAccount)
	v.fill(t, "#pin", pin)
	require.Equal(t, "choose", v.click(t, "#submit").Page)
	v.click(t, byText)
	require.Contains(t, v.text(t, ".slip"), shownAmount)
	require.True(t, v.has(t, "#deny"), "here the user reads it in the message, too")
	letter := v.letter(t, alicePhone)
	require.Contains(t, letter.Text, shownAmount)
	require.Contains(t, letter.Text, sentAccount)
	v.atShop(t, v.give(t, letter.Code), withdrawal)
	v.press(t, "#receipt summary")
	require.Contains(t, v.text(t, "#receipt"), "destination.account.iban")
	require.Contains(t, v.text(t, "#receipt"), "pin 20")
}

func payoutDisowned(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.signIn(t)
	v.ask(t, "#payout")
	code := v.letter(t, alice).Code
	at := v.see(t).URL
	require.Equal(t, "denied", v.click(t, "#deny").Page)
	require.NoError(t, s.Server.Deliver(t.Context()))
	require.NotEmpty(t, v.letters(alicePhone), "the contact that the code did not go to is told")
	for _, said := range []string{shownAmount, shownPayee} {
		require.Contains(t, v.letter(t, alicePhone).Text, said, "and of what")
	}
	p := v.click(t, "#continue")
	require.Equal(t, "shop", p.Page)
	require.Equal(t, "access_denied", v.attr(t, "#result", "data-error"))
	require.False(t, v.has(t, "#receipt"))
	v.open(t, at)
	require.False(t, v.has(t, "#code"), "the code %s is of no use any more", code)
}

func payoutReplaced(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, contractor+"-email-first", `{"actions":{"payout.request":{"details":"required"}}}`,
		withPhone(plain(alice, true, "email"), oldPhone, "confirmed")).visit(t, script, alice)
	who := c.comeIn(t, alice)
	s.Clock.Advance(minute + slack)
	c.from = s.Clock.Now()
	detail := stepup.Payout{TxnID: "order-1", Amount: stepup.Money{Value: "40.00", Currency: "EUR"}, Payee: stepup.Payee{Name: "ACME GmbH", IBAN: "DE89370400440532013000"}}
	require.Equal(t, "confirm", c.pays(t, who, detail).Page)
	code := c.letter(t, alice).Code
	detail.Amount.Value = "4000.00"
	_, _, err := c.client.Push(t.Context(), stepup.StartOptions{Subject: who.Subject, Detail: detail})
	require.ErrorIs(t, err, stepup.ErrBadDetail, "the id stands for the other amount")
	c.give(t, code)
	p := c.see(t)
	require.Equal(t, "app", p.Page, "%+v", p)
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	require.Equal(t, "access_denied", u.Query().Get("error"), "nothing is approved under an id that has meant two things")
}

// pays pushes a payout for who, and sends the browser to it.
func (c *call) pays(t *testing.T, who stepup.Proof, d stepup.Detail) sight {
	t.Helper()
	address, tx, err := c.client.Push(t.Context(), stepup.StartOptions{Subject: who.Subject, Detail: d})
	require.NoError(t, err)
	c.tx = tx
	return c.open(t, address)
}

// signedPayout is a payout that a key signs.
const signedPayout = `{"actions":{"payout.request":{
	"applies":"always", "stages":[["second_factor"]], "methods":["webauthn"], "binding":"signed", "details":"required",
	"fields":["amount","payee"], "ttl_s":600, "consume_within_s":120, "begin":"on_arrival"
}}}`

func payoutByPasskey(t *testing.T, s *stage) {
	c := s.withEveryFactor(t)
	key := c.hold(t, platform)
	c.addKey(t, "add", "Laptop")
	key.present(t, false)
	s.Apply(t, setup.Tenant{Slug: c.tenant, Policy: json.RawMessage(signedPayout)})
	s.Clock.Advance(minute + slack)
	who := c.comeIn(t, alice)
	c.client = c.office.visit(t, true, alice).client // discovers the action

	payout := stepup.Payout{
		TxnID: "order-1", Amount: stepup.Money{Value: "1250.00", Currency: "EUR"},
		Payee: stepup.Payee{Name: shownPayee, IBAN: "DE89370400440532013000"},
	}
	require.Contains(t, []string{"confirm", "challenge", "key"}, c.pays(t, who, payout).Page)
	require.Contains(t, c.text(t, ".slip"), shownAmount)
	p := key.touch(t)
	require.Equal(t, "app", p.Page, "%+v", p)
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	confirmation, err := c.client.FinishConfirmation(t.Context(), c.tx, u.Query())
	require.NoError(t, err)
	dearer := payout
	dearer.Amount.Value = "1250.01"
	_, err = c.client.ConsumeFor(t.Context(), confirmation, dearer)
	require.ErrorIs(t, err, stepup.ErrMismatch)
	receipt, err := c.client.ConsumeFor(t.Context(), confirmation, payout)
	require.NoError(t, err)
	require.Len(t, receipt.Proofs, 1)
	require.Equal(t, "webauthn", receipt.Proofs[0].Method)
	require.True(t, receipt.Proofs[0].UserVerified)
	require.Contains(t, receipt.AMR, "user")
}
