// Package message words what the second-step layer sends, with the texts of
// package templates.
package message

import (
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// Composer implements mfa.Composer.
type Composer struct{ Set *templates.Set }

// Compose implements mfa.Composer.
func (c Composer) Compose(kind string, n mfa.Note) (title, text, html string, err error) {
	return c.ComposeIn(nil, kind, n)
}

// data is what the texts are told of n.
func data(n mfa.Note) templates.TextData {
	a := n.About
	return templates.TextData{
		Channel: string(n.Channel), Tenant: a.TenantName, App: a.AppName, Host: a.Host, Code: n.Code.Reveal(),
		Now: n.Now, ExpiresAt: n.ExpiresAt, Zone: a.Zone, ActionName: n.Action,
		Slip: templates.Slip{Amount: a.Amount, Payee: a.Payee, App: a.AppName, When: n.Now},
	}
}

// Notice words a notice by email to the owner of an account.
func (c Composer) Notice(lang, kind, tenant, device string, at time.Time, zone *time.Location) (title, text, html string, err error) {
	return c.Set.Text(lang, kind, templates.TextData{
		Channel: "email", Tenant: tenant, Now: at, Zone: zone,
		Slip: templates.Slip{Device: device, When: at},
	})
}
