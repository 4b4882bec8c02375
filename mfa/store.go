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

	// Judge loads all that which names of who, locked: the guard first, then the
	// factor, the challenge and the recovery code. It lets judge edit them, and saves
	// them whatever judge found, in one transaction that no other judgement of the
	// same guard can overlap. judge may run more than once, so it may only touch
	// its argument and its own result variables. The verdict must not leave before
	// Judge has returned nil.
	//
	// Of the challenge, Status, Attempts, ChainAttempts, VerifiedAt and Answer are
	// saved; of the factor Status, LastStep and the Credential; of the code UsedAt.
	// A challenge that became verified marks its factor as used at VerifiedAt.
	Judge(ctx context.Context, who Subject, which Which, judge func(*Case)) error

	// Accepted turns a created challenge into a sent one with the times of
	// sent; Refused turns it into a failed one. Both do nothing to a challenge
	// that is no longer created, and report [ErrSuperseded].
	Accepted(ctx context.Context, who Subject, id string, sent Challenge) error
	Refused(ctx context.Context, who Subject, id string) error

	// Supersede ends challenge id and inserts next, its next generation, in one
	// transaction, if the old one is created, sent, failed or expired, its ResendAt
	// is not after due (a failed one has none) and, where next is delivered, it has
	// sends left. next takes
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

	// DisableFactor makes a factor disabled at now, for good, and wipes its secret.
	DisableFactor(ctx context.Context, who Subject, id string, now time.Time) error

	// AddContact and AddFactor insert a row, or update the row with the same id.
	// The value of a contact never changes ([ErrImmutable]), and a row of another
	// user is [ErrNotFound]. A second registered address is [ErrContactInUse], a
	// second active factor of one kind on one contact [ErrFactorExists]. A disabled
	// factor stays disabled ([ErrImmutable]): enabling again is a new row.
	AddContact(ctx context.Context, c Contact) error
	AddFactor(ctx context.Context, f Factor) error

	// RenameFactor gives an active factor another label. Errors: [ErrNotFound].
	RenameFactor(ctx context.Context, who Subject, id, label string) error

	// RecordDelivery appends a row to the log of deliveries.
	RecordDelivery(ctx context.Context, d Delivery) error

	// Contact returns the contact id of who, whatever its status.
	Contact(ctx context.Context, who Subject, id string) (Contact, error)

	// RecoveryCode returns the code in one slot of a set.
	RecoveryCode(ctx context.Context, who Subject, factorID, slot string) (RecoveryCode, error)

	// UpdatePIN loads the PIN of who, locked, lets change edit it and saves it, also
	// when change returns an error, which is returned as it is. Without a PIN it is
	// [ErrNotFound].
	UpdatePIN(ctx context.Context, who Subject, change func(*PIN) error) error

	// Handle returns the user's handle for keys; where there is none, fresh becomes
	// it. HandleOwner finds the user of a handle in a tenant.
	Handle(ctx context.Context, who Subject, fresh []byte) ([]byte, error)
	HandleOwner(ctx context.Context, tenantID string, handle []byte) (Subject, error)

	Operations
}

// Operations keeps operations of the life cycle.
type Operations interface {
	CreateOperation(ctx context.Context, o Operation) error
	Operation(ctx context.Context, who Subject, id string) (Operation, error)

	// Advance loads operation id of who, locked, lets step edit it and name the
	// effect, and carries out both in one transaction. If step returns an error,
	// nothing is done and it is returned as it is. step may run more than once.
	//
	// Errors: [ErrContactInUse] where another account has the number, or had it and
	// it is not free yet; [ErrFactorExists], also for a second exclusive factor;
	// [ErrKeyExists]; those of the hook that the store was made with.
	Advance(ctx context.Context, who Subject, id string, step func(*Operation, Enrolments) (Effect, error)) (Operation, error)
}

// Which names what a judgement is about.
type Which struct {
	ChallengeID string
	FactorID    string // "" for none
	Slot        string // of a recovery code of that factor; "" for none
}

// Case is what a judgement may look at and change. Factor and Code are nil where
// none was named, or none is there.
type Case struct {
	Guard     Guard
	Challenge Challenge
	Factor    *Factor
	Code      *RecoveryCode
}

// RecoveryCode is one code of a set; the set is a factor.
type RecoveryCode struct {
	FactorID string
	Slot     string
	Hash     string
	UsedAt   time.Time // zero while it can be used
}

// PIN is a user's PIN with its own counters.
type PIN struct {
	Hash         string
	Fails        int // since the last block or success
	TotalFails   int // since the last success
	BlockedUntil time.Time
	ChangedAt    time.Time
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
	// DevicesOf lists the devices of who, the newest first.
	DevicesOf(ctx context.Context, who Subject) ([]Device, error)
	// RenameDevice gives a device another label. Errors: [ErrNotFound].
	RenameDevice(ctx context.Context, who Subject, id, label string) error
	// DeleteDevices removes all devices of who.
	DeleteDevices(ctx context.Context, who Subject) error
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
