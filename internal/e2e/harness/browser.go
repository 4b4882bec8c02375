package harness

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// Browser is a browser without JavaScript: it keeps cookies, follows redirects
// and sends forms. It stops where a redirect leads to [Callback].
type Browser struct {
	Place *Place
	HTTP  *http.Client
	// IP is sent as X-Forwarded-For when set; the demo trusts no proxy, so it
	// must change nothing.
	Header http.Header
}

// NewBrowser is a browser with no cookies.
func (p *Place) NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil)
	return &Browser{Place: p, Header: http.Header{}, HTTP: &http.Client{
		Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Page is what the browser shows.
type Page struct {
	Status   int
	URL      *url.URL
	Header   http.Header
	Body     string
	Name     string // data-page
	Forms    []Form
	Callback url.Values // set when the browser was sent to the app
	Trail    []int      // the status of every answer on the way
	err      error
}

// Form is a form with its hidden fields filled in.
type Form struct {
	ID     string
	Action string
	Fields url.Values
	Names  []string // every named field and button, "name" or "name=value" for buttons
}

// Get opens a URL, or a path below the tenant's issuer.
func (b *Browser) Get(t *testing.T, address string) *Page {
	t.Helper()
	p := b.TryGet(address)
	require.NoError(t, p.err)
	return p
}

// TryGet is Get for goroutines other than the test's own.
func (b *Browser) TryGet(address string) *Page {
	return b.follow(http.MethodGet, b.absolute(address), nil)
}

// Post sends a form to a URL, or a path below the tenant's issuer.
func (b *Browser) Post(t *testing.T, address string, form url.Values) *Page {
	t.Helper()
	p := b.TryPost(address, form)
	require.NoError(t, p.err)
	return p
}

// TryPost is Post for goroutines other than the test's own.
func (b *Browser) TryPost(address string, form url.Values) *Page {
	return b.follow(http.MethodPost, b.absolute(address), form)
}

// PostOnce sends a form and follows nothing.
func (b *Browser) PostOnce(address string, form url.Values) (*Page, error) {
	p, next := b.one(http.MethodPost, b.absolute(address), form)
	if next != nil && p.Callback == nil {
		p.URL = next
	}
	return p, p.err
}

func (b *Browser) absolute(address string) string {
	if strings.HasPrefix(address, "http") {
		return address
	}
	if strings.HasPrefix(address, "/t/") {
		return b.Place.House.URL + address
	}
	return b.Place.Issuer + address
}

func (b *Browser) follow(method, address string, form url.Values) *Page {
	var trail []int
	for range 20 {
		p, next := b.one(method, address, form)
		trail = append(trail, p.Status)
		p.Trail = trail
		if p.err != nil || next == nil || p.Callback != nil {
			return p
		}
		method, address, form = http.MethodGet, next.String(), nil
	}
	return &Page{err: io.ErrNoProgress}
}

// one sends one request. next is where the answer redirects to, nil for nowhere.
func (b *Browser) one(method, address string, form url.Values) (p *Page, next *url.URL) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		return &Page{err: err}, nil
	}
	for name, values := range b.Header {
		req.Header[name] = values
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if req.Header.Get("Origin") == "" {
			req.Header.Set("Origin", b.Place.House.URL)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
	}
	resp, err := b.HTTP.Do(req)
	if err != nil {
		return &Page{err: err}, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return &Page{err: err}, nil
	}
	p = &Page{Status: resp.StatusCode, URL: req.URL, Header: resp.Header, Body: string(text)}
	p.read()
	target := resp.Header.Get("Location")
	if target == "" {
		target = p.refresh()
	}
	if target == "" {
		return p, nil
	}
	next, err = req.URL.Parse(target)
	if err != nil {
		return &Page{err: err}, nil
	}
	if strings.HasPrefix(next.String(), Callback) {
		p.Callback = next.Query()
	}
	return p, next
}

// read finds the page's name and forms.
func (p *Page) read() {
	if !strings.Contains(p.Header.Get("Content-Type"), "html") {
		return
	}
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		p.err = err
		return
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "body":
			p.Name = attr(n, "data-page")
		case "form":
			p.Forms = append(p.Forms, form(n))
		}
	}
}

func form(n *html.Node) Form {
	f := Form{ID: attr(n, "id"), Action: attr(n, "action"), Fields: url.Values{}}
	for d := range n.Descendants() {
		name := attr(d, "name")
		if d.Type != html.ElementNode || name == "" {
			continue
		}
		switch {
		case d.Data == "button":
			f.Names = append(f.Names, name+"="+attr(d, "value"))
		case d.Data == "input" && attr(d, "type") == "hidden":
			f.Fields.Add(name, attr(d, "value"))
			f.Names = append(f.Names, name)
		default:
			f.Names = append(f.Names, name)
		}
	}
	return f
}

