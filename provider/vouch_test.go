package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/consent"
	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/testdb"
	"github.com/sallyport-id/sallyport/internal/web"
)

// vouches gives the shop a key and the right to vouch, for payouts.
func (s *authServer) vouches(edit func(*identity.Client)) {
	s.t.Helper()
	s.signs(func(c *identity.Client) {
		c.VouchedACR, c.Actions = "1fa", []string{"payout.request"}
		if edit != nil {
			edit(c)
		}
	})
}

// word is the parameter by which the shop says that it has logged alice in, ago.
func (s *authServer) word(ago time.Duration) string {
	return fmt.Sprintf(`vouched_subject={"sub":%q,"auth_time":%d}`, userAlice, s.clock().Add(-ago).Unix())
}

// vouched is a request for a payout in a request object, with the word of the shop.
func (s *authServer) vouched(txn string, edits ...string) url.Values {
	form := edited(edited(payout(txn), s.word(5*time.Minute)), edits...)
	return url.Values{"client_id": {appShop}, "request": {s.object(form, nil)}}
}

func TestAVouchedSubjectConfirmsWithoutALoginHere(t *testing.T) {
	testdb.Each(t, func(t *testing.T, address string) {
		s := authServerOn(t, address)
		s.usePolicy("contractor-email-first")
		s.vouches(nil)
		b := s.browser()
		vouchedAt := s.clock().Add(-5 * time.Minute)

		st, a := s.confirm(t, b, s.mustPush(s.vouched("order-1", "scope=openid")))

		require.Equal(t, userAlice, st.User.ID)
		require.Nil(t, st.Session)
		require.NotContains(t, b.cookies, s.sessionCookie(), "nobody has logged in here")
		want := map[string]any{"by": appShop, "auth_time": float64(vouchedAt.Unix()), "acr": "urn:sallyport:acr:1fa"}
		for _, token := range []string{a.AccessToken, a.IDToken} {
			claims := claimsIn(t, token)
			require.Equal(t, want, claims["urn:sallyport:vouched"])
			require.Equal(t, userAlice, claims["sub"])
			require.Equal(t, "urn:sallyport:action:payout.request", claims["acr"])
			require.Equal(t, []any{"otp"}, claims["amr"], "what was proven here")
			require.EqualValues(t, s.clock().Unix(), claims["auth_time"])
			require.NotContains(t, claims, "sid")
		}
		v, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
		require.NoError(t, err)
		got := s.consume(v, v.DetailsHash, idempotent("k", asShop))
		require.Equal(t, http.StatusOK, got.Code, got.Title)
		require.Equal(t, want, claimsIn(t, got.Receipt)["urn:sallyport:vouched"])
		require.Contains(t, s.audited(), "subject.vouched")
	})
}

func TestALoginThatIsNotVouchedForIsNotToldSo(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	s.vouches(nil)
	_, a := s.confirm(t, s.signedIn(time.Minute), s.mustPush(payout("order-1")))
	require.NotContains(t, claimsIn(t, a.AccessToken), "urn:sallyport:vouched")
}

func TestWhoIsSignedInCountsForNothing(t *testing.T) {
	for name, owner := range map[string]string{"the same user": userAlice, "another user": "user-bob"} {
		t.Run(name, func(t *testing.T) {
			s := newAuthServer(t)
			s.usePolicy("contractor-email-first")
			s.vouches(nil)
			s.person("user-bob", "bob@example.test")
			b := s.signedInAs(owner, time.Minute)
			cookie := b.cookies[s.sessionCookie()]

			st, a := s.confirm(t, b, s.mustPush(s.vouched("order-1")))

			require.Equal(t, userAlice, st.User.ID)
			require.Equal(t, userAlice, claimsIn(t, a.AccessToken)["sub"])
			require.NotContains(t, claimsIn(t, a.AccessToken), "sid")
			require.Equal(t, cookie, b.cookies[s.sessionCookie()], "the session there stays as it is")
			who, err := s.store.SignedIn(t.Context(), tenantA, web.SessionHash(cookie), appShop)
			require.NoError(t, err)
			require.Equal(t, owner, who.User.ID)
		})
	}
}

