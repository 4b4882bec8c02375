package provider

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

// mountConfirmations adds what an app does with an approval.
//
//	POST /confirmations/{id}/consume    use it up, once
//	GET  /confirmations/{id}            where it stands
//	GET  /confirmations?action=&txn_id= the same, by the app's own id
//	GET  /receipts/jwks                 every key that ever signed a receipt
func (p *Provider) mountConfirmations(r gin.IRouter) {
	r.Any("/confirmations/:id/consume", p.onlyPost(p.consume))
	r.GET("/confirmations/:id", p.confirmation)
	r.GET("/confirmations", p.confirmation)
	r.GET("/receipts/jwks", corsPublic, p.receiptKeys)
}

// receiptKeys publishes every key that may have signed a receipt, those too that the
// tenant signs nothing with any more.
func (p *Provider) receiptKeys(c *gin.Context) {
	list, err := p.Archive.EveryKey(c.Request.Context(), web.Realm(c).Tenant.ID)
	if err != nil {
		p.resourceError(c, unavailable(err))
		return
	}
	c.Header("Cache-Control", jwksCache)
	c.Data(http.StatusOK, "application/json", keys.Archive(list))
}

// confirmationError is a problem of these endpoints: problem details with the short
// name of what is wrong.
//
// Source: RFC 9457 section 3.2; protocol.md 5.11.
type confirmationError struct {
	web.Problem
	Code string `json:"error"`
}

// Error implements error.
func (e *confirmationError) Error() string { return e.Code }

func confirmationProblem(status int, code, title string) *confirmationError {
	return &confirmationError{Code: code, Problem: web.Problem{
		Type: "/problems/" + strings.ReplaceAll(code, "_", "-"), Title: title, Status: status,
	}}
}

var (
	errNoConfirmation = confirmationProblem(http.StatusNotFound, "not_found", "There is no such confirmation of this app.")
	errConsumed       = confirmationProblem(http.StatusConflict, "already_consumed", "This approval was used before. Do not execute the transaction again.")
	errNotApproved    = confirmationProblem(http.StatusConflict, "not_approved", "The user has not approved this.")
	errEnded          = confirmationProblem(http.StatusConflict, "revoked", "The session or the grant behind this approval has ended. Ask the user again.")
	errTooLate        = confirmationProblem(http.StatusGone, "expired", "The time to use this approval is over. Ask the user again.")
	errOtherDetails   = confirmationProblem(http.StatusUnprocessableEntity, "mismatch", "What was approved has another hash. Do not execute the transaction.")
	errNoHash         = confirmationProblem(http.StatusBadRequest, "details_hash_missing", "Send details_hash, computed from what is about to be executed.")
	errBadKey         = confirmationProblem(http.StatusBadRequest, "invalid_request", "An Idempotency-Key has 1 to 128 printable characters, and comes once.")
	errBadBody        = confirmationProblem(http.StatusBadRequest, "invalid_request", "The body has to be a JSON object or a form with details_hash.")
)

// answerConfirmation answers a failure of these endpoints in its own form: of the app's
// authentication as at the token endpoint, of an access token as at a resource, and of
// the confirmation as a problem.
func (p *Provider) answerConfirmation(c *gin.Context, err error) {
	known, ok := errors.AsType[*confirmationError](err)
	if !ok {
		if bringsToken(c.Request) {
			p.resourceError(c, err)
			return
		}
		p.tokenError(c, err)
		return
	}
	c.Header("Content-Type", "application/problem+json")
	c.Header("Cache-Control", "no-store")
	c.AbortWithStatusJSON(known.Status, known)
}

// caller is the app at one of these endpoints, and what it sent.
type caller struct {
	app  *identity.Client
	txn  string // of its access token: the one confirmation that this is about; "" for any
	hash string // of what it is about to execute
}

const maxConsumeBody = 16 << 10 // bytes

// readCaller finds out who calls, by an access token or as at the token endpoint.
func (p *Provider) readCaller(c *gin.Context) (caller, error) {
	hash, form, err := "", url.Values{}, error(nil)
	if c.Request.Method == http.MethodPost {
		hash, form, err = readConsumeBody(c.Request)
	}
	if err != nil {
		return caller{}, err
	}
	if bringsToken(c.Request) {
		if form.Has("access_token") {
			return caller{}, invalidRequest("The access token comes more than once.")
		}
		who, err := p.tokenCaller(c)
		who.hash = hash
		return who, err
	}
	creds, err := readCredentials(c.Request, form)
	if err != nil {
		return caller{}, err
	}
	app, err := p.authenticate(c.Request.Context(), web.Realm(c), &creds)
	if err == nil && creds.Method == identity.AuthNone {
		err = invalidClient() // nobody can tell who it is
	}
	return caller{app: app, hash: hash}, err
}

