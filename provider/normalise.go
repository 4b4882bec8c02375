package provider

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

// Limits of an authorization request.
const (
	maxParameter  = 8 << 10  // bytes of one value
	maxParameters = 32 << 10 // bytes of all names and values
	maxNonce      = 512
)

// The response modes.
const (
	modeQuery    = "query"
	modeFormPost = "form_post"
)

// authRequest is an authorization request after normalising: every field has
// been checked, and nothing is looked up in the form again.
type authRequest struct {
	// Pushed: the app sent it itself, past the browser.
	Pushed bool

	Client       *identity.Client
	RedirectURI  string // matched, as it was sent
	State        string // as it was sent; "" for none, which is never answered
	ResponseMode string // modeQuery or modeFormPost

	Scopes        []string
	Resources     []string
	Nonce         string
	CodeChallenge string
	JKT           string // thumbprint of the key that the code is bound to; "" for none
	Claims        claimsRequest
	ACRValues     []string
	MaxAge        *time.Duration
	Prompt        []string
	IDTokenHint   string // not yet verified
	LoginHint     string
	UILocales     []string
	Detail        *details.Detail // the transaction to be confirmed; nil for none
	Vouched       *vouchedSubject // whom the app vouches for; nil for nobody

	// Form is the parameters that the server knows. Normalising it again gives
	// the same request.
	Form url.Values
}

// paramDetails is the parameter of RFC 9396.
const paramDetails = "authorization_details"

// paramJKT binds the code to a key (RFC 9449 section 10).
const paramJKT = "dpop_jkt"

// known are the parameters that the server reads. All others are ignored, as
// RFC 6749 section 3.1 says.
var known = []string{
	"client_id", "redirect_uri", "state", "response_type", "response_mode", "scope", "resource", "nonce",
	"code_challenge", "code_challenge_method", "prompt", "max_age", "claims", "acr_values", "id_token_hint",
	"login_hint", "ui_locales", "claims_locales", "display", "request", "request_uri", "registration",
	"authorization_details", paramJKT, paramVouched,
}

// normalise checks form strictly against what client and tenant allow. pushed says
// that the app itself sent it.
//
// A [*web.Failure] says that there is nowhere to answer to: the client is
// unknown, or the redirect URI is not its own. An [*oauthError] is for the app;
// then the result holds where and how to tell it.
func normalise(realm *identity.Realm, form url.Values, pushed bool) (authRequest, error) {
	a := authRequest{ResponseMode: modeQuery, Pushed: pushed}
	if sizeOf(form) > maxParameters {
		return a, &web.Failure{Status: http.StatusRequestEntityTooLarge, Problem: templates.ErrorTooLarge}
	}
	form = withoutEmpty(form)
	failure := a.readAddress(realm, form)
	if failure != nil {
		return a, failure
	}
	a.Form = onlyKnown(form)
	for _, rule := range rules {
		err := rule.check(&a, realm, form)
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// readAddress finds out who asks and where the answer goes. Only what comes
// exactly once counts.
func (a *authRequest) readAddress(realm *identity.Realm, form url.Values) *web.Failure {
	a.Client = realm.Client(once(form, "client_id"))
	if a.Client == nil {
		return pageError(templates.ErrorClient, "The client_id is missing, repeated or unknown.")
	}
	uri := once(form, "redirect_uri")
	if !matchRedirect(a.Client, uri) {
		failure := pageError(templates.ErrorReturn, "The redirect_uri is missing, repeated or not registered for this client.")
		failure.AppName, failure.BackURL = a.Client.Name, appURL(a.Client)
		return failure
	}
	a.RedirectURI = uri
	state := once(form, "state")
	if web.Readable(state) && len(state) <= maxParameter {
		a.State = state
	}
	if once(form, "response_mode") == modeFormPost && allowsMode(a.Client, modeFormPost) {
		a.ResponseMode = modeFormPost
	}
	return nil
}

func pageError(problem, description string) *web.Failure {
	return &web.Failure{Status: http.StatusBadRequest, Problem: problem, Details: []templates.Field{
		{Name: "error", Value: codeInvalidRequest}, {Name: "error_description", Value: description},
	}}
}

// appURL is the app's own page, "" where it is not safe to link to.
func appURL(client *identity.Client) string { return webURL(client.URI) }

// once is the value of a parameter that comes exactly once, else "".
func once(form url.Values, name string) string {
	if len(form[name]) != 1 {
		return ""
	}
	return form[name][0]
}

// withoutEmpty drops parameters without a value: they count as not sent. One
// that comes twice stays, empty or not, so that it is refused.
//
// Source: RFC 6749 section 3.1.
func withoutEmpty(form url.Values) url.Values {
	out := make(url.Values, len(form))
	for name, values := range form {
		if len(values) > 1 || (len(values) == 1 && values[0] != "") {
			out[name] = values
		}
	}
	return out
}

// onlyKnown is what of form the server reads.
func onlyKnown(form url.Values) url.Values {
	out := url.Values{}
	for _, name := range known {
		if len(form[name]) > 0 {
			out[name] = slices.Clone(form[name])
		}
	}
	return out
}

func sizeOf(form url.Values) int {
	size := 0
	for name, values := range form {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	return size
}

func allowsMode(client *identity.Client, mode string) bool {
	return len(client.ResponseModes) == 0 || identity.Allows(client.ResponseModes, mode)
}
