package setup

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

var (
	slugShape   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	clientShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$`)
)

// minSecret is the shortest secret that is taken over from a file, in bytes: it
// is kept as a keyed hash without a work factor, so it must not be guessable.
const minSecret = 32

func (s *Setup) putClient(ctx context.Context, t identity.Tenant, rules policy.Policy, in Client) ([]string, error) {
	if !clientShape.MatchString(in.ID) {
		return nil, errors.New("client_id must be 1 to 128 of letters, digits, . _ ~ and -, and begin with a letter or digit")
	}
	row, err := s.Rows.Client(ctx, t.ID, in.ID)
	fresh := errors.Is(err, identity.ErrNotFound)
	if err != nil && !fresh {
		return nil, err
	}
	if fresh {
		row = newClient(t.ID, in.ID)
		row.CreatedAt = s.Now()
	}
	before := plain(row) // a copy: decoding writes over the lists that are there
	err = overlay(in.Members, &row, []string{"client_id", "client_secret"}, []string{"secrets", "created_at"})
	if err != nil {
		return nil, err
	}
	if string(row.JWKS) == "null" {
		row.JWKS = nil // that is how a file takes it away
	}
	lines, err := s.secret(t, &row, in.Secret)
	if err != nil {
		return nil, err
	}
	err = errors.Join(checkClient(row), s.checkKeys(row), checkResources(row))
	if err != nil {
		return nil, err
	}
	changed, err := s.Rows.PutClient(ctx, row)
	if err != nil || !changed {
		return nil, err
	}
	what := "client " + in.ID + " created"
	if !fresh {
		what = "client " + in.ID + " changed: " + list(clientChanges(before, row))
	}
	return append(append([]string{what}, lines...), clientDoubts(row, in.Members, fresh, rules)...), nil
}

func newClient(tenantID, id string) identity.Client {
	return identity.Client{
		TenantID: tenantID, ID: id, Name: id, GrantTypes: []string{"authorization_code"}, Scopes: []string{"openid"},
		AuthMethods: []string{identity.AuthBasic}, IDTokenAlg: "ES256", ACRMode: identity.ACRRequired,
	}
}

// secret sets the app's secret, or makes one where it needs one and has none.
func (s *Setup) secret(t identity.Tenant, row *identity.Client, given string) ([]string, error) {
	var lines []string
	switch {
	case row.Public():
		return nil, nil
	case row.SignsAssertions():
		if given != "" {
			return nil, errors.New("client_secret: an app with private_key_jwt has no secret")
		}
		row.Secrets = nil
		return nil, nil
	case given == "" && len(row.Secrets) > 0:
		return nil, nil
	case given == "":
		given = newSecret()
		lines = []string{"client " + row.ID + " secret, shown only now: " + given}
	case len(given) < minSecret:
		return nil, fmt.Errorf("client_secret must have at least %d characters; leave it out and one is made", minSecret)
	}
	for _, old := range row.Secrets {
		if hmac.Equal(old.MAC, s.secretMAC(t, row.ID, old.PepperID, given)) {
			return nil, nil
		}
	}
	pepper := s.Ring.Current(seal.PepperClient)
	row.Secrets = []identity.SecretHash{{PepperID: pepper, MAC: s.secretMAC(t, row.ID, pepper, given)}}
	return lines, nil
}

func (s *Setup) secretMAC(t identity.Tenant, clientID, pepper, secret string) []byte {
	return s.Ring.MAC(seal.PepperClient, pepper, t.ID, []byte(clientID), []byte(secret))
}

// checkClient refuses a registration that could not work, or not safely.
func checkClient(c identity.Client) error {
	var errs []error
	for _, uri := range c.RedirectURIs {
		errs = append(errs, checkRedirect(uri))
	}
	errs = append(errs, checkMethods(c.AuthMethods))
	for _, g := range c.GrantTypes {
		if !slices.Contains([]string{"authorization_code", "refresh_token", "client_credentials"}, g) {
			errs = append(errs, fmt.Errorf("grant_types: %q is not one of authorization_code, refresh_token, client_credentials", g))
		}
	}
	if c.Public() && (c.PKCEOptional || slices.Contains(c.GrantTypes, "client_credentials")) {
		errs = append(errs, errors.New("a client without a secret needs PKCE and has no client_credentials"))
	}
	if c.IDTokenAlg != "ES256" && c.IDTokenAlg != "RS256" {
		errs = append(errs, fmt.Errorf("id_token_signed_response_alg: %q is not one of ES256, RS256", c.IDTokenAlg))
	}
	if c.UserinfoAlg != "" && c.UserinfoAlg != "ES256" && c.UserinfoAlg != "RS256" {
		errs = append(errs, fmt.Errorf("userinfo_signed_response_alg: %q is not one of ES256, RS256", c.UserinfoAlg))
	}
	if c.IntrospectionAlg != "" && c.IntrospectionAlg != "ES256" && c.IntrospectionAlg != "RS256" {
		errs = append(errs, fmt.Errorf("introspection_signed_response_alg: %q is not one of ES256, RS256", c.IntrospectionAlg))
	}
	if c.ACRMode != identity.ACRRequired && c.ACRMode != identity.ACRVoluntary {
		errs = append(errs, fmt.Errorf("acr_mode: %q is not one of required, voluntary", c.ACRMode))
	}
	errs = append(errs, checkVouching(c))
	if c.MinACR != "" && consent.PolicyClass(c.MinACR) == consent.ClassNone {
		errs = append(errs, fmt.Errorf("min_acr: %q is not a class of session", c.MinACR))
	}
	return errors.Join(errs...)
}

// checkVouching: the word of an app stands for a login here, so it must be the tenant's own
// app, it signs what it says, and the actions that it is good for are named.
func checkVouching(c identity.Client) error {
	switch {
	case c.VouchedACR == "":
		return nil
	case c.Public() || len(c.JWKS) == 0 && c.JWKSURI == "":
		return errors.New("vouched_acr: the app has to sign: give it jwks or jwks_uri")
	case !c.FirstParty:
		return errors.New("vouched_acr: only an app of the tenant's own may vouch: first_party: true")
	case len(c.Actions) == 0:
		return errors.New("vouched_acr: list the actions that the app may vouch for in actions")
	case consent.VouchedClass(&c) == consent.ClassNone: // which has no word for the others
		return fmt.Errorf("vouched_acr: %q is not one of 1fa, 2sv, mfa", c.VouchedACR)
	}
	return nil
}

// checkRedirect wants an absolute URI without fragment: https, http on loopback,
// or a private-use scheme of a native app (RFC 8252 section 7).
func checkRedirect(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "" || u.Fragment != "" || u.Opaque != "":
		return fmt.Errorf("redirect_uris: %q is not an absolute URI without fragment", uri)
	case u.Scheme == "http" && !web.Loopback(u.Host):
		return fmt.Errorf("redirect_uris: %q must be https, except on loopback", uri)
	case slices.Contains([]string{"javascript", "data", "file", "about", "blob", "vbscript"}, u.Scheme):
		return fmt.Errorf("redirect_uris: %q has a scheme that cannot be sent to", uri)
	}
	return nil
}
