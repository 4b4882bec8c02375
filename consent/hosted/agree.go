package hosted

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/templates"
)

// showConsent asks what the app may see.
func (h *Handler) showConsent(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepConsent {
		return h.goOn(c, st)
	}
	return h.Pages.Render(c, http.StatusOK, templates.ConsentPage{
		Frame: h.frame(c, st), Action: base(st) + "/consent", Scopes: st.Request.Scopes,
		Email: st.User.Profile.Email, Phone: st.User.Profile.PhoneNumber, AppHost: appHost(st),
		AppTermsURL: st.Client.TermsURI, AppPolicyURL: st.Client.PolicyURI,
		ActionsApart: len(st.Realm.Policy.RequestableActions()) > 0,
	})
}

// appHost is the host that the answer goes to, for people to recognise.
func appHost(st *consent.Standing) string {
	values := st.Request.Form["redirect_uri"]
	if len(values) == 0 {
		return ""
	}
	u, err := url.Parse(values[0])
	if err != nil {
		return ""
	}
	return u.Host
}

func (h *Handler) submitConsent(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepConsent {
		return h.stale(c, st)
	}
	var err error
	if c.PostForm("decision") == "allow" {
		st, err = h.Flow.Agree(c.Request.Context(), st)
	} else {
		st, err = h.Flow.End(c.Request.Context(), st, "declined")
	}
	if err != nil {
		return err
	}
	return h.goOn(c, st)
}

// showBanner reminds a user without a second step, once a login.
func (h *Handler) showBanner(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepBanner {
		return h.goOn(c, st)
	}
	return h.Pages.Render(c, http.StatusOK, templates.BannerPage{
		Frame: h.frame(c, st), Action: base(st) + "/banner", SetUpAction: base(st) + "/banner/now",
	})
}

func (h *Handler) submitBanner(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepBanner {
		return h.stale(c, st)
	}
	st, err := h.Flow.SeeBanner(c.Request.Context(), st)
	if err != nil {
		return err
	}
	return h.arrive(c, st)
}

// stagePasswordProblem is passwordProblem for a password that is a stage of an
// action.
func (h *Handler) stagePasswordProblem(c *gin.Context, st *consent.Standing, err error) error {
	wait, limited := errors.AsType[*ratelimit.WaitError](err)
	switch {
	case limited:
		web.SetRetryAfter(c, h.Now().Add(wait.After), h.Now())
		return h.renderStagePassword(c, st, http.StatusTooManyRequests, templates.ProblemLocked, h.Now().Add(wait.After))
	case errors.Is(err, identity.ErrCredentials):
		return h.renderStagePassword(c, st, http.StatusUnprocessableEntity, templates.ProblemBadSignIn, time.Time{})
	}
	return err
}
