package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
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

const webhookSecret = "a-secret-of-more-than-32-characters"

// gateway is an operator's endpoint: it checks what it is sent and takes each id
// once, as the documentation tells it to.
type gateway struct {
	mu     sync.Mutex
	bodies []string
	ids    map[string]int
	answer func(http.ResponseWriter, *http.Request)
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id, at := r.Header.Get("X-Sallyport-Id"), r.Header.Get("X-Sallyport-Time")
	h := hmac.New(sha256.New, []byte(webhookSecret))
	h.Write([]byte(id + "." + at + "." + string(body)))
	if r.Header.Get("X-Sallyport-Signature") != "v1="+hex.EncodeToString(h.Sum(nil)) || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	g.mu.Lock()
	g.bodies = append(g.bodies, string(body))
	g.ids[id]++
	g.mu.Unlock()
	if g.answer != nil {
		g.answer(w, r)
	}
}

func newGateway(t *testing.T, answer func(http.ResponseWriter, *http.Request)) (*gateway, *Webhook) {
	t.Helper()
	g := &gateway{ids: map[string]int{}, answer: answer}
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	w := NewWebhook(srv.URL+"/sms", webhookSecret)
	w.client.Timeout = 150 * time.Millisecond
	w.now = func() time.Time { return time.Unix(1767366000, 0) }
	return g, w
}

var sms = mfa.Message{ID: "d1", Channel: policy.SMS, To: "+526441832399", Text: "123456 <&>\n@id.example #123456", Code: "123456", Lang: "es"}

func TestTheGatewayIsSentASignedMessage(t *testing.T) {
	g, w := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		require.Equal(t, "1767366000", r.Header.Get("X-Sallyport-Time"))
		_, _ = io.WriteString(w, `{"reference": "gw-1"}`)
	})

	reference, err := w.Send(t.Context(), sms)

	require.NoError(t, err)
	require.Equal(t, "gw-1", reference)
	require.JSONEq(t, `{"channel": "sms", "to": "+526441832399", "text": "123456 <&>\n@id.example #123456", "lang": "es"}`, g.bodies[0])
	require.Equal(t, map[string]int{"d1": 1}, g.ids)
}

func TestASecondTryHasTheSameID(t *testing.T) {
	first := true
	g, w := newGateway(t, func(w http.ResponseWriter, _ *http.Request) {
		if first {
			first = false
			w.WriteHeader(http.StatusBadGateway)
		}
	})

	_, err := w.Send(t.Context(), sms)
	require.Error(t, err)
	_, err = w.Send(t.Context(), sms)
	require.NoError(t, err)

	require.Equal(t, map[string]int{"d1": 2}, g.ids, "a gateway that took it already can tell")
}

func TestWhatAGatewayAnswers(t *testing.T) {
	hijack := func(w http.ResponseWriter, say string) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(c, say)
			_ = c.Close()
		}
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the code was carried on to %s", r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	tests := []struct {
		name      string
		answer    func(http.ResponseWriter, *http.Request)
		reference string
		says      string // part of the error; "" for none
	}{
		{"200 and a reference", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"reference":"x"}`) }, "x", ""},
		{"202 and nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, "", ""},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "", ""},
		{"200 and no JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "queued") }, "", ""},
		{"200 and a flood", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20)) }, "", ""},
		{"200 and cut in the answer", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"refer")
		}, "", ""},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "", "500"},
		{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, "", "429"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, 307) }, "", "307"},
		{"a redirect that would become a GET", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, 302) }, "", "302"},
		{"cut before the answer", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, "", "EOF"},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "220 mail.example ESMTP\r\n") }, "", "malformed"},
		{"nothing, for long", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", "deadline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, w := newGateway(t, tt.answer)

			reference, err := w.Send(t.Context(), sms)

			require.Equal(t, tt.reference, reference)
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "123456")
			require.NotContains(t, err.Error(), "526441832399")
		})
	}
}

func TestWhoeverWaitsForAGatewayMayGoSooner(t *testing.T) {
	_, w := newGateway(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	w.client.Timeout = webhookPatience
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()

	_, err := w.Send(ctx, sms)

	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begun), 3*time.Second)
}

func TestNoGatewayListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())

	_, err = NewWebhook("http://"+l.Addr().String(), webhookSecret).Send(t.Context(), sms)

	require.ErrorContains(t, err, "refused")
}

// named is a sender that says its name.
type named struct{ name string }

// Name implements [mfa.Sender].
func (n named) Name() string { return n.name }

// Send implements [mfa.Sender].
func (n named) Send(context.Context, mfa.Message) (string, error) { return n.name, nil }

func TestARouteGoesByChannel(t *testing.T) {
	r := Route{Email: named{"mail"}, SMS: named{"text"}, Voice: named{"call"}}
	for channel, want := range map[mfa.Method]string{policy.Email: "mail", policy.SMS: "text", policy.Voice: "call"} {
		got, err := r.Send(t.Context(), mfa.Message{Channel: channel})
		require.NoError(t, err)
		require.Equal(t, want, got)

		_, err = Route{}.Send(t.Context(), mfa.Message{Channel: channel})
		require.ErrorIs(t, err, ErrNoGateway)
	}
	_, err := r.Send(t.Context(), mfa.Message{Channel: policy.TOTP})
	require.ErrorIs(t, err, ErrNoGateway)
	require.Equal(t, "route", r.Name())
}

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestTheConsolePrintsTheWholeMessage(t *testing.T) {
	var out strings.Builder
	c := &Console{Out: &out}

	_, err := c.Send(t.Context(), sms)

	require.NoError(t, err)
	require.Equal(t, "\n-- sms to +526441832399 --\n    \n    123456 <&>\n    @id.example #123456\n", out.String())
	_, err = (&Console{Out: full{}}).Send(t.Context(), sms)
	require.ErrorContains(t, err, "no space left")
}
