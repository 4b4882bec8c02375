package provider

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// authServer is every endpoint of the provider over a real store, with the
// rules of the flow behind it. What the hosted pages would do is done by
// calling the same operations as they do.
type authServer struct {
	*tokenServer
	flow *consent.Service
	mail *mailbox
}

func newAuthServer(t *testing.T) *authServer {
	t.Helper()
	return authServerOn(t, testdb.SQLite(t))
}

func authServerOn(t *testing.T, address string) *authServer {
	t.Helper()
	s := &authServer{tokenServer: tokenServerOn(t, address), mail: &mailbox{}}
	set, err := templates.New()
	require.NoError(t, err)
	kept := &memstore.Store{}
	require.NoError(t, kept.AddContact(t.Context(), mfa.Contact{
		ID: "contact-1", Subject: mfa.Subject{TenantID: tenantA, UserID: userAlice}, Kind: mfa.ContactEmail,
		Value: "alice@example.test", Status: mfa.ContactConfirmed, Registered: true,
	}))
	s.flow = &consent.Service{People: s.store, Store: s.store, Now: s.clock, MFA: &mfa.Service{
		Store: kept, Devices: kept, Limits: &ratelimit.Memory{}, Sender: s.mail, Composer: s.mail,
		Peppers: pepper{}, Events: s.mail, Now: s.clock,
	}}
	s.provider.Flow = s.flow
	s.provider.Pages = &web.Pages{Set: set, Now: s.clock}
	s.provider.Cookies = &web.Cookies{}
	s.engine = gin.New()
	s.engine.Use(web.Identify)
	s.provider.Mount(s.engine.Group("/t/:tenant", web.Tenant(s.catalog, s.provider.Pages)))
	for _, id := range []string{appShop, appPost, appPublic} {
		s.register(id, func(c *identity.Client) {
			c.FirstParty, c.ACRMode, c.URI = id != appPost, identity.ACRRequired, "https://shop.example/"
		})
	}
	return s
}

// register changes an app of tenant A, and the server knows.
func (s *authServer) register(id string, edit func(*identity.Client)) {
	s.t.Helper()
	s.registerElsewhere(id, edit)
	s.poll()
}

// registerElsewhere changes an app of tenant A in the database, as another
// process would.
func (s *authServer) registerElsewhere(id string, edit func(*identity.Client)) {
	s.t.Helper()
	app := s.app(id)
	edit(&app)
	s.put(app)
}

// poll brings what the server has in memory up to date.
func (s *authServer) poll() {
	s.t.Helper()
	who, err := s.store.SignedIn(s.t.Context(), tenantA, nil, "")
	require.NoError(s.t, err)
	_, err = s.catalog.AtLeast(s.t.Context(), tenantA, who.RealmVersion)
	require.NoError(s.t, err)
}

// usePolicy gives tenant A the policy of a preset.
func (s *authServer) usePolicy(preset string) {
	s.t.Helper()
	s.useEditedPolicy(preset, nil)
}

// useEditedPolicy gives tenant A the policy of a preset after edit, which may be nil.
func (s *authServer) useEditedPolicy(preset string, edit func(doc map[string]any)) {
	s.t.Helper()
	doc, err := os.ReadFile("../mfa/policy/presets/" + preset + ".json")
	require.NoError(s.t, err)
	if edit != nil {
		var m map[string]any
		require.NoError(s.t, json.Unmarshal(doc, &m))
		edit(m)
		doc, err = json.Marshal(m)
		require.NoError(s.t, err)
	}
	_, err = s.store.SavePolicy(s.t.Context(), tenantA, doc, "test", "test", nil, true)
	require.NoError(s.t, err)
	s.poll()
}

// mailbox delivers codes to the test.
type mailbox struct {
	mu   sync.Mutex
	code string
}

func (m *mailbox) Send(_ context.Context, msg mfa.Message) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.code = string(msg.Code)
	return "ref", nil
}
func (m *mailbox) Name() string                       { return "mailbox" }
func (m *mailbox) Observe(context.Context, mfa.Event) {}
func (m *mailbox) Compose(string, mfa.Note) (title, text, html string, err error) {
	return "Code", "Your code", "", nil
}

// pepper hashes codes with a key of the test.
type pepper struct{}

func (pepper) CurrentPepper() string                { return "p1" }
func (pepper) LimitKey(tenant, value string) string { return tenant + value }
func (pepper) KeyedSecret(label, tenant, user string, s mfa.Secret) mfa.Secret {
	return mfa.Secret(label+tenant+user) + s
}

func (pepper) CodeMAC(id, tenant string, parts ...string) ([]byte, error) {
	h := hmac.New(sha256.New, []byte(id+tenant))
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint32(len(p)))
		h.Write([]byte(p))
	}
	return h.Sum(nil), nil
}

// browser is a person's browser: it keeps cookies and follows nothing.
type browser struct {
	s       *authServer
	cookies map[string]string
}

func (s *authServer) browser() *browser { return &browser{s: s, cookies: map[string]string{}} }

// person adds a user to tenant A.
func (s *authServer) person(id, name string) {
	s.t.Helper()
	u := alice(tenantA)
	u.ID, u.Username = id, name
	_, err := s.store.PutUser(s.t.Context(), u)
	require.NoError(s.t, err)
}

