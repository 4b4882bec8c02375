package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func TestRedeemCode(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		carol := f.AddUser(t, tenant, id("user"), "carol@example.com")

		t.Run("gives the grant with its first generation", func(t *testing.T) {
			want := sampleGrant()
			must(t, s.CreateGrant(ctx, want))
			got, seen, err := s.RedeemCode(ctx, redeem(want, tenant))
			must(t, err)
			want.CodeConsumedAt, want.RTGen, want.RTSalt, want.RTExpiresAt = start, 1, []byte("salt"), start.Add(time.Hour)
			require.Empty(t, cmp.Diff(want, got))
			require.Equal(t, must1(s.Tenant(ctx, tenant)).Version, seen.RealmVersion)
			require.Empty(t, cmp.Diff(want, firstOf(s.Grant(ctx, tenant, want.ID, start))))
		})
		t.Run("a key that the code is bound to stays, and one that is proved is kept where there is none", func(t *testing.T) {
			for bound, want := range map[string]string{"jkt-0": "jkt-0", "": "proved"} {
				g := sampleGrant()
				g.JKT = bound
				must(t, s.CreateGrant(ctx, g))
				r := redeem(g, tenant)
				r.JKT = "proved"
				got, _, err := s.RedeemCode(ctx, r)
				must(t, err)
				require.Equal(t, want, got.JKT)
				require.Equal(t, want, firstOf(s.Grant(ctx, tenant, g.ID, start)).JKT)
			}
		})
		t.Run("a refresh token lives no longer than the grant", func(t *testing.T) {
			g := sampleGrant()
			g.GrantExpiresAt = start.Add(time.Minute)
			must(t, s.CreateGrant(ctx, g))
			got, _, err := s.RedeemCode(ctx, redeem(g, tenant))
			must(t, err)
			require.Equal(t, g.GrantExpiresAt, got.RTExpiresAt)
			must(t, s.Rotate(ctx, tenant, g.ID, 1, start, start.Add(time.Hour)))
			require.Equal(t, g.GrantExpiresAt, firstOf(s.Grant(ctx, tenant, g.ID, start)).RTExpiresAt)
		})
		t.Run("no generation begins where none is wanted", func(t *testing.T) {
			g := sampleGrant()
			must(t, s.CreateGrant(ctx, g))
			r := redeem(g, tenant)
			r.RTExpiresAt = time.Time{}
			got, _, err := s.RedeemCode(ctx, r)
			must(t, err)
			require.Zero(t, got.RTGen)
			require.Zero(t, got.RTExpiresAt)
			require.ErrorIs(t, s.Rotate(ctx, tenant, g.ID, 0, start, start.Add(time.Hour)), model.ErrConflict)
		})

		refusals := []struct {
			name   string
			before func(g *model.Grant, r *model.Redeem)
		}{
			{"another app's code", func(_ *model.Grant, r *model.Redeem) { r.ClientID = storetest.Public }},
			{"an expired code", func(g *model.Grant, r *model.Redeem) { r.Now = g.CodeExpiresAt }},
			{"an expired grant", func(g *model.Grant, r *model.Redeem) { g.GrantExpiresAt = r.Now }},
			{"a revoked grant", func(g *model.Grant, _ *model.Redeem) { g.RevokedAt = start }},
			{"the code of a disabled user", func(g *model.Grant, _ *model.Redeem) { g.UserID = carol.ID }},
		}
		for _, tt := range refusals {
			t.Run(tt.name+" is not found", func(t *testing.T) {
				carol.Status = identity.UserActive
				must1(s.PutUser(ctx, carol))
				g := sampleGrant()
				r := redeem(g, tenant)
				tt.before(&g, &r)
				must(t, s.CreateGrant(ctx, g))
				carol.Status = identity.UserDisabled
				must1(s.PutUser(ctx, carol))
				before := dump(t, f.DB)

				_, _, err := s.RedeemCode(ctx, r)

				require.ErrorIs(t, err, model.ErrNotFound)
				require.Equal(t, before, dump(t, f.DB))
			})
		}
	})
}

