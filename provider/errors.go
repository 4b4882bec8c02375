package provider

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/ory/fosite"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
)

// The OAuth error codes that the server answers with.
//
// Source: RFC 6749 sections 4.1.2.1 and 5.2; OpenID Connect Core section
// 3.1.2.6; RFC 6750 section 3.1; RFC 8707 section 2; OpenID Connect Core Unmet
// Authentication Requirements 1.0.
const (
	codeInvalidRequest           = "invalid_request"
	codeInvalidClient            = "invalid_client"
	codeInvalidGrant             = "invalid_grant"
	codeInvalidScope             = "invalid_scope"
	codeInvalidTarget            = "invalid_target"
	codeUnauthorizedClient       = "unauthorized_client"
	codeUnsupportedGrantType     = "unsupported_grant_type"
	codeUnsupportedResponseType  = "unsupported_response_type"
	codeAccessDenied             = "access_denied"
	codeServerError              = "server_error"
	codeUnavailable              = "temporarily_unavailable"
	codeLoginRequired            = "login_required"
	codeInteractionRequired      = "interaction_required"
	codeConsentRequired          = "consent_required"
	codeAccountSelection         = "account_selection_required"
	codeUnmet                    = "unmet_authentication_requirements"
	codeRequestNotSupported      = "request_not_supported"
	codeRequestURINotSupported   = "request_uri_not_supported"
	codeRegistrationNotSupported = "registration_not_supported"
	codeInvalidRequestURI        = "invalid_request_uri"
	codeInvalidRequestObject     = "invalid_request_object"        // RFC 9101 section 7
	codeInvalidDetails           = "invalid_authorization_details" // RFC 9396 section 5
	codeInvalidToken             = "invalid_token"
	codeInsufficientScope        = "insufficient_scope"
	codeInvalidProof             = "invalid_dpop_proof" // RFC 9449 section 5
	codeUseNonce                 = "use_dpop_nonce"     // RFC 9449 section 8
)

// oauthError is an error of the OAuth protocol. Description is ASCII without
// quote and backslash, at most 200 characters, and never holds what the caller
// sent. Status is the HTTP status where the error is a JSON body; a redirect
// does not use it. Cause is only for the log.
type oauthError struct {
	Code        string
	Description string
	Status      int
	Wait        time.Duration // when to try again; 0 for what is not said
	Cause       error
}

