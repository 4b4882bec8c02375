package gormstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestSweepTakesWhatIsOverAndNothingElse(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	who := mfa.Subject{TenantID: "t1", UserID: "u1"}
	const long = 30 * 24 * time.Hour
	testdb.Each(t, func(t *testing.T, url string) {
		s, _ := open(t, url)
		for i, at := range []time.Time{now.Add(-3*long - time.Millisecond), now.Add(-long - time.Millisecond), now.Add(-long), now} {
			id := fmt.Sprint("x", i)
			require.NoError(t, s.CreateChallenge(t.Context(), mfa.Challenge{
				ID: id, ChainID: id, Subject: who, OwnerID: id, GuardKey: "g", Status: mfa.ChallengeSent, CreatedAt: at,
			}))
			require.NoError(t, s.RecordDelivery(t.Context(), mfa.Delivery{ID: id, Subject: who, Status: "sent", At: at}))
			require.NoError(t, s.CreateDevice(t.Context(), mfa.Device{
				ID: id, Subject: who, Selector: []byte(id), VerifierHash: []byte(id), CreatedAt: at, ExpiresAt: at,
			}, 9))
			require.NoError(t, s.CreateOperation(t.Context(), mfa.Operation{ID: id, Subject: who, Verb: mfa.VerbEnable, Status: mfa.OperationOpen, ExpiresAt: at}))
			require.NoError(t, s.AddContact(t.Context(), mfa.Contact{ID: id, Subject: who, Kind: mfa.ContactPhone, Value: mfa.Secret(id), Status: mfa.ContactPending, ExpiresAt: at}))
			require.NoError(t, s.AddFactor(t.Context(), mfa.Factor{ID: id, Subject: who, Kind: policy.TOTP, Status: mfa.FactorPending, ExpiresAt: at}))
		}
		require.NoError(t, s.AddContact(t.Context(), mfa.Contact{ID: "kept", Subject: who, Kind: mfa.ContactPhone, Status: mfa.ContactConfirmed}))

		// Two of a table are more than one batch, so every table takes several.
		swept, err := s.Sweep(t.Context(), now, 1)

		require.NoError(t, err)
		require.Equal(t, map[string]int64{
			"mfa_challenges": 2, "mfa_deliveries": 2, "mfa_devices": 3, "mfa_operations": 2, "mfa_contacts": 3, "mfa_factors": 3,
			"mfa_spend": 0, "mfa_conversions": 0,
		}, swept)
		_, err = s.Challenge(t.Context(), who, "x2")
		require.NoError(t, err)
		_, err = s.DeviceBySelector(t.Context(), who, []byte("x3"))
		require.NoError(t, err)
		swept, err = s.Sweep(t.Context(), now, 1000)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{
			"mfa_challenges": 0, "mfa_deliveries": 0, "mfa_devices": 0, "mfa_operations": 0, "mfa_contacts": 0, "mfa_factors": 0,
			"mfa_spend": 0, "mfa_conversions": 0,
		}, swept)
	})
}
