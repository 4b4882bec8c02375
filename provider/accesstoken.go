package provider

import (
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/provider/model"
)

// claimConfirmation tells a relying app which confirmation a token proves.
const claimConfirmation = "urn:sallyport:confirmation"

// claimVouched tells who vouched for the first factor, where the user did not log in here:
// the client id, when that app says that it was, and what its login is taken for.
const claimVouched = "urn:sallyport:vouched"

// accessKey is the key that access tokens are signed with: ES256, or RS256
// where the tenant has nothing else.
func accessKey(set *keys.Set) (*keys.Key, bool) {
	key, ok := set.Signing(keys.ES256)
	if !ok {
		key, ok = set.Signing(keys.RS256)
	}
	return key, ok
}

// accessClaims are the claims of an access token for scopes.
//
// Source: RFC 9068 section 2.2; acr, amr and auth_time are those of the grant
// and never renewed (section 2.2.1, RFC 9470 section 6.2).
func accessClaims(u *unitOfWork, scopes []string) jwt.MapClaims {
	issuer := u.realm.Tenant.Issuer
	claims := jwt.MapClaims{
		"iss":       issuer,
		"sub":       clientSubject(u.client),
		"aud":       audience(resources(u, issuer)),
		"client_id": u.client.ID,
		"iat":       u.now.Unix(),
		"exp":       u.now.Add(accessLife(u.grant)).Unix(),
		"jti":       b64(randomBytes(16)),
		"scope":     strings.Join(scopes, " "),
	}
	if u.jkt != "" {
		claims["cnf"] = map[string]any{"jkt": u.jkt} // RFC 9449 section 6.1
	}
	if u.grant != nil {
		addEvidence(claims, u.grant)
		claims["sub"] = u.grant.UserID
		claims["gid"] = u.grant.ID
		setJSON(claims, "authorization_details", u.grant.Details)
	}
	return claims
}

// clientSubject is the subject of a token that speaks for an app and no user.
// The prefix keeps it apart from every user id, which has no colon (RFC 9068
// section 5 warns of the collision).
func clientSubject(c *identity.Client) string { return "client:" + c.ID }

// resources are the audience of an access token: what the request narrowed it
// to, else what was granted, else the issuer's own API.
func resources(u *unitOfWork, issuer string) []string {
	switch {
	case len(u.audience) > 0:
		return u.audience
	case u.grant != nil && len(u.grant.Audience) > 0:
		return u.grant.Audience
	}
	return []string{issuer}
}

// addEvidence writes what was proven, into either kind of token.
func addEvidence(claims jwt.MapClaims, g *model.Grant) {
	claims["auth_time"] = g.AuthTime.Unix()
	claims["acr"] = g.ACR
	if len(g.AMR) > 0 {
		claims["amr"] = g.AMR
	}
	if g.SID != "" {
		claims["sid"] = g.SID
	}
	setJSON(claims, claimVouched, g.Vouched)
	if g.ConfirmationID != "" {
		claims["txn"] = g.ConfirmationID
		claims[claimConfirmation] = map[string]any{
			"id":           g.ConfirmationID,
			"details_hash": g.DetailsHash,
			// The confirmation is approved in the transaction that makes the grant.
			"approved_at": g.CreatedAt.UTC().Format(time.RFC3339),
		}
	}
}
