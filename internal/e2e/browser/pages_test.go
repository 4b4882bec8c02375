package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/stepup"
)

// TestPages looks at every page and every state of it: nothing scrolls sideways
// at 320 px, axe finds nothing, and there is a picture of each to look at.
func TestPages(t *testing.T) {
	needsBrowser(t)
	g := newGallery(t)
	for name, walk := range map[string]func(*testing.T, *stage, *gallery){
		"sign in":         walkSignIn,
		"second step":     walkSecondStep,
		"locked":          walkLocked,
		"choice":          walkChoice,
		"trusted device":  walkTrust,
		"payout":          walkPayout,
		"payment details": walkPaymentDetails,
		"withdrawal":      walkWithdrawal,
		"consent":         walkConsent,
		"reminder":        walkBanner,
		"way back":        walkInterstitial,
		"no way":          walkErrors,
		"demo":            walkDemo,
		"shop":            walkShop,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walk(t, theStage(t), g)
		})
	}
}

// loosely sends a form as an old browser would, which checks nothing itself.
func (b *tab) loosely(t *testing.T) {
	t.Helper()
	eval[chromedp.Void](t, b, `document.querySelectorAll("form").forEach(f => f.noValidate = true)`)
}

func walkSignIn(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, contractor, alice)
	v.click(t, "#sign-in")
	g.show(t, v.tab, "identify")
	v.loosely(t)
	v.click(t, "#submit")
	g.show(t, v.tab, "identify-empty")
	v.fill(t, "#username", alice)
	v.click(t, "#submit")
	g.show(t, v.tab, "password")
	v.fill(t, "#password", "not-the-password")
	v.click(t, "#submit")
	g.show(t, v.tab, "password-wrong")
	v.loosely(t)
	v.click(t, "#submit")
	g.show(t, v.tab, "password-empty")
	for v.text(t, "#summary") != "" && v.last().Status != 429 {
		v.fill(t, "#password", "not-the-password")
		v.click(t, "#submit")
	}
	g.show(t, v.tab, "password-locked")
}

func walkSecondStep(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, contractor, alice)
	v.giveName(t)
	g.show(t, v.tab, "challenge-sent")
	v.give(t, wrong(v.letter(t, alice).Code))
	g.show(t, v.tab, "challenge-wrong")
	v.give(t, "hello")
	g.show(t, v.tab, "challenge-malformed")
	v.click(t, "#resend")
	g.show(t, v.tab, "challenge-too-soon")
	letter := v.letter(t, alice)
	s.until(letter.At.Add(minute + slack))
	v.give(t, letter.Code)
	g.show(t, v.tab, "challenge-expired")
	v.reload(t)
	g.show(t, v.tab, "challenge-sms-open")
	v.click(t, byText)
	g.show(t, v.tab, "challenge-sms-sent")
}

func walkLocked(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, contractor, alice)
	v.giveName(t)
	code := wrong(v.letter(t, alice).Code)
	for range 5 {
		v.give(t, code)
	}
	g.show(t, v.tab, "challenge-locked")
	v = s.visitShop(t, true, contractor, alice)
	v.giveName(t)
	g.show(t, v.tab, "challenge-locked-before")
}

func walkChoice(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, "broker", alice)
	require.Equal(t, "choose", v.giveName(t).Page)
	g.show(t, v.tab, "choose")
	v.click(t, byText)
	g.show(t, v.tab, "challenge-chosen")
}

func walkWithdrawal(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, "broker", alice)
	v.giveName(t)
	v.click(t, byText)
	v.atShop(t, v.give(t, v.letter(t, alicePhone).Code), "signin")
	v.click(t, "#withdrawal-confirm")
	g.show(t, v.tab, "confirm-withdrawal")
	v.fill(t, "#pin", pin)
	v.click(t, "#submit")
	g.show(t, v.tab, "choose-withdrawal")
	v.click(t, byText)
	g.show(t, v.tab, "challenge-withdrawal")
}

func walkTrust(t *testing.T, s *stage, g *gallery) {
	o := s.newOffice(t, "account-admin-sms-default", `{"trusted_device":{"lifetime":"P30D","consent":"ask"}}`)
	c := o.visit(t, true, alice)
	c.begin(t)
	g.show(t, c.tab, "challenge-trust-device")
}

func walkPayout(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, contractor, alice)
	v.signIn(t)
	v.ask(t, "#payout")
	g.show(t, v.tab, "confirm-payout")
	v.click(t, `a[href$="/choose"]`)
	g.show(t, v.tab, "choose-waiting")
	s.until(v.letter(t, alice).At.Add(minute + slack))
	v.reload(t)
	g.show(t, v.tab, "choose-open")
	v.click(t, byText)
	g.show(t, v.tab, "confirm-payout-sms")
	v.give(t, wrong(v.letter(t, alicePhone).Code))
	g.show(t, v.tab, "confirm-payout-wrong")
	v.give(t, v.letter(t, alicePhone).Code)
	g.show(t, v.tab, "shop-payout-requested")
}

