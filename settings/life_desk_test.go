package settings

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/storetest"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// lifeDesk is the pages of the life cycle over a store in memory, for one user with
// a confirmed registered address and nothing else.
type lifeDesk struct {
	t       *testing.T
	lab     *storetest.Lab
	seat    web.Seat
	handler http.Handler
	json    bool // ask as a program does
	lang    string
	kept    []string // sessions that were kept when the others ended
	done    []mfa.Operation
}

const lifePassword = "an old lantern beside the quay"

// lifeRowsOf ends sessions, and remembers which one was kept.
type lifeRowsOf struct {
	Rows
	desk *lifeDesk
}

func (r lifeRowsOf) EndSessionsOf(_ context.Context, tenantID, userID, keep string, _ time.Time) (int, error) {
	require.Equal(r.desk.t, r.desk.seat.User.Subject(), mfa.Subject{TenantID: tenantID, UserID: userID})
	r.desk.kept = append(r.desk.kept, keep)
	return 1, nil
}

// lifeSet are the pages, read once for all tests: that takes a while.
var lifeSet = sync.OnceValues(templates.New)

// lifeUsers knows one account.
type lifeUsers struct{ user identity.User }

func (u lifeUsers) UserByName(_ context.Context, tenantID, name string) (identity.User, error) {
	if tenantID != u.user.TenantID || name != u.user.Username {
		return identity.User{}, identity.ErrNotFound
	}
	return u.user, nil
}

// lifeLimits counts failures in memory. It says so only when it counts.
type lifeLimits struct{ *ratelimit.Memory }

func (lifeLimits) Check(context.Context, time.Time, ...ratelimit.Charge) error { return nil }

