package settings

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func hubOnSQLite(t *testing.T, edit func(*policy.Policy)) *hubDesk {
	t.Helper()
	return newHubDesk(t, testdb.SQLite(t), edit)
}

func TestTheHubIsForWhoIsSignedIn(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newHubDesk(t, address, trusting)
		nobody := &hubBrowser{d: d, jar: map[string]string{}}

		w := nobody.get("")
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Contains(t, w.Header().Get("Location"), "/t/acme/interaction/")

		w = d.browser(t, "one").get("")
		require.Equal(t, http.StatusOK, w.Code)
		for _, part := range []string{`data-task="confirm_phone" data-state="open"`, `data-method="sms"`, `data-two-step="off"`, `data-contact="phone"`} {
			require.Contains(t, w.Body.String(), part)
		}
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	})
}

func TestTheSwitchLeadsIntoTheLifeCycle(t *testing.T) {
	d := hubOnSQLite(t, trusting)
	b := d.browser(t, "one")

	w := b.post(t, "", "/two-step", "mfa", "on")
	require.Equal(t, http.StatusSeeOther, w.Code)
	require.Contains(t, w.Header().Get("Location"), hubBase+"/op/")

	w = b.post(t, "", "/two-step", "mfa", "off")
	require.Equal(t, hubBase+"/confirm?verb=switch_off", w.Header().Get("Location"))

	w = b.form("/two-step", url.Values{"mfa": {"on"}})
	require.Equal(t, http.StatusForbidden, w.Code, "a form of another page")
}

func TestAChoiceOfOneMethod(t *testing.T) {
	exclusive, err := policy.Preset("contract-exclusive-method")
	require.NoError(t, err)
	d := hubOnSQLite(t, func(p *policy.Policy) { *p = exclusive })
	require.NoError(t, d.factors.AddContact(t.Context(), mfa.Contact{
		ID: "phone", Subject: d.f.Alice.Subject(), Kind: mfa.ContactPhone, Value: "+526441832399", Masked: "+52 ••• 2399", Country: "MX",
		LineType: "ambiguous", Status: mfa.ContactConfirmed, Source: mfa.SourceSelf, CreatedAt: storetest.Start,
	}))
	b := d.browser(t, "one")
	choose := func(method string) string {
		w := b.post(t, "", "/choice", "method", method)
		require.Equal(t, http.StatusSeeOther, w.Code)
		return strings.TrimPrefix(w.Header().Get("Location"), hubBase)
	}

	require.Equal(t, "?refused=country", choose("sms"), "D-05: no messages to that country")
	require.Contains(t, b.get("?refused=country").Body.String(), `id="refused"`)
	require.Equal(t, "", choose("off"), "nothing is on")
	require.Equal(t, "?refused=forbidden", choose("totp"), "no method of this tenant")
	require.Regexp(t, "^/op/", choose("email"))

	require.NoError(t, d.factors.AddFactor(t.Context(), mfa.Factor{
		ID: "f1", Subject: d.f.Alice.Subject(), Kind: policy.Email, ContactID: "mail", Status: mfa.FactorActive, CreatedAt: storetest.Start,
	}))
	require.Equal(t, "/confirm?kind=email&verb=disable", choose("off"), "D-16: with the switch off, the method goes")
	_, err = d.f.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
		u.MFAEnabled = true
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "/confirm?verb=switch_off", choose("off"))
}

