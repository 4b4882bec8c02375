package identity

import "errors"

// Errors a caller can act on.
var (
	// ErrNotFound: there is no such tenant, user, app or session here.
	ErrNotFound = errors.New("identity: not found")
	// ErrCredentials: identifier or password is wrong, or the account cannot be
	// used. Nothing tells these apart.
	ErrCredentials = errors.New("identity: wrong identifier or password")
	// ErrLinkUnknown: there is no such link, or no longer: a newer one took its
	// place, the password was changed, or the account cannot be used.
	ErrLinkUnknown = errors.New("identity: no such link")
	// ErrLinkExpired: the link came too late.
	ErrLinkExpired = errors.New("identity: link has expired")
	// ErrLinkUsed: the link did its work already.
	ErrLinkUsed = errors.New("identity: link was already used")
	// ErrSignUpClosed: the tenant does not let people make accounts themselves.
	ErrSignUpClosed = errors.New("identity: sign-up is closed")
	// ErrAddress: what was typed is not an email address.
	ErrAddress = errors.New("identity: not an email address")
	// ErrTaken: there is an account of that name.
	ErrTaken = errors.New("identity: account exists")
	// ErrNoLetter: a request gets no answer. The reason is nobody's business.
	ErrNoLetter = errors.New("identity: no letter")
)
