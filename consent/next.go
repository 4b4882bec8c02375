package consent

import "time"

// Step is where a request stands.
type Step string

// The steps. Refuse and Done end the flow.
const (
	StepLogin     Step = "login"     // identify and first factor
	StepChallenge Step = "challenge" // second step of a login, or a stronger session
	StepEnrol     Step = "enrol"     // the first method is set up, in the middle of a login
	StepBanner    Step = "banner"    // reminder of a second step
	StepConfirm   Step = "confirm"   // the action asked for
	StepConsent   Step = "consent"   // what the app may see
	StepRefuse    Step = "refuse"
	StepDone      Step = "done"
)

// OAuth error codes that a step answers with. Source: OpenID Connect Core
// section 3.1.2.6; OpenID Connect Core Unmet Authentication Requirements 1.0.
const (
	errLoginRequired       = "login_required"
	errAccountSelection    = "account_selection_required"
	errInteractionRequired = "interaction_required"
	errConsentRequired     = "consent_required"
	errUnmet               = "unmet_authentication_requirements"
	errAccessDenied        = "access_denied"
)

// Facts is everything the decision depends on. Next reads nothing else, so a
// test can state a case by stating its facts.
type Facts struct {
	Now time.Time

	SignedIn  bool      // an account is known: by a live session, or by a first factor given here
	LoggedIn  bool      // a first factor was given in this interaction
	Vouched   bool      // the account is known by the word of the app: nobody logs in here
	WrongUser bool      // the account is not the one that the request is pinned to
	AuthTime  time.Time // the latest active verification, in whole seconds

	LoginAsked  bool           // prompt=login or max_age=0
	SelectAsked bool           // prompt=select_account
	AgreeAsked  bool           // prompt=consent, and not yet done here
	MaxAge      *time.Duration // nil when nobody set one
	Silent      bool           // prompt=none

	Class       Class // what all evidence together proves
	Least       Class // the floor of tenant and client, and the acr value that was chosen
	SecondDue   bool  // the policy asks for a second step in the login made here, and it was not given or waived
	Methods     bool  // there is a way for the user to give it
	Unreachable bool  // an acr was required and none of those asked for can be reached

	Action        string // the action to confirm; "" for none
	Held          bool   // the account is on hold, or a flag refuses the action
	NotReady      bool   // a precondition of the action does not hold
	Detailed      bool   // a transaction is confirmed, with its details
	Staged        bool   // the action has stages, which are passed in this very interaction or not at all
	StagesLeft    bool   // not every stage was passed yet
	ActionMethods bool   // there is a way to pass the next stage
	StaleLogin    bool   // the next stage wants a login that is fresher than this one

	MustAdd  bool // the tenant lets nobody in without a second step, and the user has none
	Wants    bool // the user took up the reminder to set one up
	Enrols   bool // the user can set one up now
	ProofDue bool // before that, the account's own address has to be shown
	PutOff   bool // the user put it off, and still may
	Remind   bool // the tenant reminds of a second step, and has not yet in this login
	Agreed   bool // everything asked for was agreed to, or the app is the tenant's own
	NoAnswer bool // the user ended it: cancelled, declined or guessed wrong too often
}

