package identity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
)

var t0 = time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)

func TestASessionIsLive(t *testing.T) {
	tests := []struct {
		name string
		edit func(*identity.Session, *identity.User)
		at   time.Time
		want bool
	}{
		{"at once", func(*identity.Session, *identity.User) {}, t0, true},
		{"to the last moment before it is idle", func(*identity.Session, *identity.User) {}, t0.Add(time.Hour - 1), true},
		{"not when it is idle", func(*identity.Session, *identity.User) {}, t0.Add(time.Hour), false},
		{"in use, to the last moment", func(s *identity.Session, _ *identity.User) { s.LastSeen = t0.Add(8*time.Hour - 1) }, t0.Add(8*time.Hour - 1), true},
		{"not beyond its end, however much in use", func(s *identity.Session, _ *identity.User) { s.LastSeen = t0.Add(8 * time.Hour) }, t0.Add(8 * time.Hour), false},
		{"not of a disabled user", func(_ *identity.Session, u *identity.User) { u.Status = identity.UserDisabled }, t0, false},
		{"not after a new password", func(_ *identity.Session, u *identity.User) { u.PasswordEpoch++ }, t0, false},
		{"after a new second factor", func(_ *identity.Session, u *identity.User) { u.MFAEpoch++ }, t0, true},
		{"not of another user", func(_ *identity.Session, u *identity.User) { u.ID = "u2" }, t0, false},
		{"not of the same user of another tenant", func(_ *identity.Session, u *identity.User) { u.TenantID = "t2" }, t0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &identity.Session{TenantID: "t1", UserID: "u1", LastSeen: t0, IdleFor: time.Hour, ExpiresAt: t0.Add(8 * time.Hour), PasswordEpoch: 2}
			u := &identity.User{TenantID: "t1", ID: "u1", Status: identity.UserActive, PasswordEpoch: 2}
			tt.edit(s, u)

			require.Equal(t, tt.want, s.Live(u, tt.at))
		})
	}
}

func TestNobodyHasNoLiveSession(t *testing.T) {
	var none *identity.Session
	u := &identity.User{Status: identity.UserActive}

	require.False(t, none.Live(u, t0))
	require.False(t, (&identity.Session{ExpiresAt: t0.Add(time.Hour), LastSeen: t0, IdleFor: time.Hour}).Live(nil, t0))
}

func TestLastActiveIsNeverADevice(t *testing.T) {
	events := []identity.AuthEvent{
		{Method: "email", At: t0.Add(2 * time.Minute)},
		{Method: identity.MethodPassword, At: t0},
		{Method: identity.MethodDevice, At: t0.Add(time.Hour)},
	}

	require.Equal(t, t0.Add(2*time.Minute), identity.LastActive(events))
	require.Zero(t, identity.LastActive(events[2:]))
}

func TestTenantAddresses(t *testing.T) {
	path := identity.Tenant{Slug: "acme", Issuer: "https://id.example:8443/t/acme", TimeZone: "Europe/Berlin"}
	host := identity.Tenant{Slug: "acme", Host: "login.acme.example", Issuer: "https://login.acme.example", TimeZone: "Mars/Olympus"}

	require.Equal(t, "/t/acme", path.Path())
	require.Empty(t, host.Path())
	require.Equal(t, "id.example:8443", path.PublicHost())
	require.Equal(t, "Europe/Berlin", path.Zone().String())
	require.Equal(t, time.UTC, host.Zone())
}

func TestADisabledAppIsNoApp(t *testing.T) {
	realm := identity.Realm{Clients: map[string]*identity.Client{"on": {ID: "on"}, "off": {ID: "off", Disabled: true}}}

	require.NotNil(t, realm.Client("on"))
	require.Nil(t, realm.Client("off"))
	require.Nil(t, realm.Client("unknown"))
}

func TestOnlyAnAppWithNoWayToAuthenticateIsPublic(t *testing.T) {
	for methods, want := range map[string]bool{"none": true, "client_secret_basic": false, "": false} {
		c := identity.Client{}
		if methods != "" {
			c.AuthMethods = []string{methods}
		}
		require.Equal(t, want, c.Public(), methods)
	}
	require.False(t, (&identity.Client{AuthMethods: []string{"none", "client_secret_post"}}).Public())
}

// TestWhatMakesALoginFresh tells the first factor of a session from what came later:
// the confirmation of an action refreshes no login, and a device proves nothing.
func TestWhatMakesALoginFresh(t *testing.T) {
	at := func(minutes int, e identity.AuthEvent) identity.AuthEvent {
		e.At = t0.Add(time.Duration(minutes) * time.Minute)
		return e
	}
	password, code, device := identity.AuthEvent{Method: identity.MethodPassword}, identity.AuthEvent{Method: "email"}, identity.AuthEvent{Method: identity.MethodDevice}
	passkey := identity.AuthEvent{Method: "webauthn", Primary: true, UserVerified: true}
	tests := []struct {
		name          string
		events        []identity.AuthEvent
		first, second time.Time
	}{
		{"nothing yet", nil, time.Time{}, time.Time{}},
		{"a device spared the second step", []identity.AuthEvent{at(0, password), at(1, device)}, t0, time.Time{}},
		{"an action was confirmed later", []identity.AuthEvent{at(0, password), at(1, code), at(30, code)}, t0, t0.Add(30 * time.Minute)},
		{"a passkey is both", []identity.AuthEvent{at(2, passkey)}, t0.Add(2 * time.Minute), t0.Add(2 * time.Minute)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.first, identity.LastFirst(tt.events))
			require.Equal(t, tt.second, identity.LastSecond(tt.events))
		})
	}
}
