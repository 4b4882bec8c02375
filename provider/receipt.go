package provider

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// typReceipt is the type of a receipt, so that no other token of the server passes as
// one.
const typReceipt = "confirmation-receipt+jwt"

// receiptProof is one proof as a receipt tells it.
type receiptProof struct {
	Stage        int    `json:"stage"`
	Proof        string `json:"proof"`
	Method       string `json:"method"`
	Factor       string `json:"factor,omitempty"` // id; tells nothing about the person
	UserVerified bool   `json:"user_verified,omitempty"`
	At           string `json:"at"` // RFC 3339, UTC
}

// receipt is the signed statement of what was shown, proven and used up, when, and by
// which factors. It never expires, and is verified with the keys of /receipts/jwks,
// which are published for good. It names no address and no number beside the
// transaction's own.
//
// Source: protocol.md 5.8 (receipt); RFC 7519.
func receipt(set *keys.Set, realm *identity.Realm, v consent.Confirmation, now time.Time) (string, error) {
	key, ok := accessKey(set)
	if !ok {
		return "", errNoSigningKey
	}
	var e consent.Evidence
	err := json.Unmarshal(v.Evidence, &e)
	if err != nil {
		return "", errors.Join(errors.New("provider: evidence cannot be read"), err)
	}
	sum := sha256.Sum256(v.Evidence)
	claims := jwt.MapClaims{
		"iss": realm.Tenant.Issuer, "aud": v.ClientID, "sub": v.UserID, "jti": v.ID, "iat": now.Unix(),
		"action": v.Action, "details_hash": v.DetailsHash,
		"requested_at": instant(v.CreatedAt), "approved_at": instant(v.ApprovedAt), "consumed_at": instant(now),
		"acr": v.ACR, "amr": v.AMR, "proofs": receiptProofs(e.Proofs), "evidence_hash": b64(sum[:]),
	}
	if v.TxnID != "" {
		claims["txn"] = v.TxnID
	}
	if e.Vouched != nil {
		claims[claimVouched] = e.Vouched
	}
	if len(v.Details) > 0 {
		claims["authorization_details"] = []json.RawMessage{v.Details}
	}
	return signJWT(key, typReceipt, claims)
}

func receiptProofs(proofs []consent.EvidentProof) []receiptProof {
	list := make([]receiptProof, 0, len(proofs))
	for _, p := range proofs {
		list = append(list, receiptProof{
			Stage: p.Stage, Proof: string(p.Proof), Method: p.Method, Factor: p.FactorID, UserVerified: p.UserVerified, At: instant(p.At),
		})
	}
	return list
}

// instant is t as every JSON document of the server writes it.
func instant(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }
