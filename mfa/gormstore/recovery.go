package gormstore

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/sallyport-id/sallyport/mfa"
)

// codeRow is table mfa_recovery_codes. It never leaves this package.
type codeRow struct {
	TenantID string `gorm:"primaryKey"`
	UserID   string
	FactorID string `gorm:"primaryKey"`
	Slot     string `gorm:"primaryKey"`
	Hash     string
	UsedAt   *time.Time
}

func (codeRow) TableName() string { return "mfa_recovery_codes" }

func (r codeRow) code() mfa.RecoveryCode {
	return mfa.RecoveryCode{FactorID: r.FactorID, Slot: r.Slot, Hash: r.Hash, UsedAt: fromNull(r.UsedAt)}
}

// RecoveryCode implements [mfa.Store].
func (s *Store) RecoveryCode(ctx context.Context, who mfa.Subject, factorID, slot string) (mfa.RecoveryCode, error) {
	var row codeRow
	err := mine(s.db.WithContext(ctx), who).Where("factor_id = ? AND slot = ?", factorID, slot).Take(&row).Error
	return row.code(), s.err("read recovery code", err)
}

func putCodes(tx *gorm.DB, who mfa.Subject, codes []mfa.RecoveryCode) error {
	if len(codes) == 0 {
		return nil
	}
	var rows []codeRow
	for _, c := range codes {
		rows = append(rows, codeRow{
			TenantID: who.TenantID, UserID: who.UserID, FactorID: c.FactorID, Slot: c.Slot, Hash: c.Hash, UsedAt: toNull(c.UsedAt),
		})
	}
	return tx.Create(&rows).Error
}

// pinRow is table mfa_pins. It never leaves this package.
type pinRow struct {
	TenantID     string `gorm:"primaryKey"`
	UserID       string `gorm:"primaryKey"`
	Hash         string
	Fails        int
	TotalFails   int
	BlockedUntil *time.Time
	ChangedAt    time.Time
}

func (pinRow) TableName() string { return "mfa_pins" }

// UpdatePIN implements [mfa.Store].
func (s *Store) UpdatePIN(ctx context.Context, who mfa.Subject, change func(*mfa.PIN) error) error {
	var refused error
	err := s.in(ctx, "update pin", func(tx *gorm.DB) error {
		var row pinRow
		err := mine(locked(tx), who).Take(&row).Error
		if err != nil {
			return err
		}
		p := mfa.PIN{
			Hash: row.Hash, Fails: row.Fails, TotalFails: row.TotalFails,
			BlockedUntil: fromNull(row.BlockedUntil), ChangedAt: row.ChangedAt.UTC(),
		}
		refused = change(&p)
		return mine(tx, who).Model(&pinRow{}).Updates(map[string]any{
			"fails": p.Fails, "total_fails": p.TotalFails, "blocked_until": toNull(p.BlockedUntil),
		}).Error
	})
	if err != nil {
		return err
	}
	return refused
}

// putPIN gives the user a PIN in the place of any other.
func putPIN(tx *gorm.DB, who mfa.Subject, hash string, now time.Time) error {
	row := pinRow{TenantID: who.TenantID, UserID: who.UserID, Hash: hash, ChangedAt: now.UTC()}
	return tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "tenant_id"}, {Name: "user_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"hash", "fails", "total_fails", "blocked_until", "changed_at"}),
	}).Create(&row).Error
}

// handleRow is table mfa_handles. It never leaves this package.
type handleRow struct {
	TenantID string `gorm:"primaryKey"`
	UserID   string `gorm:"primaryKey"`
	Handle   []byte
}

func (handleRow) TableName() string { return "mfa_handles" }

// Handle implements [mfa.Store].
func (s *Store) Handle(ctx context.Context, who mfa.Subject, fresh []byte) ([]byte, error) {
	var row handleRow
	err := mine(s.db.WithContext(ctx), who).Take(&row).Error
	if err == nil || !errors.Is(err, gorm.ErrRecordNotFound) {
		return row.Handle, s.err("read handle", err)
	}
	err = s.in(ctx, "make handle", func(tx *gorm.DB) error {
		row = handleRow{TenantID: who.TenantID, UserID: who.UserID, Handle: fresh}
		err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
		if err != nil {
			return err
		}
		return mine(tx, who).Take(&row).Error
	})
	return row.Handle, err
}

// HandleOwner implements [mfa.Store].
func (s *Store) HandleOwner(ctx context.Context, tenantID string, handle []byte) (mfa.Subject, error) {
	var row handleRow
	err := s.db.WithContext(ctx).Where("tenant_id = ? AND handle = ?", tenantID, handle).Take(&row).Error
	return mfa.Subject{TenantID: row.TenantID, UserID: row.UserID}, s.err("read handle", err)
}
