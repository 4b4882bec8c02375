package settings

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// methodPhone is the choice of a text or a call, where the user says which on the
// page that asks for the number.
const methodPhone = "phone"

// offers are the methods in the order in which they are proposed, the strongest
// first, with what each is worth against somebody who pretends to be the tenant.
var offers = []struct {
	kind     mfa.Method
	strength string
	inside   bool // in the settings only: it gives no second step by itself
}{
	{policy.WebAuthn, "strongest", false},
	{policy.TOTP, "strong", false},
	{policy.SMS, "basic", false},
	{policy.Voice, "basic", false},
	{policy.Email, "basic", false},
	{policy.RecoveryCodes, "", true},
	{policy.PIN, "", true},
}

// choices are the methods that may be enabled, with the reasons for those that
// cannot be now. only is what a login takes; nil is the settings.
func choices(p *policy.Policy, e mfa.Enrolments, only []mfa.Method, keys bool) []templates.EnrolChoice {
	var list []templates.EnrolChoice
	for _, o := range offers {
		life, known := p.Lifecycle[o.kind]
		allowed := known && !life.Enable.Forbidden && p.Methods[o.kind].Enabled
		if !allowed || only != nil && (o.inside || !slices.Contains(only, o.kind)) || o.kind == policy.WebAuthn && !keys {
			continue
		}
		choice := templates.EnrolChoice{Method: string(o.kind), Strength: o.strength, Masked: waiting(o.kind, e)}
		choice.Reason = notNow(o.kind, p, e)
		choice.Available = choice.Reason == ""
		list = append(list, choice)
	}
	list = joinPhone(list)
	recommend(list)
	return list
}

// recommend marks the strongest method of list that can be had, and takes the words about
// strength away where there is nothing to compare: one method, or several that are alike.
func recommend(list []templates.EnrolChoice) {
	open := func(c templates.EnrolChoice) bool { return c.Available && c.Strength != "" }
	first := slices.IndexFunc(list, open)
	differ := func(c templates.EnrolChoice) bool { return open(c) && c.Strength != list[first].Strength }
	if first >= 0 && slices.ContainsFunc(list, differ) {
		list[first].Recommended = true
		return
	}
	for i := range list {
		list[i].Strength = ""
	}
}

// notNow says why method k cannot be enabled now; "" when it can.
func notNow(k mfa.Method, p *policy.Policy, e mfa.Enrolments) string {
	kinds := e.SecondFactors()
	counts := k != policy.PIN && k != policy.RecoveryCodes
	switch {
	case k != policy.WebAuthn && isOn(k, e):
		return templates.ReasonOn
	case counts && !slices.Contains(kinds, k) && len(kinds) >= p.Selection.UserMax && p.Selection.Switch != policy.SwitchReplace:
		return templates.ReasonLimit
	case p.Lifecycle[k].Enable.Stages.Has(policy.ProofPIN) && !isOn(policy.PIN, e):
		return templates.ReasonPIN
	case k == policy.RecoveryCodes && len(kinds) == 0:
		return templates.ReasonFirst
	case k == policy.SMS || k == policy.Voice:
		return notOnPhone(k, p, e)
	}
	return ""
}

// notOnPhone says why no code may come by method k to a telephone: nowhere at all,
// or not to the number that the user has.
func notOnPhone(k mfa.Method, p *policy.Policy, e mfa.Enrolments) string {
	countries := p.Contacts.Phone.CountriesSMS
	if k == policy.Voice {
		countries = p.Contacts.Phone.CountriesVoice
	}
	if countries.Empty() {
		return templates.ReasonCountry
	}
	own := e.Phone()
	if own.ID == "" || !bound(own, e) && own.Status == mfa.ContactConfirmed {
		return ""
	}
	if !phone.Served(countries, own.Country) {
		return templates.ReasonCountry
	}
	if k == policy.SMS && own.LineType == phone.Fixed && bound(own, e) {
		return templates.ReasonLine
	}
	return ""
}

// isOn reports whether the user has an active factor of kind k.
func isOn(k mfa.Method, e mfa.Enrolments) bool {
	return slices.ContainsFunc(e.Factors, func(f mfa.Factor) bool { return f.Kind == k && f.Status == mfa.FactorActive })
}

// bound reports whether a method of the user needs contact c, so that another one
// is a change and nothing that is added.
func bound(c mfa.Contact, e mfa.Enrolments) bool {
	return c.ID != "" && slices.ContainsFunc(e.Factors, func(f mfa.Factor) bool {
		return f.Status == mfa.FactorActive && f.ContactID == c.ID
	})
}

