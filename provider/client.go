package provider

import (
	"github.com/ory/fosite"

	"github.com/sallyport-id/sallyport/identity"
)

// client shows an app to fosite.
type client struct {
	*identity.Client
	// redirectURIs replaces the registered ones where the request's own has
	// already been matched (T25); nil for the registered ones.
	redirectURIs []string
}

var (
	_ fosite.Client             = client{}
	_ fosite.ResponseModeClient = client{}
)

// GetID implements [fosite.Client].
func (c client) GetID() string { return c.ID }

// GetHashedSecret implements [fosite.Client]. fosite never sees a secret.
func (client) GetHashedSecret() []byte { return nil }

// GetRedirectURIs implements [fosite.Client].
func (c client) GetRedirectURIs() []string {
	if c.redirectURIs != nil {
		return c.redirectURIs
	}
	return c.RedirectURIs
}

// GetGrantTypes implements [fosite.Client].
func (c client) GetGrantTypes() fosite.Arguments { return c.GrantTypes }

// GetResponseTypes implements [fosite.Client].
func (client) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }

// GetScopes implements [fosite.Client].
func (c client) GetScopes() fosite.Arguments { return c.Scopes }

// IsPublic implements [fosite.Client].
func (c client) IsPublic() bool { return c.Public() }

// GetAudience implements [fosite.Client].
func (c client) GetAudience() fosite.Arguments { return c.Audiences }

// GetResponseModes implements [fosite.ResponseModeClient].
func (c client) GetResponseModes() []fosite.ResponseModeType {
	modes := []fosite.ResponseModeType{fosite.ResponseModeDefault}
	if len(c.ResponseModes) == 0 {
		return append(modes, fosite.ResponseModeQuery, fosite.ResponseModeFormPost)
	}
	for _, m := range c.ResponseModes {
		modes = append(modes, fosite.ResponseModeType(m))
	}
	return modes
}
