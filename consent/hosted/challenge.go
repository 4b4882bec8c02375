package hosted

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// arrive begins the challenge of the step that comes next, if it begins by
// itself, and sends the browser there. A code that cannot be sent now is told
// by the page.
func (h *Handler) arrive(c *gin.Context, st *consent.Standing) error {
	if st.Step == consent.StepChallenge || st.Step == consent.StepConfirm {
		_, err := h.Flow.Arrive(c.Request.Context(), st, h.browser(c, st))
		if err != nil && !told(err) {
			return err
		}
	}
	return h.goOn(c, st)
}

// told reports whether the page of a challenge has words for err.
func told(err error) bool {
	p, _ := problemOf(err)
	return p != ""
}

// problemOf is what the page says about err and, where that helps, until when;
// "" for a failure that is not the user's to mend.
func problemOf(err error) (problem string, until time.Time) {
	tooSoon, early := errors.AsType[*mfa.TooSoonError](err)
	locked, shut := errors.AsType[*mfa.LockedError](err)
	switch {
	case err == nil:
		return "", time.Time{}
	case early:
		return templates.ProblemTooSoon, tooSoon.At
	case shut:
		return templates.ProblemTooMany, locked.Until
	case errors.Is(err, mfa.ErrMalformed):
		return templates.ProblemMalformed, time.Time{}
	case errors.Is(err, mfa.ErrMismatch):
		return templates.ProblemWrongCode, time.Time{}
	case errors.Is(err, mfa.ErrExpired):
		return templates.ProblemExpired, time.Time{}
	case errors.Is(err, mfa.ErrSpent), errors.Is(err, mfa.ErrSuperseded):
		return templates.ProblemUsed, time.Time{}
	case errors.Is(err, mfa.ErrExhausted):
		return templates.ProblemTooMany, time.Time{}
	case errors.Is(err, mfa.ErrDelivery):
		return templates.ProblemSendFailed, time.Time{}
	case errors.Is(err, mfa.ErrNoSends), errors.Is(err, mfa.ErrNotOffered), errors.Is(err, mfa.ErrNoMethod), errors.Is(err, mfa.ErrPolicyChanged),
		errors.Is(err, mfa.ErrContactInUse):
		return templates.ProblemMethod, time.Time{}
	}
	_, limited := errors.AsType[*ratelimit.WaitError](err)
	if limited {
		return templates.ProblemSendLimit, time.Time{}
	}
	return "", time.Time{}
}

func (h *Handler) showChallenge(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepChallenge {
		return h.goOn(c, st)
	}
	challenge, err := h.Flow.Arrive(c.Request.Context(), st, h.browser(c, st))
	return h.showProof(c, st, http.StatusOK, challenge, mfa.Verdict{}, err)
}

// showProof shows the page of the present step: its challenge, or the choice of
// a method while there is none.
func (h *Handler) showProof(c *gin.Context, st *consent.Standing, status int, challenge *mfa.Challenge, v mfa.Verdict, err error) error {
	if err != nil && !told(err) {
		return err
	}
	if challenge == nil {
		return h.renderChoose(c, st, status, nil, err)
	}
	field := h.codeField(st, *challenge, v, err)
	if st.Step == consent.StepConfirm && !st.In.State.Submitted {
		return h.renderConfirm(c, st, status, challenge, field)
	}
	ways, waysErr := h.ways(c, st, challenge)
	if waysErr != nil {
		return waysErr
	}
	page := templates.ChallengePage{
		Frame: h.frame(c, st), CodeField: field, Action: pathOf(st), SwitchAction: base(st) + "/challenge/switch",
		Ways: ways, TrustDevice: trustLabel(st), CanCancel: true,
	}
	if st.Step == consent.StepConfirm {
		page.ActionName, page.Slip = st.Goal.Action, h.slip(c, st)
	}
	return h.Pages.Render(c, status, page)
}

