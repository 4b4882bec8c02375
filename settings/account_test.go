package settings

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store/storetest"
	"github.com/sallyport-id/sallyport/templates"
)

func netOf(t *testing.T) netip.Addr {
	t.Helper()
	return netip.MustParseAddr("198.51.100.7")
}

const passwordPage = "/t/acme/settings/password"

func TestAChangeOfPasswordKeepsThisSessionUnderAnotherSecret(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newAccountDesk(t, address)
		b, other := d.signedIn(t), d.signedIn(t)
		before := b.jar[sessionCookie(d)]

		w := b.post(t, passwordPage, passwordPage, "password", oldPassword, "new-password", newPassword)

		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Equal(t, "/t/acme/settings", w.Header().Get("Location"))
		require.NotEqual(t, before, b.jar[sessionCookie(d)])
		require.Contains(t, fmt.Sprint(w.Result().Cookies()), "Max-Age=28800", "the session lasts as long as it did")
		require.Contains(t, fmt.Sprint(b.jar), templates.DonePasswordChanged)
		require.Contains(t, fmt.Sprint(b.jar), "sp-known-", "the browser is no stranger to the new password (T-68)")
		require.Equal(t, http.StatusOK, b.get(passwordPage).Code)
		require.Equal(t, http.StatusSeeOther, other.get(passwordPage).Code, "other sessions are over")
		stolen := d.browser()
		stolen.jar[sessionCookie(d)] = before
		require.Equal(t, http.StatusSeeOther, stolen.get(passwordPage).Code, "so is the secret from before")
		_, err := d.accounts.SignIn.Verify(t.Context(), storetest.TenantID, knownName, newPassword, netOf(t))
		require.NoError(t, err)
	})
}

func TestAPasswordThatIsRefused(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	tests := []struct{ name, old, next, field string }{
		{"no old one", "", newPassword, "password"},
		{"no new one", oldPassword, "", "new-password"},
		{"a wrong old one", "wrong", newPassword, "password"},
		{"too short", oldPassword, "abc", "new-password"},
		{"the same again", oldPassword, oldPassword, "new-password"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := d.signedIn(t)

			w := b.post(t, passwordPage, passwordPage, "password", tt.old, "new-password", tt.next)

			require.Equal(t, http.StatusUnprocessableEntity, w.Code)
			require.Contains(t, w.Body.String(), `id="`+tt.field+`-error"`)
			for _, secret := range []string{oldPassword, newPassword} {
				require.NotContains(t, w.Body.String(), secret)
			}
			require.Equal(t, http.StatusOK, b.get(passwordPage).Code, "the session goes on")
		})
	}
	b := d.signedIn(t)
	w := b.get(passwordPage)
	for range 12 {
		w = b.post(t, passwordPage, passwordPage, "password", "wrong", "new-password", newPassword)
	}
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Equal(t, http.StatusForbidden, b.form(passwordPage, "password", oldPassword, "new-password", newPassword).Code, "without the form's secret")
}

func TestAPasswordIsChangedOnlySoonAfterALogin(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	b := d.signedIn(t)
	csrf := csrfField.FindStringSubmatch(b.get(passwordPage).Body.String())[1]
	realm, err := d.f.Catalog.AtLeast(t.Context(), storetest.TenantID, 0)
	require.NoError(t, err)
	d.f.Clock.Move(realm.Policy.FreshLoginAge() + time.Second)

	for _, w := range []string{
		b.get(passwordPage).Header().Get("Location"),
		b.form(passwordPage, "csrf", csrf, "password", oldPassword, "new-password", newPassword).Header().Get("Location"),
	} {
		require.True(t, strings.HasPrefix(w, "/t/acme/interaction/"), w)
	}
	require.Equal(t, d.f.Alice.PasswordEpoch+1, d.alice(t).PasswordEpoch, "only the desk has set a password")
}

func TestAnAccountWithoutAPasswordGetsItsFirstByMail(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	_, err := d.f.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
		u.PasswordHash = ""
		return nil
	})
	require.NoError(t, err)

	require.Equal(t, "/t/acme/forgot", d.signedIn(t).get(passwordPage).Header().Get("Location"))
}

func TestALanguageIsTheUsersOwn(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	b := d.signedIn(t)
	b.headers["Referer"] = "https://login.example/t/acme/settings/verify-email?x=1"
	csrf := csrfField.FindStringSubmatch(b.get(passwordPage).Body.String())[1]

	w := b.form("/t/acme/settings/language", "csrf", csrf, "lang", "en")

	require.Equal(t, http.StatusSeeOther, w.Code)
	require.Equal(t, "/t/acme/settings/verify-email?x=1", w.Header().Get("Location"))
	require.Equal(t, "en", d.alice(t).Lang())
	require.Equal(t, http.StatusBadRequest, b.form("/t/acme/settings/language", "csrf", csrf, "lang", "tlh").Code)
	require.Equal(t, http.StatusForbidden, b.form("/t/acme/settings/language", "lang", "en").Code)
}

const verifyRequest = "/t/acme/settings/verify-email"

