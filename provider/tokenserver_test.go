package provider

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
)

const (
	tenantA     = "tenant-a"
	tenantB     = "tenant-b"
	userAlice   = "user-alice"
	appShop     = "shop"   // confidential, by Basic; PKCE; refresh; ES256
	appPost     = "poster" // confidential, by post or Basic; PKCE optional; RS256
	appPublic   = "spa"    // public, refresh
	appMachine  = "robot"  // client_credentials
	shopSecret  = "the secret of the shop %:+ä"
	postSecret  = "the secret of the poster"
	robotSecret = "the secret of the robot"
	shopReturn  = "https://shop.example/cb"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

var tokenT0 = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

// tokenServer is the token, userinfo and key endpoints over a real store, with
// a clock that tests move.
type tokenServer struct {
	t        *testing.T
	store    *store.Store
	catalog  *store.Catalog
	provider *Provider
	engine   *gin.Engine

	mu     sync.Mutex
	now    time.Time
	events []model.AuditEvent
}

// newTokenServer starts one on a SQLite file.
func newTokenServer(t *testing.T) *tokenServer {
	t.Helper()
	return tokenServerOn(t, testdb.SQLite(t))
}

func tokenServerOn(t *testing.T, address string) *tokenServer {
	t.Helper()
	db, err := store.Open(t.Context(), address, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.SQL.Close() })

	s := &tokenServer{t: t, now: tokenT0}
	ring := seal.New(tokenT0)
	s.store = &store.Store{DB: db, Seal: ring, Now: s.clock}
	s.catalog = store.NewCatalog(s.store)
	s.provider = &Provider{
		Realms: s.catalog, Keys: s.catalog, Archive: s.store, Grants: s.store, People: s.store, Interactions: s.store,
		Secrets: RingSecrets{Ring: ring}, Replays: s.store, Now: s.clock, Audit: s.audit,
	}
	s.seed()
	s.route()
	return s
}

func (s *tokenServer) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *tokenServer) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *tokenServer) audit(_ context.Context, events ...model.AuditEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
}

// audited lists the types of what was recorded, in order.
func (s *tokenServer) audited() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	types := []string{}
	for _, e := range s.events {
		types = append(types, e.Type)
	}
	return types
}

func (s *tokenServer) route() {
	gin.SetMode(gin.ReleaseMode)
	s.engine = gin.New()
	s.engine.Use(web.Identify)
	s.provider.mountTokens(s.engine.Group("/t/:tenant", web.Tenant(s.catalog, nil)))
}

// seed makes two tenants of the same shape, with one user each.
func (s *tokenServer) seed() {
	policy, err := os.ReadFile("../mfa/policy/presets/conformance-password-only.json")
	require.NoError(s.t, err)
	for _, tenant := range []string{tenantA, tenantB} {
		slug := strings.TrimPrefix(tenant, "tenant-")
		require.NoError(s.t, s.store.CreateTenant(s.t.Context(), identity.Tenant{
			ID: tenant, Slug: slug, Issuer: issuerOf(tenant), Name: tenant, Status: identity.TenantActive,
		}))
		_, err = s.store.SavePolicy(s.t.Context(), tenant, policy, "test", "seed", nil, false)
		require.NoError(s.t, err)
		for _, key := range seedKeys()[tenant] {
			require.NoError(s.t, s.store.AddKey(s.t.Context(), key))
		}
		_, err = s.store.PutUser(s.t.Context(), alice(tenant))
		require.NoError(s.t, err)
		for _, app := range s.apps(tenant) {
			s.put(app)
		}
	}
}

// seedKeys are the first keys of the tenants, by tenant. RSA keys are slow to
// make, and no test minds that another one has the same.
var seedKeys = sync.OnceValue(func() map[string][]keys.Key {
	all := map[string][]keys.Key{}
	for _, tenant := range []string{tenantA, tenantB} {
		for _, alg := range []string{keys.ES256, keys.RS256} {
			key, err := keys.Generate(tenant, alg, keys.Active, tokenT0)
			if err != nil {
				panic(err)
			}
			all[tenant] = append(all[tenant], key)
		}
	}
	return all
})

func issuerOf(tenant string) string {
	return "https://id.example/t/" + strings.TrimPrefix(tenant, "tenant-")
}

func alice(tenant string) identity.User {
	return identity.User{
		ID: userAlice, TenantID: tenant, Username: "alice@example.test", Status: identity.UserActive,
		Profile: identity.Profile{
			Name: "Alice Example", GivenName: "Alice", Locale: "en-GB", UpdatedAt: 1767225600,
			Email: "alice@example.test", EmailVerified: true, PhoneNumber: "+4930123456",
			Address: &identity.Address{Country: "DE"},
		},
	}
}

// apps are the registered apps of a tenant.
func (s *tokenServer) apps(tenant string) []identity.Client {
	userScopes := []string{"openid", "profile", "email", "address", "phone", "offline_access", "users.security"}
	code := []string{grantCode, grantRefresh}
	return []identity.Client{
		{
			TenantID: tenant, ID: appShop, Name: "Shop", RedirectURIs: []string{shopReturn}, GrantTypes: code,
			Scopes: userScopes, Audiences: []string{"https://api.example", "https://pay.example"},
			AuthMethods: []string{identity.AuthBasic}, Secrets: s.hashed(tenant, appShop, shopSecret), IDTokenAlg: keys.ES256,
		},
		{
			TenantID: tenant, ID: appPost, Name: "Poster", RedirectURIs: []string{"https://post.example/cb"}, GrantTypes: code,
			Scopes: userScopes, AuthMethods: []string{identity.AuthPost, identity.AuthBasic},
			Secrets: s.hashed(tenant, appPost, "an older secret", postSecret), PKCEOptional: true,
			IDTokenAlg: keys.RS256, UserinfoAlg: keys.RS256,
		},
		{
			TenantID: tenant, ID: appPublic, Name: "SPA", RedirectURIs: []string{"https://spa.example/cb"}, GrantTypes: code,
			Scopes: userScopes, AuthMethods: []string{identity.AuthNone}, PKCEOptional: true, IDTokenAlg: keys.ES256,
		},
		{
			TenantID: tenant, ID: appMachine, Name: "Robot", GrantTypes: []string{grantCredentials},
			Scopes: []string{"api", "reports", "openid"}, AuthMethods: []string{identity.AuthBasic},
			Audiences: []string{"https://api.example"}, Secrets: s.hashed(tenant, appMachine, robotSecret),
		},
	}
}

