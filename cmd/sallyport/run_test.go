package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/store"
)

// call runs the command to its end.
func call(t *testing.T, args ...string) (code int, out, complaint string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var o, e bytes.Buffer
	code = run(ctx, args, &o, &e)
	return code, o.String(), e.String()
}

// written is a buffer that may be read while it is written.
type written struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// begin runs the command until the test ends, or until stop is called, which
// returns its exit code.
func begin(t *testing.T, args ...string) (out *written, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out = &written{}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, out, out) }()
	once := sync.OnceValue(func() int {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { once() })
	return out, once
}

// freeAddress is an address of this machine on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// status asks once and follows nothing.
func status(address string) (int, string) {
	once := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := once.Get("http://" + address) //nolint:noctx // a test
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

func waitFor(t *testing.T, address string, out *written) {
	t.Helper()
	require.Eventually(t, func() bool { code, _ := status(address); return code == http.StatusOK }, 30*time.Second, 20*time.Millisecond, out)
}

func TestTheCommandLine(t *testing.T) {
	tests := []struct {
		name      string
		args      []string
		code      int
		out       string
		complaint string
	}{
		{"help", []string{"--help"}, 0, "check-config", ""},
		{"help of the demo", []string{"demo", "--help"}, 0, "--demo-on-network", ""},
		{"help of serve", []string{"serve", "--help"}, 0, "--config", ""},
		{"the version", []string{"version"}, 0, "sallyport ", ""},
		{"nothing", nil, 2, "", "\n  version\n"},
		{"a sub without a tenant", []string{"sub", "dora@example.com"}, 2, "", "--tenant"},
		{"the sub of nobody", []string{"sub", "--tenant", "acme"}, 2, "", "username"},
		{"an unknown command", []string{"serv"}, 2, "", "unexpected argument serv"},
		{"an unknown flag", []string{"demo", "--lisen=x"}, 2, "", "unknown flag --lisen"},
		{"apply without a file", []string{"apply"}, 2, "", "--file"},
		{"a file that is not there", []string{"apply", "-f", "none.yaml"}, 1, "", "none.yaml"},
		{"a configuration that is not there", []string{"check-config", "--config", "none.yaml"}, 1, "", "none.yaml"},
		{"a demo on the network", []string{"demo", "--listen", "0.0.0.0:0"}, 1, "", "--demo-on-network"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, complaint := call(t, tt.args...)

			require.Equal(t, tt.code, code, complaint)
			require.Contains(t, out, tt.out)
			require.Contains(t, complaint, tt.complaint)
		})
	}
}

// TestTheHelpOfTheDemoNamesItsContract lists the flags that scripts rely on.
// TestWithoutACommandAllOfThemAreShown: a list that breaks off hides what it leaves out.
func TestWithoutACommandAllOfThemAreShown(t *testing.T) {
	_, _, complaint := call(t)

	for _, command := range []string{"demo", "serve", "migrate up", "apply", "sub", "check-config", "version"} {
		require.Regexp(t, `\n  `+command+`[ \n]`, complaint)
	}
}

// TestTheSubOfAnAccount is told when the account is made, and whenever it is asked for.
func TestTheSubOfAnAccount(t *testing.T) {
	config, _, _ := place(t, testdb.SQLite(t))
	code, out, complaint := call(t, "apply", "--config", config, "-f", file(t, strings.TrimSuffix(acme, "}]}")+", users: [{username: dora@example.com}]}]}"))
	require.Equal(t, 0, code, complaint)
	_, made, _ := strings.Cut(out, "acme: user d•••@example.com created, sub ")
	made, _, _ = strings.Cut(made, "\n")
	require.NotEmpty(t, made, out)

	code, out, complaint = call(t, "sub", "--config", config, "--tenant", "acme", "Dora@example.com")

	require.Equal(t, 0, code, complaint)
	require.Equal(t, "dora@example.com "+made+"\n", out)
	code, _, complaint = call(t, "sub", "--config", config, "--tenant", "acme", "eve@example.com")
	require.Equal(t, 1, code)
	require.Contains(t, complaint, "user eve@example.com: ")
	code, _, complaint = call(t, "sub", "--config", config, "--tenant", "nobody", "eve@example.com")
	require.Equal(t, 1, code)
	require.Contains(t, complaint, "tenant nobody: ")
}

