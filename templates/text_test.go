package templates

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func loginText(channel string) TextData {
	return TextData{
		Channel: channel, Tenant: "Contractor", App: "Demo Shop", To: "alice@example.test", Host: "auth.example.com",
		Code: "481206", Now: noon, ExpiresAt: noon.Add(5 * time.Minute), Zone: cet,
	}
}

func payoutText(channel string) TextData {
	d := loginText(channel)
	d.ActionName = "payout.request"
	d.Slip = Slip{
		Amount: "1,250.00 EUR", Payee: "ACME GmbH", Facts: []Fact{{"account", "DE•• •••• 4821", true, false}},
		App: "Demo Shop", When: noon, Device: "Chrome on Linux",
	}
	return d
}

func edit(d TextData, change func(*TextData)) TextData {
	change(&d)
	return d
}

func TestTextSMS(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name string
		kind string
		data TextData
		want string
	}{
		{
			"a sign-in", TextLogin, loginText("sms"),
			"481206 is your Contractor code. Don't share it. It expires at 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a payout with its details", TextAction, payoutText("sms"),
			"Code 481206 to pay out 1,250.00 EUR to ACME GmbH ...4821 at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a payout to a long name says where the account ends", TextAction,
			edit(payoutText("sms"), func(d *TextData) { d.Slip.Payee = "International Widgets and Sprockets Holding" }),
			"Code 481206 to pay out 1,250.00 EUR to International Widgets and Sprockets H... ...4821 at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a payout to a name in another script says the account", TextAction,
			edit(payoutText("sms"), func(d *TextData) { d.Slip.Payee = "株式会社" }),
			"Code 481206 to pay out 1,250.00 EUR to ...4821 at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a payout to a name, when no account is known", TextAction, edit(payoutText("sms"), func(d *TextData) { d.Slip.Facts = nil }),
			"Code 481206 to pay out 1,250.00 EUR to ACME GmbH at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a payout without details", TextAction, edit(payoutText("sms"), func(d *TextData) { d.Slip = Slip{} }),
			"Code 481206 to confirm a payout at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"an action of the app's own", TextAction, edit(payoutText("sms"), func(d *TextData) { d.ActionName, d.Slip = "sign contract", Slip{} }),
			"Code 481206 to confirm \"sign contract\" at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"an action of the tenant's own, by its title, and for whom", TextAction,
			edit(payoutText("sms"), func(d *TextData) {
				d.ActionName, d.ActionTitle, d.Slip = "prescription.sign", "Sign a prescription", Slip{Payee: "Ana Pérez"}
			}),
			"Code 481206 to confirm \"Sign a prescription\", Ana Pérez, at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a bid and what it is for", TextAction,
			edit(payoutText("sms"), func(d *TextData) {
				d.ActionName, d.Slip = "bid.place", Slip{Amount: "480.00 EUR", Payee: "A walnut desk"}
			}),
			"Code 481206 to bid 480.00 EUR for A walnut desk at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a bid for something that the alphabet cannot say keeps its amount", TextAction,
			edit(payoutText("sms"), func(d *TextData) {
				d.ActionName, d.Slip = "bid.place", Slip{Amount: "480.00 EUR", Payee: "Письменный стол"}
			}),
			"Code 481206 to bid 480.00 EUR at Demo Shop. Don't share it. Until 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a code that ends within three minutes says the second", TextLogin, edit(loginText("sms"), func(d *TextData) { d.ExpiresAt = noon.Add(time.Minute) }),
			"481206 is your Contractor code. Don't share it. It expires at 14:32:08 CET.\n@auth.example.com #481206",
		},
		{
			"accents that the alphabet lacks", TextLogin, edit(loginText("sms"), func(d *TextData) { d.Tenant = "Łódź Čeština Ünïon" }),
			"481206 is your Lodz Cestina Ünion code. Don't share it. It expires at 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"a name in another script is left out, not mangled", TextLogin, edit(loginText("sms"), func(d *TextData) { d.Tenant = "Контрактор" }),
			"481206 is your sign-in code. Don't share it. It expires at 14:36 CET.\n@auth.example.com #481206",
		},
		{
			"no zone is UTC", TextLogin, edit(loginText("sms"), func(d *TextData) { d.Zone = nil }),
			"481206 is your Contractor code. Don't share it. It expires at 13:36 UTC.\n@auth.example.com #481206",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			subject, plain, html, err := s.Text("en", tt.kind, tt.data)

			require.NoError(t, err)
			require.Equal(t, tt.want, plain)
			require.Empty(t, subject+html)
		})
	}
}

