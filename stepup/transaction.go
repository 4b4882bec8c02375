package stepup

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// transactionLife is how long after its start an answer is still taken. The
// server's interaction lives 30 minutes and a pushed request a little longer.
const transactionLife = time.Hour

// Transaction is what an app remembers between [Client.Start] and
// [Client.Finish]. It belongs into the app's own session, on the app's side or
// in an encrypted cookie: whoever reads it can finish in the user's stead.
//
// Printing and encoding/json show no secret, and so do not keep the value; use
// [Transaction.Encode] and [DecodeTransaction].
type Transaction struct {
	Issuer    string
	ClientID  string
	State     Secret
	Nonce     Secret
	Verifier  Secret // of PKCE
	ACR       []string
	MaxAge    *time.Duration // nil if none was asked
	Scope     string
	Subject   string // "" if the request was not pinned
	StartedAt time.Time

	// DetailsHash binds what was pushed, and TxnID is the app's name for it; both
	// are "" for a request without a detail.
	DetailsHash string
	TxnID       string

	Resume string // what StartOptions.Resume said
}

// kept is how a transaction is written; all members are plain strings so that
// secrets are kept.
type kept struct {
	Version   int       `json:"v"`
	Issuer    string    `json:"iss"`
	ClientID  string    `json:"client"`
	State     string    `json:"state"`
	Nonce     string    `json:"nonce"`
	Verifier  string    `json:"verifier"`
	ACR       []string  `json:"acr,omitempty"`
	MaxAge    *int64    `json:"max_age,omitempty"` // seconds
	Scope     string    `json:"scope"`
	Subject   string    `json:"sub,omitempty"`
	StartedAt time.Time `json:"started_at"`
	Hash      string    `json:"details_hash,omitempty"`
	TxnID     string    `json:"txn_id,omitempty"`
	Resume    string    `json:"resume,omitempty"`
}

const keptVersion = 1

// Encode returns tx with its secrets, as base64url of a JSON object: safe in a
// cookie's value or a column of text, and to be protected like a password.
func (tx Transaction) Encode() string {
	k := kept{
		Version:   keptVersion,
		Issuer:    tx.Issuer,
		ClientID:  tx.ClientID,
		State:     string(tx.State),
		Nonce:     string(tx.Nonce),
		Verifier:  string(tx.Verifier),
		ACR:       tx.ACR,
		Scope:     tx.Scope,
		Subject:   tx.Subject,
		StartedAt: tx.StartedAt,
		Hash:      tx.DetailsHash,
		TxnID:     tx.TxnID,
		Resume:    tx.Resume,
	}
	if tx.MaxAge != nil {
		seconds := int64(*tx.MaxAge / time.Second)
		k.MaxAge = &seconds
	}
	return encode(k)
}

// DecodeTransaction reads what [Transaction.Encode] wrote. It refuses anything
// incomplete, so that a damaged session cannot weaken a check.
func DecodeTransaction(text string) (Transaction, error) {
	var k kept
	err := decode(text, &k)
	if err != nil {
		return Transaction{}, fmt.Errorf("stepup: transaction: %w", err)
	}
	if k.Version != keptVersion {
		return Transaction{}, fmt.Errorf("stepup: transaction: version %d is not known", k.Version)
	}
	tx := Transaction{
		Issuer:    k.Issuer,
		ClientID:  k.ClientID,
		State:     Secret(k.State),
		Nonce:     Secret(k.Nonce),
		Verifier:  Secret(k.Verifier),
		ACR:       k.ACR,
		Scope:     k.Scope,
		Subject:   k.Subject,
		StartedAt: k.StartedAt,

		DetailsHash: k.Hash,
		TxnID:       k.TxnID,
		Resume:      k.Resume,
	}
	if k.MaxAge != nil {
		if *k.MaxAge < 0 || *k.MaxAge > maxSpan {
			return Transaction{}, errors.New("stepup: transaction: max_age is out of range")
		}
		age := time.Duration(*k.MaxAge) * time.Second
		tx.MaxAge = &age
	}
	err = tx.complete()
	if err != nil {
		return Transaction{}, err
	}
	return tx, nil
}

// complete refuses a transaction that Start cannot have made. Without this an
// empty state would equal a missing one.
func (tx Transaction) complete() error {
	secrets := []Secret{tx.State, tx.Nonce, tx.Verifier}
	if slices.ContainsFunc(secrets, func(s Secret) bool { return len(s) < 43 }) {
		return errors.New("stepup: transaction: a secret is missing")
	}
	if tx.Issuer == "" || tx.ClientID == "" || tx.StartedAt.IsZero() {
		return errors.New("stepup: transaction: a field is missing")
	}
	if (tx.DetailsHash == "") != (tx.TxnID == "") || tx.DetailsHash != "" && (tx.action() == "" || tx.Subject == "") {
		return errors.New("stepup: transaction: a field of what is confirmed is missing")
	}
	return nil
}

// action is the name of the action that tx asks for, or "".
func (tx Transaction) action() string {
	if len(tx.ACR) != 1 {
		return ""
	}
	return actionOf(tx.ACR[0])
}

func encode(v any) string {
	text, _ := json.Marshal(v) // every v here is made of strings, numbers and times
	return base64.RawURLEncoding.EncodeToString(text)
}

func decode(text string, v any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return errors.New("is damaged")
	}
	err = json.Unmarshal(raw, v)
	if err != nil {
		return errors.New("is damaged")
	}
	return nil
}
