package settings

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// contactForm is what the form for a new contact is shown with.
type contactForm struct {
	numberForm
	Email   string
	Another bool  // the user does not want the one on file
	asked   bool  // mobile or landline is asked
	cause   error // what was wrong with the last try; nil at first
}

// showContact goes back to the number or address of an operation, to enter another
// one.
func (h *Handler) showContact(c *gin.Context, s *web.Seat) error {
	v, err := h.contactView(c, s)
	if err != nil {
		return err
	}
	return h.renderContact(c, s, v, http.StatusOK, contactForm{Another: true})
}

// contactView is the operation of the request, if a contact is entered in it now.
//
// Errors: [mfa.ErrOrder].
func (h *Handler) contactView(c *gin.Context, s *web.Seat) (mfa.View, error) {
	v, err := h.MFA.ViewOperation(c.Request.Context(), s.Doer, c.Param("op"))
	if err != nil {
		return v, err
	}
	if !adds(v.Operation) || !v.NeedsContact && v.State.ContactID == "" {
		return v, mfa.ErrOrder
	}
	return v, nil
}

// onFile is the contact that a method can be enabled with as it is; its zero value
// is none. fixed says that it cannot be another one: that would be a change.
func onFile(v mfa.View, p *policy.Policy) (found mfa.Contact, fixed bool) {
	if v.Verb != mfa.VerbEnable {
		return mfa.Contact{}, false
	}
	if v.Kind == policy.Email {
		found = v.Enrolments.Registered()
		return found, found.ID != "" && !freeAddress(p)
	}
	found = v.Enrolments.Phone()
	if found.Status != mfa.ContactUnverified && found.Status != mfa.ContactConfirmed {
		return mfa.Contact{}, false
	}
	fixed = found.Status == mfa.ContactConfirmed && bound(found, v.Enrolments)
	return found, fixed
}

// submitContact takes a number or an address. A number is shown as it was
// understood, and stored when the user has said that it is right.
func (h *Handler) submitContact(c *gin.Context, s *web.Seat) error {
	v, err := h.contactView(c, s)
	if err != nil {
		return err
	}
	f := contactForm{
		numberForm: numberForm{
			Country: phone.Guess(c.PostForm("country")), Phone: c.PostForm("phone"), Line: c.PostForm("line"),
			Method: mfa.Method(c.PostForm("method")),
		},
		Email: c.PostForm("email"),
	}
	if f.Method == "" {
		f.Method = v.Kind
	}
	file, fixed := onFile(v, s.Realm.Policy)
	if c.PostForm("change") != "" {
		f.Another, f.Email = !fixed, ""
		return h.renderContact(c, s, v, http.StatusOK, f)
	}
	if v.Kind == policy.Email {
		return h.takeAddress(c, s, v, f, file)
	}
	return h.takeNumber(c, s, v, f, file, fixed)
}

func (h *Handler) takeNumber(c *gin.Context, s *web.Seat, v mfa.View, f contactForm, file mfa.Contact, fixed bool) error {
	p := s.Realm.Policy
	if f.Method != policy.SMS && f.Method != policy.Voice || !takes(v, p, f.Method) {
		return mfa.ErrForbidden
	}
	var n phone.Number
	var err error
	if f.Phone == "" && file.ID != "" {
		n, err = fileNumber(file, f.Method, p)
	} else {
		n, err = f.read(p.Contacts.Phone)
		f.asked, f.Another = err != nil && asksLine(n, p.Contacts.Phone) || f.Line != "", !fixed
	}
	if err != nil {
		return h.contactFailed(c, s, v, f, err)
	}
	if c.PostForm("confirmed") == "" && f.Phone == "" {
		return h.renderContact(c, s, v, http.StatusOK, f) // what is on file is shown masked
	}
	if c.PostForm("confirmed") == "" {
		return h.renderCheck(c, s, v, f, n, "", time.Time{})
	}
	return h.enter(c, s, v, f, mfa.Entered{Method: f.Method, Number: n})
}

// fileNumber is the number on file, as its plan and the policy judge it today.
func fileNumber(file mfa.Contact, m mfa.Method, p *policy.Policy) (phone.Number, error) {
	n, err := phone.Parse(file.Value.Reveal(), "")
	if err != nil {
		return n, &numberError{m, err}
	}
	if file.LineType == phone.Fixed {
		n.Line = phone.Fixed // what the user has said about it holds
	}
	err = phone.Judge(n, p.Contacts.Phone).For(m)
	if err != nil {
		return n, &numberError{m, err}
	}
	return n, nil
}

