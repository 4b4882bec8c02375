package browser_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gallery takes pictures of pages, and looks for what is wrong with them.
type gallery struct {
	folder string
	axe    string // the source of axe-core
}

// looks are how each page is looked at.
var looks = []struct {
	width  int64
	scheme string
}{{320, "light"}, {320, "dark"}, {1280, "light"}, {1280, "dark"}}

// newGallery hangs its pictures where SALLYPORT_ARTEFACTS says, else where
// `go test -artifacts` does.
func newGallery(t *testing.T) *gallery {
	t.Helper()
	folder := t.ArtifactDir()
	if os.Getenv("SALLYPORT_ARTEFACTS") != "" {
		folder = filepath.Join(os.Getenv("SALLYPORT_ARTEFACTS"), "screenshots")
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	t.Log("pictures are in", folder)
	source, err := axeSource()
	if err != nil {
		without(t, err.Error())
	}
	return &gallery{folder: folder, axe: source}
}

// axeSource is axe-core, installed as package-lock.json has it if it is not
// there yet. Scripts of packages are never run.
var axeSource = sync.OnceValues(func() (string, error) {
	const file = "node_modules/axe-core/axe.min.js"
	text, err := os.ReadFile(file)
	if err == nil {
		return string(text), nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("no npm on the PATH to install axe-core with; on Debian: apt-get install npm")
	}
	out, err := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput() //nolint:gosec,noctx // its own package file
	if err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	text, err = os.ReadFile(file)
	return string(text), err
})

// show looks at the page of a tab in every way, under a name for its state.
func (g *gallery) show(t *testing.T, b *tab, name string) {
	t.Helper()
	eval[chromedp.Void](t, b, g.axe)
	for _, l := range looks {
		b.shape(t, l.width, l.scheme)
		what := fmt.Sprintf("%s at %d px, %s", name, l.width, l.scheme)
		if l.width == 320 {
			wide := eval[int64](t, b, `document.scrollingElement.scrollWidth`)
			assert.LessOrEqual(t, wide, l.width, "%s scrolls sideways", what)
		}
		assert.Empty(t, b.faults(t), "%s: axe", what)
		g.picture(t, b, fmt.Sprintf("%s-%d-%s.png", name, l.width, l.scheme))
	}
	b.shape(t, 1280, "light")
}

// faults are what axe has against the page by WCAG 2.2 AA and its own best
// practice: rule, why, and where.
func (b *tab) faults(t *testing.T) []string {
	t.Helper()
	return eval[[]string](t, b, `axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"],
	}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.failureSummary + " " + n.html)))`)
}

// picture saves the whole page, also what is below the fold.
func (g *gallery) picture(t *testing.T, b *tab, file string) {
	t.Helper()
	width, height := b.size(t)
	b.save(t, filepath.Join(g.folder, file), page.Viewport{Width: width, Height: height, Scale: 1})
}

func (b *tab) size(t *testing.T) (width, height float64) {
	t.Helper()
	size := eval[[]float64](t, b, `[innerWidth, document.documentElement.scrollHeight]`)
	return size[0], size[1]
}

func (b *tab) save(t *testing.T, path string, clip page.Viewport) {
	t.Helper()
	beyond := true
	r, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, Clip: &clip, CaptureBeyondViewport: &beyond,
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, r.Data, 0o644)) //nolint:gosec // a picture for everybody
}
