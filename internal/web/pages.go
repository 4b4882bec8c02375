package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/templates"
)

// Pages answers with HTML.
type Pages struct {
	Set *templates.Set
	Now func() time.Time
	// Cookies remembers the language that somebody has chosen; nil remembers none,
	// and the pages have no switcher.
	Cookies *Cookies
	// FormTargets are the origins that a form of these pages may lead to besides
	// their own. Chromium checks form-action against every redirect that follows
	// a form, so an app whose button answers with a redirect to its provider has
	// to name the provider.
	FormTargets []string
}

// Failure is an error page: what went wrong with a request that cannot be
// answered by a redirect or by showing the form again. It is an error, so that
// a handler can return it.
type Failure struct {
	Status  int
	Problem string // a templates.Error constant
	AppName string
	BackURL string // to the app; "" where there is no safe way back
	RetryAt time.Time
	Details []templates.Field // for the app's developer
}

func (f *Failure) Error() string { return fmt.Sprintf("page %d %s", f.Status, f.Problem) }

// Render answers with page. Pages hold tokens and codes, so nobody may keep one.
func (p *Pages) Render(c *gin.Context, status int, page templates.Page) error {
	csp := templates.ContentSecurityPolicy
	if len(p.FormTargets) > 0 {
		csp = strings.Replace(csp, "form-action 'self'", "form-action 'self' "+strings.Join(p.FormTargets, " "), 1)
	}
	_, posts := page.(templates.FormPostPage)
	if posts {
		// The form goes to the app, and Chromium checks form-action against
		// every redirect that follows it.
		csp = strings.Replace(csp, "; form-action 'self'", "", 1)
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", csp)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	c.Status(status)
	return p.Set.Render(c.Writer, p.Lang(c), page)
}

// Frame is what surrounds a page of the request's tenant.
func (p *Pages) Frame(c *gin.Context) templates.Frame {
	f := templates.Frame{RequestID: RequestID(c), Now: p.Now(), Zone: time.UTC, Tenant: templates.Tenant{Name: "Sallyport"}}
	realm := realmOf(c)
	if realm == nil {
		return f
	}
	t := realm.Tenant
	f.Tenant = templates.Tenant{Name: t.Name, LogoURL: t.LogoURL, Brand: t.Brand}
	f.HelpURL, f.PrivacyURL, f.Zone = t.HelpURL, t.Privacy, t.Zone()
	if p.Cookies != nil {
		f.Langs, f.LangAction = p.Languages(p.Lang(c)), t.Path()+"/lang"
	}
	return f
}

// Fail answers with the error page for f.
func (p *Pages) Fail(c *gin.Context, f Failure) error {
	if f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	frame := p.Frame(c)
	frame.AppName = f.AppName
	return p.Render(c, f.Status, templates.ErrorPage{
		Frame: frame, Problem: f.Problem, RetryAt: f.RetryAt, BackURL: f.BackURL, Details: f.Details,
	})
}

// realmOf is Realm for routes that may have none.
func realmOf(c *gin.Context) *identity.Realm {
	v, ok := c.Get(keyRealm)
	if !ok {
		return nil
	}
	realm, _ := v.(*identity.Realm)
	return realm
}
