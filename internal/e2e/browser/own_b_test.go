package browser_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/stepup"
)

// broker is the preset of system B, and pin the PIN of its people here.
const (
	broker = "broker-security-identities"
	pin    = "394716"
)

// withPIN is u with the PIN.
func withPIN(u setup.User) setup.User {
	u.PIN = pin
	return u
}

// bothOn is a user with a PIN who gets codes by email and on the telephone.
func bothOn() setup.User {
	return withPIN(withPhone(plain(alice, true, "email", "sms"), oldPhone, "confirmed"))
}

// giveBoth types a code and a PIN on one form, and sends it.
func (v *visit) giveBoth(t *testing.T, code, pin string) sight {
	t.Helper()
	v.fill(t, "#code", code)
	v.fill(t, "#pin", pin)
	return v.click(t, "#submit")
}

// givePIN types a PIN where nothing else is asked for.
func (v *visit) givePIN(t *testing.T, pin string) sight {
	t.Helper()
	require.False(t, v.has(t, "#code"), "a PIN alone is asked for")
	v.fill(t, "#pin", pin)
	return v.click(t, "#submit")
}

// byWay presses the button of a way where several are offered.
func (v *visit) byWay(t *testing.T, method string) sight {
	t.Helper()
	return v.click(t, `button[data-method="`+method+`"]`)
}

// comeIn is a whole login at the app, with the code that goes to codesTo where one
// is asked for.
func (c *call) comeIn(t *testing.T, codesTo string) stepup.Proof {
	t.Helper()
	p := c.begin(t)
	if p.Page == "choose" {
		method := "sms"
		if strings.Contains(codesTo, "@") {
			method = "email"
		}
		p = c.byWay(t, method)
	}
	if p.Page == "challenge" {
		p = c.enterCode(t, codesTo)
	}
	return c.finish(t, p)
}

// asked is where the app's user is sent to confirm an action.
func (c *call) asked(t *testing.T, who stepup.Proof, action string) sight {
	t.Helper()
	return c.start(t, stepup.StartOptions{ACR: []string{stepup.Action(action)}, Subject: who.Subject, IDTokenHint: who.IDToken})
}

// goesOn leaves a page that only says what is to be confirmed.
func (v *visit) goesOn(t *testing.T, p sight) sight {
	t.Helper()
	if p.Page == "confirm" && !v.has(t, "#code") && !v.has(t, "#pin") {
		return v.click(t, "#submit")
	}
	return p
}

// refusedAs asserts that the app was told of an error, and of which.
func (c *call) refusedAs(t *testing.T, p sight, code string) {
	t.Helper()
	require.Equal(t, "app", p.Page, "%+v", p)
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	require.Equal(t, code, u.Query().Get("error"), "%s", p.URL)
}

// signal is an event for the relying app, as it waits to be sent.
type signal struct{ Event, Payload string }

// signals are those of the tenant, oldest first.
func (o *office) signals(t *testing.T) []signal {
	t.Helper()
	rows, err := o.Server.Store.DB.SQL.QueryContext(t.Context(),
		`select s.event, s.payload from signals s join tenants t on t.id = s.tenant_id where t.slug = $1 order by s.created_at`, o.place.Slug)
	require.NoError(t, err)
	defer rows.Close()
	var all []signal
	for rows.Next() {
		var one signal
		require.NoError(t, rows.Scan(&one.Event, &one.Payload))
		all = append(all, one)
	}
	require.NoError(t, rows.Err())
	return all
}

// factors are the kinds of the active factors of all the tenant's users.
func (o *office) factors(t *testing.T) []string {
	t.Helper()
	rows, err := o.Server.Store.DB.SQL.QueryContext(t.Context(),
		`select f.kind from mfa_factors f join tenants t on t.id = f.tenant_id where t.slug = $1 and f.status = 'active' order by f.kind`, o.place.Slug)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		kind := ""
		require.NoError(t, rows.Scan(&kind))
		all = append(all, kind)
	}
	require.NoError(t, rows.Err())
	return all
}

// typeNumber fills in the page that asks for a number: also how the code is to come,
// and which kind of line it is, where they are asked and not "".
func (v *visit) typeNumber(t *testing.T, country, number, method, line string) sight {
	t.Helper()
	if method != "" {
		v.press(t, `label[for="method-`+method+`"]`)
	}
	if line != "" {
		v.press(t, `label[for="line-`+line+`"]`)
	}
	return v.typePhone(t, country, number)
}

// flag sets a flag of a user or clears it, as the server of a relying app does.
func (o *office) flag(t *testing.T, method, name, flag string) {
	t.Helper()
	const scope = "users.flags"
	members, err := json.Marshal(map[string]any{"scopes": []string{"openid", scope}})
	require.NoError(t, err)
	o.Apply(t, setup.Tenant{Slug: o.place.Slug, Clients: []setup.Client{{ID: o.place.Client, Members: members}}})
	token := o.place.Token(t, o.place.Client, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}).Access
	realm, err := o.Server.Store.TenantBySlug(t.Context(), o.place.Slug)
	require.NoError(t, err)
	user, err := o.Server.Store.UserByName(t.Context(), realm.ID, name)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, o.place.Issuer+"/users/"+user.ID+"/flags/"+flag, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)
}

// app is an authenticator app on somebody's phone: all that it knows is the key.
type app struct {
	*stage
	key string
}

// code is what the app shows now. One period later it is another one.
func (a app) code(t *testing.T) string {
	t.Helper()
	code, err := totp.GenerateCode(a.key, a.Clock.Now())
	require.NoError(t, err)
	return code
}

// next waits until the app shows a code that it has not shown before.
func (a app) next(t *testing.T) string {
	t.Helper()
	a.Clock.Advance(31 * time.Second)
	return a.code(t)
}

// copyKey opens the part of the page for those who cannot scan, and types the key
// into an app.
func (v *visit) copyKey(t *testing.T) app {
	t.Helper()
	require.Equal(t, "enrol-app", v.see(t).Page)
	v.press(t, "#by-hand summary")
	key := strings.ReplaceAll(v.text(t, "#key"), " ", "")
	require.Regexp(t, `^[a-z2-7]{32,}$`, key)
	return app{v.stage, strings.ToUpper(key)}
}

// getApp goes from the choice of a method, or the settings' button, to the key of a
// new app on a device.
func (v *visit) getApp(t *testing.T, os string) sight {
	t.Helper()
	require.Equal(t, "enrol-device", v.see(t).Page)
	require.Equal(t, "enrol-get-app", v.click(t, `button[name="os"][value="`+os+`"]`).Page)
	p := v.click(t, "#submit")
	require.Equal(t, "enrol-app", p.Page, "%+v", p)
	return p
}

// u2fKey is a security key of the first kind: it knows no PIN, no finger, and keeps
// no account.
var u2fKey = webauthn.VirtualAuthenticatorOptions{
	Protocol: webauthn.AuthenticatorProtocolU2f, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
}

// plugIn gives the tab a key, and returns what it holds.
func (b *tab) plugIn(t *testing.T, key webauthn.VirtualAuthenticatorOptions) func() []*webauthn.Credential {
	t.Helper()
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	require.NoError(t, err)
	r, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &key})
	require.NoError(t, err)
	return func() []*webauthn.Credential {
		r, err := chromedp.Call(b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: r.AuthenticatorID})
		require.NoError(t, err)
		return r.Credentials
	}
}
