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

// About is what messages may say that are sent in the middle of st.
func (s *Service) About(st *Standing, lang string) mfa.About { return st.about(lang) }

// about fills in what a message may say. The hosted pages know the language. The
// transaction is told where it is confirmed, and nowhere before: the code of a login
// must not read as if it confirmed a payout, and whoever signs in may be somebody else.
func (st *Standing) about(lang string) mfa.About {
	t := st.Realm.Tenant
	about := mfa.About{
		TenantName: t.Name, Host: t.PublicHost(), AppName: st.Client.Name, Lang: lang, Zone: t.Zone(),
		HelpURL: t.HelpURL, PrivacyURL: t.Privacy, Texts: t.Texts,
	}
	if st.Step != StepConfirm {
		return about
	}
	sum := st.Detail.Summary()
	about.Amount, about.Currency, about.Payee, about.Account = sum.Amount.Value, sum.Amount.Currency, sum.To, sum.Account
	if st.Detail.Type != "" {
		about.ActionTitle = details.In(lang, st.Realm.Details.Title(st.Detail.Type))
	}
	return about
}

// firstEnrolment is what the code is for that has to be given before the first
// method is set up in the middle of a login.
const firstEnrolment = "lifecycle.first_enrolment"

// ask says which proof target wants of the user.
func (st *Standing) ask(target Target) mfa.Ask {
	a := mfa.Ask{
		Subject: st.User.Subject(), Policy: st.Realm.Policy, PolicyVersion: st.Realm.Tenant.PolicyVersion,
		Purpose: mfa.PurposeAction, Action: target.Action, Proof: policy.Proof(target.Proof),
		RP: st.Realm.Tenant.RelyingParty(), UserName: st.User.Username,
	}
	switch {
	case target.Enrol:
		a.Purpose, a.Action = mfa.PurposeLifecycle, firstEnrolment
	case target.Login:
		a.Purpose, a.Action = mfa.PurposeLogin, policy.ActionLogin
		a.Allowed = methodsFor(st.least, st.events, st.Realm.Policy)
		a.Recover = st.state().Recovering
	default:
		a.DetailsHash, a.ConfirmationID = st.detailsHash(), st.state().ConfirmationID
		if len(st.Action.Methods) > 0 {
			a.Allowed = st.Action.Methods // an amount above a threshold may leave fewer
		}
		if st.Action.Binding == policy.BindingSigned {
			a.UserVerify = mfa.UVRequired // what only tells that somebody touched it signs no transaction
		}
	}
	if st.In != nil {
		a.OwnerID, a.Binding = st.In.ID, st.In.BrowserHash
	}
	a.Known, a.CodeGiven = st.enrolments, st.state().codeGiven()
	return a
}

func (st *Standing) askFor(b Browser) mfa.Ask {
	a := st.ask(st.Target)
	a.IP, a.About = b.IP, st.about(b.Lang)
	return a
}

// detailsHash binds codes and the answer to issuer, app, user and action.
func (st *Standing) detailsHash() string {
	detail := st.Request.Details
	if detail == nil {
		detail = PlainDetail(st.Goal.Action)
	}
	return DetailsHash(st.Realm.Tenant.Issuer, st.Client.ID, st.User.ID, detail)
}

// Arrive makes sure that the challenge of the present step has begun, once,
// however often and however parallel it is called. Nothing begins where the user
// has to choose a method first, or has to read an action's page first.
//
// Errors: those of [mfa.Service.Begin]; [ErrOver] where the app has asked the user for
// too many confirmations, which has ended the interaction.
func (s *Service) Arrive(ctx context.Context, st *Standing, b Browser) (*mfa.Challenge, error) {
	if st.Target == (Target{}) {
		return nil, nil
	}
	if st.Step == StepConfirm {
		err := s.confirm(ctx, st)
		if err != nil {
			return nil, err
		}
		if st.Action.Begin == policy.BeginOnSubmit && !st.state().Submitted {
			return nil, nil
		}
	}
	if !st.Target.challenged() {
		return nil, nil
	}
	c, err := s.current(ctx, st)
	if err != nil || c != nil && !c.Stale(st.now) {
		return c, err
	}
	option, ok := st.presented()
	if !ok {
		return nil, nil
	}
	return s.begin(ctx, st, option.Method, b)
}

// challenged reports whether a challenge gives the proof.
func (t Target) challenged() bool {
	switch policy.Proof(t.Proof) {
	case "", policy.ProofPassword, policy.ProofFreshLogin:
		return false
	}
	return true
}

