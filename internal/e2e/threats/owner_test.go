package threats_test

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // that of authenticator apps
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/storetest"
)

// broker is the preset with every kind of method but keys, and a PIN.
const broker = "broker-security-identities"

// everyMethod adds keys to broker, lets everything be set up with a proof of the new
// thing alone, and leaves the choice at a login to the user.
const everyMethod = `
	"methods": {"webauthn": {"enabled": true, "role": "any", "uses": ["login", "action"]}},
	"delivery": {"fallback_to": ["sms", "email", "totp", "webauthn", "recovery_codes"]},
	"lifecycle": {
		"sms": {"enable": [["code_new"]], "change": [["code_current"], ["code_new"]]},
		"totp": {"enable": [["code_new"]], "change": [["code_current"], ["code_new"]]},
		"webauthn": {"enable": [["code_new"]], "disable": [["code_current"]], "change": [["code_current"], ["code_new"]], "reauth_max_age_s": 900},
		"recovery_codes": {"enable": [["password"]], "disable": [["password"]], "change": [["password"]]}},
	"actions": {"auth.login": {"methods": ["sms", "email", "totp", "recovery_codes", "webauthn"]}}`

// mailed is a user whose second step goes to the mailbox.
func mailed(t *testing.T, name string) setup.User {
	t.Helper()
	return person(t, name, "")
}

// desk is a user's own pages in a browser with a session.
type desk struct {
	browser *harness.Browser
	csrf    string
}

// settle opens the pages of whoever is signed in at b.
func settle(t *testing.T, b *harness.Browser) desk {
	t.Helper()
	p := b.Get(t, "/settings")
	require.Equal(t, "settings", p.Name, "status %d at %s", p.Status, p.URL)
	require.NotEmpty(t, p.Forms)
	return desk{b, p.Forms[0].Fields.Get("csrf")}
}

// signedIn logs name in with a code from the mailbox, and opens the user's own
// pages.
func signedIn(t *testing.T, b *harness.Browser, name string) desk {
	t.Helper()
	b.Login(t, name, name)
	return settle(t, b)
}

// post sends a form to a path below the settings, or to one of an operation.
func (d desk) post(path string, pairs ...string) (*harness.Page, error) {
	form := url.Values{"csrf": {d.csrf}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	if !strings.HasPrefix(path, "/t/") {
		path = "/settings" + path
	}
	return d.browser.PostOnce(path, form)
}

func (d desk) mustPost(t *testing.T, path string, pairs ...string) *harness.Page {
	t.Helper()
	p, err := d.post(path, pairs...)
	require.NoError(t, err)
	return p
}

// begin starts an operation and returns the path of its page.
func (d desk) begin(t *testing.T, pairs ...string) string {
	t.Helper()
	p := d.mustPost(t, "/start", pairs...)
	require.Equal(t, http.StatusSeeOther, p.Status, "%.400s", p.Body)
	require.Contains(t, p.URL.Path, "/op/", "refused: %s", p.URL)
	return p.URL.Path
}

// asProgram makes the browser ask for JSON.
func (d desk) asProgram() desk {
	b := *d.browser
	b.Header = b.Header.Clone()
	b.Header.Set("Accept", "application/json")
	return desk{&b, d.csrf}
}

// done requires that a form was the last of its operation.
func done(t *testing.T, p *harness.Page) {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, p.Status, "%s", words(p))
	require.NotContains(t, p.URL.Path, "/op/", "the operation goes on")
	require.Empty(t, p.URL.Query().Get("refused"))
}

// words are what a page says, without its tags.
func words(p *harness.Page) string {
	text := html.UnescapeString(regexp.MustCompile(`(?s)<(script|style|svg).*?</(script|style|svg)>|<[^>]*>`).ReplaceAllString(p.Body, " "))
	return strings.Join(strings.Fields(text), " ")
}

// app is an authenticator app.
type app struct{ seed []byte }

var seedShown = regexp.MustCompile(`secret=([A-Z2-7]+)`)

// addApp sets up an authenticator app; at is the clock of the server.
func (d desk) addApp(t *testing.T, at time.Time) app {
	t.Helper()
	op := d.begin(t, "kind", "totp", "verb", "enable", "os", "other")
	a := shownApp(t, d.browser.Get(t, op))
	done(t, d.mustPost(t, op+"/answer", "code", a.code(t, at)))
	return a
}

func shownApp(t *testing.T, p *harness.Page) app {
	t.Helper()
	require.Equal(t, "enrol-app", p.Name)
	shown := seedShown.FindStringSubmatch(p.Body)
	require.NotNil(t, shown, "no key on the page")
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(shown[1])
	require.NoError(t, err)
	return app{seed}
}

