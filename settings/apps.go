package settings

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

// eventAppRemoved is told when the owner takes back the access of an app.
const eventAppRemoved = "app.removed"

func (h *Handler) showApps(c *gin.Context, s *web.Seat) error {
	ctx := c.Request.Context()
	list, err := h.Rows.AgreementsOf(ctx, s.User.TenantID, s.User.ID)
	if err != nil {
		return err
	}
	used, err := h.Rows.AppUse(ctx, s.User.TenantID, s.User.ID)
	if err != nil {
		return err
	}
	return h.Pages.Render(c, http.StatusOK, templates.AppsPage{
		Inside: h.inside(s), News: listNews(c, s, templates.DoneAppRemoved), Apps: appRows(list, used, s.Realm, s.Base),
	})
}

// appRows are the apps that a user agreed to. One that was removed from the tenant,
// or is disabled, is shown as well: what was agreed to is there until it is taken
// back.
func appRows(list []consent.Agreement, used map[string]time.Time, realm *identity.Realm, base string) []templates.AppRow {
	var rows []templates.AppRow
	for _, a := range list {
		row := templates.AppRow{
			Name: appName(realm, a.ClientID), Scopes: a.Scopes, Since: a.CreatedAt, LastUsed: used[a.ClientID],
			Actions: []templates.RowAction{{Label: templates.DoRemoveApp, URL: base + "/apps/" + url.PathEscape(a.ClientID) + "/remove"}},
		}
		if app := realm.Clients[a.ClientID]; app != nil {
			row.AppHost = hostOf(app)
		}
		rows = append(rows, row)
	}
	return rows
}

// hostOf is where an app lives: its own page, or where its users are sent back to.
func hostOf(app *identity.Client) string {
	for _, text := range append([]string{app.URI}, app.RedirectURIs...) {
		u, err := url.Parse(text)
		if err == nil && u.Host != "" {
			return u.Host
		}
	}
	return ""
}

// app is the agreement that the path names.
//
// Errors: [identity.ErrNotFound].
func (h *Handler) app(c *gin.Context, s *web.Seat) (consent.Agreement, error) {
	list, err := h.Rows.AgreementsOf(c.Request.Context(), s.User.TenantID, s.User.ID)
	if err != nil {
		return consent.Agreement{}, err
	}
	i := slices.IndexFunc(list, func(a consent.Agreement) bool { return a.ClientID == c.Param("client") })
	if i < 0 {
		return consent.Agreement{}, identity.ErrNotFound
	}
	return list[i], nil
}

func (h *Handler) askRemoveApp(c *gin.Context, s *web.Seat) error {
	a, err := h.app(c, s)
	if err != nil {
		return err
	}
	return h.ask(c, s, templates.ConfirmChangePage{
		Change: templates.ChangeRemoveApp, Name: appName(s.Realm, a.ClientID), BackURL: s.Base + "/apps",
		Losses: []templates.Loss{{What: templates.LossApp}, {What: templates.LossAppData, Stays: true}},
	})
}

func (h *Handler) submitRemoveApp(c *gin.Context, s *web.Seat) error {
	ctx := c.Request.Context()
	a, err := h.app(c, s)
	if err != nil {
		return err
	}
	err = h.Rows.RemoveApp(ctx, s.User.TenantID, s.User.ID, a.ClientID, h.Now())
	if err != nil {
		return err
	}
	h.observe(ctx, s, eventAppRemoved, map[string]string{"client": a.ClientID})
	return seeOther(c, newsPath(s, "/apps", templates.DoneAppRemoved))
}
