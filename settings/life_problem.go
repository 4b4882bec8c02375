package settings

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
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
	{mfa.ErrInUse, templates.BlockedInUse},
	{mfa.ErrNoPIN, templates.BlockedPIN},
	{mfa.ErrUnverified, templates.BlockedAddress},
}

// proofProblem is [web.ProofProblem], and a word for a form with nothing in it.
func proofProblem(err error) (problem string, until time.Time) {
	if errors.Is(err, errEmpty) {
		return templates.ProblemEmpty, time.Time{}
	}
	return web.ProofProblem(err)
}

// errEmpty is a form that was sent with nothing in it. It is no try.
var errEmpty = errors.Join(errors.New("settings: nothing was entered"), mfa.ErrMalformed)

// tellable reports whether a page has words for err.
func tellable(err error) bool {
	problem, _ := proofProblem(err)
	return problem != ""
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
	web.SetRetryAfter(c, web.RetryAt(err, time.Time{}, now), now)
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
