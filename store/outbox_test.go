package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/ratelimit"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func note(kind string, at time.Time) identity.Notice {
	return identity.Notice{TenantID: tenant, UserID: storetest.AliceID, Kind: kind, Device: "Chrome on Linux", At: at}
}

// due leases what is due for a minute and names it.
func due(t *testing.T, f *storetest.Fixture, limit int) (kinds []string) {
	t.Helper()
	list, err := f.Store.DueNotices(t.Context(), limit, f.Clock.Now().Add(time.Minute))
	require.NoError(t, err)
	for _, n := range list {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

func TestANoticeIsLeasedUntilItsEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		must(t, f.Store.QueueNotices(t.Context(), note("device_trusted", start)))

		list, err := f.Store.DueNotices(t.Context(), 9, start.Add(time.Minute))

		require.NoError(t, err)
		require.Len(t, list, 1)
		first := list[0]
		require.NotEmpty(t, first.ID)
		want := note("device_trusted", start)
		want.ID, want.Tries = first.ID, 1
		require.Equal(t, want, first)
		f.Clock.Move(time.Minute - time.Microsecond)
		require.Empty(t, due(t, f, 9))
		f.Clock.Move(time.Microsecond)
		again, err := f.Store.DueNotices(t.Context(), 9, f.Clock.Now().Add(time.Minute))
		require.NoError(t, err)
		require.Equal(t, 2, again[0].Tries)
	})
}

func TestANoticeThatEndedIsOver(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for _, sent := range []bool{true, false} {
			must(t, f.Store.QueueNotices(t.Context(), note("factor_locked", f.Clock.Now())))
			list, err := f.Store.DueNotices(t.Context(), 9, f.Clock.Now().Add(time.Minute))
			require.NoError(t, err)
			require.Len(t, list, 1)

			must(t, f.Store.EndNotice(t.Context(), list[0], sent))

			f.Clock.Move(time.Hour)
			require.Empty(t, due(t, f, 9))
		}
		require.Equal(t, []string{"failed", "sent"}, column(t, f.DB, "select status from notifications order by status"))
		require.Equal(t, []string{"", ""}, column(t, f.DB, "select params_enc from notifications"), "what it said is deleted")
	})
}

func TestEqualNoticesOfOneMinuteAreOne(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		bob := f.AddUser(t, tenant, "user-bob", "bob@example.com")
		other := note("k", start)
		other.UserID = bob.ID
		must(t, f.Store.QueueNotices(t.Context(),
			note("k", start), note("k", start.Add(59*time.Second)), note("l", start), other, note("k", start.Add(time.Minute))))
		must(t, f.Store.QueueNotices(t.Context(), note("k", start)))

		require.ElementsMatch(t, []string{"k", "l", "k", "k"}, due(t, f, 9))
	})
}

// TestTwoWorkersNeverGetOneNotice lets eight of them at thirty notices, as
// replicas do that were started at the same moment.
func TestTwoWorkersNeverGetOneNotice(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for i := range 30 {
			must(t, f.Store.QueueNotices(t.Context(), note("k", start.Add(time.Duration(i)*time.Minute))))
		}
		var mu sync.Mutex
		got := map[string]int{}
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for {
					list, err := f.Store.DueNotices(t.Context(), 3, start.Add(time.Hour))
					if err != nil {
						t.Error(err)
						return
					}
					if len(list) == 0 {
						return
					}
					mu.Lock()
					for _, n := range list {
						got[n.ID]++
					}
					mu.Unlock()
				}
			})
		}
		workers.Wait()

		require.Len(t, got, 30)
		for id, times := range got {
			require.Equal(t, 1, times, id)
		}
	})
}

func TestANoticeThatCannotBeReadDoesNotStopTheOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		must(t, f.Store.QueueNotices(t.Context(), note("a", start), note("b", start), note("c", start)))
		_, err := f.DB.SQL.ExecContext(t.Context(), "update notifications set params_enc = 'nonsense' where template = 'b'")
		require.NoError(t, err)

		list, err := f.Store.DueNotices(t.Context(), 9, start.Add(time.Minute))

		require.Error(t, err)
		require.Len(t, list, 2)
		f.Clock.Move(time.Hour)
		require.ElementsMatch(t, []string{"a", "c"}, due(t, f, 9))
	})
}

func TestCheckSaysWhatSpendWouldAndCountsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		b := store.Buckets{DB: f.DB.Gorm}
		charge := func(key string, burst int, every time.Duration) ratelimit.Charge {
			return ratelimit.Charge{What: key, Key: key, Limit: ratelimit.Limit{Burst: burst, Every: every}}
		}
		two, one := charge("two", 2, time.Minute), charge("one", 1, time.Hour)
		check := func(at time.Time, charges ...ratelimit.Charge) error { return b.Check(t.Context(), at, charges...) }
		wait := func(what string, after time.Duration) error { return &ratelimit.WaitError{What: what, After: after} }

		require.NoError(t, check(start))
		for range 5 {
			require.NoError(t, check(start, two, one), "a key never seen has room, however often it is asked for")
		}
		must(t, b.Spend(t.Context(), start, two))
		require.NoError(t, check(start, two))
		must(t, b.Spend(t.Context(), start, two))

		require.Equal(t, wait("two", time.Minute), check(start, two))
		require.Equal(t, b.Spend(t.Context(), start, two), check(start, two))
		require.Equal(t, wait("two", time.Microsecond), check(start.Add(time.Minute-time.Microsecond), two))
		require.NoError(t, check(start.Add(time.Minute), two))
		require.NoError(t, check(start.Add(time.Minute), two, one), "what is spent of one key is not spent of another")
		must(t, b.Spend(t.Context(), start, one))
		require.Equal(t, wait("one", time.Hour), check(start, two, one), "the longest wait is told")
		require.Equal(t, wait("one", time.Hour), check(start, one, two))
		require.NoError(t, check(start, charge("another", 1, time.Hour)))
	})
}

func TestARequestHasItsAddressAndIsOneAMinuteForEachAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ask := func(to string) identity.Notice {
			return identity.Notice{TenantID: tenant, Kind: identity.RequestReset, To: mfa.Secret(to), Lang: "fr", At: start}
		}
		must(t, f.Store.QueueNotices(t.Context(), ask("a@example.com"), ask("a@example.com"), ask("b@example.com")))

		list, err := f.Store.DueNotices(t.Context(), 9, start.Add(time.Minute))

		require.NoError(t, err)
		var to []string
		for _, n := range list {
			to = append(to, n.To.Reveal())
			require.Equal(t, "fr", n.Lang)
			require.True(t, n.IsRequest())
		}
		require.ElementsMatch(t, []string{"a@example.com", "b@example.com"}, to)
	})
}
