package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// T-70: a reset sets a password and nothing else. It gives no session and takes no
// second factor away.
func TestT70AResetGrantsNoSessionAndNoSecondStep(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		d.login(t, "one")
		who := d.user(t, storetest.AliceName).Subject()
		enrolled, err := d.contacts.Enrolments(t.Context(), who)
		require.NoError(t, err)
		before := d.user(t, storetest.AliceName)
		token := d.reset(t)

		u, err := d.Reset(t.Context(), d.realm, token, newPassword, "Chrome on Linux", home)

		require.NoError(t, err)
		require.Equal(t, before.PasswordEpoch+1, u.PasswordEpoch, "trusted devices are void, so the second step is asked")
		require.Equal(t, before.MFAEnabled, u.MFAEnabled)
		require.Empty(t, d.sessions(t))
		after, err := d.contacts.Enrolments(t.Context(), who)
		require.NoError(t, err)
		require.Equal(t, enrolled, after)
		require.ErrorIs(t, d.signIn(t, storetest.AliceName, password), identity.ErrCredentials)
		require.NoError(t, d.signIn(t, storetest.AliceName, newPassword))
		_, notices := d.letters(t)
		require.Equal(t, []string{"password_changed to user-alice"}, notices)
		require.Equal(t, []string{"password.reset ok user-alice"}, d.events)
		_, err = d.Reset(t.Context(), d.realm, token, "another one that would do", "", home)
		require.ErrorIs(t, err, identity.ErrLinkUsed)
	})
}

// T-34: what is asked for without being signed in has the same answer and the same
// work for every address; whether there is an account shows in a mailbox alone.
func TestT34RequestsTellNothing(t *testing.T) {
	for kind, ask := range map[string]func(ctx context.Context, d *desk, name string) error{
		"reset": func(ctx context.Context, d *desk, name string) error {
			return d.RequestReset(ctx, d.realm, name, "en", home)
		},
		"sign-up": func(ctx context.Context, d *desk, name string) error {
			return d.RequestSignUp(ctx, d.realm, name, "en", home)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			onBoth(t, func(t *testing.T, d *desk) {
				work := func(name string) ([]string, int) {
					ctx, counter := store.Count(t.Context())
					require.NoError(t, ask(ctx, d, name))
					return counter.Statements(), 2*counter.Begins() + len(counter.Statements())
				}
				want, trips := work(storetest.AliceName)

				require.NotEmpty(t, want)
				for _, name := range []string{dora, uma, nora} {
					got, n := work(name)
					require.Equal(t, want, got, name)
					require.Equal(t, trips, n, name)
				}
				for _, name := range []string{storetest.AliceName, nora} {
					for range 10 {
						_, _ = work(name)
					}
					got, n := work(name)
					require.Len(t, got, len(want), "%s over the limit", name)
					require.Equal(t, trips, n, "%s over the limit", name)
				}
			})
		})
	}
}

func TestALetterGoesToAConfirmedRegisteredAddressOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		for _, name := range []string{" ALICE@example.com ", dora, uma, nora} {
			require.NoError(t, d.RequestReset(t.Context(), d.realm, name, "fr", home))
		}

		letters, _ := d.letters(t)

		require.Len(t, letters, 1)
		l := letters[0]
		require.Equal(t, storetest.AliceName, l.To.Reveal())
		require.Equal(t, identity.LetterReset, l.Kind)
		require.Equal(t, "fr", l.Lang)
		require.Equal(t, storetest.AliceID, l.Subject.UserID)
		require.Equal(t, d.Clock.Now().Add(30*time.Minute), l.ExpiresAt)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", l, l, l), l.Token.Reveal())
	})
}

func TestTooManyRequestsSendNoMoreMail(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		sent := 0
		for range 60 {
			require.NoError(t, d.RequestReset(t.Context(), d.realm, storetest.AliceName, "", home))
			letters, _ := d.letters(t)
			sent += len(letters)
			d.Clock.Move(time.Minute)
		}
		require.LessOrEqual(t, sent, 10)
		require.GreaterOrEqual(t, sent, 5)
	})
}

