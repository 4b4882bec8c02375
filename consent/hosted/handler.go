// Package hosted serves the pages of an interaction: who the user is, the second
// step, the confirmation of an action, the consent of the user.
//
// Every page is reached through one dispatcher, which asks package consent where
// the request stands; every step ends by going back to it. No page knows what
// comes next, and none takes state from the URL but the interaction's id.
package hosted

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// Handler serves the pages. All fields are required.
type Handler struct {
	Flow    *consent.Service
	MFA     *mfa.Service
	SignIn  *identity.SignIn
	Pages   *web.Pages
	Cookies *web.Cookies
	// Observe is told of logins, for the audit log and for notices.
	Observe func(ctx context.Context, e mfa.Event)
	Now     func() time.Time
}

// Mount adds the pages to the routes of a tenant.
func (h *Handler) Mount(r gin.IRouter) {
	g := r.Group("/interaction/:id")
	page := func(handler func(*gin.Context, *consent.Standing) error) gin.HandlerFunc {
		return web.Page(h.Pages, func(c *gin.Context) error { return h.with(c, handler) })
	}
	g.GET("", page(h.goOn))
	g.GET("/login", page(h.showLogin))
	g.POST("/identify", page(h.submitIdentify))
	g.POST("/password", page(h.submitPassword))
	g.POST("/not-you", page(h.notYou))
	g.GET("/challenge", page(h.showChallenge))
	g.POST("/challenge", page(h.submitChallenge))
	g.POST("/challenge/resend", page(h.resend))
	g.POST("/challenge/switch", page(h.switchMethod))
	g.GET("/choose", page(h.showChoose))
	g.GET("/confirm", page(h.showConfirm))
	g.POST("/confirm", page(h.submitConfirm))
	g.POST("/deny", page(h.submitDeny))
	g.GET("/denied", page(h.showDenied))
	g.GET("/consent", page(h.showConsent))
	g.POST("/consent", page(h.submitConsent))
	g.GET("/banner", page(h.showBanner))
	g.POST("/banner", page(h.submitBanner))
	g.POST("/banner/now", page(h.setUpNow))
	g.POST("/cancel", page(h.cancel))
	g.POST("/passkey", page(h.submitPasskey))
	g.GET("/recover", page(h.showRecover))
	g.POST("/recover", page(h.submitRecover))
	g.POST("/later", page(h.putOff))
}

// with opens the interaction of the request, checks the form's secret, and
// calls handler with where the request stands. A proof that a crash left
// unrecorded is taken in first.
func (h *Handler) with(c *gin.Context, handler func(*gin.Context, *consent.Standing) error) error {
	ctx, realm := c.Request.Context(), web.Realm(c)
	session := web.SessionHash(h.Cookies.SessionToken(c, realm))
	st, err := h.Flow.Open(ctx, realm, c.Param("id"), h.Cookies.BrowserHash(c, realm), session)
	switch {
	case errors.Is(err, consent.ErrOver):
		return seeOther(c, resumePath(realm, c.Param("id")))
	case errors.Is(err, consent.ErrNotFound):
		return &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorBrowser}
	case err != nil:
		return err
	}
	web.UseLocales(c, st.Request.UILocales)
	if st.User != nil {
		web.UseUserLang(c, st.User.Lang())
	}
	if c.Request.Method == http.MethodPost && !h.ownForm(c, st) {
		return &web.Failure{Status: http.StatusForbidden, Problem: templates.ErrorForm, AppName: st.Client.Name, BackURL: base(st)}
	}
	if c.Request.Method == http.MethodGet {
		st, err = h.Flow.Recover(ctx, st)
		if err != nil {
			return err
		}
	}
	return handler(c, st)
}

// goOn is the dispatcher: the one place that knows which page a step has.
func (h *Handler) goOn(c *gin.Context, st *consent.Standing) error {
	return seeOther(c, pathOf(st))
}

