package browser_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

// account is the preset of system E.
const account = "account-admin-sms-default"

// What an administrator may choose instead of text messages alone.
const (
	onlyApp     = `{"methods":{"sms":{"enabled":false},"totp":{"enabled":true}}}`
	appAndSMS   = `{"methods":{"totp":{"enabled":true},"sms":{"role":"backup"}}}`
	keyAndSMS   = `{"methods":{"webauthn":{"enabled":true},"sms":{"role":"backup"}}}`
	nobodysCode = "000000"
)

// rowsOfE are the rows of system E about its channels, and about those who have
// none yet.
var rowsOfE = []row{
	{"E-05", "one channel can be selected, or two", oneChannelOrTwo},
	{"E-06", "the code comes to the user's number", codeToNumber},
	{"E-07", "any authenticator app will do", anyApp},
	{"E-07", "a code of an app works once", appCodeOnce},
	{"E-08", "a hardware key of the U2F kind will do, with text messages as backup (needs JavaScript)", keyOfU2F},
	{"E-01", "who has no number proves the address, adds a number, and is in", firstNumberAtLogin},
	{"E-01", "who does not prove the address adds nothing", noNumberWithoutProof},
	{"E-01", "a number from the administrator is confirmed by the first code", firstCodeConfirms},
}

// withNumber is a user of an account whose number is confirmed.
func withNumber() setup.User { return withPhone(plain(alice, true, "sms"), oldPhone, "confirmed") }

func oneChannelOrTwo(t *testing.T, s *stage, script bool) {
	for patch, want := range map[string]map[string]bool{
		"": {"sms": true}, onlyApp: {"totp": true}, appAndSMS: {"sms": true, "totp": true}, keyAndSMS: {"sms": true, "webauthn": true},
	} {
		c := s.newHome(t, account, patch, plain(alice, false)).visit(t, script, alice)
		require.Equal(t, "challenge", c.begin(t).Page)
		p := c.enterCode(t, alice)
		require.Equal(t, "enrol", p.Page, "%+v", p)
		offered := map[string]bool{}
		for _, method := range []string{"email", "sms", "voice", "totp", "webauthn"} {
			if c.has(t, `#choices [data-method="`+method+`"]`) {
				offered[method] = true
			}
		}
		require.Equal(t, want, offered, "%s", patch)
	}
}

func codeToNumber(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, account, "", withNumber()).visit(t, script, alice)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Len(t, c.codes(oldPhone), 1)
	require.Equal(t, "sms", c.letter(t, oldPhone).Channel)
	require.Empty(t, c.letters(alice))
	code := c.code(t, oldPhone)
	require.Equal(t, "challenge", c.give(t, wrong(code)).Page)
	require.Equal(t, stepup.ACRMFA, c.finish(t, c.give(t, code)).ACR)
}

// withApp is somebody who sets up an app in the middle of a login, and is in.
func (s *stage) withApp(t *testing.T, script bool, os string) (*call, app) {
	t.Helper()
	c := s.newHome(t, account, onlyApp, plain(alice, false)).visit(t, script, alice)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Equal(t, "enrol", c.enterCode(t, alice).Page)
	c.byWay(t, "totp")
	c.getApp(t, os)
	mine := c.copyKey(t)
	require.Equal(t, "enrol-app", c.give(t, nobodysCode).Page, "a code of no app")
	require.Equal(t, stepup.ACRMFA, c.finish(t, c.give(t, mine.code(t))).ACR)
	return c, mine
}

func anyApp(t *testing.T, s *stage, script bool) {
	// The app of this test is a library of others: SHA-1, 6 digits, 30 seconds.
	c, mine := s.withApp(t, script, "other")
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Len(t, c.codes(alice), 1, "that before the first app alone")
	proof := c.finish(t, c.give(t, mine.next(t)))
	require.Equal(t, stepup.ACRMFA, proof.ACR)
	require.Contains(t, proof.AMR, "otp")
	c.settings(t)
	require.Equal(t, "required", c.state(t, "totp"))
	require.False(t, c.has(t, "#row-sms"))
}

func appCodeOnce(t *testing.T, s *stage, script bool) {
	c, mine := s.withApp(t, script, "android")
	code := mine.next(t)
	require.Equal(t, "challenge", c.begin(t).Page)
	c.finish(t, c.give(t, code))
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Equal(t, "challenge", c.give(t, code).Page, "it is still on the app's display")
	require.Contains(t, c.text(t, "#summary"), saysUsed)
	c.finish(t, c.give(t, mine.next(t)))
}

