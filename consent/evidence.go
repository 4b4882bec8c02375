package consent

import (
	"encoding/json"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Evidence is what an approval rests on, for the day when somebody asks: which proofs
// were given, when, and where. It holds no code and no contact.
//
// Source: protocol.md 5.8 (audit record).
type Evidence struct {
	Proofs        []EvidentProof `json:"proofs"`
	Vouched       *Vouching      `json:"vouched,omitempty"`
	InteractionID string         `json:"interaction_id"`
	SessionID     string         `json:"session_id,omitempty"`
	IP            string         `json:"ip,omitempty"`
	UserAgent     string         `json:"user_agent,omitempty"`
}

// EvidentProof is one proof of one stage.
type EvidentProof struct {
	Stage        int          `json:"stage"`
	Proof        policy.Proof `json:"proof"`
	Method       string       `json:"method"`
	FactorID     string       `json:"factor_id,omitempty"` // or the contact
	ChallengeID  string       `json:"challenge_id,omitempty"`
	UserVerified bool         `json:"user_verified,omitempty"`
	At           time.Time    `json:"at"`
	// Signed is a [mfa.Signed] where a key has signed the transaction itself.
	Signed json.RawMessage `json:"signed,omitempty"`
}

// evidence is what proofs leave for the record, in their order.
func evidence(proofs []StagedProof) []EvidentProof {
	list := make([]EvidentProof, 0, len(proofs))
	for _, p := range proofs {
		e := EvidentProof{
			Stage: p.Stage, Proof: p.Kind, Method: p.Event.Method, FactorID: p.Event.FactorID, ChallengeID: p.ChallengeID,
			UserVerified: p.Event.UserVerified, At: p.Event.At.UTC(),
		}
		if p.Evidence != "" {
			e.Signed = json.RawMessage(p.Evidence)
		}
		list = append(list, e)
	}
	return list
}
