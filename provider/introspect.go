package provider

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

// introspection is what is told of a token; nil tells that it is not active, and
// nothing of why (RFC 7662 section 2.2).
type introspection map[string]any

// introspect serves the introspection endpoint.
//
// Source: RFC 7662 section 2; RFC 9701.
func (p *Provider) introspect(c *gin.Context) {
	call, told, err := p.introspected(c)
	if err != nil {
		p.tokenError(c, err)
		return
	}
	if told == nil {
		told = introspection{"active": false}
	}
	err = p.writeIntrospection(c, call, told)
	if err != nil {
		p.tokenError(c, err)
	}
}

// introspected finds out who asks and what that app may know of the token: one
// statement, and none for a token that no grant stands behind. An app that cannot
// keep a secret may not ask: who knows its name could try tokens.
func (p *Provider) introspected(c *gin.Context) (*clientCall, introspection, error) {
	call, err := p.readCall(c)
	if err != nil {
		return nil, nil, err
	}
	if call.creds.Method == identity.AuthNone {
		return nil, nil, invalidClient()
	}
	token, err := call.token()
	if err != nil {
		return nil, nil, err
	}
	var told introspection
	refresh, ok := parseRefresh(token)
	if ok {
		told, err = p.introspectRefresh(c, call, refresh)
	} else {
		told, err = p.introspectAccess(c, call, token)
	}
	if errors.Is(err, model.ErrNotFound) {
		return call, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return call, told, nil
}

// introspectRefresh tells a refresh token's own app about it. It never counts as
// used, and one that came back too late is not taken for stolen.
func (p *Provider) introspectRefresh(c *gin.Context, call *clientCall, token refreshToken) (introspection, error) {
	now := p.Now().UTC()
	g, seen, err := p.Grants.Grant(c.Request.Context(), call.realm.Tenant.ID, token.grantID, now)
	err = p.judged(c, call, seen, err)
	if err != nil {
		return nil, err
	}
	switch judgeRefresh(p.Secrets.TokenKey(g.TenantID), &g, token, call.app, g.JKT, now) {
	case refreshNext, refreshAgain:
	default:
		return nil, nil
	}
	made := g.RTRotatedAt
	if made.IsZero() {
		made = g.CodeConsumedAt
	}
	told := introspection{
		"active": true, "iss": call.realm.Tenant.Issuer, "sub": g.UserID, "client_id": g.ClientID,
		"scope": strings.Join(grantScopes(&g), " "), "iat": made.Unix(), "exp": earlier(g.RTExpiresAt, g.GrantExpiresAt).Unix(),
		"acr": g.ACR, "auth_time": g.AuthTime.Unix(),
	}
	if len(g.AMR) > 0 {
		told["amr"] = g.AMR
	}
	if g.SID != "" {
		told["sid"] = g.SID
	}
	return told, nil
}

// toldClaims are the claims of an access token that are told as they are.
var toldClaims = []string{
	"iss", "sub", "client_id", "aud", "scope", "exp", "iat", "jti", "cnf", "acr", "amr", "auth_time",
	"authorization_details", "txn", "sid", claimVouched,
}

// introspectAccess tells about an access token those whom it is meant for, and the
// app that has it. The token is not enough: its grant may have been revoked, its user
// or app disabled, its transaction used up since it was signed.
func (p *Provider) introspectAccess(c *gin.Context, call *clientCall, token string) (introspection, error) {
	claims, err := p.verifyOwnToken(c.Request.Context(), call.realm, token)
	if err != nil || !mayIntrospect(call.app, claims) {
		return nil, onlyUnavailable(err)
	}
	told := introspection{"active": true, "token_type": "Bearer"}
	for _, name := range toldClaims {
		value, there := claims[name]
		if there {
			told[name] = value
		}
	}
	if confirmation, ok := claims["cnf"].(map[string]any); ok && confirmation["jkt"] != nil {
		told["token_type"] = "DPoP" // RFC 9449 section 6.2
	}
	if text(claims, "gid") == "" {
		app := call.realm.Client(text(claims, "client_id"))
		if app == nil || text(claims, "sub") != clientSubject(app) {
			return nil, nil
		}
		return told, nil
	}
	return p.introspectGrant(c, call, claims, told)
}

// introspectGrant completes told for a token that a grant stands behind.
func (p *Provider) introspectGrant(c *gin.Context, call *clientCall, claims jwt.MapClaims, told introspection) (introspection, error) {
	now := p.Now().UTC()
	g, seen, err := p.Grants.Standing(c.Request.Context(), call.realm.Tenant.ID, text(claims, "gid"), now)
	err = p.judged(c, call, seen, err)
	if err != nil {
		return nil, err
	}
	app := call.realm.Client(g.ClientID)
	if app == nil || app.ID != text(claims, "client_id") || g.UserID != text(claims, "sub") || !mayIntrospect(call.app, claims) {
		return nil, nil
	}
	if g.Spent(now) {
		return nil, nil
	}
	if g.ConfirmationID != "" {
		told["txn_status"] = g.Status
	}
	return told, nil
}

// judged is err of the statement that asked for a grant, or else what a newer version
// of the tenant says of the calling app.
func (p *Provider) judged(c *gin.Context, call *clientCall, seen model.Seen, err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return err
	}
	if err != nil {
		return unavailable(err)
	}
	return p.renew(c, call, seen.RealmVersion)
}

