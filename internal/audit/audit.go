// Package audit turns events into rows of the append-only log and, where the
// owner of an account has to know, into notices.
//
// The events of one HTTP request are written together, in one statement, before
// its answer is complete: a caller who has seen the whole answer finds them in
// the log.
package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/provider/model"
)

// Store keeps the log and the notices to be sent.
type Store interface {
	AppendAudit(ctx context.Context, events ...model.AuditEvent) error
	QueueNotices(ctx context.Context, notices ...identity.Notice) error
}

// Log receives events. It implements mfa.Observer.
type Log struct {
	Store Store
	// Mailed reports whether the tenant's policy mails the owner about an event
	// of its notify.email_events.
	Mailed func(ctx context.Context, tenantID, event string) bool
	Now    func() time.Time
}

type collectKey struct{}

// batch is what one request has observed so far.
type batch struct {
	mu      sync.Mutex
	events  []model.AuditEvent
	notices []identity.Notice
	ip      string
	agent   string
	request string
}

// Collect gathers the events of a request and writes them when its handler is
// done. It has to stand behind web.Identify.
func (l *Log) Collect(c *gin.Context) {
	b := &batch{agent: web.UserAgentName(c), request: web.RequestID(c)}
	ip := web.ClientIP(c)
	if ip.IsValid() {
		b.ip = ip.String()
	}
	ctx := context.WithValue(c.Request.Context(), collectKey{}, b)
	c.Request = c.Request.WithContext(ctx)
	defer l.flush(ctx, b)
	defer func() { l.integrity(ctx, c) }()
	c.Next()
}

// integrity records that a request met a sealed value that does not belong to its
// row: somebody has written to the database past the server.
func (l *Log) integrity(ctx context.Context, c *gin.Context) {
	if web.TenantID(c) == "" || !errors.Is(web.Failed(c), seal.ErrSealed) {
		return
	}
	l.Append(ctx, model.AuditEvent{
		TenantID: web.TenantID(c), ActorType: "system", Type: "integrity.failed", Result: "refused",
		Data: map[string]string{"route": c.FullPath()},
	})
}

// flush writes a batch. The answer may be gone, but not the record: it is written
// even when the caller has hung up.
func (l *Log) flush(ctx context.Context, b *batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.write(ctx, b.events, b.notices)
	b.events, b.notices = nil, nil
}

func (l *Log) write(ctx context.Context, events []model.AuditEvent, notices []identity.Notice) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if len(events) > 0 {
		err := l.Store.AppendAudit(ctx, events...)
		if err != nil {
			slog.ErrorContext(ctx, "audit events lost", "count", len(events), "err", err)
		}
	}
	if len(notices) > 0 {
		err := l.Store.QueueNotices(ctx, notices...)
		if err != nil {
			slog.ErrorContext(ctx, "notices lost", "count", len(notices), "err", err)
		}
	}
}

// Append records events.
func (l *Log) Append(ctx context.Context, events ...model.AuditEvent) {
	l.add(ctx, events, nil)
}

// Observe records an event of the second-step layer, and queues the notice that
// goes with it.
func (l *Log) Observe(ctx context.Context, e mfa.Event) {
	row := model.AuditEvent{
		TenantID: e.Subject.TenantID, At: e.At, ActorType: "user", ActorID: e.Subject.UserID, Subject: e.Subject.UserID,
		Type: e.Kind, Result: e.Result, Data: maps.Clone(e.Data),
	}
	if e.IP.IsValid() {
		row.IP = e.IP.String()
	}
	if row.Data == nil {
		row.Data = map[string]string{}
	}
	for name, value := range map[string]string{"interaction": e.Owner, "action": e.Action, "method": string(e.Method)} {
		if value != "" {
			row.Data[name] = value
		}
	}
	l.add(ctx, []model.AuditEvent{row}, l.notices(ctx, e))
}

func (l *Log) add(ctx context.Context, events []model.AuditEvent, notices []identity.Notice) {
	b, collecting := ctx.Value(collectKey{}).(*batch)
	for i := range events {
		l.complete(&events[i], b)
	}
	if !collecting {
		l.write(ctx, events, notices)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range notices {
		notices[i].Device = b.agent
	}
	b.events = append(b.events, events...)
	b.notices = append(b.notices, notices...)
}

// complete fills in what every row has.
func (l *Log) complete(e *model.AuditEvent, b *batch) {
	if e.ID == "" {
		e.ID = rand.Text()
	}
	if e.At.IsZero() {
		e.At = l.Now()
	}
	if b == nil {
		return
	}
	if e.IP == "" {
		e.IP = b.ip
	}
	if e.UserAgent == "" {
		e.UserAgent = b.agent
	}
	if e.RequestID == "" {
		e.RequestID = b.request
	}
}
