package testdb

import (
	"bufio"
	"context"
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/migrations"
	"github.com/sallyport-id/sallyport/store/sqlite"
)

func openURL(t *testing.T, url string) (db *sql.DB, dialect string) {
	t.Helper()
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		db, err := sql.Open("pgx", url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db, "postgres"
	}
	c, err := sqlite.Connector(path)
	require.NoError(t, err)
	db = sql.OpenDB(c)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, sqlite.Name
}

func TestEachGivesMigratedDatabasesOfTheirOwn(t *testing.T) {
	for range 2 {
		Each(t, func(t *testing.T, url string) {
			db, dialect := openURL(t, url)

			require.NoError(t, migrations.Check(t.Context(), db, dialect))
			_, err := db.ExecContext(t.Context(), "create table mine (id integer)")
			require.NoError(t, err, "another test's table is here")
		})
	}
}

func TestEachEmptyGivesNoTables(t *testing.T) {
	EachEmpty(t, func(t *testing.T, url string) {
		db, dialect := openURL(t, url)

		require.ErrorIs(t, migrations.Check(t.Context(), db, dialect), migrations.ErrBehind)
	})
}

// TestKilledBinaryLeavesNoServer starts this test binary again, lets it start a
// server, and kills it in the way that leaves it no time for anything.
func TestKilledBinaryLeavesNoServer(t *testing.T) {
	if os.Getenv("TESTDB_HOLD") != "" {
		s, err := start()
		require.NoError(t, err)
		os.Stdout.WriteString("url " + s.url + "\n")
		<-time.After(time.Minute) // the kill comes first
		return
	}
	_, err := find()
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("NOT TESTED: ", err)
	}
	require.NoError(t, err)

	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledBinaryLeavesNoServer$")
	c.Env = append(os.Environ(), "TESTDB_HOLD=1")
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "url ")
	require.True(t, ok, line)
	db, _ := openURL(t, url)
	require.NoError(t, db.PingContext(t.Context()))
	var dir string
	require.NoError(t, db.QueryRowContext(t.Context(), "show data_directory").Scan(&dir))

	require.NoError(t, c.Process.Kill())
	_ = c.Wait() // killed

	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return db.PingContext(ctx) != nil
	}, 10*time.Second, 20*time.Millisecond, "the server still answers")
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	}, 10*time.Second, 20*time.Millisecond, "the files are still there")
}
