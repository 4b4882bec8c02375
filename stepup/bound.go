package stepup

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// errWantsNonce: the proof does not hold our nonce.
var errWantsNonce = errors.New("stepup: the proof needs the nonce that comes with the answer")

// boundKey is the thumbprint of the key that an access token is bound to, "" for none.
// A token that is bound in any other way, or in several, is refused: what cannot be
// checked protects nothing.
//
// Source: RFC 9449 section 6.1; RFC 7800 section 3.1.
func boundKey(c claims) (jkt string, err error) {
	confirmation, present := c["cnf"]
	if !present {
		return "", nil
	}
	members, _ := confirmation.(map[string]any)
	jkt, _ = members["jkt"].(string)
	if jkt == "" || len(members) != 1 {
		return "", badToken("it is bound in a way that is not known")
	}
	return jkt, nil
}

// nonceLife is how long a nonce is the current one. The one before is taken too, so
// that none ends while a request with it is under way.
const nonceLife = 5 * time.Minute

// nonce is what proofs for this API have to hold at now, "" for nothing. It is
// computed, not stored: every replica with the same key knows it, and nobody can know
// it before its time, so no proof can be made in advance.
//
// Source: RFC 9449 section 9.
func (v *Verifier) nonce(now time.Time) string {
	if v.cfg.NonceKey == "" {
		return ""
	}
	h := hmac.New(sha256.New, []byte(v.cfg.NonceKey))
	_, _ = fmt.Fprintf(h, "dpop nonce\x00%s\x00%d", v.cfg.Audience, now.Unix()/int64(nonceLife/time.Second)) // a hash takes all
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// possessed judges whether who sent r holds the key that token is bound to, and uses
// the proof up. The address that a proof is for is made of the configured one: what
// the request says of host and scheme is what a thief would choose.
//
// fresh is a nonce that the answer has to bring, "" for none.
//
// Source: RFC 9449 sections 4.3, 7.1 and 9.
func (v *Verifier) possessed(r *http.Request, token AccessToken) (fresh string, err error) {
	now := v.server.now()
	proof, err := wantedProof{
		method: r.Method, address: v.cfg.PublicURL + r.URL.EscapedPath(),
		token: token.Raw, jkt: token.JKT, now: now, leeway: v.server.leeway,
	}.judge(r.Header.Values(headerProof))
	if err != nil {
		return v.nonce(now), err
	}
	if v.cfg.NonceKey != "" {
		sent := func(at time.Time) bool { return hmac.Equal([]byte(proof.nonce), []byte(v.nonce(at))) }
		switch {
		case sent(now), sent(now.Add(v.server.leeway)): // the latter of a replica that is ahead
		case sent(now.Add(-nonceLife)):
			fresh = v.nonce(now) // for the next one
		default:
			return v.nonce(now), errWantsNonce
		}
	}
	first, err := v.cfg.Replays.FirstUse(r.Context(), proof.key, proof.until.Add(v.server.leeway))
	switch {
	case err != nil:
		return "", errors.Join(ErrUnavailable, err)
	case !first:
		return v.nonce(now), proofError("it was used before")
	}
	return fresh, nil
}
