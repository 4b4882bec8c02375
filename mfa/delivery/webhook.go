package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// Webhook hands messages to an HTTP endpoint of the operator, behind which any
// gateway can stand. Each request is signed:
//
//	X-Sallyport-Id: <id of the delivery, the same when it is tried again>
//	X-Sallyport-Time: <seconds since 1970>
//	X-Sallyport-Signature: v1=<hex HMAC-SHA-256 over id "." time "." body>
//
// The receiver checks the signature, refuses a time that is minutes away, and
// answers 2xx once its gateway has accepted the message. The body is JSON with
// channel, to, text and lang.
type Webhook struct {
	url    string
	secret mfa.Secret
	client *http.Client
	now    func() time.Time
}

// webhookPatience bounds one delivery; the user waits for it.
const webhookPatience = 6 * time.Second

// NewWebhook makes a sender. Redirects are not followed: the body holds a code.
func NewWebhook(url string, secret mfa.Secret) *Webhook {
	return &Webhook{
		url: url, secret: secret, now: time.Now,
		client: &http.Client{
			Timeout:       webhookPatience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Name implements [mfa.Sender].
func (*Webhook) Name() string { return "webhook" }

// Send implements [mfa.Sender]. The reference is the answer's "reference", if it
// has one.
func (w *Webhook) Send(ctx context.Context, m mfa.Message) (string, error) {
	body, err := json.Marshal(map[string]string{
		"channel": string(m.Channel), "to": m.To.Reveal(), "text": m.Text.Reveal(), "lang": m.Lang,
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("delivery: webhook: %w", err)
	}
	at := strconv.FormatInt(w.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Sallyport-Id", m.ID)
	req.Header.Set("X-Sallyport-Time", at)
	req.Header.Set("X-Sallyport-Signature", "v1="+signature(w.secret, m.ID, at, body))
	resp, err := w.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("delivery: webhook: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read below
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "", errors.New("delivery: webhook answered " + resp.Status)
	}
	// The message was accepted. A gateway need not tell its reference, and one that
	// breaks off on the way changes nothing.
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	var told struct {
		Reference string `json:"reference"`
	}
	_ = json.Unmarshal(answer, &told)
	return told.Reference, nil
}

func signature(secret mfa.Secret, id, at string, body []byte) string {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	_, _ = fmt.Fprintf(h, "%s.%s.", id, at)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
