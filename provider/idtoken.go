package provider

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/ory/fosite"

	"github.com/sallyport-id/sallyport/provider/keys"
)

// idTokenHandler adds the ID token to the answer for a code or a refresh token.
// It takes the place of fosite's OpenID handlers, which judge the request a
// second time (T9), hash with the wrong function (T14) and read the machine's
// clock (T32).
type idTokenHandler struct {
	uow  *unitOfWork
	keys *keys.Set
}

var _ fosite.TokenEndpointHandler = (*idTokenHandler)(nil)

// CanSkipClientAuth implements [fosite.TokenEndpointHandler].
func (h *idTokenHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

// CanHandleTokenEndpointRequest implements [fosite.TokenEndpointHandler].
func (h *idTokenHandler) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(grantCode) || r.GetGrantTypes().ExactOne(grantRefresh)
}

// HandleTokenEndpointRequest implements [fosite.TokenEndpointHandler].
func (h *idTokenHandler) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return fosite.ErrUnknownRequest
}

// PopulateTokenEndpointResponse implements [fosite.TokenEndpointHandler].
func (h *idTokenHandler) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, resp fosite.AccessResponder) error {
	if !h.CanHandleTokenEndpointRequest(ctx, r) || !r.GetGrantedScopes().Has(scopeOpenID) {
		return fosite.ErrUnknownRequest
	}
	key, ok := h.keys.Signing(idTokenAlg(h.uow))
	if !ok {
		return errNoSigningKey
	}
	token, err := signJWT(key, typPlain, idTokenClaims(h.uow, key.Alg, resp.GetAccessToken()))
	if err != nil {
		return err
	}
	resp.SetExtra("id_token", token)
	return nil
}

// idTokenAlg is the alg that the app registered, RS256 if it registered none
// (OpenID Connect Dynamic Client Registration section 2).
func idTokenAlg(u *unitOfWork) string {
	if u.client.IDTokenAlg == "" {
		return keys.RS256
	}
	return u.client.IDTokenAlg
}

// idTokenClaims are the claims of the ID token that goes with accessToken. A
// refreshed one has the evidence of the first and no nonce.
//
// Source: OpenID Connect Core sections 2, 3.1.3.6, 12.2.
func idTokenClaims(u *unitOfWork, alg, accessToken string) jwt.MapClaims {
	g := u.grant
	claims := userClaims(g.IDClaims)
	claims["iss"] = u.realm.Tenant.Issuer
	claims["sub"] = g.UserID
	claims["aud"] = u.client.ID
	claims["iat"] = u.now.Unix()
	claims["exp"] = u.now.Add(idTokenLife).Unix()
	claims["at_hash"] = atHash(alg, accessToken)
	if u.redeemed && g.Nonce != "" {
		claims["nonce"] = g.Nonce
	}
	addEvidence(claims, g)
	return claims
}

// protocolClaims are never taken from a stored set of user claims.
var protocolClaims = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "nonce", "at_hash", "c_hash",
	"auth_time", "acr", "amr", "sid", "txn", claimConfirmation, claimVouched,
}

// userClaims are the user's claims that were asked for in the ID token.
func userClaims(stored json.RawMessage) jwt.MapClaims {
	claims := jwt.MapClaims{}
	if len(stored) > 0 && (json.Unmarshal(stored, &claims) != nil || claims == nil) {
		return jwt.MapClaims{}
	}
	for _, name := range protocolClaims {
		delete(claims, name)
	}
	return claims
}

// atHash is the at_hash of an access token: the left half of the hash that alg
// signs with, and not of SHA-256 whatever the alg (T14).
//
// Source: OpenID Connect Core section 3.1.3.6.
func atHash(alg, accessToken string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(alg, "512"), alg == "EdDSA": // Ed25519 signs with SHA-512
		s := sha512.Sum512([]byte(accessToken))
		sum = s[:]
	case strings.HasSuffix(alg, "384"):
		s := sha512.Sum384([]byte(accessToken))
		sum = s[:]
	default:
		s := sha256.Sum256([]byte(accessToken))
		sum = s[:]
	}
	return b64(sum[:len(sum)/2])
}

// sessionID is the sid claim for one app: the same for all grants of a session,
// different from app to app, and no way back to the session.
//
// Source: OpenID Connect Back-Channel Logout 1.0 section 2.1.
func (p *Provider) sessionID(tenantID, sessionID, clientID string) string {
	h := hmac.New(sha256.New, p.Secrets.TokenKey(tenantID))
	fmt.Fprintf(h, "sid\x00%s\x00%s", sessionID, clientID)
	return b64(h.Sum(nil))
}
