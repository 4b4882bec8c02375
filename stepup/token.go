package stepup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// tokenSet is the answer of the token endpoint. Source: RFC 6749 section 5.1;
// OpenID Connect Core section 3.1.3.3.
type tokenSet struct {
	AccessToken  string  `json:"access_token"`
	TokenType    string  `json:"token_type"`
	ExpiresIn    int64   `json:"expires_in"` // seconds
	RefreshToken string  `json:"refresh_token"`
	Scope        *string `json:"scope"`
	IDToken      string  `json:"id_token"`
}

// redeem sends form to the token endpoint, with the client's authentication.
//
// Errors: [*EndpointError]; [ErrUnavailable]; [ErrToken] if the answer is not
// one that can be used.
func (c *Client) redeem(ctx context.Context, form url.Values) (tokenSet, error) {
	req, err := c.tokenRequest(ctx, form)
	if err != nil {
		return tokenSet{}, fmt.Errorf("stepup: token endpoint: %w", err)
	}
	status, body, err := send(c.server.http, req)
	if err != nil {
		return tokenSet{}, fmt.Errorf("%w: token endpoint: %w", ErrUnavailable, err)
	}
	if status != http.StatusOK {
		return tokenSet{}, endpointError("token", status, body)
	}
	var set tokenSet
	err = json.Unmarshal(body, &set)
	if err != nil {
		return tokenSet{}, badToken("the token endpoint's answer is not what it should be")
	}
	// A token of another type, such as DPoP, has to be used in another way.
	if set.AccessToken == "" || !strings.EqualFold(set.TokenType, "Bearer") {
		return tokenSet{}, badToken("the server sent no bearer token")
	}
	return set, nil
}

// tokenRequest authenticates form as the client is registered. In the header
// both parts are form-encoded first. Source: RFC 6749 section 2.3.1.
func (c *Client) tokenRequest(ctx context.Context, form url.Values) (*http.Request, error) {
	if c.cfg.AuthMethod != AuthBasic {
		form.Set("client_id", c.cfg.ClientID)
	}
	if c.cfg.AuthMethod == AuthPost {
		form.Set("client_secret", string(c.cfg.ClientSecret))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.meta.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if c.cfg.AuthMethod == AuthBasic {
		req.SetBasicAuth(url.QueryEscape(c.cfg.ClientID), url.QueryEscape(string(c.cfg.ClientSecret)))
	}
	return req, nil
}

// endpointError reads the error body of RFC 6749 section 5.2, if it is one.
func endpointError(endpoint string, status int, body []byte) *EndpointError {
	var e struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal(body, &e) // a body that is not JSON has no code; the status says enough
	return &EndpointError{
		Endpoint:    endpoint,
		Status:      status,
		Code:        printable(e.Code, 100),
		Description: printable(e.Description, 200),
	}
}
