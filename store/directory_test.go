package store_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/provider/keys"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func TestPutUser(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		tests := []struct {
			name    string
			change  func(*identity.User)
			changed bool
		}{
			{"nothing", func(*identity.User) {}, false},
			{"another id is not taken over", func(u *identity.User) { u.ID = "else" }, false},
			{"an epoch does not go down", func(u *identity.User) { u.MFAEpoch, u.PasswordEpoch = -1, -1 }, false},
			{"the same time in another zone", func(u *identity.User) { u.HoldUntil = u.HoldUntil.In(time.FixedZone("", 3600)) }, false},
			{"the time of creation stays", func(u *identity.User) { u.CreatedAt = start.Add(time.Hour) }, false},
			{"the status", func(u *identity.User) { u.Status = identity.UserDisabled }, true},
			{"the profile", func(u *identity.User) { u.Profile.Address = &identity.Address{Country: "MX"} }, true},
			{"a flag", func(u *identity.User) { u.Flags = map[string]time.Time{"frozen": start} }, true},
			{"the switch", func(u *identity.User) { u.MFAEnabled = true }, true},
			{"an epoch goes up", func(u *identity.User) { u.MFAEpoch = 9 }, true},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				name := id("user") + "@example.com"
				before := f.AddUser(t, tenant, id("user"), name)
				before.HoldUntil = start.Add(time.Hour)
				must1(f.Store.PutUser(t.Context(), before))
				f.Clock.Move(time.Minute)
				want := before
				tt.change(&want)

				changed, err := f.Store.PutUser(t.Context(), want)

				must(t, err)
				require.Equal(t, tt.changed, changed)
				got := must1(f.Store.UserByName(t.Context(), tenant, name))
				if !tt.changed {
					require.Empty(t, cmp.Diff(before, must1(f.Store.User(t.Context(), tenant, before.ID))))
					return
				}
				want.UpdatedAt = f.Clock.Now()
				if want.Status != before.Status {
					want.PasswordEpoch++ // who comes back begins without sessions
				}
				if want.MFAEnabled != before.MFAEnabled {
					want.MFAEpoch++
				}
				require.Empty(t, cmp.Diff(want, got))
			})
		}
	})
}

func TestNewPasswordRaisesItsEpoch(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		u := f.Alice
		u.PasswordHash = "next"
		require.True(t, must1(s.PutUser(ctx, u)))
		require.EqualValues(t, 1, must1(s.User(ctx, tenant, u.ID)).PasswordEpoch)

		after, err := s.UpdateUser(ctx, tenant, u.ID, func(u *identity.User) error {
			u.PasswordHash = "third"
			return nil
		})
		must(t, err)
		require.EqualValues(t, 2, after.PasswordEpoch)

		must(t, s.BumpPasswordEpoch(ctx, tenant, u.ID))
		must(t, s.BumpMFAEpoch(ctx, tenant, u.ID))
		got := must1(s.User(ctx, tenant, u.ID))
		require.EqualValues(t, 3, got.PasswordEpoch)
		require.EqualValues(t, 1, got.MFAEpoch)
	})
}

func TestUpdateUser(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		refused := errors.New("refused")
		_, err := s.UpdateUser(ctx, tenant, f.Alice.ID, func(u *identity.User) error {
			u.Admin = true
			return refused
		})
		require.Equal(t, refused, err, "as it is")
		require.Empty(t, cmp.Diff(f.Alice, must1(s.User(ctx, tenant, f.Alice.ID))))

		got := together(20, func(int) error {
			_, err := s.UpdateUser(ctx, tenant, f.Alice.ID, func(u *identity.User) error {
				if u.Flags == nil {
					u.Flags = map[string]time.Time{}
				}
				u.Flags[id("flag")] = start
				return nil
			})
			return err
		})
		require.Equal(t, map[error]int{nil: 20}, got)
		require.Len(t, must1(s.User(ctx, tenant, f.Alice.ID)).Flags, 20, "none is lost")

		f.AddUser(t, tenant, id("user"), "bob@example.com")
		_, err = s.UpdateUser(ctx, tenant, f.Alice.ID, func(u *identity.User) error {
			u.Username = "bob@example.com"
			return nil
		})
		require.ErrorIs(t, err, store.ErrExists)
	})
}

