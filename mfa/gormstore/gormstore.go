package gormstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/sallyport-id/sallyport/mfa"
)

// Sealer encrypts what is stored, and makes the keyed hash by which it is found.
//
// A sealed text opens only for the same table, column, tenant, user and row, so
// that it is useless when copied elsewhere.
type Sealer interface {
	Seal(table, column, tenant, user, row string, plain []byte) (string, error)
	Open(table, column, tenant, user, row, sealed string) ([]byte, error)
	// BlindIndex is a keyed hash of a value of one kind (email, phone), another one
	// for each tenant.
	BlindIndex(tenant, kind, value string) string
}

// Store implements [mfa.Store] and [mfa.Devices].
type Store struct {
	db   *gorm.DB
	seal Sealer
	fail func(op string, err error) error

	// Hook runs in the transaction of each change of what is enrolled, as its last
	// part: whoever keeps accounts and an outbox in the same database changes them
	// with it or not at all. Its error undoes the change and is returned. nil: none.
	Hook func(ctx context.Context, tx *gorm.DB, c mfa.Change) error
}

var (
	_ mfa.Store   = (*Store)(nil)
	_ mfa.Devices = (*Store)(nil)
)

// New returns a store in db. fail names the operation in an error of the
// database and may classify it, such as "unavailable"; nil only names it.
func New(db *gorm.DB, seal Sealer, fail func(op string, err error) error) *Store {
	if fail == nil {
		fail = func(op string, err error) error { return fmt.Errorf("gormstore: %s: %w", op, err) }
	}
	return &Store{db: db, seal: seal, fail: fail}
}

// promised are the errors that callers are promised; they leave unwrapped.
var promised = []error{
	mfa.ErrNotFound, mfa.ErrOpen, mfa.ErrSuperseded, mfa.ErrTooSoon, mfa.ErrNoSends, mfa.ErrExhausted,
	mfa.ErrContactInUse, mfa.ErrFactorExists, mfa.ErrKeyExists, mfa.ErrImmutable, mfa.ErrSpent,
}

func (s *Store) err(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, blocked := errors.AsType[*mfa.BlockedError](err); blocked {
		return err
	}
	for _, p := range promised {
		if errors.Is(err, p) {
			return err
		}
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return mfa.ErrNotFound
	}
	return s.fail(op, err)
}

// in runs do in a write transaction.
func (s *Store) in(ctx context.Context, op string, do func(tx *gorm.DB) error) error {
	return s.err(op, s.db.WithContext(ctx).Transaction(do))
}

// mine narrows db to the rows of who.
func mine(db *gorm.DB, who mfa.Subject) *gorm.DB {
	return db.Where("tenant_id = ? AND user_id = ?", who.TenantID, who.UserID)
}

// locked holds the rows it reads until the end of the transaction.
func locked(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "UPDATE"})
}

// one demands that a guarded statement has hit its row.
func one(res *gorm.DB, otherwise error) error {
	if res.Error == nil && res.RowsAffected == 0 {
		return otherwise
	}
	return res.Error
}

func toNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func fromNull(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
