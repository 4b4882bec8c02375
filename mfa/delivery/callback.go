package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// Tokens seals what a gateway brings back. What is sealed for one use does not
// open for another.
type Tokens interface {
	Seal(use string, plain []byte) (string, error)
	Open(use, sealed string) ([]byte, error)
}

// The uses of a token.
const (
	useReceipt = "receipt"
	useVoice   = "voice"
)

// How long a token is good for. Carriers report for days; a call is answered, or
// not, within moments.
const (
	receiptLife = 72 * time.Hour
	voiceLife   = 3 * time.Minute
)

// ErrToken refuses a token that does not open, is over, or is another gateway's.
var ErrToken = errors.New("delivery: token is not valid")

// ErrSignature refuses a request that was not signed by the gateway.
var ErrSignature = errors.New("delivery: request is not signed by the gateway")

// Callbacks are the addresses at which gateways report back, and what they bring
// with them. Every replica of the server can take a callback: what it needs is in
// the token, sealed.
type Callbacks struct {
	Base   string // URL of the server, without a path
	Tokens Tokens
	Now    func() time.Time
}

// Ticket is what a token holds. Script, of a call, has the code in it.
type Ticket struct {
	TenantID  string     `json:"t"`
	UserID    string     `json:"u"`
	ID        string     `json:"d"` // of the delivery
	Gateway   string     `json:"g"`
	Channel   mfa.Method `json:"c"`
	Script    string     `json:"s,omitempty"`
	Lang      string     `json:"l,omitempty"`
	ExpiresAt int64      `json:"e"` // seconds since 1970
}

// Subject is whom the message went to.
func (t Ticket) Subject() mfa.Subject { return mfa.Subject{TenantID: t.TenantID, UserID: t.UserID} }

// ReceiptPath and VoicePath are where package receipts takes callbacks; the token
// is the parameter "t".
const (
	ReceiptPath = "/delivery/receipt/"
	VoicePath   = "/delivery/voice/"
)

// receiptURL is where gateway reports what became of m; "" without callbacks.
func (c *Callbacks) receiptURL(gateway string, m mfa.Message) (string, error) {
	if c == nil {
		return "", nil
	}
	return c.url(ReceiptPath, useReceipt, Ticket{ExpiresAt: c.Now().Add(receiptLife).Unix()}, gateway, m)
}

// voiceURL is where gateway gets the script once a key was pressed.
func (c *Callbacks) voiceURL(gateway string, m mfa.Message) (string, error) {
	if c == nil {
		return "", errors.New("delivery: a call needs an address for its key press")
	}
	return c.url(VoicePath, useVoice, Ticket{
		Script: m.Text.Reveal(), Lang: m.Lang, ExpiresAt: c.Now().Add(voiceLife).Unix(),
	}, gateway, m)
}

func (c *Callbacks) url(path, use string, t Ticket, gateway string, m mfa.Message) (string, error) {
	t.TenantID, t.UserID, t.ID, t.Channel, t.Gateway = m.Subject.TenantID, m.Subject.UserID, m.ID, m.Channel, gateway
	plain, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("delivery: token: %w", err)
	}
	sealed, err := c.Tokens.Seal(use, plain)
	if err != nil {
		return "", fmt.Errorf("delivery: token: %w", err)
	}
	return strings.TrimSuffix(c.Base, "/") + path + gateway + "?t=" + sealed, nil
}

// Receipt opens the token of a receipt of gateway, Voice that of a key press.
//
// Errors: [ErrToken].
func (c *Callbacks) Receipt(gateway, token string) (Ticket, error) {
	return c.open(useReceipt, gateway, token)
}

// Voice opens the token of a key press at gateway.
//
// Errors: [ErrToken].
func (c *Callbacks) Voice(gateway, token string) (Ticket, error) {
	return c.open(useVoice, gateway, token)
}

func (c *Callbacks) open(use, gateway, token string) (Ticket, error) {
	plain, err := c.Tokens.Open(use, token)
	if err != nil {
		return Ticket{}, ErrToken
	}
	var t Ticket
	err = json.Unmarshal(plain, &t)
	if err != nil || t.Gateway != gateway || c.Now().Unix() >= t.ExpiresAt {
		return Ticket{}, ErrToken
	}
	return t, nil
}

// Hook is a request of a gateway.
type Hook struct {
	URL    string // as the gateway was given it
	Header http.Header
	Body   []byte
	At     time.Time // now
}

// Report is what a gateway tells of a message.
type Report struct {
	ID         string // of the delivery, where the gateway repeats it
	Reference  string
	Status     string // delivered, failed, or "" while it is on its way
	Class      string // of a failure
	CostMicros int64  // with Priced
	Priced     bool
}

// Press is what is known when a call asks how to go on.
type Press struct {
	Reference string
	Pressed   bool // a person pressed a key
	Machine   bool // an answering machine took the call
}

// Reply is the answer to a [Hook].
type Reply struct {
	ContentType string
	Body        []byte
}

// Reporter is a gateway that reports back.
type Reporter interface {
	Name() string
	// Check refuses what the gateway did not sign. Errors: [ErrSignature].
	Check(h Hook) error
	// Report reads a receipt that Check let pass.
	Report(h Hook) (Report, error)
}

// Caller is a gateway that makes calls.
type Caller interface {
	Reporter
	// Press reads what became of a call that asks how to go on.
	Press(h Hook) (Press, error)
	// Speak says script in lang and hangs up; with "" it only hangs up.
	Speak(script, lang string) Reply
}

// tongues are the voices for a language. Others are left to the gateway, which
// refuses what it does not speak; the next one is tried then.
var tongues = map[string]string{"en": "en-US", "es": "es-ES", "fr": "fr-FR", "de": "de-DE", "ar": "ar-XA", "it": "it-IT", "pt": "pt-BR"}

func tongue(lang string) string {
	base, _, _ := strings.Cut(lang, "-")
	found, ok := tongues[base]
	if ok {
		return found
	}
	return lang
}

// sentences are the parts of a script between which a voice rests: each digit of
// the second time is one.
func sentences(script string) []string {
	var parts []string
	for _, p := range strings.SplitAfter(script, ". ") {
		p = strings.TrimSpace(p)
		if p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}
