package browser_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

// rowsOfD are those of system D, where each contract is a tenant.
var rowsOfD = []row{
	{"D-01", "a user without 2FA is reminded at each login, until it is set up", remindedEachLogin},
	{"D-02", "that may be put off, and done later in the settings", putOff},
	{"D-03", "the settings have a choice of three: text message, email, or do not activate", threeChoices},
	{"D-04", "both are never on at once: one takes the place of the other", neverBoth},
	{"D-05", "text messages are not there for all countries, and the server refuses the others", smsByCountry},
	{"D-06", "email is there for every country", emailEverywhere},
	{"D-07", "the address for codes may be another than the registered one", otherAddress},
	{"D-08", "a contact is on only once its code was entered", onWithItsCode},
	{"D-09", "from then on each login asks for a code, and no device is remembered", codeEachLogin},
	{"D-10", "each user activates it alone, and others are not touched", eachAlone},
	{"D-11", "nobody enrols for somebody else, and the page says what contact to use", onlyInPerson},
	{"D-12", "a contact that is on can be changed", changeIsOffered},
	{"D-13", "first a code goes to the previous contact, and without it the change ends", oldCodeFirst},
	{"D-14", "the new contact can be typed only after that", contactOnlyAfter},
	{"D-15", "then a code goes to the new contact, and the old one is active until it is entered", newCodeCommits},
	{"D-16", "do not activate switches it off", switchedOff},
	{"D-17", "switching it off takes a code to the previous contact", offTakesCode},
	{"D-19", "activation and changes are told to the registered email, without a code", toldWithoutCode},
	{"D-20", "a change is told to the old contact too", oldContactIsTold},
	{"D-21", "each attempt to log in has a code of its own, and sends are limited", codePerAttempt},
	{"D-22", "a session survives the end of the browser, for days", sessionsLast},
	{"D-22", "who is asked for codes more than twice a day is told so", frequentHint},
}

// newContract is a tenant of system D with people of its own.
func (s *stage) newContract(t *testing.T, people ...setup.User) *office {
	t.Helper()
	return s.newHome(t, "contract-exclusive-method", "", people...)
}

// textedAlice has her codes by text message.
func textedAlice() setup.User { return withPhone(plain(alice, true, "sms"), oldPhone, "confirmed") }

// activateEmail chooses email at the settings, where nothing is on, and confirms an
// address.
func (c *call) activateEmail(t *testing.T, address string) {
	t.Helper()
	require.Equal(t, "enrol-email", c.choose(t, "email").Page)
	c.enterEmail(t, address)
	c.isDone(t, c.enterCode(t, address), "")
}

func remindedEachLogin(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, plain(carol, false)).visit(t, script, carol)
	for range 2 {
		p := c.begin(t)
		require.Equal(t, "banner", p.Page)
		require.Contains(t, p.Text, "Add a second step")
		require.True(t, c.has(t, "#set-up"))
		require.Equal(t, "app", c.click(t, "#submit").Page)
	}
	c.settings(t)
	c.activateEmail(t, carol)
	p := c.begin(t)
	require.Equal(t, "challenge", p.Page)
	require.Equal(t, "app", c.enterCode(t, carol).Page, "the reminder is over")
}

func putOff(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, plain(carol, false)).visit(t, script, carol)
	c.begin(t)
	require.Equal(t, stepup.ACR1FA, c.finish(t, c.click(t, "#submit")).ACR)
	require.Empty(t, c.letters(carol))
	c.Clock.Advance(2 * day)
	require.Equal(t, "app", c.start(t, stepup.StartOptions{}).Page, "within the session nothing is asked")

	require.Equal(t, "banner", c.begin(t).Page)
	require.Equal(t, "app", c.click(t, "#submit").Page)
	c.settings(t)
	c.activateEmail(t, carol)
	require.Equal(t, "email", c.chosen(t))
}

func threeChoices(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, plain(carol, false)).atSettings(t, script, carol, carol)
	require.Equal(t, "Two-step sign-in", c.text(t, "#two-step"))
	values := eval[[]string](t, c.tab, `[...document.querySelectorAll("#choice input[type=radio]")].map(e => e.value)`)
	require.ElementsMatch(t, []string{"sms", "email", "off"}, values)
	require.Equal(t, "off", values[2])
	require.Equal(t, "Code by text message", c.text(t, `label[for="choice-sms"]`))
	require.Equal(t, "Code to email", c.text(t, `label[for="choice-email"]`))
	require.Equal(t, "Do not activate", c.text(t, `label[for="choice-off"]`))
	require.Equal(t, "off", c.chosen(t))
	require.Equal(t, "settings", c.choose(t, "off").Page, "what is so already changes nothing")
	require.Empty(t, c.letters(carol))
}