func (h *Handler) takeAddress(c *gin.Context, s *web.Seat, v mfa.View, f contactForm, file mfa.Contact) error {
	if file.ID != "" && (f.Email == "" || f.Email == file.Masked) {
		f.Email = file.Value.Reveal()
	}
	address, err := readAddress(f.Email)
	if err != nil {
		f.Another = true
		return h.contactFailed(c, s, v, f, err)
	}
	return h.enter(c, s, v, f, mfa.Entered{Method: policy.Email, Address: address})
}

// enter stores the contact and goes to the next page; where that is the code, it is
// sent now, so that a failure is told beside the number.
func (h *Handler) enter(c *gin.Context, s *web.Seat, v mfa.View, f contactForm, in mfa.Entered) error {
	ctx := c.Request.Context()
	_, err := h.MFA.EnterContact(ctx, s.Doer, v.ID, in)
	if err != nil {
		f.Another = true
		return h.contactFailed(c, s, v, f, err)
	}
	next, err := h.MFA.ViewOperation(ctx, s.Doer, v.ID)
	if err != nil || stepOf(next) != stepProof || next.Proof != policy.ProofCodeNew {
		return seeOther(c, operationPath(s, v.ID))
	}
	_, err = h.MFA.Prove(ctx, s.Doer, v.ID)
	_, limited := errors.AsType[*ratelimit.WaitError](err)
	if !limited || in.Method == policy.Email {
		return seeOther(c, operationPath(s, v.ID)) // its page tells of what else went wrong
	}
	at := web.RetryAt(err, time.Time{}, h.Now())
	return &mistake{err, func() error { return h.renderCheck(c, s, next, f, in.Number, templates.ProblemSendLimit, at) }}
}

// contactFailed shows the form again, with what was wrong.
func (h *Handler) contactFailed(c *gin.Context, s *web.Seat, v mfa.View, f contactForm, cause error) error {
	if contactProblem(v.Kind, cause) == "" {
		return cause
	}
	f.cause = cause
	return &mistake{cause, func() error { return h.renderContact(c, s, v, web.ProofStatus(cause), f) }}
}

// renderContact asks for a number or an address, or whether to confirm the one on
// file.
func (h *Handler) renderContact(c *gin.Context, s *web.Seat, v mfa.View, status int, f contactForm) error {
	at := web.RetryAt(f.cause, time.Time{}, h.Now())
	web.SetRetryAfter(c, at, h.Now())
	if v.Kind == policy.Email {
		return h.renderAddress(c, s, v, status, f, at)
	}
	file, fixed := onFile(v, s.Realm.Policy)
	if file.ID != "" && (fixed || !f.Another && f.Phone == "" && f.cause == nil) {
		return h.renderFile(c, s, v, status, f, file, fixed)
	}
	page := h.phonePage(c, s, v, f)
	page.RetryAt = at
	_, limited := errors.AsType[*ratelimit.WaitError](f.cause)
	if limited && v.NeedsContact {
		page.Problem = templates.ProblemPhoneLimit // too many numbers, and not too many codes
	}
	return h.Pages.Render(c, status, page)
}

// phonePage asks for a number.
func (h *Handler) phonePage(c *gin.Context, s *web.Seat, v mfa.View, f contactForm) templates.EnrolPhonePage {
	p, own := s.Realm.Policy, v.Enrolments.Phone()
	page := templates.EnrolPhonePage{
		Frame: s.Frame, Wizard: wizardOf(s, v), Action: operationPath(s, v.ID) + "/contact", Countries: countriesOf(h.Pages.Lang(c)),
		Country: f.Country, Phone: f.Phone, AskLine: f.asked, Line: f.Line, Methods: phoneMethods(v, p, ""), Method: string(f.Method),
		Problem: numberProblemOf(f.Method, f.cause),
	}
	if page.Country == "" {
		page.Country = guessCountry(p.Contacts.Phone.CountryGuess, own.Country, s.Realm.Tenant.Locale, c.GetHeader("Accept-Language"))
	}
	if page.Problem == templates.ProblemPhoneCountry {
		page.Methods = phoneMethods(v, p, regionTyped(f))
	}
	page.Method = chosen(page.Methods, page.Method, string(v.Kind))
	if v.Verb == mfa.VerbChange && own.Status == mfa.ContactConfirmed {
		page.Change, page.Current, page.Told = true, own.Masked, toldOf(v, p)
	}
	return page
}

// toldOf is who is told of a changed number, where the old one is not asked: its owner
// cannot stop the change, and learns of it. "" where the old one proves itself.
func toldOf(v mfa.View, p *policy.Policy) string {
	switch {
	case v.Stages.Has(policy.ProofCodeCurrent) || !p.Notify.EmailEvents.Has(policy.EventContactChanged):
		return ""
	case p.Notify.OldContactToo:
		return templates.TellBoth
	}
	return templates.TellEmail
}

// regionTyped is the region of the number that was typed, "" where it is none.
func regionTyped(f contactForm) string {
	n, err := phone.Parse(f.Phone, f.Country)
	if err != nil {
		return ""
	}
	return n.Region
}

// chosen is the first of wishes that can be had, or else the first method that can.
func chosen(methods []templates.PhoneMethod, wishes ...string) string {
	for _, wish := range wishes {
		if slices.ContainsFunc(methods, func(m templates.PhoneMethod) bool { return m.Method == wish && m.Available }) {
			return wish
		}
	}
	i := slices.IndexFunc(methods, func(m templates.PhoneMethod) bool { return m.Available })
	if i < 0 {
		return ""
	}
	return methods[i].Method
}

// renderCheck shows the number as it was understood. Nothing was sent to it.
func (h *Handler) renderCheck(c *gin.Context, s *web.Seat, v mfa.View, f contactForm, n phone.Number, problem string, retry time.Time) error {
	status := http.StatusOK
	if problem != "" {
		status = http.StatusTooManyRequests
		web.SetRetryAfter(c, retry, h.Now())
	}
	fields := []templates.Field{
		{Name: "country", Value: f.Country},
		{Name: "phone", Value: f.Phone},
		{Name: "line", Value: f.Line},
		{Name: "method", Value: string(f.Method)},
	}
	return h.Pages.Render(c, status, templates.EnrolPhoneCheckPage{
		Frame: s.Frame, Wizard: wizardOf(s, v), Action: operationPath(s, v.ID) + "/contact", Number: n.International(),
		Country: phone.CountryOf(n.Region, h.Pages.Lang(c)).Name, Method: string(f.Method), Problem: problem, RetryAt: retry,
		Fields: slices.DeleteFunc(fields, func(one templates.Field) bool { return one.Value == "" }),
	})
}

// renderFile asks whether to confirm the number on file. As much of it is shown as
// anywhere.
func (h *Handler) renderFile(c *gin.Context, s *web.Seat, v mfa.View, status int, f contactForm, file mfa.Contact, fixed bool) error {
	methods := slices.DeleteFunc(phoneMethods(v, s.Realm.Policy, file.Country), func(m templates.PhoneMethod) bool {
		return phone.Judge(phone.Number{Region: file.Country, Line: file.LineType}, s.Realm.Policy.Contacts.Phone).For(mfa.Method(m.Method)) != nil
	})
	page := templates.EnrolPhoneCheckPage{
		Frame: s.Frame, Wizard: wizardOf(s, v), Action: operationPath(s, v.ID) + "/contact", Number: file.Masked,
		Method: chosen(methods, string(f.Method), string(v.Kind)), Methods: methods, Existing: true, CanChange: !fixed,
		Confirmed: file.Status == mfa.ContactConfirmed,
		Problem:   numberProblemOf(f.Method, f.cause), RetryAt: web.RetryAt(f.cause, time.Time{}, h.Now()),
	}
	if len(methods) < 2 {
		page.Fields = []templates.Field{{Name: "method", Value: page.Method}}
	}
	return h.Pages.Render(c, status, page)
}

// renderAddress asks for an address, or whether to confirm the one on file. Its
// owner, who has typed it to sign in, sees it whole.
func (h *Handler) renderAddress(c *gin.Context, s *web.Seat, v mfa.View, status int, f contactForm, at time.Time) error {
	file, fixed := onFile(v, s.Realm.Policy)
	page := templates.EnrolEmailPage{
		Frame: s.Frame, Wizard: wizardOf(s, v), Action: operationPath(s, v.ID) + "/contact", Email: f.Email,
		Problem: contactProblem(policy.Email, f.cause), RetryAt: at, Then: len(v.Missing) > 0 && !slices.Contains(v.Missing, policy.ProofCodeNew),
	}
	_, limited := errors.AsType[*ratelimit.WaitError](f.cause)
	if limited && v.NeedsContact {
		page.Problem = templates.ProblemEmailLimit
	}
	if file.ID != "" && (fixed || !f.Another && f.cause == nil) {
		page.Existing, page.CanChange, page.Email = true, !fixed, file.Masked
		page.Confirmed = file.Status == mfa.ContactConfirmed
		if file.Value.Reveal() == s.User.Username {
			page.Email = s.User.Username
		}
	}
	if v.Verb == mfa.VerbChange {
		page.Change, page.Current = true, currentAddress(v)
	}
	return h.Pages.Render(c, status, page)
}

// currentAddress is the address that a change takes the place of, masked.
func currentAddress(v mfa.View) string {
	for _, c := range v.Enrolments.Contacts {
		if c.ID != "" && c.ID == v.State.OldContactID {
			return c.Masked
		}
	}
	return v.Enrolments.Registered().Masked
}
