package consent

import (
	"context"
	"errors"
	"slices"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// weighAction compares the action asked for with the stages passed in this very
// interaction. Nothing else counts for it: no session, no trusted device, no
// proof that was made for something else.
func (s *Service) weighAction(ctx context.Context, st *Standing, f *Facts) error {
	if f.Action == "" || st.User == nil {
		return nil
	}
	a, ok := st.Realm.Policy.Action(f.Action)
	if !ok {
		f.NotReady = true
		return nil
	}
	err := st.openDetail()
	if err != nil {
		return err
	}
	a = raised(a, st.Detail)
	st.Action = a
	f.Held = a.Hold && st.now.Before(st.User.HoldUntil) || st.flagged(a.DenyFlags)
	f.Staged = a.Staged()
	ready, err := s.ready(ctx, st, a)
	if err != nil {
		return err
	}
	f.NotReady = !ready
	if !f.Staged || f.needsSecond() {
		f.StagesLeft = f.Staged
		return nil
	}
	return s.weighStage(ctx, st, f)
}

// raised is a for the amounts of d. What has no amount, or one in a currency that the
// policy does not name, takes all that any amount takes.
func raised(a policy.Action, d details.Detail) policy.Action {
	amounts := d.Amounts()
	return a.Raised(func(t policy.Threshold) bool {
		if len(amounts) == 0 {
			return true
		}
		return slices.ContainsFunc(amounts, func(m details.Amount) bool {
			if m.Currency != t.Currency {
				return !a.Names(m.Currency)
			}
			sign, err := m.Compare(t.Above)
			return err != nil || sign > 0
		})
	})
}

// openDetail reads the transaction that was pushed. Its canonical form is all that page
// and message are made from.
func (st *Standing) openDetail() error {
	if st.Request.Details == nil || st.Detail.Type != "" {
		return nil
	}
	if st.Realm.Details == nil {
		return errors.New("consent: the tenant has no kinds of transactions")
	}
	var err error
	st.Detail, err = st.Realm.Details.Open(st.Request.Details)
	return err
}

// weighStage looks at the next stage that was not passed.
func (s *Service) weighStage(ctx context.Context, st *Standing, f *Facts) error {
	stage, missing, left := st.nextStage()
	f.StagesLeft = left
	if !left {
		return nil
	}
	by := st.state().ConfirmBy
	if !by.IsZero() && !st.now.Before(by) {
		f.NoAnswer = true
		return nil
	}
	proof, pin := mfa.Challenged(missing)
	st.Target = Target{Action: f.Action, Stage: stage, Proof: string(proof), PIN: pin}
	switch {
	case slices.Contains(missing, policy.ProofFreshLogin):
		st.Target.Proof, st.Target.PIN = string(policy.ProofFreshLogin), false
		f.StaleLogin, f.ActionMethods = true, true
		return nil
	case slices.Contains(missing, policy.ProofPassword):
		st.Target.Proof, st.Target.PIN = string(policy.ProofPassword), false
		f.ActionMethods = st.User.PasswordHash != ""
		return nil
	}
	enrolled, err := s.enrolled(ctx, st)
	if err != nil {
		return err
	}
	if pin && !enrolled.HasPIN() {
		return nil
	}
	if proof == "" {
		f.ActionMethods = pin
		return nil
	}
	st.Options, err = s.options(ctx, st, st.Target, st.ask(st.Target).Allowed) // an amount may leave fewer than the action has
	f.ActionMethods = len(st.Options) > 0
	return err
}

// nextStage is the first stage that is not complete, and what is missing of it.
// fresh_login is met by a login that is fresh enough.
func (st *Standing) nextStage() (stage int, missing []policy.Proof, left bool) {
	stage, missing, left = mfa.NextStage(st.Action.Stages, func(i int, kind policy.Proof) bool {
		if kind == policy.ProofFreshLogin {
			return st.freshLogin()
		}
		return slices.ContainsFunc(st.state().Proofs, func(p StagedProof) bool { return p.Stage == i && p.Kind == kind })
	})
	if !left && len(st.state().Proofs) == 0 && !st.loggedIn() {
		return 0, []policy.Proof{policy.ProofFreshLogin}, true // nothing was passed in this very interaction
	}
	return stage, missing, left
}

// freshLogin reports whether the first factor is young enough; a second step that
// was added later makes no login.
func (st *Standing) freshLogin() bool {
	age := st.now.Sub(identity.LastFirst(st.events))
	return age >= 0 && age <= st.Realm.Policy.FreshLoginAge()
}

func (st *Standing) flagged(flags []string) bool {
	return slices.ContainsFunc(flags, func(name string) bool {
		_, set := st.User.Flags[name]
		return set
	})
}

// ready reports whether the preconditions of a hold. An action that leaves the
// user nothing to prove is never ready: its acr would say something was proven.
func (s *Service) ready(ctx context.Context, st *Standing, a policy.Action) (bool, error) {
	if a.Applies == policy.AppliesWhenMFAEnabled && !st.User.MFAEnabled {
		return false, nil
	}
	if len(a.Require) == 0 {
		return a.Staged(), nil
	}
	enrolled, err := s.enrolled(ctx, st)
	if err != nil {
		return false, err
	}
	for _, need := range a.Require {
		if !holds(need, st.User, enrolled) {
			return false, nil
		}
	}
	return a.Applies == policy.AppliesUntilMet || len(a.Stages) > 0, nil
}

func holds(need policy.Requirement, user *identity.User, enrolled *mfa.Enrolments) bool {
	confirmed := func(kind mfa.ContactKind, registered bool) bool {
		return slices.ContainsFunc(enrolled.Contacts, func(c mfa.Contact) bool {
			return c.Kind == kind && c.Status == mfa.ContactConfirmed && (c.Registered || !registered)
		})
	}
	switch need {
	case policy.RequirePhoneConfirmed:
		return confirmed(mfa.ContactPhone, false)
	case policy.RequireEmailVerified:
		return confirmed(mfa.ContactEmail, true)
	case policy.RequireMFAEnabled:
		return user.MFAEnabled
	}
	return false
}

// enrolled loads what the user has to prove a second step with, once.
func (s *Service) enrolled(ctx context.Context, st *Standing) (*mfa.Enrolments, error) {
	if st.enrolments != nil {
		return st.enrolments, nil
	}
	e, err := s.MFA.Store.Enrolments(ctx, st.User.Subject())
	if err != nil {
		return nil, err
	}
	st.enrolments = &e
	return st.enrolments, nil
}

// options lists the ways to meet target, in the server's order.
func (s *Service) options(ctx context.Context, st *Standing, target Target, allowed []policy.Kind) ([]mfa.Option, error) {
	enrolled, err := s.enrolled(ctx, st)
	if err != nil {
		return nil, err
	}
	ask := st.ask(target)
	ask.Allowed = allowed
	return mfa.Options(ask, *enrolled, nil, st.now), nil
}
