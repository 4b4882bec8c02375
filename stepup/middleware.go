package stepup

import (
	"context"
	"errors"
	"net/http"
)

// contextKey is the type of the one key under which the token travels.
type contextKey struct{}

// FromContext returns the access token that [Verifier.Require] let pass, and
// false outside of a handler behind it.
func FromContext(ctx context.Context) (AccessToken, bool) {
	t, ok := ctx.Value(contextKey{}).(AccessToken)
	return t, ok
}

// Require returns middleware that lets a request pass if its bearer token is
// valid and meets req. Otherwise it answers:
//
//   - no token: 401 with a bare challenge
//   - a token that is not valid: 401 invalid_token
//   - a scope is missing: 403 insufficient_scope
//   - acr or auth_time do not do: 401 insufficient_user_authentication, with the
//     acr_values and max_age that would
//   - the server's keys cannot be read: 503
//
// The handler behind it finds the token with [FromContext]. A token passes until
// it expires: a handler that carries out a confirmed action has to take each
// [AccessToken.ID] once.
//
// Source: RFC 6750 section 3; RFC 9470 section 3.
func (v *Verifier) Require(req Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, found := bearer(r.Header)
			if !found {
				refuse(w, http.StatusUnauthorized, "Bearer")
				return
			}
			token, err := v.Verify(r.Context(), raw)
			if err != nil {
				refuseToken(w, err)
				return
			}
			status, header := v.judge(token, req)
			if status != http.StatusOK {
				refuse(w, status, header)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
		})
	}
}

// judge compares a valid token with req. The scope comes first: a user should
// not be asked to confirm what the client may not do anyway.
func (v *Verifier) judge(token AccessToken, req Requirement) (status int, header string) {
	if !req.covers(token.Scope) {
		return http.StatusForbidden, "Bearer " + param("error", "insufficient_scope") + ", " + param("scope", req.Scope)
	}
	if !req.shown(token.ACR, token.AuthTime, v.server.now(), v.server.leeway) {
		return http.StatusUnauthorized, req.challenge().Header()
	}
	return http.StatusOK, ""
}

// refuseToken answers a token that could not be verified. What was wrong with
// it is not said: only its maker can help, and an attacker would learn.
func refuseToken(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrToken) {
		refuse(w, http.StatusUnauthorized, "Bearer "+param("error", "invalid_token"))
		return
	}
	refuse(w, http.StatusServiceUnavailable, "")
}

func refuse(w http.ResponseWriter, status int, challenge string) {
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
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
			refuse(w, http.StatusUnauthorized, "")
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
