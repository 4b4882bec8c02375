package delivery

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// open seals nothing; package receipts tests with a key ring.
type open struct{}

// Seal implements [Tokens].
func (open) Seal(use string, plain []byte) (string, error) {
	return use + base64.RawURLEncoding.EncodeToString(plain), nil
}

// Open implements [Tokens].
func (open) Open(use, sealed string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimPrefix(sealed, use))
}

var at = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func callbacks() *Callbacks {
	return &Callbacks{Base: "https://id.example/", Tokens: open{}, Now: func() time.Time { return at }}
}

var call = mfa.Message{
	ID: "d1", Subject: mfa.Subject{TenantID: "t1", UserID: "u1"}, Channel: policy.Voice, To: "+526441832399",
	Title: "This is Smith & Sons.", Text: "It is one, two. Again, slowly: one. two. Goodbye.", Code: "12", Lang: "es",
}

// request is what an API was asked.
type request struct {
	path, user, password, bearer string
	form                         url.Values
	body                         map[string]any
}

// telephony starts an API that answers status and body.
func telephony(t *testing.T, status int, body string) (*request, string) {
	t.Helper()
	got := &request{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got.path = r.URL.Path
		got.user, got.password, _ = r.BasicAuth()
		got.bearer = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		got.form, _ = url.ParseQuery(string(text))
		_ = json.Unmarshal(text, &got.body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return got, srv.URL
}

func twilio(at string) *Twilio {
	return NewTwilio(TwilioConfig{BaseURL: at, Account: "AC1", Token: "token", From: "+15550001111", Callbacks: callbacks()})
}

var vonageKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}()

func vonage(t *testing.T, base string) *Vonage {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(vonageKey)
	require.NoError(t, err)
	v, err := NewVonage(VonageConfig{
		BaseURL: base, Application: "app", PrivateKey: mfa.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		Signature: "secret", From: "+15550001111", Callbacks: callbacks(), Now: func() time.Time { return at },
	})
	require.NoError(t, err)
	return v
}

func TestTwilioSendsAText(t *testing.T) {
	got, base := telephony(t, 201, `{"sid": "SM1", "status": "queued"}`)

	reference, err := twilio(base).Send(t.Context(), sms)

	require.NoError(t, err)
	require.Equal(t, "SM1", reference)
	require.Equal(t, "/2010-04-01/Accounts/AC1/Messages.json", got.path)
	require.Equal(t, []string{"AC1", "token"}, []string{got.user, got.password})
	require.Equal(t, "+526441832399", got.form.Get("To"))
	require.Equal(t, "+15550001111", got.form.Get("From"))
	require.Equal(t, sms.Text.Reveal(), got.form.Get("Body"), "the last line is as it was")
	require.True(t, strings.HasPrefix(got.form.Get("StatusCallback"), "https://id.example/delivery/receipt/twilio?t=receipt"))

	g := twilio(base)
	g.cfg.From, g.cfg.KeyID, g.cfg.KeySecret, g.cfg.Callbacks = "MG1", "SK1", "other", nil
	_, err = g.Send(t.Context(), sms)
	require.NoError(t, err)
	require.Equal(t, []string{"SK1", "other"}, []string{got.user, got.password})
	require.Equal(t, "MG1", got.form.Get("MessagingServiceSid"))
	require.False(t, got.form.Has("From") || got.form.Has("StatusCallback"))
}

func TestTwilioMakesACall(t *testing.T) {
	got, base := telephony(t, 201, `{"sid": "CA1"}`)

	reference, err := twilio(base).Send(t.Context(), call)

	require.NoError(t, err)
	require.Equal(t, "CA1", reference)
	require.Equal(t, "/2010-04-01/Accounts/AC1/Calls.json", got.path)
	require.Equal(t, "Enable", got.form.Get("MachineDetection"))
	twiml := got.form.Get("Twiml")
	require.True(t, strings.HasPrefix(twiml, `<Response><Gather input="dtmf" numDigits="1" timeout="10" method="POST" action="https://id.example/delivery/voice/twilio?t=voice`), twiml)
	require.True(t, strings.HasSuffix(twiml, `</Gather><Hangup/></Response>`), "without a key nothing is said")
	require.Equal(t, 2, strings.Count(twiml, `<Say language="es-ES">This is Smith &amp; Sons.</Say>`))
	require.NotContains(t, twiml, "one")

	said := string(twilio(base).Speak(call.Text.Reveal(), call.Lang).Body)
	require.Contains(t, said, `<Say language="es-ES">It is one, two.</Say><Pause length="1"/>`)
	require.Contains(t, said, `<Say language="es-ES">Again, slowly: one.</Say><Pause length="1"/><Say language="es-ES">two.</Say>`)

	g := twilio(base)
	g.cfg.Callbacks = nil
	_, err = g.Send(t.Context(), call)
	require.ErrorContains(t, err, "key press")
	long := call
	long.Text = mfa.Secret(strings.Repeat("x", 4000))
	_, err = twilio(base).Send(t.Context(), long)
	require.ErrorContains(t, err, "too long")
}

func TestVonageSendsAText(t *testing.T) {
	got, base := telephony(t, 202, `{"message_uuid": "M1"}`)

	reference, err := vonage(t, base).Send(t.Context(), sms)

	require.NoError(t, err)
	require.Equal(t, "M1", reference)
	require.Equal(t, "/v1/messages", got.path)
	require.Equal(t, "526441832399", got.body["to"])
	require.Equal(t, sms.Text.Reveal(), got.body["text"])
	require.Equal(t, "d1", got.body["client_ref"])
	require.Contains(t, got.body["webhook_url"], "https://id.example/delivery/receipt/vonage?t=receipt")
	claims := jwt.MapClaims{}
	_, err = jwt.ParseWithClaims(got.bearer, claims, func(*jwt.Token) (any, error) { return &vonageKey.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return at }))
	require.NoError(t, err)
	require.Equal(t, "app", claims["application_id"])
	require.NotEmpty(t, claims["jti"])
}

