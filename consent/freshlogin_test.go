package consent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// TestWhatMakesALoginFresh: a first factor does, and nothing that came after it.
func TestWhatMakesALoginFresh(t *testing.T) {
	p, err := policy.Preset("contractor-email-first")
	require.NoError(t, err)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	age := p.FreshLoginAge()
	at := func(method string, ago time.Duration) identity.AuthEvent {
		return identity.AuthEvent{Method: method, At: now.Add(-ago)}
	}
	key := at("webauthn", time.Minute)
	passkey := key
	passkey.Primary, passkey.UserVerified = true, true
	for name, tt := range map[string]struct {
		events []identity.AuthEvent
		fresh  bool
	}{
		"a password":                      {[]identity.AuthEvent{at("password", age)}, true},
		"an old password":                 {[]identity.AuthEvent{at("password", age+time.Second)}, false},
		"a key after an old password":     {[]identity.AuthEvent{at("password", 2*age), key}, false},
		"a passkey instead of a password": {[]identity.AuthEvent{at("password", 2*age), passkey}, true},
		"the word of an app":              {[]identity.AuthEvent{at("vouched", time.Minute)}, false},
		"the word of an app, and a key":   {[]identity.AuthEvent{at("vouched", time.Minute), key}, false},
		"nothing":                         {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			st := &Standing{now: now, Realm: &identity.Realm{Policy: &p}, events: tt.events}
			require.Equal(t, tt.fresh, st.freshLogin())
		})
	}
}
