package provider

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/internal/web"
	"github.com/sallyport-id/sallyport/provider/model"
	"github.com/sallyport-id/sallyport/store"
)

func TestLoginThenResume(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm("scope=openid offline_access")))
		require.NotContains(t, b.cookies, s.sessionCookie())

		w := b.resume(id)
		require.Equal(t, id, interactionID(t, w), "nothing was done, so nothing is answered")
		b.logIn(id, userAlice)
		require.NotContains(t, b.cookies, s.sessionCookie(), "a session begins with the last effect of a login")

		w = b.resume(id)

		require.Equal(t, http.StatusOK, w.Code, "after a page the answer is a page")
		require.NotContains(t, w.Body.String(), "<form", "it leads on, and programs that send forms have none to send")
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "form-action 'self'")
		target, got := told(t, w)
		require.Equal(t, shopReturn, target)
		require.Equal(t, "s t/a+t%e", got.Get("state"))
		require.Equal(t, issuerOf(tenantA), got.Get("iss"))
		require.Len(t, got, 3)
		claims := claimsIn(t, s.tokens(t, got.Get("code")).IDToken)
		require.InDelta(t, tokenT0.Unix(), claims["auth_time"], 0)

		hash := web.SessionHash(b.cookies[s.sessionCookie()])
		who, err := s.store.SignedIn(t.Context(), tenantA, hash, appShop)
		require.NoError(t, err)
		require.True(t, who.Session.Live(who.User, s.clock()))
		require.Equal(t, userAlice, who.User.ID)
		require.Equal(t, s.realm().Policy.Session.Idle.Duration(), who.Session.IdleFor)

		t.Run("the back button finds that it is done", func(t *testing.T) {
			w := b.resume(id)
			require.Equal(t, http.StatusConflict, w.Code)
			require.Contains(t, w.Body.String(), "https://shop.example/")
			require.NotContains(t, w.Body.String(), got.Get("code"))
		})
		t.Run("sid is the same for another grant of the session", func(t *testing.T) {
			_, again := told(t, b.authorize(shopForm()))
			require.Equal(t, claims["sid"], claimsIn(t, s.tokens(t, again.Get("code")).IDToken)["sid"])
		})
	})
}

func TestLoginEndsTheOldSession(t *testing.T) {
	s := newAuthServer(t)
	b := s.signedIn(time.Minute)
	old := b.cookies[s.sessionCookie()]
	id := interactionID(t, b.authorize(shopForm("prompt=login")))
	require.Equal(t, old, b.cookies[s.sessionCookie()])
	s.advance(2 * time.Second)
	b.logIn(id, userAlice)

	_, got := told(t, b.resume(id))

	require.NotEmpty(t, got.Get("code"))
	require.NotEqual(t, old, b.cookies[s.sessionCookie()])
	who, err := s.store.SignedIn(t.Context(), tenantA, web.SessionHash(old), appShop)
	require.NoError(t, err)
	require.Nil(t, who.Session, "a planted or stolen session is worthless")
	require.InDelta(t, s.clock().Unix(), claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["auth_time"], 0)
}

// TestALoginInProgressIsNobody: the old session stays whose it is until the last
// effect of the new login, and the new user is not signed in before.
func TestALoginInProgressIsNobody(t *testing.T) {
	s := newAuthServer(t)
	bob := alice(tenantA)
	bob.ID, bob.Username = "user-bob", "bob@example.test"
	bob.Profile.Email = bob.Username
	_, err := s.store.PutUser(t.Context(), bob)
	require.NoError(t, err)
	b := s.signedIn(time.Minute)
	id := interactionID(t, b.authorize(shopForm("prompt=login")))
	b.logIn(id, bob.ID)

	_, got := told(t, b.authorize(shopForm("prompt=none")))
	require.Equal(t, userAlice, claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["sub"])

	_, got = told(t, b.resume(id))
	require.Equal(t, bob.ID, claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["sub"])
	_, got = told(t, b.authorize(shopForm("prompt=none")))
	require.Equal(t, bob.ID, claimsIn(t, s.tokens(t, got.Get("code")).IDToken)["sub"])
}

func TestResumeBelongsToTheBrowserThatBegan(t *testing.T) {
	s := newAuthServer(t)
	b := s.browser()
	id := interactionID(t, b.authorize(shopForm()))
	b.logIn(id, userAlice)

	require.Equal(t, http.StatusNotFound, s.browser().resume(id).Code, "no cookie")
	other := s.browser()
	interactionID(t, other.authorize(shopForm()))
	require.Equal(t, http.StatusNotFound, other.resume(id).Code, "another browser")
	require.Equal(t, http.StatusNotFound, b.do(t.Context(), http.MethodGet, "/t/b/authorize/resume/"+id, nil).Code, "another tenant")
	require.Equal(t, http.StatusNotFound, b.resume("AAAAAAAAAAAAAAAAAAAAAA").Code, "unknown")

	_, got := told(t, b.resume(id))
	require.NotEmpty(t, got.Get("code"), "none of that did any harm")
}

