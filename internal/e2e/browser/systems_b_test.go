package browser_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rowsOfB are the rows of system B up to the backup codes; those of a withdrawal
// follow in rowsWithdrawal.
var rowsOfB = []row{
	{"B-01", "who wants codes gets them on a mobile phone; a landline is refused", codesByChoice},
	{"B-02", "each method has a section with its state and a button", sectionsOfMethods},
	{"B-03", "the number waits for its code after Send", numberWaits},
	{"B-04", "the code that came to the phone confirms it", codeConfirmsPhone},
	{"B-05", "code and PIN are given together, and one message answers for both", codeAndPIN},
	{"B-05", "a wrong PIN uses up the code as well", wrongPINCountsOnCode},
	{"B-05", "a wrong code uses up the PIN as well", wrongCodeCountsOnPIN},
	{"B-06", "the first confirmed phone gives grade 1, exactly once", gradeOnce},
	{"B-07", "disable sends a code to the phone at once", disableSendsCode},
	{"B-08", "that code switches text messages off, without a PIN and in no other way", disableTakesCode},
	{"B-09", "security codes are a step at login, for withdrawals and other operations", codesEverywhere},
	{"B-10", "several identities are on together, and the user picks one each time", pickOne},
	{"B-11", "the user sees where each identity stands", seesStates},
	{"B-12", "email takes the PIN first, then the code", emailTakesPINFirst},
	{"B-13", "the phone's system changes where to get an app, and nothing else", appForEachSystem},
	{"B-14", "backup codes take the PIN, and are shown once", codesShownOnce},
}

// landline is a number that takes no text.
const landline, landlineTyped = "+493023125001", "030 23125001"

func codesByChoice(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", withPIN(plain(alice, false))).visit(t, script, alice)
	require.Equal(t, "app", c.begin(t).Page, "nobody has to")
	c.settings(t)
	c.startChange(t, "row-sms", "enable")
	p := c.typePhone(t, "DE", landlineTyped)
	require.Equal(t, "enrol-phone", p.Page)
	require.NotEmpty(t, c.text(t, "#phone-error"))
	require.Empty(t, c.letters(landline))

	c.enterPhone(t, newTyped)
	c.isDone(t, c.giveBoth(t, c.code(t, newPhone), pin), "")
	s.Clock.Advance(minute + slack)
	require.Equal(t, "challenge", c.begin(t).Page, "now there is a code at login")
	require.Len(t, c.codes(newPhone), 2)
}

func sectionsOfMethods(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", bothOn()).visit(t, script, alice)
	c.comeIn(t, alice)
	c.settings(t)
	for method, want := range map[string]struct{ state, button string }{
		"sms": {"on", "turn_off"}, "email": {"on", "turn_off"}, "totp": {"off", "enable"}, "recovery_codes": {"off", "make"},
	} {
		require.Equal(t, want.state, c.state(t, method), "%s", method)
		require.True(t, c.offers(t, "row-"+method, want.button), "%s", method)
	}
	for _, method := range []string{"voice", "webauthn"} {
		require.False(t, c.has(t, "#row-"+method), "%s is not one of them", method)
	}
}

// waiting is somebody with a PIN who has just had a code sent to a new number.
func (s *stage) waiting(t *testing.T, script bool, patch string) *call {
	t.Helper()
	c := s.newHome(t, broker, patch, withPIN(plain(alice, false))).atSettings(t, script, alice, "")
	c.startChange(t, "row-sms", "enable")
	c.enterPhone(t, newTyped)
	return c
}

func numberWaits(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", withPIN(plain(alice, false))).atSettings(t, script, alice, "")
	c.startChange(t, "row-sms", "enable")
	require.Equal(t, "enrol-phone-check", c.typePhone(t, "DE", newTyped).Page)
	require.Empty(t, c.letters(newPhone), "nothing is sent before Send")
	require.Equal(t, "enrol-code", c.click(t, "#submit").Page)
	require.Len(t, c.codes(newPhone), 1)
	require.Equal(t, "sms", c.letter(t, newPhone).Channel)
	c.settings(t)
	require.Equal(t, "pending", c.status(t, "phone"))
	require.Equal(t, "pending", c.state(t, "sms"))
}

