package demo_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// customer is a browser without script in the shop, with an account of a tenant.
type customer struct {
	*harness.Browser
	r *running
}

// signIn takes somebody through the whole login to the shop's front page.
func (r *running) signIn(t *testing.T, tenant, name string) (*customer, *harness.Page) {
	t.Helper()
	c := r.customer(tenant)
	user := r.describe(t).tenant(t, tenant).user(t, name)
	p := c.signInAs(t, tenant, name, user.Password)
	if p.Name == "challenge" {
		letters := r.Mailbox.Letters(demo.Filter{Tenant: tenant, Limit: 1})
		require.NotEmpty(t, letters)
		p = c.Submit(t, p, "/challenge", "code", letters[0].Code)
	}
	require.Equal(t, "shop", p.Name, p.Body)
	return c, p
}

// signInAs gives name and password to the login that the shop begins.
func (c *customer) signInAs(t *testing.T, tenant, name, password string) *harness.Page {
	t.Helper()
	p := c.inShop(t, c.Get(t, c.r.ShopURL+"/"), "/signin", "tenant", tenant)
	p = c.Submit(t, p, "/identify", "username", name)
	return c.Submit(t, p, "/password", "username", name, "password", password)
}

// inShop sends a form of the shop.
func (c *customer) inShop(t *testing.T, p *harness.Page, action string, pairs ...string) *harness.Page {
	t.Helper()
	return c.Post(t, c.r.ShopURL+action, p.Form(t, action).With(pairs...))
}

func (r *running) customer(tenant string) *customer {
	place := &harness.Place{House: &harness.House{Demo: r.Demo}, Slug: tenant, Issuer: r.URL + "/t/" + tenant}
	return &customer{place.NewBrowser(), r}
}

func (d describedTenant) user(t *testing.T, name string) describedUser {
	t.Helper()
	for _, u := range d.Users {
		if u.Name == name {
			return u
		}
	}
	require.Fail(t, "no user "+name)
	return describedUser{}
}

// buttons are the actions that the shop offers, in their order.
func buttons(p *harness.Page) (names []string) {
	for _, m := range regexp.MustCompile(`name="action" value="([^"]+)"`).FindAllStringSubmatch(p.Body, -1) {
		names = append(names, m[1])
	}
	return names
}

func TestTheShopOffersWhatTheTenantAsksFor(t *testing.T) {
	r := run(t, func(o *demo.Options) { o.Data = t.TempDir() })

	for tenant, want := range map[string][]string{
		"contractor":  {"payout.request", "payment_details.add"},
		"broker":      {"withdrawal.confirm", "operation.confirm"},
		"marketplace": {"bid.place"},
		"contract":    nil,
		"account":     nil,
		"conformance": nil,
	} {
		t.Run(tenant, func(t *testing.T) {
			_, p := r.signIn(t, tenant, map[bool]string{true: "bob@example.test", false: "alice@example.test"}[tenant == "broker"]) // one way: no choice to make

			require.Equal(t, want, buttons(p))
			require.Equal(t, want == nil, strings.Contains(p.Body, "asks for no confirmation"))
		})
	}
	t.Run("a change of the policy shows within a minute", func(t *testing.T) {
		c, p := r.signIn(t, "marketplace", "alice@example.test")
		apply(t, r, `{tenants: [{slug: marketplace, policy: {actions: {"note.sign": {applies: until_met, require: [phone_confirmed], stages: [], binding: none}}}}]}`)
		require.NoError(t, r.Server.Realms.Refresh(t.Context()))
		require.Equal(t, []string{"bid.place"}, buttons(p))

		r.Clock.Advance(time.Minute)
		p = c.Get(t, r.ShopURL+"/")

		require.Equal(t, []string{"bid.place", "note.sign"}, buttons(p))
		require.Contains(t, p.Body, `Ask for “<bdi dir="ltr">note.sign</bdi>”`, "it goes by its name")
		p = c.inShop(t, p, "/action", "action", "note.sign")
		require.Contains(t, p.Body, `“<bdi dir="ltr">note.sign</bdi>” was confirmed.`)
	})
}

