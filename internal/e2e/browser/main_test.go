package browser_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// stage is what a test has to itself: a demo, with its clock and its mailbox, and
// the browser that all tests of this package share.
type stage struct {
	*harness.House
	browser context.Context
}

// theatre has a stage for each test that runs at the same time. It opens the browser
// and a stage when a test first asks for it: a run that selects none of these tests
// starts nothing.
type theatre struct {
	mu      sync.Mutex
	browser context.Context
	idle    []*stage
	close   []func() // in reverse order
}

var shared theatre

// leftOut counts the tests that could not run, to be said once more at the end.
var leftOut atomic.Int32

// atOnce is how many tests run at the same time. Most of their time they wait for
// the browser, so it is more than the smallest machine has cores.
const atOnce = 3

func TestMain(m *testing.M) {
	flag.Parse()
	err := flag.Set("test.parallel", strconv.Itoa(atOnce))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	shared.end()
	if leftOut.Load() > 0 {
		fmt.Fprintf(os.Stderr, "\n*** %d browser tests were LEFT OUT: install chromium (and npm) to run them ***\n\n", leftOut.Load())
	}
	os.Exit(code)
}

// theStage is a stage for t alone, until t is over. It is the morning of a new day
// there: limits and locks of the test before are over.
func theStage(t *testing.T) *stage {
	t.Helper()
	needsBrowser(t)
	s, err := shared.take()
	require.NoError(t, err)
	t.Cleanup(func() { shared.giveBack(s) })
	s.Clock.Advance(25 * time.Hour)
	return s
}

// needsBrowser leaves t out where there is no browser.
func needsBrowser(t *testing.T) {
	t.Helper()
	_, err := browserPath()
	if err != nil {
		without(t, err.Error())
	}
}

func (h *theatre) take() (*stage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.idle); n > 0 {
		s := h.idle[n-1]
		h.idle = h.idle[:n-1]
		return s, nil
	}
	if h.browser == nil {
		err := h.startBrowser()
		if err != nil {
			return nil, err
		}
	}
	return h.startDemo()
}

func (h *theatre) giveBack(s *stage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.idle = append(h.idle, s)
}

// without leaves t out for want of something; in CI nothing may be wanting.
func without(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		require.Fail(t, what)
	}
	leftOut.Add(1)
	t.Skip("LEFT OUT: " + what)
}

func browserPath() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium on the PATH; on Debian: apt-get install chromium fonts-noto-core")
}

func (h *theatre) end() {
	for _, f := range slices.Backward(h.close) {
		f()
	}
}

// startDemo starts a demo on SQLite that keeps nothing. It outlives any one
// test, so harness.Start is not for it.
func (h *theatre) startDemo() (*stage, error) {
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan *demo.Demo, 1), make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{
			Listen: "localhost:0", ShopListen: "127.0.0.1:0", TestClock: true, Out: io.Discard,
			Ready: func(d *demo.Demo) { ready <- d },
		})
	}()
	select {
	case d := <-ready:
		h.close = append(h.close, func() {
			stop()
			err := <-ended
			if err != nil {
				fmt.Fprintln(os.Stderr, "the demo ended with", err)
			}
		})
		return &stage{House: &harness.House{Name: "sqlite", Demo: d}, browser: h.browser}, nil
	case err := <-ended:
		stop()
		return nil, fmt.Errorf("the demo did not start: %w", err)
	}
}

func (h *theatre) startBrowser() error {
	path, err := browserPath()
	if err != nil {
		return err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("font-render-hinting", "none"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root otherwise
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	browser, stopBrowser := chromedp.NewContext(allocator)
	h.browser = browser
	h.close = append(h.close, stopAllocator, func() {
		err := chromedp.Cancel(browser)
		if err != nil {
			fmt.Fprintln(os.Stderr, "the browser ended with", err)
		}
		stopBrowser()
	})
	return chromedp.Do(browser)
}

// until moves the demo's clock to at, if it is not there yet.
func (s *stage) until(at time.Time) {
	wait := at.Sub(s.Clock.Now())
	if wait > 0 {
		s.Clock.Advance(wait)
	}
}
