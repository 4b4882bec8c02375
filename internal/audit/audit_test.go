package audit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/audit"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
	"github.com/sallyport-id/sallyport/templates"
)

// desk is a log over a real database.
type desk struct {
	*audit.Log
	*storetest.Fixture
	mailed bool
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{Fixture: storetest.New(t, testdb.SQLite(t)), mailed: true}
	d.Log = &audit.Log{
		Store: d.Fixture.Store, Now: d.Clock.Now,
		Mailed: func(context.Context, string, string) bool { return d.mailed },
	}
	return d
}

func (d *desk) rows(t *testing.T) []model.AuditEvent {
	t.Helper()
	rows, err := d.Fixture.Store.Audit(t.Context(), storetest.TenantID, store.AuditPage{Limit: 100})
	require.NoError(t, err)
	return rows
}

func (d *desk) notices(t *testing.T) []identity.Notice {
	t.Helper()
	list, err := d.Fixture.Store.DueNotices(t.Context(), 100, d.Clock.Now().Add(time.Hour))
	require.NoError(t, err)
	return list
}

func event(kind string) mfa.Event {
	return mfa.Event{
		Kind: kind, Subject: mfa.Subject{TenantID: storetest.TenantID, UserID: storetest.AliceID}, Result: "ok",
		Owner: "i1", Action: "payout.request", Method: "email", At: storetest.Start, Data: map[string]string{"challenge": "c1"},
	}
}

// serve sends r to handler behind the middleware that the server has.
func (d *desk) serve(t *testing.T, r *http.Request, handler gin.HandlerFunc) {
	t.Helper()
	set, err := templates.New()
	require.NoError(t, err)
	gin.SetMode(gin.TestMode)
	e := gin.New()
	require.NoError(t, e.SetTrustedProxies(nil))
	e.Use(web.Recover(&web.Pages{Set: set, Now: d.Clock.Now}), web.Identify, d.Collect)
	e.NoRoute(handler)
	e.ServeHTTP(httptest.NewRecorder(), r)
}

func request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/x", nil)
	r.RemoteAddr = "192.0.2.7:1234"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36")
	return r
}

func TestTheEventsOfARequestAreOneStatement(t *testing.T) {
	d := newDesk(t)
	ctx, counter := store.Count(t.Context())
	var id string

	d.serve(t, request().WithContext(ctx), func(c *gin.Context) {
		id = web.RequestID(c)
		d.Observe(c.Request.Context(), event(mfa.EventSent))
		d.Append(c.Request.Context(), model.AuditEvent{TenantID: storetest.TenantID, Type: "login.completed", Result: "ok", ActorType: "user"})
		d.Observe(c.Request.Context(), event(mfa.EventTried))
		require.Empty(t, counter.Statements(), "nothing is written while the request is worked on")
		c.Status(http.StatusOK)
	})

	require.Len(t, counter.Statements(), 1)
	rows := d.rows(t)
	require.Len(t, rows, 3)
	for _, r := range rows {
		require.NotEmpty(t, r.ID)
		require.Equal(t, "192.0.2.7", r.IP)
		require.Equal(t, "Chrome on Linux", r.UserAgent)
		require.Equal(t, id, r.RequestID)
		require.Equal(t, storetest.Start, r.At)
		if r.Type == "login.completed" {
			continue
		}
		require.Equal(t, storetest.AliceID, r.ActorID)
		require.Equal(t, map[string]string{"challenge": "c1", "interaction": "i1", "action": "payout.request", "method": "email"}, r.Data)
	}
}

func TestARequestWithoutEventsWritesNothing(t *testing.T) {
	d := newDesk(t)
	ctx, counter := store.Count(t.Context())

	d.serve(t, request().WithContext(ctx), func(c *gin.Context) { c.Status(http.StatusOK) })

	require.Empty(t, counter.Statements())
}

func TestWhatHappenedBeforeAPanicIsWritten(t *testing.T) {
	for name, value := range map[string]any{"a mistake": "oh", "an abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)

			func() {
				defer func() { _ = recover() }() // net/http takes the abort
				d.serve(t, request(), func(c *gin.Context) {
					d.Observe(c.Request.Context(), event(mfa.EventTried))
					panic(value)
				})
			}()

			require.Len(t, d.rows(t), 1)
		})
	}
}

