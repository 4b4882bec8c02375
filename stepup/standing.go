package stepup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// The states of a confirmation.
const (
	StateRequested  = "requested"  // the page is open
	StateChallenged = "challenged" // a code was sent, or a key was asked
	StateApproved   = "approved"   // to be consumed until ConsumeBefore
	StateConsumed   = "consumed"
	StateDenied     = "denied"
	StateFailed     = "failed"
	StateExpired    = "expired"
	StateCancelled  = "cancelled"
)

// Standing is where one of the app's confirmations stands.
type Standing struct {
	ID            string            `json:"confirmation_id"`
	Action        string            `json:"action"`
	TxnID         string            `json:"txn_id"`
	State         string            `json:"status"`
	Subject       string            `json:"sub"`
	DetailsHash   string            `json:"details_hash"`
	Details       []json.RawMessage `json:"authorization_details"` // one, or none for an action without details
	ACR           string            `json:"acr"`
	AMR           []string          `json:"amr"`
	CreatedAt     time.Time         `json:"created_at"`
	ExpiresAt     time.Time         `json:"expires_at"`     // until which it can be approved
	ApprovedAt    time.Time         `json:"approved_at"`    // zero until then
	ConsumeBefore time.Time         `json:"consume_before"` // zero until it is approved
	ConsumedAt    time.Time         `json:"consumed_at"`    // zero until then
	Receipt       string            `json:"receipt"`        // for VerifyReceipt; "" until it was consumed
}

// Status asks where the confirmation id stands. It is for an app that lost an
// answer; it uses nothing up.
//
// An app that does not prove itself by [AuthBasic], such as one with [AuthPrivateKeyJWT],
// needs the grant client_credentials in its registration for it, since it asks with a token
// of its own.
//
// Errors: [*EndpointError], which matches [ErrNotFound], or has the Code
// unauthorized_client where that grant is missing; [ErrUnavailable].
func (c *Client) Status(ctx context.Context, id string) (Standing, error) {
	s, err := c.standing(ctx, c.server.confirmation(id))
	if err == nil && s.ID != id {
		err = fmt.Errorf("%w: the answer is about another confirmation", ErrUnavailable)
	}
	return s, err
}

// StatusByTxn is [Client.Status] by the app's own id of a transaction: all that an
// app needs which has lost everything else.
func (c *Client) StatusByTxn(ctx context.Context, action, txnID string) (Standing, error) {
	query := url.Values{"action": {action}, "txn_id": {txnID}}
	s, err := c.standing(ctx, c.server.path("/confirmations?"+query.Encode()))
	if err == nil && (s.Action != action || s.TxnID != txnID) {
		err = fmt.Errorf("%w: the answer is about another confirmation", ErrUnavailable)
	}
	return s, err
}

func (c *Client) standing(ctx context.Context, address string) (Standing, error) {
	var token Secret
	if c.cfg.AuthMethod != AuthBasic {
		set, err := c.redeem(ctx, url.Values{"grant_type": {"client_credentials"}})
		if err != nil {
			return Standing{}, err
		}
		token = Secret(set.AccessToken)
	}
	got, err := c.server.call("status", c.holder, func() (*http.Request, error) {
		if token != "" {
			return c.holder.request(ctx, http.MethodGet, address, token, nil)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json")
		c.identify(req)
		return req, nil
	})
	if err != nil {
		return Standing{}, err
	}
	if got.status != http.StatusOK {
		return Standing{}, endpointError("confirmation", got)
	}
	var s Standing
	err = json.Unmarshal(got.body, &s)
	if err != nil || s.ID == "" || s.State == "" {
		return Standing{}, fmt.Errorf("%w: status: the answer cannot be read", ErrUnavailable)
	}
	return s, nil
}