func codeConfirmsPhone(t *testing.T, s *stage, script bool) {
	c := s.waiting(t, script, "")
	code := c.code(t, newPhone)
	require.Equal(t, "enrol-code", c.giveBoth(t, wrong(code), pin).Page)
	c.isDone(t, c.giveBoth(t, code, pin), "")
	require.Equal(t, "confirmed", c.status(t, "phone"))
	require.Equal(t, "on", c.state(t, "sms"))
}

func codeAndPIN(t *testing.T, s *stage, script bool) {
	const says = "The code or the PIN isn’t right."
	c := s.waiting(t, script, "")
	code := c.code(t, newPhone)
	for _, try := range [][2]string{{wrong(code), pin}, {code, wrong(pin)}, {wrong(code), wrong(pin)}} {
		require.Equal(t, "enrol-code", c.giveBoth(t, try[0], try[1]).Page)
		require.Contains(t, c.text(t, "#summary"), says)
		require.Equal(t, says, c.text(t, "#code-error"))
		require.False(t, c.has(t, "#pin-error"))
	}
	c.isDone(t, c.giveBoth(t, code, pin), "")
}

func wrongPINCountsOnCode(t *testing.T, s *stage, script bool) {
	// There are fewer tries at the code than at the PIN.
	c := s.waiting(t, script, `{"codes":{"default":{"attempts":3}}}`)
	code := c.code(t, newPhone)
	for range 3 {
		require.Equal(t, "enrol-code", c.giveBoth(t, code, wrong(pin)).Page)
	}
	if c.has(t, "#code") {
		require.Equal(t, "enrol-code", c.giveBoth(t, code, pin).Page, "the right ones come too late")
	}
	c.settings(t)
	require.Equal(t, "pending", c.status(t, "phone"))
	c.startChange(t, "row-recovery_codes", "make")
	require.Equal(t, "recovery-codes", c.givePIN(t, pin).Page, "the PIN has tries left")
}

func wrongCodeCountsOnPIN(t *testing.T, s *stage, script bool) {
	c := s.waiting(t, script, "")
	code := c.code(t, newPhone)
	for range 5 {
		require.Equal(t, "enrol-code", c.giveBoth(t, wrong(code), pin).Page)
	}
	c.settings(t)
	c.startChange(t, "row-recovery_codes", "make")
	require.Equal(t, "recovery-renew", c.givePIN(t, pin).Page, "the right PIN is not looked at any more")
	require.Contains(t, c.text(t, "#summary"), "Too many wrong PINs.")
}

func gradeOnce(t *testing.T, s *stage, script bool) {
	c := s.waiting(t, script, "")
	require.Empty(t, c.office.signals(t), "a number that waits is worth nothing")
	c.giveBoth(t, wrong(c.code(t, newPhone)), pin)
	require.Empty(t, c.office.signals(t))
	c.isDone(t, c.giveBoth(t, c.code(t, newPhone), pin), "")
	c.hasGrade(t)

	s.Clock.Advance(minute + slack)
	c.startChange(t, "row-sms", "turn_off")
	c.click(t, "#submit")
	c.isDone(t, c.enterCode(t, newPhone), "factor_removed")
	s.Clock.Advance(minute + slack)
	c.startChange(t, "row-sms", "enable")
	if c.see(t).Page == "enrol-phone-check" {
		c.click(t, "#submit")
	}
	c.isDone(t, c.giveBoth(t, c.code(t, newPhone), pin), "")
	require.Equal(t, "on", c.state(t, "sms"))
	c.hasGrade(t)

	s.Clock.Advance(minute + slack)
	c.startChange(t, "contact-phone", "change")
	c.enterCode(t, newPhone)
	c.enterPhone(t, nextTyped)
	c.isDone(t, c.giveBoth(t, c.code(t, nextPhone), pin), "contact_changed")
	c.hasGrade(t) // another number is no second grade
}

