package gormstore

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/sallyport-id/sallyport/mfa"
)

const contactsTable = "mfa_contacts"

// contactRow is table mfa_contacts. It never leaves this package.
type contactRow struct {
	TenantID      string `gorm:"primaryKey"`
	UserID        string
	ID            string `gorm:"primaryKey"`
	Kind          string
	ValueEnc      string
	ValueBidx     string
	Masked        string
	Country       string
	LineType      string
	Status        string
	Source        string
	Registered    bool
	EnforceUnique bool
	ConfirmedAt   *time.Time
	CreatedAt     time.Time
	ExpiresAt     *time.Time
	ReplacedBy    string
	SMSIncapable  bool `gorm:"column:sms_incapable"`
}

func (contactRow) TableName() string { return contactsTable }

func (r contactRow) subject() mfa.Subject { return mfa.Subject{TenantID: r.TenantID, UserID: r.UserID} }

func (s *Store) sealContact(c mfa.Contact) (contactRow, error) {
	enc, err := s.seal.Seal(contactsTable, "value_enc", c.Subject.TenantID, c.Subject.UserID, c.ID, []byte(c.Value.Reveal()))
	if err != nil {
		return contactRow{}, err
	}
	return contactRow{
		TenantID: c.Subject.TenantID, UserID: c.Subject.UserID, ID: c.ID, Kind: string(c.Kind),
		ValueEnc: enc, ValueBidx: s.seal.BlindIndex(c.Subject.TenantID, string(c.Kind), c.Value.Reveal()), Masked: c.Masked,
		Country: c.Country, LineType: c.LineType, Status: string(c.Status), Source: string(c.Source),
		Registered: c.Registered, EnforceUnique: c.Unique,
		ConfirmedAt: toNull(c.ConfirmedAt), CreatedAt: c.CreatedAt.UTC(),
		ExpiresAt: toNull(c.ExpiresAt), ReplacedBy: c.ReplacedBy, SMSIncapable: c.SMSIncapable,
	}, nil
}

func (s *Store) openContact(r contactRow) (mfa.Contact, error) {
	value, err := s.seal.Open(contactsTable, "value_enc", r.TenantID, r.UserID, r.ID, r.ValueEnc)
	if err != nil {
		return mfa.Contact{}, err
	}
	return mfa.Contact{
		ID: r.ID, Subject: r.subject(), Kind: mfa.ContactKind(r.Kind), Value: mfa.Secret(value), Masked: r.Masked,
		Country: r.Country, LineType: r.LineType,
		Status: mfa.ContactStatus(r.Status), Source: mfa.ContactSource(r.Source),
		Registered: r.Registered, Unique: r.EnforceUnique,
		ConfirmedAt: fromNull(r.ConfirmedAt), CreatedAt: r.CreatedAt.UTC(),
		ExpiresAt: fromNull(r.ExpiresAt), ReplacedBy: r.ReplacedBy, SMSIncapable: r.SMSIncapable,
	}, nil
}

// Enrolments implements [mfa.Store].
func (s *Store) Enrolments(ctx context.Context, who mfa.Subject) (mfa.Enrolments, error) {
	e, err := s.enrolments(s.db.WithContext(ctx), who)
	return e, s.err("read enrolments", err)
}

// enrolments reads all that who has. Whoever asks judges what has expired: a
// pending row counts for nothing but its own verification.
func (s *Store) enrolments(db *gorm.DB, who mfa.Subject) (mfa.Enrolments, error) {
	var e mfa.Enrolments
	var contacts []contactRow
	gone := []mfa.ContactStatus{mfa.ContactReplaced, mfa.ContactRemoved}
	err := mine(db, who).Where("status NOT IN ?", gone).Order("created_at, id").Find(&contacts).Error
	if err != nil {
		return e, err
	}
	for _, r := range contacts {
		c, err := s.openContact(r)
		if err != nil {
			return mfa.Enrolments{}, err
		}
		e.Contacts = append(e.Contacts, c)
	}
	e.Factors, err = s.factors(db, who)
	if err != nil {
		return mfa.Enrolments{}, err
	}
	var guards []guardRow
	err = mine(db, who).Order("guard_key").Find(&guards).Error
	for _, r := range guards {
		e.Guards = append(e.Guards, r.guard())
	}
	return e, err
}

// Contact implements [mfa.Store].
func (s *Store) Contact(ctx context.Context, who mfa.Subject, id string) (mfa.Contact, error) {
	var row contactRow
	err := mine(s.db.WithContext(ctx), who).Where("id = ?", id).Take(&row).Error
	if err != nil {
		return mfa.Contact{}, s.err("read contact", err)
	}
	c, err := s.openContact(row)
	return c, s.err("open contact", err)
}

// AddContact implements [mfa.Store].
func (s *Store) AddContact(ctx context.Context, c mfa.Contact) error {
	row, err := s.sealContact(c)
	if err != nil {
		return s.err("seal contact", err)
	}
	return s.in(ctx, "add contact", func(tx *gorm.DB) error {
		err := s.putContact(tx, c, row)
		if err != nil || c.Kind != mfa.ContactPhone || c.Status != mfa.ContactConfirmed || !c.Unique {
			return err
		}
		return barred(tx, c.Subject, row.ValueBidx, c.ConfirmedAt)
	})
}

