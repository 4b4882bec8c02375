package settings

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// Handler serves the pages. All fields are required.
type Handler struct {
	Flow     *consent.Service // begins the login that a page needs
	MFA      *mfa.Service
	SignIn   *identity.SignIn
	Accounts *identity.Accounts
	Rows     Rows
	Pages    *web.Pages
	Cookies  *web.Cookies
	// Observe is told of what happens, for the audit log and for notices.
	Observe func(ctx context.Context, e mfa.Event)
	// Enrolling is the seat of a user in the middle of a login; its errors are
	// answered as they are.
	Enrolling func(c *gin.Context) (*web.Seat, error)
	Now       func() time.Time
}

// Mount adds the pages to the routes of a tenant.
func (h *Handler) Mount(r gin.IRouter) {
	inside := r.Group("/settings")
	h.mountHub(inside, h.page(h.insideSeat))
	h.mountAccount(inside, h.page(h.insideSeat))
	h.mountLife(inside, h.page(h.insideSeat))
	h.mountLife(r.Group("/interaction/:id/enrol"), h.page(h.Enrolling))
	h.mountLinks(r)
	h.mountDoors(r)
}

// handler serves one page for whoever sits at it.
type handler func(c *gin.Context, s *web.Seat) error

// page makes gin handlers that find the seat first, and check the form's secret.
func (h *Handler) page(find func(*gin.Context) (*web.Seat, error)) func(handler) gin.HandlerFunc {
	return func(do handler) gin.HandlerFunc {
		return web.Page(h.Pages, func(c *gin.Context) error {
			s, err := find(c)
			if err != nil || s == nil {
				return err
			}
			if c.Request.Method == http.MethodPost && !web.OwnForm(c, s.CSRF) {
				return &web.Failure{Status: http.StatusForbidden, Problem: templates.ErrorForm, BackURL: s.Base}
			}
			err = do(c, s)
			switch {
			case !errors.Is(err, mfa.ErrStaleLogin):
				return err
			case wantsJSON(c):
				answerJSON(c, err, h.Now())
				return nil
			}
			return h.signIn(c, s.Realm, consent.SignedIn{Session: s.Session, User: &s.User}, true)
		})
	}
}

// insideSeat is the seat of a browser with a live session. Without one it sends the
// browser to sign in, and returns nil.
func (h *Handler) insideSeat(c *gin.Context) (*web.Seat, error) {
	realm := web.Realm(c)
	token := h.Cookies.SessionToken(c, realm)
	who, err := h.sessionOf(c, realm)
	if err != nil {
		return nil, err
	}
	if !who.Session.Live(who.User, h.Now()) {
		return nil, h.signIn(c, realm, consent.SignedIn{}, false)
	}
	web.UseUserLang(c, who.User.Lang())
	frame := h.Pages.Frame(c)
	frame.Account = who.User.Username
	s := &web.Seat{
		Realm: realm, User: *who.User, Session: who.Session, Base: realm.Tenant.Path() + "/settings",
		CSRF: web.FormSecret("settings\x00"+realm.Tenant.ID, token), Frame: frame,
	}
	s.Frame.CSRF, s.Frame.LangAction = s.CSRF, s.Base+"/language"
	s.Doer = mfa.Doer{
		Subject: s.User.Subject(), Policy: realm.Policy, PolicyVersion: realm.Tenant.PolicyVersion, Flags: flagsOf(s.User),
		MFAEnabled: s.User.MFAEnabled, LoginAt: identity.LastFirst(who.Session.Events),
		SecondAt: identity.LastSecond(who.Session.Events), Binding: []byte("session/" + who.Session.ID),
		IP: web.ClientIP(c), Device: web.UserAgentName(c), About: h.about(c, realm), RP: realm.Tenant.RelyingParty(), UserName: s.User.Username,
	}
	return s, nil
}

// sessionOf is the session of the browser, over or not; its zero value is none.
func (h *Handler) sessionOf(c *gin.Context, realm *identity.Realm) (who consent.SignedIn, err error) {
	hash := web.SessionHash(h.Cookies.SessionToken(c, realm))
	if hash == nil {
		return who, nil
	}
	return h.Flow.People.SignedIn(c.Request.Context(), realm.Tenant.ID, hash, "")
}

func flagsOf(u identity.User) []string {
	var names []string
	for name := range u.Flags {
		names = append(names, name)
	}
	return names
}

// about is what messages of the settings may say.
func (h *Handler) about(c *gin.Context, realm *identity.Realm) mfa.About {
	t := realm.Tenant
	return mfa.About{
		TenantName: t.Name, Host: t.PublicHost(), AppName: t.Name, Lang: h.Pages.Lang(c), Zone: t.Zone(),
		HelpURL: t.HelpURL, PrivacyURL: t.Privacy, Texts: t.Texts,
	}
}

// signIn begins a login that comes back to the page that was asked for: after a
// form, to the page that the form stands on. fresh demands a login although there is
// a session.
func (h *Handler) signIn(c *gin.Context, realm *identity.Realm, who consent.SignedIn, fresh bool) error {
	back := web.BrowserPath(c, realm.Tenant)
	if c.Request.Method != http.MethodGet {
		back = realm.Tenant.Path() + "/settings"
	}
	in, err := h.Flow.StartAccount(c.Request.Context(), realm, who, consent.AccountRequest{ReturnTo: back, Login: fresh}, consent.Browser{
		Hash: h.Cookies.EnsureBrowser(c, realm), IP: web.ClientIP(c), UserAgent: web.UserAgentName(c), Lang: h.Pages.Lang(c),
	})
	if err != nil {
		return err
	}
	return seeOther(c, realm.Tenant.Path()+"/interaction/"+in.ID)
}

func seeOther(c *gin.Context, path string) error {
	c.Header("Cache-Control", "no-store")
	c.Redirect(http.StatusSeeOther, path)
	return nil
}
