package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCodeIsResolvedFieldByField(t *testing.T) {
	p := edited(t, systemB,
		`codes/by_channel/sms = {"digits": 8, "ttl_s": 120}`,
		`codes/by_purpose/login = {"ttl_s": 90, "attempts": 3}`,
		`codes/by_purpose/contact_verify = {"digits": 7, "ttl_s": 900, "resend_after_s": 900, "attempts": 4, "sends": 2}`)
	tests := []struct {
		name    string
		channel Kind
		purpose Purpose
		want    CodeSet
	}{
		{"nothing overrides", Email, PurposeAction, CodeSet{6, 300, 60, 5, 5}},
		{"the channel overrides two fields", SMS, PurposeAction, CodeSet{8, 120, 60, 5, 5}},
		{"the purpose overrides two fields", Email, PurposeLogin, CodeSet{6, 90, 60, 3, 5}},
		{"the purpose wins over the channel, field by field", SMS, PurposeLogin, CodeSet{8, 90, 60, 3, 5}},
		{"the purpose overrides all fields", SMS, PurposeContactVerify, CodeSet{7, 900, 900, 4, 2}},
		{"an unknown purpose has no settings of its own", Email, "payout", CodeSet{6, 300, 60, 5, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, p.Code(tt.channel, tt.purpose))
		})
	}
	require.Equal(t, 90*time.Second, p.Code(SMS, PurposeLogin).TTL.Duration())
}

func TestAction(t *testing.T) {
	a := preset(t, systemA)
	tests := []struct {
		name   string
		policy Policy
		action string
		ok     bool
		stages Stages
	}{
		{"a configured action", a, "payout.request", true, Stages{{ProofDeliveredCode}}},
		{"a prefix is no match", a, "payout", false, nil},
		{"a longer name is no match", a, "payout.request.big", false, nil},
		{"other letters are no match", a, "Payout.request", false, nil},
		{"the empty name", a, "", false, nil},
		{"a login as configured", a, ActionLogin, true, Stages{{ProofDeliveredCode}}},
		{"mfa.enable is not made up", preset(t, systemB), ActionMFAEnable, false, nil},
		{"an unknown action of a policy without actions", preset(t, conformance), "payout.request", false, nil},
		{"a login where nothing is configured", preset(t, conformance), ActionLogin, true, Stages{}},
		{"a login of opt_in", edited(t, systemA, "-actions/auth.login"), ActionLogin, true, Stages{{ProofSecondFactor}}},
		{"a login of required", edited(t, systemE, "-actions/auth.login"), ActionLogin, true, Stages{{ProofSecondFactor}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.policy.Action(tt.action)

			require.Equal(t, tt.ok, ok)
			require.Equal(t, tt.stages, got.Stages)
		})
	}
}

func TestLoginWithoutConfigurationFollowsTheMode(t *testing.T) {
	want := map[Mode]Applies{ModeOptIn: AppliesWhenMFAEnabled, ModePrompt: AppliesWhenMFAEnabled, ModeRequired: AppliesAlways, "": AppliesAlways}
	for mode, applies := range want {
		p := Policy{Enforcement: Enforcement{Mode: mode}}

		a, ok := p.Action(ActionLogin)

		require.True(t, ok)
		require.Equal(t, applies, a.Applies, "mode %q", mode)
		require.Equal(t, Stages{{ProofSecondFactor}}, a.Stages, "mode %q", mode)
		require.Equal(t, BindingNone, a.Binding)
	}
}

func TestRequestable(t *testing.T) {
	p := preset(t, systemA)

	require.Equal(t, []string{"payment_details.add", "payout.request"}, p.RequestableActions())
	require.Empty(t, preset(t, conformance).RequestableActions())
	require.True(t, p.Requestable("payout.request"))
	for _, name := range []string{"", "payout.refuse", "auth.login", "mfa.enable", "mfa.disable"} {
		require.False(t, p.Requestable(name), name)
	}
	for _, name := range []string{"auth.x", "mfa.x", "phone.x", "email.x", "password.x", "device.x"} {
		p.Actions[name] = Action{}
		require.False(t, p.Requestable(name), name)
		require.NotContains(t, p.RequestableActions(), name)
	}
}

func TestActionMethods(t *testing.T) {
	tests := []struct {
		name   string
		policy Policy
		action string
		want   []Kind
	}{
		{"declared, primary first", preset(t, systemA), "payout.request", []Kind{Email, SMS}},
		{"declared in the other order, primary first all the same", edited(t, systemA, `actions/payout.request/methods = ["sms", "email"]`), "payout.request", []Kind{Email, SMS}},
		{"declared, and of equal role, in the order of the document", preset(t, systemB), "operation.confirm", []Kind{SMS, Email, TOTP, RecoveryCodes}},
		{"none declared: all with use action, without companions", preset(t, systemB), ActionMFADisable, []Kind{Email, SMS, TOTP, RecoveryCodes}},
		{"methods that are off are not among them", preset(t, systemE), ActionLogin, []Kind{SMS}},
		{"a declared method without the use is not among them", edited(t, systemA, `methods/sms/uses = ["login"]`), "payout.request", []Kind{Email}},
		{"a declared companion is not among them", edited(t, systemB, `actions/operation.confirm/methods = ["pin", "sms"]`), "operation.confirm", []Kind{SMS}},
		{"a gate", preset(t, systemC), "bid.place", []Kind{SMS, Voice}},
		{"an unknown action", preset(t, systemA), "payout.refuse", nil},
		{"backup last", edited(t, systemE, "methods/totp/enabled = true", `methods/sms/role = "backup"`), ActionLogin, []Kind{TOTP, SMS}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, tt.policy.ActionMethods(tt.action))
		})
	}
}

