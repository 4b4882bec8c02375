package server

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// post is a gateway that keeps what it is given, and refuses while it is told to.
type post struct {
	mu      sync.Mutex
	sent    []mfa.Message
	asked   int
	refuses error
}

// Name implements [mfa.Sender].
func (*post) Name() string { return "post" }

// Send implements [mfa.Sender].
func (p *post) Send(ctx context.Context, m mfa.Message) (string, error) {
	_, limited := ctx.Deadline()
	if !limited {
		return "", errors.New("a gateway must not be waited for without end")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.refuses == nil {
		p.sent = append(p.sent, m)
	}
	return "", p.refuses
}

func newServer(t *testing.T, f *storetest.Fixture, sender mfa.Sender, edit func(*Options)) *Server {
	t.Helper()
	hashes, err := identity.NewHasher(identity.Cost{Memory: 8, Passes: 1, Lanes: 1})
	require.NoError(t, err)
	public, err := url.Parse("http://localhost:8080")
	require.NoError(t, err)
	o := Options{DB: f.DB, Ring: f.Ring, Hashes: hashes, PublicURL: public, Sender: sender, Now: f.Clock.Now}
	if edit != nil {
		edit(&o)
	}
	s, err := New(o)
	require.NoError(t, err)
	return s
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestHealth(t *testing.T) {
	tests := []struct {
		name       string
		before     func(t *testing.T, f *storetest.Fixture)
		ready      func() bool
		wantReady  int
		wantHealth int
	}{
		{"all is well", func(*testing.T, *storetest.Fixture) {}, nil, 200, 200},
		{"still setting up", func(*testing.T, *storetest.Fixture) {}, func() bool { return false }, 503, 200},
		{"the schema is ahead, as in a rolling upgrade", func(t *testing.T, f *storetest.Fixture) {
			exec(t, f, "insert into goose_db_version (version_id, is_applied) values (99999, true)")
		}, nil, 200, 200},
		{"the schema is behind", func(t *testing.T, f *storetest.Fixture) {
			exec(t, f, "delete from goose_db_version where version_id = 2")
		}, nil, 503, 200},
		{"the schema is ahead and behind", func(t *testing.T, f *storetest.Fixture) {
			exec(t, f, "delete from goose_db_version where version_id = 2")
			exec(t, f, "insert into goose_db_version (version_id, is_applied) values (99999, true)")
		}, nil, 503, 200},
		{"there is no schema", func(t *testing.T, f *storetest.Fixture) { exec(t, f, "drop table goose_db_version") }, nil, 503, 200},
		{"the database is gone", func(t *testing.T, f *storetest.Fixture) { require.NoError(t, f.DB.SQL.Close()) }, nil, 503, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := storetest.New(t, testdb.SQLite(t))
			s := newServer(t, f, &post{}, func(o *Options) { o.Ready = tt.ready })
			tt.before(t, f)

			require.Equal(t, tt.wantReady, get(s.Handler, "/readyz").Code)
			require.Equal(t, tt.wantHealth, get(s.Handler, "/healthz").Code)
		})
	}
}

func exec(t *testing.T, f *storetest.Fixture, statement string) {
	t.Helper()
	_, err := f.DB.SQL.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

func TestKeys(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		db, err := store.Open(t.Context(), address, store.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		folder := t.TempDir()
		path := filepath.Join(folder, "keys.yaml")
		open := func(path string) error { _, err := Keys(t.Context(), db, path, time.Now); return err }

		require.NoError(t, open(path), "the first run makes the ring")

		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		made, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, open(path))
		again, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, made, again)

		require.ErrorIs(t, open(filepath.Join(folder, "none.yaml")), ErrKeyRing, "a ring is never made for a database that was written with another")
		_, err = os.Stat(filepath.Join(folder, "none.yaml"))
		require.ErrorIs(t, err, fs.ErrNotExist)
		foreign := filepath.Join(folder, "foreign.yaml")
		_, err = seal.Generate(foreign, time.Now())
		require.NoError(t, err)
		require.ErrorContains(t, open(foreign), "key")
		require.NoError(t, os.Chmod(path, 0o640))
		require.ErrorContains(t, open(path), "chmod 600")
		require.NoError(t, os.Chmod(path, 0o600))
		require.NoError(t, open(path))
	})
}

// TestTwoReplicasSendEachNoticeOnce also has more notices than one batch holds.
func TestTwoReplicasSendEachNoticeOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		f := storetest.New(t, address)
		mail := &post{}
		one, two := newServer(t, f, mail, nil), newServer(t, f, mail, nil)
		withAddress(t, one, f)
		for range 3*noticeBatch + 1 {
			f.Clock.Move(noticeLease)
			queue(t, f, "device_trusted")
		}

		var replicas sync.WaitGroup
		for _, s := range []*Server{one, two} {
			replicas.Go(func() {
				err := s.Deliver(context.Background())
				if err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()

		sent := map[string]bool{}
		for _, m := range mail.sent {
			require.False(t, sent[m.ID], "sent twice")
			sent[m.ID] = true
		}
		require.Len(t, sent, 3*noticeBatch+1)
	})
}

