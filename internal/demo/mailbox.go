package demo

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
)

// keepMessages bounds the mailbox; the oldest go first.
const keepMessages = 5000

// Letter is a message that a gateway would have delivered.
type Letter struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Tenant  string    `json:"tenant"` // slug
	Channel string    `json:"channel"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Code    string    `json:"code"`

	zone *time.Location // of the tenant: the text of the letter names its times in it
}

// Mailbox takes every message of the demo instead of a gateway. It is the one
// place that ever holds a code in the clear, and it is in memory only.
type Mailbox struct {
	Now func() time.Time
	// Tenant is the tenant with an id, for its slug and its zone.
	Tenant func(id string) identity.Tenant

	mu      sync.Mutex
	letters []Letter // oldest first
}

// Name implements mfa.Sender.
func (*Mailbox) Name() string { return "mailbox" }

// Send implements mfa.Sender.
func (m *Mailbox) Send(_ context.Context, msg mfa.Message) (string, error) {
	t := m.Tenant(msg.Subject.TenantID)
	l := Letter{
		ID: rand.Text(), At: m.Now().UTC(), Tenant: t.Slug, Channel: string(msg.Channel),
		To: msg.To.Reveal(), Subject: msg.Title, Text: msg.Text.Reveal(), Code: msg.Code.Reveal(), zone: t.Zone(),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = append(m.letters, l)
	if len(m.letters) > keepMessages {
		m.letters = slices.Delete(m.letters, 0, len(m.letters)-keepMessages)
	}
	return l.ID, nil
}

// Filter says which letters are wanted; the zero value wants all.
type Filter struct {
	To, Tenant string
	Since      time.Time
	Limit      int // 0: all
}

// Letters returns letters, newest first.
func (m *Mailbox) Letters(f Filter) []Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := []Letter{}
	for _, l := range slices.Backward(m.letters) {
		if f.To != "" && l.To != f.To || f.Tenant != "" && l.Tenant != f.Tenant || l.At.Before(f.Since) {
			continue
		}
		found = append(found, l)
		if f.Limit > 0 && len(found) == f.Limit {
			break
		}
	}
	return found
}

// Recipients are the addresses that have letters, sorted.
func (m *Mailbox) Recipients() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var to []string
	for _, l := range m.letters {
		to = append(to, l.To)
	}
	slices.Sort(to)
	return slices.Compact(to)
}

// Empty deletes every letter.
func (m *Mailbox) Empty() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = nil
}
