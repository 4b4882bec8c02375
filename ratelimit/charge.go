package ratelimit

import (
	"errors"
	"fmt"
	"time"
)

// ErrCharge refuses charges that no limiter can judge: a limit that is not
// positive, or one key named twice in one operation.
var ErrCharge = errors.New("ratelimit: charge cannot be judged")

// Check reports whether charges can be judged together. Every [Limiter] calls
// it first.
//
// Errors: [ErrCharge].
func Check(charges []Charge) error {
	seen := make(map[string]bool, len(charges))
	for _, c := range charges {
		if c.Limit.Burst < 1 || c.Limit.Every <= 0 {
			return fmt.Errorf("%w: limit of %s", ErrCharge, c.What)
		}
		if seen[c.Key] {
			return fmt.Errorf("%w: key of %s is named twice", ErrCharge, c.What)
		}
		seen[c.Key] = true
	}
	return nil
}

// Longer returns the refusal with the longer wait: so, or that of c. A wait of 0
// is no refusal. A caller told to wait for the longest is not refused again by
// the next limit in line.
func Longer(so *WaitError, c Charge, wait time.Duration) *WaitError {
	if wait <= 0 || (so != nil && so.After >= wait) {
		return so
	}
	return &WaitError{What: c.What, After: wait}
}
