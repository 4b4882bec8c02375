package policy

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestMaskedPresetsAreValidAndSupported(t *testing.T) {
	want := map[string][]string{
		systemA:     {"recovery_codes"},
		systemB:     {"totp", "recovery_codes", "pin", "action:withdrawal.confirm"},
		systemC:     {"voice"},
		systemD:     nil,
		systemE:     {"recovery_codes"},
		conformance: nil,
	}
	for name, gone := range want {
		t.Run(name, func(t *testing.T) {
			p := preset(t, name)

			masked, notYet := Mask(p, early())

			require.Equal(t, gone, notYet)
			errs, _ := Validate(masked, Facts{})
			require.Empty(t, errs)
			require.Empty(t, Unsupported(masked, early()))
			require.Empty(t, cmp.Diff(preset(t, name), p), "the policy that is masked stays as it was")
			require.Equal(t, name, masked.Name)

			again, notYet := Mask(masked, early())
			require.Empty(t, notYet)
			require.Empty(t, cmp.Diff(masked, again), "a masked policy needs no mask")
		})
	}
}

func TestMaskOfAnEngineThatLacksNothing(t *testing.T) {
	for _, name := range Presets() {
		p := preset(t, name)

		masked, notYet := Mask(p, everything())

		require.Empty(t, notYet)
		require.Equal(t, p.Hash(), masked.Hash(), name)
	}
}

func TestMaskOfTheBroker(t *testing.T) {
	masked, _ := Mask(preset(t, systemB), early())

	require.Equal(t, List[Kind]{SMS, Email}, masked.Delivery.FallbackTo)
	require.Equal(t, []string{"auth.login", "mfa.disable", "operation.confirm"}, slices.Sorted(maps.Keys(masked.Actions)))
	require.Equal(t, List[Kind]{SMS, Email}, masked.Actions["operation.confirm"].Methods)
	_, ok := masked.Action("withdrawal.confirm")
	require.False(t, ok, "an action with a PIN is unknown, not easier")
	require.Equal(t, Ceremony{Forbidden: true}, masked.Lifecycle[SMS].Enable, "enabling takes a PIN")
	require.Equal(t, Ceremony{Forbidden: true}, masked.Lifecycle[SMS].Change, "changing takes a PIN")
	require.Equal(t, Stages{{ProofCodeCurrent}}, masked.Lifecycle[SMS].Disable.Stages, "disabling takes none")
	require.Empty(t, masked.Signals)
}

func TestMaskOfTheMarketplace(t *testing.T) {
	masked, _ := Mask(preset(t, systemC), early())

	require.Equal(t, List[LineType]{LineMobile, LineAmbiguous}, masked.Contacts.Phone.LineTypes)
	require.Equal(t, List[LineType]{LineMobile, LineAmbiguous}, masked.Contacts.Phone.VoiceTo)
	require.Equal(t, List[Requirement]{RequirePhoneConfirmed}, masked.Actions["bid.place"].Require)
}

// TestMaskNeverMakesAnythingEasier has policies that are no presets.
func TestMaskNeverMakesAnythingEasier(t *testing.T) {
	t.Run("an action whose methods are all gone goes away, for an empty list means every method", func(t *testing.T) {
		p := edited(t, systemB, `actions/operation.confirm/methods = ["totp"]`)

		masked, notYet := Mask(p, early())

		require.NotContains(t, masked.Actions, "operation.confirm")
		require.Contains(t, notYet, "action:operation.confirm")
	})
	t.Run("a login with none of its methods lets nobody in", func(t *testing.T) {
		p := edited(t, systemB, `actions/auth.login/methods = ["totp"]`)

		masked, _ := Mask(p, early())

		require.Empty(t, masked.LoginMethods())
		require.Equal(t, Stages{{ProofSecondFactor}}, masked.Actions[ActionLogin].Stages)
	})
	t.Run("a login with a stage that cannot be run stays, and is reported", func(t *testing.T) {
		p := edited(t, systemB, `actions/auth.login/stages = [["pin"], ["second_factor"]]`)

		masked, _ := Mask(p, early())

		require.Equal(t, Stages{{ProofPIN}, {ProofSecondFactor}}, masked.Actions[ActionLogin].Stages)
		require.Equal(t, []string{"actions.auth.login.stages[0][0]"}, paths(Unsupported(masked, early())))
		errs, _ := Validate(masked, Facts{})
		require.Equal(t, []string{"V12 actions.auth.login.stages"}, at(errs))
	})
	t.Run("an action whose code can no longer be delivered goes away", func(t *testing.T) {
		engine := early()
		engine.Methods = List[Kind]{TOTP}
		p := edited(t, systemA, `methods/totp/enabled = true`, "actions/payout.request/methods = []")

		masked, notYet := Mask(p, engine)

		require.NotContains(t, masked.Actions, "payout.request")
		require.Contains(t, notYet, "action:payout.request")
	})
}

