package mfa

import (
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// NextStage returns the first stage that is not complete, and the proofs of it
// that are still to be given: those the user enters on one form. left is false
// when nothing is.
//
// given says whether a proof counts for a stage. Whoever calls it decides what it
// looks at: the proofs on an operation, or those of an interaction.
//
// Source: policy.md 2.1 (a stage is a set of proofs, stages run in order); OWASP
// ASVS 5.0, 2.3.1 (the server keeps the order).
func NextStage(stages policy.Stages, given func(stage int, proof policy.Proof) bool) (stage int, missing []policy.Proof, left bool) {
	for i, proofs := range stages {
		for _, p := range proofs {
			if !given(i, p) {
				missing = append(missing, p)
			}
		}
		if len(missing) > 0 {
			return i, missing, true
		}
	}
	return len(stages), nil, false
}

// Challenged returns the proof of missing that takes a challenge, "" if there is
// none, and whether a PIN is entered with it or alone. Of several that take one,
// the first comes first.
func Challenged(missing []policy.Proof) (proof policy.Proof, pin bool) {
	for _, p := range missing {
		switch p {
		case policy.ProofPIN:
			pin = true
		case policy.ProofPassword, policy.ProofFreshLogin:
		default:
			if proof == "" {
				proof = p
			}
		}
	}
	return proof, pin
}

// ProofEmailCode is a code to the account's own address. No policy names it in a
// stage: it stands before the first enrolment of somebody who must have a second factor
// (enforcement.first_enrolment_proof), and before another address of an account that
// has none, whatever the policy says of email otherwise.
const ProofEmailCode policy.Proof = "email_code"

// HasPIN reports whether the user has a PIN.
func (e Enrolments) HasPIN() bool { return len(e.active(policy.PIN)) > 0 }

// Stale reports whether c has run out without anybody having to be asked for a new
// one: no message carries it, so the next page simply begins another.
func (c Challenge) Stale(now time.Time) bool {
	return !c.Method.Delivered() && c.Status == ChallengeSent && !now.Before(c.ExpiresAt)
}
