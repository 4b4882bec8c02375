package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// ProofProblem is what a page says about an answer or a delivery that failed and,
// where that helps, until when; "" for a failure that is not the user's to mend.
func ProofProblem(err error) (problem string, until time.Time) {
	tooSoon, early := errors.AsType[*mfa.TooSoonError](err)
	locked, shut := errors.AsType[*mfa.LockedError](err)
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	switch {
	case err == nil:
		return "", time.Time{}
	case early:
		return templates.ProblemTooSoon, tooSoon.At
	case shut:
		return templates.ProblemTooMany, locked.Until
	case limited && strings.HasPrefix(wait.What, "verify."):
		return templates.ProblemLocked, time.Time{} // it is about tries, and nothing was to be sent
	case limited:
		return templates.ProblemSendLimit, time.Time{}
	}
	for _, row := range proofProblems {
		if errors.Is(err, row.err) {
			return row.problem, time.Time{}
		}
	}
	return "", time.Time{}
}

// proofProblems are in the order in which they count: an error that says more comes
// with one that says less.
var proofProblems = []struct {
	err     error
	problem string
}{
	{mfa.ErrMalformed, templates.ProblemMalformed},
	{mfa.ErrCloned, templates.ProblemKeyCloned},
	{mfa.ErrReplayed, templates.ProblemUsed},
	{mfa.ErrUnknownKey, templates.ProblemKeyUnknown},
	{mfa.ErrKeyExists, templates.ProblemKeyExists},
	{mfa.ErrMismatch, templates.ProblemWrongCode},
	{mfa.ErrExpired, templates.ProblemExpired},
	{mfa.ErrSpent, templates.ProblemUsed},
	{mfa.ErrSuperseded, templates.ProblemUsed},
	{mfa.ErrExhausted, templates.ProblemTooMany},
	{mfa.ErrDelivery, templates.ProblemSendFailed},
	{mfa.ErrBudget, templates.ProblemSendFailed},
	{mfa.ErrNoSends, templates.ProblemMethod},
	{mfa.ErrNotOffered, templates.ProblemMethod},
	{mfa.ErrNoMethod, templates.ProblemMethod},
	{mfa.ErrPolicyChanged, templates.ProblemMethod},
}

// ProofStatus is 429 for what waiting mends, 503 for what the gateway did not take,
// 400 for a method that is not offered, 409 for what somebody else has, and 422 for
// what the user typed.
func ProofStatus(err error) int {
	_, limited := errors.AsType[*ratelimit.WaitError](err)
	_, locked := errors.AsType[*mfa.LockedError](err)
	switch {
	case limited, locked, errors.Is(err, mfa.ErrTooSoon), errors.Is(err, mfa.ErrExhausted):
		return http.StatusTooManyRequests
	case errors.Is(err, mfa.ErrNotOffered), errors.Is(err, mfa.ErrNoSends), errors.Is(err, mfa.ErrNoMethod):
		return http.StatusBadRequest
	case errors.Is(err, mfa.ErrContactInUse), errors.Is(err, mfa.ErrKeyExists):
		return http.StatusConflict
	case errors.Is(err, mfa.ErrDelivery), errors.Is(err, mfa.ErrBudget):
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

// ChallengeProblem is what a page that is opened again says about a challenge.
func ChallengeProblem(c mfa.Challenge, now time.Time) string {
	switch {
	case c.Status == mfa.ChallengeLocked:
		return templates.ProblemTooMany
	case c.Status == mfa.ChallengeFailed:
		return templates.ProblemSendFailed
	case c.Status == mfa.ChallengeExpired, c.Status == mfa.ChallengeSent && !now.Before(c.ExpiresAt):
		return templates.ProblemExpired
	}
	return ""
}

// RetryAt is when the same request may be made again; the zero time where waiting
// does not help, or nobody knows. lockedUntil is that of a verdict beside err.
func RetryAt(err error, lockedUntil, now time.Time) time.Time {
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	if limited {
		return now.Add(wait.After)
	}
	_, at := ProofProblem(err)
	if lockedUntil.After(at) {
		return lockedUntil
	}
	return at
}

// SetRetryAfter sets Retry-After: whole seconds, never early. A zero time sets
// nothing.
func SetRetryAfter(c *gin.Context, at, now time.Time) {
	if at.IsZero() {
		return
	}
	wait := max(at.Sub(now), time.Second)
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}