func TestWhoHangsUpLeavesARecord(t *testing.T) {
	d := newDesk(t)
	ctx, hangUp := context.WithCancel(t.Context())

	d.serve(t, request().WithContext(ctx), func(c *gin.Context) {
		d.Observe(c.Request.Context(), event(mfa.EventFactorLocked))
		hangUp()
	})

	require.Len(t, d.rows(t), 1)
	require.Len(t, d.notices(t), 1)
}

func TestOutsideARequestEventsAreWrittenAtOnce(t *testing.T) {
	d := newDesk(t)
	e := event(mfa.EventDeviceTheft)
	e.IP = netip.MustParseAddr("2001:db8::1")

	d.Observe(t.Context(), e)

	rows := d.rows(t)
	require.Len(t, rows, 1)
	require.Equal(t, "2001:db8::1", rows[0].IP)
	require.Len(t, d.notices(t), 1)
	require.NotContains(t, e.Data, "interaction", "the event that was observed is not changed")
}

func TestAnUnknownAddressIsNone(t *testing.T) {
	d := newDesk(t)
	r := request()
	r.RemoteAddr = "a pipe"

	d.serve(t, r, func(c *gin.Context) { d.Observe(c.Request.Context(), event(mfa.EventTried)) })

	require.Empty(t, d.rows(t)[0].IP)
}

func TestWhatTheOwnerIsToldOf(t *testing.T) {
	tests := []struct {
		kind   string
		mailed bool
		want   string
	}{
		{mfa.EventSecondStepFailed, true, "second_step_failed"},
		{mfa.EventFactorLocked, true, "factor_locked"},
		{mfa.EventDeviceTrusted, true, "device_trusted"},
		{mfa.EventDeviceTheft, true, "device_theft"},
		{mfa.EventSecondStepFailed, false, ""},
		{mfa.EventFactorLocked, false, ""},
		{mfa.EventDeviceTrusted, false, ""},
		{mfa.EventDeviceTheft, false, "device_theft"}, // no policy can keep it from the owner
		{mfa.EventTried, true, ""},
		{mfa.EventSent, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			d := newDesk(t)
			d.mailed = tt.mailed

			d.serve(t, request(), func(c *gin.Context) { d.Observe(c.Request.Context(), event(tt.kind)) })

			list := d.notices(t)
			if tt.want == "" {
				require.Empty(t, list)
				return
			}
			require.Len(t, list, 1)
			require.Equal(t, tt.want, list[0].Kind)
			require.Equal(t, "Chrome on Linux", list[0].Device)
			require.Equal(t, storetest.Start, list[0].At)
		})
	}
}

func TestEveryNoticeHasItsWords(t *testing.T) {
	set, err := templates.New()
	require.NoError(t, err)
	for _, kind := range []string{"second_step_failed", "factor_locked", "device_trusted", "device_theft"} {
		_, text, _, err := set.Text("en", kind, templates.TextData{Channel: "email", Tenant: "Acme", Now: storetest.Start, Zone: time.UTC})
		require.NoError(t, err, kind)
		require.NotEmpty(t, text)
	}
}

func TestOfEqualNoticesOneIsSent(t *testing.T) {
	d := newDesk(t)
	d.serve(t, request(), func(c *gin.Context) {
		d.Observe(c.Request.Context(), event(mfa.EventFactorLocked))
		d.Observe(c.Request.Context(), event(mfa.EventFactorLocked))
	})
	d.serve(t, request(), func(c *gin.Context) { d.Observe(c.Request.Context(), event(mfa.EventFactorLocked)) })

	require.Len(t, d.notices(t), 1)
	require.Len(t, d.rows(t), 3, "the log leaves nothing out")
}

// broken keeps nothing.
type broken struct{}

func (broken) AppendAudit(context.Context, ...model.AuditEvent) error { return errors.New("down") }
func (broken) QueueNotices(context.Context, ...identity.Notice) error { return errors.New("down") }

// TestALogThatCannotBeWrittenStopsNobody: an answer that was given cannot be
// taken back.
func TestALogThatCannotBeWrittenStopsNobody(t *testing.T) {
	d := newDesk(t)
	d.Log.Store = broken{}
	answered := false

	d.serve(t, request(), func(c *gin.Context) {
		d.Observe(c.Request.Context(), event(mfa.EventFactorLocked))
		c.String(http.StatusOK, strings.Repeat("x", 10))
		answered = true
	})

	require.True(t, answered)
}
