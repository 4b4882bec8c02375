// Package store keeps everything that is not a matter of the second factor in
// PostgreSQL or SQLite. It and mfa/gormstore are the only packages that know
// gorm.
//
// [Open] gives the database. Around it:
//
//	Fail    names the operation in an error and tells "not now" from "no"
//	Retry   runs a transaction again that PostgreSQL asked to run again
//	Count   counts the statements that are sent on behalf of one context
//
// [Store] keeps tenants, users, sessions, interactions, confirmations, grants and
// keys; hot statements are written out and held to a number by tests. [Catalog]
// keeps tenants in memory, [Buckets] counts for rate limits. What identifies a
// person is sealed by a [Sealer] for its own row, or found by a keyed hash.
//
// Tenant and user are in every WHERE. A row type never leaves this package.
package store
