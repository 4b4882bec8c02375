package provider

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/internal/web"
)

// The schemes in which an access token comes.
const (
	schemeBearer = "Bearer" // RFC 6750: whoever has it may use it
	schemeDPoP   = "DPoP"   // RFC 9449: with a proof of the key that it is bound to
)

// presented is the access token of a request.
type presented struct {
	token  string // "" for none
	scheme string // schemeBearer or schemeDPoP
}

// accessToken finds the access token of a request: in the Authorization header,
// or in the form of a POST, never in the query string (T17), never in two
// places.
//
// Source: RFC 6750 sections 2.1 and 2.2; RFC 9449 section 7.1; RFC 9700 section 4.3.2.
func accessToken(r *http.Request) (presented, error) {
	if r.URL.Query().Has("access_token") {
		return presented{}, invalidRequest("An access token does not belong into the query string.")
	}
	fromForm, err := formToken(r)
	if err != nil {
		return presented{}, err
	}
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return presented{token: fromForm, scheme: schemeBearer}, nil
	}
	if len(header) > 1 || fromForm != "" {
		return presented{}, invalidRequest("The access token was sent in more than one way.")
	}
	token := strings.TrimSpace(strings.TrimPrefix(header[0], schemeName(r)))
	for _, scheme := range []string{schemeBearer, schemeDPoP} {
		if strings.EqualFold(schemeName(r), scheme) {
			return presented{token: token, scheme: scheme}, nil
		}
	}
	return presented{}, nil
}

// schemeName is the first word of the Authorization header, as it was sent.
func schemeName(r *http.Request) string {
	name, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return name
}

// bringsToken reports whether the Authorization header is that of an access token, and
// not of an app that says who it is.
func bringsToken(r *http.Request) bool {
	return strings.EqualFold(schemeName(r), schemeBearer) || strings.EqualFold(schemeName(r), schemeDPoP)
}

// possessed judges whether who sent the token holds the key that it is bound to, if it
// is to one. access are its claims, found good before. A bound token is worth nothing
// without a proof, and one that is not bound is not taken for one that is.
//
// It costs one statement where there is a proof to be used up.
//
// Errors: an [*oauthError].
//
// Source: RFC 9449 sections 7.1 and 7.2.
func (p *Provider) possessed(c *gin.Context, access jwt.MapClaims, sent presented) error {
	jkt, ok := boundKey(access)
	switch {
	case !ok, sent.scheme == schemeDPoP && jkt == "":
		return invalidToken()
	case sent.scheme != schemeDPoP && jkt == "":
		return nil
	case sent.scheme != schemeDPoP:
		e := invalidToken()
		e.Cause = errBound
		return e
	}
	proof, err := p.readProof(c, sent.token)
	if err == nil && proof.JKT == "" {
		err = proofMissing()
	}
	if err != nil {
		return proofAtResource(err)
	}
	if proof.JKT != jkt {
		return invalidToken()
	}
	return proofAtResource(p.useProof(c.Request.Context(), web.Realm(c), proof))
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
// the challenge of RFC 6750 section 3, or of RFC 9449 section 7.1 where the token came
// or should have come with a proof. Where no token was sent it names no error (RFC 6750
// section 3.1), and both ways.
func (p *Provider) resourceError(c *gin.Context, err error) { p.scopedError(c, err, scopeOpenID) }

// scopedError is resourceError for a resource that wants scope.
func (p *Provider) scopedError(c *gin.Context, err error, scope string) {
	e := fromFosite(err)
	logFailure(c, e)
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	p.tellNonce(c, e)
	if e.Status < http.StatusInternalServerError {
		h["Www-Authenticate"] = challenges(c.Request, e, scope)
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

// challenges are the values of WWW-Authenticate for a request that failed with e.
func challenges(r *http.Request, e *oauthError, scope string) []string {
	algs := `algs="` + strings.Join(proofAlgs, " ") + `"`
	if e.Code == "" {
		return []string{schemeBearer, schemeDPoP + " " + algs}
	}
	what := ` error="` + e.Code + `", error_description="` + e.Description + `"`
	if e.Code == codeInsufficientScope {
		what += `, scope="` + scope + `"`
	}
	if strings.EqualFold(schemeName(r), schemeDPoP) || errors.Is(e, errBound) {
		return []string{schemeDPoP + what + ", " + algs}
	}
	return []string{schemeBearer + what}
}

// noToken is the answer to a request without a token.
func noToken() *oauthError { return &oauthError{Status: http.StatusUnauthorized} }

func invalidToken() *oauthError { return oauthErr(codeInvalidToken, describe(codeInvalidToken)) }
