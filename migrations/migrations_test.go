package migrations_test

import (
	"database/sql"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/migrations"
	"github.com/sallyport-id/sallyport/store/sqlite"
)

// otherKeys are the keys that do not begin with tenant_id, each with the reason.
// Everything else does, so that a row of one tenant is never found, nor refused,
// because of a row of another.
var otherKeys = map[string]string{
	"buckets(k)":      "an opaque key, into which whoever charges puts tenant and scope",
	"keyring(name)":   "the key ring is one for the whole server",
	"tenants(id)":     "the table of the tenants themselves",
	"tenants(slug)":   "the slug is the path of an issuer, one for the whole server",
	"tenants(host)":   "the host of an issuer, likewise",
	"tenants(issuer)": "an issuer is one tenant, for ever",
}

func open(t *testing.T, url string) (db *sql.DB, dialect string) {
	t.Helper()
	path, ok := strings.CutPrefix(url, "sqlite:")
	if ok {
		c, err := sqlite.Connector(path)
		require.NoError(t, err)
		db, dialect = sql.OpenDB(c), "sqlite"
	} else {
		var err error
		db, err = sql.Open("pgx", url)
		require.NoError(t, err)
		dialect = "postgres"
	}
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, dialect
}

// names are the files of one folder, in order.
func names(t *testing.T, dialect string) (got []string) {
	t.Helper()
	entries, err := os.ReadDir(dialect)
	require.NoError(t, err)
	for _, e := range entries {
		got = append(got, e.Name())
	}
	return got
}

func TestBothFoldersHoldTheSameNames(t *testing.T) {
	require.Equal(t, names(t, "postgres"), names(t, "sqlite"))
	require.NotEmpty(t, names(t, "sqlite"))
}

func TestBothDatabasesGetTheSameSchema(t *testing.T) {
	lite, _ := open(t, testdb.SQLite(t))
	pg, _ := open(t, testdb.Postgres(t))

	diff := cmp.Diff(postgresSchema(t, pg), sqliteSchema(t, lite))

	require.Empty(t, diff, "- is PostgreSQL, + is SQLite")
}

func TestEveryKeyBeginsWithTheTenant(t *testing.T) {
	lite, _ := open(t, testdb.SQLite(t))
	schema := sqliteSchema(t, lite)
	used := map[string]bool{}

	for name, tab := range schema {
		var primary int
		for _, u := range tab.Uniques {
			if u.Primary {
				primary++
			}
			key := name + "(" + u.Columns + ")"
			_, allowed := otherKeys[key]
			used[key] = true
			if !allowed && u.Columns != "tenant_id" && !strings.HasPrefix(u.Columns, "tenant_id,") {
				t.Errorf("%s does not begin with tenant_id, and otherKeys gives no reason", key)
			}
		}
		require.Equal(t, 1, primary, "%s: primary keys", name)
	}

	for key := range otherKeys {
		name, _, _ := strings.Cut(key, "(")
		_, there := schema[name]
		require.True(t, used[key] || !there, "otherKeys excuses %s, which is no key", key)
	}
}

func TestUpThenCheck(t *testing.T) {
	testdb.EachEmpty(t, func(t *testing.T, url string) {
		db, dialect := open(t, url)

		err := migrations.Check(t.Context(), db, dialect)
		require.ErrorIs(t, err, migrations.ErrBehind)
		require.ErrorContains(t, err, "run `sallyport migrate up`")
		var tables int
		require.NoError(t, db.QueryRowContext(t.Context(), countTables[dialect]).Scan(&tables))
		require.Zero(t, tables, "a check only reads")

		applied, err := migrations.Up(t.Context(), db, dialect)
		require.NoError(t, err)
		require.Equal(t, names(t, dialect), applied)
		require.NoError(t, migrations.Check(t.Context(), db, dialect))

		applied, err = migrations.Up(t.Context(), db, dialect)
		require.NoError(t, err)
		require.Empty(t, applied, "there is nothing left to do")
	})
}

var countTables = map[string]string{
	"postgres": "select count(*) from pg_tables where schemaname = current_schema()",
	"sqlite":   "select count(*) from sqlite_master",
}

func TestNewerSchemaIsRefused(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		db, dialect := open(t, url)
		_, err := db.ExecContext(t.Context(), "insert into goose_db_version (version_id, is_applied) values (99999, true)")
		require.NoError(t, err)

		err = migrations.Check(t.Context(), db, dialect)
		require.ErrorIs(t, err, migrations.ErrAhead)
		require.ErrorContains(t, err, "this binary is older than the schema")
		require.ErrorContains(t, err, "99999")

		_, err = migrations.Up(t.Context(), db, dialect)
		require.ErrorIs(t, err, migrations.ErrAhead)

		_, err = db.ExecContext(t.Context(), "delete from goose_db_version where version_id = 2")
		require.NoError(t, err)
		err = migrations.Check(t.Context(), db, dialect)
		require.ErrorIs(t, err, migrations.ErrAhead)
		require.ErrorIs(t, err, migrations.ErrBehind)
		applied, err := migrations.Up(t.Context(), db, dialect)
		require.ErrorIs(t, err, migrations.ErrAhead)
		require.Empty(t, applied, "nothing is put on top of what is not known")
	})
}

func TestFourReplicasMigrateAtOnce(t *testing.T) {
	testdb.EachEmpty(t, func(t *testing.T, url string) {
		const replicas = 4
		applied := make([][]string, replicas)
		errs := make([]error, replicas)

		var wg sync.WaitGroup
		for i := range replicas {
			db, dialect := open(t, url)
			wg.Go(func() { applied[i], errs[i] = migrations.Up(t.Context(), db, dialect) })
		}
		wg.Wait()

		workers := 0
		for i := range replicas {
			require.NoError(t, errs[i])
			if len(applied[i]) > 0 {
				workers++
			}
		}
		require.Equal(t, 1, workers, "replicas that applied something")
	})
}

func TestUnknownDialect(t *testing.T) {
	db, _ := open(t, testdb.EmptySQLite(t))

	require.ErrorIs(t, migrations.Check(t.Context(), db, "mysql"), migrations.ErrDialect)
	_, err := migrations.Up(t.Context(), db, "mysql")
	require.ErrorIs(t, err, migrations.ErrDialect)
	_, err = migrations.Digest("mysql")
	require.ErrorIs(t, err, migrations.ErrDialect)
}