// putContact inserts c, which is row, or changes the row with its id.
func (s *Store) putContact(tx *gorm.DB, c mfa.Contact, row contactRow) error {
	var old contactRow
	err := locked(tx).Where("tenant_id = ? AND id = ?", row.TenantID, row.ID).Take(&old).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return inUse(tx.Create(&row).Error)
	}
	if err != nil {
		return err
	}
	err = s.sameContact(old, c)
	if err != nil {
		return err
	}
	return inUse(mine(tx, c.Subject).Model(&contactRow{}).Where("id = ?", row.ID).Updates(map[string]any{
		"masked": row.Masked, "country": row.Country, "line_type": row.LineType, "status": row.Status,
		"source": row.Source, "registered": row.Registered, "enforce_unique": row.EnforceUnique,
		"confirmed_at": row.ConfirmedAt, "value_bidx": row.ValueBidx,
		"expires_at": row.ExpiresAt, "replaced_by": row.ReplacedBy, "sms_incapable": row.SMSIncapable,
	}).Error)
}

// sameContact reports whether c may take the place of old: only of the same user,
// and with the same value.
func (s *Store) sameContact(old contactRow, c mfa.Contact) error {
	if old.subject() != c.Subject {
		return mfa.ErrNotFound
	}
	was, err := s.openContact(old)
	if err != nil {
		return err
	}
	if was.Value != c.Value || was.Kind != c.Kind {
		return mfa.ErrImmutable
	}
	return nil
}

// inUse names the one thing that a duplicate key means among contacts.
func inUse(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return mfa.ErrContactInUse
	}
	return err
}

// ConfirmContact implements [mfa.Store].
func (s *Store) ConfirmContact(ctx context.Context, who mfa.Subject, id string, unique bool, now time.Time) error {
	return s.in(ctx, "confirm contact", func(tx *gorm.DB) error {
		return confirmContact(tx, who, id, unique, now)
	})
}

// confirmContact makes a contact a confirmed one, unless its value is, or was, that
// of another account.
func confirmContact(tx *gorm.DB, who mfa.Subject, id string, unique bool, now time.Time) error {
	var row contactRow
	err := mine(locked(tx), who).Where("id = ?", id).Take(&row).Error
	if err != nil {
		return err
	}
	switch mfa.ContactStatus(row.Status) {
	case mfa.ContactConfirmed:
		return nil
	case mfa.ContactUnverified, mfa.ContactPending:
	default:
		return mfa.ErrNotFound
	}
	err = inUse(mine(tx, who).Model(&contactRow{}).Where("id = ?", id).Updates(map[string]any{
		"status": mfa.ContactConfirmed, "enforce_unique": unique, "confirmed_at": now.UTC(), "expires_at": nil,
	}).Error)
	if err != nil || !unique {
		return err
	}
	// Only now: who gives the number up at this moment was waited for by the unique
	// index, and what they leave behind can be seen.
	return barred(tx, who, row.ValueBidx, now)
}

// tombstoneRow is table mfa_tombstones. It never leaves this package.
type tombstoneRow struct {
	TenantID  string `gorm:"primaryKey"`
	UserID    string `gorm:"primaryKey"`
	ValueBidx string `gorm:"primaryKey"`
	Until     *time.Time
	CreatedAt time.Time
}

func (tombstoneRow) TableName() string { return "mfa_tombstones" }

// barred is [mfa.ErrContactInUse] if another account of the tenant had the value,
// and it is not free yet.
func barred(tx *gorm.DB, who mfa.Subject, bidx string, now time.Time) error {
	var n int64
	err := tx.Model(&tombstoneRow{}).Where("tenant_id = ? AND value_bidx = ? AND user_id <> ? AND (until IS NULL OR until > ?)",
		who.TenantID, bidx, who.UserID, now.UTC()).Count(&n).Error
	if err == nil && n > 0 {
		return mfa.ErrContactInUse
	}
	return err
}

// retireContact ends a contact, and bars its value for others where that is asked.
func retireContact(tx *gorm.DB, who mfa.Subject, r mfa.Retired, now time.Time) error {
	var row contactRow
	err := mine(locked(tx), who).Where("id = ?", r.ContactID).Take(&row).Error
	if err != nil {
		return err
	}
	err = mine(tx, who).Model(&contactRow{}).Where("id = ?", r.ContactID).Updates(map[string]any{
		"status": r.Status, "replaced_by": r.ReplacedBy, "registered": false, "expires_at": nil,
	}).Error
	if err != nil || !r.Tombstone {
		return err
	}
	stone := tombstoneRow{TenantID: who.TenantID, UserID: who.UserID, ValueBidx: row.ValueBidx, Until: toNull(r.Until), CreatedAt: now.UTC()}
	return tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "tenant_id"}, {Name: "value_bidx"}, {Name: "user_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"until", "created_at"}),
	}).Create(&stone).Error
}