// TestTextSMSIsOneSegment tries the longest and the worst that apps and tenants
// can send.
func TestTextSMSIsOneSegment(t *testing.T) {
	s := newTestSet(t)
	long := strings.Repeat("Long name ", 60)
	names := map[string]string{
		"short": "Acme", "long": long, "long without blanks": strings.Repeat("x", 500), "accents": strings.Repeat("ě", 90),
		"emoji": "Shop 🛍️", "euro signs": strings.Repeat("€", 80), "empty": "", "evil": evil,
		"link": "https://evil.example/pay?x=1", "forged last line": "x\n@evil.example #000000",
	}
	kinds := []string{TextLogin, TextAction}
	kinds = append(kinds, notices...)
	for what, name := range names {
		for _, kind := range kinds {
			for _, action := range append([]string{name}, actions...) {
				t.Run(what+" "+kind+" "+shorten(action, 20, ""), func(t *testing.T) {
					d := edit(payoutText("sms"), func(d *TextData) {
						d.Tenant, d.App, d.ActionName, d.Slip.Payee, d.Slip.Facts = name, name, action, name, nil
						d.Slip.Amount = "123,456,789.00 EUR"
						d.Host = strings.Repeat("a", 50) + ".example.com"
					})
					_, plain, _, err := s.Text("en", kind, d)

					require.NoError(t, err)
					n, ok := gsmLen(plain)
					require.True(t, ok, "in the GSM alphabet: %q", plain)
					require.LessOrEqual(t, n, 160, plain)
					if kind == TextLogin || kind == TextAction {
						lines := strings.Split(plain, "\n")
						require.Len(t, lines, 2, plain)
						require.Equal(t, "@"+d.Host+" #481206", lines[1])
						require.Contains(t, lines[0], "481206")
						require.NotContains(t, lines[0], "evil.example")
					}
				})
			}
		}
	}
}

func TestTextMail(t *testing.T) {
	s := newTestSet(t)
	d := payoutText("email")
	d.StopURL = "https://auth.example.com/stop/abc"

	subject, plain, body, err := s.Text("en", TextAction, d)

	require.NoError(t, err)
	require.Equal(t, "Code to pay out 1,250.00 EUR to ACME GmbH", subject)
	require.Equal(t, `Code to pay out 1,250.00 EUR to ACME GmbH

    481206

It works once, for this payout only, until 14:36 CET.

Account       DE•• •••• 4821
Requested by  Demo Shop, today 14:31 CET, Chrome on Linux

Didn’t ask for this? Stop it: https://auth.example.com/stop/abc
We never ask for this code by phone or chat.

--
Contractor sent this to alice@example.test because the address is used to confirm it’s you.
`, plain)
	doc, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	for _, said := range []string{"481206", "14:36 CET", "DE•• •••• 4821", "Demo Shop, today 14:31 CET, Chrome on Linux", "Stop it", "Contractor sent this"} {
		require.Contains(t, content(doc), said)
	}
}

