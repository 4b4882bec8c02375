package mfa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// Ask is what the open stage of v asks for; its Proof is "" where it takes no
// challenge.
func (v *View) Ask(d Doer) Ask {
	a := Ask{
		Subject: v.Subject, Policy: d.Policy, PolicyVersion: d.PolicyVersion, Purpose: PurposeLifecycle,
		Action: v.name(), Proof: v.Proof, OwnerID: v.ID, Binding: v.Binding, IP: d.IP, About: d.About,
		RP: d.RP, UserName: d.UserName, Known: &v.Enrolments,
	}
	switch v.Proof {
	case policy.ProofCodeNew:
		a.Kind, a.ContactID, a.FactorID = v.Kind, v.State.ContactID, v.State.FactorID
		if v.Kind.Delivered() {
			a.Purpose = PurposeContactVerify
		}
	case policy.ProofCodeCurrent:
		a.Kind, a.ContactID, a.FactorID = v.State.OldKind, v.State.OldContactID, v.State.OldFactorID
	}
	return a
}

// Proving is a View with the challenge of its open stage.
type Proving struct {
	View
	Challenge *Challenge // nil: none was begun, the user has to choose
	Options   []Option
}

// Prove is operation id with the challenge of its open stage, which it begins if it
// begins by itself: where there is one way, or the policy names the first. Its Status
// is [OperationDone] where the proof was given before, and its effect was lost until
// now.
//
// Errors: those of [Service.ViewOperation] and [Service.Begin].
func (s *Service) Prove(ctx context.Context, d Doer, id string) (Proving, error) {
	p, err := s.proving(ctx, d, id)
	if err != nil || p.Proof == "" || p.NeedsContact || p.Challenge != nil {
		return p, err
	}
	var open []Option
	for _, o := range p.Options {
		if o.Available(s.now()) {
			open = append(open, o)
		}
	}
	if len(open) == 0 || len(open) > 1 && d.Policy.Delivery.First == policy.FirstUserChoice && p.Proof != policy.ProofCodeNew {
		return p, nil
	}
	return s.begin(ctx, d, p, open[0].Method)
}

// proving reads the operation and its challenge. One that is verified, while its
// effect was lost, is taken in first.
func (s *Service) proving(ctx context.Context, d Doer, id string) (Proving, error) {
	v, err := s.ViewOperation(ctx, d, id)
	if err != nil || v.Proof == "" || v.NeedsContact {
		return Proving{View: v}, err
	}
	p := Proving{View: v}
	ask := v.Ask(d)
	if v.State.ChallengeID != "" && v.State.Wants == (Wanted{v.Stage, v.Proof}) {
		c, err := s.Current(ctx, ask, v.State.ChallengeID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return p, err
		}
		if err == nil {
			p.Challenge = &c
		}
	}
	if p.Challenge != nil && p.Challenge.Status == ChallengeVerified && !v.PIN {
		return s.recover(ctx, d, p)
	}
	if p.Challenge != nil && (p.Challenge.over(s.now()) || p.Challenge.Status == ChallengeVerified) {
		p.Challenge = nil
	}
	p.Options = Options(ask, v.Enrolments, p.Challenge, s.now())
	return p, nil
}

// over reports whether nothing can be done with c any more, so that another one
// takes its place: one that no message carries is renewed without asking.
func (c Challenge) over(now time.Time) bool {
	if c.Status == ChallengeLocked || c.Status == ChallengeUsed || c.Status == ChallengeCancelled || c.Status == ChallengeSuperseded {
		return true
	}
	return !c.Method.Delivered() && !c.Live(now) && c.Status != ChallengeVerified
}

// recover takes in a proof whose effect was lost.
func (s *Service) recover(ctx context.Context, d Doer, p Proving) (Proving, error) {
	proof, err := s.Passed(ctx, p.Ask(d), *p.Challenge)
	if err != nil {
		return p, err
	}
	o, err := s.take(ctx, d, p.View, proof, *p.Challenge, "")
	if err != nil {
		return p, err
	}
	if o.Status == OperationDone {
		return Proving{View: View{Operation: o, Enrolments: p.Enrolments, Complete: true}}, nil
	}
	return s.proving(ctx, d, p.ID)
}

// ChooseProof begins the challenge of the open stage by method; "" is the one
// presented first.
func (s *Service) ChooseProof(ctx context.Context, d Doer, id string, m Method) (Proving, error) {
	p, err := s.proving(ctx, d, id)
	if err != nil {
		return p, err
	}
	if p.Proof == "" || p.NeedsContact {
		return p, ErrOrder
	}
	if p.Challenge == nil {
		return s.begin(ctx, d, p, m)
	}
	c, err := s.Switch(ctx, p.Ask(d), p.Challenge.ID, m)
	return s.begun(ctx, d, p, c, err)
}

func (s *Service) begin(ctx context.Context, d Doer, p Proving, m Method) (Proving, error) {
	c, err := s.Begin(ctx, p.Ask(d), m)
	return s.begun(ctx, d, p, c, err)
}

