package message_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// TestTheAccountOfAnActionHasANameOfItsOwn: "Account" alone could be the
// one that the reader signs in to.
func TestTheAccountOfAnActionHasANameOfItsOwn(t *testing.T) {
	for action, want := range map[string]string{
		"payout.request": "To account    ••3000\n", "withdrawal.confirm": "To account    ••3000\n",
		"payment_details.add": "New account   ••3000\n", "prescription.sign": "Account       ••3000\n",
	} {
		t.Run(action, func(t *testing.T) {
			n := note(policy.Email)
			n.Action, n.About.Account = action, "3000"

			_, text, html, err := composer(t).Compose(templates.TextAction, n)

			require.NoError(t, err)
			require.Contains(t, text, "\n"+want)
			require.Contains(t, html, "••3000")
		})
	}
}

// TestAMessageSaysWhereTheAccountEnds in every channel that names it.
func TestAMessageSaysWhereTheAccountEnds(t *testing.T) {
	tests := []struct{ name, action, title, sms string }{
		{"a payout", "payout.request", "Code to pay out 10.00 EUR to Bob", "Code 481206 to pay out 10.00 EUR to Bob ...3000 at Shop."},
		{"another account for payouts", "payment_details.add", "Code to change your payout account: Bob, …3000, at Shop", "Code 481206 to change your payout account: Bob ...3000, at Shop."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := note(policy.Email)
			n.Action, n.About.Account, n.About.Amount, n.About.Currency = tt.action, "3000", "10.00", "EUR"
			title, _, _, err := composer(t).Compose(templates.TextAction, n)
			require.NoError(t, err)
			n.Channel = policy.SMS
			_, sms, _, err := composer(t).Compose(templates.TextAction, n)
			require.NoError(t, err)

			require.Equal(t, tt.title, title)
			require.Contains(t, sms, tt.sms)
		})
	}
}
