package mfa

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/recovery"
)

// LabelRecovery and LabelPIN tell the two kinds of keyed secrets apart.
const (
	LabelRecovery = "recovery"
	LabelPIN      = "pin"
)

// Finished is a completed operation, and what is shown once.
type Finished struct {
	Operation Operation
	Codes     []recovery.Code // the new recovery codes
}

// Finish completes an operation whose proofs were all given. newPIN is the PIN that
// the user has chosen, for an operation about one.
//
// Errors: [ErrNotFound]; [ErrOrder] while a proof is missing; [ErrMalformed] and
// [*WeakPINError] for the new PIN; and those of [Operations.Advance].
func (s *Service) Finish(ctx context.Context, d Doer, id string, newPIN Secret) (Finished, error) {
	v, err := s.ViewOperation(ctx, d, id)
	if err != nil {
		return Finished{}, err
	}
	if !v.Complete {
		return Finished{}, ErrOrder
	}
	var made []recovery.Code
	var hashes []RecoveryCode
	pinHash := ""
	switch {
	case v.selfFinishing():
	case v.Kind == policy.RecoveryCodes:
		made, hashes, err = s.makeCodes(ctx, d)
	case v.Kind == policy.PIN:
		pinHash, err = s.hashPIN(ctx, d, v.Enrolments, newPIN)
	}
	if err != nil {
		return Finished{}, err
	}
	o, err := s.advance(ctx, d, id, nil, nil, func(f *Effect) { f.PIN, f.Codes = pinHash, hashes })
	if err != nil {
		return Finished{Operation: o}, err // codes that were not stored are not shown
	}
	return Finished{Operation: o, Codes: made}, nil
}

// makeCodes makes a set of recovery codes and what is stored of them. Each is
// hashed on its own, so the set takes as long as as many passwords.
func (s *Service) makeCodes(ctx context.Context, d Doer) ([]recovery.Code, []RecoveryCode, error) {
	set := d.Policy.Codes.Recovery
	made, err := recovery.New(s.random(), set.Count, set.Bits)
	if err != nil {
		return nil, nil, fmt.Errorf("mfa: recovery codes: %w", err)
	}
	var hashes []RecoveryCode
	for _, c := range made {
		keyed := s.Peppers.KeyedSecret(LabelRecovery, d.Subject.TenantID, d.Subject.UserID, Secret(c.Slot+c.Secret.Reveal()))
		hash, err := s.Hasher.Hash(ctx, keyed)
		if err != nil {
			return nil, nil, fmt.Errorf("mfa: recovery codes: %w", err)
		}
		hashes = append(hashes, RecoveryCode{Slot: c.Slot, Hash: hash})
	}
	return made, hashes, nil
}

// advance records given, and carries the operation out if it is complete. keep takes
// along what else a proof has left; fill adds to the effect what the user chose or
// gets, and is nil where the operation is not to end unless it ends by itself.
func (s *Service) advance(ctx context.Context, d Doer, id string, given []Given, keep func(*OperationState), fill func(*Effect)) (Operation, error) {
	ids, err := s.someIDs(4)
	if err != nil {
		return Operation{}, err
	}
	var effect Effect
	o, err := s.Store.Advance(ctx, d.Subject, id, func(o *Operation, e Enrolments) (Effect, error) {
		effect = Effect{}
		if !o.belongsTo(d) || !o.open(s.now()) {
			return effect, ErrNotFound
		}
		stages, err := judged(d, *o, e)
		if err != nil {
			return effect, err
		}
		fresh, err := o.record(given)
		if err != nil {
			return effect, err
		}
		if fresh && keep != nil {
			keep(&o.State)
		}
		v := s.view(d, *o, e, stages)
		if !v.Complete || fill == nil && !v.selfFinishing() {
			return Effect{At: s.now(), Spend: spent(given)}, nil
		}
		effect = s.complete(v, d, given, fill, ids)
		o.Status = OperationDone
		return effect, nil
	})
	if err != nil {
		s.tellOperation(ctx, EventOperationRefused, d, o, err)
		return o, fmt.Errorf("mfa: operation: %w", err)
	}
	s.tellEffect(ctx, d, o, effect)
	return o, nil
}

// complete is the whole effect of v.
func (s *Service) complete(v View, d Doer, given []Given, fill func(*Effect), ids []string) Effect {
	n := 0
	effect := plan(v.Operation, d, v.Enrolments, s.now(), func() string { n++; return ids[n-1] })
	effect.Spend = spent(given)
	if fill != nil {
		fill(&effect)
	}
	for i := range effect.Codes {
		effect.Codes[i].FactorID = effect.Activate[0].ID
	}
	return effect
}

// record takes proofs into the operation, each challenge once. fresh is false where
// it had them all.
//
// Errors: [ErrOrder] for the proof of a challenge that the operation does not wait
// for any more, such as that of a number which is not the new one by now.
func (o *Operation) record(given []Given) (fresh bool, err error) {
	for _, g := range given {
		known := slices.ContainsFunc(o.State.Given, func(had Given) bool {
			return had.Wanted == g.Wanted || g.ChallengeID != "" && had.ChallengeID == g.ChallengeID
		})
		if known {
			continue
		}
		if g.ChallengeID != "" {
			if o.State.ChallengeID != g.ChallengeID || o.State.Wants != g.Wanted {
				return false, ErrOrder
			}
			o.State.ChallengeID, o.State.Wants = "", Wanted{}
		}
		o.State.Given = append(o.State.Given, g)
		fresh = true
	}
	return fresh, nil
}

func spent(given []Given) string {
	for _, g := range given {
		if g.ChallengeID != "" {
			return g.ChallengeID
		}
	}
	return ""
}

func (s *Service) someIDs(n int) ([]string, error) {
	ids := make([]string, n)
	for i := range ids {
		var err error
		ids[i], err = s.newID()
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// CancelOperation ends an operation that is not done, and forgets what it has begun.
// One that is over already is no error.
//
// Errors: [ErrNotFound] for one of another user or browser.
func (s *Service) CancelOperation(ctx context.Context, d Doer, id string) error {
	pending := ""
	_, err := s.Store.Advance(ctx, d.Subject, id, func(o *Operation, e Enrolments) (Effect, error) {
		effect := Effect{At: s.now()}
		if !o.belongsTo(d) {
			return effect, ErrNotFound
		}
		if o.Status != OperationOpen {
			return effect, nil
		}
		o.Status, pending = OperationCancelled, o.State.ChallengeID
		for _, f := range e.Factors {
			if f.ID == o.State.FactorID && f.Status == FactorPending {
				effect.Disable = append(effect.Disable, f.ID) // its seed is of no more use
			}
		}
		return effect, nil
	})
	if err != nil {
		return fmt.Errorf("mfa: cancel operation: %w", err)
	}
	return s.Drop(ctx, d.Subject, pending)
}

// Drop ends the chain of a challenge that is not answered any more; "" is none.
func (s *Service) Drop(ctx context.Context, who Subject, id string) error {
	if id == "" {
		return nil
	}
	c, err := s.Store.Challenge(ctx, who, id)
	if err == nil {
		err = s.Store.CancelChain(ctx, who, c.ChainID)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("mfa: drop challenge: %w", err)
	}
	return nil
}
