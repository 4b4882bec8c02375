package provider

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
)

// The headers of RFC 9449 sections 4.1 and 8.
const (
	headerProof = "DPoP"
	headerNonce = "DPoP-Nonce"
)

// nonceLife is how long a nonce is the current one. The one before is taken too, so
// that none ends while a request with it is under way.
const nonceLife = 5 * time.Minute

// replayProof is what a proof is used for, for [Replays].
const replayProof = "dpop"

// Why a proof is not taken although it is sound in itself.
var (
	errProofMissing  = refusedJWT("no DPoP proof")
	errProofReplayed = refusedJWT("a DPoP proof that was used before")
	errBound         = errors.New("provider: a bound token without proof of its key")
)

// invalidProof is the answer to a proof that is not good.
func invalidProof(description string, cause error) *oauthError {
	e := oauthErr(codeInvalidProof, description)
	e.Cause = cause
	return e
}

// proofMissing is the answer to an app that has to bind its tokens and sent no proof.
func proofMissing() *oauthError {
	return invalidProof("A DPoP proof is required.", errProofMissing)
}

// readProof judges the proof that came with the request, in memory. It is not used up
// by that; see [Provider.useProof]. token is the access token that it comes with, ""
// at the endpoints where apps authenticate.
//
// The address that a proof is for is made of the tenant's stored issuer: what the
// request says of host and scheme is what a thief would choose.
//
// Errors: an [*oauthError], invalid_dpop_proof or use_dpop_nonce.
//
// Source: RFC 9449 sections 4.3 and 8.
func (p *Provider) readProof(c *gin.Context, token string) (dpopProof, error) {
	sent := c.Request.Header.Values(headerProof)
	if len(sent) == 0 {
		return dpopProof{}, nil
	}
	if len(sent) > 1 {
		return dpopProof{}, invalidProof("More than one DPoP proof was sent.", nil)
	}
	tenant, now := web.Realm(c).Tenant, p.Now().UTC()
	proof, refused := judgeProof(sent[0], wantedProof{
		Method: c.Request.Method, Token: token, Now: now,
		URL: tenant.Issuer + strings.TrimPrefix(c.Request.URL.EscapedPath(), "/t/"+tenant.Slug),
	})
	if refused != "" {
		return dpopProof{}, invalidProof("The DPoP proof is not valid: "+refused+".", nil)
	}
	switch proof.nonce {
	case p.nonce(tenant.ID, now), p.nonce(tenant.ID, now.Add(clockSkew)): // the latter of a replica that is ahead
	case p.nonce(tenant.ID, now.Add(-nonceLife)):
		c.Header(headerNonce, p.nonce(tenant.ID, now)) // for the next one
	default:
		return dpopProof{}, oauthErr(codeUseNonce, describe(codeUseNonce))
	}
	return proof, nil
}

// useProof uses proof up: one statement, none where no proof was sent. Of any number
// of requests with the same one, exactly one gets through.
//
// Errors: an [*oauthError].
//
// Source: RFC 9449 sections 4.3 and 11.1.
func (p *Provider) useProof(ctx context.Context, realm *identity.Realm, proof dpopProof) error {
	if proof.JKT == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(proof.JKT + "\x00" + proof.jti))
	first, err := p.Replays.FirstUse(ctx, realm.Tenant.ID, replayProof, sum[:], proof.until.Add(clockSkew))
	if err != nil {
		return unavailable(err)
	}
	if !first {
		return invalidProof("The DPoP proof was used before.", errProofReplayed)
	}
	return nil
}

// nonce is what proofs for the tenant have to hold at now. It is computed, not stored:
// every replica knows it, and nobody can know it before its time, so no proof can be
// made in advance.
//
// Source: RFC 9449 section 8.
func (p *Provider) nonce(tenantID string, now time.Time) string {
	h := hmac.New(sha256.New, p.Secrets.TokenKey(tenantID))
	fmt.Fprintf(h, "dpop nonce\x00%s\x00%d", tenantID, now.Unix()/int64(nonceLife/time.Second))
	return b64(h.Sum(nil))
}

// tellNonce adds the current nonce to an answer that is about a proof.
func (p *Provider) tellNonce(c *gin.Context, e *oauthError) {
	if aboutProof(e) {
		c.Header(headerNonce, p.nonce(web.Realm(c).Tenant.ID, p.Now().UTC()))
	}
}

func aboutProof(e *oauthError) bool { return e.Code == codeInvalidProof || e.Code == codeUseNonce }

// hashOf is the ath of RFC 9449 section 4.2.
func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return b64(sum[:])
}

// proofAtResource is err of a proof in the words of a resource: there it is the token
// that is refused.
//
// Source: RFC 9449 section 7.1.
func proofAtResource(err error) error {
	e, ok := errors.AsType[*oauthError](err)
	if ok && aboutProof(e) {
		e.Status = http.StatusUnauthorized
	}
	return err
}
