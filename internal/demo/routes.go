package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/templates"
)

// routes are what only a demo has: a start page, the mailbox, every page to look at,
// what is set up, and the clock.
type routes struct {
	pages   *web.Pages
	mailbox *Mailbox
	clock   *Clock
	scenes  func(ctx context.Context) []scene
	issuer  func(slug string) string
	shopURL string
	// testClock allows POST /_demo/clock.
	testClock bool
}

func (r *routes) mount(e gin.IRouter) {
	e.GET("/", web.Page(r.pages, r.start))
	e.GET("/_demo", web.JSON(r.describe))
	e.GET("/_demo/clock", web.JSON(r.readClock))
	e.POST("/_demo/clock", web.JSON(r.moveClock))
	e.GET("/_pages", web.Page(r.pages, r.listPages))
	e.GET("/_pages/:name", web.Page(r.pages, r.showPage))
	e.GET(paperPath(":slug", ":about"), web.Page(r.pages, r.showPaper))
	e.GET("/_mailbox", web.Page(r.pages, r.showMailbox))
	e.POST("/_mailbox/empty", web.Page(r.pages, r.emptyPage))
	e.GET("/_mailbox/messages", web.JSON(r.messages))
	e.DELETE("/_mailbox/messages", web.JSON(r.empty))
}

func (r *routes) frame(c *gin.Context) templates.Demo {
	f := r.pages.Frame(c)
	f.Tenant, f.Zone = templates.Tenant{Name: "Sallyport"}, zone()
	return templates.Demo{Frame: f, StartURL: "/", ShopURL: r.shopURL, MailboxURL: "/_mailbox", PagesURL: "/_pages"}
}

// describe answers what is set up, for people's scripts: see the contract for
// programs in the documentation.
func (r *routes) describe(c *gin.Context) error {
	type tenant struct {
		Slug    string   `json:"slug"`
		Issuer  string   `json:"issuer"`
		Preset  string   `json:"preset"`
		NotYet  []string `json:"not_yet"`
		Users   []person `json:"users"`
		Clients []app    `json:"clients"`
	}
	out := struct {
		Tenants []tenant `json:"tenants"`
	}{}
	scenes := r.scenes(c.Request.Context())
	if scenes == nil {
		return errNotReady
	}
	for _, s := range scenes {
		out.Tenants = append(out.Tenants, tenant{s.house.slug, r.issuer(s.house.slug), s.house.preset, s.notYet, s.people, s.apps})
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, out)
	return nil
}

func (r *routes) start(c *gin.Context) error {
	page := templates.DemoStartPage{Demo: r.frame(c)}
	scenes := r.scenes(c.Request.Context())
	if scenes == nil {
		return errNotReady
	}
	for _, s := range scenes {
		t := templates.DemoTenant{
			Slug: s.house.slug, Name: s.house.name, Preset: s.house.preset, Note: s.house.note,
			Issuer: r.issuer(s.house.slug), ShopURL: r.shopURL + "/?tenant=" + s.house.slug, NotYet: s.notYet,
		}
		for _, p := range s.people {
			t.Users = append(t.Users, templates.DemoUser{
				Name: p.Name, Password: p.Password, Phone: p.Phone, PhoneStatus: p.PhoneStatus, PIN: p.PIN, MFAEnabled: p.MFAEnabled, Note: p.noted(),
			})
		}
		for _, a := range s.apps {
			t.Clients = append(t.Clients, templates.DemoClient{
				ID: a.ID, Secret: a.Secret, RedirectURIs: a.RedirectURIs, AuthMethod: a.AuthMethod, Note: a.Note,
			})
		}
		page.Tenants = append(page.Tenants, t)
	}
	return r.pages.Render(c, http.StatusOK, page)
}

