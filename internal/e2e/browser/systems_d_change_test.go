package browser_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func changeIsOffered(t *testing.T, s *stage, script bool) {
	o := s.newContract(t, textedAlice(), plain(bob, true, "email"), plain(carol, false))
	for name, way := range map[string]struct{ method, to string }{alice: {"sms", oldPhone}, bob: {"email", bob}} {
		c := o.atSettings(t, script, name, way.to)
		c.Clock.Advance(2 * minute)
		require.Equal(t, "challenge", c.startChange(t, "row-"+way.method, "change").Page, "%s", name)
	}
	c := o.atSettings(t, script, carol, carol)
	require.Empty(t, c.state(t, "sms")+c.state(t, "email"), "there is nothing to change yet")
}

// startNumber begins to change the number that gets the codes, up to the code to it.
func (o *office) startNumber(t *testing.T, script bool) *call {
	t.Helper()
	c := o.atSettings(t, script, alice, oldPhone)
	c.Clock.Advance(2 * minute)
	c.from = c.Clock.Now()
	require.Equal(t, "challenge", c.startChange(t, "row-sms", "change").Page)
	return c
}

func oldCodeFirst(t *testing.T, s *stage, script bool) {
	o := s.newContract(t, textedAlice())
	c := o.startNumber(t, script)
	page := c.see(t).URL
	require.Len(t, c.codes(oldPhone), 1)
	require.Empty(t, c.codes(alice))
	c.forge(t, page+"/answer", "code", "")
	require.Equal(t, "challenge", c.see(t).Page, "a code that is missing")
	for range 5 {
		p := c.give(t, wrong(c.code(t, oldPhone)))
		require.Equal(t, "challenge", p.Page)
	}
	require.False(t, c.has(t, "#code"), "the change ends here")
	require.Contains(t, c.text(t, "#summary"), saysTooMany)
	require.Equal(t, http.StatusConflict, c.send(t, page+"/contact", "country", "DE", "phone", newTyped, "confirmed", "1").Status)
	c.settings(t)
	require.Contains(t, c.text(t, "#row-sms"), "••"+oldPhone[len(oldPhone)-2:])
	require.Len(t, c.texts(), 1)
}

func contactOnlyAfter(t *testing.T, s *stage, script bool) {
	c := s.newContract(t, textedAlice()).startNumber(t, script)
	page := c.see(t).URL
	told := c.send(t, page+"/contact", "country", "DE", "phone", newTyped, "method", "sms", "confirmed", "1")
	require.Equal(t, http.StatusConflict, told.Status)
	require.Equal(t, "error", c.open(t, page+"/contact").Page)
	require.Equal(t, http.StatusConflict, c.last().Status)
	require.Empty(t, c.letters(newPhone))
	c.open(t, page)
	require.Equal(t, "enrol-phone", c.enterCode(t, oldPhone).Page)
	c.enterPhone(t, newTyped)
	require.Len(t, c.codes(newPhone), 1)
}

func newCodeCommits(t *testing.T, s *stage, script bool) {
	o := s.newContract(t, textedAlice())
	c := o.startNumber(t, script)
	c.enterCode(t, oldPhone)
	page := c.enterPhone(t, newTyped).URL
	require.Len(t, c.codes(newPhone), 1)
	c.settings(t)
	require.Contains(t, c.text(t, "#row-sms"), "••"+oldPhone[len(oldPhone)-2:])
	s.Clock.Advance(2 * minute)
	other := o.visit(t, script, alice)
	require.Equal(t, "challenge", other.begin(t).Page)
	require.Equal(t, "app", other.enterCode(t, oldPhone).Page, "the old one is active")

	c.open(t, page)
	c.isDone(t, c.enterCode(t, newPhone), "contact_changed")
	require.Contains(t, c.text(t, "#row-sms"), "••"+newPhone[len(newPhone)-2:])
	s.Clock.Advance(2 * minute)
	sent := len(c.codes(oldPhone))
	require.Equal(t, "challenge", other.begin(t).Page)
	require.Equal(t, "app", other.enterCode(t, newPhone).Page)
	require.Len(t, c.codes(oldPhone), sent)
}
