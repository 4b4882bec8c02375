package threats_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
)

// forced is the preset that lets nobody in without a second step, for alice who has
// none: codes go by text message.
func forced(t *testing.T, h *harness.House) *harness.Place {
	t.Helper()
	return h.Tenant(t, "account-admin-sms-default", patch(noLimits), plain(t, alice))
}

// nothingEnrolled requires that alice has no method, no session and no code.
func nothingEnrolled(t *testing.T, p *harness.Place) {
	t.Helper()
	require.Zero(t, number(t, p, "select count(*) from mfa_factors where tenant_id = $1 and status <> 'disabled'"))
	require.Zero(t, number(t, p, "select count(*) from mfa_operations where tenant_id = $1"))
	require.Zero(t, sessions(t, p))
	require.Zero(t, events(t, p, "login.completed", "ok"))
}

// enrolmentSkipped is T-29.
func enrolmentSkipped(t *testing.T, h *harness.House) {
	p := forced(t, h)
	b := browser(p)
	around := func(t *testing.T, v visit, page string) {
		t.Helper()
		for _, path := range []string{v.resume(), v.path(""), v.path("/login"), v.path("/consent"), v.path("/banner"), v.path("/confirm"), v.path("/enrol/done")} {
			got := b.Get(t, path)
			require.Nil(t, got.Callback, "%s led to the app", path)
			require.Equal(t, page, got.Name, "at %s", path)
		}
		for _, suffix := range []string{"/later", "/consent", "/banner", "/recover"} {
			require.Nil(t, b.TryPost(v.path(suffix), url.Values{"csrf": {v.csrf}, "decision": {"allow"}}).Callback, suffix)
		}
		for _, client := range []string{p.Own, p.Client} {
			silent := b.Get(t, p.Authorize(client, "prompt", "none").URL).Callback
			require.Equal(t, "login_required", silent.Get("error"))
			again := b.Get(t, p.Authorize(client).URL)
			require.Nil(t, again.Callback)
			require.Equal(t, "identify", again.Name, "a login that is half done is none")
		}
		nothingEnrolled(t, p)
	}
	v, _ := mustOpen(t, b, p.Authorize(p.Own))
	_, err := v.enter(alice)
	require.NoError(t, err)
	around(t, v, "challenge")
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, alice)).Status)
	around(t, v, "enrol")

	cancelled, err := v.post("/cancel")
	require.NoError(t, err)
	require.NotContains(t, cancelled.URL.String(), "code=")
	require.Equal(t, "access_denied", b.Get(t, v.resume()).Callback.Get("error"))
	for _, client := range []string{p.Own, p.Client} {
		next, _ := mustOpen(t, b, p.Authorize(client))
		at, err := next.enter(alice)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(at, "/challenge"), at)
	}
	nothingEnrolled(t, p)
}

// strangerEnrols is T-30: somebody who has the password alone.
func strangerEnrols(t *testing.T, h *harness.House) {
	p := forced(t, h)
	b := browser(p)
	v, _ := mustOpen(t, b, p.Authorize(p.Own))
	_, err := v.enter(alice)
	require.NoError(t, err)
	page := b.Get(t, v.path(""))
	require.Equal(t, "challenge", page.Name)
	require.NotEmpty(t, code(t, p, alice), "the code goes to the account's own address")

	for _, path := range []string{"/enrol/add", "/enrol/add/app", "/enrol/done", "/enrol/op/any"} {
		require.Equal(t, "challenge", b.Get(t, v.path(path)).Name, path)
	}
	for _, form := range [][]string{
		{"/enrol/add", "method", "sms"},
		{"/enrol/start", "kind", "sms", "verb", "enable"},
		{"/enrol/start", "kind", "totp", "verb", "enable", "os", "ios"},
		{"/enrol/op/any/contact", "phone", phone, "confirmed", "1"},
		{"/enrol/op/any/answer", "code", "123456"},
		{"/challenge/switch", "method", "sms"},
	} {
		require.GreaterOrEqual(t, v.mustPost(t, form[0], form[1:]...).Status, 400, "%v", form)
	}
	require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, wrong(code(t, p, alice), 0)).Status)
	nothingEnrolled(t, p)
	require.Empty(t, p.Letters(phone))

	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, alice)).Status)
	started := v.mustPost(t, "/enrol/start", "kind", "sms", "verb", "enable")
	require.Contains(t, started.URL.Path, "/enrol/op/", "with the code it goes on")
}

