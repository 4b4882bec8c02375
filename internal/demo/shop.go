package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/stepup"
	"github.com/sallyport-id/sallyport/templates"
)

// Shop is a relying app: it signs its users in through a tenant and asks them to
// confirm what moves money. All that it knows of OpenID Connect is package
// stepup.
type Shop struct {
	pages    *web.Pages
	clock    *Clock
	url      string // its own origin
	startURL string // the demo's start page
	doors    []door

	mu       sync.Mutex
	clients  map[string]discovered // by tenant
	visitors map[string]*visitor   // by cookie
}

// discovered is the shop's registration at a tenant, with what the tenant said of
// itself at that time.
type discovered struct {
	*stepup.Client
	at time.Time
}

// discoveryLife is how long the shop goes by what a tenant said of itself: a tenant
// whose policy is changed may ask for other actions.
const discoveryLife = time.Minute

// door is a tenant that the shop can sign in through.
type door struct{ slug, name, issuer, secret string }

// visitor is a browser in the shop. Its fields are guarded by Shop.mu.
type visitor struct {
	csrf    string
	tenant  string
	proof   *stepup.Proof // of the login; nil when signed out
	name    string        // of the user, as far as the tenant tells
	email   string        // likewise
	pending map[string]pending
	result  *templates.ShopResult
	acr     string
	seen    time.Time
}

// pending is a redirect that has not come back.
type pending struct {
	tx     stepup.Transaction
	tenant string
	action string        // payout.request, payment_details.add, acr or "" for the login
	detail stepup.Detail // what the shop executes; nil for what has no details
}

const (
	shopCookie  = "shop"
	maxVisitors = 2000
	maxPending  = 16
)

func newShop(pages *web.Pages, clock *Clock, url, startURL string, doors []door) *Shop {
	return &Shop{
		pages: pages, clock: clock, url: url, startURL: startURL, doors: doors,
		clients: map[string]discovered{}, visitors: map[string]*visitor{},
	}
}

// Handler is the shop's web server.
func (s *Shop) Handler(static gin.HandlerFunc) http.Handler {
	e := gin.New()
	e.Use(web.Recover(s.pages), web.Identify, web.Headers(false))
	e.GET("/static/*name", static)
	e.GET("/", s.page(s.front))
	e.GET(callbackPath, s.page(s.callback))
	e.GET("/claims", s.page(s.claims))
	for path, handler := range map[string]func(*gin.Context, *visitor) error{
		"/signin": s.signIn, "/action": s.action, "/acr": s.askACR, "/refresh": s.refresh, "/signout": s.signOut,
	} {
		e.POST(path, s.page(handler))
	}
	e.NoRoute(web.Page(s.pages, func(*gin.Context) error {
		return &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorNotFound, BackURL: "/", AppName: shopName}
	}))
	return e
}

const shopName = "Demo Shop"

// page finds the visitor, checks the form's secret and calls handler.
func (s *Shop) page(handler func(*gin.Context, *visitor) error) gin.HandlerFunc {
	return web.Page(s.pages, func(c *gin.Context) error {
		v := s.visitor(c)
		if c.Request.Method == http.MethodPost && c.PostForm("csrf") != v.csrf {
			return &web.Failure{Status: http.StatusForbidden, Problem: templates.ErrorForm, BackURL: "/", AppName: shopName}
		}
		return handler(c, v)
	})
}

