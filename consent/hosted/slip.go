package hosted

import (
	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/templates"
)

// slip is what the user is asked to confirm: the transaction, the app, the time, the
// device, and nothing that the app could style. What it says of the transaction comes
// from its canonical form, which is what the approval is bound to.
func (h *Handler) slip(c *gin.Context, st *consent.Standing) templates.Slip {
	s := templates.Slip{
		App: st.Client.Name, When: st.Request.RequestedAt, Device: h.browser(c, st).UserAgent, Same: true,
	}
	lang := h.Pages.Lang(c)
	if st.Detail.Type != "" {
		s.Title = details.In(lang, st.Realm.Details.Title(st.Detail.Type))
	}
	for _, line := range st.Detail.Lines() {
		s.Odd = s.Odd || line.Suspicious
		switch {
		case line.Kind == details.AsAmount && s.Amount == "":
			s.Amount = h.Pages.Set.Amount(lang, line.Amount.Value, line.Amount.Currency)
			s.AmountLabel = line.Label
			if line.Labels != nil {
				s.AmountLabel = details.In(lang, line.Labels)
			}
		case line.Label == "payee" && s.Payee == "":
			s.Payee = line.Value
		default:
			s.Facts = append(s.Facts, h.fact(lang, line))
		}
	}
	return s
}

// fact is one line of the slip, in the user's language where there are words for it.
func (h *Handler) fact(lang string, line details.Line) templates.Fact {
	f := templates.Fact{Label: line.Label, Value: line.Value}
	if line.Labels != nil {
		f.Label = details.In(lang, line.Labels)
	}
	switch line.Kind {
	case details.AsAmount:
		f.Value = h.Pages.Set.Amount(lang, line.Amount.Value, line.Amount.Currency)
	case details.AsIBAN, details.AsMasked, details.AsWallet:
		f.Mono = true
	case details.AsChoice:
		f.Choice = line.Words == nil
		if line.Words != nil {
			f.Value = details.In(lang, line.Words)
		}
	case details.AsText:
	}
	return f
}
