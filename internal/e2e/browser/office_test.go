package browser_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

// office is a tenant of a test's own, with an app on an origin of its own.
type office struct {
	*stage
	place *harness.Place
	app   *httptest.Server
	// away: the app answers with nothing to show, and the browser stays where it is.
	away atomic.Bool
}

// newOffice makes a tenant from preset with patch over it, alice and a second
// user like her.
func (s *stage) newOffice(t *testing.T, preset, patch string) *office {
	t.Helper()
	o := &office{stage: s}
	o.app = httptest.NewServer(http.HandlerFunc(o.answer))
	t.Cleanup(o.app.Close)
	o.place = s.Tenant(t, preset, patch, harness.Alice(), harness.Named(harness.Alice(), dora, "+4915735991003"))
	members, err := json.Marshal(map[string]any{"redirect_uris": []string{o.app.URL + "/callback"}})
	require.NoError(t, err)
	s.Apply(t, setup.Tenant{Slug: o.place.Slug, Clients: []setup.Client{
		{ID: o.place.Own, Members: members}, {ID: o.place.Client, Members: members},
	}})
	return o
}

const (
	dora        = "dora@example.test"
	officePhone = "+4915735991000"
	doraPhone   = "+4915735991003"
)

func (o *office) answer(w http.ResponseWriter, _ *http.Request) {
	if o.away.Load() {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>App</title><body data-page="app"><main><h1>App</h1></main></body></html>`))
}

// call is a person who is sent to the office's tenant by its app.
type call struct {
	*visit
	office *office
	client *stepup.Client
	tx     stepup.Transaction
}

func (o *office) visit(t *testing.T, script bool, name string) *call {
	t.Helper()
	client, err := stepup.New(t.Context(), stepup.Config{
		Issuer: o.place.Issuer, ClientID: o.place.Own, ClientSecret: stepup.Secret(o.place.Secret),
		RedirectURI: o.app.URL + "/callback", Now: o.Clock.Now,
	})
	require.NoError(t, err)
	v := &visit{tab: o.newTab(t, script), tenant: o.place.Slug, name: name, from: o.Clock.Now()}
	return &call{visit: v, office: o, client: client}
}

// start goes where the app sends the person.
func (c *call) start(t *testing.T, opts stepup.StartOptions) sight {
	t.Helper()
	address, tx, err := c.client.Start(opts)
	require.NoError(t, err)
	c.tx = tx
	return c.open(t, address)
}

// begin is a new login up to what follows the password.
func (c *call) begin(t *testing.T) sight {
	t.Helper()
	p := c.start(t, stepup.StartOptions{Prompt: "login"})
	if p.Page == "password" { // the session knows who it is
		c.fill(t, "#password", harness.Password)
		return c.click(t, "#submit")
	}
	require.Equal(t, "identify", p.Page, "%+v", p)
	return c.giveNameTo(t, harness.Password)
}

// finish lets the app check what the browser brought.
func (c *call) finish(t *testing.T, p sight) stepup.Proof {
	t.Helper()
	require.Equal(t, "app", p.Page, "%+v", p)
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	proof, err := c.client.Finish(t.Context(), c.tx, u.Query())
	require.NoError(t, err)
	return proof
}

// device is the name of the cookie by which the tenant knows this browser as a
// trusted device, "" for none.
func (c *call) device(t *testing.T) (name string, lives time.Duration) {
	t.Helper()
	for n, cookie := range c.cookies(t, c.office.place.Issuer+"/authorize") {
		if strings.Contains(n, "td-") {
			return n, time.Until(time.UnixMilli(int64(cookie.Expires * 1000)))
		}
	}
	return "", 0
}
