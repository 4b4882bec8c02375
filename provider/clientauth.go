package provider

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/sallyport-id/sallyport/identity"
)

// credentials are how an app introduced itself.
type credentials struct {
	Method string // one of identity.AuthBasic, AuthPost, AuthPrivateKeyJWT, AuthNone
	ID     string
	Secret clientSecret // exported, or fmt would not ask it how it prints

	assertion *appJWT // for AuthPrivateKeyJWT
	spent     bool    // the assertion was found good in this very request, and is used up
}

// clientSecret is an app's secret. It never shows in a log.
type clientSecret string

// String implements [fmt.Stringer].
func (clientSecret) String() string { return "[secret]" }

// GoString implements [fmt.GoStringer].
func (clientSecret) GoString() string { return "[secret]" }

// readCredentials finds how the app introduced itself: in the Authorization
// header, by a secret in the form or by an assertion there, never in two ways.
//
// Source: RFC 6749 section 2.3 (one method a request) and 2.3.1 (both parts of
// Basic are form-urlencoded).
func readCredentials(r *http.Request, form url.Values) (credentials, error) {
	header := r.Header.Values("Authorization")
	asserted := form.Has("client_assertion") || form.Has("client_assertion_type")
	switch {
	case len(header) > 1, len(header) == 1 && (asserted || form.Has("client_secret")), asserted && form.Has("client_secret"):
		return credentials{}, invalidRequest("More than one way of client authentication was used.")
	case asserted:
		return assertionCredentials(form)
	case len(header) == 0:
		return formCredentials(form)
	}
	c, ok := basicCredentials(header[0])
	if !ok {
		return credentials{}, invalidClient()
	}
	if form.Has("client_id") && form.Get("client_id") != c.ID {
		return credentials{}, invalidRequest("The client_id of header and form differ.")
	}
	return c, nil
}

func formCredentials(form url.Values) (credentials, error) {
	c := credentials{Method: identity.AuthNone, ID: form.Get("client_id"), Secret: clientSecret(form.Get("client_secret"))}
	if c.ID == "" {
		return credentials{}, invalidClient()
	}
	if form.Has("client_secret") {
		c.Method = identity.AuthPost
	}
	return c, nil
}

// basicCredentials reads the value of an Authorization header.
func basicCredentials(header string) (credentials, bool) {
	scheme, value, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return credentials{}, false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	if err != nil {
		return credentials{}, false
	}
	id, secret, found := strings.Cut(string(raw), ":")
	if !found {
		return credentials{}, false
	}
	id, err = url.QueryUnescape(id)
	if err != nil || id == "" {
		return credentials{}, false
	}
	secret, err = url.QueryUnescape(secret)
	if err != nil {
		return credentials{}, false
	}
	return credentials{Method: identity.AuthBasic, ID: id, Secret: clientSecret(secret)}, true
}

// authenticate returns the app of realm that c proves to be, at whichever endpoint.
// An assertion costs one statement, the first time that it is judged in a request;
// the other methods none.
//
// Errors: an [*oauthError], invalid_client unless the server itself is at fault.
func (p *Provider) authenticate(ctx context.Context, realm *identity.Realm, c *credentials) (*identity.Client, error) {
	if c.Method == identity.AuthPrivateKeyJWT {
		return p.authenticateByAssertion(ctx, realm, c)
	}
	return authenticateBySecret(p.Secrets, realm, *c)
}

// authenticateBySecret returns the app of realm that c proves to be. An app that
// does not exist, is disabled, may not use this method or has another secret: all
// are the same error, after the same work.
func authenticateBySecret(secrets Secrets, realm *identity.Realm, c credentials) (*identity.Client, error) {
	app := realm.Client(c.ID)
	known, err := secretMatches(secrets, realm.Tenant.ID, app, c)
	if err != nil {
		return nil, err
	}
	if app == nil || !identity.Allows(app.AuthMethods, c.Method) {
		return nil, invalidClient()
	}
	if c.Method != identity.AuthNone && !known {
		return nil, invalidClient()
	}
	return app, nil
}

// secretMatches compares c with every secret of app, always all of them, in
// constant time. For an app that there is not it does the same work on a hash
// that nothing matches.
//
// Secrets are generated and hold 256 bits, so a keyed hash is enough and takes
// a microsecond where a password hash would take a third of a second (T22).
func secretMatches(secrets Secrets, tenantID string, app *identity.Client, c credentials) (bool, error) {
	kept := []identity.SecretHash{{PepperID: secrets.CurrentClientPepper(), MAC: nil}}
	if app != nil && len(app.Secrets) > 0 {
		kept = app.Secrets
	}
	matched := false
	var missing error
	for _, k := range kept {
		mac, err := secrets.ClientSecretMAC(k.PepperID, tenantID, c.ID, string(c.Secret))
		if err != nil {
			missing = err
			continue
		}
		equal := hmac.Equal(mac, k.MAC)
		matched = matched || equal
	}
	if !matched && missing != nil && c.Method != identity.AuthNone {
		// A pepper is gone from the key ring: the server's fault, not the app's.
		return false, oauthServerError(missing)
	}
	return matched, nil
}

// oauthServerError tells the app nothing but that the fault is ours.
func oauthServerError(cause error) *oauthError {
	e := oauthErr(codeServerError, describe(codeServerError))
	e.Cause = cause
	return e
}
