package storetest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/webauthn"
	"github.com/sallyport-id/sallyport/ratelimit"
)

// A Lab is a service over real stores, with a clock that tests move, a mailbox
// that they read and a list of what was observed. Its user has a registered
// address and a confirmed phone under the policy contractor-email-first.
type Lab struct {
	*mfa.Service
	Hashes  *Hashes
	Who     mfa.Subject
	Policy  *policy.Policy
	Clock   *Clock
	Mailbox *Mailbox
	Log     *Log
}

// NewLab returns a lab over s, in a tenant of its own.
func NewLab(t *testing.T, s Stores) *Lab {
	t.Helper()
	p, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	who := newSubject()
	require.NoError(t, s.AddContact(t.Context(), mail(who)))
	number := phone(who, "phone", "+526441832399")
	number.Status, number.ConfirmedAt = mfa.ContactConfirmed, t0.Add(-time.Hour)
	require.NoError(t, s.AddContact(t.Context(), number))

	lab := &Lab{Who: who, Policy: &p, Clock: &Clock{at: t0}, Mailbox: &Mailbox{}, Log: &Log{}, Hashes: &Hashes{}}
	lab.Service = newService(s, lab, &ratelimit.Memory{})
	return lab
}

func newService(s Stores, lab *Lab, limits ratelimit.Limiter) *mfa.Service {
	return &mfa.Service{
		Store: s, Devices: s, Limits: limits, Sender: lab.Mailbox, Composer: words{}, Peppers: pepper{},
		Events: lab.Log, Now: lab.Clock.Now, Hasher: lab.Hashes, Keys: webauthn.Keys{},
	}
}

// NoLimits takes the rate limits away, so that a test sees what is left.
func (l *Lab) NoLimits() {
	many := []policy.Rate{{N: 1_000_000, Per: 1}}
	l.Policy.Limits.SendPerContact, l.Policy.Limits.SendPerUser, l.Policy.Limits.SendPerIP = many, many, many
	l.Policy.Limits.SendPerPrefix, l.Policy.Limits.SendPerCountry = many, many
	l.Policy.Limits.VerifyPerUser, l.Policy.Limits.VerifyPerIP = many, many
	l.Policy.Limits.NewContactsPerUser = many
}

// Login asks for the second step of a login in interaction owner.
func (l *Lab) Login(owner string) mfa.Ask {
	return mfa.Ask{
		Subject: l.Who, Policy: l.Policy, PolicyVersion: 1, Purpose: mfa.PurposeLogin, Action: policy.ActionLogin,
		Proof: policy.ProofDeliveredCode, OwnerID: owner, Binding: []byte("browser"),
		IP: netip.MustParseAddr("192.0.2.1"), About: mfa.About{TenantName: "Acme", Lang: "en"},
	}
}

// Payout asks for the confirmation of a payout.
func (l *Lab) Payout(owner, details string) mfa.Ask {
	ask := l.Login(owner)
	ask.Purpose, ask.Action, ask.DetailsHash = mfa.PurposeAction, "payout.request", details
	return ask
}

// Started begins ask by the first method.
func (l *Lab) Started(t *testing.T, ask mfa.Ask) mfa.Challenge {
	t.Helper()
	c, err := l.Begin(context.Background(), ask, "")
	require.NoError(t, err)
	require.Equal(t, mfa.ChallengeSent, c.Status)
	return c
}

// OpenChallenge is the open challenge of owner.
func (l *Lab) OpenChallenge(t *testing.T, owner string) (mfa.Challenge, error) {
	t.Helper()
	return l.Store.OpenChallenge(t.Context(), l.Who, owner)
}

// Enter enters code for c and returns the error.
func (l *Lab) Enter(ask mfa.Ask, c mfa.Challenge, code mfa.Secret) error {
	_, err := l.Verify(context.Background(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: code})
	return err
}

// Code is the code that was sent for c.
func (l *Lab) Code(c mfa.Challenge) mfa.Secret {
	m, _ := l.Mailbox.Find(c.ID)
	return m.Code
}

