package provider

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
)

func formBody(form url.Values) io.Reader { return strings.NewReader(form.Encode()) }

// brokenGrants is a store that does not answer what these endpoints ask.
type brokenGrants struct{ model.Store }

var errDisk = errors.New("disk full")

func (brokenGrants) RevokeOf(context.Context, string, string, string, string, time.Time) (string, error) {
	return "", store.Fail("revoke grant", errDisk)
}

func (brokenGrants) Standing(context.Context, string, string, time.Time) (model.Standing, model.Seen, error) {
	return model.Standing{}, model.Seen{}, store.Fail("read grant", errDisk)
}

// public is the form of an app that keeps no secret.
func public(token string) url.Values {
	form := tokenForm(token)
	form.Set("client_id", appPublic)
	return form
}

// exchangePublic gets the tokens of a fresh grant for the app that keeps no secret.
func (s *tokenServer) exchangePublic() answer {
	s.t.Helper()
	code, _ := s.grant(appPublic, nil)
	form := s.codeForm(appPublic, code)
	form.Set("client_id", appPublic)
	a := s.post(form)
	require.Equal(s.t, http.StatusOK, a.Status, a.Description)
	return a
}

// TestRevocation: whatever becomes of the token, the answer is the same.
func TestRevocation(t *testing.T) {
	forged := func(a answer) string { return a.RefreshToken[:len(a.RefreshToken)-44] + "." + b64(make([]byte, 32)) }
	basic := func(token func(answer) string, hint string) func(*tokenServer, answer) *httptest.ResponseRecorder {
		return func(s *tokenServer, a answer) *httptest.ResponseRecorder {
			form := tokenForm(token(a))
			if hint != "" {
				form.Set("token_type_hint", hint)
			}
			return s.call("revoke", form, asShop)
		}
	}
	refresh := func(a answer) string { return a.RefreshToken }
	access := func(a answer) string { return a.AccessToken }
	tests := []struct {
		name  string
		do    func(*tokenServer, answer) *httptest.ResponseRecorder
		ended bool
	}{
		{"a refresh token ends the grant", basic(refresh, ""), true},
		{"an access token ends the grant", basic(access, ""), true},
		{"a refresh token with the hint of the other kind", basic(refresh, "access_token"), true},
		{"an access token with the hint of the other kind", basic(access, "refresh_token"), true},
		{"an access token with a hint that nobody knows", basic(access, "saml2_token"), true},
		{"a refresh token that was rotated away", func(s *tokenServer, a answer) *httptest.ResponseRecorder {
			require.Equal(s.t, http.StatusOK, s.post(refreshForm(a.RefreshToken), asShop).Status)
			return s.call("revoke", tokenForm(a.RefreshToken), asShop)
		}, true},
		{"a refresh token from another app", func(s *tokenServer, a answer) *httptest.ResponseRecorder {
			return s.call("revoke", tokenForm(a.RefreshToken), asPost)
		}, false},
		{"an access token from another app", func(s *tokenServer, a answer) *httptest.ResponseRecorder {
			return s.call("revoke", tokenForm(a.AccessToken), asPost)
		}, false},
		{"an access token from an app that it is meant for", func(s *tokenServer, a answer) *httptest.ResponseRecorder {
			return s.call("revoke", tokenForm(a.AccessToken), asAPI)
		}, false},
		{"a refresh token from an app that only has a name", func(s *tokenServer, a answer) *httptest.ResponseRecorder {
			return s.call("revoke", public(a.RefreshToken))
		}, false},
		{"an ID token", basic(func(a answer) string { return a.IDToken }, ""), false},
		{"a changed access token", basic(func(a answer) string { return a.AccessToken[:len(a.AccessToken)-6] + "AAAAAA" }, ""), false},
		{"nothing that we made", basic(func(answer) string { return "x" }, ""), false},
		{"a refresh token of no grant", basic(func(answer) string { return "rt1." + b64(make([]byte, 20)) + "." + b64(make([]byte, 32)) }, ""), false},
		{"a refresh token at another tenant", func(s *tokenServer, a answer) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/t/b/revoke", formBody(tokenForm(a.RefreshToken)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			asShop(r)
			return s.serve(r)
		}, false},
	}
	testdb.Each(t, func(t *testing.T, address string) {
		s := tokenServerOn(t, address)
		s.resourceServer(nil)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				a := s.exchange(nil)
				s.events = nil

				w := tt.do(s, a)

				require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
				require.Empty(t, w.Body.String())
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				require.Equal(t, tt.ended, s.info(a.AccessToken).Code == http.StatusUnauthorized)
				require.Equal(t, tt.ended, s.asked(a.AccessToken, asShop)["active"] == false)
				if !tt.ended {
					require.NotContains(t, s.audited(), "grant.revoked")
					require.Equal(t, http.StatusOK, s.post(refreshForm(a.RefreshToken), asShop).Status)
					return
				}
				require.Equal(t, []string{"grant.revoked"}, s.audited())
				require.Equal(t, userAlice, s.events[0].Subject)
				require.Equal(t, appShop, s.events[0].ClientID)
				require.Equal(t, claimsIn(t, a.AccessToken)["gid"], s.events[0].Data["grant"])
				require.Equal(t, "invalid_grant", s.post(refreshForm(a.RefreshToken), asShop).Error)
				require.Equal(t, http.StatusOK, s.call("revoke", tokenForm(a.RefreshToken), asShop).Code, "a second time too")
				require.Equal(t, []string{"grant.revoked"}, s.audited())
			})
		}
	})

	t.Run("an app that keeps no secret ends what is its own", func(t *testing.T) {
		s := newTokenServer(t)
		for _, token := range []func(answer) string{refresh, access} {
			a := s.exchangePublic()
			require.Equal(t, http.StatusOK, s.call("revoke", public(token(a))).Code)
			require.Equal(t, http.StatusUnauthorized, s.info(a.AccessToken).Code)
		}
	})
	t.Run("who knows the names of app and grant ends nothing", func(t *testing.T) {
		s := newTokenServer(t)
		a := s.exchangePublic()
		require.Equal(t, http.StatusOK, s.call("revoke", public(forged(a))).Code)
		require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
	})
	t.Run("a token of an app itself is no error, and lives out its minutes", func(t *testing.T) {
		s := newTokenServer(t)
		w := s.post(url.Values{"grant_type": {grantCredentials}}, asRobot)
		require.Equal(t, http.StatusOK, s.call("revoke", tokenForm(w.AccessToken), asRobot).Code)
		require.NotContains(t, s.audited(), "grant.revoked")
	})
	t.Run("an access token that is over ends nothing", func(t *testing.T) {
		s := newTokenServer(t)
		a := s.exchange(nil)
		s.advance(accessTokenLife)
		require.Equal(t, http.StatusOK, s.call("revoke", tokenForm(a.AccessToken), asShop).Code)
		require.Equal(t, http.StatusOK, s.post(refreshForm(a.RefreshToken), asShop).Status)
	})
}