func TestResumeAfterTheEnd(t *testing.T) {
	t.Run("cancelled", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		_, err := s.flow.End(t.Context(), b.open(id), "cancelled")
		require.NoError(t, err)

		target, got := told(t, b.resume(id))

		require.Equal(t, shopReturn, target)
		require.Equal(t, "access_denied", got.Get("error"))
		require.Equal(t, "s t/a+t%e", got.Get("state"))
		require.Equal(t, issuerOf(tenantA), got.Get("iss"))
		require.NotContains(t, b.cookies, s.sessionCookie())
		require.Equal(t, http.StatusConflict, b.resume(id).Code)
	})
	t.Run("expired", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		b.logIn(id, userAlice)
		s.advance(consent.InteractionLife)

		_, got := told(t, b.resume(id))

		require.Equal(t, "access_denied", got.Get("error"))
		require.Contains(t, got.Get("error_description"), "expired")
		require.NotContains(t, b.cookies, s.sessionCookie())
	})
	t.Run("another user than the request names", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm(`claims={"id_token":{"sub":{"value":"user-bob"}}}`)))
		b.logIn(id, userAlice)

		_, got := told(t, b.resume(id))

		require.Equal(t, "login_required", got.Get("error"))
		require.NotContains(t, b.cookies, s.sessionCookie())
	})
	t.Run("the user was disabled meanwhile", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		b.logIn(id, userAlice)
		u := alice(tenantA)
		u.Status = identity.UserDisabled
		_, err := s.store.PutUser(t.Context(), u)
		require.NoError(t, err)

		require.Equal(t, id, interactionID(t, b.resume(id)), "the login is judged anew and counts for nothing")
	})
	t.Run("the app was removed meanwhile", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		b.logIn(id, userAlice)
		s.register(appShop, func(c *identity.Client) { c.Disabled = true })

		w := b.resume(id)

		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Empty(t, w.Header().Get("Location"))
	})
	t.Run("the redirect was taken away meanwhile", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		b.logIn(id, userAlice)
		s.register(appShop, func(c *identity.Client) { c.RedirectURIs = []string{"https://moved.example/cb"} })

		require.Equal(t, http.StatusBadRequest, b.resume(id).Code)
	})
	t.Run("the database is gone: nothing is answered, and it can be tried again", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.signedIn(time.Minute)
		id := interactionID(t, b.authorize(shopForm("prompt=login")))
		b.logIn(id, userAlice)
		s.provider.People = broken{People: s.store}
		require.Equal(t, http.StatusServiceUnavailable, b.resume(id).Code)
		s.provider.People = s.store

		_, got := told(t, b.resume(id))
		require.NotEmpty(t, got.Get("code"))
	})
}

func TestOneInteractionIsAnsweredOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		b.logIn(id, userAlice)
		cookies := map[string]string{}
		for name, value := range b.cookies {
			cookies[name] = value
		}

		statuses := make([]int, 16)
		var wait sync.WaitGroup
		for i := range statuses {
			wait.Go(func() {
				tab := &browser{s: s, cookies: map[string]string{}}
				for name, value := range cookies {
					tab.cookies[name] = value
				}
				statuses[i] = tab.resume(id).Code
			})
		}
		wait.Wait()

		answered := 0
		for _, status := range statuses {
			if status == http.StatusOK {
				answered++
			} else {
				require.Equal(t, http.StatusConflict, status)
			}
		}
		require.Equal(t, 1, answered)
		sessions, err := s.store.SessionsOf(t.Context(), tenantA, userAlice, s.clock())
		require.NoError(t, err)
		require.Len(t, sessions, 1)
	})
}

// overtaken is a store in which another tab is always a moment faster.
type overtaken struct{ model.Store }

func (o overtaken) Complete(ctx context.Context, c model.Completion) error {
	err := o.Store.Complete(ctx, model.Completion{TenantID: c.TenantID, Now: c.Now, InteractionID: c.InteractionID})
	if err != nil {
		return err
	}
	return o.Store.Complete(ctx, c)
}

func TestAnsweredByAnotherTabMeanwhile(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		b.logIn(id, userAlice)
		if cancelled {
			_, err := s.flow.End(t.Context(), b.open(id), "cancelled")
			require.NoError(t, err)
		}
		s.provider.Grants = overtaken{s.store}

		w := b.resume(id)

		require.Equal(t, http.StatusConflict, w.Code)
		require.NotContains(t, b.cookies, s.sessionCookie())
		require.NotContains(t, w.Body.String(), "iss=")
	}
}

