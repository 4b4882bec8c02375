package stepup_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// start is when every test begins.
var start = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// signer is one key of the provider.
type signer struct {
	kid    string
	method jwt.SigningMethod
	key    any
	public map[string]any
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newES256(kid string) *signer {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	point := must(key.PublicKey.Bytes())
	return &signer{kid, jwt.SigningMethodES256, key, map[string]any{
		"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256", "x": b64(point[1:33]), "y": b64(point[33:]),
	}}
}

func newRSA(kid string, method jwt.SigningMethod) *signer {
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	return &signer{kid, method, key, map[string]any{
		"kty": "RSA", "kid": kid, "use": "sig", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}}
}

func newEdDSA(kid string) *signer {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	must(public, err)
	return &signer{kid, jwt.SigningMethodEdDSA, key, map[string]any{
		"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": b64(public),
	}}
}

// visit is what the provider remembers between authorize and token.
type visit struct {
	query     url.Values
	authTime  time.Time
	challenge string
}

// provider is an OpenID provider on a real listener, with real keys. It follows
// the protocol; each knob bends one thing.
type provider struct {
	*httptest.Server
	clock  *clock
	secret string

	mu       sync.Mutex
	signers  []*signer
	visits   map[string]visit // by code
	refresh  map[string]visit
	user     string
	signedAt time.Time // when the user last proved anything here
	codes    int

	keyReads atomic.Int64

	// knobs
	discovery func(map[string]any)
	answer    func(url.Values)
	claims    func(map[string]any)
	header    func(map[string]any)
	sign      func(header, claims map[string]any) string
	tokens    func(map[string]any)
	access    func(header, claims map[string]any)
	override  map[string]http.HandlerFunc
	enrich    func(map[string]any) // what the token answer says of a transaction
	receipt   func(header, claims map[string]any)

	// transactions
	pushes    map[string]url.Values       // by request_uri
	approvals map[string]*approval        // by confirmation id
	assertion func(assertion string) bool // judges who signs; nil refuses

	dpop dpopRules
}

const (
	clientID = "shop"
	secret   = "a secret/with+odd:chars%"
	apiName  = "https://api.example.test"
)

func newProvider(signers ...*signer) *provider {
	if len(signers) == 0 {
		signers = []*signer{newES256("es-1")}
	}
	p := &provider{
		clock:    &clock{now: start},
		secret:   secret,
		signers:  signers,
		visits:   map[string]visit{},
		refresh:  map[string]visit{},
		user:     "alice",
		signedAt: start.Add(-time.Hour),
		override: map[string]http.HandlerFunc{},

		pushes:    map[string]url.Values{},
		approvals: map[string]*approval{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /t/acme/.well-known/openid-configuration", p.serveDiscovery)
	mux.HandleFunc("GET /t/acme/jwks", p.serveKeys)
	mux.HandleFunc("GET /t/acme/authorize", p.serveAuthorize)
	mux.HandleFunc("POST /t/acme/token", p.serveToken)
	mux.HandleFunc("GET /t/acme/userinfo", p.serveUserinfo)
	mux.HandleFunc("POST /t/acme/par", p.servePush)
	mux.HandleFunc("POST /t/acme/confirmations/{id}/consume", p.serveConsume)
	mux.HandleFunc("GET /t/acme/confirmations/{id}", p.serveStanding)
	mux.HandleFunc("GET /t/acme/confirmations", p.serveStanding)
	mux.HandleFunc("GET /t/acme/receipts/jwks", p.serveKeys)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own, ok := p.override[strings.TrimPrefix(r.URL.Path, "/t/acme")]
		if ok {
			own(w, r)
			return
		}
		if p.proven(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	return p
}

func (p *provider) issuer() string { return p.URL + "/t/acme" }

func (p *provider) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	doc := map[string]any{
		"issuer":                                         p.issuer(),
		"authorization_endpoint":                         p.issuer() + "/authorize",
		"token_endpoint":                                 p.issuer() + "/token",
		"userinfo_endpoint":                              p.issuer() + "/userinfo",
		"jwks_uri":                                       p.issuer() + "/jwks",
		"pushed_authorization_request_endpoint":          p.issuer() + "/par",
		"authorization_details_types_supported":          []string{"payout.request"},
		"id_token_signing_alg_values_supported":          []string{"ES256", "RS256", "PS256", "EdDSA"},
		"authorization_response_iss_parameter_supported": true,
		"dpop_signing_alg_values_supported":              []string{"ES256", "EdDSA", "PS256"},
	}
	if p.discovery != nil {
		p.discovery(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

func (p *provider) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.keyReads.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	// A set holds keys for other purposes and of other kinds too.
	keys := []any{map[string]any{"kty": "oct", "kid": "other", "k": "AAAA"}}
	for _, s := range p.signers {
		keys = append(keys, s.public)
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": keys})
}

// serveAuthorize is the user who confirms at once whatever is asked.
func (p *provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if q.Has("request_uri") {
		name := q.Get("request_uri")
		q = p.pushes[name]
		delete(p.pushes, name)
	}
	if q.Get("acr_values") != "" || q.Get("max_age") == "0" {
		p.signedAt = p.clock.Now()
	}
	p.codes++
	code := "code-" + strconv.Itoa(p.codes)
	p.visits[code] = visit{query: q, authTime: p.signedAt, challenge: q.Get("code_challenge")}
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.issuer()}}
	if p.answer != nil {
		p.answer(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (p *provider) serveToken(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.authenticated(r) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	kept, handle := p.visits, r.PostFormValue("code")
	if r.PostFormValue("grant_type") == "refresh_token" {
		kept, handle = p.refresh, r.PostFormValue("refresh_token")
	}
	v, ok := kept[handle]
	delete(kept, handle)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	isCode := r.PostFormValue("grant_type") == "authorization_code"
	if !ok || isCode && (b64(sum[:]) != v.challenge || r.PostFormValue("redirect_uri") != v.query.Get("redirect_uri")) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "used up"})
		return
	}
	next := "refresh-" + handle
	p.refresh[next] = v
	access := p.accessToken(v)
	body := map[string]any{
		"access_token":  access,
		"token_type":    p.dpop.tokenType(),
		"expires_in":    300,
		"refresh_token": next,
		"scope":         v.query.Get("scope"),
		"id_token":      p.idToken(v, access, isCode),
	}
	if v.query.Has("authorization_details") && isCode {
		delete(body, "refresh_token")
		body["authorization_details"] = []any{p.enriched(v)}
	}
	if p.tokens != nil {
		p.tokens(body)
	}
	writeJSON(w, http.StatusOK, body)
}

func (p *provider) authenticated(r *http.Request) bool {
	id, password, basic := r.BasicAuth()
	if basic {
		return must(url.QueryUnescape(id)) == clientID && must(url.QueryUnescape(password)) == p.secret
	}
	if r.PostFormValue("client_assertion") != "" {
		return p.assertion != nil && p.assertion(r.PostForm.Get("client_assertion"))
	}
	return r.PostFormValue("client_id") == clientID && r.PostFormValue("client_secret") == p.secret
}

func (p *provider) idToken(v visit, access string, first bool) string {
	s := p.signers[0]
	now := p.clock.Now()
	claims := map[string]any{
		"iss": p.issuer(), "sub": p.user, "aud": clientID, "sid": "s1",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": v.authTime.Unix(), "amr": []string{"pwd", "otp"},
		"acr": acrFor(v.query), "at_hash": atHash(s, access),
	}
	if first {
		claims["nonce"] = v.query.Get("nonce")
	}
	if a := p.approve(v); a != nil {
		claims["txn"] = a.id
		claims["urn:sallyport:confirmation"] = map[string]any{"id": a.id, "details_hash": a.hash, "approved_at": a.at.Format(time.RFC3339)}
	}
	if p.claims != nil {
		p.claims(claims)
	}
	header := map[string]any{"typ": "JWT", "kid": s.kid}
	if p.header != nil {
		p.header(header)
	}
	if p.sign != nil {
		return p.sign(header, claims)
	}
	return s.signed(header, claims)
}

func (p *provider) accessToken(v visit) string {
	now := p.clock.Now()
	claims := map[string]any{
		"iss": p.issuer(), "sub": p.user, "aud": apiName, "client_id": clientID, "jti": fmt.Sprint("jti-", p.codes),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "scope": v.query.Get("scope"),
		"acr": acrFor(v.query), "auth_time": v.authTime.Unix(), "amr": []string{"pwd", "otp"},
	}
	if a := p.approve(v); a != nil {
		claims["txn"] = a.id
		claims["urn:sallyport:confirmation"] = map[string]any{"id": a.id, "details_hash": a.hash, "approved_at": a.at.Format(time.RFC3339)}
	}
	if p.dpop.jkt != "" {
		claims["cnf"] = map[string]any{"jkt": p.dpop.jkt}
	}
	header := map[string]any{"typ": "at+jwt", "kid": p.signers[0].kid}
	if p.access != nil {
		p.access(header, claims)
	}
	return p.signers[0].signed(header, claims)
}

func (p *provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), p.dpop.tokenType()+" ey") {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"sub": p.user, "email": "alice@example.test"})
}

// acrFor answers the first level that was asked for.
func acrFor(q url.Values) string {
	asked := strings.Fields(q.Get("acr_values"))
	if len(asked) == 0 {
		return "urn:sallyport:acr:1fa"
	}
	return asked[0]
}

func (s *signer) signed(header, claims map[string]any) string {
	t := jwt.NewWithClaims(s.method, jwt.MapClaims(claims))
	delete(t.Header, "typ")
	for k, v := range header {
		t.Header[k] = v
	}
	return must(t.SignedString(s.key))
}

func atHash(s *signer, token string) string {
	if s.method == jwt.SigningMethodEdDSA {
		sum := sha512.Sum512([]byte(token))
		return b64(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return b64(sum[:16])
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// browse sends a browser to address and returns what it brings back to the app.
func browse(address string) url.Values {
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res := must(browser.Get(address))
	_ = res.Body.Close()
	return must(url.Parse(res.Header.Get("Location"))).Query()
}
