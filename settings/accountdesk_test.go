package settings

import (
	"context"
	"encoding/base64"
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
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
	"github.com/sallyport-id/sallyport/templates"
)

const (
	oldPassword = "an old lantern beside the quay"
	newPassword = "seven herons crossed the weir"
)

// ringSealer is the key ring as package gormstore wants it.
type ringSealer struct{ ring *seal.Ring }

func (s ringSealer) Seal(table, column, tenant, user, row string, plain []byte) (string, error) {
	return s.ring.Seal(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, plain)
}

func (s ringSealer) Open(table, column, tenant, user, row, sealed string) ([]byte, error) {
	return s.ring.Open(seal.AD{Table: table, Column: column, Tenant: tenant, User: user, Row: row}, sealed)
}

func (s ringSealer) BlindIndex(tenant, kind, value string) string {
	return base64.RawURLEncoding.EncodeToString(s.ring.Index(tenant, kind, value))
}

// ringMarks is the key ring as package identity wants it.
type ringMarks struct{ ring *seal.Ring }

func (m ringMarks) CurrentMarkKey() string { return m.ring.Current(seal.Cookie) }

func (m ringMarks) MarkMAC(keyID, tenantID string, parts ...string) []byte {
	return m.ring.MAC(seal.Cookie, keyID, tenantID, []byte(strings.Join(parts, "\x00")))
}

// accountDesk is the account pages over a real database, with alice at an address
// that is confirmed and a tenant in which people may sign up.
type accountDesk struct {
	f        *storetest.Fixture
	factors  *gormstore.Store
	accounts *identity.Accounts
	handler  http.Handler
	context  func(context.Context) context.Context // of each request
	second   bool                                  // whether accounts have a second step
}

func newAccountDesk(t *testing.T, address string) *accountDesk {
	t.Helper()
	gin.SetMode(gin.TestMode)
	f := storetest.New(t, address)
	d := &accountDesk{f: f, context: func(ctx context.Context) context.Context { return ctx }}
	d.factors = gormstore.New(f.DB.Gorm, ringSealer{f.Ring}, store.Fail)
	hashes, err := identity.NewHasher(identity.Cost{Memory: 8, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	set, err := templates.New()
	require.NoError(t, err)
	buckets := store.Buckets{DB: f.DB.Gorm}
	cookies := &web.Cookies{Secure: true}
	pages := &web.Pages{Set: set, Now: f.Clock.Now, Cookies: cookies}
	signIn := &identity.SignIn{
		Users: f.Store, Hashes: hashes, Limits: buckets, Now: f.Clock.Now,
		Browsers: &identity.Browsers{Keys: ringMarks{f.Ring}, Now: f.Clock.Now},
		LimitKey: func(tenant, value string) string {
			return base64.RawURLEncoding.EncodeToString(f.Ring.Index(tenant, "limit", value))
		},
	}
	d.accounts = &identity.Accounts{
		SignIn: signIn, Rows: f.Store, Contacts: d.factors, Now: f.Clock.Now,
		SecondFactor: func(context.Context, *identity.Realm, identity.User) (bool, error) { return d.second, nil },
	}
	h := &Handler{
		Flow: &consent.Service{People: f.Store, Store: f.Store, Now: f.Clock.Now}, SignIn: signIn, Accounts: d.accounts,
		Rows: f.Store, Pages: pages, Cookies: cookies, Now: f.Clock.Now,
	}
	engine := gin.New()
	tenant := engine.Group("/t/:tenant", web.Identify, web.Tenant(f.Catalog, pages), web.SameOrigin(pages))
	h.mountAccount(tenant.Group("/settings"), h.page(h.insideSeat))
	h.mountLinks(tenant)
	pages.MountLang(tenant)
	d.handler = web.ByHost(f.Catalog, "login.example", engine)

	hash, err := hashes.Hash(t.Context(), oldPassword)
	require.NoError(t, err)
	_, err = f.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
		u.PasswordHash = hash
		return nil
	})
	require.NoError(t, err)
	d.address(t, f.Alice, mfa.ContactConfirmed)
	d.tenant(t, func(t *identity.Tenant) { t.SignUp = true })
	return d
}

func (d *accountDesk) tenant(t *testing.T, change func(*identity.Tenant)) {
	t.Helper()
	tenant, err := d.f.Store.Tenant(t.Context(), storetest.TenantID)
	require.NoError(t, err)
	change(&tenant)
	_, err = d.f.Store.UpdateTenant(t.Context(), tenant)
	require.NoError(t, err)
	require.NoError(t, d.f.Catalog.Refresh(t.Context()))
}

