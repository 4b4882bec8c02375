package sqlite

import (
	"database/sql/driver"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeptStatements(t *testing.T) {
	connector, err := Connector(filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	opened, err := connector.Connect(t.Context())
	require.NoError(t, err)
	c := opened.(*conn)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	query := func(q string) driver.Rows {
		rows, err := c.QueryContext(t.Context(), q, nil)
		require.NoError(t, err)
		return rows
	}
	next := func(rows driver.Rows) (int64, error) {
		into := make([]driver.Value, 1)
		err := rows.Next(into)
		n, _ := into[0].(int64)
		return n, err
	}

	t.Run("one that is repeated is kept once and used again", func(t *testing.T) {
		require.NoError(t, query("select 1").Close())
		kept := c.stmts["select 1"]
		require.NoError(t, query("select 1").Close())

		require.Len(t, c.stmts, 1)
		require.Same(t, kept, c.stmts["select 1"])
		require.False(t, kept.busy)
	})
	t.Run("one that has a name of its own is not kept", func(t *testing.T) {
		for _, q := range []string{"begin", "savepoint sp1", "rollback", "pragma user_version"} {
			_, err := c.ExecContext(t.Context(), q, nil)
			require.NoError(t, err)
		}

		require.Len(t, c.stmts, 1)
	})
	t.Run("there are never too many, and one in use is not closed", func(t *testing.T) {
		rows := query("select 1 union all select 2")
		for i := range 3 * most {
			require.NoError(t, query(fmt.Sprintf("select %d", i)).Close())
			require.LessOrEqual(t, len(c.stmts), most)
		}

		for _, want := range []int64{1, 2} {
			n, err := next(rows)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		_, err := next(rows)
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, rows.Close())
	})
}
