package settings

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// mountHub adds the page that everything else is reached from, and the lists of
// what an account is used by. To look takes a session; to change something takes a
// login that is not old.
func (h *Handler) mountHub(r gin.IRouter, page func(handler) gin.HandlerFunc) {
	r.GET("", page(h.showHub))
	r.POST("/two-step", page(h.lived(h.submitTwoStep)))
	r.POST("/choice", page(h.lived(h.submitChoice)))

	r.GET("/devices", page(h.showDevices))
	r.GET("/activity", page(h.showActivity))
	r.GET("/apps", page(h.showApps))

	// One path to ask and to answer: a question, and the form that it posts.
	ask := func(path string, show, submit handler) {
		r.GET(path, page(h.freshly(show)))
		r.POST(path, page(h.freshly(submit)))
	}
	ask("/devices/:device/rename", h.showRenameDevice, h.submitRenameDevice)
	ask("/keys/:key/rename", h.showRenameKey, h.submitRenameKey)
	ask("/devices/:device/remove", h.askRemoveDevice, h.submitRemoveDevice)
	ask("/devices/remove-all", h.askRemoveDevices, h.submitRemoveDevices)
	r.GET("/sessions/:session/end", page(h.leaving(h.askEndSession)))
	r.POST("/sessions/:session/end", page(h.leaving(h.submitEndSession)))
	ask(endAllPath, h.askEndSessions, h.submitEndSessions)
	ask("/apps/:client/remove", h.askRemoveApp, h.submitRemoveApp)
}

// recentEvents is how many the hub shows.
const recentEvents = 5

func (h *Handler) showHub(c *gin.Context, s *web.Seat) error {
	f, err := h.facts(c, s)
	if err == nil {
		err = h.countUse(c, s, &f)
	}
	if err != nil {
		return err
	}
	p := view(f)
	p.Inside = h.inside(s)
	p.News = h.news(c, s, f)
	p.Refused = refusedReason(c.Query("refused"), f)
	return h.Pages.Render(c, http.StatusOK, p)
}

// facts is what s has set up.
func (h *Handler) facts(c *gin.Context, s *web.Seat) (facts, error) {
	have, err := h.MFA.Store.Enrolments(c.Request.Context(), s.User.Subject())
	if err != nil {
		return facts{}, err
	}
	dead, err := h.pinDead(c.Request.Context(), s.Doer, have)
	return facts{
		Policy: s.Realm.Policy, User: s.User, Have: have, RP: s.Doer.RP, Base: s.Base, Now: h.Now(), PINDead: dead,
	}, err
}

// pinDead reports whether the user's PIN has stopped working after too many wrong tries,
// so that a new one takes its place.
func (h *Handler) pinDead(ctx context.Context, d mfa.Doer, have mfa.Enrolments) (dead bool, err error) {
	if !have.HasPIN() {
		return false, nil
	}
	err = h.MFA.Store.UpdatePIN(ctx, d.Subject, func(p *mfa.PIN) error {
		dead = p.TotalFails >= d.Policy.Lockout.PINHardFails
		return nil
	})
	if errors.Is(err, mfa.ErrNotFound) {
		return true, nil // there is nothing behind it that anybody could be asked for
	}
	return dead, err
}

// countUse adds where the account of s is used, and what happened to it.
func (h *Handler) countUse(c *gin.Context, s *web.Seat, f *facts) error {
	ctx, tenant, user := c.Request.Context(), s.User.TenantID, s.User.ID
	devices, err := h.devices(c, s)
	if err != nil {
		return err
	}
	sessions, err := h.Rows.SessionList(ctx, tenant, user, s.Session.ID, f.Now)
	if err != nil {
		return err
	}
	apps, err := h.Rows.AgreementsOf(ctx, tenant, user)
	if err != nil {
		return err
	}
	if f.Policy.Notify.FrequentPromptHintPerDay > 0 {
		f.Prompts, err = h.Rows.LoginCodes(ctx, tenant, user, f.Now.Add(-24*time.Hour))
		if err != nil {
			return err
		}
	}
	f.Devices, f.Sessions, f.Apps = len(devices), len(sessions), len(apps)
	f.Recent, err = h.recent(ctx, s)
	return err
}

// inside is what surrounds the wide pages of s. Signing out asks first.
func (h *Handler) inside(s *web.Seat) templates.Inside {
	return templates.Inside{
		Frame: s.Frame, SettingsURL: s.Base, DevicesURL: s.Base + "/devices", AppsURL: s.Base + "/apps",
		ActivityURL: s.Base + "/activity", SignOutURL: sessionPath(s, s.Session.ID),
	}
}

// submitTwoStep turns two-step sign-in on, or asks before it is turned off.
func (h *Handler) submitTwoStep(c *gin.Context, s *web.Seat) error {
	if c.PostForm("mfa") == "on" {
		return h.start(c, s, mfa.Start{Verb: mfa.VerbSwitchOn})
	}
	return seeOther(c, confirmURL(s.Base, mfa.Start{Verb: mfa.VerbSwitchOff}))
}

// submitChoice begins what makes the chosen method the one that is on. What cannot
// be chosen on the page is refused with the same reason.
func (h *Handler) submitChoice(c *gin.Context, s *web.Seat) error {
	f, err := h.facts(c, s)
	if err != nil {
		return err
	}
	st, reason, change := f.chosen(c.PostForm("method"))
	switch {
	case reason != "":
		return refuse(c, s, reason)
	case !change:
		return seeOther(c, s.Base)
	case takesAway(st.Verb):
		return seeOther(c, confirmURL(s.Base, st))
	case st.Kind == policy.TOTP:
		return seeOther(c, s.Base+"/add/app")
	}
	return h.start(c, s, st)
}

// chosen is what a choice among methods begins; change is false for the one that is
// on already.
func (f facts) chosen(method string) (st mfa.Start, reason string, change bool) {
	choice := f.choice()
	if choice == nil {
		return st, templates.BlockedForbidden, false
	}
	i := slices.IndexFunc(choice.Options, func(o templates.MethodOption) bool { return o.Method == method })
	switch {
	case i < 0:
		return st, templates.BlockedForbidden, false
	case choice.Options[i].Current:
		return st, "", false
	case choice.Options[i].Reason != "":
		return st, choice.Options[i].Reason, false
	case method == choiceOff:
		st, _ = f.switchOff()
		return st, "", true
	}
	st, _ = f.choose(policy.Kind(method))
	return st, "", true
}

// observe tells the audit log what the owner did.
func (h *Handler) observe(ctx context.Context, s *web.Seat, kind string, data map[string]string) {
	h.Observe(ctx, mfa.Event{Kind: kind, Subject: s.User.Subject(), Result: "ok", IP: s.Doer.IP, At: h.Now(), Data: data})
}
