package threats_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
	"github.com/sallyport-id/sallyport/internal/server"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/delivery"
	"github.com/sallyport-id/sallyport/store"
)

// What becomes of the transaction that verifies.
const (
	whole  = iota
	lost   // it is rolled back instead of committed
	unsure // it is committed, and the connection breaks before that is known
)

// faulty is the store of the second step, whose commit can fail.
type faulty struct {
	mfa.Store
	house *harness.House
	fault atomic.Int32
}

var errCommit = errors.New("connection lost during commit")

// Judge implements mfa.Store.
func (f *faulty) Judge(ctx context.Context, who mfa.Subject, which mfa.Which, judge func(*mfa.Case)) error {
	switch f.fault.Load() {
	case lost:
		return f.judgeAndLose(ctx, who, which, judge)
	case unsure:
		return &store.UnavailableError{Err: errors.Join(errCommit, f.Store.Judge(ctx, who, which, judge))}
	}
	return f.Store.Judge(ctx, who, which, judge)
}

func (f *faulty) judgeAndLose(ctx context.Context, who mfa.Subject, which mfa.Which, judge func(*mfa.Case)) error {
	db := f.house.Server.Store.DB
	tx := db.Gorm.WithContext(ctx).Begin()
	inner := server.NewFactors(&store.DB{
		Gorm: tx.Session(&gorm.Session{DisableNestedTransaction: true}), SQL: db.SQL, Dialect: db.Dialect,
	}, f.house.Ring())
	err := inner.Judge(ctx, who, which, judge)
	return &store.UnavailableError{Err: errors.Join(errCommit, err, tx.Rollback().Error)}
}

// requestID is the one thing in which two equal error pages differ.
var requestID = regexp.MustCompile(`id="request-id">[a-z0-9]+<`)

func sameBody(page *harness.Page) string { return requestID.ReplaceAllString(page.Body, "") }

// rollback is T-05.
func rollback(t *testing.T, h *harness.House) {
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	f := &faulty{Store: h.Server.Factors, house: h}
	a := build(t, h, func(o *server.Options) { o.Factors = f })

	// bodies answers a wrong and the right code while the commit fails.
	bodies := func(t *testing.T, fault int32) (onWrong, onRight *harness.Page, v, w visit) {
		t.Helper()
		v = mustSecondStep(t, a.browser(p), alice)
		w = mustSecondStep(t, a.browser(p), alice)
		right := code(t, p, alice) // of w
		f.fault.Store(fault)
		defer f.fault.Store(whole)
		return v.mustGuess(t, wrong(right, 0)), w.mustGuess(t, right), v, w
	}
	alike := func(t *testing.T, onWrong, onRight *harness.Page) {
		t.Helper()
		require.Equal(t, http.StatusServiceUnavailable, onWrong.Status)
		require.Equal(t, http.StatusServiceUnavailable, onRight.Status)
		require.Equal(t, "error", onRight.Name)
		require.Equal(t, sameBody(onWrong), sameBody(onRight), "the page tells the codes apart")
	}

	t.Run("the payment is lost", func(t *testing.T) {
		tried := comparisons(t, p)
		onWrong, onRight, v, w := bodies(t, lost)
		alike(t, onWrong, onRight)
		require.Zero(t, v.challenge(t).Attempts)
		require.Zero(t, w.challenge(t).Attempts)
		require.Equal(t, tried, comparisons(t, p), "nothing was answered, so nothing was tried")
		require.Nil(t, w.browser.Get(t, w.resume()).Callback, "nothing was proven")

		require.Equal(t, http.StatusUnprocessableEntity, v.mustGuess(t, wrong(code(t, p, alice), 1)).Status)
		require.Equal(t, 1, v.challenge(t).Attempts)
		require.Equal(t, http.StatusSeeOther, w.mustGuess(t, code(t, p, alice)).Status)
		require.NotEmpty(t, w.finish(t).Get("code"))
	})
	t.Run("the payment stands and nobody knows", func(t *testing.T) {
		onWrong, onRight, v, w := bodies(t, unsure)
		alike(t, onWrong, onRight)
		require.Equal(t, 1, v.challenge(t).Attempts, "the attempt counts")
		require.Equal(t, "verified", w.challenge(t).Status)
		require.NotEqual(t, http.StatusSeeOther, w.mustGuess(t, code(t, p, alice)).Status, "the code was accepted twice")

		// The dispatcher finds what was proven, and finishes.
		page := w.browser.Get(t, w.path(""))
		require.NotNil(t, page.Callback, "page %s", page.Name)
		require.NotEmpty(t, page.Callback.Get("code"))
		require.Equal(t, "used", w.challenge(t).Status)
	})
}

// gatewayDown is T-37.
func gatewayDown(t *testing.T, h *harness.House) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the gateway is out of order", http.StatusInternalServerError)
	}))
	t.Cleanup(broken.Close)
	hook := delivery.NewWebhook(broken.URL, "secret-between-server-and-gateway")
	var down atomic.Pointer[[]mfa.Method]
	down.Store(&[]mfa.Method{"email", "sms"})
	sender := gateway{Mailbox: h.Mailbox, fail: func(m mfa.Message) error {
		for _, method := range *down.Load() {
			if method == m.Channel {
				_, err := hook.Send(context.Background(), m)
				return err
			}
		}
		return nil
	}}
	p := h.Tenant(t, preset, patch(longCodes, noLimits), person(t, alice, phone))
	a := build(t, h, func(o *server.Options) { o.Sender = sender })

	v := mustSecondStep(t, a.browser(p), alice)
	require.Equal(t, "failed", v.challenge(t).Status)
	page := v.browser.Get(t, v.path("/challenge"))
	require.Equal(t, "challenge", page.Name)
	require.Contains(t, page.Body, `role="alert"`, "the page says that no code was sent")
	require.Equal(t, "sms", page.Form(t, "/challenge/switch").Fields.Get("method"), "the other method is offered at once")
	require.Empty(t, p.Letters(alice))
	require.NotEqual(t, http.StatusSeeOther, v.mustGuess(t, "123456").Status)
	neverComplete(t, v)

	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge/switch", "method", "sms").Status)
	require.Equal(t, "failed", v.challenge(t).Status)
	neverComplete(t, v)
	require.Zero(t, v.challenge(t).Attempts)
	require.Zero(t, v.challenge(t).Chain)
	require.Zero(t, comparisons(t, p))
	require.Zero(t, number(t, p, "select coalesce(sum(fails_run), 0) from mfa_guards where tenant_id = $1"))

	down.Store(&[]mfa.Method{"email"})
	require.Equal(t, http.StatusSeeOther, v.mustPost(t, "/challenge/switch", "method", "sms").Status)
	require.Equal(t, http.StatusSeeOther, v.mustGuess(t, code(t, p, phone)).Status)
	require.NotEmpty(t, v.finish(t).Get("code"))
}

// neverComplete looks for a way past the second step.
func neverComplete(t *testing.T, v visit) {
	t.Helper()
	for _, path := range []string{v.resume(), v.path(""), v.path("/consent"), v.path("/confirm"), v.path("/banner")} {
		page := v.browser.Get(t, path)
		require.Nil(t, page.Callback, "%s led to the app", path)
		require.Equal(t, "challenge", page.Name, "at %s", path)
	}
	require.Zero(t, sessions(t, v.browser.Place))
}
