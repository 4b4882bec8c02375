package stepup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	defaultLeeway = 10 * time.Second
	maxLeeway     = time.Minute
)

// signingAlgs are the signatures that are accepted. "none" and the HS family,
// which would make a public key or a client's secret a signing key, are not
// among them and cannot be added.
var signingAlgs = []string{"ES256", "RS256", "PS256", "EdDSA"}

// metadata is the part of the discovery document that is used here.
//
// Source: OpenID Connect Discovery section 3; RFC 9126 section 5; RFC 9207 section 3;
// RFC 9396 section 10; RFC 9449 section 5.1.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	Push          string   `json:"pushed_authorization_request_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	IDTokenAlgs   []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	ACRValues     []string `json:"acr_values_supported"`
	DetailTypes   []string `json:"authorization_details_types_supported"`
	ProofAlgs     []string `json:"dpop_signing_alg_values_supported"`
	IssInResponse bool     `json:"authorization_response_iss_parameter_supported"`
}

// authServer is what a client and a verifier both know of the server.
type authServer struct {
	meta   metadata
	http   *http.Client
	keys   *keySet
	now    func() time.Time
	leeway time.Duration
}

// connect reads the discovery document of issuer and checks it.
//
// Errors: [ErrUnavailable] if it may be there later; any other is a mistake in the
// arguments, such as an issuer that has no document, or a document that is not sound.
func connect(ctx context.Context, issuer string, c *http.Client, now func() time.Time, leeway time.Duration) (*authServer, error) {
	base, err := secureURL(issuer)
	if err != nil {
		return nil, fmt.Errorf("stepup: issuer: %w", err)
	}
	if base.RawQuery != "" || base.ForceQuery {
		return nil, errors.New("stepup: issuer: must not have a query")
	}
	if leeway < 0 || leeway > maxLeeway {
		return nil, fmt.Errorf("stepup: leeway: must be between 0 and %s", maxLeeway)
	}
	if leeway == 0 {
		leeway = defaultLeeway
	}
	if now == nil {
		now = time.Now
	}

	s := &authServer{http: guarded(c), now: now, leeway: leeway}
	address := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	err = getJSON(ctx, s.http, "discovery", address, &s.meta)
	missing, ok := errors.AsType[*statusError](err)
	if ok && missing.permanent() {
		return nil, fmt.Errorf("stepup: discovery: %s answered %d; check the issuer", address, missing.status)
	}
	if err != nil {
		return nil, err
	}
	err = s.meta.check(issuer, base)
	if err != nil {
		return nil, fmt.Errorf("stepup: discovery: %w", err)
	}
	s.keys = newKeySet(s.http, s.meta.JWKS, now)
	return s, nil
}

// withReceiptKeys is the same server, whose signatures are checked with the keys of its
// receipts.
func (s *authServer) withReceiptKeys() *authServer {
	other := *s
	other.keys = newKeySet(s.http, s.path("/receipts/jwks"), s.now)
	return &other
}

// path is the address of something below the issuer.
func (s *authServer) path(of string) string { return strings.TrimSuffix(s.meta.Issuer, "/") + of }

// check refuses a document that another issuer wrote, or whose endpoints are
// less protected than the issuer itself.
//
// Source: OpenID Connect Discovery section 4.3 (the issuer must be identical).
func (m metadata) check(issuer string, base *url.URL) error {
	if m.Issuer != issuer {
		return fmt.Errorf("issuer is %q, want exactly %q", printable(m.Issuer, 200), issuer)
	}
	endpoints := []struct {
		name, address string
		required      bool
	}{
		{"authorization_endpoint", m.Authorization, true},
		{"token_endpoint", m.Token, true},
		{"jwks_uri", m.JWKS, true},
		{"userinfo_endpoint", m.Userinfo, false},
		{"pushed_authorization_request_endpoint", m.Push, false},
	}
	for _, e := range endpoints {
		if e.address == "" && !e.required {
			continue
		}
		u, err := secureURL(e.address)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		if base.Scheme == "https" && u.Scheme != "https" {
			return fmt.Errorf("%s: must be https as the issuer is", e.name)
		}
	}
	if m.IDTokenAlgs != nil && len(m.algs()) == 0 {
		return errors.New("none of the server's signing algorithms is accepted")
	}
	return nil
}

// algs returns which of the accepted signatures the server says it uses for ID
// tokens, or all of them if it does not say.
func (m metadata) algs() []string {
	if m.IDTokenAlgs == nil {
		return signingAlgs
	}
	return slices.DeleteFunc(slices.Clone(signingAlgs), func(alg string) bool {
		return !slices.Contains(m.IDTokenAlgs, alg)
	})
}
