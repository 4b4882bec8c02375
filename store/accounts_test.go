package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func TestALinkComesBackAsItWasPut(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for _, purpose := range []identity.LinkPurpose{identity.LinkPasswordReset, identity.LinkEmailVerify, identity.LinkSignUp} {
			want := sampleLink(purpose)
			must(t, f.Store.PutLink(t.Context(), want))

			got, u, err := f.Store.LinkByToken(t.Context(), tenant, want.TokenHash)

			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, want.Address.Reveal(), got.Address.Reveal())
			if purpose == identity.LinkSignUp {
				require.Nil(t, u)
			} else {
				require.Equal(t, f.Alice, *u)
			}
		}
	})
}

func TestANewerLinkTakesThePlaceOfAnOlderOne(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for _, purpose := range []identity.LinkPurpose{identity.LinkPasswordReset, identity.LinkSignUp} {
			older, newer := sampleLink(purpose), sampleLink(purpose)
			must(t, f.Store.PutLink(t.Context(), older))
			must(t, f.Store.PutLink(t.Context(), newer))

			_, _, err := f.Store.LinkByToken(t.Context(), tenant, older.TokenHash)

			require.ErrorIs(t, err, identity.ErrNotFound)
			_, _, err = f.Store.LinkByToken(t.Context(), tenant, newer.TokenHash)
			require.NoError(t, err)
		}
		verify, elsewhere := sampleLink(identity.LinkEmailVerify), sampleLink(identity.LinkSignUp)
		elsewhere.Address = "else@example.com"
		must(t, f.Store.PutLink(t.Context(), verify))
		must(t, f.Store.PutLink(t.Context(), elsewhere))
		require.Equal(t, []string{"4"}, column(t, f.DB, "select count(*) from links"), "one for each purpose and owner")
	})
}

func TestOfSixtyFourLinksMadeAtOnceOneIsLeft(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		got := together(64, func(int) error { return f.Store.PutLink(t.Context(), sampleLink(identity.LinkPasswordReset)) })

		require.Equal(t, map[error]int{nil: 64}, got)
		require.Equal(t, []string{"1"}, column(t, f.DB, "select count(*) from links where used_at is null"))
	})
}

func TestOneOfSixtyFourUsesALink(t *testing.T) {
	for name, use := range map[string]func(f *storetest.Fixture, t *testing.T, l identity.Link, i int) error{
		"for a new password": func(f *storetest.Fixture, t *testing.T, l identity.Link, _ int) error {
			_, err := f.Store.SetPassword(t.Context(), identity.PasswordWrite{
				TenantID: tenant, UserID: l.UserID, Hash: id("hash"), LinkID: l.ID, Now: start,
			})
			return err
		},
		"to verify an address": func(f *storetest.Fixture, t *testing.T, l identity.Link, _ int) error {
			return f.Store.VerifyEmail(t.Context(), l, start)
		},
		"for an account": func(f *storetest.Fixture, t *testing.T, l identity.Link, _ int) error {
			return f.Store.CreateAccount(t.Context(), l, identity.User{ID: id("user"), Username: id("new") + "@example.com", Status: identity.UserActive}, start)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, f *storetest.Fixture) {
				l := sampleLink(identity.LinkPasswordReset)
				must(t, f.Store.PutLink(t.Context(), l))

				got := together(64, func(i int) error { return use(f, t, l, i) })

				require.Equal(t, map[error]int{nil: 1, identity.ErrLinkUsed: 63}, got)
			})
		})
	}
}

func TestALinkThatExpiredOrWasReplacedIsNotUsed(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		older, newer := sampleLink(identity.LinkEmailVerify), sampleLink(identity.LinkEmailVerify)
		must(t, f.Store.PutLink(t.Context(), older))
		must(t, f.Store.PutLink(t.Context(), newer))

		require.ErrorIs(t, f.Store.VerifyEmail(t.Context(), older, start), identity.ErrLinkUsed)
		require.ErrorIs(t, f.Store.VerifyEmail(t.Context(), newer, newer.ExpiresAt), identity.ErrLinkUsed)
		require.NoError(t, f.Store.VerifyEmail(t.Context(), newer, newer.ExpiresAt.Add(-time.Microsecond)))
	})
}

