package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Standing is a request as it stands at one moment: what was asked, who is
// there, what was done, and what [Next] makes of it. It is made anew for every
// request of the browser and never stored.
type Standing struct {
	Realm   *identity.Realm
	Client  *identity.Client
	Request Request
	In      *Interaction      // nil before there is one
	Session *identity.Session // the live session that counts here; nil without one
	User    *identity.User    // nil while nobody is known
	Goal    Goal
	Action  policy.Action  // of Goal.Action
	Detail  details.Detail // the transaction of Request.Details; its zero value for none
	Target  Target         // what the next challenge is for, in StepChallenge and StepConfirm
	Options []mfa.Option   // the ways to meet Target
	// Enrollable are the methods that can be set up, in StepEnrol.
	Enrollable []mfa.Method
	wanted     bool // the user asked for it, and nobody demands it
	Decision

	now        time.Time
	least      Class                // what the session has to reach
	events     []identity.AuthEvent // all evidence
	agreement  *Agreement
	agreeRead  bool // agreement was looked for
	enrolments *mfa.Enrolments
}

// Decision is the verdict on a request at one moment.
type Decision struct {
	Step   Step
	Reason string
	// OAuthError is what prompt=none answers, and what StepRefuse answers.
	OAuthError  string
	Description string  // of a refusal; ASCII, safe for error_description
	Outcome     Outcome // only of StepDone
}

// judge gathers the facts and decides. It makes no statement of its own while a
// live session satisfies the request.
func (s *Service) judge(ctx context.Context, realm *identity.Realm, client *identity.Client, req Request, who SignedIn, in *Interaction) (*Standing, error) {
	st := &Standing{Realm: realm, Client: client, Request: req, In: in, now: s.Now()}
	f := Facts{
		Now: st.now, Silent: req.Silent, LoginAsked: req.Login, SelectAsked: req.SelectAccount, MaxAge: req.MaxAge,
	}
	err := s.identify(ctx, st, who)
	if err != nil {
		return nil, err
	}
	f.LoggedIn = st.loggedIn()
	f.NoAnswer = st.state().Ended != ""
	f.Vouched, f.Detailed = req.Vouched != nil, req.Details != nil
	f.SignedIn = st.User != nil && (st.Session != nil || f.LoggedIn || f.Vouched)
	if !f.SignedIn {
		st.User = nil
	}
	f.WrongUser = f.SignedIn && req.Subject != "" && req.Subject != st.User.ID
	f.AuthTime = identity.LastActive(st.events).Truncate(time.Second)
	err = s.weigh(ctx, st, &f)
	if err != nil {
		return nil, err
	}
	if st.Goal.Action == "" {
		f.AuthTime = st.authTime(st.Goal.Class) // max_age judges the time that the token will tell
	}
	err = s.weighAction(ctx, st, &f)
	if err != nil {
		return nil, err
	}
	f.Remind = st.remind()
	err = s.weighEnrolment(ctx, st, &f)
	if err != nil {
		return nil, err
	}
	if f.Staged && !f.StagesLeft && st.state().ConfirmationID == "" {
		f.StagesLeft, f.ActionMethods = true, false // passed without a confirmation: not passed
	}
	// What the user has agreed to is read only once nothing else is left to do.
	f.Agreed = true
	st.Step, st.Reason, st.OAuthError = Next(f)
	if st.Step == StepDone {
		err = s.weighAgreement(ctx, st, who, &f)
		if err != nil {
			return nil, err
		}
		st.Step, st.Reason, st.OAuthError = Next(f)
	}
	s.conclude(st, f)
	return st, nil
}

// state is what was done so far; nothing before there is an interaction.
func (st *Standing) state() State {
	if st.In == nil {
		return State{}
	}
	return st.In.State
}

// identify finds the user and the session that count. A session of somebody
// else than the interaction is about is passed over, not used.
func (s *Service) identify(ctx context.Context, st *Standing, who SignedIn) error {
	if st.Request.Vouched != nil {
		return s.identifyVouched(ctx, st, who)
	}
	if who.Session.Live(who.User, st.now) {
		st.Session, st.User = who.Session, who.User
	}
	pinned := st.state().UserID
	if pinned != "" && (st.User == nil || st.User.ID != pinned) {
		user, err := s.pinned(ctx, st, who, pinned)
		if err != nil {
			return err
		}
		st.Session, st.User = nil, user
	}
	st.dropOutdated()
	here := st.state().Here
	if st.Session != nil && !st.loggedIn() {
		st.events = append(slices.Clone(st.Session.Events), here...)
	} else {
		st.events = here
	}
	return nil
}

