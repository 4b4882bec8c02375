package store

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// keyRow is table signing_keys.
type keyRow struct {
	TenantID   string
	ID         string
	Alg        string
	State      keys.State
	PrivateEnc string // sealed PKCS #8
	CreatedAt  time.Time
	ChangedAt  time.Time
}

// TableName implements gorm's Tabler.
func (keyRow) TableName() string { return "signing_keys" }

func (r keyRow) place() seal.AD { return place("signing_keys", "private_enc", r.TenantID, "", r.ID) }

// Keys implements [keys.Store].
func (s *Store) Keys(ctx context.Context, tenantID string) ([]keys.Key, error) {
	return s.usableKeys(s.gorm(ctx), tenantID)
}

// EveryKey returns the keys of a tenant in whatever state, the removed ones too.
func (s *Store) EveryKey(ctx context.Context, tenantID string) ([]keys.Key, error) {
	return s.keys(s.gorm(ctx), tenantID)
}

func (s *Store) usableKeys(tx *gorm.DB, tenantID string) ([]keys.Key, error) {
	return s.keys(tx.Where("state <> ?", keys.Removed), tenantID)
}

func (s *Store) keys(tx *gorm.DB, tenantID string) ([]keys.Key, error) {
	var rows []keyRow
	err := tx.Where("tenant_id = ?", tenantID).Order("created_at, id").Find(&rows).Error
	if err != nil {
		return nil, fail("read signing keys", err)
	}
	var list []keys.Key
	for _, r := range rows {
		k, err := s.key(r)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, nil
}

func (s *Store) key(r keyRow) (keys.Key, error) {
	der, err := s.reveal(r.place(), r.PrivateEnc)
	if err != nil {
		return keys.Key{}, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return keys.Key{}, fmt.Errorf("%w: signing key %s is not PKCS #8", errRow, r.ID)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return keys.Key{}, fmt.Errorf("%w: signing key %s cannot sign", errRow, r.ID)
	}
	return keys.Key{
		TenantID: r.TenantID, ID: r.ID, Alg: r.Alg, State: r.State, Private: signer,
		CreatedAt: r.CreatedAt, ChangedAt: r.ChangedAt,
	}, nil
}

// AddKey implements [keys.Store].
//
// Errors: [ErrExists]; [identity.ErrNotFound] if there is no such tenant.
func (s *Store) AddKey(ctx context.Context, k keys.Key) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return errors.New("store: signing key is not of a kind that PKCS #8 can hold")
	}
	row := keyRow{
		TenantID: k.TenantID, ID: k.ID, Alg: k.Alg, State: k.State,
		CreatedAt: stamp(k.CreatedAt), ChangedAt: stamp(k.ChangedAt),
	}
	row.PrivateEnc, err = s.hide(row.place(), der)
	if err != nil {
		return err
	}
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		err := s.raise(tx, k.TenantID)
		if err != nil {
			return err
		}
		return duplicate(tx.Create(&row).Error)
	})
	return failOrNotFound("add signing key", err)
}

// SetState implements [keys.Store].
//
// Errors: [identity.ErrNotFound] if the tenant has no such key.
func (s *Store) SetState(ctx context.Context, tenantID, id string, to keys.State, now time.Time) error {
	err := s.inTx(ctx, func(tx *gorm.DB) error {
		err := s.raise(tx, tenantID)
		if err != nil {
			return err
		}
		res := tx.Model(&keyRow{}).Where("tenant_id = ? and id = ?", tenantID, id).
			Updates(map[string]any{"state": to, "changed_at": stamp(now)})
		return oneRow(res)
	})
	return failOrNotFound("move signing key on", err)
}
