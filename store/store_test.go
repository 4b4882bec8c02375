package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/store"
)

type item struct {
	Tenant    string `gorm:"primaryKey"`
	ID        string `gorm:"primaryKey"`
	N         int64
	CreatedAt time.Time
}

func (item) TableName() string { return "items" }

// each opens both databases with a table of items in them.
func each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	testdb.EachEmpty(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url, store.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		at := map[store.Dialect]string{store.Postgres: "timestamptz", store.SQLite: "datetime"}[db.Dialect]
		_, err = db.SQL.ExecContext(t.Context(), fmt.Sprintf(`create table items (
			tenant text not null, id text not null, n bigint not null check (n >= 0), created_at %s not null,
			primary key (tenant, id))`, at))
		require.NoError(t, err)
		test(t, db)
	})
}

func TestParseURL(t *testing.T) {
	tests := []struct {
		in      string
		dialect store.Dialect
		where   string
		err     error
	}{
		{"postgres://u:p@h:5432/db?sslmode=disable", store.Postgres, "postgres://u:p@h:5432/db?sslmode=disable", nil},
		{"postgresql://h/db", store.Postgres, "postgresql://h/db", nil},
		{"sallyport.db", store.SQLite, "sallyport.db", nil},
		{"/var/lib/sallyport.db", store.SQLite, "/var/lib/sallyport.db", nil},
		{"sqlite:sallyport.db", store.SQLite, "sallyport.db", nil},
		{"sqlite:/var/lib/s.db", store.SQLite, "/var/lib/s.db", nil},
		{"sqlite:///var/lib/s.db", store.SQLite, "/var/lib/s.db", nil},
		{"a:b.db", store.SQLite, "a:b.db", nil},
		{"", "", "", store.ErrAddress},
		{"sqlite:", "", "", store.ErrAddress},
		{"mysql://h/db", "", "", store.ErrAddress},
		{"file:s.db", "", "", store.ErrAddress},
		{"postgres://u:hunter2@h:port/db", "", "", store.ErrAddress},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			dialect, where, err := store.ParseURL(tt.in)

			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.dialect, dialect)
			require.Equal(t, tt.where, where)
			if err != nil {
				require.NotContains(t, err.Error(), "hunter2")
			}
		})
	}
}

func TestOpenCreatesAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")

	db, err := store.Open(t.Context(), path, store.Options{})

	require.NoError(t, err)
	require.NoError(t, db.Ping(t.Context()))
	_, err = db.SQL.ExecContext(t.Context(), "create table t (id integer)")
	require.NoError(t, err)
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), suffix)
	}
	require.NoError(t, db.Close())
}

func TestOpenFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "postgres://u:hunter2@" + l.Addr().String() + "/db?sslmode=disable"
	require.NoError(t, l.Close())

	t.Run("a server that is not there is unavailable, and the password is not told", func(t *testing.T) {
		_, err := store.Open(t.Context(), nobody, store.Options{})

		_, ok := errors.AsType[*store.UnavailableError](err)
		require.True(t, ok, "%v", err)
		require.NotContains(t, err.Error(), "hunter2")
	})
	t.Run("a folder that is not there is a wrong address", func(t *testing.T) {
		_, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "none", "s.db"), store.Options{})

		require.ErrorIs(t, err, store.ErrAddress)
	})
	t.Run("a file that is no database is unavailable", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s.db")
		require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600))

		_, err := store.Open(t.Context(), path, store.Options{})

		_, ok := errors.AsType[*store.UnavailableError](err)
		require.True(t, ok, "%v", err)
	})
}

func TestTimesComeBackInUTC(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2026, 1, 2, 23, 4, 5, 123456000, time.FixedZone("", -7*3600))
		require.NoError(t, db.Gorm.WithContext(t.Context()).Create(&item{Tenant: "t", ID: "1", CreatedAt: at}).Error)

		var got item
		require.NoError(t, db.Gorm.WithContext(t.Context()).Take(&got).Error)

		require.Equal(t, at.UTC(), got.CreatedAt)
	})
}

