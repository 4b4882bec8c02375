package setup

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// checkMethods wants one way, or the two ways of sending a secret. An app that signs
// has no secret beside its key, and one that proves nothing has nothing else: a
// weaker way would be the one that a thief uses.
func checkMethods(methods []string) error {
	var errs []error
	secret := []string{identity.AuthBasic, identity.AuthPost}
	for _, m := range methods {
		if !slices.Contains(append(secret, identity.AuthPrivateKeyJWT, identity.AuthNone), m) {
			errs = append(errs, fmt.Errorf("auth_methods: %q is not one of client_secret_basic, client_secret_post, private_key_jwt, none", m))
		}
	}
	alone := slices.Contains(methods, identity.AuthNone) || slices.Contains(methods, identity.AuthPrivateKeyJWT)
	if len(methods) == 0 || len(methods) > 1 && alone {
		errs = append(errs, errors.New("auth_methods: name at least one method; none stands alone, and so does private_key_jwt"))
	}
	return errors.Join(errs...)
}

// checkKeys refuses keys that the server could not use, and an app that is to sign
// and has none.
//
// Source: OpenID Connect Dynamic Client Registration section 2 (jwks, jwks_uri).
func (s *Setup) checkKeys(c identity.Client) error {
	var errs []error
	has := len(c.JWKS) > 0
	switch {
	case has && c.JWKSURI != "":
		errs = append(errs, errors.New("jwks, jwks_uri: give one of them, and null (or \"\") for the other"))
	case c.SignsAssertions() && !has && c.JWKSURI == "":
		errs = append(errs, errors.New("jwks, jwks_uri: private_key_jwt needs one of them"))
	}
	algs := keys.AppAlgs
	if has {
		list, err := keys.ParseSet(c.JWKS)
		if err != nil {
			errs = append(errs, fmt.Errorf("jwks: %w", err))
		}
		algs = nil
		for _, k := range list {
			algs = append(algs, k.Algs...)
		}
	}
	if c.JWKSURI != "" {
		errs = append(errs, s.checkJWKSURI(c.JWKSURI))
	}
	if (c.SignedRequests || c.RequestAlg != "") && !has && c.JWKSURI == "" {
		errs = append(errs, errors.New("require_signed_request_object, request_object_signing_alg: the app needs jwks or jwks_uri to sign with"))
	}
	if c.RequestAlg != "" && !slices.Contains(algs, c.RequestAlg) {
		errs = append(errs, fmt.Errorf("request_object_signing_alg: %q is not one of %s, or no key of jwks is for it", c.RequestAlg, strings.Join(keys.AppAlgs, ", ")))
	}
	switch {
	case c.AuthAlg == "":
	case !slices.Contains(keys.AppAlgs, c.AuthAlg):
		errs = append(errs, fmt.Errorf("token_endpoint_auth_signing_alg: %q is not one of %s", c.AuthAlg, strings.Join(keys.AppAlgs, ", ")))
	case !slices.Contains(algs, c.AuthAlg) && algs != nil:
		errs = append(errs, fmt.Errorf("token_endpoint_auth_signing_alg: no key of jwks is for %s", c.AuthAlg))
	}
	return errors.Join(errs...)
}

// checkJWKSURI wants https; http on this machine only where the server itself is
// reached so, which is one for trials.
func (s *Setup) checkJWKSURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("jwks_uri: %q is not an absolute URL without user and fragment", uri)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && web.Loopback(u.Host) && s.PublicURL.Scheme == "http" && web.Loopback(s.PublicURL.Host):
		return nil
	}
	return fmt.Errorf("jwks_uri: %q must be https", uri)
}

// checkResources wants absolute URIs without fragment, and an app that can keep a
// secret where it answers for some of them.
//
// Source: RFC 8707 section 2.
func checkResources(c identity.Client) error {
	var errs []error
	for _, list := range []struct {
		name string
		uris []string
	}{{"audiences", c.Audiences}, {"resource_server", c.ResourceServer}} {
		for _, uri := range list.uris {
			u, err := url.Parse(uri)
			if err != nil || !u.IsAbs() || strings.Contains(uri, "#") || strings.ContainsAny(uri, " \t\r\n") {
				errs = append(errs, fmt.Errorf("%s: %q is not an absolute URI without fragment", list.name, uri))
			}
		}
	}
	if len(c.ResourceServer) > 0 && c.Public() {
		errs = append(errs, errors.New("resource_server: an app without a secret may not introspect"))
	}
	return errors.Join(errs...)
}
