package provider

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/pkce"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
)

// newFosite builds fosite for one request around uow. It is cheap (a few
// microseconds), so nothing is cached and the tenant is an argument instead of
// a value in a context.
//
// The order of the handlers matters: the code handler consumes the code, PKCE
// judges it, and the ID token is made last, over the access token.
func (p *Provider) newFosite(realm *identity.Realm, keySet *keys.Set, uow *unitOfWork) *fosite.Fosite {
	cfg := &config{uow: uow, Config: fosite.Config{
		AccessTokenLifespan:        accessTokenLife,
		RefreshTokenLifespan:       refreshIdle,
		AuthorizeCodeLifespan:      codeLife,
		IDTokenLifespan:            idTokenLife,
		IDTokenIssuer:              realm.Tenant.Issuer,
		AccessTokenIssuer:          realm.Tenant.Issuer,
		ScopeStrategy:              fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:   fosite.ExactAudienceMatchingStrategy,
		RefreshTokenScopes:         []string{scopeOffline},
		MinParameterEntropy:        1, // T5: the entropy of state and nonce is the app's own business
		OmitRedirectScopeParam:     true,
		SendDebugMessagesToClients: false,
		SanitationWhiteList:        []string{"redirect_uri", "nonce"},
		RedirectSecureChecker:      fosite.IsRedirectURISecure,
		ClientSecretsHasher:        noHasher{},
		ClientAuthenticationStrategy: func(context.Context, *http.Request, url.Values) (fosite.Client, error) {
			return uow.authenticated()
		},
	}}
	tokens := &tokenStrategy{uow: uow, keys: keySet, secrets: p.Secrets}
	cfg.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{
		p.codeHandler(cfg, tokens, uow),
		&pkce.Handler{AuthorizeCodeStrategy: tokens, Storage: uow, Config: cfg},
	}
	cfg.TokenEndpointHandlers = fosite.TokenEndpointHandlers{
		p.codeHandler(cfg, tokens, uow),
		&pkce.Handler{AuthorizeCodeStrategy: tokens, Storage: uow, Config: cfg},
		&oauth2.RefreshTokenGrantHandler{
			AccessTokenStrategy: tokens, RefreshTokenStrategy: tokens, TokenRevocationStorage: uow, Config: cfg,
		},
		&oauth2.ClientCredentialsGrantHandler{
			HandleHelper: &oauth2.HandleHelper{AccessTokenStrategy: tokens, AccessTokenStorage: uow, Config: cfg},
			Config:       cfg,
		},
		&idTokenHandler{uow: uow, keys: keySet},
	}
	return &fosite.Fosite{Store: uow, Config: cfg}
}

func (p *Provider) codeHandler(cfg *config, tokens *tokenStrategy, uow *unitOfWork) *oauth2.AuthorizeExplicitGrantHandler {
	return &oauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: tokens, RefreshTokenStrategy: tokens, AuthorizeCodeStrategy: tokens,
		CoreStorage: uow, TokenRevocationStorage: uow, Config: cfg,
	}
}

// config is fosite's own, except where the answer depends on the app.
type config struct {
	fosite.Config
	uow *unitOfWork
}

// GetEnforcePKCE implements [fosite.EnforcePKCEProvider]: S256 is demanded of
// every app but a confidential one whose registration says otherwise.
func (c *config) GetEnforcePKCE(context.Context) bool {
	return c.uow.client == nil || pkceRequired(c.uow.client)
}

// GetEnforcePKCEForPublicClients implements [fosite.EnforcePKCEForPublicClientsProvider].
func (c *config) GetEnforcePKCEForPublicClients(context.Context) bool { return true }

// pkceRequired reports whether c must use PKCE. An app that may come without a
// secret always must.
func pkceRequired(c *identity.Client) bool {
	return !c.PKCEOptional || identity.Allows(c.AuthMethods, identity.AuthNone)
}

// noHasher stands where fosite would hash client secrets with bcrypt (T22).
// Apps are authenticated before fosite is built, so it accepts nothing.
type noHasher struct{}

// Compare implements [fosite.Hasher].
func (noHasher) Compare(context.Context, []byte, []byte) error { return fosite.ErrInvalidClient }

// Hash implements [fosite.Hasher].
func (noHasher) Hash(context.Context, []byte) ([]byte, error) { return nil, fosite.ErrInvalidClient }
