package provider

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

// reply is one answer to an app, a code or an error.
type reply struct {
	Fields []templates.Field // in this order
	Failed bool
	Paged  bool   // the user has seen one of our pages
	Action string // what was confirmed; "" for a login
}

// success is the answer with a code.
//
// Source: RFC 6749 section 4.1.2; RFC 9207 section 2 (iss).
func success(issuer string, a *authRequest, code string) []templates.Field {
	return closing(issuer, a, templates.Field{Name: "code", Value: code})
}

// failure is the answer with an error.
//
// Source: RFC 6749 section 4.1.2.1; RFC 9207 section 2.
func failure(issuer string, a *authRequest, e *oauthError) []templates.Field {
	fields := []templates.Field{{Name: "error", Value: e.Code}}
	if e.Description != "" {
		fields = append(fields, templates.Field{Name: "error_description", Value: e.Description})
	}
	return closing(issuer, a, fields...)
}

// closing adds what every answer holds: state exactly as it was sent, if it was
// sent (trap T24), and who answers.
func closing(issuer string, a *authRequest, fields ...templates.Field) []templates.Field {
	if a.State != "" {
		fields = append(fields, templates.Field{Name: "state", Value: a.State})
	}
	return append(fields, templates.Field{Name: "iss", Value: issuer})
}

// refuse tells the app that its request failed.
func (p *Provider) refuse(c *gin.Context, a *authRequest, err error, paged bool) error {
	e := forAuthorize(fromFosite(err))
	logFailure(c, e)
	return p.respond(c, a, reply{Fields: failure(web.Realm(c).Tenant.Issuer, a, e), Failed: true, Paged: paged})
}

// authorizeCodes are the errors that an app may be told at its redirect URI.
var authorizeCodes = map[string]bool{
	codeInvalidRequest: true, codeUnauthorizedClient: true, codeAccessDenied: true,
	codeUnsupportedResponseType: true, codeInvalidScope: true, codeInvalidTarget: true,
	codeServerError: true, codeUnavailable: true, codeLoginRequired: true, codeInteractionRequired: true,
	codeConsentRequired: true, codeAccountSelection: true, codeUnmet: true,
	codeRequestNotSupported: true, codeRequestURINotSupported: true, codeRegistrationNotSupported: true,
	codeInvalidDetails: true, codeInvalidRequestObject: true,
}

// forAuthorize keeps errors of other endpoints from reaching a redirect: they
// would be a fault of ours.
func forAuthorize(e *oauthError) *oauthError {
	if authorizeCodes[e.Code] {
		return e
	}
	return &oauthError{Code: codeServerError, Description: describe(codeServerError), Status: http.StatusInternalServerError, Cause: e}
}

// respond sends the browser back to the app: with a form where the app wants
// one, else by redirect. After a page the redirect is a page too, because
// Chromium applies form-action to every redirect that follows a form.
//
// The redirect is a 303, which never repeats a posted body (RFC 9700 section
// 4.12).
func (p *Provider) respond(c *gin.Context, a *authRequest, r reply) error {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Referrer-Policy", "no-referrer")
	frame := p.Pages.Frame(c)
	frame.AppName = a.Client.Name
	frame.LangAction = "" // a page on the way has no form but its own: programs send the first that they find
	if !r.Failed {
		frame.Gates = templates.PassedGates(a.Client.Name, r.Action)
	}
	switch {
	case a.ResponseMode == modeFormPost:
		return p.Pages.Render(c, http.StatusOK, templates.FormPostPage{
			Frame: frame, URL: a.RedirectURI, Fields: r.Fields, Failed: r.Failed,
		})
	case r.Paged:
		return p.Pages.Render(c, http.StatusOK, templates.InterstitialPage{
			Frame: frame, URL: withQuery(a.RedirectURI, r.Fields), Failed: r.Failed,
		})
	}
	h.Set("Location", withQuery(a.RedirectURI, r.Fields))
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
	return nil
}

// withQuery adds fields to the query of uri. What uri holds is kept to the
// letter, since the app compares it.
//
// Source: RFC 6749 section 3.1.2.
func withQuery(uri string, fields []templates.Field) string {
	var b strings.Builder
	b.WriteString(uri)
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
		if strings.HasSuffix(uri, "?") || strings.HasSuffix(uri, "&") {
			separator = ""
		}
	}
	for _, f := range fields {
		b.WriteString(separator + f.Name + "=" + url.QueryEscape(f.Value))
		separator = "&"
	}
	return b.String()
}
