package consent

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Open loads the interaction id for the browser with that hash, and where it
// stands. session is the hash of the browser's session cookie, nil without one.
// An interaction of another tenant or another browser is not found.
//
// Errors: [ErrNotFound], [ErrOver].
func (s *Service) Open(ctx context.Context, realm *identity.Realm, id string, browserHash, session []byte) (*Standing, error) {
	in, err := s.Store.Interaction(ctx, realm.Tenant.ID, id)
	if err != nil {
		return nil, err
	}
	if len(browserHash) == 0 || subtle.ConstantTimeCompare(in.BrowserHash, browserHash) != 1 {
		return nil, ErrNotFound
	}
	client := clientOf(realm, in.Request)
	if client == nil {
		return nil, ErrNotFound
	}
	if !in.Open(s.Now()) {
		return nil, ErrOver
	}
	var who SignedIn
	if session != nil {
		who, err = s.People.SignedIn(ctx, realm.Tenant.ID, session, client.ID)
		if err != nil {
			return nil, fmt.Errorf("consent: open: %w", err)
		}
	}
	return s.judge(ctx, realm, client, in.Request, who, &in)
}

// again judges st anew after its interaction has changed.
func (s *Service) again(ctx context.Context, st *Standing, in Interaction) (*Standing, error) {
	who := SignedIn{Session: st.Session, User: st.User, Agreement: st.agreement, AgreementUnread: !st.agreeRead}
	return s.judge(ctx, st.Realm, st.Client, in.Request, who, &in)
}

// update changes the state of st's interaction and judges it anew.
func (s *Service) update(ctx context.Context, st *Standing, change func(*State) error) (*Standing, error) {
	in, err := s.Store.UpdateInteraction(ctx, st.Realm.Tenant.ID, st.In.ID, func(in *Interaction) error {
		if in.State.Ended != "" {
			return ErrOver
		}
		return change(&in.State)
	})
	if err != nil {
		return nil, err
	}
	return s.again(ctx, st, in)
}

// Identify keeps what was typed on the identify page. Typing another account
// drops what was proven for the one before.
func (s *Service) Identify(ctx context.Context, st *Standing, identifier string) (*Standing, error) {
	return s.update(ctx, st, func(state *State) error {
		if state.Identifier != identifier && st.Session == nil && len(state.Proofs) == 0 {
			*state = State{UserID: pinnedUser(st), Paged: state.Paged} // nothing of the one before holds for the next
		}
		state.Identifier = identifier
		return nil
	})
}

// pinnedUser is the user that a new identifier cannot change: the one whose
// live session is being stepped up.
func pinnedUser(st *Standing) string {
	if st.In.SessionID != "" {
		return st.state().UserID
	}
	return ""
}

// ErrOtherUser refuses a first factor of somebody else than the interaction is
// about.
var ErrOtherUser = errors.New("consent: the interaction is about another user")

// LogIn records that user gave the first factor here. waiver is what a trusted
// device of that user gave, nil without one.
func (s *Service) LogIn(ctx context.Context, st *Standing, user identity.User, waiver *mfa.LoginWaiver) (*Standing, error) {
	now := s.Now()
	return s.logIn(ctx, st, user, func(state *State) {
		state.Here = []identity.AuthEvent{{Method: identity.MethodPassword, At: now}}
		if waiver != nil && waiver.Subject == user.Subject() {
			state.Here = append(state.Here, identity.AuthEvent{Method: identity.MethodDevice, FactorID: waiver.DeviceID, At: now})
		}
	})
}

// LogInWithKey records that user gave a passkey here, in the place of a password. A
// key that did not check its user is no first factor.
//
// Errors: [ErrOtherUser].
func (s *Service) LogInWithKey(ctx context.Context, st *Standing, user identity.User, p mfa.Proof) (*Standing, error) {
	if !p.UserVerified || p.Method != policy.WebAuthn || p.Subject != user.Subject() {
		return nil, ErrOtherUser
	}
	next, err := s.logIn(ctx, st, user, func(state *State) {
		event := eventOf(p)
		event.Primary = true
		state.Here = []identity.AuthEvent{event}
		state.Spent = append(state.Spent, p.ChallengeID)
	})
	if err != nil {
		return nil, err
	}
	_, err = s.MFA.Use(ctx, p.Subject, p.ChallengeID, st.In.ID)
	return next, err
}