func TestAnAddressIsVerifiedOnlyWhereItIsTheProfiles(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		for address, want := range map[string]bool{storetest.AliceName: true, "other@example.com": false} {
			_, err := f.Store.UpdateUser(t.Context(), tenant, storetest.AliceID, func(u *identity.User) error {
				u.Profile.EmailVerified = false
				return nil
			})
			must(t, err)
			l := sampleLink(identity.LinkEmailVerify)
			must(t, f.Store.PutLink(t.Context(), l))
			got, _, err := f.Store.LinkByToken(t.Context(), tenant, l.TokenHash)
			must(t, err)
			got.Address = mfa.Secret(address)

			must(t, f.Store.VerifyEmail(t.Context(), got, start))

			u, err := f.Store.User(t.Context(), tenant, storetest.AliceID)
			must(t, err)
			require.Equal(t, want, u.Profile.EmailVerified, address)
			require.Equal(t, f.Alice.PasswordEpoch, u.PasswordEpoch)
		}
	})
}

func TestAnAccountOfATakenNameIsNotMadeAndTheLinkIsNotUsed(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		l := sampleLink(identity.LinkSignUp)
		must(t, f.Store.PutLink(t.Context(), l))
		u := identity.User{ID: "user-new", Username: storetest.AliceName, Status: identity.UserActive}

		require.ErrorIs(t, f.Store.CreateAccount(t.Context(), l, u, start), identity.ErrTaken)

		u.ID, u.Username = storetest.AliceID, "new@example.com"
		require.ErrorIs(t, f.Store.CreateAccount(t.Context(), l, u, start), identity.ErrTaken)
		u.ID = "user-new"
		require.NoError(t, f.Store.CreateAccount(t.Context(), l, u, start))
	})
}

func TestANewPasswordEndsEverythingButTheSessionThatIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		kept, lost := aliceSession(t, f), aliceSession(t, f)
		bob := f.AddUser(t, tenant, "user-bob", "bob@example.com")
		bobs := sampleSession()
		bobs.UserID = bob.ID
		must(t, f.Store.Complete(ctx, model.Completion{TenantID: tenant, Now: start, NewSession: &bobs}))
		mine, his := sampleGrant(), sampleGrant()
		his.UserID = bob.ID
		must(t, f.Store.CreateGrant(ctx, mine))
		must(t, f.Store.CreateGrant(ctx, his))
		write := identity.PasswordWrite{
			TenantID: tenant, UserID: storetest.AliceID, Hash: "next", Epoch: f.Alice.PasswordEpoch, Now: start.Add(time.Second),
			Keep:    &identity.KeptSession{ID: kept.ID, TokenHash: hashOf("rotated")},
			Notices: []identity.Notice{note("password_changed", start)},
		}

		u, err := f.Store.SetPassword(ctx, write)

		require.NoError(t, err)
		require.Equal(t, "next", u.PasswordHash)
		require.Equal(t, f.Alice.PasswordEpoch+1, u.PasswordEpoch)
		v, err := f.Store.SessionByID(ctx, tenant, kept.ID)
		must(t, err)
		require.True(t, v.Live(&u, start.Add(time.Second)))
		require.Equal(t, hashOf("rotated"), v.TokenHash)
		require.Equal(t, kept.Events, v.Events)
		require.Nil(t, must1(f.Store.SessionByID(ctx, tenant, lost.ID)))
		require.NotNil(t, must1(f.Store.SessionByID(ctx, tenant, bobs.ID)))
		_, _, err = f.Store.Grant(ctx, tenant, mine.ID, start)
		require.ErrorIs(t, err, model.ErrNotFound)
		_, _, err = f.Store.Grant(ctx, tenant, his.ID, start)
		require.NoError(t, err)
		require.Equal(t, []string{"password_changed"}, due(t, f, 9))

		_, err = f.Store.SetPassword(ctx, write)
		require.ErrorIs(t, err, identity.ErrCredentials, "the password was changed since it was looked at")
	})
}

