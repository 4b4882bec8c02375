package settings

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/store"
	"github.com/sallyport-id/sallyport/store/storetest"
)

// The names are of one length, so that an answer that repeats what was typed is as
// long for each.
const (
	unknownName    = "nobod@example.com"
	knownName      = storetest.AliceName
	lockedName     = "lockd@example.com"
	unverifiedName = "unver@example.com"
	overName       = "overl@example.com"
)

// manyOwners are accounts in all states that a stranger might want to tell apart.
func manyOwners(t *testing.T, d *accountDesk) {
	t.Helper()
	d.address(t, d.f.AddUser(t, storetest.TenantID, "user-over", overName), mfa.ContactConfirmed)
	d.address(t, d.f.AddUser(t, storetest.TenantID, "user-unver", unverifiedName), mfa.ContactPending)
	locked := d.f.AddUser(t, storetest.TenantID, "user-lockd", lockedName)
	d.address(t, locked, mfa.ContactConfirmed)
	_, err := d.f.Store.UpdateUser(t.Context(), storetest.TenantID, locked.ID, func(u *identity.User) error {
		u.Status = identity.UserDisabled
		return nil
	})
	require.NoError(t, err)
}

// linkAnswer is all that an answer tells, with the name that was typed taken out.
func linkAnswer(w *httptest.ResponseRecorder, name string) string {
	h := w.Header().Clone()
	h.Del("X-Request-Id")
	all := fmt.Sprint(w.Code, h, w.Body.String())
	all = strings.ReplaceAll(all, base64.RawURLEncoding.EncodeToString([]byte(name)), "NAME")
	return strings.ReplaceAll(all, name, "NAME")
}

func TestAskingForALinkTellsNothing(t *testing.T) {
	for _, page := range []string{"/t/acme/forgot", "/t/acme/sign-up"} {
		t.Run("T-34 "+page, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, address string) { asksForLinks(t, newAccountDesk(t, address), page) })
		})
	}
}

// asksForLinks asks on page for each of the owners, and holds all answers, on the
// way and at the end, to be the same to the byte, for the same work in the database.
func asksForLinks(t *testing.T, d *accountDesk, page string) {
	t.Helper()
	manyOwners(t, d)
	b := d.browser()
	for range 7 {
		require.Equal(t, http.StatusSeeOther, b.post(t, page, page, "username", overName).Code)
	}
	var first string
	var counter *store.Counter
	d.context = func(ctx context.Context) context.Context {
		ctx, counter = store.Count(ctx)
		return ctx
	}
	statements := map[string]int{}
	for _, name := range []string{unknownName, knownName, lockedName, unverifiedName, overName} {
		posted := b.post(t, page, page, "username", name)
		statements[name] = len(counter.Statements())
		answer := linkAnswer(posted, name) + linkAnswer(b.get(posted.Header().Get("Location")), name)
		if first == "" {
			first = answer
		}

		require.Equal(t, first, answer, name)
	}
	require.Contains(t, first, "NAME", "the page repeats what was typed")
	for _, name := range []string{knownName, lockedName, unverifiedName} {
		require.Equal(t, statements[unknownName], statements[name], "statements for %s", name)
	}
}

func TestWhatIsNoAddressIsToldAtOnce(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	b := d.browser()
	for _, tt := range []struct{ page, typed, says string }{
		{"/t/acme/forgot", " ", `id="username-error"`},
		{"/t/acme/forgot", strings.Repeat("x", 400), `id="username-error"`},
		{"/t/acme/sign-up", "", `id="username-error"`},
		{"/t/acme/sign-up", "alice@", `value="alice@"`},
	} {
		w := b.post(t, tt.page, tt.page, "username", tt.typed)

		require.Equal(t, http.StatusUnprocessableEntity, w.Code)
		require.Contains(t, w.Body.String(), tt.says)
	}
	require.Empty(t, d.letters(t))
}

func TestATokenLeavesTheURLAtOnce(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	token, _ := web.NewToken()
	for _, page := range []string{"/t/acme/reset", "/t/acme/verify-email", "/t/acme/sign-up/finish"} {
		t.Run(page, func(t *testing.T) {
			b := d.browser()

			w := b.get(page + "?token=" + token)

			require.Equal(t, http.StatusSeeOther, w.Code)
			require.Equal(t, page, w.Header().Get("Location"))
			require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			for _, c := range w.Result().Cookies() {
				require.True(t, c.HttpOnly && c.Secure && c.SameSite == http.SameSiteLaxMode, c.Name)
				if c.Value == token {
					require.Equal(t, int(keepLink.Seconds()), c.MaxAge)
				}
			}
			require.Contains(t, fmt.Sprint(b.jar), token)
			clean := b.get(page)
			require.Equal(t, http.StatusGone, clean.Code, "nobody made this link")
			require.NotContains(t, fmt.Sprint(clean.Header(), clean.Body), token)
		})
	}
	junk := d.browser()
	require.Equal(t, http.StatusSeeOther, junk.get("/t/acme/reset?token=%3Cscript%3E").Code)
	require.NotContains(t, fmt.Sprint(junk.jar), "script")
	require.Equal(t, "expired", state(junk.get("/t/acme/reset")))
}

