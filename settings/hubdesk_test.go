package settings

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/gormstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
	"github.com/sallyport-id/sallyport/templates"
)

// hubSealer is the key ring as package gormstore wants it.
type hubSealer struct{ ring *seal.Ring }

func (s hubSealer) Seal(table, column, tenant, user, row string, plain []byte) (string, error) {
	return s.ring.Seal(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, plain)
}

func (s hubSealer) Open(table, column, tenant, user, row, sealed string) ([]byte, error) {
	return s.ring.Open(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, sealed)
}

func (s hubSealer) BlindIndex(tenant, kind, value string) string {
	return base64.RawURLEncoding.EncodeToString(s.ring.Index(tenant, kind, value))
}

// hubPeppers are the keyed hashes that these pages need: one, for a cookie's name.
type hubPeppers struct {
	mfa.Peppers
	ring *seal.Ring
}

func (p hubPeppers) LimitKey(tenant, value string) string {
	return base64.RawURLEncoding.EncodeToString(p.ring.Index(tenant, "limit", value))
}

type hubEvents func(context.Context, mfa.Event)

func (observe hubEvents) Observe(ctx context.Context, e mfa.Event) { observe(ctx, e) }

// hubDesk is the pages over a real database. Alice is signed in, and bob is another
// user of the tenant.
type hubDesk struct {
	f       *storetest.Fixture
	factors *gormstore.Store
	mfa     *mfa.Service
	bob     identity.User
	handler http.Handler
	events  []mfa.Event
}

func newHubDesk(t *testing.T, address string, edit func(*policy.Policy)) *hubDesk {
	t.Helper()
	gin.SetMode(gin.TestMode)
	f := storetest.New(t, address)
	d := &hubDesk{f: f, factors: gormstore.New(f.DB.Gorm, hubSealer{f.Ring}, store.Fail)}
	set, err := templates.New()
	require.NoError(t, err)
	observe := func(_ context.Context, e mfa.Event) { d.events = append(d.events, e) }
	cookies := &web.Cookies{Secure: true}
	pages := &web.Pages{Set: set, Now: f.Clock.Now, Cookies: cookies}
	d.mfa = &mfa.Service{
		Store: d.factors, Devices: d.factors, Peppers: hubPeppers{ring: f.Ring}, Events: hubEvents(observe), Now: f.Clock.Now,
	}
	h := &Handler{
		Flow: &consent.Service{People: f.Store, Store: f.Store, Now: f.Clock.Now}, MFA: d.mfa,
		Rows: f.Store, Pages: pages, Cookies: cookies, Observe: observe, Now: f.Clock.Now,
	}
	engine := gin.New()
	tenant := engine.Group("/t/:tenant", web.Identify, web.Tenant(f.Catalog, pages), web.SameOrigin(pages))
	h.mountHub(tenant.Group("/settings"), h.page(h.insideSeat))
	h.mountDoors(tenant)
	d.handler = web.ByHost(f.Catalog, "login.example", engine)

	rules, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	edit(&rules)
	doc, err := json.Marshal(rules)
	require.NoError(t, err)
	_, err = f.Store.SavePolicy(t.Context(), storetest.TenantID, doc, "test", "second", nil, false)
	require.NoError(t, err)
	require.NoError(t, f.Catalog.Refresh(t.Context()))
	require.NoError(t, d.factors.AddContact(t.Context(), mfa.Contact{
		ID: "mail", Subject: f.Alice.Subject(), Kind: mfa.ContactEmail, Value: mfa.Secret(f.Alice.Username), Masked: "a•••@example.com",
		Status: mfa.ContactConfirmed, Source: mfa.SourceSelf, Registered: true, CreatedAt: storetest.Start, ConfirmedAt: storetest.Start,
	}))
	d.bob = f.AddUser(t, storetest.TenantID, "user-bob", "bob@example.com")
	return d
}

// trusting makes the tenant trust devices for a week, and tell when all are gone.
func trusting(p *policy.Policy) {
	p.TrustedDevice.Enabled, p.TrustedDevice.Lifetime = true, policy.LifetimeWeek
	p.Notify.EmailEvents = append(p.Notify.EmailEvents, policy.EventDevicesRevoked)
}

func (d *hubDesk) alice(t *testing.T) identity.User {
	t.Helper()
	u, err := d.f.Store.User(t.Context(), storetest.TenantID, storetest.AliceID)
	require.NoError(t, err)
	return u
}

