// Package pin reads a PIN and says which ones are too easy to guess.
//
// A PIN is a companion of another factor and no factor by itself. Ten tries are
// all that a thief gets, so what counts is not how many PINs there are but how
// many people choose the same: [Weak] refuses those, each with a reason that a
// page can put into words.
//
// The package keeps, hashes and counts nothing. A PIN is a secret: who holds one
// for longer than a call wraps it in a type that does not print.
//
// Source: OWASP ASVS 6.2; NIST SP 800-63B-4 section 3.1.1.2 (blocklists); what
// people choose: Bonneau, Preibusch, Anderson, "A birthday present every eleven
// wallets?", 2012.
package pin
