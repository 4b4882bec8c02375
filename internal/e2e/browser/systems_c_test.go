package browser_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// market is the preset of system C.
const market = "marketplace-phone-verification"

// rowsOfC are the rows of system C about a number and its code; what comes after
// it is confirmed follows in rowsOfNumber.
var rowsOfC = []row{
	{"C-03", "the set-up is reached from the settings, and only with a session", numberTakesSession},
	{"C-04", "the country is preselected by a guess, else none, and nothing is sent", countryGuessed},
	{"C-05", "another country can be chosen, and the code goes with it", countryChosen},
	{"C-06", "the user gives the number and picks how to be reached", methodPicked},
	{"C-07", "spaces and hyphens do not matter, and what was understood is shown", numberUnderstood},
	{"C-07", "what is no number of that country is refused", numberInvalid},
	{"C-08", "mobile or landline, but no extension", lineWithoutExtension},
	{"C-09", "the leading 0 gives way to the country code, where the plan has one to drop", trunkPrefix},
	{"C-10", "the code comes by text or by call", textAndCall},
	{"C-11", "a landline gets no text, and the server says so", landlineGetsNoText},
	{"C-12", "a call speaks the code twice, digit by digit, after a key is pressed", callSpeaksTwice},
	{"C-13", "the code is entered in a new field, and Verify confirms", codeVerified},
	{"C-14", "after 15 minutes there is a new code, and the old one lives as long", resendAfterQuarter},
	{"C-15", "a notification tells of the success, on screen and by email", successTold},
}

// atMarket is somebody without a number, at the form for one.
func (s *stage) atMarket(t *testing.T, script bool) *call {
	t.Helper()
	c := s.newHome(t, market, "", plain(alice, false), plain(dora, false)).atSettings(t, script, alice, "")
	c.from = s.Clock.Now()
	require.Equal(t, "enrol-phone", c.startChange(t, "contact-phone", "add").Page)
	return c
}

func numberTakesSession(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	form := c.see(t).URL
	other := c.office.visit(t, script, dora)
	require.Equal(t, "identify", other.open(t, c.settingsURL("")).Page)
	require.Equal(t, "identify", other.open(t, form).Page)
	for _, path := range []string{"/contact", "/answer", "/resend"} {
		require.Equal(t, "identify", other.forge(t, form+path, "phone", newPhone, "method", "sms", "confirmed", "1").Page)
	}
	require.Empty(t, other.letters(newPhone))

	other.signInToSettings(t, "")
	require.True(t, other.offers(t, "contact-phone", "add"))
	require.Equal(t, "error", other.open(t, form).Page, "another one's set-up is nobody's")
}

// country is what the form has selected.
func (b *tab) country(t *testing.T) string {
	t.Helper()
	return eval[string](t, b, `document.querySelector("#country").value`)
}

func countryGuessed(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	form := c.see(t).URL
	for languages, want := range map[string]string{"es-MX,es;q=0.9": "MX", "de-AT,en": "AT", "en": ""} {
		_, err := chromedp.Call(c.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
			Headers: network.Headers{"Accept-Language": languages},
		})
		require.NoError(t, err)
		c.open(t, form)
		require.Equal(t, want, c.country(t), "%s", languages)
	}
	require.Empty(t, c.letters(""), "to look sends nothing")
}

func countryChosen(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	for country, calling := range map[string]string{"MX": "(+52)", "DE": "(+49)", "IT": "(+39)"} {
		eval[chromedp.Void](t, c.tab, `{
			const c = document.querySelector("#country");
			c.value = "`+country+`";
			c.dispatchEvent(new Event("change", {bubbles: true}));
		}`)
		require.Contains(t, eval[string](t, c.tab, `document.querySelector("#country").selectedOptions[0].text`), calling)
		if script {
			example := eval[string](t, c.tab, `document.querySelector("#country").selectedOptions[0].dataset.example`)
			require.NotEmpty(t, example)
			require.Contains(t, c.text(t, "#phone-example"), example)
		}
	}
	c.typeNumber(t, "GB", "07400 123456", "sms", "")
	require.True(t, strings.HasPrefix(c.text(t, "#number"), "+44 "), "%s", c.text(t, "#number"))
}

