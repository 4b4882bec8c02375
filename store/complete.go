package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

// Complete implements [model.Store].
//
// All parts of c are of one tenant and one user, or nothing is written. A
// session to be ended that is gone already is no error; one to be rotated that
// is gone is [identity.ErrNotFound]. Grants of an ended session go over to the
// new one, so that signing out ends them still.
func (s *Store) Complete(ctx context.Context, c model.Completion) error {
	user, err := userOf(c)
	if err != nil {
		return err
	}
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		// One order for all, so that two completions never wait for each other.
		for _, step := range []func(context.Context, querier, model.Completion, string) error{
			s.finish, s.approve, s.endOld, s.startSession, s.rotateSession, s.recordRest,
		} {
			err := step(ctx, q, c, user)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return fail("complete", err)
}

// userOf is the one user whom all parts of c are about.
func userOf(c model.Completion) (string, error) {
	type part struct{ name, tenant, user string }
	var parts []part
	if v := c.NewSession; v != nil {
		parts = append(parts, part{"new session", v.TenantID, v.UserID})
	}
	if v := c.RotateSession; v != nil {
		parts = append(parts, part{"session", v.TenantID, v.UserID})
	}
	if v := c.Agreement; v != nil {
		parts = append(parts, part{"agreement", v.TenantID, v.UserID})
	}
	if v := c.Confirmation; v != nil {
		parts = append(parts, part{"confirmation", v.TenantID, v.UserID})
	}
	if v := c.Grant; v != nil {
		parts = append(parts, part{"grant", v.TenantID, v.UserID})
	}
	user := ""
	for _, p := range parts {
		if p.tenant != c.TenantID || p.user == "" || user != "" && p.user != user {
			return "", fmt.Errorf("store: complete: the %s is of another tenant or user", p.name)
		}
		user = p.user
	}
	for _, e := range c.Audit {
		if e.TenantID != c.TenantID {
			return "", errors.New("store: complete: an audit event is of another tenant")
		}
	}
	return user, nil
}

func (s *Store) finish(ctx context.Context, q querier, c model.Completion, _ string) error {
	if c.InteractionID == "" {
		return nil
	}
	n, err := affected(ctx, q, `update interactions set finished_at = $3
		where tenant_id = $1 and id = $2 and finished_at is null and expires_at > $3`, c.TenantID, c.InteractionID, stamp(c.Now))
	return exactlyOne(n, err, model.ErrFinished)
}

func (s *Store) approve(ctx context.Context, q querier, c model.Completion, _ string) error {
	v := c.Confirmation
	if v == nil {
		return nil
	}
	amr, err := words{&v.AMR}.Value()
	if err != nil {
		return err
	}
	row := confirmationRow{Confirmation: *v}
	evidence, err := s.hide(row.place("evidence_enc"), v.Evidence)
	if err != nil {
		return err
	}
	n, err := affected(ctx, q, approveConfirmation, v.TenantID, v.ID, v.UserID, v.ClientID, v.DetailsHash,
		v.ACR, amr, stamp(c.Now), timeOrNull(v.ConsumeBefore), evidence)
	return exactlyOne(n, err, model.ErrFinished)
}

// endOld ends the session that the browser had before. Grants of the same user
// go on in the new one; those of another user, who is no longer at this browser,
// end with their session.
func (s *Store) endOld(ctx context.Context, q querier, c model.Completion, user string) error {
	if c.EndSession == "" {
		return nil
	}
	var owner string
	err := q.QueryRowContext(ctx, "delete from sessions where tenant_id = $1 and id = $2 returning user_id", c.TenantID, c.EndSession).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if owner != user {
		return endGrants(ctx, q, c.TenantID, c.EndSession, c.Now)
	}
	next := ""
	if c.NewSession != nil {
		next = c.NewSession.ID
	}
	_, err = q.ExecContext(ctx, moveGrantsOfSession, c.TenantID, c.EndSession, next)
	return err
}

func (s *Store) startSession(ctx context.Context, q querier, c model.Completion, _ string) error {
	if c.NewSession == nil {
		return nil
	}
	return putSession(ctx, q, *c.NewSession)
}

func (s *Store) rotateSession(ctx context.Context, q querier, c model.Completion, user string) error {
	v := c.RotateSession
	if v == nil {
		return nil
	}
	events, err := document{&v.Events}.Value()
	if err != nil {
		return err
	}
	n, err := affected(ctx, q, `update sessions set token_hash = $4, events = $5, last_seen = $6
		where tenant_id = $1 and id = $2 and user_id = $3 and expires_at > $6`,
		c.TenantID, v.ID, user, v.TokenHash, events, stamp(c.Now))
	return exactlyOne(n, err, identity.ErrNotFound)
}

func (s *Store) recordRest(ctx context.Context, q querier, c model.Completion, _ string) error {
	if c.Agreement != nil {
		err := agree(ctx, q, dated(*c.Agreement, c.Now))
		if err != nil {
			return err
		}
	}
	if c.Grant != nil {
		err := s.putGrant(ctx, q, *c.Grant)
		if err != nil {
			return err
		}
	}
	return putAudit(ctx, q, c.Audit)
}

// dated gives an agreement the times that it has none of.
func dated(a consent.Agreement, now time.Time) consent.Agreement {
	if a.CreatedAt.IsZero() {
		a.CreatedAt = now
	}
	if a.UpdatedAt.IsZero() {
		a.UpdatedAt = now
	}
	return a
}
