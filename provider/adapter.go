package provider

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/pkce"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
)

// unitOfWork is the storage that fosite sees during one request of one tenant.
//
// At the authorization endpoint it buffers: what fosite stores goes into grant,
// and the caller writes that in one statement. At the token endpoint the first
// read consumes (a code) or loads (a refresh token) the grant in one statement;
// every later read is answered from memory, and nothing is unmarshalled twice
// (T30).
type unitOfWork struct {
	realm   *identity.Realm
	store   model.Store
	secrets Secrets
	now     time.Time

	client       *identity.Client // the app of this request; authenticated at the token endpoint
	redirectURIs []string         // see client.redirectURIs
	grant        *model.Grant     // authorize: being made; token: as loaded; nil for client_credentials
	audience     []string         // narrowed by resource; nil for the grant's own
	jkt          string           // of the key that the app has proved; "" for none

	seen     model.Seen
	redeemed bool // the code of this request has been consumed
	reused   bool // a code or refresh token came again; the grant is revoked
	again    bool // refresh within the grace: the successor was made before

	// failure is what really went wrong in the store. fosite turns some of it
	// into other errors, so it is kept and told instead.
	failure error
}

var (
	_ fosite.Storage                = (*unitOfWork)(nil)
	_ oauth2.CoreStorage            = (*unitOfWork)(nil)
	_ oauth2.TokenRevocationStorage = (*unitOfWork)(nil)
	_ pkce.PKCERequestStorage       = (*unitOfWork)(nil)
)

// newUnitOfWork begins the storage of one request. Its clock stands still: all
// that one request makes is made at one time.
func (p *Provider) newUnitOfWork(realm *identity.Realm) *unitOfWork {
	return &unitOfWork{realm: realm, store: p.Grants, secrets: p.Secrets, now: p.Now().UTC()}
}

// authenticated hands the app, whom the token endpoint has authenticated
// before, to fosite.
func (u *unitOfWork) authenticated() (fosite.Client, error) {
	if u.client == nil {
		return nil, fosite.ErrInvalidClient
	}
	return client{Client: u.client, redirectURIs: u.redirectURIs}, nil
}

// GetClient implements [fosite.ClientManager] from the realm in memory.
func (u *unitOfWork) GetClient(_ context.Context, id string) (fosite.Client, error) {
	c := u.realm.Client(id)
	if c == nil {
		return nil, fosite.ErrNotFound
	}
	u.client = c
	return client{Client: c, redirectURIs: u.redirectURIs}, nil
}

// ClientAssertionJWTValid implements [fosite.ClientManager]. No app
// authenticates by assertion through fosite.
func (u *unitOfWork) ClientAssertionJWTValid(context.Context, string) error {
	return fosite.ErrJTIKnown
}

// SetClientAssertionJWT implements [fosite.ClientManager].
func (u *unitOfWork) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

// CreateAuthorizeCodeSession implements [oauth2.AuthorizeCodeStorage]: it
// writes into the grant in the making.
func (u *unitOfWork) CreateAuthorizeCodeSession(_ context.Context, signature string, r fosite.Requester) error {
	hash, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	form := r.GetRequestForm()
	u.grant.CodeHash = hash
	u.grant.CodeExpiresAt = u.now.Add(codeLife)
	u.grant.RedirectURI = form.Get("redirect_uri")
	u.grant.Nonce = form.Get("nonce")
	return nil
}

// CreatePKCERequestSession implements [pkce.PKCERequestStorage].
func (u *unitOfWork) CreatePKCERequestSession(_ context.Context, _ string, r fosite.Requester) error {
	u.grant.CodeChallenge = r.GetRequestForm().Get("code_challenge")
	u.grant.CodeChallengeMethod = r.GetRequestForm().Get("code_challenge_method")
	return nil
}

