package browser_test

import (
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// TestKeyboard is a login with a code and a payout by someone who has no pointer:
// Tab to where it goes on, type, Enter.
func TestKeyboard(t *testing.T) {
	for _, script := range []bool{true, false} {
		name := "with script"
		if !script {
			name = "without script"
		}
		t.Run(name, func(t *testing.T) {
			v := theStage(t).visitShop(t, script, contractor, alice)
			v.tabTo(t, "sign-in")
			require.Equal(t, "identify", v.enter(t).Page)

			v.hasFocus(t, "username")
			v.keys(t, alice)
			require.Equal(t, "password", v.enter(t).Page, "Enter in the field is enough")
			v.hasFocus(t, "password")
			v.keys(t, password(alice))
			require.Equal(t, "challenge", v.enter(t).Page)

			v.tabTo(t, "code")
			v.keys(t, wrong(v.letter(t, alice).Code))
			require.Equal(t, "challenge", v.enter(t).Page)
			v.hasFocus(t, "summary")
			v.tabTo(t, "code")
			v.keys(t, v.letter(t, alice).Code)
			v.tabTo(t, "submit")
			v.atShop(t, v.enter(t), "signin")

			v.tabTo(t, "payout")
			require.Equal(t, "confirm", v.enter(t).Page)
			v.tabTo(t, "code")
			v.keys(t, v.letter(t, alice).Code)
			v.tabTo(t, "submit")
			v.atShop(t, v.enter(t), "payout.request")
		})
	}
}

// focused is the id of the element that has the focus.
func (b *tab) focused(t *testing.T) string {
	t.Helper()
	return eval[string](t, b, `document.activeElement?.id || ""`)
}

// hasFocus waits until the element with id has the focus, which a page gives
// when it is drawn.
func (b *tab) hasFocus(t *testing.T, id string) {
	t.Helper()
	b.await(t, id+" gets the focus", func(sight) bool { return b.focused(t) == id })
}

// tabTo presses Tab until the element with id has the focus, and asserts that on
// the way every stop can be seen to have it and is not hidden by anything.
func (b *tab) tabTo(t *testing.T, id string) {
	t.Helper()
	const stop = `(() => {
		const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e);
		const hit = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
		if (!e.matches(":focus-visible") || s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 2) return "shows no focus: " + e.outerHTML;
		if (!hit || !(e.contains(hit) || hit.contains(e))) return "is out of sight: " + e.outerHTML;
		return "";
	})()`
	for range 40 {
		b.key(t, kb.Tab)
		if eval[bool](t, b, `document.activeElement === document.body`) {
			continue // the end of the page, on the way to its beginning
		}
		require.Empty(t, eval[string](t, b, stop))
		if b.focused(t) == id {
			return
		}
	}
	require.Fail(t, "cannot be reached with Tab", "%s on %+v", id, b.see(t))
}

func (b *tab) key(t *testing.T, key string) {
	t.Helper()
	_, err := within(b, chromedp.KeyEvent(key))
	require.NoError(t, err)
}

// keys types text, a key at a time, where the focus is.
func (b *tab) keys(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		_, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeChar, Text: string(r)})
		require.NoError(t, err)
	}
}

// enter presses Enter, which leads to another page.
func (b *tab) enter(t *testing.T) sight {
	t.Helper()
	return b.act(t, "Enter", func() { b.key(t, kb.Enter) })
}
