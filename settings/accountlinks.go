package settings

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// mountLinks adds the pages for those who are not signed in: to ask for a link, and
// what links in mails lead to. None of them begins a session.
func (h *Handler) mountLinks(r gin.IRouter) {
	r.GET("/forgot", h.outside(h.showForgot))
	r.POST("/forgot", h.outside(h.submitForgot))
	r.GET("/forgot/sent", h.outside(h.showForgotSent))
	r.GET("/reset", h.outside(h.hop(keepReset, h.showReset)))
	r.POST("/reset", h.outside(h.submitReset))

	r.GET("/verify-email", h.outside(h.hop(keepVerify, h.showVerify)))
	r.POST("/verify-email", h.outside(h.submitVerify))
	r.POST("/verify-email/new", h.outside(h.verifyAgain))

	r.GET("/sign-up", h.outside(h.signUpOnly(h.showSignUp)))
	r.POST("/sign-up", h.outside(h.signUpOnly(h.submitSignUp)))
	r.GET("/sign-up/sent", h.outside(h.signUpOnly(h.showSignUpSent)))
	r.GET("/sign-up/finish", h.outside(h.signUpOnly(h.hop(keepSignUp, h.showSignUpFinish))))
	r.POST("/sign-up/finish", h.outside(h.signUpOnly(h.submitSignUpFinish)))

	// Source: W3C, "A Well-Known URL for Changing Passwords", section 3.
	r.GET("/.well-known/change-password", h.outside(func(c *gin.Context, v *visitor) error {
		return seeOther(c, v.path("/settings/password"))
	}))
}

// visitor is a browser of which nothing is known.
type visitor struct {
	Realm *identity.Realm
	CSRF  string
	Frame templates.Frame
}

func (v *visitor) path(below string) string { return v.Realm.Tenant.Path() + below }

// outside makes a gin handler for a page without a session. Its forms hold a secret
// that is bound to the browser's cookie.
func (h *Handler) outside(do func(*gin.Context, *visitor) error) gin.HandlerFunc {
	return web.Page(h.Pages, func(c *gin.Context) error {
		realm := web.Realm(c)
		v := &visitor{Realm: realm, Frame: h.Pages.Frame(c)}
		v.CSRF = web.FormSecret("links\x00"+realm.Tenant.ID, string(h.Cookies.EnsureBrowser(c, realm)))
		v.Frame.CSRF = v.CSRF
		if c.Request.Method == http.MethodPost && !web.OwnForm(c, v.CSRF) {
			below := strings.TrimSuffix(strings.TrimPrefix(c.FullPath(), "/t/:tenant"), "/new")
			return &web.Failure{Status: http.StatusForbidden, Problem: templates.ErrorForm, BackURL: v.path(below)}
		}
		return do(c, v)
	})
}

// signUpOnly serves a page only where the tenant lets people sign up.
func (h *Handler) signUpOnly(do func(*gin.Context, *visitor) error) func(*gin.Context, *visitor) error {
	return func(c *gin.Context, v *visitor) error {
		if !v.Realm.Tenant.SignUp {
			return &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorNotFound}
		}
		return do(c, v)
	}
}

// hop takes the token of a link out of the URL at once: it goes into a cookie that
// no script can read, and the browser to the same page without it. So it stands
// neither in the history nor in a Referer, and looking at the link, as mail
// scanners do, uses nothing.
func (h *Handler) hop(kind string, do func(*gin.Context, *visitor) error) func(*gin.Context, *visitor) error {
	return func(c *gin.Context, v *visitor) error {
		token, ok := c.GetQuery("token")
		if !ok {
			return do(c, v)
		}
		if web.SessionHash(token) == nil {
			token = "none" // the page says that the link does not work
		}
		h.keep(c, v.Realm, kind, token, keepLink)
		c.Header("Referrer-Policy", "no-referrer")
		return seeOther(c, v.path(strings.TrimPrefix(c.FullPath(), "/t/:tenant")))
	}
}

// linkDone is what stands in the place of a token once its work is done.
const linkDone = "done"

// linkToken is the token that hop kept for this browser, and finished what is left of
// one that has done its work; both are "" where there is nothing.
func (h *Handler) linkToken(c *gin.Context, v *visitor, kind string) (token mfa.Secret, finished string) {
	value := h.kept(c, v.Realm, kind)
	if value == linkDone || strings.HasPrefix(value, linkDone+".") {
		return "", value
	}
	return mfa.Secret(value), ""
}

// endLink puts word in the place of the token, and shows the page again.
func (h *Handler) endLink(c *gin.Context, v *visitor, kind, word, page string) error {
	h.keep(c, v.Realm, kind, word, keepPage)
	return seeOther(c, v.path(page))
}

// linkState is how far the link of err has come; ok is false for an error that is
// not about links.
func linkState(err error) (state string, ok bool) {
	switch {
	case errors.Is(err, identity.ErrLinkUsed):
		return templates.LinkUsed, true
	case errors.Is(err, identity.ErrLinkExpired), errors.Is(err, identity.ErrLinkUnknown):
		return templates.LinkExpired, true
	}
	return "", false
}
