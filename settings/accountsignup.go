package settings

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

func (h *Handler) showSignUp(c *gin.Context, v *visitor) error {
	return h.renderSignUp(c, v, http.StatusOK, "", "")
}

// submitSignUp answers an address that has an account as one that has none: what
// is the case stands in the letter, which only the owner reads.
func (h *Handler) submitSignUp(c *gin.Context, v *visitor) error {
	typed := c.PostForm("username")
	err := h.Accounts.RequestSignUp(c.Request.Context(), v.Realm, typed, h.Pages.Lang(c), web.ClientIP(c))
	if errors.Is(err, identity.ErrAddress) {
		problem := templates.ProblemBadEmail
		if strings.TrimSpace(typed) == "" {
			problem = templates.ProblemNoUsername
		}
		return h.renderSignUp(c, v, http.StatusUnprocessableEntity, shownAgain(typed), problem)
	}
	if err != nil {
		return err
	}
	h.leaveAsked(c, v.Realm, identity.Username(typed))
	return seeOther(c, v.path("/sign-up/sent"))
}

func (h *Handler) renderSignUp(c *gin.Context, v *visitor, status int, name, problem string) error {
	return h.Pages.Render(c, status, templates.SignUpPage{
		Frame: v.Frame, Action: v.path("/sign-up"), Username: name, Problem: problem, SignInURL: v.path("/settings"),
	})
}

func (h *Handler) showSignUpSent(c *gin.Context, v *visitor) error {
	return h.Pages.Render(c, http.StatusOK, templates.SignUpPage{
		Frame: v.Frame, Sent: true, Username: h.wasAsked(c, v.Realm), SignInURL: v.path("/settings"),
	})
}

// maxName is the longest name of a person, in characters.
const maxName = 120

func (h *Handler) showSignUpFinish(c *gin.Context, v *visitor) error {
	token, finished := h.linkToken(c, v, keepSignUp)
	if finished != "" {
		return h.Pages.Render(c, http.StatusOK, templates.SignUpFinishPage{
			Frame: v.Frame, State: templates.LinkDone, SignInURL: v.path("/settings"),
		})
	}
	return h.renderSignUpFinish(c, v, http.StatusOK, token, "", "")
}

// submitSignUpFinish makes the account. It signs nobody in: the first login is one like
// any other, with what the tenant asks for.
func (h *Handler) submitSignUpFinish(c *gin.Context, v *visitor) error {
	token, finished := h.linkToken(c, v, keepSignUp)
	if finished != "" {
		return seeOther(c, v.path("/sign-up/finish"))
	}
	name, password := strings.TrimSpace(c.PostForm("name")), c.PostForm("new-password")
	problem := signUpProblem(name, password)
	if problem != "" {
		return h.renderSignUpFinish(c, v, http.StatusUnprocessableEntity, token, name, problem)
	}
	_, err := h.Accounts.SignUp(c.Request.Context(), v.Realm, token, identity.NewAccount{
		Name: name, Password: mfa.Secret(password), Lang: h.Pages.Lang(c),
	}, web.ClientIP(c))
	refused, unfit := errors.AsType[*identity.PasswordError](err)
	switch {
	case unfit:
		return h.renderSignUpFinish(c, v, http.StatusUnprocessableEntity, token, name, string(refused.Reason))
	case err != nil:
		return h.signUpOver(c, v, err)
	}
	return h.endLink(c, v, keepSignUp, linkDone, "/sign-up/finish")
}

func signUpProblem(name, password string) string {
	switch {
	case name == "":
		return templates.ProblemNoName
	case utf8.RuneCountInString(name) > maxName:
		return templates.ProblemNameTooLong
	case password == "":
		return templates.ProblemNoNew
	}
	return ""
}

func (h *Handler) renderSignUpFinish(c *gin.Context, v *visitor, status int, token mfa.Secret, name, problem string) error {
	address, rules, err := h.Accounts.OpenSignUp(c.Request.Context(), v.Realm, token)
	if err != nil {
		return h.signUpOver(c, v, err)
	}
	return h.Pages.Render(c, status, templates.SignUpFinishPage{
		Frame: v.Frame, State: templates.LinkOpen, Action: v.path("/sign-up/finish"), Username: address,
		Name: shownAgain(name), MinLength: rules.MinLength, Problem: problem,
	})
}

// signUpOver says that the link does not work, or passes on any other failure. An
// address that got an account in the meantime is a link that was used.
func (h *Handler) signUpOver(c *gin.Context, v *visitor, err error) error {
	state, ok := linkState(err)
	if errors.Is(err, identity.ErrTaken) {
		state, ok = templates.LinkUsed, true
	}
	if !ok {
		return err
	}
	return h.Pages.Render(c, http.StatusGone, templates.SignUpFinishPage{
		Frame: v.Frame, State: state, RequestURL: v.path("/sign-up"), SignInURL: v.path("/settings"),
	})
}
