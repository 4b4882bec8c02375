package provider

import (
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/provider/keys"
)

// The limits of a DPoP proof.
const (
	maxProof  = 8 << 10     // bytes
	proofLife = time.Minute // its iat may be this long ago
	typProof  = "dpop+jwt"  // RFC 9449 section 4.2
)

// proofAlgs are the algs of proofs: none with a shared secret, and not RS256, whose
// padding FAPI 2.0 refuses.
var proofAlgs = []string{keys.ES256, keys.EdDSA, keys.PS256}

// dpopProof is a proof that its sender holds a private key. The zero value is that of
// a request without one.
type dpopProof struct {
	JKT string // RFC 7638 thumbprint of the key, base64url; "" where no proof was sent

	jti, nonce string
	until      time.Time // when it is too old to be taken
}

// wantedProof is what a proof has to say to be good at one endpoint.
type wantedProof struct {
	Method, URL string
	Token       string // the access token that it comes with; "" for none
	Now         time.Time
}

// judgeProof reads a proof, and says what is wrong with it, "" for nothing. Whether
// its nonce is ours and whether it was used before is the caller's to ask.
//
// The key is the one that the proof brings along: it proves nothing but that its
// sender holds that key, and everything that the key is good for has to be compared
// with its thumbprint.
//
// Source: RFC 9449 sections 4.2 and 4.3.
func judgeProof(raw string, want wantedProof) (proof dpopProof, refused string) {
	if len(raw) > maxProof {
		return dpopProof{}, "it is too long"
	}
	t, ok := readAppJWT(raw)
	if !ok || !slices.Contains(proofAlgs, t.method.Alg()) {
		return dpopProof{}, "it is no JWT with an alg that is taken"
	}
	typ, _ := t.typ()
	if typ != typProof {
		return dpopProof{}, "its typ is not dpop+jwt"
	}
	proof.JKT, ok = t.ownKey()
	if !ok {
		return dpopProof{}, "its jwk is no public key that made the signature"
	}
	proof.jti, proof.nonce = text(t.Claims, "jti"), text(t.Claims, "nonce")
	switch {
	case proof.jti == "" || len(proof.jti) > maxJTI:
		return dpopProof{}, "its jti is missing or too long"
	case text(t.Claims, "htm") != want.Method:
		return dpopProof{}, "its htm is another method"
	case !sameURL(text(t.Claims, "htu"), want.URL):
		return dpopProof{}, "its htu is another address"
	case want.Token != "" && text(t.Claims, "ath") != hashOf(want.Token):
		return dpopProof{}, "its ath is of another token"
	}
	proof.until, ok = t.proofEnd(want.Now)
	if !ok {
		return dpopProof{}, "its time is over, or ahead"
	}
	return proof, ""
}

// ownKey is the thumbprint of the key that t brings along, if it is public and made
// the signature.
func (t *appJWT) ownKey() (jkt string, ok bool) {
	document, err := json.Marshal(t.Header["jwk"])
	if err != nil {
		return "", false
	}
	key, err := keys.ParseKey(document)
	if err != nil || !slices.Contains(key.Algs, t.method.Alg()) || t.method.Verify(t.signed, t.sig, key.Key) != nil {
		return "", false
	}
	jkt, err = keys.Thumbprint(key.Key)
	return jkt, err == nil
}

// proofEnd is when the proof t is too old to be taken, if it is good at now: made at
// most a minute ago, and not ahead by more than clocks differ. exp and nbf need not be
// there, and count where they are.
func (t *appJWT) proofEnd(now time.Time) (until time.Time, ok bool) {
	made, there, ok := t.when("iat")
	if !ok || !there || made.After(now.Add(clockSkew)) || now.After(made.Add(proofLife)) {
		return time.Time{}, false
	}
	begins, _, okBegins := t.when("nbf")
	ends, ending, okEnds := t.when("exp")
	if !okBegins || !okEnds || begins.After(now.Add(clockSkew)) || ending && !now.Before(ends.Add(clockSkew)) {
		return time.Time{}, false
	}
	return made.Add(proofLife), true
}

// sameURL reports whether two addresses are the same without their query and
// fragment: scheme and host in any letters, the port of the scheme there or not.
//
// Source: RFC 9449 section 4.3; RFC 3986 sections 6.2.2 and 6.2.3.
func sameURL(a, b string) bool {
	x, okX := plainURL(a)
	y, okY := plainURL(b)
	return okX && okY && x == y
}

// plainURL writes an address in the one way to compare it.
func plainURL(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return "", false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		s, err = url.PathUnescape(s)
		if err != nil {
			return "", false
		}
		segments[i] = url.PathEscape(s)
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port) + strings.Join(segments, "/"), true
}

// boundKey is the thumbprint of the key that an access token is bound to, "" for none.
// ok is false for a token that is bound in a way that the server does not know.
//
// Source: RFC 9449 section 6.1.
func boundKey(access jwt.MapClaims) (jkt string, ok bool) {
	confirmation, there := access["cnf"]
	if !there {
		return "", true
	}
	members, _ := confirmation.(map[string]any)
	jkt, _ = members["jkt"].(string)
	return jkt, jkt != ""
}
