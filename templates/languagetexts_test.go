package templates

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMessagesSpeakOneLanguage looks at the lines of emails, texts and calls.
func TestMessagesSpeakOneLanguage(t *testing.T) {
	s := newTestSet(t)
	english := englishParts(t)
	for _, lang := range s.Languages()[1:] {
		for _, channel := range []string{"email", "sms", "voice"} {
			for _, kind := range append([]string{TextLogin, TextAction}, notices...) {
				if channel == "voice" && slices.Contains(notices, kind) {
					continue // a notice is never read out
				}
				t.Run(lang+" "+channel+" "+kind, func(t *testing.T) {
					subject, plain, body, err := s.Text(lang, kind, payoutText(channel))

					require.NoError(t, err)
					for part, key := range english {
						require.NotContains(t, subject+"\n"+plain+"\n"+body, part, key)
					}
				})
			}
		}
	}
}

// TestACodeByTextMessageIsShortInEveryLanguage uses names as tenants and apps
// have them: nothing of them is cut, and the last line is as a browser wants it.
func TestACodeByTextMessageIsShortInEveryLanguage(t *testing.T) {
	s := newTestSet(t)
	for _, lang := range s.Languages() {
		for _, action := range append([]string{""}, actions...) {
			t.Run(lang+" "+action, func(t *testing.T) {
				kind, d := TextLogin, payoutText("sms")
				if action != "" {
					kind, d.ActionName = TextAction, action
				}
				d.Slip.Amount = s.Amount(lang, "1250.00", "EUR")

				_, plain, _, err := s.Text(lang, kind, d)

				require.NoError(t, err)
				fitsItsSegments(t, lang, plain)
				lines := strings.Split(plain, "\n")
				require.Len(t, lines, 2)
				require.Equal(t, "@auth.example.com #481206", lines[1])
				require.Contains(t, lines[0], "481206")
				if action == "" {
					require.Contains(t, lines[0], d.Tenant)
					return
				}
				require.Contains(t, lines[0], d.App)
				if slices.Contains([]string{"payout.request", "withdrawal.confirm", "bid.place"}, action) {
					require.Contains(t, lines[0], foldGSM(d.Slip.Amount))
				}
			})
		}
	}
}

// fitsItsSegments holds a text to one SMS in the GSM alphabet, or to two in
// UTF-16 where the script is another.
func fitsItsSegments(t *testing.T, lang, text string) {
	t.Helper()
	if lang == "ar" {
		require.LessOrEqual(t, Segments(text), 2, text)
		return
	}
	_, gsm := gsmLen(text)
	require.True(t, gsm, "in the GSM alphabet: %q", text)
	require.Equal(t, 1, Segments(text), text)
}

func TestANoticeByTextMessageIsShortInEveryLanguage(t *testing.T) {
	s := newTestSet(t)
	for _, lang := range s.Languages() {
		for _, kind := range slices.Concat(notices, accountNotices) {
			t.Run(lang+" "+kind, func(t *testing.T) {
				for _, about := range append([]string{"", "phone", "email"}, factorKinds...) {
					d := accountData("sms")
					d.Method, d.Contact, d.OldOne = about, about, true

					_, plain, _, err := s.AccountText(lang, kind, d)

					require.NoError(t, err)
					fitsItsSegments(t, lang, plain)
					require.Contains(t, plain, d.Tenant, "it says who sends it")
				}
			})
		}
	}
}

func TestAmountsAndDatesOfALanguage(t *testing.T) {
	s := newTestSet(t)
	tests := []struct{ lang, amount, day string }{
		{"en", "1,234,567.50 EUR", "21 November 2026"},
		{"de", "1.234.567,50 EUR", "21. November 2026"},
		{"ar", "1,234,567.50 EUR", "21 نوفمبر 2026"},
	}
	for _, tt := range tests {
		t.Run(tt.lang, func(t *testing.T) {
			day, err := s.catalogs[tt.lang].date(noon)

			require.NoError(t, err)
			require.Equal(t, tt.day, day)
			require.Equal(t, tt.amount, s.Amount(tt.lang, "1234567.50", "EUR"))
		})
	}
}

// TestMatchOfOurLanguages asks as browsers and apps of those who speak them do.
func TestMatchOfOurLanguages(t *testing.T) {
	s := newTestSet(t)
	for pref, want := range map[string]string{
		"de-AT,de;q=0.9,en;q=0.8": "de", "de-CH": "de", "ar-EG,ar;q=0.9": "ar", "ar-001": "ar",
		"es-419,es;q=0.9": "es", "es-MX": "es", "fr-CA fr": "fr", "en-GB,de;q=0.5": "en",
		"ja,zh;q=0.5": "en", "nl,de;q=0.3": "de",
	} {
		t.Run(pref, func(t *testing.T) { require.Equal(t, want, s.Match(pref)) })
	}
}
