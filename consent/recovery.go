package consent

import (
	"context"

	"github.com/sallyport-id/sallyport/mfa"
)

// BeginRecovery goes over to recovery codes, for a user who can use none of the
// other ways. The open challenge stays behind, and its code with it.
//
// Errors: [mfa.ErrNoMethod] if the policy or the user has no such way.
func (s *Service) BeginRecovery(ctx context.Context, st *Standing, b Browser) (*Standing, error) {
	if st.Step != StepChallenge || !st.Target.Login || !st.loggedIn() {
		return st, mfa.ErrNoMethod
	}
	enrolled, err := s.enrolled(ctx, st)
	if err != nil {
		return nil, err
	}
	ask := st.ask(st.Target)
	ask.Recover = true
	if len(mfa.Options(ask, *enrolled, nil, st.now)) == 0 {
		return st, mfa.ErrNoMethod
	}
	return s.update(ctx, st, func(state *State) error {
		state.Recovering, state.ChallengeID, state.ChallengeFor = true, "", Target{}
		return nil
	})
}

// EndRecovery goes back from recovery codes to the other ways.
func (s *Service) EndRecovery(ctx context.Context, st *Standing) (*Standing, error) {
	return s.update(ctx, st, func(state *State) error {
		state.Recovering, state.ChallengeID, state.ChallengeFor = false, "", Target{}
		return nil
	})
}

// CanRecover reports whether the user has recovery codes for this login.
func (s *Service) CanRecover(ctx context.Context, st *Standing) (bool, error) {
	if st.Step != StepChallenge || !st.Target.Login || !st.loggedIn() || st.state().Recovering {
		return false, nil
	}
	enrolled, err := s.enrolled(ctx, st)
	if err != nil {
		return false, err
	}
	ask := st.ask(st.Target)
	ask.Recover = true
	return len(mfa.Options(ask, *enrolled, nil, st.now)) > 0, nil
}
