package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// rules are what an authorization request must keep once it is known where to
// answer. They run from top to bottom; the first that is broken is the answer.
// To add a rule, add a line here.
//
// Source: protocol.md 5.5 and 5.11; RFC 6749 section 4.1.1; OpenID Connect Core
// section 3.1.2.1.
var rules = []struct {
	name  string
	check func(*authRequest, *identity.Realm, url.Values) error
}{
	{"no parameter comes twice", ruleOnce},
	{"values are text of bounded length", ruleText},
	{"request objects are signed by an app that has keys", ruleRequestObject},
	{"an app that pushes its requests pushes all of them", rulePushed},
	{"transaction details must be pushed", ruleDetails},
	{"response_type is code", ruleResponseType},
	{"response_mode is query or form_post", ruleResponseMode},
	{"scopes are allowed", ruleScope},
	{"resources are known", ruleResource},
	{"PKCE with S256", rulePKCE},
	{"dpop_jkt is a thumbprint", ruleJKT},
	{"nonce has a bounded length", ruleNonce},
	{"prompt is a set of known values", rulePrompt},
	{"max_age is a number", ruleMaxAge},
	{"claims is a JSON object", ruleClaims},
	{"hints", ruleHints},
	{"who vouches for a subject may do so", ruleVouched},
}

// ruleOnce: trap T6, fosite would take the first. resource is the one parameter
// that may come more than once (RFC 8707 section 2).
func ruleOnce(_ *authRequest, _ *identity.Realm, form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return invalidRequest("A parameter comes more than once.")
		}
	}
	return nil
}

func ruleText(a *authRequest, _ *identity.Realm, _ url.Values) error {
	for name, values := range a.Form {
		for _, v := range values {
			if len(v) > maxParameter {
				return invalidRequest("A parameter is too long.")
			}
			// JSON may be spread over lines; its parser judges the rest.
			if name == "claims" || name == paramDetails || name == paramVouched {
				v = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(v)
			}
			if !web.Readable(v) {
				return invalidRequest("A parameter holds characters that are not allowed.")
			}
		}
	}
	return nil
}

func ruleRequestObject(_ *authRequest, _ *identity.Realm, form url.Values) error {
	switch {
	case form.Has("request"):
		return oauthErr(codeRequestNotSupported, describe(codeRequestNotSupported))
	// Trap T26: nothing is ever fetched from an address in a request.
	case form.Has("request_uri"):
		return oauthErr(codeRequestURINotSupported, describe(codeRequestURINotSupported))
	case form.Has("registration"):
		return oauthErr(codeRegistrationNotSupported, describe(codeRegistrationNotSupported))
	}
	return nil
}

// rulePushed: a request that was kept in an interaction before the rule came is no
// exception, since the browser could have edited it.
//
// Source: RFC 9126 section 6.
func rulePushed(a *authRequest, _ *identity.Realm, _ url.Values) error {
	if a.Client.RequirePAR && !a.Pushed {
		return invalidRequest("This client has to push its requests to the PAR endpoint.")
	}
	return nil
}

// ruleDetails: what a user confirms must not pass through the browser, where it
// can be edited, and has to come from an app that has proved who it is.
//
// Source: RFC 9396 sections 3 and 5; protocol.md 5.8.
func ruleDetails(a *authRequest, realm *identity.Realm, form url.Values) error {
	if !form.Has(paramDetails) {
		return nil
	}
	if !a.Pushed {
		return invalidRequest("authorization_details has to be pushed; it is not accepted from a browser.")
	}
	if a.Client.Public() {
		return oauthErr(codeUnauthorizedClient, "Only a client that proves who it is may ask for confirmations.")
	}
	if realm.Details == nil {
		return oauthErr(codeInvalidDetails, describe(codeInvalidDetails))
	}
	detail, err := realm.Details.Parse([]byte(form.Get(paramDetails)))
	known, ok := errors.AsType[*details.Error](err)
	if ok {
		return oauthErr(codeInvalidDetails, known.Text)
	}
	if err != nil {
		return err
	}
	if !realm.Policy.Requestable(detail.Type) || len(a.Client.Actions) > 0 && !identity.Allows(a.Client.Actions, detail.Type) {
		return oauthErr(codeInvalidDetails, "This type of authorization_details is not open to this client.")
	}
	if !confirms(realm.Policy, detail.Type) {
		return oauthErr(codeInvalidDetails, "The policy has no stage for this action, so no details can be confirmed with it.")
	}
	a.Detail = &detail
	return nil
}

// confirms reports whether the user is shown anything for the action: one that only
// checks a precondition has no page.
func confirms(p *policy.Policy, action string) bool {
	a, ok := p.Action(action)
	return ok && a.Staged()
}

func ruleResponseType(a *authRequest, _ *identity.Realm, form url.Values) error {
	switch form.Get("response_type") {
	case "":
		return invalidRequest("The response_type parameter is missing.")
	case "code":
	default:
		return oauthErr(codeUnsupportedResponseType, describe(codeUnsupportedResponseType))
	}
	if !identity.Allows(a.Client.GrantTypes, grantCode) {
		return oauthErr(codeUnauthorizedClient, "This client may not use authorization codes.")
	}
	return nil
}

func ruleResponseMode(a *authRequest, _ *identity.Realm, form url.Values) error {
	mode := form.Get("response_mode")
	if mode == "" {
		mode = modeQuery
	}
	if (mode != modeQuery && mode != modeFormPost) || !allowsMode(a.Client, mode) {
		return invalidRequest("The response_mode is not supported for this client.")
	}
	a.ResponseMode = mode
	return nil
}

