package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
)

// noticeParams is what a notice says, as it is sealed.
type noticeParams struct {
	Device string    `json:"device,omitempty"`
	At     time.Time `json:"at"`
	To     string    `json:"to,omitempty"`
	Lang   string    `json:"lang,omitempty"`

	ContactID string   `json:"contact_id,omitempty"`
	Method    string   `json:"method,omitempty"`
	Masked    string   `json:"masked,omitempty"`
	Count     int      `json:"count,omitempty"`
	Also      []string `json:"also,omitempty"`
	TwoStep   string   `json:"two_step,omitempty"`

	Action   string `json:"action,omitempty"`
	Amount   string `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	Payee    string `json:"payee,omitempty"`
}

// noticeSpan is the part of the clock in which equal notices to one user are one.
const noticeSpan = time.Minute

func noticeAt(tenant, user, id string) seal.AD {
	return seal.AD{Table: "notifications", Column: "params_enc", Tenant: tenant, User: user, Row: id}
}

// QueueNotices puts notices into the outbox. Of equal ones to the same user in
// the same minute of the clock, the first counts.
func (s *Store) QueueNotices(ctx context.Context, notices ...identity.Notice) error {
	for _, n := range notices {
		err := s.queueNotice(ctx, s.DB.SQL, n)
		if err != nil {
			return Fail("queue notice", err)
		}
	}
	return nil
}

func (s *Store) queueNotice(ctx context.Context, q querier, n identity.Notice) error {
	id, now := rand.Text(), s.now()
	plain, err := json.Marshal(noticeParams{
		Device: n.Device, At: n.At.UTC(), To: n.To.Reveal(), Lang: n.Lang,
		ContactID: n.ContactID, Method: n.Method, Masked: n.Masked, Count: n.Count,
		Also: n.Also, TwoStep: n.TwoStep,
		Action: n.Action, Amount: n.Amount, Currency: n.Currency, Payee: n.Payee,
	})
	if err != nil {
		return err
	}
	params, err := s.hide(noticeAt(n.TenantID, n.UserID, id), plain)
	if err != nil {
		return err
	}
	dedupe := fmt.Sprintf("%s/%s/%s/%d", s.addressee(n), n.Kind+n.ContactID, n.Method, n.At.Unix()/int64(noticeSpan/time.Second))
	_, err = q.ExecContext(ctx, `insert into notifications
		(tenant_id, id, user_id, template, params_enc, status, tries, next_try_at, dedupe_key, created_at)
		values ($1, $2, $3, $4, $5, 'queued', 0, $6, $7, $6)
		on conflict (tenant_id, dedupe_key) do nothing`,
		n.TenantID, id, n.UserID, n.Kind, params, now, dedupe)
	return err
}

// addressee is whom a notice is for, in a form that tells nothing.
func (s *Store) addressee(n identity.Notice) string {
	if n.To == "" {
		return n.UserID
	}
	return n.UserID + ":" + base64.RawURLEncoding.EncodeToString(s.Seal.Index(n.TenantID, addressIndex, n.To.Reveal()))
}

// DueNotices leases up to limit notices that are due, so that no other replica
// sends them before until, and returns them.
//
// A notice that cannot be read is given up, so that it does not stand in the way
// of the others: they are returned together with an error that names it.
func (s *Store) DueNotices(ctx context.Context, limit int, until time.Time) ([]identity.Notice, error) {
	leased, err := s.leaseNotices(ctx, limit, until)
	if err != nil {
		return nil, Fail("due notices", err)
	}
	var due []identity.Notice
	var unread []error
	for _, n := range leased {
		err := s.readNotice(&n.Notice, n.params)
		if err == nil {
			due = append(due, n.Notice)
			continue
		}
		unread = append(unread, fmt.Errorf("%w: notice %s: %w", errRow, n.ID, err), s.EndNotice(ctx, n.Notice, false))
	}
	return due, errors.Join(unread...)
}

// leasedNotice is a notice as it lies in the database.
type leasedNotice struct {
	identity.Notice
	params string // sealed
}

func (s *Store) leaseNotices(ctx context.Context, limit int, until time.Time) ([]leasedNotice, error) {
	skip := ""
	if s.DB.Dialect == Postgres {
		skip = " for update skip locked"
	}
	rows, err := s.DB.SQL.QueryContext(ctx, `update notifications set tries = tries + 1, next_try_at = $1
		where (tenant_id, id) in (select tenant_id, id from notifications
			where status = 'queued' and next_try_at <= $2 order by next_try_at limit $3`+skip+`)
		returning tenant_id, id, user_id, template, params_enc, tries`, stamp(until), s.now(), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var leased []leasedNotice
	for rows.Next() {
		var n leasedNotice
		err = rows.Scan(&n.TenantID, &n.ID, &n.UserID, &n.Kind, &n.params, &n.Tries)
		if err != nil {
			return nil, err
		}
		leased = append(leased, n)
	}
	return leased, rows.Err()
}

func (s *Store) readNotice(n *identity.Notice, params string) error {
	plain, err := s.reveal(noticeAt(n.TenantID, n.UserID, n.ID), params)
	if err != nil {
		return err
	}
	var p noticeParams
	err = json.Unmarshal(plain, &p)
	n.Device, n.At, n.To, n.Lang = p.Device, p.At, mfa.Secret(p.To), p.Lang
	n.ContactID, n.Method, n.Masked, n.Count = p.ContactID, p.Method, p.Masked, p.Count
	n.Also, n.TwoStep = p.Also, p.TwoStep
	n.Action, n.Amount, n.Currency, n.Payee = p.Action, p.Amount, p.Currency, p.Payee
	return err
}

// EndNotice takes a notice off the list: it was sent, or given up. What it said is
// deleted.
func (s *Store) EndNotice(ctx context.Context, n identity.Notice, sent bool) error {
	status := "failed"
	if sent {
		status = "sent"
	}
	_, err := s.DB.SQL.ExecContext(ctx, `update notifications set status = $1, params_enc = '' where tenant_id = $2 and id = $3`,
		status, n.TenantID, n.ID)
	return Fail("end notice", err)
}
