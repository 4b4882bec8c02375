package provider

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
)

// TestTraps holds one test for each known trap of fosite that touches tokens,
// userinfo or keys, named by its number.
func TestTraps(t *testing.T) {
	t.Run("T1_wrong_verifier_burns_the_code", trapWrongVerifier)
	t.Run("T1_without_verifier_burns_the_code_too", trapNoVerifier)
	t.Run("T6_nothing_comes_twice", trapTwice)
	t.Run("T9_the_request_is_judged_once", trapJudgedOnce)
	t.Run("T10_a_retired_key_still_verifies", trapRetiredKey)
	t.Run("T12_what_is_signed_can_be_verified", trapAlgs)
	t.Run("T13_clocks_may_differ_a_little", trapLeeway)
	t.Run("T14_at_hash_follows_the_alg", trapAtHash)
	t.Run("T15_an_ID_token_is_no_access_token", trapTokenTypes)
	t.Run("T16_introspection_is_for_those_whom_a_token_concerns", trapIntrospection)
	t.Run("T17_no_token_in_the_query_string", trapQueryToken)
	t.Run("T18_a_store_that_fails_is_no_success", trapRevocation)
	t.Run("T19_refresh_narrows_the_scope", trapNarrow)
	t.Run("T21_unknown_grant_type", trapGrantType)
	t.Run("T22_secrets_are_keyed_hashes", trapSecrets)
	t.Run("T23_error_codes_and_challenges", trapErrors)
	t.Run("T26_keys_are_not_fetched_from_inside", trapFetch)
	t.Run("T27_an_assertion_is_used_up_last", trapAssertion)
	t.Run("T28_nothing_leaks_between_requests", trapLeaks)
	t.Run("T30_the_grant_is_read_once", trapReadOnce)
	t.Run("T31_no_key_no_consumption", trapNoKey)
	t.Run("T32_the_clock_is_ours", trapClock)
}

func trapWrongVerifier(t *testing.T) {
	s := newTokenServer(t)
	code, g := s.grant(appPost, nil)
	asPost := as(appPost, postSecret)
	form := s.codeForm(appPost, code)
	form.Set("code_verifier", strings.Repeat("x", 43))
	require.Equal(t, "invalid_grant", s.post(form, asPost).Error)

	// fosite would now take the code from an app for which PKCE is optional.
	form.Del("code_verifier")
	require.Equal(t, "invalid_grant", s.post(form, asPost).Error)

	require.Equal(t, "invalid_grant", s.post(s.codeForm(appPost, code), asPost).Error)
	_, _, err := s.store.Grant(t.Context(), tenantA, g.ID, s.clock())
	require.ErrorIs(t, err, model.ErrNotFound, "the grant has ended")
	require.Equal(t, "code.abandoned", s.audited()[0])
}

func trapNoVerifier(t *testing.T) {
	s := newTokenServer(t)
	code, _ := s.grant(appShop, nil)
	form := s.codeForm(appShop, code)
	form.Del("code_verifier")
	require.Equal(t, "invalid_grant", s.post(form, asShop).Error)
	require.Equal(t, "invalid_grant", s.post(s.codeForm(appShop, code), asShop).Error)
}

func trapTwice(t *testing.T) {
	s := newTokenServer(t)
	for _, name := range []string{"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "scope", "something"} {
		code, _ := s.grant(appShop, nil)
		form := s.codeForm(appShop, code)
		form[name] = []string{form.Get(name), "again"}
		require.Equal(t, "invalid_request", s.post(form, asShop).Error, name)
		require.Equal(t, http.StatusOK, s.post(s.codeForm(appShop, code), asShop).Status, "the code was not spent on it")
	}
	code, _ := s.grant(appShop, func(g *model.Grant) { g.Audience = []string{"https://api.example", "https://pay.example"} })
	form := s.codeForm(appShop, code)
	form["resource"] = []string{"https://api.example", "https://pay.example"}
	a := s.post(form, asShop)
	require.Equal(t, http.StatusOK, a.Status, "resource may")
	require.Equal(t, []any{"https://api.example", "https://pay.example"}, claimsIn(t, a.AccessToken)["aud"])
}

func trapJudgedOnce(t *testing.T) {
	s := newTokenServer(t)
	// fosite would answer each of these with a server_error at this point.
	a := s.exchange(func(g *model.Grant) {
		g.Nonce = "n"                                // too short for fosite
		g.AuthTime = s.clock().Add(-100 * time.Hour) // older than any max_age
		g.CreatedAt = s.clock().Add(-time.Minute)
	})
	require.Equal(t, "n", claimsIn(t, a.IDToken)["nonce"])
	require.EqualValues(t, s.clock().Add(-100*time.Hour).Unix(), claimsIn(t, a.IDToken)["auth_time"])

	a = s.exchange(func(g *model.Grant) { g.AuthTime = s.clock().Add(time.Minute) }) // ahead of fosite's clock
	require.NotEmpty(t, a.IDToken)
}