func TestVonageMakesACall(t *testing.T) {
	got, base := telephony(t, 201, `{"uuid": "C1", "status": "started"}`)

	reference, err := vonage(t, base).Send(t.Context(), call)

	require.NoError(t, err)
	require.Equal(t, "C1", reference)
	require.Equal(t, "/v1/calls", got.path)
	require.Equal(t, "hangup", got.body["machine_detection"])
	actions := got.body["ncco"].([]any)
	require.Len(t, actions, 2, "who calls, then a key")
	require.Equal(t, "This is Smith & Sons.", actions[0].(map[string]any)["text"])
	require.Equal(t, "input", actions[1].(map[string]any)["action"])
	require.Contains(t, actions[1].(map[string]any)["eventUrl"].([]any)[0], "https://id.example/delivery/voice/vonage?t=voice")
}

// TestWhatTelephonyRefuses tells a number that cannot be reached from a gateway
// that cannot send, and repeats the number nowhere.
func TestWhatTelephonyRefuses(t *testing.T) {
	number := `"message": "The number +526441832399 with 123456 is not valid"`
	tests := []struct {
		name, gateway string
		status        int
		body          string
		class         string // "" is an error after which the next gateway is asked
	}{
		{"twilio: no such number", "twilio", 400, `{"code": 21211, ` + number + `}`, mfa.FailNumber},
		{"twilio: not a mobile number", "twilio", 400, `{"code": 21614, ` + number + `}`, mfa.FailNoSMS},
		{"twilio: the person has said stop", "twilio", 400, `{"code": 21610, ` + number + `}`, mfa.FailBlocked},
		{"twilio: a region that is not switched on", "twilio", 400, `{"code": 21408, ` + number + `}`, ""},
		{"twilio: wrong password", "twilio", 401, `{"code": 20003, ` + number + `}`, ""},
		{"twilio: too many", "twilio", 429, `{"code": 20429}`, ""},
		{"twilio: broken", "twilio", 503, `<html>`, ""},
		{"vonage: no such number", "vonage", 422, `{"title": "Invalid params", "detail": "+526441832399", "invalid_parameters": [{"name": "to"}]}`, mfa.FailNumber},
		{"vonage: wrong sender", "vonage", 422, `{"invalid_parameters": [{"name": "from"}]}`, ""},
		{"vonage: no money", "vonage", 402, `{"title": "Low balance"}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, base := telephony(t, tt.status, tt.body)
			var g mfa.Sender = twilio(base)
			if tt.gateway == "vonage" {
				g = vonage(t, base)
			}

			_, err := g.Send(t.Context(), sms)

			require.Error(t, err)
			require.NotContains(t, err.Error(), "526441832399")
			require.NotContains(t, err.Error(), "123456")
			refused, ok := errors.AsType[*mfa.RefusedError](err)
			require.Equal(t, tt.class != "", ok, "%v", err)
			if ok {
				require.Equal(t, tt.class, refused.Class)
			}
		})
	}
}

func TestTelephonyThatCannotBeReached(t *testing.T) {
	for _, g := range []mfa.Sender{twilio("http://127.0.0.1:1"), vonage(t, "http://127.0.0.1:1"), twilio("::"), vonage(t, "::")} {
		for _, m := range []mfa.Message{sms, call} {
			_, err := g.Send(t.Context(), m)

			require.Error(t, err)
			require.NotContains(t, err.Error(), "526441832399")
			require.NotContains(t, err.Error(), "delivery/voice", "the token of a call")
		}
	}
}

// TestTwilioSignature is the example of Twilio's documentation.
func TestTwilioSignature(t *testing.T) {
	g := NewTwilio(TwilioConfig{Token: "12345"})
	h := Hook{
		URL:    "https://mycompany.com/myapp.php?foo=1&bar=2",
		Body:   []byte("CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"),
		Header: http.Header{"X-Twilio-Signature": {"RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
	}
	require.NoError(t, g.Check(h))
	h.URL += "&baz=3"
	require.ErrorIs(t, g.Check(h), ErrSignature)
	h.Header = http.Header{}
	require.ErrorIs(t, g.Check(h), ErrSignature)
	require.ErrorIs(t, NewTwilio(TwilioConfig{}).Check(h), ErrSignature, "without a token everything would be signed")
}

func TestWhatBecameOfAMessage(t *testing.T) {
	tests := []struct {
		name, gateway, body string
		want                Report
	}{
		{"twilio: on its way", "twilio", "MessageSid=R&MessageStatus=sent", Report{Reference: "R"}},
		{"twilio: delivered", "twilio", "MessageSid=R&MessageStatus=delivered", Report{Reference: "R", Status: "delivered"}},
		{"twilio: no mobile", "twilio", "MessageSid=R&MessageStatus=undelivered&ErrorCode=30006", Report{Reference: "R", Status: "failed", Class: mfa.FailNoSMS}},
		{"twilio: unknown", "twilio", "MessageSid=R&MessageStatus=failed&ErrorCode=99", Report{Reference: "R", Status: "failed", Class: mfa.FailOther}},
		{"twilio: ringing", "twilio", "CallSid=R&CallStatus=ringing", Report{Reference: "R"}},
		{"twilio: busy", "twilio", "CallSid=R&CallStatus=busy", Report{Reference: "R", Status: "failed", Class: mfa.FailNoAnswer}},
		{"twilio: voicemail", "twilio", "CallSid=R&CallStatus=completed&AnsweredBy=machine_start", Report{Reference: "R", Status: "failed", Class: mfa.FailMachine}},
		{"vonage: on its way", "vonage", `{"message_uuid": "R", "status": "submitted"}`, Report{Reference: "R"}},
		{"vonage: delivered, in dollars", "vonage", `{"message_uuid": "R", "status": "delivered", "usage": {"currency": "USD", "price": "0.0421"}}`, Report{Reference: "R", Status: "delivered", CostMicros: 42_100, Priced: true}},
		{"vonage: delivered, in euros without a rate", "vonage", `{"message_uuid": "R", "status": "delivered", "usage": {"currency": "EUR", "price": "0.0421"}}`, Report{Reference: "R", Status: "delivered"}},
		{"vonage: a price that is none", "vonage", `{"message_uuid": "R", "status": "delivered", "usage": {"currency": "USD", "price": "NaN"}}`, Report{Reference: "R", Status: "delivered"}},
		{"vonage: no such number", "vonage", `{"message_uuid": "R", "status": "rejected", "error": {"title": 1240}}`, Report{Reference: "R", Status: "failed", Class: mfa.FailNumber}},
		{"vonage: a machine", "vonage", `{"uuid": "R", "status": "machine"}`, Report{Reference: "R", Status: "failed", Class: mfa.FailMachine}},
		{"vonage: nobody answered", "vonage", `{"uuid": "R", "status": "unanswered"}`, Report{Reference: "R", Status: "failed", Class: mfa.FailNoAnswer}},
		{"webhook: only a price", "webhook", `{"cost_usd_micros": 5}`, Report{CostMicros: 5, Priced: true}},
		{"webhook: below nothing", "webhook", `{"cost_usd_micros": -5}`, Report{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := map[string]Reporter{"twilio": twilio(""), "vonage": vonage(t, ""), "webhook": NewWebhook("", webhookSecret)}[tt.gateway]

			got, err := g.Report(Hook{Body: []byte(tt.body), Header: http.Header{}})

			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	for _, body := range []string{`{`, `{"status": "sent"}`, `{"status": "failed", "class": "odd"}`} {
		_, err := NewWebhook("", webhookSecret).Report(Hook{Body: []byte(body), Header: http.Header{}})
		require.Error(t, err, body)
	}
}

func TestTheWebhookIsToldWhatToSayFirst(t *testing.T) {
	got, base := telephony(t, 200, "")

	_, err := NewWebhook(base, webhookSecret).As("bridge", callbacks()).Send(t.Context(), call)

	require.NoError(t, err)
	require.Equal(t, "This is Smith & Sons.", got.body["greeting"])
	require.Equal(t, call.Text.Reveal(), got.body["text"])
	require.Contains(t, got.body["receipt_url"], "https://id.example/delivery/receipt/bridge?t=")
}