// holdings is all that an account has, as the database keeps it: what no form may
// have changed. What is counted or logged is not among it.
func holdings(t *testing.T, p *harness.Place) string {
	t.Helper()
	var all []string
	for _, query := range []string{
		"select kind || ' ' || status || ' ' || id from mfa_factors where tenant_id = $1",
		"select kind || ' ' || status || ' ' || id from mfa_contacts where tenant_id = $1",
		"select kind || ' ' || verb || ' ' || status || ' ' || id from mfa_operations where tenant_id = $1",
		"select user_id || ' ' || hash from mfa_pins where tenant_id = $1",
		"select factor_id || ' ' || slot || ' ' || hash from mfa_recovery_codes where tenant_id = $1",
		"select id || ' ' || label from mfa_devices where tenant_id = $1",
		"select id from sessions where tenant_id = $1",
		"select id || ' ' || password_hash || ' ' || cast(password_epoch as text) || ' ' || cast(mfa_epoch as text) from users where tenant_id = $1",
		"select user_id || ' ' || client_id from agreements where tenant_id = $1",
	} {
		rows, err := p.House.Server.Store.DB.SQL.QueryContext(t.Context(), query, tenant(t, p))
		require.NoError(t, err, query)
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			all = append(all, line)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// harmless are the forms of the settings that take no fresh login, and why.
var harmless = map[string]string{
	"/language":              "the language of pages and mails",
	"/verify-email":          "a letter to the account's own address",
	"/done":                  "a page that was read",
	"/op/:op/contact":        "the operation was begun by a fresh login, and its proofs are still asked for",
	"/op/:op/answer":         "likewise",
	"/op/:op/password":       "likewise",
	"/op/:op/switch":         "likewise",
	"/op/:op/resend":         "likewise",
	"/op/:op/finish":         "likewise",
	"/op/:op/cancel":         "an operation is given up, which changes nothing",
	"/codes.txt":             "what was posted comes back as a file",
	"/sessions/:session/end": "to leave, nobody has to come in again; others take a fresh login",
	"/two-step":              "it asks once more, and the form behind that is /start",
	"/choice":                "there is no such choice under this policy",
}

// weakSession is T-31. The forms are those of the router, so that a new one cannot
// be forgotten.
func weakSession(t *testing.T, h *harness.House) {
	owner := person(t, alice, phone)
	owner.PIN = herPIN
	p := h.Tenant(t, broker, patch(noLimits, trusting), owner)
	clock := stillAt(h.Clock.Now())
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	b := a.browser(p)
	v := mustSecondStep(t, b, alice)
	v.mustPost(t, "/challenge/switch", "method", "email")
	v.mustPost(t, "/challenge", "code", code(t, p, alice), "trust_device", "1")
	require.NotEmpty(t, v.finish(t).Get("code"))
	d := settle(t, b)
	op := d.begin(t, "kind", "email", "verb", "change")
	ids := strings.NewReplacer(":op", op[strings.LastIndex(op, "/")+1:], ":client", p.Client,
		":key", "any", ":device", one(t, p, "select id from mfa_devices where tenant_id = $1"),
		":session", one(t, p, "select id from sessions where tenant_id = $1"))
	require.NoError(t, h.Server.Realms.Refresh(t.Context()))
	fields := map[string][]string{
		"/add": {"method", "recovery_codes"}, "/start": {"kind", "sms", "verb", "disable", "confirm", "1"}, "/two-step": {"mfa", "off"},
		"/password":      {"password", harness.Password, "new-password", "mallory-was-in-this-place"},
		"/op/:op/answer": {"pin", herPIN, "code", "123456"}, "/op/:op/password": {"password", harness.Password},
		"/op/:op/contact": {"email", "mallory@example.test", "confirmed", "1"}, "/op/:op/finish": {"new-pin", "735061", "renew", "1"},
		"/devices/:device/rename": {"name", "mallory"},
	}
	forms := func() (paths []string) {
		for _, r := range a.engine.Routes() {
			below, ok := strings.CutPrefix(r.Path, "/t/:tenant/settings")
			if ok && r.Method == http.MethodPost {
				paths = append(paths, below)
			}
		}
		return paths
	}()
	require.Greater(t, len(forms), 20)
	for path := range harmless {
		require.Contains(t, forms, path, "there is no such form any more")
	}

	t.Run("a password without the second step", func(t *testing.T) {
		half := a.browser(p)
		before := holdings(t, p)
		mustSecondStep(t, half, alice)
		weak := desk{half, d.csrf}
		for _, path := range forms {
			got := weak.mustPost(t, ids.Replace(path), fields[path]...)
			require.Equal(t, http.StatusSeeOther, got.Status, path)
			require.Contains(t, got.URL.Path, "/interaction/", "%s: to the sign-in", path)
		}
		require.Equal(t, before, holdings(t, p))
	})
	t.Run("a session whose login is old", func(t *testing.T) {
		clock.move(15*time.Minute + time.Second)
		before := holdings(t, p)
		for _, path := range forms {
			if path == "/op/:op/cancel" || path == "/sessions/:session/end" {
				continue // they do what they say
			}
			for name, from := range map[string]desk{"page": d, "program": d.asProgram()} {
				got := from.mustPost(t, ids.Replace(path), fields[path]...)
				require.Less(t, got.Status, 500, "%s %s", path, name)
				require.Equal(t, before, holdings(t, p), "%s %s has changed something", path, name)
				if harmless[path] != "" {
					continue
				}
				if name == "program" {
					require.Equal(t, http.StatusForbidden, got.Status, path)
					require.Contains(t, got.Body, "insufficient-user-authentication", path)
					continue
				}
				require.Equal(t, http.StatusSeeOther, got.Status, path)
				require.NotContains(t, got.URL.RawQuery, "done=", path)
			}
		}
	})
}

// one is the one text that query gives; $1 is the tenant.
func one(t *testing.T, p *harness.Place, query string) (text string) {
	t.Helper()
	err := p.House.Server.Store.DB.SQL.QueryRowContext(t.Context(), query, tenant(t, p)).Scan(&text)
	require.NoError(t, err)
	return text
}

// phoneStolen is T-32.
func phoneStolen(t *testing.T, h *harness.House) {
	const newNumber = "+4915735991088"
	owner := person(t, alice, phone)
	owner.Factors = []string{"sms"}
	p := h.Tenant(t, "contract-exclusive-method", patch(noLimits), owner)
	clock := stillAt(h.Clock.Now().Add(48 * time.Hour)) // the house itself does not send its notices
	a := build(t, h, func(o *server.Options) { o.Now = clock.now })
	b := a.browser(p)
	v := mustSecondStep(t, b, alice)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, phone)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	d := settle(t, b)

	op := d.begin(t, "kind", "sms", "verb", "change")
	b.Get(t, op)
	require.Equal(t, http.StatusConflict, d.mustPost(t, op+"/contact", "phone", newNumber, "confirmed", "1").Status, "the old one comes first")
	require.Empty(t, p.Letters(newNumber))
	d.mustPost(t, op+"/cancel")

	clock.move(15*time.Minute + time.Second)
	stale := d.mustPost(t, "/start", "kind", "sms", "verb", "change")
	require.Contains(t, stale.URL.Path, "/interaction/", "an old login comes first to a new one")
	require.Equal(t, http.StatusForbidden, d.asProgram().mustPost(t, "/start", "kind", "sms", "verb", "change").Status)

	again := a.browser(p)
	v = mustSecondStep(t, again, alice)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, phone)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
	d = settle(t, again)
	op = d.begin(t, "kind", "sms", "verb", "change")
	again.Get(t, op)
	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/answer", "code", code(t, p, phone)).Status)
	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/contact", "phone", newNumber, "confirmed", "1").Status)
	again.Get(t, op)
	done(t, d.mustPost(t, op+"/answer", "code", code(t, p, newNumber)))
	old, registered := len(p.Letters(phone)), len(p.Letters(alice))
	require.NoError(t, a.house.Server.Deliver(t.Context()))
	require.Greater(t, len(p.Letters(phone)), old, "the old number is told")
	require.Greater(t, len(p.Letters(alice)), registered, "so is the account's own address")
	require.Empty(t, p.Letter(t, phone).Code)
}
