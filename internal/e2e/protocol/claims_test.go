package protocol_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scopeClaims are the claims of each scope. Source: OpenID Connect Core section 5.4.
var scopeClaims = map[string][]string{
	"profile": {
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
}

// scopes asks for scopes and expects all their claims from userinfo, and those of
// no other scope. That the ID token holds none is checked for every ID token.
func scopes(m *module, names ...string) {
	k, _ := m.login("scope", strings.Join(append([]string{"openid"}, names...), " "))
	require.ElementsMatch(m.t, append([]string{"openid"}, names...), strings.Fields(k.Scope))
	info := m.userinfo(k, getHeader)
	for scope, claims := range scopeClaims {
		for _, claim := range claims {
			_, present := info[claim]
			require.Equal(m.t, slices.Contains(names, scope), present, "%s of the scope %s", claim, scope)
		}
	}
}

// claimsEssential asks for name at userinfo by the claims parameter, without the
// scope that would bring it.
func claimsEssential(m *module) {
	k, _ := m.login("claims", `{"userinfo":{"name":{"essential":true}}}`)
	info := m.userinfo(k, getHeader)
	require.Equal(m.t, "Alice Marie Example", info["name"])
	require.NotContains(m.t, info, "given_name", "what nobody asked for")
}

// checkStandardClaims checks the type and the form of every standard claim that
// is there. A claim that is not known is left out, neither empty nor null.
//
// Source: OpenID Connect Core sections 5.1, 5.1.1 and 5.3.2.
func checkStandardClaims(t *testing.T, info map[string]any) {
	t.Helper()
	for name, value := range info {
		switch name {
		case "email_verified", "phone_number_verified":
			require.IsType(t, true, value, name)
		case "updated_at":
			number, ok := value.(float64)
			require.True(t, ok && number == float64(int64(number)) && number > 0, "%s is %v", name, value)
		case "address":
			checkAddress(t, value)
		default:
			text, ok := value.(string)
			require.True(t, ok && text != "", "%s is %v", name, value)
			checkText(t, name, text)
		}
	}
}

func checkText(t *testing.T, name, text string) {
	t.Helper()
	switch name {
	case "profile", "picture", "website":
		u, err := url.Parse(text)
		require.NoError(t, err)
		require.Contains(t, []string{"https", "http"}, u.Scheme, name)
	case "birthdate":
		_, err := time.Parse(time.DateOnly, text)
		require.NoError(t, err)
	case "zoneinfo":
		_, err := time.LoadLocation(text)
		require.NoError(t, err)
	case "locale":
		require.Regexp(t, `^[a-z]{2,3}(-[A-Z]{2})?$`, text)
	case "phone_number":
		require.Regexp(t, `^\+[1-9][0-9]{6,14}$`, text)
	case "email":
		require.Regexp(t, `^[^@\s]+@[^@\s]+$`, text)
	}
}

func checkAddress(t *testing.T, value any) {
	t.Helper()
	address, ok := value.(map[string]any)
	require.True(t, ok, "address is %v", value)
	require.NotEmpty(t, address)
	for name, part := range address {
		require.Contains(t, []string{"formatted", "street_address", "locality", "region", "postal_code", "country"}, name)
		text, ok := part.(string)
		require.True(t, ok && text != "", "%s is %v", name, part)
	}
}
