package setup_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
)

// visit is a kind of transaction of a tenant's own; rest is what stands after its schema.
func visit(rest string) string {
	return `{name: visit.book, title: {en: Book a visit}, schema: {type: object, additionalProperties: false, required: [type, txn_id, guest],
		properties: {type: {const: visit.book}, txn_id: {type: string}, guest: {type: string, minLength: 1, maxLength: 80}}},
		show: [{at: /guest, as: text, labels: {en: Guest}}]` + rest + `}`
}

const says = `, message: {to: /guest}`

// booking is a tenant with that type and an action of its name.
func booking(message, action string) string {
	return "{tenants: [{slug: acme, detail_types: [" + visit(message) + "], policy: {actions: {visit.book: {" + action + "}}}}]}"
}

func TestWhatCouldNeverBeConfirmedIsRefused(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	pay := func(members string) string {
		return "{tenants: [{slug: acme, policy: {actions: {payout.request: {" + members + "}}}}]}"
	}
	tests := []struct{ name, text, says string }{
		{
			"a currency that there is not", pay(`thresholds: [{currency: EUR, above: "10"}, {currency: XXQ, above: "10"}]`),
			"actions.payout.request.thresholds[1].currency: XXQ is no currency",
		},
		{
			"details of a type that there is not", "{tenants: [{slug: acme, policy: {actions: {loan.sign: {stages: [[delivered_code]], details: required}}}}]}",
			"actions.loan.sign.details: It is required, and there is no detail type loan.sign",
		},
		{"a message that says nothing", booking("", "stages: [[delivered_code]], methods: [email], binding: message"), "actions.visit.book.binding: It is message, and the detail type visit.book has no message"},
		{
			"a message that says nothing, for more money", booking("", `stages: [[delivered_code]], methods: [email], thresholds: [{currency: EUR, above: "10", binding: message}]`),
			"actions.visit.book.thresholds[0].binding: It is message",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changes, err := h.try(t, tt.text)

			require.ErrorContains(t, err, "tenant acme: policy: "+tt.says)
			require.Empty(t, changes)
			require.Equal(t, 1, h.tenant(t, "acme").PolicyVersion)
			require.Empty(t, h.tenant(t, "acme").DetailTypes)
		})
	}
}

// TestATypeThatAnActionNeedsStays takes the type away from the action that cannot be
// without it, and says nothing about the policy.
func TestATypeThatAnActionNeedsStays(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	h.apply(t, booking(says, "stages: [[delivered_code]], methods: [email], binding: message, details: required"))

	_, err := h.try(t, "{tenants: [{slug: acme, detail_types: []}]}")

	require.ErrorContains(t, err, "actions.visit.book.details: It is required")
	require.Contains(t, h.tenant(t, "acme").DetailTypes, "visit.book")
	require.Empty(t, h.apply(t, "{tenants: [{slug: acme}]}"))
}

func TestLikelyMistakesAreTold(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	tests := []struct{ name, text, says string }{
		{"a field that the type does not have", "policy: {actions: {payout.request: {fields: [amount, iban]}}}", "policy warning actions.payout.request.fields: the detail type has no iban; it has amount, payee, reference."},
		{"a type without an action", "detail_types: [" + visit(says) + "]", "detail type warning visit.book: the policy has no action of this name"},
		{"an action that the policy does not have", `clients: [{client_id: spa, actions: [payout.request, payout.requests, mfa.disable]}]`, "client spa warning: actions: the policy has no payout.requests, mfa.disable, so"},
		{"nowhere to come back to", "clients: [{client_id: lost}]", "client lost warning: redirect_uris is empty"},
		{"redirect URIs and nothing else", `clients: [{client_id: plain, redirect_uris: ["https://plain.example/cb"]}]`, "client plain has by default grant_types [authorization_code], scopes [openid], auth_methods [client_secret_basic]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "{tenants: [{slug: acme, " + tt.text + "}]}"

			changes := h.apply(t, text)

			require.True(t, slices.ContainsFunc(changes, func(line string) bool { return strings.HasPrefix(line, "acme: "+tt.says) }), changes)
			require.Empty(t, h.apply(t, text), "what is written is not told again")
		})
	}
}

func TestWhatChangedIsNamed(t *testing.T) {
	h := newHouse(t, testdb.SQLite(t))
	h.apply(t, acme)
	lines := func(text string) []string {
		return slices.DeleteFunc(h.apply(t, text), func(line string) bool { return strings.Contains(line, " warning ") })
	}

	require.Equal(t, []string{"acme: detail type visit.book added", "acme: policy is version 2, changed: actions.visit.book"}, lines(booking(says, "stages: [[delivered_code]]")))
	require.Equal(t, []string{"acme: detail type visit.book changed"}, lines("{tenants: [{slug: acme, detail_types: ["+visit("")+"]}]}"))
	require.Equal(t, []string{"acme: changed: name, sign_up", "acme: detail type visit.book removed"}, lines("{tenants: [{slug: acme, name: Acme, sign_up: true, detail_types: []}]}"))
	require.Equal(t, []string{"acme: policy is version 3, changed: actions.payout.request.hold, actions.payout.request.ttl_s"},
		lines("{tenants: [{slug: acme, policy: {actions: {payout.request: {ttl_s: 700, hold: false}}}}]}"))
	many := lines(`{tenants: [{slug: acme, clients: [{client_id: billing, client_name: B, client_uri: "https://b.example", logo_uri: "https://b.example/l",
		policy_uri: "https://b.example/p", tos_uri: "https://b.example/t", first_party: false, native: true, disabled: true, min_acr: 1fa, refresh_max_age: 60}]}]}`)
	require.Len(t, many, 1)
	require.True(t, strings.HasSuffix(many[0], ", and 2 more"), many[0])
}