func TestDevicesAreTheUsersOwn(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newHubDesk(t, address, trusting)
		b := d.browser(t, "one")
		this := d.device(t, d.f.Alice, "This one")
		d.f.Clock.Move(time.Minute)
		d.device(t, d.f.Alice, "Other")
		d.device(t, d.bob, "Bob's")
		b.jar["__Host-"+this.Name] = this.Value.Reveal()

		page := b.get("/devices").Body.String()
		require.NotContains(t, page, "Bob&#39;s")
		require.Less(t, strings.Index(page, "This one"), strings.Index(page, "Other"), "this one first, although it is older")
		require.Regexp(t, `<li data-this>(?s:.*)This one`, page)

		other, bobs := d.deviceID(t, d.f.Alice, "Other"), d.deviceID(t, d.bob, "Bob's")
		for _, verb := range []string{"rename", "remove"} {
			require.Equal(t, http.StatusNotFound, b.get("/devices/"+bobs+"/"+verb).Code)
			require.Equal(t, http.StatusNotFound, b.post(t, "/devices/"+other+"/remove", "/devices/"+bobs+"/"+verb, "name", "mine now").Code)
		}
		require.NotEmpty(t, d.deviceID(t, d.bob, "Bob's"))

		w := b.post(t, "/devices/"+other+"/rename", "/devices/"+other+"/rename", "name", " \u202e ")
		require.Equal(t, http.StatusUnprocessableEntity, w.Code)
		page = b.follow(t, b.post(t, "/devices/"+other+"/rename", "/devices/"+other+"/rename", "name", "  Kitchen\ttablet "))
		require.Contains(t, page, "Kitchen tablet")
		require.Contains(t, page, `data-done="saved"`)

		require.Contains(t, b.follow(t, b.answer(t, "/devices/"+other+"/remove")), `data-done="device_removed"`)
		require.Empty(t, d.deviceID(t, d.f.Alice, "Kitchen tablet"))
		require.NotEmpty(t, d.deviceID(t, d.f.Alice, "This one"))
		require.Equal(t, []string{mfa.EventDeviceTrusted, mfa.EventDeviceTrusted, mfa.EventDeviceTrusted, "device.removed"}, d.kinds())
	})
}

func TestRemovingAllDevicesVoidsThemAndTellsTheOwner(t *testing.T) {
	d := hubOnSQLite(t, trusting)
	b := d.browser(t, "one")
	this := d.device(t, d.f.Alice, "This one")
	d.device(t, d.bob, "Bob's")
	b.jar["__Host-"+this.Name] = this.Value.Reveal()
	before := d.alice(t)

	page := b.follow(t, b.answer(t, "/devices/remove-all"))

	require.Contains(t, page, `data-done="devices_revoked"`)
	require.Contains(t, page, `id="no-devices"`)
	require.Equal(t, before.MFAEpoch+1, d.alice(t).MFAEpoch)
	require.Empty(t, d.deviceID(t, d.f.Alice, "This one"))
	require.NotEmpty(t, d.deviceID(t, d.bob, "Bob's"))
	require.NotContains(t, b.jar, "__Host-"+this.Name)
	require.Equal(t, "devices.revoked", d.kinds()[len(d.kinds())-1])
	due, err := d.f.Store.DueNotices(t.Context(), 10, storetest.Start.Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.Equal(t, "devices_revoked", due[0].Kind)
}

func TestSessionsAreEndedOneByOneOrAll(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newHubDesk(t, address, trusting)
		b, away := d.browser(t, "one"), d.browser(t, "two")
		d.session(t, d.bob, "bobs")

		page := b.get("/devices").Body.String()
		require.Contains(t, page, "Browser of two")
		require.NotContains(t, page, "Browser of bobs")
		require.Less(t, strings.Index(page, "Browser of one"), strings.Index(page, "Browser of two"), "this one first")
		require.Equal(t, http.StatusNotFound, b.get("/sessions/bobs/end").Code)
		require.Equal(t, http.StatusNotFound, b.post(t, "/sessions/two/end", "/sessions/bobs/end", "confirm", "1").Code)

		require.Contains(t, b.follow(t, b.answer(t, "/sessions/two/end")), `data-done="session_ended"`)
		require.Equal(t, http.StatusSeeOther, away.get("").Code, "signed out there")

		d.browser(t, "three")
		w := b.answer(t, "/sessions/end-all")
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Equal(t, hubBase+"/signed-out", w.Header().Get("Location"))
		for name := range b.jar {
			require.NotContains(t, name, "sp-session-", "the cookie is gone")
		}
		require.Equal(t, http.StatusSeeOther, b.get("").Code, "signed out here, too")
		left, err := d.f.Store.SessionsOf(t.Context(), storetest.TenantID, storetest.AliceID, d.f.Clock.Now())
		require.NoError(t, err)
		require.Empty(t, left)
		bobs, err := d.f.Store.SessionByID(t.Context(), storetest.TenantID, "bobs")
		require.NoError(t, err)
		require.NotNil(t, bobs)
		require.Equal(t, []string{identity.EventSessionEnded, identity.EventSignedOutAll}, d.kinds())
	})
}