// Error implements error.
func (e *oauthError) Error() string {
	text := e.Code
	if e.Description != "" {
		text += ": " + e.Description
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *oauthError) Unwrap() error { return e.Cause }

// oauthErr makes an error of code with the status that belongs to the code.
func oauthErr(code, description string) *oauthError {
	return &oauthError{Code: code, Description: description, Status: statusOf(code)}
}

func invalidRequest(description string) *oauthError {
	return oauthErr(codeInvalidRequest, description)
}

func invalidGrant(description string) *oauthError {
	return oauthErr(codeInvalidGrant, description)
}

func invalidClient() *oauthError {
	return oauthErr(codeInvalidClient, describe(codeInvalidClient))
}

// statusOf is the status of a JSON body with that error.
func statusOf(code string) int {
	switch code {
	case codeInvalidClient, codeInvalidToken:
		return http.StatusUnauthorized
	case codeInsufficientScope:
		return http.StatusForbidden
	case codeUnavailable:
		return http.StatusServiceUnavailable
	case codeServerError:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// descriptions say what an error means where nobody said it better.
var descriptions = map[string]string{
	codeInvalidRequest:           "The request is malformed or lacks a parameter.",
	codeInvalidClient:            "Client authentication failed.",
	codeInvalidGrant:             "The code or token is invalid, expired, revoked, or was issued to another client.",
	codeInvalidScope:             "A requested scope is not allowed for this client.",
	codeInvalidTarget:            "A requested resource is not known for this client.",
	codeUnauthorizedClient:       "This client may not use this grant type.",
	codeUnsupportedGrantType:     "This grant type is not supported.",
	codeUnsupportedResponseType:  "Only the response type code is supported.",
	codeAccessDenied:             "The request was declined.",
	codeServerError:              "Something went wrong on the server.",
	codeUnavailable:              "The server cannot answer right now. Try again in a moment.",
	codeLoginRequired:            "The user has to sign in.",
	codeInteractionRequired:      "The user has to confirm something on a page.",
	codeConsentRequired:          "The user has to give consent.",
	codeAccountSelection:         "The user has to choose an account.",
	codeUnmet:                    "The requested authentication cannot be reached.",
	codeRequestNotSupported:      "The request parameter is not supported.",
	codeRequestURINotSupported:   "The request_uri parameter is not supported.",
	codeRegistrationNotSupported: "The registration parameter is not supported.",
	codeInvalidRequestObject:     "The request object is not acceptable.",
	codeInvalidDetails:           "The authorization_details are not acceptable.",
	codeInvalidToken:             "The access token is invalid, expired or revoked.",
	codeInsufficientScope:        "The access token lacks a scope.",
	codeInvalidProof:             "The DPoP proof is not valid.",
	codeUseNonce:                 "The DPoP proof needs the nonce that comes with this answer.",
}

func describe(code string) string { return descriptions[code] }

// fositeCodes maps the error names of fosite to those of the protocol. A name
// that is not here is server_error, so nothing leaks by being forgotten. Several
// names of fosite are non-standard (trap T23).
var fositeCodes = map[string]string{
	"invalid_request":            codeInvalidRequest,
	"unauthorized_client":        codeUnauthorizedClient,
	"access_denied":              codeAccessDenied,
	"unsupported_response_type":  codeUnsupportedResponseType,
	"unsupported_response_mode":  codeInvalidRequest,
	"invalid_scope":              codeInvalidScope,
	"scope_not_granted":          codeInvalidScope,
	"temporarily_unavailable":    codeUnavailable,
	"unsupported_grant_type":     codeUnsupportedGrantType,
	"invalid_grant":              codeInvalidGrant,
	"token_inactive":             codeInvalidGrant,
	"token_signature_mismatch":   codeInvalidGrant,
	"invalid_token":              codeInvalidGrant,
	"not_found":                  codeInvalidGrant,
	"invalid_client":             codeInvalidClient,
	"jti_known":                  codeInvalidClient,
	"invalid_state":              codeInvalidRequest,
	"insufficient_entropy":       codeInvalidRequest,
	"request_not_supported":      codeRequestNotSupported,
	"request_uri_not_supported":  codeRequestURINotSupported,
	"registration_not_supported": codeRegistrationNotSupported,
	"login_required":             codeLoginRequired,
	"interaction_required":       codeInteractionRequired,
	"consent_required":           codeConsentRequired,
}

// fromFosite maps any error of an endpoint to the table of protocol.md 5.11. The
// result is never nil for a non-nil err. Hints of fosite are dropped: they
// repeat what the caller sent.
func fromFosite(err error) *oauthError {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*oauthError](err); ok {
		return e
	}
	code := codeServerError
	rfc, isFosite := errors.AsType[*fosite.RFC6749Error](err)
	switch {
	// A failure of the store keeps its meaning also when fosite wrapped it.
	case web.Temporary(err), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, model.ErrConflict), errors.Is(err, fosite.ErrSerializationFailure):
		code = codeUnavailable
	case errors.Is(err, model.ErrNotFound), errors.Is(err, model.ErrReplayed):
		code = codeInvalidGrant
	case isFosite && fositeCodes[rfc.ErrorField] != "":
		code = fositeCodes[rfc.ErrorField]
	}
	return &oauthError{Code: code, Description: describe(code), Status: statusOf(code), Cause: err}
}

// tokenError answers a request to the token endpoint that failed, and logs what
// is the server's fault.
//
// Source: RFC 6749 section 5.2 (body, status, WWW-Authenticate where the client
// used the Authorization header).
func (p *Provider) tokenError(c *gin.Context, err error) {
	e := fromFosite(err)
	logFailure(c, e)
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	p.tellNonce(c, e)
	if e.Status == http.StatusUnauthorized && usedBasic(c.Request) {
		h.Set("WWW-Authenticate", `Basic realm="`+web.Realm(c).Tenant.Issuer+`", charset="UTF-8"`)
	}
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	if e.Wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.Wait+time.Second-1)/time.Second), 10))
	}
	c.AbortWithStatusJSON(e.Status, tokenErrorBody{Code: e.Code, Description: e.Description})
}

type tokenErrorBody struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func usedBasic(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Basic")
}

// logFailure logs what the client is not to blame for. The client is told no
// more than the code.
func logFailure(c *gin.Context, e *oauthError) {
	ours := e.Code == codeServerError || e.Code == codeUnavailable
	if !ours || errors.Is(e, context.Canceled) {
		return
	}
	slog.ErrorContext(c.Request.Context(), "request failed",
		"route", c.FullPath(), "request", web.RequestID(c), "err", e)
}
