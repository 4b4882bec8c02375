package mfa

import (
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// guardKey names the guard of a contact or, where there is none, of a factor. All
// methods that reach one contact share its guard, and so do all keys of a user:
// which of them answers is not known when they are asked.
func guardKey(m Method, contactID, factorID string) string {
	switch {
	case contactID != "":
		return "contact:" + contactID
	case m == policy.WebAuthn:
		return "method:" + string(m)
	}
	return "factor:" + factorID
}

// guardKey keeps the first proof of something apart from its later use: a method
// that was locked for good can be proved anew, and begins anew with that.
func (o Option) guardKey() string {
	if o.Adds {
		return "new:" + guardKey(o.Method, o.ContactID, o.FactorID)
	}
	return guardKey(o.Method, o.ContactID, o.FactorID)
}

func (f Factor) guardKey() string { return guardKey(f.Kind, f.ContactID, f.ID) }

// Locked refuses a guess while g is locked, and returns nil otherwise.
//
// Errors: [*LockedError], with a zero Until when it is locked for good.
func (g Guard) Locked(now time.Time) error {
	if g.Dead {
		return &LockedError{}
	}
	if now.Before(g.LockedUntil) {
		return &LockedError{Until: g.LockedUntil}
	}
	return nil
}

// Fail counts one failure at now.
//
// With the soft_fails-th failure of a window a delay begins, and each further
// failure in that window begins the next longer one; a new window allows
// soft_fails again. With the hard_fails-th failure in a row, g is dead.
//
// Source: NIST SP 800-63B-4 §3.2.2 (at most 100 consecutive failures, growing
// delays, forgotten on success).
func (g *Guard) Fail(now time.Time, rule policy.Lockout) {
	if g.WindowStart.IsZero() || now.Sub(g.WindowStart) >= rule.Window.Duration() {
		g.WindowStart, g.WindowFails = now, 0
	}
	g.WindowFails++
	g.FailsRun++
	if g.FailsRun >= rule.HardFails {
		g.Dead = true
	}
	if g.WindowFails < rule.SoftFails || len(rule.Delays) == 0 {
		return
	}
	step := min(g.Delays, len(rule.Delays)-1)
	g.LockedUntil = now.Add(rule.Delays[step].Duration())
	g.Delays++
}

// Succeed forgets all failures.
func (g *Guard) Succeed() {
	*g = Guard{Subject: g.Subject, Key: g.Key}
}