// hasGrade asserts that the relying app is told once of grade 1, and of nothing else.
func (c *call) hasGrade(t *testing.T) {
	t.Helper()
	all := c.office.signals(t)
	require.Len(t, all, 1)
	require.Equal(t, "account.grade", all[0].Event)
	told := struct {
		Event string
		Value int
		Sub   string
	}{}
	require.NoError(t, json.Unmarshal([]byte(all[0].Payload), &told))
	require.Equal(t, "account.grade", told.Event)
	require.Equal(t, 1, told.Value)
	require.NotEmpty(t, told.Sub)
}

// turningOff is somebody who has just said that text messages shall go.
func (s *stage) turningOff(t *testing.T, script bool) *call {
	t.Helper()
	c := s.newHome(t, broker, "", bothOn()).visit(t, script, alice)
	c.comeIn(t, alice)
	c.settings(t)
	require.Equal(t, "confirm-change", c.startChange(t, "row-sms", "turn_off").Page)
	require.Empty(t, c.letters(oldPhone))
	require.Equal(t, "challenge", c.click(t, "#submit").Page)
	return c
}

func disableSendsCode(t *testing.T, s *stage, script bool) {
	c := s.turningOff(t, script)
	require.Len(t, c.codes(oldPhone), 1)
	require.Len(t, c.codes(alice), 1, "that of the login")
}

func disableTakesCode(t *testing.T, s *stage, script bool) {
	c := s.turningOff(t, script)
	require.False(t, c.has(t, "#pin"))
	require.False(t, c.has(t, "#ways"), "who lost the phone cannot go on here")
	op := c.see(t).URL
	c.forge(t, op+"/switch", "method", "email")
	require.Len(t, c.codes(alice), 1, "nor by asking for another way")
	c.open(t, op)
	code := c.code(t, oldPhone)
	require.Equal(t, "challenge", c.give(t, wrong(code)).Page)
	c.isDone(t, c.give(t, code), "factor_removed")
	require.Equal(t, "off", c.state(t, "sms"))
	require.Equal(t, "confirmed", c.status(t, "phone"), "the number stays")
}

func codesEverywhere(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", withPIN(plain(alice, true, "email"))).visit(t, script, alice)
	require.Equal(t, "challenge", c.begin(t).Page)
	who := c.finish(t, c.enterCode(t, alice))
	require.Len(t, c.codes(alice), 1)

	s.Clock.Advance(minute + slack)
	require.Equal(t, "confirm", c.asked(t, who, "withdrawal.confirm").Page)
	c.goesOn(t, c.givePIN(t, pin))
	proof := c.finish(t, c.enterCode(t, alice))
	require.Equal(t, "withdrawal.confirm", proof.Action())
	require.Len(t, c.codes(alice), 2)

	s.Clock.Advance(minute + slack)
	c.goesOn(t, c.asked(t, who, "operation.confirm"))
	proof = c.finish(t, c.enterCode(t, alice))
	require.Equal(t, "operation.confirm", proof.Action())
	require.Len(t, c.codes(alice), 3)
}

func pickOne(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", bothOn()).visit(t, script, alice)
	for i, method := range []string{"sms", "email"} {
		to := map[string]string{"sms": oldPhone, "email": alice}[method]
		require.Equal(t, "choose", c.begin(t).Page)
		require.Len(t, c.codes(oldPhone), i, "nothing is sent before the choice")
		require.Empty(t, c.codes(alice))
		require.Equal(t, "challenge", c.byWay(t, method).Page)
		c.finish(t, c.enterCode(t, to))
		s.Clock.Advance(minute + slack)
	}
	require.Len(t, c.codes(oldPhone), 1)
	require.Len(t, c.codes(alice), 1)
}

func seesStates(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", withPIN(withPhone(plain(alice, true, "email"), oldPhone, "unverified"))).atSettings(t, script, alice, alice)
	for row, says := range map[string]string{
		"#row-email": "On", "#row-sms": "Not verified", "#row-totp": "Off", "#row-recovery_codes": "Off", "#row-pin": "Required by your organization",
	} {
		require.Equal(t, says, c.text(t, row+" .tag"), "%s", row)
	}
	require.Contains(t, c.text(t, "#row-email"), "a•••@example.test")
	require.Contains(t, c.text(t, "#status"), "Protected by 1 method.")
	c.startChange(t, "row-email", "turn_off")
	c.click(t, "#submit")
	c.isDone(t, c.enterCode(t, alice), "factor_removed")
	require.Equal(t, "Off", c.text(t, "#row-email .tag"))
	require.Contains(t, c.text(t, "#status"), "Only the password protects this account.")
}

