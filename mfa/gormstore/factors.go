package gormstore

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/mfa"
)

const factorsTable = "mfa_factors"

// factorRow is table mfa_factors. It never leaves this package.
type factorRow struct {
	TenantID     string `gorm:"primaryKey"`
	UserID       string
	ID           string `gorm:"primaryKey"`
	Kind         string
	ContactID    string
	Label        string
	Status       string
	CreatedAt    time.Time
	LastUsedAt   *time.Time
	SecretEnc    string
	LastStep     int64
	CredentialID []byte
	Exclusive    bool
	ExpiresAt    *time.Time
	DisabledAt   *time.Time
	EnrolledIP   string `gorm:"column:enrolled_ip"`
	CodesLeft    int    `gorm:"->;-:migration"` // read only: counted by the query
}

func (factorRow) TableName() string { return factorsTable }

// hidden is what a factor keeps to itself: sealed for its own row, so that it can
// be neither read nor changed in the database.
type hidden struct {
	Seed       []byte          `json:"seed,omitempty"`
	Credential *mfa.Credential `json:"credential,omitempty"`
}

func (s *Store) sealFactor(f mfa.Factor) (factorRow, error) {
	row := factorRow{
		TenantID: f.Subject.TenantID, UserID: f.Subject.UserID, ID: f.ID, Kind: string(f.Kind), ContactID: f.ContactID,
		Label: f.Label, Status: string(f.Status), CreatedAt: f.CreatedAt.UTC(), LastUsedAt: toNull(f.LastUsedAt),
		LastStep: f.LastStep, Exclusive: f.Exclusive, ExpiresAt: toNull(f.ExpiresAt), DisabledAt: toNull(f.DisabledAt),
		EnrolledIP: f.EnrolledIP,
	}
	if f.Credential != nil {
		row.CredentialID = f.Credential.ID
	}
	if f.Status == mfa.FactorDisabled || f.Secret == "" && f.Credential == nil {
		return row, nil
	}
	plain, err := json.Marshal(hidden{Seed: []byte(f.Secret.Reveal()), Credential: f.Credential})
	if err != nil {
		return row, err
	}
	row.SecretEnc, err = s.seal.Seal(factorsTable, "secret_enc", row.TenantID, row.UserID, row.ID, plain)
	return row, err
}

func (s *Store) openFactor(r factorRow) (mfa.Factor, error) {
	f := mfa.Factor{
		ID: r.ID, Subject: mfa.Subject{TenantID: r.TenantID, UserID: r.UserID}, Kind: mfa.Method(r.Kind),
		ContactID: r.ContactID, Label: r.Label, Status: mfa.FactorStatus(r.Status),
		CreatedAt: r.CreatedAt.UTC(), LastUsedAt: fromNull(r.LastUsedAt), ExpiresAt: fromNull(r.ExpiresAt),
		DisabledAt: fromNull(r.DisabledAt), EnrolledIP: r.EnrolledIP, LastStep: r.LastStep, Exclusive: r.Exclusive, CodesLeft: r.CodesLeft,
	}
	if r.SecretEnc == "" {
		return f, nil
	}
	plain, err := s.seal.Open(factorsTable, "secret_enc", r.TenantID, r.UserID, r.ID, r.SecretEnc)
	if err != nil {
		return f, err
	}
	var h hidden
	err = json.Unmarshal(plain, &h)
	f.Secret, f.Credential = mfa.Secret(h.Seed), h.Credential
	return f, err
}

// factors are those of who that are pending or active, each with the codes it has
// left.
func (s *Store) factors(db *gorm.DB, who mfa.Subject) ([]mfa.Factor, error) {
	var rows []factorRow
	err := db.Table(factorsTable+" f").
		Select("f.*, (SELECT count(*) FROM mfa_recovery_codes c WHERE c.tenant_id = f.tenant_id AND c.factor_id = f.id AND c.used_at IS NULL) AS codes_left").
		Where("f.tenant_id = ? AND f.user_id = ? AND f.status <> ?", who.TenantID, who.UserID, mfa.FactorDisabled).
		Order("f.created_at, f.id").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	var all []mfa.Factor
	for _, r := range rows {
		f, err := s.openFactor(r)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// AddFactor implements [mfa.Store].
func (s *Store) AddFactor(ctx context.Context, f mfa.Factor) error {
	return s.in(ctx, "add factor", func(tx *gorm.DB) error { return s.putFactor(tx, f) })
}

// putFactor inserts f, or changes the row with its id.
func (s *Store) putFactor(tx *gorm.DB, f mfa.Factor) error {
	row, err := s.sealFactor(f)
	if err != nil {
		return err
	}
	var old factorRow
	err = locked(tx).Where("tenant_id = ? AND id = ?", row.TenantID, row.ID).Take(&old).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return exists(f, tx.Omit("CodesLeft").Create(&row).Error)
	case err != nil:
		return err
	case old.UserID != row.UserID:
		return mfa.ErrNotFound
	case old.Status == string(mfa.FactorDisabled) && row.Status != old.Status:
		return mfa.ErrImmutable
	}
	return exists(f, mine(tx, f.Subject).Model(&factorRow{}).Where("id = ?", row.ID).Updates(map[string]any{
		"kind": row.Kind, "contact_id": row.ContactID, "label": row.Label, "status": row.Status,
		"last_used_at": row.LastUsedAt, "secret_enc": row.SecretEnc, "credential_id": row.CredentialID,
		"exclusive": row.Exclusive, "expires_at": row.ExpiresAt, "last_step": max(row.LastStep, old.LastStep),
		"enrolled_ip": row.EnrolledIP,
	}).Error)
}

// exists names what a duplicate key means among factors.
func exists(f mfa.Factor, err error) error {
	switch {
	case !errors.Is(err, gorm.ErrDuplicatedKey):
		return err
	case f.Credential != nil:
		return mfa.ErrKeyExists
	}
	return mfa.ErrFactorExists
}

// RenameFactor implements [mfa.Store].
func (s *Store) RenameFactor(ctx context.Context, who mfa.Subject, id, label string) error {
	res := mine(s.db.WithContext(ctx), who).Model(&factorRow{}).Where("id = ? AND status = ?", id, mfa.FactorActive).
		Updates(map[string]any{"label": label})
	return s.err("rename factor", one(res, mfa.ErrNotFound))
}

// DisableFactor implements [mfa.Store].
func (s *Store) DisableFactor(ctx context.Context, who mfa.Subject, id string, now time.Time) error {
	return s.in(ctx, "disable factor", func(tx *gorm.DB) error {
		err := disableFactor(tx, who, id, now)
		if err != nil {
			return err
		}
		// A device may rest on this factor; trust ends with any of them.
		return mine(tx, who).Delete(&deviceRow{}).Error
	})
}

// disableFactor ends a factor and wipes what it kept. The row stays, as the record
// of what was bound to the account (NIST SP 800-63B-4 section 4.1).
func disableFactor(tx *gorm.DB, who mfa.Subject, id string, now time.Time) error {
	err := one(mine(tx, who).Model(&factorRow{}).Where("id = ?", id).Updates(map[string]any{
		"status": mfa.FactorDisabled, "secret_enc": "", "disabled_at": toNull(now), "exclusive": false,
	}), mfa.ErrNotFound)
	if err != nil {
		return err
	}
	return mine(tx, who).Where("factor_id = ?", id).Delete(&codeRow{}).Error
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
