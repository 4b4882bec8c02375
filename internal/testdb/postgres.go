package testdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/sallyport-id/sallyport/migrations"
)

// templateLock is the advisory lock under which the template is made, so that
// test binaries that share a server make it once.
const templateLock = 0x5a11_9027

// EmptyPostgres returns the address of a fresh database without tables. It goes
// with the test.
//
// Without a server the test is skipped, loudly; it fails where CI=true.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	return create(t, server(t), "template0")
}

// Postgres is [EmptyPostgres] with the schema in place.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := server(t)
	from, err := template(admin)
	if err != nil {
		t.Fatalf("testdb: migrate PostgreSQL: %v", err)
	}
	return create(t, admin, from)
}

// server returns the address of a server on which databases can be made.
func server(t testing.TB) string {
	t.Helper()
	given := os.Getenv("TEST_DATABASE_URL")
	if given != "" {
		return given
	}
	started, err := shared()
	switch {
	case err == nil:
		return started.url
	case errors.Is(err, errNoServer) && os.Getenv("CI") != "true":
		loud()
		t.Skipf("NOT TESTED on PostgreSQL: %v", err)
	default:
		t.Fatalf("testdb: %v", err)
	}
	return ""
}

// loud says once for each process, also without -v, that half of the tests are
// missing.
var loud = sync.OnceFunc(func() {
	fmt.Fprintln(os.Stderr, "\n*** PostgreSQL tests are SKIPPED: install the package postgresql, or set TEST_DATABASE_URL ***")
})

// create makes a database on the server and drops it when the test is over.
func create(t testing.TB, admin, from string) string {
	t.Helper()
	name := "sallyport_test_" + strings.ToLower(rand.Text()[:16])
	err := onServer(context.Background(), admin, fmt.Sprintf("create database %s template %s", name, from))
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() {
		err := onServer(context.Background(), admin, fmt.Sprintf("drop database if exists %s with (force)", name))
		if err != nil {
			t.Errorf("testdb: %v", err)
		}
	})
	at, err := withDatabase(admin, name)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	return at
}

// template returns the name of a migrated database to copy. Copying takes a
// fraction of the time of migrating.
var template = func() func(admin string) (string, error) {
	var mu sync.Mutex
	made := map[string]string{}
	return func(admin string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if name, ok := made[admin]; ok {
			return name, nil
		}
		name, err := makeTemplate(context.Background(), admin)
		if err == nil {
			made[admin] = name
		}
		return name, err
	}
}()

func makeTemplate(ctx context.Context, admin string) (string, error) {
	digest, err := migrations.Digest("postgres")
	if err != nil {
		return "", err
	}
	name := "sallyport_template_" + digest[:16]

	db, err := sql.Open("pgx", admin)
	if err != nil {
		return "", err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	// The lock goes with the connection.
	_, err = c.ExecContext(ctx, "select pg_advisory_lock($1)", templateLock)
	if err != nil {
		return "", err
	}
	var there bool
	err = c.QueryRowContext(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&there)
	if err != nil || there {
		return name, err
	}
	return name, buildTemplate(ctx, c, admin, name)
}

// buildTemplate migrates under another name first, so that a template that is
// there is always whole.
func buildTemplate(ctx context.Context, c *sql.Conn, admin, name string) error {
	draft := name + "_draft"
	_, err := c.ExecContext(ctx, "drop database if exists "+draft+" with (force)")
	if err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, "create database "+draft+" template template0")
	if err != nil {
		return err
	}
	at, err := withDatabase(admin, draft)
	if err != nil {
		return err
	}
	db, err := sql.Open("pgx", at)
	if err != nil {
		return err
	}
	_, err = migrations.Up(ctx, db, "postgres")
	err = errors.Join(err, db.Close())
	if err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, "alter database "+draft+" rename to "+name)
	return err
}

// onServer sends one statement on a connection of its own.
func onServer(ctx context.Context, admin, statement string) error {
	db, err := sql.Open("pgx", admin)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func withDatabase(address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("TEST_DATABASE_URL is not a URL such as postgres://user:password@host/database")
	}
	u.Path = "/" + name
	return u.String(), nil
}
