package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/message"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/templates"
)

// A batch is sent within its lease, however slow the mail server is: so no other
// replica takes over a notice that is still to be sent, and none is sent twice.
const (
	noticeLease    = time.Minute
	noticePatience = 10 * time.Second // for one
	noticeBatch    = 5
	// noticeTries is the lease in which the last try is made; see due.
	noticeTries = 64
)

// due reports whether a notice is to be tried in its lease of that number. A notice
// that waits is leased once a minute, and tried in the leases that are powers of
// two: so the waits between two tries are 1, 2, 4, 8, 16 and 32 minutes.
func due(lease int) bool { return lease&(lease-1) == 0 }

var (
	// errNoAddress: there is no contact that the notice could go to.
	errNoAddress = errors.New("server: no address to send to")
	// errSuspended: a suspended tenant sends nothing.
	errSuspended = errors.New("server: tenant is suspended")
)

// noticePost sends what is in the outbox: notices to the registered address of the
// account or to another contact of it, and the letters that answer requests.
type noticePost struct {
	rows     *store.Store
	factors  mfa.Store
	realms   identity.Realms
	composer message.Composer
	letters  letterWriter
	sender   mfa.Sender
	now      func() time.Time
}

// deliver sends all that is due. What fails is tried again, with ever longer waits,
// until its last lease.
func (p *noticePost) deliver(ctx context.Context) error {
	for {
		batch, unread := p.rows.DueNotices(ctx, noticeBatch, p.now().Add(noticeLease))
		for _, n := range batch {
			err := p.try(ctx, n)
			if err != nil {
				return errors.Join(unread, err)
			}
		}
		if unread != nil || len(batch) < noticeBatch {
			return unread
		}
	}
}

// final are the failures that no other try can mend.
var final = []error{errNoAddress, errSuspended, identity.ErrNotFound, mfa.ErrNotFound}

// try sends n, if this is the time for it, and takes it off the list, or gives it
// up. Its error is that of the list.
func (p *noticePost) try(ctx context.Context, n identity.Notice) error {
	if !due(n.Tries) && n.Tries < noticeTries {
		return nil
	}
	err := p.send(ctx, n)
	hopeless := slices.ContainsFunc(final, func(f error) bool { return errors.Is(err, f) })
	switch {
	case err == nil:
		return p.rows.EndNotice(ctx, n, true)
	case errors.Is(err, identity.ErrNoLetter):
		// Somebody asked about an account that there is not. That is no failure, and
		// nothing that a log has to keep.
		return p.rows.EndNotice(ctx, n, false)
	case n.Tries >= noticeTries || hopeless:
		slog.WarnContext(ctx, "notice given up", "tenant", n.TenantID, "user", n.UserID, "notice", n.Kind, "err", err)
		return p.rows.EndNotice(ctx, n, false)
	}
	slog.InfoContext(ctx, "notice not sent yet", "tenant", n.TenantID, "notice", n.Kind, "lease", n.Tries, "err", err)
	return nil
}

func (p *noticePost) send(ctx context.Context, n identity.Notice) error {
	realm, err := p.realms.AtLeast(ctx, n.TenantID, 0)
	if err != nil {
		return err
	}
	if realm.Tenant.Status != identity.TenantActive {
		return errSuspended
	}
	if n.IsRequest() {
		return p.answer(ctx, realm, n)
	}
	return p.tell(ctx, realm, n)
}

// tell sends a notice, in the language and time zone of the user.
func (p *noticePost) tell(ctx context.Context, realm *identity.Realm, n identity.Notice) error {
	t := realm.Tenant
	user, err := p.rows.User(ctx, t.ID, n.UserID)
	if err != nil {
		return err
	}
	to, err := p.recipient(ctx, user.Subject(), n.ContactID)
	if err != nil {
		return err
	}
	channel := policy.Email
	if to.Kind == mfa.ContactPhone {
		channel = policy.SMS
	}
	lang := p.composer.Set.Match(user.Lang(), t.Locale)
	data := noticeData(n, to)
	data.TextData = templates.TextData{
		Channel: string(channel), Tenant: t.Name, Now: p.now(), Zone: user.Zone(t), HelpURL: t.HelpURL, PrivacyURL: t.Privacy,
		ActionName: n.Action, Slip: templates.Slip{Device: n.Device, When: n.At, Payee: n.Payee},
	}
	if n.Amount != "" {
		data.Slip.Amount = p.composer.Set.Amount(lang, n.Amount, n.Currency)
	}
	if n.Action != "" && realm.Details != nil {
		data.ActionTitle = details.In(lang, realm.Details.Title(n.Action))
	}
	title, text, html, err := p.composer.Set.AccountText(lang, n.Kind, data)
	if err != nil {
		return err
	}
	return p.hand(ctx, mfa.Message{
		ID: n.ID, Subject: user.Subject(), Channel: channel, To: to.Value,
		Title: title, Text: mfa.Secret(text), HTML: mfa.Secret(html), Lang: lang,
	})
}

// noticeData is what a notice tells of itself to the owner of contact to.
func noticeData(n identity.Notice, to mfa.Contact) templates.AccountData {
	old := to.Status == mfa.ContactReplaced || to.Status == mfa.ContactRemoved
	kind := string(to.Kind)
	if !old {
		kind = string(mfa.ContactPhone)
		if n.Method == string(policy.Email) {
			kind = string(mfa.ContactEmail)
		}
	}
	return templates.AccountData{Method: n.Method, Contact: kind, Masked: n.Masked, OldOne: old, CodesLeft: n.Count, Also: n.Also, TwoStep: n.TwoStep}
}

// told are the states of a contact that may be told of its own end. Nobody queues a
// notice to one that was never confirmed.
var told = []mfa.ContactStatus{mfa.ContactConfirmed, mfa.ContactReplaced, mfa.ContactRemoved}

// recipient is the contact id of who, or the registered address where id is "".
//
// Errors: [errNoAddress].
func (p *noticePost) recipient(ctx context.Context, who mfa.Subject, id string) (mfa.Contact, error) {
	if id != "" {
		c, err := p.factors.Contact(ctx, who, id)
		if err == nil && (!slices.Contains(told, c.Status) || c.Kind == mfa.ContactPhone && c.SMSIncapable) {
			err = errNoAddress
		}
		return c, err
	}
	enrolled, err := p.factors.Enrolments(ctx, who)
	if err != nil {
		return mfa.Contact{}, err
	}
	i := slices.IndexFunc(enrolled.Contacts, func(c mfa.Contact) bool {
		return c.Registered && c.Kind == mfa.ContactEmail && c.Status == mfa.ContactConfirmed
	})
	if i < 0 {
		return mfa.Contact{}, errNoAddress
	}
	return enrolled.Contacts[i], nil
}

// hand gives a message to the gateway.
func (p *noticePost) hand(ctx context.Context, m mfa.Message) error {
	patient, cancel := context.WithTimeout(ctx, noticePatience)
	defer cancel()
	_, err := p.sender.Send(patient, m)
	if err != nil {
		return fmt.Errorf("server: notice: %w", err)
	}
	return nil
}
