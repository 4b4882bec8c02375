package details

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// edit returns the array with doc in it, after the member at pointer was set to
// value, or removed if value is nil.
func edit(t *testing.T, doc, pointer string, value any) []byte {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(doc), &v))
	names := split(pointer)
	object := v.(map[string]any)
	for _, name := range names[:len(names)-1] {
		object = object[name].(map[string]any)
	}
	last := names[len(names)-1]
	object[last] = value
	if value == nil {
		delete(object, last)
	}
	out, err := json.Marshal([]any{v})
	require.NoError(t, err)
	return out
}

func TestSoundTransactionsAreTakenInTheirCanonicalForm(t *testing.T) {
	r := newRegistry(t)
	for _, doc := range sound() {
		d, err := r.Parse([]byte(" [ " + doc + " ]\n"))
		require.NoError(t, err)
		want, err := Canonical([]byte(doc))
		require.NoError(t, err)
		require.Equal(t, string(want), string(d.Canonical))

		again, err := r.Open(d.Canonical)
		require.NoError(t, err)
		require.Equal(t, d, again)
	}
}

func TestWhatIsLeftOutMayBeMissing(t *testing.T) {
	r := newRegistry(t)
	for pointer, doc := range map[string]string{"/reference": payout, "/current": newAccount, "/seller": bid} {
		d, err := r.Parse(edit(t, doc, pointer, nil))
		require.NoError(t, err, pointer)
		full, err := r.Parse([]byte("[" + doc + "]"))
		require.NoError(t, err)
		require.Len(t, d.Lines(), len(full.Lines())-1)
	}
}