// verifyOwnToken judges an access token of realm, for whichever resource. It is over
// at its exp to the second. The type keeps an ID token from passing as one (T15).
//
// Errors: [errToken] for one that is not good; others are the server's fault.
func (p *Provider) verifyOwnToken(ctx context.Context, realm *identity.Realm, token string) (jwt.MapClaims, error) {
	set, err := p.Keys.Keys(ctx, realm.Tenant.ID, realm.Tenant.Version)
	if err != nil {
		return nil, unavailable(err)
	}
	now := p.Now()
	claims, err := verifyJWT(set, token, expected{Typ: typAccessToken, Issuer: realm.Tenant.Issuer, Now: now, Known: &p.verified})
	if err != nil {
		return nil, err
	}
	exp, err := claims.GetExpirationTime()
	if err != nil || exp == nil || !now.Before(exp.Time) {
		return nil, errToken
	}
	return claims, nil
}

// onlyUnavailable is err unless it says that the token is not good.
func onlyUnavailable(err error) error {
	if errors.Is(err, errToken) {
		return nil
	}
	return err
}

// mayIntrospect reports whether app may know of a token with claims: it got the
// token, or answers for a resource that the token is meant for (T16).
//
// Source: RFC 7662 section 4; RFC 9701 section 5.
func mayIntrospect(app *identity.Client, claims jwt.MapClaims) bool {
	if text(claims, "client_id") == app.ID {
		return true
	}
	meant, err := claims.GetAudience()
	return err == nil && slices.ContainsFunc(app.ResourceServer, func(r string) bool { return slices.Contains(meant, r) })
}

// writeIntrospection answers with JSON, or with a JWT where the caller asks for it:
// something that it can keep as proof of what it was told.
//
// Source: RFC 9701 sections 4 and 5; the claims sub and exp are never at the top, so
// that the answer cannot be taken for a token.
func (p *Provider) writeIntrospection(c *gin.Context, call *clientCall, told introspection) error {
	c.Header("Cache-Control", "no-store")
	c.Header("Vary", "Accept")
	if !accepts(c.Request, "application/"+typIntrospection) {
		c.JSON(http.StatusOK, told)
		return nil
	}
	realm := call.realm
	set, err := p.Keys.Keys(c.Request.Context(), realm.Tenant.ID, realm.Tenant.Version)
	if err != nil {
		return unavailable(err)
	}
	alg := call.app.IntrospectionAlg
	if alg == "" {
		alg = keys.RS256
	}
	key, ok := set.Signing(alg)
	if !ok {
		return oauthServerError(errNoSigningKey)
	}
	signed, err := signJWT(key, typIntrospection, jwt.MapClaims{
		"iss": realm.Tenant.Issuer, "aud": call.app.ID, "iat": p.Now().UTC().Truncate(time.Second).Unix(), "token_introspection": told,
	})
	if err != nil {
		return oauthServerError(err)
	}
	c.Data(http.StatusOK, "application/"+typIntrospection, []byte(signed))
	return nil
}

// accepts reports whether the request names that media type as one that it takes.
//
// Source: RFC 9110 section 12.5.1; a weight of 0 means that it does not.
func accepts(r *http.Request, media string) bool {
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			name, params, err := mime.ParseMediaType(part)
			if err != nil || name != media {
				continue
			}
			switch params["q"] {
			case "0", "0.0", "0.00", "0.000":
				return false
			}
			return true
		}
	}
	return false
}
