package templates

import "strings"

// What was wrong with the last try. Every Problem field takes one of these; a
// value that is none of them shows a general text.
const (
	ProblemWrongCode   = "wrong_code"
	ProblemExpired     = "expired"
	ProblemUsed        = "used"
	ProblemTooMany     = "too_many"
	ProblemTooSoon     = "resend_too_soon"
	ProblemSendLimit   = "send_limit"
	ProblemSendFailed  = "send_failed"
	ProblemMalformed   = "malformed"
	ProblemEmpty       = "empty"
	ProblemSwitched    = "switched" // news, not an error
	ProblemMethod      = "method_unavailable"
	ProblemChanged     = "details_changed"
	ProblemBadSignIn   = "bad_sign_in"
	ProblemLocked      = "locked"
	ProblemNoUsername  = "no_username"
	ProblemNoPassword  = "no_password"
	ProblemMaintenance = "maintenance"
)

var problems = []string{
	ProblemWrongCode, ProblemExpired, ProblemUsed, ProblemTooMany, ProblemTooSoon, ProblemSendLimit,
	ProblemSendFailed, ProblemMalformed, ProblemEmpty, ProblemSwitched, ProblemMethod, ProblemChanged,
	ProblemBadSignIn, ProblemLocked, ProblemNoUsername, ProblemNoPassword, ProblemMaintenance, "other",
}

// Why there is an error page.
const (
	ErrorRequest     = "bad_request"    // the app's request is wrong, and there is nowhere to return to
	ErrorReturn      = "return_address" // redirect_uri is not registered
	ErrorClient      = "unknown_client"
	ErrorTenant      = "unknown_tenant"
	ErrorDenied      = "access_denied" // by policy
	ErrorNoMethod    = "no_method"     // no enrolled method can satisfy what was asked
	ErrorExpired     = "flow_expired"  // the page waited too long
	ErrorDone        = "already_done"  // back button, second tab
	ErrorBrowser     = "other_browser" // the interaction belongs to another browser, or cookies are off
	ErrorForm        = "stale_form"    // csrf
	ErrorRateLimited = "rate_limited"
	ErrorNotFound    = "not_found"
	ErrorMethod      = "method_not_allowed"
	ErrorTooLarge    = "too_large"
	ErrorMaintenance = "maintenance"
	ErrorServer      = "server_error"
)

var errorPages = []string{
	ErrorRequest, ErrorReturn, ErrorClient, ErrorTenant, ErrorDenied, ErrorNoMethod, ErrorExpired, ErrorDone,
	ErrorBrowser, ErrorForm, ErrorRateLimited, ErrorNotFound, ErrorMethod, ErrorTooLarge, ErrorMaintenance, ErrorServer,
}

// Key is the key of the page's texts: Problem, also when it is written as a
// problem type ("/problems/not-found"), or the general one.
func (p ErrorPage) Key() string {
	key := strings.ReplaceAll(strings.TrimPrefix(p.Problem, "/problems/"), "-", "_")
	for _, known := range errorPages {
		if key == known {
			return key
		}
	}
	return ErrorServer
}

// actions have texts of their own; any other action is shown by its name.
var actions = []string{
	"payout.request", "payment_details.add", "withdrawal.confirm", "operation.confirm", "bid.place", "mfa.enable", "mfa.disable",
	"contact.verify", "settings.change", // codes of the settings
}
