package settings

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/pin"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/recovery"
	"github.com/sallyport-id/sallyport/templates"
)

// pinProblem is what was wrong on a form with a PIN.
type pinProblem struct {
	Problem string
	Until   time.Time
	Old     bool // it is about the PIN that counts now
}

// pinProblemOf is what a page says about the PIN that counts now.
func pinProblemOf(err error) (problem string, until time.Time) {
	locked, shut := errors.AsType[*mfa.LockedError](err)
	switch {
	case shut && locked.Until.IsZero():
		return templates.ProblemPINDead, time.Time{}
	case shut:
		return templates.ProblemPINBlocked, locked.Until
	}
	return proofProblem(err)
}

// weakWords are the problems of a PIN that is easily guessed.
var weakWords = map[string]string{
	pin.ReasonRun: templates.ProblemPINRun, pin.ReasonRepeat: templates.ProblemPINRepeat, pin.ReasonDate: templates.ProblemPINDate,
	pin.ReasonPhone: templates.ProblemPINPhone, pin.ReasonPassword: templates.ProblemPINPassword, pin.ReasonCommon: templates.ProblemPINCommon,
}

// newPINProblem is what a page says about the PIN that was chosen. Beside the old one
// an empty field would be taken for that one's.
func newPINProblem(err error, besideOld bool) string {
	weak, ok := errors.AsType[*mfa.WeakPINError](err)
	switch {
	case ok && weakWords[weak.Reason] != "":
		return weakWords[weak.Reason]
	case ok:
		return templates.ProblemPINCommon
	case errors.Is(err, mfa.ErrUnchanged):
		return templates.ProblemPINSame
	case errors.Is(err, errEmpty) && !besideOld:
		return templates.ProblemEmpty
	case errors.Is(err, mfa.ErrMalformed):
		return templates.ProblemPINLength
	}
	return ""
}

// numbersOf are all telephone numbers of a user, confirmed or not, for what a PIN
// must not be.
func numbersOf(e mfa.Enrolments) []string {
	var all []string
	for _, c := range e.Contacts {
		if c.Kind == mfa.ContactPhone {
			all = append(all, c.Value.Reveal())
		}
	}
	return all
}

// chooseNew judges the new PIN of a form, before the old one is tried.
//
// Errors: errEmpty; [mfa.ErrMalformed]; [*mfa.WeakPINError]; [mfa.ErrUnchanged] for
// the one that was typed as the old one.
func chooseNew(typed, old mfa.Secret, set policy.PINDigits, e mfa.Enrolments) (mfa.Secret, error) {
	if typed == "" {
		return "", errEmpty
	}
	chosen, err := mfa.ReadNewPIN(typed, set, pin.Hints{Phones: numbersOf(e)})
	if err != nil {
		return "", err
	}
	had, ok := pin.Parse(old.Reveal(), set.Min, set.Max)
	if ok && had == chosen.Reveal() {
		return "", mfa.ErrUnchanged
	}
	return chosen, nil
}

// submitFinish takes the last word of an operation: the PIN that was chosen, the
// wish for new recovery codes, or nothing at all. A PIN that is the last proof comes
// on the same form.
func (h *Handler) submitFinish(c *gin.Context, s *web.Seat) error {
	if c.PostForm("cancel") != "" {
		return h.submitCancel(c, s)
	}
	ctx := c.Request.Context()
	v, err := h.MFA.ViewOperation(ctx, s.Doer, c.Param("op"))
	if err != nil {
		return err
	}
	step := stepOf(v)
	if step != stepNewPIN && step != stepMakeCodes && step != stepFinish {
		return mfa.ErrOrder
	}
	old, chosen := mfa.Secret(c.PostForm("pin")), mfa.Secret("")
	if step == stepNewPIN {
		chosen, err = chooseNew(mfa.Secret(c.PostForm("new-pin")), old, s.Realm.Policy.Codes.PIN, v.Enrolments)
		if err != nil {
			return h.pinFailed(c, s, v, pinProblem{Problem: newPINProblem(err, !v.Complete)}, err)
		}
	}
	if !v.Complete {
		err = h.giveLastPIN(c, s, v, old)
		if err != nil {
			return err
		}
	}
	return h.finish(c, s, v.ID, chosen)
}

// giveLastPIN proves the PIN that counts now, on the form that ends the operation.
func (h *Handler) giveLastPIN(c *gin.Context, s *web.Seat, v mfa.View, typed mfa.Secret) error {
	err := errEmpty
	if typed != "" {
		_, _, err = h.MFA.AnswerProof(c.Request.Context(), s.Doer, v.ID, mfa.Answer{PIN: typed})
	}
	if err == nil {
		return nil
	}
	problem, until := pinProblemOf(err)
	if problem == "" {
		return err
	}
	return h.pinFailed(c, s, v, pinProblem{Problem: problem, Until: until, Old: true}, err)
}

// pinFailed shows the form again, with what was wrong.
func (h *Handler) pinFailed(c *gin.Context, s *web.Seat, v mfa.View, p pinProblem, cause error) error {
	if p.Problem == "" {
		return cause
	}
	web.SetRetryAfter(c, web.RetryAt(cause, p.Until, h.Now()), h.Now())
	return &mistake{cause, func() error {
		if stepOf(v) == stepNewPIN {
			return h.renderNewPIN(c, s, v, web.ProofStatus(cause), p)
		}
		return h.renderMakeCodes(c, s, v, web.ProofStatus(cause), p)
	}}
}

