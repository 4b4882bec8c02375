// Package ratelimit counts requests against limits and says how long to wait.
//
// A [Charge] names what is counted (a key), and the [Limit] it is counted
// against. A [Limiter] takes all charges of one operation or none of them, in
// one statement, so that two replicas on one database never let through more
// than the limit between them. Keys are opaque: the caller hashes what is
// personal before it gets here.
package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// A Limit allows Burst requests at once and one more for every Every that goes
// by. {Burst: 5, Every: time.Minute} is five guesses, then one a minute.
type Limit struct {
	Burst int           // at least 1
	Every time.Duration // more than 0
}

// Per is the limit of n requests in any period of about per: n at once, then
// one for each n-th part of per.
func Per(n int, per time.Duration) Limit {
	return Limit{Burst: n, Every: per / time.Duration(n)}
}

// A Charge takes one request out of Limit under Key. What names the limit in
// messages and metrics; it holds nothing personal.
type Charge struct {
	What  string
	Key   string
	Limit Limit
}

// Limiter judges charges. All of them are taken, or none: when one is over its
// limit the error is a [*WaitError] and the others are not counted either.
type Limiter interface {
	Spend(ctx context.Context, now time.Time, charges ...Charge) error
	// Peek is the answer that Spend would give, and takes nothing.
	Peek(ctx context.Context, now time.Time, charges ...Charge) error
}

// A WaitError refuses a request that came too soon. What names the limit.
type WaitError struct {
	What  string
	After time.Duration // when the same request would be allowed; more than 0
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("%s: too soon, wait %s", e.What, e.After)
}

// Spend takes one request out of the limit at now.
//
// full is the time at which the limit would be whole again if nothing else
// happened; it is all that a key has to remember, and its zero value is a key
// never seen. Spend returns the new full and wait = 0, or, when the limit is
// empty, the old full and how long to wait.
//
// Source: the generic cell rate algorithm of ITU-T I.371.
func (l Limit) Spend(full, now time.Time) (next time.Time, wait time.Duration) {
	if full.Before(now) {
		full = now
	}
	next = full.Add(l.Every)
	allowedAt := next.Add(-l.Every * time.Duration(l.Burst))
	wait = allowedAt.Sub(now)
	if wait > 0 {
		return full, wait
	}
	return next, 0
}
