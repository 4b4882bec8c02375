package sqlite

import (
	sqldriver "database/sql/driver"
	"errors"

	driver "modernc.org/sqlite"
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