// dropOutdated passes over what does not count any more: what was proven here with a
// password that has been changed since, and what was proven before the user signed out
// everywhere. A confirmation that was asked for before that is over.
func (st *Standing) dropOutdated() {
	if st.User == nil || st.In == nil {
		return
	}
	state := st.state()
	out := st.User.SignedOutAt
	before := func(e identity.AuthEvent) bool { return e.At.Before(out) }
	signedOut := slices.ContainsFunc(state.Here, before) ||
		slices.ContainsFunc(state.Proofs, func(p StagedProof) bool { return before(p.Event) })
	if !signedOut && (!st.loggedIn() || state.PasswordEpoch == st.User.PasswordEpoch) {
		return
	}
	in := *st.In
	in.State.Here, in.State.Proofs = nil, nil
	if signedOut && in.State.ConfirmationID != "" && in.State.Ended == "" {
		in.State.Ended, in.State.Reason = errAccessDenied, "signed_out"
	}
	st.In = &in
}

// pinned is the user whom the interaction is about, nil if that user cannot sign
// in. A record that this request has read already is not read again.
func (s *Service) pinned(ctx context.Context, st *Standing, who SignedIn, id string) (*identity.User, error) {
	user := who.User
	if user == nil || user.ID != id || user.TenantID != st.Realm.Tenant.ID {
		read, err := s.People.User(ctx, st.Realm.Tenant.ID, id)
		if errors.Is(err, identity.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("consent: pinned user: %w", err)
		}
		user = &read
	}
	if user.Status != identity.UserActive {
		return nil, nil
	}
	return user, nil
}

// loggedIn reports whether a first factor was given in this interaction.
func (st *Standing) loggedIn() bool {
	return slices.ContainsFunc(st.state().Here, identity.AuthEvent.First)
}

// weigh compares what was proven with what is demanded of the session.
func (s *Service) weigh(ctx context.Context, st *Standing, f *Facts) error {
	p := st.Realm.Policy
	f.Class = max(ClassOf(st.events, p.ACR), st.vouchedClass())
	f.SecondDue = f.LoggedIn && st.loginStagesLeft() > 0
	f.Least = max(PolicyClass(st.Client.MinACR), st.Request.Least)
	if st.User != nil && st.User.MFAEnabled {
		f.Least = max(f.Least, PolicyClass(string(p.ACR.LoginMin)))
	}
	var failed error
	goal, missing := chooseGoal(st.Request.ACRValues, st.heldClass(f), func(g Goal) bool {
		ok, err := s.reaches(ctx, st, g)
		failed = errors.Join(failed, err)
		return ok
	})
	if failed != nil {
		return failed
	}
	st.Goal = goal
	f.Unreachable = missing && st.Request.Required
	f.Action = goal.Action
	f.Least = max(f.Least, goal.Class)
	st.least = f.Least
	if !f.needsSecond() || st.User == nil {
		return nil
	}
	st.Target = Target{Login: true, Stage: st.loginStage(), Proof: string(st.loginProof())}
	var err error
	st.Options, err = s.options(ctx, st, st.Target, methodsFor(f.Least, st.events, p))
	f.Methods = len(st.Options) > 0
	return err
}

// heldClass is the class that may satisfy an acr value without a prompt: none
// while a login in progress still owes its second step.
func (st *Standing) heldClass(f *Facts) Class {
	if !f.SignedIn || f.SecondDue {
		return ClassNone
	}
	return f.Class
}

// reaches reports whether the user (or, while nobody is known, the tenant) has
// a way to g.
func (s *Service) reaches(ctx context.Context, st *Standing, g Goal) (bool, error) {
	if !tenantReaches(g, st.Realm.Policy, st.Client, st.Request.Details != nil) {
		return false, nil
	}
	if st.User == nil || g.Action != "" {
		return true, nil
	}
	ways := methodsFor(g.Class, st.events, st.Realm.Policy)
	if ways == nil {
		return true, nil
	}
	options, err := s.options(ctx, st, Target{Login: true, Stage: st.loginStage(), Proof: string(st.loginProof())}, ways)
	return len(options) > 0, err
}

