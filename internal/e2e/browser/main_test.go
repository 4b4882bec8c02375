package browser_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/demo"
	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// stage is what all tests of this package share: a browser and a demo.
type stage struct {
	*harness.House
	browser context.Context
	close   []func() // in reverse order
}

// open makes the stage when the first test asks for it: a run that selects none
// of these tests starts no browser.
var open = sync.OnceValues(openStage)

var opened *stage

// leftOut counts the tests that could not run, to be said once more at the end.
var leftOut int

func TestMain(m *testing.M) {
	code := m.Run()
	if opened != nil {
		opened.end()
	}
	if leftOut > 0 {
		fmt.Fprintf(os.Stderr, "\n*** %d browser tests were LEFT OUT: install chromium (and npm) to run them ***\n\n", leftOut)
	}
	os.Exit(code)
}

// theStage is the stage, at the morning of a new day: limits and locks of
// the test before are over.
func theStage(t *testing.T) *stage {
	t.Helper()
	_, err := browserPath()
	if err != nil {
		without(t, err.Error())
	}
	s, err := open()
	require.NoError(t, err)
	s.Clock.Advance(25 * time.Hour)
	return s
}

// without leaves t out for want of something; in CI nothing may be wanting.
func without(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		require.Fail(t, what)
	}
	leftOut++
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

func openStage() (*stage, error) {
	s := &stage{}
	err := s.startDemo()
	if err != nil {
		return nil, err
	}
	opened = s
	return s, s.startBrowser()
}

func (s *stage) end() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
}

// startDemo starts a demo on SQLite that keeps nothing. It outlives any one
// test, so harness.Start is not for it.
func (s *stage) startDemo() error {
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
		s.House = &harness.House{Name: "sqlite", Demo: d}
		s.close = append(s.close, func() {
			stop()
			err := <-ended
			if err != nil {
				fmt.Fprintln(os.Stderr, "the demo ended with", err)
			}
		})
		return nil
	case err := <-ended:
		stop()
		return fmt.Errorf("the demo did not start: %w", err)
	}
}

func (s *stage) startBrowser() error {
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
	s.browser = browser
	s.close = append(s.close, stopAllocator, func() {
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
