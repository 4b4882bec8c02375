package stepup

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The words of RFC 9449 that client and API both use.
const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
	headerProof  = "DPoP"
	headerNonce  = "DPoP-Nonce"
	typProof     = "dpop+jwt"       // section 4.2
	codeUseNonce = "use_dpop_nonce" // section 8
)

const (
	maxNonce   = 512 // bytes of a nonce that is remembered
	maxOrigins = 100 // servers whose nonce is remembered
)

// holder is the key that the app's tokens are bound to, and the nonces that servers
// want to see in its proofs. A nil holder binds nothing. It is safe for use by several
// goroutines at once.
type holder struct {
	key    crypto.Signer // ECDSA on P-256
	public map[string]string
	jkt    string // RFC 7638 thumbprint
	now    func() time.Time

	mu     sync.Mutex
	nonces map[string]string // by origin
}

// newHolder returns nil, a holder that binds nothing, for no key.
func newHolder(key crypto.Signer, now func() time.Time) (*holder, error) {
	if key == nil {
		return nil, nil
	}
	public, err := publicMembers(key.Public())
	if err != nil {
		return nil, err
	}
	return &holder{key: key, public: public, jkt: thumbprint(public), now: now, nonces: map[string]string{}}, nil
}

// thumbprint is what goes as dpop_jkt, "" without a key.
func (h *holder) thumbprint() string {
	if h == nil {
		return ""
	}
	return h.jkt
}

// scheme is how access tokens are presented, and their type.
func (h *holder) scheme() string {
	if h == nil {
		return schemeBearer
	}
	return schemeDPoP
}

// present adds the access token to req, and the proof where it is bound.
//
// Source: RFC 6750 section 2.1; RFC 9449 section 7.1.
func (h *holder) present(req *http.Request, token Secret) error {
	req.Header.Set("Authorization", h.scheme()+" "+string(token))
	return h.prove(req, token)
}

// request is a request with an access token, whose body is body as JSON if it is not
// nil.
func (h *holder) request(ctx context.Context, method, address string, token Secret, body any) (*http.Request, error) {
	var content []byte
	if body != nil {
		var err error
		content, err = json.Marshal(body)
		if err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, h.present(req, token)
}

// prove adds a proof for req and nothing else. token is the access token that goes
// along, "" at the endpoints that give tokens.
//
// Source: RFC 9449 section 4.2.
func (h *holder) prove(req *http.Request, token Secret) error {
	if h == nil {
		return nil
	}
	said := jwt.MapClaims{"jti": string(random()), "htm": req.Method, "htu": target(req.URL), "iat": h.now().Unix()}
	if token != "" {
		said["ath"] = hashOf(token)
	}
	h.mu.Lock()
	nonce := h.nonces[origin(req.URL)]
	h.mu.Unlock()
	if nonce != "" {
		said["nonce"] = nonce
	}
	proof := jwt.NewWithClaims(jwt.SigningMethodES256, said)
	proof.Header["typ"], proof.Header["jwk"] = typProof, h.public
	text, err := proof.SigningString()
	if err != nil {
		return fmt.Errorf("DPoP proof: %w", err)
	}
	signature, err := signES256(h.key, text)
	if err != nil {
		return fmt.Errorf("DPoP proof: %w", err)
	}
	req.Header.Set(headerProof, text+"."+base64.RawURLEncoding.EncodeToString(signature))
	return nil
}

// learn remembers the nonce of an answer from u, for the next proof, and reports
// whether there was one.
//
// Source: RFC 9449 sections 8.1 and 8.2.
func (h *holder) learn(u *url.URL, answer http.Header) bool {
	sent := answer.Values(headerNonce)
	if h == nil || len(sent) != 1 || !validNonce(sent[0]) {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	at := origin(u)
	if _, known := h.nonces[at]; !known && len(h.nonces) >= maxOrigins {
		clear(h.nonces) // each costs one more request to learn again
	}
	h.nonces[at] = sent[0]
	return true
}

// validNonce reports whether v is a nonce as RFC 9449 section 8.1 writes it.
func validNonce(v string) bool { return len(v) <= maxNonce && validACR(v) }

// wantsNonce reports whether an answer refuses a proof for want of the nonce that it
// brings: at the endpoints of the server by its body, at an API by its challenge.
//
// Source: RFC 9449 sections 8 and 9.
func wantsNonce(status int, answer http.Header, body []byte) bool {
	switch status {
	case http.StatusBadRequest:
		var e struct {
			Code string `json:"error"`
		}
		return json.Unmarshal(body, &e) == nil && e.Code == codeUseNonce
	case http.StatusUnauthorized:
		return challengedFor(answer, codeUseNonce)
	}
	return false
}

// challengedFor reports whether a DPoP challenge of an answer has the error code.
func challengedFor(answer http.Header, code string) bool {
	for _, value := range answer.Values("WWW-Authenticate") {
		if len(value) > maxHeader {
			continue
		}
		all, _ := parseHeader(value)
		for _, raw := range all {
			if strings.EqualFold(raw.scheme, schemeDPoP) && raw.params["error"] == code {
				return true
			}
		}
	}
	return false
}

// call sends the request that build makes to the server. Where the server wants its
// nonce in the proof, a new request is made with it and sent, once: an assertion and
// a proof are used once.
//
// Errors: [ErrUnavailable]; any other error is one of build.
//
// Source: RFC 9449 section 8.
func (s *authServer) call(what string, h *holder, build func() (*http.Request, error)) (response, error) {
	for tries := 2; ; tries-- {
		req, err := build()
		if err != nil {
			return response{}, fmt.Errorf("stepup: %s: %w", what, err)
		}
		got, err := exchange(s.http, req)
		if err != nil {
			return response{}, fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
		}
		if !h.learn(req.URL, got.header) || tries == 1 || !wantsNonce(got.status, got.header, got.body) {
			return got, nil
		}
	}
}

// hashOf is the ath of a proof. Source: RFC 9449 section 4.2.
func hashOf(token Secret) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// target is the htu of a request to u: no query, no fragment. A request for nothing is
// one for "/". Source: RFC 9449 section 4.2; RFC 9110 section 7.1.
func target(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + u.Host + path
}

// origin is what one server is: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
