package policy

// Feature is something beside methods, proofs and bindings that a document can
// ask for and an engine may or may not do.
type Feature string

// The features. One that an engine lacks must not be asked for: to ignore it would
// give less protection, or another behaviour, than the document says.
const (
	FeaturePreconditions   Feature = "preconditions"    // actions.*.require, applies: until_met
	FeaturePushedDetails   Feature = "pushed_details"   // actions.*.details: required
	FeatureUserFlags       Feature = "user_flags"       // actions.*.deny_flags
	FeatureLastUsed        Feature = "last_used"        // delivery.first: last_used
	FeatureAdminAssigned   Feature = "admin_assigned"   // contacts.phone.admin_assigned: confirm_on_first_login
	FeatureEnrolmentGrace  Feature = "enrolment_grace"  // enforcement.grace_s
	FeatureTelephonyBudget Feature = "telephony_budget" // limits.budget_*, limits.conversion_*
	FeaturePromptHint      Feature = "prompt_hint"      // notify.frequent_prompt_hint_per_day
	FeatureSignals         Feature = "signals"          // signals
	FeatureCombinedProofs  Feature = "combined_proofs"  // actions.*.stages with several proofs on one form
)

// Capabilities is what an engine enforces. Its zero value enforces nothing.
type Capabilities struct {
	Methods  List[Kind]
	Proofs   List[Proof] // in the stages of actions
	Bindings List[Binding]
	Features List[Feature]
}

// Enforced returns what the engine of this version enforces. What is not in it
// is refused when a policy is saved, and masked in the demo.
//
// Stages of lifecycle may name any proof; those of actions name what can be proved
// without changing anything.
func Enforced() Capabilities {
	return Capabilities{
		Methods: List[Kind]{Email, SMS, Voice, TOTP, WebAuthn, RecoveryCodes, PIN},
		Proofs: List[Proof]{
			ProofPassword, ProofPIN, ProofSecondFactor, ProofDeliveredCode, ProofAnyFactor, ProofFreshLogin,
		},
		Bindings: List[Binding]{BindingNone, BindingPage, BindingMessage, BindingSigned},
		Features: List[Feature]{
			FeaturePreconditions, FeatureUserFlags, FeatureAdminAssigned, FeatureLastUsed, FeatureEnrolmentGrace,
			FeaturePromptHint, FeatureSignals, FeatureCombinedProofs, FeatureTelephonyBudget, FeaturePushedDetails,
		},
	}
}

// Unsupported reports what p asks for and engine does not enforce. A policy with
// such a finding must not be put in force there.
//
// A field that only concerns operations that do not exist yet, such as the change
// of a number, is no finding. The decision on each field is the table in
// decisions_test.go.
func Unsupported(p Policy, engine Capabilities) []Finding {
	var all []Finding
	for _, k := range p.enabled(kinds) {
		if engine.lacks(k) {
			all = append(all, missing("methods."+string(k)+".enabled", "write false")...)
		}
	}
	for _, name := range p.actionNames() {
		all = append(all, unsupportedAction(name, p.Actions[name], engine)...)
	}
	for _, f := range fieldFeatures {
		if !engine.Features.Has(f.feature) && f.asked(p) {
			all = append(all, missing(f.path, f.instead)...)
		}
	}
	return withID("unsupported", all)
}

func missing(path, instead string) []Finding {
	return found(path, "This is not yet supported; %s.", instead)
}

// unsupportedAction reports what one action asks for and engine does not enforce.
func unsupportedAction(name string, a Action, engine Capabilities) []Finding {
	var all []Finding
	refuse := func(instead, format string, args ...any) {
		all = append(all, missing(actionPath(name, format, args...), instead)...)
	}
	for i, stage := range a.Stages {
		if len(stage) > 1 && !engine.Features.Has(FeatureCombinedProofs) {
			refuse("make each proof a stage of its own", "stages[%d]", i)
		}
		for j, proof := range stage {
			if !engine.Proofs.Has(proof) {
				refuse("name another proof than "+string(proof), "stages[%d][%d]", i, j)
			}
		}
	}
	for i, t := range a.Thresholds {
		for j, stage := range t.Stages {
			for k, proof := range stage {
				if !engine.Proofs.Has(proof) {
					refuse("name another proof than "+string(proof), "thresholds[%d].stages[%d][%d]", i, j, k)
				}
			}
		}
	}
	if !engine.Bindings.Has(a.Binding) {
		refuse("choose one of "+words(engine.Bindings), "binding")
	}
	if a.Details == DetailsRequired && !engine.Features.Has(FeaturePushedDetails) {
		refuse("write optional", "details")
	}
	if len(a.DenyFlags) > 0 && !engine.Features.Has(FeatureUserFlags) {
		refuse("write []", "deny_flags")
	}
	if engine.Features.Has(FeaturePreconditions) {
		return all
	}
	if len(a.Require) > 0 {
		refuse("write []", "require")
	}
	if a.Applies == AppliesUntilMet {
		refuse("write always or when_mfa_enabled", "applies")
	}
	return all
}

// fieldFeatures are the fields outside actions that a feature stands behind. clear
// puts the field back to a value that asks for nothing.
var fieldFeatures = []struct {
	feature Feature
	path    string
	instead string
	asked   func(Policy) bool
	clear   func(*Policy)
}{
	{
		FeatureEnrolmentGrace, "enforcement.grace_s", "write 0",
		func(p Policy) bool { return p.Enforcement.Grace > 0 },
		func(p *Policy) { p.Enforcement.Grace = 0 },
	},
	{
		FeatureLastUsed, "delivery.first", "choose another value",
		func(p Policy) bool { return p.Delivery.First == FirstLastUsed },
		func(p *Policy) { p.Delivery.First = FirstUserChoice },
	},
	{
		FeatureAdminAssigned, "contacts.phone.admin_assigned", "write must_enrol",
		func(p Policy) bool { return p.Contacts.Phone.AdminAssigned == AdminAssignedConfirmOnFirstLogin },
		func(p *Policy) { p.Contacts.Phone.AdminAssigned = AdminAssignedMustEnrol },
	},
	{
		FeatureTelephonyBudget, "limits.budget_daily_usd_micros", "leave budget_* and conversion_* at their defaults",
		func(p Policy) bool { return p.Limits.Budget != defaultBudget() },
		func(p *Policy) { p.Limits.Budget = defaultBudget() },
	},
	{
		FeaturePromptHint, "notify.frequent_prompt_hint_per_day", "write 0",
		func(p Policy) bool { return p.Notify.FrequentPromptHintPerDay > 0 },
		func(p *Policy) { p.Notify.FrequentPromptHintPerDay = 0 },
	},
	{
		FeatureSignals, "signals", "write []",
		func(p Policy) bool { return len(p.Signals) > 0 },
		func(p *Policy) { p.Signals = []Signal{} },
	},
}

// canRun reports whether engine enforces all that action a asks for.
func (engine Capabilities) canRun(name string, a Action) bool {
	return len(unsupportedAction(name, a, engine)) == 0
}

// lacks reports whether engine does not enforce k.
func (engine Capabilities) lacks(k Kind) bool { return !engine.Methods.Has(k) }
