package stepup

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// AccessToken is a valid access token, as an API sees it.
type AccessToken struct {
	Subject   string // the user; the client itself where no user took part
	ClientID  string
	ID        string // "jti"
	Audience  []string
	Scope     string // separated by spaces
	ACR       string
	AMR       []string
	AuthTime  time.Time // zero if no user took part
	IssuedAt  time.Time
	ExpiresAt time.Time
	Claims    map[string]any // all claims, as encoding/json reads them
}

// Action returns the name of the action that the token confirms, such as
// "payout.request", or "".
func (t AccessToken) Action() string { return actionOf(t.ACR) }

// VerifierConfig is what an API has to know to check access tokens.
type VerifierConfig struct {
	// Issuer is the tenant's issuer, to the letter: https, or http on a
	// loopback address.
	Issuer string

	// Audience is the name of this API, to the letter, as the server writes it
	// into the tokens that are meant for it.
	Audience string

	// HTTP, Now and Leeway are as in [Config].
	HTTP   *http.Client
	Now    func() time.Time
	Leeway time.Duration
}

// Verifier checks the access tokens of one Sallyport tenant. It is safe for use
// by several goroutines at once.
type Verifier struct {
	audience string
	server   *authServer
}

// NewVerifier reads the tenant's discovery document and returns a verifier.
//
// Errors: [ErrUnavailable] if the document cannot be read; any other error is a
// mistake in cfg or a document that does not belong to cfg.Issuer.
func NewVerifier(ctx context.Context, cfg VerifierConfig) (*Verifier, error) {
	if cfg.Audience == "" {
		return nil, errors.New("stepup: config: Audience: is missing")
	}
	server, err := connect(ctx, cfg.Issuer, cfg.HTTP, cfg.Now, cfg.Leeway)
	if err != nil {
		return nil, err
	}
	return &Verifier{audience: cfg.Audience, server: server}, nil
}

// Verify checks the JWT access token raw and returns what it says.
//
// It does not ask the server whether the token was revoked meanwhile; these
// tokens live for minutes. A token that is bound to a key (cnf) is refused:
// taken as a bearer token it would lose what protects it.
//
// Errors: [ErrToken]; [ErrUnavailable] if the keys could not be read.
//
// Source: RFC 9068 section 4; RFC 7800 section 3.
func (v *Verifier) Verify(ctx context.Context, raw Secret) (AccessToken, error) {
	isAccess := func(typ string) bool { return typ == "at+jwt" }
	token, err := v.server.openToken(ctx, string(raw), signingAlgs, isAccess)
	if err != nil {
		return AccessToken{}, err
	}
	common, err := v.server.common(token.claims, v.audience)
	if err != nil {
		return AccessToken{}, err
	}
	r := reader{claims: token.claims}
	client, id, scope := r.text("client_id"), r.text("jti"), r.text("scope")
	_, bound := token.claims["cnf"]
	switch {
	case r.err != nil:
		return AccessToken{}, r.err
	case client == "" || id == "":
		return AccessToken{}, badToken("client_id or jti is missing")
	case bound:
		return AccessToken{}, badToken("it is bound to a key and must not come as a bearer token")
	}
	return AccessToken{
		Subject:   common.subject,
		ClientID:  client,
		ID:        id,
		Audience:  common.audience,
		Scope:     scope,
		ACR:       common.acr,
		AMR:       common.amr,
		AuthTime:  common.authTime,
		IssuedAt:  common.issuedAt,
		ExpiresAt: common.expireAt,
		Claims:    token.claims,
	}, nil
}

// bearer returns the token of the request's Authorization header. found is false
// if the request has no Authorization header; token is "", which no check accepts,
// if it has several or one of another scheme.
//
// Source: RFC 6750 section 2.1. Tokens in forms and queries, sections 2.2 and
// 2.3, are not read: they end up in logs.
func bearer(h http.Header) (token Secret, found bool) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", false
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", true
	}
	return Secret(strings.Trim(rest, " ")), true
}
