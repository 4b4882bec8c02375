package hosted

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// maxUsername is the longest identifier that is looked at, in bytes. Source:
// RFC 5321 section 4.5.3.1 (the longest mail address), with room.
const maxUsername = 320

// showLogin asks who the user is, or for the password once that is known.
func (h *Handler) showLogin(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepLogin {
		return h.goOn(c, st)
	}
	name, _, err := h.account(c, st)
	if err != nil {
		return err
	}
	if name == "" {
		return h.renderIdentify(c, st, http.StatusOK, st.Request.LoginHint, "")
	}
	return h.renderPassword(c, st, http.StatusOK, name, "", time.Time{})
}

// account is the identifier to ask the password for: that of the user whom the
// interaction is about, whoever that is, else what was typed. pinned is true
// when it cannot be changed.
func (h *Handler) account(c *gin.Context, st *consent.Standing) (name string, pinned bool, err error) {
	if st.In.SessionID != "" && st.In.State.UserID != "" {
		user, err := h.Flow.People.User(c.Request.Context(), st.Realm.Tenant.ID, st.In.State.UserID)
		if err == nil || !errors.Is(err, identity.ErrNotFound) {
			return user.Username, true, err
		}
	}
	return st.In.State.Identifier, false, nil
}

func (h *Handler) submitIdentify(c *gin.Context, st *consent.Standing) error {
	if cancelled(c) {
		return h.cancel(c, st)
	}
	if st.Step != consent.StepLogin {
		return h.stale(c, st)
	}
	name := identity.Username(c.PostForm("username"))
	if name == "" || len(name) > maxUsername {
		return h.renderIdentify(c, st, http.StatusUnprocessableEntity, "", templates.ProblemNoUsername)
	}
	st, err := h.Flow.Identify(c.Request.Context(), st, name)
	if err != nil {
		return err
	}
	return h.goOn(c, st)
}

// notYou goes back from the password to the identify page.
func (h *Handler) notYou(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepLogin {
		return h.stale(c, st)
	}
	st, err := h.Flow.Identify(c.Request.Context(), st, "")
	if err != nil {
		return err
	}
	return h.goOn(c, st)
}

// submitPassword checks the first factor and looks for a trusted device, which
// may spare the second step of this login. No session comes of it: until the
// login is complete, what was proven stays on the interaction.
func (h *Handler) submitPassword(c *gin.Context, st *consent.Standing) error {
	if cancelled(c) {
		return h.cancel(c, st)
	}
	name, _, err := h.account(c, st)
	if err != nil {
		return err
	}
	if st.Step != consent.StepLogin || name == "" {
		return h.stale(c, st)
	}
	password := c.PostForm("password")
	if password == "" {
		return h.renderPassword(c, st, http.StatusUnprocessableEntity, name, templates.ProblemNoPassword, time.Time{})
	}
	user, err := h.verifyPassword(c, st, name, password)
	if err != nil {
		return h.passwordProblem(c, st, name, err)
	}
	waiver := h.recognise(c, st.Realm, user)
	st, err = h.Flow.LogIn(c.Request.Context(), st, user, waiver)
	if errors.Is(err, consent.ErrOtherUser) {
		return h.passwordProblem(c, st, name, identity.ErrCredentials)
	}
	if err != nil {
		return err
	}
	return h.arrive(c, st)
}

// verifyPassword checks the password of name and tells the audit log.
func (h *Handler) verifyPassword(c *gin.Context, st *consent.Standing, name, password string) (identity.User, error) {
	ctx := c.Request.Context()
	user, err := h.SignIn.VerifyFrom(ctx, st.Realm.Tenant.ID, name, password, web.ClientIP(c), h.Cookies.Known(c, st.Realm))
	result, userID := "ok", user.ID
	switch {
	case errors.Is(err, identity.ErrCredentials):
		result, userID = "wrong", h.SignIn.Named(ctx, st.Realm.Tenant.ID, name)
	case err != nil:
		result = "refused"
	}
	h.Observe(ctx, mfa.Event{
		Kind: "password.tried", Subject: mfa.Subject{TenantID: st.Realm.Tenant.ID, UserID: userID}, Result: result,
		Owner: st.In.ID, IP: web.ClientIP(c), At: h.Now(), Data: map[string]string{"client": st.Client.ID},
	})
	return user, err
}

func (h *Handler) passwordProblem(c *gin.Context, st *consent.Standing, name string, err error) error {
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	switch {
	case limited:
		web.SetRetryAfter(c, h.Now().Add(wait.After), h.Now())
		return h.renderPassword(c, st, http.StatusTooManyRequests, name, templates.ProblemLocked, h.Now().Add(wait.After))
	case errors.Is(err, identity.ErrCredentials):
		return h.renderPassword(c, st, http.StatusUnprocessableEntity, name, templates.ProblemBadSignIn, time.Time{})
	}
	return err
}

func (h *Handler) renderIdentify(c *gin.Context, st *consent.Standing, status int, name, problem string) error {
	page := templates.IdentifyPage{
		Frame: h.frame(c, st), Action: base(st) + "/identify", Username: name, Problem: problem, CanCancel: st.Request.ReturnTo == "",
		ForgotURL: st.Realm.Tenant.Path() + "/forgot",
	}
	if st.Realm.Tenant.SignUp {
		page.SignUpURL = st.Realm.Tenant.Path() + "/sign-up"
	}
	err := h.offerPasskey(c, st, &page)
	if err != nil {
		return err
	}
	return h.Pages.Render(c, status, page)
}

func (h *Handler) renderPassword(c *gin.Context, st *consent.Standing, status int, name, problem string, retry time.Time) error {
	frame := h.frame(c, st)
	frame.Account = name
	_, pinned, err := h.account(c, st)
	if err != nil {
		return err
	}
	if !pinned {
		frame.NotYou = base(st) + "/not-you"
	}
	page := templates.PasswordPage{
		Frame: frame, Action: base(st) + "/password", Username: name, Problem: problem, RetryAt: retry,
		CanCancel: st.Request.ReturnTo == "", ForgotURL: st.Realm.Tenant.Path() + "/forgot",
	}
	if pinned && st.Request.ReturnTo != "" {
		page.Change = templates.ChangeSettings // the settings ask somebody who is signed in once more
	}
	return h.Pages.Render(c, status, page)
}
