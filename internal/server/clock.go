package server

import (
	"sync"
	"time"
)

// backwards is how far a clock may be set back without being noticed: the small
// steps of a time service.
const backwards = time.Second

// Steady is a clock that does not follow wall when that is set back: else codes
// and sessions that have expired would come alive again. It then goes on by the
// time that has really passed, which the machine counts apart, until wall has
// caught up. A clock that is set forward is followed at once.
//
// Source: OWASP ASVS 5.0, 6.5.8 (trusted time source).
func Steady(wall func() time.Time) func() time.Time {
	return steady(wall, time.Now)
}

// steady takes the reading that measures real time as an argument, for tests.
func steady(wall, monotonic func() time.Time) func() time.Time {
	var mu sync.Mutex
	last, at := wall().Round(0), monotonic()
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now, mark := wall().Round(0), monotonic()
		expected := last.Add(mark.Sub(at))
		if now.Before(expected.Add(-backwards)) {
			return expected
		}
		last, at = now, mark
		return now
	}
}
