// Package message words what the second-step layer sends, with the texts of
// package templates.
package message

import (
	"cmp"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// Composer implements mfa.Composer.
type Composer struct{ Set *templates.Set }

// Compose implements mfa.Composer, in the tenant's own words where it has some.
func (c Composer) Compose(kind string, n mfa.Note) (title, text, html string, err error) {
	own, err := ReadOverrides(n.About.Texts)
	if err != nil {
		// They were judged when they were written. Whoever waits for a code gets it in
		// our words, whatever has become of the others.
		own = nil
	}
	return c.ComposeIn(own, kind, n)
}

// data is what the texts are told of n.
func (c Composer) data(n mfa.Note) templates.TextData {
	a := n.About
	return templates.TextData{
		Channel: string(n.Channel), Tenant: a.TenantName, App: a.AppName, Host: a.Host, Code: n.Code.Reveal(),
		Now: n.Now, ExpiresAt: n.ExpiresAt, Zone: a.Zone, ActionName: n.Action, ActionTitle: a.ActionTitle, HelpURL: a.HelpURL, PrivacyURL: a.PrivacyURL,
		Slip: c.slip(n),
	}
}

// slip is what the message says of the transaction.
func (c Composer) slip(n mfa.Note) templates.Slip {
	a := n.About
	s := templates.Slip{Payee: a.Payee, App: a.AppName, When: n.Now}
	if a.Amount != "" {
		s.Amount = c.Set.Amount(a.Lang, a.Amount, a.Currency)
	}
	if a.Account != "" {
		label := cmp.Or(accountLabels[n.Action], "account")
		s.Facts = []templates.Fact{{Label: label, Value: "••" + a.Account, Mono: true}}
	}
	return s
}

// accountLabels are what the account of an action is called. "Account" alone could also
// be the one that the reader signs in to.
var accountLabels = map[string]string{
	"payout.request": "destination", "withdrawal.confirm": "destination", "payment_details.add": "new_account",
}

// Notice words a notice by email to the owner of an account.
func (c Composer) Notice(lang, kind, tenant, device string, at time.Time, zone *time.Location) (title, text, html string, err error) {
	return c.Set.Text(lang, kind, templates.TextData{
		Channel: "email", Tenant: tenant, Now: at, Zone: zone,
		Slip: templates.Slip{Device: device, When: at},
	})
}
