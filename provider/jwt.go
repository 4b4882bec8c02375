package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/provider/keys"
)

// The types of what the server signs. They keep one kind of token from being
// taken for another (RFC 8725 section 3.11).
const (
	typAccessToken = "at+jwt" // RFC 9068 section 2.1
	typPlain       = "JWT"    // ID tokens and signed userinfo

	typIntrospection = "token-introspection+jwt" // RFC 9701 section 5
)

// The algs that the server signs and verifies with.
var signingMethods = map[string]jwt.SigningMethod{
	keys.ES256: jwt.SigningMethodES256,
	keys.RS256: jwt.SigningMethodRS256,
}

var errToken = errors.New("provider: not a valid token of this tenant")

// signJWT signs claims with key under the type typ.
func signJWT(key *keys.Key, typ string, claims jwt.MapClaims) (string, error) {
	method := signingMethods[key.Alg]
	if method == nil {
		return "", fmt.Errorf("provider: sign: no alg %s", key.Alg)
	}
	t := jwt.NewWithClaims(method, claims)
	t.Header["typ"] = typ
	t.Header["kid"] = key.ID
	signed, err := t.SignedString(key.Private)
	if err != nil {
		return "", fmt.Errorf("provider: sign: %w", err)
	}
	return signed, nil
}

// expected says which tokens [verifyJWT] takes.
type expected struct {
	Typ      string // the header's typ, in full
	Issuer   string
	Audience string // must be among aud; "" for any
	Now      time.Time
	// Expired takes a token after its end, for id_token_hint (OpenID Connect
	// RP-Initiated Logout 1.0 section 2, Core section 3.1.2.1).
	Expired bool
	// Known remembers signatures that were found good; nil: each is computed.
	Known *verified
}

// verifyJWT checks the signature of raw by a key of set, chosen by kid among
// pending, active and retired ones (T10), and then what want says. Time is
// want.Now with a leeway of clockSkew (T13).
//
// Every error is the same to the caller; it wraps errToken.
func verifyJWT(set *keys.Set, raw string, want expected) (jwt.MapClaims, error) {
	options := []jwt.ParserOption{
		jwt.WithIssuer(want.Issuer),
		jwt.WithTimeFunc(func() time.Time { return want.Now }),
		jwt.WithLeeway(clockSkew),
		jwt.WithIssuedAt(),
	}
	if want.Audience != "" {
		options = append(options, jwt.WithAudience(want.Audience))
	}
	if !want.Expired {
		options = append(options, jwt.WithExpirationRequired())
	}
	claims, err := readSigned(set, raw, want)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	err = jwt.NewValidator(options...).Validate(claims)
	if want.Expired && onlyExpired(err) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	return claims, nil
}

// readSigned are the claims of raw if one of the tenant's keys signed them.
func readSigned(set *keys.Set, raw string, want expected) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithStrictDecoding(), jwt.WithJSONNumber())
	t, parts, err := parser.ParseUnverified(raw, claims)
	if err != nil {
		return nil, err
	}
	key, err := verificationKey(set, t, want.Typ)
	if err != nil {
		return nil, err
	}
	name := verifiedName(key, raw)
	if want.Known.has(name) {
		return claims, nil
	}
	sig, err := parser.DecodeSegment(parts[2])
	if err != nil {
		return nil, err
	}
	err = t.Method.Verify(parts[0]+"."+parts[1], sig, key.Private.Public())
	if err != nil {
		return nil, err
	}
	want.Known.add(name)
	return claims, nil
}

// verificationKey picks the tenant's key by kid. The alg must be the key's own:
// the header does not choose how a key is used (RFC 8725 section 3.1).
func verificationKey(set *keys.Set, t *jwt.Token, typ string) (*keys.Key, error) {
	kid, _ := t.Header["kid"].(string)
	key, ok := set.Lookup(kid)
	if !ok || t.Method.Alg() != key.Alg || signingMethods[key.Alg] == nil || t.Header["typ"] != typ {
		return nil, errToken
	}
	return key, nil
}

// onlyExpired reports whether a token whose signature is good has nothing wrong
// with it but its age.
func onlyExpired(err error) bool {
	for _, other := range []error{
		jwt.ErrTokenMalformed, jwt.ErrTokenUnverifiable, jwt.ErrTokenSignatureInvalid,
		jwt.ErrTokenInvalidIssuer, jwt.ErrTokenInvalidAudience, jwt.ErrTokenUsedBeforeIssued,
		jwt.ErrTokenNotValidYet, jwt.ErrTokenRequiredClaimMissing, jwt.ErrInvalidType,
	} {
		if errors.Is(err, other) {
			return false
		}
	}
	return errors.Is(err, jwt.ErrTokenExpired)
}

// text is a claim that is a string, "" if it is missing or something else.
func text(claims jwt.MapClaims, name string) string {
	s, _ := claims[name].(string)
	return s
}

// audience is the aud claim: one value as a string, several as a list (RFC 7519
// section 4.1.3).
func audience(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return slices.Clone(values)
}

// setJSON adds a stored JSON value as a claim; an empty one is left out.
func setJSON(claims jwt.MapClaims, name string, value json.RawMessage) {
	if len(value) > 0 {
		claims[name] = value
	}
}
