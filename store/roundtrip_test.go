package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func TestWhatIsWrittenComesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx, s := t.Context(), f.Store

		t.Run("a grant with every field", func(t *testing.T) {
			want := sampleGrant()
			want.RTGen, want.RTSalt, want.RTRotatedAt, want.RTExpiresAt = 2, []byte{1, 2}, start, start.Add(time.Hour)
			must(t, s.CreateGrant(ctx, want))
			got, seen, err := s.Grant(ctx, tenant, want.ID, start)
			must(t, err)
			require.Empty(t, cmp.Diff(want, got))
			require.Positive(t, seen.RealmVersion)

			got, user, seen, err := s.GrantAndUser(ctx, tenant, want.ID, start)
			must(t, err)
			require.Empty(t, cmp.Diff(want, got))
			require.Empty(t, cmp.Diff(f.Alice, user))
			require.Positive(t, seen.RealmVersion)
		})
		t.Run("a grant with nothing but what it needs", func(t *testing.T) {
			want := model.Grant{ID: id("grant"), TenantID: tenant, UserID: storetest.AliceID, GrantExpiresAt: start.Add(time.Hour), CreatedAt: start}
			must(t, s.CreateGrant(ctx, want))
			got, _, err := s.Grant(ctx, tenant, want.ID, start)
			must(t, err)
			require.Empty(t, cmp.Diff(want, got))
		})
		t.Run("an interaction", func(t *testing.T) {
			want := sampleInteraction()
			must(t, s.CreateInteraction(ctx, want))
			got, err := s.Interaction(ctx, tenant, want.ID)
			must(t, err)
			require.Empty(t, cmp.Diff(want, got))
		})
		t.Run("a confirmation", func(t *testing.T) {
			want := sampleConfirmation()
			must(t, s.CreateConfirmation(ctx, want))
			got, err := s.Confirmation(ctx, tenant, want.ID)
			must(t, err)
			require.Empty(t, cmp.Diff(want, got))
		})
		t.Run("a session and an agreement, together with the user", func(t *testing.T) {
			want := sampleSession()
			agreed := consent.Agreement{
				TenantID: tenant, UserID: storetest.AliceID, ClientID: storetest.Public,
				Scopes: []string{"openid", "email"}, CreatedAt: start, UpdatedAt: start,
			}
			must(t, s.Complete(ctx, model.Completion{TenantID: tenant, Now: start, NewSession: &want, Agreement: &agreed}))

			in, err := s.SignedIn(ctx, tenant, want.TokenHash, storetest.Public)
			must(t, err)
			now, err := s.Tenant(ctx, tenant)
			must(t, err)
			require.Empty(t, cmp.Diff(consent.SignedIn{Session: &want, User: &f.Alice, Agreement: &agreed, RealmVersion: now.Version}, in))

			in, err = s.SignedIn(ctx, tenant, want.TokenHash, storetest.Confidential)
			must(t, err)
			require.NotNil(t, in.Session)
			require.Nil(t, in.Agreement)

			byID, err := s.SessionByID(ctx, tenant, want.ID)
			must(t, err)
			require.Empty(t, cmp.Diff(&want, byID))
			got, err := s.Agreement(ctx, tenant, storetest.AliceID, storetest.Public)
			must(t, err)
			require.Empty(t, cmp.Diff(&agreed, got))
		})
		t.Run("nobody signed in is no error and still tells the version", func(t *testing.T) {
			in, err := s.SignedIn(ctx, tenant, hashOf("nobody"), storetest.Public)
			must(t, err)
			require.Nil(t, in.Session)
			require.Nil(t, in.User)
			require.Positive(t, in.RealmVersion)
		})
		t.Run("a user with every field", func(t *testing.T) {
			want := identity.User{
				ID: id("user"), TenantID: tenant, Username: "bob@example.com", PasswordHash: "h", Status: identity.UserDisabled, Admin: true,
				PasswordEpoch: 1, MFAEpoch: 2, MFAEnabled: true, Flags: map[string]time.Time{"frozen": start},
				HoldUntil: start.Add(time.Hour), Profile: identity.Profile{Name: "Bob", Address: &identity.Address{Country: "MX"}},
				EnrolAsked: start, CreatedAt: start.Add(-time.Hour), UpdatedAt: start,
			}
			changed, err := s.PutUser(ctx, want)
			must(t, err)
			require.True(t, changed)
			got, err := s.User(ctx, tenant, want.ID)
			must(t, err)
			require.Empty(t, cmp.Diff(want, got))
			got, err = s.UserByName(ctx, tenant, want.Username)
			must(t, err)
			require.Empty(t, cmp.Diff(want, got))
		})
		t.Run("audit events, newest first and page by page", func(t *testing.T) {
			var want []model.AuditEvent
			for i := range 5 {
				e := sampleEvent()
				e.At = start.Add(time.Duration(i/2) * time.Second)
				want = append([]model.AuditEvent{e}, want...)
			}
			must(t, s.AppendAudit(ctx, want...))
			got, err := s.Audit(ctx, tenant, page(model.AuditEvent{}, 3))
			must(t, err)
			rest, err := s.Audit(ctx, tenant, page(got[2], 3))
			must(t, err)
			require.Empty(t, cmp.Diff(want, append(got, rest...)))
		})
	})
}

func TestTimesAreKeptInUTCAndMicroseconds(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		at := start.Add(123456789 * time.Nanosecond)
		zone := time.FixedZone("", -6*3600)
		g := sampleGrant()
		g.AuthTime, g.CreatedAt, g.GrantExpiresAt = at.In(zone), at, at.Add(time.Hour).In(zone)
		must(t, f.Store.CreateGrant(t.Context(), g))

		got := firstOf(f.Store.Grant(t.Context(), tenant, g.ID, at.Add(30*time.Minute).In(zone)))

		require.Equal(t, start.Add(123456*time.Microsecond), got.AuthTime)
		require.Equal(t, got.AuthTime, got.CreatedAt)
		_, _, err := f.Store.Grant(t.Context(), tenant, g.ID, at.Add(time.Hour).In(zone))
		require.ErrorIs(t, err, model.ErrNotFound)
	})
}
