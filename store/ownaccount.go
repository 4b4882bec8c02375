package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// AgreementsOf lists what a user shares with which apps, the latest first.
func (s *Store) AgreementsOf(ctx context.Context, tenantID, userID string) ([]consent.Agreement, error) {
	rows, err := s.DB.SQL.QueryContext(ctx, "select "+agreementColumns+` from agreements a
		where a.tenant_id = $1 and a.user_id = $2 order by a.updated_at desc, a.client_id`, tenantID, userID)
	if err != nil {
		return nil, fail("list agreements", err)
	}
	defer rows.Close()
	var list []consent.Agreement
	for rows.Next() {
		var row agreementRow
		err = rows.Scan(into(row.fields())...)
		if err != nil {
			return nil, fail("list agreements", err)
		}
		list = append(list, row.Agreement)
	}
	return list, fail("list agreements", rows.Err())
}

// AppUse is when each app was last given tokens for a user, by client id. An app
// whose grants were swept is not in it.
func (s *Store) AppUse(ctx context.Context, tenantID, userID string) (map[string]time.Time, error) {
	// The comparison is made here: a maximum would come back from SQLite as text.
	rows, err := s.DB.SQL.QueryContext(ctx, "select client_id, created_at, rt_rotated_at from grants where tenant_id = $1 and user_id = $2",
		tenantID, userID)
	if err != nil {
		return nil, fail("list grants", err)
	}
	defer rows.Close()
	used := map[string]time.Time{}
	for rows.Next() {
		var clientID string
		var created, rotated time.Time
		err = rows.Scan(&clientID, timeCol("created_at", &created), timeCol("rt_rotated_at", &rotated))
		if err != nil {
			return nil, fail("list grants", err)
		}
		for _, t := range []time.Time{created, rotated} {
			if t.After(used[clientID]) {
				used[clientID] = t
			}
		}
	}
	return used, fail("list grants", rows.Err())
}

// RemoveApp takes back what a user shares with an app: the agreement and, with it,
// every grant, those with offline access too.
//
// Errors: [identity.ErrNotFound] if there is no such agreement.
func (s *Store) RemoveApp(ctx context.Context, tenantID, userID, clientID string, now time.Time) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		n, err := affected(ctx, q, "delete from agreements where tenant_id = $1 and user_id = $2 and client_id = $3", tenantID, userID, clientID)
		err = exactlyOne(n, err, errNoRow)
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `update grants set revoked_at = $4, revoke_reason = 'access_removed', rt_salt = $5
			where tenant_id = $1 and user_id = $2 and client_id = $3 and revoked_at is null`,
			tenantID, userID, clientID, stamp(now), newSalt())
		return err
	})
	return notFound("remove app", err, identity.ErrNotFound)
}

// LoginCodes counts the second steps that a user passed on the way in since a time,
// as the audit log has them.
func (s *Store) LoginCodes(ctx context.Context, tenantID, userID string, since time.Time) (int, error) {
	rows, err := s.DB.SQL.QueryContext(ctx, "select "+auditColumns+` from audit_events
		where tenant_id = $1 and subject = $2 and at >= $3 and type = $4 and result = 'ok'`,
		tenantID, userID, stamp(since), mfa.EventTried)
	if err != nil {
		return 0, fail("count login codes", err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var row auditRow
		err = rows.Scan(into(row.fields())...)
		if err != nil {
			return 0, fail("count login codes", err)
		}
		if row.Data["action"] == policy.ActionLogin {
			n++
		}
	}
	return n, fail("count login codes", rows.Err())
}

// VoidDevices ends the trust in every browser of a user, and queues the notices that
// tell of it, in one transaction.
//
// Errors: [identity.ErrNotFound].
func (s *Store) VoidDevices(ctx context.Context, tenantID, userID string, now time.Time, notices ...identity.Notice) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		n, err := affected(ctx, q, "update users set mfa_epoch = mfa_epoch + 1, updated_at = $3 where tenant_id = $1 and id = $2",
			tenantID, userID, stamp(now))
		err = exactlyOne(n, err, errNoRow)
		for _, notice := range notices {
			if err == nil {
				err = s.queueNotice(ctx, q, notice)
			}
		}
		return err
	})
	return notFound("void devices", err, identity.ErrNotFound)
}
