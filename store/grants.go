package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

// The columns and the statements of grants, made once.
var (
	grantFields  = (&grantRow{}).fields()
	grantColumns = names("g.", grantFields)

	insertGrant = "insert into grants (" + names("", grantFields) + ") select " + params(1, len(grantFields)) +
		" from users u where u.tenant_id = $" + strconv.Itoa(len(grantFields)+1) +
		" and u.id = $" + strconv.Itoa(len(grantFields)+2) + " and u.status = 'active'"

	// The version of the realm comes with every answer, at no further statement.
	realmVersion = ", (select t.version from tenants t where t.id = $1)"

	liveGrant = ` from grants g join users u on u.tenant_id = g.tenant_id and u.id = g.user_id and u.status = 'active'
		where g.tenant_id = $1 and g.id = $2 and g.revoked_at is null and g.grant_expires_at > $3`

	selectGrant        = "select " + grantColumns + realmVersion + liveGrant
	selectGrantAndUser = "select " + grantColumns + ", " + userColumns + realmVersion + liveGrant

	// A left join: what is no transaction has no confirmation. Nothing sealed is read.
	selectStanding = "select g.client_id, g.user_id, g.confirmation_id, coalesce(c.status, ''), c.consume_before" + realmVersion +
		strings.Replace(liveGrant, "where", "left join confirmations c on c.tenant_id = g.tenant_id and c.id = g.confirmation_id where", 1)

	revokeGrantOf = `update grants set revoked_at = $4, revoke_reason = $5, rt_salt = $6
		where tenant_id = $1 and id = $2 and client_id = $3 and revoked_at is null returning user_id`

	redeemGrant = `update grants set code_consumed_at = $4, rt_gen = $5, rt_salt = $6,
			rt_expires_at = case when $7 > grant_expires_at then grant_expires_at else $7 end,
			cnf_jkt = case when cnf_jkt = '' then $8 else cnf_jkt end
		where tenant_id = $1 and client_id = $2 and code_hash = $3 and code_consumed_at is null
			and code_expires_at > $4 and grant_expires_at > $4 and revoked_at is null
			and exists (select 1 from users u where u.tenant_id = grants.tenant_id and u.id = grants.user_id and u.status = 'active')
		returning ` + names("", grantFields) + realmVersion

	// A code that comes a second time ends the grant; the first end stands.
	replayedGrant = `update grants set rt_salt = $4,
			revoke_reason = case when revoked_at is null then 'code_replayed' else revoke_reason end,
			revoked_at = coalesce(revoked_at, $5)
		where tenant_id = $1 and client_id = $2 and code_hash = $3 and code_consumed_at is not null`

	rotateGrant = `update grants set rt_gen = rt_gen + 1, rt_rotated_at = $4,
			rt_expires_at = case when $5 > grant_expires_at then grant_expires_at else $5 end
		where tenant_id = $1 and id = $2 and rt_gen = $3 and rt_gen > 0 and revoked_at is null
			and rt_expires_at > $4 and grant_expires_at > $4`
)

// CreateGrant implements [model.Store].
//
// Errors: [identity.ErrNotFound] if the tenant has no such active user.
func (s *Store) CreateGrant(ctx context.Context, g model.Grant) error {
	return fail("create grant", s.putGrant(ctx, s.DB.SQL, g))
}

func (s *Store) putGrant(ctx context.Context, q querier, g model.Grant) error {
	row, err := s.hideGrant(g)
	if err != nil {
		return err
	}
	args, err := from(row.fields(), g.TenantID, g.UserID)
	if err != nil {
		return err
	}
	n, err := affected(ctx, q, insertGrant, args...)
	if err != nil {
		return duplicate(err)
	}
	if n == 0 {
		return identity.ErrNotFound
	}
	return nil
}

// RedeemCode implements [model.Store]. No refresh generation begins where
// r.RTExpiresAt is zero. An expired code, and one of a user who is not active,
// is [model.ErrNotFound]. Which key the code was bound to is for the caller to judge:
// a key that is there stays.
func (s *Store) RedeemCode(ctx context.Context, r model.Redeem) (model.Grant, model.Seen, error) {
	gen := 1
	if r.RTExpiresAt.IsZero() {
		gen = 0
	}
	var row grantRow
	var seen model.Seen
	err := s.DB.SQL.QueryRowContext(ctx, redeemGrant, r.TenantID, r.ClientID, r.CodeHash, stamp(r.Now), gen, r.RTSalt, timeOrNull(r.RTExpiresAt), r.JKT).
		Scan(into(row.fields(), &seen.RealmVersion)...)
	if errors.Is(err, sql.ErrNoRows) {
		return model.Grant{}, model.Seen{}, s.replayed(ctx, r)
	}
	if err != nil {
		return model.Grant{}, model.Seen{}, fail("redeem code", err)
	}
	g, err := s.revealGrant(row)
	return g, seen, err
}

