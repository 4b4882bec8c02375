package protocol_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
)

// echo is in what is sent, and must be in no error_description.
const echo = "qz9echo"

const payoutACR = "urn:sallyport:action:payout.request"

// counter is a tenant with apps of every kind, and a user who is signed in at it. What is
// asked for here is refused.
type counter struct {
	*harness.Place
	t    *testing.T
	user *harness.Browser
	key  *ecdsa.PrivateKey // of the apps that sign
	made int               // transactions, assertions and proofs
	told told
}

// told is a refusal, in whichever form it came.
type told struct {
	status            int
	header            http.Header
	Code              string `json:"error"`
	Description       string `json:"error_description"`
	Title             string `json:"title"` // of a problem, which has no description
	RequestURI        string `json:"request_uri"`
	page, interaction string // of the user who was told instead
}

// newCounter makes the tenant. Its apps beside "own" and "app" are: "signer", which proves
// itself by a key; "bound", whose tokens are all bound; "pusher", which has to push;
// "machine", which has no users; and "public", which keeps no secret.
func newCounter(t *testing.T, h *harness.House) *counter {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &counter{t: t, key: key, Place: h.Tenant(t, "contractor-email-first", `{
		"codes": {"default": {"ttl_s": 600}}, "limits": {"send_per_contact": [{"n": 100000, "per_s": 86400}], "send_per_user": [{"n": 100000, "per_s": 86400}],
		"send_per_ip": [{"n": 100000, "per_s": 86400}], "send_per_prefix": [{"n": 100000, "per_s": 86400}]}}`, harness.Alice())}
	keys, err := json.Marshal(map[string]any{"keys": []any{c.jwk()}})
	require.NoError(t, err)
	members := func(more string) json.RawMessage {
		return json.RawMessage(`{"redirect_uris":["` + harness.Callback + `"],"scopes":["openid","email","offline_access"],"first_party":true,` +
			`"audiences":["https://api.example/"],"auth_methods":["client_secret_basic","client_secret_post"],` + more + `}`)
	}
	h.Apply(t, setup.Tenant{Slug: c.Slug, Clients: []setup.Client{
		{ID: "own", Members: json.RawMessage(`{"audiences":["https://api.example/"],"jwks":` + string(keys) + `}`)},
		{ID: "signer", Members: json.RawMessage(`{"grant_types":["client_credentials"],"auth_methods":["private_key_jwt"],"scopes":["email"],"jwks":` + string(keys) + `}`)},
		{ID: "bound", Secret: c.Secret, Members: members(`"grant_types":["authorization_code"],"dpop_bound_access_tokens":true`)},
		{ID: "pusher", Secret: c.Secret, Members: members(`"require_pushed_authorization_requests":true`)},
		{ID: "machine", Secret: c.Secret, Members: json.RawMessage(`{"grant_types":["client_credentials"],"auth_methods":["client_secret_basic"],"scopes":["email"]}`)},
		{ID: "public", Members: json.RawMessage(`{"redirect_uris":["` + harness.Callback + `"],"scopes":["openid"],"auth_methods":["none"],"first_party":true}`)},
	}})
	c.user = c.signIn()
	return c
}

func (c *counter) signIn() *harness.Browser {
	b := c.NewBrowser()
	b.Login(c.t, alice, alice)
	return b
}

