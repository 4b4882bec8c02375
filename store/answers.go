package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	lib "modernc.org/sqlite/lib"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/sqlite"
)

// ErrExists says that there is a row of that key already.
var ErrExists = errors.New("store: exists already")

var (
	// errNoRow: the statement met no row, and had to meet one.
	errNoRow = errors.New("store: no such row")
	// errRow: a value cannot be written, or what was written cannot be read. To
	// try again would not help.
	errRow = errors.New("store: unusable row")
)

// ours are the errors that this package answers with on purpose.
var ours = []error{
	ErrExists, errNoRow, errRow, identity.ErrNotFound, identity.ErrCredentials, identity.ErrLinkUsed, identity.ErrTaken,
	model.ErrNotFound, model.ErrFinished, model.ErrConflict, consent.ErrNotFound, consent.ErrOver, consent.ErrTxnUsed, consent.ErrOneOpen,
}

// fail is [Fail] for an err that may also be an answer of this package.
func fail(op string, err error) error {
	if slices.ContainsFunc(ours, func(e error) bool { return errors.Is(err, e) }) {
		return fmt.Errorf("store: %s: %w", op, err)
	}
	return Fail(op, err)
}

// notFound turns the absence of a row into the answer of an interface.
func notFound(op string, err, answer error) error {
	if absent(err) {
		return answer
	}
	return fail(op, err)
}

// failOrNotFound is notFound with the answer that identity has for it.
func failOrNotFound(op string, err error) error { return notFound(op, err, identity.ErrNotFound) }

// absent reports whether a row was looked for and is not there.
func absent(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, errNoRow)
}

// duplicate turns the refusal of a key that is there already into [ErrExists].
func duplicate(err error) error {
	pg, _ := errors.AsType[*pgconn.PgError](err)
	code := sqlite.Code(err)
	if errors.Is(err, gorm.ErrDuplicatedKey) || pg != nil && pg.Code == "23505" ||
		code == lib.SQLITE_CONSTRAINT_PRIMARYKEY || code == lib.SQLITE_CONSTRAINT_UNIQUE {
		return fmt.Errorf("%w: %w", ErrExists, err)
	}
	return err
}

// exactlyOne is otherwise for a statement that changed another number of rows.
func exactlyOne(n int64, err, otherwise error) error {
	if err == nil && n != 1 {
		return otherwise
	}
	return err
}

// oneRow is [errNoRow] if a statement of gorm met no row.
func oneRow(res *gorm.DB) error {
	return exactlyOne(res.RowsAffected, res.Error, errNoRow)
}
