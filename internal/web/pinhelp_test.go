package web_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

func TestHelpForAForgottenPINFollowsThePolicy(t *testing.T) {
	rules, err := policy.Preset("broker-security-identities")
	require.NoError(t, err)
	realm := &identity.Realm{Tenant: identity.Tenant{Slug: "acme", Issuer: "https://login.example/t/acme"}, Policy: &rules}

	require.Equal(t, templates.PINHelp{Tries: 10, ResetURL: "/t/acme/settings#row-pin", Holds: true, Leaves: true}, web.PINHelp(realm, true))

	rules.Recovery.HoldActions = 0
	life := rules.Lifecycle[policy.PIN]
	life.Enable.Forbidden = true
	rules.Lifecycle[policy.PIN] = life
	require.Equal(t, templates.PINHelp{ResetURL: "/t/acme/settings#row-pin"}, web.PINHelp(realm, false), "nobody can make a new one")
}

func TestRecoveryCodesAreNeverTheFirstWay(t *testing.T) {
	var got []string
	for _, w := range web.CodesLast([]templates.Way{{Method: "recovery_codes"}, {Method: "sms"}, {Method: "email"}}) {
		got = append(got, w.Method)
	}

	require.Equal(t, []string{"sms", "email", "recovery_codes"}, got)
}
