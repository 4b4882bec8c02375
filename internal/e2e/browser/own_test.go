package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
)

// Numbers that nobody has, in one plan and as people type them there.
const (
	oldPhone, oldTyped   = "+4915735991000", "01573 5991000"
	newPhone, newTyped   = "+4915735991010", "01573 5991010"
	nextPhone, nextTyped = "+4915735991011", "01573 5991011"
)

// otherEmail is an address that is nobody's user name.
const otherEmail = "alice.other@example.test"

// newHome is a tenant of a test's own with people of its own, for what they change
// about themselves.
func (s *stage) newHome(t *testing.T, preset, patch string, people ...setup.User) *office {
	t.Helper()
	o := &office{stage: s}
	o.app = httptest.NewServer(http.HandlerFunc(o.answer))
	t.Cleanup(o.app.Close)
	o.place = s.Tenant(t, preset, patch, people...)
	members, err := json.Marshal(map[string]any{"redirect_uris": []string{o.app.URL + "/callback"}})
	require.NoError(t, err)
	s.Apply(t, setup.Tenant{Slug: o.place.Slug, Clients: []setup.Client{
		{ID: o.place.Own, Members: members}, {ID: o.place.Client, Members: members},
	}})
	return o
}

// plain is a user with no phone; on says whether two-step sign-in is on.
func plain(name string, on bool, factors ...string) setup.User {
	return setup.User{Username: name, MFAEnabled: &on, Factors: factors}
}

// withPhone is u with a number: confirmed by the user, or unverified from before
// numbers were checked.
func withPhone(u setup.User, number, status string) setup.User {
	u.Phone, u.PhoneStatus, u.PhoneSource = number, status, "self"
	if status == "unverified" {
		u.PhoneSource = "legacy"
	}
	return u
}

// settingsURL is the page of the settings, or one below it.
func (c *call) settingsURL(path string) string { return c.office.place.Issuer + "/settings" + path }

// settings opens the settings of somebody who is signed in.
func (c *call) settings(t *testing.T) sight {
	t.Helper()
	p := c.open(t, c.settingsURL(""))
	require.Equal(t, "settings", p.Page, "%+v", p)
	return p
}

// signInToSettings goes to the settings with nothing but their address, through the
// whole login: name, password, the code that goes to codesTo where one is asked for,
// and past the reminder of a second step.
func (c *call) signInToSettings(t *testing.T, codesTo string) sight {
	t.Helper()
	p := c.open(t, c.settingsURL(""))
	require.Equal(t, "identify", p.Page, "%+v", p)
	p = c.giveNameTo(t, harness.Password)
	if p.Page == "challenge" {
		p = c.give(t, c.code(t, codesTo))
	}
	if p.Page == "banner" {
		p = c.click(t, "#submit")
	}
	require.Equal(t, "settings", p.Page, "%+v", p)
	return p
}

// atSettings is name in a browser of their own, at their settings.
func (o *office) atSettings(t *testing.T, script bool, name, codesTo string) *call {
	t.Helper()
	c := o.visit(t, script, name)
	c.signInToSettings(t, codesTo)
	return c
}

// startChange presses a button of a row of the settings: the row is contact-phone,
// contact-email, row-sms and so on, the button add, confirm, edit, change, enable,
// turn_off, remove and so on.
func (b *tab) startChange(t *testing.T, row, do string) sight {
	t.Helper()
	return b.click(t, fmt.Sprintf(`#%s [data-do=%q]`, row, do))
}

// offers reports whether a row of the settings has a button.
func (b *tab) offers(t *testing.T, row, do string) bool {
	t.Helper()
	return b.has(t, fmt.Sprintf(`#%s [data-do=%q]`, row, do))
}

// choose picks a method where one alone can be on, and saves.
func (b *tab) choose(t *testing.T, method string) sight {
	t.Helper()
	b.press(t, `label[for="choice-`+method+`"]`)
	return b.click(t, `#choice [data-do="save"]`)
}

// chosen is the method that the choice has marked.
func (b *tab) chosen(t *testing.T) string {
	t.Helper()
	return b.attr(t, `#choice input[checked]`, "value")
}

// state is that of a method in the settings, "" where it has no row.
func (b *tab) state(t *testing.T, method string) string {
	t.Helper()
	return b.attr(t, "#row-"+method, "data-state")
}

// status is that of the phone or email in the settings, "" for none.
func (b *tab) status(t *testing.T, contact string) string {
	t.Helper()
	return b.attr(t, "#contact-"+contact, "data-status")
}

// typePhone fills in the page that asks for a number, and sends it.
func (b *tab) typePhone(t *testing.T, country, number string) sight {
	t.Helper()
	require.Equal(t, "enrol-phone", b.see(t).Page)
	eval[chromedp.Void](t, b, fmt.Sprintf(`{
		const c = document.querySelector("#country");
		c.value = %q;
		c.dispatchEvent(new Event("change", {bubbles: true}));
	}`, country))
	require.Equal(t, country, eval[string](t, b, `document.querySelector("#country").value`))
	b.fill(t, "#phone", number)
	return b.click(t, "#submit")
}

