package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/identity"
)

// clientRow is table clients.
type clientRow struct {
	TenantID  string
	ID        string
	Metadata  string // identity.Client as JSON
	Disabled  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName implements gorm's Tabler.
func (clientRow) TableName() string { return "clients" }

func (r clientRow) client() (identity.Client, error) {
	var c identity.Client
	err := json.Unmarshal([]byte(r.Metadata), &c)
	if err != nil {
		return identity.Client{}, fmt.Errorf("%w: client %s: %w", errRow, r.ID, err)
	}
	// The columns say it, whatever the document says.
	c.TenantID, c.ID, c.Disabled, c.CreatedAt = r.TenantID, r.ID, r.Disabled, r.CreatedAt
	return c, nil
}

// PutClient makes the app with c's tenant and id be as c says, creates it if it
// is not there, and reports whether anything had to be written. The time of
// creation stays.
//
// Errors: [identity.ErrNotFound] if there is no such tenant.
func (s *Store) PutClient(ctx context.Context, c identity.Client) (changed bool, err error) {
	err = s.inTx(ctx, func(tx *gorm.DB) error {
		_, err := s.lockedTenant(tx, c.TenantID)
		if err != nil {
			return err
		}
		var old clientRow
		err = tx.Where("tenant_id = ? and id = ?", c.TenantID, c.ID).Take(&old).Error
		if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		row, same, err := s.nextClient(old, c)
		changed = !same
		if err != nil || same {
			return err
		}
		err = s.raise(tx, c.TenantID)
		if err != nil {
			return err
		}
		if old.ID == "" {
			return tx.Create(&row).Error
		}
		return tx.Model(&clientRow{}).Where("tenant_id = ? and id = ?", c.TenantID, c.ID).
			Updates(map[string]any{"metadata": row.Metadata, "disabled": row.Disabled, "updated_at": row.UpdatedAt}).Error
	})
	return changed && err == nil, failOrNotFound("put client", err)
}

// nextClient is the row that c makes of old, which is zero where there was none.
func (s *Store) nextClient(old clientRow, c identity.Client) (row clientRow, same bool, err error) {
	now := s.now()
	if c.CreatedAt.IsZero() {
		c.CreatedAt = now
	}
	c.CreatedAt = stamp(c.CreatedAt)
	if old.ID != "" {
		c.CreatedAt = old.CreatedAt
	}
	text, err := json.Marshal(c)
	if err != nil {
		return clientRow{}, false, fmt.Errorf("%w: client %s: %w", errRow, c.ID, err)
	}
	row = clientRow{
		TenantID: c.TenantID, ID: c.ID, Metadata: string(text), Disabled: c.Disabled, CreatedAt: c.CreatedAt, UpdatedAt: now,
	}
	if old.ID == "" {
		return row, false, nil
	}
	// Both went through JSON, so what is left out is equal to what is empty.
	before, err := old.client()
	if err != nil {
		return row, false, nil //nolint:nilerr // a row that cannot be read is replaced
	}
	after, err := row.client()
	return row, err == nil && reflect.DeepEqual(before, after), err
}

// Client returns one app of a tenant, also a disabled one.
//
// Errors: [identity.ErrNotFound].
func (s *Store) Client(ctx context.Context, tenantID, id string) (identity.Client, error) {
	var row clientRow
	err := s.gorm(ctx).Where("tenant_id = ? and id = ?", tenantID, id).Take(&row).Error
	if err != nil {
		return identity.Client{}, failOrNotFound("read client", err)
	}
	return row.client()
}

// Clients returns all apps of a tenant in the order of their ids.
func (s *Store) Clients(ctx context.Context, tenantID string) ([]identity.Client, error) {
	return clients(s.gorm(ctx), tenantID)
}

func clients(tx *gorm.DB, tenantID string) ([]identity.Client, error) {
	var rows []clientRow
	err := tx.Where("tenant_id = ?", tenantID).Order("id").Find(&rows).Error
	if err != nil {
		return nil, fail("list clients", err)
	}
	var list []identity.Client
	for _, r := range rows {
		c, err := r.client()
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}
