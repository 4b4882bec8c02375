package details

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireFault wants err to be of kind want at at, with a text that may be sent.
func requireFault(t *testing.T, err error, want Fault, at string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%v is no *Error", err)
	require.Equal(t, want, e.Kind, e.Error())
	require.Equal(t, at, e.At, e.Error())
	require.Regexp(t, `^[ !#-\[\]-~]{10,200}$`, e.Text)
}

func newRegistry(t testing.TB, own ...Type) *Registry {
	t.Helper()
	r, err := NewRegistry(own...)
	require.NoError(t, err)
	return r
}

// Sound transactions, one of each kind.
const (
	payout = `{"type":"payout.request","txn_id":"po-1","amount":{"value":"1250.00","currency":"EUR"},` +
		`"payee":{"name":"ACME GmbH","account":{"iban":"DE89370400440532013000"}},"reference":"Invoice 7"}`
	newAccount = `{"type":"payment_details.add","txn_id":"pd:1","change":"replace_payout_account",` +
		`"current":{"masked":"…1234"},"new":{"holder":"Dolores Planted","account":{"iban":"GB29NWBK60161331926819"}}}`
	toBank = `{"type":"withdrawal.confirm","txn_id":"w.1","amount":{"value":"500","currency":"JPY"},` +
		`"destination":{"account":{"iban":"NO9386011117947"}}}`
	toWallet = `{"type":"withdrawal.confirm","txn_id":"w_2","amount":{"value":"0.01500000","currency":"BTC"},` +
		`"destination":{"wallet":{"network":"bitcoin","address":"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}}}`
	bid = `{"type":"bid.place","txn_id":"b-1","amount":{"value":"75.500","currency":"KWD"},` +
		`"item":{"id":"lot-9","title":"A lamp"},"seller":"House of Lamps"}`
)

func sound() []string { return []string{payout, newAccount, toBank, toWallet, bid} }