func emailTakesPINFirst(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", withPIN(plain(alice, false))).atSettings(t, script, alice, "")
	c.startChange(t, "row-email", "enable")
	if !c.has(t, "#email") {
		c.click(t, "#change")
	}
	c.fill(t, "#email", otherEmail)
	c.click(t, "#submit")
	c.givePIN(t, wrong(pin))
	require.False(t, c.has(t, "#code"))
	require.Contains(t, c.text(t, "#pin-error"), "That PIN isn’t right.")
	require.Empty(t, c.letters(otherEmail), "no code is sent before the PIN")

	c.givePIN(t, pin)
	require.False(t, c.has(t, "#pin"))
	require.Len(t, c.codes(otherEmail), 1)
	c.isDone(t, c.enterCode(t, otherEmail), "")
	require.Equal(t, "on", c.state(t, "email"))
	s.Clock.Advance(minute + slack)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Len(t, c.codes(otherEmail), 2, "codes go there from now on")
}

func appForEachSystem(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", withPIN(plain(alice, false))).atSettings(t, script, alice, "")
	stores, setups := map[string]bool{}, map[string]bool{}
	var keys []string
	for _, os := range []string{"ios", "android"} {
		c.settings(t)
		require.Equal(t, "enrol-device", c.startChange(t, "row-totp", "enable").Page)
		require.Equal(t, "enrol-get-app", c.click(t, `button[name="os"][value="`+os+`"]`).Page)
		stores[c.text(t, "main p:has(+ input), #get-app > .small.soft")] = true
		c.click(t, "#submit")
		keys = append(keys, c.copyKey(t).key)
		u, err := url.Parse(c.attr(t, "#setup", "href"))
		require.NoError(t, err)
		q := u.Query()
		require.Equal(t, keys[len(keys)-1], q.Get("secret"))
		q.Del("secret")
		setups[u.Host+u.Path+"?"+q.Encode()] = true
	}
	require.Len(t, stores, 2, "each system has a store of its own")
	require.Len(t, setups, 1, "and all get the same kind of key")
	require.NotEqual(t, keys[0], keys[1], "a key is made once")

	mine := app{s, keys[1]}
	require.Equal(t, "enrol-app", c.giveBoth(t, wrong(mine.code(t)), pin).Page)
	c.isDone(t, c.giveBoth(t, mine.code(t), pin), "")
	require.Equal(t, "on", c.state(t, "totp"))
	require.Equal(t, "challenge", c.begin(t).Page)
	c.finish(t, c.give(t, mine.next(t)))
}

func codesShownOnce(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, broker, "", withPIN(plain(alice, true, "email"))).visit(t, script, alice)
	who := c.comeIn(t, alice)
	c.settings(t)
	require.Equal(t, "recovery-renew", c.startChange(t, "row-recovery_codes", "make").Page)
	op := c.see(t).URL
	require.Equal(t, "recovery-renew", c.givePIN(t, wrong(pin)).Page)
	require.False(t, c.has(t, "#codes"))
	require.Equal(t, "recovery-codes", c.givePIN(t, pin).Page)
	codes := eval[[]string](t, c.tab, `[...document.querySelectorAll("#codes li")].map(e => e.innerText.trim())`)
	require.Len(t, codes, 10)
	require.Equal(t, script, c.has(t, "#print"), "the browser's own menu prints without script")

	require.NotEqual(t, "recovery-codes", c.open(t, op).Page)
	require.NotContains(t, c.see(t).Text, codes[0])
	require.NotContains(t, c.settings(t).Text, codes[0])
	require.Contains(t, c.text(t, "#codes-left"), "10 of 10 left")

	s.Clock.Advance(time.Minute)
	c.goesOn(t, c.asked(t, who, "operation.confirm"))
	c.byWay(t, "recovery_codes")
	c.finish(t, c.give(t, codes[3]))
	c.settings(t)
	require.Contains(t, c.text(t, "#codes-left"), "9 of 10 left")
}
