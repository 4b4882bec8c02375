package browser_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/stepup"
)

// everyFactor lays every method over the preset of system B, each proved by itself:
// what a factor's life is, and nothing of what one system adds to it.
const everyFactor = `{
	"methods": {
		"voice": {"enabled": true, "role": "any", "uses": ["login", "action"]},
		"webauthn": {"enabled": true, "role": "any", "uses": ["login", "action"]}
	},
	"delivery": {"fallback_to": ["sms", "voice", "email", "totp", "webauthn", "recovery_codes"]},
	"contacts": {"phone": {"countries_voice": "all"}},
	"lifecycle": {
		"email": {"enable": [["code_new"]], "change": [["code_current"], ["code_new"]]},
		"sms": {"enable": [["code_new"]], "change": [["code_current"], ["code_new"]]},
		"voice": {"enable": [["code_new"]], "disable": [["code_current"]], "change": [["code_current"], ["code_new"]], "reauth_max_age_s": 900},
		"totp": {"enable": [["code_new"]], "change": [["code_current"], ["code_new"]]},
		"webauthn": {"enable": [["code_new"]], "disable": [["second_factor"]], "change": [["second_factor"], ["code_new"]], "reauth_max_age_s": 900},
		"recovery_codes": {"enable": [["second_factor"]], "disable": [["second_factor"]], "change": [["second_factor"]]}
	},
	"actions": {
		"auth.login": {"methods": ["sms", "voice", "email", "totp", "webauthn", "recovery_codes"]},
		"operation.confirm": {"methods": ["sms", "voice", "email", "totp", "webauthn", "recovery_codes"]}
	}
}`

// TestFactors is the life of each factor: set up, used at a login, used for an
// action, changed, removed, and what helps who has lost it.
func TestFactors(t *testing.T) {
	for name, live := range map[string]func(*testing.T, *stage){
		"a text message":                        lifeOfSMS,
		"a call":                                lifeOfVoice,
		"an email":                              lifeOfEmail,
		"an app":                                lifeOfApp,
		"a passkey":                             lifeOfPasskey,
		"a key without a finger":                lifeOfKey,
		"a key that was copied is turned off":   copiedKey,
		"backup codes":                          lifeOfCodes,
		"a PIN":                                 lifeOfPIN,
		"an app is set up with a keyboard only": wizardByKeyboard,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live(t, theStage(t))
		})
	}
}

// withEveryFactor is alice at her settings; she gets codes by email, has a PIN, and
// a number that she has confirmed.
func (s *stage) withEveryFactor(t *testing.T) *call {
	t.Helper()
	u := withPIN(withPhone(plain(alice, true, "email"), oldPhone, "confirmed"))
	return s.newHome(t, broker, everyFactor, u).atSettings(t, true, alice, alice)
}

// by goes to one way of those that a page offers, if it is not the one that it asks
// for already.
func (c *call) by(t *testing.T, p sight, method string) sight {
	t.Helper()
	p = c.goesOn(t, p)
	if c.has(t, `button[data-method="`+method+`"]`) {
		return c.byWay(t, method)
	}
	if c.has(t, `a[href$="/choose"]`) && !strings.Contains(c.attr(t, "#code", "data-method"), method) {
		c.click(t, `a[href$="/choose"]`)
		return c.byWay(t, method)
	}
	return p
}

// well asserts that p says that something was done, and goes on to the settings.
func (c *call) well(t *testing.T, p sight) {
	t.Helper()
	require.True(t, c.has(t, `#done[role="status"]`), "%+v", p)
	if p.Page == "enrol-done" {
		p = c.click(t, "#submit")
	}
	require.Equal(t, "settings", p.Page, "%+v", p)
}

