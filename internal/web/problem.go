package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// Problem is the error body of the JSON endpoints. Source: RFC 9457 section 3.1.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Page   string `json:"-"` // which error page says the same
}

// ErrCrossSite refuses a form that did not come from one of our own pages.
var ErrCrossSite = errors.New("web: form is not from this site")

// problems maps what callers can act on to what they are told. An error that is
// not here is a 500 with no detail, so nothing leaks by being forgotten.
var problems = []struct {
	err error
	p   Problem
}{
	{mfa.ErrMalformed, Problem{"/problems/malformed-code", "That is not a code of the right length.", http.StatusUnprocessableEntity, ""}},
	{mfa.ErrMismatch, Problem{"/problems/wrong-code", "The code is not right.", http.StatusUnprocessableEntity, ""}},
	{mfa.ErrExpired, Problem{"/problems/code-expired", "The code has expired.", http.StatusGone, ""}},
	{mfa.ErrExhausted, Problem{"/problems/no-attempts", "Too many wrong codes.", http.StatusTooManyRequests, ""}},
	{mfa.ErrSpent, Problem{"/problems/code-used", "The code was already used.", http.StatusConflict, ""}},
	{mfa.ErrSuperseded, Problem{"/problems/code-replaced", "A newer code was sent.", http.StatusConflict, ""}},
	{mfa.ErrTooSoon, Problem{"/problems/too-soon", "A new code cannot be sent yet.", http.StatusTooManyRequests, templates.ErrorRateLimited}},
	{mfa.ErrNotOffered, Problem{"/problems/method-not-offered", "That method is not offered here.", http.StatusBadRequest, templates.ErrorRequest}},
	{mfa.ErrNoMethod, Problem{"/problems/no-method", "No method of the account can give this proof.", http.StatusBadRequest, templates.ErrorNoMethod}},
	{mfa.ErrNoSends, Problem{"/problems/no-sends", "No more codes are sent here. Start again.", http.StatusBadRequest, templates.ErrorRateLimited}},
	{mfa.ErrPolicyChanged, Problem{"/problems/policy-changed", "The method is no longer allowed. Start again.", http.StatusConflict, templates.ErrorNoMethod}},
	{mfa.ErrDelivery, Problem{"/problems/not-delivered", "The code could not be sent. Try again in a moment.", http.StatusServiceUnavailable, templates.ErrorMaintenance}},
	{mfa.ErrOpen, Problem{"/problems/open", "Another step is still open. Open the page again.", http.StatusConflict, templates.ErrorDone}},
	{mfa.ErrContactInUse, Problem{"/problems/contact-in-use", "Another account has this number.", http.StatusConflict, templates.ErrorNoMethod}},
	{mfa.ErrNotFound, Problem{"/problems/not-found", "There is no such challenge.", http.StatusNotFound, templates.ErrorNotFound}},
	{consent.ErrNotFound, Problem{"/problems/not-found", "There is no such interaction.", http.StatusNotFound, templates.ErrorNotFound}},
	{consent.ErrOver, Problem{"/problems/expired", "This sign-in has ended. Start again from the app.", http.StatusGone, templates.ErrorExpired}},
	{consent.ErrOtherUser, Problem{"/problems/other-user", "This request is about another account.", http.StatusForbidden, templates.ErrorDenied}},
	{identity.ErrCredentials, Problem{"/problems/bad-sign-in", "Identifier or password is wrong.", http.StatusUnprocessableEntity, templates.ErrorDenied}},
	{identity.ErrNotFound, Problem{"/problems/not-found", "There is no such thing here.", http.StatusNotFound, templates.ErrorNotFound}},
	{ErrCrossSite, Problem{"/problems/cross-site", "The form did not come from this site. Open the page again.", http.StatusForbidden, templates.ErrorRequest}},
}

var (
	serverProblem  = Problem{"/problems/server-error", "Something went wrong here.", http.StatusInternalServerError, templates.ErrorServer}
	unavailable    = Problem{"/problems/unavailable", "The service cannot answer right now. Try again in a moment.", http.StatusServiceUnavailable, templates.ErrorMaintenance}
	tooManyProblem = Problem{"/problems/too-many-requests", "Too many requests. Wait as Retry-After says.", http.StatusTooManyRequests, templates.ErrorRateLimited}
)

// ProblemFor says how a failure is told to the one who asked. A failure that
// reports itself as Temporary, as those of the database do, is a 503.
func ProblemFor(err error) Problem {
	failure, ok := errors.AsType[*Failure](err)
	if ok {
		return Problem{Type: "about:blank", Title: http.StatusText(failure.Status), Status: failure.Status, Page: failure.Problem}
	}
	_, limited := errors.AsType[*ratelimit.WaitError](err)
	if limited {
		return tooManyProblem
	}
	for _, row := range problems {
		if errors.Is(err, row.err) {
			return row.p
		}
	}
	_, locked := errors.AsType[*mfa.LockedError](err)
	if locked {
		return Problem{"/problems/locked", "Too many wrong codes. Try again later.", http.StatusTooManyRequests, templates.ErrorRateLimited}
	}
	if Temporary(err) || errors.Is(err, context.DeadlineExceeded) {
		return unavailable
	}
	return serverProblem
}

// Temporary reports whether err says of itself that trying again may help.
func Temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}
