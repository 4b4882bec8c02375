package mfa_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// TestAListOnPaperNeverComesFirst although it was used last.
func TestAListOnPaperNeverComesFirst(t *testing.T) {
	for _, first := range []policy.First{policy.FirstUserChoice, policy.FirstLastUsed} {
		w := preset(t, "contractor-email-first")
		w.p.Delivery.First = first
		w.p.Actions[policy.ActionLogin] = policy.Action{Stages: policy.Stages{{policy.ProofSecondFactor}}}
		w.p.Methods[policy.RecoveryCodes] = policy.Method{Enabled: true, Role: policy.RoleAny, Uses: policy.List[policy.Use]{policy.UseLogin}}
		text := w.p.Methods[policy.SMS]
		text.Role = policy.RoleAny
		w.p.Methods[policy.SMS] = text
		paper := active("paper", policy.RecoveryCodes, "", t0)
		paper.CodesLeft = 7
		w.e.Factors = []mfa.Factor{paper, active("fp", policy.SMS, "phone", t0.Add(-time.Hour))}

		got := mfa.Options(w.ask, w.e, nil, w.now)

		require.Len(t, got, 2, "%v", shown(got))
		require.Equal(t, policy.SMS, got[0].Method, "%v", shown(got))
	}
}
