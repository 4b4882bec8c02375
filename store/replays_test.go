package store_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func TestOneOf64UsesIsTheFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		var first atomic.Int32
		got := together(64, func(int) error {
			ok, err := f.Store.FirstUse(t.Context(), tenant, "proof", hashOf("jti"), start.Add(time.Minute))
			if ok {
				first.Add(1)
			}
			return err
		})

		require.Equal(t, map[error]int{nil: 64}, got)
		require.EqualValues(t, 1, first.Load())
	})
}

func TestFirstUseIsPerTenantPurposeAndKey(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		use := func(tenantID, purpose, key string) bool {
			return must1(f.Store.FirstUse(t.Context(), tenantID, purpose, hashOf(key), start.Add(time.Minute)))
		}
		require.True(t, use(tenant, "proof", "jti"))
		require.False(t, use(tenant, "proof", "jti"))
		require.True(t, use(other, "proof", "jti"))
		require.True(t, use(tenant, "assertion", "jti"))
		require.True(t, use(tenant, "proof", "another"))
		require.NotContains(t, column(t, f.DB, "select key_hash from replays"), "jti", "only a hash is kept")
	})
}

func TestSweepOfReplays(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for i := range 700 {
			must1(f.Store.FirstUse(t.Context(), tenant, "proof", hashOf("old"+strconv.Itoa(i)), start.Add(time.Minute)))
		}
		for _, tenantID := range []string{tenant, other} {
			must1(f.Store.FirstUse(t.Context(), tenantID, "assertion", hashOf("old1"), start.Add(2*time.Minute)))
		}

		require.Zero(t, must1(f.Store.Sweep(t.Context(), start.Add(59*time.Second)))["replays"])
		require.EqualValues(t, 700, must1(f.Store.Sweep(t.Context(), start.Add(time.Minute)))["replays"])
		require.EqualValues(t, 2, must1(f.Store.Sweep(t.Context(), start.Add(2*time.Minute)))["replays"])
		require.True(t, must1(f.Store.FirstUse(t.Context(), tenant, "proof", hashOf("old1"), start.Add(time.Minute))))
	})
}

func TestStandingOfAGrantAndItsTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		c, g, login, lost := sampleConfirmation(), sampleGrant(), sampleGrant(), sampleGrant()
		c.Status, c.ConsumeBefore = "approved", start.Add(time.Minute)
		must(t, f.Store.CreateConfirmation(t.Context(), c))
		g.ConfirmationID, login.ConfirmationID, lost.ConfirmationID = c.ID, "", "never-there"
		standing := func(g model.Grant) model.Standing {
			must(t, f.Store.CreateGrant(t.Context(), g))
			st, seen, err := f.Store.Standing(t.Context(), tenant, g.ID, start)
			must(t, err)
			require.NotZero(t, seen.RealmVersion)
			return st
		}

		got := standing(g)
		require.Equal(t, model.Standing{
			ClientID: g.ClientID, UserID: g.UserID, ConfirmationID: c.ID, Status: "approved", ConsumeBefore: c.ConsumeBefore,
		}, got)
		require.False(t, got.Spent(start.Add(time.Minute-1)))
		require.True(t, got.Spent(start.Add(time.Minute)))
		require.False(t, standing(login).Spent(start.Add(time.Hour)))
		require.True(t, standing(lost).Spent(start), "without its confirmation it is good for nothing")
		_, _, err := f.Store.Standing(t.Context(), tenant, g.ID, g.GrantExpiresAt)
		require.ErrorIs(t, err, model.ErrNotFound)
	})
}

func TestRevokeOfIsForTheAppsOwnGrants(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		g := sampleGrant()
		must(t, f.Store.CreateGrant(t.Context(), g))
		before := dump(t, f.DB)

		_, err := f.Store.RevokeOf(t.Context(), tenant, storetest.Public, g.ID, "test", start)
		require.Error(t, err)
		require.Equal(t, before, dump(t, f.DB))
		user, err := f.Store.RevokeOf(t.Context(), tenant, g.ClientID, g.ID, "first", start)
		must(t, err)
		require.Equal(t, storetest.AliceID, user)
		_, err = f.Store.RevokeOf(t.Context(), tenant, g.ClientID, g.ID, "second", start)
		require.Error(t, err)
		require.Equal(t, []string{"first"}, column(t, f.DB, "select revoke_reason from grants"))
		_, _, err = f.Store.Grant(t.Context(), tenant, g.ID, start)
		require.Error(t, err)
	})
}
