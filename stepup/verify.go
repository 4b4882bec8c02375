package stepup

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// verifyIDToken checks the ID token raw as the answer to tx, and that it belongs
// to accessToken.
//
// Errors: [ErrToken], [ErrOtherSubject], [ErrUnmet], [ErrUnavailable].
//
// Source: OpenID Connect Core sections 3.1.3.7 and 3.1.3.8; RFC 9470 section 5.
func (c *Client) verifyIDToken(ctx context.Context, tx Transaction, raw, accessToken string) (Proof, error) {
	p, err := c.openIDToken(ctx, raw, accessToken)
	if err != nil {
		return Proof{}, err
	}
	nonce, err := claims(p.Claims).text("nonce")
	if err != nil {
		return Proof{}, err
	}
	if !hmac.Equal([]byte(nonce), []byte(tx.Nonce)) {
		return Proof{}, badToken("the nonce is another one")
	}
	if p.AuthTime.IsZero() {
		return Proof{}, badToken("auth_time is missing")
	}
	err = tx.met(p, c.server.now(), c.server.leeway)
	if err != nil {
		return Proof{}, err
	}
	return p, nil
}

// openIDToken checks all of an ID token that does not depend on a transaction.
func (c *Client) openIDToken(ctx context.Context, raw, accessToken string) (Proof, error) {
	// An access or logout token of the same server is signed with the same keys,
	// so the type has to tell them apart; ID tokens carry JWT or nothing.
	isID := func(typ string) bool { return typ == "" || typ == "jwt" }
	token, err := c.server.openToken(ctx, raw, c.server.meta.algs(), isID)
	if err != nil {
		return Proof{}, err
	}
	common, err := c.server.common(token.claims, c.cfg.ClientID)
	if err != nil {
		return Proof{}, err
	}
	r := reader{claims: token.claims}
	azp, atHash := r.text("azp"), r.text("at_hash")
	_, hasHash := token.claims["at_hash"]
	switch {
	case r.err != nil:
		return Proof{}, r.err
	case len(common.audience) > 1 && azp == "":
		return Proof{}, badToken("it has several audiences and does not say for whom it was made")
	case azp != "" && azp != c.cfg.ClientID:
		return Proof{}, badToken("it was made for another client")
	case hasHash && !hmac.Equal([]byte(atHash), []byte(halfHash(token.alg, accessToken))):
		return Proof{}, badToken("it belongs to another access token")
	}
	return Proof{
		Subject:  common.subject,
		ACR:      common.acr,
		AMR:      common.amr,
		AuthTime: common.authTime,
		IDToken:  Secret(raw),
		Claims:   token.claims,
	}, nil
}

// met reports whether p proves what tx asked for.
//
// max_age is met by a proof that is young enough now, or that was made after
// the transaction began: the user may have taken time on a later page.
func (tx Transaction) met(p Proof, now time.Time, leeway time.Duration) error {
	if tx.Subject != "" && p.Subject != tx.Subject {
		return ErrOtherSubject
	}
	if len(tx.ACR) > 0 && !slices.Contains(tx.ACR, p.ACR) {
		return fmt.Errorf("%w: the server answered acr %q", ErrUnmet, printable(p.ACR, 100))
	}
	if tx.MaxAge == nil {
		return nil
	}
	oldest := now.Add(-*tx.MaxAge)
	if tx.StartedAt.Before(oldest) {
		oldest = tx.StartedAt
	}
	// auth_time is in whole seconds.
	if p.AuthTime.Before(oldest.Truncate(time.Second).Add(-leeway)) {
		return fmt.Errorf("%w: the proof is older than max_age", ErrUnmet)
	}
	return nil
}

// halfHash is the left half of the hash of token, as at_hash has it. Ed25519
// signs with SHA-512; all other accepted algorithms use SHA-256.
//
// Source: OpenID Connect Core section 3.1.3.6.
func halfHash(alg, token string) string {
	if alg == "EdDSA" {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
