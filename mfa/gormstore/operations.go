package gormstore

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/mfa"
)

// operationRow is table mfa_operations. It never leaves this package.
type operationRow struct {
	TenantID      string `gorm:"primaryKey"`
	UserID        string
	ID            string `gorm:"primaryKey"`
	Binding       []byte
	Kind          string
	Verb          string
	Status        string
	State         string
	PolicyVersion int
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

func (operationRow) TableName() string { return "mfa_operations" }

func (r operationRow) operation() (mfa.Operation, error) {
	o := mfa.Operation{
		ID: r.ID, Subject: mfa.Subject{TenantID: r.TenantID, UserID: r.UserID}, Binding: r.Binding, Kind: mfa.Method(r.Kind),
		Verb: mfa.Verb(r.Verb), Status: mfa.OperationStatus(r.Status), PolicyVersion: r.PolicyVersion,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
	return o, json.Unmarshal([]byte(r.State), &o.State)
}

// CreateOperation implements [mfa.Operations].
func (s *Store) CreateOperation(ctx context.Context, o mfa.Operation) error {
	state, err := json.Marshal(o.State)
	if err != nil {
		return err
	}
	row := operationRow{
		TenantID: o.Subject.TenantID, UserID: o.Subject.UserID, ID: o.ID, Binding: notNil(o.Binding), Kind: string(o.Kind),
		Verb: string(o.Verb), Status: string(o.Status), State: string(state), PolicyVersion: o.PolicyVersion,
		CreatedAt: o.CreatedAt.UTC(), ExpiresAt: o.ExpiresAt.UTC(),
	}
	return s.err("create operation", s.db.WithContext(ctx).Create(&row).Error)
}

// Operation implements [mfa.Operations].
func (s *Store) Operation(ctx context.Context, who mfa.Subject, id string) (mfa.Operation, error) {
	var row operationRow
	err := mine(s.db.WithContext(ctx), who).Where("id = ?", id).Take(&row).Error
	if err != nil {
		return mfa.Operation{}, s.err("read operation", err)
	}
	o, err := row.operation()
	return o, s.err("read operation", err)
}

// Advance implements [mfa.Operations].
func (s *Store) Advance(ctx context.Context, who mfa.Subject, id string, step func(*mfa.Operation, mfa.Enrolments) (mfa.Effect, error)) (mfa.Operation, error) {
	var o mfa.Operation
	var refused error
	err := s.in(ctx, "advance operation", func(tx *gorm.DB) error {
		var row operationRow
		err := mine(locked(tx), who).Where("id = ?", id).Take(&row).Error
		if err != nil {
			return err
		}
		o, err = row.operation()
		if err != nil {
			return err
		}
		err = lockUser(tx, who)
		if err != nil {
			return err
		}
		e, err := s.enrolments(tx, who)
		if err != nil {
			return err
		}
		effect, err := step(&o, e)
		refused = err
		if err != nil {
			return err
		}
		return s.carryOut(ctx, tx, who, o, effect)
	})
	if refused != nil {
		return o, refused
	}
	return o, err
}

// carryOut saves the operation and does what it changes, or nothing.
func (s *Store) carryOut(ctx context.Context, tx *gorm.DB, who mfa.Subject, o mfa.Operation, e mfa.Effect) error {
	state, err := json.Marshal(o.State)
	if err != nil {
		return err
	}
	err = mine(tx, who).Model(&operationRow{}).Where("id = ?", o.ID).
		Updates(map[string]any{"status": o.Status, "kind": o.Kind, "state": string(state)}).Error
	if err != nil {
		return err
	}
	err = s.changeEnrolments(tx, who, e)
	if err == nil && e.Spend != "" { // after the factors: a judgement takes them in this order
		err = mine(tx, who).Model(&challengeRow{}).Where("id = ? AND status = ?", e.Spend, mfa.ChallengeVerified).
			Updates(map[string]any{"status": mfa.ChallengeUsed}).Error
	}
	if err != nil || e.Change == nil || s.Hook == nil {
		return err
	}
	return s.Hook(ctx, tx, *e.Change)
}

// lockUser lets one operation of a user end at a time, so that what each of them
// counts is still so when it is done.
func lockUser(tx *gorm.DB, who mfa.Subject) error {
	var ids []string
	return mine(locked(tx), who).Model(&contactRow{}).Order("id").Pluck("id", &ids).Error
}

// changeEnrolments ends what ends before it begins what begins: an exclusive factor
// has to make room for the next one.
func (s *Store) changeEnrolments(tx *gorm.DB, who mfa.Subject, e mfa.Effect) error {
	err := forgive(tx, who, e.Forgive)
	if err != nil {
		return err
	}
	for _, id := range e.Disable {
		err := disableFactor(tx, who, id, e.At)
		if err != nil {
			return err
		}
	}
	for _, r := range e.Retire {
		err := retireContact(tx, who, r, e.At)
		if err != nil {
			return err
		}
	}
	err = s.beginContacts(tx, who, e)
	if err != nil {
		return err
	}
	for _, f := range e.Activate {
		err := s.putFactor(tx, f)
		if err != nil {
			return err
		}
	}
	err = putCodes(tx, who, e.Codes)
	if err == nil && e.PIN != "" {
		err = putPIN(tx, who, e.PIN, e.At)
	}
	if err == nil && e.ForgetDevices {
		err = mine(tx, who).Delete(&deviceRow{}).Error
	}
	return err
}

// beginContacts confirms the new contact, and makes it the registered one.
func (s *Store) beginContacts(tx *gorm.DB, who mfa.Subject, e mfa.Effect) error {
	if e.Confirm != "" {
		err := confirmContact(tx, who, e.Confirm, e.Unique, e.At)
		if err != nil {
			return err
		}
	}
	if e.Registered == "" {
		return nil
	}
	res := mine(tx, who).Model(&contactRow{}).Where("id = ?", e.Registered).Updates(map[string]any{"registered": true})
	return inUse(one(res, mfa.ErrNotFound))
}

// forgive lets guards begin anew. It comes first: guards are locked before all else.
func forgive(tx *gorm.DB, who mfa.Subject, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return mine(tx, who).Model(&guardRow{}).Where("guard_key IN ?", keys).Updates(guardColumns(mfa.Guard{})).Error
}