// codeField is what the page says about challenge.
func (h *Handler) codeField(st *consent.Standing, challenge mfa.Challenge, v mfa.Verdict, err error) templates.CodeField {
	field := templates.CodeField{
		Method: string(challenge.Method), Masked: challenge.Masked, Digits: challenge.Digits,
		ExpiresAt: challenge.ExpiresAt, ResendAt: challenge.ResendAt, TriesLeft: v.TriesLeft,
		ResendAction: base(st) + "/challenge/resend",
		Sent:         err == nil && challenge.Status == mfa.ChallengeSent,
	}
	field.Problem, field.LockedUntil = problemOf(err)
	if field.Problem == templates.ProblemTooSoon {
		field.ResendAt = later(field.ResendAt, field.LockedUntil)
	}
	if err == nil {
		field.Problem = statusProblem(challenge, h.Now())
	}
	if !v.LockedUntil.IsZero() && field.Problem == templates.ProblemWrongCode {
		field.Problem, field.LockedUntil = templates.ProblemTooMany, v.LockedUntil
	}
	return field
}

// statusProblem is what a page that is opened again says about the challenge.
func statusProblem(c mfa.Challenge, now time.Time) string {
	switch {
	case c.Status == mfa.ChallengeLocked:
		return templates.ProblemTooMany
	case c.Status == mfa.ChallengeFailed:
		return templates.ProblemSendFailed
	case c.Status == mfa.ChallengeExpired, c.Status == mfa.ChallengeSent && !now.Before(c.ExpiresAt):
		return templates.ProblemExpired
	}
	return ""
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (h *Handler) submitChallenge(c *gin.Context, st *consent.Standing) error {
	if cancelled(c) {
		return h.cancel(c, st)
	}
	if st.Step != consent.StepChallenge {
		return h.stale(st)
	}
	return h.answer(c, st)
}

// answer judges the code that the user typed. A user who can still correct the
// mistake sees the page again. An action does not survive a locked challenge:
// the app has to ask anew.
func (h *Handler) answer(c *gin.Context, st *consent.Standing) error {
	ctx, id := c.Request.Context(), st.In.State.ChallengeID
	if id == "" || st.In.State.ChallengeFor != st.Target {
		return h.stale(st)
	}
	next, verdict, err := h.Flow.Answer(ctx, st, id, c.PostForm("code"), h.browser(c, st))
	if err == nil {
		err = h.trust(c, st, verdict.Proof)
		if err != nil {
			return err
		}
		return h.arrive(c, next)
	}
	if verdict.Challenge.Status == mfa.ChallengeLocked && !st.Target.Login {
		st, err = h.Flow.End(ctx, st, "locked")
		if err != nil {
			return err
		}
		return h.goOn(c, st)
	}
	if errors.Is(err, mfa.ErrSpent) || errors.Is(err, consent.ErrOver) {
		return h.stale(st)
	}
	if !told(err) {
		return err
	}
	h.setRetryAfter(c, err, verdict.LockedUntil)
	return h.showProof(c, st, refusedStatus(err, verdict), &verdict.Challenge, verdict, err)
}

func refusedStatus(err error, v mfa.Verdict) int {
	if !v.LockedUntil.IsZero() || v.Challenge.Status == mfa.ChallengeLocked {
		return http.StatusTooManyRequests
	}
	return web429(err)
}

// web429 is 429 for what waiting mends, 400 for a method that is not offered,
// and 422 for what the user typed.
func web429(err error) int {
	_, limited := errors.AsType[*ratelimit.WaitError](err)
	_, locked := errors.AsType[*mfa.LockedError](err)
	switch {
	case limited, locked, errors.Is(err, mfa.ErrTooSoon), errors.Is(err, mfa.ErrExhausted):
		return http.StatusTooManyRequests
	case errors.Is(err, mfa.ErrNotOffered), errors.Is(err, mfa.ErrNoSends), errors.Is(err, mfa.ErrNoMethod):
		return http.StatusBadRequest
	case errors.Is(err, mfa.ErrDelivery):
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

func (h *Handler) setRetryAfter(c *gin.Context, err error, until time.Time) {
	_, at := problemOf(err)
	at = later(at, until)
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	switch {
	case limited:
		c.Header("Retry-After", retryAfter(wait.After))
	case !at.IsZero():
		c.Header("Retry-After", retryAfter(at.Sub(h.Now())))
	}
}
