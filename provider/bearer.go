package provider

import (
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// bearerToken finds the access token of a request: in the Authorization header,
// or in the form of a POST, never in the query string (T17), never in two
// places. "" means that there is none.
//
// Source: RFC 6750 sections 2.1 and 2.2; RFC 9700 section 4.3.2.
func bearerToken(r *http.Request) (string, error) {
	if r.URL.Query().Has("access_token") {
		return "", invalidRequest("An access token does not belong into the query string.")
	}
	fromForm, err := formToken(r)
	if err != nil {
		return "", err
	}
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return fromForm, nil
	}
	if len(header) > 1 || fromForm != "" {
		return "", invalidRequest("The access token was sent in more than one way.")
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.TrimSpace(token), nil
}

func formToken(r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return "", nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return "", nil // another body is none of this endpoint's business
	}
	form, err := readBodyForm(r)
	if err != nil {
		return "", err
	}
	return form.Get("access_token"), nil
}

// resourceError answers a request for a protected resource that failed, with
// the challenge of RFC 6750 section 3. Where no token was sent it names no
// error (section 3.1).
func (p *Provider) resourceError(c *gin.Context, err error) { p.scopedError(c, err, scopeOpenID) }

// scopedError is resourceError for a resource that wants scope.
func (p *Provider) scopedError(c *gin.Context, err error, scope string) {
	e := fromFosite(err)
	logFailure(c, e)
	challenge := "Bearer"
	if e.Code != "" {
		challenge = `Bearer error="` + e.Code + `", error_description="` + e.Description + `"`
	}
	if e.Code == codeInsufficientScope {
		challenge += `, scope="` + scope + `"`
	}
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	if e.Status < http.StatusInternalServerError {
		h.Set("WWW-Authenticate", challenge)
	}
	if e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	if e.Code == "" {
		c.AbortWithStatus(e.Status)
		return
	}
	c.AbortWithStatusJSON(e.Status, tokenErrorBody{Code: e.Code, Description: e.Description})
}

// noToken is the answer to a request without a token.
func noToken() *oauthError { return &oauthError{Status: http.StatusUnauthorized} }

func invalidToken() *oauthError { return oauthErr(codeInvalidToken, describe(codeInvalidToken)) }
