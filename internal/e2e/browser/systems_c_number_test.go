package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

// rowsOfNumber are the rows of system C about a number that is confirmed.
var rowsOfNumber = []row{
	{"C-16", "a number can never be removed", numberNeverGoes},
	{"C-17", "a number is not used on another account", numberNotShared},
	{"C-18", "a number can be changed to one that the user owns; the old one is not asked", numberChanged},
	{"C-19", "the first bid waits for a confirmed phone, and later ones ask for nothing", bidWaitsForPhone},
	{"C-20", "that a number is taken is told after the right code, and not before", takenToldAfterCode},
	{"C-21", "a number that was confirmed once is never free for another account", numberNeverFree},
	{"C-24", "while an identity verification is pending, the change is not shown", changeHiddenByFlag},
	{"C-25", "a direct call is then refused with the name of the flag", changeRefusedByFlag},
	{"C-25", "so is one that began before the flag was set", flagSetInBetween},
}

const pendingFlag = "identity_verification_pending"

// settled is somebody with a confirmed number, at their settings; dora has none.
func (s *stage) settled(t *testing.T, script bool) *call {
	t.Helper()
	o := s.newHome(t, market, "", withPhone(plain(alice, false, "sms"), oldPhone, "confirmed"), plain(dora, false))
	return o.atSettings(t, script, alice, "")
}

// tries types a number for somebody without one, and has the code sent.
func (c *call) tries(t *testing.T, typed string) sight {
	t.Helper()
	require.Equal(t, "enrol-phone", c.startChange(t, "contact-phone", "add").Page)
	require.Equal(t, "enrol-phone-check", c.typeNumber(t, "DE", typed, "sms", "").Page)
	p := c.click(t, "#submit")
	require.Equal(t, "enrol-code", p.Page, "%+v", p)
	return p
}

func numberNeverGoes(t *testing.T, s *stage, script bool) {
	c := s.settled(t, script)
	require.False(t, c.offers(t, "contact-phone", "remove"))
	require.False(t, c.has(t, `[data-do="turn_off"]`))
	require.Contains(t, c.text(t, `#contact-phone [data-blocked="remove"]`), "It can’t be removed.")
	for _, kind := range []string{"sms", "voice"} {
		refused := c.send(t, c.settingsURL("/start"), "kind", kind, "verb", "remove")
		require.Equal(t, http.StatusConflict, refused.Status, "%s: %+v", kind, refused)
		require.True(t, strings.HasSuffix(refused.Type, "/phone-removal-forbidden"), "%+v", refused)
	}
	require.GreaterOrEqual(t, c.send(t, c.settingsURL("/start"), "kind", "sms", "verb", "disable").Status, 400)
	c.forge(t, c.settingsURL("/start"), "kind", "sms", "verb", "remove", "confirm", "1")
	require.Equal(t, "confirmed", func() string { c.settings(t); return c.status(t, "phone") }())
	require.Empty(t, c.codes(oldPhone))
}

func numberNotShared(t *testing.T, s *stage, script bool) {
	o := s.settled(t, script).office
	c := o.atSettings(t, script, dora, "")
	c.tries(t, oldTyped)
	p := c.enterCode(t, oldPhone)
	require.Equal(t, http.StatusConflict, c.last().Status, "%+v", p)
	require.Equal(t, "This number can’t be added to your account.", c.text(t, "#phone-error"))
	c.settings(t)
	require.NotEqual(t, "confirmed", c.status(t, "phone"))
	again := o.atSettings(t, script, alice, "")
	require.Equal(t, "confirmed", again.status(t, "phone"), "it stays with its owner")
}

func numberChanged(t *testing.T, s *stage, script bool) {
	c := s.settled(t, script)
	require.Equal(t, "enrol-phone", c.startChange(t, "contact-phone", "change").Page)
	c.enterPhone(t, newTyped)
	code := c.code(t, newPhone)
	require.Equal(t, "enrol-code", c.give(t, wrong(code)).Page)
	op := c.see(t).URL
	c.settings(t)
	require.Equal(t, "confirmed", c.status(t, "phone"))
	require.Contains(t, c.text(t, "#contact-phone"), oldPhone[len(oldPhone)-2:], "the old one stays until then")
	c.open(t, strings.TrimSuffix(op, "/answer"))
	c.isDone(t, c.give(t, code), "contact_changed")
	require.Contains(t, c.text(t, "#contact-phone"), newPhone[len(newPhone)-2:])
	require.Empty(t, c.codes(oldPhone), "the old number is not asked")
	c.notice(t, oldPhone, "This number was replaced in your account")
}

