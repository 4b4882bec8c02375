package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Connector opens connections to the database in the file path; it is meant for
// sql.OpenDB. It does not open one itself. Its connections keep compiled
// statements, so there is nothing to gain from preparing one.
//
// Errors: those of [DSN].
func Connector(path string) (sqldriver.Connector, error) {
	dsn, err := DSN(path)
	if err != nil {
		return nil, err
	}
	c, err := driver.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return caching{c}, nil
}

// switchPatience is how long a new connection waits for another one that is just
// switching a fresh file over to WAL mode; the same as busy_timeout.
const switchPatience = 10 * time.Second

// patient opens a connection, again while the file is being switched over. Each
// connection asks for WAL mode, and on a file that is not in it yet, the request
// begins as a reader and goes on as a writer. SQLite refuses that at once when
// there is another writer, whatever busy_timeout says, since two that wait for
// each other would wait for ever.
func patient(ctx context.Context, c sqldriver.Connector) (sqldriver.Conn, error) {
	limit := time.NewTimer(switchPatience)
	defer limit.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		opened, err := c.Connect(ctx)
		if Code(err)&0xff != lib.SQLITE_BUSY {
			return opened, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-limit.C:
			return nil, err
		case <-again.C:
		}
	}
}

// Code returns the extended result code of an error of SQLite, and 0 for any
// other error. Its low eight bits are the primary code.
// Source: SQLite, "Result and Error Codes".
func Code(err error) int {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return 0
	}
	return e.Code()
}
