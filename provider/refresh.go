package provider

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

const (
	refreshPrefix = "rt1"
	grantIDSize   = 16
)

// refreshToken is a refresh token taken apart:
//
//	rt1.<b64u(grant id, generation)>.<b64u(MAC)>
//
// It is computed, not stored, so that the same generation always gives the
// same token.
type refreshToken struct {
	grantID string
	gen     int
	mac     []byte
}

// parseRefresh reads the form of a refresh token; its MAC is not judged yet.
func parseRefresh(token string) (refreshToken, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] != refreshPrefix {
		return refreshToken{}, false
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil || len(body) != grantIDSize+4 {
		return refreshToken{}, false
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(mac) != sha256.Size {
		return refreshToken{}, false
	}
	return refreshToken{
		grantID: b64(body[:grantIDSize]),
		gen:     int(binary.BigEndian.Uint32(body[grantIDSize:])),
		mac:     mac,
	}, true
}

// makeRefresh computes the refresh token of generation gen of g.
func makeRefresh(key []byte, g *model.Grant, gen int) (string, error) {
	body, err := refreshBody(g.ID, gen)
	if err != nil {
		return "", err
	}
	return refreshPrefix + "." + b64(body) + "." + b64(refreshMAC(key, g, body)), nil
}

var errGrantID = errors.New("provider: a grant id is not 16 bytes")

func refreshBody(grantID string, gen int) ([]byte, error) {
	id, err := base64.RawURLEncoding.DecodeString(grantID)
	if err != nil || len(id) != grantIDSize {
		return nil, errGrantID
	}
	return binary.BigEndian.AppendUint32(id, uint32(gen)), nil //nolint:gosec // a generation counts refreshes from 1
}

// refreshMAC binds a generation to the tenant, the grant and its salt, so that
// a new salt kills the whole family.
func refreshMAC(key []byte, g *model.Grant, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(refreshPrefix + "\x00" + g.TenantID + "\x00"))
	h.Write(body) // 20 bytes; what follows is the salt, so no two inputs run together
	h.Write(g.RTSalt)
	return h.Sum(nil)
}

// genuine reports whether we made token, for g as it is now.
func (token refreshToken) genuine(key []byte, g *model.Grant) bool {
	body, err := refreshBody(g.ID, token.gen)
	return err == nil && hmac.Equal(token.mac, refreshMAC(key, g, body))
}

// verdict says what a genuine refresh token is good for.
type verdict int

const (
	refreshRefused verdict = iota // not good, and no sign of theft either
	refreshNext                   // the generation in force: rotate
	refreshAgain                  // the one before, within the grace: same successor
	refreshReused                 // an older one: somebody else has it
)

// judgeRefresh says what token is good for when c presents it at now, and has proved
// to hold the key jkt, "" for none. The MAC
// comes first: only a token that we made may be called reused, or anybody who
// can guess a grant id could end it.
//
// Source: RFC 9700 section 4.14.2; the grace is for an app whose answer got lost.
func judgeRefresh(key []byte, g *model.Grant, token refreshToken, c *identity.Client, jkt string, now time.Time) verdict {
	if !token.genuine(key, g) {
		return refreshRefused
	}
	switch {
	case g.ClientID != c.ID, boundElsewhere(c, g, jkt), !mayRefresh(c, g.Scopes, g.Action), token.gen > g.RTGen, token.gen < 1,
		!g.RevokedAt.IsZero(), !now.Before(g.RTExpiresAt), !now.Before(g.GrantExpiresAt), loginTooOld(c, g, now),
		consent.PolicyClass(g.ACR) < consent.PolicyClass(c.MinACR):
		return refreshRefused
	case token.gen == g.RTGen:
		return refreshNext
	case token.gen == g.RTGen-1 && now.Before(g.RTRotatedAt.Add(refreshGrace)):
		return refreshAgain
	}
	return refreshReused
}

// boundElsewhere reports whether the refresh tokens of g belong to another key than
// jkt. Those of an app that authenticates are bound by that, so it may take another
// key whenever it likes.
//
// Source: RFC 9449 section 5.
func boundElsewhere(c *identity.Client, g *model.Grant, jkt string) bool {
	return c.Public() && g.JKT != "" && g.JKT != jkt
}

// loginTooOld reports whether c wants a new login by now instead of a refresh.
func loginTooOld(c *identity.Client, g *model.Grant, now time.Time) bool {
	return c.RefreshMaxAge > 0 && now.Sub(g.AuthTime) > time.Duration(c.RefreshMaxAge)*time.Second
}

