package settings

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

// endAllPath is the page that asks whether to sign out everywhere.
const endAllPath = "/sessions/end-all"

// sessionPath is the page that asks whether to end a session.
func sessionPath(s *web.Seat, id string) string { return s.Base + "/sessions/" + id + "/end" }

func sessionRow(s *web.Seat, v identity.SessionEntry) templates.DeviceRow {
	row := templates.DeviceRow{
		Device: v.UserAgent, Address: v.IP, Since: v.CreatedAt, LastUsed: v.LastSeen, Until: v.ExpiresAt, This: v.Current,
	}
	if !v.Current { // there is a way out of this one on every page
		row.Actions = []templates.RowAction{{Label: templates.DoSignOut, URL: sessionPath(s, v.ID)}}
	}
	return row
}

// session is the session that the path names.
//
// Errors: [identity.ErrNotFound] for one of somebody else, or of nobody.
func (h *Handler) session(c *gin.Context, s *web.Seat) (identity.SessionEntry, error) {
	all, err := h.Rows.SessionList(c.Request.Context(), s.User.TenantID, s.User.ID, s.Session.ID, h.Now())
	if err != nil {
		return identity.SessionEntry{}, err
	}
	i := slices.IndexFunc(all, func(v identity.SessionEntry) bool { return v.ID == c.Param("session") })
	if i < 0 {
		return identity.SessionEntry{}, identity.ErrNotFound
	}
	return all[i], nil
}

// leaving lets the session in hand be ended however old its login is: to go, nobody
// has to come in again. Any other one takes a fresh login.
func (h *Handler) leaving(do handler) handler {
	return func(c *gin.Context, s *web.Seat) error {
		if c.Param("session") == s.Session.ID {
			return do(c, s)
		}
		return h.freshly(do)(c, s)
	}
}

func (h *Handler) askEndSession(c *gin.Context, s *web.Seat) error {
	v, err := h.session(c, s)
	if err != nil {
		return err
	}
	if v.Current {
		return h.Pages.Render(c, http.StatusOK, templates.LogoutPage{Frame: s.Frame, Action: web.BrowserPath(c, s.Realm.Tenant)})
	}
	return h.ask(c, s, templates.ConfirmChangePage{Change: templates.ChangeEndSession, Name: v.UserAgent, BackURL: s.Base + "/devices"})
}

func (h *Handler) submitEndSession(c *gin.Context, s *web.Seat) error {
	ctx := c.Request.Context()
	v, err := h.session(c, s)
	if err != nil {
		return err
	}
	if v.Current && c.PostForm("decision") == "stay" {
		return seeOther(c, s.Base)
	}
	err = h.Rows.EndSessionOf(ctx, s.User.TenantID, s.User.ID, v.ID, h.Now())
	if err != nil {
		return err
	}
	ended := map[string]string{"session": v.ID}
	if !v.Current {
		ended["name"] = v.UserAgent
	}
	h.observe(ctx, s, identity.EventSessionEnded, ended)
	if v.Current {
		return h.signedOut(c, s)
	}
	return seeOther(c, newsPath(s, "/devices", templates.DoneSessionEnded))
}

func (h *Handler) askEndSessions(c *gin.Context, s *web.Seat) error {
	sessions, err := h.Rows.SessionList(c.Request.Context(), s.User.TenantID, s.User.ID, s.Session.ID, h.Now())
	if err != nil {
		return err
	}
	devices, err := h.devices(c, s)
	if err != nil {
		return err
	}
	p := templates.ConfirmChangePage{
		Change: templates.ChangeEndSessions, BackURL: s.Base + "/devices",
	}
	if len(sessions) > 0 {
		p.Losses = append(p.Losses, templates.Loss{What: templates.LossSessions, N: len(sessions)})
	}
	if len(devices) > 0 {
		p.Losses = append(p.Losses, templates.Loss{What: templates.LossDevices, N: len(devices)})
	}
	return h.ask(c, s, p)
}

// submitEndSessions signs out everywhere, here too: whoever has got hold of this
// browser is out as well.
func (h *Handler) submitEndSessions(c *gin.Context, s *web.Seat) error {
	ctx := c.Request.Context()
	_, err := h.Rows.SignOutEverywhere(ctx, s.User.TenantID, s.User.ID, h.Now())
	if err != nil {
		return err
	}
	h.observe(ctx, s, identity.EventSignedOutAll, nil)
	err = h.MFA.Devices.DeleteDevices(ctx, s.User.Subject()) // void already; this tidies up
	if err != nil {
		return err
	}
	h.Cookies.Set(c, h.MFA.DeviceCookieName(s.User.Subject()), "", -1)
	return h.signedOut(c, s)
}

// signedOut takes the cookie of a session that is over, and goes to the page that says
// so.
func (h *Handler) signedOut(c *gin.Context, s *web.Seat) error {
	h.Cookies.ClearSession(c, s.Realm)
	return seeOther(c, s.Realm.Tenant.Path()+signedOutPath)
}
