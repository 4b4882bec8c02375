package hosted

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/templates"
)

// submitDeny ends a confirmation that its user did not start.
func (h *Handler) submitDeny(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepConfirm {
		return h.stale(c, st)
	}
	_, err := h.Flow.Disown(c.Request.Context(), st, h.browser(c, st).UserAgent)
	if err != nil {
		return err
	}
	return seeOther(c, base(st)+"/denied")
}

// showDenied says what was stopped, and offers to sign out everywhere, before the
// browser goes back to the app.
func (h *Handler) showDenied(c *gin.Context, st *consent.Standing) error {
	if st.In.State.Reason != consent.ReasonDisowned {
		return h.goOn(c, st)
	}
	settings := st.Realm.Tenant.Path() + "/settings"
	frame := h.frame(c, st)
	frame.Gates = nil
	return h.Pages.Render(c, http.StatusOK, templates.DeniedPage{
		Frame: frame, BackURL: resumePath(st.Realm, st.In.ID), EndAllURL: settings + "/sessions/end-all", PasswordURL: settings + "/password",
	})
}
