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
// With [Config.DPoPKey] the token goes with a proof. Where the API wants its nonce in
// that, the request is sent once more: at once if req has no body or a GetBody, as it
// has from the readers that [http.NewRequest] knows. Else the answer is returned, and
// the next request has the nonce. No redirect is followed, because a proof is for one
// address.
//
// The address has to be https, or http on a loopback address: a token is worth something to
// whoever reads it on the way.
//
// Errors: [*DemandError]; [ErrUnavailable] if there was no answer; any other error is a
// mistake in req, which was not sent.
//
// Source: RFC 9470 section 4; RFC 6750 section 2.1; RFC 9449 sections 7.1 and 9.
func (c *Client) Do(req *http.Request, token Secret) (*http.Response, error) {
	if req.URL == nil {
		return nil, errors.New("stepup: API: the request has no address")
	}
	address := *req.URL
	address.Fragment, address.RawFragment = "", "" // it is never sent
	_, err := secureURL(address.String())
	if err != nil {
		return nil, fmt.Errorf("stepup: API: %w", err)
	}
	res, learnt, err := c.do(req, token)
	if err != nil {
		return nil, err
	}
	if learnt && wantsNonce(res.StatusCode, res.Header, nil) {
		second, ok := again(req)
		if ok {
			_ = res.Body.Close() // the header has said all
			res, _, err = c.do(second, token)
		}
		if err != nil {
			return nil, err
		}
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

// do sends req once, and reports whether the answer brought a nonce.
func (c *Client) do(req *http.Request, token Secret) (res *http.Response, learnt bool, err error) {
	sent := req.Clone(req.Context())
	err = c.holder.present(sent, token)
	if err != nil {
		return nil, false, fmt.Errorf("stepup: API: %w", err)
	}
	res, err = c.api.Do(sent)
	if err != nil {
		return nil, false, fmt.Errorf("%w: API: %w", ErrUnavailable, err)
	}
	return res, c.holder.learn(req.URL, res.Header), nil
}

// again is req for a second try; false if its body can be read only once.
func again(req *http.Request) (*http.Request, bool) {
	second := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return second, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	second.Body = body
	return second, err == nil
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
	if errors.Is(err, ErrBadDetail) {
		return "", Transaction{}, err
	}
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: answer: %w", err)
	}
	if !slices.Contains(demand.ACR, Action(detail.action)) {
		return "", Transaction{}, errors.New("stepup: answer: the API demands something else than the detail's action")
	}
	return c.Push(ctx, opts)
}
