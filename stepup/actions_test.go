package stepup_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/stepup"
)

func TestActions(t *testing.T) {
	for name, tt := range map[string]struct {
		says any
		want []string
	}{
		"the actions, in the server's order": {
			[]string{stepup.ACR1FA, stepup.Action("payout.request"), "phr", stepup.Action("bid.place")}, []string{"payout.request", "bid.place"},
		},
		"levels alone":                    {[]string{stepup.ACR1FA, stepup.ACRMFA}, nil},
		"what no action can be called":    {[]string{stepup.Action(""), stepup.Action("Pay now"), "x" + stepup.Action("payout.request")}, nil},
		"a server that names none at all": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider()
			t.Cleanup(p.Close)
			p.discovery = func(m map[string]any) {
				if tt.says != nil {
					m["acr_values_supported"] = tt.says
				}
			}

			require.Equal(t, tt.want, connect(t, p).Actions())
		})
	}
}
