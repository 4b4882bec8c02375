package provider

import (
	"context"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

// Provider serves the OAuth 2.0 and OpenID Connect endpoints of every tenant.
// Its exported fields are set once, before the first request.
type Provider struct {
	Realms       identity.Realms
	Keys         keys.Source
	Archive      KeyArchive
	Grants       model.Store
	People       consent.People
	Flow         *consent.Service
	Interactions consent.Store
	Users        UserStore  // of the users endpoints; nil: they do not exist
	Status       UserStatus // of the users endpoints
	Secrets      Secrets
	Replays      Replays     // of what may be used once
	ClientKeys   *ClientKeys // of apps with a jwks_uri; nil: none is fetched
	Pages        *web.Pages
	Cookies      *web.Cookies
	Browsers     *identity.Browsers // marks browsers after a complete login; nil: none
	// Audit records what happened outside a [model.Completion], which carries
	// its own events.
	Audit func(context.Context, ...model.AuditEvent)
	Now   func() time.Time

	// documents holds the discovery document of each tenant, ready to send, for
	// the version of the tenant that it was made from: tenant id to *document.
	documents sync.Map
	verified  verified // access tokens
}

// KeyArchive finds the keys of a tenant in whatever state, to verify what was signed
// years ago.
type KeyArchive interface {
	EveryKey(ctx context.Context, tenantID string) ([]keys.Key, error)
}

// Mount adds the endpoints to r, which is the group of one tenant's routes, so
// that [web.Realm] knows the tenant. The RFC 8414 form of the discovery
// document lies outside of it; see [Provider.MountMetadata].
func (p *Provider) Mount(r gin.IRouter) {
	p.MountMetadata(r.Group("/.well-known/openid-configuration"))
	r.GET("/authorize", web.Page(p.Pages, p.authorize))
	r.POST("/authorize", web.Page(p.Pages, p.authorize))
	r.GET("/authorize/resume/:id", web.Page(p.Pages, p.resume))
	r.Any("/par", p.onlyPost(p.par))
	p.mountConfirmations(r)
	p.mountTokens(r)
	if p.Users != nil {
		p.mountUsers(r)
	}
}

// MountMetadata adds the discovery document at r itself. The RFC 8414 form lies
// outside of the tenant's group: its well-known path stands before the tenant's.
//
// Source: RFC 8414 section 3.1.
func (p *Provider) MountMetadata(r gin.IRouter) {
	r.GET("", p.Discovery)
	r.HEAD("", p.Discovery)
	r.OPTIONS("", corsPublic)
}