func trapQueryToken(t *testing.T) {
	s := newTokenServer(t)
	a := s.exchange(nil)
	w := s.infoAt("/t/a/userinfo?access_token="+a.AccessToken, "")
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.NotContains(t, w.Body.String(), "alice")
	w = s.infoAt("/t/a/userinfo?access_token="+a.AccessToken, a.AccessToken)
	require.Equal(t, http.StatusBadRequest, w.Code)

	code, _ := s.grant(appShop, nil)
	query := s.post(s.codeForm(appShop, code), asShop, func(r *http.Request) { r.URL.RawQuery = "client_id=shop" })
	require.Equal(t, "invalid_request", query.Error, "nor anything at the token endpoint")
}

func trapNarrow(t *testing.T) {
	s := newTokenServer(t)
	token := s.exchange(nil).RefreshToken
	ask := func(scope string) answer {
		form := refreshForm(token)
		form.Set("scope", scope)
		return s.post(form, asShop)
	}

	wide := ask("openid phone")
	require.Equal(t, "invalid_scope", wide.Error, "never more than was granted")

	less := ask("openid email")
	require.Equal(t, http.StatusOK, less.Status, less.Description)
	require.Equal(t, "openid email", less.Scope)
	require.Equal(t, "openid email", claimsIn(t, less.AccessToken)["scope"])
	info := bodyOf(t, s.info(less.AccessToken))
	require.Contains(t, info, "email")
	require.NotContains(t, info, "name")

	token = less.RefreshToken
	none := ask("profile")
	require.Equal(t, "profile", none.Scope)
	require.Empty(t, none.IDToken, "without openid there is no ID token")

	token = none.RefreshToken
	form := refreshForm(token)
	require.Equal(t, "openid profile email offline_access", s.post(form, asShop).Scope, "the grant keeps what it has")
}

func trapGrantType(t *testing.T) {
	s := newTokenServer(t)
	code, _ := s.grant(appShop, nil)
	for name, want := range map[string]string{
		"password":                      "unsupported_grant_type",
		"implicit":                      "unsupported_grant_type",
		"authorization_code password":   "unsupported_grant_type",
		"Authorization_Code":            "unsupported_grant_type",
		"urn:ietf:params:oauth:x":       "unsupported_grant_type",
		grantCredentials:                "unauthorized_client",
		"":                              "invalid_request",
		" authorization_code":           "unsupported_grant_type",
		"authorization_code\x00garbage": "unsupported_grant_type",
	} {
		form := s.codeForm(appShop, code)
		form.Set("grant_type", name)
		a := s.post(form, asShop)
		require.Equal(t, want, a.Error, "%q", name)
		require.Equal(t, http.StatusBadRequest, a.Status)
	}
	require.Equal(t, http.StatusOK, s.post(s.codeForm(appShop, code), asShop).Status)
}

func trapSecrets(t *testing.T) {
	s := newTokenServer(t)
	kept := s.app(appShop).Secrets[0]
	require.Len(t, kept.MAC, sha256.Size)
	plain := sha256.Sum256([]byte(shopSecret))
	require.NotEqual(t, plain[:], kept.MAC, "it is keyed")
	require.NotEqual(t, s.hashed(tenantB, appShop, shopSecret)[0].MAC, kept.MAC, "and bound to the tenant")
	require.NotEqual(t, s.hashed(tenantA, appPost, shopSecret)[0].MAC, kept.MAC, "and to the app")
	require.ErrorIs(t, noHasher{}.Compare(t.Context(), kept.MAC, []byte(shopSecret)), fosite.ErrInvalidClient)

	ctx, count := store.Count(t.Context())
	require.Equal(t, "invalid_client", s.postCtx(ctx, refreshForm("x"), as(appShop, "wrong")).Error)
	count.Reset()
	require.Equal(t, "invalid_client", s.postCtx(ctx, refreshForm("x"), as(appShop, "wrong")).Error)
	require.Empty(t, count.Statements(), "a wrong secret costs no statement")
}

