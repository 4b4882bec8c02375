package provider

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
)

// pushed is the answer of the PAR endpoint.
type pushed struct {
	Status      int
	Header      http.Header
	RequestURI  string `json:"request_uri"`
	ExpiresIn   int    `json:"expires_in"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// push sends form to the PAR endpoint; by says who the app is.
func (s *authServer) push(form url.Values, by func(*http.Request)) pushed {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/t/a/par", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if by != nil {
		by(r)
	}
	w := s.serve(r)
	got := pushed{Status: w.Code, Header: w.Header()}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &got), "%s", w.Body)
	return got
}

// mustPush returns the name of a request of the shop that was pushed.
func (s *authServer) mustPush(form url.Values) string {
	s.t.Helper()
	got := s.push(form, asShop)
	require.Equal(s.t, http.StatusCreated, got.Status, "%s: %s", got.Error, got.Description)
	return got.RequestURI
}

func reference(uri string, edits ...string) url.Values {
	return edited(url.Values{"client_id": {appShop}, "request_uri": {uri}}, edits...)
}

func TestAPushedRequestIsAnsweredLikeAnyOther(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		got := s.push(shopForm(), asShop)
		require.Equal(t, http.StatusCreated, got.Status, "%s", got.Description)
		require.Equal(t, 90, got.ExpiresIn)
		require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
		require.True(t, strings.HasPrefix(got.RequestURI, "urn:ietf:params:oauth:request_uri:"))
		require.Len(t, got.RequestURI, len("urn:ietf:params:oauth:request_uri:")+43)

		t.Run("with a login", func(t *testing.T) {
			b := s.browser()
			id := interactionID(t, b.authorize(reference(got.RequestURI)))
			require.Equal(t, id, interactionID(t, b.authorize(reference(got.RequestURI))), "the same browser may come again")
			b.logIn(id, userAlice)

			target, answer := told(t, b.resume(id))

			require.Equal(t, shopReturn, target)
			require.Equal(t, "s t/a+t%e", answer.Get("state"))
			require.Equal(t, "n1", claimsIn(t, s.tokens(t, answer.Get("code")).IDToken)["nonce"])
			require.Equal(t, http.StatusBadRequest, b.authorize(reference(got.RequestURI)).Code, "it is used up")
		})
		t.Run("in silence, with a live session", func(t *testing.T) {
			b := s.signedIn(time.Minute)
			uri := s.mustPush(shopForm("prompt=none"))
			_, answer := told(t, b.authorize(reference(uri)))
			require.NotEmpty(t, s.tokens(t, answer.Get("code")).AccessToken)
			require.Equal(t, http.StatusBadRequest, b.authorize(reference(uri)).Code, "it is used up")
		})
	})
}

func TestOfABrowsersRequestOnlyTheNameOfThePushedOneCounts(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	uri := s.mustPush(shopForm("scope=openid"))

	target, got := told(t, b.authorize(reference(uri, "scope=openid email", "state=evil", "redirect_uri=https://evil.example/", "nonce=evil", "prompt=login")))

	require.Equal(t, shopReturn, target)
	require.Equal(t, "s t/a+t%e", got.Get("state"))
	a := s.tokens(t, got.Get("code"))
	require.Equal(t, "openid", a.Scope)
	require.Equal(t, "n1", claimsIn(t, a.IDToken)["nonce"])
}

func TestAPushedRequestIsOverWithAnyAnswer(t *testing.T) {
	tests := []struct{ name, edit, want string }{
		{"an error of prompt=none, signed out", "prompt=none", "login_required"},
		{"an acr that cannot be reached", "acr_values=phrh", "unmet_authentication_requirements"},
	}
	s := newAuthServer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			if tt.want != "login_required" {
				b = s.signedIn(time.Minute)
			}
			uri := s.mustPush(shopForm(tt.edit))
			_, got := told(t, b.authorize(reference(uri)))
			require.Equal(t, tt.want, got.Get("error"))
			require.Equal(t, http.StatusBadRequest, b.authorize(reference(uri)).Code)
		})
	}
}

func TestWhoMayUseAPushedRequest(t *testing.T) {
	s := newAuthServer(t)
	refused := func(t *testing.T, w *httptest.ResponseRecorder) {
		t.Helper()
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Empty(t, w.Header().Get("Location"), "nobody is sent anywhere")
		require.Contains(t, w.Body.String(), "invalid_request_uri")
	}
	t.Run("not another browser, once one has come", func(t *testing.T) {
		uri := s.mustPush(shopForm())
		interactionID(t, s.browser().authorize(reference(uri)))
		refused(t, s.browser().authorize(reference(uri)))
	})
	t.Run("not another app (trap T3)", func(t *testing.T) {
		uri := s.mustPush(shopForm())
		refused(t, s.browser().authorize(reference(uri, "client_id="+appPost)))
		refused(t, s.browser().authorize(reference(uri, "client_id=")))
	})
	t.Run("not another tenant", func(t *testing.T) {
		uri := s.mustPush(shopForm())
		require.NotEqual(t, http.StatusSeeOther, s.browser().do(t.Context(), http.MethodGet, "/t/b/authorize", reference(uri)).Code)
	})
	t.Run("nobody after its time", func(t *testing.T) {
		uri := s.mustPush(shopForm())
		s.advance(90 * time.Second)
		refused(t, s.browser().authorize(reference(uri)))
	})
	t.Run("its browser has half an hour from its first visit", func(t *testing.T) {
		b, uri := s.browser(), s.mustPush(shopForm())
		s.advance(89 * time.Second)
		id := interactionID(t, b.authorize(reference(uri)))
		s.advance(29 * time.Minute)
		require.Equal(t, id, interactionID(t, b.authorize(reference(uri))))
		s.advance(2 * time.Minute)
		refused(t, b.authorize(reference(uri)))
	})
	t.Run("nobody under a name that was made up", func(t *testing.T) {
		refused(t, s.browser().authorize(reference("urn:ietf:params:oauth:request_uri:"+strings.Repeat("A", 43))))
	})
	t.Run("a post from another site is repeated as a GET", func(t *testing.T) {
		uri := s.mustPush(shopForm())
		w := s.browser().do(t.Context(), http.MethodPost, "/t/a/authorize", reference(uri))
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Empty(t, w.Result().Cookies())
		require.Contains(t, w.Header().Get("Location"), "/t/a/authorize?client_id=shop&request_uri=urn")
	})
}

func TestOfManyBrowsersAtOnceOneGetsThePushedRequest(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		uri := s.mustPush(shopForm())
		var mu sync.Mutex
		var all sync.WaitGroup
		won := 0
		for range 32 {
			all.Go(func() {
				w := s.browser().authorize(reference(uri))
				mu.Lock()
				defer mu.Unlock()
				if w.Code == http.StatusSeeOther {
					won++
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, won)
	})
}

func TestWhatIsNotPushed(t *testing.T) {
	s := newAuthServer(t)
	tests := []struct {
		name string
		form url.Values
		by   func(*http.Request)
		code string
		at   int
	}{
		{"without the app's secret", shopForm(), nil, "invalid_client", 401},
		{"another app's request", shopForm("client_id=" + appPost), asShop, "invalid_request", 400},
		{"a redirect URI of somebody else", shopForm("redirect_uri=https://evil.example/"), asShop, "invalid_request", 400},
		{"a reference to another request", shopForm("request_uri=urn:ietf:params:oauth:request_uri:x"), asShop, "invalid_request", 400},
		{"a reference to an address", shopForm("request_uri=https://evil.example/r"), asShop, "invalid_request", 400},
		{"a scope that the app does not have", shopForm("scope=openid admin"), asShop, "invalid_scope", 400},
		{"a challenge that is plain", shopForm("code_challenge_method=plain"), asShop, "invalid_request", 400},
		{"another response type", shopForm("response_type=token"), asShop, "unsupported_response_type", 400},
		{"an unknown resource", shopForm("resource=https://other.example/"), asShop, "invalid_target", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.push(tt.form, tt.by)
			require.Equal(t, tt.at, got.Status)
			require.Equal(t, tt.code, got.Error)
			require.NotEmpty(t, got.Description)
			require.Empty(t, got.RequestURI)
		})
	}
	t.Run("with GET", func(t *testing.T) {
		w := s.serve(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/a/par", nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
		require.Equal(t, http.MethodPost, w.Header().Get("Allow"))
	})
	t.Run("a parameter twice", func(t *testing.T) {
		form := shopForm()
		form.Add("state", "other")
		require.Equal(t, "invalid_request", s.push(form, asShop).Error)
	})
}

func TestAnAppThatMustPush(t *testing.T) {
	s := newAuthServer(t)
	s.register(appShop, func(c *identity.Client) { c.RequirePAR = true })
	b := s.signedIn(time.Minute)

	_, got := told(t, b.authorize(shopForm()))
	require.Equal(t, "invalid_request", got.Get("error"))
	_, got = told(t, b.authorize(reference(s.mustPush(shopForm()))))
	require.NotEmpty(t, got.Get("code"))
}

// TestASecretIsNotKept: what proves the app is no part of its request.
func TestASecretIsNotKept(t *testing.T) {
	s := newAuthServer(t)
	form := shopForm("client_id="+appPost, "redirect_uri="+s.app(appPost).RedirectURIs[0])
	form.Set("client_secret", postSecret)
	got := s.push(form, nil)
	require.Equal(t, http.StatusCreated, got.Status, got.Description)
	in, err := s.store.ClaimPushed(t.Context(), tenantA, requestURIHash(got.RequestURI), []byte("b"), s.clock(), s.clock().Add(time.Minute))
	require.NoError(t, err)
	require.NotEmpty(t, in.Request.Form)
	for name, values := range in.Request.Form {
		require.NotContains(t, strings.Join(values, " "), postSecret, name)
	}
}
