package consent

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestWhatAnAmountTakes(t *testing.T) {
	low, middle, high := policy.Stages{{policy.ProofDeliveredCode}}, policy.Stages{{policy.ProofSecondFactor}}, policy.Stages{{policy.ProofPIN}, {policy.ProofSecondFactor}}
	a := policy.Action{Stages: low, Binding: policy.BindingPage, Thresholds: []policy.Threshold{
		{Currency: "EUR", Above: "1000.00", Stages: middle},
		{Currency: "EUR", Above: "10000", Stages: high, Binding: policy.BindingMessage},
	}}
	r, err := details.NewRegistry()
	require.NoError(t, err)
	tests := []struct {
		name, value, currency string
		want                  policy.Stages
		binding               policy.Binding
	}{
		{"little", "12.50", "EUR", low, policy.BindingPage},
		{"just as much as the threshold", "1000.00", "EUR", low, policy.BindingPage},
		{"a cent more", "1000.01", "EUR", middle, policy.BindingPage},
		{"just as much as the next", "10000.00", "EUR", middle, policy.BindingPage},
		{"much", "10000.01", "EUR", high, policy.BindingMessage},
		{"more digits are more", "999999999.00", "EUR", high, policy.BindingMessage},
		{"a currency that nobody named", "0.01", "USD", high, policy.BindingMessage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			detail, err := r.Parse([]byte(strings.NewReplacer("VALUE", tt.value, "CUR", tt.currency).Replace(
				`[{"type":"bid.place","txn_id":"t","amount":{"value":"VALUE","currency":"CUR"},"item":{"id":"1","title":"A lamp"}}]`)))
			require.NoError(t, err)
			got := raised(a, detail)
			require.Equal(t, tt.want, got.Stages)
			require.Equal(t, tt.binding, got.Binding)
		})
	}
	t.Run("no amount at all", func(t *testing.T) {
		require.Equal(t, high, raised(a, details.Detail{}).Stages)
	})
	t.Run("no thresholds", func(t *testing.T) {
		require.Equal(t, low, raised(policy.Action{Stages: low}, details.Detail{}).Stages)
	})
}
