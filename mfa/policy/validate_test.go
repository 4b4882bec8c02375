package policy

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const (
	systemA     = "contractor-email-first"
	systemB     = "broker-security-identities"
	systemC     = "marketplace-phone-verification"
	systemD     = "contract-exclusive-method"
	systemE     = "account-admin-sms-default"
	conformance = "conformance-password-only"
)

// mutations change one preset so that exactly one validator speaks up.
var mutations = []struct {
	name   string
	preset string
	edits  []string
	want   string // ID and path of the one finding that the edits add
}{
	{
		"a PIN has to be at least as long as it may be", systemA,
		[]string{"codes/pin/digits_min = 8", "codes/pin/digits_max = 6"},
		"V02 codes.pin.digits_min",
	},
	{
		"required without a method that may be used at a login", systemE,
		[]string{`methods/sms/uses = ["action"]`, `acr/login_min = "1fa"`},
		"V03 enforcement.mode",
	},
	{
		"a companion does not make required possible", systemE,
		[]string{`methods/sms/role = "companion"`, `delivery/first = "user_choice"`, `acr/login_min = "1fa"`},
		"V03 enforcement.mode",
	},
	{
		"mode disabled with stages at login", conformance,
		[]string{`actions/auth.login = {"stages": [["password"]]}`},
		"V04 actions.auth.login.stages",
	},
	{"eleven minutes by default", systemA, []string{"codes/default/ttl_s = 660"}, "V05 codes.default.ttl_s"},
	{"eleven minutes on a channel", systemA, []string{`codes/by_channel/sms = {"ttl_s": 601}`}, "V05 codes.by_channel.sms.ttl_s"},
	{"eleven minutes for an action", systemC, []string{`codes/by_purpose/action = {"ttl_s": 900}`}, "V05 codes.by_purpose.action.ttl_s"},
	{"resend after the death of the code", systemA, []string{"codes/default/resend_after_s = 61"}, "V06 codes.default.resend_after_s"},
	{"a short life on one channel meets the common timer", systemB, []string{`codes/by_channel/sms = {"ttl_s": 30}`}, "V06 codes.default.resend_after_s"},
	{"a long timer for one purpose", systemB, []string{`codes/by_purpose/login = {"resend_after_s": 301}`}, "V06 codes.by_purpose.login.resend_after_s"},
	{
		"app and key without SMS", systemE,
		[]string{
			"methods/sms/enabled = false", "methods/totp/enabled = true", "methods/webauthn/enabled = true",
			`delivery/first = "user_choice"`,
		},
		"V07 selection.tenant_multi_must_include",
	},
	{
		"all three of app, key and SMS", systemE,
		[]string{"methods/totp/enabled = true", "methods/webauthn/enabled = true", `delivery/first = "user_choice"`},
		"V07 selection.tenant_max",
	},
	{"one method per user and something to fall back to", systemD, []string{`delivery/fallback_to = ["sms"]`}, "V08 delivery.fallback_to"},
	{"one method per user and no swap", systemD, []string{`selection/switch = "add_then_remove"`}, "V08 selection.switch"},
	{"falling back to a method that is off", systemA, []string{`delivery/fallback_to = ["sms", "totp"]`}, "V09 delivery.fallback_to"},
	{"the first method is off", systemA, []string{`delivery/first = "voice"`}, "V10 delivery.first"},
	{"no primary", systemE, []string{`methods/sms/role = "any"`}, "V10 delivery.first"},
	{"two primaries", systemE, []string{"methods/totp/enabled = true"}, "V10 delivery.first"},
	{"a PIN that is a factor", systemB, []string{`methods/pin/role = "any"`}, "V11 methods.pin.role"},
	{"a PIN alone at login", systemB, []string{`actions/auth.login/stages = [["pin"], ["pin"]]`}, "V11 actions.auth.login.stages"},
	{"code_current before there is one", systemA, []string{`lifecycle/sms/enable = [["code_current"]]`}, "V12 lifecycle.sms.enable"},
	{"code_new at switching off", systemA, []string{`lifecycle/sms/disable = [["code_new"]]`}, "V12 lifecycle.sms.disable"},
	{"a PIN that is off, in a lifecycle", systemA, []string{`lifecycle/sms/change = [["code_new", "pin"]]`}, "V12 lifecycle.sms.change"},
	{"a PIN that is off, at enabling", systemA, []string{`lifecycle/sms/enable = [["code_new", "pin"]]`}, "V12 lifecycle.sms.enable"},
	{"a PIN that is off, at disabling", systemA, []string{`lifecycle/sms/disable = [["pin"]]`}, "V12 lifecycle.sms.disable"},
	{"a PIN that is off, in an action", systemA, []string{`actions/payout.request/stages = [["delivered_code", "pin"]]`}, "V12 actions.payout.request.stages"},
	{"enable without a proof", systemA, []string{`lifecycle/sms/enable = []`}, "V12 lifecycle.sms.enable"},
	{"change without a proof", systemA, []string{`lifecycle/email/change = []`}, "V12 lifecycle.email.change"},
	{"SMS to a type that is not accepted", systemA, []string{`contacts/phone/sms_to = ["mobile", "voip"]`}, "V13 contacts.phone.sms_to"},
	{"calls to a type that is not accepted", systemA, []string{`contacts/phone/voice_to = ["fixed"]`}, "V13 contacts.phone.voice_to"},
	{"fixed lines without voice", systemA, []string{`contacts/phone/line_types = ["mobile", "ambiguous", "fixed"]`}, "V13 contacts.phone.line_types"},
	{"SMS without a country", systemD, []string{"contacts/phone/countries_sms = []"}, "V14 contacts.phone.countries_sms"},
	{"trusted devices without a second step", conformance, []string{"trusted_device/enabled = true"}, "V15 trusted_device.enabled"},
	{"a message for an app", systemB, []string{`actions/withdrawal.confirm/binding = "message"`}, "V16 actions.withdrawal.confirm.binding"},
	{"a signature by SMS", systemA, []string{`actions/payout.request/binding = "signed"`}, "V16 actions.payout.request.binding"},
	{
		"a message, and every method that has use action", systemB,
		[]string{`actions/operation.confirm/methods = []`, `actions/operation.confirm/binding = "message"`},
		"V16 actions.operation.confirm.binding",
	},
	{"a signature and no method at all", systemC, []string{
		`methods/sms/uses = ["login"]`, `methods/voice/uses = ["login"]`, `actions/bid.place/binding = "signed"`,
	}, "V16 actions.bid.place.binding"},
	{"hold for no time", systemA, []string{
		"recovery/hold_actions_s = 0",
		"actions/payment_details.add/hold = false",
	}, "V17 actions.payout.request.hold"},
	{"a number that stays and a method that goes", systemC, []string{`lifecycle/voice/disable = [["code_current"]]`}, "V18 lifecycle.voice.disable"},
	{"release of numbers that may be shared", systemA, []string{`contacts/phone/release_after_change = "never"`}, "V19 contacts.phone.release_after_change"},
	{"release days of numbers that may be shared", systemA, []string{`contacts/phone/release_days = 91`}, "V19 contacts.phone.release_days"},
	{"a class that no method reaches", systemE, []string{`acr/login_min = "phr"`}, "V20 acr.login_min"},
	{"a class that SMS is not worth", systemE, []string{`acr/login_min = "mfa"`, `acr/sms_is = "2sv"`}, "V20 acr.login_min"},
	{"a class that one of two exclusive methods misses", systemD, []string{`acr/login_min = "mfa"`}, "V20 acr.login_min"},
	{"a class without a second step", conformance, []string{`acr/login_min = "2sv"`}, "V20 acr.login_min"},
	{"soft after hard", systemA, []string{"lockout/soft_fails = 10", "lockout/hard_fails = 10"}, "V21 lockout.soft_fails"},
	{"PIN soft after hard", systemA, []string{"lockout/pin_fails = 10"}, "V21 lockout.pin_fails"},
	{"delays that do not grow", systemA, []string{"lockout/delays_s = [30, 60, 60]"}, "V21 lockout.delays_s"},
	{"nobody can ever recover", systemE, []string{"recovery/self_service = []", `recovery/admin_reset_user = "nobody"`}, "V22 recovery.admin_reset_user"},
	{"idle longer than absolute", systemA, []string{"session/idle_s = 86401"}, "V23 session.idle_s"},
	{"a floor notice is missing", systemA, []string{
		`notify/email_events = ["factor_added", "factor_removed", "factor_changed", "contact_changed", "admin_reset"]`,
	}, "V24 notify.email_events"},
	{"first enrolment on a password alone", systemE, []string{`enforcement/first_enrolment_proof = "none"`}, "V25 enforcement.first_enrolment_proof"},
	{"an enabled method without lifecycle", systemA, []string{"-lifecycle/sms"}, "V26 lifecycle.sms"},
	{"enabled recovery codes without lifecycle", systemA, []string{"-lifecycle/recovery_codes"}, "V26 lifecycle.recovery_codes"},
	{"opt_in that cannot be undone", systemA, []string{"-actions/mfa.disable"}, "V27 actions.mfa.disable"},
	{"prompt that is undone without a proof", systemD, []string{"actions/mfa.disable/stages = []"}, "V27 actions.mfa.disable"},
	{"a smaller amount after a larger one", systemA, []string{
		`actions/payout.request/thresholds = [{"currency": "EUR", "above": "1000"}, {"currency": "EUR", "above": "999.99"}]`,
	}, "V29 actions.payout.request.thresholds[1].above"},
	{"a PIN for more money, where there is none", systemA, []string{
		`actions/payout.request/thresholds = [{"currency": "EUR", "above": "1000", "stages": [["delivered_code"], ["pin"]]}]`,
	}, "V29 actions.payout.request.thresholds[0].stages"},
	{"a weaker binding for more money", systemA, []string{
		`actions/payout.request/binding = "message"`, `actions/payout.request/methods = ["email"]`,
		`actions/payout.request/thresholds = [{"currency": "EUR", "above": "1000", "binding": "page"}]`,
	}, "V29 actions.payout.request.thresholds[0].binding"},
	{"a method for more money that the action does not have", systemA, []string{
		`actions/payout.request/thresholds = [{"currency": "EUR", "above": "1000", "methods": ["webauthn"]}]`,
	}, "V29 actions.payout.request.thresholds[0].methods"},
	{"a binding for more money that the methods cannot do", systemA, []string{
		`actions/payout.request/thresholds = [{"currency": "EUR", "above": "1000", "binding": "signed"}]`,
	}, "V29 actions.payout.request.thresholds[0].binding"},
	{"fewer stages for more money", systemB, []string{
		`actions/withdrawal.confirm/thresholds = [{"currency": "EUR", "above": "1000", "stages": [["pin"]]}]`,
	}, "V29 actions.withdrawal.confirm.thresholds[0].stages"},
	{"a built-in name that does not exist", systemA, []string{`actions/auth.logout = {"stages": [["password"]]}`}, "V28 actions.auth.logout"},
	{"a built-in prefix of contacts", systemA, []string{`actions/phone.change = {"stages": [["password"]]}`}, "V28 actions.phone.change"},
	{"SMS to all countries", systemD, []string{`contacts/phone/countries_sms = "all"`}, "W01 contacts.phone.countries_sms"},
	{"calls to all countries", systemA, []string{
		"methods/voice/enabled = true", "selection/tenant_max = 3", `contacts/phone/countries_voice = "all"`,
		`lifecycle/voice = {"enable": [["code_new"]], "disable": "forbidden", "change": "forbidden"}`,
	}, "W01 contacts.phone.countries_voice"},
	{"SMS without a budget", systemD, []string{"limits/budget_daily_usd_micros = 0"}, "W02 limits.budget_daily_usd_micros"},
	{"without the app only what can be intercepted", systemB, []string{
		"methods/totp/enabled = false", `delivery/fallback_to = ["sms"]`,
	}, "W03 methods"},
	{"thirty days that mfa does not accept", systemE, []string{`trusted_device/lifetime = "P30D"`, `acr/login_min = "mfa"`}, "W04 trusted_device.lifetime"},
	{"one day that two steps do not accept", systemE, []string{`trusted_device/lifetime = "P1D"`, `acr/login_min = "2sv"`}, "W04 trusted_device.lifetime"},
	{"a minute for an email", systemB, []string{`codes/by_purpose/action = {"ttl_s": 60}`}, "W05 codes.by_channel.email.ttl_s"},
}