func (p *Page) refresh() string {
	if p.Name != "interstitial" {
		return ""
	}
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return ""
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "meta" && strings.EqualFold(attr(n, "http-equiv"), "refresh") {
			_, target, _ := strings.Cut(attr(n, "content"), "=")
			return target
		}
	}
	return ""
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Form is the form whose action ends in suffix; it fails the test without one.
func (p *Page) Form(t *testing.T, suffix string) Form {
	t.Helper()
	for _, f := range p.Forms {
		if strings.HasSuffix(f.Action, suffix) {
			return f
		}
	}
	require.Fail(t, "no such form", "%s on page %s (%d): %s", suffix, p.Name, p.Status, p.Body)
	return Form{}
}

// Submit sends the form whose action ends in suffix, with values in pairs laid
// over its hidden fields.
func (b *Browser) Submit(t *testing.T, p *Page, suffix string, pairs ...string) *Page {
	t.Helper()
	f := p.Form(t, suffix)
	return b.Post(t, f.Action, f.With(pairs...))
}

// With is the form's fields with values in pairs laid over them.
func (f Form) With(pairs ...string) url.Values {
	v := url.Values{}
	for name, values := range f.Fields {
		v[name] = values
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// Auth is an authorization request in progress: what the app has to remember.
type Auth struct {
	URL      string
	Client   string
	Verifier string
	State    string
	Nonce    string
}

// Authorize builds an authorization request of client with PKCE, state and
// nonce; pairs are further parameters, an empty value takes one away.
func (p *Place) Authorize(client string, pairs ...string) Auth {
	a := Auth{Client: client, Verifier: rand.Text() + rand.Text(), State: rand.Text(), Nonce: rand.Text()}
	sum := sha256.Sum256([]byte(a.Verifier))
	v := url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {Callback}, "scope": {"openid"},
		"state": {a.State}, "nonce": {a.Nonce}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
			continue
		}
		v.Set(pairs[i], pairs[i+1])
	}
	a.URL = p.Issuer + "/authorize?" + v.Encode()
	return a
}

// Password takes the browser from an authorization request through identifier
// and password, and returns the page after them.
func (b *Browser) Password(t *testing.T, a Auth, username, password string) *Page {
	t.Helper()
	p := b.Get(t, a.URL)
	if p.Name == "identify" {
		p = b.Submit(t, p, "/identify", "username", username)
	}
	return b.Submit(t, p, "/password", "username", username, "password", password)
}

// Login takes the browser from an authorization request of the first-party
// client to the app, giving password and, where it is asked for, the code that
// was sent to codesTo.
func (b *Browser) Login(t *testing.T, username, codesTo string, pairs ...string) (Auth, url.Values) {
	t.Helper()
	a := b.Place.Authorize(b.Place.Own, pairs...)
	p := b.Password(t, a, username, Password)
	if p.Name == "challenge" {
		p = b.Submit(t, p, "/challenge", "code", b.Place.Code(t, codesTo))
	}
	require.NotNil(t, p.Callback, "no way back to the app: page %s (%d) %s", p.Name, p.Status, p.Body)
	return a, p.Callback
}

// Tokens is the answer of the token endpoint.
type Tokens struct {
	Status  int
	Header  http.Header
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Scope   string `json:"scope"`
	Expires int    `json:"expires_in"`
	Error   string `json:"error"`
	Reason  string `json:"error_description"`
}

// Exchange redeems the code of an answer.
func (p *Place) Exchange(t *testing.T, a Auth, answer url.Values) Tokens {
	t.Helper()
	require.Empty(t, answer.Get("error"), "the answer is an error: %v", answer)
	return p.Token(t, a.Client, url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {Callback}, "code_verifier": {a.Verifier},
	})
}

// Token posts to the token endpoint as client.
func (p *Place) Token(t *testing.T, client string, form url.Values) Tokens {
	t.Helper()
	tokens, err := p.TryToken(client, form)
	require.NoError(t, err)
	return tokens
}

// TryToken is Token for goroutines other than the test's own.
func (p *Place) TryToken(client string, form url.Values) (Tokens, error) {
	req, err := http.NewRequest(http.MethodPost, p.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return Tokens{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(p.Secret))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Tokens{}, err
	}
	defer resp.Body.Close()
	tokens := Tokens{Status: resp.StatusCode, Header: resp.Header}
	return tokens, json.NewDecoder(resp.Body).Decode(&tokens)
}

// Claims are the claims of a JWT, its signature unchecked: other tests check
// signatures.
func Claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3, "not a JWT: %q", token)
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	claims := map[string]any{}
	require.NoError(t, json.Unmarshal(text, &claims))
	return claims
}
