package stepup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// StartOptions say what is asked of the server. The zero value asks for a login
// at whatever level the tenant's policy sets.
type StartOptions struct {
	// ACR are the levels that will do, the preferred one first; or one action,
	// as [Action] writes it, alone. [Client.Finish] accepts nothing else.
	ACR []string

	// MaxAge is how old the user's last active proof may be; nil asks for
	// nothing, 0 for a new one. Parts of a second are cut off.
	MaxAge *time.Duration

	// Prompt is "", or of "none", "login", "consent" and "select_account" one
	// or more, separated by spaces; "none" stands alone.
	Prompt string

	// Scopes are asked for besides "openid", which always is.
	Scopes []string

	// Subject pins the request to one user: the "sub" of the proof that the
	// app's session began with. The server does not go on as anyone else, and
	// Finish refuses a token about anyone else. An action needs it: otherwise a
	// payout of one user could be confirmed by another.
	Subject string

	// IDTokenHint is the ID token of the app's session, if it kept it.
	IDTokenHint Secret

	LoginHint string   // what the user would type as name
	UILocales []string // BCP 47 tags, the preferred one first

	// Resources are the APIs that the access token is for, as they are registered;
	// none for the server's own. Source: RFC 8707 section 2.
	Resources []string

	// Detail is the one transaction that the user is asked to confirm, nil for
	// none. It stands for its own action, so ACR is left out; it needs Subject, and
	// goes by [Client.Push] only.
	Detail Detail

	// LoggedInAt is for an app that keeps its own login, and is registered to vouch for
	// its users: when it logged Subject in itself. The user then confirms without a login
	// at the server. It goes by [Client.Push] only, for an action, and the app has to sign
	// ([AuthPrivateKeyJWT]). The zero value is a login at the server.
	LoggedInAt time.Time

	// Resume is the app's own word for what it goes on with afterwards, such as the
	// id of the payout. It is found in [Transaction.Resume] and is never sent.
	Resume string
}

// prompts are the values that OpenID Connect Core section 3.1.2.1 defines.
var prompts = []string{"none", "login", "consent", "select_account"}

// validate refuses a request that could not be answered, or whose answer would
// not say which of several things was proven.
func (o StartOptions) validate() error {
	action := false
	for _, acr := range o.ACR {
		if !validACR(acr) {
			return fmt.Errorf("acr %q is not one", acr)
		}
		if acr == ACRTrustedDevice {
			return errors.New("a trusted device cannot be asked for")
		}
		if strings.HasPrefix(acr, actionPrefix) {
			action = true
			if !actionName.MatchString(actionOf(acr)) {
				return fmt.Errorf("action %q is not one", actionOf(acr))
			}
		}
	}
	if action && len(o.ACR) > 1 {
		return errors.New("an action must be asked for alone")
	}
	if action && o.Subject == "" {
		return errors.New("an action needs the Subject that the app's session belongs to")
	}
	if !o.LoggedInAt.IsZero() && !action {
		return errors.New("LoggedInAt goes with an action or a detail")
	}
	if o.MaxAge != nil && (*o.MaxAge < 0 || *o.MaxAge > maxSpan*time.Second) {
		return errors.New("MaxAge is negative or too long")
	}
	return o.validatePrompt()
}

func (o StartOptions) validatePrompt() error {
	asked := strings.Fields(o.Prompt)
	for _, p := range asked {
		if !slices.Contains(prompts, p) {
			return fmt.Errorf("prompt %q is not known", p)
		}
	}
	if slices.Contains(asked, "none") && len(asked) > 1 {
		return errors.New("prompt none stands alone")
	}
	return nil
}

