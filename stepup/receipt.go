package stepup

import (
	"context"
	"encoding/json"
	"time"
)

// Receipt is the server's signed statement that a transaction was shown, proven
// and used up. JWS is what to keep: it can be verified years later, with keys that
// the server publishes for good.
type Receipt struct {
	JWS string

	ConfirmationID string
	Issuer         string
	ClientID       string
	Subject        string // who approved
	Action         string
	TxnID          string          // the app's own id; "" for an action without details
	Detail         json.RawMessage // what was shown, canonical; of nothing but its type for an action without details
	DetailsHash    string

	ACR          string
	AMR          []string
	Proofs       []ReceiptProof
	EvidenceHash string // of what the server keeps about the proofs
	// Vouched says by whom the user was logged in, where that was not the server; nil
	// where it was.
	Vouched *Vouched

	RequestedAt time.Time
	ApprovedAt  time.Time
	ConsumedAt  time.Time
}

// ReceiptProof is one thing that the user proved.
type ReceiptProof struct {
	Stage        int       `json:"stage"` // of the policy, from 0
	Proof        string    `json:"proof"` // such as "delivered_code"
	Method       string    `json:"method"`
	Factor       string    `json:"factor"` // an id that tells nothing about the person
	UserVerified bool      `json:"user_verified"`
	At           time.Time `json:"at"`
}

// Vouched is the word of an app that it had logged the user in itself.
type Vouched struct {
	By         string    // client id
	LoggedInAt time.Time // by the app's clock
	ACR        string    // what the server takes that login for
}

// VerifyReceipt checks that jws is a receipt for this app, signed with a key of the
// server's receipts, and that its hash is of the very details that stand in it. A
// receipt does not expire.
//
// The keys are read when they are first needed, and once more for a key that is
// not known.
//
// Errors: [ErrToken]; [ErrUnavailable] if the keys could not be read.
//
// Source: RFC 8725 sections 3.1, 3.9 and 3.11; RFC 7515 section 4.1.9.
func (c *Client) VerifyReceipt(ctx context.Context, jws string) (Receipt, error) {
	return c.receipts.openReceipt(ctx, jws, c.cfg.ClientID)
}

// openReceipt is [Client.VerifyReceipt] for any app. s has the keys of receipts.
func (s *authServer) openReceipt(ctx context.Context, jws, clientID string) (Receipt, error) {
	isReceipt := func(typ string) bool { return typ == "confirmation-receipt+jwt" }
	token, err := s.openToken(ctx, jws, signingAlgs, isReceipt)
	if err != nil {
		return Receipt{}, err
	}
	r := reader{claims: token.claims}
	out := Receipt{
		JWS: jws, ConfirmationID: r.text("jti"), Issuer: r.text("iss"), ClientID: r.text("aud"), Subject: r.text("sub"),
		Action: r.text("action"), TxnID: r.text("txn"), DetailsHash: r.text("details_hash"),
		ACR: r.text("acr"), AMR: r.texts("amr"), EvidenceHash: r.text("evidence_hash"),
		RequestedAt: r.instant("requested_at"), ApprovedAt: r.instant("approved_at"), ConsumedAt: r.instant("consumed_at"),
	}
	switch {
	case r.err != nil:
		return Receipt{}, r.err
	case out.Issuer != s.meta.Issuer:
		return Receipt{}, badToken("another issuer")
	case out.ClientID != clientID:
		return Receipt{}, badToken("it is for another audience")
	case out.ConfirmationID == "" || out.Subject == "" || out.Action == "":
		return Receipt{}, badToken("it does not say what was confirmed")
	case out.ConsumedAt.After(s.now().Add(s.leeway)):
		return Receipt{}, badToken("it is from the future")
	}
	err = out.read(token.claims)
	if err != nil {
		return Receipt{}, err
	}
	return out, nil
}

// read adds the proofs and the details to r, and compares the hash with them.
func (r *Receipt) read(c claims) error {
	proofs, err := json.Marshal(c["proofs"])
	if err == nil {
		err = json.Unmarshal(proofs, &r.Proofs)
	}
	if err != nil {
		return badToken("its proofs cannot be read")
	}
	r.Vouched, err = readVouched(c)
	if err != nil {
		return err
	}
	var detail any = PlainAction(r.Action)
	all, present := c["authorization_details"]
	if present {
		list, _ := all.([]any)
		if len(list) != 1 {
			return badToken("it does not hold exactly one of authorization_details")
		}
		detail = list[0]
		named, _ := detail.(map[string]any)
		if named["type"] != r.Action || named["txn_id"] != r.TxnID {
			return badToken("its details are of another transaction")
		}
	}
	r.Detail, err = Canonical(detail)
	if err != nil {
		return badToken("its details cannot be read")
	}
	hash, err := DetailsHash(r.Issuer, r.ClientID, r.Subject, detail)
	if err != nil || hash != r.DetailsHash {
		return badToken("its hash is not of its details")
	}
	return nil
}

func readVouched(c claims) (*Vouched, error) {
	told, present := c["urn:sallyport:vouched"]
	if !present {
		return nil, nil
	}
	members, _ := told.(map[string]any)
	r := reader{claims: members}
	v := Vouched{By: r.text("by"), LoggedInAt: r.time("auth_time"), ACR: r.text("acr")}
	if r.err != nil || v.By == "" {
		return nil, badToken("it does not say who vouched for the user")
	}
	return &v, nil
}

// instant reads a claim that is a time in words of RFC 3339.
func (r *reader) instant(name string) time.Time {
	at, err := time.Parse(time.RFC3339, r.text(name))
	if err != nil {
		r.keep(badToken("%s is not a time", name))
	}
	return at.UTC()
}