func TestANewPasswordIsNotWrittenInPart(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		ctx := t.Context()
		session, link := aliceSession(t, f), sampleLink(identity.LinkPasswordReset)
		must(t, f.Store.PutLink(ctx, link))
		bob := f.AddUser(t, tenant, "user-bob", "bob@example.com")
		bobs := sampleSession()
		bobs.UserID, bobs.PasswordEpoch = bob.ID, bob.PasswordEpoch
		must(t, f.Store.Complete(ctx, model.Completion{TenantID: tenant, Now: start, NewSession: &bobs}))
		before := dump(t, f.DB)
		good := identity.PasswordWrite{
			TenantID: tenant, UserID: storetest.AliceID, Hash: "next", Epoch: f.Alice.PasswordEpoch, LinkID: link.ID, Now: start,
			Keep: &identity.KeptSession{ID: session.ID, TokenHash: hashOf("rotated")},
		}
		tests := []struct {
			name string
			spot func(*identity.PasswordWrite)
			want error
		}{
			{"with a link that is not there", func(w *identity.PasswordWrite) { w.LinkID = "none" }, identity.ErrLinkUsed},
			{"of an older password", func(w *identity.PasswordWrite) { w.Epoch-- }, identity.ErrCredentials},
			{"of nobody", func(w *identity.PasswordWrite) { w.UserID = "nobody" }, identity.ErrCredentials},
			{"with another user's session", func(w *identity.PasswordWrite) { w.Keep = &identity.KeptSession{ID: bobs.ID} }, identity.ErrNotFound},
			{"with a session that is over", func(w *identity.PasswordWrite) { w.Now, w.LinkID = start.Add(48*time.Hour), "" }, identity.ErrNotFound},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				w := good
				tt.spot(&w)

				_, err := f.Store.SetPassword(ctx, w)

				require.ErrorIs(t, err, tt.want)
				require.Equal(t, before, dump(t, f.DB))
			})
		}
	})
}

func TestADisabledAccountGetsNoPassword(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		u, err := f.Store.UpdateUser(t.Context(), tenant, storetest.AliceID, func(u *identity.User) error {
			u.Status = identity.UserDisabled
			return nil
		})
		must(t, err)

		_, err = f.Store.SetPassword(t.Context(), identity.PasswordWrite{TenantID: tenant, UserID: u.ID, Hash: "h", Epoch: u.PasswordEpoch, Now: start})

		require.ErrorIs(t, err, identity.ErrCredentials)
	})
}

func TestARehashIsNoChangeOfPassword(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		must(t, f.Store.Rehash(t.Context(), tenant, storetest.AliceID, "another", "next"))
		require.Equal(t, f.Alice, must1(f.Store.User(t.Context(), tenant, storetest.AliceID)), "the hash was another by then")

		must(t, f.Store.Rehash(t.Context(), tenant, storetest.AliceID, "hash", "next"))

		want := f.Alice
		want.PasswordHash = "next"
		require.Equal(t, want, must1(f.Store.User(t.Context(), tenant, storetest.AliceID)))
	})
}

func TestTheBudgetsOfAccounts(t *testing.T) {
	f := onPostgres(t)
	s := f.Store
	count := func(do func(ctx context.Context) error) int {
		ctx, counter := store.Count(t.Context())
		must(t, do(ctx))
		return len(counter.Statements())
	}
	l := sampleLink(identity.LinkPasswordReset)

	require.Equal(t, 1, count(func(ctx context.Context) error { return s.PutLink(ctx, l) }))
	require.Equal(t, 1, count(func(ctx context.Context) error { _, _, err := s.LinkByToken(ctx, tenant, l.TokenHash); return err }))
	require.Equal(t, 1, count(func(ctx context.Context) error { return s.Rehash(ctx, tenant, storetest.AliceID, "a", "b") }))
	require.Equal(t, 2, count(func(ctx context.Context) error {
		_, err := s.SessionList(ctx, tenant, storetest.AliceID, "", start)
		return err
	}))
	require.Equal(t, 1, count(func(ctx context.Context) error {
		_, err := s.Activity(ctx, tenant, storetest.AliceID, identity.ActivityPage{})
		return err
	}))
}

func TestSignUpIsKeptOnTheTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		require.False(t, f.Tenant.SignUp)
		f.Tenant.SignUp = true
		require.True(t, must1(f.Store.UpdateTenant(t.Context(), f.Tenant)))
		require.True(t, must1(f.Store.Tenant(t.Context(), tenant)).SignUp)
	})
}

func TestLinksAreSweptAWhileAfterTheirEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, f *storetest.Fixture) {
		l := sampleLink(identity.LinkPasswordReset)
		must(t, f.Store.PutLink(t.Context(), l))

		require.Zero(t, must1(f.Store.Sweep(t.Context(), l.ExpiresAt.Add(7*24*time.Hour-time.Second)))["links"])
		require.EqualValues(t, 1, must1(f.Store.Sweep(t.Context(), l.ExpiresAt.Add(7*24*time.Hour)))["links"])
	})
}
