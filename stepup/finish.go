package stepup

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Finish checks what the browser brought back for tx, redeems the code and
// returns what the server vouches for.
//
// Where tx was pushed with a detail, the proof is one of that detail; use
// [Client.FinishConfirmation] for what belongs to it.
//
// query is the query of the request at the redirect URI, or its form where the
// response mode is form_post. Nothing in it is believed before its state and
// issuer were found to belong to tx.
//
// Errors: [ErrResponse]; [*AuthError], which matches [ErrDenied], [ErrUnmet] or
// [ErrInteractionRequired]; [*EndpointError], which may match [ErrInvalidGrant];
// [ErrToken]; [ErrOtherSubject]; [ErrUnmet] if the token says less than was
// asked; [ErrMismatch] if something else was confirmed than what tx pushed;
// [ErrUnavailable].
//
// Source: OpenID Connect Core sections 3.1.2.5 to 3.1.3.8; RFC 9207 section 2.4.
func (c *Client) Finish(ctx context.Context, tx Transaction, query url.Values) (Proof, error) {
	proof, set, err := c.finish(ctx, tx, query)
	if err != nil {
		return Proof{}, err
	}
	if tx.DetailsHash != "" {
		_, err = c.confirmed(tx, proof, set)
		if err != nil {
			return Proof{}, err
		}
	}
	return proof, nil
}

// finish is what logins and confirmations have in common.
func (c *Client) finish(ctx context.Context, tx Transaction, query url.Values) (Proof, tokenSet, error) {
	code, err := c.answer(tx, query)
	if err != nil {
		return Proof{}, tokenSet{}, err
	}
	set, err := c.redeem(ctx, url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {string(code)},
		"redirect_uri":  {c.cfg.RedirectURI},
		"code_verifier": {string(tx.Verifier)},
	})
	if err != nil {
		return Proof{}, tokenSet{}, err
	}
	if set.IDToken == "" {
		return Proof{}, tokenSet{}, badToken("the server sent no ID token")
	}
	proof, err := c.verifyIDToken(ctx, tx, set.IDToken, set.AccessToken)
	if err != nil {
		return Proof{}, tokenSet{}, err
	}
	set.fill(&proof, tx.Scope, c.server.now())
	return proof, set, nil
}

// answer returns the code in query, after it was shown to belong to tx.
func (c *Client) answer(tx Transaction, query url.Values) (Secret, error) {
	err := c.owns(tx)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"state", "iss", "code", "error", "error_description"} {
		if len(query[name]) > 1 {
			return "", fmt.Errorf("%w: %s is there twice", ErrResponse, name)
		}
	}
	if !hmac.Equal([]byte(query.Get("state")), []byte(tx.State)) {
		return "", fmt.Errorf("%w: state", ErrResponse)
	}
	// The server that answers must be the one that was asked; otherwise another
	// one could collect its codes. Source: RFC 9207 section 2.4.
	if query.Has("iss") || c.server.meta.IssInResponse {
		if query.Get("iss") != c.cfg.Issuer {
			return "", fmt.Errorf("%w: iss", ErrResponse)
		}
	}
	if query.Has("error") {
		return "", &AuthError{
			Code:        printable(query.Get("error"), 100),
			Description: printable(query.Get("error_description"), 200),
			State:       tx.State,
		}
	}
	if query.Get("code") == "" {
		return "", fmt.Errorf("%w: code", ErrResponse)
	}
	return Secret(query.Get("code")), nil
}

// owns refuses a transaction of another client, and a stale or damaged one.
func (c *Client) owns(tx Transaction) error {
	err := tx.complete()
	if err != nil {
		return errors.Join(ErrResponse, err)
	}
	if tx.Issuer != c.cfg.Issuer || tx.ClientID != c.cfg.ClientID {
		return fmt.Errorf("%w: it was started by another client", ErrResponse)
	}
	if c.server.now().Sub(tx.StartedAt) > transactionLife {
		return fmt.Errorf("%w: it was started more than %s ago", ErrResponse, transactionLife)
	}
	return nil
}

// fill adds the tokens to p. A scope that the server did not name is the one
// that was asked for, and a refresh token that it did not send stays the old
// one. Source: RFC 6749 sections 5.1 and 6.
func (s tokenSet) fill(p *Proof, scope string, now time.Time) {
	p.AccessToken = Secret(s.AccessToken)
	p.Scope = scope
	if s.Scope != nil {
		p.Scope = *s.Scope
	}
	if s.RefreshToken != "" {
		p.RefreshToken = Secret(s.RefreshToken)
	}
	p.ExpiresAt = time.Time{}
	if s.ExpiresIn > 0 && s.ExpiresIn <= maxSpan {
		p.ExpiresAt = now.Add(time.Duration(s.ExpiresIn) * time.Second).UTC()
	}
}
