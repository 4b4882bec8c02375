// Package details knows what can be confirmed: the types of transactions that
// an app may send as authorization_details (RFC 9396), what is a sound one, and
// the one form of it that is shown, sent and hashed.
//
// The way of a transaction:
//
//	Parse     the app's parameter, checked in full; a [Detail], or an [*Error]
//	Detail    its canonical bytes (RFC 8785) are all that is kept
//	Open      those bytes again, later; anything else is refused
//	Lines     what the page shows
//	Summary   what a message says
//
// A type is one JSON document: a closed JSON Schema, what the page shows in
// which order, and what a message says. Four are built in ([Builtin]); a tenant
// adds its own. [NewRegistry] refuses a type that would let something be
// approved that the page does not show.
//
// Everything here is a pure function over values. There is no clock, no network,
// and no word that a user reads: a label is a key of the page's texts, or a word
// of the tenant's own type.
package details
