package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// state is a link of the demo's list of pages.
type state struct {
	Screen, Name string
	First        bool // of its screen, which is looked at from every side
}

const listed = `[...document.querySelectorAll("section[id^=screen-]")].flatMap(s =>
	[...s.querySelectorAll("li a")].map((a, i) => ({Screen: s.id, Name: a.innerText.trim(), First: i % 6 === 0})))`

// TestPagesInEveryState looks at every state of every screen, as the demo shows
// them below /_pages: nothing scrolls sideways at any width, in any scheme, in
// English and from right to left, and axe finds nothing.
func TestPagesInEveryState(t *testing.T) {
	s := theStage(t)
	g := newGallery(t)
	b := s.newTab(t, true)
	require.Equal(t, "demo-pages", b.open(t, s.URL+"/_pages").Page)
	g.show(t, b, "demo-pages")
	states := eval[[]state](t, b, listed)
	require.Greater(t, len(states), 250)

	const tabs = 2 // as many as the smallest machine has cores
	for i := range tabs {
		t.Run(fmt.Sprintf("tab %d", i+1), func(t *testing.T) {
			t.Parallel()
			b := s.newTab(t, true)
			for j := i; j < len(states); j += tabs {
				if !leadsAway(states[j].Name) {
					g.look(t, b, states[j])
				}
			}
		})
	}
}

// leadsAway: these pages stand for a moment only, on the way to the app. The walk
// "way back" looks at them where there is an app to go to.
func leadsAway(name string) bool {
	return strings.HasPrefix(name, "interstitial") || strings.HasPrefix(name, "form-post")
}

// look opens a state in both directions and turns it about.
func (g *gallery) look(t *testing.T, b *tab, s state) {
	t.Helper()
	for _, lang := range []string{"en", "ar"} {
		b.shape(t, 320, "light")
		b.open(t, b.URL+"/_pages/"+s.Name+"?lang="+lang)
		for i, l := range looks {
			b.shape(t, l.width, l.scheme)
			what := fmt.Sprintf("%s in %s at %d px, %s", s.Name, lang, l.width, l.scheme)
			wide := eval[int64](t, b, `document.scrollingElement.scrollWidth`)
			assert.LessOrEqual(t, wide, l.width, "%s scrolls sideways", what)
			if i == 0 {
				eval[chromedp.Void](t, b, g.axe)
			}
			if i == 0 || s.First && l != looks[2] {
				assert.Empty(t, b.faults(t), "%s: axe", what)
			}
			if i == 0 && lang == "en" || s.First {
				g.picture(t, b, fmt.Sprintf("%s-%s-%s-%d-%s.png", s.Screen, s.Name, lang, l.width, l.scheme))
			}
		}
	}
}
