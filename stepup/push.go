package stepup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Push is [Client.Start] by another way: it sends the request to the server
// itself, and the address for the browser holds nothing but its name. So nobody at
// the browser can read or edit it. A detail goes this way only.
//
// The name is good for little more than a minute, until its first visit. A push of
// the same detail, with the same txn_id, leads to the same page while nothing is
// decided; so it may be repeated after [ErrUnavailable].
//
// Errors: [ErrBadDetail] where the detail cannot be sent, or, as an [*EndpointError], the
// server does not take it; [ErrTooOften], as an [*EndpointError] whose RetryAfter says when
// to ask again; [ErrUnavailable]; any other error is a mistake in opts.
//
// Source: RFC 9126 sections 2 and 4; RFC 9396 section 3.
func (c *Client) Push(ctx context.Context, opts StartOptions) (address string, tx Transaction, err error) {
	if c.server.meta.Push == "" {
		return "", Transaction{}, errors.New("stepup: push: the server has no endpoint for it")
	}
	detail, err := opts.takeDetail()
	if errors.Is(err, ErrBadDetail) {
		return "", Transaction{}, err
	}
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: push: %w", err)
	}
	tx, err = c.begin(opts)
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: push: %w", err)
	}
	form := c.request(opts, tx)
	if opts.Detail != nil {
		tx.TxnID = detail.txnID
		tx.DetailsHash, err = c.DetailsHash(tx.Subject, opts.Detail)
		if err != nil {
			return "", Transaction{}, err
		}
		form.Set("authorization_details", "["+string(detail.canonical)+"]")
	}
	err = c.vouch(form, opts)
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: push: %w", err)
	}
	name, err := c.pushed(ctx, form)
	if err != nil {
		return "", Transaction{}, err
	}
	address, err = c.authorize(url.Values{"client_id": {c.cfg.ClientID}, "request_uri": {name}})
	if err != nil {
		return "", Transaction{}, fmt.Errorf("stepup: push: %w", err)
	}
	return address, tx, nil
}

// vouch adds the app's word that it has logged the subject in itself, if it gives it.
func (c *Client) vouch(form url.Values, opts StartOptions) error {
	if opts.LoggedInAt.IsZero() {
		return nil
	}
	if c.cfg.AuthMethod != AuthPrivateKeyJWT {
		return errors.New("only an app that signs may vouch for a user: AuthPrivateKeyJWT")
	}
	word, err := json.Marshal(map[string]any{"sub": opts.Subject, "auth_time": opts.LoggedInAt.Unix()})
	if err != nil {
		return err
	}
	form.Set("vouched_subject", string(word))
	return nil
}

// takeDetail turns the detail of o into the canonical form that is sent and hashed,
// and into the action that is asked for.
func (o *StartOptions) takeDetail() (prepared, error) {
	if o.Detail == nil {
		return prepared{}, nil
	}
	detail, err := prepare(o.Detail)
	if err != nil {
		return prepared{}, err
	}
	own := Action(detail.action)
	if len(o.ACR) > 1 || len(o.ACR) == 1 && o.ACR[0] != own {
		return prepared{}, errors.New("a detail stands for its own action; leave ACR out")
	}
	if strings.TrimSpace(o.Prompt) == "none" {
		return prepared{}, errors.New("nobody confirms without a page; leave Prompt out")
	}
	o.ACR, o.Detail = []string{own}, json.RawMessage(detail.canonical)
	return detail, nil
}

// pushed sends form and returns the name under which the server keeps it.
func (c *Client) pushed(ctx context.Context, form url.Values) (string, error) {
	got, err := c.server.call("push", c.holder, func() (*http.Request, error) {
		return c.provenForm(ctx, c.server.meta.Push, form)
	})
	if err != nil {
		return "", err
	}
	if got.status != http.StatusCreated {
		return "", endpointError(endpointPush, got)
	}
	var answer struct {
		RequestURI string `json:"request_uri"`
	}
	err = json.Unmarshal(got.body, &answer)
	if err != nil || answer.RequestURI == "" {
		return "", fmt.Errorf("%w: push: the answer names no request", ErrUnavailable)
	}
	return answer.RequestURI, nil
}
