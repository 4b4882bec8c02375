package browser_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
)

// rowsOfA are those of system A that happen in the settings.
var rowsOfA = []row{
	{"A-01", "codes come by email from the start, and a text message is added to that", emailStaysPrimary},
	{"A-01", "email cannot be switched off by its owner", emailStaysOn},
	{"A-02", "a number that is missing and one that is not confirmed are the same open task", sameTask},
	{"A-03", "the task is done while a confirmed number is there, and open again without", taskFollowsState},
	{"A-04", "the settings have a section where a number is added and confirmed", addInSettings},
	{"A-05", "a number from before is not verified, and never gets a code to sign in or to approve", legacyGetsNoCode},
	{"A-06", "such a number is confirmed as it is, without being typed again", confirmAsItIs},
	{"A-07", "a mistyped number that is not confirmed is changed without proof of the old one", correctLegacy},
	{"A-08", "Edit beside the number opens a page of its own, in no frame", editOpensPage},
	{"A-09", "the new number is checked at once, and nothing is sent to one that cannot be", numberIsChecked},
	{"A-10", "the code goes by text message to the new number, and the old one holds until then", codeToNewNumber},
	{"A-11", "with the right code the window closes, and the new number takes the place of the old", newTakesPlace},
	{"A-12", "a notice of success appears", successNotice},
	{"A-13", "the status text becomes Confirmed", statusConfirmed},
	{"A-18", "switching 2FA off asks for a code, by email first and by text message after the timer", switchAsks("off")},
	{"A-18", "switching 2FA on asks for a code, by email first and by text message after the timer", switchAsks("on")},
}

// newContractor is a tenant of system A with people of its own.
func (s *stage) newContractor(t *testing.T, people ...setup.User) *office {
	t.Helper()
	return s.newHome(t, "contractor-email-first", "", people...)
}

// legacyBob has a number from before numbers were checked.
func legacyBob() setup.User { return withPhone(plain(bob, true, "email"), oldPhone, "unverified") }

// addPhone adds a number at the settings and confirms it.
func (c *call) addPhone(t *testing.T, typed, number string) {
	t.Helper()
	require.Equal(t, "enrol-phone", c.startChange(t, "contact-phone", "add").Page)
	c.enterPhone(t, typed)
	c.isDone(t, c.enterCode(t, number), "")
}

func emailStaysPrimary(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, plain(carol, true, "email")).atSettings(t, script, carol, carol)
	require.Len(t, c.codes(carol), 1, "the first login has its code by email")
	c.addPhone(t, newTyped, newPhone)
	require.Equal(t, "required", c.state(t, "email"))
	require.Equal(t, "on", c.state(t, "sms"))

	require.Equal(t, "challenge", c.begin(t).Page)
	require.Len(t, c.codes(carol), 2, "email is still the first")
	require.Len(t, c.codes(newPhone), 1, "the number had only its own code")
	require.Equal(t, "app", c.enterCode(t, carol).Page)
}

func emailStaysOn(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, harness.Alice()).atSettings(t, script, alice, alice)
	require.False(t, c.offers(t, "row-email", "turn_off"))
	require.True(t, c.offers(t, "row-sms", "turn_off"), "the other one can be")
	sent := len(c.codes(alice))
	for _, verb := range []string{"disable", "remove"} {
		require.Equal(t, http.StatusForbidden, c.send(t, c.settingsURL("/start"), "kind", "email", "verb", verb).Status)
		p := c.forge(t, c.settingsURL("/start"), "kind", "email", "verb", verb, "confirm", "1")
		require.Equal(t, "settings", p.Page)
		require.True(t, c.has(t, "#refused"), "%s: %+v", verb, p)
	}
	require.Equal(t, "required", c.state(t, "email"))
	require.Len(t, c.codes(alice), sent, "there is nothing to confirm")
}

// task is the line of the checklist about the phone.
const task = `[data-task="confirm_phone"]`

func sameTask(t *testing.T, s *stage, script bool) {
	o := s.newContractor(t, plain(carol, true, "email"), legacyBob(), harness.Alice())
	missing, unconfirmed := o.atSettings(t, script, carol, carol), o.atSettings(t, script, bob, bob)
	same := missing.text(t, task)
	require.Contains(t, same, "Add and confirm your phone")
	for _, c := range []*call{missing, unconfirmed} {
		require.Equal(t, "open", c.attr(t, task, "data-state"), "%s", c.name)
		require.Equal(t, same, c.text(t, task))
		p := c.click(t, task+` button`)
		require.Equal(t, map[string]string{carol: "enrol-phone", bob: "enrol-phone-check"}[c.name], p.Page, "it leads to where it is done")
	}
	require.False(t, o.atSettings(t, script, alice, alice).has(t, task), "what was done long ago is no news")
}