// isUsed is a login and an action with a way; prove answers the page that asks.
func (c *call) isUsed(t *testing.T, method string, prove func() sight) {
	t.Helper()
	c.Clock.Advance(minute + slack)
	c.by(t, c.begin(t), method)
	who := c.finish(t, prove())
	c.Clock.Advance(minute + slack)
	c.by(t, c.asked(t, who, "operation.confirm"), method)
	proof := c.finish(t, prove())
	require.Equal(t, "operation.confirm", proof.Action())
	c.Clock.Advance(minute + slack)
	c.settings(t)
}

// isOff turns a way off; prove answers the page that asks.
func (c *call) isOff(t *testing.T, method string, prove func() sight) {
	t.Helper()
	require.Equal(t, "confirm-change", c.startChange(t, "row-"+method, "turn_off").Page)
	c.by(t, c.click(t, "#submit"), method)
	c.isDone(t, prove(), "factor_removed")
	require.NotEqual(t, "on", c.state(t, method))
	require.NotEmpty(t, c.notice(t, alice, "turned off").Text)
}

func lifeOfSMS(t *testing.T, s *stage)   { lifeOfNumber(t, s, "sms") }
func lifeOfVoice(t *testing.T, s *stage) { lifeOfNumber(t, s, "voice") }

func lifeOfNumber(t *testing.T, s *stage, method string) {
	c := s.withEveryFactor(t)
	at := oldPhone
	prove := func() sight {
		require.Equal(t, method, c.channels(at)[0])
		return c.enterCode(t, at)
	}
	c.startChange(t, "row-"+method, "enable")
	require.Equal(t, "enrol-code", c.see(t).Page, "the number on file is confirmed already")
	c.well(t, prove())
	require.Equal(t, "on", c.state(t, method))
	c.isUsed(t, method, prove)

	c.by(t, c.startChange(t, "row-"+method, "change"), method)
	c.enterCode(t, at)
	require.Equal(t, "enrol-phone", c.see(t).Page)
	at = newPhone
	c.enterPhone(t, newTyped)
	c.well(t, prove())
	c.isUsed(t, method, prove)
	require.NotEmpty(t, c.notices(oldPhone), "the old number is told, too")
	c.isOff(t, method, prove)
}

// channels are the channels of the codes to a number, newest first.
func (c *call) channels(to string) []string {
	var all []string
	for _, l := range c.codes(to) {
		all = append(all, l.Channel)
	}
	return append(all, "none")
}

func lifeOfEmail(t *testing.T, s *stage) {
	c := s.newHome(t, broker, everyFactor, withPIN(withPhone(plain(alice, true, "sms"), oldPhone, "confirmed"))).atSettings(t, true, alice, oldPhone)
	at := otherEmail
	prove := func() sight { return c.enterCode(t, at) }
	c.startChange(t, "row-email", "enable")
	c.enterEmail(t, at)
	c.well(t, prove())
	c.isUsed(t, "email", prove)
	c.startChange(t, "row-email", "change")
	prove()
	at = "alice.third@example.test"
	c.enterEmail(t, at)
	c.well(t, prove())
	c.isUsed(t, "email", prove)
	require.NotEmpty(t, c.notices(otherEmail), "the old address is told, too")
	c.isOff(t, "email", prove)
}

func lifeOfApp(t *testing.T, s *stage) {
	c := s.withEveryFactor(t)
	c.startChange(t, "row-totp", "enable")
	c.getApp(t, "computer")
	mine := c.copyKey(t)
	prove := func() sight { return c.give(t, mine.next(t)) }
	c.give(t, wrong(mine.code(t)))
	require.Contains(t, c.text(t, "#summary"), "clock", "what most often is wrong")
	c.well(t, prove())
	c.isUsed(t, "totp", prove)

	c.startChange(t, "row-totp", "change")
	require.Equal(t, "enrol-app", prove().Page)
	old := mine
	mine = c.copyKey(t)
	c.well(t, prove())
	c.isUsed(t, "totp", prove)
	c.by(t, c.begin(t), "totp")
	require.Equal(t, "challenge", c.give(t, old.next(t)).Page, "the old app is of no use")
	c.finish(t, prove())
	c.settings(t)
	c.isOff(t, "totp", prove)
}

