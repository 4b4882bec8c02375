package browser_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

const day = 24 * time.Hour

// lifetimes are what a tenant may choose, with the length of each.
var lifetimes = map[string]time.Duration{"P1D": day, "P7D": 7 * day, "P30D": 30 * day}

// newAccount is a tenant of system E that trusts devices for lifetime.
func (s *stage) newAccount(t *testing.T, lifetime string) *office {
	t.Helper()
	return s.newOffice(t, "account-admin-sms-default", fmt.Sprintf(`{"trusted_device":{"lifetime":%q}}`, lifetime))
}

// logIn is a whole login, and tells whether it asked for a code.
func (c *call) logIn(t *testing.T, phone string) (asked bool, proof stepup.Proof) {
	t.Helper()
	p := c.begin(t)
	if p.Page == "challenge" {
		asked = true
		p = c.give(t, c.letter(t, phone).Code)
	}
	return asked, c.finish(t, p)
}

func trustForAll(t *testing.T, s *stage, script bool) {
	o := s.newAccount(t, "P7D")
	for name, phone := range map[string]string{alice: officePhone, dora: doraPhone} {
		c := o.visit(t, script, name)
		asked, proof := c.logIn(t, phone)
		require.True(t, asked, "%s is not trusted at first", name)
		require.Equal(t, stepup.ACRMFA, proof.ACR)
		s.Clock.Advance(6 * day)
		asked, proof = c.logIn(t, phone)
		require.False(t, asked, "%s is trusted for a week", name)
		require.Equal(t, stepup.ACRTrustedDevice, proof.ACR, "and the app is told the truth")
	}
	stranger := o.visit(t, script, alice)
	asked, _ := stranger.logIn(t, officePhone)
	require.True(t, asked, "another browser is another device")
}

func trustIsAbsolute(t *testing.T, s *stage, script bool) {
	c := s.newAccount(t, "P7D").visit(t, script, alice)
	_, _ = c.logIn(t, officePhone)
	trusted := c.letter(t, officePhone).At
	for d := 1; d <= 6; d++ {
		s.until(trusted.Add(time.Duration(d) * day))
		asked, _ := c.logIn(t, officePhone)
		require.False(t, asked, "day %d", d)
	}
	s.until(trusted.Add(7*day + minute))
	asked, _ := c.logIn(t, officePhone)
	require.True(t, asked, "a week after the code, not after the last use")
}

func trustSession(t *testing.T, s *stage, script bool) {
	c := s.newAccount(t, "session").visit(t, script, alice)
	asked, _ := c.logIn(t, officePhone)
	require.True(t, asked)
	name, _ := c.device(t)
	require.Empty(t, name, "nothing is stored")
	s.Clock.Advance(2 * minute)
	asked, _ = c.logIn(t, officePhone)
	require.True(t, asked, "a new sign-in asks again")
	p := c.start(t, stepup.StartOptions{})
	require.Equal(t, "app", p.Page, "within the sign-in nothing is asked")
}

func trustFor(lifetime string) func(*testing.T, *stage, bool) {
	return func(t *testing.T, s *stage, script bool) {
		c := s.newAccount(t, lifetime).visit(t, script, alice)
		asked, _ := c.logIn(t, officePhone)
		require.True(t, asked)
		trusted := c.letter(t, officePhone).At
		name, lives := c.device(t)
		require.NotEmpty(t, name)
		require.InDelta(t, lifetimes[lifetime].Seconds(), lives.Seconds(), 60, "the cookie lives as long")
		s.until(trusted.Add(lifetimes[lifetime] - 2*minute))
		asked, _ = c.logIn(t, officePhone)
		require.False(t, asked, "shortly before the end")
		s.until(trusted.Add(lifetimes[lifetime] + minute))
		asked, _ = c.logIn(t, officePhone)
		require.True(t, asked, "after it")
	}
}

func trustAsks(t *testing.T, s *stage, script bool) {
	o := s.newOffice(t, "account-admin-sms-default", `{"trusted_device":{"lifetime":"P30D","consent":"ask"}}`)
	c := o.visit(t, script, alice)
	require.Equal(t, "challenge", c.begin(t).Page)
	require.Contains(t, c.text(t, `label[for="trust-device"]`), "30 days")
	c.finish(t, c.give(t, c.letter(t, officePhone).Code))
	name, _ := c.device(t)
	require.Empty(t, name, "the box is not ticked by itself")

	s.Clock.Advance(2 * minute)
	require.Equal(t, "challenge", c.begin(t).Page)
	c.press(t, `label[for="trust-device"]`)
	c.finish(t, c.give(t, c.letter(t, officePhone).Code))
	asked, _ := c.logIn(t, officePhone)
	require.False(t, asked)
}

func rulesHoldAtNextLogin(t *testing.T, s *stage, script bool) {
	o := s.newAccount(t, "P30D")
	c := o.visit(t, script, alice)
	_, _ = c.logIn(t, officePhone)
	asked, _ := c.logIn(t, officePhone)
	require.False(t, asked)
	s.Apply(t, setup.Tenant{Slug: o.place.Slug, Policy: []byte(`{"trusted_device":{"lifetime":"P7D"}}`)})
	require.Equal(t, "app", c.start(t, stepup.StartOptions{}).Page, "the session stays")
	s.Clock.Advance(2 * minute)
	asked, _ = c.logIn(t, officePhone)
	require.True(t, asked, "devices trusted by the old rules are not")
}