func (c *counter) jwk() map[string]any {
	point, err := c.key.PublicKey.Bytes()
	require.NoError(c.t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	return map[string]any{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
}

// signed is a JWT of the apps' key.
func (c *counter) signed(typ string, claims jwt.MapClaims, header map[string]any) string {
	c.t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["typ"] = typ
	for name, value := range header {
		token.Header[name] = value
	}
	raw, err := token.SignedString(c.key)
	require.NoError(c.t, err)
	return raw
}

func (c *counter) now() time.Time { return c.House.Clock.Now() }

// id is one that was not used before.
func (c *counter) id() string {
	c.made++
	return fmt.Sprintf("order-%d", c.made)
}

// assertion is what proves the app "signer".
func (c *counter) assertion() string {
	return c.signed("JWT", jwt.MapClaims{"iss": "signer", "sub": "signer", "aud": c.Issuer, "jti": c.id(), "exp": c.now().Add(time.Minute).Unix()}, nil)
}

// proof is one for a request with access to an endpoint (RFC 9449).
func (c *counter) proof(method, path, access, nonce string) string {
	claims := jwt.MapClaims{"jti": c.id(), "htm": method, "htu": c.Issuer + path, "iat": c.now().Unix()}
	if access != "" {
		sum := sha256.Sum256([]byte(access))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return c.signed("dpop+jwt", claims, map[string]any{"jwk": c.jwk()})
}

// send sends a request and takes what is told.
func (c *counter) send(method, path, media, body string, header http.Header) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.Issuer+path, strings.NewReader(body))
	require.NoError(c.t, err)
	for name, values := range header {
		req.Header[name] = values
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	status, head, text := call(c.t, req)
	c.told = told{status: status, header: head}
	if len(text) > 0 {
		require.NoError(c.t, json.Unmarshal(text, &c.told), "%d %s", status, text)
	}
	if jsonType(head) == "application/problem+json" {
		c.told.Description = c.told.Title
	}
}

// form sends a form as client, with Basic; pairs are its fields.
func (c *counter) form(path, client string, pairs ...string) {
	c.t.Helper()
	c.formWith(path, c.basic(client, c.Secret), pairs...)
}

func (c *counter) formWith(path string, header http.Header, pairs ...string) {
	c.t.Helper()
	c.send(http.MethodPost, path, "application/x-www-form-urlencoded", fields(pairs).Encode(), header)
}

func fields(pairs []string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (c *counter) basic(client, secret string) http.Header {
	if client == "" {
		return http.Header{}
	}
	req := http.Request{Header: http.Header{}}
	req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	return req.Header
}

// front asks by the browser, at the authorization endpoint.
func (c *counter) front(pairs ...string) {
	c.t.Helper()
	client := "own"
	if len(pairs) > 1 && pairs[0] == "client_id" {
		client = pairs[1]
	}
	auth := c.Authorize(client, pairs...)
	c.visit(auth.URL)
	if c.told.page == "" {
		return
	}
	require.Empty(c.t, c.told.header.Get("Location"))
}

// visit opens an address in the user's browser.
func (c *counter) visit(address string) *harness.Page {
	c.t.Helper()
	page := c.user.Get(c.t, address)
	c.took(page)
	return page
}

func (c *counter) took(page *harness.Page) {
	c.told = told{status: page.Status, header: page.Header}
	if page.Callback != nil {
		c.told.Code, c.told.Description = page.Callback.Get("error"), page.Callback.Get("error_description")
		return
	}
	c.told.page = page.Name
	_, rest, _ := strings.Cut(page.URL.Path, "/interaction/")
	c.told.interaction, _, _ = strings.Cut(rest, "/")
}

// push sends the request that front would send, to the endpoint for pushed ones.
func (c *counter) push(pairs ...string) {
	c.t.Helper()
	_, query, _ := strings.Cut(c.Authorize("own", pairs...).URL, "?")
	c.send(http.MethodPost, "/par", "application/x-www-form-urlencoded", query, c.basic("own", c.Secret))
}

// both asks in the same way at both endpoints, and wants the same answer.
func (c *counter) both(pairs ...string) {
	c.t.Helper()
	c.front(pairs...)
	front := c.told
	c.push(pairs...)
	require.Equal(c.t, []string{front.Code, front.Description}, []string{c.told.Code, c.told.Description}, "the two endpoints differ")
}

// object is a signed request of the app "own", with edits of its claims.
func (c *counter) object(edit func(jwt.MapClaims)) string {
	auth := c.Authorize("own")
	_, query, _ := strings.Cut(auth.URL, "?")
	form, err := url.ParseQuery(query)
	require.NoError(c.t, err)
	claims := jwt.MapClaims{"iss": "own", "aud": c.Issuer, "exp": c.now().Add(time.Minute).Unix()}
	for name := range form {
		claims[name] = form.Get(name)
	}
	if edit != nil {
		edit(claims)
	}
	return c.signed("oauth-authz-req+jwt", claims, nil)
}

// code is one that the user has got for the app "own".
func (c *counter) code(pairs ...string) (code string, auth harness.Auth) {
	c.t.Helper()
	auth = c.Authorize("own", pairs...)
	answer := c.user.Get(c.t, auth.URL).Callback
	require.NotEmpty(c.t, answer.Get("code"), "%v", answer)
	return answer.Get("code"), auth
}

// redeem redeems a code as client, with pairs laid over the right form.
func (c *counter) redeem(client, code string, auth harness.Auth, pairs ...string) {
	c.t.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {harness.Callback}, "code_verifier": {auth.Verifier}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	c.send(http.MethodPost, "/token", "application/x-www-form-urlencoded", v.Encode(), c.basic(client, c.Secret))
}

// tokens are those of a login with a refresh token.
func (c *counter) tokens(pairs ...string) harness.Tokens {
	c.t.Helper()
	code, auth := c.code(append([]string{"scope", "openid email offline_access"}, pairs...)...)
	return c.Exchange(c.t, auth, url.Values{"code": {code}})
}

func (c *counter) refresh(client, token string, pairs ...string) {
	c.t.Helper()
	c.form("/token", client, append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

// payout is the details of one payout, after edits.
func payoutDetails(txn string, edits ...string) string {
	return strings.NewReplacer(append([]string{"TXN", txn}, edits...)...).Replace(
		`[{"type":"payout.request","txn_id":"TXN","amount":{"value":"1250.00","currency":"EUR"},"payee":{"name":"ACME GmbH","account":{"iban":"DE89370400440532013000"}}}]`)
}

// pushDetails pushes a transaction, and keeps what was told.
func (c *counter) pushDetails(detail string) harness.Auth {
	c.t.Helper()
	auth := c.Authorize("own", "authorization_details", detail, "scope", "")
	_, query, _ := strings.Cut(auth.URL, "?")
	c.send(http.MethodPost, "/par", "application/x-www-form-urlencoded", query, c.basic("own", c.Secret))
	auth.URL = c.Issuer + "/authorize?" + url.Values{"client_id": {"own"}, "request_uri": {c.told.RequestURI}}.Encode()
	return auth
}

// approval is a transaction that the user has approved.
type approval struct {
	id, hash, access string
	auth             harness.Auth
	code             string
}

// approved takes a payout to its approval.
func (c *counter) approved(detail string) approval {
	c.t.Helper()
	c.House.Clock.Advance(7 * time.Minute) // an app may ask ten times an hour
	auth := c.pushDetails(detail)
	page := c.user.Get(c.t, auth.URL)
	require.Equal(c.t, "confirm", page.Name, "%s", page.Body)
	page = c.user.Submit(c.t, page, "/confirm", "code", c.Code(c.t, alice))
	require.NotNil(c.t, page.Callback)
	tokens := c.Exchange(c.t, auth, page.Callback)
	claims := harness.Claims(c.t, tokens.Access)
	list, ok := claims["authorization_details"].([]any)
	require.True(c.t, ok)
	told, ok := list[0].(map[string]any)
	require.True(c.t, ok)
	return approval{fmt.Sprint(claims["txn"]), fmt.Sprint(told["details_hash"]), tokens.Access, auth, page.Callback.Get("code")}
}

// consume uses a up as client, under key.
func (c *counter) consume(client string, a approval, hash, key string) {
	c.t.Helper()
	header := c.basic(client, c.Secret)
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	c.send(http.MethodPost, "/confirmations/"+a.id+"/consume", "application/json", fmt.Sprintf(`{"details_hash":%q}`, hash), header)
}
