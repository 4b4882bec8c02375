package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
)

// userinfo serves the userinfo endpoint.
//
// Source: OpenID Connect Core section 5.3.
func (p *Provider) userinfo(c *gin.Context) {
	if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodPost {
		c.Header("Allow", "GET, POST")
		e := invalidRequest("The userinfo endpoint takes GET and POST.")
		e.Status = http.StatusMethodNotAllowed
		p.resourceError(c, e)
		return
	}
	app, claims, err := p.describeUser(c)
	if err != nil {
		p.resourceError(c, err)
		return
	}
	err = p.writeUserinfo(c, app, claims)
	if err != nil {
		p.resourceError(c, err)
	}
}

// describeUser judges the access token and reads what it may see of the user:
// one statement, and one more for a proof. The token alone is not enough, for its grant may have been
// revoked and its user disabled since it was signed.
func (p *Provider) describeUser(c *gin.Context) (*identity.Client, jwt.MapClaims, error) {
	ctx, realm := c.Request.Context(), web.Realm(c)
	access, err := p.admittedToken(c, realm)
	if err != nil {
		return nil, nil, err
	}
	scopes := scopeList(text(access, "scope"))
	if !identity.Allows(scopes, scopeOpenID) {
		return nil, nil, oauthErr(codeInsufficientScope, describe(codeInsufficientScope))
	}
	grant, user, seen, err := p.Grants.GrantAndUser(ctx, realm.Tenant.ID, text(access, "gid"), p.Now().UTC())
	if errors.Is(err, model.ErrNotFound) {
		return nil, nil, invalidToken()
	}
	if err != nil {
		return nil, nil, unavailable(err)
	}
	realm, err = p.upToDate(c, realm, seen)
	if err != nil {
		return nil, nil, err
	}
	app := realm.Client(grant.ClientID)
	if app == nil || app.ID != text(access, "client_id") || grant.UserID != text(access, "sub") {
		return nil, nil, invalidToken()
	}
	return app, userinfoClaims(grant, user, scopes), nil
}

// admittedToken are the claims of the access token that came with the request, if it
// is meant for the issuer itself and sent by whom it belongs to.
func (p *Provider) admittedToken(c *gin.Context, realm *identity.Realm) (jwt.MapClaims, error) {
	sent, err := accessToken(c.Request)
	if err != nil {
		return nil, err
	}
	if sent.token == "" {
		return nil, noToken()
	}
	access, err := p.verifyAccessToken(c.Request.Context(), realm, sent.token)
	if err != nil {
		return nil, err
	}
	return access, p.possessed(c, access, sent)
}

// verifyAccessToken judges an access token that is meant for the issuer itself.
// The type keeps an ID token from passing as one (T15).
func (p *Provider) verifyAccessToken(ctx context.Context, realm *identity.Realm, token string) (jwt.MapClaims, error) {
	set, err := p.Keys.Keys(ctx, realm.Tenant.ID, realm.Tenant.Version)
	if err != nil {
		return nil, unavailable(err)
	}
	issuer := realm.Tenant.Issuer
	claims, err := verifyJWT(set, token, expected{
		Typ: typAccessToken, Issuer: issuer, Audience: issuer, Now: p.Now(), Known: &p.verified,
	})
	if err != nil {
		return nil, invalidToken()
	}
	return claims, nil
}

// upToDate is the tenant as the statement saw it; one that was suspended or
// removed meanwhile accepts no token.
func (p *Provider) upToDate(c *gin.Context, realm *identity.Realm, seen model.Seen) (*identity.Realm, error) {
	if seen.RealmVersion <= realm.Tenant.Version {
		return realm, nil
	}
	newer, err := p.Realms.AtLeast(c.Request.Context(), realm.Tenant.ID, seen.RealmVersion)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, invalidToken()
	}
	if err != nil {
		return nil, unavailable(err)
	}
	if newer.Tenant.Status != identity.TenantActive {
		return nil, invalidToken()
	}
	web.UseRealm(c, newer)
	return newer, nil
}

// userinfoClaims are the claims of user that scopes and the claims parameter of
// the authorization request ask for. sub is always there.
func userinfoClaims(grant model.Grant, user identity.User, scopes []string) jwt.MapClaims {
	var asked claimsRequest
	if len(grant.Claims) > 0 && json.Unmarshal(grant.Claims, &asked) != nil {
		asked = claimsRequest{} // what we did not write releases nothing
	}
	claims := selectClaims(user, scopes, asked.Userinfo)
	claims["sub"] = user.ID
	return claims
}

// writeUserinfo answers with JSON, or with a JWT where the app registered an
// alg for it (OpenID Connect Core section 5.3.2).
func (p *Provider) writeUserinfo(c *gin.Context, app *identity.Client, claims jwt.MapClaims) error {
	c.Header("Cache-Control", "no-store")
	if app.UserinfoAlg == "" {
		c.JSON(http.StatusOK, claims)
		return nil
	}
	realm := web.Realm(c)
	set, err := p.Keys.Keys(c.Request.Context(), realm.Tenant.ID, realm.Tenant.Version)
	if err != nil {
		return unavailable(err)
	}
	key, ok := set.Signing(app.UserinfoAlg)
	if !ok {
		return oauthServerError(errNoSigningKey)
	}
	claims["iss"], claims["aud"] = realm.Tenant.Issuer, app.ID
	signed, err := signJWT(key, typPlain, claims)
	if err != nil {
		return oauthServerError(err)
	}
	c.Data(http.StatusOK, "application/jwt", []byte(signed))
	return nil
}

// unavailable is the answer when the store cannot say.
func unavailable(cause error) *oauthError {
	e := oauthErr(codeUnavailable, describe(codeUnavailable))
	e.Cause = cause
	return e
}