// Wrong is a code of the right length that is not the one of c.
func (l *Lab) Wrong(c mfa.Challenge) mfa.Secret {
	n, err := strconv.Atoi(l.Code(c).Reveal())
	if err != nil {
		panic("no code was sent for " + c.ID)
	}
	return mfa.Secret(fmt.Sprintf("%06d", (n+1)%1_000_000))
}

// Compared is how many comparisons were made so far.
func (l *Lab) Compared() int { return l.Log.Count(mfa.EventTried, "") }

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now is the time on the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Move moves the clock on, or back.
func (c *Clock) Move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// Mailbox is a gateway that keeps what it is given.
type Mailbox struct {
	mu       sync.Mutex
	messages []mfa.Message
	Broken   map[mfa.Method]bool // channels on which it refuses
	Delay    func()              // runs before a message is accepted
}

// Name implements [mfa.Sender].
func (*Mailbox) Name() string { return "mailbox" }

// Send implements [mfa.Sender].
func (b *Mailbox) Send(ctx context.Context, m mfa.Message) (string, error) {
	_, limited := ctx.Deadline()
	if !limited {
		return "", errors.New("a gateway must not be waited for without end")
	}
	if b.Delay != nil {
		b.Delay()
	}
	err := ctx.Err()
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Broken[m.Channel] {
		return "", fmt.Errorf("500: cannot reach %s with %s", m.To.Reveal(), m.Code.Reveal())
	}
	b.messages = append(b.messages, m)
	return "ref-" + m.ID, nil
}

// Messages are all that were accepted, oldest first.
func (b *Mailbox) Messages() []mfa.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

// Find returns the message with id, which is that of its challenge.
func (b *Mailbox) Find(id string) (mfa.Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.messages, func(m mfa.Message) bool { return m.ID == id })
	if i < 0 {
		return mfa.Message{}, false
	}
	return b.messages[i], true
}

// Log keeps what was observed.
type Log struct {
	mu     sync.Mutex
	events []mfa.Event
	Each   func(mfa.Event) // runs first; nil: nothing
}

// Observe implements [mfa.Observer].
func (l *Log) Observe(_ context.Context, e mfa.Event) {
	if l.Each != nil {
		l.Each(e)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// Count is how often kind was observed with result; "" is any.
func (l *Log) Count(kind, result string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, e := range l.events {
		if e.Kind == kind && (result == "" || e.Result == result) {
			n++
		}
	}
	return n
}

// Events are all that were observed, oldest first.
func (l *Log) Events() []mfa.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

type words struct{}

// Compose implements [mfa.Composer].
func (words) Compose(kind string, n mfa.Note) (title, text, html string, err error) {
	return kind, kind + " " + n.Code.Reveal(), "", nil
}

// pepper hashes as a key ring does, with one key.
type pepper struct{}

// CurrentPepper implements [mfa.Peppers].
func (pepper) CurrentPepper() string { return "p1" }

// CodeMAC implements [mfa.Peppers].
func (pepper) CodeMAC(id, tenantID string, parts ...string) ([]byte, error) {
	if id != "p1" {
		return nil, errors.New("no such pepper")
	}
	h := hmac.New(sha256.New, []byte("pepper "+tenantID))
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil), nil
}

// KeyedSecret implements [mfa.Peppers].
func (pepper) KeyedSecret(label, tenantID, userID string, secret mfa.Secret) mfa.Secret {
	h := hmac.New(sha256.New, []byte("secret "+label+tenantID+userID))
	h.Write([]byte(secret.Reveal()))
	return mfa.Secret(hex.EncodeToString(h.Sum(nil)))
}

// LimitKey implements [mfa.Peppers].
func (pepper) LimitKey(tenantID, value string) string {
	h := hmac.New(sha256.New, []byte("limit "+tenantID))
	h.Write([]byte(value))
	return hex.EncodeToString(h.Sum(nil))
}