// presented is the way that is begun without asking: the first one that is
// available, unless the policy leaves the choice to the user and there is one.
func (st *Standing) presented() (mfa.Option, bool) {
	var open []mfa.Option
	for _, o := range st.Options {
		if o.Available(st.now) {
			open = append(open, o)
		}
	}
	if len(open) == 0 || len(open) > 1 && st.Realm.Policy.Delivery.First == policy.FirstUserChoice {
		return mfa.Option{}, false
	}
	return open[0], true
}

// Choose begins the challenge of the present step by method; "" is the method
// presented first. Where one is open already, it stays.
func (s *Service) Choose(ctx context.Context, st *Standing, method mfa.Method, b Browser) (*mfa.Challenge, error) {
	return s.begin(ctx, st, method, b)
}

// Current is the challenge that was begun for the present step, nil without one.
func (s *Service) Current(ctx context.Context, st *Standing) (*mfa.Challenge, error) {
	if st.User == nil || st.Target == (Target{}) {
		return nil, nil
	}
	return s.current(ctx, st)
}

// current is the challenge that was begun for the present step, nil without
// one. It may have been closed meanwhile.
func (s *Service) current(ctx context.Context, st *Standing) (*mfa.Challenge, error) {
	state := st.state()
	if state.ChallengeID == "" || state.ChallengeFor != st.Target {
		return nil, nil
	}
	c, err := s.MFA.Current(ctx, st.ask(st.Target), state.ChallengeID)
	if errors.Is(err, mfa.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consent: current challenge: %w", err)
	}
	return &c, nil
}

// begin begins the challenge of the present step and records it. Of several
// requests at once the second step's own store lets one begin; the others get
// the challenge that it began.
func (s *Service) begin(ctx context.Context, st *Standing, method mfa.Method, b Browser) (*mfa.Challenge, error) {
	c, beginErr := s.MFA.Begin(ctx, st.askFor(b), method)
	if c.ID == "" {
		return nil, beginErr
	}
	_, err := s.Store.UpdateInteraction(ctx, st.Realm.Tenant.ID, st.In.ID, func(in *Interaction) error {
		in.State.ChallengeFor, in.State.ChallengeID = st.Target, c.ID
		return nil
	})
	if err == nil {
		err = s.challenged(ctx, st)
	}
	if err != nil {
		return nil, fmt.Errorf("consent: begin: %w", err)
	}
	return &c, beginErr
}

// challenged notes that the user was asked for a proof, for the app that looks where its
// confirmation stands. One that ended meanwhile is told so at the next step.
func (s *Service) challenged(ctx context.Context, st *Standing) error {
	if st.Step != StepConfirm || st.state().ConfirmationID == "" {
		return nil
	}
	err := s.Store.MoveConfirmation(ctx, st.Realm.Tenant.ID, st.state().ConfirmationID, ConfirmationChallenged, s.Now())
	if errors.Is(err, ErrOver) {
		return nil
	}
	return err
}

// Ways lists every way to meet the present step beside what c is doing now.
func (s *Service) Ways(ctx context.Context, st *Standing, c *mfa.Challenge) ([]mfa.Option, error) {
	enrolled, err := s.enrolled(ctx, st)
	if err != nil {
		return nil, err
	}
	return mfa.Options(st.ask(st.Target), *enrolled, c, s.Now()), nil
}

// Resend delivers a fresh code by the same method.
func (s *Service) Resend(ctx context.Context, st *Standing, b Browser) (mfa.Challenge, error) {
	c, err := s.MFA.Resend(ctx, st.askFor(b), st.state().ChallengeID)
	return c, s.replaced(ctx, st, c, err)
}

// Switch goes on with another method in the same chain.
func (s *Service) Switch(ctx context.Context, st *Standing, method mfa.Method, b Browser) (mfa.Challenge, error) {
	c, err := s.MFA.Switch(ctx, st.askFor(b), st.state().ChallengeID, method)
	return c, s.replaced(ctx, st, c, err)
}

// replaced records the next generation of a chain, also one that the gateway
// refused.
func (s *Service) replaced(ctx context.Context, st *Standing, c mfa.Challenge, cause error) error {
	if c.ID == "" {
		return cause
	}
	_, err := s.Store.UpdateInteraction(ctx, st.Realm.Tenant.ID, st.In.ID, func(in *Interaction) error {
		in.State.ChallengeID = c.ID
		return nil
	})
	return errors.Join(cause, err)
}

// Given is what the user sent for the present step.
type Given struct {
	ChallengeID string // "" for a PIN alone
	Input       string // a code, or the JSON of a key's answer
	PIN         string
}

