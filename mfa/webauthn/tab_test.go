package webauthn

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is how long a page may take on a busy machine.
const patience = 30 * time.Second

// chromium starts a browser for the test, and returns what opens a tab in it.
// Without Chromium the test is left out, but never in CI.
func chromium(t *testing.T) func(*testing.T, *site) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		found, err := exec.LookPath(name)
		if err == nil {
			path = found
			break
		}
	}
	if path == "" {
		require.NotEqual(t, "true", os.Getenv("CI"), "no Chromium on the PATH")
		t.Skip("LEFT OUT: no Chromium on the PATH; on Debian: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root otherwise
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	t.Cleanup(func() { assert.NoError(t, chromedp.Cancel(browser)) })
	require.NoError(t, chromedp.Do(browser))
	return func(t *testing.T, s *site) *tab { return newTab(t, browser, s) }
}

// tab is a tab of a browser that nobody used before, at a site.
type tab struct {
	ctx  context.Context
	site *site
	key  webauthn.AuthenticatorID

	mu     sync.Mutex
	faulty []string // breaches of the policy, and scripts that failed
}

func newTab(t *testing.T, browser context.Context, s *site) *tab {
	t.Helper()
	b := &tab{site: s}
	ctx, stop := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	t.Cleanup(stop)
	b.ctx = ctx
	require.NoError(t, chromedp.Do(ctx))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		assert.Empty(t, b.faulty, "the browser complains")
	})
	return b
}

func (b *tab) listen(event any) {
	fault := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity {
			fault = e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		fault = mustText(e.ExceptionDetails)
	}
	if fault != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.faulty = append(b.faulty, fault)
	}
}

func mustText(d *runtime.ExceptionDetails) string {
	text := d.Text + " at " + d.URL
	if d.Exception != nil {
		text += ": " + d.Exception.Description
	}
	return text
}

// plug gives the browser a key.
func (b *tab) plug(t *testing.T, key webauthn.VirtualAuthenticatorOptions) {
	t.Helper()
	b.call(t, func() error {
		_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
		return err
	})
	r, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &key})
	require.NoError(t, err)
	b.key = r.AuthenticatorID
}

// presence says whether somebody touches the key when it asks.
func (b *tab) presence(t *testing.T, there bool) {
	t.Helper()
	b.call(t, func() error {
		_, err := chromedp.Call(b.ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: b.key, Enabled: there})
		return err
	})
}

// credentials are those on the key.
func (b *tab) credentials(t *testing.T) []*webauthn.Credential {
	t.Helper()
	r, err := chromedp.Call(b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: b.key})
	require.NoError(t, err)
	return r.Credentials
}

func (b *tab) call(t *testing.T, do func() error) {
	t.Helper()
	require.NoError(t, do())
}

// eval runs an expression in the page.
func eval[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err, "%s", expression)
	return v
}

func (b *tab) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + " " + document.body.outerHTML`))
			require.Fail(t, "in vain", "%s; the tab shows %s %v; the site had %+v", what, v, err, b.site.all())
		}
		time.Sleep(5 * time.Millisecond) // until the browser is asked again
	}
}

// until waits for an expression to be true.
func (b *tab) until(t *testing.T, expression string) {
	t.Helper()
	b.eventually(t, expression, func() bool {
		ctx, stop := context.WithTimeout(b.ctx, patience)
		defer stop()
		v, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return err == nil && v // an error: between two pages
	})
}

// open goes to a page of the site.
func (b *tab) open(t *testing.T, path string) {
	t.Helper()
	r, err := chromedp.Call(b.ctx, page.Navigate, page.NavigateParams{URL: b.site.url + path})
	require.NoError(t, err)
	require.Empty(t, r.ErrorText)
	b.until(t, `document.readyState === "complete"`)
}

// arrive waits for the page with a name.
func (b *tab) arrive(t *testing.T, name string) {
	t.Helper()
	b.until(t, fmt.Sprintf(`document.readyState === "complete" && document.body.dataset.page === %q`, name))
}

// says waits for the status to say so.
func (b *tab) says(t *testing.T, what string) {
	t.Helper()
	b.until(t, fmt.Sprintf(`document.querySelector("#status")?.textContent === %q`, what))
}

func (b *tab) visible(t *testing.T, selector string) bool {
	t.Helper()
	return eval[bool](t, b, fmt.Sprintf(`document.querySelector(%q).checkVisibility()`, selector))
}

// press presses the pointer on an element, as a person does.
func (b *tab) press(t *testing.T, selector string) {
	t.Helper()
	p := eval[struct{ X, Y float64 }](t, b, `(() => {
		const r = document.querySelector(`+strconv.Quote(selector)+`).getBoundingClientRect();
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2};
	})()`)
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	_, err := chromedp.Run(ctx, chromedp.MouseClickXY(p.X, p.Y))
	require.NoError(t, err, "%s", selector)
}
