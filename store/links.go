package store

import (
	"context"
	"encoding/base64"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
)

// linkRow is table links. The address is sealed.
type linkRow struct {
	identity.Link
	owner, address, purpose string
}

func (r *linkRow) fields() []field {
	l := &r.Link
	return []field{
		col("tenant_id", &l.TenantID), col("id", &l.ID), col("user_id", &l.UserID), col("owner_key", &r.owner),
		col("purpose", &r.purpose), col("token_hash", &l.TokenHash), col("address_enc", &r.address),
		col("password_epoch", &l.PasswordEpoch), timeCol("created_at", &l.CreatedAt), timeCol("expires_at", &l.ExpiresAt),
		timeCol("used_at", &l.UsedAt),
	}
}

func (r *linkRow) place() seal.AD { return place("links", "address_enc", r.TenantID, r.UserID, r.ID) }

const addressIndex = "address"

var (
	// A newer link takes the row of an older one that was not used.
	putLink = insertInto("links", (&linkRow{}).fields()) + ` on conflict (tenant_id, purpose, owner_key) where used_at is null
		do update set id = excluded.id, token_hash = excluded.token_hash, address_enc = excluded.address_enc,
			password_epoch = excluded.password_epoch, created_at = excluded.created_at, expires_at = excluded.expires_at`

	selectLink = "select " + names("l.", (&linkRow{}).fields()) + ", " + userColumns + ` from links l
		left join users u on u.tenant_id = l.tenant_id and u.id = l.user_id and l.user_id <> ''
		where l.tenant_id = $1 and l.token_hash = $2`

	spendLink = `update links set used_at = $3
		where tenant_id = $1 and id = $2 and used_at is null and expires_at > $3`
)

// PutLink implements [identity.AccountStore].
func (s *Store) PutLink(ctx context.Context, l identity.Link) error {
	row := linkRow{Link: l, owner: l.UserID, purpose: string(l.Purpose)}
	if l.UserID == "" {
		index := s.Seal.Index(l.TenantID, addressIndex, l.Address.Reveal())
		row.owner = "address:" + base64.RawURLEncoding.EncodeToString(index)
	}
	var err error
	row.address, err = s.hide(row.place(), []byte(l.Address.Reveal()))
	if err != nil {
		return fail("put link", err)
	}
	args, err := from(row.fields())
	if err != nil {
		return fail("put link", err)
	}
	_, err = s.DB.SQL.ExecContext(ctx, putLink, args...)
	return fail("put link", duplicate(err))
}

// LinkByToken implements [identity.AccountStore]. Whether the link can be used is
// not asked.
//
// Errors: [identity.ErrNotFound].
func (s *Store) LinkByToken(ctx context.Context, tenantID string, tokenHash []byte) (identity.Link, *identity.User, error) {
	var row linkRow
	var user userRow
	err := s.DB.SQL.QueryRowContext(ctx, selectLink, tenantID, tokenHash).Scan(into(append(row.fields(), user.fields()...))...)
	if err != nil {
		return identity.Link{}, nil, notFound("read link", err, identity.ErrNotFound)
	}
	address, err := s.reveal(row.place(), row.address)
	if err != nil {
		return identity.Link{}, nil, fail("read link", err)
	}
	l := row.Link
	l.Purpose, l.Address = identity.LinkPurpose(row.purpose), mfa.Secret(address)
	if user.ID == "" {
		return l, nil, nil
	}
	u, err := s.revealUser(user)
	if err != nil {
		return identity.Link{}, nil, err
	}
	return l, &u, nil
}

// useLink spends a link, once.
//
// Errors: [identity.ErrLinkUsed], also where it has expired or was replaced since
// it was read.
func useLink(ctx context.Context, q querier, tenantID, id string, now time.Time) error {
	n, err := affected(ctx, q, spendLink, tenantID, id, stamp(now))
	return exactlyOne(n, err, identity.ErrLinkUsed)
}

// VerifyEmail implements [identity.AccountStore].
func (s *Store) VerifyEmail(ctx context.Context, l identity.Link, now time.Time) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		err := useLink(ctx, q, l.TenantID, l.ID, now)
		if err != nil {
			return err
		}
		before, err := s.user(ctx, q, selectUser+"u.id = $2"+s.forUpdate(), l.TenantID, l.UserID)
		if err != nil {
			return err
		}
		after := copied(before)
		if identity.Username(after.Profile.Email) == l.Address.Reveal() {
			after.Profile.EmailVerified = true
		}
		_, err = s.saveUser(ctx, q, before, after)
		return err
	})
	return notFound("verify email", err, identity.ErrNotFound)
}

// CreateAccount implements [identity.AccountStore].
func (s *Store) CreateAccount(ctx context.Context, l identity.Link, u identity.User, now time.Time) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		q := raw(tx)
		err := useLink(ctx, q, l.TenantID, l.ID, now)
		if err != nil {
			return err
		}
		// The unique index alone would not see a row with a hash of an older key.
		_, err = s.userByName(ctx, q, l.TenantID, u.Username, "")
		if err == nil {
			return identity.ErrTaken
		}
		if !absent(err) {
			return err
		}
		u.TenantID = l.TenantID
		return taken(s.insertUser(ctx, q, u))
	})
	return fail("create account", err)
}