func (s *Shop) visitor(c *gin.Context) *visitor {
	s.mu.Lock()
	defer s.mu.Unlock()
	cookie, err := c.Request.Cookie(shopCookie)
	if err == nil && s.visitors[cookie.Value] != nil {
		v := s.visitors[cookie.Value]
		v.seen = s.clock.Now()
		return v
	}
	if len(s.visitors) >= maxVisitors {
		s.dropOldest()
	}
	id := rand.Text()
	v := &visitor{csrf: rand.Text(), pending: map[string]pending{}, seen: s.clock.Now()}
	s.visitors[id] = v
	http.SetCookie(c.Writer, &http.Cookie{Name: shopCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return v
}

func (s *Shop) dropOldest() {
	oldest := ""
	for id, v := range s.visitors {
		if oldest == "" || v.seen.Before(s.visitors[oldest].seen) {
			oldest = id
		}
	}
	delete(s.visitors, oldest)
}

// client is the shop's registration at a tenant, discovered when it is needed.
func (s *Shop) client(ctx context.Context, tenant string) (*stepup.Client, error) {
	s.mu.Lock()
	known := s.clients[tenant]
	s.mu.Unlock()
	if known.Client != nil && s.clock.Now().Sub(known.at) < discoveryLife {
		return known.Client, nil
	}
	for _, d := range s.doors {
		if d.slug != tenant {
			continue
		}
		client, err := stepup.New(ctx, stepup.Config{
			Issuer: d.issuer, ClientID: shopClient, ClientSecret: stepup.Secret(d.secret),
			RedirectURI: s.url + callbackPath, Now: s.clock.Now,
		})
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.clients[tenant] = discovered{client, s.clock.Now()}
		s.mu.Unlock()
		return client, nil
	}
	return nil, &web.Failure{Status: http.StatusBadRequest, Problem: templates.ErrorTenant, BackURL: "/", AppName: shopName}
}

// send starts a request at the visitor's tenant and sends the browser there.
func (s *Shop) send(c *gin.Context, v *visitor, tenant, action string, opts stepup.StartOptions) error {
	client, err := s.client(c.Request.Context(), tenant)
	if err != nil {
		return err
	}
	begin := client.Start
	if opts.Detail != nil {
		begin = func(o stepup.StartOptions) (string, stepup.Transaction, error) {
			return client.Push(c.Request.Context(), o)
		}
	}
	address, tx, err := begin(opts)
	if err != nil {
		result := failed(action, err)
		if result.Error == otherError { // nobody was asked: it is a mistake in opts
			result.Error = "invalid_request"
		}
		return s.show(c, v, result)
	}
	s.mu.Lock()
	if len(v.pending) >= maxPending {
		clear(v.pending)
	}
	v.pending[string(tx.State)] = pending{tx, tenant, action, opts.Detail}
	v.result = nil
	s.mu.Unlock()
	c.Redirect(http.StatusSeeOther, address)
	return nil
}

func (s *Shop) signIn(c *gin.Context, v *visitor) error {
	return s.send(c, v, c.PostForm("tenant"), "", stepup.StartOptions{Scopes: []string{"profile", "email", "offline_access"}})
}

// action asks the tenant to have the user confirm one thing. It is pinned to the
// shop's own user: nobody else can confirm this user's payout.
func (s *Shop) action(c *gin.Context, v *visitor) error {
	tenant, login := s.login(v)
	action := c.PostForm("action")
	if login == nil {
		return s.show(c, v, &templates.ShopResult{Action: action, Error: "login_required"})
	}
	client, err := s.client(c.Request.Context(), tenant)
	if err != nil {
		return err
	}
	return s.send(c, v, tenant, action, stepup.StartOptions{
		ACR: []string{stepup.Action(action)}, Subject: login.Subject, IDTokenHint: login.IDToken, Detail: s.transaction(v, client, action),
	})
}

// askACR asks for whatever level the user types, to see what comes back.
func (s *Shop) askACR(c *gin.Context, v *visitor) error {
	tenant, login := s.login(v)
	if login == nil {
		return s.show(c, v, &templates.ShopResult{Action: "acr", Error: "login_required"})
	}
	s.mu.Lock()
	v.acr = c.PostForm("acr_values")
	s.mu.Unlock()
	return s.send(c, v, tenant, "acr", stepup.StartOptions{
		ACR: strings.Fields(c.PostForm("acr_values")), Subject: login.Subject, IDTokenHint: login.IDToken,
		Scopes: []string{"profile", "email"},
	})
}

func (s *Shop) login(v *visitor) (tenant string, login *stepup.Proof) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return v.tenant, v.proof
}

// callback takes the answer. A confirmation changes nothing about the login: it
// is used for the one action, here and now.
func (s *Shop) callback(c *gin.Context, v *visitor) error {
	query := c.Request.URL.Query()
	s.mu.Lock()
	p, ok := v.pending[query.Get("state")]
	delete(v.pending, query.Get("state"))
	s.mu.Unlock()
	if !ok {
		return s.show(c, v, &templates.ShopResult{Action: "signin", Error: "unknown_state", Description: "This answer belongs to no request of yours"})
	}
	client, err := s.client(c.Request.Context(), p.tenant)
	if err != nil {
		return err
	}
	if p.detail != nil {
		return s.show(c, v, execute(c.Request.Context(), client, p, query))
	}
	proof, err := client.Finish(c.Request.Context(), p.tx, query)
	if err != nil {
		return s.show(c, v, failed(orSignIn(p.action), err))
	}
	if p.action == "" || p.action == "acr" {
		name, email := introduced(c.Request.Context(), client, proof)
		s.mu.Lock()
		v.tenant, v.proof, v.name, v.email = p.tenant, &proof, name, email
		s.mu.Unlock()
	}
	return s.show(c, v, &templates.ShopResult{Action: orSignIn(p.action), OK: true})
}

func orSignIn(action string) string {
	if action == "" {
		return "signin"
	}
	return action
}

// otherError stands for what no server has a code for.
const otherError = "error"

// failed is what the shop says about an error.
func failed(action string, err error) *templates.ShopResult {
	r := &templates.ShopResult{Action: action, Error: otherError, Description: err.Error()}
	denied, ok := errors.AsType[*stepup.AuthError](err)
	if ok {
		r.Error, r.Description = denied.Code, denied.Description
	}
	refused, ok := errors.AsType[*stepup.EndpointError](err)
	if ok && refused.Code != "" {
		r.Error, r.Description = refused.Code, refused.Description
	}
	return r
}

func (s *Shop) refresh(c *gin.Context, v *visitor) error {
	tenant, login := s.login(v)
	if login == nil || login.RefreshToken == "" {
		return s.show(c, v, &templates.ShopResult{Action: "refresh", Error: "no_refresh_token", Description: "The shop was given no refresh token"})
	}
	client, err := s.client(c.Request.Context(), tenant)
	if err != nil {
		return err
	}
	next, err := client.Refresh(c.Request.Context(), *login)
	if err != nil {
		return s.show(c, v, failed("refresh", err))
	}
	s.mu.Lock()
	v.proof = &next
	s.mu.Unlock()
	return s.show(c, v, &templates.ShopResult{Action: "refresh", OK: true})
}

// signOut ends the shop's own session. The tenant's session stays: the next
// sign-in asks for nothing while it lives.
func (s *Shop) signOut(c *gin.Context, v *visitor) error {
	s.mu.Lock()
	v.proof, v.result = nil, nil
	clear(v.pending)
	s.mu.Unlock()
	return s.show(c, v, &templates.ShopResult{Action: "signout", OK: true})
}

// show keeps a result for the front page and goes there.
func (s *Shop) show(c *gin.Context, v *visitor, r *templates.ShopResult) error {
	s.mu.Lock()
	v.result = r
	s.mu.Unlock()
	c.Redirect(http.StatusSeeOther, "/")
	return nil
}
