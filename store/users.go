package store

import (
	"context"

	"github.com/sallyport-id/sallyport/identity"
)

var (
	userColumns = names("u.", (&userRow{}).fields())
	selectUser  = "select " + userColumns + " from users u where u.tenant_id = $1 and "
)

// User implements [consent.People].
func (s *Store) User(ctx context.Context, tenantID, userID string) (identity.User, error) {
	u, err := s.user(ctx, s.DB.SQL, selectUser+"u.id = $2", tenantID, userID)
	return u, notFound("read user", err, identity.ErrNotFound)
}

// UserByName implements [consent.People]. username is canonical.
func (s *Store) UserByName(ctx context.Context, tenantID, username string) (identity.User, error) {
	u, err := s.userByName(ctx, s.DB.SQL, tenantID, username, "")
	return u, notFound("find user", err, identity.ErrNotFound)
}

func (s *Store) userByName(ctx context.Context, q querier, tenantID, username, lock string) (identity.User, error) {
	args := []any{tenantID}
	for _, index := range s.Seal.Indexes(tenantID, usernameIndex, username) {
		args = append(args, index)
	}
	return s.user(ctx, q, selectUser+"u.username_bidx in ("+params(2, len(args)-1)+")"+lock, args...)
}

func (s *Store) user(ctx context.Context, q querier, query string, args ...any) (identity.User, error) {
	var row userRow
	err := q.QueryRowContext(ctx, query, args...).Scan(into(row.fields())...)
	if err != nil {
		return identity.User{}, err
	}
	return s.revealUser(row)
}

// UsersOf returns up to limit users of a tenant in the order of their ids,
// beginning behind the id after; "" is the beginning.
func (s *Store) UsersOf(ctx context.Context, tenantID, after string, limit int) ([]identity.User, error) {
	rows, err := s.DB.SQL.QueryContext(ctx, selectUser+"u.id > $2 order by u.id limit $3", tenantID, after, limit)
	if err != nil {
		return nil, fail("list users", err)
	}
	defer rows.Close()
	var list []identity.User
	for rows.Next() {
		var row userRow
		err = rows.Scan(into(row.fields())...)
		if err != nil {
			return nil, fail("list users", err)
		}
		u, err := s.revealUser(row)
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, fail("list users", rows.Err())
}
