package provider

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/web"
)

// mountTokens adds what apps and their back ends call: tokens, userinfo, keys.
func (p *Provider) mountTokens(r gin.IRouter) {
	r.Any("/token", corsApps("POST"), p.onlyPost(p.token))
	r.Any("/revoke", corsApps("POST"), p.onlyPost(p.revoke))
	r.Any("/introspect", p.onlyPost(p.introspect)) // for servers, so no CORS
	r.Any("/userinfo", corsApps("GET, POST"), p.userinfo)
	r.GET("/jwks", corsPublic, p.jwks)
	r.HEAD("/jwks", corsPublic, p.jwks)
	r.OPTIONS("/jwks", corsPublic)
}

// corsPublic lets scripts of every origin read what everybody may know.
func corsPublic(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if c.Request.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET")
		h.Set("Access-Control-Max-Age", "600")
		c.AbortWithStatus(http.StatusNoContent)
	}
}

// corsApps lets scripts call the endpoint from the origins of the tenant's
// apps: those of their redirect URIs. Credentials are never allowed, so a
// cookie plays no part.
func corsApps(methods string) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Add("Vary", "Origin")
		origin := c.GetHeader("Origin")
		preflight := c.Request.Method == http.MethodOptions
		if origin != "" && knownOrigin(web.Realm(c), origin) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
			if preflight {
				h.Set("Access-Control-Allow-Methods", methods)
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
				h.Set("Access-Control-Max-Age", "600")
			}
		}
		if preflight {
			c.AbortWithStatus(http.StatusNoContent)
		}
	}
}

// knownOrigin reports whether an app of the tenant lives at origin.
func knownOrigin(realm *identity.Realm, origin string) bool {
	for _, app := range realm.Clients {
		if app.Disabled {
			continue
		}
		for _, uri := range app.RedirectURIs {
			if originOf(uri) == origin {
				return true
			}
		}
	}
	return false
}

// originOf is the web origin of a URI, "" for one that is not of the web (RFC
// 6454 section 4).
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
