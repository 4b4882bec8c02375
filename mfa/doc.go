// Package mfa proves that the person at the browser is who the session says,
// by a second step: a code sent to a mailbox or a phone (more kinds of factor
// are added as packages of their own below this one).
//
// The life of a proof:
//
//	Options   which methods this user may use for this ask, and from when
//	Begin     make a Challenge and deliver its code
//	Resend    a fresh code once Challenge.ResendAt has passed; the old one dies
//	Switch    the same chain by another method
//	Verify    pay an attempt, compare, return a Proof once
//	Use       the owner has taken the effect of the proof
//
// Remembered devices are apart: Recognise yields a [LoginWaiver], which spares
// the second step of a login and has no conversion to a [Proof].
//
// The package does no HTTP and no SQL. It talks to the world through small
// interfaces that the caller supplies: [Store], [Devices], [Sender],
// [Composer], [Peppers], [Observer] and a ratelimit.Limiter. Package
// mfa/gormstore keeps its data in PostgreSQL or SQLite; package mfa/memstore
// keeps it in memory; both pass mfa/storetest.
package mfa
