package delivery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// api is a gateway over real HTTP whose answers a test decides.
type api struct {
	mu     sync.Mutex
	asked  int
	answer http.HandlerFunc // nil: accepted
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client has gone
	a.mu.Lock()
	a.asked++
	answer := a.answer
	a.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	_, _ = io.WriteString(w, `{"reference": "ref"}`)
}

func (a *api) set(answer http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func (a *api) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func cut(w http.ResponseWriter, _ *http.Request) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.Close()
	}
}

// lines is a line of two gateways with a clock that stands still.
type lines struct {
	*Line
	first, second *api
	now           time.Time
}

func newLines(t *testing.T) *lines {
	t.Helper()
	l := &lines{first: &api{}, second: &api{}, now: time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)}
	l.Line = &Line{Now: func() time.Time { return l.now }}
	for name, a := range map[string]*api{"first": l.first, "second": l.second} {
		srv := httptest.NewServer(a)
		t.Cleanup(srv.Close)
		g := Gateway{Sender: NewWebhook(srv.URL, webhookSecret).As(name, nil), Timeout: 100 * time.Millisecond}
		if name == "first" {
			l.Gateways = append([]Gateway{g}, l.Gateways...)
		} else {
			l.Gateways = append(l.Gateways, g)
		}
	}
	return l
}

func TestTheNextGatewayIsAsked(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		by     string
	}{
		{"not if the first one accepts", nil, "first"},
		{"500", status(500, ""), "second"},
		{"429", status(429, ""), "second"},
		{"401", status(401, ""), "second"},
		{"422 without a class", status(422, "{}"), "second"},
		{"slow", silent, "second"},
		{"cut", cut, "second"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLines(t)
			l.first.set(tt.answer)

			got, err := l.SendVia(t.Context(), sms)

			require.NoError(t, err)
			require.Equal(t, mfa.Handed{Gateway: tt.by, Reference: "ref"}, got)
			require.Equal(t, 1, l.first.count())
		})
	}
}

func TestANumberThatIsRefusedIsNotTriedElsewhere(t *testing.T) {
	l := newLines(t)
	l.first.set(status(422, `{"class": "no_sms"}`))

	got, err := l.SendVia(t.Context(), sms)

	refused, ok := errors.AsType[*mfa.RefusedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, mfa.FailNoSMS, refused.Class)
	require.Equal(t, "first", got.Gateway)
	require.Zero(t, l.second.count())
}

func TestNobodyAccepts(t *testing.T) {
	l := newLines(t)
	l.first.set(status(500, "the number +526441832399 is odd"))
	l.second.set(silent)

	got, err := l.SendVia(t.Context(), sms)

	require.ErrorContains(t, err, "first: delivery: webhook answered 500")
	require.ErrorContains(t, err, "second: ")
	require.NotContains(t, err.Error(), "526441832399")
	require.Equal(t, "second", got.Gateway)
}

func TestWhoeverWaitsDecidesForHowLong(t *testing.T) {
	l := newLines(t)
	l.first.set(silent)
	l.Gateways[0].Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()

	_, err := l.SendVia(ctx, sms)

	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Zero(t, l.second.count(), "there is no time left for it")
}

func TestAGatewayThatKeepsFailingIsPassedOver(t *testing.T) {
	l := newLines(t)
	l.first.set(status(500, ""))
	send := func() string {
		got, err := l.SendVia(t.Context(), sms)
		require.NoError(t, err)
		return got.Gateway
	}

	for range 5 {
		require.Equal(t, "second", send())
	}
	require.Equal(t, 5, l.first.count())
	send()
	l.now = l.now.Add(29999 * time.Millisecond)
	send()
	require.Equal(t, 5, l.first.count(), "passed over for 30 s")

	l.now = l.now.Add(time.Millisecond)
	send()
	require.Equal(t, 6, l.first.count(), "then it is asked once more")
	send()
	require.Equal(t, 6, l.first.count(), "and passed over again")

	l.first.set(nil)
	l.now = l.now.Add(30 * time.Second)
	require.Equal(t, "first", send())
	l.first.set(status(500, ""))
	send()
	send()
	require.Equal(t, 9, l.first.count(), "a success begins the count anew")
}

func TestTheOnlyGatewayIsNeverPassedOver(t *testing.T) {
	l := newLines(t)
	l.Gateways = l.Gateways[:1]
	l.first.set(status(500, ""))
	for range 12 {
		_, err := l.SendVia(t.Context(), sms)
		require.Error(t, err)
	}
	require.Equal(t, 12, l.first.count())
}

func TestGatewaysByNumber(t *testing.T) {
	l := newLines(t)
	l.Gateways[0].Countries = []string{"US", "GB"}
	l.Gateways[1].Prefixes = []string{"+5255"}
	for number, by := range map[mfa.Secret]string{
		"+12015550123": "first", "+447400123456": "first", "+447911123456": "", "+525512345678": "second", "+526441832399": "", "+441481960194": "", "nonsense": "",
	} {
		m := sms
		m.To = number

		got, err := l.SendVia(t.Context(), m)

		require.Equal(t, by, got.Gateway, number.Reveal())
		if by == "" {
			require.ErrorIs(t, err, ErrNoGateway)
			require.NotContains(t, err.Error(), number.Reveal())
		}
	}
}

func TestPrices(t *testing.T) {
	l := newLines(t)
	l.Gateways[0].Prices = Prices{Default: 10_000, Countries: map[string]int64{"MX": 45_000, "US": 0}}
	l.Gateways[1].Prices = Prices{Default: 20_000}
	tests := []struct {
		name    string
		channel mfa.Method
		to      mfa.Secret
		text    mfa.Secret
		quote   int64
		cost    int64
	}{
		{"the price of the country", policy.SMS, "+526441832399", "x", 45_000, 45_000},
		{"the dearest is quoted, the one that took it costs", policy.SMS, "+4915112345678", "x", 20_000, 10_000},
		{"each segment costs", policy.SMS, "+4915112345678", mfa.Secret(strings.Repeat("x", 161)), 40_000, 20_000},
		{"a call is one", policy.Voice, "+4915112345678", mfa.Secret(strings.Repeat("x", 500)), 20_000, 10_000},
		{"free of charge", policy.SMS, "+12015550123", "x", 20_000, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := mfa.Message{ID: "d", Channel: tt.channel, To: tt.to, Text: tt.text}
			route := Route{SMS: l, Voice: l}

			got, err := mfa.Hand(t.Context(), route, m)

			require.NoError(t, err)
			require.Equal(t, tt.quote, route.Quote(m))
			require.Equal(t, tt.cost, got.CostMicros)
		})
	}
	require.Zero(t, Route{Email: named{"mail"}}.Quote(mfa.Message{Channel: policy.Email}))
	got, err := mfa.Hand(t.Context(), named{"plain"}, sms)
	require.NoError(t, err)
	require.Equal(t, mfa.Handed{Gateway: "plain", Reference: "plain"}, got)
	require.Equal(t, "first, second", l.Name())
}