// GetAuthorizeCodeSession implements [oauth2.AuthorizeCodeStorage]. The first
// call consumes the code, so that no failure behind it leaves a code that can
// be tried again (T1).
func (u *unitOfWork) GetAuthorizeCodeSession(ctx context.Context, signature string, s fosite.Session) (fosite.Requester, error) {
	if u.redeemed {
		return u.requester(s), nil
	}
	hash, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(hash) == 0 {
		return nil, fosite.ErrNotFound
	}
	g, seen, err := u.store.RedeemCode(ctx, model.Redeem{
		TenantID: u.realm.Tenant.ID, ClientID: u.client.ID, CodeHash: hash,
		Now: u.now, RTExpiresAt: u.now.Add(refreshIdle), RTSalt: randomBytes(saltSize), JKT: u.jkt,
	})
	u.seen = seen
	switch {
	case errors.Is(err, model.ErrReplayed):
		u.reused = true
		g.RevokedAt = u.now // the store has revoked it; fosite need not ask again
		u.grant = &g
		return u.requester(s), fosite.ErrInvalidatedAuthorizeCode
	case errors.Is(err, model.ErrNotFound):
		return nil, fosite.ErrNotFound
	case err != nil:
		return nil, u.fail(err)
	}
	u.grant, u.redeemed = &g, true
	if g.JKT != u.jkt { // RFC 9449 section 10
		return nil, u.fail(invalidGrant("The code is bound to another key."))
	}
	return u.requester(s), nil
}

// InvalidateAuthorizeCodeSession implements [oauth2.AuthorizeCodeStorage]: the
// code was consumed when it was read.
func (u *unitOfWork) InvalidateAuthorizeCodeSession(context.Context, string) error { return nil }

// GetPKCERequestSession implements [pkce.PKCERequestStorage] as a view of the
// grant.
func (u *unitOfWork) GetPKCERequestSession(_ context.Context, _ string, s fosite.Session) (fosite.Requester, error) {
	if u.grant == nil || u.grant.CodeChallenge == "" {
		return nil, fosite.ErrNotFound
	}
	return u.requester(s), nil
}

// DeletePKCERequestSession implements [pkce.PKCERequestStorage]. The challenge
// stays with the consumed code.
func (u *unitOfWork) DeletePKCERequestSession(context.Context, string) error { return nil }

// CreateAccessTokenSession implements [oauth2.AccessTokenStorage]: a token has
// no row.
func (u *unitOfWork) CreateAccessTokenSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetAccessTokenSession implements [oauth2.AccessTokenStorage]. fosite never
// judges access tokens here (T15, T16).
func (u *unitOfWork) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteAccessTokenSession implements [oauth2.AccessTokenStorage].
func (u *unitOfWork) DeleteAccessTokenSession(context.Context, string) error { return nil }

// CreateRefreshTokenSession implements [oauth2.RefreshTokenStorage]: the
// generation was set by the statement that consumed or rotated.
func (u *unitOfWork) CreateRefreshTokenSession(context.Context, string, string, fosite.Requester) error {
	return nil
}

// DeleteRefreshTokenSession implements [oauth2.RefreshTokenStorage]. fosite
// calls it together with RevokeRefreshToken, which does the work.
func (u *unitOfWork) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// RevokeAccessToken implements [oauth2.TokenRevocationStorage]. Access and
// refresh tokens end with their grant.
func (u *unitOfWork) RevokeAccessToken(ctx context.Context, requestID string) error {
	return u.RevokeRefreshToken(ctx, requestID)
}

// fail keeps err for the answer and returns it. What the store cannot do now is
// never the app's mistake.
func (u *unitOfWork) fail(err error) error {
	if _, ours := errors.AsType[*oauthError](err); !ours {
		err = &oauthError{
			Code: codeUnavailable, Description: describe(codeUnavailable),
			Status: statusOf(codeUnavailable), Cause: err,
		}
	}
	u.failure = err
	return err
}

// requester shows the grant to fosite.
func (u *unitOfWork) requester(s fosite.Session) fosite.Requester {
	g := u.grant
	return &fosite.Request{
		ID:                g.ID,
		RequestedAt:       g.CreatedAt,
		Client:            client{Client: u.client},
		RequestedScope:    grantScopes(g),
		GrantedScope:      grantScopes(g),
		RequestedAudience: fosite.Arguments{},
		GrantedAudience:   fosite.Arguments{},
		Session:           s,
		Form: url.Values{
			"redirect_uri":          {g.RedirectURI},
			"nonce":                 {g.Nonce},
			"code_challenge":        {g.CodeChallenge},
			"code_challenge_method": {g.CodeChallengeMethod},
		},
	}
}

// grantScopes are the scopes that tokens of g carry. A confirmed action is
// never refreshed, so its tokens do not claim that they can be.
func grantScopes(g *model.Grant) []string {
	scopes := make([]string, 0, len(g.Scopes))
	for _, s := range g.Scopes {
		if s != scopeOffline || g.Action == "" {
			scopes = append(scopes, s)
		}
	}
	return scopes
}