func keyOfU2F(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, account, keyAndSMS, withNumber()).visit(t, script, alice)
	who := c.comeIn(t, oldPhone)
	c.settings(t)
	holds := c.plugIn(t, u2fKey)
	require.Equal(t, "enrol-key", c.startChange(t, "row-webauthn", "add").Page)
	if !script {
		require.False(t, c.has(t, "#submit"), "the browser's dialog takes JavaScript")
		require.NotEmpty(t, c.text(t, "noscript"))
		return
	}
	options := struct {
		AuthenticatorSelection struct{ ResidentKey, UserVerification string }
	}{}
	require.NoError(t, json.Unmarshal([]byte(c.attr(t, "form[data-options]", "data-options")), &options))
	require.NotEqual(t, "required", options.AuthenticatorSelection.ResidentKey)
	require.NotEqual(t, "required", options.AuthenticatorSelection.UserVerification)
	c.fill(t, "#name", "Blue key")
	c.isDone(t, c.click(t, "#submit"), "")
	require.Len(t, holds(), 1)
	require.False(t, holds()[0].IsResidentCredential)
	require.Contains(t, c.see(t).Text, "Blue key")

	s.Clock.Advance(minute + slack)
	sent := len(c.codes(oldPhone))
	p := c.begin(t)
	require.Equal(t, "challenge", p.Page, "%+v", p)
	require.Len(t, c.codes(oldPhone), sent, "the key is asked first")
	proof := c.finish(t, c.click(t, "#submit"))
	require.Equal(t, who.Subject, proof.Subject)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Equal(t, "challenge", c.byWay(t, "sms").Page, "a text message is there as backup, at once")
	c.finish(t, c.enterCode(t, oldPhone))
}

func firstNumberAtLogin(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, account, "", plain(carol, false)).visit(t, script, carol)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Len(t, c.codes(carol), 1)
	require.Contains(t, c.text(t, "#change"), "Before you add a second step")
	require.Equal(t, "enrol", c.enterCode(t, carol).Page)
	require.False(t, c.has(t, "#later"), "it cannot be put off")
	require.Equal(t, "enrol-phone", c.byWay(t, "sms").Page)
	require.Empty(t, c.letters(newPhone))
	c.enterPhone(t, newTyped)
	code := c.code(t, newPhone)
	require.Equal(t, "enrol-code", c.give(t, wrong(code)).Page)
	require.Equal(t, stepup.ACRMFA, c.finish(t, c.give(t, code)).ACR, "the new number is the second step of this login")

	s.Clock.Advance(minute + slack)
	require.Equal(t, "challenge", c.begin(t).Page)
	c.finish(t, c.enterCode(t, newPhone))
	require.Len(t, c.codes(carol), 1, "email was for the first time only")
}

func noNumberWithoutProof(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, account, "", plain(carol, false)).visit(t, script, carol)
	p := c.begin(t)
	require.Equal(t, "challenge", p.Page)
	base := p.URL[:len(p.URL)-len("/challenge")]
	require.NotEqual(t, "enrol", c.open(t, base+"/enrol/add").Page)
	c.open(t, p.URL)
	require.NotContains(t, c.forge(t, base+"/enrol/start", "kind", "sms", "verb", "enable").Page, "enrol")
	require.Equal(t, "identify", c.office.visit(t, script, carol).open(t, c.settingsURL("/add")).Page)
	c.open(t, p.URL)
	code := c.code(t, carol)
	require.Equal(t, "challenge", c.give(t, wrong(code)).Page)
	require.Equal(t, "enrol", c.give(t, code).Page)
}

func firstCodeConfirms(t *testing.T, s *stage, script bool) {
	bobs := plain(bob, false)
	bobs.Phone, bobs.PhoneStatus, bobs.PhoneSource = oldPhone, "unverified", "admin"
	c := s.newHome(t, account, "", bobs).visit(t, script, bob)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Empty(t, c.letters(bob))
	require.Equal(t, "challenge", c.give(t, wrong(c.code(t, oldPhone))).Page)
	c.finish(t, c.enterCode(t, oldPhone))
	c.settings(t)
	require.Equal(t, "confirmed", c.status(t, "phone"))
	require.Equal(t, "required", c.state(t, "sms"))
}
