package web

import (
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/mileusna/useragent"
)

// Identify gives the request an id, for logs and error pages, and tells it to
// the caller. One that the caller sends is not taken over: it is text that
// would reach the log.
func Identify(c *gin.Context) {
	id := strings.ToLower(rand.Text()[:16])
	c.Set(keyRequest, id)
	c.Header("X-Request-Id", id)
}

// RequestID is the id that Identify gave the request.
func RequestID(c *gin.Context) string { return c.GetString(keyRequest) }

// Failed is the failure that the request was answered with, nil for none.
func Failed(c *gin.Context) error {
	v, _ := c.Get(keyFailure)
	err, _ := v.(error)
	return err
}

// TenantID is the tenant of the request, "" outside of all tenants.
func TenantID(c *gin.Context) string {
	realm := realmOf(c)
	if realm == nil {
		return ""
	}
	return realm.Tenant.ID
}

// ClientIP is the address of the browser. Forwarded headers count only from
// the proxies that the engine was told to trust.
func ClientIP(c *gin.Context) netip.Addr {
	ip, err := netip.ParseAddr(c.ClientIP())
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap()
}

// browsers and systems are the names that are shown. What a client sends reaches
// mails and lists, so anything else is not.
var (
	browsers = map[string]bool{
		useragent.Chrome: true, useragent.HeadlessChrome: true, useragent.Firefox: true, useragent.Safari: true,
		"Mobile Safari": true, useragent.Edge: true, useragent.Opera: true, useragent.OperaMini: true,
		useragent.InternetExplorer: true, "Samsung Browser": true, "Android browser": true, useragent.Vivaldi: true,
	}
	systems = map[string]bool{
		useragent.Windows: true, useragent.Android: true, useragent.MacOS: true, useragent.IOS: true,
		useragent.Linux: true, useragent.ChromeOS: true,
	}
)

// UserAgentName is the browser for people to read, such as "Chrome on Linux".
// Nothing is decided by it.
func UserAgentName(c *gin.Context) string {
	ua := useragent.Parse(c.Request.UserAgent())
	switch {
	case !browsers[ua.Name]:
		return ""
	case !systems[ua.OS]:
		return ua.Name
	}
	return ua.Name + " on " + ua.OS
}

// crossOriginFree are the paths that other origins and machines may post to:
// they trust nothing that a browser adds by itself, or they are /authorize,
// where the posted request is judged only after a redirect.
var crossOriginFree = []string{"/authorize", "/token", "/userinfo", "/revoke", "/introspect"}

// SameOrigin refuses forms that another site made the browser send, by
// Sec-Fetch-Site and Origin. SameSite cookies and the secret in every form
// stand behind it, for browsers that send neither header.
func SameOrigin(pages *Pages) gin.HandlerFunc {
	check := http.NewCrossOriginProtection()
	return page(pages, func(c *gin.Context) error {
		for _, path := range crossOriginFree {
			if strings.HasSuffix(c.FullPath(), path) {
				return nil
			}
		}
		err := check.Check(c.Request)
		if err != nil {
			return ErrCrossSite
		}
		return nil
	})
}

// Loopback reports whether host (with or without a port) is this machine.
func Loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}
