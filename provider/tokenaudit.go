package provider

import (
	"errors"

	"github.com/gin-gonic/gin"

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
	case uow.redeemed:
		event.Type = "code.abandoned"
	default:
		return
	}
	event.ID = b64(randomBytes(grantIDSize))
	event.TenantID = call.realm.Tenant.ID
	event.At = uow.now
	event.ActorType, event.ActorID = "client", knownClient(call)
	event.ClientID = event.ActorID
	event.IP = clientIP(c)
	event.UserAgent = web.UserAgentName(c)
	event.RequestID = web.RequestID(c)
	if uow.grant != nil {
		event.Subject = uow.grant.UserID
		event.Data = map[string]string{"grant": uow.grant.ID}
	}
	p.Audit(c.Request.Context(), event)
}

// knownClient is the client id that was named, if there is such an app. What
// else a caller writes there does not reach the log.
func knownClient(call *tokenCall) string {
	if call.realm.Clients[call.creds.ID] == nil {
		return ""
	}
	return call.creds.ID
}