func TestAnOldLoginLooksAndDoesNotTouch(t *testing.T) {
	d := hubOnSQLite(t, trusting)
	b := d.browser(t, "one")
	d.device(t, d.f.Alice, "Other")
	other := d.deviceID(t, d.f.Alice, "Other")
	secret := hubForm.FindStringSubmatch(b.get("/devices/remove-all").Body.String())[1]
	d.f.Clock.Move(15*time.Minute + time.Second)
	d.session(t, d.alice(t), "two")

	for _, path := range []string{"", "/devices", "/activity", "/apps"} {
		require.Equal(t, http.StatusOK, b.get(path).Code, path)
	}
	for _, path := range []string{
		"/devices/" + other + "/rename", "/devices/" + other + "/remove", "/devices/remove-all", "/sessions/two/end", "/sessions/end-all",
		"/apps/" + storetest.Public + "/remove",
	} {
		w := b.get(path)
		require.Equal(t, http.StatusSeeOther, w.Code, path)
		require.Contains(t, w.Header().Get("Location"), "/interaction/", path)
		w = b.form(path, url.Values{"csrf": {secret}, "confirm": {"1"}, "name": {"x"}})
		require.Contains(t, w.Header().Get("Location"), "/interaction/", path)
	}
	require.NotEmpty(t, d.deviceID(t, d.f.Alice, "Other"))
	require.Equal(t, []string{mfa.EventDeviceTrusted}, d.kinds())

	w := b.answer(t, "/sessions/one/end")
	require.Equal(t, http.StatusSeeOther, w.Code)
	require.Equal(t, []string{mfa.EventDeviceTrusted, identity.EventSessionEnded}, d.kinds(), "to go, nobody has to come in again")
}

func TestSigningOutEndsOnAPageThatSaysSo(t *testing.T) {
	d := hubOnSQLite(t, trusting)
	b := d.browser(t, "one")
	signedOut := func() string {
		w := b.get("/signed-out")
		require.Equal(t, http.StatusOK, w.Code)
		return w.Body.String()
	}
	require.Equal(t, hubBase, b.get("/signed-out").Header().Get("Location"), "the page does not say what is not so")

	ask := b.get("/sessions/one/end").Body.String()
	require.Contains(t, ask, `data-page="logout"`)
	require.Contains(t, ask, "Sign out of acme?")
	require.Contains(t, b.get("").Body.String(), `href="`+hubBase+`/sessions/one/end"`, "the menu leads to it")
	require.Equal(t, hubBase, b.post(t, "/sessions/one/end", "/sessions/one/end", "decision", "stay").Header().Get("Location"))
	require.Equal(t, http.StatusOK, b.get("").Code, "who stays is signed in")

	w := b.post(t, "/sessions/one/end", "/sessions/one/end", "decision", "signout")
	require.Equal(t, http.StatusSeeOther, w.Code)
	require.Equal(t, hubBase+"/signed-out", w.Header().Get("Location"))
	page := signedOut()
	require.Contains(t, page, "You’re signed out")
	require.Contains(t, page, `id="sign-in" href="`+hubBase+`"`)
	require.Contains(t, b.get("").Header().Get("Location"), "/t/acme/interaction/", "the sign-in")
}

func TestTheBareAddressOfATenantLeadsToTheSettings(t *testing.T) {
	b := hubOnSQLite(t, trusting).browser(t, "one")
	for _, path := range []string{"/t/acme", "/t/acme/"} {
		w := b.send(httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, http.StatusSeeOther, w.Code, path)
		require.Equal(t, hubBase, w.Header().Get("Location"), path)
	}
}

