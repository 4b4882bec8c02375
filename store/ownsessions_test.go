package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// aliceSession writes a session that alice can use.
func aliceSession(t *testing.T, f *storetest.Fixture) identity.Session {
	t.Helper()
	s := sampleSession()
	s.PasswordEpoch = f.Alice.PasswordEpoch
	must(t, f.Store.Complete(t.Context(), model.Completion{TenantID: tenant, Now: s.CreatedAt, NewSession: &s}))
	return s
}

func TestTheListOfSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		put := func(name string, edit func(*identity.Session)) {
			s := sampleSession()
			s.ID, s.PasswordEpoch = name, f.Alice.PasswordEpoch
			edit(&s)
			must(t, f.Store.Complete(ctx, model.Completion{TenantID: tenant, Now: start, NewSession: &s}))
		}
		put("old", func(*identity.Session) {})
		put("new", func(s *identity.Session) { s.CreatedAt = start.Add(time.Minute) })
		put("this", func(s *identity.Session) { s.CreatedAt = start.Add(-time.Minute) })
		put("idle", func(s *identity.Session) { s.LastSeen = start.Add(-2 * time.Hour) })
		put("of an older password", func(s *identity.Session) { s.PasswordEpoch-- })
		put("over", func(s *identity.Session) { s.ExpiresAt = start })

		list, err := f.Store.SessionList(ctx, tenant, storetest.AliceID, "this", start)

		require.NoError(t, err)
		var ids []string
		for _, e := range list {
			ids = append(ids, e.ID)
			require.Equal(t, e.ID == "this", e.Current)
		}
		require.Equal(t, []string{"this", "new", "old"}, ids)
		require.Equal(t, identity.SessionEntry{
			ID: "old", CreatedAt: start, LastSeen: start, ExpiresAt: start.Add(24 * time.Hour),
			IP: "203.0.113.7", UserAgent: "Chrome on Linux", Persistent: true,
		}, list[2])
	})
}

func TestAUserEndsHisOwnSessionOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		s := aliceSession(t, f)
		bob := f.AddUser(t, tenant, "user-bob", "bob@example.com")

		require.ErrorIs(t, f.Store.EndSessionOf(t.Context(), tenant, bob.ID, s.ID, start), identity.ErrNotFound)
		require.NotNil(t, must1(f.Store.SessionByID(t.Context(), tenant, s.ID)))
		require.NoError(t, f.Store.EndSessionOf(t.Context(), tenant, storetest.AliceID, s.ID, start))
		require.Nil(t, must1(f.Store.SessionByID(t.Context(), tenant, s.ID)))
		require.ErrorIs(t, f.Store.EndSessionOf(t.Context(), tenant, storetest.AliceID, s.ID, start), identity.ErrNotFound)
	})
}

func TestSignOutEverywhereLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		aliceSession(t, f)
		aliceSession(t, f)
		bob := f.AddUser(t, tenant, "user-bob", "bob@example.com")
		offline, his := sampleGrant(), sampleGrant()
		offline.Scopes, his.UserID = []string{"openid", "offline_access"}, bob.ID
		must(t, f.Store.CreateGrant(ctx, offline))
		must(t, f.Store.CreateGrant(ctx, his))

		n, err := f.Store.SignOutEverywhere(ctx, tenant, storetest.AliceID, start)

		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Empty(t, must1(f.Store.SessionsOf(ctx, tenant, storetest.AliceID, start)))
		_, _, err = f.Store.Grant(ctx, tenant, offline.ID, start)
		require.ErrorIs(t, err, model.ErrNotFound)
		_, _, err = f.Store.Grant(ctx, tenant, his.ID, start)
		require.NoError(t, err)
		u := must1(f.Store.User(ctx, tenant, storetest.AliceID))
		require.Equal(t, f.Alice.MFAEpoch+1, u.MFAEpoch, "trusted devices are void")
		require.Equal(t, f.Alice.PasswordEpoch, u.PasswordEpoch)
	})
}

// TestOfTriesTheOwnerReadsTheFailures: a right code is told with what it was for.
func TestOfTriesTheOwnerReadsTheFailures(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for i, tried := range []struct{ kind, result string }{
			{"challenge.tried", "ok"},
			{"challenge.tried", "mismatch"},
			{"password.tried", "ok"},
			{"password.tried", "wrong"},
			{"challenge.sent", "failed"},
			{"action.refused", "cancelled"},
		} {
			e := sampleEvent()
			e.ID, e.Type, e.Result, e.Subject, e.At = string(rune('a'+i)), tried.kind, tried.result, storetest.AliceID, start.Add(time.Duration(i)*time.Second)
			must(t, f.Store.AppendAudit(t.Context(), e))
		}

		var read []string
		for _, a := range must1(f.Store.Activity(t.Context(), tenant, storetest.AliceID, identity.ActivityPage{})) {
			read = append(read, a.Type+" "+a.Result)
		}

		require.Equal(t, []string{"action.refused cancelled", "password.tried wrong", "challenge.tried mismatch"}, read)
		none := must1(f.Store.Activity(t.Context(), tenant, storetest.AliceID, identity.ActivityPage{Before: start, BeforeID: "a"}))
		require.Empty(t, none, "the end of a page counts for failures, too")
	})
}

func TestActivityIsWhatTheOwnerMayRead(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		put := func(name, kind, subject string, at time.Time) {
			e := sampleEvent()
			e.ID, e.Type, e.Subject, e.At = name, kind, subject, at
			must(t, f.Store.AppendAudit(ctx, e))
		}
		for i := range 60 {
			put("n"+string(rune('0'+i/10))+string(rune('0'+i%10)), identity.EventPasswordChanged, storetest.AliceID, start.Add(time.Duration(i/2)*time.Second))
		}
		put("operator's", "integrity.failed", storetest.AliceID, start.Add(time.Hour))
		put("bob's", identity.EventPasswordChanged, "user-bob", start.Add(time.Hour))

		var ids []string
		page := identity.ActivityPage{}
		for range 3 {
			list, err := f.Store.Activity(ctx, tenant, storetest.AliceID, page)
			require.NoError(t, err)
			require.LessOrEqual(t, len(list), 50)
			for _, a := range list {
				ids = append(ids, a.ID)
				page.Before, page.BeforeID = a.At, a.ID
			}
		}

		require.Len(t, ids, 60, "each once")
		require.Equal(t, "n59", ids[0])
		require.Equal(t, "n00", ids[59])
		first := must1(f.Store.Activity(ctx, tenant, storetest.AliceID, identity.ActivityPage{Limit: 1}))
		require.Equal(t, []identity.Activity{{
			ID: "n59", At: start.Add(29 * time.Second), Type: identity.EventPasswordChanged, Result: "ok", IP: "203.0.113.7",
			UserAgent: "Chrome on Linux", ClientID: storetest.Confidential, Data: map[string]string{"method": "email"},
		}}, first)
	})
}
