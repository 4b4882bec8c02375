package delivery

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// trusted is the certificate of this machine for these tests. It is among the
// system's roots, since that is where the sender looks.
var trusted tls.Certificate

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "sallyport-smtp-")
	if err != nil {
		log.Fatal(err)
	}
	var text []byte
	trusted, text, err = certificate()
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "roots.pem"), text, 0o600)
	}
	if err == nil {
		err = os.Setenv("SSL_CERT_FILE", filepath.Join(folder, "roots.pem"))
	}
	if err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// certificate makes a certificate for this machine that vouches for itself.
func certificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text, err
}

const user, password = "sender@acme.example", "hunter2-hunter2"

// post is a real mail server that keeps what it takes over.
type post struct {
	mu       sync.Mutex
	messages []received
	logins   int
	refuses  map[string]error // by the stage: rcpt, data
}

type received struct{ from, to, text string }

// NewSession implements [smtp.Backend].
func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{post: p}, nil }

func (p *post) kept() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.messages
}

type session struct {
	post *post
	got  received
}

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, word string) error {
		s.post.mu.Lock()
		defer s.post.mu.Unlock()
		s.post.logins++
		if name != user || word != password {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.got.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.got.to = to
	return s.post.refuses["rcpt"]
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.post.refuses["data"] != nil {
		return s.post.refuses["data"]
	}
	s.got.text = string(text)
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	s.post.messages = append(s.post.messages, s.got)
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// open starts the server and returns how to reach it.
func (p *post) open(t *testing.T, mode string, edit func(*smtp.Server)) SMTPConfig {
	t.Helper()
	s := smtp.NewServer(p)
	s.Domain, s.ErrorLog, s.ReadTimeout = "mail.acme.example", log.New(io.Discard, "", 0), 5*time.Second
	if mode == "required" {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{trusted}}
	}
	s.AllowInsecureAuth = mode == "none"
	if edit != nil {
		edit(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := l.Addr().(*net.TCPAddr).Port
	if mode == "implicit" {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{trusted}})
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return SMTPConfig{Host: "127.0.0.1", Port: at, Username: user, Password: password, From: "Acme <id@acme.example>", TLS: mode}
}

var code = mfa.Message{
	ID: "d1", Channel: policy.Email, To: "alice@example.com", Title: "Your code ✓", Text: "Your code is 123456.\n",
	HTML: "<p>Your code is <b>123456</b>.</p>", Code: "123456", Lang: "en",
}

func newSMTP(t *testing.T, cfg SMTPConfig) *SMTP {
	t.Helper()
	s, err := NewSMTP(cfg)
	require.NoError(t, err)
	return s
}

func TestAMessageIsTakenOver(t *testing.T) {
	for _, mode := range []string{"required", "implicit", "none"} {
		t.Run(mode, func(t *testing.T) {
			p := &post{}
			cfg := p.open(t, mode, nil)

			reference, err := newSMTP(t, cfg).Send(t.Context(), code)

			require.NoError(t, err)
			require.Len(t, p.kept(), 1)
			require.Equal(t, 1, p.logins)
			got := p.kept()[0]
			require.Equal(t, "id@acme.example", got.from)
			require.Equal(t, "alice@example.com", got.to)
			msg, err := mail.ReadMessage(strings.NewReader(got.text))
			require.NoError(t, err)
			require.Equal(t, reference, msg.Header.Get("Message-ID"))
			require.Equal(t, `"Acme" <id@acme.example>`, msg.Header.Get("From"))
			require.Contains(t, msg.Header.Get("Content-Type"), "multipart/alternative")
			require.Contains(t, msg.Header.Get("Subject"), "=?UTF-8?")
			require.Less(t, strings.Index(got.text, "Your code is 123456."), strings.Index(got.text, "<b>123456</b>"), "the plain text comes first")
		})
	}
}

func TestAMessageWithoutHTMLIsPlain(t *testing.T) {
	p := &post{}
	m := code
	m.HTML = ""
	cfg := p.open(t, "none", nil)
	cfg.From, cfg.Username = "id@acme.example", ""

	_, err := newSMTP(t, cfg).Send(t.Context(), m)

	require.NoError(t, err)
	require.NotContains(t, p.kept()[0].text, "multipart")
	require.Zero(t, p.logins)
}

func TestOneSenderSendsManyAtOnce(t *testing.T) {
	p := &post{}
	s := newSMTP(t, p.open(t, "required", nil))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := s.Send(context.Background(), code)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	require.Len(t, p.kept(), 8)
}

func TestWhatAMailServerRefuses(t *testing.T) {
	tests := []struct {
		name, mode string
		post       *post
		edit       func(*SMTPConfig)
		server     func(*smtp.Server)
		says       string
	}{
		{
			"a recipient it does not know", "required",
			&post{refuses: map[string]error{"rcpt": &smtp.SMTPError{Code: 550, Message: "<alice@example.com>: unknown"}}}, nil, nil, "[secret]",
		},
		{"the text", "required", &post{refuses: map[string]error{"data": &smtp.SMTPError{Code: 554, Message: "spam"}}}, nil, nil, "spam"},
		{"a wrong password", "required", &post{}, func(c *SMTPConfig) { c.Password = "wrong" }, nil, "535"},
		{"a server without STARTTLS", "required", &post{}, nil, func(s *smtp.Server) { s.TLSConfig, s.AllowInsecureAuth = nil, true }, "STARTTLS"},
		{"a server that nobody vouches for", "required", &post{}, nil, func(s *smtp.Server) {
			foreign, _, err := certificate()
			if err == nil {
				s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{foreign}}
			}
		}, "certificate"},
		{"a server of another name", "required", &post{}, func(c *SMTPConfig) { c.Host = "localhost" }, nil, "certificate"},
		{"a server of another name, from the start", "implicit", &post{}, func(c *SMTPConfig) { c.Host = "localhost" }, nil, "certificate"},
		{"plain text where TLS is spoken", "none", &post{}, func(c *SMTPConfig) { c.TLS = "implicit" }, nil, "tls"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := tt.post.open(t, tt.mode, tt.server)
			if tt.edit != nil {
				tt.edit(&cfg)
			}

			_, err := newSMTP(t, cfg).Send(t.Context(), code)

			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "alice@example.com")
			require.Empty(t, tt.post.kept())
			if tt.says != "535" && tt.says != "spam" && tt.says != "[secret]" {
				require.Zero(t, tt.post.logins, "no password goes to a server that was not checked")
			}
		})
	}
}

