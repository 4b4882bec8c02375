package gormstore

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

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
	}, nil
}

// Enrolments implements [mfa.Store].
func (s *Store) Enrolments(ctx context.Context, who mfa.Subject) (mfa.Enrolments, error) {
	e, err := s.enrolments(s.db.WithContext(ctx), who)
	return e, s.err("read enrolments", err)
}

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
	var factors []factorRow
	err = mine(db, who).Where("status <> ?", mfa.FactorDisabled).Order("created_at, id").Find(&factors).Error
	if err != nil {
		return e, err
	}
	for _, r := range factors {
		e.Factors = append(e.Factors, r.factor())
	}
	var guards []guardRow
	err = mine(db, who).Order("guard_key").Find(&guards).Error
	for _, r := range guards {
		e.Guards = append(e.Guards, r.guard())
	}
	return e, err
}

// AddContact implements [mfa.Store].
func (s *Store) AddContact(ctx context.Context, c mfa.Contact) error {
	row, err := s.sealContact(c)
	if err != nil {
		return s.err("seal contact", err)
	}
	return s.in(ctx, "add contact", func(tx *gorm.DB) error {
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
		}).Error)
	})
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
		open := []mfa.ContactStatus{mfa.ContactUnverified, mfa.ContactPending}
		res := mine(tx, who).Model(&contactRow{}).Where("id = ? AND status IN ?", id, open).Updates(map[string]any{
			"status": mfa.ContactConfirmed, "enforce_unique": unique, "confirmed_at": now.UTC(),
		})
		if res.Error != nil || res.RowsAffected > 0 {
			return inUse(res.Error)
		}
		var already contactRow
		return mine(tx, who).Select("id").Where("id = ? AND status = ?", id, mfa.ContactConfirmed).Take(&already).Error
	})
}
