// Package model holds the rows that the provider keeps: grants and the effect
// of a finished interaction. It is free of fosite, so that package store can
// import it.
package model

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
)

// Grant is what an authorization gave: a code, then a family of tokens, with
// the evidence that they speak of. There is no row for each token.
type Grant struct {
	ID            string // 16 random bytes, base64url
	TenantID      string
	ClientID      string
	UserID        string
	SessionID     string // "" once the session is gone
	InteractionID string // "" when no page was shown

	RedirectURI         string // as sent, compared at the token endpoint
	Nonce               string
	CodeChallenge       string
	CodeChallengeMethod string
	CodeHash            []byte
	CodeExpiresAt       time.Time
	CodeConsumedAt      time.Time // zero: not yet
	// JKT is the thumbprint of the key that the code is bound to, and once that was
	// exchanged the key that it was exchanged with; "" for none (RFC 9449).
	JKT string

	Scopes   []string        // granted
	Audience []string        // resources granted; empty: the issuer's own
	Claims   json.RawMessage // the claims parameter, normalised; nil for none
	IDClaims json.RawMessage // sealed in the store: user claims that go into the ID token

	// What was proven. Refresh copies these and never renews them.
	ACR      string
	AMR      []string
	AuthTime time.Time
	SID      string // per client, for the ID token

	Action         string // the action confirmed; "" for a login
	ConfirmationID string
	Details        json.RawMessage
	DetailsHash    string
	Vouched        json.RawMessage // the claim that tells who vouched for the user; nil for nobody

	RTGen          int    // generation of the refresh token in force; 0: none
	RTSalt         []byte // changed to kill the family
	RTRotatedAt    time.Time
	RTExpiresAt    time.Time // sliding
	GrantExpiresAt time.Time // absolute

	CreatedAt    time.Time
	RevokedAt    time.Time
	RevokeReason string
}

// Errors a caller can act on.
var (
	// ErrNotFound: no grant of this tenant (and client) answers to that.
	ErrNotFound = errors.New("model: grant not found")
	// ErrReplayed: the code was used before. The whole grant has been revoked.
	ErrReplayed = errors.New("model: code was already used")
	// ErrConflict: another request rotated the refresh token meanwhile.
	ErrConflict = errors.New("model: grant changed meanwhile")
	// ErrFinished: the interaction was answered before.
	ErrFinished = errors.New("model: interaction was already answered")
)

// Seen is what a statement tells besides its answer.
type Seen struct {
	RealmVersion int64 // see consent.SignedIn
}

// Completion is everything that the last step of an authorization writes, in
// one transaction: all of it or nothing.
type Completion struct {
	TenantID string
	Now      time.Time
	// InteractionID is finished; exactly one Completion of it succeeds, every
	// other is ErrFinished. "" where there was no interaction.
	InteractionID string
	// NewSession is inserted. EndSession, the one that the browser had before,
	// is deleted. RotateSession gets a new token hash and Events.
	NewSession    *identity.Session
	EndSession    string
	RotateSession *identity.Session
	Agreement     *consent.Agreement // inserted, or its scopes replaced
	// Confirmation becomes approved if it is still open at Now and not expired;
	// else nothing is written and the error is ErrFinished.
	Confirmation *consent.Confirmation
	Grant        *Grant
	Audit        []AuditEvent
}

// AuditEvent is one row of the append-only audit log. Data is redacted: no
// code, no secret, no full contact.
type AuditEvent struct {
	ID        string
	TenantID  string
	At        time.Time
	ActorType string // user, client, admin, system
	ActorID   string
	Subject   string // user id
	Type      string // such as login.completed, challenge.verified
	Result    string
	IP        string
	UserAgent string
	RequestID string
	ClientID  string
	Data      map[string]string
}

// Store keeps grants. Every method works on one tenant.
type Store interface {
	// CreateGrant inserts g: one statement.
	CreateGrant(ctx context.Context, g Grant) error

	// Complete writes c.
	Complete(ctx context.Context, c Completion) error

	// RedeemCode consumes the code of client and returns its grant with the
	// first refresh generation, in one statement. The user must still be active.
	// Errors: ErrNotFound for unknown, expired or another client's; ErrReplayed,
	// after revoking the grant.
	RedeemCode(ctx context.Context, r Redeem) (Grant, Seen, error)

	// Grant returns a grant that is neither revoked nor expired at now, of an
	// active user: one statement.
	Grant(ctx context.Context, tenantID, id string, now time.Time) (Grant, Seen, error)

	// GrantAndUser is Grant together with the user's record: one statement.
	GrantAndUser(ctx context.Context, tenantID, id string, now time.Time) (Grant, identity.User, Seen, error)

	// Standing is what Grant says of whether tokens of a grant still count, and where
	// the confirmation stands that it came of: one statement.
	Standing(ctx context.Context, tenantID, id string, now time.Time) (Standing, Seen, error)

	// Rotate moves the refresh generation from gen to gen+1 if it still is gen:
	// one statement. ErrConflict otherwise.
	Rotate(ctx context.Context, tenantID, id string, gen int, now, expires time.Time) error

	// ConsumeConfirmation uses up an approval that is still good at c.Now, of that app
	// and with that hash. ErrConflict for every other: the caller reads what became of
	// it.
	ConsumeConfirmation(ctx context.Context, c Consumption) error

	// Revoke ends a grant and changes its salt. An unknown id is no error.
	Revoke(ctx context.Context, tenantID, id, reason string, now time.Time) error

	// RevokeOf is Revoke for a grant of one app, and returns whose grant it was: one
	// statement. ErrNotFound where the app has no such grant, or it has ended.
	RevokeOf(ctx context.Context, tenantID, clientID, id, reason string, now time.Time) (userID string, err error)
}

// Standing is whose a grant is, and where the transaction stands that it confirms.
type Standing struct {
	ClientID, UserID string
	ConfirmationID   string                     // "" for a login
	Status           consent.ConfirmationStatus // of the confirmation; "" if there is none
	ConsumeBefore    time.Time                  // zero for no limit
}

// Spent reports whether the grant is for a transaction that nothing more may be done
// with at now.
func (s Standing) Spent(now time.Time) bool {
	over := s.Status != consent.ConfirmationApproved || !s.ConsumeBefore.IsZero() && !now.Before(s.ConsumeBefore)
	return s.ConfirmationID != "" && over
}

// Redeem asks for the exchange of a code.
type Redeem struct {
	TenantID, ClientID string
	CodeHash           []byte
	Now                time.Time
	RTExpiresAt        time.Time
	RTSalt             []byte
	JKT                string // of the key that the app proved; kept where the code is bound to none
}

// Consumption is the use of an approval, once.
type Consumption struct {
	TenantID, ClientID string
	ID                 string
	DetailsHash        string // of what the app is about to execute
	Key                string // hash of its Idempotency-Key; "" for none
	Receipt            string // JWS; the same is given again for the same key
	Now                time.Time
	Audit              []AuditEvent
}