// signedIn is a browser with a live session of alice that is as old as age.
func (s *authServer) signedIn(age time.Duration) *browser {
	s.t.Helper()
	return s.signedInAs(userAlice, age)
}

func (s *authServer) signedInAs(userID string, age time.Duration) *browser {
	s.t.Helper()
	b := s.browser()
	token, hash := web.NewToken()
	at := s.clock().Add(-age)
	session := identity.Session{
		ID: b64(randomBytes(16)), TenantID: tenantA, UserID: userID, TokenHash: hash,
		Events:    []identity.AuthEvent{{Method: identity.MethodPassword, At: at}},
		CreatedAt: at, LastSeen: s.clock(), ExpiresAt: s.clock().Add(8 * time.Hour), IdleFor: time.Hour,
	}
	require.NoError(s.t, s.store.Complete(s.t.Context(), model.Completion{TenantID: tenantA, Now: s.clock(), NewSession: &session}))
	b.cookies[s.sessionCookie()] = token
	return b
}

func (s *authServer) realm() *identity.Realm {
	s.t.Helper()
	realm, err := s.catalog.BySlug(s.t.Context(), "a")
	require.NoError(s.t, err)
	return realm
}

// sessionCookie is the name of tenant A's session cookie.
func (s *authServer) sessionCookie() string {
	return s.cookieName(func(c *gin.Context) { s.provider.Cookies.SetSession(c, s.realm(), "x", 0) })
}

func (s *authServer) browserCookie() string {
	return s.cookieName(func(c *gin.Context) { s.provider.Cookies.EnsureBrowser(c, s.realm()) })
}

func (s *authServer) cookieName(set func(*gin.Context)) string {
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, "/", nil)
	set(c)
	return w.Result().Cookies()[0].Name
}

// do sends a request with the browser's cookies and keeps those of the answer.
func (b *browser) do(ctx context.Context, method, path string, form url.Values) *httptest.ResponseRecorder {
	b.s.t.Helper()
	body := ""
	if method == http.MethodPost {
		body = form.Encode()
	} else if form != nil {
		path += "?" + form.Encode()
	}
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := b.s.serve(r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return w
}

func (b *browser) authorize(form url.Values) *httptest.ResponseRecorder {
	b.s.t.Helper()
	return b.do(b.s.t.Context(), http.MethodGet, "/t/a/authorize", form)
}

// shopForm is a good request of the shop, after edits.
func shopForm(edits ...string) url.Values {
	return edited(url.Values{
		"client_id": {appShop}, "redirect_uri": {shopReturn}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"s t/a+t%e"}, "nonce": {"n1"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}, edits...)
}

var continueLink = regexp.MustCompile(`<a[^>]*\bid="continue"[^>]*href="([^"]*)"|<a[^>]*href="([^"]*)"[^>]*\bid="continue"`)

// told is what an answer tells the app, whether by redirect or by interstitial.
func told(t *testing.T, w *httptest.ResponseRecorder) (target string, values url.Values) {
	t.Helper()
	location := w.Header().Get("Location")
	if w.Code == http.StatusOK {
		m := continueLink.FindSubmatch(w.Body.Bytes())
		require.NotNil(t, m, "no link to go on in %s", w.Body)
		location = html.UnescapeString(string(bytes.Join(m[1:], nil)))
	} else {
		require.Equal(t, http.StatusSeeOther, w.Code, "%s", w.Body)
	}
	u, err := url.Parse(location)
	require.NoError(t, err)
	values = u.Query()
	u.RawQuery = ""
	return u.String(), values
}

// interaction is the id of the interaction that w sends the browser to.
func interactionID(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, w.Code, "%s", w.Body)
	id, ok := strings.CutPrefix(w.Header().Get("Location"), "/t/a/interaction/")
	require.True(t, ok, "not sent to the pages: %s", w.Header().Get("Location"))
	return id
}

// open is where an interaction of b stands.
func (b *browser) open(id string) *consent.Standing {
	b.s.t.Helper()
	st, err := b.s.flow.Open(b.s.t.Context(), b.s.realm(), id,
		web.SessionHash(b.cookies[b.s.browserCookie()]), web.SessionHash(b.cookies[b.s.sessionCookie()]))
	require.NoError(b.s.t, err)
	return st
}

// logIn gives the first factor in an interaction.
func (b *browser) logIn(id, userID string) {
	b.s.t.Helper()
	user, err := b.s.store.User(b.s.t.Context(), tenantA, userID)
	require.NoError(b.s.t, err)
	_, err = b.s.flow.LogIn(b.s.t.Context(), b.open(id), user, nil)
	require.NoError(b.s.t, err)
}

func (b *browser) resume(id string) *httptest.ResponseRecorder {
	b.s.t.Helper()
	return b.do(b.s.t.Context(), http.MethodGet, "/t/a/authorize/resume/"+id, nil)
}

// tokens exchanges the code of an answer for the shop.
func (s *authServer) tokens(t *testing.T, code string) answer {
	t.Helper()
	a := s.post(s.codeForm(appShop, code), asShop)
	require.Equal(t, http.StatusOK, a.Status, "%s: %s", a.Error, a.Description)
	return a
}
