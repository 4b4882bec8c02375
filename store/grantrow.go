package store

import (
	"encoding/json"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/provider/model"
)

// grantRow is table grants. What it says about the user, or about what the user
// confirmed, is sealed.
type grantRow struct {
	model.Grant
	claims, idClaims, details string // sealed
	vouched                   string // JSON
}

func (r *grantRow) fields() []field {
	g := &r.Grant
	return []field{
		col("tenant_id", &g.TenantID), col("id", &g.ID), col("client_id", &g.ClientID), col("user_id", &g.UserID),
		col("session_id", &g.SessionID), col("interaction_id", &g.InteractionID),
		col("redirect_uri", &g.RedirectURI), col("nonce", &g.Nonce),
		col("code_challenge", &g.CodeChallenge), col("code_challenge_method", &g.CodeChallengeMethod),
		col("code_hash", &g.CodeHash), timeCol("code_expires_at", &g.CodeExpiresAt), timeCol("code_consumed_at", &g.CodeConsumedAt),
		col("cnf_jkt", &g.JKT), wordsCol("scopes", &g.Scopes), wordsCol("audience", &g.Audience),
		col("claims_enc", &r.claims), col("id_claims_enc", &r.idClaims),
		col("acr", &g.ACR), wordsCol("amr", &g.AMR), timeCol("auth_time", &g.AuthTime), col("sid", &g.SID),
		col("action", &g.Action), col("confirmation_id", &g.ConfirmationID),
		col("details_enc", &r.details), col("details_hash", &g.DetailsHash), col("vouched", &r.vouched),
		col("rt_gen", &g.RTGen), col("rt_salt", &g.RTSalt), timeCol("rt_rotated_at", &g.RTRotatedAt),
		timeCol("rt_expires_at", &g.RTExpiresAt), timeCol("grant_expires_at", &g.GrantExpiresAt),
		timeCol("created_at", &g.CreatedAt), timeCol("revoked_at", &g.RevokedAt), col("revoke_reason", &g.RevokeReason),
	}
}

func (r *grantRow) place(column string) seal.AD {
	return place("grants", column, r.TenantID, r.UserID, r.ID)
}

// hideGrant seals what is personal in g.
func (s *Store) hideGrant(g model.Grant) (r grantRow, err error) {
	r = grantRow{Grant: g, vouched: string(g.Vouched)}
	r.claims, err = s.hide(r.place("claims_enc"), g.Claims)
	if err == nil {
		r.idClaims, err = s.hide(r.place("id_claims_enc"), g.IDClaims)
	}
	if err == nil {
		r.details, err = s.hide(r.place("details_enc"), g.Details)
	}
	return r, err
}

// revealGrant is the way back of hideGrant.
func (s *Store) revealGrant(r grantRow) (g model.Grant, err error) {
	g = r.Grant
	if r.vouched != "" {
		g.Vouched = json.RawMessage(r.vouched)
	}
	g.Claims, err = s.reveal(r.place("claims_enc"), r.claims)
	if err == nil {
		g.IDClaims, err = s.reveal(r.place("id_claims_enc"), r.idClaims)
	}
	if err == nil {
		g.Details, err = s.reveal(r.place("details_enc"), r.details)
	}
	if err != nil {
		return model.Grant{}, err
	}
	return g, nil
}
