package provider

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
)

func TestAuthorizeWithALiveSession(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		b := s.signedIn(time.Minute)
		b.authorize(shopForm()) // the tenant is in memory now

		ctx, count := store.Count(t.Context())
		w := b.do(ctx, http.MethodGet, "/t/a/authorize", shopForm())

		require.Equal(t, http.StatusSeeOther, w.Code, "%s", w.Body)
		require.Len(t, count.Statements(), 2, "%v", count.Statements())
		require.Zero(t, count.Begins())
		target, got := told(t, w)
		require.Equal(t, shopReturn, target)
		require.Equal(t, "s t/a+t%e", got.Get("state"))
		require.Equal(t, issuerOf(tenantA), got.Get("iss"))
		require.Len(t, got, 3, "code, state, iss and nothing else")
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))

		tokens := s.tokens(t, got.Get("code"))
		claims := claimsIn(t, tokens.IDToken)
		require.Equal(t, userAlice, claims["sub"])
		require.Equal(t, "n1", claims["nonce"])
		require.Equal(t, "urn:sallyport:acr:1fa", claims["acr"])
		require.Equal(t, []any{"pwd"}, claims["amr"])
		require.InDelta(t, tokenT0.Add(-time.Minute).Unix(), claims["auth_time"], 0)
		require.NotEmpty(t, claims["sid"])
	})
}

// TestAuthorizeErrors is the table of protocol.md 5.11, as far as it concerns
// this endpoint, over HTTP.
func TestAuthorizeErrors(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	tests := []struct {
		name  string
		edits []string
		code  string
	}{
		{"duplicate parameter", []string{"nonce=a", "nonce=b"}, "invalid_request"},
		{"max_age that is text", []string{"max_age=abc"}, "invalid_request"},
		{"max_age below zero", []string{"max_age=-5"}, "invalid_request"},
		{"malformed claims", []string{"claims={\"id_token\":"}, "invalid_request"},
		{"prompt mix", []string{"prompt=none consent"}, "invalid_request"},
		{"PKCE missing", []string{"code_challenge=", "code_challenge_method="}, "invalid_request"},
		{"PKCE plain", []string{"code_challenge_method=plain"}, "invalid_request"},
		{"response_type missing", []string{"response_type="}, "invalid_request"},
		{"response_type not allowed", []string{"response_type=code token"}, "unsupported_response_type"},
		{"response_mode not allowed", []string{"response_mode=fragment"}, "invalid_request"},
		{"scope of the app itself", []string{"scope=openid users.security"}, "invalid_scope"},
		{"scope not allowed", []string{"scope=openid admin"}, "invalid_scope"},
		{"resource unknown", []string{"resource=https://unknown.example"}, "invalid_target"},
		{"details in the front channel", []string{"authorization_details=[]"}, "invalid_request"},
		{"request object", []string{"request=x.y.z"}, "request_not_supported"},
		{"remote request_uri", []string{"request_uri=https://a.example"}, "request_uri_not_supported"},
		{"registration", []string{"registration={}"}, "registration_not_supported"},
		{"a hint that is no ID token", []string{"id_token_hint=abc"}, "invalid_request"},
		{"an acr that cannot be reached", []string{"acr_values=phr"}, "unmet_authentication_requirements"},
		{"an essential acr claim that cannot be reached", []string{`claims={"id_token":{"acr":{"essential":true,"value":"phr"}}}`}, "unmet_authentication_requirements"},
		{"only acr values that nobody knows", []string{"acr_values=urn:x urn:y"}, "unmet_authentication_requirements"},
		{"the same with prompt none", []string{"acr_values=phr", "prompt=none"}, "unmet_authentication_requirements"},
		{"silence where a login is due", []string{"prompt=none", "max_age=10"}, "login_required"},
		{"silence where max_age 0 asks for a login", []string{"prompt=none", "max_age=0"}, "login_required"},
		{"silence for another user", []string{"prompt=none", `claims={"id_token":{"sub":{"value":"bob"}}}`}, "login_required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, got := told(t, b.authorize(shopForm(tt.edits...)))

			require.Equal(t, shopReturn, target)
			require.Equal(t, tt.code, got.Get("error"))
			require.NotEmpty(t, got.Get("error_description"))
			require.Equal(t, "s t/a+t%e", got.Get("state"))
			require.Equal(t, issuerOf(tenantA), got.Get("iss"))
			require.Len(t, got, 4)
		})
	}
	t.Run("silence where nobody is signed in", func(t *testing.T) {
		_, got := told(t, s.browser().authorize(shopForm("prompt=none")))
		require.Equal(t, "login_required", got.Get("error"))
	})
	t.Run("silence where consent is due", func(t *testing.T) {
		s.register(appShop, func(c *identity.Client) { c.FirstParty = false })
		defer s.register(appShop, func(c *identity.Client) { c.FirstParty = true })
		_, got := told(t, b.authorize(shopForm("prompt=none")))
		require.Equal(t, "consent_required", got.Get("error"))
	})
	t.Run("an error by form_post", func(t *testing.T) {
		for edit, code := range map[string]string{"scope=openid admin": "invalid_scope", "request=x.y.z": "request_not_supported"} {
			w := b.authorize(shopForm("response_mode=form_post", edit))
			require.Equal(t, http.StatusOK, w.Code)
			require.Contains(t, w.Body.String(), `name="error" value="`+code+`"`)
			require.NotContains(t, w.Header().Get("Content-Security-Policy"), "form-action")
		}
	})
}

func TestAuthorizeNeverRedirectsToWhomItDoesNotKnow(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	tests := []struct {
		name   string
		form   url.Values
		status int
	}{
		{"unknown client", shopForm("client_id=nobody"), 400},
		{"redirect of nobody", shopForm("redirect_uri=https://evil.example/cb"), 400},
		{"no redirect", shopForm("redirect_uri="), 400},
		{"redirect twice", shopForm("redirect_uri="+shopReturn, "redirect_uri=https://evil.example"), 400},
		{"unknown client with prompt none", shopForm("client_id=nobody", "prompt=none"), 400},
		{"too large", shopForm("x=" + strings.Repeat("x", maxParameters)), 413},
		{"far too large", shopForm("x=" + strings.Repeat("x", maxBody)), 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				w := b.do(t.Context(), method, "/t/a/authorize", tt.form)
				require.Equal(t, tt.status, w.Code)
				require.Empty(t, w.Header().Get("Location"))
				require.Contains(t, w.Header().Get("Content-Type"), "text/html")
				require.NotContains(t, w.Body.String(), "evil.example")
			}
		})
	}
	for name, path := range map[string]string{
		"bad escapes":    "/t/a/authorize?client_id=%zz",
		"unknown tenant": "/t/nobody/authorize?" + shopForm().Encode(),
	} {
		t.Run(name, func(t *testing.T) {
			w := b.do(t.Context(), http.MethodGet, path, nil)
			require.GreaterOrEqual(t, w.Code, 400)
			require.Less(t, w.Code, 500)
			require.Empty(t, w.Header().Get("Location"))
		})
	}
	t.Run("parameters in both channels", func(t *testing.T) {
		w := b.do(t.Context(), http.MethodPost, "/t/a/authorize?client_id="+appShop, shopForm())
		require.Equal(t, http.StatusBadRequest, w.Code)
	})
}

// TestAuthorizePost: a post from another site comes without our cookies; nothing
// may be concluded from their absence.
func TestAuthorizePost(t *testing.T) {
	s := newAuthServer(t)
	signedIn := s.signedIn(time.Minute)

	t.Run("without cookies it is repeated as a GET, at no statement", func(t *testing.T) {
		s.browser().authorize(shopForm())
		ctx, count := store.Count(t.Context())
		w := s.browser().do(ctx, http.MethodPost, "/t/a/authorize", shopForm("prompt=none"))
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Empty(t, count.Statements())
		require.Empty(t, w.Result().Cookies(), "a cookie set here would replace one that did not come")
		location := w.Header().Get("Location")
		require.True(t, strings.HasPrefix(location, "/t/a/authorize?"), location)

		_, got := told(t, signedIn.do(t.Context(), http.MethodGet, location, nil))
		require.NotEmpty(t, got.Get("code"), "only now the session counts")
		require.Equal(t, "s t/a+t%e", got.Get("state"))
	})
	t.Run("one that is too long for a query is parked", func(t *testing.T) {
		long := strings.Repeat("x", maxParameter-1)
		w := s.browser().do(t.Context(), http.MethodPost, "/t/a/authorize", shopForm("state="+long))
		location := w.Header().Get("Location")
		require.Less(t, len(location), 100)

		_, got := told(t, signedIn.do(t.Context(), http.MethodGet, location, nil))
		require.NotEmpty(t, got.Get("code"))
		require.Equal(t, long, got.Get("state"))

		id := location[strings.LastIndex(location, "=")+1:]
		require.Equal(t, http.StatusNotFound, signedIn.resume(id).Code, "it is no interaction")
		other := strings.Replace(location, "/t/a/", "/t/b/", 1)
		require.Equal(t, http.StatusNotFound, signedIn.do(t.Context(), http.MethodGet, other, nil).Code)
		s.advance(consent.InteractionLife)
		require.Equal(t, http.StatusNotFound, signedIn.do(t.Context(), http.MethodGet, location, nil).Code)
		s.advance(-consent.InteractionLife)
	})
	t.Run("an interaction is no parked request", func(t *testing.T) {
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		require.Equal(t, http.StatusNotFound, b.authorize(url.Values{parkedName: {id}}).Code)
	})
	t.Run("with a session it is judged at once", func(t *testing.T) {
		_, got := told(t, signedIn.do(t.Context(), http.MethodPost, "/t/a/authorize", shopForm()))
		require.NotEmpty(t, got.Get("code"))
	})
	t.Run("a mistake is told at once", func(t *testing.T) {
		_, got := told(t, s.browser().do(t.Context(), http.MethodPost, "/t/a/authorize", shopForm("scope=admin")))
		require.Equal(t, "invalid_scope", got.Get("error"))
	})
	t.Run("JSON is refused", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/t/a/authorize", strings.NewReader(shopForm().Encode()))
		r.Header.Set("Content-Type", "application/json")
		require.Equal(t, http.StatusBadRequest, s.serve(r).Code)
	})
	t.Run("a body is read whole or not at all", func(t *testing.T) {
		body := shopForm().Encode() + strings.Repeat("&", maxBody) + "&nonce=other"
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/t/a/authorize", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusRequestEntityTooLarge, s.serve(r).Code)
	})
}