func TestAVouchedSubjectIsSparedNoStage(t *testing.T) {
	tests := []struct {
		name   string
		app    func(*identity.Client)
		policy func(doc map[string]any)
		step   consent.Step
		reason string
	}{
		{"what the app's login counts for is below the floor", func(c *identity.Client) { c.MinACR = "2sv" }, nil, consent.StepChallenge, "second_step"},
		{"it is as high as the floor", func(c *identity.Client) { c.MinACR, c.VouchedACR = "2sv", "mfa" }, nil, consent.StepConfirm, "action"},
		{"no app's login resists phishing here", func(c *identity.Client) { c.MinACR, c.VouchedACR = "phr", "mfa" }, nil, consent.StepRefuse, "no_method"},
		{"a fresh login is one here", nil, stages("fresh_login", "delivered_code"), consent.StepRefuse, "vouched"},
		{"the app is not the tenant's own any more", func(c *identity.Client) { c.FirstParty = false }, nil, consent.StepRefuse, "vouched"},
		{"no action is named any more", func(c *identity.Client) { c.Actions = nil }, nil, consent.StepRefuse, "vouched"},
		{"the right was taken away meanwhile", func(c *identity.Client) { c.VouchedACR = "" }, nil, consent.StepRefuse, "vouched"},
		{"a right that nobody knows is none", func(c *identity.Client) { c.VouchedACR = "phr" }, nil, consent.StepRefuse, "vouched"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newAuthServer(t)
			s.useEditedPolicy("contractor-email-first", tt.policy)
			s.vouches(nil)
			b, uri := s.browser(), s.mustPush(s.vouched("order-1"))
			if tt.policy != nil {
				_, got := told(t, b.authorize(reference(uri)))
				require.Equal(t, "unmet_authentication_requirements", got.Get("error"))
				return
			}
			id := interactionID(t, b.authorize(reference(uri)))
			s.vouches(tt.app)
			st := b.open(id)
			require.Equal(t, tt.step, st.Step, st.Reason)
			require.Equal(t, tt.reason, st.Reason)
			if tt.step == consent.StepRefuse {
				_, got := told(t, b.resume(id))
				require.Contains(t, []string{"unmet_authentication_requirements", "unauthorized_client"}, got.Get("error"))
			}
			require.NotContains(t, b.cookies, s.sessionCookie())
		})
	}
}

func TestWhatHasNoStageIsNotConfirmedByItsDetails(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	s.vouches(nil)
	pushed := s.mustPush(payout("before"))
	vouchedFor := s.mustPush(s.vouched("t", "authorization_details=", "scope=openid", "acr_values=urn:sallyport:action:payout.request"))
	s.useEditedPolicy("contractor-email-first", untilMet)

	require.Equal(t, "invalid_authorization_details", s.push(payout("after"), asShop).Error)
	_, got := told(t, s.signedIn(time.Minute).authorize(reference(pushed)))
	require.NotEmpty(t, got.Get("error"), "nobody was shown the amount")
	_, got = told(t, s.browser().authorize(reference(vouchedFor)))
	require.Equal(t, "unmet_authentication_requirements", got.Get("error"), "the user proved nothing")
	_, got = told(t, s.signedIn(time.Minute).authorize(shopForm("acr_values=urn:sallyport:action:payout.request")))
	require.NotEmpty(t, got.Get("code"), "the precondition alone is checked as ever")
}

