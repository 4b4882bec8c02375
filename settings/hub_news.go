package settings

import (
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// newsLife is how long after a change the hub may say that it was made.
const newsLife = 10 * time.Minute

// mailed are the news that a change of the account leaves, with the entry of
// notify.email_events that mails it.
var mailed = map[string]policy.Event{
	templates.DoneContactConfirmed: policy.EventContactChanged,
	templates.DoneContactChanged:   policy.EventContactChanged,
	templates.DoneContactRemoved:   policy.EventContactChanged,
	templates.DoneFactorAdded:      policy.EventFactorAdded,
	templates.DoneFactorRemoved:    policy.EventFactorRemoved,
	templates.DoneFactorChanged:    policy.EventFactorChanged,
	templates.DoneMFAEnabled:       policy.EventMFAEnabled,
	templates.DoneMFADisabled:      policy.EventMFADisabled,
	templates.DonePINChanged:       policy.EventPINChanged,
	templates.DoneCodesMade:        policy.EventRecoveryCodesMade,
	templates.DoneCodesReplaced:    policy.EventRecoveryCodesMade,
	templates.DonePasswordChanged:  policy.EventPasswordChanged,
}

// harmless are news about which nothing can be wrong.
var harmless = []string{templates.DoneSaved, templates.DoneCancelled}

// news is what has just been done: what the page before has left in the browser, or
// what the path says.
func (h *Handler) news(c *gin.Context, s *web.Seat, f facts) templates.News {
	n := h.takeNews(c, s.Realm)
	if n.Done == "" {
		n = templates.News{Done: c.Query("done"), DoneMethod: c.Query("method")}
	}
	n = f.believed(n)
	if n.Done != "" {
		n.Switched = f.switched(c.Query("was"))
	}
	return n
}

// switched is what two-step sign-in is now, on or off, if it was the other before; ""
// where nothing has changed.
func (f facts) switched(before string) string {
	switch {
	case before == "off" && f.inForce():
		return "on"
	case before == "on" && !f.inForce():
		return "off"
	}
	return ""
}

// believed is n if the account bears it out. The path of a page comes from anywhere:
// nobody must be able to tell a user that two-step sign-in is off who has it on.
func (f facts) believed(n templates.News) templates.News {
	if slices.Contains(harmless, n.Done) {
		return templates.News{Done: n.Done}
	}
	event, known := mailed[n.Done]
	if !known || f.Now.Sub(f.User.UpdatedAt) > newsLife || !f.bearsOut(n) {
		return templates.News{}
	}
	n.Mailed = f.Policy.Notify.EmailEvents.Has(event)
	return n
}

// bearsOut reports whether n can be true of the account as it is now.
func (f facts) bearsOut(n templates.News) bool {
	kind := policy.Kind(n.DoneMethod)
	switch n.Done {
	case templates.DoneMFAEnabled:
		return f.User.MFAEnabled
	case templates.DoneMFADisabled:
		return !f.User.MFAEnabled
	case templates.DoneFactorAdded, templates.DoneFactorChanged:
		return n.DoneMethod == "" || slices.ContainsFunc(f.active(kind), f.isNew)
	case templates.DoneFactorRemoved:
		return kind == policy.WebAuthn || len(f.active(kind)) == 0
	case templates.DoneCodesMade, templates.DoneCodesReplaced:
		return slices.ContainsFunc(f.active(policy.RecoveryCodes), f.isNew)
	case templates.DonePINChanged:
		return slices.ContainsFunc(f.active(policy.PIN), f.isNew)
	case templates.DoneContactConfirmed, templates.DoneContactChanged:
		return slices.ContainsFunc(f.Have.Contacts, func(c mfa.Contact) bool {
			return c.Status == mfa.ContactConfirmed && f.Now.Sub(c.ConfirmedAt) <= newsLife
		})
	}
	return true
}

func (f facts) isNew(x mfa.Factor) bool {
	return f.Now.Sub(maxTime(x.CreatedAt, x.LastUsedAt)) <= newsLife
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// blockedWords are the reasons that a page has words for.
var blockedWords = []string{
	templates.BlockedForbidden, templates.BlockedRequired, templates.BlockedLast, templates.BlockedNeverGoes,
	templates.BlockedRegistered, templates.BlockedCountry, templates.BlockedPhone, templates.BlockedStaff,
	templates.BlockedHold, templates.BlockedPIN, templates.BlockedPINDead, templates.BlockedInUse, templates.ReasonLimit, templates.ReasonOn, templates.ReasonFirst,
	templates.ReasonLine, templates.ReasonUnverified,
}

// refusedReason is why the last change was not made, as the path says; "" for what
// is no reason, and for a flag that the account does not have.
func refusedReason(said string, f facts) string {
	_, flagged := f.User.Flags[said]
	switch {
	case slices.Contains(blockedWords, said), flagged:
		return said
	}
	return ""
}

// listNews is the news of a list: what this server has said itself, in a path that
// only a page of this browser can have.
func listNews(c *gin.Context, s *web.Seat, can ...string) templates.News {
	done := c.Query("done")
	if !slices.Contains(can, done) || c.Query("n") != newsTag(s, done) {
		return templates.News{}
	}
	return templates.News{
		Done:   done,
		Mailed: done == templates.DoneDevicesRevoked && s.Realm.Policy.Notify.EmailEvents.Has(policy.EventDevicesRevoked),
	}
}

// newsPath is the page at path, which then says done.
func newsPath(s *web.Seat, path, done string) string {
	return s.Base + path + "?done=" + done + "&n=" + newsTag(s, done)
}

// newsTag marks done as said by this server to this browser.
func newsTag(s *web.Seat, done string) string {
	return web.FormSecret("news\x00"+done, s.CSRF)[:16]
}