// ruleScope also forgets offline_access where it could not be kept: a client
// without refresh tokens asks in vain, which is no error (OpenID Connect Core
// section 11).
func ruleScope(a *authRequest, _ *identity.Realm, form url.Values) error {
	for _, scope := range strings.Fields(form.Get("scope")) {
		if !identity.Allows(a.Client.Scopes, scope) || slices.Contains(ownScopes, scope) {
			return oauthErr(codeInvalidScope, describe(codeInvalidScope))
		}
		vain := scope == scopeOffline && !identity.Allows(a.Client.GrantTypes, grantRefresh)
		if !vain && !slices.Contains(a.Scopes, scope) {
			a.Scopes = append(a.Scopes, scope)
		}
	}
	if len(a.Scopes) == 0 && a.Detail == nil { // a transaction alone says what is asked for
		return oauthErr(codeInvalidScope, "The scope parameter is missing.")
	}
	return nil
}

// ruleResource: RFC 8707 section 2. The issuer names the server's own
// endpoints, such as userinfo.
func ruleResource(a *authRequest, realm *identity.Realm, form url.Values) error {
	for _, resource := range form["resource"] {
		if resource != realm.Tenant.Issuer && !identity.Allows(a.Client.Audiences, resource) {
			return oauthErr(codeInvalidTarget, describe(codeInvalidTarget))
		}
		if !slices.Contains(a.Resources, resource) {
			a.Resources = append(a.Resources, resource)
		}
	}
	return nil
}

// rulePKCE: S256 or nothing, and nothing only where the registration of a
// confidential client says so.
//
// Source: RFC 7636 section 4.3; RFC 9700 section 2.1.1.
func rulePKCE(a *authRequest, _ *identity.Realm, form url.Values) error {
	challenge, method := form.Get("code_challenge"), form.Get("code_challenge_method")
	if challenge == "" && method == "" && !pkceRequired(a.Client) {
		return nil
	}
	if challenge == "" {
		return invalidRequest("PKCE is required: code_challenge is missing.")
	}
	if method != "S256" {
		return invalidRequest("PKCE is required with code_challenge_method S256.")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(raw) != 32 {
		return invalidRequest("The code_challenge is not a base64url SHA-256.")
	}
	a.CodeChallenge = challenge
	return nil
}

// ruleJKT: RFC 9449 section 10.
func ruleJKT(a *authRequest, _ *identity.Realm, form url.Values) error {
	a.JKT = form.Get(paramJKT)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(a.JKT)
	if a.JKT != "" && (err != nil || len(raw) != sha256.Size) {
		return invalidRequest("The dpop_jkt is not a base64url SHA-256 thumbprint.")
	}
	return nil
}

func ruleNonce(a *authRequest, _ *identity.Realm, form url.Values) error {
	a.Nonce = form.Get("nonce")
	if len(a.Nonce) > maxNonce {
		return invalidRequest("The nonce is too long.")
	}
	return nil
}

// prompts are the values of prompt that the server knows.
var prompts = []string{"none", "login", "consent", "select_account"}

func rulePrompt(a *authRequest, _ *identity.Realm, form url.Values) error {
	for _, value := range strings.Fields(form.Get("prompt")) {
		if !slices.Contains(prompts, value) {
			return invalidRequest("The prompt parameter holds an unknown value.")
		}
		if !slices.Contains(a.Prompt, value) {
			a.Prompt = append(a.Prompt, value)
		}
	}
	if slices.Contains(a.Prompt, "none") && len(a.Prompt) > 1 {
		return invalidRequest("The prompt value none must stand alone.")
	}
	return nil
}

// longestAge is taken for every max_age beyond it: older than any session.
const longestAge = 100 * 365 * 24 * time.Hour

// ruleMaxAge: trap T7, fosite takes 0 and what is no number for no limit.
func ruleMaxAge(a *authRequest, _ *identity.Realm, form url.Values) error {
	if !form.Has("max_age") {
		return nil
	}
	text := form.Get("max_age")
	for _, r := range text {
		if r < '0' || r > '9' {
			return invalidRequest("The max_age is not a number of seconds.")
		}
	}
	age := longestAge
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err == nil && seconds < uint64(longestAge/time.Second) {
		age = time.Duration(seconds) * time.Second
	}
	a.MaxAge = &age
	return nil
}

func ruleClaims(a *authRequest, _ *identity.Realm, form url.Values) error {
	malformed := invalidRequest("The claims parameter is malformed.")
	claims, err := parseClaims(form.Get("claims"))
	if err != nil {
		return malformed
	}
	_, _, err = claims.acr()
	if err != nil {
		return malformed
	}
	_, err = claims.subject()
	if err != nil {
		return malformed
	}
	a.Claims = claims
	return nil
}

// ruleHints reads what is never an error: it helps the user, or it does not.
func ruleHints(a *authRequest, _ *identity.Realm, form url.Values) error {
	const most, longestHint = 10, 320
	a.ACRValues = firstOf(strings.Fields(form.Get("acr_values")), maxACRValues)
	a.UILocales = firstOf(strings.Fields(form.Get("ui_locales")), most)
	a.IDTokenHint = form.Get("id_token_hint")
	if hint := form.Get("login_hint"); len(hint) <= longestHint {
		a.LoginHint = hint
	}
	return nil
}

func firstOf(list []string, most int) []string {
	if len(list) == 0 {
		return nil
	}
	return list[:min(len(list), most)]
}