func newLifeDesk(t *testing.T, preset string) *lifeDesk {
	t.Helper()
	gin.SetMode(gin.TestMode)
	p, err := policy.Preset(preset)
	require.NoError(t, err)
	d := &lifeDesk{t: t, lang: "en", lab: storetest.NewLab(t, &memstore.Store{})}
	tenant := identity.Tenant{
		ID: d.lab.Who.TenantID, Slug: "acme", Name: "Acme", Locale: "de-DE", Issuer: "https://login.example/t/acme", Status: identity.TenantActive,
	}
	hashes, err := identity.NewHasher(identity.Cost{Memory: 8, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	hash, err := hashes.Hash(t.Context(), lifePassword)
	require.NoError(t, err)
	user := identity.User{ID: "bob", TenantID: tenant.ID, Username: "bob@example.com", PasswordHash: hash, Status: identity.UserActive}
	set, err := lifeSet()
	require.NoError(t, err)
	pages := &web.Pages{Set: set, Now: d.lab.Clock.Now}
	realm := &identity.Realm{Tenant: tenant, Policy: &p}
	d.seat = web.Seat{
		Realm: realm, User: user, Session: &identity.Session{ID: "session-1"}, Base: "/t/acme/settings", CSRF: "secret",
		Frame: templates.Frame{Tenant: templates.Tenant{Name: "Acme"}, Account: user.Username, CSRF: "secret", Now: d.lab.Clock.Now()},
		Doer: mfa.Doer{
			Subject: user.Subject(), Policy: &p, PolicyVersion: 1, LoginAt: d.lab.Clock.Now(), Binding: []byte("session/session-1"),
			IP: netip.MustParseAddr("192.0.2.1"), Device: "Chrome on Linux", RP: tenant.RelyingParty(), UserName: user.Username,
			About: mfa.About{TenantName: "Acme", Lang: "en", Host: "login.example"},
		},
	}
	h := &Handler{
		MFA: d.lab.Service, Pages: pages, Cookies: &web.Cookies{}, Now: d.lab.Clock.Now, Rows: lifeRowsOf{desk: d},
		SignIn: &identity.SignIn{
			Users: lifeUsers{user}, Hashes: hashes, Limits: lifeLimits{&ratelimit.Memory{}}, Now: d.lab.Clock.Now,
			LimitKey: func(_, value string) string { return value },
		},
		Observe: d.lab.Log.Observe,
	}
	engine := gin.New()
	engine.Use(func(c *gin.Context) { web.UseRealm(c, realm) })
	h.mountLife(engine.Group("/t/acme/settings"), h.page(func(*gin.Context) (*web.Seat, error) {
		seat := d.seat
		return &seat, nil
	}))
	d.handler = engine
	d.contact(mfa.Contact{
		ID: "bob-mail", Kind: mfa.ContactEmail, Value: mfa.Secret(user.Username), Masked: "b•••@example.com",
		Status: mfa.ContactConfirmed, Registered: true,
	})
	return d
}

// inLogin puts the user into the middle of a login that takes methods.
func (d *lifeDesk) inLogin(methods ...mfa.Method) {
	d.seat.Session, d.seat.Doer.Enrolling = nil, true
	d.seat.Enrol = &web.Enrol{
		Methods: methods, Later: "/later", Cancel: "/cancel",
		Done: func(_ context.Context, o mfa.Operation) (string, error) {
			d.done = append(d.done, o)
			return "/t/acme/interaction/1", nil
		},
	}
}

func (d *lifeDesk) policy() *policy.Policy { return d.seat.Realm.Policy }

func (d *lifeDesk) contact(c mfa.Contact) {
	d.t.Helper()
	c.Subject, c.Source, c.CreatedAt = d.seat.User.Subject(), mfa.SourceSelf, d.lab.Clock.Now()
	if c.Status == mfa.ContactConfirmed {
		c.ConfirmedAt = c.CreatedAt
	}
	require.NoError(d.t, d.lab.Store.AddContact(d.t.Context(), c))
}

func (d *lifeDesk) number(id, value string, status mfa.ContactStatus) {
	d.t.Helper()
	d.contact(mfa.Contact{
		ID: id, Kind: mfa.ContactPhone, Value: mfa.Secret(value), Masked: value[:3] + " ••• ••" + value[len(value)-2:],
		Country: "DE", LineType: "mobile", Status: status,
	})
}

func (d *lifeDesk) factor(f mfa.Factor) {
	d.t.Helper()
	f.Subject, f.Status, f.CreatedAt = d.seat.User.Subject(), mfa.FactorActive, d.lab.Clock.Now()
	require.NoError(d.t, d.lab.Store.AddFactor(d.t.Context(), f))
}

func (d *lifeDesk) have() mfa.Enrolments {
	d.t.Helper()
	e, err := d.lab.Store.Enrolments(d.t.Context(), d.seat.User.Subject())
	require.NoError(d.t, err)
	return e
}

// lifeAnswer is an answer of the pages.
type lifeAnswer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// page is the name of the page that was shown.
func (a lifeAnswer) page() string {
	found := regexp.MustCompile(`data-page="([^"]*)"`).FindStringSubmatch(a.Body.String())
	if found == nil {
		return ""
	}
	return found[1]
}

// to is where the answer leads.
func (a lifeAnswer) to() string {
	a.t.Helper()
	require.Equal(a.t, http.StatusSeeOther, a.Code, a.Body.String())
	return a.Header().Get("Location")
}

func (a lifeAnswer) says(text string) {
	a.t.Helper()
	require.Contains(a.t, html.UnescapeString(a.Body.String()), text)
}

func (d *lifeDesk) get(path string) lifeAnswer {
	return d.do(httptest.NewRequest(http.MethodGet, "/t/acme/settings"+strings.TrimPrefix(path, "/t/acme/settings"), nil))
}

// post sends a form; fields are pairs.
func (d *lifeDesk) post(path string, fields ...string) lifeAnswer {
	form := url.Values{"csrf": {"secret"}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/t/acme/settings"+strings.TrimPrefix(path, "/t/acme/settings"), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.do(r)
}

func (d *lifeDesk) do(r *http.Request) lifeAnswer {
	if d.json {
		r.Header.Set("Accept", "application/json")
	}
	r.Header.Set("Accept-Language", d.lang)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return lifeAnswer{w, d.t}
}

// begin starts an operation by a form and returns the path of its page.
func (d *lifeDesk) begin(fields ...string) string {
	d.t.Helper()
	to := d.post("/start", fields...).to()
	require.Contains(d.t, to, "/op/")
	return to
}

// code is the last code that was sent, and where to.
func (d *lifeDesk) code() (code, to string) {
	d.t.Helper()
	all := d.lab.Mailbox.Messages()
	require.NotEmpty(d.t, all)
	last := all[len(all)-1]
	return last.Code.Reveal(), last.To.Reveal()
}
