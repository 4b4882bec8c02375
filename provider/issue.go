package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/ory/fosite"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/model"
)

// sentinelState stands for the state that fosite insists on (trap T5). It never
// leaves the server: answers carry the state that the app sent, or none.
const sentinelState = "sentinel-state"

// codeWork is the storage that fosite sees while it makes a code for v.
func (p *Provider) codeWork(v *visit) *unitOfWork {
	uow := p.newUnitOfWork(v.realm)
	uow.redirectURIs = []string{v.auth.RedirectURI} // matched before, by our own rule (trap T25)
	uow.grant = &model.Grant{}
	return uow
}

// framework lets fosite check the request once more, on a form that holds only
// what fosite shall see. prompt, max_age and id_token_hint have been judged and
// are not shown to it (traps T7 and T9).
func (v *visit) framework(ctx context.Context, f *fosite.Fosite) (*fosite.AuthorizeRequest, error) {
	form := url.Values{"state": {sentinelState}}
	for _, name := range []string{
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "nonce",
		"code_challenge", "code_challenge_method",
	} {
		if v.auth.Form.Has(name) {
			form.Set(name, v.auth.Form.Get(name))
		}
	}
	checked, err := f.NewAuthorizeRequest(ctx, &http.Request{
		Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}, Form: form, PostForm: url.Values{},
	})
	if err != nil {
		return nil, fromFosite(err)
	}
	ar, ok := checked.(*fosite.AuthorizeRequest)
	if !ok {
		return nil, oauthErr(codeServerError, describe(codeServerError))
	}
	ar.State = ""
	ar.RequestedAt = v.req.RequestedAt
	return ar, nil
}

// newGrant makes the grant and its code for what o says was proven.
func (p *Provider) newGrant(ctx context.Context, v *visit, o consent.Outcome, sessionID string) (*model.Grant, string, error) {
	uow := p.codeWork(v)
	f := p.newFosite(v.realm, v.keys, uow)
	ar, err := v.framework(ctx, f)
	if err != nil {
		return nil, "", err
	}
	for _, scope := range o.Scopes {
		ar.GrantScope(scope)
	}
	fresh := newSession(&model.Grant{UserID: o.User.ID}, uow.now) // never shared between requests (trap T28)
	resp, err := f.NewAuthorizeResponse(ctx, ar, fresh)
	if err != nil {
		return nil, "", fromFosite(err)
	}
	g := uow.grant
	g.ID = b64(randomBytes(grantIDSize))
	g.TenantID, g.ClientID, g.UserID = v.realm.Tenant.ID, v.auth.Client.ID, o.User.ID
	g.SessionID = sessionID
	if sessionID != "" {
		g.SID = p.sessionID(v.realm.Tenant.ID, sessionID, v.auth.Client.ID)
	}
	g.JKT = v.auth.JKT
	g.Scopes, g.Audience = o.Scopes, v.auth.Resources
	g.ACR, g.AMR, g.AuthTime = o.ACR, o.AMR, o.AuthTime // trap T11: from what was proven, always
	g.Action, g.ConfirmationID, g.DetailsHash = o.Action, o.ConfirmationID, o.DetailsHash
	g.Details, err = enriched(v.req.Details, o, uow.now)
	if err != nil {
		return nil, "", err
	}
	if o.Action != "" {
		// The code carries the approval, and lives no longer than that may.
		g.CodeExpiresAt = earlier(g.CodeExpiresAt, uow.now.Add(o.ConsumeWithin))
	}
	g.CreatedAt = uow.now
	g.GrantExpiresAt = grantExpiry(v.auth.Client, o.Scopes, o.Action, o.ConsumeWithin, uow.now)
	if v.in != nil {
		g.InteractionID = v.in.ID
	}
	if o.Vouched != nil { // it tells about the confirmation and nothing else of the user
		g.Vouched, err = json.Marshal(o.Vouched)
	} else {
		err = fillClaims(g, v.auth.Claims, o.User)
	}
	return g, resp.GetCode(), err
}

// enriched is what a token says of a confirmed transaction: its details, and by whom,
// when and how they were approved; nil without details.
//
// Source: RFC 9396 section 7.1; protocol.md 5.8.
func enriched(detail []byte, o consent.Outcome, now time.Time) (json.RawMessage, error) {
	if len(detail) == 0 {
		return nil, nil
	}
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(detail))
	d.UseNumber()
	err := d.Decode(&doc)
	if err != nil {
		return nil, err
	}
	doc["confirmation_id"], doc["details_hash"], doc["acr"] = o.ConfirmationID, o.DetailsHash, o.ACR
	doc["approved_at"], doc["method"] = instant(now), methodOf(o.Proofs)
	return json.Marshal([]any{doc})
}

