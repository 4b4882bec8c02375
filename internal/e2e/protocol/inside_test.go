package protocol_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/store"
)

// inside is a demo whose handler is called directly, without a network, and
// with a context that counts what is sent to the database. Its tenant is the
// one of system A: second step by email, ES256.
type inside struct {
	demo   *demo.Demo
	ctx    context.Context
	count  *store.Counter
	place  *harness.Place
	user   account
	client app
}

// openInside starts a demo on the database at address; it ends with tb. Alice
// has agreed to what the client asks for, so that no page asks her again.
func openInside(tb testing.TB, address string) *inside {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan *demo.Demo, 1), make(chan error, 1)
	options := demo.Options{
		Listen: "localhost:0", ShopListen: "127.0.0.1:0", Data: tb.TempDir(), Database: address, TestClock: true, Out: io.Discard,
		Ready: func(d *demo.Demo) { ready <- d },
	}
	go func() { ended <- demo.Run(ctx, options) }()
	tb.Cleanup(stop)
	s := &inside{}
	s.ctx, s.count = store.Count(context.Background())
	select {
	case s.demo = <-ready:
	case err := <-ended:
		require.NoError(tb, err)
	}
	tb.Cleanup(func() {
		stop()
		require.NoError(tb, <-ended)
	})
	s.describe(tb)
	s.exchange(tb, s.login(tb, s.newBrowser()))
	return s
}

// describe reads from the demo who and what there is in the tenant.
func (s *inside) describe(tb testing.TB) {
	tb.Helper()
	var out struct {
		Tenants []struct {
			Slug, Issuer string
			Users        []account
			Clients      []app
		}
	}
	body := s.do(tb, http.MethodGet, s.demo.URL+"/_demo", nil, nil)
	require.NoError(tb, json.Unmarshal(body.Body.Bytes(), &out))
	tenant := out.Tenants[0]
	require.Equal(tb, "contractor", tenant.Slug)
	s.user, s.client = tenant.Users[0], tenant.Clients[1]
	require.Equal(tb, "demo-cli", s.client.ID)
	s.place = &harness.Place{
		House: &harness.House{Demo: s.demo}, Slug: tenant.Slug, Issuer: tenant.Issuer, Client: s.client.ID, Secret: s.client.Secret,
	}
}

// RoundTrip implements [http.RoundTripper]: the answer of the handler.
func (s *inside) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(s.ctx)
	in.RemoteAddr, in.RequestURI, in.Host = "127.0.0.1:50000", r.URL.RequestURI(), r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	s.demo.Server.Handler.ServeHTTP(rec, in)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

func (s *inside) newBrowser() *harness.Browser {
	b := s.place.NewBrowser()
	b.HTTP.Transport = s
	return b
}

// do calls the handler with one request.
func (s *inside) do(tb testing.TB, method, address string, form url.Values, edit func(*http.Request)) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(s.ctx, method, address, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if edit != nil {
		edit(r)
	}
	rec := httptest.NewRecorder()
	s.demo.Server.Handler.ServeHTTP(rec, r)
	return rec
}

func (s *inside) authorize() harness.Auth {
	return s.place.Authorize(s.client.ID, "scope", "openid profile email offline_access")
}

// signedIn is a request that was answered with a code.
type signedIn struct {
	auth   harness.Auth
	answer url.Values
}

// login goes through all pages in a browser, with the code that was sent.
func (s *inside) login(tb testing.TB, b *harness.Browser) signedIn {
	tb.Helper()
	done := signedIn{auth: s.authorize()}
	p := b.TryGet(done.auth.URL)
	for range 8 {
		switch p.Name {
		case "identify":
			p = submit(tb, b, p, "/identify", "username", s.user.Name)
		case "password":
			p = submit(tb, b, p, "/password", "username", s.user.Name, "password", s.user.Password)
		case "challenge":
			letters := s.demo.Mailbox.Letters(demo.Filter{To: s.user.Name, Tenant: s.place.Slug})
			require.NotEmpty(tb, letters)
			p = submit(tb, b, p, "/challenge", "code", letters[0].Code)
		case "consent":
			p = submit(tb, b, p, "/consent", "decision", "allow")
		}
		if p.Callback != nil {
			done.answer = p.Callback
			require.NotEmpty(tb, done.answer.Get("code"), "%v", done.answer)
			return done
		}
	}
	require.Fail(tb, "no way back to the app", "page %s (%d): %s", p.Name, p.Status, p.Body)
	return done
}

func submit(tb testing.TB, b *harness.Browser, p *harness.Page, suffix string, pairs ...string) *harness.Page {
	tb.Helper()
	for _, f := range p.Forms {
		if strings.HasSuffix(f.Action, suffix) {
			return b.TryPost(f.Action, f.With(pairs...))
		}
	}
	require.Fail(tb, "no such form", "%s on page %s: %s", suffix, p.Name, p.Body)
	return nil
}

// token posts to the token endpoint and expects tokens.
func (s *inside) token(tb testing.TB, form url.Values) harness.Tokens {
	tb.Helper()
	rec := s.do(tb, http.MethodPost, s.place.Issuer+"/token", form, func(r *http.Request) {
		r.SetBasicAuth(url.QueryEscape(s.client.ID), url.QueryEscape(s.client.Secret))
	})
	var k harness.Tokens
	require.NoError(tb, json.Unmarshal(rec.Body.Bytes(), &k))
	require.Equal(tb, http.StatusOK, rec.Code, "%s", rec.Body)
	return k
}

func (s *inside) exchange(tb testing.TB, in signedIn) harness.Tokens {
	tb.Helper()
	return s.token(tb, url.Values{
		"grant_type": {"authorization_code"}, "code": {in.answer.Get("code")}, "redirect_uri": {harness.Callback}, "code_verifier": {in.auth.Verifier},
	})
}

func (s *inside) refresh(tb testing.TB, token string) harness.Tokens {
	tb.Helper()
	return s.token(tb, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (s *inside) credentials(tb testing.TB) harness.Tokens {
	tb.Helper()
	return s.token(tb, url.Values{"grant_type": {"client_credentials"}})
}

func (s *inside) userinfo(tb testing.TB, access string) {
	tb.Helper()
	rec := s.do(tb, http.MethodGet, s.place.Issuer+"/userinfo", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+access) })
	require.Equal(tb, http.StatusOK, rec.Code, "%s", rec.Body)
}

// live answers an authorization request from the session that b has, with
// nothing but a redirect.
func (s *inside) live(tb testing.TB, b *harness.Browser) signedIn {
	tb.Helper()
	in := signedIn{auth: s.authorize()}
	p := b.TryGet(in.auth.URL)
	require.Equal(tb, http.StatusSeeOther, p.Status, "%s", p.Body)
	require.Len(tb, p.Trail, 1)
	in.answer = p.Callback
	require.NotEmpty(tb, in.answer.Get("code"), "%v", in.answer)
	return in
}