func TestTheHelpOfTheDemoNamesItsContract(t *testing.T) {
	_, out, _ := call(t, "demo", "--help")

	for _, flag := range []string{`--listen="localhost:8080"`, `--shop-listen="127.0.0.1:8081"`, "--data=DIR", "--database=URL", "--public-url=URL", "--test-clock"} {
		require.Contains(t, out, flag)
	}
}

func TestCheckConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte("public_url: https://id.example\n"), 0o600))
	code, out, _ := call(t, "check-config", "--config", path)
	require.Equal(t, 0, code)
	require.Equal(t, "the configuration is fine\n", out)

	require.NoError(t, os.WriteFile(path, []byte("public_url: http://id.example\nlog: {level: loud}\n"), 0o600))
	code, _, complaint := call(t, "check-config", "--config", path)
	require.Equal(t, 1, code)
	require.Contains(t, complaint, "public_url")
	require.Contains(t, complaint, "log.level")
}

// TestVariablesThatAreNoSettingsAreNone sets what the command itself and the
// project's tests read, and one more.
func TestVariablesThatAreNoSettingsAreNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte("log: {level: warn}\n"), 0o600))
	t.Setenv("SALLYPORT_CONFIG", path)
	t.Setenv("SALLYPORT_ARTEFACTS", "/somewhere")
	t.Setenv("SALLYPORT_DATABASE__URL", filepath.Join(t.TempDir(), "a.db"))

	code, _, complaint := call(t, "check-config")
	require.Equal(t, 0, code, complaint)
	code, out, complaint := call(t, "migrate", "up")
	require.Equal(t, 0, code, complaint)
	require.Contains(t, out, "applied 00001")

	for _, name := range []string{"SALLYPORT_CONFIG_FILE", "SALLYPORT_ARTEFACT", "SALLYPORT_LISEN"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "x")
			code, _, complaint := call(t, "check-config")
			require.Equal(t, 1, code)
			require.Contains(t, complaint, strings.ToLower(strings.TrimPrefix(name, "SALLYPORT_")))
		})
	}
}

