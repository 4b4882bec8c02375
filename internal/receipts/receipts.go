// Package receipts is where gateways report back: what became of a message, and
// that somebody pressed a key on a call and wants to hear the code.
//
// A request is believed when the gateway signed it, and when it brings the sealed
// token that the gateway was handed with the message. The token names tenant,
// user and delivery, so that no gateway can speak of a message it did not carry,
// and every replica of the server can answer.
package receipts

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/delivery"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Handler takes the callbacks of gateways.
type Handler struct {
	Sender mfa.Sender // callbacks are taken if it is a [delivery.Route] with gateways that report
	Store  mfa.TelephonyStore
	// Incapable marks the number that the code of a challenge went to as one that
	// takes no text messages; nil marks none.
	Incapable func(ctx context.Context, who mfa.Subject, challenge string) error
	Events    mfa.Observer
	Now       func() time.Time

	gateways  map[string]delivery.Reporter
	callbacks *delivery.Callbacks
}

// Tokens are the key ring as package delivery wants it. A token is of the whole
// server: which tenant it is about is inside.
type Tokens struct{ Ring *seal.Ring }

// Seal implements [delivery.Tokens].
func (t Tokens) Seal(use string, plain []byte) (string, error) {
	return t.Ring.Seal(seal.AD{Table: "delivery", Column: use}, plain)
}

// Open implements [delivery.Tokens].
func (t Tokens) Open(use, sealed string) ([]byte, error) {
	return t.Ring.Open(seal.AD{Table: "delivery", Column: use}, sealed)
}

// Mount adds the two addresses to r, which must be the root of the server. It
// does nothing where no gateway reports back.
func (h *Handler) Mount(r gin.IRouter) {
	route, ok := h.Sender.(delivery.Route)
	if !ok || route.Callbacks == nil {
		return
	}
	h.gateways, h.callbacks = route.Reporters(), route.Callbacks
	if len(h.gateways) == 0 {
		return
	}
	r.POST(delivery.ReceiptPath+":gateway", web.JSON(h.receipt))
	r.POST(delivery.VoicePath+":gateway", web.JSON(h.voice))
}

// longestBody is more than any gateway says.
const longestBody = 32 << 10

// hook reads a request and refuses what the gateway did not sign. ok is false
// after it has answered.
func (h *Handler) hook(c *gin.Context) (g delivery.Reporter, hook delivery.Hook, ok bool) {
	g, known := h.gateways[c.Param("gateway")]
	if !known {
		c.AbortWithStatus(http.StatusNotFound)
		return nil, hook, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, longestBody))
	if err != nil {
		c.AbortWithStatus(http.StatusRequestEntityTooLarge)
		return nil, hook, false
	}
	// Behind a proxy the request's own URL is another one than the gateway's.
	hook = delivery.Hook{URL: h.callbacks.Base + c.Request.URL.RequestURI(), Header: c.Request.Header, Body: body, At: h.Now()}
	err = g.Check(hook)
	if err != nil {
		c.AbortWithStatus(http.StatusForbidden)
		return nil, hook, false
	}
	return g, hook, true
}

// receipt takes what became of a message.
func (h *Handler) receipt(c *gin.Context) error {
	g, hook, ok := h.hook(c)
	if !ok {
		return nil
	}
	ticket, err := h.callbacks.Receipt(g.Name(), c.Query("t"))
	if err != nil {
		c.AbortWithStatus(http.StatusForbidden)
		return nil //nolint:nilerr // answered
	}
	report, err := g.Report(hook)
	if err != nil || report.ID != "" && report.ID != ticket.ID {
		c.AbortWithStatus(http.StatusBadRequest)
		return nil //nolint:nilerr // answered
	}
	if report.Status != "" || report.Priced {
		err = h.settle(c.Request.Context(), ticket, report)
	}
	if errors.Is(err, mfa.ErrNotFound) {
		c.AbortWithStatus(http.StatusNotFound)
		return nil
	}
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// settle writes a report down and tells of it, once.
func (h *Handler) settle(ctx context.Context, ticket delivery.Ticket, r delivery.Report) error {
	now := h.Now().UTC().Truncate(time.Millisecond)
	sending, first, err := h.Store.Receive(ctx, mfa.Receipt{
		ID: ticket.ID, Subject: ticket.Subject(), Gateway: ticket.Gateway, Reference: r.Reference,
		Status: r.Status, Class: r.Class, CostMicros: r.CostMicros, Priced: r.Priced, At: now,
	})
	if err != nil || !first {
		return err
	}
	e := mfa.Event{
		Kind: mfa.EventDelivered, Subject: ticket.Subject(), Result: "ok", Method: ticket.Channel, At: now,
		Data: map[string]string{"gateway": ticket.Gateway, "reference": sending.Reference, "challenge": sending.ChallengeID},
	}
	if r.Status == "failed" {
		e.Kind, e.Result = mfa.EventUndelivered, r.Class
	}
	h.Events.Observe(ctx, e)
	if r.Class == mfa.FailNoSMS && ticket.Channel == policy.SMS && h.Incapable != nil {
		return h.Incapable(ctx, ticket.Subject(), sending.ChallengeID)
	}
	return nil
}

// voice goes on with a call. The code is said after a key press, and never to a
// machine.
func (h *Handler) voice(c *gin.Context) error {
	g, hook, ok := h.hook(c)
	if !ok {
		return nil
	}
	caller, calls := g.(delivery.Caller)
	ticket, err := h.callbacks.Voice(g.Name(), c.Query("t"))
	if err != nil || !calls {
		c.AbortWithStatus(http.StatusForbidden)
		return nil //nolint:nilerr // answered
	}
	press, err := caller.Press(hook)
	if err != nil {
		c.AbortWithStatus(http.StatusBadRequest)
		return nil //nolint:nilerr // answered
	}
	report := delivery.Report{Reference: press.Reference, Status: "delivered"}
	script := ticket.Script
	switch {
	case press.Machine:
		report.Status, report.Class, script = "failed", mfa.FailMachine, ""
	case !press.Pressed:
		report.Status, script = "", ""
	}
	if report.Status != "" {
		err = h.settle(c.Request.Context(), ticket, report)
	}
	if errors.Is(err, mfa.ErrNotFound) {
		c.AbortWithStatus(http.StatusNotFound)
		return nil
	}
	if err != nil {
		return err
	}
	reply := caller.Speak(script, ticket.Lang)
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, reply.ContentType, reply.Body)
	return nil
}