func taskFollowsState(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, plain(carol, true, "email")).atSettings(t, script, carol, carol)
	c.startChange(t, "contact-phone", "add")
	c.enterPhone(t, newTyped)
	code := c.see(t).URL
	c.settings(t)
	require.Equal(t, "open", c.attr(t, task, "data-state"), "added is not confirmed")
	require.Equal(t, "pending", c.status(t, "phone"))
	c.open(t, code)
	c.isDone(t, c.enterCode(t, newPhone), "")
	require.Equal(t, "done", c.attr(t, task, "data-state"))
	require.False(t, c.has(t, task+` button`), "there is nothing left to do")

	c.Clock.Advance(2 * minute)
	require.Equal(t, "confirm-change", c.startChange(t, "row-sms", "turn_off").Page)
	require.Equal(t, "challenge", c.click(t, "#submit").Page)
	c.isDone(t, c.enterCode(t, carol), "factor_removed")
	require.Equal(t, "done", c.attr(t, task, "data-state"), "the number is still there")
	c.Clock.Advance(2 * minute)
	require.Equal(t, "confirm-change", c.startChange(t, "contact-phone", "remove").Page)
	p := c.click(t, "#submit")
	if p.Page == "challenge" {
		p = c.enterCode(t, carol)
	}
	c.isDone(t, p, "contact_removed")
	require.Equal(t, "open", c.attr(t, task, "data-state"), "it is worked out, and not kept")
}

func addInSettings(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, plain(carol, false, "email")).atSettings(t, script, carol, carol)
	require.Equal(t, "Login and security", c.text(t, "h1"))
	require.Equal(t, "Contact details", c.text(t, "#contacts"))
	c.addPhone(t, newTyped, newPhone)
	require.Equal(t, "confirmed", c.status(t, "phone"))
	require.Contains(t, c.text(t, "#contact-phone"), newPhone[len(newPhone)-2:])
}

func legacyGetsNoCode(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, legacyBob()).visit(t, script, bob)
	require.Equal(t, "challenge", c.begin(t).Page)
	refused := func() {
		require.False(t, c.has(t, `[data-method="sms"]`))
		c.until(c.letter(t, bob).At.Add(minute + slack))
		c.reload(t)
		require.False(t, c.has(t, `[data-method="sms"]`), "nor after the timer")
		before := c.see(t).URL
		c.forge(t, c.switchURL(t), "method", "sms")
		require.Empty(t, c.letters(oldPhone))
		c.open(t, before)
		c.click(t, "#resend")
	}
	refused()
	require.Equal(t, "app", c.enterCode(t, bob).Page)
	c.settings(t)
	require.Equal(t, "unverified", c.status(t, "phone"))
	require.Contains(t, c.text(t, "#contact-phone"), "Not verified")
	c.click(t, "#mfa button")
	require.Equal(t, "challenge", c.click(t, "#submit").Page)
	refused()
	c.isDone(t, c.enterCode(t, bob), "mfa_disabled")
	require.Empty(t, c.letters(oldPhone), "no notice either")
}

// switchURL is where the page of a code would post another method to.
func (b *tab) switchURL(t *testing.T) string {
	t.Helper()
	return eval[string](t, b, `new URL(document.querySelector("#again").action).href.replace(/\/resend$/, "/switch")`)
}

func confirmAsItIs(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, legacyBob()).atSettings(t, script, bob, bob)
	p := c.startChange(t, "contact-phone", "confirm")
	if p.Page == "enrol-phone-check" {
		p = c.click(t, "#submit")
	}
	require.Equal(t, "enrol-code", p.Page, "no number is asked for: %+v", p)
	require.Len(t, c.letters(oldPhone), 1)
	require.Equal(t, "sms", c.letter(t, oldPhone).Channel)
	c.isDone(t, c.enterCode(t, oldPhone), "")
	require.Equal(t, "confirmed", c.status(t, "phone"))
	require.Equal(t, "on", c.state(t, "sms"))
}

func correctLegacy(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, legacyBob()).atSettings(t, script, bob, bob)
	sent := len(c.codes(bob))
	require.Equal(t, "enrol-phone", c.editNumber(t).Page, "nothing comes before the number")
	c.enterPhone(t, newTyped)
	c.isDone(t, c.enterCode(t, newPhone), "")
	require.Equal(t, "confirmed", c.status(t, "phone"))
	require.Contains(t, c.text(t, "#contact-phone"), newPhone[len(newPhone)-2:])
	require.Len(t, c.codes(bob), sent)
	c.notice(t, bob, "Text message codes turned on")
	require.Empty(t, c.letters(oldPhone), "nobody knows whose the old one is")
}