func TestMaskOfAnEngineWithoutMethods(t *testing.T) {
	t.Run("a second factor of which no method is left goes away", func(t *testing.T) {
		engine := early()
		engine.Methods = nil
		masked, notYet := Mask(preset(t, systemD), engine)

		require.NotContains(t, masked.Actions, ActionMFADisable)
		require.Equal(t, []string{"email", "sms", "action:mfa.disable"}, notYet)
		errs, _ := Validate(masked, Facts{})
		require.Contains(t, at(errs), "V27 actions.mfa.disable", "the result is refused")
	})
	t.Run("so does one that names no methods", func(t *testing.T) {
		engine := early()
		engine.Methods = nil
		masked, _ := Mask(preset(t, systemB), engine)

		require.NotContains(t, masked.Actions, ActionMFADisable)
	})
	t.Run("an action that takes a password only needs no method", func(t *testing.T) {
		engine := early()
		engine.Methods = nil
		masked, _ := Mask(edited(t, systemB, `actions/note.add = {"stages": [["password"]]}`), engine)

		require.Contains(t, masked.Actions, "note.add")
	})
}

// TestMaskThatAdjustsOtherFields has what follows from a method that is gone, and
// what stays although the result is then refused.
func TestMaskThatAdjustsOtherFields(t *testing.T) {
	t.Run("an app that everybody needs cannot be masked", func(t *testing.T) {
		p := edited(t, systemE, "methods/sms/enabled = false", "methods/totp/enabled = true")

		masked, _ := Mask(p, early())

		errs, _ := Validate(masked, Facts{})
		require.Contains(t, at(errs), "V03 enforcement.mode")
	})
	t.Run("the class of a login is not lowered", func(t *testing.T) {
		p := edited(t, systemB, `acr/login_min = "mfa"`, "methods/sms/enabled = false")

		masked, _ := Mask(p, early())

		require.Equal(t, ClassMFA, masked.ACR.LoginMin)
		errs, _ := Validate(masked, Facts{})
		require.Equal(t, []string{"V20 acr.login_min"}, at(errs))
	})
	t.Run("the primary method is gone, so the user chooses", func(t *testing.T) {
		p := edited(t, systemE, "methods/totp/enabled = true", `methods/sms/role = "backup"`)

		masked, notYet := Mask(p, early())

		require.Equal(t, FirstUserChoice, masked.Delivery.First)
		require.Equal(t, []string{"totp", "recovery_codes"}, notYet)
		errs, _ := Validate(masked, Facts{})
		require.Empty(t, errs)
	})
	t.Run("a method that had to be among several need not be there alone", func(t *testing.T) {
		p := edited(t, systemB, `selection/tenant_multi_must_include = ["totp"]`)

		masked, _ := Mask(p, early())

		require.Empty(t, masked.Selection.TenantMultiMustInclude)
	})
	t.Run("only fixed lines were accepted", func(t *testing.T) {
		p := edited(t, systemC, `contacts/phone/line_types = ["fixed"]`, "contacts/phone/sms_to = []", `contacts/phone/voice_to = ["fixed"]`)

		masked, _ := Mask(p, early())

		errs, _ := Validate(masked, Facts{})
		require.Empty(t, errs)
	})
}

func TestMaskClearsWhatIsRefused(t *testing.T) {
	for _, d := range decisions {
		if d.decision != refused {
			continue
		}
		t.Run(d.field, func(t *testing.T) {
			masked, _ := Mask(edited(t, systemA, d.edit), early())

			require.Empty(t, Unsupported(masked, early()))
			errs, _ := Validate(masked, Facts{})
			require.Empty(t, errs)
		})
	}
}