func TestIDTokenHint(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	_, got := told(t, b.authorize(shopForm()))
	hint := s.tokens(t, got.Get("code")).IDToken

	t.Run("of the same user", func(t *testing.T) {
		_, got := told(t, b.authorize(shopForm("prompt=none", "id_token_hint="+hint)))
		require.NotEmpty(t, got.Get("code"))
	})
	t.Run("when it has long expired", func(t *testing.T) {
		s.advance(30 * time.Minute)
		_, got := told(t, b.authorize(shopForm("prompt=none", "id_token_hint="+hint)))
		require.NotEmpty(t, got.Get("code"))
	})
	t.Run("of another user never switches users", func(t *testing.T) {
		set, err := s.catalog.Keys(t.Context(), tenantA, 0)
		require.NoError(t, err)
		key, ok := set.Signing(keys.ES256)
		require.True(t, ok)
		bob, err := signJWT(key, typPlain, jwt.MapClaims{"iss": issuerOf(tenantA), "aud": appShop, "sub": "user-bob", "iat": 1, "exp": 2})
		require.NoError(t, err)
		_, got := told(t, b.authorize(shopForm("prompt=none", "id_token_hint="+bob)))
		require.Equal(t, "login_required", got.Get("error"))
		id := interactionID(t, b.authorize(shopForm("id_token_hint="+bob)))
		in, err := s.store.Interaction(t.Context(), tenantA, id)
		require.NoError(t, err)
		require.Equal(t, "user-bob", in.Request.Subject)
	})
	t.Run("for another client", func(t *testing.T) {
		form := shopForm("client_id="+appPost, "redirect_uri=https://post.example/cb", "prompt=none", "id_token_hint="+hint)
		_, got := told(t, b.authorize(form))
		require.Equal(t, "invalid_request", got.Get("error"))
	})
}

// TestAChangeByAnotherProcessIsSeenAtOnce: the realm in memory is older than the
// database, and the statement that finds the session says so.
func TestAChangeByAnotherProcessIsSeenAtOnce(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	b.authorize(shopForm())
	s.registerElsewhere(appShop, func(c *identity.Client) { c.FirstParty = false })

	_, got := told(t, b.authorize(shopForm("prompt=none")))
	require.Equal(t, "consent_required", got.Get("error"))

	s.registerElsewhere(appShop, func(c *identity.Client) { c.RedirectURIs = []string{"https://moved.example/cb"} })
	w := b.authorize(shopForm())
	require.Equal(t, http.StatusBadRequest, w.Code, "the old address is trusted no more")
}

func TestATenantSuspendedMeanwhileAnswersNothing(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	b.authorize(shopForm())
	tenant, err := s.store.Tenant(t.Context(), tenantA)
	require.NoError(t, err)
	tenant.Status = identity.TenantSuspended
	changed, err := s.store.UpdateTenant(t.Context(), tenant)
	require.NoError(t, err)
	require.True(t, changed)

	w := b.authorize(shopForm())

	require.Equal(t, http.StatusNotFound, w.Code)
	require.Empty(t, w.Header().Get("Location"))
}

func TestARefusalIsRecorded(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	b.authorize(shopForm("acr_values=phr"))
	require.Equal(t, []string{"authorize.refused"}, s.audited())
}

// broken is a store whose database is gone.
type broken struct {
	consent.People
	model.Store
}

func (broken) SignedIn(context.Context, string, []byte, string) (consent.SignedIn, error) {
	return consent.SignedIn{}, store.Fail("read session", errors.New("connection refused"))
}

func TestAFailureOfTheDatabaseIsToldToTheApp(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	b.authorize(shopForm())
	s.provider.People = broken{People: s.store}

	_, got := told(t, b.authorize(shopForm()))

	require.Equal(t, "temporarily_unavailable", got.Get("error"))
	require.NotContains(t, got.Get("error_description"), "refused")
}

func TestClaimsParameter(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	_, got := told(t, b.authorize(shopForm("scope=openid", `claims={"userinfo":{"name":{"essential":true}},"id_token":{"email":null}}`)))
	tokens := s.tokens(t, got.Get("code"))
	claims := claimsIn(t, tokens.IDToken)
	require.Equal(t, "alice@example.test", claims["email"])
	require.NotContains(t, claims, "name")
	info := s.info(tokens.AccessToken).Body.String()
	require.Contains(t, info, "Alice Example")
	require.NotContains(t, info, "alice@example.test")
}

func TestResources(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	_, got := told(t, b.authorize(shopForm("resource=https://api.example")))
	require.Equal(t, "https://api.example", claimsIn(t, s.tokens(t, got.Get("code")).AccessToken)["aud"])
}
