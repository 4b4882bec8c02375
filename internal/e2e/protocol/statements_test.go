package protocol_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
)

// TestStatements holds operations to the number of SQL statements that they may
// send, over the whole server with every middleware. BEGIN and COMMIT are trips
// to the database too, so an operation on the hot path has none.
func TestStatements(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := openInside(t, address)
		b := s.newBrowser()
		k := s.exchange(t, s.login(t, b))
		pending := s.live(t, b)
		tests := []struct {
			name string
			most int
			do   func(t *testing.T)
		}{
			{"authorize with a live session", 2, func(t *testing.T) { s.live(t, b) }},
			{"code exchange", 1, func(t *testing.T) { k = s.exchange(t, pending) }},
			{"refresh", 2, func(t *testing.T) { k = s.refresh(t, k.Refresh) }},
			{"userinfo", 1, func(t *testing.T) { s.userinfo(t, k.Access) }},
			{"client_credentials", 0, func(t *testing.T) { s.credentials(t) }},
			{"discovery", 0, func(t *testing.T) { s.read(t, "/.well-known/openid-configuration") }},
			{"jwks", 0, func(t *testing.T) { s.read(t, "/jwks") }},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				s.count.Reset()
				tt.do(t)
				sent := s.sent()
				require.LessOrEqual(t, len(sent), tt.most, "%s", strings.Join(sent, "\n"))
				require.Zero(t, s.count.Begins(), "a transaction")
			})
		}
		t.Run("authorize with a session that was last seen a minute ago", func(t *testing.T) {
			s.demo.Clock.Advance(61 * time.Second)
			s.count.Reset()
			s.live(t, b)
			require.LessOrEqual(t, len(s.sent()), 3, "%s", strings.Join(s.sent(), "\n"))
			require.Zero(t, s.count.Begins())
			s.count.Reset()
			s.live(t, b)
			require.LessOrEqual(t, len(s.sent()), 2, "last_seen is written once a minute")
		})
		t.Run("a whole login with an email code", s.wholeLogin)
	})
}

// sent is what was sent for the operation itself: without the look at the list
// of all tenants, which comes once a second and falls to whoever is there.
func (s *inside) sent() []string {
	return slices.DeleteFunc(s.count.Statements(), func(q string) bool { return strings.Contains(q, "from tenants where removed_at is null") })
}

func (s *inside) read(t *testing.T, path string) {
	t.Helper()
	require.Equal(t, http.StatusOK, s.do(t, http.MethodGet, s.place.Issuer+path, nil, nil).Code)
}

// What a whole login may send, from the first GET to the code: the target of the
// specification, and where the server is now. Lower the second when it gets
// nearer to the first; it never goes up.
const (
	loginTarget, loginNow     = 20, 59 // statements
	commitsTarget, commitsNow = 6, 10  // transactions that write, those of a single statement too
)

// wholeLogin counts in a browser that was never here, and says for each request
// what it sent.
func (s *inside) wholeLogin(t *testing.T) {
	log := &logged{inside: s}
	b := s.newBrowser()
	b.HTTP.Transport = log
	s.count.Reset()
	s.login(t, b)
	statements, commits := len(s.sent()), s.count.Commits()+log.alone
	t.Logf("%d statements (target %d), %d commits (target %d)\n%s", statements, loginTarget, commits, commitsTarget, strings.Join(log.lines, "\n"))
	require.LessOrEqual(t, statements, loginNow)
	require.LessOrEqual(t, commits, commitsNow)
}

// logged notes the statements of each request apart.
type logged struct {
	*inside
	lines []string
	alone int // writes that are their own transaction
}

// RoundTrip implements [http.RoundTripper].
func (l *logged) RoundTrip(r *http.Request) (*http.Response, error) {
	before, begins := len(l.sent()), l.count.Begins()
	resp, err := l.inside.RoundTrip(r)
	sent, begun := l.sent()[before:], l.count.Begins()-begins
	l.lines = append(l.lines, r.Method+" "+r.URL.Path)
	for _, q := range sent {
		l.lines = append(l.lines, "    "+strings.Join(strings.Fields(q), " "))
	}
	if begun > 0 {
		l.lines = append(l.lines, fmt.Sprintf("    in %d transactions", begun))
		return resp, err
	}
	l.alone += len(slices.DeleteFunc(slices.Clone(sent), func(q string) bool { return !isWrite(q) }))
	return resp, err
}

func isWrite(query string) bool {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(query)), " ")
	return slices.Contains([]string{"insert", "update", "delete"}, word)
}
