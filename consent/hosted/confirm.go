package hosted

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// showConfirm shows the action that the app asked for. Where its first stage
// began on arrival, details and code field are on one page; else the page asks
// to go on, and the challenge page repeats the details.
func (h *Handler) showConfirm(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepConfirm {
		return h.goOn(c, st)
	}
	challenge, err := h.Flow.Arrive(c.Request.Context(), st, h.browser(c, st))
	if errors.Is(err, consent.ErrOver) {
		return seeOther(c, base(st)) // it ended meanwhile, and is judged anew
	}
	if err == nil && st.Target.Proof == string(policy.ProofPassword) {
		return h.renderStagePassword(c, st, http.StatusOK, "", time.Time{})
	}
	if challenge == nil && err == nil && !onlyPIN(st) && !st.In.State.Submitted && st.Action.Begin == policy.BeginOnSubmit {
		return h.renderConfirm(c, st, http.StatusOK, nil, templates.CodeField{})
	}
	return h.showProof(c, st, http.StatusOK, challenge, mfa.Verdict{}, err)
}

func (h *Handler) submitConfirm(c *gin.Context, st *consent.Standing) error {
	if cancelled(c) {
		return h.cancel(c, st)
	}
	switch {
	case st.Step != consent.StepConfirm:
		return h.stale(c, st)
	case st.Target.Proof == string(policy.ProofPassword):
		return h.submitStagePassword(c, st)
	case st.Action.Begin == policy.BeginOnSubmit && !st.In.State.Submitted && !onlyPIN(st):
		next, err := h.Flow.Submit(c.Request.Context(), st)
		if err != nil {
			return err
		}
		return h.arrive(c, next)
	}
	return h.answer(c, st)
}

func (h *Handler) renderConfirm(c *gin.Context, st *consent.Standing, status int, challenge *mfa.Challenge, field templates.CodeField) error {
	page := templates.ConfirmPage{
		Frame: h.frame(c, st), CodeField: field, Action: base(st) + "/confirm",
		ActionName: st.Goal.Action, Slip: h.slip(c, st), DenyAction: base(st) + "/deny",
	}
	if challenge != nil {
		ways, err := h.ways(c, st, challenge)
		if err != nil {
			return err
		}
		if len(ways) > 0 {
			page.ChooseURL = base(st) + "/choose"
		}
	}
	return h.Pages.Render(c, status, page)
}

// renderStagePassword asks for the password as a stage of the action.
func (h *Handler) renderStagePassword(c *gin.Context, st *consent.Standing, status int, problem string, retry time.Time) error {
	return h.Pages.Render(c, status, templates.PasswordPage{
		Frame: h.frame(c, st), Action: base(st) + "/confirm", Username: nameOf(st),
		Problem: problem, RetryAt: retry, CanCancel: true,
	})
}

func (h *Handler) submitStagePassword(c *gin.Context, st *consent.Standing) error {
	password := c.PostForm("password")
	if password == "" {
		return h.renderStagePassword(c, st, http.StatusUnprocessableEntity, templates.ProblemNoPassword, time.Time{})
	}
	who, err := h.verifyPassword(c, st, st.User.Username, password)
	if err == nil && who.ID != st.User.ID {
		err = identity.ErrCredentials // the name went to another account meanwhile
	}
	if err != nil {
		return h.stagePasswordProblem(c, st, err)
	}
	next, err := h.Flow.AnswerPassword(c.Request.Context(), st)
	if err != nil {
		return err
	}
	return h.arrive(c, next)
}
