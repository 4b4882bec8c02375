package provider

import (
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

// The lifetimes of what the server issues.
const (
	codeLife         = time.Minute
	accessTokenLife  = 5 * time.Minute
	transactionLife  = 2 * time.Minute // access token of a confirmed transaction
	idTokenLife      = 5 * time.Minute
	refreshIdle      = 14 * 24 * time.Hour
	refreshAbsolute  = 90 * 24 * time.Hour
	refreshGrace     = 10 * time.Second // the last generation still yields its successor
	clockSkew        = 10 * time.Second // between two replicas of this server
	scopeOpenID      = "openid"
	scopeOffline     = "offline_access"
	grantCode        = "authorization_code"
	grantRefresh     = "refresh_token"
	grantCredentials = "client_credentials"
)

// mayRefresh reports whether a grant of scopes to c, for action, yields a
// refresh token. What confirms an action is proof of one moment and is never
// renewed.
func mayRefresh(c *identity.Client, scopes []string, action string) bool {
	return action == "" && identity.Allows(scopes, scopeOffline) && identity.Allows(c.GrantTypes, grantRefresh)
}

// grantExpiry is the absolute end of a grant made at now: of its refresh
// tokens, or else of the one access token that its code can yield.
// It outlives the approval that it carries, if any: consumeWithin.
func grantExpiry(c *identity.Client, scopes []string, action string, consumeWithin time.Duration, now time.Time) time.Time {
	if mayRefresh(c, scopes, action) {
		return now.Add(refreshAbsolute)
	}
	return now.Add(max(codeLife+accessTokenLife, consumeWithin) + clockSkew)
}

// accessLife is how long an access token of g lives; g is nil where no user is
// involved.
func accessLife(g *model.Grant) time.Duration {
	if g != nil && g.Details != nil {
		return transactionLife
	}
	return accessTokenLife
}

// earlier returns the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
