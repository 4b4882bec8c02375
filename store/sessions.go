package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
)

// sessionRow is table sessions.
type sessionRow struct {
	identity.Session
	idle int64 // milliseconds
}

func (r *sessionRow) fields() []field {
	s := &r.Session
	return []field{
		col("tenant_id", &s.TenantID), col("id", &s.ID), col("user_id", &s.UserID), col("token_hash", &s.TokenHash),
		jsonCol("events", &s.Events), col("password_epoch", &s.PasswordEpoch), col("mfa_epoch", &s.MFAEpoch),
		timeCol("created_at", &s.CreatedAt), timeCol("last_seen", &s.LastSeen), timeCol("expires_at", &s.ExpiresAt),
		col("idle_ms", &r.idle), col("persistent", &s.Persistent), col("ip", &s.IP), col("user_agent", &s.UserAgent),
	}
}

// session is nil if the row is the empty side of an outer join.
func (r *sessionRow) session() *identity.Session {
	if r.ID == "" {
		return nil
	}
	s := r.Session
	s.IdleFor = time.Duration(r.idle) * time.Millisecond
	return &s
}

var (
	sessionColumns = names("s.", (&sessionRow{}).fields())
	selectSession  = "select " + sessionColumns + " from sessions s where s.tenant_id = $1 and "
	insertSession  = insertInto("sessions", (&sessionRow{}).fields())
)

// A refresh token with offline access outlives the session that it came from.
const (
	endGrantsOfSession = `update grants set revoked_at = $3, revoke_reason = 'session_ended', rt_salt = $4
		where tenant_id = $1 and session_id = $2 and revoked_at is null
			and (' ' || scopes || ' ') not like '% offline!_access %' escape '!'`
	moveGrantsOfSession = `update grants set session_id = $3 where tenant_id = $1 and session_id = $2`
)

// SessionByID implements [consent.People].
func (s *Store) SessionByID(ctx context.Context, tenantID, sessionID string) (*identity.Session, error) {
	var row sessionRow
	err := s.DB.SQL.QueryRowContext(ctx, selectSession+"s.id = $2", tenantID, sessionID).Scan(into(row.fields())...)
	if absent(err) {
		return nil, nil //nolint:nilnil // the interface says so
	}
	if err != nil {
		return nil, fail("read session", err)
	}
	return row.session(), nil
}

// SessionsOf returns the sessions of a user that have not expired at now, the one
// that was used last first. Some may be idle for too long; see
// [identity.Session.Live].
func (s *Store) SessionsOf(ctx context.Context, tenantID, userID string, now time.Time) ([]identity.Session, error) {
	rows, err := s.DB.SQL.QueryContext(ctx, selectSession+"s.user_id = $2 and s.expires_at > $3 order by s.last_seen desc, s.id",
		tenantID, userID, stamp(now))
	if err != nil {
		return nil, fail("list sessions", err)
	}
	defer rows.Close()
	var list []identity.Session
	for rows.Next() {
		var row sessionRow
		err = rows.Scan(into(row.fields())...)
		if err != nil {
			return nil, fail("list sessions", err)
		}
		list = append(list, *row.session())
	}
	return list, fail("list sessions", rows.Err())
}

// TouchSession notes that a session was used at now. It writes at most once a
// minute. A session that is not there is no error.
func (s *Store) TouchSession(ctx context.Context, tenantID, sessionID string, now time.Time) error {
	_, err := s.DB.SQL.ExecContext(ctx, "update sessions set last_seen = $3 where tenant_id = $1 and id = $2 and last_seen <= $4",
		tenantID, sessionID, stamp(now), stamp(now.Add(-time.Minute)))
	return fail("touch session", err)
}

// EndSession deletes a session and revokes its grants, except those with offline
// access.
//
// Errors: [identity.ErrNotFound].
func (s *Store) EndSession(ctx context.Context, tenantID, sessionID string, now time.Time) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		n, err := affected(ctx, raw(tx), "delete from sessions where tenant_id = $1 and id = $2", tenantID, sessionID)
		if err == nil && n == 0 {
			err = errNoRow
		}
		if err != nil {
			return err
		}
		return endGrants(ctx, raw(tx), tenantID, sessionID, now)
	})
	return notFound("end session", err, identity.ErrNotFound)
}

// EndSessionsOf ends all sessions of a user, as [Store.EndSession] does, except
// the one with the id keep ("" for none), and returns how many there were.
func (s *Store) EndSessionsOf(ctx context.Context, tenantID, userID, keep string, now time.Time) (ended int, err error) {
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		var ids []string
		err := tx.Raw("delete from sessions where tenant_id = ? and user_id = ? and id <> ? returning id", tenantID, userID, keep).
			Scan(&ids).Error
		for _, id := range ids {
			err = errors.Join(err, endGrants(ctx, raw(tx), tenantID, id, now))
		}
		ended = len(ids)
		return err
	})
	if err != nil {
		return 0, fail("end sessions", err)
	}
	return ended, nil
}

// endGrants revokes what a session gave, and cuts the rest loose from it.
func endGrants(ctx context.Context, q querier, tenantID, sessionID string, now time.Time) error {
	_, err := q.ExecContext(ctx, endGrantsOfSession, tenantID, sessionID, stamp(now), newSalt())
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, moveGrantsOfSession, tenantID, sessionID, "")
	return err
}

func putSession(ctx context.Context, q querier, v identity.Session) error {
	row := sessionRow{Session: v, idle: v.IdleFor.Milliseconds()}
	args, err := from(row.fields())
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, insertSession, args...)
	return duplicate(err)
}