func TestUsersOfGoesPageByPage(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for range 4 {
			f.AddUser(t, tenant, id("user"), id("name")+"@example.com")
		}
		seen := map[string]bool{}
		after := ""
		for range 3 {
			list := must1(f.Store.UsersOf(t.Context(), tenant, after, 2))
			for _, u := range list {
				seen[u.Username] = true
				after = u.ID
			}
		}
		require.Len(t, seen, 5)
		require.Empty(t, must1(f.Store.UsersOf(t.Context(), tenant, after, 2)))
	})
}

// Every change that the catalog keeps a picture of raises the tenant's version;
// what changes nothing does not.
func TestVersionRisesWithEveryChange(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		version := func() int64 { return must1(s.Tenant(ctx, tenant)).Version }
		client := must1(s.Client(ctx, tenant, storetest.Public))
		key := must1(s.Keys(ctx, tenant))[0]
		doc := must1(s.Policy(ctx, tenant, 0)).Document
		tests := []struct {
			name  string
			rises bool
			do    func() error
		}{
			{"the same tenant", false, func() error { return second(s.UpdateTenant(ctx, f.Tenant)) }},
			{"another name", true, func() error {
				v := f.Tenant
				v.Name, v.Status = "Acme Inc", identity.TenantSuspended
				return second(s.UpdateTenant(ctx, v))
			}},
			{"the same client", false, func() error { return second(s.PutClient(ctx, client)) }},
			{"a disabled client", true, func() error {
				v := client
				v.Disabled = true
				return second(s.PutClient(ctx, v))
			}},
			{"a new client", true, func() error {
				v := client
				v.ID = "fresh"
				return second(s.PutClient(ctx, v))
			}},
			{"a policy", true, func() error { return second(s.SavePolicy(ctx, tenant, doc, "a", "b", nil, false)) }},
			{"a policy that is not valid", false, func() error {
				_, err := s.SavePolicy(ctx, tenant, []byte(`{}`), "a", "b", nil, false)
				_, ok := errors.AsType[*policy.Invalid](err)
				require.True(t, ok, "%v", err)
				return nil
			}},
			{"a key", true, func() error {
				v := key
				v.ID = "fresh"
				return s.AddKey(ctx, v)
			}},
			{"a key in its next state", true, func() error { return s.SetState(ctx, tenant, "fresh", keys.Removed, start) }},
			{"a key that there is not", false, func() error {
				require.ErrorIs(t, s.SetState(ctx, tenant, "none", keys.Removed, start), identity.ErrNotFound)
				return nil
			}},
			{"a user", false, func() error {
				return second(s.PutUser(ctx, identity.User{ID: "u", TenantID: tenant, Username: "u", Status: identity.UserActive}))
			}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				before := version()
				must(t, tt.do())
				require.Equal(t, tt.rises, version() == before+1, "%d, then %d", before, version())
				require.True(t, tt.rises || version() == before)
			})
		}
		require.Len(t, must1(s.Keys(ctx, tenant)), 1, "a removed key is not given out")
		require.Equal(t, "Acme Inc", must1(s.TenantBySlug(ctx, storetest.Slug)).Name)
		require.True(t, must1(s.Client(ctx, tenant, storetest.Public)).Disabled)
	})
}

func TestPolicyVersions(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		rules := must1(policy.Preset("account-admin-sms-default"))
		doc := must1(json.Marshal(rules))

		require.Equal(t, 2, must1(s.SavePolicy(ctx, tenant, doc, "alice", "trial", []string{"W01: careful"}, true)))

		got := must1(s.Policy(ctx, tenant, 0))
		require.JSONEq(t, string(doc), string(got.Document))
		got.Document = nil
		require.Equal(t, store.PolicyVersion{
			Version: 2, Hash: rules.Hash(), Author: "alice", Reason: "trial",
			Warnings: []string{"W01: careful"}, CreatedAt: start,
		}, got)
		require.Equal(t, "first", must1(s.Policy(ctx, tenant, 1)).Reason)
		now := must1(s.Tenant(ctx, tenant))
		require.Equal(t, 2, now.PolicyVersion)
		require.Equal(t, f.Tenant.PolicyEpoch+1, now.PolicyEpoch)

		got2 := together(8, func(int) error { return second(s.SavePolicy(ctx, tenant, doc, "a", "b", nil, false)) })
		require.Equal(t, map[error]int{nil: 8}, got2)
		require.Equal(t, 10, must1(s.Tenant(ctx, tenant)).PolicyVersion, "two writers get two numbers")
	})
}

