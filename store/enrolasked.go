package store

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/identity"
)

// EnrolAsked implements [consent.People].
func (s *Store) EnrolAsked(ctx context.Context, tenantID, userID string, now time.Time) error {
	_, err := affected(ctx, s.DB.SQL, `update users set enrol_asked_at = $3
		where tenant_id = $1 and id = $2 and enrol_asked_at is null`, tenantID, userID, stamp(now))
	return fail("note that enrolment was asked for", err)
}

// Recovered implements [consent.People].
//
// Errors: [identity.ErrNotFound].
func (s *Store) Recovered(ctx context.Context, tenantID, userID string, hold time.Duration, now time.Time) error {
	_, err := s.UpdateUser(ctx, tenantID, userID, func(u *identity.User) error {
		u.MFAEpoch++
		until := now.Add(hold)
		if hold > 0 && until.After(u.HoldUntil) {
			u.HoldUntil = until
		}
		return nil
	})
	return err
}
