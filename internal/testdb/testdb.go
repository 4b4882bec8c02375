// Package testdb gives tests real databases: a SQLite file, and PostgreSQL from
// the server that TEST_DATABASE_URL names or, without it, from a server of
// Debian's package that the test binary starts for itself.
//
// Databases come migrated, and each test has its own. [Each] runs a test on both
// kinds; the Empty forms are for tests of the migrations themselves.
package testdb

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sallyport-id/sallyport/migrations"
	"github.com/sallyport-id/sallyport/store/sqlite"
)

// Each runs test as the subtests "sqlite" and "postgres", each with the address
// of a fresh, migrated database.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// EachEmpty is [Each] with databases that hold no tables.
func EachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, EmptySQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, EmptyPostgres(t)) })
}

// EmptySQLite returns the address of a file that does not exist yet.
func EmptySQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "sallyport.db")
}

// SQLite returns the address of a fresh, migrated file, which goes with the test.
func SQLite(t testing.TB) string {
	t.Helper()
	image, err := sqliteImage()
	if err != nil {
		t.Fatalf("testdb: migrate SQLite: %v", err)
	}
	path := filepath.Join(t.TempDir(), "sallyport.db")
	err = os.WriteFile(path, image, 0o600)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	return "sqlite:" + path
}

// sqliteImage is the bytes of a migrated file. They are made once: the schema is
// the same for every test of the process, and a copy costs a tenth of a migration.
var sqliteImage = sync.OnceValues(makeSQLiteImage)

func makeSQLiteImage() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sallyport-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "image.db")
	connector, err := sqlite.Connector(path)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	_, err = migrations.Up(context.Background(), db, sqlite.Name)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	// The last connection to close writes the log back into the file.
	err = db.Close()
	if err != nil {
		return nil, fmt.Errorf("close: %w", err)
	}
	return os.ReadFile(path)
}
