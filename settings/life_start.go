package settings

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// verbs are those that a form may ask for.
var verbs = []mfa.Verb{
	mfa.VerbEnable, mfa.VerbDisable, mfa.VerbChange, mfa.VerbRemove, mfa.VerbSwitchOn, mfa.VerbSwitchOff,
}

// readStart reads what a form or a link asks to begin. get reads one field.
//
// Errors: [mfa.ErrForbidden] for what is no operation.
func readStart(get func(string) string, p *policy.Policy, e mfa.Enrolments) (mfa.Start, error) {
	st := mfa.Start{
		Kind: mfa.Method(get("kind")), Verb: mfa.Verb(get("verb")), ContactID: get("contact"), FactorID: get("factor"),
		Account: get("account") == "1", Label: keyName(get("label")),
	}
	if get("method") != "" && st.Kind == "" && st.Verb == "" {
		st = switched(mfa.Method(get("method")), p, e)
	}
	turn := st.Verb == mfa.VerbSwitchOn || st.Verb == mfa.VerbSwitchOff
	if !slices.Contains(verbs, st.Verb) || turn != (st.Kind == "") || !turn && !slices.Contains(policy.Kinds(), st.Kind) {
		return mfa.Start{}, mfa.ErrForbidden
	}
	return st, nil
}

// switched is what a choice among methods means where one is on at a time; off is
// none of them.
func switched(m mfa.Method, p *policy.Policy, e mfa.Enrolments) mfa.Start {
	if m != "off" {
		return mfa.Start{Kind: m, Verb: mfa.VerbEnable}
	}
	_, apart := p.Action(policy.ActionMFADisable)
	on := e.SecondFactors()
	if apart || len(on) == 0 {
		return mfa.Start{Verb: mfa.VerbSwitchOff}
	}
	return mfa.Start{Kind: on[0], Verb: mfa.VerbDisable}
}

// freeAddress reports whether codes may go to another address than the registered
// one.
func freeAddress(p *policy.Policy) bool { return p.Contacts.Email.FactorAddress == "any_verified" }

// takesAway reports whether the operation is asked about once more before it
// begins.
func takesAway(v mfa.Verb) bool {
	return v == mfa.VerbDisable || v == mfa.VerbRemove || v == mfa.VerbSwitchOff
}

func (h *Handler) submitStart(c *gin.Context, s *web.Seat) error {
	e, err := h.MFA.Store.Enrolments(c.Request.Context(), s.Doer.Subject)
	if err != nil {
		return err
	}
	st, err := readStart(c.PostForm, s.Realm.Policy, e)
	if err != nil {
		return err
	}
	if takesAway(st.Verb) && c.PostForm("confirm") == "" && !wantsJSON(c) {
		return seeOther(c, confirmPath(s, st))
	}
	if st.Kind == policy.TOTP && st.Verb == mfa.VerbEnable && c.PostForm("os") == "" && !wantsJSON(c) {
		return seeOther(c, s.Base+"/add/app")
	}
	return h.start(c, s, st)
}

// start begins an operation and goes to its page. One that takes no proof is done
// at once.
func (h *Handler) start(c *gin.Context, s *web.Seat, st mfa.Start) error {
	ctx := c.Request.Context()
	if s.Enrol != nil && (st.Verb != mfa.VerbEnable || !slices.Contains(s.Enrol.Methods, st.Kind)) {
		return mfa.ErrForbidden
	}
	e, err := h.MFA.Store.Enrolments(ctx, s.Doer.Subject)
	if err != nil {
		return err
	}
	err = onFileReached(st, s.Realm.Policy, e)
	if err != nil {
		return err
	}
	if st.Kind == policy.PIN && st.Verb == mfa.VerbChange {
		dead, err := h.pinDead(ctx, s.Doer, e)
		if err != nil {
			return err
		}
		if dead {
			st.Verb = mfa.VerbEnable // nobody can prove a PIN that has stopped working
		}
	}
	v, err := h.MFA.StartOperation(ctx, s.Doer, st)
	if errors.Is(err, mfa.ErrAlready) && (st.Kind == policy.PIN || st.Kind == policy.RecoveryCodes) {
		st.Verb = mfa.VerbChange // another PIN, or another set, is what was meant
		v, err = h.MFA.StartOperation(ctx, s.Doer, st)
	}
	if err != nil {
		return refusedStart(err, st, s.Realm.Policy, e)
	}
	if v.Complete && ends(v.Operation) {
		return h.finish(c, s, v.ID, "")
	}
	return seeOther(c, operationPath(s, v.ID))
}