// editNumber presses Edit beside a number that was never confirmed.
func (c *call) editNumber(t *testing.T) sight {
	t.Helper()
	p := c.startChange(t, "contact-phone", "edit")
	if p.Page == "enrol-phone-check" {
		p = c.click(t, "#change")
	}
	return p
}

func editOpensPage(t *testing.T, s *stage, script bool) {
	o := s.newContractor(t, legacyBob(), harness.Alice())
	for name, do := range map[string]string{bob: "edit", alice: "change"} {
		c := o.atSettings(t, script, name, name)
		require.True(t, c.offers(t, "contact-phone", do), "beside the number")
		if do == "edit" {
			require.Contains(t, c.text(t, `#contact-phone [data-do="edit"]`), "Edit")
		}
		p := c.startChange(t, "contact-phone", do)
		if p.Page == "enrol-phone-check" {
			p = c.click(t, "#change")
		}
		require.Equal(t, "enrol-phone", p.Page, "%s: %+v", name, p)
		require.True(t, eval[bool](t, c.tab, `window.top === window && document.querySelector("iframe, frame, object, embed") === null`))
		require.Contains(t, c.last().Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	}
}

func numberIsChecked(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, plain(carol, false, "email")).atSettings(t, script, carol, carol)
	c.startChange(t, "contact-phone", "add")
	for _, bad := range []struct{ country, number, says, kind string }{
		{"DE", "12", "This isn’t a number of that country", "phone-invalid"},
		{"DE", "030 123456", "Premium, toll-free and service numbers", "phone-type-not-allowed"},
		{"DE", "0800 1234567", "Premium, toll-free and service numbers", "phone-type-not-allowed"},
		{"DE", newTyped + " ext. 7", "extension", "phone-extension-not-allowed"},
	} {
		address := eval[string](t, c.tab, `document.querySelector("#phone-form").action`)
		told := c.send(t, address, "country", bad.country, "phone", bad.number, "method", "sms", "confirmed", "1")
		require.Equal(t, http.StatusUnprocessableEntity, told.Status, "%s: %+v", bad.number, told)
		p := c.typePhone(t, bad.country, bad.number)
		require.Equal(t, "enrol-phone", p.Page, "%s", bad.number)
		require.Equal(t, http.StatusUnprocessableEntity, c.last().Status)
		require.Contains(t, c.text(t, "#summary"), bad.says)
		require.Contains(t, told.Type, bad.kind)
	}
	require.Empty(t, c.texts(), "nothing was sent")
	require.Equal(t, "enrol-phone-check", c.typePhone(t, "DE", newTyped).Page)
	require.Contains(t, c.text(t, "#number"), "+49 1573 5991010", "the person sees how it was understood")
	require.Empty(t, c.letters(newPhone), "nothing was sent yet")
}

func codeToNewNumber(t *testing.T, s *stage, script bool) {
	o := s.newContractor(t, harness.Alice())
	c := o.atSettings(t, script, alice, alice)
	c.startChange(t, "contact-phone", "change")
	c.enterPhone(t, newTyped)
	require.Len(t, c.codes(newPhone), 1)
	require.Equal(t, "sms", c.letter(t, newPhone).Channel)
	require.Empty(t, c.letters(oldPhone))
	code := c.see(t).URL

	other := o.visit(t, script, alice)
	require.Equal(t, "challenge", other.begin(t).Page)
	other.timePasses(t, other.letter(t, alice).At.Add(minute+slack))
	require.Contains(t, other.text(t, byText), oldPhone[len(oldPhone)-2:])
	require.Equal(t, "challenge", other.click(t, byText).Page)
	require.Len(t, other.codes(oldPhone), 1, "the old number is in force")
	require.Len(t, other.codes(newPhone), 0)
	require.Equal(t, "app", other.enterCode(t, oldPhone).Page)
	other.settings(t)
	require.Equal(t, "confirmed", other.status(t, "phone"))
	require.Contains(t, other.text(t, "#contact-phone"), oldPhone[len(oldPhone)-2:])

	c.open(t, code)
	c.click(t, "#resend")
	c.isDone(t, c.enterCode(t, newPhone), "contact_changed")
}

// changePhone changes a confirmed number to the new one.
func (c *call) changePhone(t *testing.T) sight {
	t.Helper()
	require.Equal(t, "enrol-phone", c.startChange(t, "contact-phone", "change").Page)
	c.enterPhone(t, newTyped)
	return c.enterCode(t, newPhone)
}

