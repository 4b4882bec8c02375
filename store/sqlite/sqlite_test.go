package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/sallyport-id/sallyport/store/sqlite"
)

type row struct {
	Tenant string `gorm:"primaryKey"`
	ID     string `gorm:"primaryKey"`
	N      int
	At     time.Time
	Parent *string
}

func (row) TableName() string { return "rows" }

const tables = `
create table parents (id text primary key) strict;
create table rows (
	tenant text not null,
	id text not null,
	n integer not null check (n >= 0),
	at datetime not null,
	parent text references parents (id),
	primary key (tenant, id)
);
create table numbered (id integer primary key autoincrement, word text not null unique);`

func open(t *testing.T) *gorm.DB {
	t.Helper()
	connector, err := sqlite.Connector(filepath.Join(t.TempDir(), "a ?#%.db"))
	require.NoError(t, err)
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(8)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	_, err = pool.ExecContext(t.Context(), tables)
	require.NoError(t, err)

	db, err := gorm.Open(sqlite.Dialector{Conn: pool}, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		Logger:                 logger.Discard,
	})
	require.NoError(t, err)
	return db.WithContext(t.Context())
}

func TestEveryConnectionHasTheSettings(t *testing.T) {
	db := open(t)
	pool, err := db.DB()
	require.NoError(t, err)
	var held []*sql.Conn

	for range 3 {
		c, err := pool.Conn(t.Context())
		require.NoError(t, err)
		held = append(held, c)
		for pragma, want := range map[string]string{
			"busy_timeout": "10000", "journal_mode": "wal", "synchronous": "1", "foreign_keys": "1",
		} {
			var got string
			require.NoError(t, c.QueryRowContext(t.Context(), "pragma "+pragma).Scan(&got))
			require.Equal(t, want, got, pragma)
		}
	}

	for _, c := range held {
		require.NoError(t, c.Close())
	}
}

func TestDSN(t *testing.T) {
	tests := []struct {
		name, path, want string
		err              error
	}{
		{"a plain path", "/var/lib/s.db", "file:/var/lib/s.db?", nil},
		{"a relative path", "s.db", "file:s.db?", nil},
		{"a question mark does not end the path", "/a?b#c%d.db", "file:/a%3Fb%23c%25d.db?", nil},
		{"two slashes do not make a host", "//host/s.db", "file:/host/s.db?", nil},
		{"memory would be one database for each connection", ":memory:", "", sqlite.ErrPath},
		{"no name", "", "", sqlite.ErrPath},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sqlite.DSN(tt.path)

			require.ErrorIs(t, err, tt.err)
			require.True(t, strings.HasPrefix(got, tt.want), got)
		})
	}
}

func TestTouchedFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")

	require.NoError(t, sqlite.Touch(path))

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.ErrorIs(t, sqlite.Touch(filepath.Join(path, "below")), sqlite.ErrPath)
}

func TestErrorsHaveGormsNames(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	tests := []struct {
		name string
		do   func(*gorm.DB) error
		want error
	}{
		{"primary key", func(db *gorm.DB) error { return db.Create(&row{Tenant: "t", ID: "1", At: at}).Error }, gorm.ErrDuplicatedKey},
		{"unique key", func(db *gorm.DB) error {
			return db.Exec("insert into numbered (word) values ('a'), ('a')").Error
		}, gorm.ErrDuplicatedKey},
		{"numbered key", func(db *gorm.DB) error {
			return db.Exec("insert into numbered (id, word) values (1, 'a'), (1, 'b')").Error
		}, gorm.ErrDuplicatedKey},
		{"foreign key", func(db *gorm.DB) error {
			return db.Create(&row{Tenant: "t", ID: "2", At: at, Parent: new("none")}).Error
		}, gorm.ErrForeignKeyViolated},
		{"check", func(db *gorm.DB) error { return db.Create(&row{Tenant: "t", ID: "2", N: -1, At: at}).Error }, gorm.ErrCheckConstraintViolated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			require.NoError(t, db.Create(&row{Tenant: "t", ID: "1", At: at}).Error)

			err := tt.do(db)

			require.ErrorIs(t, err, tt.want)
			require.NotZero(t, sqlite.Code(err), "the cause is kept")
		})
	}
}