// replayed tells a code that was used before from one that is not known, and
// ends the grant of the former, in one statement.
func (s *Store) replayed(ctx context.Context, r model.Redeem) error {
	n, err := affected(ctx, s.DB.SQL, replayedGrant, r.TenantID, r.ClientID, r.CodeHash, newSalt(), stamp(r.Now))
	switch {
	case err != nil:
		return fail("redeem code", err)
	case n > 0:
		return model.ErrReplayed
	}
	return model.ErrNotFound
}

// Grant implements [model.Store].
func (s *Store) Grant(ctx context.Context, tenantID, id string, now time.Time) (model.Grant, model.Seen, error) {
	var row grantRow
	var seen model.Seen
	err := s.DB.SQL.QueryRowContext(ctx, selectGrant, tenantID, id, stamp(now)).Scan(into(row.fields(), &seen.RealmVersion)...)
	if err != nil {
		return model.Grant{}, model.Seen{}, notFound("read grant", err, model.ErrNotFound)
	}
	g, err := s.revealGrant(row)
	return g, seen, err
}

// GrantAndUser implements [model.Store].
func (s *Store) GrantAndUser(ctx context.Context, tenantID, id string, now time.Time) (model.Grant, identity.User, model.Seen, error) {
	var row grantRow
	var user userRow
	var seen model.Seen
	fields := append(row.fields(), user.fields()...)
	err := s.DB.SQL.QueryRowContext(ctx, selectGrantAndUser, tenantID, id, stamp(now)).Scan(into(fields, &seen.RealmVersion)...)
	if err != nil {
		return model.Grant{}, identity.User{}, model.Seen{}, notFound("read grant", err, model.ErrNotFound)
	}
	g, err := s.revealGrant(row)
	if err != nil {
		return model.Grant{}, identity.User{}, model.Seen{}, err
	}
	u, err := s.revealUser(user)
	return g, u, seen, err
}

// Standing implements [model.Store].
func (s *Store) Standing(ctx context.Context, tenantID, id string, now time.Time) (model.Standing, model.Seen, error) {
	var st model.Standing
	var seen model.Seen
	err := s.DB.SQL.QueryRowContext(ctx, selectStanding, tenantID, id, stamp(now)).
		Scan(&st.ClientID, &st.UserID, &st.ConfirmationID, &st.Status, moment{&st.ConsumeBefore}, &seen.RealmVersion)
	if err != nil {
		return model.Standing{}, model.Seen{}, notFound("read grant", err, model.ErrNotFound)
	}
	return st, seen, nil
}

// Rotate implements [model.Store]. expires is cut to the end of the grant.
func (s *Store) Rotate(ctx context.Context, tenantID, id string, gen int, now, expires time.Time) error {
	n, err := affected(ctx, s.DB.SQL, rotateGrant, tenantID, id, gen, stamp(now), stamp(expires))
	if err != nil {
		return fail("rotate grant", err)
	}
	if n == 0 {
		return model.ErrConflict
	}
	return nil
}

// Revoke implements [model.Store]. The first reason stands.
func (s *Store) Revoke(ctx context.Context, tenantID, id, reason string, now time.Time) error {
	_, err := s.DB.SQL.ExecContext(ctx, `update grants set revoked_at = $3, revoke_reason = $4, rt_salt = $5
		where tenant_id = $1 and id = $2 and revoked_at is null`, tenantID, id, stamp(now), reason, newSalt())
	return fail("revoke grant", err)
}

// RevokeOf implements [model.Store].
func (s *Store) RevokeOf(ctx context.Context, tenantID, clientID, id, reason string, now time.Time) (userID string, err error) {
	err = s.DB.SQL.QueryRowContext(ctx, revokeGrantOf, tenantID, id, clientID, stamp(now), reason, newSalt()).Scan(&userID)
	return userID, notFound("revoke grant", err, model.ErrNotFound)
}

// newSalt kills every refresh token that was made with the one before.
func newSalt() []byte {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails; see crypto/rand
	return salt
}