func TestAnAddressIsConfirmedByItsLink(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newAccountDesk(t, address)
		require.Equal(t, "/t/acme/settings", d.signedIn(t).get(verifyRequest).Header().Get("Location"), "it is confirmed")
		_, err := d.f.Store.UpdateUser(t.Context(), storetest.TenantID, storetest.AliceID, func(u *identity.User) error {
			u.Profile.EmailVerified = false
			return nil
		})
		require.NoError(t, err)
		d.address(t, d.f.Alice, mfa.ContactUnverified)
		b := d.signedIn(t)
		page := b.get(verifyRequest)
		require.Equal(t, "request", state(page))
		require.Contains(t, page.Body.String(), "a•••@example.com")

		w := b.post(t, verifyRequest, verifyRequest)

		require.Equal(t, "/t/acme/settings/verify-email/sent", w.Header().Get("Location"))
		require.Equal(t, "sent", state(b.get(w.Header().Get("Location"))))
		l := d.letter(t)
		require.Equal(t, identity.LetterVerify, l.Kind)
		elsewhere := d.browser()
		for range 2 {
			require.Equal(t, "open", state(elsewhere.open(t, "/t/acme/verify-email", l.Token)))
		}
		require.False(t, d.alice(t).Profile.EmailVerified, "to look at it confirms nothing")
		require.Equal(t, http.StatusSeeOther, elsewhere.post(t, "/t/acme/verify-email", "/t/acme/verify-email").Code)
		require.Equal(t, "done", state(elsewhere.get("/t/acme/verify-email")))
		require.True(t, d.alice(t).Profile.EmailVerified)
		require.NotContains(t, elsewhere.jar, sessionCookie(d))
		again := d.browser()
		require.Equal(t, "used", state(again.open(t, "/t/acme/verify-email", l.Token)))
		require.Equal(t, verifyRequest, again.post(t, "/t/acme/verify-email", "/t/acme/verify-email/new").Header().Get("Location"))
	})
}

func TestALinkIsNotSentWithoutEnd(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	d.address(t, d.f.Alice, mfa.ContactUnverified)
	b := d.signedIn(t)
	for range 5 {
		require.Equal(t, http.StatusSeeOther, b.post(t, verifyRequest, verifyRequest).Code)
	}

	w := b.post(t, verifyRequest, verifyRequest)

	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Equal(t, "request", state(w))
}

const (
	signUpPage = "/t/acme/sign-up"
	finishPage = "/t/acme/sign-up/finish"
	bobName    = "bob@example.net"
)

func TestAnAccountIsMadeByItsOwner(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		d := newAccountDesk(t, address)
		b := d.browser()
		require.Equal(t, "/t/acme/sign-up/sent", b.post(t, signUpPage, signUpPage, "username", "Bob@Example.net").Header().Get("Location"))
		l := d.letter(t)
		require.Equal(t, identity.LetterSignUp, l.Kind)
		require.Equal(t, bobName, l.To.Reveal())
		require.Contains(t, b.open(t, finishPage, l.Token).Body.String(), bobName)
		for _, tt := range []struct{ name, password, field string }{
			{" ", newPassword, "name"}, {strings.Repeat("x", 121), newPassword, "name"}, {"Bob", "", "new-password"}, {"Bob", "short", "new-password"},
		} {
			w := b.post(t, finishPage, finishPage, "name", tt.name, "new-password", tt.password)
			require.Equal(t, http.StatusUnprocessableEntity, w.Code)
			require.Contains(t, w.Body.String(), `id="`+tt.field+`-error"`)
		}

		w := b.post(t, finishPage, finishPage, "name", " Bob ", "new-password", newPassword)

		require.Equal(t, http.StatusSeeOther, w.Code)
		require.NotContains(t, b.jar, sessionCookie(d), "the first login is one like any other")
		require.Equal(t, "done", state(b.get(finishPage)))
		bob, err := d.accounts.SignIn.Verify(t.Context(), storetest.TenantID, bobName, newPassword, netOf(t))
		require.NoError(t, err)
		require.Equal(t, "Bob", bob.Profile.Name)
		require.Equal(t, "used", state(d.browser().open(t, finishPage, l.Token)))
		d.f.Clock.Move(time.Minute)
		d.browser().post(t, signUpPage, signUpPage, "username", bobName)
		require.Equal(t, identity.LetterSignUpKnown, d.letter(t).Kind)
	})
}

func TestSignUpIsShutUnlessTheTenantOpensIt(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	b := d.browser()
	csrf := csrfOf(t, b)
	d.tenant(t, func(t *identity.Tenant) { t.SignUp = false })
	for _, page := range []string{signUpPage, signUpPage + "/sent", finishPage} {
		require.Equal(t, http.StatusNotFound, b.get(page).Code, page)
	}
	for _, page := range []string{signUpPage, finishPage} {
		require.Equal(t, http.StatusNotFound, b.form(page, "csrf", csrf, "username", bobName).Code, page)
	}
	require.Empty(t, d.letters(t))
}
