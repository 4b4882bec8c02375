package settings

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// A refusal is an error that keeps a change from being made, with the words for it.
type refusal struct {
	Reason string // a templates.Blocked or Reason constant
	Type   string // of the problem details; "" is that of Err
	Err    error
}

func (r *refusal) Error() string { return "settings: refused: " + r.Err.Error() }

func (r *refusal) Unwrap() error { return r.Err }

// reasonInUse says that a method needs the contact.
const reasonInUse = "in_use"

// refusalReason is why a change is not made: a templates.Blocked or Reason constant,
// or the name of a flag; "" for errors that are no refusal.
func refusalReason(err error) string {
	known, ok := errors.AsType[*refusal](err)
	if ok {
		return known.Reason
	}
	blocked, ok := errors.AsType[*mfa.BlockedError](err)
	if ok {
		return blocked.Flag
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return ""
}

var refusals = []struct {
	err    error
	reason string
}{
	{mfa.ErrForbidden, templates.BlockedForbidden},
	{mfa.ErrTooMany, templates.ReasonLimit},
	{mfa.ErrFactorExists, templates.ReasonLimit},
	{mfa.ErrAlready, templates.ReasonOn},
	{mfa.ErrInUse, reasonInUse},
	{mfa.ErrNoPIN, templates.BlockedPIN},
}

// proofProblem is what a page says about an answer or a delivery that failed and,
// where that helps, until when; "" for a failure that is not the user's to mend.
func proofProblem(err error) (problem string, until time.Time) {
	tooSoon, early := errors.AsType[*mfa.TooSoonError](err)
	locked, shut := errors.AsType[*mfa.LockedError](err)
	_, limited := errors.AsType[*ratelimit.WaitError](err)
	switch {
	case err == nil:
		return "", time.Time{}
	case early:
		return templates.ProblemTooSoon, tooSoon.At
	case shut:
		return templates.ProblemTooMany, locked.Until
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
	{errEmpty, templates.ProblemEmpty},
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

// errEmpty is a form that was sent with nothing in it. It is no try.
var errEmpty = errors.Join(errors.New("settings: nothing was entered"), mfa.ErrMalformed)

// tellable reports whether a page has words for err.
func tellable(err error) bool {
	problem, _ := proofProblem(err)
	return problem != ""
}

// statusOf is 429 for what waiting mends, 503 for what the gateway did not take,
// 400 for a method that is not offered, and 422 for what the user typed.
func statusOf(err error) int {
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

// retryAt is when the same request may be made again; the zero time where waiting
// does not help, or nobody knows.
func retryAt(err error, lockedUntil, now time.Time) time.Time {
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	if limited {
		return now.Add(wait.After)
	}
	_, at := proofProblem(err)
	if lockedUntil.After(at) {
		return lockedUntil
	}
	return at
}

// setRetry sets Retry-After: whole seconds, never early.
func setRetry(c *gin.Context, at, now time.Time) {
	if at.IsZero() {
		return
	}
	wait := max(at.Sub(now), time.Second)
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

// A numberError refuses a telephone number for a method.
type numberError struct {
	Method mfa.Method
	Err    error
}

func (e *numberError) Error() string { return string(e.Method) + ": " + e.Err.Error() }

func (e *numberError) Unwrap() error { return e.Err }

// wantsJSON reports whether the request is a program's and not a page's.
func wantsJSON(c *gin.Context) bool {
	accept := c.GetHeader("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

// flagProblem is a problem with the name of the flag that it is about. Source: RFC
// 9457 section 3.2 (extension members).
type flagProblem struct {
	web.Problem
	Flag string `json:"flag,omitempty"`
}

// answerJSON answers err with problem details.
func answerJSON(c *gin.Context, err error, now time.Time) {
	setRetry(c, retryAt(err, time.Time{}, now), now)
	web.Answer(c, err, func(p web.Problem) {
		p = numberProblem(p, err)
		c.Header("Content-Type", "application/problem+json")
		c.Header("Cache-Control", "no-store")
		blocked, _ := errors.AsType[*mfa.BlockedError](err)
		if blocked == nil {
			blocked = &mfa.BlockedError{}
		}
		c.AbortWithStatusJSON(p.Status, flagProblem{Problem: p, Flag: blocked.Flag})
	})
}

// numberProblem names a problem more exactly than its error does alone: by the
// method that a number was meant for, or by what is refused.
func numberProblem(p web.Problem, err error) web.Problem {
	number, ok := errors.AsType[*numberError](err)
	if ok {
		key := phone.Key(number.Method, number.Err)
		if key != "" {
			p.Type = "/problems/" + strings.ReplaceAll(key, "_", "-")
		}
	}
	refused, ok := errors.AsType[*refusal](err)
	if ok && refused.Type != "" {
		p.Type, p.Status = refused.Type, http.StatusConflict
	}
	return p
}
