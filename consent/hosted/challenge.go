package hosted

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// arrive begins the challenge of the step that comes next, if it begins by
// itself, and sends the browser there. A code that cannot be sent now is told
// by the page.
func (h *Handler) arrive(c *gin.Context, st *consent.Standing) error {
	if st.Step == consent.StepChallenge || st.Step == consent.StepConfirm {
		_, err := h.Flow.Arrive(c.Request.Context(), st, h.browser(c, st))
		if errors.Is(err, consent.ErrOver) {
			return seeOther(c, base(st)) // it ended meanwhile, and is judged anew
		}
		if err != nil && !told(err) {
			return err
		}
	}
	return h.goOn(c, st)
}

// told reports whether the page of a challenge has words for err.
func told(err error) bool {
	p, _ := web.ProofProblem(err)
	return p != ""
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
	if challenge == nil && onlyPIN(st) {
		return h.renderPIN(c, st, status, v, err)
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
		Ways: ways, TrustDevice: trustLabel(st, challenge), CanCancel: true,
	}
	if st.Target.Enrol {
		page.Change = templates.ChangeFirstEnrolment
	}
	if st.Target.Login {
		page.NoneURL = base(st) + "/recover"
	}
	if st.Step == consent.StepConfirm {
		page.ActionName, page.Slip, page.DenyAction = st.Goal.Action, h.slip(c, st), base(st)+"/deny"
	}
	return h.Pages.Render(c, status, page)
}

// codeField is what the page says about challenge.
func (h *Handler) codeField(st *consent.Standing, challenge mfa.Challenge, v mfa.Verdict, err error) templates.CodeField {
	field := templates.CodeField{
		Method: string(challenge.Method), Masked: challenge.Masked, Digits: challenge.Digits,
		ExpiresAt: challenge.ExpiresAt, Life: challenge.TTL, ResendAt: challenge.ResendAt, TriesLeft: v.TriesLeft,
		ResendAction: base(st) + "/challenge/resend",
		Sent:         err == nil && challenge.Status == mfa.ChallengeSent,
	}
	field.AskPIN, field.PINHelp = st.Target.PIN, web.PINHelp(st.Realm, true)
	if challenge.Ceremony != nil {
		field.KeyOptions = challenge.Ceremony.Options
	}
	field.CodesLeft = codesLeft(st, challenge)
	if !challenge.Method.Delivered() {
		field.ResendAction, field.ExpiresAt, field.ResendAt, field.Sent = "", time.Time{}, time.Time{}, false
	}
	field.Problem, field.LockedUntil = web.ProofProblem(err)
	if field.Problem == templates.ProblemLocked {
		field.LockedUntil = web.RetryAt(err, v.LockedUntil, h.Now())
	}
	if field.Problem == templates.ProblemWrongCode && challenge.Method == policy.WebAuthn && !field.AskPIN {
		field.Problem = templates.ProblemKeyFailed
	}
	if field.Problem == templates.ProblemTooSoon {
		field.ResendAt = later(field.ResendAt, field.LockedUntil)
	}
	if err == nil {
		field.Problem = web.ChallengeProblem(challenge, h.Now())
	}
	if !v.LockedUntil.IsZero() && field.Problem == templates.ProblemWrongCode {
		field.Problem, field.LockedUntil = templates.ProblemTooMany, v.LockedUntil
	}
	return field
}

// codesLeft is how many recovery codes the set of challenge still has.
func codesLeft(st *consent.Standing, challenge mfa.Challenge) int {
	for _, o := range st.Options {
		if o.Method == policy.RecoveryCodes && o.FactorID == challenge.FactorID {
			return o.CodesLeft
		}
	}
	return 0
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
		return h.stale(c, st)
	}
	return h.answer(c, st)
}

