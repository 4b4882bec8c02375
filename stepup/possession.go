package stepup

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The limits of a proof that an API takes.
const (
	maxProof  = 8 << 10     // bytes
	maxJTI    = 128         // bytes
	proofLife = time.Minute // its iat may be this long ago
)

// proofAlgs are the algs of proofs, those that the server takes too: none with a
// shared secret, and not RS256, whose padding FAPI 2.0 refuses.
var proofAlgs = []string{"ES256", "EdDSA", "PS256"}

// errOtherKey: the proof is good, and of another key than the token is bound to.
var errOtherKey = errors.New("stepup: the proof is of another key than the token's")

// proofError says what is wrong with a proof. It tells its maker nothing that he does
// not know.
type proofError string

// Error implements error.
func (e proofError) Error() string { return "The DPoP proof is not valid: " + string(e) + "." }

// wantedProof is what a proof has to say to be good for one request.
type wantedProof struct {
	method, address string // of the request
	token           Secret
	jkt             string // of the key that the token is bound to
	now             time.Time
	leeway          time.Duration
}

// usableProof is one that is good. Whether its nonce is ours and whether it was used
// before is the caller's to ask.
type usableProof struct {
	key   string // its name in a ReplayStore
	nonce string
	until time.Time // when it is too old to be taken
}

// judge reads the proofs that came with a request.
//
// Errors: proofError; errOtherKey.
//
// Source: RFC 9449 sections 4.2, 4.3 and 7.1.
func (w wantedProof) judge(sent []string) (usableProof, error) {
	if len(sent) != 1 {
		return usableProof{}, proofError("there has to be exactly one")
	}
	if len(sent[0]) > maxProof {
		return usableProof{}, proofError("it is too long")
	}
	said, jkt, err := openProof(sent[0])
	if err != nil {
		return usableProof{}, err
	}
	r := reader{claims: said}
	jti, method, address, ath, nonce := r.text("jti"), r.text("htm"), r.text("htu"), r.text("ath"), r.text("nonce")
	until, current := w.end(&r)
	switch {
	case r.err != nil:
		return usableProof{}, proofError("a claim has another type than it should")
	case jti == "" || len(jti) > maxJTI:
		return usableProof{}, proofError("its jti is missing or too long")
	case method != w.method:
		return usableProof{}, proofError("its htm is another method")
	case !sameAddress(address, w.address):
		return usableProof{}, proofError("its htu is another address")
	case ath != hashOf(w.token):
		return usableProof{}, proofError("its ath is of another token")
	case !current:
		return usableProof{}, proofError("its time is over, or ahead")
	case !hmac.Equal([]byte(jkt), []byte(w.jkt)):
		return usableProof{}, errOtherKey
	}
	return usableProof{key: hashOf(Secret(jkt + "\x00" + jti)), nonce: nonce, until: until}, nil
}

// end is when a proof is too old to be taken, if it is not yet: made at most a minute
// ago, and not ahead by more than clocks differ. exp and nbf need not be there, and
// count where they are.
func (w wantedProof) end(r *reader) (until time.Time, current bool) {
	made, begins, ends := r.time("iat"), r.time("nbf"), r.time("exp")
	until = made.Add(proofLife)
	switch {
	case made.IsZero() || made.After(w.now.Add(w.leeway)) || w.now.After(until):
		return until, false
	case begins.After(w.now.Add(w.leeway)):
		return until, false
	case !ends.IsZero() && !w.now.Before(ends.Add(w.leeway)):
		return until, false
	}
	return until, true
}

// openProof checks type and signature of a proof, with the key that it brings along:
// it shows nothing but that its sender holds that key, whose thumbprint is jkt.
func openProof(raw string) (said claims, jkt string, err error) {
	var refused error
	find := func(t *jwt.Token) (any, error) {
		var key verifyKey
		key, refused = broughtKey(t)
		if refused != nil {
			return nil, refused
		}
		members, err := publicMembers(key.public)
		jkt = thumbprint(members)
		return key.public, err
	}
	body := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods(proofAlgs), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	_, err = parser.ParseWithClaims(raw, body, find)
	switch {
	case refused != nil:
		return nil, "", refused
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, "", proofError("it is no JWT")
	case err != nil:
		return nil, "", proofError("its signature is not of its jwk, or of an alg that is not taken")
	}
	return claims(body), jkt, nil
}

// privateMembers are those of RFC 7518 section 6 that nobody else may know.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// broughtKey is the public key in the header of a proof.
func broughtKey(t *jwt.Token) (verifyKey, error) {
	typ, _ := t.Header["typ"].(string)
	if strings.TrimPrefix(strings.ToLower(typ), "application/") != typProof {
		return verifyKey{}, proofError("its typ is not dpop+jwt")
	}
	if _, present := t.Header["crit"]; present {
		return verifyKey{}, proofError("it has extensions that are not understood")
	}
	members, _ := t.Header["jwk"].(map[string]any)
	for _, name := range privateMembers {
		if _, present := members[name]; present {
			return verifyKey{}, proofError("its jwk gives a private key away")
		}
	}
	var k jwk
	document, err := json.Marshal(members)
	if err == nil {
		err = json.Unmarshal(document, &k)
	}
	if err != nil {
		return verifyKey{}, proofError("its jwk cannot be read")
	}
	key, err := k.verifyKey()
	if err != nil || !slices.Contains(key.algs, t.Method.Alg()) {
		return verifyKey{}, proofError("its jwk is no public key for its alg")
	}
	return key, nil
}

// sameAddress reports whether two addresses are the same without their query and
// fragment: scheme and host in any letters, the port of the scheme there or not.
//
// Source: RFC 9449 section 4.3; RFC 3986 sections 6.2.2 and 6.2.3.
func sameAddress(a, b string) bool {
	x, okX := plainAddress(a)
	y, okY := plainAddress(b)
	return okX && okY && x == y
}

// plainAddress writes an address in the one way to compare it.
func plainAddress(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return "", false
	}
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, s := range segments {
		s, err = url.PathUnescape(s)
		if err != nil {
			return "", false
		}
		segments[i] = url.PathEscape(s)
	}
	return origin(u) + "/" + strings.Join(segments, "/"), true
}