// begun keeps the challenge in the operation, also one that the gateway refused.
func (s *Service) begun(ctx context.Context, d Doer, p Proving, c Challenge, cause error) (Proving, error) {
	if c.ID == "" {
		return p, cause
	}
	o, err := s.Store.Advance(ctx, d.Subject, p.ID, func(o *Operation, _ Enrolments) (Effect, error) {
		if !o.belongsTo(d) || !o.open(s.now()) {
			return Effect{}, ErrNotFound
		}
		if o.State.ContactID != p.State.ContactID || o.has(p.Stage, p.Proof) {
			return Effect{}, ErrOrder // another page of the same operation was faster
		}
		o.State.ChallengeID, o.State.Wants = c.ID, Wanted{p.Stage, p.Proof}
		return Effect{}, nil
	})
	if err != nil {
		return p, errors.Join(cause, fmt.Errorf("mfa: begin proof: %w", err))
	}
	p.Operation, p.Challenge = o, &c
	p.Options = Options(p.Ask(d), p.Enrolments, &c, s.now())
	return p, cause
}

// Answer is what the user sent for the open stage of an operation.
type Answer struct {
	ChallengeID string // "" where the stage takes no challenge
	Input       Secret // code, or the JSON of a key's answer
	PIN         Secret
	Label       string // of a new key
}

// AnswerProof judges the answer, and goes on with the operation if it is right. Code
// and PIN of one stage are judged together.
//
// Errors: those of [Service.Verify]; [ErrOrder] if the stage wants something else,
// which is not counted; those of [Operations.Advance].
func (s *Service) AnswerProof(ctx context.Context, d Doer, id string, a Answer) (Operation, Verdict, error) {
	v, err := s.ViewOperation(ctx, d, id)
	if err != nil {
		return Operation{}, Verdict{}, err
	}
	if v.Proof == "" && v.PIN && a.ChallengeID == "" {
		return s.answerPIN(ctx, d, v, a)
	}
	if v.Proof == "" || a.ChallengeID == "" || v.State.ChallengeID != a.ChallengeID || v.State.Wants != (Wanted{v.Stage, v.Proof}) {
		return v.Operation, Verdict{}, ErrOrder
	}
	attempt := Attempt{Ask: v.Ask(d), ChallengeID: a.ChallengeID, Input: a.Input, WithPIN: v.PIN, PIN: a.PIN}
	verdict, err := s.Verify(ctx, attempt)
	if err != nil {
		return v.Operation, verdict, err
	}
	o, err := s.take(ctx, d, v, verdict.Proof, verdict.Challenge, label(a.Label))
	return o, verdict, err
}

func (s *Service) answerPIN(ctx context.Context, d Doer, v View, a Answer) (Operation, Verdict, error) {
	err := s.CheckPIN(ctx, v.Ask(d), a.PIN)
	if err != nil {
		return v.Operation, Verdict{}, err
	}
	g := Given{Wanted: Wanted{v.Stage, policy.ProofPIN}, Method: policy.PIN, At: s.now()}
	o, err := s.advance(ctx, d, v.ID, []Given{g}, nil, nil)
	return o, Verdict{}, err
}

// GivePassword records that the caller has checked the account's password.
//
// Errors: [ErrOrder] if the open stage does not ask for it.
func (s *Service) GivePassword(ctx context.Context, d Doer, id string) (Operation, error) {
	v, err := s.ViewOperation(ctx, d, id)
	if err != nil {
		return Operation{}, err
	}
	if !v.Password {
		return v.Operation, ErrOrder
	}
	return s.advance(ctx, d, id, []Given{{Wanted: Wanted{v.Stage, policy.ProofPassword}, At: s.now()}}, nil, nil)
}

// take records a proof, and the PIN that was right with it. name is that of a new
// key.
func (s *Service) take(ctx context.Context, d Doer, v View, p Proof, c Challenge, name string) (Operation, error) {
	given := []Given{{
		Wanted: Wanted{v.Stage, v.Proof}, Method: p.Method, FactorID: p.FactorID, ChallengeID: p.ChallengeID,
		UserVerified: p.UserVerified, BackupEligible: p.BackupEligible, At: p.At,
	}}
	if given[0].FactorID == "" {
		given[0].FactorID = p.ContactID
	}
	if v.PIN {
		given = append(given, Given{Wanted: Wanted{v.Stage, policy.ProofPIN}, Method: policy.PIN, At: p.At})
	}
	return s.advance(ctx, d, v.ID, given, func(st *OperationState) {
		if c.Answer != "" {
			st.Answer = c.Answer
		}
		if name != "" {
			st.Label = name
		}
	}, nil)
}

// Seed is the seed of the authenticator app that operation v adds, for its page.
// It is shown while the factor is pending, and never again.
//
// Errors: [ErrNotFound].
func (v *View) Seed() (Secret, error) {
	i := slices.IndexFunc(v.Enrolments.Factors, func(f Factor) bool {
		return f.ID == v.State.FactorID && f.Kind == policy.TOTP && f.Status == FactorPending
	})
	if i < 0 {
		return "", ErrNotFound
	}
	return v.Enrolments.Factors[i].Secret, nil
}

// IsWait reports whether err tells to wait, and how long.
func IsWait(err error) (time.Duration, bool) {
	wait, ok := errors.AsType[*ratelimit.WaitError](err)
	if !ok {
		return 0, false
	}
	return wait.After, true
}
