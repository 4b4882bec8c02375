package browser_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

// rowsWithdrawal are the rows of system B about a withdrawal.
var rowsWithdrawal = []row{
	{"B-15", "a withdrawal is confirmed with the PIN first", withdrawalTakesPIN},
	{"B-15", "the PIN has a lock-out of its own", withdrawalLocksPIN},
	{"B-16", "then comes a security code, in whichever way the user picks", withdrawalTakesCode},
	{"B-16", "the code cannot be had or given before the PIN", withdrawalKeepsOrder},
}

const withdrawal = "withdrawal.confirm"

// withdrawing is somebody at the page that confirms a withdrawal.
func (s *stage) withdrawing(t *testing.T, script bool) (*call, stepup.Proof) {
	t.Helper()
	c := s.newHome(t, broker, "", bothOn()).visit(t, script, alice)
	who := c.comeIn(t, alice)
	s.Clock.Advance(minute + slack)
	c.from = s.Clock.Now()
	require.Equal(t, "confirm", c.asked(t, who, withdrawal).Page)
	return c, who
}

func withdrawalTakesPIN(t *testing.T, s *stage, script bool) {
	c, _ := s.withdrawing(t, script)
	require.Contains(t, c.text(t, "h1"), "Confirm withdrawal")
	require.Contains(t, c.text(t, ".slip"), "Own", "the app that asks")
	p := c.givePIN(t, wrong(pin))
	require.Equal(t, "confirm", p.Page)
	require.Contains(t, c.text(t, "#pin-error"), "That PIN isn’t right.")
	require.NotEqual(t, "app", c.givePIN(t, pin).Page, "the PIN alone does not do")
	require.False(t, c.has(t, "#pin"), "it is not asked for again")
	require.Empty(t, c.codes(alice))
	require.Empty(t, c.codes(oldPhone), "the user has not chosen yet")
}

func withdrawalLocksPIN(t *testing.T, s *stage, script bool) {
	c, who := s.withdrawing(t, script)
	for range 5 {
		c.givePIN(t, wrong(pin))
	}
	c.asked(t, who, withdrawal)
	require.Contains(t, c.givePIN(t, pin).Text, "Too many wrong PINs.", "the right one is not looked at")
	require.False(t, c.has(t, "#code"))
	require.False(t, c.has(t, "#ways"))
	c.comeIn(t, alice) // codes are none the worse for it
}

func withdrawalTakesCode(t *testing.T, s *stage, script bool) {
	c, who := s.withdrawing(t, script)
	c.settings(t)
	c.startChange(t, "row-totp", "enable")
	c.getApp(t, "android")
	mine := c.copyKey(t)
	c.isDone(t, c.giveBoth(t, mine.code(t), pin), "")
	c.startChange(t, "row-recovery_codes", "make")
	require.Equal(t, "recovery-codes", c.givePIN(t, pin).Page)
	codes := strings.Fields(c.text(t, "#codes"))

	for method, read := range map[string]func() string{
		"sms":            func() string { return c.code(t, oldPhone) },
		"email":          func() string { return c.code(t, alice) },
		"totp":           func() string { return mine.next(t) },
		"recovery_codes": func() string { return codes[0] },
	} {
		s.Clock.Advance(minute + slack)
		require.Equal(t, "confirm", c.asked(t, who, withdrawal).Page)
		require.Equal(t, "choose", c.goesOn(t, c.givePIN(t, pin)).Page, "%s", method)
		require.Equal(t, "challenge", c.byWay(t, method).Page)
		code := read()
		if method == "sms" || method == "email" {
			require.Equal(t, "challenge", c.give(t, wrong(code)).Page)
		}
		proof := c.finish(t, c.give(t, code))
		require.Equal(t, withdrawal, proof.Action(), "%s", method)
		require.Equal(t, who.Subject, proof.Subject)
	}
}

func withdrawalKeepsOrder(t *testing.T, s *stage, script bool) {
	c, _ := s.withdrawing(t, script)
	at := c.see(t).URL
	base := strings.TrimSuffix(at, "/confirm")
	require.NotEqual(t, at, base)
	for _, path := range []string{"/challenge/switch", "/challenge/resend"} {
		c.forge(t, base+path, "method", "sms")
		require.Empty(t, c.codes(oldPhone), "%s", path)
		require.Empty(t, c.codes(alice), "%s", path)
		c.open(t, at)
		require.True(t, c.has(t, "#pin"), "%s", path)
	}
	for _, path := range []string{"/confirm", "/challenge"} {
		require.NotEqual(t, "app", c.forge(t, base+path, "code", "123456").Page, "%s", path)
		c.open(t, at)
		require.True(t, c.has(t, "#pin"), "%s", path)
	}
	c.open(t, base+"/choose")
	require.False(t, c.has(t, "button[data-method]"), "no way is offered yet")
	c.open(t, at)
	require.Equal(t, "choose", c.goesOn(t, c.givePIN(t, pin)).Page)
	require.True(t, c.has(t, `button[data-method="sms"]`))
}
