package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/sallyport-id/sallyport/mfa"
)

// SMTP sends email through one mail server. Make one with [NewSMTP].
type SMTP struct {
	from     string
	host     string
	implicit bool
	options  []mail.Option
	patience time.Duration
}

// SMTPConfig says how to reach the mail server.
type SMTPConfig struct {
	Host     string
	Port     int // 0: 587, 465 with TLS "implicit", or 25 with "none"
	Username string
	Password mfa.Secret
	From     string // address, or "Name <address>"
	// TLS is required (STARTTLS or refuse), implicit, or none; "" is required.
	// none is for a server on this machine.
	TLS string
}

// smtpPatience bounds one delivery; the user waits for it.
const smtpPatience = 8 * time.Second

// logins are the ways to authenticate, best first. The library sends the password
// itself (the last two) over TLS or to this machine only.
var logins = []mail.SMTPAuthType{
	mail.SMTPAuthSCRAMSHA256PLUS, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1PLUS, mail.SMTPAuthSCRAMSHA1,
	mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin,
}

// NewSMTP makes a sender. It does not connect yet.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	s := &SMTP{from: cfg.From, host: cfg.Host, patience: smtpPatience, options: []mail.Option{mail.WithTimeout(smtpPatience)}}
	switch cfg.TLS {
	case "", "required":
		s.options = append(s.options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	case "implicit":
		s.implicit = true
		s.options = append(s.options, mail.WithSSLPort(false))
	case "none":
		s.options = append(s.options, mail.WithTLSPortPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("delivery: tls %q is not one of required, implicit, none", cfg.TLS)
	}
	if cfg.Port != 0 {
		s.options = append(s.options, mail.WithPort(cfg.Port))
	}
	if cfg.Username != "" {
		s.options = append(s.options, mail.WithOpportunisticSMTPAuth(logins...),
			mail.WithUsername(cfg.Username), mail.WithPassword(cfg.Password.Reveal()))
	}
	err := mail.NewMsg().From(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("delivery: smtp from: %w", err)
	}
	_, err = mail.NewClient(cfg.Host, s.options...)
	if err != nil {
		return nil, fmt.Errorf("delivery: smtp: %w", err)
	}
	return s, nil
}

// Name implements [mfa.Sender].
func (*SMTP) Name() string { return "smtp" }

// Send implements [mfa.Sender]: a multipart message, the plain text first. It
// returns when the server has taken the message over, or has kept us waiting for
// too long.
func (s *SMTP) Send(ctx context.Context, m mfa.Message) (string, error) {
	msg, err := s.message(m)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	err = s.deliver(ctx, msg)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // the connection was cut, which is what the library saw
	}
	if err != nil {
		// What a mail server says may repeat the address, and ends in the log.
		return "", errors.New("delivery: smtp: " + strings.ReplaceAll(err.Error(), m.To.Reveal(), m.To.String()))
	}
	return msg.GetMessageID(), nil
}

func (s *SMTP) message(m mfa.Message) (*mail.Msg, error) {
	msg := mail.NewMsg()
	err := msg.From(s.from)
	if err != nil {
		return nil, fmt.Errorf("delivery: smtp from: %w", err)
	}
	err = msg.To(m.To.Reveal())
	if err != nil {
		// The error would repeat the address.
		return nil, fmt.Errorf("delivery: smtp: %s is not an address", m.To)
	}
	msg.Subject(m.Title)
	msg.SetMessageID()
	msg.SetDate()
	msg.SetBodyString(mail.TypeTextPlain, m.Text.Reveal())
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML.Reveal())
	}
	return msg, nil
}

// deliver sends msg over a connection of its own, which it closes in any case.
// When ctx ends, the connection is cut: the library starts its own clock anew at
// each stage.
func (s *SMTP) deliver(ctx context.Context, msg *mail.Msg) error {
	var conn net.Conn
	dial := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	client, err := mail.NewClient(s.host, append(slices.Clone(s.options), mail.WithDialContextFunc(dial))...)
	if err != nil {
		return err
	}
	conn, err = s.dial(ctx, client.ServerAddr())
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // the message was taken over, or was not
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	err = client.SendWithSMTPClient(session, msg)
	if msg.IsDelivered() {
		// It was taken over. What is said afterwards, and may fail, does not change
		// that.
		_ = client.CloseWithSMTPClient(session)
		return nil
	}
	return err
}

func (s *SMTP) dial(ctx context.Context, address string) (net.Conn, error) {
	if !s.implicit {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}
	d := tls.Dialer{Config: &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}}
	return d.DialContext(ctx, "tcp", address)
}