// platform is what laptops and telephones have: it knows the finger, and keeps the
// account, so that a login needs no name.
var platform = webauthn.VirtualAuthenticatorOptions{
	Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
	HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	HasCmtgKey: true, // without it Chromium takes no credential in that cdproto has encoded
}

// held is a key that somebody touches when he is asked to. One that always is
// touched would sign in by itself as soon as the name field offers passkeys.
type held struct {
	*call
	id webauthn.AuthenticatorID
}

func (c *call) hold(t *testing.T, options webauthn.VirtualAuthenticatorOptions) held {
	t.Helper()
	_, err := chromedp.Call(c.ctx, webauthn.Enable, webauthn.EnableParams{})
	require.NoError(t, err)
	r, err := chromedp.Call(c.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &options})
	require.NoError(t, err)
	return held{c, r.AuthenticatorID}
}

func (k held) present(t *testing.T, is bool) {
	t.Helper()
	_, err := chromedp.Call(k.ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: k.id, Enabled: is})
	require.NoError(t, err)
}

// touch presses the page's button, and the key when the browser asks for it.
func (k held) touch(t *testing.T) sight {
	t.Helper()
	k.present(t, true)
	defer k.present(t, false)
	return k.click(t, "#submit")
}

// addKey sets up a passkey or a key under a name.
func (c *call) addKey(t *testing.T, do, name string) {
	t.Helper()
	require.Equal(t, "enrol-key", c.startChange(t, "row-webauthn", do).Page)
	c.fill(t, "#name", name)
	c.well(t, c.click(t, "#submit"))
	require.Contains(t, c.see(t).Text, name)
}

func lifeOfPasskey(t *testing.T, s *stage) {
	c := s.withEveryFactor(t)
	key := c.hold(t, platform)
	c.addKey(t, "add", "Laptop")
	key.present(t, false)
	prove := func() sight { return key.touch(t) }

	s.Clock.Advance(minute + slack)
	c.by(t, c.begin(t), "webauthn")
	who := c.finish(t, prove())
	c.by(t, c.asked(t, who, "operation.confirm"), "webauthn")
	require.Equal(t, "operation.confirm", c.finish(t, prove()).Action())

	// Signed out, the browser offers the passkey in the name field, and it is the
	// whole login: something one has, opened with a finger.
	c.forget(t)
	p := c.act(t, "a passkey from the name field", func() {
		address, tx, err := c.client.Start(stepup.StartOptions{Prompt: "login"})
		require.NoError(t, err)
		c.tx = tx
		key.present(t, true)
		c.navigate(t, address)
		c.await(t, "the app", func(p sight) bool { return p.Page == "app" })
	})
	require.Equal(t, who.Subject, c.finish(t, p).Subject)

	c.settings(t)
	c.click(t, `section [data-do="rename"]`)
	c.fill(t, "#name", "Old laptop")
	c.click(t, "#submit")
	require.Contains(t, c.see(t).Text, "Old laptop")
	require.Equal(t, "confirm-change", c.click(t, `section [data-do="remove"]`).Page)
	p = c.click(t, "#submit")
	if p.Page != "settings" {
		c.by(t, p, "email")
		p = c.enterCode(t, alice)
	}
	c.isDone(t, p, "factor_removed")
	require.NotContains(t, c.text(t, "main"), "Old laptop")
}

// forget signs the browser out by taking its cookies.
func (b *tab) forget(t *testing.T) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{})
	require.NoError(t, err)
}

func lifeOfKey(t *testing.T, s *stage) {
	c := s.withEveryFactor(t)
	c.plugIn(t, u2fKey)
	c.addKey(t, "add", "Blue key")
	c.isUsed(t, "webauthn", func() sight { return c.click(t, "#submit") })
	// It proves that one has it, and not who one is: a password comes first.
	c.forget(t)
	p := c.start(t, stepup.StartOptions{})
	require.Equal(t, "identify", p.Page)
}

