package provider

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

// revoke serves the revocation endpoint. A token that is unknown, somebody else's or
// none at all is no error: the app wants it not to work, and it does not. What the
// store cannot do now is one (T18).
//
// Source: RFC 7009 sections 2.1 and 2.2.
func (p *Provider) revoke(c *gin.Context) {
	err := p.revokeToken(c)
	if err != nil {
		p.tokenError(c, err)
		return
	}
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	c.Status(http.StatusOK)
}

// revokeToken ends the whole grant that a token of the calling app belongs to: with
// a refresh token all access tokens made from it, and the other way round. The hint
// is not needed, for one kind of token cannot be taken for the other.
func (p *Provider) revokeToken(c *gin.Context) error {
	call, err := p.readCall(c)
	if err != nil {
		return err
	}
	token, err := call.token()
	if err != nil {
		return err
	}
	id, err := p.revocable(c, call, token)
	if err != nil || id == "" {
		return err
	}
	now := p.Now().UTC()
	user, err := p.Grants.RevokeOf(c.Request.Context(), call.realm.Tenant.ID, call.app.ID, id, "revoked_by_client", now)
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	if err != nil {
		return unavailable(err)
	}
	p.auditCall(c, call.realm, call.app.ID, &model.Grant{ID: id, UserID: user}, model.AuditEvent{Type: "grant.revoked", Result: "ok"}, nil)
	return nil
}

// revocable is the grant that token speaks of, "" for none. Whether it is one of the
// calling app's is a condition of the statement that ends it.
//
// Anybody can write a refresh token with the id of a grant in it; its MAC can only be
// judged with the grant. An app that has proved who it is may end every grant of its
// own, so there the MAC protects nobody. One that only has a name has proved nothing
// but that it holds the token.
func (p *Provider) revocable(c *gin.Context, call *clientCall, token string) (string, error) {
	ctx := c.Request.Context()
	refresh, ok := parseRefresh(token)
	if ok && call.creds.Method != identity.AuthNone {
		return refresh.grantID, nil
	}
	if ok {
		g, _, err := p.Grants.Grant(ctx, call.realm.Tenant.ID, refresh.grantID, p.Now().UTC())
		if errors.Is(err, model.ErrNotFound) {
			return "", nil
		}
		if err != nil {
			return "", unavailable(err)
		}
		if !refresh.genuine(p.Secrets.TokenKey(g.TenantID), &g) {
			return "", nil
		}
		return g.ID, nil
	}
	claims, err := p.verifyOwnToken(ctx, call.realm, token)
	if err != nil || text(claims, "client_id") != call.app.ID {
		return "", onlyUnavailable(err)
	}
	return text(claims, "gid"), nil
}