func bidWaitsForPhone(t *testing.T, s *stage, script bool) {
	c := s.newHome(t, market, "", plain(alice, false)).visit(t, script, alice)
	who := c.comeIn(t, "")
	c.refusedAs(t, c.asked(t, who, "bid.place"), "unmet_authentication_requirements")

	c.settings(t)
	c.tries(t, newTyped)
	c.refusedAs(t, c.asked(t, who, "bid.place"), "unmet_authentication_requirements") // a number that waits is none
	c.settings(t)
	c.tries(t, newTyped)
	c.isDone(t, c.enterCode(t, newPhone), "contact_confirmed")
	sent := len(c.codes(newPhone))
	for range 2 {
		proof := c.finish(t, c.asked(t, who, "bid.place"))
		require.Equal(t, "bid.place", proof.Action())
		s.Clock.Advance(minute)
	}
	require.Len(t, c.codes(newPhone), sent, "a bid sends no code")
	require.Equal(t, stepup.ACR1FA, who.ACR)
}

func takenToldAfterCode(t *testing.T, s *stage, script bool) {
	o := s.settled(t, script).office
	c := o.atSettings(t, script, dora, "")
	seen := map[string][]string{}
	for _, typed := range []string{oldTyped, newTyped} {
		number := map[string]string{oldTyped: oldPhone, newTyped: newPhone}[typed]
		c.from = s.Clock.Now()
		p := c.tries(t, typed)
		require.Len(t, c.codes(number), 1)
		require.Equal(t, "enrol-code", c.give(t, wrong(c.code(t, number))).Page)
		seen[typed] = []string{p.Title, c.text(t, "h1"), c.text(t, "#summary")}
		s.Clock.Advance(minute)
		if typed == newTyped {
			break
		}
		require.Equal(t, http.StatusConflict, func() int { c.enterCode(t, number); return c.last().Status }())
		require.Contains(t, c.text(t, "#phone-error"), "can’t be added")
		c.settings(t)
	}
	require.Equal(t, seen[newTyped], seen[oldTyped], "until the right code a taken number looks like a free one")
	c.isDone(t, c.enterCode(t, newPhone), "contact_confirmed")
}

func numberNeverFree(t *testing.T, s *stage, script bool) {
	c := s.settled(t, script)
	c.startChange(t, "contact-phone", "change")
	c.enterPhone(t, newTyped)
	c.isDone(t, c.enterCode(t, newPhone), "contact_changed")
	s.Clock.Advance(100 * day)
	d := c.office.atSettings(t, script, dora, "")
	d.tries(t, oldTyped)
	d.enterCode(t, oldPhone)
	require.Equal(t, http.StatusConflict, d.last().Status)
	require.Contains(t, d.text(t, "#phone-error"), "can’t be added")
}

func changeHiddenByFlag(t *testing.T, s *stage, script bool) {
	c := s.settled(t, script)
	require.True(t, c.offers(t, "contact-phone", "change"))
	c.office.flag(t, http.MethodPut, alice, pendingFlag)
	c.settings(t)
	require.False(t, c.offers(t, "contact-phone", "change"))
	require.False(t, c.offers(t, "contact-phone", "edit"))
	require.Contains(t, c.text(t, `#contact-phone [data-blocked="change"]`), "Your identity is being verified. Finish or cancel that first")
	c.office.flag(t, http.MethodDelete, alice, pendingFlag)
	c.settings(t)
	require.True(t, c.offers(t, "contact-phone", "change"), "finished or cancelled")
}

func changeRefusedByFlag(t *testing.T, s *stage, script bool) {
	c := s.settled(t, script)
	c.office.flag(t, http.MethodPut, alice, pendingFlag)
	for _, kind := range []string{"sms", "voice"} {
		refused := c.send(t, c.settingsURL("/start"), "kind", kind, "verb", "change")
		require.Equal(t, http.StatusConflict, refused.Status)
		require.True(t, strings.HasSuffix(refused.Type, "/change-blocked"), "%+v", refused)
		require.Equal(t, pendingFlag, refused.Flag)
	}
	p := c.forge(t, c.settingsURL("/start"), "kind", "sms", "verb", "change")
	require.Equal(t, "settings", p.Page)
	require.Contains(t, c.text(t, "#refused"), "Your identity is being verified.")
	c.office.flag(t, http.MethodDelete, alice, pendingFlag)
	require.Equal(t, "enrol-phone", c.forge(t, c.settingsURL("/start"), "kind", "sms", "verb", "change").Page)
}

func flagSetInBetween(t *testing.T, s *stage, script bool) {
	c := s.settled(t, script)
	c.startChange(t, "contact-phone", "change")
	c.enterPhone(t, newTyped)
	at := strings.TrimSuffix(c.see(t).URL, "/answer")
	c.office.flag(t, http.MethodPut, alice, pendingFlag)
	refused := c.send(t, at+"/answer", "code", c.code(t, newPhone))
	require.Equal(t, http.StatusConflict, refused.Status, "%+v", refused)
	require.Equal(t, pendingFlag, refused.Flag)
	p := c.settings(t)
	require.Contains(t, c.text(t, "#contact-phone"), oldPhone[len(oldPhone)-2:], "%+v", p)
	require.Empty(t, c.office.signals(t))
}
