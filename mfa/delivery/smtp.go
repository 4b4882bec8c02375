package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/sallyport-id/sallyport/mfa"
)

// SMTP sends email through one mail server.
type SMTP struct {
	From   string // address, or "Name <address>"
	client *mail.Client
}

// SMTPConfig says how to reach the mail server.
type SMTPConfig struct {
	Host     string
	Port     int // 0: 587, or 465 with TLS "implicit"
	Username string
	Password mfa.Secret
	From     string
	// TLS is required (STARTTLS or refuse), implicit, or none; "" is required.
	// none is for a server on this machine.
	TLS string
}

// smtpPatience bounds one delivery; the user waits for it.
const smtpPatience = 8 * time.Second

// NewSMTP makes a sender. It does not connect yet.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	opts := []mail.Option{mail.WithTimeout(smtpPatience)}
	switch cfg.TLS {
	case "", "required":
		opts = append(opts, mail.WithTLSPortPolicy(mail.TLSMandatory))
	case "implicit":
		opts = append(opts, mail.WithSSLPort(false))
	case "none":
		opts = append(opts, mail.WithTLSPortPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("delivery: tls %q is not one of required, implicit, none", cfg.TLS)
	}
	if cfg.Port != 0 {
		opts = append(opts, mail.WithPort(cfg.Port))
	}
	if cfg.Username != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(cfg.Username), mail.WithPassword(cfg.Password.Reveal()))
	}
	client, err := mail.NewClient(cfg.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("delivery: smtp: %w", err)
	}
	return &SMTP{From: cfg.From, client: client}, nil
}

// Name implements [mfa.Sender].
func (*SMTP) Name() string { return "smtp" }

// Send implements [mfa.Sender]: a multipart message, the plain text first. It
// returns when the server has taken the message over.
func (s *SMTP) Send(ctx context.Context, m mfa.Message) (string, error) {
	msg := mail.NewMsg()
	err := msg.FromFormat("", s.From)
	if err != nil {
		err = msg.From(s.From)
	}
	if err != nil {
		return "", fmt.Errorf("delivery: smtp from: %w", err)
	}
	err = msg.To(m.To.Reveal())
	if err != nil {
		// The error would repeat the address.
		return "", fmt.Errorf("delivery: smtp: %s is not an address", m.To)
	}
	msg.Subject(m.Title)
	msg.SetMessageID()
	msg.SetDate()
	msg.SetBodyString(mail.TypeTextPlain, m.Text.Reveal())
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML.Reveal())
	}
	err = s.client.DialAndSendWithContext(ctx, msg)
	if err != nil {
		return "", fmt.Errorf("delivery: smtp: %w", err)
	}
	return msg.GetMessageID(), nil
}
