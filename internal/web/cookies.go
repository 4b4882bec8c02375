package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
)

// Cookies reads and sets the cookies of hosted pages.
//
// With an https public URL their names begin with __Host- and they are Secure.
// On plain http, which is only ever loopback, they have neither, and nothing
// else differs: Safari and some HTTP libraries drop Secure cookies on http.
// Names carry a hash of the tenant, because in path mode tenants share an
// origin; a value is always looked up together with the tenant's id.
type Cookies struct {
	Secure bool
}

const tokenBytes = 32

// NewToken makes a secret of 32 random bytes and its SHA-256. The secret goes
// into a cookie, the hash into the database.
func NewToken() (token string, hash []byte) {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails (Go 1.24)
	sum := sha256.Sum256(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:]), sum[:]
}

// SessionHash is the hash that a token is stored under, nil if the token cannot
// be one of ours.
func SessionHash(token string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenBytes {
		return nil
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// SessionToken is the value of the tenant's session cookie, "" without one.
func (k *Cookies) SessionToken(c *gin.Context, realm *identity.Realm) string {
	return k.Get(c, k.tenantName("session", realm))
}

// SetSession sets the session cookie. maxAge 0 makes it end with the browser.
func (k *Cookies) SetSession(c *gin.Context, realm *identity.Realm, token string, maxAge time.Duration) {
	k.Set(c, k.tenantName("session", realm), token, maxAge)
}

// ClearSession removes the session cookie.
func (k *Cookies) ClearSession(c *gin.Context, realm *identity.Realm) {
	k.Set(c, k.tenantName("session", realm), "", -1)
}

// BrowserSecret is the value that binds interactions to this browser, "" when
// it has none yet.
func (k *Cookies) BrowserSecret(c *gin.Context, realm *identity.Realm) string {
	return k.Get(c, k.tenantName("browser", realm))
}

// BrowserHash is the hash of the browser's secret, nil when it has none yet.
func (k *Cookies) BrowserHash(c *gin.Context, realm *identity.Realm) []byte {
	return SessionHash(k.BrowserSecret(c, realm))
}

// EnsureBrowser gives the browser a secret if it has none, and returns its hash.
func (k *Cookies) EnsureBrowser(c *gin.Context, realm *identity.Realm) []byte {
	hash := k.BrowserHash(c, realm)
	if hash != nil {
		return hash
	}
	token, hash := NewToken()
	k.Set(c, k.tenantName("browser", realm), token, 0)
	return hash
}

// Known is what the browser keeps of the accounts that completed a login on it.
func (k *Cookies) Known(c *gin.Context, realm *identity.Realm) identity.KnownBrowser {
	return identity.KnownBrowser(k.Get(c, k.tenantName("known", realm)))
}

// SetKnown makes the browser keep it.
func (k *Cookies) SetKnown(c *gin.Context, realm *identity.Realm, known identity.KnownBrowser) {
	k.Set(c, k.tenantName("known", realm), string(known), identity.KnownFor)
}

// Get reads the cookie called name (without prefix). Of two with the same name
// the first counts, as browsers send the more specific one first.
func (k *Cookies) Get(c *gin.Context, name string) string {
	cookie, err := c.Request.Cookie(k.prefix() + name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// Set sets the cookie called name (without prefix): HttpOnly, SameSite=Lax,
// Path=/, no Domain. maxAge 0 makes it end with the browser, a negative one
// removes it. Lax and not Strict, because a first factor may end in a redirect
// from another site.
func (k *Cookies) Set(c *gin.Context, name, value string, maxAge time.Duration) {
	cookie := &http.Cookie{
		Name: k.prefix() + name, Value: value, Path: "/",
		HttpOnly: true, Secure: k.Secure, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case maxAge < 0:
		cookie.MaxAge = -1
	case maxAge > 0:
		cookie.MaxAge = int(maxAge / time.Second)
	}
	http.SetCookie(c.Writer, cookie)
}

// Names lists the cookies of the request whose name (without our prefix)
// begins with prefix.
func (k *Cookies) Names(c *gin.Context, prefix string) []string {
	var names []string
	for _, cookie := range c.Request.Cookies() {
		name, ours := strings.CutPrefix(cookie.Name, k.prefix())
		if ours && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

func (k *Cookies) prefix() string {
	if k.Secure {
		return "__Host-"
	}
	return ""
}

func (k *Cookies) tenantName(kind string, realm *identity.Realm) string {
	sum := sha256.Sum256([]byte("cookie\x00" + realm.Tenant.ID))
	return "sp-" + kind + "-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:10])
}
