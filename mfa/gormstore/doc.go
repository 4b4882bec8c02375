// Package gormstore keeps the data of package mfa in PostgreSQL or SQLite. The
// tables are those of the migration 00001_mfa.
//
// Contact values are sealed by a [Sealer] before they reach the database, and are
// found by a keyed hash. Tenant and user are in every WHERE; every time is bound
// by the caller, never taken from the clock of the database. SQLite has to be
// opened with immediate write transactions: there, they are the row locks.
package gormstore
