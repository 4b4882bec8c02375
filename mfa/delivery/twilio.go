package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Twilio signs with
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// TwilioConfig says how to reach Twilio.
type TwilioConfig struct {
	Name      string // in the log of deliveries; "" is twilio
	BaseURL   string // "" is https://api.twilio.com
	Account   string // AC...
	Token     mfa.Secret
	KeyID     string // SK..., to send with an API key instead of the token, which is still needed to check callbacks
	KeySecret mfa.Secret
	From      string // a number, a sender name, or MG... for a messaging service
	Callbacks *Callbacks
}

// Twilio sends text messages and makes calls through Twilio's HTTP API. A call
// is handed over with its greeting alone; the code is asked for by a key press,
// with a sealed token that brings it along.
//
// Source: Twilio, "Messages resource", "Calls resource", "TwiML".
type Twilio struct {
	cfg    TwilioConfig
	client *http.Client
}

// NewTwilio makes a gateway. It does not connect yet.
func NewTwilio(cfg TwilioConfig) *Twilio {
	if cfg.Name == "" {
		cfg.Name = "twilio"
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.twilio.com"
	}
	return &Twilio{cfg: cfg, client: newClient(webhookPatience)}
}

// Name implements [mfa.Sender].
func (t *Twilio) Name() string { return t.cfg.Name }

// longestTwiML is what Twilio takes in a request. Source: "Calls resource", Twiml.
const longestTwiML = 4000

// Send implements [mfa.Sender]. Errors: [*mfa.RefusedError].
func (t *Twilio) Send(ctx context.Context, m mfa.Message) (string, error) {
	form := url.Values{"To": {m.To.Reveal()}}
	resource := "Messages.json"
	var err error
	if m.Channel == policy.Voice {
		resource = "Calls.json"
		err = t.call(form, m)
	} else {
		err = t.text(form, m)
	}
	if err != nil {
		return "", err
	}
	at := strings.TrimSuffix(t.cfg.BaseURL, "/") + "/2010-04-01/Accounts/" + url.PathEscape(t.cfg.Account) + "/" + resource
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return "", errors.New("delivery: twilio: the base URL is not one")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if t.cfg.KeyID != "" {
		req.SetBasicAuth(t.cfg.KeyID, t.cfg.KeySecret.Reveal())
	} else {
		req.SetBasicAuth(t.cfg.Account, t.cfg.Token.Reveal())
	}
	a, err := do(ctx, t.client, req)
	if err != nil {
		return "", fmt.Errorf("delivery: twilio: %w", err)
	}
	return readTwilio(a)
}

func (t *Twilio) text(form url.Values, m mfa.Message) error {
	form.Set("Body", m.Text.Reveal())
	if strings.HasPrefix(t.cfg.From, "MG") {
		form.Set("MessagingServiceSid", t.cfg.From)
	} else {
		form.Set("From", t.cfg.From)
	}
	report, err := t.cfg.Callbacks.receiptURL(t.cfg.Name, m)
	if report != "" {
		form.Set("StatusCallback", report)
	}
	return err
}

// call sets the call up: who calls, then a key, and nothing else without it. The
// first seconds listen for a machine.
func (t *Twilio) call(form url.Values, m mfa.Message) error {
	ask, err := t.cfg.Callbacks.voiceURL(t.cfg.Name, m)
	if err != nil {
		return err
	}
	report, err := t.cfg.Callbacks.receiptURL(t.cfg.Name, m)
	if err != nil {
		return err
	}
	greeting := say(m.Title, m.Lang)
	twiml := `<Response><Gather input="dtmf" numDigits="1" timeout="10" method="POST" action="` + escaped(ask) + `">` +
		greeting + `<Pause length="3"/>` + greeting + `</Gather><Hangup/></Response>`
	if len(twiml) > longestTwiML {
		return errors.New("delivery: twilio: the script of the call is too long")
	}
	form.Set("From", t.cfg.From)
	form.Set("Twiml", twiml)
	form.Set("MachineDetection", "Enable")
	form.Set("Timeout", "45")
	form.Set("StatusCallback", report)
	return nil
}

