package settings

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// mountAccount adds the pages of the account that need a session.
func (h *Handler) mountAccount(inside gin.IRouter, page func(handler) gin.HandlerFunc) {
	inside.GET("/password", page(h.freshly(h.showPasswordChange)))
	inside.POST("/password", page(h.freshly(h.submitPasswordChange)))
	inside.POST("/language", page(h.submitLanguage))
	inside.GET("/verify-email", page(h.showVerifyRequest))
	inside.POST("/verify-email", page(h.submitVerifyRequest))
	inside.GET("/verify-email/sent", page(h.showVerifySent))
}

// freshly lets do be reached only soon after a login: a session that somebody finds
// open is not enough to take the account away.
func (h *Handler) freshly(do handler) handler {
	return func(c *gin.Context, s *web.Seat) error {
		age := h.Now().Sub(identity.LastFirst(s.Session.Events))
		if age > s.Realm.Policy.FreshLoginAge() {
			return mfa.ErrStaleLogin
		}
		return do(c, s)
	}
}

func (h *Handler) showPasswordChange(c *gin.Context, s *web.Seat) error {
	if s.User.PasswordHash == "" {
		// There is no old password to ask for, so the proof is the address.
		return seeOther(c, s.Realm.Tenant.Path()+"/forgot")
	}
	return h.renderPasswordChange(c, s, http.StatusOK, "", time.Time{})
}

// submitPasswordChange changes the password. This session goes on under a new secret,
// all others end (ASVS 7.2.4, 7.4.3).
func (h *Handler) submitPasswordChange(c *gin.Context, s *web.Seat) error {
	old, next := c.PostForm("password"), c.PostForm("new-password")
	switch {
	case old == "":
		return h.renderPasswordChange(c, s, http.StatusUnprocessableEntity, templates.ProblemNoPassword, time.Time{})
	case next == "":
		return h.renderPasswordChange(c, s, http.StatusUnprocessableEntity, templates.ProblemNoNew, time.Time{})
	}
	token, hash := web.NewToken()
	known := h.Cookies.Known(c, s.Realm)
	u, err := h.Accounts.ChangePassword(c.Request.Context(), s.Realm, identity.PasswordChange{
		UserID: s.User.ID, Old: mfa.Secret(old), New: mfa.Secret(next),
		Keep: &identity.KeptSession{ID: s.Session.ID, TokenHash: hash},
		IP:   web.ClientIP(c), Known: known, Device: web.UserAgentName(c),
	})
	if err != nil {
		return h.passwordChangeProblem(c, s, err)
	}
	h.Cookies.SetSession(c, s.Realm, token, h.cookieAge(s.Session))
	if h.SignIn.Browsers != nil {
		// The mark of this browser was one of the old password.
		h.Cookies.SetKnown(c, s.Realm, h.SignIn.Browsers.Remember(known, u))
	}
	h.leaveNews(c, s.Realm, templates.DonePasswordChanged)
	return seeOther(c, s.Base)
}

func (h *Handler) passwordChangeProblem(c *gin.Context, s *web.Seat, err error) error {
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	refused, unfit := errors.AsType[*identity.PasswordError](err)
	switch {
	case limited:
		c.Header("Retry-After", retryAfter(wait.After))
		return h.renderPasswordChange(c, s, http.StatusTooManyRequests, templates.ProblemLocked, h.Now().Add(wait.After))
	case unfit:
		return h.renderPasswordChange(c, s, http.StatusUnprocessableEntity, string(refused.Reason), time.Time{})
	case errors.Is(err, identity.ErrCredentials):
		return h.renderPasswordChange(c, s, http.StatusUnprocessableEntity, templates.ProblemWrongOld, time.Time{})
	}
	return err
}

func (h *Handler) renderPasswordChange(c *gin.Context, s *web.Seat, status int, problem string, retry time.Time) error {
	rules, err := h.Accounts.Rules(c.Request.Context(), s.Realm, s.User)
	if err != nil {
		return err
	}
	return h.Pages.Render(c, status, templates.PasswordChangePage{
		Frame: s.Frame, Action: s.Base + "/password", Username: s.User.Username, MinLength: rules.MinLength,
		Problem: problem, RetryAt: retry, ForgotURL: s.Realm.Tenant.Path() + "/forgot", BackURL: s.Base,
	})
}

// cookieAge is how long the cookie of a session lasts; 0 ends with the browser.
func (h *Handler) cookieAge(s *identity.Session) time.Duration {
	if !s.Persistent {
		return 0
	}
	return s.ExpiresAt.Sub(h.Now())
}

// submitLanguage makes a language the user's own, in this browser and in mails.
func (h *Handler) submitLanguage(c *gin.Context, s *web.Seat) error {
	lang := c.PostForm("lang")
	err := h.Pages.ChooseLang(c, lang)
	if err != nil {
		return err
	}
	_, err = h.Rows.UpdateUser(c.Request.Context(), s.User.TenantID, s.User.ID, func(u *identity.User) error {
		u.Profile.Locale = lang
		return nil
	})
	if err != nil {
		return err
	}
	return seeOther(c, web.Back(c))
}
