package settings

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// activityPage is how many events a page has.
const activityPage = 25

// showActivity lists what happened, newest first. The path says where a page ends,
// which is nothing that could show another account's.
func (h *Handler) showActivity(c *gin.Context, s *web.Seat) error {
	at, id, paged := readCursor(c.Query("before"))
	list, err := h.Rows.Activity(c.Request.Context(), s.User.TenantID, s.User.ID, identity.ActivityPage{
		Before: at, BeforeID: id, Limit: activityPage + 1,
	})
	if err != nil {
		return err
	}
	p := templates.ActivityPage{Inside: h.inside(s), EverywhereURL: s.Base + endAllPath}
	if s.User.PasswordHash != "" {
		p.PasswordURL = s.Base + passwordPath
	}
	if paged {
		p.NewerURL = s.Base + "/activity"
	}
	if len(list) > activityPage {
		list = list[:activityPage]
		p.OlderURL = s.Base + "/activity?before=" + cursor(list[activityPage-1])
	}
	p.Events = happened(list, s.Realm)
	return h.Pages.Render(c, http.StatusOK, p)
}

// recent is the newest part of the activity, for the hub.
func (h *Handler) recent(ctx context.Context, s *web.Seat) ([]templates.ActivityEvent, error) {
	list, err := h.Rows.Activity(ctx, s.User.TenantID, s.User.ID, identity.ActivityPage{Limit: recentEvents})
	return happened(list, s.Realm), err
}

// cursor is where the page ends whose last event is a.
func cursor(a identity.Activity) string {
	return strconv.FormatInt(a.At.UnixMicro(), 10) + "." + a.ID
}

// readCursor reads a cursor; ok is false for what is none, which shows the newest
// page.
func readCursor(text string) (at time.Time, id string, ok bool) {
	micros, id, found := strings.Cut(text, ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	if !found || err != nil || n <= 0 || n > latestCursor || id == "" || len(id) > longestID || !printable(id) {
		return time.Time{}, "", false
	}
	return time.UnixMicro(n).UTC(), id, true
}

// printable keeps out what a database does not take as text.
func printable(id string) bool {
	return !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

const (
	latestCursor = 253402300799_999999 // the end of the year 9999, which both databases know
	longestID    = 100
)

// eventNames are what the pages call events that the audit log has another name for,
// by type, or by type and result.
var eventNames = map[string]string{
	identity.EventSignedOutAll:  "sessions.ended",
	identity.EventEmailVerified: "contact.confirmed",
	"admin.reset":               "mfa.reset",
	eventAppRemoved:             "consent.removed",
	"refresh.reused":            "access.ended",
	"action.approved":           "confirmation.approved",
	"action.refused/cancelled":  "confirmation.declined",
	"action.refused/disowned":   "confirmation.denied",
	"action.refused/locked":     "confirmation.failed",
	"action.refused/expired":    "confirmation.expired",
}

// happened are the events of a list as the page tells them. A proof that was given
// for an action is told with the action.
func happened(list []identity.Activity, realm *identity.Realm) []templates.ActivityEvent {
	var events []templates.ActivityEvent
	for _, a := range list {
		if a.Type == "stepup.completed" && a.Data["action"] != "" {
			continue
		}
		events = append(events, eventOf(a, realm))
	}
	return events
}

func eventOf(a identity.Activity, realm *identity.Realm) templates.ActivityEvent {
	e := templates.ActivityEvent{
		Type: a.Type, Result: a.Result, Method: a.Data["method"], Name: a.Data["name"], At: a.At, Device: a.UserAgent, Address: a.IP,
		App: appName(realm, a.ClientID),
	}
	for _, name := range []string{a.Type + "/" + a.Result, a.Type} {
		known, ok := eventNames[name]
		if ok {
			e.Type = known
			break
		}
	}
	kind, _, _ := strings.Cut(e.Type, ".")
	switch {
	case kind == "confirmation":
		e.Action = a.Data["action"]
	case a.Type == identity.EventEmailVerified:
		e.Method = string(policy.Email)
	case kind == "contact":
		e.Masked = masked(a.Data["contact"])
	case kind == "recovery_codes" || kind == "recovery_code" || kind == "pin" || kind == "mfa":
		e.Method = "" // that is what the sentence is about
	case e.Type == identity.EventSessionEnded && e.Name != "":
		e.Type = "session.ended_there"
	}
	if e.App == "" {
		e.App = appName(realm, a.Data["client"])
	}
	return e
}

// masked is contact if it is masked: an address in full is not shown where a line of
// the log has one.
func masked(contact string) string {
	if !strings.Contains(contact, "•") {
		return ""
	}
	return contact
}

// appName is the name of the app id, "" for none: one that is gone has its id, and
// the account's own pages are no app.
func appName(realm *identity.Realm, id string) string {
	if id == "" || id == identity.AccountApp {
		return ""
	}
	app := realm.Clients[id]
	if app == nil || app.Name == "" {
		return id
	}
	return app.Name
}