func TestRevocationRefused(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(nil)
	form := tokenForm(a.RefreshToken)
	tests := []struct {
		name   string
		form   url.Values
		edit   func(*http.Request)
		status int
		want   string
	}{
		{"nobody", form, func(*http.Request) {}, 401, "invalid_client"},
		{"a wrong secret", form, as(appShop, "wrong"), 401, "invalid_client"},
		{"a confidential app by its name alone", url.Values{"token": {a.RefreshToken}, "client_id": {appShop}}, func(*http.Request) {}, 401, "invalid_client"},
		{"no token", url.Values{}, asShop, 400, "invalid_request"},
		{"GET", form, func(r *http.Request) { r.Method = http.MethodGet }, 405, "invalid_request"},
		{"JSON", form, func(r *http.Request) { asShop(r); r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := s.call("revoke", tt.form, tt.edit)
			require.Equal(t, tt.status, w.Code)
			require.Equal(t, tt.want, errorOf(t, w))
			require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code)
		})
	}

	t.Run("trap T18: a store that does not answer is no success", func(t *testing.T) {
		s.provider.Grants = &brokenGrants{Store: s.store}
		w := s.call("revoke", form, asShop)
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Equal(t, "temporarily_unavailable", errorOf(t, w))
		require.Equal(t, "1", w.Header().Get("Retry-After"))
	})
}

// TestRevocationFromABrowser: scripts of registered origins may call it; nobody's
// scripts may introspect.
func TestRevocationFromABrowser(t *testing.T) {
	s := newTokenServer(t)
	preflight := func(path, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/t/a/"+path, nil)
		r.Header.Set("Origin", origin)
		return s.serve(r)
	}
	w := preflight("revoke", "https://spa.example")
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, "https://spa.example", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "POST", w.Header().Get("Access-Control-Allow-Methods"))
	require.Empty(t, preflight("revoke", "https://evil.example").Header().Get("Access-Control-Allow-Origin"))
	require.Empty(t, preflight("introspect", "https://spa.example").Header().Get("Access-Control-Allow-Origin"))

	a := s.exchangePublic()
	answered := s.call("revoke", public(a.RefreshToken), func(r *http.Request) { r.Header.Set("Origin", "https://spa.example") })
	require.Equal(t, http.StatusOK, answered.Code)
	require.Equal(t, "https://spa.example", answered.Header().Get("Access-Control-Allow-Origin"))
}