// methodOf is the method of the last proof that was more than a PIN or a password.
func methodOf(proofs []consent.EvidentProof) string {
	method := ""
	for _, p := range proofs {
		if method == "" || p.Proof != policy.ProofPIN && p.Proof != policy.ProofPassword {
			method = p.Method
		}
	}
	return method
}

// fillClaims keeps the claims parameter for userinfo, and now already what it
// asks of the ID token, so that the exchange of the code reads no user.
func fillClaims(g *model.Grant, asked claimsRequest, u *identity.User) error {
	if asked.Empty() {
		return nil
	}
	var err error
	g.Claims, err = json.Marshal(asked)
	if err != nil {
		return err
	}
	released := selectClaims(*u, nil, asked.IDToken)
	if len(released) > 0 {
		g.IDClaims, err = json.Marshal(released)
	}
	return err
}

// issue writes what o says and sends the browser back with a code: one
// statement where nothing but the grant is new, else one transaction.
//
// Errors: [model.ErrFinished] where the interaction was answered meanwhile; an
// [*oauthError] where account or session ended meanwhile; those of the store.
func (p *Provider) issue(c *gin.Context, v *visit, o consent.Outcome) error {
	ctx := c.Request.Context()
	now := p.Now()
	done := model.Completion{TenantID: v.realm.Tenant.ID, Now: now}
	if !o.NewSession && o.Vouched == nil && (v.who.Session == nil || v.who.Session.UserID != o.User.ID) {
		return errNoSession
	}
	v.loggedIn = *o.User
	token := p.moveSession(c, v, o, &done)
	g, code, err := p.newGrant(ctx, v, o, sessionOf(v, &done))
	if err != nil {
		return err
	}
	done.Grant = g
	err = p.describeCompletion(c, v, o, &done)
	if err != nil {
		return err
	}
	if v.in == nil && token == "" && done.Agreement == nil && done.Confirmation == nil {
		err = p.Grants.CreateGrant(ctx, *g)
	} else {
		err = p.Grants.Complete(ctx, done)
	}
	if errors.Is(err, identity.ErrNotFound) {
		return oauthErr(codeAccessDenied, "The account or its session ended meanwhile.")
	}
	if err != nil {
		return err
	}
	p.touch(ctx, v, done)
	p.keepSession(c, v, &done, token)
	return p.respond(c, &v.auth, reply{
		Fields: success(v.realm.Tenant.Issuer, &v.auth, code), Paged: v.paged(), Action: o.Action,
	})
}

// keepSession gives the browser the cookie of its session and, after a complete
// login, the mark by which it is known at the next one. token is "" where the session
// stays as it is.
func (p *Provider) keepSession(c *gin.Context, v *visit, done *model.Completion, token string) {
	if token == "" {
		return
	}
	p.Cookies.SetSession(c, v.realm, token, cookieAge(done, done.Now))
	if done.NewSession != nil && p.Browsers != nil {
		user := v.loggedIn
		p.Cookies.SetKnown(c, v.realm, p.Browsers.Remember(p.Cookies.Known(c, v.realm), user))
	}
}

// errNoSession: an answer rests on a login made here or on the browser's own
// session. Without either there is nobody to answer for.
var errNoSession = errors.New("provider: an answer without login and without session")

func (v *visit) paged() bool { return v.in != nil && v.in.State.Paged }

// moveSession puts into done what happens to the browser's session, and returns
// the secret for its cookie: "" where the session stays as it is. The secret
// changes at every login and step-up, so that one planted before is worthless
// (ASVS 7.2.4).
func (p *Provider) moveSession(c *gin.Context, v *visit, o consent.Outcome, done *model.Completion) string {
	switch {
	case o.NewSession:
		token, hash := web.NewToken()
		rules := v.realm.Policy.Session
		done.NewSession = &identity.Session{
			ID: b64(randomBytes(grantIDSize)), TenantID: o.User.TenantID, UserID: o.User.ID,
			TokenHash: hash, Events: o.Events,
			PasswordEpoch: o.User.PasswordEpoch, MFAEpoch: o.User.MFAEpoch,
			CreatedAt: done.Now, LastSeen: done.Now,
			ExpiresAt: done.Now.Add(rules.Absolute.Duration()), IdleFor: rules.Idle.Duration(),
			Persistent: rules.Persistent, IP: clientIP(c), UserAgent: web.UserAgentName(c),
		}
		if v.who.Session != nil {
			done.EndSession = v.who.Session.ID
		}
		return token
	case o.Rotate:
		token, hash := web.NewToken()
		s := *v.who.Session
		s.TokenHash, s.Events, s.LastSeen = hash, o.Events, done.Now
		done.RotateSession = &s
		return token
	}
	return ""
}

