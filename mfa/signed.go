package mfa

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
)

// Signed is what a key has signed for one confirmation, so that it can be verified
// again years later, without this server.
//
// Source: WebAuthn Level 3, section 7.2 (steps 10 to 21); mfa.md 4.11.6.
type Signed struct {
	ConfirmationID    string `json:"confirmation_id"`
	DetailsHash       string `json:"details_hash"`
	Nonce             []byte `json:"nonce"` // 32 bytes
	CredentialID      []byte `json:"credential_id"`
	PublicKey         []byte `json:"public_key"` // COSE_Key
	ClientDataJSON    []byte `json:"client_data_json"`
	AuthenticatorData []byte `json:"authenticator_data"`
	Signature         []byte `json:"signature"`
}

// nonceSize is how many random bytes make each ceremony of one confirmation another.
const nonceSize = 32

// TransactionChallenge is what a key signs to confirm a transaction: the SHA-256 of
// "txn/1", the id of the confirmation, the hash of its details, and nonce. All of them
// have a fixed length, so none can run into the next.
//
// Source: mfa.md 4.11.6.
func TransactionChallenge(confirmationID, detailsHash string, nonce []byte) []byte {
	h := sha256.New()
	_, _ = io.WriteString(h, "txn/1"+confirmationID+detailsHash)
	_, _ = h.Write(nonce)
	return h.Sum(nil)
}

// binds reports whether a key signs the transaction itself, and not only a random
// challenge.
func (a Ask) binds() bool { return a.ConfirmationID != "" && a.DetailsHash != "" }

// transactionChallenge makes the challenge of ask, and its nonce; both are nil where a
// random challenge does.
func (s *Service) transactionChallenge(ask Ask) (challenge, nonce []byte, err error) {
	if !ask.binds() {
		return nil, nil, nil
	}
	nonce = make([]byte, nonceSize)
	_, err = io.ReadFull(s.random(), nonce)
	if err != nil {
		return nil, nil, fmt.Errorf("mfa: random nonce: %w", err)
	}
	return TransactionChallenge(ask.ConfirmationID, ask.DetailsHash, nonce), nonce, nil
}

// evidence is what the key has signed, as JSON for the record; "" where it signed no
// transaction.
func (a *keyAnswer) evidence(k *Case, got Assertion) (string, error) {
	if !a.ask.binds() {
		return "", nil
	}
	text, err := json.Marshal(Signed{
		ConfirmationID: a.ask.ConfirmationID, DetailsHash: a.ask.DetailsHash, Nonce: k.Challenge.Ceremony.Nonce,
		CredentialID: k.Factor.Credential.ID, PublicKey: k.Factor.Credential.PublicKey,
		ClientDataJSON: got.ClientDataJSON, AuthenticatorData: got.AuthenticatorData, Signature: got.Signature,
	})
	return string(text), err
}