func TestWhatVoidsALink(t *testing.T) {
	tests := []struct {
		name string
		void func(t *testing.T, d *desk, token mfa.Secret) mfa.Secret // returns the token to try
		want error
	}{
		{"nothing; it was looked at three times", func(t *testing.T, d *desk, token mfa.Secret) mfa.Secret {
			for range 3 {
				u, rules, err := d.OpenReset(t.Context(), d.realm, token)
				require.NoError(t, err)
				require.Equal(t, storetest.AliceID, u.ID)
				require.Equal(t, identity.MinPasswordAlone, rules.MinLength)
			}
			return token
		}, nil},
		{"a password that will not do does not", func(t *testing.T, d *desk, token mfa.Secret) mfa.Secret {
			_, err := d.Reset(t.Context(), d.realm, token, "too short", "", home)
			require.Equal(t, identity.PasswordTooShort, reason(err))
			return token
		}, nil},
		{"a newer link", func(t *testing.T, d *desk, token mfa.Secret) mfa.Secret {
			d.Clock.Move(time.Minute)
			d.reset(t)
			return token
		}, identity.ErrLinkUnknown},
		{"half an hour", func(_ *testing.T, d *desk, token mfa.Secret) mfa.Secret {
			d.Clock.Move(30 * time.Minute)
			return token
		}, identity.ErrLinkExpired},
		{"a change of password", func(t *testing.T, d *desk, token mfa.Secret) mfa.Secret {
			_, err := d.ChangePassword(t.Context(), d.realm, identity.PasswordChange{UserID: storetest.AliceID, Old: password, New: newPassword + "!", IP: home})
			require.NoError(t, err)
			return token
		}, identity.ErrLinkUnknown},
		{"another registered address", func(t *testing.T, d *desk, token mfa.Secret) mfa.Secret {
			u := d.user(t, storetest.AliceName)
			all, err := d.contacts.Enrolments(t.Context(), u.Subject())
			require.NoError(t, err)
			was := all.Contacts[0]
			is := was
			was.Registered, was.Status = false, mfa.ContactReplaced
			is.ID, is.Value = identity.ContactID(u.Subject(), mfa.ContactEmail, "a@example.com"), "a@example.com"
			require.NoError(t, d.contacts.AddContact(t.Context(), was))
			require.NoError(t, d.contacts.AddContact(t.Context(), is))
			return token
		}, identity.ErrLinkUnknown},
		{"an account that was disabled", func(t *testing.T, d *desk, token mfa.Secret) mfa.Secret {
			_, err := d.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
				u.Status = identity.UserDisabled
				return nil
			})
			require.NoError(t, err)
			return token
		}, identity.ErrLinkUnknown},
		{"a token that is none", func(*testing.T, *desk, mfa.Secret) mfa.Secret { return "x" }, identity.ErrLinkUnknown},
		{"a token of nobody", func(*testing.T, *desk, mfa.Secret) mfa.Secret { return mfa.Secret(strings.Repeat("A", 43)) }, identity.ErrLinkUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, testdb.SQLite(t))
			token := tt.void(t, d, d.reset(t))

			_, err := d.Reset(t.Context(), d.realm, token, newPassword, "", home)

			require.ErrorIs(t, err, tt.want)
		})
	}
}

// T-28: a link does what it was mailed for, and nothing else.
func TestT28ALinkOfOnePurposeIsNoneOfAnother(t *testing.T) {
	d := newDesk(t, testdb.SQLite(t))
	require.NoError(t, d.RequestVerification(t.Context(), d.realm, "user-uma", "", home))
	require.NoError(t, d.RequestSignUp(t.Context(), d.realm, nora, "", home))
	letters, _ := d.letters(t)
	tokens := map[string]mfa.Secret{identity.LetterReset: d.reset(t)}
	for _, l := range letters {
		tokens[l.Kind] = l.Token
	}
	uses := map[string]func(mfa.Secret) error{
		identity.LetterReset: func(s mfa.Secret) error {
			_, err := d.Reset(t.Context(), d.realm, s, newPassword, "", home)
			return err
		},
		identity.LetterVerify: func(s mfa.Secret) error { _, err := d.ConfirmEmail(t.Context(), d.realm, s, home); return err },
		identity.LetterSignUp: func(s mfa.Secret) error {
			_, err := d.SignUp(t.Context(), d.realm, s, identity.NewAccount{Password: newPassword}, home)
			return err
		},
	}
	require.Len(t, tokens, len(uses))
	for of, token := range tokens {
		for as, use := range uses {
			if of != as {
				require.ErrorIs(t, use(token), identity.ErrLinkUnknown, "%s as %s", of, as)
			}
		}
	}
	elsewhere := *d.realm
	elsewhere.Tenant.ID = "tenant-other"
	_, err := d.Reset(t.Context(), &elsewhere, tokens[identity.LetterReset], newPassword, "", home)
	require.ErrorIs(t, err, identity.ErrLinkUnknown)
	for as, use := range uses {
		require.NoError(t, use(tokens[as]), as)
	}
}

func TestOneOfSixtyFourResetsSucceeds(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		token := d.reset(t)
		var mu sync.Mutex
		var all sync.WaitGroup
		won := []string{}
		for i := range 64 {
			chosen := fmt.Sprintf("%s number %d", newPassword, i)
			all.Go(func() {
				_, err := d.Reset(t.Context(), d.realm, token, mfa.Secret(chosen), "", home)
				if err == nil {
					mu.Lock()
					won = append(won, chosen)
					mu.Unlock()
				} else if !errors.Is(err, identity.ErrLinkUsed) && !errors.Is(err, identity.ErrLinkUnknown) {
					t.Error(err)
				}
			})
		}
		all.Wait()

		require.Len(t, won, 1)
		require.NoError(t, d.signIn(t, storetest.AliceName, won[0]))
	})
}
