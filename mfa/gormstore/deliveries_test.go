package gormstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/storetest"
	"github.com/sallyport-id/sallyport/store"
)

func TestTelephony(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		s, _ := open(t, url)
		storetest.RunTelephony(t, func(*testing.T) storetest.Telephony { return s })
	})
}

// TestANumberThatTakesNoTextMessages marks the number that the code went to, and
// only where the plan does not tell mobile from fixed.
func TestANumberThatTakesNoTextMessages(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		s, db := open(t, url)
		now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
		who := mfa.Subject{TenantID: "t1", UserID: "u1"}
		for line, number := range map[string]mfa.Secret{"ambiguous": "+526441832399", "mobile": "+4915112345678", "other": "+526441832398"} {
			kind := line
			if line == "other" {
				kind = "ambiguous"
			}
			require.NoError(t, s.AddContact(t.Context(), mfa.Contact{
				ID: line, Subject: who, Kind: mfa.ContactPhone, Value: number, LineType: kind,
				Status: mfa.ContactConfirmed, Source: mfa.SourceSelf, CreatedAt: now,
			}))
			require.NoError(t, s.CreateChallenge(t.Context(), mfa.Challenge{
				ID: "c-" + line, ChainID: "c-" + line, Gen: 1, Subject: who, OwnerID: "o-" + line, Purpose: mfa.PurposeLogin,
				Action: policy.ActionLogin, Method: policy.SMS, ContactID: line, GuardKey: "contact:" + line,
				Status: mfa.ChallengeSent, CreatedAt: now,
			}))
		}

		require.NoError(t, s.SMSIncapable(t.Context(), mfa.Subject{TenantID: "t2", UserID: "u1"}, "c-other"))
		require.NoError(t, s.SMSIncapable(t.Context(), mfa.Subject{TenantID: "t1", UserID: "u2"}, "c-other"))
		require.NoError(t, s.SMSIncapable(t.Context(), who, "c-ambiguous"))
		require.NoError(t, s.SMSIncapable(t.Context(), who, "c-mobile"))

		var marked []string
		require.NoError(t, db.Gorm.Raw(`SELECT id FROM mfa_contacts WHERE sms_incapable`).Scan(&marked).Error)
		require.Equal(t, []string{"ambiguous"}, marked)
	})
}

func TestEveryStatementOfTelephonyNamesTheTenant(t *testing.T) {
	testdb.Each(t, func(t *testing.T, url string) {
		s, _ := open(t, url)
		ctx, counter := store.Count(t.Context())
		now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
		who := mfa.Subject{TenantID: "t1", UserID: "u1"}
		b := mfa.Booking{ID: "d1", Challenge: "c1", Subject: who, Channel: policy.SMS, Country: "MX", Prefix: "p", Micros: 5, At: now}
		limits := policy.Budget{DailyMicros: 9, ConversionSends: 1, ConversionPercent: 90, ConversionBlock: 60}
		for _, id := range []string{"d1", "d2"} {
			b.ID = id
			_, err := s.Book(ctx, b, limits)
			require.NoError(t, err)
			limits.DailyMicros = 100
		}
		b.ID = "d1"
		require.NoError(t, s.Settle(ctx, b, 4))
		require.NoError(t, s.RecordDelivery(ctx, mfa.Delivery{ID: "d1", Subject: who, ChallengeID: "c1", Channel: policy.SMS, Gateway: "g", Status: "sent", At: now}))
		_, _, err := s.Receive(ctx, mfa.Receipt{ID: "d1", Subject: who, Gateway: "g", Status: "delivered", CostMicros: 3, Priced: true, At: now})
		require.NoError(t, err)
		require.NoError(t, s.Verified(ctx, who, "d1", now))
		require.NoError(t, s.Unbook(ctx, b))
		_, err = s.Spent(ctx, "t1", "MX", "p", now)
		require.NoError(t, err)
		_, err = s.Alert(ctx, "t1", mfa.Day(now), 50)
		require.NoError(t, err)
		require.NoError(t, s.SMSIncapable(ctx, who, "c1"))

		require.NotEmpty(t, counter.Statements())
		for _, statement := range counter.Statements() {
			require.Contains(t, statement, "tenant_id", statement)
			require.NotRegexp(t, `(?i)now\(\)|current_timestamp|datetime\(`, statement, "the database's clock")
		}
	})
}
