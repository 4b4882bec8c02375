package consent

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
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
}

// DetailsHash binds a confirmation to issuer, app, user and action: the
// base64url SHA-256 of the canonical JSON of {"client_id","detail","iss","sub"}.
// The relying app can compute it from what it is about to execute. detail is
// canonical JSON (RFC 8785); for an action without details it is
// {"type":"<action>"}.
func DetailsHash(issuer, clientID, sub string, detail []byte) string {
	// The member names are in the order that RFC 8785 sorts them in.
	doc := struct {
		ClientID string          `json:"client_id"`
		Detail   json.RawMessage `json:"detail"`
		Issuer   string          `json:"iss"`
		Subject  string          `json:"sub"`
	}{clientID, detail, issuer, sub}
	canonical, err := marshalPlain(doc)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(canonical)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// PlainDetail is the detail of an action that was asked for by its acr value
// alone.
func PlainDetail(action string) []byte {
	detail, err := marshalPlain(map[string]string{"type": action})
	if err != nil {
		return nil
	}
	return detail
}
