package stepup

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// How a client proves itself at the token endpoint.
const (
	// AuthBasic sends id and secret in the Authorization header; the default.
	AuthBasic = "client_secret_basic"
	// AuthPost sends id and secret in the form.
	AuthPost = "client_secret_post"
	// AuthPrivateKeyJWT signs an assertion with a key that never leaves the app;
	// the best that there is, and what payments should use.
	AuthPrivateKeyJWT = "private_key_jwt"
	// AuthNone is for an app that cannot keep a secret; PKCE alone protects it.
	AuthNone = "none"
)

// Config is what an app has to know to use a Sallyport tenant.
type Config struct {
	// Issuer is the tenant's issuer, to the letter: https, or http on a
	// loopback address.
	Issuer string

	ClientID     string
	ClientSecret Secret // of AuthBasic and AuthPost, "" else
	RedirectURI  string // one of those that are registered, to the letter
	AuthMethod   string // AuthBasic (the default), AuthPost, AuthPrivateKeyJWT or AuthNone

	// Key signs the assertions of AuthPrivateKeyJWT, by ES256: a *ecdsa.PrivateKey
	// on P-256, or what stands for one that is kept elsewhere. KeyID is its "kid"
	// in the registered set, "" if there is one key only.
	Key   crypto.Signer `json:"-"`
	KeyID string

	// DPoPKey is the key that the app's tokens are bound to, a *ecdsa.PrivateKey on
	// P-256 or what stands for one that is kept elsewhere. Every use of a token then
	// goes with a proof that is signed with it, and a code or a token that was copied is
	// worth nothing. All replicas of an app have the same key, and it lives longer than
	// what was begun with it. nil means bearer tokens, which are worth something to
	// whoever has them. Source: RFC 9449.
	DPoPKey crypto.Signer `json:"-"`

	// HTTP sends the requests; nil means a plain client. Its transport and
	// timeout are used, its cookies and its rule for redirects are not.
	HTTP *http.Client

	// Now tells the time; nil means time.Now.
	Now func() time.Time

	// Leeway is how far the server's clock may be off; 0 means 10 s, and the
	// most is 1 min.
	Leeway time.Duration

	// Wait waits before a consumption is tried again, and returns the error of ctx
	// if that ends first; nil means a timer.
	Wait func(ctx context.Context, d time.Duration) error `json:"-"`
}

// validate reports every mistake at once.
func (c Config) validate() error {
	var errs []error
	if c.ClientID == "" {
		errs = append(errs, errors.New("ClientID: is missing"))
	}
	switch c.AuthMethod {
	case AuthBasic, AuthPost:
		if c.ClientSecret == "" {
			errs = append(errs, fmt.Errorf("ClientSecret: is missing, and %s needs it", c.AuthMethod))
		}
	case AuthNone:
		if c.ClientSecret != "" {
			errs = append(errs, errors.New("ClientSecret: must be empty with the method none"))
		}
	case AuthPrivateKeyJWT:
		if c.ClientSecret != "" {
			errs = append(errs, errors.New("ClientSecret: must be empty with the method private_key_jwt"))
		}
		if !isP256(c.Key) {
			errs = append(errs, errors.New("Key: has to be a key for ECDSA on P-256"))
		}
	default:
		errs = append(errs, fmt.Errorf("AuthMethod: %q is not known", c.AuthMethod))
	}
	if c.DPoPKey != nil && !isP256(c.DPoPKey) {
		errs = append(errs, errors.New("DPoPKey: has to be a key for ECDSA on P-256"))
	}
	u, err := url.Parse(c.RedirectURI)
	if err != nil || u.Scheme == "" || u.Fragment != "" {
		errs = append(errs, errors.New("RedirectURI: must be absolute and without a fragment"))
	}
	return errors.Join(errs...)
}

// Client is an app that sends its users to one Sallyport tenant. It is safe for
// use by several goroutines at once and keeps nothing about any user:
// of servers, it keeps the last DPoP nonce.
type Client struct {
	cfg      Config
	server   *authServer
	receipts *authServer // the same server, with the keys that receipts are signed with
	holder   *holder     // nil where tokens are bearer tokens
	api      *http.Client
}

// Actions returns the names of the actions that the server said it can be asked to
// have confirmed, such as "payout.request", in its order; none if it named none.
// They are those of the discovery document that [New] read.
//
// Source: OpenID Connect Discovery section 3 (acr_values_supported).
func (c *Client) Actions() []string {
	var names []string
	for _, acr := range c.server.meta.ACRValues {
		name := actionOf(acr)
		if actionName.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// New reads the tenant's discovery document and returns a client for it.
//
// Errors: [ErrUnavailable] if the document cannot be read; any other error is a
// mistake in cfg or a document that does not belong to cfg.Issuer.
//
// Source: OpenID Connect Discovery section 4.
func New(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.AuthMethod == "" {
		cfg.AuthMethod = AuthBasic
	}
	err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("stepup: config: %w", err)
	}
	server, err := connect(ctx, cfg.Issuer, cfg.HTTP, cfg.Now, cfg.Leeway)
	if err != nil {
		return nil, err
	}
	methods := server.meta.AuthMethods
	if methods != nil && !slices.Contains(methods, cfg.AuthMethod) {
		return nil, fmt.Errorf("stepup: config: AuthMethod: the server does not offer %s", cfg.AuthMethod)
	}
	if cfg.DPoPKey != nil && !slices.Contains(server.meta.ProofAlgs, "ES256") {
		return nil, errors.New("stepup: config: DPoPKey: the server does not offer to bind tokens to such a key")
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	holder, err := newHolder(cfg.DPoPKey, server.now)
	if err != nil {
		return nil, fmt.Errorf("stepup: config: DPoPKey: %w", err)
	}
	api := *server.http
	if holder != nil {
		api.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &Client{cfg: cfg, server: server, receipts: server.withReceiptKeys(), holder: holder, api: &api}, nil
}
