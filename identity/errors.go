package identity

import "errors"

// Errors a caller can act on.
var (
	// ErrNotFound: there is no such tenant, user, app or session here.
	ErrNotFound = errors.New("identity: not found")
	// ErrCredentials: identifier or password is wrong, or the account cannot be
	// used. Nothing tells these apart.
	ErrCredentials = errors.New("identity: wrong identifier or password")
)
