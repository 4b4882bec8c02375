package settings

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// showOperation is the dispatcher: the one place that knows which page an operation
// has. A challenge that begins by itself begins here, once; a page that is opened
// again sends nothing.
func (h *Handler) showOperation(c *gin.Context, s *web.Seat) error {
	v, err := h.MFA.ViewOperation(c.Request.Context(), s.Doer, c.Param("op"))
	if err != nil {
		return err
	}
	return h.showStep(c, s, v)
}

func (h *Handler) showStep(c *gin.Context, s *web.Seat, v mfa.View) error {
	switch stepOf(v) {
	case stepNumber, stepAddress:
		return h.renderContact(c, s, v, http.StatusOK, contactForm{})
	case stepPassword:
		return h.renderPassword(c, s, v, http.StatusOK, "", time.Time{})
	case stepProof:
		return h.showProof(c, s, v)
	case stepPIN:
		return h.renderAnswer(c, s, mfa.Proving{View: v}, http.StatusOK, mfa.Verdict{}, nil)
	case stepNewPIN:
		return h.renderNewPIN(c, s, v, http.StatusOK, pinProblem{})
	case stepMakeCodes:
		return h.renderMakeCodes(c, s, v, http.StatusOK, pinProblem{})
	case stepFinish:
		return h.renderFinish(c, s, v)
	case stepLogin:
	}
	return mfa.ErrStaleLogin
}

// showProof begins the challenge of the open stage, if it begins by itself, and
// shows it. A code that cannot be sent now is told by the page.
func (h *Handler) showProof(c *gin.Context, s *web.Seat, v mfa.View) error {
	p, err := h.MFA.Prove(c.Request.Context(), s.Doer, v.ID)
	if err == nil && p.Status == mfa.OperationDone {
		return h.finished(c, s, p.Operation) // a proof that a crash left behind was taken in
	}
	if err == nil && stepOf(p.View) != stepProof {
		return h.showStep(c, s, p.View)
	}
	switch {
	case errors.Is(err, mfa.ErrContactInUse):
		return h.renderContact(c, s, v, http.StatusOK, contactForm{cause: err})
	case errors.Is(err, mfa.ErrKeyExists):
		return h.again(c, s, v)
	case err != nil && !tellable(err):
		return err
	}
	if p.ID == "" {
		p.View = v
	}
	return h.renderProof(c, s, p, http.StatusOK, mfa.Verdict{}, err)
}

// renderProof shows the page of a challenge, or the choice of a method while there
// is none. cause is what was wrong with the last try, nil at first.
func (h *Handler) renderProof(c *gin.Context, s *web.Seat, p mfa.Proving, status int, verdict mfa.Verdict, cause error) error {
	_, limited := mfa.IsWait(cause)
	switch {
	case p.Challenge == nil && limited && adds(p.Operation) && p.Proof == policy.ProofCodeNew:
		return h.renderContact(c, s, p.View, web.ProofStatus(cause), contactForm{cause: cause})
	case p.Challenge == nil:
		return h.renderChoose(c, s, p, status, cause)
	case p.Proof == policy.ProofCodeNew && p.Challenge.Method == policy.TOTP:
		return h.renderApp(c, s, p, status, verdict, cause)
	case p.Proof == policy.ProofCodeNew && p.Challenge.Method == policy.WebAuthn:
		return h.renderKey(c, s, p, status, verdict, cause)
	case p.Proof == policy.ProofCodeNew:
		return h.renderCode(c, s, p, status, verdict, cause)
	}
	return h.renderAnswer(c, s, p, status, verdict, cause)
}

// renderAnswer asks for a proof of something that the user has already.
func (h *Handler) renderAnswer(c *gin.Context, s *web.Seat, p mfa.Proving, status int, verdict mfa.Verdict, cause error) error {
	at := operationPath(s, p.ID)
	web.SetRetryAfter(c, web.RetryAt(cause, verdict.LockedUntil, h.Now()), h.Now())
	return h.Pages.Render(c, status, templates.ChallengePage{
		Frame: s.Frame, Progress: progressOf(p.View, s.Realm.Policy), CodeField: h.codeField(s, p, verdict, cause), Action: at + "/answer",
		Change: changeOf(p.Operation, p.Proof, false), SwitchAction: at + "/switch", Ways: waysOf(p, h.Now()), CanCancel: true,
	})
}

// renderCode takes the code that went to a new number or address.
func (h *Handler) renderCode(c *gin.Context, s *web.Seat, p mfa.Proving, status int, verdict mfa.Verdict, cause error) error {
	at := operationPath(s, p.ID)
	web.SetRetryAfter(c, web.RetryAt(cause, verdict.LockedUntil, h.Now()), h.Now())
	page := templates.EnrolCodePage{
		Frame: s.Frame, Wizard: wizardOf(s, p.View), CodeField: h.codeField(s, p, verdict, cause), Action: at + "/answer",
		SwitchAction: at + "/switch", Ways: waysOf(p, h.Now()),
	}
	_, fixed := onFile(p.View, s.Realm.Policy)
	if !fixed {
		page.ChangeURL = at + "/contact"
	}
	return h.Pages.Render(c, status, page)
}