func methodPicked(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	require.True(t, c.has(t, "#phone"))
	require.True(t, c.has(t, "#method-sms"))
	require.True(t, c.has(t, "#method-voice"))
	require.False(t, c.has(t, "#line-fixed"), "a German number tells which line it is")

	// A Mexican one does not, so its owner says.
	p := c.typeNumber(t, "MX", "644 183 2399", "sms", "")
	require.Equal(t, "enrol-phone", p.Page)
	require.True(t, c.has(t, "#line-mobile"))
	c.typeNumber(t, "MX", "644 183 2399", "sms", "fixed")
	require.Contains(t, c.text(t, "#summary"), "This looks like a landline.")
	p = c.typeNumber(t, "MX", "644 183 2399", "sms", "mobile")
	require.Equal(t, "enrol-phone-check", p.Page, "%+v", p)
	require.Equal(t, "enrol-code", c.click(t, "#submit").Page)
	require.Equal(t, "sms", c.letter(t, alicePhone).Channel)
}

func numberUnderstood(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	require.Contains(t, eval[string](t, c.tab, `document.querySelector("#country option[value=MX]").text`), "(+52)", "the example has the code in brackets")
	for _, typed := range []string{newTyped, "0157-3599-1010", "(01573) 599 10-10", "+49 1573 5991010", "0049 1573 5991010", "15735991010"} {
		p := c.typeNumber(t, "DE", typed, "sms", "")
		require.Equal(t, "enrol-phone-check", p.Page, "%s: %+v", typed, p)
		require.Equal(t, newPhone, strings.ReplaceAll(c.text(t, "#number"), " ", ""), "%s", typed)
		c.click(t, "#change")
	}
	require.Empty(t, c.letters(""), "nothing is sent before it is seen")
	c.typeNumber(t, "DE", newTyped, "sms", "")
	c.click(t, "#submit")
	require.Len(t, c.codes(newPhone), 1)
}

func numberInvalid(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	for _, typed := range []string{"12345", "01573 59910101010", "hello", "+52 644 18"} {
		p := c.typeNumber(t, "DE", typed, "sms", "")
		require.Equal(t, "enrol-phone", p.Page, "%s", typed)
		require.Equal(t, http.StatusUnprocessableEntity, c.last().Status)
		require.Equal(t, "This isn’t a number of that country.", c.text(t, "#phone-error"), "%s", typed)
	}
	require.Empty(t, c.letters(""))
}

func lineWithoutExtension(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	form := c.see(t).URL
	for _, typed := range []string{landlineTyped + " ext. 12", landlineTyped + "x12", newTyped + ";ext=12"} {
		p := c.typeNumber(t, "DE", typed, "voice", "")
		require.Equal(t, "enrol-phone", p.Page, "%s", typed)
		require.Equal(t, "A number with an extension can’t be used.", c.text(t, "#phone-error"), "%s", typed)
	}
	refused := c.send(t, form+"/contact", "country", "DE", "phone", landlineTyped+" ext. 12", "method", "voice", "confirmed", "1")
	require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
	require.Contains(t, refused.Type, "extension")
	require.Empty(t, c.letters(""))
	for typed, want := range map[string]string{landlineTyped: landline, newTyped: newPhone} {
		c.open(t, form+"/contact")
		require.Equal(t, "enrol-phone-check", c.typeNumber(t, "DE", typed, "voice", "").Page)
		require.Equal(t, "enrol-code", c.click(t, "#submit").Page)
		require.Len(t, c.codes(want), 1)
	}
}

func trunkPrefix(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	for _, try := range [][3]string{
		{"DE", "01573 5991010", "+4915735991010"}, {"GB", "07400 123456", "+447400123456"}, {"IT", "06 1234 5678", "+390612345678"},
	} {
		p := c.typeNumber(t, try[0], try[1], "voice", "")
		require.Equal(t, "enrol-phone-check", p.Page, "%s: %+v", try[1], p)
		require.Equal(t, try[2], strings.ReplaceAll(c.text(t, "#number"), " ", ""))
		c.click(t, "#change")
	}
}

func textAndCall(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	form := c.see(t).URL
	for method, try := range map[string][2]string{"sms": {newTyped, newPhone}, "voice": {nextTyped, nextPhone}} {
		c.open(t, form+"/contact")
		c.typeNumber(t, "DE", try[0], method, "")
		require.Equal(t, "enrol-code", c.click(t, "#submit").Page)
		require.Len(t, c.letters(try[1]), 1)
		require.Equal(t, method, c.letter(t, try[1]).Channel)
		require.Regexp(t, sixDigits, c.code(t, try[1]))
	}
}

