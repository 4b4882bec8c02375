package migrations_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/migrations"
)

// hold takes the write lock of a SQLite file that is not in WAL mode yet, as
// another process does that is just switching it over, and returns what lets go.
func hold(t *testing.T, url string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "begin immediate")
	require.NoError(t, err)
	return func() {
		_, err := conn.ExecContext(context.Background(), "rollback")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.NoError(t, db.Close())
	}
}

// TestAFileThatIsBeingSwitchedOverIsWaitedFor states why there is a retry: the
// switch to WAL mode is the one lock that SQLite's own busy timeout does not wait
// for, and every connection to a fresh file asks for it.
func TestAFileThatIsBeingSwitchedOverIsWaitedFor(t *testing.T) {
	for name, use := range map[string]func(*sql.DB) error{
		"Check": func(db *sql.DB) error {
			err := migrations.Check(context.Background(), db, "sqlite")
			if err == nil || !strings.Contains(err.Error(), migrations.ErrBehind.Error()) {
				return err
			}
			return nil
		},
		"Up": func(db *sql.DB) error { _, err := migrations.Up(context.Background(), db, "sqlite"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			url := testdb.EmptySQLite(t)
			release := hold(t, url)
			db, _ := open(t, url)
			ended := make(chan error, 1)
			go func() { ended <- use(db) }()

			select {
			case err := <-ended:
				release()
				t.Fatalf("gave up while the file was being switched over: %v", err)
			case <-time.After(200 * time.Millisecond):
				release()
			}

			require.NoError(t, <-ended)
		})
	}
}
