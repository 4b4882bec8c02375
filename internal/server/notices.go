package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/message"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/store"
)

// A batch is sent within its lease, however slow the mail server is: so no other
// replica takes over a notice that is still to be sent, and none is sent twice.
const (
	noticeLease    = time.Minute
	noticePatience = 10 * time.Second // for one
	noticeBatch    = 5
	noticeTries    = 6
)

// errNoAddress: the account has no confirmed registered address.
var errNoAddress = errors.New("server: no registered address")

// noticePost sends the notices of the outbox to the registered address of the
// account.
type noticePost struct {
	rows     *store.Store
	factors  mfa.Store
	realms   identity.Realms
	composer message.Composer
	sender   mfa.Sender
	now      func() time.Time
}

// deliver sends all that is due. What fails is tried again when its lease is
// over, at most noticeTries times.
func (p *noticePost) deliver(ctx context.Context) error {
	for {
		due, unread := p.rows.DueNotices(ctx, noticeBatch, p.now().Add(noticeLease))
		for _, n := range due {
			err := p.try(ctx, n)
			if err != nil {
				return errors.Join(unread, err)
			}
		}
		if unread != nil || len(due) < noticeBatch {
			return unread
		}
	}
}

// try sends n and takes it off the list, or gives it up. Its error is that of the
// list.
func (p *noticePost) try(ctx context.Context, n identity.Notice) error {
	err := p.send(ctx, n)
	switch {
	case err == nil:
		return p.rows.EndNotice(ctx, n, true)
	case n.Tries >= noticeTries || errors.Is(err, errNoAddress) || errors.Is(err, identity.ErrNotFound):
		slog.WarnContext(ctx, "notice given up", "tenant", n.TenantID, "user", n.UserID, "notice", n.Kind, "err", err)
		return p.rows.EndNotice(ctx, n, false)
	}
	slog.InfoContext(ctx, "notice not sent yet", "tenant", n.TenantID, "notice", n.Kind, "try", n.Tries, "err", err)
	return nil
}

func (p *noticePost) send(ctx context.Context, n identity.Notice) error {
	realm, err := p.realms.AtLeast(ctx, n.TenantID, 0)
	if err != nil {
		return err
	}
	who := mfa.Subject{TenantID: n.TenantID, UserID: n.UserID}
	enrolled, err := p.factors.Enrolments(ctx, who)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(enrolled.Contacts, func(c mfa.Contact) bool {
		return c.Registered && c.Kind == mfa.ContactEmail && c.Status == mfa.ContactConfirmed
	})
	if i < 0 {
		return errNoAddress
	}
	t := realm.Tenant
	title, text, html, err := p.composer.Notice(t.Locale, n.Kind, t.Name, n.Device, n.At, t.Zone())
	if err != nil {
		return err
	}
	patient, cancel := context.WithTimeout(ctx, noticePatience)
	defer cancel()
	_, err = p.sender.Send(patient, mfa.Message{
		ID: n.ID, Subject: who, Channel: policy.Email, To: enrolled.Contacts[i].Value,
		Title: title, Text: mfa.Secret(text), HTML: mfa.Secret(html), Lang: t.Locale,
	})
	if err != nil {
		return fmt.Errorf("server: notice: %w", err)
	}
	return nil
}