func copiedKey(t *testing.T, s *stage) {
	c := s.withEveryFactor(t)
	key := c.hold(t, platform)
	c.addKey(t, "add", "Laptop")
	key.present(t, false)
	all, err := chromedp.Call(c.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: key.id})
	require.NoError(t, err)
	require.Len(t, all.Credentials, 1)
	made := all.Credentials[0]
	copied := &webauthn.Credential{
		CredentialID: made.CredentialID, PrivateKey: made.PrivateKey, SignCount: made.SignCount, RpID: made.RpID,
		UserHandle: made.UserHandle, IsResidentCredential: made.IsResidentCredential,
		BackupEligibility: made.BackupEligibility, BackupState: made.BackupState,
	}

	s.Clock.Advance(minute + slack)
	c.by(t, c.begin(t), "webauthn")
	c.finish(t, key.touch(t)) // the count goes on, the copy's does not

	_, err = chromedp.Call(c.ctx, webauthn.RemoveCredential, webauthn.RemoveCredentialParams{AuthenticatorID: key.id, CredentialID: copied.CredentialID})
	require.NoError(t, err)
	_, err = chromedp.Call(c.ctx, webauthn.AddCredential, webauthn.AddCredentialParams{AuthenticatorID: key.id, Credential: copied})
	require.NoError(t, err)
	s.Clock.Advance(minute + slack)
	c.by(t, c.begin(t), "webauthn")
	require.Contains(t, key.touch(t).Text, "We turned this key off.")
	c.by(t, c.see(t), "email")
	c.finish(t, c.enterCode(t, alice))
	c.settings(t)
	require.NotEqual(t, "on", c.state(t, "webauthn"))
}

func lifeOfCodes(t *testing.T, s *stage) {
	c := s.withEveryFactor(t)
	c.startChange(t, "row-recovery_codes", "make")
	codes := c.makeCodes(t)
	require.Equal(t, 1, c.sheets(t), "the codes are printed on one page")
	c.press(t, `label[for="saved"]`)
	c.click(t, "#submit")

	for i, code := range codes[:8] {
		s.Clock.Advance(6 * minute)
		c.recover(t)
		if i > 0 {
			require.Equal(t, "challenge", c.give(t, codes[i-1]).Page, "each code works once")
		}
		c.finish(t, c.give(t, strings.ToLower(code)))
	}
	s.Clock.Advance(6 * minute)
	c.settings(t)
	require.Contains(t, c.text(t, "#codes-left"), "2")
	require.Contains(t, c.text(t, "#row-recovery_codes"), "Make new ones soon")
	require.NotEmpty(t, c.notice(t, alice, "backup code"))

	c.startChange(t, "row-recovery_codes", "make_new")
	fresh := c.makeCodes(t)
	s.Clock.Advance(6 * minute)
	c.recover(t)
	require.Equal(t, "challenge", c.give(t, codes[9]).Page, "the old sheet has no use any more")
	c.finish(t, c.give(t, fresh[0]))
}

// makeCodes confirms that new codes are wanted, and reads them.
func (c *call) makeCodes(t *testing.T) []string {
	t.Helper()
	for range 3 {
		p := c.see(t)
		switch {
		case p.Page == "choose":
			c.byWay(t, "email")
		case p.Page == "challenge":
			c.enterCode(t, alice)
		case p.Page == "recovery-renew":
			c.click(t, "#submit")
		}
	}
	require.Equal(t, "recovery-codes", c.see(t).Page)
	codes := eval[[]string](t, c.tab, `[...document.querySelectorAll("#codes li")].map(e => e.innerText.trim())`)
	require.Len(t, codes, 10)
	return codes
}

// recover is a login of somebody who can use none of the ways.
func (c *call) recover(t *testing.T) {
	t.Helper()
	c.begin(t)
	require.Equal(t, "recover", c.click(t, `a[href$="/recover"]`).Page)
	require.Equal(t, "challenge", c.click(t, "#submit").Page)
	require.Contains(t, c.text(t, `label[for="code"]`), "ackup code")
}