func TestTheShopCallsItsUserByName(t *testing.T) {
	r := run(t, func(o *demo.Options) { o.Data = t.TempDir() })

	for _, tt := range []struct {
		name, tenant, user, says string
	}{
		{"the name of the profile", "conformance", "alice@example.test", "Hello, <bdi>Alice Marie Example</bdi>"},
		{"another's name", "marketplace", "carol@example.test", "Hello, <bdi>Carol Example</bdi>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, p := r.signIn(t, tt.tenant, tt.user)
			require.Contains(t, p.Body, tt.says)
			require.Contains(t, p.Body, tt.user)
			require.Contains(t, c.Get(t, r.ShopURL+"/claims").Body, tt.user)
		})
	}
	t.Run("the address, of one without a name", func(t *testing.T) {
		apply(t, r, `{tenants: [{slug: conformance, users: [{username: dora@example.test, password: dora-opens-the-first-gate}]}]}`)
		p := r.customer("conformance").signInAs(t, "conformance", "dora@example.test", "dora-opens-the-first-gate")
		require.Equal(t, http.StatusOK, p.Status)
		require.Contains(t, p.Body, "Hello, <bdi>dora@example.test</bdi>")
	})
}

// TestAPayoutShowsWhatItPays: the tenant knows the transaction, so its page and its
// message say amount and payee, and the shop executes for a receipt.
func TestAPayoutShowsWhatItPays(t *testing.T) {
	r := run(t, func(o *demo.Options) { o.Data = t.TempDir() })
	c, p := r.signIn(t, "contractor", "alice@example.test")
	r.Clock.Advance(2 * time.Minute)
	letter := func() demo.Letter { return r.Mailbox.Letters(demo.Filter{Tenant: "contractor", Limit: 1})[0] }

	t.Run("from the button to the receipt", func(t *testing.T) {
		page := c.inShop(t, p, "/action", "action", "payout.request")
		require.Equal(t, "confirm", page.Name, page.Body)
		for _, shown := range []string{"1,250.00", "Alice Example", "DE•• •••• 3000"} {
			require.Contains(t, page.Body, shown)
		}
		require.Contains(t, letter().Text, "1,250.00")
		require.Contains(t, letter().Text, "Alice Example")
		page = c.Submit(t, page, "/confirm", "code", letter().Code)
		require.Equal(t, "shop", page.Name, page.Body)
		require.Contains(t, page.Body, "Payout requested.")
		for _, said := range []string{`id="receipt"`, "amount.value", "DE89370400440532013000", "email 20", "eyJ"} {
			require.Contains(t, page.Body, said)
		}
	})
	t.Run("cancelled, it pays nothing", func(t *testing.T) {
		r.Clock.Advance(2 * time.Minute)
		p = c.Get(t, r.ShopURL+"/")
		require.NotContains(t, p.Body, `id="receipt"`, "it is told once")
		page := c.inShop(t, p, "/action", "action", "payout.request")
		page = c.Submit(t, page, "/confirm", "cancel", "1")
		require.Contains(t, page.Body, `data-error="access_denied"`)
		require.NotContains(t, page.Body, `id="receipt"`)
	})
	t.Run("another account shows whose it is", func(t *testing.T) {
		r.Clock.Advance(2 * time.Minute)
		page := c.inShop(t, c.Get(t, r.ShopURL+"/"), "/action", "action", "payment_details.add")
		require.Equal(t, "confirm", page.Name, page.Body)
		for _, shown := range []string{"DE•• •••• 3000", "NL•• •••• 4300", "Alice Example"} {
			require.Contains(t, page.Body, shown)
		}
		require.Contains(t, letter().Text, "4300")
		page = c.Submit(t, page, "/confirm", "code", letter().Code)
		require.Contains(t, page.Body, "Payment details added.")
		require.Contains(t, page.Body, "NL91ABNA0417164300")
	})
}