func TestGormHasNoClock(t *testing.T) {
	type stamped struct {
		Tenant    string `gorm:"primaryKey"`
		ID        string `gorm:"primaryKey"`
		N         int64
		CreatedAt time.Time
		UpdatedAt time.Time
	}
	each(t, func(t *testing.T, db *store.DB) {
		g := db.Gorm.WithContext(t.Context()).Table("items")
		require.NoError(t, g.Exec("alter table items add column updated_at "+
			map[store.Dialect]string{store.Postgres: "timestamptz", store.SQLite: "datetime"}[db.Dialect]).Error)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		require.NoError(t, g.Create(&stamped{Tenant: "t", ID: "1", UpdatedAt: at}).Error)
		require.NoError(t, g.Where("id = ?", "1").Updates(map[string]any{"n": 1}).Error)
		require.NoError(t, g.Model(&stamped{}).Where("id = ?", "1").Update("n", 2).Error)
		require.NoError(t, g.Model(&stamped{Tenant: "t", ID: "1"}).Updates(stamped{N: 3}).Error)

		var got stamped
		require.NoError(t, g.Take(&got).Error)

		require.Equal(t, stamped{Tenant: "t", ID: "1", N: 3, UpdatedAt: at}, got)
	})
}

func TestCount(t *testing.T) {
	tests := []struct {
		name                       string
		do                         func(ctx context.Context, db *store.DB) error
		statements                 int
		begins, commits, rollbacks int
	}{
		{"one insert is one statement and no transaction", func(ctx context.Context, db *store.DB) error {
			return db.Gorm.WithContext(ctx).Create(&item{Tenant: "t", ID: "1"}).Error
		}, 1, 0, 0, 0},
		{"raw SQL is seen", func(ctx context.Context, db *store.DB) error {
			var n int64
			err := db.Gorm.WithContext(ctx).Raw("select count(*) from items").Scan(&n).Error
			if err != nil {
				return err
			}
			return db.Gorm.WithContext(ctx).Exec("delete from items").Error
		}, 2, 0, 0, 0},
		{"database/sql is seen, also when prepared", func(ctx context.Context, db *store.DB) error {
			s, err := db.SQL.PrepareContext(ctx, "delete from items")
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.ExecContext(ctx)
			if err != nil {
				return err
			}
			rows, err := s.QueryContext(ctx)
			if err != nil {
				return err
			}
			return errors.Join(rows.Err(), rows.Close())
		}, 2, 0, 0, 0},
		{"a transaction has a beginning and an end", func(ctx context.Context, db *store.DB) error {
			return store.Retry(ctx, db.Gorm, func(tx *gorm.DB) error {
				return tx.Create(&item{Tenant: "t", ID: "1"}).Error
			})
		}, 1, 1, 1, 0},
		{"a transaction that fails is rolled back", func(ctx context.Context, db *store.DB) error {
			err := store.Retry(ctx, db.Gorm, func(tx *gorm.DB) error { return io.EOF })
			if !errors.Is(err, io.EOF) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		}, 0, 1, 0, 1},
		{"a statement that fails is a statement", func(ctx context.Context, db *store.DB) error {
			err := db.Gorm.WithContext(ctx).Create(&item{Tenant: "t", ID: "1", N: -1}).Error
			if !errors.Is(err, gorm.ErrCheckConstraintViolated) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		}, 1, 0, 0, 0},
	}
	each(t, func(t *testing.T, db *store.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				_, err := db.SQL.ExecContext(t.Context(), "delete from items")
				require.NoError(t, err)
				ctx, count := store.Count(t.Context())

				require.NoError(t, tt.do(ctx, db))
				require.NoError(t, db.Gorm.WithContext(t.Context()).Exec("select 1").Error, "another context is not counted")

				require.Len(t, count.Statements(), tt.statements)
				require.Equal(t, tt.begins, count.Begins(), "begins")
				require.Equal(t, tt.commits, count.Commits(), "commits")
				require.Equal(t, tt.rollbacks, count.Rollbacks(), "rollbacks")
				count.Reset()
				require.Empty(t, count.Statements())
			})
		}
	})
}

