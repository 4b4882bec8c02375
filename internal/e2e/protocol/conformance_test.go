package protocol_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// The plans of the OpenID conformance suite for the Basic and Config profiles, as
// protocol.md 3.1 lists them. The form_post plan has the modules of the Basic one.
var (
	basicPlan = []string{
		"oidcc-server", "oidcc-response-type-missing", "oidcc-idtoken-signature", "oidcc-idtoken-unsigned",
		"oidcc-userinfo-get", "oidcc-userinfo-post-header", "oidcc-userinfo-post-body",
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
		"oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone", "oidcc-scope-all",
		"oidcc-alternate-happy-flow", "oidcc-display-page", "oidcc-display-popup", "oidcc-prompt-login",
		"oidcc-prompt-none-not-logged-in", "oidcc-prompt-none-logged-in", "oidcc-max-age-1", "oidcc-max-age-10000",
		"oidcc-ensure-request-with-unknown-parameter-succeeds", "oidcc-id-token-hint", "oidcc-login-hint",
		"oidcc-ui-locales", "oidcc-claims-locales", "oidcc-ensure-request-with-acr-values-succeeds",
		"oidcc-codereuse", "oidcc-codereuse-30seconds", "oidcc-ensure-registered-redirect-uri",
		"oidcc-ensure-post-request-succeeds", "oidcc-server-client-secret-post",
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
		"oidcc-claims-essential", "oidcc-ensure-request-object-with-redirect-uri", "oidcc-refresh-token",
		"oidcc-ensure-request-with-valid-pkce-succeeds",
	}
	configPlan = []string{"oidcc-discovery-endpoint-verification"}
)

// basic does what the modules of the Basic plan do, each under its name.
var basic = map[string]func(*module){
	"oidcc-server":                server,
	"oidcc-response-type-missing": responseTypeMissing,
	"oidcc-idtoken-signature":     server, // every ID token is checked by the published key that it names
	"oidcc-userinfo-get":          func(m *module) { presentedBy(m, getHeader) },
	"oidcc-userinfo-post-header":  func(m *module) { presentedBy(m, postHeader) },
	"oidcc-userinfo-post-body":    func(m *module) { presentedBy(m, postBody) },
	"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": func(m *module) { m.login("nonce", "") },

	"oidcc-scope-profile":        func(m *module) { scopes(m, "profile") },
	"oidcc-scope-email":          func(m *module) { scopes(m, "email") },
	"oidcc-scope-address":        func(m *module) { scopes(m, "address") },
	"oidcc-scope-phone":          func(m *module) { scopes(m, "phone") },
	"oidcc-scope-all":            func(m *module) { scopes(m, "profile", "email", "address", "phone") },
	"oidcc-alternate-happy-flow": otherOrder,
	"oidcc-claims-essential":     claimsEssential,

	"oidcc-display-page":              func(m *module) { m.login("display", "page") },
	"oidcc-display-popup":             func(m *module) { m.login("display", "popup") },
	"oidcc-login-hint":                func(m *module) { m.login("login_hint", "buffy@example.com") },
	"oidcc-ui-locales":                func(m *module) { m.login("ui_locales", "se") },
	"oidcc-claims-locales":            func(m *module) { m.login("claims_locales", "se") },
	"oidcc-prompt-login":              promptLogin,
	"oidcc-prompt-none-not-logged-in": promptNoneNotLoggedIn,
	"oidcc-prompt-none-logged-in":     func(m *module) { sameTwice(m, "prompt", "none") },
	"oidcc-max-age-1":                 maxAge1,
	"oidcc-max-age-10000":             func(m *module) { sameTwice(m, "max_age", "10000") },
	"oidcc-id-token-hint":             idTokenHint,

	"oidcc-ensure-request-with-unknown-parameter-succeeds": func(m *module) { m.login("extra", "foobar") },
	"oidcc-ensure-request-with-acr-values-succeeds":        acrValues,
	"oidcc-ensure-request-with-valid-pkce-succeeds":        validPKCE,
	"oidcc-ensure-post-request-succeeds":                   postRequest,
	"oidcc-ensure-registered-redirect-uri":                 registeredRedirect,
	"oidcc-server-client-secret-post":                      clientSecretPost,
	"oidcc-codereuse":                                      codeReuse,
	"oidcc-codereuse-30seconds":                            codeReuseLater,
	"oidcc-refresh-token":                                  refreshToken,

	"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported":    requestURI,
	"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": requestObject,
	"oidcc-ensure-request-object-with-redirect-uri":                                requestObjectRedirect,
}

// config does what the modules of the Config plan do.
var config = map[string]func(*module){
	"oidcc-discovery-endpoint-verification": checkDiscovery,
}

// dynamic lists the modules that only a server with dynamic registration can
// run, with what they would register.
var dynamic = map[string]string{
	"oidcc-idtoken-unsigned": "registers a client with id_token_signed_response_alg none; the suite skips it where none is not advertised",
}

// TestPlans keeps the tables whole: every module of the two plans has a test or a
// reason why it cannot have one, and nothing else has.
func TestPlans(t *testing.T) {
	require.Len(t, basicPlan, 38)
	for _, plan := range []struct {
		modules []string
		tests   map[string]func(*module)
	}{{basicPlan, basic}, {configPlan, config}} {
		for _, name := range plan.modules {
			_, left := dynamic[name]
			require.NotEqual(t, left, plan.tests[name] != nil, "%s needs either a test or a reason", name)
		}
		for name := range plan.tests {
			require.Contains(t, plan.modules, name)
		}
	}
	for name := range dynamic {
		require.Contains(t, slices.Concat(basicPlan, configPlan), name)
	}
}

// TestConformance runs what the suite would run against the tenant that is made
// for it. The suite itself needs a public https address; these are tests of our
// own that do what the names say, as strictly as it does.
func TestConformance(t *testing.T) {
	harness.On(t, harness.Both(t), func(t *testing.T, h *harness.House) {
		g := newGround(t, h)
		for _, plan := range []struct {
			name, mode string
			modules    []string
			tests      map[string]func(*module)
		}{
			{"oidcc-basic", "", basicPlan, basic},
			{"oidcc-formpost-basic", "form_post", basicPlan, basic},
			{"oidcc-config", "", configPlan, config},
		} {
			t.Run(plan.name, func(t *testing.T) {
				for _, name := range plan.modules {
					test := plan.tests[name]
					if test == nil {
						continue // TestPlans knows why
					}
					t.Run(name, func(t *testing.T) { test(g.newModule(t, plan.mode)) })
				}
			})
		}
	})
}
