package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/sallyport-id/sallyport/store/sqlite"
)

// Options tune the pool of connections. The zero value is right for a server.
type Options struct {
	// MaxOpen is the most connections at a time; 0 means 16 for PostgreSQL and 8
	// for SQLite.
	MaxOpen int
}

// A DB is an open database.
type DB struct {
	Gorm    *gorm.DB // pass the context with WithContext; see [Open] for its settings
	SQL     *sql.DB  // the same pool, for raw statements and migrations
	Dialect Dialect
}

// Open opens the database at address (see [ParseURL]) and asks it for a sign of
// life. A SQLite file that does not exist is created, empty and readable by its
// owner only. The schema is not looked at: that is the part of package
// migrations.
//
// gorm is set so that one call is one statement (no transaction around it) and
// logs nothing, since errors are returned; it names duplicate keys, foreign keys
// and checks ([gorm.ErrDuplicatedKey] and so on). It has no clock: CreatedAt and
// UpdatedAt are written when a row or an update sets them, and never by themselves.
//
// Times come back in UTC from both databases, with microseconds from PostgreSQL.
//
// Errors: [ErrAddress]; [*UnavailableError] if the database does not answer.
func Open(ctx context.Context, address string, opts Options) (*DB, error) {
	dialect, where, err := ParseURL(address)
	if err != nil {
		return nil, err
	}
	var connector driver.Connector
	if dialect == Postgres {
		connector, err = postgresConnector(where)
	} else {
		connector, err = sqliteConnector(where)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}

	pool := sql.OpenDB(counted{connector})
	limit(pool, dialect, opts)
	err = pool.PingContext(ctx)
	if err != nil {
		_ = pool.Close() // it never worked
		return nil, Fail("open", err)
	}
	db, err := gorm.Open(dialector(dialect, pool), gormConfig())
	if err != nil {
		_ = pool.Close()
		return nil, Fail("open", err)
	}
	return &DB{Gorm: db, SQL: pool, Dialect: dialect}, nil
}

// gormConfig leaves out gorm's own cache of prepared statements: pgx and package
// sqlite keep one for each connection, which also works within a transaction.
// gorm's is shared by the whole pool, and there a transaction that waits for a
// statement being prepared, while the one who prepares waits for a free
// connection, waits for ever.
func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		Logger:                 logger.Discard,
		DisableAutomaticPing:   true, // Open has just done it, with a context
		Plugins:                map[string]gorm.Plugin{"sallyport:no_clock": &noClock{}},
	}
}

func dialector(d Dialect, pool *sql.DB) gorm.Dialector {
	if d == Postgres {
		return postgres.New(postgres.Config{Conn: pool})
	}
	return sqlite.Dialector{Conn: pool}
}

// limit bounds the pool. A connection to PostgreSQL is renewed now and then, so
// that a fail-over or a new replica behind one name is noticed; a file needs no
// such thing.
func limit(pool *sql.DB, d Dialect, opts Options) {
	n := opts.MaxOpen
	if n == 0 {
		n = 8
		if d == Postgres {
			n = 16
		}
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	if d == Postgres {
		pool.SetConnMaxLifetime(30 * time.Minute)
		pool.SetConnMaxIdleTime(5 * time.Minute)
	}
}

func sqliteConnector(path string) (driver.Connector, error) {
	c, err := sqlite.Connector(path)
	if err != nil {
		return nil, err
	}
	return c, sqlite.Touch(path)
}

// postgresConnector fills in what the address leaves open; what it says stands.
func postgresConnector(address string) (driver.Connector, error) {
	c, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err // pgx removes the password from it
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "sallyport"
	}
	c.RuntimeParams["timezone"] = "UTC"
	if c.ConnectTimeout > 10*time.Second {
		c.ConnectTimeout = 10 * time.Second
	}
	return stdlib.GetConnector(*c, stdlib.OptionAfterConnect(readUTC)), nil
}

// readUTC makes a timestamptz a time in UTC, as SQLite gives it, and not in the
// zone of this machine.
func readUTC(_ context.Context, c *pgx.Conn) error {
	c.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// Ping reports whether the database answers.
//
// Errors: [*UnavailableError].
func (d *DB) Ping(ctx context.Context) error {
	return Fail("ping", d.SQL.PingContext(ctx))
}

// Close closes all connections, after the statements in progress.
func (d *DB) Close() error {
	return Fail("close", d.SQL.Close())
}