// code is what the app shows. Source: RFC 4226 section 5.3, RFC 6238 section 4.2.
func (a app) code(t *testing.T, at time.Time) string {
	t.Helper()
	mac := hmac.New(sha1.New, a.seed)
	require.NoError(t, binary.Write(mac, binary.BigEndian, at.Unix()/30))
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[from:])&0x7fffffff)%1_000_000)
}

// key is a passkey or security key, at the page of a tenant.
type key struct {
	page virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

// newKey is a key that checks its user and has counted one. The issuer of a tenant
// stays that of its house, whoever serves it.
func newKey(t *testing.T, p *harness.Place) *key {
	t.Helper()
	row, err := p.House.Server.Store.TenantBySlug(t.Context(), p.Slug)
	require.NoError(t, err)
	party := row.RelyingParty()
	k := &key{
		page: virtualwebauthn.RelyingParty{ID: party.ID, Name: party.Name, Origin: party.Origins[0]},
		auth: virtualwebauthn.NewAuthenticator(), cred: storetest.NewKey(),
	}
	k.cred.Counter = 1
	return k
}

var optionsShown = regexp.MustCompile(`data-options="([^"]*)"`)

// options are what a page asks a key to sign.
func options(t *testing.T, p *harness.Page) string {
	t.Helper()
	shown := optionsShown.FindStringSubmatch(p.Body)
	require.NotNil(t, shown, "no key is asked for on page %s (%d)", p.Name, p.Status)
	return html.UnescapeString(shown[1])
}

// create is the key's answer to a registration.
func (k *key) create(t *testing.T, page *harness.Page) string {
	t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(options(t, page))
	require.NoError(t, err)
	k.auth.Options.UserHandle = []byte(o.UserID)
	return virtualwebauthn.CreateAttestationResponse(k.page, k.auth, k.cred, *o)
}

// sign is the key's answer to what a page asks for. It counts.
func (k *key) sign(t *testing.T, page *harness.Page) string {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(options(t, page))
	require.NoError(t, err)
	k.cred.Counter++
	return virtualwebauthn.CreateAssertionResponse(k.page, k.auth, k.cred, *o)
}

// addKey registers a key. The virtual one writes a coordinate that begins with a
// zero too short, which happens to one in 128; then another one is made.
func (d desk) addKey(t *testing.T, change func(*key)) *key {
	t.Helper()
	for range 4 {
		k := newKey(t, d.browser.Place)
		if change != nil {
			change(k)
		}
		op := d.begin(t, "kind", "webauthn", "verb", "enable")
		p := d.mustPost(t, op+"/answer", "name", "my key", "credential", k.create(t, d.browser.Get(t, op)))
		if p.Status == http.StatusSeeOther {
			done(t, p)
			return k
		}
		d.mustPost(t, op+"/cancel")
	}
	require.Fail(t, "no key could be registered")
	return nil
}

var codeShown = regexp.MustCompile(`\b\d\d-[0-9A-Z-]{14,}\b`)

// addCodes makes recovery codes, with the password.
func (d desk) addCodes(t *testing.T) []string {
	t.Helper()
	op := d.begin(t, "kind", "recovery_codes", "verb", "enable")
	require.Equal(t, http.StatusSeeOther, d.mustPost(t, op+"/password", "password", harness.Password).Status)
	p := d.mustPost(t, op+"/finish", "renew", "1")
	require.Equal(t, "recovery-codes", p.Name, "%s", words(p))
	var codes []string
	for _, c := range codeShown.FindAllString(p.Body, -1) {
		if len(codes) == 0 || codes[len(codes)-1] != c {
			codes = append(codes, c)
		}
	}
	require.GreaterOrEqual(t, len(codes), 10)
	return codes[:10]
}

// factor is the user's active factor of a kind, its zero value for none.
func factor(t *testing.T, p *harness.Place, name string, kind mfa.Method) mfa.Factor {
	t.Helper()
	for _, f := range enrolled(t, p, name).Factors {
		if f.Kind == kind && f.Status == mfa.FactorActive {
			return f
		}
	}
	return mfa.Factor{}
}

func enrolled(t *testing.T, p *harness.Place, name string) mfa.Enrolments {
	t.Helper()
	e, err := p.House.Server.Factors.Enrolments(t.Context(), subject(t, p, name))
	require.NoError(t, err)
	return e
}

// by logs name in as far as the second step by method, and returns the page of it.
func by(t *testing.T, b *harness.Browser, name, method string) (visit, *harness.Page) {
	t.Helper()
	v := mustSecondStep(t, b, name, "prompt", "login")
	switched := v.mustPost(t, "/challenge/switch", "method", method)
	require.Equal(t, http.StatusSeeOther, switched.Status, "%s", words(switched))
	p := b.Get(t, v.path("/challenge"))
	require.Equal(t, "challenge", p.Name, "%s", words(p))
	return v, p
}
