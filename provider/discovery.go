package provider

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// metadata is the discovery document. It says nothing that is not true of this
// server: an endpoint that does not exist is not listed.
//
// Source: OpenID Connect Discovery section 3; RFC 8414 section 2; RFC 9207
// section 3; RFC 9449 section 5.1; RFC 9701 section 7; OpenID Connect prompt create section 4.2
// (prompt_values_supported).
type metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	PushEndpoint          string `json:"pushed_authorization_request_endpoint"`
	UserinfoEndpoint      string `json:"userinfo_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`

	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	ACRValues     []string `json:"acr_values_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	IDTokenAlgs   []string `json:"id_token_signing_alg_values_supported"`
	UserinfoAlgs  []string `json:"userinfo_signing_alg_values_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	ProofAlgs     []string `json:"dpop_signing_alg_values_supported"`
	PKCEMethods   []string `json:"code_challenge_methods_supported"`
	Displays      []string `json:"display_values_supported"`
	Prompts       []string `json:"prompt_values_supported"`
	ClaimTypes    []string `json:"claim_types_supported"`
	Claims        []string `json:"claims_supported"`
	UILocales     []string `json:"ui_locales_supported"`
	PolicyURI     string   `json:"op_policy_uri,omitempty"`
	DetailTypes   []string `json:"authorization_details_types_supported,omitempty"`

	// Apps authenticate everywhere as they do for tokens. Who cannot keep a secret
	// may revoke its own tokens, and introspect none.
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgs    []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAlgs        []string `json:"introspection_signing_alg_values_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgs       []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`

	ClaimsParameter bool `json:"claims_parameter_supported"`
	// The two below are stated because the defaults of the specification differ
	// from each other: left out, the second would be true.
	RequestParameter    bool     `json:"request_parameter_supported"`
	RequestAlgs         []string `json:"request_object_signing_alg_values_supported"` // never none
	RequestURIParameter bool     `json:"request_uri_parameter_supported"`
	IssParameter        bool     `json:"authorization_response_iss_parameter_supported"`
}

// claimsSupported are the claims that the server can give about a user.
var claimsSupported = []string{
	"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
	"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
	"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	"email", "email_verified", "phone_number", "phone_number_verified", "address",
}

// proofs are the ways in which an app proves who it is.
var proofs = []string{identity.AuthBasic, identity.AuthPost, identity.AuthPrivateKeyJWT}

// describeTenant is the discovery document of one tenant.
func describeTenant(realm *identity.Realm, set *keys.Set, languages []string) metadata {
	issuer := realm.Tenant.Issuer
	return metadata{
		Issuer:                issuer,
		AuthorizationEndpoint: issuer + "/authorize",
		TokenEndpoint:         issuer + "/token",
		PushEndpoint:          issuer + "/par",
		UserinfoEndpoint:      issuer + "/userinfo",
		JWKSURI:               issuer + "/jwks",
		IntrospectionEndpoint: issuer + "/introspect",
		RevocationEndpoint:    issuer + "/revoke",

		Scopes:        []string{scopeOpenID, "profile", "email", "phone", "address", scopeOffline},
		ResponseTypes: []string{"code"},
		ResponseModes: []string{modeQuery, modeFormPost},
		GrantTypes:    []string{grantCode, grantRefresh, grantCredentials},
		ACRValues:     acrValues(realm.Policy),
		SubjectTypes:  []string{"public"},
		IDTokenAlgs:   set.Algs(),
		UserinfoAlgs:  set.Algs(),
		AuthMethods:   append(slices.Clone(proofs), identity.AuthNone),
		AuthAlgs:      keys.AppAlgs,
		ProofAlgs:     proofAlgs,
		PKCEMethods:   []string{"S256"},
		Displays:      []string{"page", "popup"},
		Prompts:       prompts,
		ClaimTypes:    []string{"normal"},
		Claims:        claimsSupported,
		UILocales:     languages,
		PolicyURI:     webURL(realm.Tenant.Privacy),
		DetailTypes:   detailTypes(realm),

		IntrospectionAuthMethods: proofs,
		IntrospectionAuthAlgs:    keys.AppAlgs,
		IntrospectionAlgs:        set.Algs(),
		RevocationAuthMethods:    append(slices.Clone(proofs), identity.AuthNone),
		RevocationAuthAlgs:       keys.AppAlgs,

		ClaimsParameter:  true,
		RequestParameter: true,
		RequestAlgs:      keys.AppAlgs,
		IssParameter:     true,
	}
}

// detailTypes are the kinds of transactions that can be pushed: those that the tenant has
// an action for.
//
// Source: RFC 9396 section 10.
func detailTypes(realm *identity.Realm) []string {
	if realm.Details == nil {
		return nil
	}
	return slices.DeleteFunc(realm.Details.Names(), func(name string) bool { return !realm.Policy.Requestable(name) || !confirms(realm.Policy, name) })
}

// acrValues are the acr values that can be asked for under p: the classes that
// a password and one of the tenant's methods reach, weakest first, and the
// actions that need no pushed details.
func acrValues(p *policy.Policy) []string {
	best := consent.Class1FA
	for _, kind := range p.LoginMethods() {
		best = max(best, consent.PolicyClass(string(p.MethodClass(kind))))
	}
	var values []string
	for class := consent.Class1FA; class <= best; class++ {
		acr := class.ACR()
		_, requestable := consent.ParseClass(acr)
		if requestable {
			values = append(values, acr)
		}
	}
	for _, name := range p.RequestableActions() {
		action, _ := p.Action(name)
		if action.Details != policy.DetailsRequired {
			values = append(values, consent.ActionACR(name))
		}
	}
	return values
}

// webURL is text where it is an address on the web, else "".
func webURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return text
}

// document is a discovery document ready to be sent.
type document struct {
	version int64
	body    []byte
	etag    string
}

// Discovery serves the discovery document of the request's tenant, in the form
// of OpenID Connect and of RFC 8414, which are one. Mount adds the former; the
// latter is to be mounted at /.well-known/oauth-authorization-server with the
// issuer's path behind it (RFC 8414 section 3.1), behind [web.Tenant] too.
func (p *Provider) Discovery(c *gin.Context) {
	doc, err := p.document(c)
	if err != nil {
		p.tokenError(c, err)
		return
	}
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", doc.etag)
	if matchesTag(c.GetHeader("If-None-Match"), doc.etag) {
		c.Status(http.StatusNotModified)
		return
	}
	c.Data(http.StatusOK, "application/json", doc.body)
}

// document makes the document once for each version of the tenant.
func (p *Provider) document(c *gin.Context) (*document, error) {
	realm := web.Realm(c)
	kept, ok := p.documents.Load(realm.Tenant.ID)
	if ok {
		doc, _ := kept.(*document)
		if doc != nil && doc.version == realm.Tenant.Version {
			return doc, nil
		}
	}
	set, err := p.Keys.Keys(c.Request.Context(), realm.Tenant.ID, realm.Tenant.Version)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(describeTenant(realm, set, slices.Clone(p.Pages.Set.Languages())))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	doc := &document{version: realm.Tenant.Version, body: body, etag: `"` + b64(sum[:16]) + `"`}
	p.documents.Store(realm.Tenant.ID, doc)
	return doc, nil
}
