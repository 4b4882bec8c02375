package provider

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// The world of these tests: one tenant, a web app, a native app, and one that
// may do without PKCE.
const (
	testIssuer    = "https://id.example.test/t/acme"
	testRedirect  = "https://shop.example.test/callback"
	testChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
)

func testPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Preset(policy.Presets()[0])
	require.NoError(t, err)
	return &p
}

func testRealm(t testing.TB) *identity.Realm {
	t.Helper()
	shop := &identity.Client{
		ID: "shop", Name: "The shop", URI: "https://shop.example.test/", RedirectURIs: []string{testRedirect, testRedirect + "?fixed=1"},
		GrantTypes: []string{grantCode, grantRefresh}, Scopes: []string{"openid", "profile", "email", "offline_access"},
		Audiences: []string{"https://api.example.test/"}, AuthMethods: []string{identity.AuthBasic}, ACRMode: identity.ACRRequired,
	}
	native := *shop
	native.ID, native.Native, native.AuthMethods = "native", true, []string{identity.AuthNone}
	native.RedirectURIs = []string{"http://127.0.0.1/cb", "http://[::1]:8080/cb", "com.example.app:/cb"}
	plain := *shop
	plain.ID, plain.PKCEOptional, plain.GrantTypes = "plain", true, []string{grantCode}
	plain.ResponseModes, plain.ACRMode = []string{modeQuery}, identity.ACRVoluntary
	off := *shop
	off.ID, off.Disabled = "off", true
	machine := *shop
	machine.ID, machine.GrantTypes = "machine", []string{grantCredentials}
	realm := &identity.Realm{
		Tenant:  identity.Tenant{ID: "t1", Slug: "acme", Issuer: testIssuer, Name: "Acme", Status: identity.TenantActive, Version: 1},
		Policy:  testPolicy(t),
		Clients: map[string]*identity.Client{},
	}
	for _, c := range []*identity.Client{shop, &native, &plain, &off, &machine} {
		c.TenantID = realm.Tenant.ID
		realm.Clients[c.ID] = c
	}
	return realm
}

// goodForm is a request that nothing is wrong with, after edits.
func goodForm(edits ...string) url.Values {
	return edited(url.Values{
		"client_id": {"shop"}, "redirect_uri": {testRedirect}, "response_type": {"code"}, "scope": {"openid profile"},
		"state": {"s t/a+t%e"}, "nonce": {"n1"}, "code_challenge": {testChallenge}, "code_challenge_method": {"S256"},
	}, edits...)
}

// edited applies edits of the form name=value: name= removes, and a second one
// of the same name adds.
func edited(form url.Values, edits ...string) url.Values {
	seen := map[string]bool{}
	for _, edit := range edits {
		name, value, _ := strings.Cut(edit, "=")
		if !seen[name] {
			form.Del(name)
		}
		if value != "" {
			form.Add(name, value)
		}
		seen[name] = true
	}
	return form
}

func TestNormaliseRefuses(t *testing.T) {
	long := strings.Repeat("x", maxParameter+1)
	tests := []struct {
		name  string
		edits []string
		code  string
	}{
		{"a parameter that comes twice", []string{"nonce=a", "nonce=b"}, codeInvalidRequest},
		{"an unknown parameter that comes twice", []string{"colour=a", "colour=b"}, codeInvalidRequest},
		{"a state that comes twice", []string{"state=a", "state=b"}, codeInvalidRequest},
		{"a parameter that is too long", []string{"login_hint=" + long}, codeInvalidRequest},
		{"a parameter that is not UTF-8", []string{"nonce=\xff"}, codeInvalidRequest},
		{"a NUL", []string{"nonce=a\x00b"}, codeInvalidRequest},
		{"a line break in state", []string{"state=a\nb"}, codeInvalidRequest},
		{"an unsigned request object", []string{"request=eyJhbGciOiJub25lIn0.e30."}, codeRequestNotSupported},
		{"a request_uri", []string{"request_uri=https://evil.example/o"}, codeRequestURINotSupported},
		{"a registration", []string{"registration={}"}, codeRegistrationNotSupported},
		{"details in the front channel", []string{`authorization_details=[{"type":"payout.request"}]`}, codeInvalidRequest},
		{"no response_type", []string{"response_type="}, codeInvalidRequest},
		{"the implicit flow", []string{"response_type=token"}, codeUnsupportedResponseType},
		{"the hybrid flow", []string{"response_type=code id_token"}, codeUnsupportedResponseType},
		{"a client without the code grant", []string{"client_id=machine"}, codeUnauthorizedClient},
		{"response_mode fragment", []string{"response_mode=fragment"}, codeInvalidRequest},
		{"an unknown response_mode", []string{"response_mode=jwt"}, codeInvalidRequest},
		{"a response_mode that is not the client's", []string{"client_id=plain", "response_mode=form_post"}, codeInvalidRequest},
		{"a scope that is not the client's", []string{"scope=openid phone"}, codeInvalidScope},
		{"no scope", []string{"scope="}, codeInvalidScope},
		{"an unknown resource", []string{"resource=https://other.example/"}, codeInvalidTarget},
		{"one unknown resource among known ones", []string{"resource=https://api.example.test/", "resource=https://other.example/"}, codeInvalidTarget},
		{"a resource that is only a prefix", []string{"resource=https://api.example.test/v1"}, codeInvalidTarget},
		{"no PKCE", []string{"code_challenge=", "code_challenge_method="}, codeInvalidRequest},
		{"PKCE plain", []string{"code_challenge_method=plain"}, codeInvalidRequest},
		{"PKCE without a method, which means plain", []string{"code_challenge_method="}, codeInvalidRequest},
		{"a PKCE method without a challenge", []string{"client_id=plain", "code_challenge="}, codeInvalidRequest},
		{"a challenge that is no hash", []string{"code_challenge=abc"}, codeInvalidRequest},
		{"PKCE plain where PKCE is optional", []string{"client_id=plain", "code_challenge_method=plain"}, codeInvalidRequest},
		{"a nonce that is too long", []string{"nonce=" + strings.Repeat("n", maxNonce+1)}, codeInvalidRequest},
		{"an unknown prompt", []string{"prompt=login create"}, codeInvalidRequest},
		{"prompt none with another", []string{"prompt=none login"}, codeInvalidRequest},
		{"a max_age that is text", []string{"max_age=soon"}, codeInvalidRequest},
		{"a negative max_age", []string{"max_age=-1"}, codeInvalidRequest},
		{"a max_age with a plus", []string{"max_age=+1"}, codeInvalidRequest},
		{"a max_age with a fraction", []string{"max_age=1.5"}, codeInvalidRequest},
		{"claims that are not JSON", []string{"claims={"}, codeInvalidRequest},
		{"claims that are a list", []string{"claims=[]"}, codeInvalidRequest},
		{"an acr claim that is a number", []string{`claims={"id_token":{"acr":{"value":2}}}`}, codeInvalidRequest},
		{"a sub claim that is a number", []string{`claims={"id_token":{"sub":{"value":2}}}`}, codeInvalidRequest},
	}
	realm := testRealm(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := normalise(realm, goodForm(tt.edits...), false)

			e, ok := errors.AsType[*oauthError](err)
			require.True(t, ok, "want an error for the app, got %v", err)
			require.Equal(t, tt.code, e.Code)
			require.NotEmpty(t, e.Description)
			require.NotEmpty(t, a.RedirectURI, "the app can be told")
		})
	}
}

func TestNormaliseHasNowhereToAnswer(t *testing.T) {
	tests := []struct {
		name    string
		form    url.Values
		problem string
		status  int
	}{
		{"unknown client", goodForm("client_id=nobody"), templates.ErrorClient, 400},
		{"disabled client", goodForm("client_id=off"), templates.ErrorClient, 400},
		{"no client", goodForm("client_id="), templates.ErrorClient, 400},
		{"two clients", goodForm("client_id=shop", "client_id=plain"), templates.ErrorClient, 400},
		{"unregistered redirect", goodForm("redirect_uri=https://evil.example/callback"), templates.ErrorReturn, 400},
		{"redirect of another client", goodForm("redirect_uri=com.example.app:/cb"), templates.ErrorReturn, 400},
		{"no redirect", goodForm("redirect_uri="), templates.ErrorReturn, 400},
		{"two redirects", goodForm("redirect_uri="+testRedirect, "redirect_uri="+testRedirect), templates.ErrorReturn, 400},
		{"too much of everything", goodForm("a=" + strings.Repeat("x", maxParameters)), templates.ErrorTooLarge, 413},
	}
	realm := testRealm(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := normalise(realm, tt.form, false)

			page, ok := errors.AsType[*web.Failure](err)
			require.True(t, ok, "want a page, got %v", err)
			require.Equal(t, tt.problem, page.Problem)
			require.Equal(t, tt.status, page.Status)
			require.Empty(t, a.RedirectURI, "nothing may be sent anywhere")
		})
	}
}

func TestNormaliseAccepts(t *testing.T) {
	realm := testRealm(t)
	read := func(t *testing.T, edits ...string) authRequest {
		t.Helper()
		a, err := normalise(realm, goodForm(edits...), false)
		require.NoError(t, err)
		return a
	}
	t.Run("a plain request", func(t *testing.T) {
		a := read(t)
		require.Equal(t, "shop", a.Client.ID)
		require.Equal(t, "s t/a+t%e", a.State)
		require.Equal(t, modeQuery, a.ResponseMode)
		require.Equal(t, []string{"openid", "profile"}, a.Scopes)
		require.Equal(t, testChallenge, a.CodeChallenge)
		require.Equal(t, "n1", a.Nonce)
		require.Nil(t, a.MaxAge)
	})
	t.Run("no state is no state", func(t *testing.T) {
		require.Empty(t, read(t, "state=").State)
	})
	t.Run("a state of one letter", func(t *testing.T) {
		require.Equal(t, "x", read(t, "state=x").State)
	})
	t.Run("no PKCE where the registration says so", func(t *testing.T) {
		require.Empty(t, read(t, "client_id=plain", "code_challenge=", "code_challenge_method=").CodeChallenge)
	})
	t.Run("form_post", func(t *testing.T) {
		require.Equal(t, modeFormPost, read(t, "response_mode=form_post").ResponseMode)
	})
	t.Run("resources, also more than one, and the issuer", func(t *testing.T) {
		a := read(t, "resource=https://api.example.test/", "resource="+testIssuer, "resource="+testIssuer)
		require.Equal(t, []string{"https://api.example.test/", testIssuer}, a.Resources)
	})
	t.Run("scopes come once each", func(t *testing.T) {
		require.Equal(t, []string{"openid", "email"}, read(t, "scope=openid  email openid").Scopes)
	})
	t.Run("offline_access is forgotten where there are no refresh tokens", func(t *testing.T) {
		require.Equal(t, []string{"openid"}, read(t, "client_id=plain", "scope=openid offline_access").Scopes)
	})
	t.Run("a max_age beyond all bounds", func(t *testing.T) {
		require.Equal(t, longestAge, *read(t, "max_age=99999999999999999999").MaxAge)
	})
	t.Run("hints and unknown parameters are never an error", func(t *testing.T) {
		a := read(t, "display=wap", "ui_locales=de-CH fr", "claims_locales=xx", "colour=blue", "login_hint=ada@example.test", "audience=x")
		require.Equal(t, []string{"de-CH", "fr"}, a.UILocales)
		require.Equal(t, "ada@example.test", a.LoginHint)
		require.False(t, a.Form.Has("colour"))
		require.False(t, a.Form.Has("audience"))
	})
	t.Run("claims spread over lines", func(t *testing.T) {
		require.Contains(t, read(t, "claims={\n\t\"userinfo\": {\"name\": null}}").Claims.Userinfo, "name")
	})
	t.Run("a native app on any port of the loopback address", func(t *testing.T) {
		require.Equal(t, "http://127.0.0.1:49152/cb", read(t, "client_id=native", "redirect_uri=http://127.0.0.1:49152/cb").RedirectURI)
	})
	t.Run("prompts are a set", func(t *testing.T) {
		require.Equal(t, []string{"login", "consent"}, read(t, "prompt=login consent login").Prompt)
	})
}

func TestNormalisingTwiceIsNormalisingOnce(t *testing.T) {
	realm := testRealm(t)
	first, err := normalise(realm, goodForm("prompt=login", "max_age=5", "colour=blue", "acr_values=phr x", "response_mode=form_post",
		"resource="+testIssuer, `claims={"id_token":{"acr":{"essential":true,"value":"phr"}}}`), false)
	require.NoError(t, err)

	second, err := normalise(realm, first.Form, false)

	require.NoError(t, err)
	require.Equal(t, first, second)
}

// TestDescriptionsAreSafe: RFC 6749 sections 4.1.2.1 and 5.2 allow fewer
// characters than ASCII has, and no description may repeat what was sent.
func TestDescriptionsAreSafe(t *testing.T) {
	safe := func(t *testing.T, text string) {
		t.Helper()
		require.LessOrEqual(t, len(text), 200)
		for _, r := range text {
			require.True(t, r >= 0x20 && r < 0x7f && r != '"' && r != '\\', "%q in %q", r, text)
		}
	}
	for _, text := range descriptions {
		safe(t, text)
	}
	const planted = "PLANTED\"\\\r\n"
	realm := testRealm(t)
	for _, name := range known {
		if name == "client_id" || name == "redirect_uri" {
			continue
		}
		form := goodForm()
		form.Set(name, planted)
		_, err := normalise(realm, form, false)
		e, ok := errors.AsType[*oauthError](err)
		require.True(t, ok, name)
		safe(t, e.Description)
		require.NotContains(t, e.Description, "PLANTED")
	}
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []url.Values{
		goodForm(), goodForm("prompt=none login"), goodForm("max_age=-1", "claims={"), goodForm("state=a", "state=b"),
		goodForm("client_id=native", "redirect_uri=http://[::1]:1/cb"), goodForm("resource=%", "scope=\x00"),
	} {
		f.Add(seed.Encode())
	}
	realm := testRealm(f)
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return // not form-encoded: refused before
		}
		a, err := normalise(realm, form, false)
		if a.RedirectURI != "" && !matchRedirect(a.Client, a.RedirectURI) {
			t.Fatalf("would answer at %q", a.RedirectURI)
		}
		if err != nil {
			return
		}
		again, err := normalise(realm, a.Form, false)
		require.NoError(t, err)
		require.Equal(t, a, again)
		require.False(t, slices.Contains(a.Prompt, "none") && len(a.Prompt) > 1)
		require.True(t, a.MaxAge == nil || *a.MaxAge >= 0 && *a.MaxAge <= longestAge)
		require.True(t, a.CodeChallenge != "" || !pkceRequired(a.Client))
		_, err = a.requirement("", time.Unix(0, 0))
		require.NoError(t, err)
	})
}
