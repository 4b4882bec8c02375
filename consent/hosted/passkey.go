package hosted

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// offerPasskey puts a ceremony for any passkey of this tenant on the identify page,
// where the policy takes keys at a login. It is not tied to a user, so it tells
// nothing about any; what is stored of it is the interaction's own.
func (h *Handler) offerPasskey(c *gin.Context, st *consent.Standing, page *templates.IdentifyPage) error {
	if !slices.Contains(st.Realm.Policy.LoginMethods(), policy.WebAuthn) {
		return nil
	}
	options, err := h.Flow.OfferPasskey(c.Request.Context(), st)
	if err != nil {
		return err
	}
	page.PasskeyAction, page.PasskeyOptions = base(st)+"/passkey", options
	return nil
}

// submitPasskey takes a passkey in the place of name and password.
func (h *Handler) submitPasskey(c *gin.Context, st *consent.Standing) error {
	if cancelled(c) {
		return h.cancel(c, st)
	}
	if st.Step != consent.StepLogin {
		return h.stale(c, st)
	}
	ctx := c.Request.Context()
	user, proof, err := h.Flow.Passkey(ctx, st, c.PostForm("credential"), h.browser(c, st))
	if err != nil {
		return h.passkeyProblem(c, st, err)
	}
	next, err := h.Flow.LogInWithKey(ctx, st, user, proof)
	if errors.Is(err, consent.ErrOtherUser) {
		return h.renderIdentify(c, st, http.StatusUnprocessableEntity, "", templates.ProblemPasskeyUnknown)
	}
	if err != nil {
		return err
	}
	h.Observe(ctx, mfa.Event{
		Kind: "passkey.tried", Subject: user.Subject(), Result: "ok", Owner: st.In.ID, Method: policy.WebAuthn,
		IP: web.ClientIP(c), At: h.Now(), Data: map[string]string{"client": st.Client.ID},
	})
	return h.arrive(c, next)
}

// passkeyProblem says the same of a passkey that nobody has and of one whose
// account cannot be used.
func (h *Handler) passkeyProblem(c *gin.Context, st *consent.Standing, err error) error {
	switch {
	case errors.Is(err, mfa.ErrCloned):
		return h.renderIdentify(c, st, http.StatusUnprocessableEntity, "", templates.ProblemKeyCloned)
	case errors.Is(err, mfa.ErrUnknownKey), errors.Is(err, mfa.ErrNotFound), errors.Is(err, identity.ErrNotFound):
		return h.renderIdentify(c, st, http.StatusUnprocessableEntity, "", templates.ProblemPasskeyUnknown)
	case told(err):
		h.setRetryAfter(c, err, h.Now())
		return h.renderIdentify(c, st, web.ProofStatus(err), "", templates.ProblemPasskeyFailed)
	}
	return err
}

// showRecover helps somebody who can use none of the ways: with recovery codes where
// there are some, else with whom to ask.
func (h *Handler) showRecover(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepChallenge || !st.Target.Login {
		return h.goOn(c, st)
	}
	can, err := h.Flow.CanRecover(c.Request.Context(), st)
	if err != nil {
		return err
	}
	page := templates.RecoverPage{Frame: h.frame(c, st), BackURL: pathOf(st), CancelAction: base(st) + "/cancel"}
	if can {
		page.CodesAction = base(st) + "/recover"
	}
	return h.Pages.Render(c, http.StatusOK, page)
}

func (h *Handler) submitRecover(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepChallenge {
		return h.stale(c, st)
	}
	next, err := h.Flow.BeginRecovery(c.Request.Context(), st, h.browser(c, st))
	if errors.Is(err, mfa.ErrNoMethod) {
		return seeOther(c, base(st)+"/recover")
	}
	if err != nil {
		return err
	}
	return h.arrive(c, next)
}

// putOff lets the user go on without the second step that the tenant will demand.
func (h *Handler) putOff(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepEnrol && st.Step != consent.StepChallenge {
		return h.stale(c, st)
	}
	next, err := h.Flow.PutOffEnrolment(c.Request.Context(), st)
	if err != nil {
		return err
	}
	return h.goOn(c, next)
}