// renderChoose lets the user choose how to give the proof.
func (h *Handler) renderChoose(c *gin.Context, s *web.Seat, p mfa.Proving, status int, cause error) error {
	at := operationPath(s, p.ID)
	page := templates.ChoosePage{
		Frame: s.Frame, Action: at + "/cancel", SwitchAction: at + "/switch", Ways: waysOf(p, h.Now()),
		Change: changeOf(p.Operation, p.Proof, false), CanCancel: true,
	}
	page.Problem, _ = proofProblem(cause)
	page.RetryAt = web.RetryAt(cause, time.Time{}, h.Now())
	web.SetRetryAfter(c, page.RetryAt, h.Now())
	if page.Problem != "" && status == http.StatusOK {
		status = web.ProofStatus(cause)
	}
	return h.Pages.Render(c, status, page)
}

func (h *Handler) renderPassword(c *gin.Context, s *web.Seat, v mfa.View, status int, problem string, retry time.Time) error {
	web.SetRetryAfter(c, retry, h.Now())
	return h.Pages.Render(c, status, templates.PasswordPage{
		Frame: s.Frame, Action: operationPath(s, v.ID) + "/password", Username: s.User.Username, Problem: problem, RetryAt: retry,
		Change: changeOf(v.Operation, policy.ProofPassword, false), Progress: progressOf(v, s.Realm.Policy), CanCancel: true,
	})
}

// renderFinish asks for the last word, where all was proved and nothing was done:
// the login was too old at first, and is fresh now.
func (h *Handler) renderFinish(c *gin.Context, s *web.Seat, v mfa.View) error {
	o := v.Operation
	st := mfa.Start{Kind: o.Kind, Verb: o.Verb, ContactID: o.State.OldContactID, FactorID: o.State.OldFactorID, Account: o.State.Account}
	devices, err := h.MFA.Devices.DevicesOf(c.Request.Context(), s.Doer.Subject)
	if err != nil {
		return err
	}
	page := confirmPage(st, s.Realm.Policy, v.Enrolments, len(devices))
	page.Frame, page.Action, page.BackURL = s.Frame, operationPath(s, o.ID)+"/finish", home(s)
	page.Fields, page.Next = nil, false
	return h.Pages.Render(c, http.StatusOK, page)
}

// codeField is what a page says about the challenge of p and the last try.
func (h *Handler) codeField(s *web.Seat, p mfa.Proving, verdict mfa.Verdict, cause error) templates.CodeField {
	field := templates.CodeField{Method: string(policy.PIN), TriesLeft: verdict.TriesLeft, PINHelp: web.PINHelp(s.Realm, false)}
	field.Problem, field.LockedUntil = proofProblem(cause)
	if p.Challenge == nil {
		field.Problem, field.LockedUntil = pinProblemOf(cause)
		return field
	}
	ch := *p.Challenge
	field.Method, field.Masked, field.Digits = string(ch.Method), ch.Masked, ch.Digits
	field.ExpiresAt, field.ResendAt, field.Life, field.AskPIN = ch.ExpiresAt, ch.ResendAt, ch.TTL, p.PIN
	field.Sent = cause == nil && ch.Status == mfa.ChallengeSent
	if ch.Method.Delivered() {
		field.ResendAction = operationPath(s, p.ID) + "/resend"
	} else {
		field.Masked, field.ExpiresAt, field.ResendAt, field.Sent = "", time.Time{}, time.Time{}, false
	}
	if ch.Method == policy.RecoveryCodes {
		field.CodesLeft = codesLeft(p.Enrolments)
	}
	if ch.Ceremony != nil {
		field.KeyOptions = ch.Ceremony.Options
	}
	switch {
	case cause == nil:
		field.Problem = web.ChallengeProblem(ch, h.Now())
	case field.Problem == templates.ProblemTooSoon && field.LockedUntil.After(field.ResendAt):
		field.ResendAt = field.LockedUntil
	case field.Problem == templates.ProblemWrongCode && !verdict.LockedUntil.IsZero():
		field.Problem, field.LockedUntil = templates.ProblemTooMany, verdict.LockedUntil
	case field.Problem == templates.ProblemTooMany && p.PIN && ofPIN(verdict):
		field.Problem, field.LockedUntil = pinProblemOf(cause)
	}
	return field
}

// ofPIN reports whether a lock is that of the PIN on the form, and not that of the
// code: it was met before the code was looked at.
func ofPIN(v mfa.Verdict) bool {
	return v.LockedUntil.IsZero() && v.TriesLeft > 0
}

// reasonWords are the page's words for why a way is not available.
var reasonWords = map[string]string{
	mfa.ReasonTimer:   templates.ReasonTimer,
	mfa.ReasonLocked:  templates.ReasonLocked,
	mfa.ReasonDead:    templates.ReasonBlocked,
	mfa.ReasonNoSends: templates.ReasonUsedUp,
}

// waysOf lists the other ways beside the challenge of p, or all of them without one.
func waysOf(p mfa.Proving, now time.Time) []templates.Way {
	var ways []templates.Way
	for _, o := range p.Options {
		if p.Challenge != nil && o.Method == p.Challenge.Method && o.ContactID == p.Challenge.ContactID {
			continue
		}
		way := templates.Way{
			Method: string(o.Method), Available: o.Available(now), CodesLeft: o.CodesLeft,
			Reason: reasonWords[o.Reason], AvailableAt: o.AvailableAt,
		}
		if o.Method.Delivered() {
			way.Masked = o.Masked
		} else {
			way.Name = o.Masked
		}
		ways = append(ways, way)
	}
	return web.CodesLast(ways)
}
