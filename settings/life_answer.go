package settings

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// submitAnswer judges what was entered for the open stage: a code, a PIN, both, or
// what a key has signed.
func (h *Handler) submitAnswer(c *gin.Context, s *web.Seat) error {
	if c.PostForm("cancel") != "" {
		return h.submitCancel(c, s)
	}
	ctx := c.Request.Context()
	v, err := h.MFA.ViewOperation(ctx, s.Doer, c.Param("op"))
	if err != nil {
		return err
	}
	step := stepOf(v)
	if step == stepNewPIN || step == stepMakeCodes {
		return h.submitFinish(c, s)
	}
	if step != stepProof && step != stepPIN {
		return mfa.ErrOrder
	}
	a := answerIn(c, v)
	if step == stepProof && a.Input == "" || v.PIN && a.PIN == "" {
		return h.answerFailed(c, s, v, mfa.Verdict{}, errEmpty)
	}
	o, verdict, err := h.MFA.AnswerProof(ctx, s.Doer, v.ID, a)
	if err != nil {
		return h.answerFailed(c, s, v, verdict, err)
	}
	return h.goOn(c, s, o)
}

// answerIn reads the form of the open stage.
func answerIn(c *gin.Context, v mfa.View) mfa.Answer {
	a := mfa.Answer{PIN: mfa.Secret(c.PostForm("pin"))}
	if v.Proof == "" {
		return a
	}
	a.ChallengeID, a.Input = v.State.ChallengeID, mfa.Secret(c.PostForm("code"))
	if c.PostForm("credential") != "" {
		a.Input = mfa.Secret(c.PostForm("credential"))
	}
	if v.Proof == policy.ProofCodeNew && v.Kind == policy.WebAuthn {
		a.Label = keyName(c.PostForm("name"))
		if a.Label == "" {
			a.Label = keyName(web.UserAgentName(c))
		}
	}
	return a
}

// goOn goes to what comes next in operation o, or takes its end.
func (h *Handler) goOn(c *gin.Context, s *web.Seat, o mfa.Operation) error {
	if o.Status == mfa.OperationDone {
		return h.finished(c, s, o)
	}
	return seeOther(c, operationPath(s, o.ID))
}

// answerFailed shows the page again, with what was wrong.
func (h *Handler) answerFailed(c *gin.Context, s *web.Seat, v mfa.View, verdict mfa.Verdict, cause error) error {
	if errors.Is(cause, mfa.ErrContactInUse) {
		return &mistake{cause, func() error {
			return h.renderContact(c, s, v, http.StatusConflict, contactForm{cause: cause})
		}}
	}
	if errors.Is(cause, mfa.ErrKeyExists) {
		return &mistake{cause, func() error { return h.again(c, s, v) }}
	}
	if !tellable(cause) {
		return cause
	}
	status := web.ProofStatus(cause)
	if !verdict.LockedUntil.IsZero() || verdict.Challenge.Status == mfa.ChallengeLocked {
		status = http.StatusTooManyRequests
	}
	p := mfa.Proving{View: v}
	if v.Proof != "" {
		var err error
		p, err = h.answered(c, s, v, verdict)
		if err != nil {
			return err
		}
	}
	return &mistake{cause, func() error { return h.renderProofOrPIN(c, s, p, status, verdict, cause) }}
}

func (h *Handler) renderProofOrPIN(c *gin.Context, s *web.Seat, p mfa.Proving, status int, verdict mfa.Verdict, cause error) error {
	if p.Proof == "" {
		return h.renderAnswer(c, s, p, status, verdict, cause)
	}
	return h.renderProof(c, s, p, status, verdict, cause)
}

// answered is the challenge that was answered, as it is now. Nothing is begun or
// sent. After a lock-out the next one begins a chain of its own.
func (h *Handler) answered(c *gin.Context, s *web.Seat, v mfa.View, verdict mfa.Verdict) (mfa.Proving, error) {
	ask, challenge := v.Ask(s.Doer), verdict.Challenge
	if challenge.ID == "" {
		var err error
		challenge, err = h.MFA.Current(c.Request.Context(), ask, v.State.ChallengeID)
		if errors.Is(err, mfa.ErrNotFound) {
			return mfa.Proving{}, mfa.ErrOrder
		}
		if err != nil {
			return mfa.Proving{}, err
		}
	}
	chain := &challenge
	if challenge.Status == mfa.ChallengeLocked {
		chain = nil
	}
	return mfa.Proving{View: v, Challenge: &challenge, Options: mfa.Options(ask, v.Enrolments, chain, h.Now())}, nil
}

