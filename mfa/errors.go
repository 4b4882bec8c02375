package mfa

import (
	"errors"
	"fmt"
	"time"
)

// Errors a caller can act on. Every function that returns one of them says so.
var (
	ErrNotFound      = errors.New("mfa: not found")
	ErrMalformed     = errors.New("mfa: not a code of the right length")
	ErrMismatch      = errors.New("mfa: code does not match")
	ErrExpired       = errors.New("mfa: challenge has expired")
	ErrExhausted     = errors.New("mfa: no attempts left")
	ErrSpent         = errors.New("mfa: challenge was already passed")
	ErrSuperseded    = errors.New("mfa: challenge was replaced by a newer one")
	ErrNoSends       = errors.New("mfa: no deliveries left in this chain")
	ErrNoMethod      = errors.New("mfa: no method can give this proof")
	ErrNotOffered    = errors.New("mfa: method is not offered here")
	ErrPolicyChanged = errors.New("mfa: policy no longer allows the method")
	ErrDelivery      = errors.New("mfa: the gateway did not accept the message")
	ErrOpen          = errors.New("mfa: there is an open challenge already")
	ErrContactInUse  = errors.New("mfa: contact is in use by another account")
	ErrFactorExists  = errors.New("mfa: there is an active factor of this kind on the contact")
	ErrImmutable     = errors.New("mfa: this never changes; add a new one")
	ErrReplayed      = errors.New("mfa: that code was used before; wait for the next one")
	ErrCloned        = errors.New("mfa: there is a copy of this key; it was turned off")
	ErrUnknownKey    = errors.New("mfa: the key is not one of this account")
)

// Errors of the life cycle.
var (
	ErrForbidden  = errors.New("mfa: the policy does not allow this")
	ErrStaleLogin = errors.New("mfa: the login is too old for this; sign in again")
	ErrTooMany    = errors.New("mfa: no more methods at the same time; turn one off first")
	ErrInUse      = errors.New("mfa: a method needs this contact; change or turn off that method first")
	ErrOrder      = errors.New("mfa: another step comes first")
	ErrUnchanged  = errors.New("mfa: that is the present one")
	ErrAlready    = errors.New("mfa: this is on already")
	ErrNoPIN      = errors.New("mfa: this takes a PIN, and there is none; make one first")
	ErrUnverified = errors.New("mfa: the account's address is not confirmed; confirm it first")
	ErrChanged    = errors.New("mfa: what is enrolled has changed meanwhile; begin again")
)

// BlockedError refuses a change while a relying app has set a flag on the account.
// Source: policy.md 2.2, contacts.phone.change_blocked_by.
type BlockedError struct{ Flag string }

func (e *BlockedError) Error() string { return "mfa: the change is blocked by " + e.Flag }

// TooSoonError refuses a resend, or a switch to another method, before its
// time. It matches [ErrTooSoon].
type TooSoonError struct{ At time.Time }

func (e *TooSoonError) Error() string { return fmt.Sprintf("mfa: too soon, not before %s", e.At) }

// Is makes every TooSoonError an [ErrTooSoon].
func (e *TooSoonError) Is(target error) bool { return target == ErrTooSoon }

// ErrTooSoon is what every [*TooSoonError] matches.
var ErrTooSoon = errors.New("mfa: too soon")

// LockedError refuses a guess while the guard is locked; the guess was neither
// compared nor paid. Until is zero when it is locked for good.
type LockedError struct{ Until time.Time }

func (e *LockedError) Error() string { return fmt.Sprintf("mfa: locked until %s", e.Until) }
