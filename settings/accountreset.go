package settings

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

func (h *Handler) showForgot(c *gin.Context, v *visitor) error {
	return h.renderForgot(c, v, http.StatusOK, "", "")
}

// submitForgot answers every identifier alike: one that nobody has, one that has
// asked too often, and one whose owner finds a letter (T-34).
func (h *Handler) submitForgot(c *gin.Context, v *visitor) error {
	typed := c.PostForm("username")
	err := h.Accounts.RequestReset(c.Request.Context(), v.Realm, typed, h.Pages.Lang(c), web.ClientIP(c))
	if errors.Is(err, identity.ErrAddress) {
		return h.renderForgot(c, v, http.StatusUnprocessableEntity, shownAgain(typed), templates.ProblemNoUsername)
	}
	if err != nil {
		return err
	}
	h.leaveAsked(c, v.Realm, identity.Username(typed))
	return seeOther(c, v.path("/forgot/sent"))
}

func (h *Handler) renderForgot(c *gin.Context, v *visitor, status int, name, problem string) error {
	return h.Pages.Render(c, status, templates.ForgotPage{
		Frame: v.Frame, Action: v.path("/forgot"), Username: name, Problem: problem, SignInURL: v.path("/settings"),
	})
}

func (h *Handler) showForgotSent(c *gin.Context, v *visitor) error {
	return h.Pages.Render(c, http.StatusOK, templates.ForgotPage{
		Frame: v.Frame, Sent: true, Username: h.wasAsked(c, v.Realm), SignInURL: v.path("/settings"),
	})
}

// doneSecondStep is linkDone for an account that has a second step: the page says that
// it stays on.
const doneSecondStep = linkDone + ".second"

func (h *Handler) showReset(c *gin.Context, v *visitor) error {
	token, finished := h.linkToken(c, v, keepReset)
	if finished != "" {
		return h.Pages.Render(c, http.StatusOK, templates.ResetPage{
			Frame: v.Frame, State: templates.LinkDone, SignInURL: v.path("/settings"), SecondStep: finished == doneSecondStep,
		})
	}
	u, rules, err := h.Accounts.OpenReset(c.Request.Context(), v.Realm, token)
	if err != nil {
		return h.resetOver(c, v, err)
	}
	return h.renderReset(c, v, http.StatusOK, u, rules.MinLength, "")
}

// submitReset sets the password. It begins no session, and the second step of the
// next login is asked for as ever (T-70).
func (h *Handler) submitReset(c *gin.Context, v *visitor) error {
	ctx := c.Request.Context()
	token, finished := h.linkToken(c, v, keepReset)
	if finished != "" {
		return seeOther(c, v.path("/reset"))
	}
	next := c.PostForm("new-password")
	if next == "" {
		return h.resetProblem(c, v, token, templates.ProblemNoNew)
	}
	u, err := h.Accounts.Reset(ctx, v.Realm, token, mfa.Secret(next), web.UserAgentName(c), web.ClientIP(c))
	refused, unfit := errors.AsType[*identity.PasswordError](err)
	switch {
	case unfit:
		return h.resetProblem(c, v, token, string(refused.Reason))
	case err != nil:
		return h.resetOver(c, v, err)
	}
	second := false
	if h.Accounts.SecondFactor != nil {
		second, err = h.Accounts.SecondFactor(ctx, v.Realm, u)
		if err != nil {
			return err
		}
	}
	if second {
		return h.endLink(c, v, keepReset, doneSecondStep, "/reset")
	}
	return h.endLink(c, v, keepReset, linkDone, "/reset")
}

// resetProblem shows the form again with what is wrong; the link still works.
func (h *Handler) resetProblem(c *gin.Context, v *visitor, token mfa.Secret, problem string) error {
	u, rules, err := h.Accounts.OpenReset(c.Request.Context(), v.Realm, token)
	if err != nil {
		return h.resetOver(c, v, err)
	}
	return h.renderReset(c, v, http.StatusUnprocessableEntity, u, rules.MinLength, problem)
}

func (h *Handler) renderReset(c *gin.Context, v *visitor, status int, u identity.User, minLength int, problem string) error {
	frame := v.Frame
	frame.Account = u.Username
	return h.Pages.Render(c, status, templates.ResetPage{
		Frame: frame, State: templates.LinkOpen, Action: v.path("/reset"), Username: u.Username, MinLength: minLength,
		Problem: problem,
	})
}

// resetOver says that the link does not work, or passes on any other failure.
func (h *Handler) resetOver(c *gin.Context, v *visitor, err error) error {
	state, ok := linkState(err)
	if !ok {
		return err
	}
	return h.Pages.Render(c, http.StatusGone, templates.ResetPage{
		Frame: v.Frame, State: state, RequestURL: v.path("/forgot"), SignInURL: v.path("/settings"),
	})
}

// shownAgain is what somebody typed, as far as a page repeats it.
func shownAgain(typed string) string {
	if len(typed) > maxTyped {
		return ""
	}
	return typed
}
