package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is how long a page may take on a busy machine.
const patience = 30 * time.Second

// tab is a tab of a browser that nobody used before.
type tab struct {
	*stage
	ctx    context.Context
	script bool

	mu      sync.Mutex
	answers []answer // to requests for documents, oldest first
	hops    []string // the addresses that were asked for, redirects among them
	faulty  []string // what the browser refused for a policy, and scripts that failed
}

// answer is what came back for a document.
type answer struct {
	URL    string
	Status int
	Header http.Header
}

// sight is what the tab shows.
type sight struct {
	Old   bool   // the page from before the last act
	Ready string // document.readyState
	Page  string // data-page
	URL   string
	Title string
	Text  string // what a person reads
}

// glance is look without what a person reads, which takes the browser long to say.
const glance = `({
	Old: document.documentElement.hasAttribute("data-seen"), Ready: document.readyState, URL: location.href,
	Page: document.body?.dataset.page || "", Title: document.title, Text: "",
})`

const look = `(() => {
	const b = document.body;
	return {
		Old: document.documentElement.hasAttribute("data-seen"), Ready: document.readyState, URL: location.href,
		Page: b ? b.dataset.page || "" : "", Title: document.title, Text: b ? b.innerText.replace(/\s+/g, " ") : "",
	};
})()`

// newTab opens an empty tab, with JavaScript or without.
func (s *stage) newTab(t *testing.T, script bool) *tab {
	t.Helper()
	b := &tab{stage: s, script: script}
	ctx, stop := chromedp.NewContext(s.browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	t.Cleanup(stop)
	b.ctx = ctx
	require.NoError(t, chromedp.Do(ctx))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
	require.NoError(t, err)
	// Several tabs are at work at once, and each is to be the one that has the keyboard.
	_, err = chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	require.NoError(t, err)
	b.shape(t, 1280, "light")
	t.Cleanup(func() {
		b.mu.Lock()
		faulty := b.faulty
		b.mu.Unlock()
		assert.Empty(t, faulty, "the browser complains")
		if t.Failed() {
			t.Logf("the tab shows %+v", b.see(t))
		}
	})
	return b
}

func (b *tab) listen(event any) {
	b.listenForFaults(event)
	asked, ok := event.(*network.EventRequestWillBeSent)
	if ok && asked.Type == network.ResourceTypeDocument {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.hops = append(b.hops, asked.Request.URL)
		return
	}
	e, ok := event.(*network.EventResponseReceived)
	if !ok || e.Type != network.ResourceTypeDocument {
		return
	}
	header := http.Header{}
	for name, value := range e.Response.Headers {
		header.Set(name, fmt.Sprint(value))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers = append(b.answers, answer{e.Response.URL, int(e.Response.Status), header})
}

// listenForFaults keeps what a page may never cause: a breach of its own content
// security policy, or a script that fails.
func (b *tab) listenForFaults(event any) {
	fault := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity {
			fault = e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text + " at " + e.ExceptionDetails.URL
	}
	if fault != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.faulty = append(b.faulty, fault)
	}
}

// last is the answer that made the page.
func (b *tab) last() answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answers[len(b.answers)-1]
}

// shape gives the tab a width and a colour scheme.
func (b *tab) shape(t *testing.T, width int64, scheme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	require.NoError(t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	require.NoError(t, err)
}

// within runs an action with the patience of a page.
func within[T any](b *tab, a chromedp.Action[T]) (T, error) {
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	return chromedp.Run(ctx, a)
}

// eval runs an expression in the page. The developer tools can do so even where
// the page itself may run no script.
func eval[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	v, err := within(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err, "%s", expression)
	return v
}

// see is what the tab shows now.
func (b *tab) see(t *testing.T) sight {
	t.Helper()
	return b.say(look)
}

// say is what the tab shows now, by look or glance.
func (b *tab) say(how string) sight {
	v, err := within(b, chromedp.Evaluate[sight](how))
	if err != nil {
		return sight{Ready: "error: " + err.Error()} // between two pages
	}
	return v
}

// await returns the page once it is as wanted. Until then it looks without reading, so
// wanted is not told the text.
func (b *tab) await(t *testing.T, what string, wanted func(sight) bool) sight {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if wanted(b.say(glance)) {
			s := b.see(t)
			if wanted(s) {
				return s
			}
		}
		require.False(t, time.Now().After(deadline), "%s: the tab shows %+v", what, b.say(look))
		time.Sleep(5 * time.Millisecond) // until the browser is asked again
	}
}

