package mfa

import (
	"context"
	"time"
)

// Store keeps challenges, guards, contacts and factors. A second
// implementation only has to pass mfa/storetest to be a drop-in replacement.
//
// Every method works on one [Subject]: a row of another user or another tenant
// is [ErrNotFound], never an answer.
type Store interface {
	// Enrolments returns the contacts (all but replaced and removed ones), the
	// factors that are pending or active, and all guards of who.
	Enrolments(ctx context.Context, who Subject) (Enrolments, error)

	// CreateChallenge inserts c (and its guard where there is none yet).
	//
	// An owner has at most one open (created or sent) challenge: of any number of
	// callers at once one succeeds, for the others the error is [ErrOpen].
	CreateChallenge(ctx context.Context, c Challenge) error

	// OpenChallenge returns the created or sent challenge of owner, expired or not.
	OpenChallenge(ctx context.Context, who Subject, owner string) (Challenge, error)

	// Challenge returns the challenge id of who.
	Challenge(ctx context.Context, who Subject, id string) (Challenge, error)

	// Judge loads the guard and then the challenge id of who, both locked, lets
	// judge edit them, and saves both whatever judge found, in one transaction
	// that no other judgement of the same guard can overlap. judge may run more
	// than once, so it may only touch its arguments and its own result
	// variables. The verdict must not leave before Judge has returned nil.
	//
	// Of the challenge, Status, Attempts, ChainAttempts and VerifiedAt are saved.
	// A challenge that became verified marks its factor as used at VerifiedAt.
	Judge(ctx context.Context, who Subject, id string, judge func(*Guard, *Challenge)) error

	// Accepted turns a created challenge into a sent one with the times of
	// sent; Refused turns it into a failed one. Both do nothing to a challenge
	// that is no longer created, and report [ErrSuperseded].
	Accepted(ctx context.Context, who Subject, id string, sent Challenge) error
	Refused(ctx context.Context, who Subject, id string) error

	// Supersede ends challenge id and inserts next, its next generation, in one
	// transaction, if the old one is created, sent, failed or expired, its ResendAt
	// is not after due (a failed one has none) and it has sends left. next takes
	// over ChainAttempts as they are then. Of any number of callers at once exactly
	// one succeeds; for the others the error is [ErrSuperseded], or [ErrTooSoon],
	// [ErrNoSends] or [ErrExhausted] (no comparisons left) where that is why.
	Supersede(ctx context.Context, who Subject, id string, due time.Time, next Challenge) error

	// Use turns a verified challenge of owner into a used one. first is true
	// for exactly one caller. A challenge of another owner is [ErrNotFound].
	Use(ctx context.Context, who Subject, id, owner string) (first bool, err error)

	// CancelChain ends every open challenge of a chain.
	CancelChain(ctx context.Context, who Subject, chainID string) error

	// ConfirmContact makes an unverified or pending contact a confirmed one; a
	// confirmed one stays as it is. With unique, no other account of the tenant can
	// have the same number confirmed that way: then the error is [ErrContactInUse].
	ConfirmContact(ctx context.Context, who Subject, id string, unique bool, now time.Time) error

	// DisableFactor makes a factor disabled, for good.
	DisableFactor(ctx context.Context, who Subject, id string) error

	// AddContact and AddFactor insert a row, or update the row with the same id.
	// The value of a contact never changes ([ErrImmutable]), and a row of another
	// user is [ErrNotFound]. A second registered address is [ErrContactInUse], a
	// second active factor of one kind on one contact [ErrFactorExists]. A disabled
	// factor stays disabled ([ErrImmutable]): enabling again is a new row.
	AddContact(ctx context.Context, c Contact) error
	AddFactor(ctx context.Context, f Factor) error

	// RecordDelivery appends a row to the log of deliveries.
	RecordDelivery(ctx context.Context, d Delivery) error
}

// Delivery is one line in the append-only log of what was handed to a gateway.
// It holds neither the message nor the address.
type Delivery struct {
	ID          string
	Subject     Subject
	ChallengeID string
	Channel     Method
	Gateway     string
	Reference   string // the gateway's own id of the message
	Status      string // sent, failed
	Error       string
	At          time.Time
}

// Devices keeps trusted devices.
type Devices interface {
	CreateDevice(ctx context.Context, d Device, maxPerUser int) error
	// DeviceBySelector finds a device of who; [ErrNotFound] for anyone else's.
	DeviceBySelector(ctx context.Context, who Subject, selector []byte) (Device, error)
	// RotateDevice swaps the verifier if it still is old. ok is false when
	// another request has rotated it meanwhile.
	RotateDevice(ctx context.Context, who Subject, id string, old, next []byte, now time.Time) (ok bool, err error)
	// DeleteDevice removes one device; unknown ids are no error.
	DeleteDevice(ctx context.Context, who Subject, id string) error
}

// Device is a browser that may spare the second step of a login until
// ExpiresAt, which is never moved. It is void as soon as one of its epochs
// differs from the present one.
type Device struct {
	ID           string
	Subject      Subject
	Selector     []byte // 16 bytes, looked up
	VerifierHash []byte // SHA-256 of 32 random bytes
	PrevHash     []byte // the verifier before the last rotation
	RotatedAt    time.Time
	Epochs       Epochs
	MintedBy     string // factor or contact of the second step that minted it
	Label        string // such as Chrome on Linux
	CreatedAt    time.Time
	ExpiresAt    time.Time
	LastUsedAt   time.Time
}

// Epochs are the counters that void remembered devices when they grow.
type Epochs struct {
	Policy   int64 // of the tenant
	MFA      int64 // of the user: factors, recovery, sign out everywhere
	Password int64 // of the user
}
