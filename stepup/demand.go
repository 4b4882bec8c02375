package stepup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// DemandError is an API's answer that the user has to prove more first. It matches
// [ErrUnmet].
type DemandError struct{ Challenge Challenge }

// Error implements error.
func (e *DemandError) Error() string {
	return "stepup: the API demands another authentication of the user: acr " + printable(strings.Join(e.Challenge.ACR, " "), 200)
}

// Is reports whether target is [ErrUnmet].
func (e *DemandError) Is(target error) bool {
	return target == ErrUnmet //nolint:errorlint // Is compares, as its contract says
}

// ChallengeIn looks for a demand of RFC 9470 in the WWW-Authenticate headers of an
// answer; see [ParseChallenge] for each of them.
func ChallengeIn(h http.Header) (Challenge, bool) {
	for _, value := range h.Values("WWW-Authenticate") {
		challenge, ok := ParseChallenge(value)
		if ok {
			return challenge, true
		}
	}
	return Challenge{}, false
}

// Do sends req to an API with an access token, of a [Proof] or a [Confirmation]. It
// returns every answer but one: where the API demands that the user proves more
// first, the error is a [*DemandError].
//
// Then the app keeps what it was about to do, sends the browser to the address of
// [Client.Answer], and when the browser is back does the same again, with a new
// request and the new token. A second demand means that the two do not agree; it is
// an error like any other.
//
// Errors: [*DemandError]; [ErrUnavailable] if there was no answer.
//
// Source: RFC 9470 section 4; RFC 6750 section 2.1.
func (c *Client) Do(req *http.Request, token Secret) (*http.Response, error) {
	sent := req.Clone(req.Context())
	sent.Header.Set("Authorization", "Bearer "+string(token))
	res, err := c.server.http.Do(sent)
	if err != nil {
		return nil, fmt.Errorf("%w: API: %w", ErrUnavailable, err)
	}
	if res.StatusCode != http.StatusUnauthorized {
		return res, nil
	}
	challenge, ok := ChallengeIn(res.Header)
	if !ok {
		return res, nil
	}
	_ = res.Body.Close() // the header has said all
	return nil, &DemandError{challenge}
}

// Answer begins what demand asks for. Of opts it takes what an API cannot know:
// Subject, IDTokenHint, Resources (the API, so that the new token is for it), Resume
// (what the app goes on with), and the Detail where the demand is the action of one,
// which is pushed. Everything else goes as [Client.Start] sends it.
//
// Errors: those of [Client.Push] and [Client.Start]; it is a mistake if the detail
// is of another action than the API demands.
//
// Source: RFC 9470 section 4.
func (c *Client) Answer(ctx context.Context, demand Challenge, opts StartOptions) (address string, tx Transaction, err error) {
	if demand.MaxAge != nil {
		opts.MaxAge = demand.MaxAge
	}
	opts.Scopes = append(slices.Clone(opts.Scopes), strings.Fields(demand.Scope)...)
	if opts.Detail == nil {
		opts.ACR = slices.Clone(demand.ACR)
		return c.Start(opts)
	}
	opts.ACR = nil
	detail, err := opts.takeDetail()
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: answer: %w", err)
	}
	if !slices.Contains(demand.ACR, Action(detail.action)) {
		return "", Transaction{}, errors.New("stepup: answer: the API demands something else than the detail's action")
	}
	return c.Push(ctx, opts)
}
