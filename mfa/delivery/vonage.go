package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// VonageConfig says how to reach Vonage.
type VonageConfig struct {
	Name             string     // in the log of deliveries; "" is vonage
	BaseURL          string     // "" is https://api.nexmo.com
	Application      string     // its id
	PrivateKey       mfa.Secret // of the application, PEM
	Signature        mfa.Secret // signature secret of the account; checks callbacks
	From             string     // a number or a sender name
	USDMicrosPerEuro int64      // what a euro of a receipt counts as; 0 keeps the price list
	Callbacks        *Callbacks
	Now              func() time.Time
}

// Vonage sends text messages by the Messages API and makes calls by the Voice
// API. Both take one application's key and sign their callbacks alike, which the
// older SMS API does not.
//
// Source: Vonage, "Messages API", "Voice API", "NCCO reference".
type Vonage struct {
	cfg    VonageConfig
	key    *rsa.PrivateKey
	client *http.Client
}

// NewVonage makes a gateway. It does not connect yet. It fails on a key that
// cannot be read.
func NewVonage(cfg VonageConfig) (*Vonage, error) {
	if cfg.Name == "" {
		cfg.Name = "vonage"
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.nexmo.com"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(cfg.PrivateKey.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("delivery: %s: private key: %w", cfg.Name, err)
	}
	return &Vonage{cfg: cfg, key: key, client: newClient(webhookPatience)}, nil
}

// Name implements [mfa.Sender].
func (v *Vonage) Name() string { return v.cfg.Name }

// Send implements [mfa.Sender]. Errors: [*mfa.RefusedError].
func (v *Vonage) Send(ctx context.Context, m mfa.Message) (string, error) {
	var body map[string]any
	var err error
	path := "/v1/messages"
	if m.Channel == policy.Voice {
		path = "/v1/calls"
		body, err = v.call(m)
	} else {
		body, err = v.text(m)
	}
	if err != nil {
		return "", err
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("delivery: vonage: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(v.cfg.BaseURL, "/")+path, bytes.NewReader(encoded))
	if err != nil {
		return "", errors.New("delivery: vonage: the base URL is not one")
	}
	now := v.cfg.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"application_id": v.cfg.Application, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": uuid.NewString(),
	}).SignedString(v.key)
	if err != nil {
		return "", fmt.Errorf("delivery: vonage: sign: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	a, err := do(ctx, v.client, req)
	if err != nil {
		return "", fmt.Errorf("delivery: vonage: %w", err)
	}
	return readVonage(a)
}

// bare is a number as Vonage writes it.
func bare(number string) string { return strings.TrimPrefix(number, "+") }

func (v *Vonage) text(m mfa.Message) (map[string]any, error) {
	body := map[string]any{
		"message_type": "text", "channel": "sms", "to": bare(m.To.Reveal()), "from": bare(v.cfg.From),
		"text": m.Text.Reveal(), "client_ref": m.ID, "sms": map[string]any{"encoding_type": "auto"},
	}
	report, err := v.cfg.Callbacks.receiptURL(v.cfg.Name, m)
	if report != "" {
		body["webhook_url"], body["webhook_version"] = report, "v1"
	}
	return body, err
}

// call sets the call up: who calls, then a key, and nothing else without it. A
// machine is hung up on.
func (v *Vonage) call(m mfa.Message) (map[string]any, error) {
	ask, err := v.cfg.Callbacks.voiceURL(v.cfg.Name, m)
	if err != nil {
		return nil, err
	}
	report, err := v.cfg.Callbacks.receiptURL(v.cfg.Name, m)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"to":                []any{map[string]any{"type": "phone", "number": bare(m.To.Reveal())}},
		"from":              map[string]any{"type": "phone", "number": bare(v.cfg.From)},
		"machine_detection": "hangup",
		"ringing_timer":     45,
		"event_url":         []string{report},
		"ncco": []any{
			map[string]any{"action": "talk", "text": m.Title, "language": vonageTongue(m.Lang), "bargeIn": true, "loop": 2},
			map[string]any{
				"action": "input", "type": []string{"dtmf"}, "eventUrl": []string{ask}, "eventMethod": "POST",
				"dtmf": map[string]any{"maxDigits": 1, "timeOut": 10},
			},
		},
	}, nil
}

// vonageTongue is a voice of Vonage, which knows one Arabic.
func vonageTongue(lang string) string {
	if strings.HasPrefix(lang, "ar") {
		return "ar"
	}
	return tongue(lang)
}

// readVonage reads the answer to a request, and of a refusal only which parameter
// was not right: what it says in words may repeat the number.
func readVonage(a answer) (string, error) {
	var told struct {
		Message string `json:"message_uuid"`
		Call    string `json:"uuid"`
		Invalid []struct {
			Name string `json:"name"`
		} `json:"invalid_parameters"`
	}
	_ = json.Unmarshal(a.body, &told)
	if a.ok() {
		return told.Message + told.Call, nil
	}
	for _, p := range told.Invalid {
		if p.Name == "to" || strings.HasPrefix(p.Name, "to[") || strings.HasPrefix(p.Name, "to.") {
			return "", &mfa.RefusedError{Class: mfa.FailNumber, Reason: "vonage says that to is not valid"}
		}
	}
	return "", fmt.Errorf("delivery: vonage answered %d", a.status)
}

// signedFor is how far the time of a signature may be from now.
const signedFor = 5 * time.Minute

// Check implements [Reporter].
//
// Source: Vonage, "Decoding signed webhooks" (a JWT with HS256 and the SHA-256 of
// the body).
func (v *Vonage) Check(h Hook) error {
	token, ok := strings.CutPrefix(h.Header.Get("Authorization"), "Bearer ")
	if !ok || v.cfg.Signature == "" {
		return ErrSignature
	}
	var claims struct {
		jwt.RegisteredClaims
		Application string `json:"application_id"`
		Payload     string `json:"payload_hash"`
	}
	_, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return []byte(v.cfg.Signature.Reveal()), nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(func() time.Time { return h.At }))
	if err != nil || claims.IssuedAt == nil || h.At.Sub(claims.IssuedAt.Time).Abs() > signedFor {
		return ErrSignature
	}
	sum := sha256.Sum256(h.Body)
	if !hmac.Equal([]byte(claims.Payload), []byte(hex.EncodeToString(sum[:]))) || claims.Application != v.cfg.Application {
		return ErrSignature
	}
	return nil
}

