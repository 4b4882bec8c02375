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
// Errors: those of [Client.Consume]; [ErrMismatch] if d has another hash, and
// [ErrBadDetail] if it has none.
func (c *Client) ConsumeFor(ctx context.Context, v Confirmation, d Detail) (Receipt, error) {
	hash, err := c.DetailsHash(v.Subject, d)
	if err != nil {
		return Receipt{}, err
	}
	if hash != v.DetailsHash {
		return Receipt{}, errOtherHash
	}
	if c.cfg.AuthMethod != AuthNone {
		return c.Consume(ctx, v.ID, hash, v.Key)
	}
	// An app that cannot say who it is has the token of this one confirmation.
	return c.receipts.consume(ctx, consumption{
		id: v.ID, hash: hash, key: v.Key, clientID: c.cfg.ClientID, holder: c.holder, token: v.AccessToken, wait: c.cfg.Wait,
	})
}

// errOtherHash is what is said before the server is asked.
var errOtherHash = fmt.Errorf("%w: what is about to be executed has another hash", ErrMismatch)

// Consume uses up the confirmation id of this app for what has hash, once. The same
// key, of 1 to 128 printable characters of ASCII, yields the same receipt again.
//
// An app with [AuthNone] cannot say who it is; [Client.ConsumeFor] uses its token.
//
// It tries several times, with the same key, where the server cannot be reached or
// fails. The receipt is verified.
//
// Errors: [*EndpointError], which matches [ErrConsumed], [ErrRevoked],
// [ErrNotApproved], [ErrExpired], [ErrMismatch] and [ErrNotFound]; [ErrUnavailable],
// after which the same call may be made again; [ErrToken] if the receipt is not
// good, after which nothing may be executed.
func (c *Client) Consume(ctx context.Context, id, hash, key string) (Receipt, error) {
	u := consumption{id: id, hash: hash, key: key, clientID: c.cfg.ClientID, wait: c.cfg.Wait}
	u.identified = func(address string) (*http.Request, error) {
		return c.formRequest(ctx, address, url.Values{"details_hash": {hash}})
	}
	return c.receipts.consume(ctx, u)
}

// consumption is one request to use an approval up, however often it is sent.
type consumption struct {
	id, hash, key string
	clientID      string // the app that the receipt is for
	wait          func(context.Context, time.Duration) error

	// Who asks: either the app, as at the token endpoint, or who has the token of this
	// confirmation and, if it is bound, its key.
	identified func(address string) (*http.Request, error)
	token      Secret
	holder     *holder
}

// consume sends u until there is an answer that is final, and checks the receipt. s has
// the keys of receipts.
//
// Errors: those of [Client.Consume].
func (s *authServer) consume(ctx context.Context, u consumption) (Receipt, error) {
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	if u.id == "" || u.hash == "" || u.key == "" || len(u.key) > 128 || strings.ContainsFunc(u.key, unprintable) {
		return Receipt{}, errors.New("stepup: consume: id, hash or key is missing, or the key is not 1 to 128 printable characters")
	}
	raw, err := s.consumeOnce(ctx, u)
	for _, pause := range pauses {
		if err == nil || !passing(err) {
			break
		}
		if u.wait(ctx, pause) != nil {
			return Receipt{}, err
		}
		raw, err = s.consumeOnce(ctx, u)
	}
	if err != nil {
		return Receipt{}, err
	}
	r, err := s.openReceipt(ctx, raw, u.clientID)
	if err != nil {
		return Receipt{}, err
	}
	if r.ConfirmationID != u.id || r.DetailsHash != u.hash {
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

// confirmation is the address of what the server knows of one confirmation.
func (s *authServer) confirmation(id string) string {
	return s.path("/confirmations/" + url.PathEscape(id))
}

// consumeOnce sends u and returns the receipt as it came.
func (s *authServer) consumeOnce(ctx context.Context, u consumption) (string, error) {
	got, err := s.call("consume", u.holder, func() (*http.Request, error) {
		req, err := u.request(ctx, s.confirmation(u.id)+"/consume")
		if err != nil {
			return nil, err
		}
		req.Header.Set("Idempotency-Key", u.key)
		// net/http would send a request with that header again by itself, and with it an
		// assertion or a proof that was used. Each try is ours.
		req.GetBody = nil
		return req, nil
	})
	if err != nil {
		return "", err
	}
	if got.status != http.StatusOK {
		return "", endpointError("confirmation", got)
	}
	var answer struct {
		Receipt string `json:"receipt"`
	}
	err = json.Unmarshal(got.body, &answer)
	if err != nil || answer.Receipt == "" {
		return "", fmt.Errorf("%w: consume: the answer holds no receipt", ErrUnavailable)
	}
	return answer.Receipt, nil
}

// request is one try.
func (u consumption) request(ctx context.Context, address string) (*http.Request, error) {
	if u.identified != nil {
		return u.identified(address)
	}
	return u.holder.request(ctx, http.MethodPost, address, u.token, map[string]string{"details_hash": u.hash})
}