func TestTextMailHoldsItsRules(t *testing.T) {
	s := newTestSet(t)
	for _, kind := range append([]string{TextLogin, TextAction}, notices...) {
		for what, change := range map[string]func(*TextData){
			"full":    func(d *TextData) {},
			"minimal": func(d *TextData) { *d = TextData{Channel: "email", Code: "481206", ExpiresAt: noon} },
			"evil": func(d *TextData) {
				d.Tenant, d.App, d.ActionName, d.Slip.Payee, d.Slip.Device, d.Slip.Amount = evil, evil, evil, evil, evil, evil
				d.Slip.Facts = []Fact{{evil, "see https://evil.example/pay or mail me@evil.example", false, false}}
			},
		} {
			t.Run(kind+" "+what, func(t *testing.T) {
				subject, plain, body, err := s.Text("en", kind, edit(payoutText("email"), change))

				require.NoError(t, err)
				require.NotEmpty(t, subject)
				require.NotContains(t, subject, "481206", "lock screens show subjects")
				require.NotContains(t, subject+plain, "<no value>")
				require.NotContains(t, subject, "\n")
				require.NotContains(t, subject+plain+body, "\u202e")
				require.NotContains(t, plain+body, "evil.example", "no link that we did not make")
				require.NotContains(t, body, "<script")
				require.True(t, utf8.ValidString(body))
				isCode := kind == TextLogin || kind == TextAction
				require.Equal(t, isCode, strings.Contains(plain, "481206"))
				require.Equal(t, isCode, strings.Contains(body, "481206"))
			})
		}
	}
}

func TestTextCall(t *testing.T) {
	s := newTestSet(t)

	greeting, plain, _, err := s.Text("en", TextAction, payoutText("voice"))

	require.NoError(t, err)
	require.Equal(t, "This is Contractor. To hear your code, press any key.", greeting)
	require.Equal(t, "This is Contractor, with your code to pay out 1,250.00 EUR to ACME GmbH. "+
		"The code is: four, eight, one, two, zero, six. Again, slowly: four. eight. one. two. zero. six. "+
		"It works until 14:36 CET. Don’t tell it to anyone. Goodbye.", plain)
}

func TestTextRefuses(t *testing.T) {
	s := newTestSet(t)
	tests := []struct {
		name string
		kind string
		data TextData
	}{
		{"an unknown kind", "code.other", loginText("email")},
		{"an unknown channel", TextLogin, loginText("pigeon")},
		{"a notice by call", NoticePasswordChanged, loginText("voice")},
		{"a code without digits", TextLogin, edit(loginText("sms"), func(d *TextData) { d.Code = "" })},
		{"a code without an end", TextLogin, edit(loginText("sms"), func(d *TextData) { d.ExpiresAt = time.Time{} })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, _, err := s.Text("en", tt.kind, tt.data)

			require.Error(t, err)
		})
	}
}

// TestTextInAnotherScript keeps names as they are: a language outside of the
// GSM alphabet pays for UTF-16 in any case.
func TestTextInAnotherScript(t *testing.T) {
	russian := translate(t, func(s string) string { return strings.NewReplacer("C", "К", "e", "е").Replace(s) }, nil)
	s, err := newSet(withLanguages(t, map[string]string{"en-XA": russian}))
	require.NoError(t, err)

	_, plain, _, err := s.Text("en-XA", TextLogin, edit(loginText("sms"), func(d *TextData) { d.Tenant = "Контрактор" }))

	require.NoError(t, err)
	require.Contains(t, plain, "Контрактор")
	require.True(t, strings.HasSuffix(plain, "\n@auth.example.com #481206"))
	require.LessOrEqual(t, utf8.RuneCountInString(plain), 134)
}

func TestUnlink(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Dr. Smith & Sons", "Dr. Smith & Sons"},
		{"ACME GmbH", "ACME GmbH"},
		{"https://evil.example/pay", "evil. example/pay"},
		{"a.b.c.d", "a. b. c. d"},
		{"me@evil.example", "me at evil. example"},
		{"DE89 3704", "DE89 3704"},
		{"v1.2", "v1.2"},
		{"evil․com", "evil. com"},
		{"evil．com", "evil. com"},
		{"evil。com", "evil. com"},
		{"evil\u0308.com", "evil\u0308. com"},
		{"evil.\u0301com", "evil. \u0301com"},
		{"＠bank․example ＃999999", "at bank. example #999999"},
		{"93.184.216.34/x", "93. 184. 216. 34/x"},
		{"International…", "International…"},
		{"St. Gallen", "St. Gallen"},
		{"№ 5 ½", "№ 5 ½"},
		{"line\nbreak\u202e \u200bzero", "line break zero"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			require.Equal(t, tt.want, unlink(tt.in))
		})
	}
}
