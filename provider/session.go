package provider

import (
	"time"

	"github.com/ory/fosite"

	"github.com/sallyport-id/sallyport/provider/model"
)

// session is what fosite wants to carry from request to response. Tokens are
// made from the grant, so it holds nothing that could leak from one request to
// another; each request makes its own (T28).
type session struct {
	subject string
	now     time.Time
	access  time.Duration
}

var _ fosite.Session = (*session)(nil)

// newSession makes the session of one request.
func newSession(g *model.Grant, now time.Time) *session {
	s := &session{now: now, access: accessLife(g)}
	if g != nil {
		s.subject = g.UserID
	}
	return s
}

// SetExpiresAt implements [fosite.Session]. fosite reads the machine's clock;
// ours is the provider's, so what fosite says is not taken (T32).
func (s *session) SetExpiresAt(fosite.TokenType, time.Time) {}

// GetExpiresAt implements [fosite.Session].
func (s *session) GetExpiresAt(t fosite.TokenType) time.Time {
	switch t {
	case fosite.AuthorizeCode:
		return s.now.Add(codeLife)
	case fosite.RefreshToken:
		return s.now.Add(refreshIdle)
	}
	return s.now.Add(s.access)
}

// GetUsername implements [fosite.Session].
func (s *session) GetUsername() string { return "" }

// GetSubject implements [fosite.Session].
func (s *session) GetSubject() string { return s.subject }

// Clone implements [fosite.Session].
func (s *session) Clone() fosite.Session {
	c := *s
	return &c
}
