package hosted

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// Enrolling is the seat of a user whose login stops until a second step is set up.
// Anywhere else in the flow it sends the browser to where it stands, and is nil.
func (h *Handler) Enrolling(c *gin.Context) (*web.Seat, error) {
	var seat *web.Seat
	err := h.with(c, func(c *gin.Context, st *consent.Standing) error {
		if st.Step == consent.StepEnrol {
			seat = h.seat(c, st)
			return nil
		}
		if c.Request.Method == http.MethodPost {
			return h.stale(c, st)
		}
		return h.goOn(c, st)
	})
	return seat, err
}

func (h *Handler) seat(c *gin.Context, st *consent.Standing) *web.Seat {
	b := h.browser(c, st)
	frame := h.frame(c, st)
	frame.Gates = templates.SignInGates(st.Client.Name)
	s := &web.Seat{
		Realm: st.Realm, User: *st.User, Base: base(st) + "/enrol", CSRF: frame.CSRF, Frame: frame,
		Doer: mfa.Doer{
			Subject: st.User.Subject(), Policy: st.Realm.Policy, PolicyVersion: st.Realm.Tenant.PolicyVersion,
			MFAEnabled: st.User.MFAEnabled, LoginAt: identity.LastActive(st.In.State.Here), Enrolling: true,
			Binding: []byte("interaction/" + st.In.ID), IP: b.IP, Device: b.UserAgent, About: h.Flow.About(st, b.Lang),
			RP: st.Realm.Tenant.RelyingParty(), UserName: st.User.Username,
		},
	}
	for name := range st.User.Flags {
		s.Doer.Flags = append(s.Doer.Flags, name)
	}
	s.Enrol = &web.Enrol{
		Methods: st.Enrollable, Cancel: base(st) + "/cancel",
		Done: func(ctx context.Context, o mfa.Operation) (string, error) {
			next, err := h.Flow.Enrolled(ctx, st, o)
			if err != nil {
				return "", err
			}
			return pathOf(next), nil
		},
	}
	until := st.EnrolBy()
	if st.Optional() || until.After(h.Now()) {
		s.Enrol.Later, s.Enrol.Until = base(st)+"/later", until
	}
	return s
}

// setUpNow takes up the reminder of a second step.
func (h *Handler) setUpNow(c *gin.Context, st *consent.Standing) error {
	if st.Step != consent.StepBanner {
		return h.stale(c, st)
	}
	next, err := h.Flow.EnrolNow(c.Request.Context(), st)
	if err != nil {
		return err
	}
	return h.arrive(c, next)
}