func TestFail(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		g := db.Gorm.WithContext(t.Context())
		require.NoError(t, g.Create(&item{Tenant: "t", ID: "1"}).Error)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
		defer cancel()

		tests := []struct {
			name        string
			err         error
			is          error
			unavailable bool
		}{
			{"a row that is not there", g.Where("id = ?", "none").Take(&item{}).Error, gorm.ErrRecordNotFound, false},
			{"a duplicate key", g.Create(&item{Tenant: "t", ID: "1"}).Error, gorm.ErrDuplicatedKey, false},
			{"a check", g.Create(&item{Tenant: "t", ID: "2", N: -1}).Error, gorm.ErrCheckConstraintViolated, false},
			{"a null where none may be", g.Exec("insert into items (tenant) values ('t')").Error, nil, false},
			{"wrong SQL", g.Exec("selekt").Error, nil, false},
			{"a table that is not there", g.Exec("select * from nowhere").Error, nil, false},
			{"a caller who left", g.WithContext(cancelled).Exec("select 1").Error, context.Canceled, false},
			{"a deadline", g.WithContext(late).Exec("select 1").Error, context.DeadlineExceeded, true},
			{"a lost connection", sql.ErrConnDone, sql.ErrConnDone, true},
			{"an end of input", io.ErrUnexpectedEOF, io.ErrUnexpectedEOF, true},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				require.Error(t, tt.err)

				err := store.Fail("do it", store.Fail("inner", tt.err))

				require.ErrorContains(t, err, "do it")
				if tt.is != nil {
					require.ErrorIs(t, err, tt.is)
				}
				var temporary interface{ Temporary() bool }
				require.Equal(t, tt.unavailable, errors.As(err, &temporary) && temporary.Temporary(), "%v", err)
			})
		}
		require.NoError(t, store.Fail("nothing", nil))
	})
}

func TestClosedDatabaseIsUnavailable(t *testing.T) {
	testdb.EachEmpty(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url, store.Options{MaxOpen: 1})
		require.NoError(t, err)
		require.NoError(t, db.Close())

		_, ok := errors.AsType[*store.UnavailableError](db.Ping(t.Context()))

		require.True(t, ok)
	})
}

// TestRetryEndsWriteSkew lets two transactions read the whole table before either
// writes. PostgreSQL breaks one off, and Retry runs it again.
func TestRetryEndsWriteSkew(t *testing.T) {
	url := testdb.EmptyPostgres(t)
	db, err := store.Open(t.Context(), url, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.SQL.ExecContext(t.Context(), "create table items (tenant text, id text, n bigint not null, created_at timestamptz not null)")
	require.NoError(t, err)

	var both, wg sync.WaitGroup
	both.Add(2)
	runs := make([]int, 2)
	errs := make([]error, 2)
	for i := range 2 {
		wg.Go(func() {
			errs[i] = store.Retry(t.Context(), db.Gorm, func(tx *gorm.DB) error {
				runs[i]++
				var n int64
				err := tx.Model(&item{}).Count(&n).Error
				if err != nil {
					return err
				}
				if runs[i] == 1 {
					both.Done()
					both.Wait()
				}
				return tx.Create(&item{Tenant: "t", ID: fmt.Sprint(i), N: n}).Error
			}, &sql.TxOptions{Isolation: sql.LevelSerializable})
		})
	}
	wg.Wait()

	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 3, runs[0]+runs[1], "one ran again")
	var seen []int64
	require.NoError(t, db.Gorm.Model(&item{}).Order("n").Pluck("n", &seen).Error)
	require.Equal(t, []int64{0, 1}, seen, "as if one after the other")
}

func TestRetryGivesUp(t *testing.T) {
	url := testdb.EmptyPostgres(t)
	db, err := store.Open(t.Context(), url, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for code, want := range map[string]int{"40001": 4, "40P01": 4, "23505": 1} {
		t.Run(code, func(t *testing.T) {
			ran := 0

			err := store.Retry(t.Context(), db.Gorm, func(tx *gorm.DB) error {
				ran++
				return tx.Exec("do $$ begin raise exception 'no' using errcode = '" + code + "'; end $$").Error
			})

			require.Error(t, err)
			require.Equal(t, want, ran)
		})
	}
}

func TestSixteenWritersThatReadFirstNeverFail(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		const writers, rounds = 16, 20
		errs := make(chan error, writers*rounds)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for j := range rounds {
					errs <- store.Retry(t.Context(), db.Gorm, func(tx *gorm.DB) error {
						var n int64
						err := tx.Model(&item{}).Where("tenant = ?", "t").Count(&n).Error
						if err != nil {
							return err
						}
						return tx.Create(&item{Tenant: "t", ID: fmt.Sprint(i, "/", j), N: n}).Error
					})
				}
			})
		}
		wg.Wait()
		close(errs)

		for err := range errs {
			require.NoError(t, err)
		}
	})
}
