package provider

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/web"
)

// jwksCache is how long apps may keep the key set, in seconds. A key is
// published for longer than this before it signs (keys.Rotation).
const jwksCache = "public, max-age=300"

// jwks serves the tenant's public keys from memory.
func (p *Provider) jwks(c *gin.Context) {
	realm := web.Realm(c)
	set, err := p.Keys.Keys(c.Request.Context(), realm.Tenant.ID, realm.Tenant.Version)
	if err != nil {
		p.resourceError(c, unavailable(err))
		return
	}
	c.Header("Cache-Control", jwksCache)
	c.Header("ETag", set.ETag())
	if matchesTag(c.GetHeader("If-None-Match"), set.ETag()) {
		c.Status(http.StatusNotModified)
		return
	}
	c.Data(http.StatusOK, "application/json", set.JWKS())
}

// matchesTag reports whether an If-None-Match header names tag, by the weak
// comparison of RFC 9110 section 13.1.2.
func matchesTag(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}
