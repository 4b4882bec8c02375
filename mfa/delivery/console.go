package delivery

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/sallyport-id/sallyport/mfa"
)

// Console prints messages, code and all. It is for development on one's own
// machine: the server accepts it only on a loopback public URL.
type Console struct {
	mu  sync.Mutex
	Out io.Writer
}

// Name implements [mfa.Sender].
func (*Console) Name() string { return "console" }

// Send implements [mfa.Sender].
func (c *Console) Send(_ context.Context, m mfa.Message) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.ReplaceAll(strings.TrimSpace(m.Text.Reveal()), "\n", "\n    ")
	_, err := fmt.Fprintf(c.Out, "\n-- %s to %s --\n    %s\n    %s\n", m.Channel, m.To.Reveal(), m.Title, text)
	return "", err
}
