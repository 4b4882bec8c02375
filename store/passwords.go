package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
)

// taken is the refusal of a user who is there already, in identity's words.
func taken(err error) error {
	if errors.Is(err, ErrExists) {
		return identity.ErrTaken
	}
	return err
}

// SetPassword implements [identity.AccountStore]. It is one transaction: who reads
// the new password's epoch finds no session, grant or link of the old one's.
//
// Errors: [identity.ErrCredentials] if the account is not at w.Epoch, is not active
// or not there; [identity.ErrLinkUsed]; [identity.ErrNotFound] if the session to be
// kept is not one of the user's.
func (s *Store) SetPassword(ctx context.Context, w identity.PasswordWrite) (identity.User, error) {
	var after identity.User
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		err := s.writePassword(ctx, q, w)
		if err != nil {
			return err
		}
		err = s.endAllBut(ctx, q, w)
		if err != nil {
			return err
		}
		for _, n := range w.Notices {
			err = s.queueNotice(ctx, q, n)
			if err != nil {
				return err
			}
		}
		after, err = s.user(ctx, q, selectUser+"u.id = $2", w.TenantID, w.UserID)
		return err
	})
	if err != nil {
		return identity.User{}, fail("set password", err)
	}
	return after, nil
}

// writePassword writes the hash, and with it spends the link that allowed it.
func (s *Store) writePassword(ctx context.Context, q querier, w identity.PasswordWrite) error {
	if w.LinkID != "" {
		err := useLink(ctx, q, w.TenantID, w.LinkID, w.Now)
		if err != nil {
			return err
		}
	}
	n, err := affected(ctx, q, `update users set password_hash = $4, password_epoch = password_epoch + 1, updated_at = $5
		where tenant_id = $1 and id = $2 and password_epoch = $3 and status = 'active'`,
		w.TenantID, w.UserID, w.Epoch, w.Hash, stamp(w.Now))
	return exactlyOne(n, err, identity.ErrCredentials)
}

// endAllBut ends what the old password allowed, except for the session to be kept:
// that goes on under the new epoch and another secret.
func (s *Store) endAllBut(ctx context.Context, q querier, w identity.PasswordWrite) error {
	keep := ""
	if w.Keep != nil {
		keep = w.Keep.ID
		n, err := affected(ctx, q, `update sessions set token_hash = $4, password_epoch = $5, last_seen = $6
			where tenant_id = $1 and id = $2 and user_id = $3 and password_epoch = $5 - 1 and expires_at > $6`,
			w.TenantID, keep, w.UserID, w.Keep.TokenHash, w.Epoch+1, stamp(w.Now))
		err = exactlyOne(n, err, identity.ErrNotFound)
		if err != nil {
			return duplicate(err)
		}
	}
	_, err := q.ExecContext(ctx, "delete from sessions where tenant_id = $1 and user_id = $2 and id <> $3", w.TenantID, w.UserID, keep)
	if err != nil {
		return err
	}
	return s.endGrantsOf(ctx, q, identity.User{TenantID: w.TenantID, ID: w.UserID})
}

// Rehash implements [identity.Rehasher].
func (s *Store) Rehash(ctx context.Context, tenantID, userID, old, next string) error {
	_, err := s.DB.SQL.ExecContext(ctx, "update users set password_hash = $4 where tenant_id = $1 and id = $2 and password_hash = $3",
		tenantID, userID, old, next)
	return fail("rehash", err)
}
