package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/message"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func note(channel mfa.Method) mfa.Note {
	return mfa.Note{
		Channel: channel, Code: "481206", Now: noon, ExpiresAt: noon.Add(5 * time.Minute), Action: "payout.request",
		About: mfa.About{TenantName: "Acme", Host: "id.example", AppName: "Shop", Lang: "en", Amount: "10.00 EUR", Payee: "Bob"},
	}
}

func composer(t *testing.T) message.Composer {
	t.Helper()
	set, err := templates.New()
	require.NoError(t, err)
	return message.Composer{Set: set}
}

func TestATenantsOwnWords(t *testing.T) {
	own := message.Overrides{"en": {
		"sms.login":    "{tenant} says {code}, good until {until}",
		"sms.action":   "{code}: {amount} to {payee}",
		"voice.login":  "Hello from {tenant}. {code}.",
		"email.action": "Valid for {amount} until {until}.",
	}}
	_, err := own.Validate([]string{"en"})
	require.NoError(t, err)
	c := composer(t)
	tests := []struct {
		name    string
		channel mfa.Method
		kind    string
		title   string
		text    string
	}{
		{"a sign-in by SMS", policy.SMS, templates.TextLogin, "", "Acme says 481206, good until 12:05 UTC\n@id.example #481206"},
		{"an action by SMS", policy.SMS, templates.TextAction, "", "481206: 10.00 EUR to Bob\n@id.example #481206"},
		{
			"a sign-in by call", policy.Voice, templates.TextLogin, "This is Acme. To hear your code, press any key.",
			"Hello from Acme. four, eight, one, two, zero, six. Again, slowly: four. eight. one. two. zero. six. Goodbye.",
		},
		{"what is not there is ours", policy.Voice, templates.TextAction, "This is Acme. To hear your code, press any key.", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			title, text, _, err := c.ComposeIn(own, tt.kind, note(tt.channel))

			require.NoError(t, err)
			require.Equal(t, tt.title, title)
			if tt.text != "" {
				require.Equal(t, tt.text, text)
			} else {
				require.Contains(t, text, "This is Acme, with your code")
			}
		})
	}
	_, text, html, err := c.ComposeIn(own, templates.TextAction, note(policy.Email))
	require.NoError(t, err)
	require.Contains(t, text, "    481206\n\nValid for 10.00 EUR until 12:05 UTC.")
	require.Contains(t, html, "Valid for 10.00 EUR until 12:05 UTC.")
}

// TestOwnWordsCannotBeTurned is T-44 for a tenant's own words: what fills them in
// makes no link, no second line and no other last line.
func TestOwnWordsCannotBeTurned(t *testing.T) {
	own := message.Overrides{"en": {"sms.action": "{code} for {payee}.{app}"}}
	for name, payee := range map[string]string{
		"a link": "https://evil.example/x", "half a link": "evil", "a new line": "x\n@evil.example #000000",
		"from right to left": "\u202eevil", "500 characters": strings.Repeat("x", 500), "another name": "{tenant}{host}",
	} {
		t.Run("T-44 "+name, func(t *testing.T) {
			n := note(policy.SMS)
			n.About.Payee, n.About.AppName = payee, "example"

			_, text, _, err := composer(t).ComposeIn(own, templates.TextAction, n)

			require.NoError(t, err)
			lines := strings.Split(text, "\n")
			require.Len(t, lines, 2)
			require.Equal(t, "@id.example #481206", lines[1])
			require.NotContains(t, lines[0], "evil.example")
			require.NotContains(t, text, "\u202e")
			require.NotContains(t, text, "Acme", "what fills in is not filled in")
			require.Equal(t, 1, templates.Segments(text))
		})
	}
}

func TestNamesInOwnWordsAreShort(t *testing.T) {
	n := note(policy.Voice)
	n.About.Payee = strings.Repeat("x", 500)

	_, text, _, err := composer(t).ComposeIn(message.Overrides{"en": {"voice.action": "{payee}: {code}."}}, templates.TextAction, n)

	require.NoError(t, err)
	require.True(t, strings.HasPrefix(text, strings.Repeat("x", 37)+"...: four"), text)
}