// onFileReached refuses to enable a method for the number on file if it cannot reach
// that one: a landline takes calls and no texts. Otherwise the number would be proved
// by the other method, and the one that was asked for be on without ever working.
//
// Errors: a [*refusal] of a [*numberError]. Source: systems.md C-11.
func onFileReached(st mfa.Start, p *policy.Policy, e mfa.Enrolments) error {
	c := e.Phone()
	meant := c.ID != "" && (st.ContactID == c.ID || bound(c, e))
	if !meant || st.Verb != mfa.VerbEnable || st.Kind != policy.SMS && st.Kind != policy.Voice {
		return nil
	}
	reason := facts{Policy: p}.unreachable(st.Kind, c)
	if reason == "" {
		return nil
	}
	err := phone.Judge(phone.Number{Region: c.Country, Line: c.LineType}, p.Contacts.Phone).For(st.Kind)
	if err == nil {
		err = phone.ErrLine // the gateway has said so before
	}
	return &refusal{Reason: reason, Err: &numberError{st.Kind, err}}
}

// refusedStart gives the reasons that only what was asked for can tell.
func refusedStart(err error, st mfa.Start, p *policy.Policy, e mfa.Enrolments) error {
	number := st.Kind == policy.SMS || st.Kind == policy.Voice
	kinds := e.SecondFactors()
	switch {
	case errors.Is(err, mfa.ErrNoMethod):
		return &refusal{Reason: templates.ReasonFirst, Err: err}
	case !errors.Is(err, mfa.ErrForbidden):
		return err
	case st.Verb == mfa.VerbRemove && number && p.Contacts.Phone.Remove == policy.RemoveForbidden:
		return &refusal{Reason: templates.BlockedNeverGoes, Type: "/problems/phone-removal-forbidden", Err: err}
	case st.Verb == mfa.VerbSwitchOff && p.Enforcement.Mode == policy.ModeRequired:
		return &refusal{Reason: templates.BlockedRequired, Err: err}
	case st.Verb == mfa.VerbDisable && p.Enforcement.Mode == policy.ModeRequired && len(kinds) == 1 && kinds[0] == st.Kind &&
		!p.Lifecycle[st.Kind].Disable.Forbidden:
		return &refusal{Reason: templates.BlockedLast, Err: err}
	}
	return err
}

// startFields are the fields of a form that asks for st.
func startFields(st mfa.Start) []templates.Field {
	all := []templates.Field{
		{Name: "kind", Value: string(st.Kind)},
		{Name: "verb", Value: string(st.Verb)},
		{Name: "contact", Value: st.ContactID},
		{Name: "factor", Value: st.FactorID},
	}
	return slices.DeleteFunc(all, func(f templates.Field) bool { return f.Value == "" })
}

// confirmPath is the page that asks once more.
func confirmPath(s *web.Seat, st mfa.Start) string {
	query := url.Values{}
	for _, f := range startFields(st) {
		query.Set(f.Name, f.Value)
	}
	return s.Base + "/confirm?" + query.Encode()
}

// showConfirm lists what a change takes away, before it begins. The query only says
// what is asked about; the form behind the button is judged like any other.
func (h *Handler) showConfirm(c *gin.Context, s *web.Seat) error {
	ctx := c.Request.Context()
	e, err := h.MFA.Store.Enrolments(ctx, s.Doer.Subject)
	if err != nil {
		return err
	}
	st, err := readStart(c.Query, s.Realm.Policy, e)
	if err != nil || !takesAway(st.Verb) || s.Enrol != nil {
		return errors.Join(err, mfa.ErrForbidden)
	}
	devices, err := h.MFA.Devices.DevicesOf(ctx, s.Doer.Subject)
	if err != nil {
		return err
	}
	page := confirmPage(st, s.Realm.Policy, e, len(devices))
	page.Frame, page.Action, page.BackURL = s.Frame, s.Base+"/start", s.Base
	return h.Pages.Render(c, http.StatusOK, page)
}