func TestRemovedTenantKeepsItsNames(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		must(t, s.RemoveTenant(ctx, tenant))

		_, err := s.Tenant(ctx, tenant)
		require.ErrorIs(t, err, identity.ErrNotFound)
		require.Empty(t, must1(s.Tenants(ctx)))
		require.ErrorIs(t, s.RemoveTenant(ctx, tenant), identity.ErrNotFound)
		_, err = s.UpdateTenant(ctx, f.Tenant)
		require.ErrorIs(t, err, identity.ErrNotFound)
		_, err = s.PutClient(ctx, identity.Client{TenantID: tenant, ID: "c"})
		require.ErrorIs(t, err, identity.ErrNotFound)
		again := f.Tenant
		again.ID = "again"
		require.ErrorIs(t, s.CreateTenant(ctx, again), store.ErrExists)
	})
}

func TestKeyRingIsRemembered(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		require.Empty(t, must1(s.KeyFingerprints(ctx)))
		must(t, s.RememberKeys(ctx, f.Ring.Fingerprints()))
		must(t, s.RememberKeys(ctx, f.Ring.Fingerprints()))

		written := must1(s.KeyFingerprints(ctx))

		require.Equal(t, f.Ring.Fingerprints(), written)
		require.NoError(t, f.Ring.Covers(written))
		another := seal.New(start)
		require.ErrorIs(t, another.Covers(written), seal.ErrMissingKey)
		must(t, s.RememberKeys(ctx, another.Fingerprints()))
		require.Equal(t, written, must1(s.KeyFingerprints(ctx)), "what was noted first stands")
	})
}

func TestSweep(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		day := 24 * time.Hour
		startSession(t, f) // a day
		must(t, s.CreateInteraction(ctx, sampleInteraction()))
		must(t, s.CreateConfirmation(ctx, sampleConfirmation()))
		unredeemed, redeemed := sampleGrant(), sampleGrant() // 90 days
		redeemed.CodeConsumedAt = start
		must(t, s.CreateGrant(ctx, unredeemed))
		must(t, s.CreateGrant(ctx, redeemed))
		must(t, s.AppendAudit(ctx, sampleEvent()))
		for range 1100 {
			in := sampleInteraction()
			in.ExpiresAt = start
			must(t, s.CreateInteraction(ctx, in))
		}
		steps := []struct {
			after time.Duration
			swept map[string]int64
		}{
			{0, map[string]int64{"interactions": 1100}},
			{30*time.Minute - time.Second, nil},
			{30 * time.Minute, map[string]int64{"interactions": 1}},
			{time.Hour, nil},
			{time.Hour + time.Minute, map[string]int64{"grants": 1}},
			{day, map[string]int64{"sessions": 1}},
			{30 * day, nil},
			{30*day + 5*time.Minute, map[string]int64{"confirmations": 1}},
			{90 * day, map[string]int64{"grants": 1}},
			{900 * day, nil},
		}
		for _, step := range steps {
			got := must1(s.Sweep(ctx, start.Add(step.after)))
			for table, n := range got {
				require.Equal(t, step.swept[table], n, "%s after %s", table, step.after)
			}
		}
		require.Len(t, must1(s.Audit(ctx, tenant, store.AuditPage{Limit: 9})), 1)
	})
}

// turned is a key ring whose key for indexes was changed: what was written before
// is found by the older one.
type turned struct{ *seal.Ring }

func (r turned) Index(tenant, kind, value string) []byte {
	return hashOf("newer" + string(r.Ring.Index(tenant, kind, value)))
}

func (r turned) Indexes(tenant, kind, value string) [][]byte {
	return [][]byte{r.Index(tenant, kind, value), r.Ring.Index(tenant, kind, value)}
}

func TestUsernameIsFoundByAnOlderIndexKey(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		f.Store.Seal = turned{f.Ring}

		require.Equal(t, f.Alice.ID, must1(f.Store.UserByName(ctx, tenant, storetest.AliceName)).ID)
		require.False(t, must1(f.Store.PutUser(ctx, f.Alice)), "nobody is created twice")
		bob := f.AddUser(t, tenant, id("user"), "bob@example.com")
		_, err := f.Store.UpdateUser(ctx, tenant, bob.ID, func(u *identity.User) error {
			u.Username = storetest.AliceName
			return nil
		})
		require.ErrorIs(t, err, store.ErrExists)
	})
}
