package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// rename changes the tenant in the way that another process does, and returns
// its version then.
func rename(t *testing.T, f *storetest.Fixture, name string) int64 {
	t.Helper()
	now := must1(f.Store.Tenant(t.Context(), tenant))
	now.Name = name
	must1(f.Store.UpdateTenant(t.Context(), now))
	return must1(f.Store.Tenant(t.Context(), tenant)).Version
}

func TestCatalogGivesTheWholeTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		hosted := identity.Tenant{ID: "tenant-h", Slug: "h", Host: "login.h.example", Issuer: "https://login.h.example", Name: "H"}
		must(t, f.Store.CreateTenant(t.Context(), hosted))
		doc := must1(f.Store.Policy(t.Context(), tenant, 0)).Document
		must1(f.Store.SavePolicy(t.Context(), hosted.ID, doc, "a", "b", nil, false))

		realm, err := f.Catalog.BySlug(t.Context(), storetest.Slug)
		must(t, err)
		require.Equal(t, must1(f.Store.Tenant(t.Context(), tenant)), realm.Tenant)
		require.Equal(t, "mfa-policy/1", realm.Policy.Schema)
		require.Equal(t, "Web", realm.Client(storetest.Confidential).Name)
		require.Equal(t, "SPA", realm.Client(storetest.Public).Name)
		set, err := f.Catalog.Keys(t.Context(), tenant, realm.Tenant.Version)
		must(t, err)
		key, ok := set.Signing("ES256")
		require.True(t, ok)
		require.Equal(t, storetest.KeyID, key.ID)

		realm, err = f.Catalog.ByHost(t.Context(), "login.h.example")
		must(t, err)
		require.Equal(t, "tenant-h", realm.Tenant.ID)
		_, err = f.Catalog.ByHost(t.Context(), "")
		require.ErrorIs(t, err, identity.ErrNotFound, "a tenant in path mode has no host")
	})
}

func TestCatalogSeesAChange(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		before := must1(f.Catalog.BySlug(ctx, storetest.Slug))

		t.Run("when somebody asks for the newer version", func(t *testing.T) {
			version := rename(t, f, "second")
			require.Same(t, before, must1(f.Catalog.BySlug(ctx, storetest.Slug)), "nothing is read while nobody knows")

			after, err := f.Catalog.AtLeast(ctx, tenant, version)

			must(t, err)
			require.Equal(t, "second", after.Tenant.Name)
			require.Equal(t, storetest.Slug, before.Tenant.Name, "a picture never changes")
			require.Same(t, after, must1(f.Catalog.BySlug(ctx, storetest.Slug)))
			require.Same(t, after, must1(f.Catalog.AtLeast(ctx, tenant, 0)))
		})
		t.Run("when it asks for keys at that version", func(t *testing.T) {
			must(t, f.Store.SetState(ctx, tenant, storetest.KeyID, keys.Retired, start))
			version := must1(f.Store.Tenant(ctx, tenant)).Version
			set, err := f.Catalog.Keys(ctx, tenant, version)
			must(t, err)
			_, signs := set.Signing("ES256")
			require.False(t, signs)
		})
		t.Run("when it looks", func(t *testing.T) {
			rename(t, f, "third")
			must(t, f.Catalog.Refresh(ctx))
			require.Equal(t, "third", must1(f.Catalog.BySlug(ctx, storetest.Slug)).Tenant.Name)
		})
		t.Run("when it polls", func(t *testing.T) {
			ctx, cancel := context.WithCancel(ctx)
			done := make(chan struct{})
			go func() { defer close(done); f.Catalog.Poll(ctx, time.Millisecond) }()
			rename(t, f, "fourth")
			require.Eventually(t, func() bool {
				return must1(f.Catalog.BySlug(t.Context(), storetest.Slug)).Tenant.Name == "fourth"
			}, 10*time.Second, time.Millisecond)
			cancel()
			<-done
		})
		t.Run("but never a version that there is not", func(t *testing.T) {
			_, err := f.Catalog.AtLeast(ctx, tenant, 1<<40)
			require.ErrorContains(t, err, "was seen before")
		})
	})
}

func TestCatalogServesNoRemovedTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		for _, notice := range []func(version int64){
			func(int64) { must(t, f.Catalog.Refresh(ctx)) },
			func(version int64) {
				_, err := f.Catalog.AtLeast(ctx, tenant, version)
				require.ErrorIs(t, err, identity.ErrNotFound)
			},
		} {
			_, err := f.DB.SQL.ExecContext(ctx, "update tenants set removed_at = null")
			must(t, err)
			f.Clock.Move(time.Minute)
			before := must1(f.Catalog.BySlug(ctx, storetest.Slug))
			must(t, f.Store.RemoveTenant(ctx, tenant))

			notice(before.Tenant.Version + 1)

			_, err = f.Catalog.BySlug(ctx, storetest.Slug)
			require.ErrorIs(t, err, identity.ErrNotFound)
			_, err = f.Catalog.AtLeast(ctx, tenant, 0)
			require.ErrorIs(t, err, identity.ErrNotFound)
			_, err = f.Catalog.Keys(ctx, tenant, 0)
			require.ErrorIs(t, err, identity.ErrNotFound)
		}
	})
}

func TestCatalogServesASuspendedTenantWithItsStatus(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		v := f.Tenant
		v.Status = identity.TenantSuspended
		must1(f.Store.UpdateTenant(t.Context(), v))
		require.Equal(t, identity.TenantSuspended, must1(f.Catalog.BySlug(t.Context(), storetest.Slug)).Tenant.Status)
	})
}

func TestCatalogServesNoTenantWithoutPolicy(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		must(t, f.Store.CreateTenant(t.Context(), identity.Tenant{ID: "n", Slug: "new", Issuer: "https://n", Name: "N"}))
		_, err := f.Catalog.BySlug(t.Context(), "new")
		require.ErrorIs(t, err, identity.ErrNotFound)
	})
}

func TestUnknownNamesCostOneStatementInTwoSeconds(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, count := store.Count(t.Context())
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				_, err := f.Catalog.BySlug(ctx, id("unknown"))
				if !errors.Is(err, identity.ErrNotFound) {
					t.Errorf("got %v", err)
				}
				_, err = f.Catalog.ByHost(ctx, id("unknown"))
				if !errors.Is(err, identity.ErrNotFound) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		require.Len(t, count.Statements(), 1)

		f.AddTenant(t, other, "late", "contractor-email-first")
		f.Clock.Move(2 * time.Second)
		_, err := f.Catalog.BySlug(ctx, "late")
		must(t, err)
	})
}

func TestManyWhoAskAtOnceLoadOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		version := rename(t, f, "next")
		ctx, count := store.Count(t.Context())
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				_, err := f.Catalog.AtLeast(ctx, tenant, version)
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, count.Begins())
		require.Len(t, count.Statements(), 5, "the directory; tenant, policy, clients and keys")
	})
}

func TestCatalogServesFromMemoryWhileTheDatabaseIsDown(t *testing.T) {
	f := onPostgres(t)
	before := must1(f.Catalog.BySlug(t.Context(), storetest.Slug))
	must(t, f.DB.SQL.Close())

	require.Error(t, f.Catalog.Refresh(t.Context()))
	require.Same(t, before, must1(f.Catalog.BySlug(t.Context(), storetest.Slug)))
	f.Clock.Move(time.Hour)
	_, err := f.Catalog.BySlug(t.Context(), "unknown")
	require.Error(t, err)
	require.NotErrorIs(t, err, identity.ErrNotFound, "nobody knows whether it is there")
}