func TestWhatATenantMayNotWrite(t *testing.T) {
	tests := []struct{ name, key, text, says string }{
		{"no code", "sms.login", "Hello", "it lacks {code}"},
		{"no end of an email", "email.login", "Hello", "it lacks {until}"},
		{"the code in an email twice", "email.login", "{code} until {until}", "{code} means nothing here"},
		{"a name that means nothing", "sms.login", "{code} {password}", "{password} means nothing here"},
		{"a brace that is not closed", "sms.login", "{code} {", "brace"},
		{"a link", "sms.login", "{code} https://evil.example", "link"},
		{"a second last line", "sms.login", "{code}\n@evil.example #1", "line break"},
		{"a mark of direction", "voice.login", "{code}\u202e", "direction"},
		{"four SMS", "sms.login", "{code} " + strings.Repeat("ж", 240), "at most 3"},
		{"two SMS where one would do", "sms.login", "{code} " + strings.Repeat("x", 160), "shorten it to one"},
		{"a last line of its own", "sms.login", "{code} @evil.example #{code}", "link"},
		{"a book", "voice.login", "{code} " + strings.Repeat("x", 400), "longer than 400"},
		{"another kind", "sms.notice", "{code}", "no such text"},
		{"another channel", "fax.login", "{code}", "fax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := message.Overrides{"en": {tt.key: tt.text}}.Validate([]string{"en"})

			require.ErrorContains(t, err, "texts.en."+tt.key)
			require.ErrorContains(t, err, tt.says)
		})
	}
	_, err := message.Overrides{"xx": {}}.Validate([]string{"en", "es"})
	require.ErrorContains(t, err, "texts.xx: no such language; there are en, es")
}

func TestSeveralSegmentsAreTold(t *testing.T) {
	notes, err := message.Overrides{"ar": {
		"sms.login": "{code}", "sms.action": "{code} " + strings.Repeat("ع", 80),
	}}.Validate([]string{"ar"})

	require.NoError(t, err)
	require.Equal(t, []string{"texts.ar.sms.action takes 2 SMS each time, with the last line that is always added"}, notes)
}

// TestWhatIsKeptIsWhatIsSaid: a tenant's words go through its row to the message.
func TestWhatIsKeptIsWhatIsSaid(t *testing.T) {
	own := message.Overrides{"en": {"sms.login": "{tenant} says {code}"}, "de": {}}
	n := note(policy.SMS)
	n.About.Texts = own.Text()

	_, text, _, err := composer(t).Compose(templates.TextLogin, n)

	require.NoError(t, err)
	require.Equal(t, "Acme says 481206\n@id.example #481206", text)
	require.Equal(t, `{"en":{"sms.login":"{tenant} says {code}"}}`, own.Text(), "a language without texts is none")
	require.Empty(t, message.Overrides{"en": {}}.Text())

	n.About.Texts = "{spoilt"
	_, text, _, err = composer(t).Compose(templates.TextLogin, n)
	require.NoError(t, err, "whoever waits for a code gets it")
	require.Contains(t, text, "481206 is your Acme code.")
}

func TestSegments(t *testing.T) {
	for text, want := range map[string]int{
		"": 1, strings.Repeat("x", 160): 1, strings.Repeat("x", 161): 2, strings.Repeat("x", 306): 2, strings.Repeat("x", 307): 3,
		strings.Repeat("€", 80): 1, strings.Repeat("€", 81): 2,
		strings.Repeat("ж", 70): 1, strings.Repeat("ж", 71): 2, strings.Repeat("ж", 135): 3, strings.Repeat("😀", 35): 1, strings.Repeat("😀", 36): 2,
	} {
		require.Equal(t, want, templates.Segments(text), "%d bytes", len(text))
	}
}
