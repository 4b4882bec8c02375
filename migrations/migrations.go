// Package migrations brings a database to the schema that this binary needs, and
// tells whether it is there.
//
// The schema is SQL, in one folder for each kind of database. Both hold the same
// file names; a test compares the tables that come out. Migrations go forward
// only, and each one must leave the previous binary able to work, so that
// replicas can be replaced one by one.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Errors of [Check]. They are wrapped with the numbers and with what to do.
var (
	ErrBehind = errors.New("migrations: the database is behind this binary")
	ErrAhead  = errors.New("migrations: the database is ahead of this binary")
)

// ErrDialect says that there are no migrations for a kind of database.
var ErrDialect = errors.New("migrations: unknown dialect")

// Up applies what is missing, each file in a transaction of its own, and returns
// the names of the files it applied, none if the schema was there already.
// dialect is "postgres" or "sqlite".
//
// Several processes may call it at once on one PostgreSQL: one works, the others
// wait for up to five minutes and find nothing left to do.
//
// Errors: [ErrDialect]; [ErrAhead] if a newer binary was here; else those of the
// database, with the name of the file.
func Up(ctx context.Context, db *sql.DB, dialect string) (applied []string, err error) {
	err = Check(ctx, db, dialect)
	if errors.Is(err, ErrAhead) || !errors.Is(err, ErrBehind) {
		return nil, err
	}
	p, err := provider(db, dialect)
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	if err != nil && Check(ctx, db, dialect) == nil {
		return nil, nil // another process did it in the meantime
	}
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return names(partial.Applied), fmt.Errorf("migrations: %s: %w", partial.Failed.Source.Path, partial.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return names(results), nil
}

func names(results []*goose.MigrationResult) []string {
	var got []string
	for _, r := range results {
		got = append(got, r.Source.Path)
	}
	return got
}

func provider(db *sql.DB, dialect string) (*goose.Provider, error) {
	folder, err := fs.Sub(files, dialect)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	options := []goose.ProviderOption{
		goose.WithLogger(goose.NopLogger()),
		goose.WithDisableGlobalRegistry(true),
	}
	kind := goose.DialectSQLite3
	if dialect == "postgres" {
		kind = goose.DialectPostgres
		const everySecond, attempts = 1, 300
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(everySecond, attempts))
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(kind, db, folder, options...)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

// Check reports whether the schema is exactly the one this binary needs. It only
// reads, so it also works for a role that may not change tables.
//
// Errors: [ErrBehind], [ErrAhead], or both at once; [ErrDialect]; else those of the
// database.
func Check(ctx context.Context, db *sql.DB, dialect string) error {
	want, err := versions(dialect)
	if err != nil {
		return err
	}
	have, err := appliedVersions(ctx, db, dialect)
	if err != nil {
		return fmt.Errorf("migrations: read the schema version: %w", err)
	}
	var missing, unknown []int64
	for _, v := range want {
		if !slices.Contains(have, v) {
			missing = append(missing, v)
		}
	}
	for _, v := range have {
		if !slices.Contains(want, v) {
			unknown = append(unknown, v)
		}
	}
	var ahead, behind error
	if len(unknown) > 0 {
		ahead = fmt.Errorf("%w: this binary is older than the schema, which has migrations it does not know (%s); start the binary that made them",
			ErrAhead, list(unknown))
	}
	if len(missing) > 0 {
		behind = fmt.Errorf("%w: migrations are missing (%s); run `sallyport migrate up`", ErrBehind, list(missing))
	}
	return errors.Join(ahead, behind)
}

func list(versions []int64) string {
	var words []string
	for _, v := range versions {
		words = append(words, fmt.Sprintf("%05d", v))
	}
	return strings.Join(words, ", ")
}

// tableExists asks each kind of database whether anything was ever applied.
var tableExists = map[string]string{
	"postgres": `select count(*) from pg_tables where schemaname = current_schema() and tablename = 'goose_db_version'`,
	"sqlite":   `select count(*) from sqlite_master where type = 'table' and name = 'goose_db_version'`,
}

func appliedVersions(ctx context.Context, db *sql.DB, dialect string) ([]int64, error) {
	var n int
	err := db.QueryRowContext(ctx, tableExists[dialect]).Scan(&n)
	if err != nil || n == 0 {
		return nil, err
	}
	// Version 0 is goose's mark that the table was made.
	rows, err := db.QueryContext(ctx, `select distinct version_id from goose_db_version where is_applied and version_id > 0 order by version_id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var got []int64
	for rows.Next() {
		var v int64
		err = rows.Scan(&v)
		if err != nil {
			return nil, err
		}
		got = append(got, v)
	}
	return got, rows.Err()
}

// versions are the numbers that the file names of dialect begin with.
func versions(dialect string) ([]int64, error) {
	_, ok := tableExists[dialect]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrDialect, dialect)
	}
	entries, err := files.ReadDir(dialect)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	var got []int64
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migrations: %s/%s does not begin with a number", dialect, e.Name())
		}
		got = append(got, v)
	}
	return got, nil
}

// Digest names the contents of all files of dialect. Two binaries with the same
// digest make the same schema; tests keep a migrated database under this name.
//
// Errors: [ErrDialect].
func Digest(dialect string) (string, error) {
	_, err := versions(dialect)
	if err != nil {
		return "", err
	}
	entries, err := files.ReadDir(dialect)
	if err != nil {
		return "", fmt.Errorf("migrations: %w", err)
	}
	h := sha256.New()
	for _, e := range entries {
		text, err := files.ReadFile(dialect + "/" + e.Name())
		if err != nil {
			return "", fmt.Errorf("migrations: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n", e.Name(), len(text))
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
