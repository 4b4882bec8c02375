package stepup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// pauses are how long to wait before each further try to consume. There are as many
// tries as pauses, and one.
var pauses = []time.Duration{250 * time.Millisecond, time.Second, 4 * time.Second}

// wait is what Config.Wait does where the app has nothing of its own.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ConsumeFor uses v up for d, which is what the app is about to execute: read from
// where the app keeps it, and not what it was sent or what it pushed. If d is
// anything else than what was approved, down to the last digit, it is refused
// before anything is used up.
//
// Execute only if the error is nil. After [ErrUnavailable] the answer may be lost:
// nobody knows whether the approval was used. Then call again with the same v, now
// or after a restart; it yields the same receipt. An app that may do so in two
// places at once has to keep them apart itself.
//
// Errors: those of [Client.Consume]; [ErrMismatch] if d has another hash.
func (c *Client) ConsumeFor(ctx context.Context, v Confirmation, d Detail) (Receipt, error) {
	hash, err := c.DetailsHash(v.Subject, d)
	if err != nil {
		return Receipt{}, err
	}
	if hash != v.DetailsHash {
		return Receipt{}, fmt.Errorf("%w: what is about to be executed has another hash", ErrMismatch)
	}
	return c.Consume(ctx, v.ID, hash, v.Key)
}

// Consume uses up the confirmation id of this app for what has hash, once. The same
// key, of 1 to 128 printable characters of ASCII, yields the same receipt again.
//
// It tries several times, with the same key, where the server cannot be reached or
// fails. The receipt is verified.
//
// Errors: [*EndpointError], which matches [ErrConsumed], [ErrRevoked],
// [ErrNotApproved], [ErrExpired], [ErrMismatch] and [ErrNotFound]; [ErrUnavailable],
// after which the same call may be made again; [ErrToken] if the receipt is not
// good, after which nothing may be executed.
func (c *Client) Consume(ctx context.Context, id, hash, key string) (Receipt, error) {
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	if id == "" || hash == "" || key == "" || len(key) > 128 || strings.ContainsFunc(key, unprintable) {
		return Receipt{}, errors.New("stepup: consume: id, hash or key is missing, or the key is not 1 to 128 printable characters")
	}
	raw, err := c.consume(ctx, id, hash, key)
	for _, pause := range pauses {
		if err == nil || !passing(err) {
			break
		}
		if c.cfg.Wait(ctx, pause) != nil {
			return Receipt{}, err
		}
		raw, err = c.consume(ctx, id, hash, key)
	}
	if err != nil {
		return Receipt{}, err
	}
	r, err := c.VerifyReceipt(ctx, raw)
	if err != nil {
		return Receipt{}, err
	}
	if r.ConfirmationID != id || r.DetailsHash != hash {
		return Receipt{}, badToken("the receipt is for another confirmation")
	}
	return r, nil
}

// passing reports whether the same request may do better a moment later.
func passing(err error) bool {
	answer, ok := errors.AsType[*EndpointError](err)
	if ok {
		return answer.Status >= http.StatusInternalServerError
	}
	return errors.Is(err, ErrUnavailable)
}

// confirmations is the address of what the server knows of one confirmation.
func (c *Client) confirmations(id string) string {
	return strings.TrimSuffix(c.cfg.Issuer, "/") + "/confirmations/" + url.PathEscape(id)
}

// consume tries once and returns the receipt as it came.
func (c *Client) consume(ctx context.Context, id, hash, key string) (string, error) {
	req, err := c.formRequest(ctx, c.confirmations(id)+"/consume", url.Values{"details_hash": {hash}})
	if err != nil {
		return "", fmt.Errorf("stepup: consume: %w", err)
	}
	req.Header.Set("Idempotency-Key", key)
	// net/http would send a request with that header again by itself, and with it an
	// assertion that was used. Each try is ours.
	req.GetBody = nil
	status, body, err := send(c.server.http, req)
	if err != nil {
		return "", fmt.Errorf("%w: consume: %w", ErrUnavailable, err)
	}
	if status != http.StatusOK {
		return "", endpointError("confirmation", status, body)
	}
	var answer struct {
		Receipt string `json:"receipt"`
	}
	err = json.Unmarshal(body, &answer)
	if err != nil || answer.Receipt == "" {
		return "", fmt.Errorf("%w: consume: the answer holds no receipt", ErrUnavailable)
	}
	return answer.Receipt, nil
}
