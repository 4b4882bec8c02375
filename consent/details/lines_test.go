package details

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func parsed(t *testing.T, r *Registry, doc string) Detail {
	t.Helper()
	d, err := r.Parse([]byte("[" + doc + "]"))
	require.NoError(t, err)
	return d
}

func TestLinesOfThePage(t *testing.T) {
	euros := Amount{"1250.00", "EUR"}
	tests := []struct {
		name, doc string
		want      []Line
	}{
		{"a payout", payout, []Line{
			{Label: "amount", Kind: AsAmount, Value: "1250.00 EUR", Amount: euros},
			{Label: "payee", Kind: AsText, Value: "ACME GmbH"},
			{Label: "account", Kind: AsIBAN, Value: "DE•• •••• 3000"},
			{Label: "reference", Kind: AsText, Value: "Invoice 7"},
		}},
		{"another account", newAccount, []Line{
			{Label: "change", Kind: AsChoice, Value: "replace_payout_account"},
			{Label: "current_account", Kind: AsMasked, Value: "…1234"},
			{Label: "new_account", Kind: AsIBAN, Value: "GB•• •••• 6819"},
			{Label: "holder", Kind: AsText, Value: "Dolores Planted"},
		}},
		{"a withdrawal to a bank", toBank, []Line{
			{Label: "amount", Kind: AsAmount, Value: "500 JPY", Amount: Amount{"500", "JPY"}},
			{Label: "destination", Kind: AsIBAN, Value: "NO•• •••• 7947"},
		}},
		{"a withdrawal to a wallet", toWallet, []Line{
			{Label: "amount", Kind: AsAmount, Value: "0.01500000 BTC", Amount: Amount{"0.01500000", "BTC"}},
			{Label: "network", Kind: AsChoice, Value: "bitcoin"},
			{Label: "wallet", Kind: AsWallet, Value: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
		}},
		{"a bid", bid, []Line{
			{Label: "offer", Kind: AsAmount, Value: "75.500 KWD", Amount: Amount{"75.500", "KWD"}},
			{Label: "item", Kind: AsText, Value: "A lamp"},
			{Label: "item_id", Kind: AsText, Value: "lot-9"},
			{Label: "seller", Kind: AsText, Value: "House of Lamps"},
		}},
		{"a name in disguise", strings.Replace(payout, "ACME", "АСМЕ", 1), []Line{
			{Label: "amount", Kind: AsAmount, Value: "1250.00 EUR", Amount: euros},
			{Label: "payee", Kind: AsText, Value: "АСМЕ GmbH", Suspicious: true},
			{Label: "account", Kind: AsIBAN, Value: "DE•• •••• 3000"},
			{Label: "reference", Kind: AsText, Value: "Invoice 7"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, parsed(t, newRegistry(t), tt.doc).Lines())
		})
	}
	require.Nil(t, Detail{}.Lines())
}

func TestSummariesOfMessages(t *testing.T) {
	tests := []struct {
		name, doc string
		want      Summary
	}{
		{"a payout", payout, Summary{Amount{"1250.00", "EUR"}, "ACME GmbH", "3000"}},
		{"another account", newAccount, Summary{Amount{}, "Dolores Planted", "6819"}},
		{"a withdrawal to a bank", toBank, Summary{Amount{"500", "JPY"}, "", "7947"}},
		{"a withdrawal to a wallet", toWallet, Summary{Amount{"0.01500000", "BTC"}, "", "f3t4"}},
		{"a bid", bid, Summary{Amount{"75.500", "KWD"}, "A lamp", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, parsed(t, newRegistry(t), tt.doc).Summary())
		})
	}
	require.Zero(t, Detail{}.Summary())
}

func TestEveryAmountCounts(t *testing.T) {
	withFee := Builtin()[2]
	withFee.Schema = json.RawMessage(strings.Replace(string(withFee.Schema), `"reference": {`, `"fee": {"type": "object",
		"additionalProperties": false, "required": ["value", "currency"],
		"properties": {"value": {"type": "string"}, "currency": {"type": "string"}}}, "reference": {`, 1))
	withFee.Show = append(withFee.Show, Shown{At: "/fee", As: AsAmount, Labels: map[string]string{"en": "Fee"}})
	r := newRegistry(t, withFee)
	doc := strings.Replace(payout, `"reference"`, `"fee":{"value":"2.50","currency":"EUR"},"reference"`, 1)

	require.Equal(t, []Amount{{"1250.00", "EUR"}, {"2.50", "EUR"}}, parsed(t, r, doc).Amounts())
	require.Equal(t, []Amount{{"1250.00", "EUR"}}, parsed(t, r, payout).Amounts())
	require.Empty(t, parsed(t, r, newAccount).Amounts())

	withFee.Message.Amount = ""
	_, err := NewRegistry(withFee)
	require.ErrorContains(t, err, "which money it is about")
}

func TestNamesAreShortenedForMessages(t *testing.T) {
	forty := strings.Repeat("x", 40)
	for name, want := range map[string]string{
		forty:                                 forty,
		forty + "y":                           forty[:39] + "…",
		forty[:38] + " yz":                    forty[:38] + "…",
		forty[:38] + "q\u0301\u0302" + "zzzz": forty[:38] + "…",
		"A":                                   "A",
	} {
		require.Equal(t, want, shorten(name, 40))
	}
}

func TestTheEndOfAnAccount(t *testing.T) {
	for account, want := range map[string]string{
		"DE89370400440532013000": "3000", "…1234": "1234", "DE89 **** **** 30 00": "3000", "**7": "7",
	} {
		require.Equal(t, want, accountTail(account))
	}
}
