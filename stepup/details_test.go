package stepup_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func aPayout(txn string) stepup.Payout {
	return stepup.Payout{
		TxnID: txn, Amount: stepup.Money{Value: "1250.00", Currency: "EUR"},
		Payee: stepup.Payee{Name: "ACME <GmbH>", IBAN: "DE89370400440532013000"}, Reference: "Invoice 7",
	}
}

func TestCanonical(t *testing.T) {
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
	for _, tt := range []struct {
		name, raw, want string // "" for refused
	}{
		{"members are sorted by UTF-16, as the example of RFC 8785 has it", `{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`, "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}"},
		{"numbers, as the example of RFC 8785 has them", `[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]`, `[333333333.3333333,1e+30,4.5,0.002,1e-27]`},
		{"minus zero, and the edges of exponents", `[-0, 1e21, 999999999999999900000, 1e-7, 0.000001]`, `[0,1e+21,999999999999999900000,1e-7,0.000001]`},
		{"texts, with the escapes that have to be and no other", `"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/</script>\u2028"`, "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/</script>\u2028\""},
		{"literals and white space", ` { "b" : [ null , true , false ] , "a" : { } } `, `{"a":{},"b":[null,true,false]}`},
		{"texts are not normalised", `"e\u0301"`, "\"e\u0301\""},
		{"a member twice", `{"a":1,"a":1}`, ""},
		{"a member twice, once escaped", `{"a":1,"\u0061":2}`, ""},
		{"half of a surrogate pair", `"\ud83d"`, ""},
		{"half of a surrogate pair in a name", `{"\udead":1}`, ""},
		{"what is left of a text that was none", `"\ufffd"`, ""},
		{"a code point that is no character", `"\ufdd0"`, ""},
		{"a whole number that a double cannot hold", `9007199254740993`, ""},
		{"a number past the range", `1e400`, ""},
		{"a number that would be nothing", `1e-400`, ""},
		{"levels without end", deep, ""},
		{"something behind the value", `{} {}`, ""},
		{"nothing", ``, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := stepup.Canonical(json.RawMessage(tt.raw))

			require.Equal(t, tt.want, string(got))
			require.Equal(t, tt.want == "", err != nil, "%v", err)
		})
	}
	for name, value := range map[string]any{
		"a text that is not UTF-8":          map[string]string{"a": "\xff"},
		"a name that is not UTF-8":          map[string]string{"\xff": "a"},
		"raw JSON that is not UTF-8":        json.RawMessage("\"\xff\""),
		"what encoding/json has no form of": math.NaN(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stepup.Canonical(value)
			require.Error(t, err)
		})
	}
}

func TestDetailsAreWrittenAsTheServerReadsThem(t *testing.T) {
	money := stepup.Money{Value: "1250.00", Currency: "EUR"}
	const iban = "DE89370400440532013000"
	for _, tt := range []struct {
		name   string
		detail stepup.Detail
		want   string
	}{
		{"a payout", aPayout("t"), `{"amount":{"currency":"EUR","value":"1250.00"},"payee":{"account":{"iban":"DE89370400440532013000"},"name":"ACME <GmbH>"},"reference":"Invoice 7","txn_id":"t","type":"payout.request"}`},
		{"a payout without a reference", &stepup.Payout{TxnID: "t", Amount: money}, `{"amount":{"currency":"EUR","value":"1250.00"},"payee":{"account":{"iban":""},"name":""},"txn_id":"t","type":"payout.request"}`},
		{"another account", stepup.PaymentDetails{TxnID: "t", Change: stepup.ReplacePayoutAccount, Current: "…1234", Holder: "A", IBAN: iban}, `{"change":"replace_payout_account","current":{"masked":"…1234"},"new":{"account":{"iban":"DE89370400440532013000"},"holder":"A"},"txn_id":"t","type":"payment_details.add"}`},
		{"a first account", stepup.PaymentDetails{TxnID: "t", Change: stepup.AddPayoutAccount, Holder: "A", IBAN: iban}, `{"change":"add_payout_account","new":{"account":{"iban":"DE89370400440532013000"},"holder":"A"},"txn_id":"t","type":"payment_details.add"}`},
		{"a withdrawal to an account", stepup.Withdrawal{TxnID: "t", Amount: money, IBAN: iban}, `{"amount":{"currency":"EUR","value":"1250.00"},"destination":{"account":{"iban":"DE89370400440532013000"}},"txn_id":"t","type":"withdrawal.confirm"}`},
		{"a withdrawal to a wallet", stepup.Withdrawal{TxnID: "t", Amount: money, Wallet: &stepup.Wallet{Network: "bitcoin", Address: "1A"}}, `{"amount":{"currency":"EUR","value":"1250.00"},"destination":{"wallet":{"address":"1A","network":"bitcoin"}},"txn_id":"t","type":"withdrawal.confirm"}`},
		{"a withdrawal to nowhere", stepup.Withdrawal{TxnID: "t", Amount: money}, ""},
		{"a withdrawal to two places", stepup.Withdrawal{TxnID: "t", Amount: money, IBAN: iban, Wallet: &stepup.Wallet{}}, ""},
		{"a bid", stepup.Bid{TxnID: "t", Amount: money, Item: stepup.Item{ID: "7", Title: "A clock"}, Seller: "Bo"}, `{"amount":{"currency":"EUR","value":"1250.00"},"item":{"id":"7","title":"A clock"},"seller":"Bo","txn_id":"t","type":"bid.place"}`},
		{"an action without details", stepup.PlainAction("payout.request"), `{"type":"payout.request"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := stepup.Canonical(tt.detail)

			require.Equal(t, tt.want, string(got))
			require.Equal(t, tt.want == "", err != nil, "%v", err)
		})
	}
}

func TestDetailsHashIsOfAllFour(t *testing.T) {
	hash := func(issuer, client, sub string, d stepup.Detail) string {
		return must(stepup.DetailsHash(issuer, client, sub, d))
	}
	want := hash("https://id.example", "app", "alice", aPayout("t"))
	require.Equal(t, "rbmlYzYtq5bijPjycpLfn2UxuLvqvvoEDygQvoNwTwI", want, "a second implementation agrees")
	require.Equal(t, want, hash("https://id.example", "app", "alice", json.RawMessage(must(stepup.Canonical(aPayout("t"))))), "it is of the canonical form")
	for name, other := range map[string]string{
		"another server":      hash("https://id.examplf", "app", "alice", aPayout("t")),
		"another app":         hash("https://id.example", "apq", "alice", aPayout("t")),
		"another user":        hash("https://id.example", "app", "alicf", aPayout("t")),
		"another transaction": hash("https://id.example", "app", "alice", aPayout("u")),
	} {
		require.NotEqual(t, want, other, name)
	}
	_, err := stepup.DetailsHash("https://id.example", "app", "\xff", aPayout("t"))
	require.Error(t, err, "a user that is no text")
}
