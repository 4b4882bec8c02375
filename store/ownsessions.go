package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
)

// SessionList returns the sessions of a user that can be used at now, the current
// one first, then the one that was begun last. current is the id of the session in
// which the list is asked for.
//
// Errors: [identity.ErrNotFound] if there is no such user.
func (s *Store) SessionList(ctx context.Context, tenantID, userID, current string, now time.Time) ([]identity.SessionEntry, error) {
	u, err := s.User(ctx, tenantID, userID)
	if err != nil {
		return nil, err
	}
	all, err := s.SessionsOf(ctx, tenantID, userID, now)
	if err != nil {
		return nil, err
	}
	var list []identity.SessionEntry
	for _, v := range all {
		if !v.Live(&u, now) {
			continue
		}
		list = append(list, identity.SessionEntry{
			ID: v.ID, CreatedAt: v.CreatedAt, LastSeen: v.LastSeen, ExpiresAt: v.ExpiresAt,
			IP: v.IP, UserAgent: v.UserAgent, Persistent: v.Persistent, Current: v.ID == current,
		})
	}
	slices.SortStableFunc(list, func(a, b identity.SessionEntry) int {
		switch {
		case a.Current != b.Current && a.Current:
			return -1
		case a.Current != b.Current:
			return 1
		}
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// EndSessionOf is [Store.EndSession] for a session of that user alone.
//
// Errors: [identity.ErrNotFound].
func (s *Store) EndSessionOf(ctx context.Context, tenantID, userID, sessionID string, now time.Time) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		n, err := affected(ctx, raw(tx), "delete from sessions where tenant_id = $1 and id = $2 and user_id = $3", tenantID, sessionID, userID)
		err = exactlyOne(n, err, errNoRow)
		if err != nil {
			return err
		}
		return endGrants(ctx, raw(tx), tenantID, sessionID, now)
	})
	return notFound("end session", err, identity.ErrNotFound)
}

// SignOutEverywhere ends all sessions of a user and all grants, those with offline
// access too, and voids trusted devices; it returns how many sessions there were.
//
// Errors: [identity.ErrNotFound].
func (s *Store) SignOutEverywhere(ctx context.Context, tenantID, userID string, now time.Time) (ended int, err error) {
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		n, err := affected(ctx, q, "update users set mfa_epoch = mfa_epoch + 1, signed_out_at = $3, updated_at = $3 where tenant_id = $1 and id = $2",
			tenantID, userID, stamp(now))
		err = exactlyOne(n, err, errNoRow)
		if err != nil {
			return err
		}
		n, err = affected(ctx, q, "delete from sessions where tenant_id = $1 and user_id = $2", tenantID, userID)
		if err != nil {
			return err
		}
		ended = int(n)
		_, err = q.ExecContext(ctx, `update grants set revoked_at = $3, revoke_reason = 'signed_out', rt_salt = $4, session_id = ''
			where tenant_id = $1 and user_id = $2 and revoked_at is null`, tenantID, userID, stamp(now), newSalt())
		if err != nil {
			return err
		}
		return cancelConfirmations(ctx, q, tenantID, userID, now)
	})
	if err != nil {
		return 0, notFound("sign out everywhere", err, identity.ErrNotFound)
	}
	return ended, nil
}