func landlineGetsNoText(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	form := c.see(t).URL
	require.Equal(t, "enrol-phone", c.typeNumber(t, "DE", landlineTyped, "sms", "").Page)
	require.Equal(t, http.StatusUnprocessableEntity, c.last().Status)
	require.Contains(t, c.text(t, "#summary"), "This looks like a landline.")
	require.Contains(t, c.text(t, "#summary"), "We can call it, but not text it.")

	refused := c.send(t, form+"/contact", "country", "DE", "phone", landlineTyped, "method", "sms", "confirmed", "1")
	require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
	require.True(t, strings.HasSuffix(refused.Type, "sms-not-possible-for-line"), "%+v", refused)
	require.Empty(t, c.letters(landline))

	// Nor once the number is confirmed by a call.
	c.typeNumber(t, "DE", landlineTyped, "voice", "")
	c.click(t, "#submit")
	c.isDone(t, c.enterCode(t, landline), "contact_confirmed")
	s.Clock.Advance(minute)
	refused = c.send(t, c.settingsURL("/start"), "kind", "sms", "verb", "enable")
	require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
	require.True(t, strings.HasSuffix(refused.Type, "sms-not-possible-for-line"), "%+v", refused)
	require.Equal(t, "settings", c.forge(t, c.settingsURL("/start"), "kind", "sms", "verb", "enable").Page)
	require.Contains(t, c.text(t, "#refused"), "A landline can’t take text messages")
	for _, l := range c.letters(landline) {
		require.Equal(t, "voice", l.Channel)
	}
	require.Equal(t, []string{"voice"}, c.office.factors(t))
}

func callSpeaksTwice(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	c.typeNumber(t, "DE", landlineTyped, "voice", "")
	p := c.click(t, "#submit")
	require.Contains(t, p.Text, "We’re calling")
	call := c.letter(t, landline)
	require.Equal(t, "voice", call.Channel)
	require.Contains(t, call.Subject, "press any key")
	require.NotContains(t, call.Subject, call.Code, "the code waits for the key")
	names := []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	var digits []string
	for _, d := range call.Code {
		digits = append(digits, names[d-'0'])
	}
	spoken := strings.FieldsFunc(call.Text, func(r rune) bool { return r < 'a' || r > 'z' })
	require.Equal(t, 2, strings.Count(strings.Join(spoken, " "), strings.Join(digits, " ")), "%s", call.Text)
	require.NotContains(t, call.Text, call.Code)
}

func codeVerified(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	c.typeNumber(t, "DE", newTyped, "sms", "")
	require.False(t, c.has(t, "#code"))
	c.click(t, "#submit")
	require.True(t, c.has(t, "#code"))
	code := c.code(t, newPhone)
	require.Equal(t, "enrol-code", c.give(t, wrong(code)).Page)
	require.Contains(t, c.text(t, "#summary"), saysWrong)
	c.isDone(t, c.give(t, code), "contact_confirmed")
	require.Equal(t, "confirmed", c.status(t, "phone"))
}

func resendAfterQuarter(t *testing.T, s *stage, script bool) {
	const quarter = 15 * time.Minute
	c := s.atMarket(t, script)
	c.typeNumber(t, "DE", newTyped, "sms", "")
	c.click(t, "#submit")
	first := c.letter(t, newPhone)
	near(t, first.At.Add(quarter), c.times(t, "#timer")[0])
	near(t, first.At.Add(quarter), c.times(t, "#code-hint")[0])
	s.until(first.At.Add(quarter - 10*time.Second))
	require.Equal(t, "enrol-code", c.click(t, "#resend").Page)
	require.Equal(t, http.StatusTooManyRequests, c.last().Status)
	require.Contains(t, c.text(t, "#summary"), saysTooSoon)
	require.Len(t, c.codes(newPhone), 1)
	require.Equal(t, "enrol-code", c.give(t, wrong(first.Code)).Page)
	require.Contains(t, c.text(t, "#summary"), saysWrong, "it has not expired yet")

	s.until(first.At.Add(quarter + slack))
	require.Equal(t, "enrol-code", c.click(t, "#resend").Page)
	require.Equal(t, http.StatusOK, c.last().Status)
	require.Len(t, c.codes(newPhone), 2)
	require.Equal(t, "enrol-code", c.give(t, first.Code).Page, "the first one is over")
	second := c.letter(t, newPhone)
	s.until(second.At.Add(quarter - 10*time.Second))
	c.isDone(t, c.give(t, second.Code), "contact_confirmed")
}

func successTold(t *testing.T, s *stage, script bool) {
	c := s.atMarket(t, script)
	c.typeNumber(t, "DE", newTyped, "sms", "")
	c.click(t, "#submit")
	require.Empty(t, c.letters(alice))
	p := c.enterCode(t, newPhone)
	c.isDone(t, p, "contact_confirmed")
	require.Contains(t, c.text(t, "#done"), "Confirmed. From now on it counts as yours.")
	told := c.notice(t, alice, "phone number")
	require.Equal(t, "email", told.Channel)
	require.NotContains(t, told.Text, newPhone, "masked")
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	require.Equal(t, "contact_confirmed", u.Query().Get("done"))
}