func TestLoginMethods(t *testing.T) {
	require.Equal(t, []Kind{Email, SMS}, preset(t, systemA).LoginMethods())
	require.Empty(t, preset(t, systemC).LoginMethods(), "only for actions")
	require.Equal(t, []Kind{Email, SMS}, edited(t, systemA, "-actions/auth.login").LoginMethods())
}

func TestActionMethodsDoNotTouchThePolicy(t *testing.T) {
	p := edited(t, systemA, `actions/payout.request/methods = ["sms", "email"]`)

	p.ActionMethods("payout.request")

	require.Equal(t, List[Kind]{SMS, Email}, p.Actions["payout.request"].Methods)
	require.Equal(t, []Kind{Email, SMS, Voice, TOTP, WebAuthn, RecoveryCodes, PIN}, Kinds())
}

func TestTrustLifetime(t *testing.T) {
	const day = 24 * time.Hour
	want := map[Lifetime]time.Duration{
		LifetimeSession: 0, LifetimeDay: day, LifetimeWeek: 7 * day, LifetimeMonth: 30 * day, "P365D": 0,
	}
	for lifetime, length := range want {
		p := Policy{TrustedDevice: TrustedDevice{Enabled: true, Lifetime: lifetime}}
		require.Equal(t, length, p.TrustLifetime(), lifetime)

		p.TrustedDevice.Enabled = false
		require.Zero(t, p.TrustLifetime(), "%s, but switched off", lifetime)
	}
}

func TestFreshLoginAge(t *testing.T) {
	require.Equal(t, 15*time.Minute, preset(t, conformance).FreshLoginAge(), "no method at all")
	require.Equal(t, time.Minute, edited(t, systemA, "lifecycle/sms/reauth_max_age_s = 60").FreshLoginAge(), "the shortest counts")
	require.Equal(t, 15*time.Minute, edited(t, systemE, "lifecycle/totp/reauth_max_age_s = 60").FreshLoginAge(), "of the enabled ones")
}

func TestClassesCompareOnOneLine(t *testing.T) {
	line := []Class{Class1FA, ClassTD, Class2SV, ClassMFA, ClassPHR, ClassPHRH}
	for i, c := range line {
		for j, least := range line {
			require.Equal(t, i >= j, c.AtLeast(least), "%s at least %s", c, least)
		}
		require.False(t, c.AtLeast("gold"), "an unknown class is never reached")
		require.False(t, Class("gold").AtLeast(c), "an unknown class reaches nothing")
	}
}

func TestMethodClass(t *testing.T) {
	p := edited(t, systemB, `acr/sms_is = "2sv"`)
	want := map[Kind]Class{Email: Class2SV, SMS: Class2SV, Voice: ClassMFA, TOTP: ClassMFA, RecoveryCodes: ClassMFA, WebAuthn: ClassPHR, PIN: Class1FA}
	for k, class := range want {
		require.Equal(t, class, p.MethodClass(k), k)
	}
}

func TestCountries(t *testing.T) {
	require.True(t, Countries{All: true}.Allows("MX"))
	require.True(t, Countries{List: List[string]{"DE", "FR"}}.Allows("FR"))
	require.False(t, Countries{List: List[string]{"DE", "FR"}}.Allows("MX"))
	require.False(t, Countries{List: List[string]{"DE"}}.Allows(""))
	require.False(t, Countries{}.Allows("DE"))
}

func TestEpochRelevant(t *testing.T) {
	tests := []struct {
		name string
		edit string
		want bool
	}{
		{"nothing", `note = "x"`, false},
		{"codes", "codes/default/attempts = 4", false},
		{"delivery", `delivery/fallback_unlock = "at_once"`, false},
		{"actions", "actions/payout.request/ttl_s = 300", false},
		{"enforcement, but not the mode", `enforcement/reminders = []`, false},
		{"session, but not its absolute end", "session/idle_s = 1800", false},
		{"lockout", "lockout/hard_fails = 40", false},
		{"limits", `limits/send_per_user = [{"n": 5, "per_s": 3600}]`, false},
		{"methods", `methods/sms/role = "any"`, true},
		{"selection", "selection/user_max = 3", true},
		{"mode", `enforcement/mode = "prompt"`, true},
		{"trusted devices", `trusted_device/max_per_user = 4`, true},
		{"lifecycle", "lifecycle/sms/reauth_max_age_s = 600", true},
		{"acr", `acr/sms_is = "2sv"`, true},
		{"absolute end of a session", "session/absolute_s = 43200", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, after := preset(t, systemA), edited(t, systemA, tt.edit)

			require.NotEqual(t, before.Hash(), after.Hash())
			require.Equal(t, tt.want, EpochRelevant(before, after))
			require.Equal(t, tt.want, EpochRelevant(after, before))
			require.False(t, EpochRelevant(after, after))
		})
	}
}
