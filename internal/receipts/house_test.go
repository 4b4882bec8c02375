package receipts_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/receipts"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/delivery"
	"github.com/sallyport-id/sallyport/mfa/memstore"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

const (
	publicURL = "https://id.example"
	token     = "twilio-auth-token"
	signing   = "vonage-signature-secret"
	hookKey   = "a-secret-of-more-than-32-characters"
)

var (
	who = mfa.Subject{TenantID: "t1", UserID: "u1"}
	t0  = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
)

// carrier plays the HTTP API of every gateway: it keeps what it is asked.
type carrier struct {
	mu    sync.Mutex
	asked []string
}

func (c *carrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	c.asked = append(c.asked, string(body))
	c.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"sid": "R1", "message_uuid": "R1", "reference": "R1"}`)
}

// house is a server with gateways, whose clock stands still until it is moved.
type house struct {
	*carrier
	route     delivery.Route
	store     *memstore.Store
	handler   http.Handler
	now       time.Time
	events    []mfa.Event
	incapable []string
	key       mfa.Secret
}

// Observe implements [mfa.Observer].
func (h *house) Observe(_ context.Context, e mfa.Event) { h.events = append(h.events, e) }

func open(t *testing.T) *house {
	t.Helper()
	h := &house{carrier: &carrier{}, store: &memstore.Store{}, now: t0}
	api := httptest.NewServer(h.carrier)
	t.Cleanup(api.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	h.key = mfa.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))

	clock := func() time.Time { return h.now }
	back := &delivery.Callbacks{Base: publicURL, Tokens: receipts.Tokens{Ring: seal.New(t0)}, Now: clock}
	vonage, err := delivery.NewVonage(delivery.VonageConfig{
		BaseURL: api.URL, Application: "app", PrivateKey: h.key, Signature: signing, From: "+15550001111", Callbacks: back, Now: clock,
		USDMicrosPerEuro: 1_100_000,
	})
	require.NoError(t, err)
	line := func(s ...mfa.Sender) *delivery.Line {
		l := &delivery.Line{Now: clock}
		for _, one := range s {
			l.Gateways = append(l.Gateways, delivery.Gateway{Sender: one})
		}
		return l
	}
	twilio := delivery.NewTwilio(delivery.TwilioConfig{BaseURL: api.URL, Account: "AC1", Token: token, From: "+15550001111", Callbacks: back})
	hook := delivery.NewWebhook(api.URL, hookKey).As("webhook", back)
	h.route = delivery.Route{SMS: line(twilio, vonage, hook), Voice: line(twilio, vonage), Callbacks: back}

	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	handler := &receipts.Handler{
		Sender: h.route, Store: h.store, Events: h, Now: clock,
		Incapable: func(_ context.Context, who mfa.Subject, challenge string) error {
			h.incapable = append(h.incapable, who.String()+"/"+challenge)
			return nil
		},
	}
	handler.Mount(engine)
	h.handler = engine
	return h
}

// message is what is sent; the code is in its text alone.
func message(channel mfa.Method, id string) mfa.Message {
	return mfa.Message{
		ID: id, Subject: who, Channel: channel, To: "+526441832399", Title: "This is Acme. To hear your code, press any key.",
		Text: "Your code is: four, eight. Again, slowly: four. eight. Goodbye.", Code: "481206", Lang: "en",
	}
}

// sent has gateway number i take a message, and returns the address it reports to.
func (h *house) sent(t *testing.T, i int, channel mfa.Method, id string) string {
	t.Helper()
	line := h.route.SMS.(*delivery.Line)
	if channel == policy.Voice {
		line = h.route.Voice.(*delivery.Line)
	}
	g := line.Gateways[i].Sender
	_, err := h.store.Book(t.Context(), mfa.Booking{ID: id, Challenge: id, Subject: who, Channel: channel, Country: "MX", Prefix: "p", Micros: 1000, At: h.now},
		policy.Budget{DailyMicros: 1e9, ConversionSends: 100})
	require.NoError(t, err)
	reference, err := g.Send(t.Context(), message(channel, id))
	require.NoError(t, err)
	require.NoError(t, h.store.RecordDelivery(t.Context(), mfa.Delivery{
		ID: id, Subject: who, ChallengeID: id, Channel: channel, Gateway: g.Name(), Reference: reference, Status: "sent", At: h.now,
	}))
	return address(t, h.asked[len(h.asked)-1], delivery.ReceiptPath)
}

var anURL = regexp.MustCompile(`https://id\.example/delivery/[a-z]+/[a-z]+\?t=[A-Za-z0-9:_-]+`)

// address finds a callback in what a gateway was asked.
func address(t *testing.T, asked, path string) string {
	t.Helper()
	plain, err := url.QueryUnescape(asked)
	require.NoError(t, err)
	for _, found := range anURL.FindAllString(plain, -1) {
		if strings.Contains(found, path) {
			return found
		}
	}
	t.Fatalf("no %s in %s", path, plain)
	return ""
}

func (h *house) post(t *testing.T, at, body string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimPrefix(at, publicURL), strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) twilio(t *testing.T, at string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	return h.post(t, at, form.Encode(), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {twilioSignature(token, at, form)},
	})
}

func twilioSignature(token, at string, form url.Values) string {
	var names []string
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(at))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func vonageHeader(t *testing.T, secret, body string, edit func(jwt.MapClaims)) http.Header {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	claims := jwt.MapClaims{"iss": "Vonage", "iat": t0.Unix(), "jti": "j", "application_id": "app", "payload_hash": hex.EncodeToString(sum[:])}
	if edit != nil {
		edit(claims)
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	require.NoError(t, err)
	return http.Header{"Authorization": {"Bearer " + signed}}
}

func hookHeader(secret, id string, at time.Time, body string) http.Header {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(id + "." + seconds + "." + body))
	return http.Header{
		"X-Sallyport-Id": {id}, "X-Sallyport-Time": {seconds}, "X-Sallyport-Signature": {"v1=" + hex.EncodeToString(mac.Sum(nil))},
	}
}

func (h *house) line(t *testing.T) mfa.Sending {
	t.Helper()
	log, err := h.store.Sendings(t.Context(), who)
	require.NoError(t, err)
	require.Len(t, log, 1)
	return log[0]
}
