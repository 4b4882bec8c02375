package consent

import (
	"errors"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// InteractionLife is how long a user may take from the first page to the last;
// PushedLife how long a pushed request waits for its browser.
const (
	InteractionLife = 30 * time.Minute
	PushedLife      = 90 * time.Second
)

// Errors a caller can act on.
var (
	// ErrNotFound: there is no such interaction, or it is another tenant's or
	// another browser's.
	ErrNotFound = errors.New("consent: interaction not found")
	// ErrOneOpen: another confirmation of the same action is open for the user.
	ErrOneOpen = errors.New("consent: another confirmation of the action is open")
	// ErrTxnUsed: the app has used that id of a transaction before.
	ErrTxnUsed = errors.New("consent: the id of the transaction was used before")
	// ErrOver: the interaction has expired or was already answered.
	ErrOver = errors.New("consent: interaction is over")
)

// Interaction is one authorization request that a browser must see a page for,
// and what was done about it so far. It is authorised by its record: a random
// id in the path, bound to the browser by the hash of a cookie.
type Interaction struct {
	ID          string // 16 random bytes, base64url
	TenantID    string
	BrowserHash []byte // empty while the request was pushed and no browser has come
	// RequestURIHash is the SHA-256 of the request_uri of a pushed request, nil for
	// one that the browser brought.
	RequestURIHash []byte
	Request        Request
	SessionID      string // the live session it began with; "" for none
	State          State
	CreatedAt      time.Time
	ExpiresAt      time.Time
	FinishedAt     time.Time // zero until it was answered
}

// Pushed reports whether the app sent the request itself, past the browser.
//
// Source: RFC 9126.
func (in *Interaction) Pushed() bool { return in != nil && len(in.RequestURIHash) > 0 }

// State is what was done in an interaction. It is evidence, not permission:
// [Next] judges it anew each time.
type State struct {
	// UserID is whom the interaction is about once that is known. It is never
	// changed afterwards: a step-up cannot continue as somebody else.
	UserID string `json:"user_id,omitempty"`
	// Identifier is what was typed on the identify page.
	Identifier string `json:"identifier,omitempty"`
	// Here are the verifications of a login made in this interaction.
	Here []identity.AuthEvent `json:"here,omitempty"`
	// PasswordEpoch is that of the user when the first factor in Here was given:
	// what was proven with a password ends with it.
	PasswordEpoch int64 `json:"password_epoch,omitempty"`
	// Spent are the challenges whose proof was taken into Here or Proofs, so
	// that none is taken twice.
	Spent []string `json:"spent,omitempty"`

	// ChallengeID is the challenge in progress, ChallengeFor what it is for.
	ChallengeID  string `json:"challenge_id,omitempty"`
	ChallengeFor Target `json:"challenge_for,omitzero"`

	// ConfirmationID and the fields below belong to the action asked for.
	ConfirmationID string        `json:"confirmation_id,omitempty"`
	ConfirmBy      time.Time     `json:"confirm_by,omitzero"` // the action's ttl_s is over
	Submitted      bool          `json:"submitted,omitempty"` // the user read the page and went on
	Proofs         []StagedProof `json:"proofs,omitempty"`

	// Passkey is the ceremony of a passkey that tells the account by itself, begun
	// with the page that asks who the user is.
	Passkey   string    `json:"passkey,omitempty"`
	PasskeyBy time.Time `json:"passkey_by,omitzero"`
	// EnrolProved is when the user has shown, in this login, that the account's own
	// address is theirs: before that nobody sets up a first method.
	EnrolProved time.Time `json:"enrol_proved,omitzero"`
	// EnrolNow is set when the user took up the reminder to set up a second step.
	EnrolNow bool `json:"enrol_now,omitempty"`
	// EnrolLater is set when the user has put the set-up off.
	EnrolLater bool `json:"enrol_later,omitempty"`
	// Recovering: the user can use no other method and gives a recovery code.
	Recovering bool `json:"recovering,omitempty"`

	BannerSeen bool     `json:"banner_seen,omitempty"`
	Agreed     []string `json:"agreed,omitempty"` // scopes agreed to here
	Allowed    bool     `json:"allowed,omitempty"`
	// Ended is the OAuth error that ended the interaction from within: the user
	// cancelled, or guessed wrong too often.
	Ended  string `json:"ended,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Paged is set once a page was shown, so that the way back to the app is
	// the interstitial and not a redirect.
	Paged bool `json:"paged,omitempty"`
}

// codeGiven reports whether a recovery code was given in this interaction. The list
// is one factor: a second code of it proves nothing that the first one has not.
func (s State) codeGiven() bool {
	given := func(e identity.AuthEvent) bool { return e.Method == string(policy.RecoveryCodes) }
	return slices.ContainsFunc(s.Here, given) || slices.ContainsFunc(s.Proofs, func(p StagedProof) bool { return given(p.Event) })
}

// Target says which step of an interaction a challenge is for.
type Target struct {
	Login  bool   `json:"login,omitempty"` // the second step of the login, or a step-up of the session
	Enrol  bool   `json:"enrol,omitempty"` // before the first method is set up
	Action string `json:"action,omitempty"`
	Stage  int    `json:"stage,omitempty"`
	Proof  string `json:"proof,omitempty"`
	PIN    bool   `json:"pin,omitempty"` // a PIN on the same form, or alone
}

// StagedProof is a proof given for one stage of the action asked for.
type StagedProof struct {
	Stage int                `json:"stage"`
	Kind  policy.Proof       `json:"kind"`
	Event identity.AuthEvent `json:"event"`
	// ChallengeID makes recording it idempotent; "" for a password.
	ChallengeID string `json:"challenge_id,omitempty"`
	// Evidence is that of [mfa.Proof].
	Evidence string `json:"evidence,omitempty"`
}

// Open reports whether the interaction still takes steps at now.
func (in *Interaction) Open(now time.Time) bool {
	return in.FinishedAt.IsZero() && now.Before(in.ExpiresAt)
}

// pin makes the interaction one about userID, for whom a step was just done, and
// reports whether it is. An interaction that was begun signed out is pinned by
// its first step: what one user did must not be answered for another who signs in
// to the same browser before the end.
func (s *State) pin(userID string) bool {
	if s.UserID == "" {
		s.UserID = userID
	}
	return s.UserID == userID
}
