package consent

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestWhichGoalIsAimedAt(t *testing.T) {
	const fa, sv, mfa, phr = "urn:sallyport:acr:1fa", "urn:sallyport:acr:2sv", "urn:sallyport:acr:mfa", "phr"
	payout := ActionACR("payout.request")
	tests := []struct {
		name    string
		values  []string
		held    Class
		reach   []string
		want    string
		missing bool
	}{
		{"nothing asked for", nil, Class1FA, nil, "", false},
		{"the first that can be reached", []string{phr, mfa, sv}, Class1FA, []string{mfa, sv}, mfa, false},
		{"what is held wins over what is preferred and would need a prompt", []string{mfa, fa}, Class1FA, []string{mfa, fa}, fa, false},
		{"of two that are held, the one preferred", []string{sv, fa}, ClassMFA, []string{sv, fa}, sv, false},
		{"what is held is more than enough", []string{sv}, ClassPHR, nil, sv, false},
		{"an action is never held", []string{payout}, ClassPHRH, []string{payout}, payout, false},
		{"a class that is held wins over an action", []string{payout, fa}, Class1FA, []string{payout, fa}, fa, false},
		{"nothing of it can be reached", []string{phr, mfa}, Class1FA, nil, "", true},
		{"an unknown value is passed over", []string{"urn:mace:incommon:iap:silver", sv}, ClassNone, []string{sv}, sv, false},
		{"nothing but unknown values", []string{"0", "urn:sallyport:acr:gold"}, ClassMFA, nil, "", true},
		{"a trusted device cannot be asked for", []string{"urn:sallyport:acr:td"}, ClassMFA, nil, "", true},
		{"a login that owes its second step holds nothing", []string{fa}, ClassNone, []string{fa}, fa, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			goal, missing := chooseGoal(tt.values, tt.held, func(g Goal) bool { return identity.Allows(tt.reach, g.Value) })

			require.Equal(t, tt.want, goal.Value)
			require.Equal(t, tt.missing, missing)
		})
	}
}

// TestWhatAPresetCanReach asks for classes while nobody is known: the tenant's
// own list of methods decides.
func TestWhatAPresetCanReach(t *testing.T) {
	classes := []Class{Class1FA, Class2SV, ClassMFA, ClassPHR, ClassPHRH}
	for preset, best := range map[string]Class{
		"contractor-email-first":         ClassMFA, // by a text message
		"conformance-password-only":      Class1FA,
		"marketplace-phone-verification": Class1FA,
		"contract-exclusive-method":      ClassMFA,
	} {
		t.Run(preset, func(t *testing.T) {
			p, err := policy.Preset(preset)
			require.NoError(t, err)
			masked, _ := policy.Mask(p, policy.Enforced())
			for _, c := range classes {
				require.Equal(t, c <= best, tenantReaches(Goal{Class: c}, &masked, &identity.Client{}, false), "%s", c.ACR())
			}
		})
	}
}

func TestMethodsForAClass(t *testing.T) {
	p, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	password := []identity.AuthEvent{{Method: identity.MethodPassword}}

	require.Nil(t, methodsFor(Class1FA, password, &p), "nothing further is needed")
	require.Contains(t, methodsFor(Class2SV, password, &p), policy.Email)
	require.Contains(t, methodsFor(Class2SV, password, &p), policy.SMS)
	require.NotContains(t, methodsFor(ClassMFA, password, &p), policy.Email)
	require.Contains(t, methodsFor(ClassMFA, password, &p), policy.SMS)
	require.NotNil(t, methodsFor(ClassPHRH, password, &p))
	require.Empty(t, methodsFor(ClassPHRH, password, &p), "no step of ours proves attested hardware")
	p.ACR.SMSIs = "2sv"
	require.NotContains(t, methodsFor(ClassMFA, password, &p), policy.SMS)
}

func TestDetailsHashBindsAllFour(t *testing.T) {
	detail := []byte(`{"amount":"1.00 <EUR> & more","type":"pay"}`)
	base := DetailsHash("https://id.example/t/a", "app", "alice", detail)

	// Made with openssl from the canonical JSON, as a relying app would.
	require.Equal(t, "4IpVrnRXLgGpM6ts7EbDNJSTfWbq2oBziSoL1TS0gnc", base)
	for name, other := range map[string]string{
		"issuer": DetailsHash("https://id.example/t/b", "app", "alice", detail),
		"app":    DetailsHash("https://id.example/t/a", "app2", "alice", detail),
		"user":   DetailsHash("https://id.example/t/a", "app", "bob", detail),
		"detail": DetailsHash("https://id.example/t/a", "app", "alice", PlainDetail("pay")),
	} {
		require.NotEqual(t, base, other, name)
	}
	require.Equal(t, `{"type":"a<b>&c"}`, string(PlainDetail("a<b>&c")), "RFC 8785 knows no HTML")
}

func TestAgreementCovers(t *testing.T) {
	a := &Agreement{Scopes: []string{"openid", "email"}}
	var none *Agreement

	require.True(t, a.Covers([]string{"email"}))
	require.True(t, a.Covers(nil))
	require.False(t, a.Covers([]string{"openid", "phone"}))
	require.True(t, none.Covers(nil))
	require.False(t, none.Covers([]string{"openid"}))
}