func TestWhoMayNotVouch(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	word := func(sub string, at int64) string {
		return fmt.Sprintf(`vouched_subject={"sub":%q,"auth_time":%d}`, sub, at)
	}
	now := s.clock().Unix()
	signed := func(edits ...string) url.Values { return s.vouched("t", edits...) }
	tests := []struct {
		name string
		app  func(*identity.Client)
		form func() url.Values
		code string
	}{
		{"an app without the right", func(c *identity.Client) { c.VouchedACR = "" }, func() url.Values { return signed() }, "unauthorized_client"},
		{"an app that only has a secret", nil, func() url.Values { return edited(payout("t"), s.word(0)) }, "unauthorized_client"},
		{"beside the signed object", nil, func() url.Values {
			raw := s.object(edited(payout("t"), "client_id="), func(header map[string]any, _ jwt.MapClaims) { delete(header, "typ") })
			return edited(url.Values{"client_id": {appShop}, "response_type": {"code"}, "request": {raw}}, s.word(0))
		}, "invalid_request_object"},
		{"in an object that may have been signed for something else", nil, func() url.Values {
			raw := s.object(edited(payout("t"), s.word(0)), func(header map[string]any, _ jwt.MapClaims) { delete(header, "typ") })
			return url.Values{"client_id": {appShop}, "response_type": {"code"}, "request": {raw}}
		}, "invalid_request_object"},
		{"in an object without an id", nil, func() url.Values {
			raw := s.object(edited(payout("t"), s.word(0)), func(_ map[string]any, claims jwt.MapClaims) { delete(claims, "jti") })
			return url.Values{"client_id": {appShop}, "request": {raw}}
		}, "invalid_request_object"},
		{"together with another user", nil, func() url.Values { return signed(`claims={"id_token":{"sub":{"value":"user-bob"}}}`) }, "invalid_request"},
		{"with prompt=login", nil, func() url.Values { return signed("prompt=login") }, "invalid_request"},
		{"with prompt=select_account", nil, func() url.Values { return signed("prompt=select_account") }, "invalid_request"},
		{"for the user's address", nil, func() url.Values { return signed("scope=openid email") }, "invalid_scope"},
		{"for offline access", nil, func() url.Values { return signed("scope=openid offline_access") }, "invalid_scope"},
		{"for a login", nil, func() url.Values { return signed("authorization_details=", "scope=openid") }, "invalid_request"},
		{"for a level", nil, func() url.Values {
			return signed("authorization_details=", "scope=openid", "acr_values=urn:sallyport:acr:mfa")
		}, "invalid_request"},
		{"for an action among others", nil, func() url.Values {
			return signed("authorization_details=", "scope=openid", "acr_values=urn:sallyport:action:payout.request urn:sallyport:acr:1fa")
		}, "invalid_request"},
		{"for an action that is not its own", nil, func() url.Values {
			return signed("authorization_details=", "scope=openid", "acr_values=urn:sallyport:action:payment_details.add")
		}, "unmet_authentication_requirements"},
		{"for nobody of this tenant", nil, func() url.Values { return signed(word("user-of-another", now)) }, "invalid_request"},
		{"for somebody who was disabled", nil, func() url.Values { return signed(word("user-gone", now)) }, "invalid_request"},
		{"a login in the future", nil, func() url.Values { return signed(word(userAlice, now+120)) }, "invalid_request"},
		{"a login of last month", nil, func() url.Values { return signed(word(userAlice, now-30*86400)) }, "invalid_request"},
		{"a login before 1970", nil, func() url.Values { return signed(word(userAlice, -1)) }, "invalid_request"},
		{"a login at no time", nil, func() url.Values { return signed(`vouched_subject={"sub":"user-alice"}`) }, "invalid_request"},
		{"with more than there is", nil, func() url.Values {
			return signed(fmt.Sprintf(`vouched_subject={"sub":"user-alice","auth_time":%d,"acr":"phr"}`, now))
		}, "invalid_request"},
		{"with something behind it", nil, func() url.Values {
			return signed(fmt.Sprintf(`vouched_subject={"sub":"user-alice","auth_time":%d} {}`, now))
		}, "invalid_request"},
		{"in no JSON", nil, func() url.Values { return signed("vouched_subject=user-alice") }, "invalid_request"},
	}
	s.person("user-gone", "gone@example.test")
	_, err := s.store.UpdateUser(t.Context(), tenantA, "user-gone", func(u *identity.User) error {
		u.Status = identity.UserDisabled
		return nil
	})
	require.NoError(t, err)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.vouches(tt.app)
			got := s.push(tt.form(), asShop)
			if tt.code == "unmet_authentication_requirements" { // judged when the browser comes
				require.Equal(t, http.StatusCreated, got.Status, got.Description)
				_, answer := told(t, s.browser().authorize(reference(got.RequestURI)))
				require.Equal(t, tt.code, answer.Get("error"))
				return
			}
			require.Equal(t, http.StatusBadRequest, got.Status)
			require.Equal(t, tt.code, got.Error, got.Description)
			require.NotEmpty(t, got.Description)
		})
	}
	s.vouches(nil)
	t.Run("with an object that was used", func(t *testing.T) {
		form := s.vouched("once")
		require.Equal(t, http.StatusCreated, s.push(form, asShop).Status)
		got := s.push(form, asShop)
		require.Equal(t, "invalid_request_object", got.Error)
		require.Contains(t, got.Description, "used before")
	})
	t.Run("from a browser, though it is signed", func(t *testing.T) {
		form := edited(shopForm("scope=openid", "acr_values=urn:sallyport:action:payout.request"), s.word(0))
		_, got := told(t, s.browser().authorize(url.Values{"client_id": {appShop}, "request": {s.object(form, nil)}}))
		require.Equal(t, "invalid_request", got.Get("error"))
	})
	t.Run("by what it signs to prove who it is", func(t *testing.T) {
		s.vouches(func(c *identity.Client) { c.AuthMethods, c.Secrets = []string{identity.AuthPrivateKeyJWT}, nil })
		form := edited(payout("by-key"), s.word(0), "client_assertion_type="+assertionType, "client_assertion="+
			s.assertion("ec", "ES256", func(_ map[string]any, claims jwt.MapClaims) { claims["iss"], claims["sub"] = appShop, appShop }))
		got := s.push(form, nil)
		require.Equal(t, http.StatusCreated, got.Status, got.Description)
	})
}