// vonageClasses are the numbers of errors that say something about the number.
// Source: Vonage, "Messages API error codes".
var vonageClasses = map[string]string{
	"1050": mfa.FailNumber, "1170": mfa.FailNumber, "1190": mfa.FailNumber, "1240": mfa.FailNumber,
	"1180": mfa.FailUnreachable, "1230": mfa.FailUnreachable, "1200": mfa.FailBlocked, "1220": mfa.FailBlocked,
}

var vonageStates = map[string]struct{ status, class string }{
	"delivered": {"delivered", ""}, "read": {"delivered", ""},
	"rejected": {"failed", mfa.FailOther}, "undeliverable": {"failed", mfa.FailOther}, "failed": {"failed", mfa.FailOther},
	"machine": {"failed", mfa.FailMachine}, "busy": {"failed", mfa.FailNoAnswer}, "unanswered": {"failed", mfa.FailNoAnswer},
	"timeout": {"failed", mfa.FailNoAnswer}, "cancelled": {"failed", mfa.FailOther}, "completed": {"failed", mfa.FailNoAnswer},
}

// Report implements [Reporter].
func (v *Vonage) Report(h Hook) (Report, error) {
	var told struct {
		Message string `json:"message_uuid"`
		Call    string `json:"uuid"`
		Status  string `json:"status"`
		Client  string `json:"client_ref"`
		Price   string `json:"price"` // of a call, in euros
		Error   struct {
			Title json.RawMessage `json:"title"`
		} `json:"error"`
		Usage struct {
			Currency string `json:"currency"`
			Price    string `json:"price"`
		} `json:"usage"`
	}
	err := json.Unmarshal(h.Body, &told)
	if err != nil {
		return Report{}, errors.New("delivery: vonage: the report is no JSON")
	}
	end := vonageStates[told.Status]
	r := Report{ID: told.Client, Reference: told.Message + told.Call, Status: end.status, Class: end.class}
	class, known := vonageClasses[strings.Trim(string(told.Error.Title), `"`)]
	if known && r.Status == "failed" {
		r.Class = class
	}
	switch {
	case told.Usage.Price != "":
		r.CostMicros, r.Priced = v.micros(told.Usage.Price, told.Usage.Currency)
	case told.Price != "":
		r.CostMicros, r.Priced = v.micros(told.Price, "EUR")
	}
	return r, nil
}

// micros is a price in millionths of a US dollar.
func (v *Vonage) micros(price, currency string) (int64, bool) {
	amount, err := strconv.ParseFloat(price, 64)
	rate := int64(0)
	switch currency {
	case "USD":
		rate = 1_000_000
	case "EUR":
		rate = v.cfg.USDMicrosPerEuro
	}
	if err != nil || rate == 0 || !(amount >= 0 && amount < 1000) {
		return 0, false
	}
	return int64(math.Round(amount * float64(rate))), true
}

// Press implements [Caller]. A call on which a machine was heard has been hung up.
func (v *Vonage) Press(h Hook) (Press, error) {
	var told struct {
		Call string `json:"uuid"`
		DTMF struct {
			Digits string `json:"digits"`
		} `json:"dtmf"`
	}
	err := json.Unmarshal(h.Body, &told)
	if err != nil {
		return Press{}, errors.New("delivery: vonage: the key press is no JSON")
	}
	return Press{Reference: told.Call, Pressed: told.DTMF.Digits != ""}, nil
}

// Speak implements [Caller]. An empty list of actions hangs up.
func (v *Vonage) Speak(script, lang string) Reply {
	actions := []any{}
	if script != "" {
		var b strings.Builder
		b.WriteString("<speak>")
		for _, s := range sentences(script) {
			b.WriteString(escaped(s) + `<break time="1s"/>`)
		}
		b.WriteString("</speak>")
		actions = append(actions, map[string]any{"action": "talk", "text": b.String(), "language": vonageTongue(lang)})
	}
	body, _ := json.Marshal(actions) // strings always encode
	return Reply{"application/json", body}
}
