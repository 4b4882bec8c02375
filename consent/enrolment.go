package consent

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// weighEnrolment finds out whether this login ends without a second step that the
// tenant demands, and whether the user can set one up now.
//
// Source: policy.md 2.2 (enforcement.mode, grace_s, first_enrolment_proof).
func (s *Service) weighEnrolment(ctx context.Context, st *Standing, f *Facts) error {
	f.MustAdd, f.Wants = st.mustAdd(f), st.state().EnrolNow
	if !f.MustAdd && !f.Wants || !f.LoggedIn {
		return nil
	}
	enrolled, err := s.enrolled(ctx, st)
	if err != nil {
		return err
	}
	if len(enrolled.SecondFactors()) > 0 {
		f.MustAdd, f.Wants = false, false // there is a method; that it cannot be used now is another matter
		return nil
	}
	st.Enrollable = enrollable(st.Realm.Policy, *enrolled)
	f.Enrols = len(st.Enrollable) > 0
	f.PutOff = st.state().EnrolLater && st.mayPutOff()
	st.wanted = f.Wants && !f.MustAdd
	f.ProofDue = st.Realm.Policy.Enforcement.FirstEnrolmentProof == policy.EnrolmentProofEmailCode && st.state().EnrolProved.IsZero()
	if !f.ProofDue || !f.Enrols || f.PutOff {
		return nil
	}
	st.Target = Target{Enrol: true, Proof: string(mfa.ProofEmailCode)}
	st.Options, err = s.options(ctx, st, st.Target, nil)
	f.Enrols = len(st.Options) > 0 // without an address of the account nobody can show that it is theirs
	return err
}

// mustAdd reports whether the tenant lets nobody in without a second step while this
// login has none: the policy asks for it and there is no way, or a reminder may not
// be put off.
func (st *Standing) mustAdd(f *Facts) bool {
	e := st.Realm.Policy.Enforcement
	if st.User == nil {
		return false
	}
	switch e.Mode {
	case policy.ModeRequired:
		return f.SecondDue && !f.Methods
	case policy.ModePrompt:
		return f.LoggedIn && !st.User.MFAEnabled && !e.UserMaySkip
	}
	return false
}

// mayPutOff reports whether the time in which the set-up can be put off is not over.
// It begins when the user is asked for the first time.
func (st *Standing) mayPutOff() bool {
	grace := st.Realm.Policy.Enforcement.Grace.Duration()
	return grace > 0 && st.now.Before(st.EnrolBy())
}

// EnrolBy is until when the user may put off the set-up of a second step; the zero
// time where it cannot be put off.
func (st *Standing) EnrolBy() time.Time {
	grace := st.Realm.Policy.Enforcement.Grace.Duration()
	if grace <= 0 || st.User == nil {
		return time.Time{}
	}
	asked := st.User.EnrolAsked
	if asked.IsZero() {
		asked = st.now
	}
	return asked.Add(grace)
}

// enrollable are the methods that can be set up in the middle of a login: those that
// the login can then use.
func enrollable(p *policy.Policy, e mfa.Enrolments) []mfa.Method {
	return slices.DeleteFunc(p.LoginMethods(), func(m policy.Kind) bool {
		if m == policy.RecoveryCodes {
			return true
		}
		stages, err := mfa.Operation{Kind: m, Verb: mfa.VerbEnable}.Stages(p, e)
		return err != nil || !passable(stages)
	})
}

// passable reports whether somebody who has nothing yet can pass the stages.
func passable(stages policy.Stages) bool {
	for _, stage := range stages {
		for _, proof := range stage {
			switch proof {
			case policy.ProofCodeNew, policy.ProofPassword, policy.ProofFreshLogin, policy.ProofDeliveredCode, policy.ProofAnyFactor:
			default:
				return false
			}
		}
	}
	return true
}

// Optional reports whether the set-up in progress is one that the user wants, and
// nobody demands.
func (st *Standing) Optional() bool { return st.wanted }

// EnrolNow takes up the reminder: the login stops for the set-up of a second step.
func (s *Service) EnrolNow(ctx context.Context, st *Standing) (*Standing, error) {
	return s.update(ctx, st, func(state *State) error { state.EnrolNow, state.BannerSeen = true, true; return nil })
}

// PutOffEnrolment lets the user go on without a second step, as long as the policy
// does.
func (s *Service) PutOffEnrolment(ctx context.Context, st *Standing) (*Standing, error) {
	if st.wanted {
		return s.update(ctx, st, func(state *State) error { state.EnrolNow = false; return nil })
	}
	if !st.mayPutOff() {
		return st, nil
	}
	err := s.People.EnrolAsked(ctx, st.Realm.Tenant.ID, st.User.ID, s.Now())
	if err != nil {
		return nil, err
	}
	return s.update(ctx, st, func(state *State) error { state.EnrolLater = true; return nil })
}

// Enrolled takes the method that was set up in this login as its second step: its
// first proof has just been given.
func (s *Service) Enrolled(ctx context.Context, st *Standing, o mfa.Operation) (*Standing, error) {
	if o.Status != mfa.OperationDone || st.User == nil || o.Subject != st.User.Subject() {
		return st, nil
	}
	var event *identity.AuthEvent
	for _, g := range o.State.Given {
		if g.Proof == policy.ProofCodeNew {
			event = &identity.AuthEvent{
				Method: string(g.Method), FactorID: g.FactorID, At: g.At, UserVerified: g.UserVerified, BackupEligible: g.BackupEligible,
			}
		}
	}
	return s.update(ctx, st, func(state *State) error {
		if event == nil || slices.Contains(state.Spent, o.ID) || !state.pin(o.Subject.UserID) {
			return nil
		}
		state.Spent = append(state.Spent, o.ID)
		state.Here = append(state.Here, *event)
		return nil
	})
}