func TestAnAddressThatIsNoneIsNotRepeated(t *testing.T) {
	m := code
	m.To = "alice at example"

	_, err := newSMTP(t, (&post{}).open(t, "none", nil)).Send(t.Context(), m)

	require.EqualError(t, err, "delivery: smtp: [secret] is not an address")
}

func TestSettingsThatCannotBeAreRefusedAtTheStart(t *testing.T) {
	for says, cfg := range map[string]SMTPConfig{
		"is not one of required": {Host: "h", From: "a@b.example", TLS: "maybe"},
		"from":                   {Host: "h", From: "not an address"},
		"smtp":                   {Host: "", From: "a@b.example"},
	} {
		_, err := NewSMTP(cfg)
		require.ErrorContains(t, err, says)
	}
}

// talk is a mail server that says lines, each after one line of the client, and
// then does what end does. "" says nothing.
func talk(t *testing.T, lines []string, end func(net.Conn)) SMTPConfig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close() //nolint:errcheck // the end of the talk
				r := bufio.NewReader(c)
				for i, line := range lines {
					if i > 0 && !heard(r, lines[i-1]) {
						return
					}
					_, err = io.WriteString(c, line+"\r\n")
					if err != nil {
						return
					}
				}
				end(c)
			}()
		}
	}()
	return SMTPConfig{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "id@acme.example", TLS: "none"}
}

// heard waits for what the client says: one line, or a whole message after 354.
func heard(r *bufio.Reader, last string) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if !strings.HasPrefix(last, "354") || line == ".\r\n" {
			return true
		}
	}
}

// whole is all that a server says until it has taken a message over. The library
// asks once whether it is still there.
var whole = []string{"220 hi", "250 hi", "250 here", "250 from", "250 to", "354 go on", "250 taken over"}

func TestAConnectionThatIsCut(t *testing.T) {
	cut := func(net.Conn) {}
	for said := range len(whole) + 1 {
		t.Run("after "+strconv.Itoa(said)+" lines", func(t *testing.T) {
			_, err := newSMTP(t, talk(t, whole[:said], cut)).Send(t.Context(), code)

			if said == len(whole) {
				require.NoError(t, err, "it was taken over, whatever becomes of the goodbye")
				return
			}
			require.Error(t, err)
		})
	}
}

// TestASlowMailServerIsNotWaitedForLong also has one that never stops talking:
// each line comes in time, and all of them together do not.
func TestASlowMailServerIsNotWaitedForLong(t *testing.T) {
	silent := func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<16)); _, _ = io.ReadAll(c) }
	drip := func(c net.Conn) {
		for {
			_, err := io.WriteString(c, "250-still here\r\n")
			if err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	for name, cfg := range map[string]SMTPConfig{
		"it never greets":        talk(t, nil, silent),
		"it never answers":       talk(t, whole[:1], silent),
		"it never takes over":    talk(t, whole[:6], silent),
		"it never stops talking": talk(t, whole[:1], drip),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSMTP(t, cfg)
			s.patience = 150 * time.Millisecond
			begun := time.Now()

			_, err := s.Send(t.Context(), code)

			require.ErrorContains(t, err, context.DeadlineExceeded.Error())
			require.Less(t, time.Since(begun), 3*time.Second)
		})
	}
	t.Run("whoever waits may go sooner", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, err := newSMTP(t, talk(t, whole[:1], silent)).Send(ctx, code)
		require.Error(t, err)
		require.Less(t, time.Since(begun), 3*time.Second)
	})
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())

	_, err = newSMTP(t, SMTPConfig{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "a@b.example"}).Send(t.Context(), code)

	require.ErrorContains(t, err, "refused")
	require.False(t, errors.Is(err, context.DeadlineExceeded))
}