// TestABatchIsSentWithinItsLease is arithmetic, and the reason why no notice is
// sent twice by a slow mail server.
func TestABatchIsSentWithinItsLease(t *testing.T) {
	require.Less(t, noticeBatch*noticePatience, noticeLease)
}

func TestTheSweepTakesFromEveryStore(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	s := newServer(t, f, &post{}, nil)
	who, at := f.Alice.Subject(), storetest.Start
	require.NoError(t, f.Store.CreateInteraction(t.Context(), consent.Interaction{
		ID: "i1", TenantID: storetest.TenantID, BrowserHash: []byte("b"), CreatedAt: at, ExpiresAt: at.Add(time.Minute),
	}))
	require.NoError(t, s.Factors.CreateDevice(t.Context(), mfa.Device{
		ID: "d1", Subject: who, Selector: []byte("s"), VerifierHash: []byte("v"), CreatedAt: at, ExpiresAt: at.Add(time.Minute),
	}, 9))
	charge := ratelimit.Charge{What: "x", Key: "x", Limit: ratelimit.Per(1, time.Minute)}
	require.NoError(t, s.buckets.Spend(t.Context(), at, charge))
	left := func() (n int) {
		require.NoError(t, f.DB.SQL.QueryRowContext(t.Context(),
			"select (select count(*) from interactions) + (select count(*) from mfa_devices) + (select count(*) from buckets)").Scan(&n))
		return n
	}

	require.NoError(t, s.sweep(t.Context()))
	require.Equal(t, 3, left())
	f.Clock.Move(time.Hour)
	require.NoError(t, s.sweep(t.Context()))

	require.Zero(t, left())
}

func TestRunDoesAllJobsAndEnds(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	mail := &post{}
	s := newServer(t, f, mail, nil)
	withAddress(t, s, f)
	queue(t, f, "device_trusted")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()

	require.Eventually(t, func() bool {
		keys, err := f.Store.Keys(t.Context(), storetest.TenantID)
		mail.mu.Lock()
		defer mail.mu.Unlock()
		return err == nil && len(keys) > 1 && len(mail.sent) == 1
	}, 10*time.Second, 10*time.Millisecond, "the notice was sent, and the key that was missing was made")
	stop()

	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.Fail(t, "Run did not end")
	}
}

// TestServeLetsRunningRequestsFinish stops the server while a request is in it.
func TestServeLetsRunningRequestsFinish(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	inside, leave := make(chan struct{}), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(inside)
			<-leave
			_, _ = w.Write([]byte("whole"))
		}))
	}()
	answered := make(chan int, 1)
	go func() {
		resp, err := http.Get("http://" + listener.Addr().String()) //nolint:noctx // a test
		if err != nil {
			answered <- 0
			return
		}
		answered <- resp.StatusCode
		_ = resp.Body.Close()
	}()
	<-inside

	stop()
	close(leave)

	require.Equal(t, http.StatusOK, <-answered)
	require.NoError(t, <-ended)
}

func TestWhatTheWholeServerAnswers(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	s := newServer(t, f, &post{}, nil)
	tests := []struct {
		name, method, path string
		status             int
		holds              string
	}{
		{"an unknown path is a page", http.MethodGet, "/nothing", 404, `data-page="error"`},
		{"an unknown tenant is a page", http.MethodGet, "/t/none/authorize", 404, `data-page="error"`},
		{"a wrong method is a page", http.MethodDelete, "/healthz", 405, `data-page="error"`},
		{"discovery", http.MethodGet, "/t/acme/.well-known/openid-configuration", 200, `"issuer":"https://login.example/t/acme"`},
		{"metadata of RFC 8414", http.MethodGet, "/.well-known/oauth-authorization-server/t/acme", 200, `"issuer":"https://login.example/t/acme"`},
		{"an asset that is none", http.MethodGet, "/static/none.css", 404, ""},
		{"a trailing slash is another path", http.MethodGet, "/t/acme/.well-known/openid-configuration/", 404, `data-page="error"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			s.Handler.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))

			require.Equal(t, tt.status, w.Code)
			require.Contains(t, strings.ReplaceAll(w.Body.String(), `": "`, `":"`), tt.holds)
			require.NotEmpty(t, w.Header().Get("X-Request-Id"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		})
	}
}

func TestAnAssetIsSentOnce(t *testing.T) {
	f := storetest.New(t, testdb.SQLite(t))
	s := newServer(t, f, &post{}, nil)
	first := get(s.Handler, "/static/sallyport.css")
	require.Equal(t, http.StatusOK, first.Code)
	again := httptest.NewRequest(http.MethodGet, "/static/sallyport.css", nil)
	again.Header.Set("If-None-Match", first.Header().Get("ETag"))
	w := httptest.NewRecorder()

	s.Handler.ServeHTTP(w, again)

	require.Equal(t, http.StatusNotModified, w.Code)
	require.Zero(t, w.Body.Len())
}

func TestAProxyThatIsNoAddressIsRefused(t *testing.T) {
	_, err := newEngine([]string{"proxy.example"})

	require.ErrorContains(t, err, "trusted_proxies")
}
