// Package sqlite lets gorm speak to SQLite through modernc.org/sqlite, the
// engine translated to Go, so that a build needs no C compiler.
//
// It holds three small things: the address of a database file with the settings
// that make concurrent writers wait for each other instead of failing ([DSN]),
// a connector ([Connector]), and the dialect
// ([Dialector]). It knows no migrator: the schema is the SQL of package
// migrations, and gorm never creates a table here.
package sqlite