func newTakesPlace(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, harness.Alice()).atSettings(t, script, alice, alice)
	require.Equal(t, "enrol-phone", c.startChange(t, "contact-phone", "change").Page)
	window := c.enterPhone(t, newTyped).URL
	p := c.give(t, wrong(c.code(t, newPhone)))
	require.Equal(t, "enrol-code", p.Page, "with a wrong code it stays")
	p = c.enterCode(t, newPhone)
	require.Equal(t, "settings", p.Page)
	require.Equal(t, "error", c.open(t, window).Page, "it is closed")
	require.Equal(t, http.StatusNotFound, c.last().Status)
	c.settings(t)
	require.Contains(t, c.text(t, "#contact-phone"), newPhone[len(newPhone)-2:])
	require.Contains(t, c.text(t, "#row-sms"), newPhone[len(newPhone)-2:])
	require.NotContains(t, c.text(t, "#main"), "••"+oldPhone[len(oldPhone)-2:], "the old one is replaced")

	c.Clock.Advance(2 * minute)
	c.begin(t)
	c.timePasses(t, c.letter(t, alice).At.Add(minute+slack))
	require.Equal(t, "challenge", c.click(t, byText).Page)
	require.Len(t, c.codes(newPhone), 2)
	require.Empty(t, c.codes(oldPhone))
}

func successNotice(t *testing.T, s *stage, script bool) {
	o := s.newContractor(t, harness.Alice(), legacyBob())
	c := o.atSettings(t, script, alice, alice)
	require.False(t, c.has(t, "#done"))
	c.isDone(t, c.changePhone(t), "contact_changed")
	require.Contains(t, c.text(t, "#done"), "Changed and confirmed.")

	first := o.atSettings(t, script, bob, bob)
	p := first.startChange(t, "contact-phone", "confirm")
	require.Equal(t, "enrol-code", p.Page)
	p = first.enterCode(t, oldPhone)
	require.Equal(t, "enrol-done", p.Page)
	require.Contains(t, first.text(t, `#done[role="status"]`), "is confirmed.")
}

func statusConfirmed(t *testing.T, s *stage, script bool) {
	c := s.newContractor(t, legacyBob()).atSettings(t, script, bob, bob)
	says := func(status string) {
		require.Equal(t, status, c.text(t, "#contact-phone .tag"))
	}
	says("Not verified")
	c.startChange(t, "contact-phone", "confirm")
	c.settings(t)
	require.NotEqual(t, "Confirmed", c.text(t, "#contact-phone .tag"), "a code that was sent confirms nothing")
	c.Clock.Advance(2 * minute)
	c.startChange(t, "contact-phone", "confirm")
	c.isDone(t, c.enterCode(t, oldPhone), "")
	says("Confirmed")
}

// switchAsks turns two-step sign-in the way that is asked for, once with the code by
// email and once with that by text message.
func switchAsks(way string) func(*testing.T, *stage, bool) {
	return func(t *testing.T, s *stage, script bool) {
		user := harness.Alice()
		was := way == "off"
		user.MFAEnabled = &was
		for _, by := range []string{alice, oldPhone} {
			c := s.newContractor(t, user).atSettings(t, script, alice, alice)
			c.Clock.Advance(2 * minute)
			c.from = c.Clock.Now()
			asked := c.turn(t, way)
			require.Len(t, c.codes(alice), 1, "a code goes to email")
			require.Empty(t, c.letters(oldPhone), "never straight to the phone")
			require.False(t, c.has(t, byText))
			c.settings(t)
			require.Equal(t, map[bool]string{true: "on", false: "off"}[was], c.attr(t, "[data-two-step]", "data-two-step"), "not before the code")
			c.open(t, asked.URL)
			if by == oldPhone {
				c.timePasses(t, c.letter(t, alice).At.Add(minute+slack))
				require.Equal(t, "challenge", c.click(t, byText).Page)
			}
			c.isDone(t, c.enterCode(t, by), map[string]string{"on": "mfa_enabled", "off": "mfa_disabled"}[way])
			require.Equal(t, way, c.attr(t, "[data-two-step]", "data-two-step"))
			next := c.begin(t).Page
			require.Equal(t, map[string]string{"on": "challenge", "off": "app"}[way], next, "the next login knows")
		}
	}
}

// turn begins to turn two-step sign-in on or off, up to the question for a code.
func (c *call) turn(t *testing.T, way string) sight {
	t.Helper()
	require.Equal(t, way, c.attr(t, "#mfa button", "value"))
	p := c.click(t, "#mfa button")
	if way == "off" {
		require.Equal(t, "confirm-change", p.Page)
		p = c.click(t, "#submit")
	}
	require.Equal(t, "challenge", p.Page, "%+v", p)
	return p
}
