package identity

import (
	"encoding/json"
	"time"
)

// ACRMode says how a client's acr_values are read: necessary, as RFC 9470
// section 4 reads them, or voluntary, as OpenID Connect Core 3.1.2.1 does.
type ACRMode string

// The readings of acr_values.
const (
	ACRRequired  ACRMode = "required"
	ACRVoluntary ACRMode = "voluntary"
)

// The client authentication methods of OpenID Connect Core section 9 that the
// server has.
const (
	AuthBasic         = "client_secret_basic"
	AuthPost          = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt" // a statement that the app signs; stands alone
	AuthNone          = "none"
)

// Client is an app that a tenant trusts to send its users here. Its names are
// those of RFC 7591 and OpenID Connect Dynamic Client Registration.
type Client struct {
	TenantID string `json:"-"`
	ID       string `json:"-"`

	Name       string `json:"client_name"`
	URI        string `json:"client_uri,omitempty"` // the app's own page, for the way back from an error
	LogoURI    string `json:"logo_uri,omitempty"`
	PolicyURI  string `json:"policy_uri,omitempty"`
	TermsURI   string `json:"tos_uri,omitempty"`
	FirstParty bool   `json:"first_party,omitempty"` // the tenant's own: no consent page
	Native     bool   `json:"native,omitempty"`      // loopback redirects may have any port (RFC 8252 section 7.3)
	Disabled   bool   `json:"disabled,omitempty"`

	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types"`
	ResponseModes []string `json:"response_modes,omitempty"` // empty: query and form_post
	Scopes        []string `json:"scopes"`
	Audiences     []string `json:"audiences,omitempty"` // resources the app may ask tokens for

	// ResourceServer are the resources that the app answers for itself: it may
	// introspect every token that is meant for one of them.
	ResourceServer []string `json:"resource_server,omitempty"`

	AuthMethods []string     `json:"auth_methods"` // AuthBasic, AuthPost or both; or AuthPrivateKeyJWT; or AuthNone
	Secrets     []SecretHash `json:"secrets,omitempty"`
	// SignedRequests takes no authorization request but in a signed request object (RFC
	// 9101), which RequestAlg signs; "" for whatever fits the app's keys.
	SignedRequests bool   `json:"require_signed_request_object,omitempty"`
	RequestAlg     string `json:"request_object_signing_alg,omitempty"`

	RequirePAR   bool   `json:"require_pushed_authorization_requests,omitempty"` // takes no request from a browser
	PKCEOptional bool   `json:"pkce_optional,omitempty"`                         // only for confidential clients
	IDTokenAlg   string `json:"id_token_signed_response_alg"`
	UserinfoAlg  string `json:"userinfo_signed_response_alg,omitempty"` // "" for plain JSON

	// JWKS holds the app's public keys (RFC 7517 section 5), or JWKSURI says where
	// they are; never both.
	JWKS             json.RawMessage `json:"jwks,omitempty"`
	JWKSURI          string          `json:"jwks_uri,omitempty"`
	AuthAlg          string          `json:"token_endpoint_auth_signing_alg,omitempty"`   // of its assertions; "" for any that fits the key
	IntrospectionAlg string          `json:"introspection_signed_response_alg,omitempty"` // "" is RS256 (RFC 9701 section 6)

	// DPoPBound: every token is bound to a key that the app proves to hold (RFC 9449
	// section 5.2). Without it the app may bind its tokens, and need not.
	DPoPBound bool `json:"dpop_bound_access_tokens,omitempty"`

	ACRMode          ACRMode  `json:"acr_mode"`
	MinACR           string   `json:"min_acr,omitempty"` // floor for this app, on top of the tenant's
	DefaultACRValues []string `json:"default_acr_values,omitempty"`
	DefaultMaxAge    *int     `json:"default_max_age,omitempty"` // seconds
	Actions          []string `json:"actions,omitempty"`         // actions it may ask for; empty: all that the policy has
	// VouchedACR is what the app's own login counts for where it vouches for the subject
	// of a confirmation: a class of session up to mfa; "" is no right to vouch.
	VouchedACR    string `json:"vouched_acr,omitempty"`
	RefreshMaxAge int    `json:"refresh_max_age,omitempty"` // seconds since auth_time after which refresh is refused; 0: never

	CreatedAt time.Time `json:"created_at"`
}

// SecretHash is a generated client secret of 256 bits, kept as a keyed hash.
// Two may be active for rotation.
type SecretHash struct {
	PepperID string `json:"pepper_id"`
	MAC      []byte `json:"mac"` // HMAC-SHA-256 over tenant, client and secret
}

// Public reports whether the client has no way to keep a secret.
func (c *Client) Public() bool {
	return len(c.AuthMethods) == 1 && c.AuthMethods[0] == AuthNone
}

// SignsAssertions reports whether the client authenticates by what it signs, and so
// has no secret.
func (c *Client) SignsAssertions() bool { return Allows(c.AuthMethods, AuthPrivateKeyJWT) }

// Allows reports whether list holds value.
func Allows(list []string, value string) bool {
	for _, v := range list {
		if v == value {
			return true
		}
	}
	return false
}
