package details

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestARefusalSaysWhere: an app reads the text alone, so the text names the place, by
// names of the schema and never by those that were sent.
func TestARefusalSaysWhere(t *testing.T) {
	tests := []struct {
		name    string
		doc     string
		pointer string
		value   any
		says    string
	}{
		{"a text that is none", payout, "/payee/name", 7, "/payee/name: Send a text."},
		{"an object that is none", payout, "/payee", "ACME", "/payee: Send an object."},
		{"an empty text", payout, "/payee/name", "", "/payee/name: Send 1 to 140 characters."},
		{"a text that is too long", payout, "/payee/name", strings.Repeat("x", 141), "/payee/name: Send 1 to 140 characters."},
		{"a member that is missing", payout, "/payee/name", nil, "/payee: The object lacks name."},
		{"a member that is missing at the top", payout, "/payee", nil, "The object lacks payee."},
		{"a member that there is not", payout, "/payee/secret_of_ann", "1", "/payee: The object has a member that its type does not know; it may have account, name."},
		{"a choice that there is not", newAccount, "/change", "rob", "/change: Send one of replace_payout_account, add_payout_account."},
		{"too few digits", payout, "/amount/value", "1.5", "/amount/value: An amount in this currency has exactly 2 digits after its point."},
		{"no currency", payout, "/amount/currency", "XXQ", "/amount/currency: This is no currency that can be confirmed; send a code of ISO 4217 in capital letters, such as EUR."},
		{"a txn_id with a space", payout, "/txn_id", "a b", "/txn_id: A txn_id is 1 to 64 letters of ASCII, digits, dots, colons, underscores and hyphens."},
		{"a type nearly of that name", payout, "/type", "payout.reqest", "This tenant has no such type of authorization_details. Was payout.request meant?"},
		{"another type", payout, "/type", "loan.sign", "This tenant has no such type of authorization_details."},
		{"a type that is half of one", payout, "/type", "payout.re", "This tenant has no such type of authorization_details."},
		{"a type as long as it can be", payout, "/type", strings.Repeat("payout.request", 200), "This tenant has no such type of authorization_details."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newRegistry(t).Parse(edit(t, tt.doc, tt.pointer, tt.value))

			e, ok := errors.AsType[*Error](err)
			require.True(t, ok)
			require.Equal(t, tt.says, e.Text)
		})
	}
}

func TestThePlaceOfADeepMemberLeavesRoomForWhatIsWrong(t *testing.T) {
	deep := strings.Repeat("/"+strings.Repeat("a", 40), 6)

	e := refuse(FaultText, "/0"+deep, "%s", strings.Repeat("x", 200)).under("/0")

	require.Len(t, e.Text, 200)
	require.Equal(t, "/0"+deep, e.At)
	require.True(t, strings.HasPrefix(e.Text, ".../"+strings.Repeat("a", 40)+"/"+strings.Repeat("a", 40)+": x"), e.Text)
}

func TestLengthsAreToldAsTheSchemaHasThem(t *testing.T) {
	for _, tt := range []struct {
		m    member
		says string
	}{
		{member{shortest: 3}, "Send at least 3 characters."},
		{member{longest: 3}, "Send at most 3 characters."},
		{member{shortest: 3, longest: 3}, "Send exactly 3 characters."},
	} {
		require.Equal(t, tt.says, tt.m.lengths())
	}
	require.Equal(t, largestParam, length(1e300))
	require.Zero(t, length(nil))
}

func TestWhatAPolicyMayAskOfAType(t *testing.T) {
	mute := wide()
	mute.Message = Message{}
	r := newRegistry(t, mute)

	members, ok := r.Members("payout.request")
	require.True(t, ok)
	require.Equal(t, []string{"amount", "payee", "reference"}, members)
	_, ok = r.Members("loan.sign")
	require.False(t, ok)
	for name, tells := range map[string]bool{"payout.request": true, "payment_details.add": true, mute.Name: false, "loan.sign": false} {
		require.Equal(t, tells, r.Tells(name), name)
	}
}

func TestWhatIsACurrency(t *testing.T) {
	for _, code := range []string{"EUR", "JPY", "BTC"} {
		require.True(t, IsCurrency(code), code)
	}
	for _, code := range []string{"XXQ", "XXX", "eur", ""} {
		require.False(t, IsCurrency(code), code)
	}
}
