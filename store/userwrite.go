package store

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
)

var (
	insertUser = insertInto("users", (&userRow{}).fields())
	updateUser = updateOf("users", (&userRow{}).fields())
)

// updateOf is the statement that writes fields, of which the first two are the
// key.
func updateOf(table string, fields []field) string {
	var set []string
	for i, f := range fields[2:] {
		set = append(set, fmt.Sprintf("%s = $%d", f.name, i+3))
	}
	return "update " + table + " set " + strings.Join(set, ", ") + " where tenant_id = $1 and id = $2"
}

// PutUser makes the user with u's tenant and username be as u says, and reports
// whether anything had to be written. A user who is not there is created with
// u.ID. One who is there keeps id and time of creation; the epochs never go
// down, and a new password hash raises the password's.
//
// Errors: [ErrExists] if u.ID is another user's, or if somebody else has just
// created a user of that name.
func (s *Store) PutUser(ctx context.Context, u identity.User) (changed bool, err error) {
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		before, err := s.userByName(ctx, raw(tx), u.TenantID, u.Username, s.forUpdate())
		if absent(err) {
			changed = true
			return s.insertUser(ctx, raw(tx), u)
		}
		if err != nil {
			return err
		}
		changed, err = s.saveUser(ctx, raw(tx), before, u)
		return err
	})
	return changed && err == nil, fail("put user", err)
}

// UpdateUser loads a user, lets change edit the record, and saves it, in one
// transaction that no other update of the same user can overlap. If change
// returns an error, nothing is saved and the error is returned as it is. change
// may run more than once. What it may not change, and what follows from a new
// password hash, is said at [Store.PutUser].
//
// Errors: [identity.ErrNotFound]; [ErrExists] if the new username is taken.
func (s *Store) UpdateUser(ctx context.Context, tenantID, userID string, change func(*identity.User) error) (identity.User, error) {
	var after identity.User
	var refused error
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		before, err := s.user(ctx, raw(tx), selectUser+"u.id = $2"+s.forUpdate(), tenantID, userID)
		if err != nil {
			return err
		}
		after = copied(before)
		refused = change(&after)
		if refused != nil {
			return refused
		}
		after = merged(before, after)
		err = s.freeName(ctx, raw(tx), before, after)
		if err != nil {
			return err
		}
		_, err = s.saveUser(ctx, raw(tx), before, after)
		return err
	})
	switch {
	case refused != nil:
		return identity.User{}, refused
	case err != nil:
		return identity.User{}, notFound("update user", err, identity.ErrNotFound)
	}
	return after, nil
}

// freeName is [ErrExists] if after has a new username that is another user's. The
// unique index alone would not see it where that row has a hash of an older key.
func (s *Store) freeName(ctx context.Context, q querier, before, after identity.User) error {
	if after.Username == before.Username {
		return nil
	}
	owner, err := s.userByName(ctx, q, after.TenantID, after.Username, "")
	if absent(err) || err == nil && owner.ID == after.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return ErrExists
}

// BumpMFAEpoch voids the user's trusted devices.
//
// Errors: [identity.ErrNotFound].
func (s *Store) BumpMFAEpoch(ctx context.Context, tenantID, userID string) error {
	return s.bump(ctx, "mfa_epoch", tenantID, userID)
}

// BumpPasswordEpoch voids the user's sessions and trusted devices.
//
// Errors: [identity.ErrNotFound].
func (s *Store) BumpPasswordEpoch(ctx context.Context, tenantID, userID string) error {
	return s.bump(ctx, "password_epoch", tenantID, userID)
}

func (s *Store) bump(ctx context.Context, epoch, tenantID, userID string) error {
	n, err := affected(ctx, s.DB.SQL, "update users set "+epoch+" = "+epoch+" + 1, updated_at = $3 where tenant_id = $1 and id = $2",
		tenantID, userID, s.now())
	if err == nil && n == 0 {
		return identity.ErrNotFound
	}
	return fail("raise "+epoch, err)
}

func (s *Store) insertUser(ctx context.Context, q querier, u identity.User) error {
	u.UpdatedAt = s.now()
	if u.CreatedAt.IsZero() {
		u.CreatedAt = u.UpdatedAt
	}
	return s.writeUser(ctx, q, insertUser, u)
}

// saveUser writes after, unless it says the same as before.
func (s *Store) saveUser(ctx context.Context, q querier, before, after identity.User) (changed bool, err error) {
	after = merged(before, after)
	if reflect.DeepEqual(settled(before), settled(after)) {
		return false, nil
	}
	after.UpdatedAt = s.now()
	err = s.writeUser(ctx, q, updateUser, after)
	if err == nil && after.PasswordEpoch > before.PasswordEpoch {
		err = s.endGrantsOf(ctx, q, after)
	}
	return true, err
}

// endGrantsOf revokes every grant of a user whose password or status has changed:
// what an old password or a closed account allowed does not outlive it.
func (s *Store) endGrantsOf(ctx context.Context, q querier, u identity.User) error {
	_, err := q.ExecContext(ctx, `update grants set revoked_at = $3, revoke_reason = 'account_changed'
		where tenant_id = $1 and user_id = $2 and revoked_at is null`, u.TenantID, u.ID, s.now())
	if err != nil {
		return err
	}
	return cancelConfirmations(ctx, q, u.TenantID, u.ID, s.Now())
}

func (s *Store) writeUser(ctx context.Context, q querier, statement string, u identity.User) error {
	row, err := s.hideUser(u)
	if err != nil {
		return err
	}
	args, err := from(row.fields())
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, statement, args...)
	return duplicate(err)
}

// merged is after with what an update may not change taken from before.
func merged(before, after identity.User) identity.User {
	after.TenantID, after.ID = before.TenantID, before.ID
	after.CreatedAt, after.UpdatedAt = before.CreatedAt, before.UpdatedAt
	after.SignedOutAt = before.SignedOutAt
	after.MFAEpoch = max(before.MFAEpoch, after.MFAEpoch)
	after.PasswordEpoch = max(before.PasswordEpoch, after.PasswordEpoch)
	if after.PasswordHash != before.PasswordHash && after.PasswordEpoch == before.PasswordEpoch {
		after.PasswordEpoch++
	}
	if after.Status != before.Status && after.PasswordEpoch == before.PasswordEpoch {
		after.PasswordEpoch++ // an account that is enabled again begins without sessions
	}
	if after.MFAEnabled != before.MFAEnabled && after.MFAEpoch == before.MFAEpoch {
		after.MFAEpoch++
	}
	return after
}

// settled is u as it would come back from the database, to be compared.
func settled(u identity.User) identity.User {
	for _, t := range []*time.Time{&u.HoldUntil, &u.EnrolAsked, &u.CreatedAt, &u.UpdatedAt} {
		*t = stamp(*t)
	}
	u = copied(u)
	for name, t := range u.Flags {
		u.Flags[name] = t.UTC()
	}
	return u
}

// copied is u with maps and pointers of its own.
func copied(u identity.User) identity.User {
	var flags map[string]time.Time
	for name, t := range u.Flags {
		if flags == nil {
			flags = map[string]time.Time{}
		}
		flags[name] = t
	}
	u.Flags = flags
	if u.Profile.Address != nil {
		address := *u.Profile.Address
		u.Profile.Address = &address
	}
	return u
}