// address gives u its name as registered address, in that state.
func (d *accountDesk) address(t *testing.T, u identity.User, status mfa.ContactStatus) {
	t.Helper()
	require.NoError(t, d.factors.AddContact(t.Context(), mfa.Contact{
		ID: "email-" + u.ID, Subject: u.Subject(), Kind: mfa.ContactEmail, Value: mfa.Secret(u.Username),
		Masked: mfa.MaskEmail(u.Username), Status: status, Source: mfa.SourceSelf, Registered: true, CreatedAt: storetest.Start,
	}))
}

// alice is alice as she is stored now.
func (d *accountDesk) alice(t *testing.T) identity.User {
	t.Helper()
	u, err := d.f.Store.User(t.Context(), storetest.TenantID, storetest.AliceID)
	require.NoError(t, err)
	return u
}

// letters are the letters that answer what was asked for since the last call.
func (d *accountDesk) letters(t *testing.T) []identity.Letter {
	t.Helper()
	realm, err := d.f.Catalog.AtLeast(t.Context(), storetest.TenantID, 0)
	require.NoError(t, err)
	due, err := d.f.Store.DueNotices(t.Context(), 50, d.f.Clock.Now().Add(time.Hour))
	require.NoError(t, err)
	var all []identity.Letter
	for _, n := range due {
		if n.IsRequest() {
			l, err := d.accounts.Letter(t.Context(), realm, n)
			if err != nil {
				require.ErrorIs(t, err, identity.ErrNoLetter)
				continue
			}
			all = append(all, l)
		}
	}
	return all
}

// letter is the only letter that was asked for.
func (d *accountDesk) letter(t *testing.T) identity.Letter {
	t.Helper()
	all := d.letters(t)
	require.Len(t, all, 1)
	return all[0]
}

// signedIn is a browser with a session of alice.
func (d *accountDesk) signedIn(t *testing.T) *accountBrowser {
	t.Helper()
	b, now := d.browser(), d.f.Clock.Now()
	token, hash := web.NewToken()
	u := d.alice(t)
	require.NoError(t, d.f.Store.Complete(t.Context(), model.Completion{TenantID: u.TenantID, Now: now, NewSession: &identity.Session{
		ID: token[:12], TenantID: u.TenantID, UserID: u.ID, TokenHash: hash, PasswordEpoch: u.PasswordEpoch, MFAEpoch: u.MFAEpoch,
		Events:    []identity.AuthEvent{{Method: identity.MethodPassword, At: now}},
		CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(8 * time.Hour), IdleFor: 8 * time.Hour, Persistent: true,
	}}))
	b.jar[sessionCookie(d)] = token
	return b
}

// sessionCookie is the name of the tenant's session cookie.
func sessionCookie(d *accountDesk) string {
	gin.SetMode(gin.TestMode)
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	(&web.Cookies{Secure: true}).SetSession(c, &identity.Realm{Tenant: d.f.Tenant}, "x", 0)
	return w.Result().Cookies()[0].Name
}

// accountBrowser keeps cookies, and follows no redirect.
type accountBrowser struct {
	d       *accountDesk
	jar     map[string]string
	headers map[string]string
}

func (d *accountDesk) browser() *accountBrowser {
	return &accountBrowser{d: d, jar: map[string]string{}, headers: map[string]string{}}
}

func (b *accountBrowser) send(r *http.Request) *httptest.ResponseRecorder {
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, value := range b.headers {
		r.Header.Set(name, value)
	}
	r.Host = "login.example"
	r = r.WithContext(b.d.context(r.Context()))
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

func (b *accountBrowser) get(path string) *httptest.ResponseRecorder {
	return b.send(httptest.NewRequest(http.MethodGet, path, nil))
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// post fills the form that stands at path and sends it to action.
func (b *accountBrowser) post(t *testing.T, path, action string, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	found := csrfField.FindStringSubmatch(b.get(path).Body.String())
	require.NotNil(t, found, "no form at %s", path)
	return b.form(action, append([]string{"csrf", found[1]}, fields...)...)
}

// form sends a form with just these fields.
func (b *accountBrowser) form(action string, fields ...string) *httptest.ResponseRecorder {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, action, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

// open opens a mailed link as a browser does, and returns the page behind it.
func (b *accountBrowser) open(t *testing.T, page string, token mfa.Secret) *httptest.ResponseRecorder {
	t.Helper()
	w := b.get(page + "?token=" + token.Reveal())
	require.Equal(t, http.StatusSeeOther, w.Code)
	return b.get(w.Header().Get("Location"))
}

// state is how far the link of a page has come.
func state(w *httptest.ResponseRecorder) string {
	found := regexp.MustCompile(`data-state="(\w+)"`).FindStringSubmatch(w.Body.String())
	if found == nil {
		return ""
	}
	return found[1]
}