func firstOf[A, B any](a A, _ B, err error) A { return must1(a, err) }

func TestGrantIsNotFound(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		tests := []struct {
			name string
			do   func(g model.Grant) (at time.Time)
		}{
			{"once it is revoked", func(g model.Grant) time.Time {
				must(t, s.Revoke(ctx, tenant, g.ID, "test", start))
				return start
			}},
			{"once it has expired", func(g model.Grant) time.Time { return g.GrantExpiresAt }},
			{"while its user is disabled", func(g model.Grant) time.Time {
				must1(s.UpdateUser(ctx, tenant, g.UserID, func(u *identity.User) error {
					u.Status = identity.UserDisabled
					return nil
				}))
				return start
			}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				g := sampleGrant()
				must(t, s.CreateGrant(ctx, g))
				_, _, _, err := s.GrantAndUser(ctx, tenant, g.ID, start)
				must(t, err)

				at := tt.do(g)

				_, _, err = s.Grant(ctx, tenant, g.ID, at)
				require.ErrorIs(t, err, model.ErrNotFound)
				_, _, _, err = s.GrantAndUser(ctx, tenant, g.ID, at)
				require.ErrorIs(t, err, model.ErrNotFound)
			})
		}
	})
}

func TestRotateRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		tests := []struct {
			name   string
			gen    int
			at     time.Time
			before func(g model.Grant)
		}{
			{"an older generation", 1, start, nil},
			{"a generation to come", 3, start, nil},
			{"an expired token", 2, start.Add(time.Hour), nil},
			{"a revoked grant", 2, start, func(g model.Grant) { must(t, s.Revoke(ctx, tenant, g.ID, "test", start)) }},
			{"a grant without a token", 0, start, func(g model.Grant) {
				_, err := f.DB.SQL.ExecContext(ctx, "update grants set rt_gen = 0 where id = $1", g.ID)
				must(t, err)
			}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				g := sampleGrant()
				g.RTGen, g.RTExpiresAt = 2, start.Add(time.Hour)
				must(t, s.CreateGrant(ctx, g))
				if tt.before != nil {
					tt.before(g)
				}
				require.ErrorIs(t, s.Rotate(ctx, tenant, g.ID, tt.gen, tt.at, start.Add(9*time.Hour)), model.ErrConflict)
			})
		}
	})
}

func TestFirstReasonOfRevocationStands(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		g := sampleGrant()
		g.RTSalt = []byte("salt")
		must(t, f.Store.CreateGrant(t.Context(), g))

		must(t, f.Store.Revoke(t.Context(), tenant, g.ID, "first", start))
		must(t, f.Store.Revoke(t.Context(), tenant, g.ID, "second", start.Add(time.Hour)))
		must(t, f.Store.Revoke(t.Context(), tenant, "unknown", "third", start))

		require.Equal(t, []string{"first"}, column(t, f.DB, "select revoke_reason from grants"))
		require.NotEqual(t, []string{"salt"}, column(t, f.DB, "select rt_salt from grants"))
	})
}

func TestWordThatWouldComeBackAsTwoIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for _, scopes := range [][]string{{"openid offline_access"}, {"openid", ""}, {"a\tb"}} {
			g := sampleGrant()
			g.Scopes = scopes
			require.ErrorContains(t, f.Store.CreateGrant(t.Context(), g), "column scopes", "%q", scopes)
		}
	})
}

func TestSessionEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		grantOf := func(v identity.Session, scopes ...string) model.Grant {
			g := sampleGrant()
			g.SessionID, g.Scopes = v.ID, scopes
			must(t, s.CreateGrant(ctx, g))
			return g
		}
		first, second, third := startSession(t, f), startSession(t, f), startSession(t, f)
		online, offline := grantOf(first, "openid", "offlinexaccess"), grantOf(first, "openid", "offline_access", "email")
		others := grantOf(second, "openid")

		must(t, s.EndSession(ctx, tenant, first.ID, start))

		_, _, err := s.Grant(ctx, tenant, online.ID, start)
		require.ErrorIs(t, err, model.ErrNotFound)
		require.Empty(t, firstOf(s.Grant(ctx, tenant, offline.ID, start)).SessionID, "it goes on without the session")
		require.Equal(t, second.ID, firstOf(s.Grant(ctx, tenant, others.ID, start)).SessionID)
		require.ErrorIs(t, s.EndSession(ctx, tenant, first.ID, start), identity.ErrNotFound)
		require.Len(t, must1(s.SessionsOf(ctx, tenant, storetest.AliceID, start)), 2)
		require.Empty(t, must1(s.SessionsOf(ctx, tenant, storetest.AliceID, second.ExpiresAt)))

		require.Equal(t, 1, must1(s.EndSessionsOf(ctx, tenant, storetest.AliceID, third.ID, start)))
		_, _, err = s.Grant(ctx, tenant, others.ID, start)
		require.ErrorIs(t, err, model.ErrNotFound)
		left := must1(s.SessionsOf(ctx, tenant, storetest.AliceID, start))
		require.Len(t, left, 1)
		require.Equal(t, third.ID, left[0].ID)
		require.Equal(t, 1, must1(s.EndSessionsOf(ctx, tenant, storetest.AliceID, "", start)))
	})
}

func TestSessionIsTouchedOnceAMinute(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		v := startSession(t, f)
		for _, step := range []struct{ after, seen time.Duration }{
			{59 * time.Second, 0},
			{time.Minute, time.Minute},
			{90 * time.Second, time.Minute},
			{2 * time.Minute, 2 * time.Minute},
			{time.Minute, 2 * time.Minute}, // a clock behind ours
		} {
			must(t, f.Store.TouchSession(t.Context(), tenant, v.ID, start.Add(step.after)))
			got := must1(f.Store.SessionByID(t.Context(), tenant, v.ID))
			require.Equal(t, start.Add(step.seen), got.LastSeen, "after %s", step.after)
		}
	})
}

func TestDuplicatesAreNamed(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store
		g, in, c := sampleGrant(), sampleInteraction(), sampleConfirmation()
		must(t, s.CreateGrant(ctx, g))
		must(t, s.CreateInteraction(ctx, in))
		must(t, s.CreateConfirmation(ctx, c))
		again := c
		again.ID = id("confirmation")
		sameID := f.Alice
		sameID.Username = "someone@example.com"
		key := must1(s.Keys(ctx, tenant))[0]
		taken := f.Tenant
		taken.ID, taken.Slug = id("tenant"), "fresh"

		for name, err := range map[string]error{
			"a grant": s.CreateGrant(ctx, g), "an interaction": s.CreateInteraction(ctx, in),
			"a user's id": second(s.PutUser(ctx, sameID)),
			"a key":       s.AddKey(ctx, key), "an issuer": s.CreateTenant(ctx, taken),
		} {
			require.ErrorIs(t, err, store.ErrExists, name)
		}
		require.ErrorIs(t, s.CreateConfirmation(ctx, again), consent.ErrTxnUsed)
		none := sampleConfirmation()
		none.TxnID = ""
		require.ErrorIs(t, s.CreateConfirmation(ctx, none), consent.ErrOneOpen)
		open := must1(s.OpenConfirmation(ctx, tenant, none.UserID, none.Action))
		must(t, s.MoveConfirmation(ctx, tenant, open.ID, consent.ConfirmationDenied, start))
		must(t, s.CreateConfirmation(ctx, none))
		none.ID, none.Action = id("confirmation"), "payment_details.add"
		must(t, s.CreateConfirmation(ctx, none))
	})
}

func second[A any](_ A, err error) error { return err }