// enterPhone types a German number, sees it as it was understood, and has the code
// sent.
func (b *tab) enterPhone(t *testing.T, number string) sight {
	t.Helper()
	p := b.typePhone(t, "DE", number)
	require.Equal(t, "enrol-phone-check", p.Page, "%+v", p)
	p = b.click(t, "#submit")
	require.Equal(t, "enrol-code", p.Page, "%+v", p)
	return p
}

// enterEmail types an address, and has the code sent.
func (b *tab) enterEmail(t *testing.T, address string) sight {
	t.Helper()
	require.Equal(t, "enrol-email", b.see(t).Page)
	if !b.has(t, "#email") {
		b.click(t, "#change")
	}
	b.fill(t, "#email", address)
	p := b.click(t, "#submit")
	require.Equal(t, "enrol-code", p.Page, "%+v", p)
	return p
}

// enterCode gives the newest code that went to an address or number.
func (v *visit) enterCode(t *testing.T, to string) sight {
	t.Helper()
	return v.give(t, v.code(t, to))
}

// isDone asserts that p says that something was done; what is a word of data-done,
// or "" for the page that ends the setting up of a method, which it leaves for the
// settings.
func (c *call) isDone(t *testing.T, p sight, what string) {
	t.Helper()
	require.True(t, c.has(t, `#done[role="status"]`), "%+v", p)
	if what == "" {
		require.Equal(t, "enrol-done", p.Page, "%+v", p)
		require.Equal(t, "settings", c.click(t, "#submit").Page)
		return
	}
	require.Equal(t, "settings", p.Page, "%+v", p)
	require.Equal(t, what, c.attr(t, "#done", "data-done"))
}

// codes are the messages with a code to an address since the visit began, newest
// first; notices are the others.
func (v *visit) codes(to string) []demo.Letter { return v.sorted(to, true) }

func (v *visit) notices(to string) []demo.Letter { return v.sorted(to, false) }

func (v *visit) sorted(to string, code bool) []demo.Letter {
	var found []demo.Letter
	for _, l := range v.letters(to) {
		if (l.Code != "") == code {
			found = append(found, l)
		}
	}
	return found
}

// texts are all messages to telephones in the tenant since the visit began.
func (v *visit) texts() []demo.Letter {
	var found []demo.Letter
	for _, l := range v.Mailbox.Letters(demo.Filter{Tenant: v.tenant, Since: v.from}) {
		if l.Channel != "email" {
			found = append(found, l)
		}
	}
	return found
}

// code is the newest code that went to an address or number.
func (v *visit) code(t *testing.T, to string) string {
	t.Helper()
	all := v.codes(to)
	require.NotEmpty(t, all, "no code to %s", to)
	return all[0].Code
}

// posted sends all notices that are due, which the server does by itself once a
// second.
func (v *visit) posted(t *testing.T) {
	t.Helper()
	require.NoError(t, v.Server.Deliver(t.Context()))
}

// notice is the newest message without a code to an address or number that says
// words. It fails the test when there is none.
func (v *visit) notice(t *testing.T, to, words string) demo.Letter {
	t.Helper()
	find := func() (demo.Letter, bool) {
		for _, l := range v.notices(to) {
			if strings.Contains(l.Subject+" "+l.Text, words) {
				return l, true
			}
		}
		return demo.Letter{}, false
	}
	var found demo.Letter
	// The server may hold the notice already; then it sends it in a moment.
	v.await(t, "a notice to "+to+": "+words, func(sight) bool {
		v.posted(t)
		l, ok := find()
		found = l
		return ok
	})
	return found
}

// forge sends a form that the page does not have, with the secret of one that it
// has: what somebody can do who does not keep to the pages.
func (b *tab) forge(t *testing.T, address string, pairs ...string) sight {
	t.Helper()
	fields := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	return b.act(t, "forge "+address, func() {
		eval[chromedp.Void](t, b, fmt.Sprintf(`{
			const f = document.createElement("form");
			f.method = "post";
			f.action = %q;
			const fields = {csrf: document.querySelector("[name=csrf]").value, ...%s};
			for (const [name, value] of Object.entries(fields)) {
				const i = document.createElement("input");
				i.type = "hidden"; i.name = name; i.value = value;
				f.append(i);
			}
			document.body.append(f);
			f.submit();
		}`, address, text))
	})
}

// problem is what a program of the user is told.
type problem struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Flag   string `json:"flag"`
}

// send posts fields as a program with the browser's cookies and the secret of its
// page, and returns the problem that answers; Status alone where it is none.
func (b *tab) send(t *testing.T, address string, pairs ...string) problem {
	t.Helper()
	form := url.Values{"csrf": {b.attr(t, "[name=csrf]", "value")}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Origin", b.URL)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, cookie := range b.cookies(t, address) {
		request.AddCookie(&http.Cookie{Name: name, Value: cookie.Value})
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	p := problem{}
	if response.Header.Get("Content-Type") == "application/problem+json" {
		require.NoError(t, json.NewDecoder(response.Body).Decode(&p))
	}
	p.Status = response.StatusCode
	return p
}