func (h *Handler) renderNewPIN(c *gin.Context, s *web.Seat, v mfa.View, status int, p pinProblem) error {
	set := s.Realm.Policy.Codes.PIN
	return h.Pages.Render(c, status, templates.EnrolPINPage{
		Frame: s.Frame, Wizard: wizardOf(s, v), Action: operationPath(s, v.ID) + "/finish", DigitsMin: set.Min, DigitsMax: set.Max,
		AskOld: !v.Complete, PINHelp: web.PINHelp(s.Realm, false), Problem: p.Problem, LockedUntil: p.Until,
	})
}

func (h *Handler) renderMakeCodes(c *gin.Context, s *web.Seat, v mfa.View, status int, p pinProblem) error {
	page := templates.RecoveryRenewPage{
		Frame: s.Frame, Wizard: wizardOf(s, v), Action: operationPath(s, v.ID) + "/finish", AskPIN: !v.Complete,
		PINHelp: web.PINHelp(s.Realm, false), Left: codesLeft(v.Enrolments), Problem: p.Problem, LockedUntil: p.Until,
	}
	had := newest(policy.RecoveryCodes, v.Enrolments)
	if had.ID != "" {
		page.Total, page.MadeAt = s.Realm.Policy.Codes.Recovery.Count, had.CreatedAt
	}
	return h.Pages.Render(c, status, page)
}

// finish carries the operation out. New recovery codes are the answer itself: they
// are kept nowhere in plain, and no page shows them again.
func (h *Handler) finish(c *gin.Context, s *web.Seat, id string, newPIN mfa.Secret) error {
	done, err := h.MFA.Finish(c.Request.Context(), s.Doer, id, newPIN)
	if err != nil {
		return err
	}
	if len(done.Codes) == 0 {
		return h.finished(c, s, done.Operation)
	}
	err = h.endOthers(c.Request.Context(), s)
	if err != nil {
		return err
	}
	page := templates.RecoveryCodesPage{Replaced: done.Operation.Verb == mfa.VerbChange}
	for _, code := range done.Codes {
		page.Codes = append(page.Codes, code.Text())
	}
	return h.renderSheet(c, s, http.StatusOK, page)
}

// renderSheet shows new recovery codes.
func (h *Handler) renderSheet(c *gin.Context, s *web.Seat, status int, page templates.RecoveryCodesPage) error {
	page.Frame, page.MadeAt, page.Action, page.DownloadAction = s.Frame, h.Now(), s.Base+"/done", s.Base+"/codes.txt"
	return h.Pages.Render(c, status, page)
}

// finished goes on after an operation: in a login with that, in the settings with
// the news.
func (h *Handler) finished(c *gin.Context, s *web.Seat, o mfa.Operation) error {
	ctx := c.Request.Context()
	if s.Enrol != nil {
		path, err := s.Enrol.Done(ctx, o)
		if err != nil {
			return err
		}
		return seeOther(c, path)
	}
	err := h.endOthers(ctx, s)
	if err != nil {
		return err
	}
	news := newsOf(o, s.Realm.Policy)
	query := url.Values{}
	if o.Kind != "" {
		query.Set("method", string(o.Kind))
	}
	if before := stateBefore(o, s); before != "" {
		query.Set("was", before)
	}
	if news == templates.DoneFactorAdded && o.Kind != policy.PIN {
		return seeOther(c, s.Base+"/done?"+query.Encode())
	}
	query.Set("done", news)
	return seeOther(c, s.Base+"?"+query.Encode())
}

// stateBefore is whether two-step sign-in was on or off before o, for the page that
// says what has changed; "" where a change of o could not have switched it.
func stateBefore(o mfa.Operation, s *web.Seat) string {
	mode := s.Realm.Policy.Enforcement.Mode
	if !slices.Contains(secondSteps, o.Kind) || mode == policy.ModeDisabled || mode == policy.ModeRequired {
		return ""
	}
	on := facts{Policy: s.Realm.Policy, User: s.User}.inForce()
	switch o.Verb {
	case mfa.VerbEnable:
		if !on {
			return "off"
		}
	case mfa.VerbDisable, mfa.VerbRemove:
		if on {
			return "on"
		}
	case mfa.VerbChange, mfa.VerbSwitchOn, mfa.VerbSwitchOff:
	}
	return ""
}

// maxSheet is the most that a download takes, in bytes.
const maxSheet = 2048

// submitSheet gives the codes of the page back as a file. The server has none of
// them any more, so the page sends them; what has not the shape of a code is
// refused, so that nobody can have this host hand out any other text.
func (h *Handler) submitSheet(c *gin.Context, s *web.Seat) error {
	codes, ok := sheetCodes(c.PostForm("codes"), s.Realm.Policy.Codes.Recovery.Bits)
	if !ok {
		return &web.Failure{Status: http.StatusBadRequest, Problem: templates.ErrorRequest, BackURL: home(s)}
	}
	text, err := h.Pages.Set.RecoverySheet(h.Pages.Lang(c), templates.RecoveryCodesPage{
		Frame: s.Frame, Codes: codes, MadeAt: h.Now(), Replaced: c.PostForm("replaced") != "",
	})
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Disposition", `attachment; filename="recovery-codes.txt"`)
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
	return nil
}

// sheetCodes reads codes of so many bits, separated by blanks, and writes each as it
// is shown.
func sheetCodes(text string, bits int) ([]string, bool) {
	fields := strings.Fields(text)
	if len(text) > maxSheet || len(fields) == 0 || len(fields) > recovery.MaxCodes {
		return nil, false
	}
	var codes []string
	for _, field := range fields {
		slot, secret, ok := recovery.Parse(field, bits)
		if !ok {
			return nil, false
		}
		codes = append(codes, recovery.Code{Slot: slot, Secret: secret}.Text())
	}
	return codes, true
}