func neverBoth(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, textedAlice()).atSettings(t, script, alice, oldPhone)
	still := func(method, back string) {
		c.settings(t)
		require.Equal(t, method, c.chosen(t))
		require.Len(t, eval[[]string](t, c.tab, `[...document.querySelectorAll("#choice input[checked]")].map(e => e.value)`), 1)
		require.Equal(t, method == "sms", c.state(t, "sms") == "on")
		require.Equal(t, method == "email", c.state(t, "email") == "on")
		if back != "" {
			c.open(t, back)
		}
	}
	c.Clock.Advance(2 * minute)
	p := c.choose(t, "email")
	require.Equal(t, "challenge", p.Page, "the old contact is asked first")
	still("sms", p.URL)
	require.Equal(t, "enrol-email", c.enterCode(t, oldPhone).Page)
	still("sms", p.URL)
	c.click(t, "#submit")
	still("sms", p.URL)
	c.isDone(t, c.enterCode(t, alice), "")
	still("email", "")

	texts := len(c.codes(oldPhone))
	require.Equal(t, "challenge", c.begin(t).Page)
	require.False(t, c.has(t, byText))
	c.forge(t, c.switchURL(t), "method", "sms")
	require.Len(t, c.codes(oldPhone), texts, "the number is out of use")
	c.start(t, stepup.StartOptions{Prompt: "login"})
	require.Len(t, c.codes(alice), 2)
}

func smsByCountry(t *testing.T, s *stage, script bool) {
	const austrian, typed = "+43664123456", "0664 123456"
	o := s.newContract(t, withPhone(plain(bob, false), austrian, "unverified"), plain(carol, false))
	c := o.atSettings(t, script, bob, bob)
	require.True(t, c.has(t, "#choice-sms:disabled"))
	require.Contains(t, c.text(t, `label[for="choice-sms"]`), "We can’t send text messages to the country of your number.")
	p := c.forge(t, c.settingsURL("/choice"), "method", "sms")
	require.Equal(t, "settings", p.Page)
	require.Contains(t, c.text(t, "#refused"), "country")

	c = o.atSettings(t, script, carol, carol)
	require.Equal(t, "enrol-phone", c.choose(t, "sms").Page)
	address := eval[string](t, c.tab, `document.querySelector("#phone-form").action`)
	told := c.send(t, address, "country", "AT", "phone", typed, "method", "sms", "confirmed", "1")
	require.Equal(t, problem{Status: http.StatusUnprocessableEntity, Type: "/problems/sms-country-unavailable"}, told)
	require.Equal(t, "enrol-phone", c.typePhone(t, "AT", typed).Page)
	require.Contains(t, c.text(t, "#summary"), "We can’t send codes to this country.")
	require.Empty(t, c.texts())
	for country, number := range map[string]string{"FR": "06 12 34 56 78", "PL": "512 345 678"} {
		require.Equal(t, "enrol-phone-check", c.typePhone(t, country, number).Page, "%s is served", country)
		c.click(t, "#change")
	}
}

func emailEverywhere(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, withPhone(plain(bob, false), "+43664123456", "unverified")).atSettings(t, script, bob, bob)
	require.False(t, c.has(t, "#choice-email:disabled"))
	c.activateEmail(t, bob)
	require.Equal(t, "email", c.chosen(t))
	require.Empty(t, c.texts())
}

func otherAddress(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, plain(alice, false)).atSettings(t, script, alice, alice)
	c.activateEmail(t, otherEmail)
	require.Empty(t, c.codes(alice))
	require.Contains(t, c.text(t, "#contact-email"), "a•••@example.test", "the registered one stays")

	require.Equal(t, "challenge", c.begin(t).Page)
	require.Equal(t, "app", c.enterCode(t, otherEmail).Page)
	require.Len(t, c.codes(otherEmail), 2)
	require.Empty(t, c.codes(alice), "codes go to the address that was chosen")
	require.Contains(t, c.settings(t).Text, alice, "and the name is the old one")
}

func onWithItsCode(t *testing.T, s *stage, script bool) {
	o := s.newContract(t, plain(carol, false))
	c := o.atSettings(t, script, carol, carol)
	require.Equal(t, "enrol-phone", c.choose(t, "sms").Page)
	page := c.enterPhone(t, newTyped).URL
	other := o.visit(t, script, carol)
	off := func() {
		c.settings(t)
		require.Equal(t, "off", c.chosen(t))
		require.Equal(t, "banner", other.begin(t).Page, "a login asks for no code yet")
		c.open(t, page)
	}
	off()
	require.Equal(t, "enrol-code", c.give(t, wrong(c.code(t, newPhone))).Page)
	require.Contains(t, c.text(t, "#summary"), saysWrong)
	off()
	c.isDone(t, c.enterCode(t, newPhone), "")
	require.Equal(t, "sms", c.chosen(t))
	require.Equal(t, "challenge", c.begin(t).Page)
}

