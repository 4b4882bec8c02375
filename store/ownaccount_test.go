package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// agreed makes alice share scopes with an app, as of at.
func agreed(t *testing.T, f *storetest.Fixture, userID, clientID string, at time.Time) consent.Agreement {
	t.Helper()
	a := consent.Agreement{
		TenantID: tenant, UserID: userID, ClientID: clientID, Scopes: []string{"openid", "email"}, CreatedAt: at, UpdatedAt: at,
	}
	must(t, f.Store.Complete(t.Context(), model.Completion{TenantID: tenant, Now: at, Agreement: &a}))
	return a
}

func TestTheAppsOfAUserAreHisOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		bob := f.AddUser(t, tenant, "user-bob", "bob@example.com")
		web := agreed(t, f, storetest.AliceID, storetest.Confidential, start)
		spa := agreed(t, f, storetest.AliceID, storetest.Public, start.Add(time.Minute))
		agreed(t, f, bob.ID, storetest.Public, start)
		early, late, his := sampleGrant(), sampleGrant(), sampleGrant()
		late.CreatedAt, late.RTRotatedAt = start.Add(-time.Hour), start.Add(time.Hour)
		his.UserID, his.ClientID = bob.ID, storetest.Public
		for _, g := range []model.Grant{early, late, his} {
			must(t, f.Store.CreateGrant(ctx, g))
		}

		list, err := f.Store.AgreementsOf(ctx, tenant, storetest.AliceID)
		require.NoError(t, err)
		require.Equal(t, []consent.Agreement{spa, web}, list, "the latest first")
		used, err := f.Store.AppUse(ctx, tenant, storetest.AliceID)
		require.NoError(t, err)
		require.Equal(t, map[string]time.Time{storetest.Confidential: start.Add(time.Hour)}, used, "the latest token counts")
		other, err := f.Store.AgreementsOf(ctx, "tenant-other", storetest.AliceID)
		require.NoError(t, err)
		require.Empty(t, other)
		used, err = f.Store.AppUse(ctx, "tenant-other", storetest.AliceID)
		require.NoError(t, err)
		require.Empty(t, used)
	})
}

func TestRemovingAnAppEndsWhatItWasGiven(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		bob := f.AddUser(t, tenant, "user-bob", "bob@example.com")
		agreed(t, f, storetest.AliceID, storetest.Confidential, start)
		agreed(t, f, storetest.AliceID, storetest.Public, start)
		agreed(t, f, bob.ID, storetest.Confidential, start)
		gone, offline, elsewhere, his := sampleGrant(), sampleGrant(), sampleGrant(), sampleGrant()
		offline.Scopes = []string{"openid", "offline_access"}
		elsewhere.ClientID, his.UserID = storetest.Public, bob.ID
		for _, g := range []model.Grant{gone, offline, elsewhere, his} {
			must(t, f.Store.CreateGrant(ctx, g))
		}
		alive := func(g model.Grant) bool {
			_, _, err := f.Store.Grant(ctx, tenant, g.ID, start)
			return err == nil
		}

		require.ErrorIs(t, f.Store.RemoveApp(ctx, "tenant-other", storetest.AliceID, storetest.Confidential, start), identity.ErrNotFound)
		require.True(t, alive(gone), "another tenant ends nothing")
		require.NoError(t, f.Store.RemoveApp(ctx, tenant, storetest.AliceID, storetest.Confidential, start))

		require.False(t, alive(gone))
		require.False(t, alive(offline), "offline access is access")
		require.True(t, alive(elsewhere), "another app")
		require.True(t, alive(his), "another user")
		require.Len(t, must1(f.Store.AgreementsOf(ctx, tenant, storetest.AliceID)), 1)
		require.Len(t, must1(f.Store.AgreementsOf(ctx, tenant, bob.ID)), 1)
		require.ErrorIs(t, f.Store.RemoveApp(ctx, tenant, storetest.AliceID, storetest.Confidential, start), identity.ErrNotFound)
	})
}

func TestLoginCodesAreSecondStepsOnTheWayIn(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		put := func(subject, kind, result, action string, at time.Time) {
			e := sampleEvent()
			e.Type, e.Subject, e.Result, e.At = kind, subject, result, at
			e.Data = map[string]string{"action": action, "method": "email"}
			must(t, f.Store.AppendAudit(ctx, e))
		}
		since := start.Add(-24 * time.Hour)
		put(storetest.AliceID, mfa.EventTried, "ok", "auth.login", start)
		put(storetest.AliceID, mfa.EventTried, "ok", "auth.login", since)
		put(storetest.AliceID, mfa.EventTried, "ok", "auth.login", since.Add(-time.Second))
		put(storetest.AliceID, mfa.EventTried, "mismatch", "auth.login", start)
		put(storetest.AliceID, mfa.EventTried, "ok", "payout.request", start)
		put(storetest.AliceID, mfa.EventUsed, "ok", "auth.login", start)
		put("user-bob", mfa.EventTried, "ok", "auth.login", start)

		n, err := f.Store.LoginCodes(ctx, tenant, storetest.AliceID, since)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		n, err = f.Store.LoginCodes(ctx, "tenant-other", storetest.AliceID, since)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestVoidingDevicesTellsTheOwnerInTheSameTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		notice := identity.Notice{TenantID: tenant, UserID: storetest.AliceID, Kind: "devices_revoked", Device: "Chrome on Linux", At: start}

		require.ErrorIs(t, f.Store.VoidDevices(ctx, tenant, "nobody", start, notice), identity.ErrNotFound)
		require.Empty(t, must1(f.Store.DueNotices(ctx, 10, start.Add(time.Hour))), "nothing happened, nothing is told")
		require.NoError(t, f.Store.VoidDevices(ctx, tenant, storetest.AliceID, start, notice))

		u := must1(f.Store.User(ctx, tenant, storetest.AliceID))
		require.Equal(t, f.Alice.MFAEpoch+1, u.MFAEpoch)
		require.Equal(t, f.Alice.PasswordEpoch, u.PasswordEpoch, "sessions go on")
		due := must1(f.Store.DueNotices(ctx, 10, start.Add(time.Hour)))
		require.Len(t, due, 1)
		require.Equal(t, "devices_revoked", due[0].Kind)
	})
}