// tokenCaller is the app of an access token: of one confirmation that it got with it,
// whatever resource that is for, or of the app itself.
func (p *Provider) tokenCaller(c *gin.Context) (caller, error) {
	sent, err := accessToken(c.Request)
	if err != nil {
		return caller{}, err
	}
	ctx, realm := c.Request.Context(), web.Realm(c)
	access, err := p.verifyOwnToken(ctx, realm, sent.token)
	if errors.Is(err, errToken) {
		return caller{}, invalidToken()
	}
	if err != nil {
		return caller{}, err
	}
	err = p.possessed(c, access, sent)
	if err != nil {
		return caller{}, err
	}
	who := caller{app: realm.Client(text(access, "client_id")), txn: text(access, "txn")}
	switch {
	case who.app == nil:
		return caller{}, invalidToken()
	case who.txn == "" && text(access, "sub") == clientSubject(who.app) && access["gid"] == nil:
		if !names(access["aud"], realm.Tenant.Issuer) {
			return caller{}, invalidToken() // it is for an API, which must not speak for the app here
		}
		return who, nil
	case who.txn == "":
		return caller{}, oauthErr(codeInsufficientScope, describe(codeInsufficientScope))
	}
	_, seen, err := p.Grants.Standing(ctx, realm.Tenant.ID, text(access, "gid"), p.Now().UTC())
	if errors.Is(err, model.ErrNotFound) {
		return caller{}, invalidToken()
	}
	if err != nil {
		return caller{}, unavailable(err)
	}
	_, err = p.upToDate(c, realm, seen)
	return who, err
}

// readConsumeBody reads the hash, and the form where the body is one.
func readConsumeBody(r *http.Request) (hash string, form url.Values, err error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "application/x-www-form-urlencoded" {
		form, err = readTokenForm(r)
		return form.Get("details_hash"), form, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxConsumeBody+1))
	if err != nil || len(body) > maxConsumeBody {
		return "", nil, errBadBody
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		return "", url.Values{}, nil
	}
	var sent struct {
		DetailsHash string `json:"details_hash"`
	}
	err = json.Unmarshal(body, &sent)
	if err != nil {
		return "", nil, errBadBody
	}
	return sent.DetailsHash, url.Values{}, nil
}

// own is the confirmation that the request is about, if it is the caller's. Everybody
// else's is not found.
func (p *Provider) own(c *gin.Context, who caller) (consent.Confirmation, error) {
	ctx, tenant := c.Request.Context(), web.Realm(c).Tenant.ID
	var v consent.Confirmation
	var err error
	if !web.Readable(c.Param("id") + c.Query("action") + c.Query("txn_id")) {
		return v, errNoConfirmation // a database may refuse to look for what is no text
	}
	if c.Param("id") == "" && (c.Query("action") == "" || c.Query("txn_id") == "") {
		return v, invalidRequest("Name the confirmation: by its id in the path, or by action and txn_id.")
	}
	if id := c.Param("id"); id != "" {
		v, err = p.Interactions.Confirmation(ctx, tenant, id)
	} else {
		v, err = p.Interactions.ConfirmationOf(ctx, tenant, who.app.ID, c.Query("action"), c.Query("txn_id"))
	}
	if errors.Is(err, consent.ErrNotFound) || err == nil && (v.ClientID != who.app.ID || who.txn != "" && who.txn != v.ID) {
		return v, errNoConfirmation
	}
	return v, err
}

// consumed is the answer to a consumption.
type consumed struct {
	ID         string `json:"confirmation_id"`
	Status     string `json:"status"`
	ConsumedAt string `json:"consumed_at"`
	Receipt    string `json:"receipt"` // JWS
}

