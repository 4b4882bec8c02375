package provider

import (
	"errors"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
)

// clientCall is a request to one of the endpoints that only apps call.
type clientCall struct {
	form  url.Values
	creds credentials
	realm *identity.Realm
	app   *identity.Client // authenticated; public where creds.Method is none
}

// readCall reads a request of an app and finds out who that is.
//
// Errors: an [*oauthError]; an app that was refused is in the audit log.
func (p *Provider) readCall(c *gin.Context) (*clientCall, error) {
	form, err := readTokenForm(c.Request)
	if err != nil {
		return nil, err
	}
	call := &clientCall{form: form, realm: web.Realm(c)}
	call.creds, err = readCredentials(c.Request, form)
	if err == nil {
		call.app, err = p.authenticate(c.Request.Context(), call.realm, &call.creds)
	}
	if err != nil {
		p.noteRefusal(c, call.realm, call.creds.ID, err)
		return nil, err
	}
	return call, nil
}

// token is the token that the call is about.
//
// Source: RFC 7009 section 2.1; RFC 7662 section 2.1.
func (call *clientCall) token() (string, error) {
	token := call.form.Get("token")
	if token == "" {
		return "", invalidRequest("The parameter token is missing.")
	}
	return token, nil
}

// renew judges the app again where a statement tells of a newer version of the
// tenant: it may have been disabled, or its secret replaced.
func (p *Provider) renew(c *gin.Context, call *clientCall, version int64) error {
	if version <= call.realm.Tenant.Version {
		return nil
	}
	realm, err := p.Realms.AtLeast(c.Request.Context(), call.realm.Tenant.ID, version)
	if errors.Is(err, identity.ErrNotFound) {
		return invalidClient()
	}
	if err != nil {
		return unavailable(err)
	}
	web.UseRealm(c, realm)
	if realm.Tenant.Status != identity.TenantActive {
		return invalidClient()
	}
	call.realm = realm
	call.app, err = p.authenticate(c.Request.Context(), realm, &call.creds)
	return err
}