func walkPaymentDetails(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, contractor, carol)
	v.signIn(t)
	v.ask(t, "#payment-details")
	g.show(t, v.tab, "confirm-payment-details")
	v.click(t, "#cancel")
	require.Equal(t, "access_denied", v.attr(t, "#result", "data-error"))
	g.show(t, v.tab, "shop-cancelled")
}

func walkConsent(t *testing.T, s *stage, g *gallery) {
	o := s.newOffice(t, "contractor-email-first", "")
	c := o.visit(t, true, alice)
	address := o.place.Authorize(o.place.Client, "redirect_uri", o.app.URL+"/callback",
		"scope", "openid profile email phone address offline_access", "prompt", "consent").URL
	c.open(t, address)
	c.giveNameTo(t, harness.Password)
	require.Equal(t, "consent", c.give(t, c.letter(t, alice).Code).Page)
	g.show(t, c.tab, "consent")
	require.Equal(t, "app", c.click(t, "#allow").Page)
}

func walkBanner(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, "contract", carol)
	require.Equal(t, "banner", v.giveName(t).Page)
	g.show(t, v.tab, "banner")
	v.atShop(t, v.click(t, "#submit"), "signin")
}

// walkInterstitial lets the app answer with nothing, so that the page on the way
// to it stays; its link goes on.
func walkInterstitial(t *testing.T, s *stage, g *gallery) {
	o := s.newOffice(t, "conformance-password-only", "")
	for _, button := range []string{"#submit", "#cancel"} {
		o.away.Store(true)
		c := o.visit(t, true, alice)
		c.start(t, stepup.StartOptions{})
		c.fill(t, "#username", alice)
		c.click(t, "#submit")
		c.fill(t, "#password", harness.Password)
		c.press(t, button)
		c.await(t, "the way back", func(p sight) bool { return p.Page == "interstitial" && p.Ready == "complete" })
		g.show(t, c.tab, "interstitial-"+button[1:])
		o.away.Store(false)
		require.Equal(t, "app", c.click(t, "#continue").Page)
	}
}

func walkErrors(t *testing.T, s *stage, g *gallery) {
	b := s.newTab(t, true)
	for name, path := range map[string]string{
		"error-unknown-client": "/t/contractor/authorize?client_id=nobody&response_type=code",
		"error-return-address": "/t/contractor/authorize?client_id=demo-cli&response_type=code&redirect_uri=http%3A%2F%2Fevil.example%2F",
		"error-unknown-tenant": "/t/nowhere/authorize",
		"error-not-found":      "/t/contractor/nothing",
		"error-other-browser":  "/t/contractor/interaction/AAAAAAAAAAAAAAAAAAAAAA",
	} {
		require.Equal(t, "error", b.open(t, s.URL+path).Page, "%s", path)
		g.show(t, b, name)
	}
	v := s.visitShop(t, true, "account", carol)
	v.giveName(t)
	require.Equal(t, "challenge", v.see(t).Page)
	g.show(t, v.tab, "first-enrolment")

	v = s.visitShop(t, true, contractor, carol)
	v.click(t, "#sign-in")
	eval[chromedp.Void](t, v.tab, `document.querySelector("[name=csrf]").value = "forged"`)
	v.fill(t, "#username", carol)
	require.Equal(t, "error", v.click(t, "#submit").Page)
	g.show(t, v.tab, "error-stale-form")
}

func walkDemo(t *testing.T, s *stage, g *gallery) {
	b := s.newTab(t, true)
	b.open(t, s.URL+"/")
	g.show(t, b, "demo-start")
	b.open(t, s.URL+"/_mailbox")
	b.click(t, "#delete-all")
	g.show(t, b, "mailbox-empty")
	v := s.visitShop(t, true, contractor, alice)
	v.signIn(t)
	v.ask(t, "#payout")
	s.until(v.letter(t, alice).At.Add(minute + slack))
	v.click(t, `a[href$="/choose"]`)
	v.click(t, byText)
	b.open(t, s.URL+"/_mailbox")
	require.Contains(t, b.text(t, "#messages"), v.letter(t, alicePhone).Code)
	g.show(t, b, "mailbox")
}

func walkShop(t *testing.T, s *stage, g *gallery) {
	v := s.visitShop(t, true, contractor, alice)
	g.show(t, v.tab, "shop-signed-out")
	v.signIn(t)
	g.show(t, v.tab, "shop-signed-in")
	require.Equal(t, "shop-claims", v.click(t, "#claims").Page)
	g.show(t, v.tab, "shop-claims")
}