// TestAFaultOfOursIsNoAnswer: what the server is to blame for leaves the
// interaction open, so the app is not told that it ended.
func TestAFaultOfOursIsNoAnswer(t *testing.T) {
	s := newAuthServer(t)
	v, err := s.provider.read(t.Context(), s.realm(), shopForm(), s.clock(), nil)
	require.NoError(t, err)
	for code, isPage := range map[string]bool{codeServerError: true, codeUnavailable: true, codeAccessDenied: false} {
		w := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(w)
		c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		web.UseRealm(c, s.realm())

		err := s.provider.unanswered(c, v, oauthErr(code, "x"))

		require.Equal(t, isPage, err != nil, code)
	}
}

func TestConsentIsRemembered(t *testing.T) {
	s := newAuthServer(t)
	s.register(appShop, func(c *identity.Client) { c.FirstParty = false })
	b := s.signedIn(time.Minute)
	id := interactionID(t, b.authorize(shopForm()))
	require.Equal(t, consent.StepConsent, b.open(id).Step)
	_, err := s.flow.Agree(t.Context(), b.open(id))
	require.NoError(t, err)
	before := b.cookies[s.sessionCookie()]

	_, got := told(t, b.resume(id))

	require.NotEmpty(t, got.Get("code"))
	require.Equal(t, before, b.cookies[s.sessionCookie()], "agreeing is no authentication")
	_, got = told(t, b.authorize(shopForm("prompt=none")))
	require.NotEmpty(t, got.Get("code"))
}

func TestFormPost(t *testing.T) {
	s := newAuthServer(t)
	b := s.browser()
	id := interactionID(t, b.authorize(shopForm("response_mode=form_post")))
	b.logIn(id, userAlice)

	w := b.resume(id)

	require.Equal(t, http.StatusOK, w.Code)
	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "form-action")
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
	body := w.Body.String()
	require.Contains(t, body, `action="`+shopReturn+`"`)
	require.Contains(t, body, `name="state" value="s t/a&#43;t%e"`)
	require.Contains(t, body, `name="iss" value="`+issuerOf(tenantA)+`"`)
	require.Contains(t, body, `name="code" value="ac1.`)
}

// TestActionIsConfirmedHereAndNow: a payout in a live session.
func TestActionIsConfirmedHereAndNow(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	b := s.signedIn(time.Hour / 2)
	old := b.cookies[s.sessionCookie()]
	form := shopForm("acr_values=" + consent.ActionACR("payout.request"))

	_, silent := told(t, b.authorize(edited(shopForm("prompt=none"), "acr_values="+consent.ActionACR("payout.request"))))
	require.Equal(t, "interaction_required", silent.Get("error"))

	id := interactionID(t, b.authorize(form))
	require.NotEmpty(t, s.mail.code, "an action that begins on arrival has sent its code")
	require.Equal(t, id, interactionID(t, b.resume(id)), "a live session alone confirms nothing")
	s.advance(10 * time.Second)
	st := b.open(id)
	_, _, err := s.flow.Answer(t.Context(), st, consent.Given{ChallengeID: st.In.State.ChallengeID, Input: s.mail.code}, consent.Browser{Hash: st.In.BrowserHash})
	require.NoError(t, err)

	_, got := told(t, b.resume(id))

	tokens := s.tokens(t, got.Get("code"))
	claims := claimsIn(t, tokens.IDToken)
	require.Equal(t, consent.ActionACR("payout.request"), claims["acr"])
	require.InDelta(t, s.clock().Unix(), claims["auth_time"], 0)
	require.Empty(t, tokens.RefreshToken)
	require.NotEqual(t, old, b.cookies[s.sessionCookie()], "the secret changes at a step-up")
	who, err := s.store.SignedIn(t.Context(), tenantA, web.SessionHash(old), appShop)
	require.NoError(t, err)
	require.Nil(t, who.Session)
	confirmation, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
	require.NoError(t, err)
	require.Equal(t, consent.ConfirmationApproved, confirmation.Status)

	_, again := told(t, b.authorize(edited(shopForm("prompt=none"), "acr_values="+consent.ActionACR("payout.request"))))
	require.Equal(t, "interaction_required", again.Get("error"), "a session never holds an action")
}

func TestAFailedStartIsToldToTheApp(t *testing.T) {
	s := newAuthServer(t)
	s.flow.Store = failingInteractions{s.store}
	_, got := told(t, s.browser().authorize(shopForm()))
	require.Equal(t, "temporarily_unavailable", got.Get("error"))
}

// failingInteractions is a store that takes no more interactions.
type failingInteractions struct{ *store.Store }

func (failingInteractions) CreateInteraction(context.Context, consent.Interaction) error {
	return store.Fail("create interaction", errors.New("disk full"))
}
