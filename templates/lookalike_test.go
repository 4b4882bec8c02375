package templates

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

// linked is what a telephone or a mail program makes a link of, and what binds a code to
// a host.
var linked = regexp.MustCompile(`[\p{L}\p{M}\p{N}\p{S}]\.\p{M}*\p{L}|\d\.\d+\.\d+\.\d|://|@`)

// TestNoNameBecomesALink looks at a message as whoever folds it on its way would: a
// gateway, a telephone, a mail program.
func TestNoNameBecomesALink(t *testing.T) {
	s := newTestSet(t)
	for what, name := range map[string]string{
		"a plain one": "evil.com", "a dot leader": "evil․com", "a full-width dot": "evil．com", "a small dot": "evil﹒com",
		"an ideographic stop": "evil。com", "a half-width stop": "evil｡com", "a digit with a dot": "evil⒈com",
		"a mark before the dot": "evil\u0308.com", "a mark after the dot": "evil.\u0301com", "a picture before the dot": "evil❤️.com",
		"an imitation of the last line": "＠bank․example ＃999999", "a small at sign": "﹫bank.example #999999",
		"an address of the network": "93.184.216.34/x", "one in full width": "９３．１８４．２１６．３４/x", "a scheme": "https：／／evil/x",
	} {
		for _, lang := range []string{"en", "de", "ar"} {
			for _, channel := range []string{"sms", "email"} {
				t.Run(what+" "+lang+" "+channel, func(t *testing.T) {
					for _, action := range []string{"payout.request", "prescription.sign"} {
						d := edit(payoutText(channel), func(d *TextData) {
							d.To, d.ActionName, d.ActionTitle, d.Slip.Payee, d.App, d.Tenant = "", action, name, name, name, name
							d.Slip.Facts = []Fact{{"account", "••4821", true, false}, {name, name, false, false}}
						})

						subject, plain, _, err := s.Text(lang, TextAction, d)

						require.NoError(t, err)
						if channel == "sms" {
							said, last, _ := strings.Cut(plain, "\n")
							require.Equal(t, "@auth.example.com #481206", last)
							plain = said
						}
						for _, form := range []string{plain, norm.NFKC.String(plain), strings.NewReplacer("。", ".", "｡", ".").Replace(plain)} {
							require.Empty(t, linked.FindString(subject+"\n"+form), "%+q", plain)
						}
					}
				})
			}
		}
	}
}

func TestAnAmountKeepsItsCurrency(t *testing.T) {
	s := newTestSet(t)
	tests := []struct{ name, lang, amount, want string }{
		{"the longest that can be confirmed", "en", "123,456,789,012,345.123456789012345678 ETH", "123,456,789,012,345.123456789012345678 ETH"},
		{"30 characters and more", "en", "123,456,789,012,345.12345678 BTC", "123,456,789,012,345.12345678 BTC"},
		{"groups with blanks", "fr", s.Amount("fr", "123456789012345.12345678", "BTC"), "123 456 789 012 345,12345678 BTC"},
		{"longer than any", "en", strings.Repeat("9", 500) + ".00 EUR", strings.Repeat("9", 41) + "... EUR"},
		{"no amount at all", "en", "a." + strings.Repeat("b", 500), "a. " + strings.Repeat("b", 24) + "..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, channel := range []string{"sms", "email", "voice"} {
				subject, plain, _, err := s.Text(tt.lang, TextAction, edit(payoutText(channel), func(d *TextData) { d.Slip.Amount = tt.amount }))

				require.NoError(t, err)
				require.Contains(t, subject+plain, tt.want+" ", channel)
				if channel == "sms" {
					fitsItsSegments(t, tt.lang, plain)
				}
			}
		})
	}
}

func TestATextInUTF16IsMeasuredInItsUnits(t *testing.T) {
	s := newTestSet(t)
	for _, payee := range []string{strings.Repeat("😀", 20), strings.Repeat("😀", 60), "متجر"} {
		_, plain, _, err := s.Text("ar", TextAction, edit(payoutText("sms"), func(d *TextData) { d.Slip.Payee, d.App = payee, payee }))

		require.NoError(t, err)
		require.LessOrEqual(t, Segments(plain), 2, plain)
		require.True(t, strings.HasSuffix(plain, "\n@auth.example.com #481206"))
	}
}