func codeEachLogin(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, textedAlice()).visit(t, script, alice)
	for i := range 3 {
		require.Equal(t, "challenge", c.begin(t).Page)
		require.Len(t, c.codes(oldPhone), i+1)
		require.False(t, c.has(t, "#trust-device"))
		require.Equal(t, "app", c.enterCode(t, oldPhone).Page)
		name, _ := c.device(t)
		require.Empty(t, name)
		s.Clock.Advance(2 * minute)
	}
	require.Equal(t, "settings", c.settings(t).Page)
	require.NotContains(t, c.see(t).Text, "Trusted devices")
}

func eachAlone(t *testing.T, s *stage, script bool) {
	o := s.newContract(t, plain(carol, false), plain(bob, false), textedAlice())
	c := o.atSettings(t, script, carol, carol)
	c.activateEmail(t, carol)
	other := o.visit(t, script, bob)
	require.Equal(t, "banner", other.begin(t).Page, "nobody else has a code now")
	other.click(t, "#submit")
	other.settings(t)
	require.Equal(t, "off", other.chosen(t))
	c.Clock.Advance(2 * minute)
	require.Equal(t, "confirm-change", c.choose(t, "off").Page)
	c.click(t, "#submit")
	c.enterCode(t, carol)
	third := o.visit(t, script, alice)
	require.Equal(t, "challenge", third.begin(t).Page, "nor is it off for anybody else")
}

func onlyInPerson(t *testing.T, s *stage, script bool) {
	admin, yes := plain(dora, false), true
	admin.Admin = &yes
	o := s.newContract(t, plain(carol, false), admin)
	c := o.atSettings(t, script, carol, carol)
	require.Contains(t, c.text(t, "#two-step ~ .soft"), "stays yours")
	p := c.choose(t, "email")
	boss := o.atSettings(t, script, dora, dora)
	require.NotContains(t, boss.see(t).Text, carol, "an admin has no page about others")
	for _, path := range []string{"", "/contact"} {
		require.Equal(t, "error", boss.open(t, p.URL+path).Page)
		require.Equal(t, http.StatusNotFound, boss.last().Status)
	}
	boss.settings(t)
	told := boss.send(t, p.URL+"/contact", "email", dora)
	require.Equal(t, http.StatusNotFound, told.Status)
	boss.forge(t, boss.settingsURL("/start"), "kind", "email", "verb", "enable", "user", carol, "username", carol)
	boss.enterEmail(t, dora)
	boss.isDone(t, boss.enterCode(t, dora), "")
	require.Equal(t, "email", boss.chosen(t), "what the admin turns on is the admin's own")
	c.settings(t)
	require.Equal(t, "off", c.chosen(t))
}

func switchedOff(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, textedAlice()).atSettings(t, script, alice, oldPhone)
	c.Clock.Advance(2 * minute)
	p := c.choose(t, "off")
	require.Equal(t, "confirm-change", p.Page)
	require.Contains(t, p.Text, "Turn off two-step sign-in?")
	require.Equal(t, "challenge", c.click(t, "#submit").Page)
	c.isDone(t, c.enterCode(t, oldPhone), "mfa_disabled")
	require.Equal(t, "off", c.chosen(t))
	require.Empty(t, c.state(t, "sms"))
	require.Equal(t, "banner", c.begin(t).Page, "a login asks for no code, and reminds")
}

func offTakesCode(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, textedAlice()).atSettings(t, script, alice, oldPhone)
	c.Clock.Advance(2 * minute)
	c.from = c.Clock.Now()
	c.choose(t, "off")
	require.Empty(t, c.letters(oldPhone), "the question sends nothing")
	page := c.click(t, "#submit").URL
	require.Len(t, c.codes(oldPhone), 1)
	require.Empty(t, c.codes(alice), "the registered address gets none")
	require.False(t, c.has(t, "#ways"), "there is no other way")
	require.Equal(t, "challenge", c.give(t, wrong(c.code(t, oldPhone))).Page)
	c.forge(t, page+"/finish")
	c.settings(t)
	require.Equal(t, "sms", c.chosen(t), "without the code it stays on")
	c.open(t, page)
	c.isDone(t, c.enterCode(t, oldPhone), "mfa_disabled")
}

// power is what a message without power has not: a code, or the address of a page.
var power = regexp.MustCompile(`[0-9]{6}|https?:|www\.|/t/`)

