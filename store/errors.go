package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	lib "modernc.org/sqlite/lib"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/store/sqlite"
)

// An UnavailableError says that the database could not do its part: it did not
// answer, was too busy, or gave up. Nothing may be concluded from it about the
// data; whoever decides about access must refuse.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return "database unavailable: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Temporary is always true: the same request may succeed later. Packages that may
// not import this one recognise the error by this method.
func (e *UnavailableError) Temporary() bool { return true }

// answers are what a database in good health says to a correct statement. The
// caller of a store turns them into words of its own.
var answers = []error{
	gorm.ErrRecordNotFound,
	gorm.ErrDuplicatedKey,
	gorm.ErrForeignKeyViolated,
	gorm.ErrCheckConstraintViolated,
}

// Fail adds op, a few words such as "read session", to the error of a statement.
//
// An answer (no such row, duplicate key, foreign key, check) and a cancelled
// context stay what they are under errors.Is. A statement that is wrong in itself
// stays an ordinary error: to try it again would not help. All the rest becomes
// [*UnavailableError]. A nil err gives nil.
func Fail(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), isAnswer(err), isMistake(err):
		return fmt.Errorf("store: %s: %w", op, err)
	}
	if _, ok := errors.AsType[*UnavailableError](err); ok {
		return fmt.Errorf("store: %s: %w", op, err)
	}
	return fmt.Errorf("store: %s: %w", op, &UnavailableError{Err: err})
}

func isAnswer(err error) bool {
	return slices.ContainsFunc(answers, func(a error) bool { return errors.Is(err, a) })
}

// isMistake reports whether the statement or its values are wrong.
//
// Source: PostgreSQL, appendix A (classes 0A, 22, 23 and 42); SQLite, "Result and
// Error Codes".
func isMistake(err error) bool {
	if errors.Is(err, seal.ErrSealed) {
		return true // somebody moved or edited what was sealed; trying again would not help
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return slices.Contains([]string{"0A", "22", "23", "42"}, e.Code[:min(2, len(e.Code))])
	}
	switch sqlite.Code(err) & 0xff {
	case lib.SQLITE_ERROR, lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH, lib.SQLITE_MISUSE, lib.SQLITE_RANGE, lib.SQLITE_TOOBIG:
		return true
	}
	return false
}