// sessionOf is the id of the session that the grant belongs to, "" for none.
func sessionOf(v *visit, done *model.Completion) string {
	switch {
	case done.NewSession != nil:
		return done.NewSession.ID
	case v.who.Session != nil:
		return v.who.Session.ID
	}
	return "" // the app has vouched for the user
}

// cookieAge is how long the browser keeps the session cookie, 0 for until it is
// closed.
func cookieAge(done *model.Completion, now time.Time) time.Duration {
	s := done.NewSession
	if s == nil {
		s = done.RotateSession
	}
	if s == nil || !s.Persistent {
		return 0
	}
	return s.ExpiresAt.Sub(now)
}

// describeCompletion adds what an interaction leaves behind beside the grant.
func (p *Provider) describeCompletion(c *gin.Context, v *visit, o consent.Outcome, done *model.Completion) error {
	done.Agreement = o.Agreement
	if v.in != nil {
		done.InteractionID = v.in.ID
	}
	if o.ConfirmationID != "" {
		evidence, err := json.Marshal(consent.Evidence{
			Proofs: o.Proofs, Vouched: o.Vouched, InteractionID: done.InteractionID, SessionID: sessionOf(v, done), IP: clientIP(c), UserAgent: web.UserAgentName(c),
		})
		if err != nil {
			return err // no approval without what it rests on
		}
		done.Confirmation = &consent.Confirmation{
			ID: o.ConfirmationID, TenantID: v.realm.Tenant.ID, UserID: o.User.ID, ClientID: v.auth.Client.ID,
			InteractionID: done.InteractionID, Action: o.Action, DetailsHash: o.DetailsHash,
			Status: consent.ConfirmationApproved, ACR: o.ACR, AMR: o.AMR,
			ApprovedAt: done.Now, ConsumeBefore: done.Now.Add(o.ConsumeWithin), Evidence: evidence,
		}
	}
	record := func(kind string, data map[string]string) {
		done.Audit = append(done.Audit, p.event(c, v, o.User.ID, kind, "ok", data))
	}
	method := lastMethod(o.Events)
	if o.NewSession {
		record("login.completed", map[string]string{"session": done.NewSession.ID, "acr": o.ACR, "method": method})
	}
	if done.RotateSession != nil {
		data := map[string]string{"session": done.RotateSession.ID, "acr": o.ACR, "method": method}
		if o.Action != "" {
			data["action"] = o.Action
		}
		record("stepup.completed", data)
	}
	if o.Action != "" {
		record("action.approved", map[string]string{
			"action": o.Action, "confirmation": o.ConfirmationID, "details_hash": o.DetailsHash, "method": method,
		})
	}
	if o.Agreement != nil {
		record("consent.given", nil)
	}
	return nil
}

// lastMethod is the way in which the user was recognised last, for the audit log: the
// newest second factor; else the passkey that stood for the password, the trusted
// device, or the password alone.
func lastMethod(events []identity.AuthEvent) string {
	rank := func(e identity.AuthEvent) int {
		switch {
		case e.Method == identity.MethodPassword:
			return 0
		case e.Method == identity.MethodDevice:
			return 1
		case e.Primary:
			return 2
		}
		return 3
	}
	var best identity.AuthEvent
	for _, e := range events {
		if best.Method == "" || rank(e) > rank(best) || rank(e) == rank(best) && !e.At.Before(best.At) {
			best = e
		}
	}
	if best.Primary {
		return "passkey"
	}
	return best.Method
}

// event is a row for the audit log about this request.
func (p *Provider) event(c *gin.Context, v *visit, userID, kind, result string, data map[string]string) model.AuditEvent {
	return model.AuditEvent{
		ID: b64(randomBytes(grantIDSize)), TenantID: v.realm.Tenant.ID, At: p.Now().UTC(),
		ActorType: "user", ActorID: userID, Subject: userID, Type: kind, Result: result,
		IP: clientIP(c), UserAgent: web.UserAgentName(c), RequestID: web.RequestID(c),
		ClientID: v.auth.Client.ID, Data: data,
	}
}

// clientIP is the browser's address as text, "" where it is not known.
func clientIP(c *gin.Context) string {
	ip := web.ClientIP(c)
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}