// loginStages are the proofs that the policy asks for after the first factor:
// one for each stage. A stage of password or fresh_login is met by the login
// itself.
func (st *Standing) loginStages() []policy.Proof {
	a, _ := st.Realm.Policy.Action(policy.ActionLogin)
	if st.User == nil || (a.Applies == policy.AppliesWhenMFAEnabled && !st.User.MFAEnabled) || a.Applies == policy.AppliesUntilMet {
		return nil
	}
	var proofs []policy.Proof
	for _, stage := range a.Stages {
		for _, proof := range stage {
			if proof != policy.ProofPassword && proof != policy.ProofFreshLogin {
				proofs = append(proofs, proof)
			}
		}
	}
	return proofs
}

// loginStage counts the second steps given in this interaction. A passkey that
// stood in the place of the password is two steps in one, where the policy takes any
// second factor.
func (st *Standing) loginStage() int {
	n := 0
	for _, e := range st.state().Here {
		switch {
		case e.Method == identity.MethodPassword, e.Method == identity.MethodDevice:
		case e.Primary && !st.keyCounts():
		default:
			n++
		}
	}
	return n
}

// keyCounts reports whether a key may give the first second step of a login.
func (st *Standing) keyCounts() bool {
	stages := st.loginStages()
	if len(stages) == 0 || !slices.Contains(st.Realm.Policy.LoginMethods(), policy.WebAuthn) {
		return false
	}
	return stages[0] == policy.ProofSecondFactor || stages[0] == policy.ProofAnyFactor
}

// loginStagesLeft is how many second steps the login still owes. A trusted
// device spares them all.
func (st *Standing) loginStagesLeft() int {
	waived := slices.ContainsFunc(st.state().Here, func(e identity.AuthEvent) bool { return e.Method == identity.MethodDevice })
	if waived {
		return 0
	}
	return len(st.loginStages()) - st.loginStage()
}

// loginProof is the kind of proof that the next second step of the login takes.
func (st *Standing) loginProof() policy.Proof {
	stages, n := st.loginStages(), st.loginStage()
	if st.loggedIn() && n < len(stages) {
		return stages[n]
	}
	a, _ := st.Realm.Policy.Action(policy.ActionLogin)
	for _, stage := range a.Stages {
		for _, proof := range stage {
			if proof == policy.ProofDeliveredCode || proof == policy.ProofSecondFactor || proof == policy.ProofAnyFactor {
				return proof
			}
		}
	}
	return policy.ProofSecondFactor
}

// remind reports whether this login, of a user without a second step, comes with
// a reminder.
func (st *Standing) remind() bool {
	e := st.Realm.Policy.Enforcement
	return e.Mode == policy.ModePrompt && st.loggedIn() && st.User != nil && !st.User.MFAEnabled &&
		e.Reminders.Has(policy.ReminderLoginBanner) && !st.state().BannerSeen
}

// weighAgreement compares the scopes asked for with those agreed to, then or
// now. The tenant's own apps ask for none; prompt=consent always asks once.
func (s *Service) weighAgreement(ctx context.Context, st *Standing, who SignedIn, f *Facts) error {
	state := st.state()
	f.AgreeAsked = st.Request.AskConsent && !state.Allowed
	f.Agreed = st.Client.FirstParty
	if st.User == nil || f.Agreed {
		return nil
	}
	st.agreement, st.agreeRead = who.Agreement, true
	if who.AgreementUnread || who.User == nil || who.User.ID != st.User.ID {
		var err error
		st.agreement, err = s.People.Agreement(ctx, st.Realm.Tenant.ID, st.User.ID, st.Client.ID)
		if err != nil {
			return fmt.Errorf("consent: agreement: %w", err)
		}
	}
	here := Agreement{Scopes: state.Agreed}
	f.Agreed = st.agreement.Covers(st.Request.Scopes) || state.Allowed && here.Covers(st.Request.Scopes)
	return nil
}
