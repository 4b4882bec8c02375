package browser_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
)

// The people of the demo, with their passwords as its start page tells them.
const (
	alice      = "alice@example.test" // phone confirmed; in contractor 2FA is on
	bob        = "bob@example.test"   // phone not verified
	carol      = "carol@example.test" // no phone; in contractor 2FA is off
	contractor = "contractor"
	alicePhone = "+526441832399"
	bobPhone   = "+526441832301"
)

// visit is a person at a tenant of the demo, with the demo's shop.
type visit struct {
	*tab
	tenant, name string
	from         time.Time // letters from before belong to others
}

// visitShop lets name come to the shop, which signs in through tenant.
func (s *stage) visitShop(t *testing.T, script bool, tenant, name string) *visit {
	t.Helper()
	v := &visit{tab: s.newTab(t, script), tenant: tenant, name: name, from: s.Clock.Now()}
	p := v.open(t, s.ShopURL+"/?tenant="+tenant)
	require.Equal(t, "shop", p.Page)
	return v
}

func password(name string) string {
	first, _, _ := strings.Cut(name, "@")
	return first + "-opens-the-first-gate"
}

// giveName starts the login at the shop and gives name and password.
func (v *visit) giveName(t *testing.T) sight {
	t.Helper()
	require.Equal(t, "identify", v.click(t, "#sign-in").Page)
	return v.giveNameTo(t, password(v.name))
}

// giveNameTo gives name and password to the pages of a login.
func (v *visit) giveNameTo(t *testing.T, password string) sight {
	t.Helper()
	v.fill(t, "#username", v.name)
	require.Equal(t, "password", v.click(t, "#submit").Page)
	v.fill(t, "#password", password)
	return v.click(t, "#submit")
}

// signIn goes through the whole login, with the code where one is asked for.
func (v *visit) signIn(t *testing.T) {
	t.Helper()
	p := v.giveName(t)
	if p.Page == "challenge" {
		p = v.give(t, v.letter(t, v.name).Code)
	}
	v.atShop(t, p, "signin")
}

// give types a code and sends it.
func (v *visit) give(t *testing.T, code string) sight {
	t.Helper()
	v.fill(t, "#code", code)
	return v.click(t, "#submit")
}

// atShop asserts that p is the shop again, told that action went well.
func (v *visit) atShop(t *testing.T, p sight, action string) {
	t.Helper()
	require.Equal(t, "shop", p.Page, "%+v", p)
	require.True(t, strings.HasPrefix(p.URL, v.ShopURL), "%s", p.URL)
	require.Equal(t, "ok", v.attr(t, "#result", "data-result"), "%+v", p)
	require.Equal(t, action, v.attr(t, "#result", "data-action"))
}

// letters are the messages to an address since the visit began, newest first.
func (v *visit) letters(to string) []demo.Letter {
	return v.Mailbox.Letters(demo.Filter{To: to, Tenant: v.tenant, Since: v.from})
}

// letter is the newest message to an address.
func (v *visit) letter(t *testing.T, to string) demo.Letter {
	t.Helper()
	all := v.letters(to)
	require.NotEmpty(t, all, "no message to %s", to)
	return all[0]
}

// wrong is a code of the same shape that is not code.
func wrong(code string) string {
	last, _ := strconv.Atoi(code[len(code)-1:])
	return code[:len(code)-1] + strconv.Itoa((last+1)%10)
}

// stamp is how pages write a moment for machines.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }
