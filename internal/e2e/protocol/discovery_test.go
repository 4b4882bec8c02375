package protocol_test

import (
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
)

// checkDiscovery is the one module of the Config plan.
//
// Source: OpenID Connect Discovery sections 3 and 4; RFC 8414 section 2.
func checkDiscovery(m *module) {
	t, meta := m.t, map[string]any{}
	header := getJSON(t, m.place.Issuer+"/.well-known/openid-configuration", &meta)
	require.Equal(t, "application/json", jsonType(header))
	require.Equal(t, m.place.Issuer, meta["issuer"])
	require.NotContains(t, m.place.Issuer, "?")
	require.NotContains(t, m.place.Issuer, "#")
	for name, value := range meta {
		require.Contains(t, knownMetadata, name, "metadata that is in no specification")
		require.NotNil(t, value, "%s is null", name)
		if list, ok := value.([]any); ok {
			require.NotEmpty(t, list, "%s is empty: it should not be there", name)
			require.Len(t, texts(t, value), len(list))
		}
		text, _ := value.(string)
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			// The demo is plain http on this machine; elsewhere the issuer is https.
			require.True(t, strings.HasPrefix(text, m.place.Issuer+"/"), "%s is %s", name, text)
		}
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		require.Contains(t, meta, name)
	}
	require.Contains(t, m.list(t, "response_types_supported"), "code")
	require.Contains(t, m.list(t, "scopes_supported"), "openid")
	require.Contains(t, m.list(t, "id_token_signing_alg_values_supported"), "RS256")
	require.NotContains(t, m.list(t, "id_token_signing_alg_values_supported"), "none")
	require.Contains(t, m.list(t, "grant_types_supported"), "authorization_code")
	require.Contains(t, m.list(t, "token_endpoint_auth_methods_supported"), "client_secret_basic")
	require.Contains(t, m.list(t, "code_challenge_methods_supported"), "S256")
	require.Contains(t, m.list(t, "acr_values_supported"), "urn:sallyport:acr:1fa", "a value that a password reaches")
	require.NotEmpty(t, m.list(t, "claims_supported"))
	for _, kind := range m.list(t, "subject_types_supported") {
		require.Contains(t, []string{"public", "pairwise"}, kind)
	}
	require.NotEmpty(t, m.list(t, "subject_types_supported"))
	for _, scope := range m.list(t, "scopes_supported") {
		require.Regexp(t, `^[\x21\x23-\x5B\x5D-\x7E]+$`, scope)
	}
	for _, locale := range m.list(t, "ui_locales_supported") {
		require.Regexp(t, `^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`, locale, "the casing of RFC 5646 section 2.1.1")
	}
	require.Equal(t, true, meta["claims_parameter_supported"])
	require.Equal(t, false, meta["request_uri_parameter_supported"], "left out it would be true")
	require.Equal(t, true, meta["request_parameter_supported"])
	require.Equal(t, true, meta["authorization_response_iss_parameter_supported"])
	algs := map[string]bool{}
	for _, key := range fetchKeys(t, m.endpoint(t, "jwks_uri")) {
		algs[key.Alg] = true
	}
	for _, alg := range m.list(t, "id_token_signing_alg_values_supported") {
		require.True(t, algs[alg], "no key for %s", alg)
	}
	m.checkOtherForm(meta)
}

// checkOtherForm: the same document where RFC 8414 section 3.1 has it.
func (m *module) checkOtherForm(meta map[string]any) {
	other := map[string]any{}
	host, path, _ := strings.Cut(m.place.Issuer, "/t/")
	getJSON(m.t, host+"/.well-known/oauth-authorization-server/t/"+path, &other)
	require.Equal(m.t, meta, other)
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.place.Issuer+"/.well-known/openid-configuration", nil)
	require.NoError(m.t, err)
	status, _, _ := call(m.t, req)
	require.Equal(m.t, http.StatusMethodNotAllowed, status)
}

// knownMetadata is what OpenID Connect Discovery, RFC 8414 and their registry
// define, as far as this server could ever say it.
var knownMetadata = []string{
	"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint",
	"scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported",
	"acr_values_supported", "subject_types_supported", "id_token_signing_alg_values_supported",
	"userinfo_signing_alg_values_supported", "request_object_signing_alg_values_supported",
	"token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported",
	"display_values_supported", "claim_types_supported", "claims_supported", "service_documentation",
	"claims_locales_supported", "ui_locales_supported", "claims_parameter_supported", "request_parameter_supported",
	"request_uri_parameter_supported", "require_request_uri_registration", "op_policy_uri", "op_tos_uri",
	"revocation_endpoint", "revocation_endpoint_auth_methods_supported", "revocation_endpoint_auth_signing_alg_values_supported",
	"introspection_endpoint", "introspection_endpoint_auth_methods_supported", "introspection_endpoint_auth_signing_alg_values_supported",
	"introspection_signing_alg_values_supported", "code_challenge_methods_supported",
	"authorization_response_iss_parameter_supported", "prompt_values_supported", "end_session_endpoint",
	"backchannel_logout_supported", "backchannel_logout_session_supported",
	"pushed_authorization_request_endpoint", "require_pushed_authorization_requests",
	"device_authorization_endpoint", "dpop_signing_alg_values_supported", "authorization_details_types_supported",
}