// RefreshTokenSignature implements [oauth2.RefreshTokenStrategy]: the whole
// token, so that the storage can check the MAC before it speaks of reuse.
func (t *tokenStrategy) RefreshTokenSignature(_ context.Context, token string) string { return token }

// GenerateRefreshToken implements [oauth2.RefreshTokenStrategy]: the first
// generation for a code, the successor for a refresh, none for an action.
func (t *tokenStrategy) GenerateRefreshToken(_ context.Context, r fosite.Requester) (token, signature string, err error) {
	g := t.uow.grant
	if !mayRefresh(t.uow.client, g.Scopes, g.Action) {
		return "", "", nil
	}
	gen := g.RTGen + 1
	if t.uow.redeemed || t.uow.again {
		gen = g.RTGen
	}
	token, err = makeRefresh(t.secrets.TokenKey(g.TenantID), g, gen)
	return token, token, err
}

// ValidateRefreshToken implements [oauth2.RefreshTokenStrategy]. The storage
// has judged it.
func (t *tokenStrategy) ValidateRefreshToken(context.Context, fosite.Requester, string) error {
	return nil
}

// GetRefreshTokenSession implements [oauth2.RefreshTokenStorage]: one statement
// loads the grant, then the token is judged.
func (u *unitOfWork) GetRefreshTokenSession(ctx context.Context, signature string, s fosite.Session) (fosite.Requester, error) {
	token, ok := parseRefresh(signature)
	if !ok {
		return nil, fosite.ErrNotFound
	}
	g, seen, err := u.store.Grant(ctx, u.realm.Tenant.ID, token.grantID, u.now)
	u.seen = seen
	if errors.Is(err, model.ErrNotFound) {
		return nil, fosite.ErrNotFound
	}
	if err != nil {
		return nil, u.fail(err)
	}
	u.grant = &g
	switch judgeRefresh(u.secrets.TokenKey(g.TenantID), &g, token, u.client, u.jkt, u.now) {
	case refreshReused:
		u.reused = true
		return u.requester(s), fosite.ErrInactiveToken
	case refreshAgain:
		u.again = true
		return u.requester(s), nil
	case refreshNext:
		return u.requester(s), nil
	}
	return nil, fosite.ErrNotFound
}

// RotateRefreshToken implements [oauth2.RefreshTokenStorage]: one conditional
// statement. Who loses the race by a moment gets the winner's successor, as in
// the grace.
func (u *unitOfWork) RotateRefreshToken(ctx context.Context, _, _ string) error {
	if u.again {
		return nil
	}
	g := u.grant
	expires := earlier(u.now.Add(refreshIdle), g.GrantExpiresAt)
	err := u.store.Rotate(ctx, g.TenantID, g.ID, g.RTGen, u.now, expires)
	if errors.Is(err, model.ErrConflict) {
		return u.joinRotation(ctx)
	}
	if err != nil {
		return u.fail(err)
	}
	return nil
}

// joinRotation looks once whether the other request made the very successor
// that this one has made too.
func (u *unitOfWork) joinRotation(ctx context.Context) error {
	now, _, err := u.store.Grant(ctx, u.grant.TenantID, u.grant.ID, u.now)
	if errors.Is(err, model.ErrNotFound) {
		return u.fail(invalidGrant(describe(codeInvalidGrant)))
	}
	if err != nil {
		return u.fail(err)
	}
	sameFamily := hmac.Equal(now.RTSalt, u.grant.RTSalt)
	if sameFamily && now.RTGen == u.grant.RTGen+1 && u.now.Before(now.RTRotatedAt.Add(refreshGrace)) {
		return nil
	}
	return u.fail(invalidGrant(describe(codeInvalidGrant)))
}

// RevokeRefreshToken implements [oauth2.TokenRevocationStorage]: the grant
// ends, once.
func (u *unitOfWork) RevokeRefreshToken(ctx context.Context, _ string) error {
	if u.grant == nil || !u.grant.RevokedAt.IsZero() || u.grant.ID == "" {
		return nil
	}
	err := u.store.Revoke(ctx, u.realm.Tenant.ID, u.grant.ID, "refresh_reused", u.now)
	if err != nil {
		return u.fail(err)
	}
	u.grant.RevokedAt = u.now
	return nil
}