func TestReturning(t *testing.T) {
	db := open(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600))
	rows := []row{{Tenant: "t", ID: "1", N: 1, At: at}, {Tenant: "t", ID: "2", N: 2, At: at}, {Tenant: "u", ID: "1", N: 3, At: at}}
	require.NoError(t, db.Create(&rows).Error)

	t.Run("of an update, into a slice", func(t *testing.T) {
		var got []row
		err := db.Model(&got).Clauses(clause.Returning{}).Where("tenant = ?", "t").
			Update("n", gorm.Expr("n + 10")).Error
		require.NoError(t, err)
		require.Len(t, got, 2)
		require.Equal(t, 11, got[0].N)
		require.Equal(t, at.UTC(), got[0].At)
	})
	t.Run("of an upsert", func(t *testing.T) {
		got := row{Tenant: "t", ID: "1", N: 5, At: at}
		err := db.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "tenant"}, {Name: "id"}},
			DoUpdates: clause.Assignments(map[string]any{"n": gorm.Expr("rows.n + excluded.n")}),
		}, clause.Returning{}).Create(&got).Error
		require.NoError(t, err)
		require.Equal(t, 16, got.N)
	})
	t.Run("of a delete", func(t *testing.T) {
		var got []row
		err := db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "n"}}}).
			Where("tenant = ?", "u").Delete(&got).Error
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, 3, got[0].N)
	})
	t.Run("of raw SQL", func(t *testing.T) {
		var n int
		err := db.Raw("update rows set n = 9 where tenant = ? and id = ? returning n", "t", "2").Scan(&n).Error
		require.NoError(t, err)
		require.Equal(t, 9, n)
	})
	t.Run("of a number that the database gave", func(t *testing.T) {
		type numbered struct {
			ID   int64 `gorm:"primaryKey"`
			Word string
		}
		two := []numbered{{Word: "a"}, {Word: "b"}}
		require.NoError(t, db.Table("numbered").Create(&two).Error)
		require.Equal(t, []numbered{{1, "a"}, {2, "b"}}, two)
	})
}

func TestReadingPagesAndLocks(t *testing.T) {
	db := open(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, id := range []string{"1", "2", "3", "4"} {
		require.NoError(t, db.Create(&row{Tenant: "t", ID: id, At: at}).Error)
	}
	ids := func(q *gorm.DB) (got []string) {
		require.NoError(t, q.Model(&row{}).Order("id").Pluck("id", &got).Error)
		return got
	}

	require.Equal(t, []string{"1", "2"}, ids(db.Limit(2)))
	require.Equal(t, []string{"2", "3"}, ids(db.Limit(2).Offset(1)))
	require.Equal(t, []string{"3", "4"}, ids(db.Offset(2)))
	require.Empty(t, ids(db.Limit(0)))
	require.Len(t, ids(db.Limit(-1)), 4)
	require.Len(t, ids(db.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})), 4)
}

func TestMisspeltColumnIsAnError(t *testing.T) {
	db := open(t)

	err := db.Where(clause.Eq{Column: clause.Column{Name: "no_such"}, Value: "no_such"}).Find(&[]row{}).Error

	require.ErrorContains(t, err, "no such column")
}

func TestTimesCompareAsTimes(t *testing.T) {
	db := open(t)
	t0 := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	east, west := time.FixedZone("", 5*3600), time.FixedZone("", -5*3600)
	steps := []time.Duration{0, time.Microsecond, 500 * time.Millisecond, 550 * time.Millisecond, time.Second, time.Hour}
	for i, d := range steps {
		zone := []*time.Location{east, west, time.UTC}[i%3]
		require.NoError(t, db.Create(&row{Tenant: "t", ID: string(rune('a' + i)), At: t0.Add(d).In(zone)}).Error)
	}

	for i, d := range steps {
		var n int64
		require.NoError(t, db.Model(&row{}).Where("at < ?", t0.Add(d).In(west)).Count(&n).Error)
		require.EqualValues(t, i, n, "rows before %s", d)
	}
}

