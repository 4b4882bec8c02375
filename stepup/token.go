package stepup

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
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

	// Details is what the token was given for. Source: RFC 9396 section 7.
	Details json.RawMessage `json:"authorization_details"`
}

// redeem sends form to the token endpoint, with the client's authentication and the
// proof of its key.
//
// Errors: [*EndpointError]; [ErrUnavailable]; [ErrToken] if the answer is not
// one that can be used.
func (c *Client) redeem(ctx context.Context, form url.Values) (tokenSet, error) {
	got, err := c.server.call("token endpoint", c.holder, func() (*http.Request, error) {
		return c.provenForm(ctx, c.server.meta.Token, form)
	})
	if err != nil {
		return tokenSet{}, err
	}
	if got.status != http.StatusOK {
		return tokenSet{}, endpointError("token", got)
	}
	var set tokenSet
	err = json.Unmarshal(got.body, &set)
	if err != nil {
		return tokenSet{}, badToken("the token endpoint's answer is not what it should be")
	}
	// A token of another type has to be used in another way. Where the app has a key,
	// a bearer token would be worth something to whoever copies it: RFC 9449 section 5.
	if set.AccessToken == "" || !strings.EqualFold(set.TokenType, c.holder.scheme()) {
		return tokenSet{}, badToken("the server sent no %s token", strings.ToLower(c.holder.scheme()))
	}
	return set, nil
}

// endpointError reads the error body of RFC 6749 section 5.2, or the problem of RFC
// 9457 with a code beside it, if it is one.
func endpointError(endpoint string, got response) *EndpointError {
	var e struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
		Title       string `json:"title"`
	}
	_ = json.Unmarshal(got.body, &e) // a body that is not JSON has no code; the status says enough
	if e.Description == "" {
		e.Description = e.Title
	}
	return &EndpointError{
		Endpoint:    endpoint,
		Status:      got.status,
		Code:        printable(e.Code, 100),
		Description: printable(e.Description, 200),
		RetryAfter:  retryAfter(got.header),
	}
}

// maxRetryAfter is the longest time to wait that is believed.
const maxRetryAfter = 24 * time.Hour

// retryAfter is how long to wait before the same request may pass; 0 for what is not
// there, or no number of seconds.
//
// Source: RFC 9110 section 10.2.3.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}
