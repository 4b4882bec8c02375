package policy

import (
	"encoding/json"
	"fmt"
)

// Facts is what a validator may know about the tenant's users. The zero value
// assumes nothing.
type Facts struct {
	// AllUsersProvisioned: every user was made by an admin and has a confirmed factor.
	AllUsersProvisioned bool
}

// candidate is what a rule looks at.
type candidate struct {
	Policy
	Facts
}

// A rule looks at a whole policy and reports what it finds. It must not rest on
// another rule having passed.
type rule struct {
	id    string
	check func(candidate) []Finding
}

// mistakes are the validators of policy.md 2.3 that refuse a document.
var mistakes = []rule{
	{"V01", fitsSchema},
	{"V02", pinDigitsInOrder},
	{"V03", requiredModeHasMethod},
	{"V04", disabledModeHasNoLoginStages},
	{"V05", longCodesOnlyVerifyContacts},
	{"V06", resendWithinLife},
	{"V07", tenantSelection},
	{"V08", exclusiveMethod},
	{"V10", firstMethodExists},
	{"V11", pinIsCompanion},
	{"V12", proofsMakeSense},
	{"V13", lineTypesAgree},
	{"V14", smsHasCountries},
	{"V15", trustNeedsSecondStep},
	{"V16", bindingFitsMethods},
	{"V17", holdHasLength},
	{"V18", keptNumberKeepsMethod},
	{"V20", loginMinReachable},
	{"V21", lockoutInOrder},
	{"V22", somebodyCanRecover},
	{"V23", idleWithinAbsolute},
	{"V24", floorNotices},
	{"V25", firstEnrolmentProven},
	{"V26", enabledMethodsHaveLifecycle},
	{"V27", optInCanBeUndone},
	{"V28", builtInNames},
	{"V29", thresholdsRaise},
}

// lints are the validators of policy.md 2.3 that warn.
var lints = []rule{
	{"V09", fallbackEnabled},
	{"V19", releaseWithoutUnique},
	{"W01", allCountries},
	{"W02", telephonyWithoutBudget},
	{"W03", onlyInterceptable},
	{"W04", trustBelowLoginMin},
	{"W05", shortEmailCodes},
	{"W06", manyDeliveries},
}

// Validate runs every validator over p. A policy with errs must not be used;
// warnings are shown to whoever saves it and kept with the version.
//
// Both lists are in the order of the rules and, within a rule, always the same.
func Validate(p Policy, facts Facts) (errs, warnings []Finding) {
	c := candidate{p, facts}
	return run(mistakes, c), run(lints, c)
}

func run(rules []rule, c candidate) []Finding {
	var all []Finding
	for _, r := range rules {
		all = append(all, withID(r.id, r.check(c))...)
	}
	return all
}

// fitsSchema is V01 for a policy that was made or changed in code.
func fitsSchema(c candidate) []Finding {
	doc, err := json.Marshal(c.Policy)
	if err != nil {
		return found("", "It cannot be written as JSON: %s.", err)
	}
	_, findings := read(doc)
	return findings
}

// actionPath is the path of a field of an action.
func actionPath(name, format string, args ...any) string {
	return join("actions", name) + "." + fmt.Sprintf(format, args...)
}