func TestAppsAreTakenBack(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newHubDesk(t, address, trusting)
		b := d.browser(t, "one")
		for _, user := range []string{storetest.AliceID, d.bob.ID} {
			require.NoError(t, d.f.Store.Complete(t.Context(), model.Completion{TenantID: storetest.TenantID, Now: storetest.Start, Agreement: &consent.Agreement{
				TenantID: storetest.TenantID, UserID: user, ClientID: storetest.Public, Scopes: []string{"openid", "email"},
				CreatedAt: storetest.Start, UpdatedAt: storetest.Start,
			}}))
		}

		page := b.get("/apps").Body.String()
		require.Contains(t, page, "SPA")
		require.Contains(t, page, "app.example")
		require.Equal(t, http.StatusNotFound, b.get("/apps/"+storetest.Confidential+"/remove").Code, "nothing is shared with it")

		page = b.follow(t, b.answer(t, "/apps/"+storetest.Public+"/remove"))
		require.Contains(t, page, `data-done="app_removed"`)
		require.Contains(t, page, `id="no-apps"`)
		his, err := d.f.Store.AgreementsOf(t.Context(), storetest.TenantID, d.bob.ID)
		require.NoError(t, err)
		require.Len(t, his, 1)
		require.Equal(t, []string{"app.removed"}, d.kinds())
	})
}

func TestTheActivityIsReadPageByPage(t *testing.T) {
	d := hubOnSQLite(t, trusting)
	b := d.browser(t, "one")
	var all []model.AuditEvent
	for i := range 60 {
		all = append(all, model.AuditEvent{
			ID: "e" + string(rune('0'+i/10)) + string(rune('0'+i%10)), TenantID: storetest.TenantID, Subject: storetest.AliceID,
			Type: identity.EventPasswordChanged, Result: "ok", At: storetest.Start.Add(time.Duration(i/3) * time.Second),
		})
	}
	all = append(all, model.AuditEvent{ID: "bobs", TenantID: storetest.TenantID, Subject: d.bob.ID, Type: identity.EventSignedOutAll, At: storetest.Start.Add(time.Hour)})
	require.NoError(t, d.f.Store.AppendAudit(t.Context(), all...))
	older := regexp.MustCompile(`rel="next" href="` + hubBase + `([^"]+)"`)

	var counts []int
	path := "/activity"
	for range 5 {
		page := b.get(path).Body.String()
		require.NotContains(t, page, "sessions.ended")
		counts = append(counts, strings.Count(page, "data-event="))
		require.Equal(t, path != "/activity", strings.Contains(page, `rel="prev"`))
		next := older.FindStringSubmatch(page)
		if next == nil {
			break
		}
		path = next[1]
	}

	require.Equal(t, []int{25, 25, 10}, counts, "each event once")
	for _, bad := range []string{"x", "1", "-5.e", "99999999999999999999.e", "253402300800000000.e", "1.", "1." + strings.Repeat("x", 200), "%00.%00"} {
		w := b.get("/activity?before=" + bad)
		require.Equal(t, http.StatusOK, w.Code, bad)
	}
}

func TestNobodyIsToldWhatDidNotHappen(t *testing.T) {
	d := hubOnSQLite(t, trusting)
	b := d.browser(t, "one")

	for _, path := range []string{
		"?done=mfa_disabled", "?done=mfa_enabled", "?done=factor_added&method=sms", "?done=contact_confirmed", "?done=password_changed&x=1",
		"?done=devices_revoked", "?done=nonsense", "?refused=nonsense", "?refused=kyc_review_open",
		"/devices?done=session_ended", "/devices?done=session_ended&n=x", "/apps?done=app_removed",
	} {
		d.f.Clock.Move(15 * time.Minute)
		page := b.get(path).Body.String()
		require.NotContains(t, page, `id="done"`, path)
		require.NotContains(t, page, `id="refused"`, path)
	}
	require.Contains(t, b.get("?done=cancelled").Body.String(), `data-done="cancelled"`)
}
