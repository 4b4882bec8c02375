package stepup_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/stepup"
)

// approval is one confirmation at the provider. Whoever is sent there approves.
type approval struct {
	id, action, txn string
	hash            string
	detail          json.RawMessage // as it was pushed; nil for an action without
	at              time.Time
	key, receipt    string // of the consumption
}

func (p *provider) servePush(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.authenticated(r) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	must(0, r.ParseForm())
	name := "urn:ietf:params:oauth:request_uri:" + strconv.Itoa(len(p.pushes)+1)
	p.pushes[name] = r.PostForm
	writeJSON(w, http.StatusCreated, map[string]any{"request_uri": name, "expires_in": 90})
}

// detailIn is the transaction of an authorization request, nil for none.
func detailIn(q url.Values) json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal([]byte(q.Get("authorization_details")), &list) != nil {
		return nil
	}
	return list[0]
}

// approve is the confirmation of a request for an action, nil for a login.
func (p *provider) approve(v visit) *approval {
	action, ok := strings.CutPrefix(acrFor(v.query), "urn:sallyport:action:")
	if !ok {
		return nil
	}
	id := "confirmation-" + v.challenge[:8]
	known := p.approvals[id]
	if known != nil {
		return known
	}
	a := &approval{id: id, action: action, detail: detailIn(v.query), at: p.clock.Now()}
	shown := stepup.PlainAction(action)
	if a.detail != nil {
		shown = a.detail
		var named struct {
			TxnID string `json:"txn_id"`
		}
		must(0, json.Unmarshal(a.detail, &named))
		a.txn = named.TxnID
	}
	a.hash = must(stepup.DetailsHash(p.issuer(), clientID, p.user, shown))
	p.approvals[id] = a
	return a
}

func (p *provider) enriched(v visit) map[string]any {
	a := p.approve(v)
	var element map[string]any
	must(0, json.Unmarshal(a.detail, &element))
	element["confirmation_id"], element["details_hash"], element["acr"] = a.id, a.hash, acrFor(v.query)
	element["approved_at"], element["method"] = a.at.Format(time.RFC3339), "email"
	if p.enrich != nil {
		p.enrich(element)
	}
	return element
}

func (p *provider) serveConsume(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.approvals[r.PathValue("id")]
	refuse := func(status int, code string) {
		writeJSON(w, status, map[string]any{"type": "/problems/x", "title": "It is " + code + ".", "status": status, "error": code})
	}
	key := r.Header.Get("Idempotency-Key")
	switch {
	case !p.authenticated(r) && !p.holdsToken(r, a):
		refuse(http.StatusUnauthorized, "invalid_client")
	case a == nil:
		refuse(http.StatusNotFound, "not_found")
	case hashIn(r) != a.hash:
		refuse(http.StatusUnprocessableEntity, "mismatch")
	case a.key != "" && a.key != key:
		refuse(http.StatusConflict, "already_consumed")
	default:
		if a.key == "" {
			a.key, a.receipt = key, p.receiptOf(a)
		}
		writeJSON(w, http.StatusOK, map[string]any{"confirmation_id": a.id, "status": "consumed", "receipt": a.receipt})
	}
}

func (p *provider) receiptOf(a *approval) string {
	s := p.signers[0]
	at := a.at.Format(time.RFC3339)
	claims := map[string]any{
		"iss": p.issuer(), "aud": clientID, "sub": p.user, "jti": a.id, "iat": p.clock.Now().Unix(), "action": a.action,
		"details_hash": a.hash, "requested_at": at, "approved_at": at, "consumed_at": p.clock.Now().Format(time.RFC3339),
		"acr": "urn:sallyport:action:" + a.action, "amr": []string{"pwd", "otp"}, "evidence_hash": "e",
		"proofs": []any{map[string]any{"stage": 0, "proof": "delivered_code", "method": "email", "at": at}},
	}
	if a.detail != nil {
		claims["txn"], claims["authorization_details"] = a.txn, []any{a.detail}
	}
	header := map[string]any{"typ": "confirmation-receipt+jwt", "kid": s.kid}
	if p.receipt != nil {
		p.receipt(header, claims)
	}
	return s.signed(header, claims)
}

func (p *provider) serveStanding(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.approvals {
		if a.id == r.PathValue("id") || a.txn != "" && a.txn == r.URL.Query().Get("txn_id") {
			writeJSON(w, http.StatusOK, map[string]any{
				"confirmation_id": a.id, "action": a.action, "txn_id": a.txn, "status": "approved", "sub": p.user,
				"details_hash": a.hash, "approved_at": a.at.Format(time.RFC3339),
			})
			return
		}
	}
	writeJSON(w, http.StatusNotFound, map[string]any{"error": "not_found"})
}
