package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// everything is an engine that lacks nothing.
func everything() Capabilities {
	return Capabilities{
		Methods: Kinds(),
		Proofs: List[Proof]{
			ProofPassword, ProofPIN, ProofCodeNew, ProofCodeCurrent, ProofSecondFactor,
			ProofDeliveredCode, ProofAnyFactor, ProofFreshLogin,
		},
		Bindings: List[Binding]{BindingNone, BindingPage, BindingMessage, BindingSigned},
		Features: List[Feature]{
			FeaturePreconditions, FeaturePushedDetails, FeatureUserFlags, FeatureLastUsed,
			FeatureAdminAssigned, FeatureCombinedProofs, FeatureEnrolmentGrace, FeatureTelephonyBudget, FeaturePromptHint, FeatureSignals,
		},
	}
}

// early is an engine that sends codes and does little else.
func early() Capabilities {
	return Capabilities{
		Methods: List[Kind]{Email, SMS},
		Proofs: List[Proof]{
			ProofPassword, ProofSecondFactor, ProofDeliveredCode, ProofAnyFactor, ProofFreshLogin,
		},
		Bindings: List[Binding]{BindingNone, BindingPage, BindingMessage},
		Features: List[Feature]{FeaturePreconditions, FeatureUserFlags, FeatureAdminAssigned},
	}
}

func TestUnsupportedOfThePresets(t *testing.T) {
	want := map[string][]string{
		systemA: {"methods.recovery_codes.enabled"},
		systemB: {
			"methods.totp.enabled", "methods.recovery_codes.enabled", "methods.pin.enabled",
			"actions.withdrawal.confirm.stages[0][0]", "signals",
		},
		systemC:     {"methods.voice.enabled", "signals"},
		systemD:     {"notify.frequent_prompt_hint_per_day"},
		systemE:     {"methods.recovery_codes.enabled"},
		conformance: {},
	}
	for name, fields := range want {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, fields, paths(Unsupported(preset(t, name), early())))
			require.Empty(t, Unsupported(preset(t, name), Enforced()), "this version runs every preset")
			require.Empty(t, Unsupported(preset(t, name), everything()))
		})
	}
}

// TestEngineWithoutAnything shows that nothing is taken for granted: an engine
// that declares no ability runs no action.
func TestEngineWithoutAnything(t *testing.T) {
	got := paths(Unsupported(preset(t, systemC), Capabilities{}))

	require.Subset(t, got, []string{"methods.sms.enabled", "actions.bid.place.binding", "actions.bid.place.require", "actions.bid.place.applies"})
}

func TestEachMissingFeatureIsFound(t *testing.T) {
	ask := map[Feature]string{
		FeaturePreconditions:   `actions/payout.request/require = ["phone_confirmed"]`,
		FeaturePushedDetails:   `actions/payout.request/details = "required"`,
		FeatureUserFlags:       `actions/payout.request/deny_flags = ["frozen"]`,
		FeatureLastUsed:        `delivery/first = "last_used"`,
		FeatureAdminAssigned:   `contacts/phone/admin_assigned = "confirm_on_first_login"`,
		FeatureCombinedProofs:  `actions/payout.request/stages = [["delivered_code", "password"]]`,
		FeatureEnrolmentGrace:  `enforcement/grace_s = 60`,
		FeatureTelephonyBudget: `limits/budget_daily_usd_micros = 1`,
		FeaturePromptHint:      `notify/frequent_prompt_hint_per_day = 2`,
		FeatureSignals:         `signals = [{"when": "mfa_enabled", "event": "x"}]`,
	}
	require.Len(t, ask, len(everything().Features))
	for feature, edit := range ask {
		t.Run(string(feature), func(t *testing.T) {
			p := edited(t, systemA, edit)
			without := everything()
			without.Features = without.Features.without(func(f Feature) bool { return f == feature })

			require.Len(t, Unsupported(p, without), 1)
			require.Empty(t, Unsupported(p, everything()))
		})
	}
}
