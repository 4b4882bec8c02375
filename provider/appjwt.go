package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// maxAppJWT is how long a JWT from an app may be, in bytes.
const maxAppJWT = 12 << 10

// appJWT is a JWT that an app made, taken apart. Nothing in it may be believed
// before [Provider.verifySignature] has said so.
type appJWT struct {
	Header map[string]any
	Claims jwt.MapClaims // numbers are float64
	method jwt.SigningMethod
	signed string // what the signature covers
	sig    []byte
}

// appMethods are the algs that are taken from apps: never none, never one with a
// shared secret.
var appMethods = map[string]jwt.SigningMethod{
	keys.ES256: jwt.SigningMethodES256,
	keys.PS256: jwt.SigningMethodPS256,
	keys.EdDSA: jwt.SigningMethodEdDSA,
	keys.RS256: jwt.SigningMethodRS256,
}

// readAppJWT takes raw apart. An alg that is not taken and a header that demands to
// be understood (crit) are refused: the server knows no such extension.
//
// Source: RFC 7515 sections 4.1.11 and 5.2; RFC 8725 section 3.1.
func readAppJWT(raw string) (*appJWT, bool) {
	if len(raw) > maxAppJWT {
		return nil, false
	}
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithStrictDecoding())
	token, parts, err := parser.ParseUnverified(raw, claims)
	if err != nil || len(parts) != 3 {
		return nil, false
	}
	alg, _ := token.Header["alg"].(string)
	method := appMethods[alg]
	_, critical := token.Header["crit"]
	sig, err := parser.DecodeSegment(parts[2])
	if method == nil || critical || err != nil {
		return nil, false
	}
	return &appJWT{Header: token.Header, Claims: claims, method: method, signed: parts[0] + "." + parts[1], sig: sig}, true
}

// typ is the type that t says it has, in small letters and without the prefix that
// may be left out; "" for none (RFC 7515 section 4.1.9).
func (t *appJWT) typ() (string, bool) {
	value, there := t.Header["typ"]
	text, ok := value.(string)
	return strings.TrimPrefix(strings.ToLower(text), "application/"), ok || !there
}

// kid is the name of the key that t says it was signed with.
func (t *appJWT) kid() string {
	id, _ := t.Header["kid"].(string)
	return id
}

// when is a claim that is a time. there is false for one that is missing, ok for
// one that is no time that could be meant.
func (t *appJWT) when(name string) (at time.Time, there, ok bool) {
	value, there := t.Claims[name]
	if !there {
		return time.Time{}, false, true
	}
	seconds, ok := value.(float64)
	if !ok || seconds < 0 || seconds > 1e11 {
		return time.Time{}, true, false
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true, true
}

// verifySignature reports whether app signed t, with the alg that it registered for
// the purpose, "" for any that fits its key.
//
// The header names the key and the alg, but the key says which alg it is for. A
// name that is not known makes a published set be read again, so that an app can
// change its keys without telling anybody.
//
// Errors: those of [ClientKeys.Of]; an error of its own where no key fits.
//
// Source: RFC 7515 section 6; RFC 8725 sections 3.1 and 3.2; OpenID Connect Core
// section 10.1.1 (rotation).
func (p *Provider) verifySignature(ctx context.Context, app *identity.Client, t *appJWT, alg string) error {
	if alg != "" && t.method.Alg() != alg {
		return refusedJWT("another alg than the registered one")
	}
	list, err := p.appKeys(ctx, app, false)
	if err != nil {
		return err
	}
	if t.fits(list) {
		return nil
	}
	named := slices.ContainsFunc(list, func(k keys.Public) bool { return k.ID == t.kid() && k.ID != "" })
	if app.JWKSURI == "" || named {
		return refusedJWT("no key fits")
	}
	list, err = p.appKeys(ctx, app, true)
	if err != nil {
		return err
	}
	if !t.fits(list) {
		return refusedJWT("no key fits")
	}
	return nil
}

// fits reports whether a key of list made the signature of t. Where t names a key,
// only that one is tried, and those without a name.
func (t *appJWT) fits(list []keys.Public) bool {
	for _, k := range list {
		if t.kid() != "" && k.ID != "" && k.ID != t.kid() || !slices.Contains(k.Algs, t.method.Alg()) {
			continue
		}
		if t.method.Verify(t.signed, t.sig, k.Key) == nil {
			return true
		}
	}
	return false
}

// appKeys are the keys of app. anew asks for those that it publishes now, which
// happens at most once a minute.
func (p *Provider) appKeys(ctx context.Context, app *identity.Client, anew bool) ([]keys.Public, error) {
	switch {
	case app.JWKSURI != "" && p.ClientKeys != nil:
		return p.ClientKeys.Of(ctx, app, anew)
	case len(app.JWKS) > 0:
		return keys.ParseUsable(app.JWKS)
	}
	return nil, refusedJWT("no key is registered")
}

// refusedJWT says why something that an app signed is not taken, for the log.
type refusedJWT string

// Error implements error.
func (r refusedJWT) Error() string { return "provider: signed by an app: " + string(r) }

// decoy is the key of no app. Its private part was never kept.
const decoy = "045ff4f7fecbea27163bd1dea916ce47d0a929cee80ec267fe7fa751cb955fb018791bb6dae8b8dca8ffacd90b6d36fe1cf618ed95963db3ce4bc4464cfa5bb0a5"

// verifyDecoy does the work of a signature for an app that there is not, so that
// the answer takes as long.
func (t *appJWT) verifyDecoy() error {
	point, err := hex.DecodeString(decoy)
	if err != nil {
		return fmt.Errorf("provider: decoy: %w", err)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return fmt.Errorf("provider: decoy: %w", err)
	}
	sum := sha256.Sum256([]byte(t.signed))
	_ = ecdsa.Verify(key, sum[:], big.NewInt(7), big.NewInt(11))
	return refusedJWT("no app of that name signs")
}
