package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// retries is how often a transaction runs again.
const retries = 3

// Retry runs do in a transaction of db and commits it if do returns nil. It runs
// the transaction again, up to three more times, when PostgreSQL broke it off in
// favour of another one (serialization failure or deadlock). do may therefore run
// more than once, and may only touch the database and its own result variables.
// On SQLite nothing is broken off: a transaction waits for its turn at its
// beginning.
//
// The error is that of do or of the commit; see [Fail].
//
// Source: PostgreSQL, "Serialization Failure Handling" (SQLSTATE 40001 and 40P01).
func Retry(ctx context.Context, db *gorm.DB, do func(tx *gorm.DB) error, opts ...*sql.TxOptions) error {
	var err error
	for range 1 + retries {
		err = db.WithContext(ctx).Transaction(do, opts...)
		if !brokenOff(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func brokenOff(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"40001", "40P01"}, e.Code)
}
