package gormstore

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/mfa"
)

// factorRow is table mfa_factors. It never leaves this package.
type factorRow struct {
	TenantID   string `gorm:"primaryKey"`
	UserID     string
	ID         string `gorm:"primaryKey"`
	Kind       string
	ContactID  string
	Label      string
	Status     string
	CreatedAt  time.Time
	LastUsedAt *time.Time
}

func (factorRow) TableName() string { return "mfa_factors" }

func (r factorRow) factor() mfa.Factor {
	return mfa.Factor{
		ID: r.ID, Subject: mfa.Subject{TenantID: r.TenantID, UserID: r.UserID}, Kind: mfa.Method(r.Kind),
		ContactID: r.ContactID, Label: r.Label, Status: mfa.FactorStatus(r.Status),
		CreatedAt: r.CreatedAt.UTC(), LastUsedAt: fromNull(r.LastUsedAt),
	}
}

// AddFactor implements [mfa.Store].
func (s *Store) AddFactor(ctx context.Context, f mfa.Factor) error {
	row := factorRow{
		TenantID: f.Subject.TenantID, UserID: f.Subject.UserID, ID: f.ID, Kind: string(f.Kind), ContactID: f.ContactID,
		Label: f.Label, Status: string(f.Status), CreatedAt: f.CreatedAt.UTC(), LastUsedAt: toNull(f.LastUsedAt),
	}
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var old factorRow
		err := locked(tx).Where("tenant_id = ? AND id = ?", row.TenantID, row.ID).Take(&old).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
			return tx.Create(&row).Error
		case err != nil:
			return err
		case old.UserID != row.UserID:
			return mfa.ErrNotFound
		case old.Status == string(mfa.FactorDisabled) && row.Status != old.Status:
			return mfa.ErrImmutable
		}
		return mine(tx, f.Subject).Model(&factorRow{}).Where("id = ?", row.ID).Updates(map[string]any{
			"kind": row.Kind, "contact_id": row.ContactID, "label": row.Label, "status": row.Status,
			"last_used_at": row.LastUsedAt,
		}).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return mfa.ErrFactorExists
	}
	return s.err("add factor", err)
}

// DisableFactor implements [mfa.Store].
func (s *Store) DisableFactor(ctx context.Context, who mfa.Subject, id string) error {
	return s.in(ctx, "disable factor", func(tx *gorm.DB) error {
		res := mine(tx, who).Model(&factorRow{}).Where("id = ?", id).
			Updates(map[string]any{"status": mfa.FactorDisabled})
		err := one(res, mfa.ErrNotFound)
		if err != nil {
			return err
		}
		// A device may rest on this factor; trust ends with any of them.
		return mine(tx, who).Delete(&deviceRow{}).Error
	})
}

// guardRow is table mfa_guards. It never leaves this package.
type guardRow struct {
	TenantID    string `gorm:"primaryKey"`
	UserID      string `gorm:"primaryKey"`
	GuardKey    string `gorm:"primaryKey"`
	FailsRun    int
	WindowStart *time.Time
	WindowFails int
	Delays      int
	LockedUntil *time.Time
	Dead        bool
}

func (guardRow) TableName() string { return "mfa_guards" }

func (r guardRow) guard() mfa.Guard {
	return mfa.Guard{
		Subject: mfa.Subject{TenantID: r.TenantID, UserID: r.UserID}, Key: r.GuardKey, FailsRun: r.FailsRun,
		WindowStart: fromNull(r.WindowStart), WindowFails: r.WindowFails, Delays: r.Delays,
		LockedUntil: fromNull(r.LockedUntil), Dead: r.Dead,
	}
}

// guardColumns are what a judgement may change.
func guardColumns(g mfa.Guard) map[string]any {
	return map[string]any{
		"fails_run": g.FailsRun, "window_start": toNull(g.WindowStart), "window_fails": g.WindowFails,
		"delays": g.Delays, "locked_until": toNull(g.LockedUntil), "dead": g.Dead,
	}
}

// deliveryRow is table mfa_deliveries. It never leaves this package.
type deliveryRow struct {
	TenantID    string `gorm:"primaryKey"`
	UserID      string
	ID          string `gorm:"primaryKey"`
	ChallengeID string
	Channel     string
	Gateway     string
	Reference   string
	Status      string
	Error       string
	At          time.Time
}

func (deliveryRow) TableName() string { return "mfa_deliveries" }

// RecordDelivery implements [mfa.Store].
func (s *Store) RecordDelivery(ctx context.Context, d mfa.Delivery) error {
	row := deliveryRow{
		TenantID: d.Subject.TenantID, UserID: d.Subject.UserID, ID: d.ID, ChallengeID: d.ChallengeID,
		Channel: string(d.Channel), Gateway: d.Gateway, Reference: d.Reference, Status: d.Status, Error: d.Error,
		At: d.At.UTC(),
	}
	return s.err("record delivery", s.db.WithContext(ctx).Create(&row).Error)
}

// Deliveries returns the log of deliveries to who, oldest first.
func (s *Store) Deliveries(ctx context.Context, who mfa.Subject) ([]mfa.Delivery, error) {
	var rows []deliveryRow
	err := mine(s.db.WithContext(ctx), who).Order("at, id").Find(&rows).Error
	if err != nil {
		return nil, s.err("read deliveries", err)
	}
	var log []mfa.Delivery
	for _, r := range rows {
		log = append(log, mfa.Delivery{
			ID: r.ID, Subject: who, ChallengeID: r.ChallengeID, Channel: mfa.Method(r.Channel), Gateway: r.Gateway,
			Reference: r.Reference, Status: r.Status, Error: r.Error, At: r.At.UTC(),
		})
	}
	return log, nil
}