func pathOf(st *consent.Standing) string {
	switch st.Step {
	case consent.StepLogin:
		return base(st) + "/login"
	case consent.StepChallenge:
		return base(st) + "/challenge"
	case consent.StepConfirm:
		return base(st) + "/confirm"
	case consent.StepConsent:
		return base(st) + "/consent"
	case consent.StepBanner:
		return base(st) + "/banner"
	case consent.StepEnrol:
		return base(st) + "/enrol/add"
	case consent.StepRefuse, consent.StepDone:
	}
	return resumePath(st.Realm, st.In.ID)
}

func base(st *consent.Standing) string {
	return st.Realm.Tenant.Path() + "/interaction/" + st.In.ID
}

func resumePath(realm *identity.Realm, id string) string {
	return realm.Tenant.Path() + "/authorize/resume/" + id
}

func seeOther(c *gin.Context, path string) error {
	c.Header("Cache-Control", "no-store")
	c.Redirect(http.StatusSeeOther, path)
	return nil
}

// csrf is the secret in every form of an interaction.
func (h *Handler) csrf(c *gin.Context, st *consent.Standing) string {
	return web.FormSecret(st.In.ID, h.Cookies.BrowserSecret(c, st.Realm))
}

func (h *Handler) ownForm(c *gin.Context, st *consent.Standing) bool {
	return web.OwnForm(c, h.csrf(c, st))
}

// browser is what the flow may know of the browser.
func (h *Handler) browser(c *gin.Context, st *consent.Standing) consent.Browser {
	return consent.Browser{
		Hash: h.Cookies.BrowserHash(c, st.Realm), IP: web.ClientIP(c),
		UserAgent: web.UserAgentName(c), Lang: h.Pages.Lang(c),
	}
}

// frame is what surrounds every page of an interaction.
func (h *Handler) frame(c *gin.Context, st *consent.Standing) templates.Frame {
	f := h.Pages.Frame(c)
	if st.Request.ReturnTo == "" {
		f.AppName = st.Client.Name
	}
	f.CSRF = h.csrf(c, st)
	if st.User != nil {
		f.Account = nameOf(st)
	}
	switch {
	case st.Request.ReturnTo != "": // the way leads to no app
	case st.Step == consent.StepConsent && st.Goal.Action == "":
		f.Gates = templates.ConsentGates(st.Client.Name)
	case st.Goal.Action != "":
		f.Gates = templates.ActionGates(st.Goal.Action, st.Step == consent.StepConfirm || st.Step == consent.StepConsent)
		f.Gates[1] = h.named(c, st, f.Gates[1])
	default:
		f.Gates = templates.SignInGates(st.Client.Name)
	}
	return f
}

// named is the gate of the action, with the tenant's own words for a transaction of which
// the pages know none.
func (h *Handler) named(c *gin.Context, st *consent.Standing, gate templates.Gate) templates.Gate {
	if st.Request.Details == nil || st.Realm.Details == nil {
		return gate
	}
	title := details.In(h.Pages.Lang(c), st.Realm.Details.Title(st.Goal.Action))
	if title == "" {
		return gate
	}
	return templates.Gate{Label: title, State: gate.State}
}

// nameOf is the user's name as a page may show it. Where only the app has said who that
// is, whoever has its link sees the page, so the name is hidden in part.
func nameOf(st *consent.Standing) string {
	if st.Request.Vouched != nil {
		return mfa.MaskEmail(st.User.Username)
	}
	return st.User.Username
}

// stale answers a form whose step is over: sent twice, or from a page that the
// back button showed again. It changes nothing and shows the way on. Where the request
// has ended meanwhile, such as for a transaction that the app replaced, the app says so.
func (h *Handler) stale(c *gin.Context, st *consent.Standing) error {
	if st.Step == consent.StepRefuse {
		return h.goOn(c, st)
	}
	return &web.Failure{Status: http.StatusConflict, Problem: templates.ErrorDone, AppName: st.Client.Name, BackURL: base(st)}
}

// cancel ends the interaction; the app gets access_denied.
func (h *Handler) cancel(c *gin.Context, st *consent.Standing) error {
	st, err := h.Flow.End(c.Request.Context(), st, "cancelled")
	if err != nil {
		return err
	}
	return h.goOn(c, st)
}

// cancelled reports whether the form was sent by its Cancel button.
func cancelled(c *gin.Context) bool { return c.PostForm("cancel") != "" }
