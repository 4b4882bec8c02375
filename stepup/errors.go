package stepup

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Errors a caller can act on. Every function that returns one of them says so.
var (
	// ErrDenied means that the user, or a policy, said no.
	ErrDenied = errors.New("stepup: access was denied")
	// ErrUnmet means that the demanded acr or max_age was not reached, or that
	// this user cannot reach it.
	ErrUnmet = errors.New("stepup: the authentication requirements were not met")
	// ErrInteractionRequired means that prompt=none was asked and the user has
	// to see a page first; or, with login_required, that another user signed in than
	// the Subject of the request.
	ErrInteractionRequired = errors.New("stepup: the user has to be asked")
	// ErrOtherSubject means that the answer is about another user than the one
	// the request was pinned to.
	ErrOtherSubject = errors.New("stepup: the answer is about another user")
	// ErrResponse means that what the browser brought does not belong to the
	// transaction: a forged, replayed, mixed-up or stale answer.
	ErrResponse = errors.New("stepup: the response does not belong to this transaction")
	// ErrToken means that a token is not valid: signature, type, times, issuer,
	// audience or a claim.
	ErrToken = errors.New("stepup: the token is not valid")
	// ErrInvalidGrant means that a code or a refresh token is used up, expired
	// or revoked: the user has to be sent to the server again.
	ErrInvalidGrant = errors.New("stepup: the grant is no longer valid")
	// ErrBadDetail means that the detail cannot be sent, or that the server does not take
	// it: of a type that this client may not ask for, not sound, or with a txn_id that was
	// used before. The error says what to change; where the server has judged, it is an
	// [*EndpointError].
	ErrBadDetail = errors.New("stepup: the details are not acceptable")
	// ErrNotFound means that this app has no such confirmation.
	ErrNotFound = errors.New("stepup: there is no such confirmation")
	// ErrNotApproved means that the user has not approved: not yet, or no more.
	ErrNotApproved = errors.New("stepup: the confirmation is not approved")
	// ErrConsumed means that the approval was used by another request. Whoever gets
	// it must not execute.
	ErrConsumed = errors.New("stepup: the confirmation was used before")
	// ErrRevoked means that the session or the grant behind the approval has ended.
	ErrRevoked = errors.New("stepup: the confirmation was taken back")
	// ErrExpired means that the time to use the approval is over.
	ErrExpired = errors.New("stepup: the confirmation has expired")
	// ErrMismatch means that something else was approved than what the hash is of.
	ErrMismatch = errors.New("stepup: something else was approved")
	// ErrBound means that the access token is bound to a key that this API does not
	// hold, so it cannot use it at the server.
	ErrBound = errors.New("stepup: the token is bound to a key of its app")
	// ErrTooOften means that the app has asked this user for too many confirmations, or the
	// server for too much. Nothing was begun. The RetryAfter of the [*EndpointError] says
	// when the same call may pass.
	ErrTooOften = errors.New("stepup: the app asks too often")
	// ErrUnavailable means that the server could not be reached or did not
	// answer as it should; the same call may pass later.
	ErrUnavailable = errors.New("stepup: the server is not available")
)

// errorKinds maps the codes of the protocol to what a caller can act on.
//
// Source: RFC 6749 sections 4.1.2.1 and 5.2; RFC 9396 section 5; OpenID Connect
// Core section 3.1.2.6; OpenID Connect Core Error Code unmet_authentication_requirements.
var errorKinds = map[string]error{
	"access_denied":                     ErrDenied,
	"unmet_authentication_requirements": ErrUnmet,
	"login_required":                    ErrInteractionRequired,
	"interaction_required":              ErrInteractionRequired,
	"consent_required":                  ErrInteractionRequired,
	"account_selection_required":        ErrInteractionRequired,
	"invalid_grant":                     ErrInvalidGrant,
	"server_error":                      ErrUnavailable,
	"temporarily_unavailable":           ErrUnavailable,
	"invalid_authorization_details":     ErrBadDetail,
	"not_found":                         ErrNotFound,
	"not_approved":                      ErrNotApproved,
	"already_consumed":                  ErrConsumed,
	"revoked":                           ErrRevoked,
	"expired":                           ErrExpired,
	"mismatch":                          ErrMismatch,
}

// AuthError is an error that the server sent through the browser.
//
// [errors.Is] matches it with [ErrDenied] for access_denied, [ErrUnmet] for
// unmet_authentication_requirements, [ErrInteractionRequired] for the family of
// login_required and [ErrUnavailable] for server_error and temporarily_unavailable.
// Code and Description come from outside; they are cut to printable ASCII, and
// a page still has to escape them. A code has several reasons; Description tells them
// apart for a reader of logs, and its words may change.
type AuthError struct {
	Code        string
	Description string
	State       Secret
}

// Error implements error.
func (e *AuthError) Error() string {
	return "stepup: the server answered " + described(e.Code, e.Description)
}

// Is reports whether target is the sentinel that stands for e.Code.
func (e *AuthError) Is(target error) bool { return isKind(e.Code, target) }

// EndpointError is an error answer of an endpoint that the app called itself.
//
// [errors.Is] matches it with [ErrInvalidGrant] for invalid_grant, [ErrBadDetail]
// for invalid_authorization_details, [ErrNotFound], [ErrNotApproved],
// [ErrConsumed], [ErrRevoked], [ErrExpired] and [ErrMismatch] for what the
// confirmation endpoints say, and [ErrUnavailable] for a status of 500 or more, or
// 429. A push that is answered with 429 is [ErrTooOften] and nothing else: nobody was
// asked, and to try again at once does not help.
type EndpointError struct {
	Endpoint    string // "token", "userinfo", "par" or "confirmation"
	Status      int    // HTTP status
	Code        string // "" if the body had none
	Description string

	// RetryAfter is how long the server wants the app to wait; 0 if it did not say so in
	// seconds. Source: RFC 9110 section 10.2.3.
	RetryAfter time.Duration
}

// endpointPush is the Endpoint of a request that was pushed.
const endpointPush = "par"

// Error implements error.
func (e *EndpointError) Error() string {
	return fmt.Sprintf("stepup: %s endpoint answered %d %s", e.Endpoint, e.Status, described(e.Code, e.Description))
}

// Is reports whether target is the sentinel that stands for e.
func (e *EndpointError) Is(target error) bool {
	busy := e.Status == http.StatusTooManyRequests
	if busy && e.Endpoint == endpointPush {
		return target == ErrTooOften //nolint:errorlint // Is compares, as its contract says
	}
	if target == ErrUnavailable && (e.Status >= 500 || busy) { //nolint:errorlint // Is compares, as its contract says
		return true
	}
	return isKind(e.Code, target)
}

func isKind(code string, target error) bool {
	kind, ok := errorKinds[code]
	return ok && kind == target //nolint:errorlint // Is compares, as its contract says
}

func described(code, description string) string {
	if code == "" {
		code = "an unknown error"
	}
	if description == "" {
		return code
	}
	return code + ": " + description
}

// printable cuts text from outside to at most limit characters of printable
// ASCII, so that it can neither forge log lines nor fill them.
func printable(text string, limit int) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if b.Len() == limit {
			break
		}
		if c >= ' ' && c <= '~' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// badDetail says why a detail cannot be sent.
func badDetail(reason string, args ...any) error {
	return fmt.Errorf("%w: "+reason, append([]any{ErrBadDetail}, args...)...)
}

// badToken says why a token was refused. The reason never quotes the token.
func badToken(reason string, args ...any) error {
	return fmt.Errorf("%w: "+reason, append([]any{ErrToken}, args...)...)
}