// Answer judges what the user sent and, if it is right, records the proof. The
// verdict tells what the page needs otherwise.
//
// Errors: those of [mfa.Service.Verify] and [mfa.Service.CheckPIN].
func (s *Service) Answer(ctx context.Context, st *Standing, g Given, b Browser) (*Standing, mfa.Verdict, error) {
	ask := st.askFor(b)
	if !st.Target.challenged() {
		return s.answerPIN(ctx, st, ask, g)
	}
	verdict, err := s.MFA.Verify(ctx, mfa.Attempt{
		Ask: ask, ChallengeID: g.ChallengeID, Input: mfa.Secret(g.Input), WithPIN: st.Target.PIN, PIN: mfa.Secret(g.PIN),
	})
	if err != nil {
		return st, verdict, err
	}
	next, err := s.record(ctx, st, verdict.Proof)
	return next, verdict, err
}

// answerPIN passes a stage that asks for the PIN alone.
func (s *Service) answerPIN(ctx context.Context, st *Standing, ask mfa.Ask, g Given) (*Standing, mfa.Verdict, error) {
	err := s.MFA.CheckPIN(ctx, ask, mfa.Secret(g.PIN))
	if err != nil {
		return st, mfa.Verdict{}, err
	}
	proof := pinProof(st.Target, s.Now())
	next, err := s.update(ctx, st, func(state *State) error {
		if state.pin(st.User.ID) {
			state.Submitted = true // the page of the PIN showed the details, too
			state.Proofs = append(state.Proofs, proof)
		}
		return nil
	})
	return next, mfa.Verdict{}, err
}

func pinProof(t Target, at time.Time) StagedProof {
	return StagedProof{
		Stage: t.Stage, Kind: policy.ProofPIN, Event: identity.AuthEvent{Method: string(policy.PIN), At: at},
	}
}

// eventOf is what p is worth for a session.
func eventOf(p mfa.Proof) identity.AuthEvent {
	e := identity.AuthEvent{
		Method: string(p.Method), FactorID: p.FactorID, At: p.At, UserVerified: p.UserVerified, BackupEligible: p.BackupEligible,
	}
	if e.FactorID == "" {
		e.FactorID = p.ContactID
	}
	return e
}

// record takes a proof into the interaction, once, and marks its challenge used.
func (s *Service) record(ctx context.Context, st *Standing, p mfa.Proof) (*Standing, error) {
	event := eventOf(p)
	recovered := false
	next, err := s.update(ctx, st, func(state *State) error {
		target := state.ChallengeFor
		recovered = false
		if slices.Contains(state.Spent, p.ChallengeID) || state.ChallengeID != p.ChallengeID || !state.pin(p.Subject.UserID) {
			return nil
		}
		state.Spent = append(state.Spent, p.ChallengeID)
		state.ChallengeID, state.ChallengeFor = "", Target{}
		switch {
		case target.Enrol:
			state.EnrolProved = p.At
		case target.Login:
			recovered = state.Recovering
			state.Recovering = false
			state.Here = append(state.Here, event)
		case p.Action == target.Action:
			state.Proofs = append(state.Proofs, StagedProof{
				Stage: target.Stage, Kind: policy.Proof(target.Proof), Event: event, ChallengeID: p.ChallengeID, Evidence: p.Evidence,
			})
			if target.PIN {
				state.Proofs = append(state.Proofs, pinProof(target, p.At))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if recovered {
		err = s.People.Recovered(ctx, p.Subject.TenantID, p.Subject.UserID, st.Realm.Policy.Recovery.HoldActions.Duration(), s.Now())
		if err != nil {
			return nil, fmt.Errorf("consent: recovered: %w", err)
		}
	}
	_, err = s.MFA.Use(ctx, p.Subject, p.ChallengeID, st.In.ID)
	if err != nil {
		return nil, fmt.Errorf("consent: use proof: %w", err)
	}
	return next, nil
}

// Recover takes in a proof whose challenge was passed while its effect was lost,
// as by a crash between the two. Next is where the request stands then. A proof
// that does not hold any more is left alone, and its challenge with it.
func (s *Service) Recover(ctx context.Context, st *Standing) (*Standing, error) {
	if st.Step != StepChallenge && st.Step != StepConfirm {
		return st, nil
	}
	c, err := s.current(ctx, st)
	if err != nil || c == nil || c.Status != mfa.ChallengeVerified || st.Target.PIN {
		return st, err // with a PIN on the form, it cannot be told any more whether that was right
	}
	proof, err := s.MFA.Passed(ctx, st.ask(st.Target), *c)
	if errors.Is(err, mfa.ErrPolicyChanged) || errors.Is(err, mfa.ErrContactInUse) {
		return st, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consent: recover: %w", err)
	}
	return s.record(ctx, st, proof)
}