// waiting is the contact that method k would be enabled with, as far as it may be
// shown, if it waits to be confirmed.
func waiting(k mfa.Method, e mfa.Enrolments) string {
	c := mfa.Contact{}
	switch k {
	case policy.Email:
		c = e.Registered()
	case policy.SMS, policy.Voice:
		c = e.Phone()
	}
	if c.Status != mfa.ContactUnverified {
		return ""
	}
	return c.Masked
}

// joinPhone makes one choice of text and call, where both can be had: the page that
// asks for the number asks how the code shall come.
func joinPhone(list []templates.EnrolChoice) []templates.EnrolChoice {
	at := func(m mfa.Method) int {
		return slices.IndexFunc(list, func(c templates.EnrolChoice) bool { return c.Method == string(m) && c.Available })
	}
	sms, voice := at(policy.SMS), at(policy.Voice)
	if sms < 0 || voice < 0 {
		return list
	}
	list[sms].Method = methodPhone
	return slices.Delete(list, voice, voice+1)
}

// choicesOf are the choices of whoever sits at s.
func (h *Handler) choicesOf(c *gin.Context, s *web.Seat) ([]templates.EnrolChoice, error) {
	e, err := h.MFA.Store.Enrolments(c.Request.Context(), s.Doer.Subject)
	if err != nil {
		return nil, err
	}
	var only []mfa.Method
	if s.Enrol != nil {
		only = append([]mfa.Method{}, s.Enrol.Methods...)
	}
	return choices(s.Realm.Policy, e, only, h.MFA.Keys != nil), nil
}

func (h *Handler) showAdd(c *gin.Context, s *web.Seat) error {
	return h.renderAdd(c, s, http.StatusOK, "")
}

func (h *Handler) renderAdd(c *gin.Context, s *web.Seat, status int, problem string) error {
	list, err := h.choicesOf(c, s)
	if err != nil {
		return err
	}
	page := templates.EnrolChoosePage{
		Frame: s.Frame, Action: s.Base + "/add", Need: templates.EnrolOptional, Choices: list, Problem: problem,
	}
	leave(s, &page.Wizard)
	if s.Enrol != nil {
		page.Need, page.CanCancel = templates.EnrolNow, s.Enrol.Cancel != ""
		if s.Enrol.Later != "" {
			page.Need = templates.EnrolBy
		}
	}
	return h.Pages.Render(c, status, page)
}

// submitAdd goes on with the method that was chosen. What is not on the page is
// refused.
func (h *Handler) submitAdd(c *gin.Context, s *web.Seat) error {
	if c.PostForm("cancel") != "" && s.Enrol != nil {
		// The form that ends a login is another one; 307 sends this one there.
		c.Redirect(http.StatusTemporaryRedirect, s.Enrol.Cancel)
		return nil
	}
	method := c.PostForm("method")
	list, err := h.choicesOf(c, s)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(choice templates.EnrolChoice) bool { return choice.Method == method })
	switch {
	case i < 0 && method == "":
		return &mistake{errEmpty, func() error {
			return h.renderAdd(c, s, http.StatusUnprocessableEntity, templates.ProblemNoChoice)
		}}
	case i < 0:
		return mfa.ErrForbidden
	case !list[i].Available:
		return &refusal{Reason: list[i].Reason, Err: mfa.ErrForbidden}
	case method == string(policy.TOTP):
		return seeOther(c, s.Base+"/add/app")
	case method == methodPhone:
		method = string(policy.SMS)
	}
	return h.start(c, s, mfa.Start{Kind: mfa.Method(method), Verb: mfa.VerbEnable})
}

// showAddApp asks on which device the authenticator app shall be, and then says
// where to get one. Nothing begins before the answer to that.
func (h *Handler) showAddApp(c *gin.Context, s *web.Seat) error {
	w := templates.Wizard{BackURL: s.Base + "/add"}
	leave(s, &w)
	os := c.Query("os")
	if os == "" {
		return h.Pages.Render(c, http.StatusOK, templates.EnrolDevicePage{Frame: s.Frame, Wizard: w, Action: s.Base + "/add/app"})
	}
	w.BackURL = s.Base + "/add/app"
	return h.Pages.Render(c, http.StatusOK, templates.EnrolGetAppPage{Frame: s.Frame, Wizard: w, Action: s.Base + "/add/app", OS: os})
}

func (h *Handler) submitAddApp(c *gin.Context, s *web.Seat) error {
	return h.start(c, s, mfa.Start{Kind: policy.TOTP, Verb: mfa.VerbEnable})
}