var sheetOfPDF = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// sheets is how many pages come out of a printer.
func (b *tab) sheets(t *testing.T) int {
	t.Helper()
	r, err := chromedp.Call(b.ctx, page.PrintToPDF, page.PrintToPDFParams{})
	require.NoError(t, err)
	pdf := r.Data
	if !strings.HasPrefix(string(pdf), "%PDF") {
		pdf, err = base64.StdEncoding.DecodeString(string(r.Data))
		require.NoError(t, err)
	}
	return len(sheetOfPDF.FindAll(pdf, -1))
}

func lifeOfPIN(t *testing.T, s *stage) {
	c := s.newHome(t, broker, everyFactor, plain(alice, true, "email")).atSettings(t, true, alice, alice)
	set := func(value string) sight {
		c.fill(t, "#new-pin", value)
		return c.click(t, "#submit")
	}
	c.startChange(t, "row-pin", "set")
	if c.has(t, "#password") {
		c.fill(t, "#password", harness.Password)
		c.click(t, "#submit")
	}
	require.Equal(t, "enrol-pin", set("123456").Page, "a run is easily guessed")
	require.NotEmpty(t, c.text(t, "#summary"))
	c.well(t, set(pin))

	withdraw := func(pin string) sight {
		s.Clock.Advance(minute + slack)
		who := c.comeIn(t, alice)
		s.Clock.Advance(minute + slack)
		c.asked(t, who, withdrawal)
		return c.givePIN(t, pin)
	}
	c.goesOn(t, withdraw(pin))
	require.Equal(t, withdrawal, c.finish(t, c.enterCode(t, alice)).Action())

	c.settings(t)
	c.startChange(t, "row-pin", "change")
	const next = "862093"
	for range 3 {
		switch {
		case c.has(t, "#password"):
			c.fill(t, "#password", harness.Password)
			c.click(t, "#submit")
		case c.has(t, "#pin") && !c.has(t, "#new-pin"):
			c.givePIN(t, pin)
		}
	}
	if c.has(t, "#pin") {
		c.fill(t, "#pin", pin)
	}
	set(next)
	require.NotEmpty(t, c.notice(t, alice, "PIN"))
	require.Contains(t, withdraw(pin).Text, "isn’t right")
	c.goesOn(t, c.givePIN(t, next))
	require.Equal(t, withdrawal, c.finish(t, c.enterCode(t, alice)).Action())
}

// wizardByKeyboard sets an app up with Tab, the arrows and Enter alone.
func wizardByKeyboard(t *testing.T, s *stage) {
	c := s.withEveryFactor(t)
	eval[chromedp.Void](t, c.tab, `document.querySelector('#row-totp [data-do="enable"]').id = "enable-totp"`)
	c.tabTo(t, "enable-totp")
	require.Equal(t, "enrol-device", c.enter(t).Page)
	eval[chromedp.Void](t, c.tab, `document.querySelector('button[name="os"][value="ios"]').id = "ios"`)
	c.tabTo(t, "ios")
	require.Equal(t, "enrol-get-app", c.enter(t).Page)
	c.tabTo(t, "submit")
	require.Equal(t, "enrol-app", c.enter(t).Page)
	eval[chromedp.Void](t, c.tab, `document.querySelector("#by-hand summary").id = "by-hand-summary"`)
	c.tabTo(t, "by-hand-summary")
	c.key(t, kb.Enter)
	key := strings.ToUpper(strings.ReplaceAll(c.text(t, "#key"), " ", ""))
	mine := app{s, key}
	c.tabTo(t, "code")
	c.keys(t, mine.code(t))
	require.Equal(t, "enrol-done", c.enter(t).Page)
	c.tabTo(t, "submit")
	require.Equal(t, "settings", c.enter(t).Page)
	require.Equal(t, "on", c.state(t, "totp"))
}
