// Package server puts the house together: every part is built here by hand and
// handed what it needs; nothing is looked up anywhere else. Reading New from top
// to bottom shows every part of the running server.
package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/hosted"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/audit"
	"github.com/sallyport-id/sallyport/internal/message"
	"github.com/sallyport-id/sallyport/internal/receipts"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/gormstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/webauthn"
	"github.com/sallyport-id/sallyport/provider"
	"github.com/sallyport-id/sallyport/settings"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/templates"
)

// Options are what a server is made of.
type Options struct {
	DB        *store.DB
	Ring      *seal.Ring
	Hashes    *identity.Hasher
	PublicURL *url.URL   // of the server; cookies are Secure when it is https
	Sender    mfa.Sender // delivers codes and notices
	Now       func() time.Time
	// TrustedProxies may set X-Forwarded-For; addresses or CIDR blocks.
	TrustedProxies []string
	// Ready reports whether the server may say so; nil is always.
	Ready func() bool
	// Extra adds routes that only a demo has.
	Extra func(r gin.IRouter, pages *web.Pages)
	// Factors replaces the store of the second step, for a test that breaks it;
	// nil is the database.
	Factors mfa.Store
}

// Server is a server that has not begun to listen.
type Server struct {
	Handler http.Handler
	Store   *store.Store
	Factors *gormstore.Store
	Realms  *store.Catalog
	MFA     *mfa.Service
	Pages   *web.Pages

	notices *noticePost
	buckets store.Buckets
	now     func() time.Time
}

// New builds the whole server.
func New(o Options) (*Server, error) {
	gin.SetMode(gin.ReleaseMode)
	set, err := templates.New()
	if err != nil {
		return nil, err
	}
	rows := &store.Store{DB: o.DB, Seal: o.Ring, Now: o.Now}
	factors := NewFactors(o.DB, o.Ring)
	factors.Hook = rows.AfterChange
	realms := store.NewCatalog(rows)
	buckets := store.Buckets{DB: o.DB.Gorm}
	cookies := &web.Cookies{Secure: o.PublicURL.Scheme == "https"}
	pages := &web.Pages{Set: set, Now: o.Now, Cookies: cookies}
	composer := message.Composer{Set: set}
	peppers := codePeppers{o.Ring}
	log := &audit.Log{Store: rows, Mailed: mailed(realms), Now: o.Now}

	telephony := &mfa.Telephony{Store: factors, Sender: o.Sender, Peppers: peppers, Events: log, Now: o.Now}
	second := &mfa.Service{
		Store: factors, Devices: factors, Limits: buckets, Sender: o.Sender, Composer: composer,
		Peppers: peppers, Hasher: slowHasher{o.Hashes}, Keys: webauthn.Keys{}, Telephony: telephony, Events: log, Now: o.Now,
	}
	if o.Factors != nil {
		second.Store = o.Factors
	}
	flow := &consent.Service{People: rows, Store: rows, MFA: second, Now: o.Now}
	accounts := newAccounts(o, rows, factors, buckets, peppers, log)
	op := &provider.Provider{
		Realms: realms, Keys: realms, Archive: rows, Grants: rows, People: rows, Flow: flow, Interactions: rows,
		Users: rows, Status: statusFrom(factors, o.Now), Secrets: provider.RingSecrets{Ring: o.Ring},
		Replays: rows, ClientKeys: clientKeys(o), Pages: pages, Cookies: cookies, Browsers: accounts.SignIn.Browsers, Audit: log.Append, Now: o.Now,
	}
	flowPages := &hosted.Handler{
		Flow: flow, MFA: second, SignIn: accounts.SignIn, Pages: pages, Cookies: cookies, Observe: log.Observe, Now: o.Now,
	}
	ownPages := &settings.Handler{
		Flow: flow, MFA: second, SignIn: accounts.SignIn, Accounts: accounts, Rows: rows, Pages: pages, Cookies: cookies,
		Observe: log.Observe, Enrolling: flowPages.Enrolling, Now: o.Now,
	}
	engine, err := newEngine(o.TrustedProxies)
	if err != nil {
		return nil, err
	}
	engine.Use(web.Recover(pages), web.Identify, web.Headers(cookies.Secure), log.Collect)
	(&health{db: o.DB, ready: o.Ready}).mount(engine)
	engine.GET("/static/*name", Static(set))
	(&receipts.Handler{Sender: o.Sender, Store: factors, Incapable: factors.SMSIncapable, Events: log, Now: o.Now}).Mount(engine)
	inTenant := web.Tenant(realms, pages)
	tenant := engine.Group("/t/:tenant", inTenant, web.SameOrigin(pages))
	for _, mount := range []func(gin.IRouter){op.Mount, flowPages.Mount, ownPages.Mount, pages.MountLang} {
		mount(tenant)
	}
	op.MountMetadata(engine.Group("/.well-known/oauth-authorization-server/t/:tenant", inTenant))
	mountRest(o, engine, pages)
	return &Server{
		Handler: web.ByHost(realms, o.PublicURL.Host, engine), Store: rows, Factors: factors, Realms: realms, MFA: second, Pages: pages,
		notices: &noticePost{rows: rows, factors: factors, realms: realms, composer: composer, letters: accounts, sender: o.Sender, now: o.Now},
		buckets: buckets, now: o.Now,
	}, nil
}