// place is the configuration of a server on a fresh database.
func place(t *testing.T, database string) (config, keyRing, listen string) {
	t.Helper()
	folder := t.TempDir()
	config, keyRing, listen = filepath.Join(folder, "config.yaml"), filepath.Join(folder, "keys.yaml"), freeAddress(t)
	text, err := json.Marshal(map[string]any{
		"listen": listen, "metrics_listen": freeAddress(t), "public_url": "http://" + listen, "key_ring": keyRing,
		"database": map[string]string{"url": database}, "log": map[string]string{"level": "error"},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(config, text, 0o600))
	return config, keyRing, listen
}

const acme = `{tenants: [{slug: acme, name: Acme, preset: conformance-password-only}]}`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestFromAnEmptyDatabaseToARunningServer(t *testing.T) {
	testdb.EachEmpty(t, func(t *testing.T, url string) {
		config, keyRing, listen := place(t, url)

		code, _, complaint := call(t, "serve", "--config", config)
		require.Equal(t, 1, code)
		require.Contains(t, complaint, "run `sallyport migrate up`")
		code, _, complaint = call(t, "apply", "--config", config, "-f", file(t, acme))
		require.Equal(t, 1, code)
		require.Contains(t, complaint, "run `sallyport migrate up`")
		_, err := os.Stat(keyRing)
		require.ErrorIs(t, err, os.ErrNotExist, "what is refused leaves nothing")

		code, out, complaint := call(t, "migrate", "up", "--config", config)
		require.Equal(t, 0, code, complaint)
		require.Contains(t, out, "applied 00002_server.sql")
		code, out, _ = call(t, "migrate", "up", "--config", config)
		require.Equal(t, 0, code)
		require.Equal(t, "the schema is up to date\n", out)

		code, out, complaint = call(t, "apply", "--config", config, "-f", file(t, acme))
		require.Equal(t, 0, code, complaint)
		require.Contains(t, out, "acme: created, issuer http://"+listen+"/t/acme")
		info, err := os.Stat(keyRing)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		code, out, _ = call(t, "apply", "--config", config, "-f", file(t, acme))
		require.Equal(t, 0, code)
		require.Equal(t, "nothing to change\n", out)

		said, stop := begin(t, "serve", "--config", config)
		waitFor(t, listen+"/readyz", said)
		got, text := status(listen + "/t/acme/.well-known/openid-configuration")
		require.Equal(t, http.StatusOK, got)
		require.Contains(t, text, `"http://`+listen+`/t/acme"`)
		got, _ = status(listen + "/metrics")
		require.Equal(t, http.StatusNotFound, got, "metrics are on a listener of their own")
		got, _ = status(listen + "/_demo")
		require.Equal(t, http.StatusNotFound, got, "what only a demo has")
		require.Equal(t, 0, stop(), said)
	})
}

func TestServeRefuses(t *testing.T) {
	tests := []struct {
		name   string
		before func(t *testing.T, db *sql.DB, keyRing string)
		says   string
	}{
		{"a schema that is ahead", func(t *testing.T, db *sql.DB, _ string) {
			_, err := db.ExecContext(t.Context(), "insert into goose_db_version (version_id, is_applied) values (99999, true)")
			require.NoError(t, err)
		}, "this binary is older than the schema"},
		{"a schema that is behind", func(t *testing.T, db *sql.DB, _ string) {
			_, err := db.ExecContext(t.Context(), "delete from goose_db_version where version_id = 2")
			require.NoError(t, err)
		}, "run `sallyport migrate up`"},
		{"a key ring that is missing", func(t *testing.T, _ *sql.DB, keyRing string) {
			require.NoError(t, os.Remove(keyRing))
		}, "the key ring file is missing"},
		{"a key ring of another database", func(t *testing.T, _ *sql.DB, keyRing string) {
			require.NoError(t, os.Remove(keyRing))
			_, err := seal.Generate(keyRing, time.Now())
			require.NoError(t, err)
		}, "key"},
		{"a key ring that others can read", func(t *testing.T, _ *sql.DB, keyRing string) {
			require.NoError(t, os.Chmod(keyRing, 0o644))
		}, "chmod 600"},
		{"a key ring that is none", func(t *testing.T, _ *sql.DB, keyRing string) {
			require.NoError(t, os.WriteFile(keyRing, []byte("x"), 0o600))
		}, "key ring"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, keyRing, _ := place(t, testdb.SQLite(t))
			code, _, complaint := call(t, "apply", "--config", config, "-f", file(t, acme))
			require.Equal(t, 0, code, complaint)
			cfg, err := loadConfig(config, nil)
			require.NoError(t, err)
			db, err := store.Open(t.Context(), cfg.Database.URL.Reveal(), store.Options{})
			require.NoError(t, err)
			tt.before(t, db.SQL, keyRing)
			require.NoError(t, db.Close())

			code, _, complaint = call(t, "serve", "--config", config)

			require.Equal(t, 1, code)
			require.Contains(t, complaint, tt.says)
		})
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	config, _, listen := place(t, testdb.SQLite(t))
	l, err := net.Listen("tcp", listen)
	require.NoError(t, err)
	defer l.Close()

	code, _, complaint := call(t, "serve", "--config", config)

	require.Equal(t, 1, code)
	require.Contains(t, complaint, "listen: ")
}

// TestApplyOnTheDataOfARunningDemoIsVisibleAtOnce changes a tenant that the demo
// has in memory, and makes one that it has just been asked for in vain.
func TestApplyOnTheDataOfARunningDemoIsVisibleAtOnce(t *testing.T) {
	data, listen := t.TempDir(), freeAddress(t)
	said, stop := begin(t, "demo", "--listen", listen, "--shop-listen", freeAddress(t), "--data", data)
	waitFor(t, listen+"/readyz", said)
	get := func(path string) int { code, _ := status(listen + path); return code }
	const ask = "/t/broker/authorize?response_type=code&client_id=fresh&redirect_uri=https%3A%2F%2Ffresh.example%2Fcb&scope=openid" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	require.Equal(t, http.StatusBadRequest, get(ask), "no such app yet")

	code, out, complaint := call(t, "apply", "--data", data, "--public-url", "http://"+listen, "-f", file(t, `{tenants: [
		{slug: broker, clients: [{client_id: fresh, redirect_uris: ["https://fresh.example/cb"]}]},
		{slug: mine, name: Mine, preset: conformance-password-only}]}`))

	require.Equal(t, 0, code, complaint)
	require.Contains(t, out, "broker: client fresh created")
	require.Contains(t, out, "mine: created, issuer http://"+listen+"/t/mine")
	require.Eventually(t, func() bool {
		return get(ask) == http.StatusSeeOther && get("/t/mine/.well-known/openid-configuration") == http.StatusOK
	}, 3*time.Second, 20*time.Millisecond, "seen within a second or two")
	require.Equal(t, 0, stop(), said)
	require.Contains(t, said.String(), "Sallyport demo is running")
}