// answer judges the code that the user typed. A user who can still correct the
// mistake sees the page again. An action does not survive a locked challenge:
// the app has to ask anew.
func (h *Handler) answer(c *gin.Context, st *consent.Standing) error {
	ctx, id := c.Request.Context(), st.In.State.ChallengeID
	if !onlyPIN(st) && (id == "" || st.In.State.ChallengeFor != st.Target) {
		return h.stale(c, st)
	}
	next, verdict, err := h.Flow.Answer(ctx, st, given(c, id), h.browser(c, st))
	if err == nil {
		// A device is trusted for a login that is through, not for one of its steps.
		if next.Step != consent.StepChallenge {
			err = h.trust(c, st, verdict.Proof)
		}
		if err != nil {
			return err
		}
		return h.arrive(c, next)
	}
	if verdict.Challenge.ID == "" && !onlyPIN(st) {
		verdict = h.shown(ctx, st, verdict)
	}
	if verdict.Challenge.Status == mfa.ChallengeLocked && !st.Target.Login {
		st, err = h.Flow.End(ctx, st, "locked")
		if err != nil {
			return err
		}
		return h.goOn(c, st)
	}
	if errors.Is(err, mfa.ErrSpent) || errors.Is(err, consent.ErrOver) {
		return h.stale(c, st)
	}
	if !told(err) {
		return err
	}
	h.setRetryAfter(c, err, verdict.LockedUntil)
	if onlyPIN(st) {
		return h.showProof(c, st, refusedStatus(err, verdict), nil, verdict, err)
	}
	return h.showProof(c, st, refusedStatus(err, verdict), &verdict.Challenge, verdict, err)
}

// given is what a form of a proof sent: a code, a key's answer, a PIN.
func given(c *gin.Context, challengeID string) consent.Given {
	input := c.PostForm("code")
	if input == "" {
		input = c.PostForm("credential")
	}
	return consent.Given{ChallengeID: challengeID, Input: input, PIN: c.PostForm("pin")}
}

// shown fills in the challenge for an answer that was refused before it was looked
// at, as by a PIN that is blocked.
func (h *Handler) shown(ctx context.Context, st *consent.Standing, v mfa.Verdict) mfa.Verdict {
	challenge, err := h.Flow.Current(ctx, st)
	if err == nil && challenge != nil {
		v.Challenge = *challenge
	}
	return v
}

// onlyPIN reports whether the present step asks for the PIN and nothing else.
func onlyPIN(st *consent.Standing) bool { return st.Target.PIN && st.Target.Proof == "" }

// renderPIN asks for the PIN as a stage of its own.
func (h *Handler) renderPIN(c *gin.Context, st *consent.Standing, status int, v mfa.Verdict, err error) error {
	field := templates.CodeField{Method: string(policy.PIN), TriesLeft: v.TriesLeft, PINHelp: web.PINHelp(st.Realm, true)}
	field.Problem, field.LockedUntil = web.ProofProblem(err)
	if field.Problem == templates.ProblemTooMany {
		field.Problem = templates.ProblemPINBlocked
		if field.LockedUntil.IsZero() {
			field.Problem = templates.ProblemPINDead
		}
	}
	if !st.In.State.Submitted {
		return h.renderConfirm(c, st, status, nil, field)
	}
	return h.Pages.Render(c, status, templates.ChallengePage{
		Frame: h.frame(c, st), CodeField: field, Action: pathOf(st), ActionName: st.Goal.Action, Slip: h.slip(c, st),
		DenyAction: base(st) + "/deny", CanCancel: true,
	})
}

func refusedStatus(err error, v mfa.Verdict) int {
	if !v.LockedUntil.IsZero() || v.Challenge.Status == mfa.ChallengeLocked {
		return http.StatusTooManyRequests
	}
	return web.ProofStatus(err)
}

// setRetryAfter tells when to try again, where that is known.
func (h *Handler) setRetryAfter(c *gin.Context, err error, until time.Time) {
	web.SetRetryAfter(c, web.RetryAt(err, until, h.Now()), h.Now())
}