// rules run from top to bottom; the first that applies names the next step.
// The same row gives the error of prompt=none. To add a step to the flow, add a
// line here.
var rules = []struct {
	step    Step
	reason  string
	oauth   string
	applies func(Facts) bool
}{
	{StepLogin, "signed_out", errLoginRequired, func(f Facts) bool { return !f.SignedIn }},
	// A first factor of the wrong account ends the request: it is never
	// answered for somebody else. A session of another account is passed over.
	{StepRefuse, "subject", errLoginRequired, func(f Facts) bool { return f.WrongUser && f.LoggedIn }},
	{StepLogin, "subject", errLoginRequired, func(f Facts) bool { return f.WrongUser }},
	{StepLogin, "prompt", errLoginRequired, func(f Facts) bool { return f.LoginAsked && !f.LoggedIn }},
	{StepLogin, "select", errAccountSelection, func(f Facts) bool { return f.SelectAsked && !f.LoggedIn }},
	{StepLogin, "max_age", errLoginRequired, Facts.tooOld},
	{StepRefuse, "acr", errUnmet, func(f Facts) bool { return f.Unreachable }},
	{StepChallenge, "first_enrolment", errInteractionRequired, func(f Facts) bool { return f.enrols() && f.ProofDue }},
	{StepEnrol, "first_enrolment", errInteractionRequired, Facts.enrols},
	// A method cannot be added on the way to a confirmation: else a thief with
	// an open session would add a phone and confirm with it.
	{StepRefuse, "no_method", errUnmet, func(f Facts) bool { return f.needsSecond() && !f.Methods }},
	{StepChallenge, "second_step", errInteractionRequired, Facts.needsSecond},
	{StepRefuse, "no_method", errUnmet, func(f Facts) bool { return f.MustAdd && !f.PutOff }},
	{StepBanner, "reminder", "", func(f Facts) bool { return f.Remind && !f.Silent }},
	{StepRefuse, "held", errAccessDenied, func(f Facts) bool { return f.Action != "" && f.Held }},
	{StepRefuse, "precondition", errUnmet, func(f Facts) bool { return f.Action != "" && f.NotReady }},
	// The word of an app alone confirms nothing, and neither does a transaction that
	// nobody was shown: some stage is proven here.
	{StepRefuse, "vouched", errUnmet, func(f Facts) bool { return f.Vouched && !f.Staged }},
	{StepRefuse, "no_stage", errUnmet, func(f Facts) bool { return f.Detailed && !f.Staged }},
	{StepLogin, "stale_login", errLoginRequired, func(f Facts) bool { return f.pending() && f.StaleLogin && !f.LoggedIn }},
	{StepRefuse, "no_method", errUnmet, func(f Facts) bool { return f.pending() && !f.ActionMethods }},
	{StepConfirm, "action", errInteractionRequired, Facts.pending},
	{StepConsent, "scopes", errConsentRequired, func(f Facts) bool { return !f.Agreed }},
	{StepConsent, "prompt", errConsentRequired, func(f Facts) bool { return f.AgreeAsked }},
}

// tooOld reports whether the latest active verification is older than max_age
// allows. A login here is fresh, and so are the stages of an action, which are
// passed in this very interaction.
func (f Facts) tooOld() bool {
	if f.MaxAge == nil || f.LoggedIn || f.Staged {
		return false
	}
	return f.Now.Sub(f.AuthTime) > *f.MaxAge
}

func (f Facts) needsSecond() bool { return (f.SecondDue && !f.PutOff) || f.Class < f.Least }

// enrols reports whether the login stops for a first method. It is never so for a
// session that is stepped up: a thief with an open session would add his phone.
func (f Facts) enrols() bool {
	return (f.MustAdd || f.Wants) && f.LoggedIn && f.Enrols && !f.PutOff
}

func (f Facts) pending() bool { return f.Action != "" && f.StagesLeft }

// Next returns the step that the user has to take now, why, and the error that
// answers a request which may show nothing.
//
// Source: OpenID Connect Core sections 3.1.2.1 (prompt, max_age, acr_values)
// and 3.1.2.6 (errors); RFC 9470 sections 4 and 5.
func Next(f Facts) (step Step, reason, oauthError string) {
	if f.NoAnswer {
		return StepRefuse, "ended", errAccessDenied
	}
	for _, r := range rules {
		if !r.applies(f) {
			continue
		}
		if r.step == StepLogin && f.Vouched {
			return StepRefuse, "vouched", errUnmet // an app's word is no login here
		}
		return r.step, r.reason, r.oauth
	}
	return StepDone, "", ""
}
