package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/ory/fosite"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// tokenCall is one request to the token endpoint on its way through the steps
// of [Provider.exchange].
type tokenCall struct {
	form  url.Values
	creds credentials
	proof dpopProof
	realm *identity.Realm
	keys  *keys.Set
	uow   *unitOfWork
}

// tokenAnswer is the body of RFC 6749 section 5.1.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	Scope        string `json:"scope,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Details      any    `json:"authorization_details,omitempty"`
}

// token serves the token endpoint.
func (p *Provider) token(c *gin.Context) {
	answer, err := p.exchange(c)
	if err != nil {
		p.tokenError(c, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Header("Pragma", "no-cache")
	c.JSON(http.StatusOK, answer)
}

// exchange turns a grant into tokens. The order is part of the security: the
// app first, then whether it may, then the signing keys (T31: a code must not
// be spent for an answer that cannot be signed), and only then the code.
//
// A proof is judged before all of it, since that costs nothing and uses nothing up: who
// lacks the nonce can send the same assertion again with it.
func (p *Provider) exchange(c *gin.Context) (tokenAnswer, error) {
	form, err := readTokenForm(c.Request)
	if err != nil {
		return tokenAnswer{}, err
	}
	call := &tokenCall{form: form, realm: web.Realm(c)}
	call.creds, err = readCredentials(c.Request, form)
	if err != nil {
		p.noteRefusal(c, call.realm, "", err)
		return tokenAnswer{}, err
	}
	call.proof, err = p.readProof(c, "")
	if err != nil {
		return tokenAnswer{}, err
	}
	call.uow = p.newUnitOfWork(call.realm)
	call.uow.jkt = call.proof.JKT
	err = p.admit(c.Request.Context(), call)
	if err != nil {
		p.noteTokenFailure(c, call, err)
		return tokenAnswer{}, err
	}
	ctx := c.Request.Context()
	call.keys, err = p.signingKeys(ctx, call)
	if err == nil {
		err = p.useProof(ctx, call.realm, call.proof)
	}
	if err != nil {
		p.noteTokenFailure(c, call, err)
		return tokenAnswer{}, err
	}
	answer, err := p.answerGrant(c, call)
	if err != nil {
		p.abandon(c, call)
		p.noteTokenFailure(c, call, err)
		return tokenAnswer{}, err
	}
	return answer, nil
}

// admit finds out who calls and whether that app may use this grant type.
func (p *Provider) admit(ctx context.Context, call *tokenCall) error {
	app, err := p.authenticate(ctx, call.realm, &call.creds)
	if err != nil {
		return err
	}
	call.uow.client = app
	if app.DPoPBound && call.proof.JKT == "" {
		return proofMissing()
	}
	err = allowGrantType(app, call.creds.Method, call.form.Get("grant_type"))
	if err != nil {
		return err
	}
	if call.form.Get("grant_type") == grantCredentials {
		return allowAppScopes(app, scopeList(call.form.Get("scope")))
	}
	return nil
}

// grantTypes are those that the endpoint serves. fosite calls an unknown one
// invalid_request and hands back a nil request, so it never sees one (T21).
var grantTypes = []string{grantCode, grantRefresh, grantCredentials}

// allowGrantType judges whether app, authenticated by method, may use grantType.
func allowGrantType(app *identity.Client, method, grantType string) error {
	switch {
	case grantType == "":
		return invalidRequest("The parameter grant_type is missing.")
	case !slices.Contains(grantTypes, grantType):
		return oauthErr(codeUnsupportedGrantType, describe(codeUnsupportedGrantType))
	case !identity.Allows(app.GrantTypes, grantType),
		grantType == grantCredentials && method == identity.AuthNone:
		return oauthErr(codeUnauthorizedClient, describe(codeUnauthorizedClient))
	}
	return nil
}

// allowAppScopes judges the scopes of a request that involves no user: they
// must be the app's, and none of them may speak of a user.
func allowAppScopes(app *identity.Client, scopes []string) error {
	for _, s := range scopes {
		_, aboutUser := scopeClaims[s]
		if aboutUser || s == scopeOpenID || s == scopeOffline || !identity.Allows(app.Scopes, s) {
			return oauthErr(codeInvalidScope, describe(codeInvalidScope))
		}
	}
	return nil
}

// signingKeys loads the tenant's keys and makes sure that everything the answer
// may hold can be signed.
func (p *Provider) signingKeys(ctx context.Context, call *tokenCall) (*keys.Set, error) {
	set, err := p.Keys.Keys(ctx, call.realm.Tenant.ID, call.realm.Tenant.Version)
	if err != nil {
		return nil, call.uow.fail(err)
	}
	_, ok := accessKey(set)
	if ok && call.form.Get("grant_type") != grantCredentials {
		_, ok = set.Signing(idTokenAlg(call.uow))
	}
	if !ok {
		return nil, oauthServerError(errNoSigningKey)
	}
	return set, nil
}

// answerGrant lets fosite judge the grant and make the tokens. Between its two
// halves the request is judged by what the statement told of the tenant, and
// narrowed.
func (p *Provider) answerGrant(c *gin.Context, call *tokenCall) (tokenAnswer, error) {
	ctx := c.Request.Context()
	uow := call.uow
	f := p.newFosite(call.realm, call.keys, uow)
	req, err := f.NewAccessRequest(ctx, syntheticRequest(c.Request, call.form), newSession(nil, uow.now))
	if err != nil {
		return tokenAnswer{}, uow.explain(err)
	}
	err = p.catchUp(c, call)
	if err != nil {
		return tokenAnswer{}, err
	}
	err = narrow(call, req)
	if err != nil {
		return tokenAnswer{}, err
	}
	resp, err := f.NewAccessResponse(ctx, req)
	if err != nil {
		return tokenAnswer{}, uow.explain(err)
	}
	return writeAnswer(uow, req, resp), nil
}

// catchUp judges the app again where the tenant has changed since its picture
// in memory was made: it may have been disabled, or its secret replaced.
func (p *Provider) catchUp(c *gin.Context, call *tokenCall) error {
	seen := call.uow.seen.RealmVersion
	if seen <= call.realm.Tenant.Version {
		return nil
	}
	realm, err := p.Realms.AtLeast(c.Request.Context(), call.realm.Tenant.ID, seen)
	if errors.Is(err, identity.ErrNotFound) {
		return invalidClient()
	}
	if err != nil {
		return call.uow.fail(err)
	}
	web.UseRealm(c, realm)
	if realm.Tenant.Status != identity.TenantActive {
		return invalidClient()
	}
	call.realm, call.uow.realm = realm, realm
	return p.admit(c.Request.Context(), call)
}

// narrow gives the tokens fewer scopes and resources than the grant has, where
// the app asks for fewer. The grant keeps what it has (T19: fosite ignores the
// parameter).
//
// Source: RFC 6749 section 6 (scope), RFC 8707 section 2.2 (resource).
func narrow(call *tokenCall, req fosite.AccessRequester) error {
	r, ok := req.(*fosite.AccessRequest)
	if !ok {
		return oauthServerError(errors.New("provider: fosite made another kind of request"))
	}
	uow := call.uow
	scopes := scopeList(call.form.Get("scope"))
	allowed := append([]string{call.realm.Tenant.Issuer}, uow.client.Audiences...)
	if uow.grant != nil {
		whole := grantScopes(uow.grant)
		if call.form.Get("grant_type") != grantRefresh || !call.form.Has("scope") {
			scopes = whole
		}
		if !subset(scopes, whole) || !subset(scopes, uow.client.Scopes) {
			return oauthErr(codeInvalidScope, describe(codeInvalidScope))
		}
		allowed = resources(uow, call.realm.Tenant.Issuer)
	}
	r.GrantedScope, r.RequestedScope = scopes, scopes

	wanted := call.form[paramResource]
	if !subset(wanted, allowed) {
		return oauthErr(codeInvalidTarget, describe(codeInvalidTarget))
	}
	for _, resource := range wanted {
		if !slices.Contains(uow.audience, resource) {
			uow.audience = append(uow.audience, resource)
		}
	}
	return nil
}

// writeAnswer takes from fosite what it made. Times are the provider's (T32).
func writeAnswer(uow *unitOfWork, req fosite.AccessRequester, resp fosite.AccessResponder) tokenAnswer {
	answer := tokenAnswer{
		AccessToken: resp.GetAccessToken(),
		TokenType:   "Bearer",
		ExpiresIn:   int64(accessLife(uow.grant) / time.Second),
		Scope:       strings.Join(req.GetGrantedScopes(), " "),
	}
	if uow.jkt != "" {
		answer.TokenType = "DPoP"
	}
	answer.RefreshToken, _ = resp.GetExtra("refresh_token").(string)
	answer.IDToken, _ = resp.GetExtra("id_token").(string)
	if uow.grant != nil && len(uow.grant.Details) > 0 {
		answer.Details = uow.grant.Details
	}
	return answer
}

// explain is what really happened: what the store said, else what fosite says
// in the words of the protocol.
func (u *unitOfWork) explain(err error) error {
	if u.failure != nil {
		return u.failure
	}
	return fromFosite(err)
}

// abandon ends the grant of a code that was spent on a request that then
// failed: a wrong verifier, another redirect URI, an app that was disabled. A
// second try with the same code is nobody's honest request (T1).
func (p *Provider) abandon(c *gin.Context, call *tokenCall) {
	uow := call.uow
	if !uow.redeemed || uow.grant == nil {
		return
	}
	// It ends also when the app has hung up. The code is consumed in any case,
	// so where this fails there is still no way in.
	ctx := context.WithoutCancel(c.Request.Context())
	err := uow.store.Revoke(ctx, call.realm.Tenant.ID, uow.grant.ID, "exchange_failed", uow.now)
	if err != nil {
		logFailure(c, unavailable(err))
	}
}
