package identity_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store/storetest"
)

func TestAnAddressIsConfirmedByALink(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		require.NoError(t, d.RequestVerification(t.Context(), d.realm, "user-uma", "", home))
		d.Clock.Move(time.Minute)
		require.NoError(t, d.RequestVerification(t.Context(), d.realm, storetest.AliceID, "", home), "hers is confirmed")
		letters, _ := d.letters(t)
		require.Len(t, letters, 1)
		require.Equal(t, uma, letters[0].To.Reveal())
		u, err := d.OpenVerification(t.Context(), d.realm, letters[0].Token)
		require.NoError(t, err)
		require.Equal(t, uma, u.Username)
		require.False(t, d.user(t, uma).Profile.EmailVerified, "a look confirms nothing")

		_, err = d.ConfirmEmail(t.Context(), d.realm, letters[0].Token, home)

		require.NoError(t, err)
		require.True(t, d.user(t, uma).Profile.EmailVerified)
		all, err := d.contacts.Enrolments(t.Context(), u.Subject())
		require.NoError(t, err)
		require.Equal(t, mfa.ContactConfirmed, all.Contacts[0].Status)
		_, err = d.ConfirmEmail(t.Context(), d.realm, letters[0].Token, home)
		require.ErrorIs(t, err, identity.ErrLinkUsed)
		require.Contains(t, d.events, "email.verified ok user-uma")
	})
}

func TestSomebodySignsUp(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		require.NoError(t, d.RequestSignUp(t.Context(), d.realm, " Nora@Example.com", "de", home))
		require.NoError(t, d.RequestSignUp(t.Context(), d.realm, storetest.AliceName, "de", home))
		letters, _ := d.letters(t)
		require.Len(t, letters, 2)
		byKind := map[string]identity.Letter{letters[0].Kind: letters[0], letters[1].Kind: letters[1]}
		known, fresh := byKind[identity.LetterSignUpKnown], byKind[identity.LetterSignUp]
		require.Equal(t, storetest.AliceName, known.To.Reveal())
		require.Empty(t, known.Token, "that mail has no link of its own")
		require.Equal(t, nora, fresh.To.Reveal())
		require.Equal(t, "de", fresh.Lang)
		address, rules, err := d.OpenSignUp(t.Context(), d.realm, fresh.Token)
		require.NoError(t, err)
		require.Equal(t, nora, address)
		require.Equal(t, 15, rules.MinLength)
		in := identity.NewAccount{Name: " Nora Nobody ", Password: "nora nobody 2026", Lang: "de", Zone: "Europe/Berlin"}
		_, err = d.SignUp(t.Context(), d.realm, fresh.Token, in, home)
		require.Equal(t, identity.PasswordContext, reason(err))
		in.Password = newPassword

		u, err := d.SignUp(t.Context(), d.realm, fresh.Token, in, home)

		require.NoError(t, err)
		stored := d.user(t, nora)
		require.Equal(t, u.ID, stored.ID)
		require.Equal(t, identity.Profile{Name: "Nora Nobody", Email: nora, EmailVerified: true, Locale: "de", Zoneinfo: "Europe/Berlin"}, stored.Profile)
		require.Equal(t, "Europe/Berlin", stored.Zone(d.realm.Tenant).String())
		require.False(t, stored.Admin)
		require.NoError(t, d.signIn(t, nora, newPassword))
		all, err := d.contacts.Enrolments(t.Context(), u.Subject())
		require.NoError(t, err)
		require.Len(t, all.Contacts, 1)
		require.True(t, all.Contacts[0].Registered)
		_, err = d.SignUp(t.Context(), d.realm, fresh.Token, in, home)
		require.ErrorIs(t, err, identity.ErrLinkUsed)
	})
}

func TestOfSixtyFourFormsOneMakesAnAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, d *desk) {
		require.NoError(t, d.RequestSignUp(t.Context(), d.realm, nora, "", home))
		letters, _ := d.letters(t)
		var mu sync.Mutex
		var all sync.WaitGroup
		won := 0
		for range 64 {
			all.Go(func() {
				_, err := d.SignUp(t.Context(), d.realm, letters[0].Token, identity.NewAccount{Password: newPassword}, home)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !errors.Is(err, identity.ErrLinkUsed) {
					t.Error(err)
				}
			})
		}
		all.Wait()

		require.Equal(t, 1, won)
	})
}

func TestSignUpIsClosedUnlessTheTenantOpensIt(t *testing.T) {
	d := newDesk(t, testdb.SQLite(t))
	require.NoError(t, d.RequestSignUp(t.Context(), d.realm, nora, "", home))
	require.NoError(t, d.RequestSignUp(t.Context(), d.realm, "late@example.com", "", home))
	letters, _ := d.letters(t)
	require.NoError(t, d.RequestSignUp(t.Context(), d.realm, "later@example.com", "", home))
	d.realm.Tenant.SignUp = false

	require.ErrorIs(t, d.RequestSignUp(t.Context(), d.realm, nora, "", home), identity.ErrSignUpClosed)
	_, _, err := d.OpenSignUp(t.Context(), d.realm, letters[0].Token)
	require.ErrorIs(t, err, identity.ErrSignUpClosed)
	_, err = d.SignUp(t.Context(), d.realm, letters[0].Token, identity.NewAccount{Password: newPassword}, home)
	require.ErrorIs(t, err, identity.ErrSignUpClosed)
	none, _ := d.letters(t)
	require.Empty(t, none)
}

func TestWhatIsNoAddressIsRefusedBeforeAnythingIsNoted(t *testing.T) {
	d := newDesk(t, testdb.SQLite(t))
	for _, typed := range []string{"", "nora", "Nora <nora@example.com>", "a@b@c", "nora@", strings.Repeat("n", 400) + "@example.com", "a@x.com,b@x.com", "a@x.com\r\nBcc: b@x.com"} {
		require.ErrorIs(t, d.RequestSignUp(t.Context(), d.realm, typed, "", home), identity.ErrAddress, typed)
	}
	require.ErrorIs(t, d.RequestReset(t.Context(), d.realm, "  ", "", home), identity.ErrAddress)
	letters, _ := d.letters(t)
	require.Empty(t, letters)
}
