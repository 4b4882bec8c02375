package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/url"
	"time"

	"github.com/sallyport-id/sallyport/identity"
)

// assertionType is the one kind of client assertion that is taken (RFC 7523
// section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The limits of a client assertion.
const (
	assertionLife = 5 * time.Minute // its exp may be this far ahead
	maxJTI        = 128             // bytes
)

// What is used once, for [Replays].
const replayAssertion = "client_assertion"

// Replays remembers what may be used only once.
type Replays interface {
	// FirstUse notes a use, and reports whether it was the first. Of any number that
	// use the same at once, one is told so. It is remembered until expires.
	FirstUse(ctx context.Context, tenantID, purpose string, keyHash []byte, expires time.Time) (bool, error)
}

// assertionCredentials reads a client assertion out of a form. It is not judged
// yet: who it speaks for is only what it says.
//
// Source: RFC 7523 section 2.2; RFC 7521 section 4.2 (client_id may be left out, and
// has to name the same app if it is not).
func assertionCredentials(form url.Values) (credentials, error) {
	if !form.Has("client_assertion") || !form.Has("client_assertion_type") {
		return credentials{}, invalidRequest("client_assertion and client_assertion_type belong together.")
	}
	if form.Get("client_assertion_type") != assertionType {
		return credentials{}, refusedAssertion("another client_assertion_type")
	}
	t, ok := readAppJWT(form.Get("client_assertion"))
	if !ok {
		return credentials{}, refusedAssertion("no JWT with an alg that is taken")
	}
	c := credentials{Method: identity.AuthPrivateKeyJWT, ID: text(t.Claims, "sub"), assertion: t}
	if c.ID == "" || form.Has("client_id") && form.Get("client_id") != c.ID {
		return credentials{}, refusedAssertion("sub is not the client_id")
	}
	return c, nil
}

// authenticateByAssertion returns the app that signed the assertion of c. Everything
// is judged before the assertion counts as used (T27), and it is used up once: when
// the same request is judged again, c knows.
func (p *Provider) authenticateByAssertion(ctx context.Context, realm *identity.Realm, c *credentials) (*identity.Client, error) {
	now := p.Now().UTC()
	expires, refused := judgeAssertion(c.assertion, realm.Tenant.Issuer, now)
	if refused != "" {
		return nil, refusedAssertion(refused)
	}
	app := realm.Client(c.ID)
	var err error
	if app == nil || !app.SignsAssertions() {
		err = c.assertion.verifyDecoy()
	} else {
		err = p.verifySignature(ctx, app, c.assertion, app.AuthAlg)
	}
	if err != nil {
		e := invalidClient()
		e.Cause = err
		return nil, e
	}
	if c.spent {
		return app, nil
	}
	sum := sha256.Sum256([]byte(app.ID + "\x00" + text(c.assertion.Claims, "jti")))
	first, err := p.Replays.FirstUse(ctx, realm.Tenant.ID, replayAssertion, sum[:], expires.Add(clockSkew))
	if err != nil {
		return nil, unavailable(err)
	}
	if !first {
		return nil, refusedAssertion("used before")
	}
	c.spent = true
	return app, nil
}

// judgeAssertion says what is wrong with the claims of t at now, "" for nothing, and
// when t ends.
//
// The audience is the issuer and nothing else, as one string. An assertion that is
// good for an address, or for several servers, could be taken to another one by
// whoever gets to see it.
//
// Source: RFC 7523 section 3; OpenID Connect Core section 9; FAPI 2.0 Security
// Profile section 5.3.2.1 (aud, clock skew).
func judgeAssertion(t *appJWT, issuer string, now time.Time) (expires time.Time, refused string) {
	typ, ok := t.typ()
	if !ok || typ != "" && typ != "jwt" && typ != "client-authentication+jwt" {
		return time.Time{}, "another typ"
	}
	subject := text(t.Claims, "sub")
	if subject == "" || text(t.Claims, "iss") != subject {
		return time.Time{}, "iss is not sub"
	}
	if text(t.Claims, "aud") != issuer { // a list is no text
		return time.Time{}, "aud is not the issuer alone"
	}
	jti := text(t.Claims, "jti")
	if jti == "" || len(jti) > maxJTI {
		return time.Time{}, "jti is missing or too long"
	}
	expires, there, ok := t.when("exp")
	if !there || !ok || !now.Before(expires.Add(clockSkew)) || expires.After(now.Add(assertionLife+clockSkew)) {
		return time.Time{}, "exp is missing, over or too far ahead"
	}
	for _, name := range []string{"nbf", "iat"} {
		at, _, ok := t.when(name)
		if !ok || at.After(now.Add(clockSkew)) {
			return time.Time{}, name + " is ahead"
		}
	}
	return expires, ""
}

// refusedAssertion is the one answer to every assertion that is not good. Why it is
// not is for the audit log.
func refusedAssertion(why string) *oauthError {
	e := invalidClient()
	e.Cause = refusedJWT(why)
	return e
}

// refusalOf is why an app was refused that signed something, "" for another reason.
func refusalOf(err error) string {
	why, _ := errors.AsType[refusedJWT](err)
	return string(why)
}