func trapErrors(t *testing.T) {
	s := newTokenServer(t)
	basic := s.post(refreshForm("x"), as(appShop, "wrong"))
	require.Equal(t, http.StatusUnauthorized, basic.Status)
	require.True(t, strings.HasPrefix(basic.Header.Get("WWW-Authenticate"), "Basic "), "whoever used Basic is told of Basic")

	form := refreshForm("x")
	form.Set("client_id", appPost)
	form.Set("client_secret", "wrong")
	post := s.post(form)
	require.Equal(t, http.StatusUnauthorized, post.Status)
	require.Empty(t, post.Header.Get("WWW-Authenticate"))

	standard := []string{
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
		"unsupported_grant_type", "invalid_scope", "invalid_target",
	}
	for name, value := range map[string]string{
		"code": "x\"y\\z", "redirect_uri": "ä", "code_verifier": "\r\n", "scope": "öffentlich", "resource": "\x00", "grant_type": "<b>",
	} {
		code, _ := s.grant(appShop, nil)
		form := s.codeForm(appShop, code)
		form.Set(name, value)
		a := s.post(form, asShop)
		if a.Status == http.StatusOK {
			continue // such as scope, which the exchange of a code does not read
		}
		require.Contains(t, standard, a.Error, name)
		require.Regexp(t, `^[\x20\x21\x23-\x5B\x5D-\x7E]{1,200}$`, a.Description)
		require.NotContains(t, a.Description, value)
	}

	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		w := s.serve(httptest.NewRequestWithContext(t.Context(), method, "/t/a/token", nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
		require.Equal(t, "POST", w.Header().Get("Allow"))
	}
	json := s.post(url.Values{}, asShop, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
	require.Equal(t, "invalid_request", json.Error)
	code, _ := s.grant(appShop, nil)
	large := s.codeForm(appShop, code)
	large.Set("x", strings.Repeat("a", maxTokenForm)) // comes last, so that what is cut off would not be missed
	require.Equal(t, "invalid_request", s.post(large, asShop).Error)
}

func trapLeaks(t *testing.T) {
	s := newTokenServer(t)
	rich := s.exchange(func(g *model.Grant) {
		g.Audience, g.Nonce, g.IDClaims = []string{"https://api.example"}, "first", []byte(`{"email":"a@example.test"}`)
		g.ConfirmationID, g.Action, g.ACR, g.AMR = "c", "payout.request", "phr", []string{"hwk"}
	})
	require.Equal(t, "https://api.example", claimsIn(t, rich.AccessToken)["aud"])

	plain := s.exchange(func(g *model.Grant) { g.Nonce = "" })

	require.Equal(t, issuerOf(tenantA), claimsIn(t, plain.AccessToken)["aud"])
	for _, name := range []string{"nonce", "email", "txn", claimConfirmation} {
		require.NotContains(t, claimsIn(t, plain.IDToken), name)
	}
	require.Equal(t, []any{"pwd"}, claimsIn(t, plain.IDToken)["amr"])

	one := newSession(&model.Grant{UserID: "a"}, tokenT0)
	two, ok := one.Clone().(*session)
	require.True(t, ok)
	two.subject = "b"
	require.Equal(t, "a", one.GetSubject())
}

func trapReadOnce(t *testing.T) {
	s := newTokenServer(t)
	code, _ := s.grant(appShop, nil)
	realm, err := s.catalog.BySlug(t.Context(), "a")
	require.NoError(t, err)
	uow := s.provider.newUnitOfWork(realm)
	uow.client = realm.Client(appShop)
	ctx, count := store.Count(t.Context())
	signature := b64(codeHash(code))

	first, err := uow.GetAuthorizeCodeSession(ctx, signature, newSession(nil, uow.now))
	require.NoError(t, err)
	fresh := newSession(nil, uow.now)
	fresh.SetExpiresAt(fosite.AccessToken, time.Unix(1, 0))
	second, err := uow.GetAuthorizeCodeSession(ctx, signature, fresh)
	require.NoError(t, err)

	require.Len(t, count.Statements(), 1)
	require.Equal(t, first.GetID(), second.GetID())
	require.Same(t, fresh, second.GetSession(), "nothing is read into a session that somebody holds")
	require.Equal(t, uow.now.Add(accessTokenLife), fresh.GetExpiresAt(fosite.AccessToken))
}

func trapNoKey(t *testing.T) {
	s := newTokenServer(t)
	rs, ok := s.keySet().Signing(keys.RS256)
	require.True(t, ok)
	require.NoError(t, s.store.SetState(t.Context(), tenantA, rs.ID, keys.Retired, s.clock()))
	require.NoError(t, s.catalog.Refresh(t.Context()))
	code, _ := s.grant(appPost, nil)

	a := s.post(s.codeForm(appPost, code), as(appPost, postSecret))
	require.Equal(t, "server_error", a.Error)
	require.Equal(t, http.StatusInternalServerError, a.Status)

	_, err := keys.Rotate(t.Context(), s.store, tenantA, keys.Rotation{}, s.clock())
	require.NoError(t, err)
	require.NoError(t, s.catalog.Refresh(t.Context()))
	a = s.post(s.codeForm(appPost, code), as(appPost, postSecret))
	require.Equal(t, http.StatusOK, a.Status, "the code was not spent on an answer that could not be signed")
}

func trapClock(t *testing.T) {
	for name, at := range map[string]time.Time{
		"years ahead": time.Date(2051, 6, 1, 0, 0, 0, 0, time.UTC),
		"years ago":   time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC),
	} {
		s := newTokenServer(t)
		s.now = at
		a := s.exchange(nil)
		require.EqualValues(t, 300, a.ExpiresIn, name)
		for _, token := range []string{a.AccessToken, a.IDToken} {
			require.EqualValues(t, at.Unix(), claimsIn(t, token)["iat"], name)
			require.EqualValues(t, at.Add(5*time.Minute).Unix(), claimsIn(t, token)["exp"], name)
		}
		require.Equal(t, http.StatusOK, s.info(a.AccessToken).Code, name)
		b := s.post(refreshForm(a.RefreshToken), asShop)
		require.EqualValues(t, 300, b.ExpiresIn, name)
		s.advance(accessTokenLife + clockSkew)
		require.Equal(t, http.StatusUnauthorized, s.info(a.AccessToken).Code, name)
	}
}
