package browser_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var sixDigits = regexp.MustCompile(`^[0-9]{6}$`)

func emailFirst(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.giveName(t)
	v.sentByEmailOnly(t, 1)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "signin")
	v.ask(t, "#payout")
	v.sentByEmailOnly(t, 2)
}

// sentByEmailOnly asserts that alice got n codes by email and none by phone.
func (v *visit) sentByEmailOnly(t *testing.T, n int) {
	t.Helper()
	require.Len(t, v.letters(alice), n)
	require.Equal(t, "email", v.letter(t, alice).Channel)
	require.Regexp(t, sixDigits, v.letter(t, alice).Code)
	require.Empty(t, v.letters(alicePhone), "never straight to the phone")
}

func saysSent(t *testing.T, s *stage, script bool) {
	const sent = "We sent 6 digits to a•••@example.test."
	v := s.visitShop(t, script, contractor, alice)
	require.Contains(t, v.giveName(t).Text, sent)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "signin")
	require.Contains(t, v.ask(t, "#payout").Text, sent)
}

func resendTimer(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.giveName(t)
	letter := v.letter(t, alice)
	times := v.times(t, "#timer")
	require.Len(t, times, 1, "the page says from when")
	near(t, letter.At.Add(minute), times[0])

	p := v.click(t, "#resend")
	require.Equal(t, http.StatusTooManyRequests, v.last().Status)
	wait, err := strconv.Atoi(v.last().Header.Get("Retry-After"))
	require.NoError(t, err)
	require.True(t, 0 < wait && wait <= 60, "%d", wait)
	require.Equal(t, "challenge", p.Page)
	require.Contains(t, v.text(t, "#summary"), saysTooSoon)
	near(t, letter.At.Add(minute), v.times(t, "#summary")[0])
	require.Len(t, v.letters(alice), 1, "nothing was sent")

	s.until(letter.At.Add(minute + slack))
	require.Equal(t, "challenge", v.click(t, "#resend").Page)
	require.Equal(t, http.StatusOK, v.last().Status)
	require.Len(t, v.letters(alice), 2)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "signin")
}

// byText is the button that has the code sent to the phone.
const byText = `button[data-method="sms"]`

func smsAfterTimer(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.giveName(t)
	first := v.letter(t, alice)
	require.False(t, v.has(t, byText), "not before the timer")
	v.timePasses(t, first.At.Add(minute+slack))
	require.True(t, v.has(t, "#resend"), "email stays possible")
	require.True(t, v.has(t, byText))
	require.Contains(t, v.text(t, byText), "99")
	require.NotContains(t, v.text(t, byText), alicePhone)

	p := v.click(t, byText)
	require.Equal(t, "challenge", p.Page)
	require.Len(t, v.letters(alicePhone), 1)
	text := v.letter(t, alicePhone)
	require.Equal(t, "sms", text.Channel)
	near(t, text.At.Add(minute), v.times(t, "#timer")[0]) // a new timer
	v.atShop(t, v.give(t, text.Code), "signin")

	// The same at an action, where the other ways are a page of their own.
	v.ask(t, "#payout")
	require.Equal(t, "choose", v.click(t, `a[href$="/choose"]`).Page)
	require.False(t, v.has(t, byText))
	require.True(t, v.has(t, `[data-method="sms"][aria-disabled="true"]`), "it says from when")
	s.until(v.letter(t, alice).At.Add(minute + slack))
	v.reload(t)
	v.click(t, byText)
	require.Len(t, v.letters(alicePhone), 2)
	v.atShop(t, v.give(t, v.letter(t, alicePhone).Code), "payout.request")
}

// timePasses moves all clocks to at and waits for the page to notice; without
// script the person loads it again.
func (b *tab) timePasses(t *testing.T, at time.Time) {
	t.Helper()
	wait := at.Sub(b.Clock.Now())
	b.until(at)
	if !b.script {
		b.reload(t)
		return
	}
	eval[chromedp.Void](t, b, fmt.Sprintf(`{ const real = Date.now; Date.now = () => real.call(Date) + %d }`, wait.Milliseconds()+1000))
	b.await(t, "the page offers a text message by itself", func(sight) bool { return b.has(t, byText) })
}

func smsNeverOffered(t *testing.T, s *stage, script bool) {
	for _, name := range []string{bob, carol} {
		v := s.visitShop(t, script, contractor, name)
		v.signIn(t)
		p := v.ask(t, "#payout")
		for range 2 {
			require.False(t, v.has(t, `[data-method="sms"]`))
			require.False(t, v.has(t, `a[href$="/choose"]`), "there is nothing to choose")
			s.until(v.letter(t, name).At.Add(minute + slack))
			p = v.reload(t)
		}
		require.Equal(t, "confirm", p.Page)
		require.Equal(t, "confirm", v.click(t, "#resend").Page, "email stays possible")
		v.atShop(t, v.give(t, v.letter(t, name).Code), "payout.request")
		require.Empty(t, v.letters(bobPhone))
	}
}