func TestAVouchedApprovalEndsWhenItsUserSignsOutEverywhere(t *testing.T) {
	s := newAuthServer(t)
	s.usePolicy("contractor-email-first")
	s.vouches(nil)
	st, _ := s.confirm(t, s.browser(), s.mustPush(s.vouched("order-1")))
	_, err := s.store.SignOutEverywhere(t.Context(), tenantA, userAlice, s.clock())
	require.NoError(t, err)
	v, err := s.store.Confirmation(t.Context(), tenantA, st.In.State.ConfirmationID)
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, s.consume(v, v.DetailsHash, asShop).Code)
}

// TestWhatWasProvenBeforeSigningOutEverywhereIsNothing: the stage is passed, and the
// answer not yet fetched.
func TestWhatWasProvenBeforeSigningOutEverywhereIsNothing(t *testing.T) {
	passed := func(s *authServer, b *browser, uri string) string {
		id := interactionID(s.t, b.authorize(reference(uri)))
		st := b.open(id)
		_, _, err := s.flow.Answer(s.t.Context(), st, consent.Given{ChallengeID: st.In.State.ChallengeID, Input: s.mail.code}, consent.Browser{})
		require.NoError(s.t, err)
		s.advance(time.Second)
		return id
	}
	out := func(s *authServer) {
		_, err := s.store.SignOutEverywhere(s.t.Context(), tenantA, userAlice, s.clock())
		require.NoError(s.t, err)
		s.advance(time.Second)
	}
	t.Run("of a vouched subject", func(t *testing.T) {
		testdb.Each(t, func(t *testing.T, address string) {
			s := authServerOn(t, address)
			s.usePolicy("contractor-email-first")
			s.vouches(nil)
			b := s.browser()
			id := passed(s, b, s.mustPush(s.vouched("order-1")))
			out(s)
			_, got := told(t, b.resume(id))
			require.Equal(t, "access_denied", got.Get("error"))
			require.Equal(t, consent.ConfirmationCancelled, s.statusOf(t, "order-1"))
		})
	})
	t.Run("and a changed password ends what is asked, too", func(t *testing.T) {
		s := newAuthServer(t)
		s.usePolicy("contractor-email-first")
		s.vouches(nil)
		b := s.browser()
		id := passed(s, b, s.mustPush(s.vouched("order-1")))
		_, err := s.store.UpdateUser(t.Context(), tenantA, userAlice, func(u *identity.User) error { u.PasswordEpoch++; return nil })
		require.NoError(t, err)
		require.NotEqual(t, http.StatusSeeOther, b.resume(id).Code)
		require.Equal(t, consent.ConfirmationCancelled, s.statusOf(t, "order-1"))
	})
	t.Run("of a login that is half done", func(t *testing.T) {
		s := newAuthServer(t)
		s.usePolicy("contractor-email-first")
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		b.logIn(id, userAlice)
		s.advance(time.Second)
		out(s)
		require.Equal(t, consent.StepLogin, b.open(id).Step)
		b.logIn(id, userAlice)
		require.Equal(t, consent.StepDone, b.open(id).Step)
	})
}

// stages is a payout with that one stage each.
func stages(kinds ...string) func(map[string]any) {
	return func(doc map[string]any) {
		var list []any
		for _, kind := range kinds {
			list = append(list, []any{kind})
		}
		action(doc)["stages"] = list
	}
}

// untilMet is a payout that only needs the user's address to be known.
func untilMet(doc map[string]any) {
	a := action(doc)
	a["applies"], a["stages"], a["require"] = "until_met", []any{}, []any{"email_verified"}
}

func action(doc map[string]any) map[string]any {
	actions, _ := doc["actions"].(map[string]any)
	a, _ := actions["payout.request"].(map[string]any)
	return a
}