// logIn makes the interaction one about user, who has just given a first factor.
func (s *Service) logIn(ctx context.Context, st *Standing, user identity.User, record func(*State)) (*Standing, error) {
	known := *st
	known.User = &user // just read; judging anew need not read it again
	return s.update(ctx, &known, func(state *State) error {
		if state.UserID != "" && state.UserID != user.ID {
			return ErrOtherUser
		}
		if state.PasswordEpoch != user.PasswordEpoch {
			state.Proofs = nil
		}
		state.UserID, state.PasswordEpoch = user.ID, user.PasswordEpoch
		record(state)
		state.Passkey, state.EnrolProved = "", time.Time{}
		state.ChallengeID, state.ChallengeFor = "", Target{}
		return nil
	})
}

// SeeBanner puts the reminder off until the next login.
func (s *Service) SeeBanner(ctx context.Context, st *Standing) (*Standing, error) {
	return s.update(ctx, st, func(state *State) error { state.BannerSeen = true; return nil })
}

// Submit goes on from the confirmation page of an action that begins on submit.
func (s *Service) Submit(ctx context.Context, st *Standing) (*Standing, error) {
	return s.update(ctx, st, func(state *State) error { state.Submitted = true; return nil })
}

// Agree records that the user allows what the app asks for.
func (s *Service) Agree(ctx context.Context, st *Standing) (*Standing, error) {
	return s.update(ctx, st, func(state *State) error {
		if state.pin(st.User.ID) {
			state.Allowed, state.Agreed = true, slices.Clone(st.Request.Scopes)
		}
		return nil
	})
}

// End ends the interaction with access_denied. reason is cancelled, declined,
// locked or policy_changed. An open confirmation ends with it.
func (s *Service) End(ctx context.Context, st *Standing, reason string) (*Standing, error) {
	return s.end(ctx, st, reason, nil)
}

func (s *Service) end(ctx context.Context, st *Standing, reason string, notices []identity.Notice) (*Standing, error) {
	next, err := s.update(ctx, st, func(state *State) error {
		state.Ended, state.Reason = errAccessDenied, reason
		return nil
	})
	if err != nil {
		return nil, err
	}
	state := st.state()
	if state.ConfirmationID != "" {
		status := ConfirmationDenied
		if reason == "locked" {
			status = ConfirmationFailed
		}
		err = s.Store.MoveConfirmation(ctx, st.Realm.Tenant.ID, state.ConfirmationID, status, s.Now(), notices...)
		if errors.Is(err, ErrNotFound) {
			err = nil // it was never made
		}
	}
	if err == nil && state.ChallengeID != "" && st.User != nil {
		err = s.MFA.Cancel(ctx, st.ask(state.ChallengeFor), state.ChallengeID)
	}
	if err != nil && !errors.Is(err, mfa.ErrNotFound) {
		return nil, fmt.Errorf("consent: end: %w", err)
	}
	return next, nil
}

// AnswerPassword passes a stage of the action by the account's password, which
// the caller has checked.
func (s *Service) AnswerPassword(ctx context.Context, st *Standing) (*Standing, error) {
	if st.Step != StepConfirm || st.Target.Proof != string(policy.ProofPassword) {
		return st, nil
	}
	proof := StagedProof{
		Stage: st.Target.Stage, Kind: policy.ProofPassword,
		Event: identity.AuthEvent{Method: identity.MethodPassword, At: s.Now()},
	}
	return s.update(ctx, st, func(state *State) error {
		if state.pin(st.User.ID) {
			state.Proofs = append(state.Proofs, proof)
		}
		return nil
	})
}
