package provider

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

func TestTheMethodOfASignIn(t *testing.T) {
	at := func(minute int, method string) identity.AuthEvent {
		return identity.AuthEvent{Method: method, At: tokenT0.Add(time.Duration(minute) * time.Minute)}
	}
	passkey := at(0, string(policy.WebAuthn))
	passkey.Primary, passkey.UserVerified = true, true
	tests := []struct {
		name   string
		events []identity.AuthEvent
		want   string
	}{
		{"nothing", nil, ""},
		{"the password alone", []identity.AuthEvent{at(0, identity.MethodPassword)}, "password"},
		{"a second factor", []identity.AuthEvent{at(0, identity.MethodPassword), at(1, "sms")}, "sms"},
		{"the newest of two", []identity.AuthEvent{at(0, identity.MethodPassword), at(2, "totp"), at(1, "sms")}, "totp"},
		{"a trusted device", []identity.AuthEvent{at(0, identity.MethodPassword), at(0, identity.MethodDevice)}, "device"},
		{"a code although the device is trusted", []identity.AuthEvent{at(0, identity.MethodPassword), at(0, identity.MethodDevice), at(1, "email")}, "email"},
		{"a passkey in the place of the password", []identity.AuthEvent{passkey}, "passkey"},
		{"a code after it", []identity.AuthEvent{passkey, at(1, "sms")}, "sms"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, lastMethod(tt.events)) })
	}
}

// activity is what alice reads of kind.
func (s *authServer) activity(kind string) []identity.Activity {
	s.t.Helper()
	all, err := s.store.Activity(s.t.Context(), tenantA, userAlice, identity.ActivityPage{})
	require.NoError(s.t, err)
	var found []identity.Activity
	for _, a := range all {
		if a.Type == kind {
			found = append(found, a)
		}
	}
	return found
}

func TestASignInIsReadWithItsMethod(t *testing.T) {
	s := newAuthServer(t)
	b := s.browser()
	id := interactionID(t, b.authorize(shopForm()))
	b.logIn(id, userAlice)
	b.resume(id)

	read := s.activity("login.completed")
	require.Len(t, read, 1)
	require.Equal(t, identity.MethodPassword, read[0].Data["method"])
	require.Equal(t, appShop, read[0].ClientID)
}

func TestWhatWasTurnedDownIsRead(t *testing.T) {
	payout := "acr_values=urn:sallyport:action:payout.request"
	tests := []struct {
		name, form, reason string
		kind, result       string
	}{
		{"an action that was declined", payout, "cancelled", "action.refused", "cancelled"},
		{"an action that ended after wrong codes", payout, "locked", "action.refused", "locked"},
		{"an app that was not let in", "scope=openid", "declined", "consent.declined", "ok"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newAuthServer(t)
			s.usePolicy("contractor-email-first")
			b := s.signedIn(time.Minute)
			id := interactionID(t, b.authorize(shopForm(tt.form, "prompt=consent")))
			_, err := s.flow.End(t.Context(), b.open(id), tt.reason)
			require.NoError(t, err)

			_, got := told(t, b.resume(id))

			require.Equal(t, "access_denied", got.Get("error"))
			read := s.activity(tt.kind)
			require.Len(t, read, 1)
			require.Equal(t, tt.result, read[0].Result)
			require.Equal(t, appShop, read[0].ClientID)
			if tt.kind == "action.refused" {
				require.Equal(t, map[string]string{"action": "payout.request"}, read[0].Data)
			}
		})
	}
	t.Run("a login that nobody completed is nobody's", func(t *testing.T) {
		s := newAuthServer(t)
		b := s.browser()
		id := interactionID(t, b.authorize(shopForm()))
		_, err := s.flow.End(t.Context(), b.open(id), "cancelled")
		require.NoError(t, err)
		b.resume(id)
		require.Empty(t, s.activity("action.refused"))
		require.Empty(t, s.activity("consent.declined"))
	})
}

// TestMessagesAreTheTenantsOwn: its words, and its pages of help and privacy, are those
// of the tenant as it is now.
func TestMessagesAreTheTenantsOwn(t *testing.T) {
	s := newAuthServer(t)
	tenant, err := s.store.Tenant(t.Context(), tenantA)
	require.NoError(t, err)
	tenant.Texts, tenant.HelpURL, tenant.Privacy = `{"en":{"sms.login":"{code}"}}`, "https://a.example/help", "https://a.example/privacy"
	changed, err := s.store.UpdateTenant(t.Context(), tenant)
	require.NoError(t, err)
	require.True(t, changed)
	s.poll()
	b := s.browser()
	id := interactionID(t, b.authorize(shopForm()))
	b.logIn(id, userAlice)

	about := s.flow.About(b.open(id), "en")

	require.Equal(t, tenant.Texts, about.Texts)
	require.Equal(t, tenant.HelpURL, about.HelpURL)
	require.Equal(t, tenant.Privacy, about.PrivacyURL)
}
