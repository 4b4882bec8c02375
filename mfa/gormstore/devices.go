package gormstore

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/mfa"
)

// deviceRow is table mfa_devices. It never leaves this package.
type deviceRow struct {
	TenantID      string `gorm:"primaryKey"`
	UserID        string
	ID            string `gorm:"primaryKey"`
	Selector      []byte
	VerifierHash  []byte
	PrevHash      []byte
	RotatedAt     *time.Time
	PolicyEpoch   int64
	MFAEpoch      int64 `gorm:"column:mfa_epoch"`
	PasswordEpoch int64
	MintedBy      string
	Label         string
	CreatedAt     time.Time
	ExpiresAt     time.Time
	LastUsedAt    *time.Time
}

func (deviceRow) TableName() string { return "mfa_devices" }

func (r deviceRow) device() mfa.Device {
	d := mfa.Device{
		ID: r.ID, Subject: mfa.Subject{TenantID: r.TenantID, UserID: r.UserID},
		Selector: r.Selector, VerifierHash: r.VerifierHash, RotatedAt: fromNull(r.RotatedAt),
		Epochs:   mfa.Epochs{Policy: r.PolicyEpoch, MFA: r.MFAEpoch, Password: r.PasswordEpoch},
		MintedBy: r.MintedBy, Label: r.Label,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), LastUsedAt: fromNull(r.LastUsedAt),
	}
	if len(r.PrevHash) > 0 {
		d.PrevHash = r.PrevHash
	}
	return d
}

// CreateDevice implements [mfa.Devices].
func (s *Store) CreateDevice(ctx context.Context, d mfa.Device, maxPerUser int) error {
	row := deviceRow{
		TenantID: d.Subject.TenantID, UserID: d.Subject.UserID, ID: d.ID,
		Selector: d.Selector, VerifierHash: d.VerifierHash, PrevHash: notNil(d.PrevHash), RotatedAt: toNull(d.RotatedAt),
		PolicyEpoch: d.Epochs.Policy, MFAEpoch: d.Epochs.MFA, PasswordEpoch: d.Epochs.Password,
		MintedBy: d.MintedBy, Label: d.Label,
		CreatedAt: d.CreatedAt.UTC(), ExpiresAt: d.ExpiresAt.UTC(), LastUsedAt: toNull(d.LastUsedAt),
	}
	return s.in(ctx, "create device", func(tx *gorm.DB) error {
		err := tx.Create(&row).Error
		if err != nil {
			return err
		}
		var old []string
		err = mine(tx, d.Subject).Model(&deviceRow{}).Where("id <> ?", d.ID).
			Order("created_at DESC, id").Offset(max(0, maxPerUser-1)).Limit(-1).Pluck("id", &old).Error
		if err != nil || len(old) == 0 {
			return err
		}
		return mine(tx, d.Subject).Where("id IN ?", old).Delete(&deviceRow{}).Error
	})
}

// DeviceBySelector implements [mfa.Devices].
func (s *Store) DeviceBySelector(ctx context.Context, who mfa.Subject, selector []byte) (mfa.Device, error) {
	var row deviceRow
	err := mine(s.db.WithContext(ctx), who).Where("selector = ?", selector).Take(&row).Error
	return row.device(), s.err("read device", err)
}

// RotateDevice implements [mfa.Devices].
func (s *Store) RotateDevice(ctx context.Context, who mfa.Subject, id string, old, next []byte, now time.Time) (bool, error) {
	res := mine(s.db.WithContext(ctx), who).Model(&deviceRow{}).Where("id = ? AND verifier_hash = ?", id, old).
		Updates(map[string]any{
			"verifier_hash": next, "prev_hash": old, "rotated_at": now.UTC(), "last_used_at": now.UTC(),
		})
	return res.RowsAffected > 0 && res.Error == nil, s.err("rotate device", res.Error)
}

// DeleteDevice implements [mfa.Devices].
func (s *Store) DeleteDevice(ctx context.Context, who mfa.Subject, id string) error {
	err := mine(s.db.WithContext(ctx), who).Where("id = ?", id).Delete(&deviceRow{}).Error
	return s.err("delete device", err)
}

// DevicesOf implements [mfa.Devices].
func (s *Store) DevicesOf(ctx context.Context, who mfa.Subject) ([]mfa.Device, error) {
	var rows []deviceRow
	err := mine(s.db.WithContext(ctx), who).Order("created_at DESC, id").Find(&rows).Error
	var all []mfa.Device
	for _, r := range rows {
		all = append(all, r.device())
	}
	return all, s.err("list devices", err)
}

// RenameDevice implements [mfa.Devices].
func (s *Store) RenameDevice(ctx context.Context, who mfa.Subject, id, label string) error {
	res := mine(s.db.WithContext(ctx), who).Model(&deviceRow{}).Where("id = ?", id).Updates(map[string]any{"label": label})
	return s.err("rename device", one(res, mfa.ErrNotFound))
}

// DeleteDevices implements [mfa.Devices].
func (s *Store) DeleteDevices(ctx context.Context, who mfa.Subject) error {
	return s.err("delete devices", mine(s.db.WithContext(ctx), who).Delete(&deviceRow{}).Error)
}