func TestTransactionsThatAreRefused(t *testing.T) {
	iban := map[string]any{"iban": "NO9386011117947"}
	wallet := map[string]any{"network": "bitcoin", "address": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}
	tests := []struct {
		name    string
		doc     string
		pointer string
		value   any // nil to remove it
		want    Fault
		at      string
	}{
		{"another type", payout, "/type", "payout.requests", FaultUnknownType, "/0/type"},
		{"a type that is no text", payout, "/type", 7, FaultMalformed, "/0"},
		{"no type", payout, "/type", nil, FaultMalformed, "/0"},
		{"no txn_id", payout, "/txn_id", nil, FaultSchema, "/0"},
		{"an empty txn_id", payout, "/txn_id", "", FaultSchema, "/0/txn_id"},
		{"a txn_id of 64", payout, "/txn_id", strings.Repeat("x", 64), "", ""},
		{"a txn_id of 65", payout, "/txn_id", strings.Repeat("x", 65), FaultSchema, "/0/txn_id"},
		{"a txn_id with a space", payout, "/txn_id", "a b", FaultSchema, "/0/txn_id"},
		{"a txn_id with a line break at its end", payout, "/txn_id", "ab\n", FaultSchema, "/0/txn_id"},
		{"a txn_id that is a number", payout, "/txn_id", 12, FaultSchema, "/0/txn_id"},
		{"a member that nobody knows", payout, "/fee", "1.00", FaultSchema, "/0"},
		{"the same, inside", payout, "/payee/bic", "X", FaultSchema, "/0/payee"},
		{"the members of RFC 9396 that no type has", payout, "/locations", []string{"https://x.example"}, FaultSchema, "/0"},
		{"no amount", payout, "/amount", nil, FaultSchema, "/0"},
		{"an amount without currency", payout, "/amount/currency", nil, FaultSchema, "/0/amount"},
		{"an amount that is a number", payout, "/amount/value", 1250, FaultSchema, "/0/amount/value"},
		{"an amount that is null", payout, "/amount", json.RawMessage("null"), FaultSchema, "/0/amount"},
		{"an amount with too few digits", payout, "/amount/value", "1250.0", FaultAmount, "/0/amount/value"},
		{"an unknown currency", payout, "/amount/currency", "EUX", FaultCurrency, "/0/amount/currency"},
		{"a payee without account", payout, "/payee/account", nil, FaultSchema, "/0/payee"},
		{"a wrong IBAN", payout, "/payee/account/iban", "DE89370400440532013001", FaultIBAN, "/0/payee/account/iban"},
		{"an empty name", payout, "/payee/name", "", FaultSchema, "/0/payee/name"},
		{"a name of 140", payout, "/payee/name", strings.Repeat("é", 140), "", ""},
		{"a name of 141", payout, "/payee/name", strings.Repeat("é", 141), FaultSchema, "/0/payee/name"},
		{"a name of 140 that is longer before it is normalised", payout, "/payee/name", strings.Repeat("e\u0301", 140), "", ""},
		{"a name that turns the line round", payout, "/payee/name", "ACME\u202e", FaultText, "/0/payee/name"},
		{"a reference with an address", payout, "/reference", "see www.x.example", FaultText, "/0/reference"},
		{"a reference that is a list", payout, "/reference", []string{"a"}, FaultSchema, "/0/reference"},
		{"coins to a bank", payout, "/amount", map[string]any{"value": "1.00000000", "currency": "BTC"}, FaultCurrency, "/0/amount/currency"},
		{"a change that there is not", newAccount, "/change", "remove_payout_account", FaultSchema, "/0/change"},
		{"an account that is not masked", newAccount, "/current/masked", "DE89370400440532013000", FaultMasked, "/0/current/masked"},
		{"an empty object", newAccount, "/current", map[string]any{}, FaultSchema, "/0/current"},
		{"no destination", toBank, "/destination", map[string]any{}, FaultSchema, "/0/destination"},
		{"two destinations", toBank, "/destination", map[string]any{"account": iban, "wallet": wallet}, FaultSchema, "/0/destination"},
		{"yen to a wallet", toBank, "/destination", map[string]any{"wallet": wallet}, FaultCurrency, "/0/amount/currency"},
		{"bitcoins over Ethereum", toWallet, "/destination/wallet", map[string]any{"network": "ethereum", "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}, FaultCurrency, "/0/amount/currency"},
		{"a network that there is not", toWallet, "/destination/wallet/network", "dogecoin", FaultSchema, "/0/destination/wallet/network"},
		{"a wrong address", toWallet, "/destination/wallet/address", "bc1q", FaultWallet, "/0/destination/wallet/address"},
		{"a bid in coins", bid, "/amount", map[string]any{"value": "1.500000000000000000", "currency": "ETH"}, "", ""},
		{"an item without title", bid, "/item/title", nil, FaultSchema, "/0/item"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newRegistry(t).Parse(edit(t, tt.doc, tt.pointer, tt.value))

			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			requireFault(t, err, tt.want, tt.at)
		})
	}
}

func TestTheParameterAsAWhole(t *testing.T) {
	other := strings.Replace(payout, "po-1", "po-2", 1)
	padded := func(size int) string { return "[" + payout + strings.Repeat(" ", size-len(payout)-2) + "]" }
	tests := []struct {
		name, param string
		want        Fault
		at          string
	}{
		{"4 KiB", padded(4096), "", ""},
		{"one byte more", padded(4097), FaultTooLarge, ""},
		{"too large, and no JSON either", strings.Repeat("x", 5000), FaultTooLarge, ""},
		{"an object without an array", payout, FaultMalformed, ""},
		{"nothing in the array", "[]", FaultMalformed, ""},
		{"nothing", "", FaultMalformed, ""},
		{"null", "null", FaultMalformed, ""},
		{"a text in the array", `["payout.request"]`, FaultMalformed, "/0"},
		{"two transactions", "[" + payout + "," + other + "]", FaultSeveral, ""},
		{"the same one twice", "[" + payout + "," + payout + "]", FaultSeveral, ""},
		{"two of two types", "[" + payout + "," + bid + "]", FaultSeveral, ""},
		{"a transaction and something unknown", "[" + payout + `,{"type":"x"}]`, FaultUnknownType, "/1/type"},
		{"six elements", "[" + strings.Repeat(`{"type":"x"},`, 5) + `{"type":"x"}]`, FaultTooLarge, ""},
		{"eight levels", `[{"type":"payout.request","a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}]`, FaultSchema, "/0"},
		{"nine levels", `[{"type":"payout.request","a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}]`, FaultTooLarge, ""},
		{"a member twice", "[" + strings.Replace(payout, `"name":"ACME GmbH"`, `"name":"ACME GmbH","name":"ACME AG"`, 1) + "]", FaultDuplicate, ""},
		{"half a surrogate pair", "[" + strings.Replace(payout, "ACME", `\ud83d`, 1) + "]", FaultMalformed, ""},
		{"something behind it", "[" + payout + "]]", FaultMalformed, ""},
		{"a number no double holds", "[" + strings.Replace(payout, `"po-1"`, "1e999", 1) + "]", FaultMalformed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newRegistry(t).Parse([]byte(tt.param))

			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			requireFault(t, err, tt.want, tt.at)
		})
	}
}

