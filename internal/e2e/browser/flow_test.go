package browser_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the pages say, in the words of templates/i18n/en.json.
const (
	saysExpired = "That code has expired."
	saysWrong   = "That code isn’t right."
	saysTooSoon = "It’s too soon for a new code."
	saysTooMany = "Too many wrong codes."
	saysUsed    = "That code has already been used."
	saysLimit   = "We’ve sent as many codes as we can for now."
)

// minute is timer and life of a code in system A.
const minute = 60 * time.Second

// slack is how much later the server may take note that a message was accepted
// than the mailbox notes that it came.
const slack = 3 * time.Second

// near asserts that a page names the moment at, give or take the slack.
func near(t *testing.T, at time.Time, told string) {
	t.Helper()
	got, err := time.Parse(time.RFC3339, told)
	require.NoError(t, err)
	require.WithinDuration(t, at, got, slack)
}

// ask does an action in the shop and returns the page that confirms it.
func (v *visit) ask(t *testing.T, button string) sight {
	t.Helper()
	p := v.click(t, button)
	require.Equal(t, "confirm", p.Page, "%+v", p)
	return p
}

// codeLives: ten seconds before its end a code is good, so it lives longer than
// most people need; A-15 shows the end.
func codeLives(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	p := v.giveName(t)
	require.Equal(t, "challenge", p.Page)
	letter := v.letter(t, alice)
	times := v.times(t, "#code-hint")
	require.Len(t, times, 1, "the page says until when the code works")
	near(t, letter.At.Add(minute), times[0])
	s.until(letter.At.Add(minute - 10*time.Second))
	v.atShop(t, v.give(t, letter.Code), "signin")
}

func codeDies(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.giveName(t)
	old := v.letter(t, alice)
	s.until(old.At.Add(minute + slack))
	for range 6 { // more often than a code may be guessed
		p := v.give(t, old.Code)
		require.Equal(t, "challenge", p.Page)
		require.Contains(t, v.text(t, "#summary"), saysExpired)
		require.Contains(t, p.Title, "Error")
	}
	require.Equal(t, "challenge", v.click(t, "#resend").Page)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "signin")
}

func newCodeEndsOld(t *testing.T, s *stage, script bool) {
	// Here the code outlives the timer, so it is the new one that ends it.
	o := s.newOffice(t, "contractor-email-first", `{"codes":{"default":{"ttl_s":300}}}`)
	v := o.visit(t, script, alice)
	require.Equal(t, "challenge", v.begin(t).Page)
	old := v.letter(t, alice)
	s.until(old.At.Add(minute + slack))
	require.Equal(t, "challenge", v.click(t, "#resend").Page)
	require.Len(t, v.letters(alice), 2)
	next := v.letter(t, alice)
	require.NotEqual(t, old.Code, next.Code)
	p := v.give(t, old.Code)
	require.Equal(t, "challenge", p.Page, "the old code is refused though it would live for four minutes more")
	require.NotEmpty(t, v.text(t, "#summary"))
	require.Equal(t, "app", v.give(t, next.Code).Page)
}

func sendsEnd(t *testing.T, s *stage, script bool) {
	// Three are fewer than the limits by address and user allow.
	v := s.newOffice(t, "contractor-email-first", `{"codes":{"default":{"sends":3}}}`).visit(t, script, alice)
	v.begin(t)
	for range 2 {
		s.until(v.letter(t, alice).At.Add(minute + slack))
		require.Equal(t, "challenge", v.click(t, "#resend").Page)
	}
	require.Len(t, v.letters(alice), 3)
	last := v.letter(t, alice)
	s.until(last.At.Add(minute - 10*time.Second))
	require.Equal(t, "app", v.give(t, last.Code).Page, "the last one works")

	require.Equal(t, "challenge", v.begin(t).Page, "and so does a new beginning")
	for range 3 {
		s.until(v.letter(t, alice).At.Add(minute + slack))
		require.Equal(t, "challenge", v.click(t, "#resend").Page)
	}
	require.Len(t, v.letters(alice), 6, "there is no fourth in a row")
	require.NotEmpty(t, v.text(t, "#summary"))
}

func loginWithSecondStep(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	p := v.giveName(t)
	require.Equal(t, "challenge", p.Page)
	require.Len(t, v.letters(alice), 1)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "signin")
	require.Equal(t, "urn:sallyport:acr:2sv", v.text(t, "#acr"))
	require.Equal(t, "pwd otp", v.text(t, "#amr"))
}

func loginWithoutSecondStep(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, carol)
	v.atShop(t, v.giveName(t), "signin")
	require.Empty(t, v.letters(carol))
	require.Equal(t, "urn:sallyport:acr:1fa", v.text(t, "#acr"))
	require.Equal(t, "pwd", v.text(t, "#amr"))
}

func confirmPaymentDetails(t *testing.T, s *stage, script bool) {
	confirmTwice(t, s, script, "#payment-details", "payment_details.add")
}

func confirmPayout(t *testing.T, s *stage, script bool) {
	confirmTwice(t, s, script, "#payout", "payout.request")
}

// confirmTwice does an action twice in one session, for someone whose login asks
// for a code and for someone whose login does not: each time there is a new code.
func confirmTwice(t *testing.T, s *stage, script bool, button, action string) {
	t.Helper()
	for _, name := range []string{alice, carol} {
		v := s.visitShop(t, script, contractor, name)
		v.signIn(t)
		before := len(v.letters(name))
		for i := range 2 {
			p := v.ask(t, button)
			require.Contains(t, p.URL, "/t/contractor/")
			require.Len(t, v.letters(name), before+i+1)
			v.atShop(t, v.give(t, v.letter(t, name).Code), action)
			s.Clock.Advance(2 * minute)
		}
	}
}

// oneFlow takes down what each of the three asks for and says, and compares.
func oneFlow(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, alice)
	v.giveName(t)
	login := v.notes(t)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "signin")
	v.ask(t, "#payment-details")
	details := v.notes(t)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "payment_details.add")
	s.Clock.Advance(10 * minute)
	v.ask(t, "#payout")
	payout := v.notes(t)
	v.atShop(t, v.give(t, v.letter(t, alice).Code), "payout.request")
	require.Equal(t, login, details)
	require.Equal(t, login, payout)
}

// notes describes the question for a code, after one wrong answer.
func (v *visit) notes(t *testing.T) map[string]string {
	t.Helper()
	letter := v.letter(t, alice)
	n := map[string]string{
		"to": letter.To, "channel": letter.Channel, "digits": strconv.Itoa(len(letter.Code)), "label": v.text(t, `label[for="code"]`),
		"keyboard": v.attr(t, "#code", "inputmode"), "autofill": v.attr(t, "#code", "autocomplete"), "again": v.text(t, "#resend"),
	}
	near(t, letter.At.Add(minute), v.times(t, "#timer")[0])
	v.give(t, wrong(letter.Code))
	n["summary"], n["error"] = v.text(t, "#summary"), v.text(t, "#code-error")
	require.Contains(t, n["summary"], saysWrong)
	return n
}

func startsWithTheAction(t *testing.T, s *stage, script bool) {
	v := s.visitShop(t, script, contractor, carol)
	v.signIn(t)
	require.Empty(t, v.letters(carol), "nothing is sent before the action")
	p := v.ask(t, "#payout")
	require.Contains(t, p.Text, "payout")
	require.Len(t, v.letters(carol), 1, "one code is sent with it")
	require.Equal(t, "confirm", v.reload(t).Page)
	require.Len(t, v.letters(carol), 1, "looking again sends none")
}
