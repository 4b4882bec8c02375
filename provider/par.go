package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// requestURIPrefix begins the name of every pushed request. It is a name and no
// address: nothing is ever fetched.
//
// Source: RFC 9126 section 2.2.
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// The parameters by which an app refers to a request, and those by which it proves who
// it is. The latter are no part of the request that is kept.
const (
	paramRequestURI = "request_uri"
	paramRequest    = "request"
)

var authParameters = []string{"client_secret", "client_assertion", "client_assertion_type"}

// pushAnswer is the body of RFC 9126 section 2.2.
type pushAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"` // seconds until it must have been used first
}

// par serves the endpoint for pushed authorization requests: one statement.
//
// Source: RFC 9126 section 2.
func (p *Provider) par(c *gin.Context) {
	answer, err := p.push(c)
	if err != nil {
		p.tokenError(c, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Header("Pragma", "no-cache")
	c.JSON(http.StatusCreated, answer)
}

// onlyPost refuses every other method in the words of the protocol.
func (p *Provider) onlyPost(serve gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Method == http.MethodPost {
			serve(c)
			return
		}
		c.Header("Allow", http.MethodPost)
		e := invalidRequest("This endpoint takes POST only.")
		e.Status = http.StatusMethodNotAllowed
		p.tokenError(c, e)
	}
}

// push keeps the request of an app that has proved who it is, judged as the
// authorization endpoint will judge it again.
func (p *Provider) push(c *gin.Context) (pushAnswer, error) {
	realm, now := web.Realm(c), p.Now().UTC()
	form, err := p.pushedForm(c)
	if err != nil {
		return pushAnswer{}, err
	}
	in := consent.Interaction{
		ID: b64(randomBytes(grantIDSize)), TenantID: realm.Tenant.ID, BrowserHash: []byte{},
		CreatedAt: now, ExpiresAt: now.Add(consent.PushedLife),
	}
	name := b64(randomBytes(requestURISize))
	in.RequestURIHash = requestURIHash(requestURIPrefix + name)
	v := &visit{realm: realm, in: &in}
	err = p.readInto(c.Request.Context(), v, form, now)
	if err != nil {
		return pushAnswer{}, forApp(err)
	}
	in.Request = v.req
	err = p.checkVouched(c, v)
	if err != nil {
		return pushAnswer{}, err
	}
	answer := pushAnswer{RequestURI: requestURIPrefix + name, ExpiresIn: int64(consent.PushedLife.Seconds())}
	again, err := p.pushedBefore(c.Request.Context(), v)
	if err != nil || again {
		return answer, err
	}
	err = p.checkAsked(c.Request.Context(), v)
	if err != nil {
		return pushAnswer{}, err
	}
	return answer, p.Interactions.CreateInteraction(c.Request.Context(), in)
}

// checkAsked refuses a push that would ask a user for more confirmations than one app
// may. It is judged again, and counted, when the page is shown.
//
// Source: RFC 9126 section 2.3 (429); mfa.md 4.11.10.
func (p *Provider) checkAsked(ctx context.Context, v *visit) error {
	_, isAction := consent.WantsAction(v.req.ACRValues)
	if !isAction || v.req.Subject == "" {
		return nil
	}
	err := p.Flow.MayAsk(ctx, v.realm.Tenant.ID, v.req.Subject, v.auth.Client.ID)
	wait, over := errors.AsType[*ratelimit.WaitError](err)
	if !over {
		return err
	}
	return &oauthError{
		Code: codeAccessDenied, Status: http.StatusTooManyRequests, Wait: wait.After,
		Description: "The app has asked this user for too many confirmations. Try again when Retry-After says.",
	}
}

// pushedBefore looks for the same transaction of an earlier push. While nothing was
// decided about it, the new request_uri leads to the same interaction, and the new request
// takes the place of the first one if it names the same user; then it is true.
//
// Errors: invalid_authorization_details where the id was used for something else, which
// also ends what is open under it, or was decided about.
//
// Source: protocol.md 5.8; mfa.md 4.11.5.
func (p *Provider) pushedBefore(ctx context.Context, v *visit) (bool, error) {
	if v.auth.Detail == nil {
		return false, nil
	}
	tenant, now := v.realm.Tenant.ID, p.Now()
	had, err := p.Interactions.ConfirmationOf(ctx, tenant, v.auth.Client.ID, v.auth.Detail.Type, v.auth.Detail.TxnID)
	if errors.Is(err, consent.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	status := had.At(now)
	open := status == consent.ConfirmationRequested || status == consent.ConfirmationChallenged
	switch {
	case !open:
		return false, oauthErr(codeInvalidDetails, "The txn_id was used before. A new confirmation needs a new one.")
	case !bytes.Equal(had.Details, v.auth.Detail.Canonical) || v.req.Subject != "" && v.req.Subject != had.UserID:
		err = p.Flow.Withdraw(ctx, had)
		if err != nil {
			return false, err
		}
		return false, oauthErr(codeInvalidDetails, "The txn_id was used for other details or another user, which are withdrawn. Send a new one.")
	}
	req := &v.in.Request
	if v.req.Subject == "" {
		// Nobody says that it is for the user who is there: that browser is not given what
		// belongs to another one, such as its state.
		req = nil
	}
	err = p.Interactions.PushAgain(ctx, tenant, had.InteractionID, v.in.RequestURIHash, req, now)
	if errors.Is(err, consent.ErrNotFound) {
		err = oauthErr(codeInvalidDetails, "The txn_id was used before. A new confirmation needs a new one.")
	}
	return err == nil, err
}

// requestURISize is how many random bytes a request_uri has.
const requestURISize = 32

func requestURIHash(uri string) []byte {
	sum := sha256.Sum256([]byte(uri))
	return sum[:]
}

// pushedForm is the request that was pushed, without what only proves who pushed it.
//
// Errors: an [*oauthError].
func (p *Provider) pushedForm(c *gin.Context) (url.Values, error) {
	proof, err := p.readProof(c, "")
	if err != nil {
		return nil, err
	}
	call, err := p.readCall(c)
	if err != nil {
		return nil, err
	}
	form := call.form
	if form.Has(paramRequestURI) {
		return nil, invalidRequest("A request that is pushed cannot refer to another one.")
	}
	for _, name := range authParameters {
		form.Del(name)
	}
	form.Set("client_id", call.app.ID)
	call.form, err = p.openRequestObject(c.Request.Context(), call.realm, form)
	if err != nil {
		return nil, err
	}
	if call.form.Has(paramVouched) && !call.app.SignsAssertions() && !form.Has(paramRequest) {
		return nil, oauthErr(codeUnauthorizedClient, "Only a client that signs may vouch for a subject: with private_key_jwt, or in a request object.")
	}
	return call.form, p.bindPushed(c, call, proof)
}

// bindPushed binds the code that the request will yield to the key that the app has
// proved, as dpop_jkt does.
//
// Source: RFC 9449 section 10.1.
func (p *Provider) bindPushed(c *gin.Context, call *clientCall, proof dpopProof) error {
	if proof.JKT == "" {
		return nil
	}
	sent := call.form.Get(paramJKT)
	if sent != "" && sent != proof.JKT {
		return invalidProof("The DPoP proof is of another key than dpop_jkt.", nil)
	}
	call.form.Set(paramJKT, proof.JKT)
	return p.useProof(c.Request.Context(), call.realm, proof)
}

// forApp turns what a page would say into the error that an app understands.
func forApp(err error) error {
	failure, ok := errors.AsType[*web.Failure](err)
	if !ok {
		return err
	}
	for _, detail := range failure.Details {
		if detail.Name == "error_description" {
			return invalidRequest(detail.Value)
		}
	}
	return oauthErr(codeInvalidRequest, describe(codeInvalidRequest))
}

// isPushed reports whether form refers to a pushed request.
func isPushed(form url.Values) bool {
	return strings.HasPrefix(once(form, paramRequestURI), requestURIPrefix)
}

// authorizePushed answers an authorization request that was pushed before. Of what the
// browser brings, only the name of the request and the app's own name count.
//
// Source: RFC 9126 section 4; RFC 9101 section 6.3 (no other parameter is used).
func (p *Provider) authorizePushed(c *gin.Context, form url.Values) error {
	realm, now := web.Realm(c), p.Now()
	uri, clientID := once(form, paramRequestURI), once(form, "client_id")
	if c.Request.Method == http.MethodPost && p.Cookies.SessionToken(c, realm) == "" {
		// A post from another site comes without our cookies; see authorize.
		seeOther(c, realm.Tenant.Path()+"/authorize?"+url.Values{"client_id": {clientID}, paramRequestURI: {uri}}.Encode())
		return nil
	}
	in, err := p.Interactions.ClaimPushed(c.Request.Context(), realm.Tenant.ID, requestURIHash(uri),
		p.Cookies.EnsureBrowser(c, realm), now, now.Add(consent.InteractionLife))
	if errors.Is(err, consent.ErrNotFound) || err == nil && in.Request.ClientID != clientID {
		return noRequest()
	}
	if err != nil {
		return err
	}
	v := &visit{realm: realm, in: &in}
	err = p.readInto(c.Request.Context(), v, in.Request.Form, now)
	web.UseLocales(c, v.auth.UILocales)
	if err == nil {
		v, err = p.recognise(c, v, in.Request.Form)
	}
	if err == nil {
		err = p.judge(c, v)
	}
	if err != nil {
		return p.endFailed(c, v, err)
	}
	return nil
}

// noRequest is the page for a request_uri that is unknown, over, somebody else's or in
// another browser. The app cannot be told: nobody knows where its user came from.
func noRequest() error {
	failure := pageError(templates.ErrorExpired, "The request_uri is unknown, expired, was used, or belongs to another client or browser.")
	failure.Details[0].Value = codeInvalidRequestURI
	return failure
}

// endFailed answers a pushed request that cannot be satisfied, once: whatever the
// answer, the request is over with it.
func (p *Provider) endFailed(c *gin.Context, v *visit, err error) error {
	if errors.Is(err, model.ErrFinished) {
		return alreadyDone(v)
	}
	e, ok := errors.AsType[*oauthError](err)
	if !ok || v.auth.RedirectURI == "" || e.Code == codeServerError || e.Code == codeUnavailable {
		return err
	}
	return p.endRefused(c, v, e)
}
