package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

// Sealer encrypts what must not be readable in a copy of the database, and makes
// the keyed hashes by which it is found again. [seal.Ring] is one.
type Sealer interface {
	Seal(place seal.AD, plaintext []byte) (string, error)
	Open(place seal.AD, sealed string) ([]byte, error)
	// Index is the keyed hash that new rows get; Indexes are those that rows may
	// have, while an older key is still in use.
	Index(tenant, kind, value string) []byte
	Indexes(tenant, kind, value string) [][]byte
}

// A Store keeps tenants, users, sessions, interactions, grants and keys. Every
// method works on one tenant, and what belongs to another one is not found.
//
// Times are bound by the caller or come from Now, never from the database, and
// are kept in microseconds. Errors that are no answer to the question are those
// of [Fail].
type Store struct {
	DB   *DB
	Seal Sealer
	Now  func() time.Time
}

var (
	_ consent.Store  = (*Store)(nil)
	_ consent.People = (*Store)(nil)
	_ model.Store    = (*Store)(nil)
	_ keys.Store     = (*Store)(nil)

	_ identity.AccountStore = (*Store)(nil)
	_ identity.Rehasher     = (*Store)(nil)
)

// querier is a pool, or one transaction of it.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// inTx runs do in a transaction, again if the database broke it off.
func (s *Store) inTx(ctx context.Context, do func(tx *gorm.DB) error) error {
	return Retry(ctx, s.DB.Gorm, do)
}

// raw is the connection of tx, for statements that are written out.
func raw(tx *gorm.DB) querier { return tx.Statement.ConnPool }

// gorm begins a statement outside a transaction.
func (s *Store) gorm(ctx context.Context) *gorm.DB { return s.DB.Gorm.WithContext(ctx) }

// now is the time as the database keeps it.
func (s *Store) now() time.Time { return stamp(s.Now()) }

// stamp is t as both databases keep it: in UTC, whole microseconds.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// forUpdate is what a SELECT ends in to lock its rows. SQLite has no row locks;
// there a transaction that writes holds the only lock from its beginning.
func (s *Store) forUpdate() string {
	if s.DB.Dialect == Postgres {
		return " for update"
	}
	return ""
}

// affected runs a statement and returns how many rows it changed.
func affected(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	res, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
