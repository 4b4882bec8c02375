package consent

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/consent/details"
)

// ConfirmationStatus is the state of a confirmation (mfa.md 3.2).
type ConfirmationStatus string

// The states of a confirmation. denied, failed, expired, cancelled and consumed
// are final.
const (
	ConfirmationRequested  ConfirmationStatus = "requested"
	ConfirmationChallenged ConfirmationStatus = "challenged"
	ConfirmationApproved   ConfirmationStatus = "approved"
	ConfirmationConsumed   ConfirmationStatus = "consumed"
	ConfirmationDenied     ConfirmationStatus = "denied"
	ConfirmationExpired    ConfirmationStatus = "expired"
	ConfirmationFailed     ConfirmationStatus = "failed"
	ConfirmationCancelled  ConfirmationStatus = "cancelled"
)

// Confirmation is the approval of one concrete action that one app asked one
// user for. What is approved (Action, Details, DetailsHash) never changes after
// insert; (tenant, client, action, txn id) is unique.
type Confirmation struct {
	ID            string
	TenantID      string
	UserID        string
	ClientID      string
	InteractionID string
	Action        string
	TxnID         string // the app's own id; "" without details
	Details       []byte // canonical JSON of the transaction; nil without details
	DetailsHash   string
	Status        ConfirmationStatus
	StageIndex    int
	PolicyVersion int
	ACR           string
	AMR           []string
	CreatedAt     time.Time
	ExpiresAt     time.Time
	ApprovedAt    time.Time
	ConsumeBefore time.Time
	ConsumedAt    time.Time
	Evidence      []byte // JSON of [Evidence], once it is approved
	ConsumeKey    string // hash of the Idempotency-Key that consumed it; "" for none
	Receipt       string // JWS that the app got when it consumed it
}

// At is the status at now: what nobody moved on any more has expired.
func (c *Confirmation) At(now time.Time) ConfirmationStatus {
	open := c.Status == ConfirmationRequested || c.Status == ConfirmationChallenged
	if open && !now.Before(c.ExpiresAt) || c.Status == ConfirmationApproved && !now.Before(c.ConsumeBefore) {
		return ConfirmationExpired
	}
	return c.Status
}

// DetailsHash binds a confirmation to issuer, app, user and action: the
// base64url SHA-256 of the canonical JSON of {"client_id","detail","iss","sub"}.
// The relying app can compute it from what it is about to execute. detail is
// canonical JSON (RFC 8785); for an action without details it is
// {"type":"<action>"}.
//
// The hash is never empty, because an empty one means that nothing is bound.
// What cannot be canonical, such as a detail that is no JSON, is hashed as it
// stands: no app can arrive at that hash, so nothing comes of it.
func DetailsHash(issuer, clientID, sub string, detail []byte) string {
	document := slices.Concat(
		[]byte(`{"client_id":`), quoted(clientID), []byte(`,"detail":`), detail,
		[]byte(`,"iss":`), quoted(issuer), []byte(`,"sub":`), quoted(sub), []byte(`}`))
	canonical, err := details.Canonical(document)
	if err == nil {
		document = canonical
	}
	sum := sha256.Sum256(document)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// quoted returns s as a JSON text, in one form of several.
func quoted(s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return nil // a text always has a form
	}
	return text
}

// PlainDetail is the detail of an action that was asked for by its acr value
// alone.
func PlainDetail(action string) []byte {
	detail, err := details.Canonical(slices.Concat([]byte(`{"type":`), quoted(action), []byte(`}`)))
	if err != nil {
		return nil // never: names of actions are ASCII
	}
	return detail
}