// twilioClasses are the numbers of errors that say something about the number
// that was called. Source: Twilio, "Error and warning dictionary".
var twilioClasses = map[int]string{
	13224: mfa.FailNumber, 21211: mfa.FailNumber, 21217: mfa.FailNumber, 21610: mfa.FailBlocked, 21614: mfa.FailNoSMS,
	30003: mfa.FailUnreachable, 30004: mfa.FailBlocked, 30005: mfa.FailNumber, 30006: mfa.FailNoSMS,
	30007: mfa.FailBlocked, 30036: mfa.FailExpired,
}

// readTwilio reads the answer to a request. What it says in words repeats the
// number, so only its code is kept.
func readTwilio(a answer) (string, error) {
	var told struct {
		SID  string `json:"sid"`
		Code int    `json:"code"`
	}
	_ = json.Unmarshal(a.body, &told)
	if a.ok() {
		return told.SID, nil
	}
	class, known := twilioClasses[told.Code]
	if known && a.status == http.StatusBadRequest {
		return "", &mfa.RefusedError{Class: class, Reason: "twilio error " + strconv.Itoa(told.Code)}
	}
	return "", fmt.Errorf("delivery: twilio answered %d, error %d", a.status, told.Code)
}

// Check implements [Reporter].
//
// Source: Twilio, "Validating requests are coming from Twilio" (HMAC-SHA1 over
// the URL and the sorted parameters).
func (t *Twilio) Check(h Hook) error {
	form, err := url.ParseQuery(string(h.Body))
	if err != nil || t.cfg.Token == "" {
		return ErrSignature
	}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(t.cfg.Token.Reveal()))
	_, _ = mac.Write([]byte(h.URL))
	for _, name := range names {
		values := slices.Compact(slices.Sorted(slices.Values(form[name])))
		for _, v := range values {
			_, _ = mac.Write([]byte(name + v))
		}
	}
	got, err := base64.StdEncoding.DecodeString(h.Header.Get("X-Twilio-Signature"))
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return ErrSignature
	}
	return nil
}

// twilioStates are the ends of a message or a call. A call that was completed
// without a key press told nobody anything.
var twilioStates = map[string]struct{ status, class string }{
	"delivered": {"delivered", ""}, "read": {"delivered", ""},
	"undelivered": {"failed", mfa.FailOther}, "failed": {"failed", mfa.FailOther}, "canceled": {"failed", mfa.FailOther},
	"busy": {"failed", mfa.FailNoAnswer}, "no-answer": {"failed", mfa.FailNoAnswer}, "completed": {"failed", mfa.FailNoAnswer},
}

// Report implements [Reporter].
func (t *Twilio) Report(h Hook) (Report, error) {
	form, err := url.ParseQuery(string(h.Body))
	if err != nil {
		return Report{}, errors.New("delivery: twilio: the report is no form")
	}
	reference, state := form.Get("MessageSid"), form.Get("MessageStatus")
	if form.Has("CallSid") {
		reference, state = form.Get("CallSid"), form.Get("CallStatus")
	}
	end := twilioStates[state]
	r := Report{Reference: reference, Status: end.status, Class: end.class}
	code, _ := strconv.Atoi(form.Get("ErrorCode"))
	class, known := twilioClasses[code]
	if known && r.Status == "failed" {
		r.Class = class
	}
	if r.Status == "failed" && machine(form) {
		r.Class = mfa.FailMachine
	}
	return r, nil
}

// machine reports whether Twilio heard a machine.
func machine(form url.Values) bool {
	by := form.Get("AnsweredBy")
	return strings.HasPrefix(by, "machine") || by == "fax"
}

// Press implements [Caller].
func (t *Twilio) Press(h Hook) (Press, error) {
	form, err := url.ParseQuery(string(h.Body))
	if err != nil {
		return Press{}, errors.New("delivery: twilio: the key press is no form")
	}
	p := Press{Reference: form.Get("CallSid"), Machine: machine(form)}
	p.Pressed = form.Get("Digits") != "" && !p.Machine
	return p, nil
}

// Speak implements [Caller].
func (t *Twilio) Speak(script, lang string) Reply {
	var b strings.Builder
	b.WriteString(xml.Header + "<Response>")
	for _, s := range sentences(script) {
		b.WriteString(say(s, lang) + `<Pause length="1"/>`)
	}
	b.WriteString("<Hangup/></Response>")
	return Reply{"text/xml; charset=utf-8", []byte(b.String())}
}

func say(text, lang string) string {
	return `<Say language="` + escaped(tongue(lang)) + `">` + escaped(text) + `</Say>`
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