// scope is what is sent as scope: "openid" first, nothing twice.
func (o StartOptions) scope() string {
	all := []string{"openid"}
	for _, s := range o.Scopes {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}

// Start returns the address to send the browser to, and the transaction that
// the app has to keep in that browser's session until the browser comes back.
//
// A transaction is good for one answer: take it out of the session before
// calling [Client.Finish] with it. An app that lets a user work in several tabs
// keeps several, by [Transaction.State].
//
// Start does no network. Its errors are mistakes in opts.
//
// Source: OpenID Connect Core sections 3.1.2.1 and 5.5; RFC 7636 section 4;
// RFC 9470 section 4.
func (c *Client) Start(opts StartOptions) (address string, tx Transaction, err error) {
	if opts.Detail != nil {
		return "", Transaction{}, errors.New("stepup: start: a detail must not pass through the browser; use Push")
	}
	if !opts.LoggedInAt.IsZero() {
		return "", Transaction{}, errors.New("stepup: start: what an app vouches for must not pass through the browser; use Push")
	}
	tx, err = c.begin(opts)
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: start: %w", err)
	}
	address, err = c.authorize(c.request(opts, tx))
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: start: %w", err)
	}
	return address, tx, nil
}

// begin makes the transaction that opts ask for.
func (c *Client) begin(opts StartOptions) (Transaction, error) {
	err := opts.validate()
	if err != nil {
		return Transaction{}, err
	}
	tx := Transaction{
		Issuer:    c.cfg.Issuer,
		ClientID:  c.cfg.ClientID,
		State:     random(),
		Nonce:     random(),
		Verifier:  random(),
		ACR:       slices.Clone(opts.ACR),
		Scope:     opts.scope(),
		Subject:   opts.Subject,
		StartedAt: c.server.now().UTC(),
		Resume:    opts.Resume,
	}
	if opts.MaxAge != nil {
		age := opts.MaxAge.Truncate(time.Second)
		tx.MaxAge = &age
	}
	return tx, nil
}

// authorize is the address of the authorization endpoint with params. What the
// endpoint's address had in its own query stays.
func (c *Client) authorize(params url.Values) (string, error) {
	u, err := url.Parse(c.server.meta.Authorization)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for name, values := range params {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// request is the authorization request for tx; empty values are not sent. dpop_jkt
// binds the code, so that it is worth nothing without the key: RFC 9449 section 10.
func (c *Client) request(opts StartOptions, tx Transaction) url.Values {
	challenge := sha256.Sum256([]byte(tx.Verifier))
	sent := url.Values{}
	for name, value := range map[string]string{
		"response_type":         "code",
		"client_id":             c.cfg.ClientID,
		"redirect_uri":          c.cfg.RedirectURI,
		"scope":                 tx.Scope,
		"state":                 string(tx.State),
		"nonce":                 string(tx.Nonce),
		"code_challenge":        base64.RawURLEncoding.EncodeToString(challenge[:]),
		"code_challenge_method": "S256",
		"acr_values":            strings.Join(tx.ACR, " "),
		"prompt":                strings.Join(strings.Fields(opts.Prompt), " "),
		"login_hint":            opts.LoginHint,
		"id_token_hint":         string(opts.IDTokenHint),
		"ui_locales":            strings.Join(opts.UILocales, " "),
		"claims":                pinned(tx.Subject),
		"dpop_jkt":              c.holder.thumbprint(),
	} {
		if value != "" {
			sent.Set(name, value)
		}
	}
	if tx.MaxAge != nil {
		sent.Set("max_age", strconv.FormatInt(int64(*tx.MaxAge/time.Second), 10))
	}
	if len(opts.Resources) > 0 {
		sent["resource"] = slices.Clone(opts.Resources)
	}
	return sent
}

// pinned is the claims parameter that asks for one subject, or "".
// Source: OpenID Connect Core section 5.5.1 (a requested sub value).
func pinned(subject string) string {
	if subject == "" {
		return ""
	}
	type value struct {
		Value string `json:"value"`
	}
	claims := map[string]map[string]value{"id_token": {"sub": {Value: subject}}}
	text, _ := json.Marshal(claims) // strings in maps always encode
	return string(text)
}

// random returns 256 random bits. They fit a PKCE verifier (RFC 7636 section
// 4.1: 43 to 128 characters), a state and a nonce.
func random() Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return Secret(base64.RawURLEncoding.EncodeToString(b))
}
