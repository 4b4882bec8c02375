package stepup

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// contextKey is the type of the one key under which the token travels.
type contextKey struct{}

// FromContext returns the access token that [Verifier.Require] let pass, and
// false outside of a handler behind it.
func FromContext(ctx context.Context) (AccessToken, bool) {
	t, ok := ctx.Value(contextKey{}).(AccessToken)
	return t, ok
}

// Require returns middleware that lets a request pass if its access token is valid,
// its sender holds the key that it is bound to, if it is, and it meets req. Otherwise
// it answers:
//
//   - no token: 401 with a bare challenge of each scheme that is taken
//   - a token that is not valid; one that is bound to a key as a bearer token, or the
//     other way round; one that is not bound where [VerifierConfig.RequireDPoP] is set;
//     one with a proof of another key: 401 invalid_token
//   - a proof that is not good, or was used before: 401 invalid_dpop_proof
//   - a proof without our nonce: 401 use_dpop_nonce, with DPoP-Nonce
//   - a scope is missing: 403 insufficient_scope
//   - acr or auth_time do not do: 401 insufficient_user_authentication, with the
//     acr_values and max_age that would
//   - the server's keys or the used proofs cannot be read: 503
//
// A proof is used up before req is looked at.
//
// The handler behind it finds the token with [FromContext]. A token passes until
// it expires: a handler that carries out a confirmed action has to take each
// [AccessToken.ID] once.
//
// Source: RFC 6750 section 3; RFC 9449 sections 7.1 and 7.2; RFC 9470 section 3.
func (v *Verifier) Require(req Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, verdict := v.admit(r)
			if verdict.status == http.StatusOK {
				verdict.status, verdict.challenges = v.judge(token, req)
			}
			if verdict.nonce != "" {
				w.Header().Set(headerNonce, verdict.nonce)
				w.Header().Set("Cache-Control", "no-store") // RFC 9449 section 8.2
			}
			if verdict.status != http.StatusOK {
				refuse(w, verdict.status, verdict.challenges...)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
		})
	}
}

// judge compares a valid token with req. The scope comes first: a user should
// not be asked to confirm what the client may not do anyway.
func (v *Verifier) judge(token AccessToken, req Requirement) (status int, challenges []string) {
	bound := token.JKT != ""
	if !req.covers(token.Scope) {
		return http.StatusForbidden, challenge(bound, param("error", "insufficient_scope"), param("scope", req.Scope))
	}
	if !req.shown(token.ACR, token.AuthTime, v.server.now(), v.server.leeway) {
		return http.StatusUnauthorized, challenge(bound, req.challenge().params()...)
	}
	return http.StatusOK, nil
}

// verdict is how a request is answered; it goes on with status 200 alone.
type verdict struct {
	status     int
	challenges []string
	nonce      string // for the next proof; "" for none
}

// admit judges the token of r and, if that is bound to a key, who sent it.
func (v *Verifier) admit(r *http.Request) (AccessToken, verdict) {
	sent, takesDPoP := presentedIn(r.Header), v.cfg.PublicURL != ""
	if !sent.found {
		return AccessToken{}, verdict{status: http.StatusUnauthorized, challenges: v.bare()}
	}
	token, err := v.open(r.Context(), sent.token)
	bound := token.JKT != ""
	switch {
	case err == nil && bound && sent.dpop && takesDPoP:
		nonce, err := v.possessed(r, token)
		return token, refusal(err, true, nonce)
	case err == nil && !bound && !sent.dpop && !v.cfg.RequireDPoP:
		return token, verdict{status: http.StatusOK}
	case err == nil:
		err = badToken("it came in the wrong scheme")
	}
	return AccessToken{}, refusal(err, takesDPoP && (sent.dpop || bound || v.cfg.RequireDPoP), "")
}

// bare are the challenges of a request that brings no token at all.
//
// Source: RFC 6750 section 3.1 (no error code).
func (v *Verifier) bare() []string {
	switch {
	case v.cfg.RequireDPoP:
		return challenge(true)
	case v.cfg.PublicURL != "":
		return append(challenge(false), challenge(true)...)
	}
	return challenge(false)
}

// refusal answers a token or a proof that err is about, or none. What was wrong with a
// token is not said: only its maker can help, and an attacker would learn. What was
// wrong with a proof is: its maker is the caller.
//
// Source: RFC 9449 section 7.1.
func refusal(err error, dpop bool, nonce string) verdict {
	wrong, isProof := errors.AsType[proofError](err)
	var params []string
	switch {
	case err == nil:
		return verdict{status: http.StatusOK, nonce: nonce}
	case isProof:
		params = []string{param("error", "invalid_dpop_proof"), param("error_description", wrong.Error())}
	case errors.Is(err, errWantsNonce):
		params = []string{param("error", codeUseNonce)}
	case errors.Is(err, ErrToken), errors.Is(err, errOtherKey):
		params = []string{param("error", "invalid_token")}
	default:
		return verdict{status: http.StatusServiceUnavailable}
	}
	return verdict{status: http.StatusUnauthorized, challenges: challenge(dpop, params...), nonce: nonce}
}

// challenge is one value of WWW-Authenticate. That of bound tokens names the algs of
// proofs.
func challenge(dpop bool, params ...string) []string {
	scheme := schemeBearer
	if dpop {
		scheme, params = schemeDPoP, append(params, param("algs", strings.Join(proofAlgs, " ")))
	}
	return []string{strings.TrimSuffix(scheme+" "+strings.Join(params, ", "), " ")}
}

func refuse(w http.ResponseWriter, status int, challenges ...string) {
	for _, c := range challenges {
		w.Header().Add("WWW-Authenticate", c)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}

// RequireProof returns middleware for an app that has its own session: it lets a
// request pass if get finds a proof of this client's issuer in the session that
// meets req, and calls
// onMissing otherwise. onMissing usually calls [Client.Start] with
// req.StartOptions() and redirects; nil answers 401.
//
// The proof is not spent by passing. An app that carries out a confirmed action
// removes the proof from its session in the same step, so that it counts once.
// Tokens may be expired: MaxAge, not their lifetime, says how old a proof may be.
func (c *Client) RequireProof(get func(*http.Request) (Proof, bool), req Requirement, onMissing http.Handler) func(http.Handler) http.Handler {
	if onMissing == nil {
		onMissing = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusUnauthorized)
		})
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			proof, ok := get(r)
			if !ok || !c.meets(proof, req) {
				onMissing.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// meets reports whether p, which came out of the app's session, meets req. A
// proof of another tenant does not: its subject means somebody else.
func (c *Client) meets(p Proof, req Requirement) bool {
	ours := p.Subject != "" && p.Claims["iss"] == c.cfg.Issuer
	return ours && req.covers(p.Scope) && req.shown(p.ACR, p.AuthTime, c.server.now(), c.server.leeway)
}
