package stepup

import (
	"context"
	"errors"
	"fmt"
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

	// JKT is the RFC 7638 thumbprint of the key that the token is bound to and that its
	// sender has shown to hold; "" for a bearer token.
	JKT string

	// ConfirmationID and DetailsHash are those of the one approval that the token was
	// given for; "" where it was given for none. See [Verifier.Consume].
	ConfirmationID string
	DetailsHash    string

	Raw Secret // as it came
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

	// PublicURL is where callers reach this API, such as "https://api.example.com", with
	// the part of the path that a proxy takes away, if one does. It is what the htu of a
	// DPoP proof is compared with, followed by the path that the middleware sees. The
	// request is not asked: its Host and X-Forwarded headers say what the sender chose.
	// "" refuses tokens that are bound to a key.
	PublicURL string

	// RequireDPoP refuses tokens that are not bound to a key. It needs PublicURL.
	RequireDPoP bool

	// Replays remembers the proofs that were used; nil means a [MemoryReplays]. Several
	// replicas need one that they share.
	Replays ReplayStore

	// NonceKey makes nonces that a proof has to hold: 32 random bytes or more, the same
	// at all replicas. "" asks for none; then a proof may have been made in advance.
	NonceKey Secret

	// HTTP, Now, Leeway and Wait are as in [Config].
	HTTP   *http.Client
	Now    func() time.Time
	Leeway time.Duration
	Wait   func(ctx context.Context, d time.Duration) error `json:"-"`
}

// minNonceKey is as much as the hash that nonces are made with gives out.
const minNonceKey = 32 // bytes

// validate reports every mistake at once.
func (c VerifierConfig) validate() error {
	var errs []error
	if c.Audience == "" {
		errs = append(errs, errors.New("Audience: is missing"))
	}
	if c.PublicURL == "" && (c.RequireDPoP || c.NonceKey != "" || c.Replays != nil) {
		errs = append(errs, errors.New("PublicURL: is missing, and DPoP needs it"))
	}
	if c.NonceKey != "" && len(c.NonceKey) < minNonceKey {
		errs = append(errs, fmt.Errorf("NonceKey: has to have %d bytes or more", minNonceKey))
	}
	if c.PublicURL != "" {
		u, err := secureURL(c.PublicURL)
		if err == nil && (u.RawQuery != "" || u.ForceQuery) {
			err = errors.New("must not have a query")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("PublicURL: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Verifier checks the access tokens of one Sallyport tenant. It is safe for use
// by several goroutines at once.
type Verifier struct {
	cfg      VerifierConfig
	server   *authServer
	receipts *authServer // the same server, with the keys that receipts are signed with
}

// NewVerifier reads the tenant's discovery document and returns a verifier.
//
// Errors: [ErrUnavailable] if the document cannot be read; any other error is a
// mistake in cfg or a document that does not belong to cfg.Issuer.
func NewVerifier(ctx context.Context, cfg VerifierConfig) (*Verifier, error) {
	err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("stepup: config: %w", err)
	}
	server, err := connect(ctx, cfg.Issuer, cfg.HTTP, cfg.Now, cfg.Leeway)
	if err != nil {
		return nil, err
	}
	cfg.PublicURL = strings.TrimSuffix(cfg.PublicURL, "/")
	if cfg.Replays == nil {
		cfg.Replays = NewMemoryReplays(0, server.now)
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	return &Verifier{cfg: cfg, server: server, receipts: server.withReceiptKeys()}, nil
}

// Verify checks the JWT access token raw and returns what it says.
//
// It does not ask the server whether the token was revoked meanwhile; these
// tokens live for minutes. A token that is bound to a key (cnf) is refused: taken as
// a bearer token it would lose what protects it. [Verifier.Require], which sees the
// proof, takes it.
//
// Errors: [ErrToken]; [ErrUnavailable] if the keys could not be read.
//
// Source: RFC 9068 section 4; RFC 7800 section 3.
func (v *Verifier) Verify(ctx context.Context, raw Secret) (AccessToken, error) {
	token, err := v.open(ctx, raw)
	if err != nil {
		return AccessToken{}, err
	}
	if token.JKT != "" {
		return AccessToken{}, badToken("it is bound to a key and must not come as a bearer token")
	}
	return token, nil
}

// open is [Verifier.Verify] for bound tokens too. Whether the sender holds the key is
// the caller's to ask.
func (v *Verifier) open(ctx context.Context, raw Secret) (AccessToken, error) {
	isAccess := func(typ string) bool { return typ == "at+jwt" }
	token, err := v.server.openToken(ctx, string(raw), signingAlgs, isAccess)
	if err != nil {
		return AccessToken{}, err
	}
	common, err := v.server.common(token.claims, v.cfg.Audience)
	if err != nil {
		return AccessToken{}, err
	}
	r := reader{claims: token.claims}
	client, id, scope := r.text("client_id"), r.text("jti"), r.text("scope")
	switch {
	case r.err != nil:
		return AccessToken{}, r.err
	case client == "" || id == "":
		return AccessToken{}, badToken("client_id or jti is missing")
	}
	jkt, err := boundKey(token.claims)
	if err != nil {
		return AccessToken{}, err
	}
	said := approval{}
	if _, present := token.claims["txn"]; present {
		said, err = approvalIn(token.claims)
		if err != nil {
			return AccessToken{}, err
		}
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

		JKT:            jkt,
		ConfirmationID: said.id,
		DetailsHash:    said.hash,
		Raw:            raw,
	}, nil
}

// presented is the access token of a request.
type presented struct {
	found bool   // there is an Authorization header
	token Secret // "", which no check accepts, if there are several, or one of another scheme
	dpop  bool   // the scheme is that of bound tokens
}

// presentedIn reads the Authorization header.
//
// Source: RFC 6750 section 2.1; RFC 9449 section 7.1. Tokens in forms and queries,
// RFC 6750 sections 2.2 and 2.3, are not read: they end up in logs.
func presentedIn(h http.Header) presented {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return presented{}
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	dpop := strings.EqualFold(scheme, schemeDPoP)
	if len(values) > 1 || !dpop && !strings.EqualFold(scheme, schemeBearer) {
		return presented{found: true}
	}
	return presented{found: true, token: Secret(strings.Trim(rest, " ")), dpop: dpop}
}
