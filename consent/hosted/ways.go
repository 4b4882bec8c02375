package hosted

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// reasonWords are the page's words for why a way is not available.
var reasonWords = map[string]string{
	mfa.ReasonTimer:   templates.ReasonTimer,
	mfa.ReasonLocked:  templates.ReasonLocked,
	mfa.ReasonDead:    templates.ReasonBlocked,
	mfa.ReasonNoSends: templates.ReasonUsedUp,
}

// ways lists the other ways beside challenge, or all of them without one.
func (h *Handler) ways(c *gin.Context, st *consent.Standing, challenge *mfa.Challenge) ([]templates.Way, error) {
	options, err := h.Flow.Ways(c.Request.Context(), st, chainOf(challenge))
	if err != nil {
		return nil, err
	}
	var ways []templates.Way
	for _, o := range options {
		if challenge != nil && o.Method == challenge.Method && o.ContactID == challenge.ContactID {
			continue
		}
		ways = append(ways, templates.Way{
			Method: string(o.Method), Masked: o.Masked, CodesLeft: o.CodesLeft, Available: o.Available(h.Now()),
			Reason: reasonWords[o.Reason], AvailableAt: o.AvailableAt,
		})
	}
	return web.CodesLast(ways), nil
}

// chainOf is challenge while its chain can go on; after a lock-out the next one
// begins a chain of its own.
func chainOf(challenge *mfa.Challenge) *mfa.Challenge {
	if challenge != nil && challenge.Status == mfa.ChallengeLocked {
		return nil
	}
	return challenge
}

func (h *Handler) showChoose(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepChallenge && st.Step != consent.StepConfirm || onlyPIN(st) {
		return h.goOn(c, st)
	}
	challenge, err := h.Flow.Current(c.Request.Context(), st)
	if err != nil {
		return err
	}
	return h.renderChoose(c, st, http.StatusOK, challenge, nil)
}

func (h *Handler) renderChoose(c *gin.Context, st *consent.Standing, status int, challenge *mfa.Challenge, cause error) error {
	ways, err := h.ways(c, st, challenge)
	if err != nil {
		return err
	}
	page := templates.ChoosePage{
		Frame: h.frame(c, st), Action: base(st) + "/cancel", SwitchAction: base(st) + "/challenge/switch",
		Ways: ways, ActionName: st.Goal.Action, CanCancel: true,
	}
	if challenge != nil {
		page.BackURL = pathOf(st)
	}
	if st.Target.Login {
		page.NoneURL = base(st) + "/recover"
	}
	page.Problem, page.RetryAt = web.ProofProblem(cause)
	if page.Problem != "" {
		h.setRetryAfter(c, cause, page.RetryAt)
		if status == http.StatusOK {
			status = web.ProofStatus(cause)
		}
	}
	return h.Pages.Render(c, status, page)
}

// switchMethod begins the present step by another method, or the first one where
// none was begun yet. What is not in the server's own list is refused, and told
// to the audit log.
func (h *Handler) switchMethod(c *gin.Context, st *consent.Standing) error {
	return h.redeliver(c, st, mfa.Method(c.PostForm("method")))
}

// resend asks for a fresh code by the same method.
func (h *Handler) resend(c *gin.Context, st *consent.Standing) error {
	return h.redeliver(c, st, "")
}

func (h *Handler) redeliver(c *gin.Context, st *consent.Standing, method mfa.Method) error {
	if st.Step != consent.StepChallenge && st.Step != consent.StepConfirm {
		return h.stale(c, st)
	}
	ctx, browser := c.Request.Context(), h.browser(c, st)
	challenge, err := h.Flow.Current(ctx, st)
	if err != nil {
		return err
	}
	switch {
	case chainOf(challenge) == nil:
		_, err = h.Flow.Choose(ctx, st, method, browser)
	case method == "":
		_, err = h.Flow.Resend(ctx, st, browser)
	default:
		_, err = h.Flow.Switch(ctx, st, method, browser)
	}
	if err == nil || errors.Is(err, mfa.ErrSuperseded) {
		return h.goOn(c, st)
	}
	if !told(err) {
		return err
	}
	if errors.Is(err, mfa.ErrDelivery) {
		// The failed delivery is the chain's newest challenge; its page offers
		// the other ways at once.
		return h.goOn(c, st)
	}
	if web.ProofStatus(err) == http.StatusTooManyRequests {
		h.setRetryAfter(c, err, challengeZero(challenge).ResendAt)
	}
	if challenge == nil {
		return h.renderChoose(c, st, web.ProofStatus(err), nil, err)
	}
	return h.showProof(c, st, web.ProofStatus(err), challenge, mfa.Verdict{}, err)
}

func challengeZero(c *mfa.Challenge) mfa.Challenge {
	if c == nil {
		return mfa.Challenge{}
	}
	return *c
}