func TestMutationsTriggerExactlyTheirValidator(t *testing.T) {
	for _, tt := range mutations {
		t.Run(tt.want[:3]+" "+tt.name, func(t *testing.T) {
			errs, warnings := Validate(edited(t, tt.preset, tt.edits...), Facts{})
			_, before := Validate(preset(t, tt.preset), Facts{})

			added := slices.DeleteFunc(at(append(errs, warnings...)), func(line string) bool { return slices.Contains(at(before), line) })
			require.Equal(t, []string{tt.want}, added)
			require.Equal(t, tt.want[0] == 'V' && tt.want[:3] != "V09" && tt.want[:3] != "V19", len(errs) > 0, "error or warning")
		})
	}
}

// TestNeighboursOfMistakesAreAccepted has the cases next to those above: the
// border itself, and the one condition less that makes it right.
func TestNeighboursOfMistakesAreAccepted(t *testing.T) {
	tests := []struct {
		name   string
		preset string
		edits  []string
	}{
		{"a PIN of one length", systemA, []string{"codes/pin/digits_min = 8", "codes/pin/digits_max = 8"}},
		{"ten minutes by default", systemA, []string{"codes/default/ttl_s = 600"}},
		{"eleven minutes to verify a contact", systemA, []string{`codes/by_purpose/contact_verify = {"ttl_s": 660}`}},
		{"a timer as long as the life", systemA, []string{"codes/default/resend_after_s = 60"}},
		{"as many methods as there may be", systemE, []string{"methods/totp/enabled = true", `methods/totp/role = "backup"`}},
		{"one method per user, and it reaches the class", systemD, []string{"methods/email/enabled = false", `acr/login_min = "mfa"`}},
		{"several methods per user, and one reaches the class", systemB, []string{`acr/login_min = "mfa"`}},
		{"no class to reach where there is no method", conformance, []string{`acr/login_min = "1fa"`}},
		{"nobody recovers where nobody is forced", systemA, []string{"recovery/self_service = []", `recovery/admin_reset_user = "nobody"`}},
		{"users recover by themselves", systemE, []string{`recovery/admin_reset_user = "nobody"`}},
		{"somebody recovers for them", systemE, []string{"recovery/self_service = []"}},
		{"idle as long as absolute", systemA, []string{"session/idle_s = 86400"}},
		{"soft one below hard", systemA, []string{"lockout/soft_fails = 9", "lockout/hard_fails = 10"}},
		{"PIN soft one below hard", systemA, []string{"lockout/pin_fails = 9"}},
		{"one delay", systemA, []string{"lockout/delays_s = [30]"}},
		{"a second factor beside the PIN at login", systemB, []string{`actions/auth.login/stages = [["pin"], ["second_factor"]]`}},
		{"fixed lines with voice", systemC, []string{`contacts/phone/line_types = ["mobile", "ambiguous", "fixed"]`}},
		{"no country while SMS is off", conformance, []string{"contacts/phone/countries_sms = []"}},
		{"a signature by key", systemE, []string{
			"methods/webauthn/enabled = true", `methods/webauthn/role = "backup"`,
			`actions/payout.request = {"stages": [["second_factor"]], "methods": ["webauthn"], "binding": "signed"}`,
		}},
		{"first enrolment on a password where nobody is forced", systemA, []string{`enforcement/first_enrolment_proof = "none"`}},
		{"release of numbers that are unique", systemA, []string{`contacts/phone/unique = "confirmed_in_tenant"`, `contacts/phone/release_after_change = "never"`}},
		{"a disabled method without lifecycle", systemE, []string{"-lifecycle/totp"}},
		{"thirty days where any class will do", systemE, []string{`trusted_device/lifetime = "P30D"`}},
		{"mfa where no trust outlives the session", systemE, []string{`acr/login_min = "mfa"`}},
		{"no budget where nothing costs", conformance, []string{"limits/budget_daily_usd_micros = 0"}},
		{"a minute and a second for an email", systemB, []string{`codes/by_channel/email = {"ttl_s": 61}`}},
		{"a minute for an SMS", systemB, []string{`codes/by_channel/sms = {"ttl_s": 60}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs, warnings := Validate(edited(t, tt.preset, tt.edits...), Facts{})
			_, before := Validate(preset(t, tt.preset), Facts{})

			require.Empty(t, errs)
			require.Subset(t, at(before), at(warnings))
		})
	}
}

func TestV06TellsEachPlaceOnce(t *testing.T) {
	errs, _ := Validate(edited(t, systemB, `codes/by_channel/sms = {"resend_after_s": 400}`, `codes/by_purpose/login = {"resend_after_s": 500}`), Facts{})

	require.Equal(t, []string{"codes.by_purpose.login.resend_after_s", "codes.by_channel.sms.resend_after_s"}, paths(errs))
}

// TestV29SaysWhyAMethodCannotConfirmMore: whoever named the method has to know which of
// the places it is that lacks it.
func TestV29SaysWhyAMethodCannotConfirmMore(t *testing.T) {
	threshold := `actions/payout.request/thresholds = [{"currency": "EUR", "above": "1000", "methods": ["webauthn"]}]`
	named := `actions/payout.request/methods = ["email", "webauthn"]`
	tests := []struct {
		name  string
		edits []string
		says  string
	}{
		{"named and not enabled", []string{named}, "webauthn is not enabled; set methods.webauthn.enabled to true."},
		{"neither named nor enabled", nil, "webauthn is not enabled; set methods.webauthn.enabled to true."},
		{"enabled and not named", []string{"methods/webauthn/enabled = true"}, "The action itself does not have webauthn; add it to actions.payout.request.methods, too."},
		{"not for actions", []string{named, "methods/webauthn/enabled = true", `methods/webauthn/uses = ["login"]`}, "webauthn is not for this use; add action to methods.webauthn.uses."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs, _ := Validate(edited(t, systemA, append(tt.edits, threshold)...), Facts{})

			i := slices.IndexFunc(errs, func(f Finding) bool { return f.ID == "V29" })
			require.GreaterOrEqual(t, i, 0, errs)
			require.Equal(t, tt.says, errs[i].Message)
		})
	}
}

// TestEveryValidatorHasAMutation lets nobody add a rule without a case. V01 has
// its own tests; W06 speaks on every preset.
func TestEveryValidatorHasAMutation(t *testing.T) {
	covered := map[string]bool{"V01": true, "W06": true}
	for _, m := range mutations {
		covered[m.want[:3]] = true
	}

	rules := map[string]bool{}
	for _, r := range append(slices.Clone(mistakes), lints...) {
		require.False(t, rules[r.id], "%s stands twice", r.id)
		rules[r.id] = true
	}

	require.Empty(t, cmp.Diff(slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(covered))))
	require.Len(t, rules, 29+6)
}

func TestPresetsAreValid(t *testing.T) {
	want := map[string][]string{
		systemA:     {"W01 contacts.phone.countries_sms", "W03 methods", "W05 codes.by_channel.email.ttl_s", "W06 limits.send_per_user"},
		systemB:     {"W01 contacts.phone.countries_sms", "W06 limits.send_per_user"},
		systemC:     {"W01 contacts.phone.countries_sms", "W01 contacts.phone.countries_voice", "W03 methods", "W06 limits.send_per_user"},
		systemD:     {"W03 methods", "W06 limits.send_per_user"},
		systemE:     {"V09 delivery.fallback_to", "W01 contacts.phone.countries_sms", "W03 methods", "W06 limits.send_per_user"},
		conformance: {},
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), Presets())
	for name, warnings := range want {
		t.Run(name, func(t *testing.T) {
			p := preset(t, name)

			errs, got := Validate(p, Facts{})

			require.Empty(t, errs)
			require.Empty(t, cmp.Diff(warnings, append([]string{}, at(got)...)))
			require.Equal(t, name, p.Name)
		})
	}
}

func TestPresetThatDoesNotExist(t *testing.T) {
	_, err := Preset("../policy.schema")

	require.ErrorContains(t, err, "there is no preset")
}

// TestVariantsOfSystemE are the choices that policy.md 2.6 leaves to an admin.
func TestVariantsOfSystemE(t *testing.T) {
	app := []string{"methods/totp/enabled = true"}
	key := []string{"methods/webauthn/enabled = true"}
	noSMS := []string{"methods/sms/enabled = false"}
	backupSMS := []string{`methods/sms/role = "backup"`}
	backupApp := []string{`methods/totp/role = "backup"`}
	tests := []struct {
		name  string
		edits []string
		ok    bool
	}{
		{"only the app", slices.Concat(app, noSMS), true},
		{"only the key", slices.Concat(key, noSMS), true},
		{"app with SMS as backup", slices.Concat(app, backupSMS), true},
		{"key with SMS as backup", slices.Concat(key, backupSMS), true},
		{"SMS with the app as backup", slices.Concat(app, backupApp), true},
		{"app and key", slices.Concat(app, key, noSMS), false},
		{"all three", slices.Concat(app, key), false},
		{"nothing", noSMS, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs, _ := Validate(edited(t, systemE, tt.edits...), Facts{})

			require.Equal(t, tt.ok, len(errs) == 0, "%v", errs)
		})
	}
}

func TestFactsAllowEnrolmentWithoutProof(t *testing.T) {
	d := presetDoc(t, systemE)
	d.edit(`enforcement/first_enrolment_proof = "none"`)

	_, err := Parse(d.text(t))
	require.Equal(t, []string{"V25 enforcement.first_enrolment_proof"}, at(refusal(t, err)))

	p, err := ParseFor(d.text(t), Facts{AllUsersProvisioned: true})
	require.NoError(t, err)
	require.Equal(t, EnrolmentProofNone, p.Enforcement.FirstEnrolmentProof)
}

func TestW06CountsDeliveriesOfOneHour(t *testing.T) {
	tests := []struct {
		name  string
		rates string
		warns bool
	}{
		{"ten in an hour", `[{"n": 10, "per_s": 3600}]`, true},
		{"five in an hour", `[{"n": 5, "per_s": 3600}]`, false},
		{"six in an hour", `[{"n": 6, "per_s": 3600}]`, true},
		{"five in a day", `[{"n": 5, "per_s": 86400}]`, false},
		{"one each ten minutes", `[{"n": 1, "per_s": 600}]`, true},
		{"the strictest rate counts", `[{"n": 20, "per_s": 600}, {"n": 5, "per_s": 3600}]`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, warnings := Validate(edited(t, systemA, "limits/send_per_user = "+tt.rates), Facts{})

			require.Equal(t, tt.warns, slices.Contains(at(warnings), "W06 limits.send_per_user"))
		})
	}
}

// TestValidateBearsAnyPolicy shows that a policy made in code is judged, not
// trusted: the schema is among the rules, and no rule rests on it.
func TestValidateBearsAnyPolicy(t *testing.T) {
	errs, _ := Validate(Policy{}, Facts{})
	require.Contains(t, at(errs), "V01 methods.email")

	p := preset(t, systemA)
	p.Codes.Default.Digits = 4
	errs, _ = Validate(p, Facts{})
	require.Equal(t, []string{"V01 codes.default.digits"}, at(errs))
}
