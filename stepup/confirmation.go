package stepup

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// Confirmation is one user's approval of one transaction, checked. It is not used
// yet: [Client.ConsumeFor] uses it, once.
//
// Printing and encoding/json show no secret, and so do not keep the value; use
// [Confirmation.Encode] and [DecodeConfirmation].
type Confirmation struct {
	ID          string
	Action      string // such as "payout.request"
	TxnID       string // the app's own id; "" for an action without details
	Subject     string // who approved
	DetailsHash string
	ApprovedAt  time.Time
	Method      string // the last method that proved it; "" for an action without details
	ACR         string
	AMR         []string

	// Key is the Idempotency-Key of the one consumption that this confirmation is
	// for. An app that keeps the confirmation before it consumes can ask again
	// after a crash, and is given the same receipt.
	Key string

	// AccessToken is good for two minutes, at the APIs that the request named.
	AccessToken Secret
}

// FinishConfirmation is [Client.Finish] for a transaction: it checks besides that
// what was approved is what was pushed, for the user that the request was pinned
// to, just now. An action that was asked for by its acr value alone is taken too.
//
// Errors: those of [Client.Finish]; [ErrMismatch] if something else was approved.
//
// Source: RFC 9396 section 7; OpenID Connect Core section 3.1.3.7.
func (c *Client) FinishConfirmation(ctx context.Context, tx Transaction, query url.Values) (Confirmation, error) {
	if tx.action() == "" {
		return Confirmation{}, fmt.Errorf("%w: it does not ask for a confirmation", ErrResponse)
	}
	proof, set, err := c.finish(ctx, tx, query)
	if err != nil {
		return Confirmation{}, err
	}
	return c.confirmed(tx, proof, set)
}

// approval is what an ID token says of the confirmation that it proves.
type approval struct {
	id, hash string
	at       time.Time
}

// enriched is what the token endpoint says of it. The rest of the object is what
// was approved; its hash stands for it.
type enriched struct {
	ID     string `json:"confirmation_id"`
	Type   string `json:"type"`
	TxnID  string `json:"txn_id"`
	Hash   string `json:"details_hash"`
	ACR    string `json:"acr"`
	Method string `json:"method"`
}

// confirmed checks that proof and set are the approval of what tx asked for. The
// ID token is signed, and counts; what stands beside it must not say otherwise.
func (c *Client) confirmed(tx Transaction, proof Proof, set tokenSet) (Confirmation, error) {
	want := tx.DetailsHash
	if want == "" {
		var err error
		want, err = c.DetailsHash(proof.Subject, PlainAction(tx.action()))
		if err != nil {
			return Confirmation{}, err
		}
	}
	said, err := approvalIn(proof.Claims)
	if err != nil {
		return Confirmation{}, err
	}
	beside, err := set.enriched(tx)
	if err != nil {
		return Confirmation{}, err
	}
	now, leeway := c.server.now(), c.server.leeway
	switch {
	case !hmac.Equal([]byte(said.hash), []byte(want)):
		return Confirmation{}, fmt.Errorf("%w: the hash is another one", ErrMismatch)
	case tx.DetailsHash != "" && (beside.Hash != want || beside.TxnID != tx.TxnID || beside.Type != tx.action() || beside.ACR != proof.ACR):
		return Confirmation{}, fmt.Errorf("%w: authorization_details are not those that were pushed", ErrMismatch)
	case tx.DetailsHash != "" && beside.ID != said.id:
		return Confirmation{}, badToken("it names two confirmations")
	case said.at.After(now.Add(leeway)) || said.at.Before(tx.StartedAt.Truncate(time.Second).Add(-leeway)):
		return Confirmation{}, badToken("it was approved at another time")
	case set.RefreshToken != "":
		return Confirmation{}, badToken("a confirmation must not come with a refresh token")
	}
	return Confirmation{
		ID: said.id, Action: tx.action(), TxnID: tx.TxnID, Subject: proof.Subject, DetailsHash: want, ApprovedAt: said.at,
		Method: beside.Method, ACR: proof.ACR, AMR: proof.AMR, Key: string(random()), AccessToken: proof.AccessToken,
	}, nil
}

// approvalIn reads the claims txn and urn:sallyport:confirmation.
func approvalIn(c claims) (approval, error) {
	txn, err := c.text("txn")
	if err != nil {
		return approval{}, err
	}
	inner, _ := c["urn:sallyport:confirmation"].(map[string]any)
	r := reader{claims: inner}
	a := approval{id: r.text("id"), hash: r.text("details_hash")}
	at, parseErr := time.Parse(time.RFC3339, r.text("approved_at"))
	a.at = at.UTC()
	switch {
	case r.err != nil:
		return approval{}, r.err
	case parseErr != nil || a.id == "" || a.hash == "":
		return approval{}, badToken("it does not say what was confirmed")
	case txn != a.id:
		return approval{}, badToken("it names two confirmations")
	}
	return a, nil
}

// enriched is the one element of authorization_details, where tx pushed one.
func (s tokenSet) enriched(tx Transaction) (enriched, error) {
	if tx.DetailsHash == "" {
		return enriched{}, nil
	}
	var list []enriched
	err := json.Unmarshal(s.Details, &list)
	if err != nil || len(list) != 1 {
		return enriched{}, badToken("it does not hold exactly one of authorization_details")
	}
	return list[0], nil
}

// keptConfirmation is how a confirmation is written; see kept.
type keptConfirmation struct {
	Version     int       `json:"v"`
	ID          string    `json:"id"`
	Action      string    `json:"action"`
	TxnID       string    `json:"txn_id"`
	Subject     string    `json:"sub"`
	Hash        string    `json:"details_hash"`
	ApprovedAt  time.Time `json:"approved_at"`
	Method      string    `json:"method"`
	ACR         string    `json:"acr"`
	AMR         []string  `json:"amr"`
	Key         string    `json:"key"`
	AccessToken string    `json:"access_token"`
}

// Encode returns c with its token and key, as base64url of a JSON object, to keep
// beside the transaction until it is executed. It is to be protected like a
// password.
func (c Confirmation) Encode() string {
	return encode(keptConfirmation{
		keptVersion, c.ID, c.Action, c.TxnID, c.Subject, c.DetailsHash, c.ApprovedAt, c.Method, c.ACR, c.AMR, c.Key, string(c.AccessToken),
	})
}

// DecodeConfirmation reads what [Confirmation.Encode] wrote. It refuses anything
// incomplete.
func DecodeConfirmation(text string) (Confirmation, error) {
	var k keptConfirmation
	err := decode(text, &k)
	if err != nil {
		return Confirmation{}, fmt.Errorf("stepup: confirmation: %w", err)
	}
	if k.Version != keptVersion || k.ID == "" || k.Subject == "" || k.Hash == "" || k.Key == "" {
		return Confirmation{}, fmt.Errorf("stepup: confirmation: version %d is not known or a field is missing", k.Version)
	}
	return Confirmation{
		ID: k.ID, Action: k.Action, TxnID: k.TxnID, Subject: k.Subject, DetailsHash: k.Hash, ApprovedAt: k.ApprovedAt,
		Method: k.Method, ACR: k.ACR, AMR: k.AMR, Key: k.Key, AccessToken: Secret(k.AccessToken),
	}, nil
}