// submitPassword checks the account's password, under the limits of a sign-in.
func (h *Handler) submitPassword(c *gin.Context, s *web.Seat) error {
	if c.PostForm("cancel") != "" {
		return h.submitCancel(c, s)
	}
	ctx := c.Request.Context()
	v, err := h.MFA.ViewOperation(ctx, s.Doer, c.Param("op"))
	if err != nil {
		return err
	}
	if !v.Password {
		return mfa.ErrOrder
	}
	again := func(cause error, status int, problem string, retry time.Time) error {
		return &mistake{cause, func() error { return h.renderPassword(c, s, v, status, problem, retry) }}
	}
	password := c.PostForm("password")
	if password == "" {
		return again(identity.ErrCredentials, http.StatusUnprocessableEntity, templates.ProblemNoPassword, time.Time{})
	}
	err = h.checkPassword(ctx, c, s, password)
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	switch {
	case limited:
		return again(err, http.StatusTooManyRequests, templates.ProblemLocked, h.Now().Add(wait.After))
	case errors.Is(err, identity.ErrCredentials):
		return again(err, http.StatusUnprocessableEntity, templates.ProblemBadSignIn, time.Time{})
	case err != nil:
		return err
	}
	o, err := h.MFA.GivePassword(ctx, s.Doer, v.ID)
	if err != nil {
		return err
	}
	return h.goOn(c, s, o)
}

// checkPassword checks the password of whoever sits at s, and tells the audit log.
func (h *Handler) checkPassword(ctx context.Context, c *gin.Context, s *web.Seat, password string) error {
	user, err := h.SignIn.VerifyFrom(ctx, s.Realm.Tenant.ID, s.User.Username, password, web.ClientIP(c), h.Cookies.Known(c, s.Realm))
	if err == nil && user.ID != s.User.ID {
		err = identity.ErrCredentials // the name has another owner by now
	}
	result := "ok"
	switch {
	case errors.Is(err, identity.ErrCredentials):
		result = "wrong"
	case err != nil:
		result = "refused"
	}
	h.Observe(ctx, mfa.Event{
		Kind: "password.tried", Subject: s.Doer.Subject, Result: result, Owner: c.Param("op"), IP: web.ClientIP(c), At: h.Now(),
		Data: map[string]string{"operation": c.Param("op")},
	})
	return err
}

// submitSwitch gives the open proof by another method, or by the first one where
// none was begun yet. What is not in the engine's own list is refused, and told to
// the audit log.
func (h *Handler) submitSwitch(c *gin.Context, s *web.Seat) error {
	return h.redeliver(c, s, mfa.Method(c.PostForm("method")))
}

// submitResend asks for a fresh code by the same method.
func (h *Handler) submitResend(c *gin.Context, s *web.Seat) error { return h.redeliver(c, s, "") }

func (h *Handler) redeliver(c *gin.Context, s *web.Seat, m mfa.Method) error {
	p, err := h.MFA.ChooseProof(c.Request.Context(), s.Doer, c.Param("op"), m)
	if p.Status == mfa.OperationDone {
		return h.finished(c, s, p.Operation) // a proof that a crash left behind was taken in
	}
	if err == nil || errors.Is(err, mfa.ErrSuperseded) || errors.Is(err, mfa.ErrDelivery) {
		// A delivery that failed is the newest challenge; its page offers the
		// other ways at once.
		return seeOther(c, operationPath(s, c.Param("op")))
	}
	if !tellable(err) {
		return err
	}
	return &mistake{err, func() error { return h.renderProof(c, s, p, web.ProofStatus(err), mfa.Verdict{}, err) }}
}

// submitCancel gives the operation up. Nothing has changed.
func (h *Handler) submitCancel(c *gin.Context, s *web.Seat) error {
	err := h.MFA.CancelOperation(c.Request.Context(), s.Doer, c.Param("op"))
	if err != nil {
		return err
	}
	if s.Enrol != nil {
		return seeOther(c, home(s))
	}
	return seeOther(c, s.Base+"?"+url.Values{"done": {templates.DoneCancelled}}.Encode())
}