func (s *tokenServer) hashed(tenant, app string, secrets ...string) []identity.SecretHash {
	var list []identity.SecretHash
	for _, secret := range secrets {
		pepper := s.provider.Secrets.CurrentClientPepper()
		mac, err := s.provider.Secrets.ClientSecretMAC(pepper, tenant, app, secret)
		require.NoError(s.t, err)
		list = append(list, identity.SecretHash{PepperID: pepper, MAC: mac})
	}
	return list
}

func (s *tokenServer) put(app identity.Client) {
	_, err := s.store.PutClient(s.t.Context(), app)
	require.NoError(s.t, err)
}

// app is one of the apps of tenant A as it is stored.
func (s *tokenServer) app(id string) identity.Client {
	app, err := s.store.Client(s.t.Context(), tenantA, id)
	require.NoError(s.t, err)
	return app
}

// grant stores an authorization of alice for app and returns its code. edit may
// change it first.
func (s *tokenServer) grant(app string, edit func(*model.Grant)) (code string, g model.Grant) {
	s.t.Helper()
	code, hash := s.provider.newCode()
	registered := s.app(app)
	now := s.clock()
	g = model.Grant{
		ID: b64(randomBytes(grantIDSize)), TenantID: tenantA, ClientID: app, UserID: userAlice, SessionID: "session-1",
		RedirectURI: registered.RedirectURIs[0], Nonce: "n-0S6_WzA2Mj",
		CodeChallenge: challengeOf(verifier), CodeChallengeMethod: "S256", CodeHash: hash, CodeExpiresAt: now.Add(codeLife),
		Scopes: []string{"openid", "profile", "email", "offline_access"},
		ACR:    "urn:sallyport:acr:1fa", AMR: []string{"pwd"}, AuthTime: now.Add(-time.Hour),
		SID: s.provider.sessionID(tenantA, "session-1", app), CreatedAt: now,
	}
	if edit != nil {
		edit(&g)
	}
	g.GrantExpiresAt = grantExpiry(&registered, g.Scopes, g.Action, 0, now)
	require.NoError(s.t, s.store.CreateGrant(s.t.Context(), g))
	return code, g
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// codeForm is a correct exchange of code by app.
func (s *tokenServer) codeForm(app, code string) url.Values {
	return url.Values{
		"grant_type": {grantCode}, "code": {code}, "redirect_uri": {s.app(app).RedirectURIs[0]}, "code_verifier": {verifier},
	}
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {grantRefresh}, "refresh_token": {token}}
}

// as authenticates a form by Basic as the shop, or as another app that has it.
func as(app, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(app), url.QueryEscape(secret)) }
}

var asShop = as(appShop, shopSecret)

// answer is what the token endpoint said.
type answer struct {
	Status       int
	Header       http.Header
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
}

// post sends form to the token endpoint of tenant A.
func (s *tokenServer) post(form url.Values, edit ...func(*http.Request)) answer {
	s.t.Helper()
	return s.postCtx(s.t.Context(), form, edit...)
}

func (s *tokenServer) postCtx(ctx context.Context, form url.Values, edit ...func(*http.Request)) answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/t/a/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, r)
	a := answer{Status: w.Code, Header: w.Header()}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &a), "body: %s", w.Body)
	return a
}

// exchange gets the tokens of a fresh grant for the shop.
func (s *tokenServer) exchange(edit func(*model.Grant)) answer {
	s.t.Helper()
	code, _ := s.grant(appShop, edit)
	a := s.post(s.codeForm(appShop, code), asShop)
	require.Equal(s.t, http.StatusOK, a.Status, "%s: %s", a.Error, a.Description)
	return a
}

// info asks userinfo with the token in the header.
func (s *tokenServer) info(token string) *httptest.ResponseRecorder {
	return s.infoAt("/t/a/userinfo", token)
}

func (s *tokenServer) infoAt(path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.serve(r)
}

func (s *tokenServer) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, r)
	return w
}

// claimsIn reads a JWT without judging it.
func claimsIn(t *testing.T, token string) map[string]any {
	t.Helper()
	return jwtPart(t, token, 1)
}

func headerOf(t *testing.T, token string) map[string]any {
	t.Helper()
	return jwtPart(t, token, 0)
}

func jwtPart(t *testing.T, token string, part int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3, "not a JWT: %q", token)
	raw, err := base64.RawURLEncoding.DecodeString(parts[part])
	require.NoError(t, err)
	claims := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims
}

// keySet is the key set of tenant A as it is now.
func (s *tokenServer) keySet() *keys.Set {
	list, err := s.store.Keys(s.t.Context(), tenantA)
	require.NoError(s.t, err)
	return keys.NewSet(list)
}

// bodyOf reads a JSON answer.
func bodyOf(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	body := map[string]any{}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), "body: %s", w.Body)
	return body
}

func (s *tokenServer) infoRequest(token string) *http.Request {
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, "/t/a/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}