// consume uses an approval up, once. The same Idempotency-Key gets the same answer
// again, so that an app which lost it can ask until it knows.
//
// Source: protocol.md 5.8; mfa.md 4.11.8.
func (p *Provider) consume(c *gin.Context) {
	answer, err := p.consumeOnce(c)
	if err != nil {
		p.answerConfirmation(c, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, answer)
}

func (p *Provider) consumeOnce(c *gin.Context) (consumed, error) {
	who, err := p.readCaller(c)
	if err != nil {
		return consumed{}, err
	}
	key, err := idempotencyKey(c.Request, who.app.ID)
	if err != nil {
		return consumed{}, err
	}
	v, err := p.own(c, who)
	if err != nil {
		return consumed{}, err
	}
	now := p.Now().UTC().Truncate(time.Microsecond)
	err = consumable(v, who.hash, key, now)
	if err == nil && v.Status == consent.ConfirmationApproved {
		v, err = p.useUp(c, v, key, now)
	}
	if err != nil {
		return consumed{}, err
	}
	return consumed{ID: v.ID, Status: string(v.Status), ConsumedAt: instant(v.ConsumedAt), Receipt: v.Receipt}, nil
}

// consumable judges whether v may be used up by somebody who is about to execute what
// has hash, or was by the very same request.
func consumable(v consent.Confirmation, hash, key string, now time.Time) error {
	status := v.At(now)
	switch {
	case hash == "" && len(v.Details) > 0:
		return errNoHash
	case hash != "" && hash != v.DetailsHash:
		return errOtherDetails
	case status == consent.ConfirmationConsumed && (key == "" || key != v.ConsumeKey):
		return errConsumed
	case status == consent.ConfirmationConsumed, status == consent.ConfirmationApproved:
		return nil
	case status == consent.ConfirmationExpired:
		return errTooLate
	}
	return errNotApproved
}

// useUp consumes v. Where another request was faster, it tells what that one has done.
func (p *Provider) useUp(c *gin.Context, v consent.Confirmation, key string, now time.Time) (consent.Confirmation, error) {
	ctx, realm := c.Request.Context(), web.Realm(c)
	set, err := p.Keys.Keys(ctx, realm.Tenant.ID, realm.Tenant.Version)
	if err != nil {
		return v, unavailable(err)
	}
	used := v
	used.Status, used.ConsumedAt, used.ConsumeKey = consent.ConfirmationConsumed, now, key
	used.Receipt, err = receipt(set, realm, v, now)
	if err != nil {
		return v, err
	}
	err = p.Grants.ConsumeConfirmation(ctx, model.Consumption{
		TenantID: v.TenantID, ClientID: v.ClientID, ID: v.ID, DetailsHash: v.DetailsHash, Key: key, Receipt: used.Receipt, Now: now,
		Audit: []model.AuditEvent{{
			ID: b64(randomBytes(grantIDSize)), TenantID: v.TenantID, At: now, ActorType: "client", ActorID: v.ClientID, Subject: v.UserID,
			Type: "action.consumed", Result: "ok", IP: clientIP(c), RequestID: web.RequestID(c), ClientID: v.ClientID,
			Data: map[string]string{"action": v.Action, "confirmation": v.ID, "details_hash": v.DetailsHash},
		}},
	})
	if !errors.Is(err, model.ErrConflict) {
		return used, err
	}
	v, err = p.Interactions.Confirmation(ctx, v.TenantID, v.ID)
	if err != nil {
		return v, err
	}
	err = consumable(v, v.DetailsHash, key, now)
	if err == nil && v.Status != consent.ConfirmationConsumed {
		err = errEnded
	}
	return v, err
}

// idempotencyKey is the hash that names the request that consumes, "" for none.
func idempotencyKey(r *http.Request, clientID string) (string, error) {
	sent := r.Header.Values("Idempotency-Key")
	if len(sent) == 0 {
		return "", nil
	}
	unprintable := func(c rune) bool { return c < 0x20 || c > 0x7e }
	if len(sent) > 1 || sent[0] == "" || len(sent[0]) > 128 || strings.ContainsFunc(sent[0], unprintable) {
		return "", errBadKey
	}
	sum := sha256.Sum256([]byte(clientID + "\x00" + sent[0]))
	return b64(sum[:]), nil
}

// standing is what an app may know of a confirmation.
type standing struct {
	ID            string            `json:"confirmation_id"`
	Action        string            `json:"action"`
	TxnID         string            `json:"txn_id,omitempty"`
	Status        string            `json:"status"`
	Subject       string            `json:"sub"`
	DetailsHash   string            `json:"details_hash"`
	Details       []json.RawMessage `json:"authorization_details,omitempty"`
	ACR           string            `json:"acr,omitempty"`
	AMR           []string          `json:"amr,omitempty"`
	CreatedAt     string            `json:"created_at"`
	ExpiresAt     string            `json:"expires_at"` // until which it can be approved
	ApprovedAt    string            `json:"approved_at,omitempty"`
	ConsumeBefore string            `json:"consume_before,omitempty"`
	ConsumedAt    string            `json:"consumed_at,omitempty"`
	Receipt       string            `json:"receipt,omitempty"`
}

// confirmation tells an app where one of its confirmations stands.
func (p *Provider) confirmation(c *gin.Context) {
	who, err := p.readCaller(c)
	var v consent.Confirmation
	if err == nil {
		v, err = p.own(c, who)
	}
	if err != nil {
		p.answerConfirmation(c, err)
		return
	}
	s := standing{
		ID: v.ID, Action: v.Action, TxnID: v.TxnID, Status: string(v.At(p.Now())), Subject: v.UserID, DetailsHash: v.DetailsHash,
		ACR: v.ACR, AMR: v.AMR, CreatedAt: instant(v.CreatedAt), ExpiresAt: instant(v.ExpiresAt), Receipt: v.Receipt,
	}
	if len(v.Details) > 0 {
		s.Details = []json.RawMessage{v.Details}
	}
	for _, t := range []struct {
		to *string
		at time.Time
	}{{&s.ApprovedAt, v.ApprovedAt}, {&s.ConsumeBefore, v.ConsumeBefore}, {&s.ConsumedAt, v.ConsumedAt}} {
		if !t.at.IsZero() {
			*t.to = instant(t.at)
		}
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, s)
}
