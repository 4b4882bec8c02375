package stepup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Refresh renews the tokens of old and returns the proof with them. Keep the
// returned proof instead of old: the server may have replaced the refresh token,
// and takes the use of a replaced one for theft.
//
// A refresh proves nothing anew. So it is refused if the server's answer names
// another user, a later auth_time or a higher acr than old.
//
// Errors: [ErrInvalidGrant] if the user has to log in again; [*EndpointError];
// [ErrOtherSubject]; [ErrToken]; [ErrUnavailable].
//
// Source: OpenID Connect Core section 12.2; RFC 6749 section 6.
func (c *Client) Refresh(ctx context.Context, old Proof) (Proof, error) {
	if old.RefreshToken == "" {
		return Proof{}, fmt.Errorf("%w: there is no refresh token", ErrInvalidGrant)
	}
	set, err := c.redeem(ctx, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {string(old.RefreshToken)},
	})
	if err != nil {
		return Proof{}, err
	}
	fresh := old
	if set.IDToken != "" {
		fresh, err = c.openIDToken(ctx, set.IDToken, set.AccessToken)
		if err != nil {
			return Proof{}, err
		}
		err = continues(old, &fresh)
		if err != nil {
			return Proof{}, err
		}
		fresh.RefreshToken = old.RefreshToken
	}
	set.fill(&fresh, old.Scope, c.server.now())
	return fresh, nil
}

// continues checks that fresh goes on from old and claims no more than it.
// What fresh leaves out is taken from old.
func continues(old Proof, fresh *Proof) error {
	if fresh.Subject != old.Subject {
		return ErrOtherSubject
	}
	if nonce, present := fresh.Claims["nonce"]; present && nonce != old.Claims["nonce"] {
		return badToken("the nonce is another one")
	}
	if fresh.AuthTime.After(old.AuthTime) {
		return badToken("a refresh must not move auth_time")
	}
	if fresh.ACR != "" && fresh.ACR != old.ACR && !Satisfies(old.ACR, fresh.ACR) {
		return badToken("a refresh must not raise acr")
	}
	if fresh.AuthTime.IsZero() {
		fresh.AuthTime = old.AuthTime
	}
	if fresh.AMR == nil {
		fresh.AMR = old.AMR
	}
	return nil
}

// Userinfo returns the claims that the access token of p gives access to.
//
// Errors: [ErrOtherSubject] if they are about another user than p;
// [*EndpointError], with status 401 when the token is no longer good;
// [ErrUnavailable].
//
// Source: OpenID Connect Core section 5.3 (5.3.4: the sub must be compared).
func (c *Client) Userinfo(ctx context.Context, p Proof) (map[string]any, error) {
	if c.server.meta.Userinfo == "" {
		return nil, errors.New("stepup: the server has no userinfo endpoint")
	}
	got, err := c.server.call("userinfo", c.holder, func() (*http.Request, error) {
		return c.holder.request(ctx, http.MethodGet, c.server.meta.Userinfo, p.AccessToken, nil)
	})
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK {
		return nil, endpointError("userinfo", got)
	}
	var info map[string]any
	err = json.Unmarshal(got.body, &info)
	if err != nil {
		return nil, fmt.Errorf("%w: userinfo: the answer is not a JSON object", ErrUnavailable)
	}
	if p.Subject == "" || info["sub"] != p.Subject {
		return nil, ErrOtherSubject
	}
	return info, nil
}
