package consent

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
)

// TestATransactionIsToldWhereItIsConfirmedAlone: the code of the login before it, and the
// letters of a first enrolment on the way to it, say nothing of it.
func TestATransactionIsToldWhereItIsConfirmedAlone(t *testing.T) {
	own, err := details.ParseType([]byte(`{
		"name": "payout.instant",
		"title": {"en": "Instant payout"},
		"schema": {
			"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
			"required": ["type", "txn_id", "amount", "payee"],
			"properties": {
				"type": {"const": "payout.instant"},
				"txn_id": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
				"amount": {
					"type": "object", "additionalProperties": false, "required": ["value", "currency"],
					"properties": {"value": {"type": "string"}, "currency": {"type": "string"}}
				},
				"payee": {
					"type": "object", "additionalProperties": false, "required": ["name", "account"],
					"properties": {
						"name": {"type": "string", "minLength": 1, "maxLength": 140},
						"account": {"type": "object", "additionalProperties": false, "required": ["iban"], "properties": {"iban": {"type": "string"}}}
					}
				}
			}
		},
		"show": [
			{"at": "/amount", "as": "amount", "label": "amount"},
			{"at": "/payee/name", "as": "text", "label": "payee"},
			{"at": "/payee/account/iban", "as": "iban", "label": "account"}
		],
		"message": {"amount": "/amount", "to": "/payee/name", "account": ["/payee/account/iban"]}
	}`))
	require.NoError(t, err)
	registry, err := details.NewRegistry(own)
	require.NoError(t, err)
	detail, err := registry.Parse([]byte(`[{"type":"payout.instant","txn_id":"t1","amount":{"value":"1250.00","currency":"EUR"},` +
		`"payee":{"name":"ACME GmbH","account":{"iban":"DE89370400440532013000"}}}]`))
	require.NoError(t, err)
	nothing := mfa.About{TenantName: "Contractor", AppName: "Shop", Lang: "en"}
	whole := nothing
	whole.ActionTitle, whole.Amount, whole.Currency, whole.Payee, whole.Account = "Instant payout", "1250.00", "EUR", "ACME GmbH", "3000"
	tests := []struct {
		name   string
		step   Step
		target Target
		want   mfa.About
	}{
		{"the second step of the login", StepChallenge, Target{Login: true}, nothing},
		{"the first method is set up, with the action waiting", StepEnrol, Target{Action: "payout.instant"}, nothing},
		{"nobody is known yet", StepLogin, Target{}, nothing},
		{"the action itself", StepConfirm, Target{Action: "payout.instant"}, whole},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := &Standing{
				Realm:  &identity.Realm{Tenant: identity.Tenant{Name: "Contractor"}, Details: registry},
				Client: &identity.Client{Name: "Shop"}, Detail: detail, Target: tt.target,
				Decision: Decision{Step: tt.step},
			}

			got := st.about("en")

			got.Host, got.Zone = "", nil
			require.Equal(t, tt.want, got)
		})
	}
}
