package settings

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/templates"
)

// What a browser keeps for the page after a redirect, in a short-lived cookie that
// no script can read. Nothing rests on it that the server does not check again.
const (
	keepReset  = "reset" // the token of a link, or afterwards that it is done
	keepVerify = "verify"
	keepSignUp = "signup"
	keepAsked  = "asked" // where a link was sent
	keepNews   = "news"  // what to tell on the next page

	keepLink = 30 * time.Minute
	keepPage = 10 * time.Minute
)

// keepName is the name of a cookie of that kind, one for each tenant: in path mode
// tenants share an origin.
func keepName(kind string, realm *identity.Realm) string {
	sum := sha256.Sum256([]byte("keep\x00" + realm.Tenant.ID))
	return "sp-" + kind + "-" + hex.EncodeToString(sum[:5])
}

func (h *Handler) keep(c *gin.Context, realm *identity.Realm, kind, value string, life time.Duration) {
	h.Cookies.Set(c, keepName(kind, realm), value, life)
}

func (h *Handler) kept(c *gin.Context, realm *identity.Realm, kind string) string {
	return h.Cookies.Get(c, keepName(kind, realm))
}

// leaveNews says on the next page of the settings what has been done: a Done
// constant of package templates.
func (h *Handler) leaveNews(c *gin.Context, realm *identity.Realm, done string) {
	h.keep(c, realm, keepNews, done, keepPage)
}

// takeNews is what leaveNews left, once. A word that is none shows nothing.
func (h *Handler) takeNews(c *gin.Context, realm *identity.Realm) templates.News {
	done := h.kept(c, realm, keepNews)
	if done != "" {
		h.keep(c, realm, keepNews, "", -1)
	}
	return templates.News{Done: done}
}

// leaveAsked keeps the identifier that somebody typed who asked for a link, to be
// shown once more on the page that follows.
func (h *Handler) leaveAsked(c *gin.Context, realm *identity.Realm, typed string) {
	h.keep(c, realm, keepAsked, base64.RawURLEncoding.EncodeToString([]byte(typed)), keepPage)
}

// wasAsked is what leaveAsked left, "" where there is nothing.
func (h *Handler) wasAsked(c *gin.Context, realm *identity.Realm) string {
	raw, err := base64.RawURLEncoding.DecodeString(h.kept(c, realm, keepAsked))
	if err != nil || len(raw) > maxTyped {
		return ""
	}
	return string(raw)
}

// maxTyped is the longest identifier that is shown again, in bytes.
const maxTyped = 320

// retryAfter is d as the header of that name has it, in seconds.
func retryAfter(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
