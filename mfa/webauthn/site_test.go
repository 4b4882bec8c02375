package webauthn

import (
	"errors"
	"html/template"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// site is a relying party on http://localhost:PORT with the forms that
// templates/static/webauthn.js works on, under the policy of all our pages.
type site struct {
	url string
	rp  mfa.RelyingParty

	mu       sync.Mutex
	sessions map[string][]byte // by the form's field "ceremony"
	keys     []mfa.Credential  // alice's
	results  []result          // of the forms that were sent, oldest first
}

// result is what a form brought.
type result struct {
	Form      string // create, get or conditional
	Button    string // the value of the button that was pressed
	Error     string
	Assertion mfa.Assertion
	Key       mfa.Credential
}

// siteForm is a form of the page.
type siteForm struct {
	Kind, Ceremony, Options string
	Autostart               bool
}

var sitePage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><title>Keys</title><link rel="icon" href="data:,"><script type="module" src="{{.Script}}"></script>
<body data-page="{{.Name}}">
<p id="needs" data-needs-webauthn hidden>With keys</p><p id="no" data-no-webauthn hidden>Without keys</p>
{{with .Signal}}<p data-webauthn-signal="{{.}}"></p>{{end}}{{with .Accepted}}<p data-webauthn-accepted="{{.}}"></p>{{end}}
<input id="username" autocomplete="username webauthn">
<a id="on" href="/get?autostart=1">on</a>
{{range .Forms}}<form method="post" action="/{{.Kind}}" id="{{.Kind}}" data-webauthn="{{.Kind}}" data-options="{{.Options}}"{{if .Autostart}} data-autostart{{end}}
 data-msg-waiting="waiting" data-msg-cancelled="cancelled" data-msg-exists="exists" data-msg-failed="failed">
<input type="hidden" name="ceremony" value="{{.Ceremony}}"><input type="hidden" name="credential">
{{if ne .Kind "conditional"}}<button id="submit" name="button" value="pressed">Go</button>
<button type="button" id="cancel" data-webauthn-cancel hidden>Cancel</button>
<p id="status" data-webauthn-status role="status"></p>{{end}}
</form>{{end}}`))

func newSite(t *testing.T) *site {
	t.Helper()
	set, err := templates.New()
	require.NoError(t, err)
	s := &site{sessions: map[string][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{page}", func(w http.ResponseWriter, r *http.Request) { s.show(w, r, set) })
	mux.HandleFunc("POST /{form}", s.take)
	mux.HandleFunc("GET "+templates.StaticPrefix+"{name}", func(w http.ResponseWriter, r *http.Request) {
		a, ok := set.Asset(r.PathValue("name"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", a.ContentType)
		_, _ = w.Write(a.Body)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	s.rp = mfa.RelyingParty{ID: "localhost", Name: "Keys", Origins: []string{s.url}}
	return s
}

// show is a page: create, get, or identify, which has both a button for a passkey
// and the autofill. uv is the demand; autostart and signal are what they say.
func (s *site) show(w http.ResponseWriter, r *http.Request, set *templates.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	page := struct {
		Name, Script, Signal, Accepted string
		Forms                          []siteForm
	}{r.PathValue("page"), set.StaticPath("webauthn.js"), q.Get("signal"), q.Get("accepted"), nil}
	kinds := map[string][]string{"create": {"create"}, "get": {"get"}, "identify": {"get", "conditional"}}[page.Name]
	for _, kind := range kinds {
		f, err := s.begin(kind, page.Name == "identify", mfa.UserVerification(q.Get("uv")))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		f.Autostart = q.Has("autostart")
		page.Forms = append(page.Forms, f)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", templates.ContentSecurityPolicy)
	w.Header().Set("Cache-Control", "no-store")
	_ = sitePage.Execute(w, page)
}

func (s *site) begin(kind string, anyone bool, uv mfa.UserVerification) (siteForm, error) {
	if uv == "" {
		uv = mfa.UVPreferred
	}
	var options, session []byte
	var err error
	if kind == "create" {
		options, session, err = Keys{}.BeginRegistration(mfa.Registration{RP: s.rp, User: alice, Exclude: s.keys, UV: uv})
	} else {
		a := mfa.Authentication{RP: s.rp, UV: uv}
		if !anyone {
			a.Allow = s.keys
		}
		options, session, err = Keys{}.BeginAuthentication(a)
	}
	id := strconv.Itoa(len(s.sessions))
	s.sessions[id] = session
	return siteForm{Kind: kind, Ceremony: id, Options: string(options)}, err
}

// take is a form that was sent. The next page is named "done" or "refused".
func (s *site) take(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := result{Form: r.PathValue("form"), Button: r.PostFormValue("button")}
	answer, session := []byte(r.PostFormValue("credential")), s.sessions[r.PostFormValue("ceremony")]
	var err error
	if got.Form == "create" {
		got.Key, err = Keys{}.Register(mfa.Registration{RP: s.rp, User: alice, Exclude: s.keys, UV: mfa.UVPreferred}, session, answer)
		if err == nil {
			s.keys = append(s.keys, got.Key)
		}
	} else {
		got.Assertion, err = s.authenticate(session, answer)
	}
	next := "/done"
	if err != nil {
		got.Error, next = err.Error(), "/refused"
	}
	s.results = append(s.results, got)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *site) authenticate(session, answer []byte) (mfa.Assertion, error) {
	id, handle, err := Keys{}.CredentialOf(answer)
	if err != nil {
		return mfa.Assertion{}, err
	}
	i := slices.IndexFunc(s.keys, func(c mfa.Credential) bool { return string(c.ID) == string(id) })
	if i < 0 || len(handle) > 0 && string(handle) != string(alice.Handle) {
		return mfa.Assertion{}, errors.New("no such key")
	}
	proved, err := Keys{}.Authenticate(mfa.Authentication{RP: s.rp, UV: mfa.UVPreferred}, session, answer, s.keys[i])
	if err == nil && !proved.Cloned {
		s.keys[i].SignCount = proved.SignCount
	}
	return proved, err
}

// last is what the last form brought.
func (s *site) last(t *testing.T) result {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(t, s.results)
	return s.results[len(s.results)-1]
}

// forget takes alice's keys away.
func (s *site) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = nil
}

// all is what all forms brought.
func (s *site) all() []result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.results)
}