// session writes a session of u and returns its cookie.
func (d *hubDesk) session(t *testing.T, u identity.User, id string) string {
	t.Helper()
	token, hash := web.NewToken()
	now := d.f.Clock.Now()
	require.NoError(t, d.f.Store.Complete(t.Context(), model.Completion{TenantID: u.TenantID, Now: now, NewSession: &identity.Session{
		ID: id, TenantID: u.TenantID, UserID: u.ID, TokenHash: hash, PasswordEpoch: u.PasswordEpoch, MFAEpoch: u.MFAEpoch,
		Events:    []identity.AuthEvent{{Method: identity.MethodPassword, At: now}},
		CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(8 * time.Hour), IdleFor: 8 * time.Hour, UserAgent: "Browser of " + id,
	}}))
	return token
}

// device makes a browser of u a trusted one, and returns its cookie.
func (d *hubDesk) device(t *testing.T, u identity.User, label string) mfa.DeviceCookie {
	t.Helper()
	realm, err := d.f.Catalog.AtLeast(t.Context(), storetest.TenantID, 0)
	require.NoError(t, err)
	cookie, err := d.mfa.Trust(t.Context(), mfa.TrustRequest{
		Proof: mfa.Proof{
			ChallengeID: label, Subject: u.Subject(), Purpose: mfa.PurposeLogin, Action: policy.ActionLogin, Method: policy.Email, ContactID: "mail",
		},
		Policy: realm.Policy, Epochs: u.Epochs(realm.Tenant), Label: label,
	})
	require.NoError(t, err)
	return cookie
}

// deviceID is the id of u's device with that label, "" if there is none.
func (d *hubDesk) deviceID(t *testing.T, u identity.User, label string) string {
	t.Helper()
	all, err := d.factors.DevicesOf(t.Context(), u.Subject())
	require.NoError(t, err)
	for _, v := range all {
		if v.Label == label {
			return v.ID
		}
	}
	return ""
}

// hubBrowser keeps cookies, and follows no redirect.
type hubBrowser struct {
	d   *hubDesk
	jar map[string]string
}

// browser is one in which alice is signed in, in a session of that id.
func (d *hubDesk) browser(t *testing.T, id string) *hubBrowser {
	t.Helper()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	(&web.Cookies{Secure: true}).SetSession(c, &identity.Realm{Tenant: d.f.Tenant}, d.session(t, d.alice(t), id), 0)
	cookie, err := http.ParseSetCookie(c.Writer.Header().Get("Set-Cookie"))
	require.NoError(t, err)
	return &hubBrowser{d: d, jar: map[string]string{cookie.Name: cookie.Value}}
}

func (b *hubBrowser) send(r *http.Request) *httptest.ResponseRecorder {
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r.Host = "login.example"
	w := httptest.NewRecorder()
	b.d.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
			continue
		}
		b.jar[c.Name] = c.Value
	}
	return w
}

const hubBase = "/t/" + storetest.Slug + "/settings"

func (b *hubBrowser) get(path string) *httptest.ResponseRecorder {
	return b.send(httptest.NewRequest(http.MethodGet, hubBase+path, nil))
}

func (b *hubBrowser) form(path string, values url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, hubBase+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

var hubForm = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// post sends fields as the form that stands on the page at from.
func (b *hubBrowser) post(t *testing.T, from, path string, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := b.get(from)
	found := hubForm.FindStringSubmatch(w.Body.String())
	require.NotNil(t, found, "no form at %s: %d %s", from, w.Code, w.Header().Get("Location"))
	values := url.Values{"csrf": {found[1]}}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return b.form(path, values)
}

// answer opens the question at path and says yes.
func (b *hubBrowser) answer(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	return b.post(t, path, path, "confirm", "1")
}

// follow is the page that w leads to.
func (b *hubBrowser) follow(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, w.Code)
	path, ours := strings.CutPrefix(w.Header().Get("Location"), hubBase)
	require.True(t, ours, w.Header().Get("Location"))
	next := b.get(path)
	require.Equal(t, http.StatusOK, next.Code)
	return next.Body.String()
}

// kinds are the events that were told, by their names.
func (d *hubDesk) kinds() []string {
	var names []string
	for _, e := range d.events {
		names = append(names, e.Kind)
	}
	return names
}
