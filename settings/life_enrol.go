package settings

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/totp"
	"github.com/sallyport-id/sallyport/templates"
)

// renderApp shows the key of a new authenticator app, as long as it is pending, and
// takes its first code.
func (h *Handler) renderApp(c *gin.Context, s *web.Seat, p mfa.Proving, status int, verdict mfa.Verdict, cause error) error {
	seed, err := p.Seed()
	if err != nil {
		return err
	}
	digits := s.Realm.Policy.Codes.TOTP.Digits
	uri := totp.URL([]byte(seed.Reveal()), s.Realm.Tenant.Name, s.User.Username, digits)
	image, err := totp.QR(uri)
	if err != nil {
		return fmt.Errorf("settings: qr code: %w", err)
	}
	web.SetRetryAfter(c, web.RetryAt(cause, verdict.LockedUntil, h.Now()), h.Now())
	return h.Pages.Render(c, status, templates.EnrolAppPage{
		Frame: s.Frame, Wizard: wizardOf(s, p.View), CodeField: h.codeField(s, p, verdict, cause),
		Action: operationPath(s, p.ID) + "/answer", QR: image, Key: totp.Key([]byte(seed.Reveal())), Label: s.User.Username,
		SetupURI: uri, Period: totp.Period,
	})
}

// renderKey names a passkey or security key and registers it.
func (h *Handler) renderKey(c *gin.Context, s *web.Seat, p mfa.Proving, status int, verdict mfa.Verdict, cause error) error {
	field := h.codeField(s, p, verdict, cause)
	name := p.State.Label
	if name == "" {
		name = s.Doer.Device
	}
	page := templates.EnrolKeyPage{
		Frame: s.Frame, Wizard: wizardOf(s, p.View), Action: operationPath(s, p.ID) + "/answer", Options: field.KeyOptions,
		Name: name, AskPIN: p.PIN, PINHelp: web.PINHelp(s.Realm, false), Problem: keyProblem(field.Problem, p.PIN), TriesLeft: verdict.TriesLeft, LockedUntil: field.LockedUntil,
	}
	web.SetRetryAfter(c, web.RetryAt(cause, verdict.LockedUntil, h.Now()), h.Now())
	return h.Pages.Render(c, status, page)
}

// keyProblem is problem in the words for a new key. With a PIN on the same form
// nobody is told which of the two was wrong.
func keyProblem(problem string, withPIN bool) string {
	switch problem {
	case templates.ProblemWrongCode, templates.ProblemMalformed, templates.ProblemEmpty:
		if !withPIN {
			return templates.ProblemKeyFailed
		}
	case templates.ProblemExpired:
		return templates.ProblemKeyCancelled
	}
	return problem
}

// maxKeyName is the longest name of a key, in characters.
const maxKeyName = 40

// keyName is a name that somebody gave a key: one line without invisible
// characters, and no longer than a list can show.
func keyName(typed string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, typed)
	runes := []rune(strings.Join(strings.Fields(name), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), maxKeyName)]))
}

// again begins anew with a key in place of one that is registered already, and says
// so. What was proved before is asked for again.
func (h *Handler) again(c *gin.Context, s *web.Seat, v mfa.View) error {
	ctx := c.Request.Context()
	err := h.MFA.CancelOperation(ctx, s.Doer, v.ID)
	if err != nil {
		return err
	}
	next, err := h.MFA.StartOperation(ctx, s.Doer, mfa.Start{
		Kind: v.Kind, Verb: v.Verb, FactorID: v.State.OldFactorID, Label: v.State.Label,
	})
	if err != nil {
		return err
	}
	if next.Proof != policy.ProofCodeNew {
		return seeOther(c, operationPath(s, next.ID))
	}
	p, err := h.MFA.Prove(ctx, s.Doer, next.ID)
	if err != nil || p.Challenge == nil {
		return seeOther(c, operationPath(s, next.ID))
	}
	return h.renderKey(c, s, p, http.StatusConflict, mfa.Verdict{}, mfa.ErrKeyExists)
}

// showDone says that a method is on. It tells what is so, and not what the URL says
// has happened: without such a method it goes back to the settings.
func (h *Handler) showDone(c *gin.Context, s *web.Seat) error {
	kind := mfa.Method(c.Query("method"))
	account, err := h.facts(c, s)
	if err != nil {
		return err
	}
	e, p := account.Have, s.Realm.Policy
	f := newest(kind, e)
	if f.ID == "" || s.Enrol != nil {
		return seeOther(c, home(s))
	}
	page := templates.EnrolDonePage{
		Frame: s.Frame, Method: string(kind), Emailed: p.Notify.EmailEvents.Has(policy.EventFactorAdded), ContinueURL: s.Base,
		TwoStepOn: account.switched(c.Query("was")) == "on" && account.isNew(f), Methods: account.protecting(), Advice: account.advice(),
	}
	for _, contact := range e.Contacts {
		if f.ContactID != "" && contact.ID == f.ContactID {
			page.Masked = contact.Masked
		}
	}
	if kind == policy.WebAuthn {
		page.Name = f.Label
	}
	if account.mayAdd() {
		page.AnotherURL = s.Base + "/add"
	}
	return h.Pages.Render(c, http.StatusOK, page)
}

// newest is the active factor of kind k that was enrolled last; its zero value is
// none.
func newest(k mfa.Method, e mfa.Enrolments) mfa.Factor {
	var found mfa.Factor
	at := time.Time{}
	for _, f := range e.Factors {
		if f.Kind == k && f.Status == mfa.FactorActive && (found.ID == "" || f.CreatedAt.After(at)) {
			found, at = f, f.CreatedAt
		}
	}
	return found
}

// submitDone goes on after the sheet of recovery codes, once the user has said that they
// are saved. Without that the sheet is shown again, from what the page has sent: the
// server has none of them any more. What is no sheet leads to where new ones are made.
func (h *Handler) submitDone(c *gin.Context, s *web.Seat) error {
	codes, ok := sheetCodes(c.PostForm("codes"), s.Realm.Policy.Codes.Recovery.Bits)
	switch {
	case c.PostForm("saved") == "" && ok:
		return h.renderSheet(c, s, http.StatusUnprocessableEntity, templates.RecoveryCodesPage{
			Codes: codes, Problem: templates.ProblemNotSaved,
		})
	case c.PostForm("saved") == "":
		return seeOther(c, s.Base+"#row-"+string(policy.RecoveryCodes))
	}
	done := templates.DoneCodesMade
	if c.PostForm("replaced") != "" {
		done = templates.DoneCodesReplaced
	}
	return seeOther(c, s.Base+"?done="+done+"&method="+string(policy.RecoveryCodes))
}