// told asserts that a notice came that cannot be used for anything.
func (c *call) told(t *testing.T, to, words string) {
	t.Helper()
	l := c.notice(t, to, words)
	text := strings.ReplaceAll(l.Subject+"\n"+l.Text, c.tenant, "") // its name could look like anything
	require.NotRegexp(t, power, text)
	require.Empty(t, l.Code)
}

func toldWithoutCode(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, plain(alice, false)).atSettings(t, script, alice, alice)
	c.activateEmail(t, otherEmail)
	c.told(t, alice, "Email codes turned on")

	s.Clock.Advance(2 * minute)
	require.Equal(t, "challenge", c.startChange(t, "row-email", "change").Page)
	require.Equal(t, "enrol-email", c.enterCode(t, otherEmail).Page)
	const third = "alice.third@example.test"
	c.enterEmail(t, third)
	c.isDone(t, c.enterCode(t, third), "contact_changed")
	c.told(t, alice, "Your email address was changed")

	s.Clock.Advance(2 * minute)
	c.choose(t, "off")
	c.click(t, "#submit")
	c.isDone(t, c.enterCode(t, third), "mfa_disabled")
	c.told(t, alice, "Two-step sign-in is off")
	require.Empty(t, c.codes(alice), "no code ever went there")
}

func oldContactIsTold(t *testing.T, s *stage, script bool) {
	o := s.newContract(t, textedAlice())
	c := o.startNumber(t, script)
	c.enterCode(t, oldPhone)
	c.enterPhone(t, newTyped)
	c.posted(t)
	require.Empty(t, c.notices(oldPhone), "nothing has changed yet")
	c.isDone(t, c.enterCode(t, newPhone), "contact_changed")
	c.told(t, alice, "Your phone number was changed")
	c.told(t, oldPhone, "This number was replaced")

	// When email takes the place of text messages, the number is told too.
	s.Clock.Advance(2 * minute)
	require.Equal(t, "challenge", c.choose(t, "email").Page)
	require.Equal(t, "enrol-email", c.enterCode(t, newPhone).Page)
	c.enterEmail(t, otherEmail)
	c.isDone(t, c.enterCode(t, otherEmail), "")
	c.told(t, alice, "Email codes turned on")
	c.told(t, newPhone, "Text message codes turned off")
}

func codePerAttempt(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, textedAlice()).visit(t, script, alice)
	require.Equal(t, "challenge", c.begin(t).Page)
	first := c.code(t, oldPhone)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Len(t, c.codes(oldPhone), 2)
	second := c.code(t, oldPhone)
	require.NotEqual(t, first, second)
	require.Equal(t, "challenge", c.give(t, first).Page, "the code of another attempt")
	require.Equal(t, "app", c.give(t, second).Page)

	for range 5 {
		c.begin(t)
	}
	require.Len(t, c.codes(oldPhone), 5, "no more in ten minutes")
	require.NotEqual(t, "app", c.see(t).Page, "and without a code nobody gets in")
}

func sessionsLast(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, textedAlice()).visit(t, script, alice)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Equal(t, "app", c.enterCode(t, oldPhone).Page)
	signedIn := s.Clock.Now()
	kept := false
	for name, cookie := range c.cookies(t, c.office.place.Issuer+"/authorize") {
		if strings.Contains(name, "session") {
			kept = true
			require.False(t, cookie.Session, "it is there when the browser is started again")
			lives := time.Until(time.UnixMilli(int64(cookie.Expires * 1000)))
			require.InDelta(t, (30 * day).Seconds(), lives.Seconds(), 60)
		}
	}
	require.True(t, kept)
	for _, d := range []time.Duration{13 * day, 26 * day} {
		s.until(signedIn.Add(d))
		require.Equal(t, "app", c.start(t, stepup.StartOptions{}).Page, "after %s", d)
	}
	require.Len(t, c.codes(oldPhone), 1)
	s.until(signedIn.Add(30*day + minute))
	require.NotEqual(t, "app", c.start(t, stepup.StartOptions{}).Page, "it ends")
}

func frequentHint(t *testing.T, s *stage, script bool) {
	o := s.newContract(t, textedAlice())
	for i := range 3 {
		c := o.atSettings(t, script, alice, oldPhone)
		require.Equal(t, i == 2, c.has(t, "#frequent"), "login %d", i+1)
		if i == 2 {
			require.Contains(t, c.text(t, "#frequent"), "3 times in 24 hours")
			require.Contains(t, c.text(t, "#frequent"), "contact support")
			s.Clock.Advance(day + minute)
			c.settings(t)
			require.False(t, c.has(t, "#frequent"), "a day later it is over")
		}
		s.Clock.Advance(10 * minute)
	}
}
