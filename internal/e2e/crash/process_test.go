package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long anything may take before a test gives up.
const patience = 30 * time.Second

// binary builds the command, once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sallyport-crash-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sallyport")
	build := exec.Command("go", "build", "-o", path, "github.com/sallyport-id/sallyport/cmd/sallyport")
	build.Stderr = os.Stderr
	return path, build.Run()
})

// TestMain takes away what binary has built.
func TestMain(m *testing.M) {
	code := m.Run()
	path, err := binary()
	if err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// process is `sallyport serve`, started again and again on the same data.
type process struct {
	path, config, listen string
	cmd                  *exec.Cmd
	complaints           bytes.Buffer // what all of them logged
	mail                 mailbox
}

// newProcess configures a server on database, and applies file to it.
func newProcess(t *testing.T, database, file string) *process {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	folder := t.TempDir()
	p := &process{path: path, config: filepath.Join(folder, "config.yaml"), listen: freeAddress(t)}
	text, err := json.Marshal(map[string]any{
		"listen": p.listen, "metrics_listen": "", "public_url": p.url(), "key_ring": filepath.Join(folder, "keys.yaml"),
		"database": map[string]string{"url": database}, "email": map[string]string{"via": "console"}, "log": map[string]string{"level": "error"},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.config, text, 0o600))
	tenants := filepath.Join(folder, "tenants.json")
	require.NoError(t, os.WriteFile(tenants, []byte(file), 0o600))
	said, err := exec.CommandContext(t.Context(), path, "apply", "--config", p.config, "-f", tenants).CombinedOutput()
	require.NoError(t, err, "%s", said)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("what the servers logged:\n%s", &p.complaints)
		}
	})
	p.start(t)
	return p
}

func (p *process) url() string { return "http://" + p.listen }

// start starts the server and waits until it is ready.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.CommandContext(context.Background(), p.path, "serve", "--config", p.config)
	p.cmd.Stderr = &p.complaints
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go p.mail.read(out)
	require.Eventually(t, func() bool {
		resp, err := http.Get(p.url() + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, patience, 10*time.Millisecond, "the server does not get ready")
}

// kill ends the server in the way that leaves it no time for anything.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed
	p.cmd = nil
}

// restart kills the server and starts it again.
func (p *process) restart(t *testing.T) {
	t.Helper()
	p.kill()
	p.start(t)
}

// mailbox hands out the codes that the server printed, by address.
type mailbox struct {
	mu    sync.Mutex
	codes map[string]chan string
}

var (
	letterHead = regexp.MustCompile(`^-- email to (\S+) --$`)
	letterCode = regexp.MustCompile(`\b\d{6}\b`)
)

func (m *mailbox) read(out io.Reader) {
	to := ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		head := letterHead.FindStringSubmatch(lines.Text())
		if head != nil {
			to = head[1]
			continue
		}
		code := letterCode.FindString(lines.Text())
		if to == "" || code == "" {
			continue
		}
		m.of(to) <- code
		to = "" // title and text may both say it
	}
}

func (m *mailbox) of(to string) chan string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.codes == nil {
		m.codes = map[string]chan string{}
	}
	if m.codes[to] == nil {
		m.codes[to] = make(chan string, 100)
	}
	return m.codes[to]
}

// code is the next code to an address.
func (m *mailbox) code(t *testing.T, to string) string {
	t.Helper()
	select {
	case code := <-m.of(to):
		return code
	case <-time.After(patience):
		require.Fail(t, "no code was sent", "to %s", to)
		return ""
	}
}

// freeAddress is an address of this machine on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)
}