func TestATransactionThatGrowsPastTheLimitWhenNormalised(t *testing.T) {
	// U+0958 has three bytes, and six in normal form C, which takes it apart.
	doc := `[{"type":"x.wide","txn_id":"1"`
	for _, name := range strings.Split(wideNames, "") {
		doc += `,"` + name + `":"` + strings.Repeat("\u0958", 70) + `"`
	}
	doc += "}]"
	require.Less(t, len(doc), largestParam)

	_, err := newRegistry(t, wide()).Parse([]byte(doc))

	requireFault(t, err, FaultTooLarge, "/0")
}

// wideNames are the members of the type that wide returns.
const wideNames = "abcdefghij"

// wide is a type with many long texts.
func wide() Type {
	t := Type{Name: "x.wide"}
	properties := `"type":{"const":"x.wide"},"txn_id":{"type":"string"}`
	for _, name := range strings.Split(wideNames, "") {
		properties += `,"` + name + `":{"type":"string","maxLength":140}`
		t.Show = append(t.Show, Shown{At: "/" + name, As: AsText, Label: "item"})
	}
	t.Schema = json.RawMessage(`{"type":"object","additionalProperties":false,"required":["type","txn_id"],"properties":{` + properties + `}}`)
	return t
}

func TestOnlyCanonicalBytesAreOpened(t *testing.T) {
	r := newRegistry(t)
	d, err := r.Parse([]byte("[" + payout + "]"))
	require.NoError(t, err)
	canonical := string(d.Canonical)
	tests := []struct {
		name, stored string
		want         Fault
	}{
		{"a space", canonical + " ", FaultChanged},
		{"members in another order", payout, FaultChanged},
		{"an escape", strings.Replace(canonical, "ACME", `\u0041CME`, 1), FaultChanged},
		{"a mark that has no letter to join", strings.Replace(canonical, "ACME", "ACMQ\u0301", 1), ""},
		{"a text that is not normal", strings.Replace(canonical, "ACME", "ACME E\u0301", 1), FaultChanged},
		{"an array", "[" + canonical + "]", FaultMalformed},
		{"half of it", canonical[:20], FaultMalformed},
		{"nothing", "", FaultMalformed},
		{"a type that is gone", strings.Replace(canonical, "payout.request", "payout.revoked", 1), FaultUnknownType},
		{"too many bytes", canonical + strings.Repeat(" ", 4096), FaultTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.Open([]byte(tt.stored))

			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			e := err.(*Error) //nolint:errorlint // it is what Open returns
			requireFault(t, err, tt.want, e.At)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, doc := range sound() {
		f.Add([]byte("[" + doc + "]"))
	}
	f.Add([]byte(`[{"type":"payout.request","type":"bid.place"}]`))
	f.Add([]byte(`[{"type":"x"},{}]`))
	r := newRegistry(f)
	f.Fuzz(func(t *testing.T, param []byte) {
		d, err := r.Parse(param)
		if err != nil {
			e, ok := err.(*Error) //nolint:errorlint // nothing wraps it
			require.True(t, ok)
			requireFault(t, err, e.Kind, e.At)
			return
		}
		again, err := r.Open(d.Canonical)
		require.NoError(t, err)
		require.Equal(t, d, again)
		for _, l := range d.Lines() {
			require.NotEmpty(t, l.Value)
			require.Empty(t, textFault(l.Value), "%+q", l.Value)
		}
		require.LessOrEqual(t, len([]rune(d.Summary().To)), 40)
	})
}
