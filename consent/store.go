package consent

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/identity"
)

// Store keeps interactions and confirmations. Every method works on one tenant;
// a row of another tenant is [ErrNotFound].
type Store interface {
	CreateInteraction(ctx context.Context, in Interaction) error
	Interaction(ctx context.Context, tenantID, id string) (Interaction, error)

	// ClaimPushed finds the open pushed request with that hash of its request_uri, for
	// the one browser that it belongs to from its first visit on. That visit sets the
	// interaction's end to expires. Anybody else's, and one that is over or was
	// answered, is [ErrNotFound].
	ClaimPushed(ctx context.Context, tenantID string, requestURIHash, browserHash []byte, now, expires time.Time) (Interaction, error)

	// PushAgain gives an open pushed request another request_uri, and puts req, unless it
	// is nil, in its place; the old request_uri leads nowhere then. What was done in it
	// stays, and so does the browser that it belongs to. [ErrNotFound] where it is over.
	PushAgain(ctx context.Context, tenantID, id string, requestURIHash []byte, req *Request, now time.Time) error

	// UpdateInteraction loads an interaction, lets change edit its State, or give it
	// a SessionID where it has none, and saves it, in one transaction that no other update of the same interaction
	// can overlap. If change returns an error, nothing is saved and the error is
	// returned as it is. change may run more than once. A finished interaction
	// is [ErrOver].
	UpdateInteraction(ctx context.Context, tenantID, id string, change func(*Interaction) error) (Interaction, error)

	// CreateConfirmation inserts c. [ErrTxnUsed] if the app has used the transaction id
	// for that action, [ErrOneOpen] if one of the same user and action is open, or was
	// left open past its time: OpenConfirmation finds that one. MoveConfirmation moves an open one
	// (requested, challenged) to status, and queues notices with it.
	CreateConfirmation(ctx context.Context, c Confirmation) error
	Confirmation(ctx context.Context, tenantID, id string) (Confirmation, error)
	OpenConfirmation(ctx context.Context, tenantID, userID, action string) (Confirmation, error)
	// ConfirmationOf finds the one that an app asked for by its own id of a
	// transaction; "" is none.
	ConfirmationOf(ctx context.Context, tenantID, clientID, action, txnID string) (Confirmation, error)
	MoveConfirmation(ctx context.Context, tenantID, id string, status ConfirmationStatus, now time.Time, notices ...identity.Notice) error
}

// SignedIn is what one statement knows about a browser: its session, the
// session's user, and what that user has agreed to share with one app.
type SignedIn struct {
	Session   *identity.Session // nil: no live session
	User      *identity.User
	Agreement *Agreement // nil: none
	// AgreementUnread: Agreement was not looked for yet, which is another thing than
	// that there is none.
	AgreementUnread bool
	// RealmVersion is the tenant's version in the database at that moment, so
	// that a change made by another process is seen at once.
	RealmVersion int64
}

// People reads users and sessions.
type People interface {
	// SignedIn finds the session with that token hash, its user and the user's
	// agreement with clientID. A missing session is no error: its fields are nil.
	SignedIn(ctx context.Context, tenantID string, tokenHash []byte, clientID string) (SignedIn, error)
	// User and UserByName return identity.ErrNotFound where there is none.
	User(ctx context.Context, tenantID, userID string) (identity.User, error)
	UserByName(ctx context.Context, tenantID, username string) (identity.User, error)
	// Agreement returns nil where there is none.
	Agreement(ctx context.Context, tenantID, userID, clientID string) (*Agreement, error)
	// TouchSession notes that a session was used at now, at most once a minute.
	TouchSession(ctx context.Context, tenantID, sessionID string, now time.Time) error
	// EnrolAsked notes when a user was first asked to set up a second step; later
	// calls change nothing.
	EnrolAsked(ctx context.Context, tenantID, userID string, now time.Time) error
	// Recovered notes that a user got in by a recovery code: trusted devices end, and
	// actions with hold are refused for so long.
	Recovered(ctx context.Context, tenantID, userID string, hold time.Duration, now time.Time) error
	// SessionByID returns nil where there is none.
	SessionByID(ctx context.Context, tenantID, sessionID string) (*identity.Session, error)
}
