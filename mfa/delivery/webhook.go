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
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Webhook hands messages to an HTTP endpoint of the operator, behind which any
// gateway can stand. Each request is signed:
//
//	X-Sallyport-Id: <id of the delivery, the same when it is tried again>
//	X-Sallyport-Time: <seconds since 1970>
//	X-Sallyport-Signature: v1=<hex HMAC-SHA-256 over id "." time "." body>
//
// The receiver checks the signature, refuses a time that is minutes away, takes
// an id once, and answers 2xx once its gateway has accepted the message. The body
// is JSON with channel, to, text and lang; of a call also greeting, which is said
// until a key is pressed, and only then text. It answers 422 with {"class": ...}
// where the number cannot be reached at all.
//
// What became of a message is posted to receipt_url of the body, signed in the
// same way with the same id.
type Webhook struct {
	name      string
	url       string
	secret    mfa.Secret
	callbacks *Callbacks
	client    *http.Client
	now       func() time.Time
}

// webhookPatience bounds one delivery, whatever a line allows: the user waits for it.
const webhookPatience = 10 * time.Second

// NewWebhook makes a sender. Redirects are not followed: the body holds a code.
func NewWebhook(url string, secret mfa.Secret) *Webhook {
	return &Webhook{
		name: "webhook", url: url, secret: secret, now: time.Now, client: newClient(webhookPatience),
	}
}

// As gives w a name for the log of deliveries, and addresses for receipts.
func (w *Webhook) As(name string, callbacks *Callbacks) *Webhook {
	w.name, w.callbacks = name, callbacks
	return w
}

// Name implements [mfa.Sender].
func (w *Webhook) Name() string { return w.name }

// Send implements [mfa.Sender]. The reference is the answer's "reference", if it
// has one. Errors: [*mfa.RefusedError].
func (w *Webhook) Send(ctx context.Context, m mfa.Message) (string, error) {
	fields := map[string]string{
		"channel": string(m.Channel), "to": m.To.Reveal(), "text": m.Text.Reveal(), "lang": m.Lang,
	}
	if m.Channel == policy.Voice {
		fields["greeting"] = m.Title
	}
	report, err := w.callbacks.receiptURL(w.name, m)
	if err != nil {
		return "", err
	}
	if report != "" {
		fields["receipt_url"] = report
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return "", errors.New("delivery: webhook: the URL is not one")
	}
	at := strconv.FormatInt(w.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.ID)
	req.Header.Set("X-Sallyport-Id", m.ID)
	req.Header.Set("X-Sallyport-Time", at)
	req.Header.Set("X-Sallyport-Signature", "v1="+signature(w.secret, m.ID, at, body))
	a, err := do(ctx, w.client, req)
	if err != nil {
		return "", fmt.Errorf("delivery: webhook: %w", err)
	}
	return readWebhook(a)
}

// readWebhook reads the answer. A gateway need not tell its reference.
func readWebhook(a answer) (string, error) {
	var told struct {
		Reference string `json:"reference"`
		Class     string `json:"class"`
	}
	_ = json.Unmarshal(a.body, &told)
	switch {
	case a.ok():
		return told.Reference, nil
	case a.status == http.StatusUnprocessableEntity && slices.Contains(classes, told.Class):
		return "", &mfa.RefusedError{Class: told.Class, Reason: "webhook answered 422"}
	}
	return "", fmt.Errorf("delivery: webhook answered %d", a.status)
}

// classes are what a webhook may call a failure.
var classes = []string{
	mfa.FailNoSMS, mfa.FailNumber, mfa.FailUnreachable, mfa.FailBlocked, mfa.FailMachine, mfa.FailNoAnswer,
	mfa.FailExpired, mfa.FailOther,
}

// Check implements [Reporter]. The time must be within five minutes of now.
func (w *Webhook) Check(h Hook) error {
	id, at := h.Header.Get("X-Sallyport-Id"), h.Header.Get("X-Sallyport-Time")
	want := "v1=" + signature(w.secret, id, at, h.Body)
	if w.secret == "" || !hmac.Equal([]byte(h.Header.Get("X-Sallyport-Signature")), []byte(want)) {
		return ErrSignature
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || h.At.Sub(time.Unix(seconds, 0)).Abs() > signedFor {
		return ErrSignature
	}
	return nil
}

// Report implements [Reporter].
func (w *Webhook) Report(h Hook) (Report, error) {
	var told struct {
		Reference string `json:"reference"`
		Status    string `json:"status"`
		Class     string `json:"class"`
		Cost      *int64 `json:"cost_usd_micros"`
	}
	err := json.Unmarshal(h.Body, &told)
	switch {
	case err != nil:
		return Report{}, errors.New("delivery: webhook: the receipt is no JSON")
	case told.Status != "" && told.Status != "delivered" && told.Status != "failed":
		return Report{}, errors.New("delivery: webhook: status is not delivered or failed")
	case told.Class != "" && !slices.Contains(classes, told.Class):
		return Report{}, errors.New("delivery: webhook: unknown class of failure")
	}
	r := Report{ID: h.Header.Get("X-Sallyport-Id"), Reference: told.Reference, Status: told.Status, Class: told.Class}
	if told.Status != "failed" {
		r.Class = ""
	}
	if told.Cost != nil && *told.Cost >= 0 {
		r.CostMicros, r.Priced = *told.Cost, true
	}
	return r, nil
}

func signature(secret mfa.Secret, id, at string, body []byte) string {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	_, _ = fmt.Fprintf(h, "%s.%s.", id, at)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