// clientKeys reads the keys that apps publish. A server on this machine, which is one
// for trials, may read them from this machine too.
func clientKeys(o Options) *provider.ClientKeys {
	local := o.PublicURL.Scheme == "http" && web.Loopback(o.PublicURL.Host)
	return &provider.ClientKeys{HTTP: provider.GuardedClient(local), Loopback: local, Now: o.Now}
}

// newAccounts is the life of accounts, with the judge of passwords.
func newAccounts(o Options, rows *store.Store, factors *gormstore.Store, limits store.Buckets, peppers codePeppers, log *audit.Log) *identity.Accounts {
	signIn := &identity.SignIn{
		Users: rows, Hashes: o.Hashes, Limits: limits, LimitKey: peppers.LimitKey,
		Browsers: &identity.Browsers{Keys: peppers, Now: o.Now}, Rehashes: rows, Now: o.Now,
	}
	return &identity.Accounts{
		SignIn: signIn, Rows: rows, Contacts: factors, SecondFactor: secondFactor, Observe: log.Observe, Now: o.Now,
	}
}

// mountRest adds what only a demo has, and the answer to what no route answers.
func mountRest(o Options, engine *gin.Engine, pages *web.Pages) {
	if o.Extra != nil {
		o.Extra(engine, pages)
	}
	engine.NoRoute(web.Page(pages, func(*gin.Context) error { return identity.ErrNotFound }))
	engine.NoMethod(web.Page(pages, func(*gin.Context) error {
		return &web.Failure{Status: http.StatusMethodNotAllowed, Problem: templates.ErrorMethod}
	}))
}

// newEngine is a gin engine that trusts no forwarded header unless told to, and
// answers a wrong method with 405.
func newEngine(trustedProxies []string) (*gin.Engine, error) {
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.ContextWithFallback = false
	err := engine.SetTrustedProxies(trustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted_proxies: %w", err)
	}
	return engine, nil
}

// mailed reads notify.email_events of a tenant's policy. When the policy cannot
// be read, the owner is told.
func mailed(realms identity.Realms) func(context.Context, string, string) bool {
	return func(ctx context.Context, tenantID, event string) bool {
		realm, err := realms.AtLeast(ctx, tenantID, 0)
		return err != nil || realm.Policy.Notify.EmailEvents.Has(policy.Event(event))
	}
}

// secondFactor reports whether u has to pass a second step at sign-in, so that a
// shorter password will do.
func secondFactor(_ context.Context, realm *identity.Realm, u identity.User) (bool, error) {
	return u.MFAEnabled || realm.Policy.Enforcement.Mode == policy.ModeRequired, nil
}

// Static serves the assets of the pages, at a route that ends in *name.
func Static(set *templates.Set) gin.HandlerFunc {
	return func(c *gin.Context) {
		asset, ok := set.Asset(c.Param("name")[1:])
		if !ok {
			c.Status(http.StatusNotFound)
			return
		}
		c.Header("ETag", asset.ETag)
		c.Header("Cache-Control", asset.CacheControl)
		c.Header("X-Content-Type-Options", "nosniff")
		if c.GetHeader("If-None-Match") == asset.ETag {
			c.Status(http.StatusNotModified)
			return
		}
		c.Data(http.StatusOK, asset.ContentType, asset.Body)
	}
}