func TestAFormOfAnotherBrowserIsRefused(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	other := csrfField.FindStringSubmatch(d.browser().get("/t/acme/forgot").Body.String())[1]
	for _, page := range []string{"/forgot", "/reset", "/verify-email", "/verify-email/new", "/sign-up", "/sign-up/finish"} {
		for _, csrf := range []string{"", other} {
			b := d.browser()
			b.get("/t/acme/forgot")

			w := b.form("/t/acme"+page, "csrf", csrf, "username", knownName)

			require.Equal(t, http.StatusForbidden, w.Code, page)
			require.Contains(t, w.Body.String(), `href="/t/acme`+strings.TrimSuffix(page, "/new")+`"`)
		}
	}
	b := d.browser()
	b.headers["Sec-Fetch-Site"] = "cross-site"
	require.Equal(t, http.StatusForbidden, b.post(t, "/t/acme/forgot", "/t/acme/forgot", "username", knownName).Code)
	require.Empty(t, d.letters(t))
}

func TestAResetGrantsNoSession(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		t.Run("T-70", func(t *testing.T) {
			d := newAccountDesk(t, address)
			d.second = true
			inside, b := d.signedIn(t), d.browser()
			require.Equal(t, http.StatusSeeOther, b.post(t, "/t/acme/forgot", "/t/acme/forgot", "username", " Alice@Example.com ").Code)
			l := d.letter(t)
			require.Equal(t, identity.LetterReset, l.Kind)
			for range 2 { // to look at it uses nothing
				page := d.browser().open(t, "/t/acme/reset", l.Token)
				require.Equal(t, "open", state(page))
				require.Contains(t, page.Body.String(), `autocomplete="username"`)
			}
			require.Equal(t, "open", state(b.open(t, "/t/acme/reset", l.Token)))
			require.Equal(t, http.StatusUnprocessableEntity, b.post(t, "/t/acme/reset", "/t/acme/reset", "new-password", "").Code)
			weak := b.post(t, "/t/acme/reset", "/t/acme/reset", "new-password", "short")
			require.Equal(t, http.StatusUnprocessableEntity, weak.Code)
			require.Contains(t, weak.Body.String(), `id="new-password-error"`)
			require.NotContains(t, weak.Body.String(), "short\"", "what was typed is not repeated")

			w := b.post(t, "/t/acme/reset", "/t/acme/reset", "new-password", newPassword)

			require.Equal(t, http.StatusSeeOther, w.Code)
			require.NotContains(t, b.jar, sessionCookie(d))
			require.NotContains(t, fmt.Sprint(b.jar), l.Token.Reveal())
			page := b.get("/t/acme/reset")
			require.Equal(t, "done", state(page))
			require.Contains(t, page.Body.String(), "second step")
			require.Equal(t, http.StatusSeeOther, b.form("/t/acme/reset", "csrf", csrfOf(t, b), "new-password", newPassword+"!").Code, "a double submit is harmless")
			require.Equal(t, "used", state(d.browser().open(t, "/t/acme/reset", l.Token)))
			require.True(t, strings.HasPrefix(inside.get("/t/acme/settings/password").Header().Get("Location"), "/t/acme/interaction/"), "the session from before is over")
			_, err := d.accounts.SignIn.Verify(t.Context(), storetest.TenantID, knownName, newPassword, netOf(t))
			require.NoError(t, err)
			_, err = d.accounts.SignIn.Verify(t.Context(), storetest.TenantID, knownName, oldPassword, netOf(t))
			require.ErrorIs(t, err, identity.ErrCredentials)
		})
	})
}

// csrfOf is the secret in the forms of a browser without a session.
func csrfOf(t *testing.T, b *accountBrowser) string {
	t.Helper()
	return csrfField.FindStringSubmatch(b.get("/t/acme/forgot").Body.String())[1]
}

func TestALinkThatIsLateOrOfAnotherKind(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))
	b := d.browser()
	b.post(t, "/t/acme/forgot", "/t/acme/forgot", "username", knownName)
	l := d.letter(t)
	for _, page := range []string{"/t/acme/verify-email", "/t/acme/sign-up/finish"} {
		t.Run("T-28 a link for a password at "+page, func(t *testing.T) {
			w := d.browser().open(t, page, l.Token)

			require.Equal(t, http.StatusGone, w.Code)
			require.Equal(t, "expired", state(w))
		})
	}
	require.Equal(t, "expired", state(d.browser().get("/t/acme/reset")), "without a link there is nothing to reset")
	d.f.Clock.Move(31 * time.Minute)
	w := b.open(t, "/t/acme/reset", l.Token)
	require.Equal(t, "expired", state(w))
	require.Contains(t, w.Body.String(), `href="/t/acme/forgot"`)
	w = b.form("/t/acme/reset", "csrf", csrfOf(t, b), "new-password", newPassword)
	require.Equal(t, http.StatusGone, w.Code)
	require.Equal(t, d.f.Alice.PasswordEpoch+1, d.alice(t).PasswordEpoch, "only the desk has set a password")
}

func TestTheWellKnownWayToThePassword(t *testing.T) {
	d := newAccountDesk(t, testdb.SQLite(t))

	w := d.browser().get("/t/acme/.well-known/change-password")

	require.Equal(t, http.StatusSeeOther, w.Code)
	require.Equal(t, "/t/acme/settings/password", w.Header().Get("Location"))

	d.tenant(t, func(t *identity.Tenant) { t.Host = "acme.example" })
	r := httptest.NewRequest(http.MethodGet, "/.well-known/change-password", nil)
	r.Host = "acme.example"
	rec := httptest.NewRecorder()
	d.handler.ServeHTTP(rec, r)
	require.Equal(t, "/settings/password", rec.Header().Get("Location"))
}
