package provider

import (
	"errors"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
)

// noteTokenFailure records what an operator wants to know of: an app that
// failed to authenticate, and signs of theft. The success of an exchange is
// not recorded; the grant was, when it was made.
func (p *Provider) noteTokenFailure(c *gin.Context, call *tokenCall, err error) {
	e, ok := errors.AsType[*oauthError](err)
	uow := call.uow
	event := model.AuditEvent{Result: "refused"}
	switch {
	case uow.reused && call.form.Get("grant_type") == grantCode:
		event.Type = "code.replayed"
	case uow.reused:
		event.Type = "refresh.reused"
	case ok && e.Code == codeInvalidClient:
		event.Type = "client.refused"
	case errors.Is(err, errProofReplayed):
		event.Type = "proof.replayed"
	case uow.redeemed:
		event.Type = "code.abandoned"
	default:
		return
	}
	p.auditCall(c, call.realm, call.creds.ID, uow.grant, event, err)
}

// noteRefusal records that an app did not authenticate. Who named no app and signed
// nothing has not tried.
func (p *Provider) noteRefusal(c *gin.Context, realm *identity.Realm, clientID string, err error) {
	e, ok := errors.AsType[*oauthError](err)
	if ok && e.Code == codeInvalidClient && (clientID != "" || refusalOf(err) != "") {
		p.auditCall(c, realm, clientID, nil, model.AuditEvent{Type: "client.refused", Result: "refused"}, err)
	}
}

// auditCall records event of a call in the name of clientID. g is the grant that it
// was about, nil for none; err is why it failed, nil if it did not.
func (p *Provider) auditCall(c *gin.Context, realm *identity.Realm, clientID string, g *model.Grant, event model.AuditEvent, err error) {
	event.ID = b64(randomBytes(grantIDSize))
	event.TenantID = realm.Tenant.ID
	event.At = p.Now().UTC()
	event.ActorType, event.ActorID = "client", knownClient(realm, clientID)
	event.ClientID = event.ActorID
	event.IP = clientIP(c)
	event.UserAgent = web.UserAgentName(c)
	event.RequestID = web.RequestID(c)
	if g != nil {
		event.Subject = g.UserID
		event.Data = map[string]string{"grant": g.ID}
	}
	if why := refusalOf(err); why != "" {
		event.Data = map[string]string{"reason": why}
	}
	p.Audit(c.Request.Context(), event)
}

// knownClient is id if there is such an app. What else a caller writes there does
// not reach the log.
func knownClient(realm *identity.Realm, id string) string {
	if realm.Clients[id] == nil {
		return ""
	}
	return id
}
