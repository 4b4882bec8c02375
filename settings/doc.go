// Package settings serves the user's own pages: how to sign in, what is set up,
// devices and sessions, what happened, the password, and the pages that links in
// mails lead to.
//
// What may be changed, and what has to be proved first, is decided by package mfa
// from the tenant's policy. The pages show where an operation stands; they take no
// state from the URL but its id.
package settings
