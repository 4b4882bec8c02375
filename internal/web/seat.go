package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/templates"
)

// Seat is where a user sets up ways to sign in: in the settings, with a session, or
// in the middle of a login, where no session exists yet. The pages of the life
// cycle are the same in both.
type Seat struct {
	Realm   *identity.Realm
	User    identity.User
	Session *identity.Session // nil in the middle of a login
	Doer    mfa.Doer
	Base    string // path that the pages lie below, without a slash at its end
	CSRF    string // hidden in every form
	Frame   templates.Frame
	Enrol   *Enrol // nil in the settings
}

// Enrol is the part of a login that asks for a second step.
type Enrol struct {
	Methods []mfa.Method // that may be set up here
	Later   string       // path of the form that puts it off; "" where it cannot be
	Until   time.Time    // how long it can be put off
	Cancel  string       // path of the form that goes back to the app; it posts cancel=1
	// Done takes the finished operation into the login, and returns the path to go on
	// at.
	Done func(ctx context.Context, o mfa.Operation) (path string, err error)
}

// FormSecret is the secret in every form that belongs to scope, for a browser that
// holds the cookie with that value. Only this server and a page of this browser can
// know it: no script can read the cookie.
func FormSecret(scope, cookie string) string {
	sum := sha256.Sum256([]byte("csrf/1\x00" + scope + "\x00" + cookie))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// OwnForm reports whether the posted form holds secret.
func OwnForm(c *gin.Context, secret string) bool {
	return secret != "" && subtle.ConstantTimeCompare([]byte(c.PostForm("csrf")), []byte(secret)) == 1
}
