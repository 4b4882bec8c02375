package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
)

const (
	keyRealm   = "sallyport.realm"
	keyLocales = "sallyport.locales"
	keyRequest = "sallyport.request"
	keyFailure = "sallyport.failure"
)

// Realm is the tenant of the request. It is never nil in a route below
// [Tenant].
func Realm(c *gin.Context) *identity.Realm {
	realm := realmOf(c)
	if realm == nil {
		panic("web: route is not below the tenant middleware")
	}
	return realm
}

// UseRealm replaces the tenant's picture after a newer one was loaded.
func UseRealm(c *gin.Context, realm *identity.Realm) { c.Set(keyRealm, realm) }

// Tenant finds the tenant named by the path parameter "tenant". An unknown,
// removed or suspended one is a page that says so. A tenant that has a host of
// its own is reached by that host only; see [ByHost].
func Tenant(realms identity.Realms, pages *Pages) gin.HandlerFunc {
	return page(pages, func(c *gin.Context) error {
		realm, err := realms.BySlug(c.Request.Context(), c.Param("tenant"))
		if err != nil {
			return err
		}
		if (realm.Tenant.Host != "") != (hostTenant(c.Request) == realm.Tenant.Slug) {
			return identity.ErrNotFound
		}
		if realm.Tenant.Status != identity.TenantActive {
			return identity.ErrNotFound
		}
		UseRealm(c, realm)
		return nil
	})
}

// Readable reports whether text is what an id may be made of: UTF-8 without control
// characters. Anything else names nothing, and a database may refuse to look for it.
func Readable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

type hostKey struct{}

// hostTenant is the slug that ByHost found for the request's host.
func hostTenant(r *http.Request) string {
	slug, _ := r.Context().Value(hostKey{}).(string)
	return slug
}

// ByHost lets tenants with a host of their own be reached by it: such a request
// is served as if its path began with /t/<slug>. The Host header is only looked
// up, never believed: issuers and links come from the tenant's record. The
// server's own host, public, is no tenant's and is not looked up.
func ByHost(realms identity.Realms, public string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostName(r.Host)
		if host == hostName(public) || shared(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		realm, err := realms.ByHost(r.Context(), host)
		if errors.Is(err, identity.ErrNotFound) {
			next.ServeHTTP(w, r)
			return
		}
		if err != nil {
			slog.ErrorContext(r.Context(), "tenant of the host", "err", err)
			http.Error(w, "The service cannot answer right now. Try again in a moment.", http.StatusServiceUnavailable)
			return
		}
		slug := realm.Tenant.Slug
		r2 := r.WithContext(context.WithValue(r.Context(), hostKey{}, slug))
		u := *r.URL
		u.Path, u.RawPath = hostPath(slug, u.Path), ""
		r2.URL = &u
		next.ServeHTTP(w, r2)
	})
}

// hostName is host without its port, in lower case.
func hostName(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// BrowserPath is the path of the request, with its query, as the browser knows it: in
// host mode the slug that [ByHost] put into it is left out.
func BrowserPath(c *gin.Context, t identity.Tenant) string {
	return t.Path() + strings.TrimPrefix(c.Request.URL.RequestURI(), "/t/"+t.Slug)
}

// shared reports whether path is the same for all tenants. It is asked by whatever
// name, also by a balancer that knows the server by its address alone, and also
// while the database cannot say whose name that is.
func shared(path string) bool {
	return strings.HasPrefix(path, "/static/") || path == "/healthz" || path == "/readyz"
}

// hostPath puts the tenant into the path.
func hostPath(slug, path string) string {
	if path == "/.well-known/oauth-authorization-server" {
		return path + "/t/" + slug
	}
	return "/t/" + slug + path
}
