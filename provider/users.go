package provider

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
)

// Scopes of the endpoints by which an app's own server asks and tells about users.
// Only a token of client_credentials has them: they speak of users, not for one.
const (
	scopeSecurity = "users.security" // read where accounts stand
	scopeFlags    = "users.flags"    // set and clear flags
)

// ownScopes are an app's own. No user can grant them, so nobody is asked for them.
var ownScopes = []string{scopeSecurity, scopeFlags}

// UserStore is what the users endpoints need beside [consent.People].
type UserStore interface {
	// UpdateUser changes one account under its lock.
	UpdateUser(ctx context.Context, tenantID, userID string, change func(*identity.User) error) (identity.User, error)
}

// UserStatus tells where an account stands with what protects it, as JSON: tasks,
// contacts and factors, masked.
type UserStatus func(ctx context.Context, realm *identity.Realm, u identity.User) (any, error)

// mountUsers adds the users endpoints.
//
//	GET    /users/{id}/security       what is set up, and what is left to do
//	PUT    /users/{id}/flags/{name}   set a flag, such as identity_verification_pending
//	DELETE /users/{id}/flags/{name}   clear it
//
// Source: mfa.md 3.3 (status API); policy.md 2.2 (user flags).
func (p *Provider) mountUsers(r gin.IRouter) {
	r.GET("/users/:user/security", p.about(scopeSecurity, p.userSecurity))
	r.PUT("/users/:user/flags/:flag", p.about(scopeFlags, p.setFlag))
	r.DELETE("/users/:user/flags/:flag", p.about(scopeFlags, p.clearFlag))
}

// about lets in an app whose own token has scope.
func (p *Provider) about(scope string, do func(*gin.Context, *identity.Client) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		app, err := p.callingApp(c, scope)
		if err == nil {
			err = do(c, app)
		}
		if err == nil {
			return
		}
		if e := fromFosite(err); e.Status == http.StatusUnauthorized || e.Code == codeInsufficientScope || e.Code == codeInvalidRequest || e.Code == codeInvalidToken {
			p.scopedError(c, err, scope)
			return
		}
		web.JSON(func(*gin.Context) error { return err })(c)
	}
}

// callingApp is the app that an access token of client_credentials speaks for.
func (p *Provider) callingApp(c *gin.Context, scope string) (*identity.Client, error) {
	realm := web.Realm(c)
	access, err := p.admittedToken(c, realm)
	if err != nil {
		return nil, err
	}
	app := realm.Client(text(access, "client_id"))
	if app == nil || text(access, "sub") != clientSubject(app) {
		return nil, invalidToken() // also one that speaks for a user
	}
	if !identity.Allows(scopeList(text(access, "scope")), scope) || !identity.Allows(app.Scopes, scope) {
		return nil, oauthErr(codeInsufficientScope, describe(codeInsufficientScope))
	}
	return app, nil
}

func (p *Provider) userSecurity(c *gin.Context, app *identity.Client) error {
	ctx, realm := c.Request.Context(), web.Realm(c)
	user, err := p.People.User(ctx, realm.Tenant.ID, c.Param("user"))
	if err != nil {
		return err
	}
	status, err := p.Status(ctx, realm, user)
	if err != nil {
		return err
	}
	p.Audit(ctx, p.aboutUser(c, app, user.ID, "user.read", nil))
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, status)
	return nil
}

// flagShape is a name that a policy can speak of.
var flagShape = regexp.MustCompile(`^[a-z0-9_.]{1,40}$`)

// maxFlags is how many flags an account can have.
const maxFlags = 32

func (p *Provider) setFlag(c *gin.Context, app *identity.Client) error {
	return p.changeFlag(c, app, "user.flag_set", func(u *identity.User, name string) error {
		if _, had := u.Flags[name]; had {
			return nil
		}
		if len(u.Flags) >= maxFlags {
			return invalidRequest("The account has as many flags as it can have.")
		}
		if u.Flags == nil {
			u.Flags = map[string]time.Time{}
		}
		u.Flags[name] = p.Now()
		return nil
	})
}

func (p *Provider) clearFlag(c *gin.Context, app *identity.Client) error {
	return p.changeFlag(c, app, "user.flag_cleared", func(u *identity.User, name string) error {
		delete(u.Flags, name)
		return nil
	})
}

func (p *Provider) changeFlag(c *gin.Context, app *identity.Client, kind string, change func(*identity.User, string) error) error {
	name := c.Param("flag")
	if !flagShape.MatchString(name) {
		return invalidRequest("A flag has 1 to 40 of a-z, 0-9, _ and dots.")
	}
	ctx := c.Request.Context()
	user, err := p.Users.UpdateUser(ctx, web.Realm(c).Tenant.ID, c.Param("user"), func(u *identity.User) error { return change(u, name) })
	if err != nil {
		return err
	}
	p.Audit(ctx, p.aboutUser(c, app, user.ID, kind, map[string]string{"flag": name}))
	c.Header("Cache-Control", "no-store")
	c.Status(http.StatusNoContent)
	return nil
}

func (p *Provider) aboutUser(c *gin.Context, app *identity.Client, userID, kind string, data map[string]string) model.AuditEvent {
	return model.AuditEvent{
		TenantID: web.Realm(c).Tenant.ID, At: p.Now(), ActorType: "client", ActorID: app.ID, Subject: userID, Type: kind,
		Result: "ok", IP: clientIP(c), UserAgent: web.UserAgentName(c), RequestID: web.RequestID(c), ClientID: app.ID, Data: data,
	}
}
