package mfa

import (
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Try spends one attempt on c, which g guards, and then asks right whether the
// answer is. If it is, c becomes verified at now and can never pass again.
//
// Everything that refuses without looking at the answer comes first and costs
// nothing: a challenge that is closed, expired, or from later than now (a clock
// set back must not revive a code), and a guard that is locked, which a right
// code does not pass either. Then the attempt is paid, and only then compared.
//
// Try only changes g and c; saving both is the caller's part, whatever Try
// returns, or the attempt would be free.
//
// Errors: [ErrSpent], [ErrSuperseded], [ErrExhausted], [ErrExpired],
// [ErrDelivery], [*LockedError]; [ErrMismatch] is the only one after a
// comparison.
//
// Source: NIST SP 800-63B-4 §3.1.3.2 (a code is accepted once, and for at most
// 10 minutes); RFC 4226 §7.3 (a bounded number of attempts).
func Try(g *Guard, c *Challenge, right func() bool, now time.Time, rule policy.Lockout) error {
	err := c.closed()
	if err != nil {
		return err
	}
	if !now.Before(c.ExpiresAt) {
		c.Status = ChallengeExpired
		return ErrExpired
	}
	if now.Before(c.SentAt) {
		return ErrExpired
	}
	err = g.Locked(now)
	if err != nil {
		return err
	}
	if c.TriesLeft() == 0 {
		c.Status = ChallengeLocked
		return ErrExhausted
	}

	c.Attempts++
	c.ChainAttempts++
	g.Fail(now, rule)
	if !right() {
		if c.TriesLeft() == 0 {
			c.Status = ChallengeLocked
		}
		return ErrMismatch
	}
	c.Status, c.VerifiedAt = ChallengeVerified, now
	g.Succeed()
	return nil
}

// Renewable reports whether a next generation by method next may take the place of
// c, whose timer has to be over at due. A failed one has no timer; one that is still
// created belongs to a request that died on the way.
//
// Errors: [ErrSuperseded], [ErrTooSoon], [ErrNoSends], [ErrExhausted].
func (c Challenge) Renewable(due time.Time, next Method) error {
	switch c.Status {
	case ChallengeCreated, ChallengeSent, ChallengeFailed, ChallengeExpired:
	default:
		return ErrSuperseded
	}
	switch {
	case due.Before(c.ResendAt):
		return ErrTooSoon
	case next.Delivered() && c.Sends >= c.MaxSends:
		return ErrNoSends
	case c.ChainAttempts >= MaxChainAttempts:
		return ErrExhausted
	}
	return nil
}
