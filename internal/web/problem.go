package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
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
	// These two come together with ErrMismatch, and say more.
	{mfa.ErrReplayed, Problem{"/problems/code-used", "The code was already used.", http.StatusConflict, ""}},
	{mfa.ErrCloned, Problem{"/problems/key-cloned", "There is a copy of this key. It was disabled.", http.StatusUnprocessableEntity, ""}},
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
	{mfa.ErrBudget, Problem{"/problems/not-delivered", "No messages are sent today any more. Use another method.", http.StatusServiceUnavailable, templates.ErrorMaintenance}},
	{mfa.ErrOpen, Problem{"/problems/open", "Another step is still open. Open the page again.", http.StatusConflict, templates.ErrorDone}},
	{mfa.ErrContactInUse, Problem{"/problems/phone-in-use", "This number cannot be used for this account.", http.StatusConflict, templates.ErrorNoMethod}},
	{mfa.ErrForbidden, Problem{"/problems/forbidden-by-policy", "The policy does not allow this change.", http.StatusForbidden, templates.ErrorDenied}},
	{mfa.ErrStaleLogin, Problem{"/problems/insufficient-user-authentication", "The login is too old for this. Sign in again.", http.StatusForbidden, templates.ErrorDenied}},
	{mfa.ErrTooMany, Problem{"/problems/too-many-methods", "No more methods at the same time. Disable one first.", http.StatusConflict, templates.ErrorDenied}},
	{mfa.ErrFactorExists, Problem{"/problems/too-many-methods", "No more methods at the same time. Disable one first.", http.StatusConflict, templates.ErrorDenied}},
	{mfa.ErrInUse, Problem{"/problems/contact-needed", "A method needs this contact. Disable it first.", http.StatusConflict, templates.ErrorDenied}},
	{mfa.ErrAlready, Problem{"/problems/already-on", "This is on already.", http.StatusConflict, templates.ErrorDone}},
	{mfa.ErrOrder, Problem{"/problems/order", "Another step comes first. Open the page again.", http.StatusConflict, templates.ErrorDone}},
	{mfa.ErrUnverified, Problem{"/problems/address-unconfirmed", "The account's address is not confirmed. Confirm it first.", http.StatusConflict, templates.ErrorDenied}},
	{mfa.ErrNoPIN, Problem{"/problems/no-pin", "This takes a PIN, and there is none. Make one first.", http.StatusConflict, templates.ErrorDenied}},
	{mfa.ErrChanged, Problem{"/problems/enrolment-changed", "What is enrolled has changed meanwhile. Begin again.", http.StatusConflict, templates.ErrorDone}},
	{mfa.ErrUnchanged, Problem{"/problems/unchanged", "That is the present one.", http.StatusUnprocessableEntity, ""}},
	{mfa.ErrKeyExists, Problem{"/problems/key-exists", "The key is registered already.", http.StatusConflict, ""}},
	{mfa.ErrUnknownKey, Problem{"/problems/unknown-key", "The key is not one of this account.", http.StatusUnprocessableEntity, ""}},
	{phone.ErrExtension, Problem{"/problems/phone-extension-not-allowed", "Numbers with an extension are not accepted.", http.StatusUnprocessableEntity, ""}},
	{phone.ErrLine, Problem{"/problems/not-possible-for-line", "That is not possible for this line.", http.StatusUnprocessableEntity, ""}},
	{phone.ErrCountry, Problem{"/problems/country-unavailable", "That is not available in the country of the number.", http.StatusUnprocessableEntity, ""}},
	{phone.ErrType, Problem{"/problems/phone-type-not-allowed", "Numbers of this type are not accepted.", http.StatusUnprocessableEntity, ""}},
	{phone.ErrInvalid, Problem{"/problems/phone-invalid", "That is not a telephone number.", http.StatusUnprocessableEntity, ""}},
	{mfa.ErrNotFound, Problem{"/problems/not-found", "There is no such challenge.", http.StatusNotFound, templates.ErrorNotFound}},
	{consent.ErrNotFound, Problem{"/problems/not-found", "There is no such interaction.", http.StatusNotFound, templates.ErrorNotFound}},
	{consent.ErrOver, Problem{"/problems/expired", "This sign-in has ended. Start again from the app.", http.StatusGone, templates.ErrorExpired}},
	{consent.ErrOtherUser, Problem{"/problems/other-user", "This request is about another account.", http.StatusForbidden, templates.ErrorDenied}},
	{identity.ErrLinkUnknown, Problem{"/problems/link-unknown", "There is no such link.", http.StatusGone, templates.ErrorExpired}},
	{identity.ErrLinkExpired, Problem{"/problems/link-expired", "The link has expired. Ask for a new one.", http.StatusGone, templates.ErrorExpired}},
	{identity.ErrLinkUsed, Problem{"/problems/link-used", "The link was used already. Ask for a new one.", http.StatusGone, templates.ErrorExpired}},
	{identity.ErrSignUpClosed, Problem{"/problems/not-found", "There is no such thing here.", http.StatusNotFound, templates.ErrorNotFound}},
	{identity.ErrCredentials, Problem{"/problems/bad-sign-in", "Identifier or password is wrong.", http.StatusUnprocessableEntity, templates.ErrorDenied}},
	{identity.ErrNotFound, Problem{"/problems/not-found", "There is no such thing here.", http.StatusNotFound, templates.ErrorNotFound}},
	{identity.ErrAddress, Problem{"/problems/not-an-address", "That is not an email address.", http.StatusUnprocessableEntity, ""}},
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
	_, blocked := errors.AsType[*mfa.BlockedError](err)
	if blocked {
		return Problem{"/problems/change-blocked", "The change is paused while an app has set a flag on the account.", http.StatusConflict, templates.ErrorDenied}
	}
	_, weak := errors.AsType[*mfa.WeakPINError](err)
	if weak {
		return Problem{"/problems/weak-pin", "That PIN is easily guessed.", http.StatusUnprocessableEntity, ""}
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