func TestInnerTransactionRollsBackAlone(t *testing.T) {
	db := open(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	err := db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&row{Tenant: "t", ID: "kept", At: at}).Error)
		inner := tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&row{Tenant: "t", ID: "gone", At: at}).Error)
			return context.Canceled
		})
		require.ErrorIs(t, inner, context.Canceled)
		return nil
	})

	require.NoError(t, err)
	var ids []string
	require.NoError(t, db.Model(&row{}).Pluck("id", &ids).Error)
	require.Equal(t, []string{"kept"}, ids)
}

func TestCancelledContextStopsAStatement(t *testing.T) {
	db := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()

	var n int64
	err := db.WithContext(ctx).Raw(`with recursive c (x) as (select 1 union all select x + 1 from c)
		select count(*) from c where x < 0`).Scan(&n).Error

	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, db.Raw("select 1").Scan(&n).Error, "the connection is still good")
}

func TestCompiledStatements(t *testing.T) {
	t.Run("a statement can run while its own rows are being read", func(t *testing.T) {
		db := open(t)
		require.NoError(t, db.Exec("insert into numbered (word) values ('a'), ('b'), ('c')").Error)
		const query = "select word from numbered where id >= ? order by id"
		got := ""

		err := db.Transaction(func(tx *gorm.DB) error {
			outer, err := tx.Raw(query, 1).Rows()
			require.NoError(t, err)
			defer outer.Close()
			for outer.Next() {
				var word, inner string
				require.NoError(t, outer.Scan(&word))
				require.NoError(t, tx.Raw(query, 2).Row().Scan(&inner))
				got += word + inner + " "
			}
			return outer.Err()
		})

		require.NoError(t, err)
		require.Equal(t, "ab bb cb ", got)
	})
	t.Run("a statement outlives a change of its table", func(t *testing.T) {
		db := open(t)
		read := func() (got []map[string]any) {
			require.NoError(t, db.Raw("select * from numbered").Find(&got).Error)
			return got
		}
		require.NoError(t, db.Exec("insert into numbered (word) values ('a')").Error)
		require.Equal(t, []map[string]any{{"id": int64(1), "word": "a"}}, read())

		require.NoError(t, db.Exec("alter table numbered add column more text").Error)

		for range 2 {
			require.Equal(t, []map[string]any{{"id": int64(1), "word": "a", "more": nil}}, read())
		}
	})
	t.Run("there may be any number of them", func(t *testing.T) {
		db := open(t)
		for i := range 400 {
			var n int
			require.NoError(t, db.Raw(fmt.Sprintf("select ? + %d", i), 1).Scan(&n).Error)
			require.Equal(t, i+1, n)
		}
	})
	t.Run("one that failed works again", func(t *testing.T) {
		db := open(t)
		insert := func(word string) error { return db.Exec("insert into numbered (word) values (?)", word).Error }
		require.NoError(t, insert("a"))
		require.ErrorIs(t, insert("a"), gorm.ErrDuplicatedKey)
		require.NoError(t, insert("b"))
	})
}

func TestSixteenWritersThatReadFirstNeverFail(t *testing.T) {
	db := open(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const writers, each = 16, 50
	errs := make(chan error, writers*each)

	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				errs <- db.Transaction(func(tx *gorm.DB) error {
					var n int64
					err := tx.Model(&row{}).Where("tenant = ?", "t").Count(&n).Error
					if err != nil {
						return err
					}
					// Two transactions that counted the same would make the same key.
					return tx.Create(&row{Tenant: "t", ID: time.Duration(n).String(), At: at}).Error
				})
			}
		})
	}
	wg.Wait()
	close(errs)

	for err := range errs {
		require.NoError(t, err)
	}
	var n int64
	require.NoError(t, db.Model(&row{}).Count(&n).Error)
	require.EqualValues(t, writers*each, n)
}