// settled reports whether s is a new page, whole, and not the one on the way to
// another.
func settled(s sight) bool {
	return !s.Old && s.Ready == "complete" && s.Page != "" && s.Page != "interstitial"
}

// act does something that leads to a new page, and returns that page.
func (b *tab) act(t *testing.T, what string, do func()) sight {
	t.Helper()
	eval[chromedp.Void](t, b, `document.documentElement.setAttribute("data-seen", "")`)
	do()
	return b.await(t, what, settled)
}

// open goes to an address.
func (b *tab) open(t *testing.T, address string) sight {
	t.Helper()
	return b.act(t, "open "+address, func() { b.navigate(t, address) })
}

func (b *tab) navigate(t *testing.T, address string) {
	t.Helper()
	r, err := chromedp.Call(b.ctx, page.Navigate, page.NavigateParams{URL: address})
	require.NoError(t, err)
	require.Empty(t, r.ErrorText, "%s", address)
}

// reload loads the page again; that of a form is opened by its address, as when
// a person goes back and forth.
func (b *tab) reload(t *testing.T) sight {
	t.Helper()
	return b.open(t, b.see(t).URL)
}

// where finds the middle of an element, scrolled into view, and says what a
// pointer would meet there.
const where = `((sel) => {
	const e = document.querySelector(sel);
	if (!e) return {Problem: "is not on the page"};
	e.scrollIntoView({block: "center", behavior: "instant"});
	const r = e.getBoundingClientRect();
	if (r.width === 0 || r.height === 0) return {Problem: "cannot be seen"};
	const x = r.x + r.width / 2, y = r.y + r.height / 2;
	const hit = document.elementFromPoint(x, y);
	if (!hit || !(e.contains(hit) || hit.contains(e))) return {Problem: "is covered"};
	return {X: x, Y: y, Problem: ""};
})`

// press presses the pointer on an element; nothing need come of it.
func (b *tab) press(t *testing.T, selector string) {
	t.Helper()
	type place struct {
		X, Y    float64
		Problem string
	}
	p := eval[place](t, b, where+"("+strconv.Quote(selector)+")")
	require.Empty(t, p.Problem, "%s on page %+v", selector, b.see(t))
	_, err := within(b, chromedp.MouseClickXY(p.X, p.Y))
	require.NoError(t, err, "%s", selector)
}

// click presses the pointer on an element that leads to another page.
func (b *tab) click(t *testing.T, selector string) sight {
	t.Helper()
	return b.act(t, "click "+selector, func() { b.press(t, selector) })
}

// fill puts text into a field, as pasting does.
func (b *tab) fill(t *testing.T, selector, text string) {
	t.Helper()
	b.press(t, selector)
	eval[chromedp.Void](t, b, fmt.Sprintf(`document.querySelector(%q).select()`, selector))
	_, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text})
	require.NoError(t, err)
	require.Equal(t, text, eval[string](t, b, fmt.Sprintf(`document.querySelector(%q).value`, selector)))
}

// has reports whether an element is on the page and can be seen.
func (b *tab) has(t *testing.T, selector string) bool {
	t.Helper()
	return eval[bool](t, b, fmt.Sprintf(`!!document.querySelector(%q)?.checkVisibility()`, selector))
}

// text is what a person reads in an element, "" where there is none.
func (b *tab) text(t *testing.T, selector string) string {
	t.Helper()
	return eval[string](t, b, fmt.Sprintf(`(document.querySelector(%q)?.innerText || "").replace(/\s+/g, " ").trim()`, selector))
}

// attr is an attribute of an element, "" where there is none.
func (b *tab) attr(t *testing.T, selector, name string) string {
	t.Helper()
	return eval[string](t, b, fmt.Sprintf(`document.querySelector(%q)?.getAttribute(%q) || ""`, selector, name))
}

// times are the moments that an element names, to the second.
func (b *tab) times(t *testing.T, selector string) []string {
	t.Helper()
	return eval[[]string](t, b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.dateTime)`, selector+" time"))
}

// cookies are the names of the cookies that the browser would send to address.
func (b *tab) cookies(t *testing.T, address string) map[string]*network.Cookie {
	t.Helper()
	r, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	require.NoError(t, err)
	all := map[string]*network.Cookie{}
	for _, c := range r.Cookies {
		all[c.Name] = c
	}
	return all
}