func (r *routes) showMailbox(c *gin.Context) error {
	to := c.Query("to")
	page := templates.MailboxPage{
		Demo: r.frame(c), Recipients: r.mailbox.Recipients(), To: to,
		Action: "/_mailbox", DeleteAction: "/_mailbox/empty", PollURL: "/_mailbox/messages",
	}
	if to != "" && !slices.Contains(page.Recipients, to) { // the filter says whose letters are asked for, if there are any or not
		page.Recipients = append(page.Recipients, to)
	}
	for _, l := range r.mailbox.Letters(Filter{To: to, Limit: 100}) {
		page.Messages = append(page.Messages, templates.Message{
			ID: l.ID, At: l.At, Zone: l.zone, Tenant: l.Tenant, Channel: l.Channel, To: l.To, Subject: l.Subject, Text: l.Text, Code: l.Code,
		})
	}
	return r.pages.Render(c, http.StatusOK, page)
}

func (r *routes) emptyPage(c *gin.Context) error {
	err := http.NewCrossOriginProtection().Check(c.Request)
	if err != nil {
		return web.ErrCrossSite
	}
	r.mailbox.Empty()
	c.Redirect(http.StatusSeeOther, "/_mailbox")
	return nil
}

// errNotReady answers while nothing is set up and nobody waits for it any more.
var errNotReady = &web.Failure{Status: http.StatusServiceUnavailable, Problem: templates.ErrorMaintenance}

// messages answers letters as JSON, newest first. since is in milliseconds
// since 1970, by the server's clock.
func (r *routes) messages(c *gin.Context) error {
	f := Filter{To: c.Query("to"), Tenant: c.Query("tenant")}
	since, err := number(c.Query("since"))
	if err != nil {
		return refuse(c, fmt.Sprintf("since is milliseconds since 1970, a whole number from 0 on, such as %d.", r.clock.Now().UnixMilli()))
	}
	if since > 0 {
		f.Since = time.UnixMilli(since)
	}
	limit, err := number(c.Query("limit"))
	if err != nil || limit > keepMessages {
		return refuse(c, fmt.Sprintf("limit is how many messages to answer, a whole number from 0 to %d; 0 is all.", keepMessages))
	}
	f.Limit = int(limit)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, r.mailbox.Letters(f))
	return nil
}

// number reads a query value that is absent or a number from 0 on.
func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n < 0 {
		err = errors.New("negative")
	}
	return n, err
}

// refuse answers a request that is not as it has to be with what to send instead.
// Source: RFC 9457 section 3.1 (detail).
func refuse(c *gin.Context, detail string) error {
	c.Header("Content-Type", "application/problem+json")
	c.AbortWithStatusJSON(http.StatusBadRequest, struct {
		web.Problem
		Detail string `json:"detail"`
	}{web.Problem{Type: "about:blank", Title: http.StatusText(http.StatusBadRequest), Status: http.StatusBadRequest}, detail})
	return nil
}

func (r *routes) empty(c *gin.Context) error {
	r.mailbox.Empty()
	c.Status(http.StatusNoContent)
	return nil
}

func (r *routes) readClock(c *gin.Context) error {
	if !r.testClock {
		return &web.Failure{Status: http.StatusNotFound, Problem: templates.ErrorNotFound}
	}
	offset := r.clock.Offset()
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"now": r.clock.Now().UTC().Format(time.RFC3339Nano), "offset_s": int64(offset / time.Second)})
	return nil
}

// maxOffset is how far the clock can be ahead: a hundred years.
const maxOffset = 100 * 366 * 24 * time.Hour

func (r *routes) moveClock(c *gin.Context) error {
	if !r.testClock {
		return r.readClock(c)
	}
	var in struct {
		AdvanceS *int64 `json:"advance_s"`
	}
	d := json.NewDecoder(io.LimitReader(c.Request.Body, 1<<10))
	d.DisallowUnknownFields()
	err := d.Decode(&in)
	left := int64((maxOffset - r.clock.Offset()) / time.Second)
	if err != nil || in.AdvanceS == nil || *in.AdvanceS < 0 || *in.AdvanceS > left {
		return refuse(c, fmt.Sprintf(`Send a JSON object with advance_s, the seconds to move the clock forward by: a whole number from 0 to %d. For a minute: {"advance_s": 60}`, left))
	}
	r.clock.Advance(time.Duration(*in.AdvanceS) * time.Second)
	return r.readClock(c)
}
