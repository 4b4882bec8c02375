package webauthn

import (
	"encoding/json"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
)

func TestAuthenticationOptions(t *testing.T) {
	have := mfa.Credential{ID: []byte("a key she has"), Transports: []string{"usb", "nfc"}}
	tests := []struct {
		name  string
		allow []mfa.Credential
		want  string
	}{
		{"of a key", []mfa.Credential{have}, `{"rpId": "login.example", "timeout": 300000, "userVerification": "preferred",
			"allowCredentials": [{"type": "public-key", "id": "` + encode(have.ID) + `", "transports": ["usb", "nfc"]}]}`},
		{"of whoever has a passkey", nil, `{"rpId": "login.example", "timeout": 300000, "userVerification": "preferred"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			options, _, err := Keys{}.BeginAuthentication(authentication(mfa.UVPreferred, tt.allow...))
			require.NoError(t, err)

			var o map[string]any
			require.NoError(t, json.Unmarshal(options, &o))
			require.Len(t, decode(t, o["challenge"]), 32)
			delete(o, "challenge")
			got, err := json.Marshal(o)
			require.NoError(t, err)
			require.JSONEq(t, tt.want, string(got))
		})
	}
}

func TestAuthenticate(t *testing.T) {
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		t.Run(string(kind), func(t *testing.T) {
			d := newDesk(kind)
			c := d.registered(t)
			d.cred.Counter = 8
			a := authentication(mfa.UVRequired, mfa.Credential{ID: []byte("another key")}, c)
			options, session, err := Keys{}.BeginAuthentication(a)
			require.NoError(t, err)
			answer := d.get(t, options)

			id, handle, err := Keys{}.CredentialOf(answer)
			require.NoError(t, err)
			require.Equal(t, c.ID, id)
			require.Equal(t, alice.Handle, handle)

			got, err := Keys{}.Authenticate(a, session, answer, c)
			require.NoError(t, err)
			require.Equal(t, mfa.Assertion{CredentialID: c.ID, UserHandle: alice.Handle, UserVerified: true, SignCount: 8}, withoutSigned(t, got))

			_, again, err := Keys{}.BeginAuthentication(a)
			require.NoError(t, err)
			_, err = Keys{}.Authenticate(a, again, answer, c)
			requireError(t, mfa.ErrMismatch, "challenge", err)
		})
	}
}

// TestSecurityKey: keys of the U2F kind neither verify their user nor know who it
// is, and are as good a second factor as any.
func TestSecurityKey(t *testing.T) {
	for _, uv := range []mfa.UserVerification{mfa.UVDiscouraged, mfa.UVPreferred} {
		t.Run(string(uv), func(t *testing.T) {
			d := newDesk(virtualwebauthn.KeyTypeEC2)
			d.key.Options = virtualwebauthn.AuthenticatorOptions{UserNotVerified: true}
			c := d.registered(t)
			require.False(t, c.UserVerified)
			require.False(t, c.Discoverable)
			d.cred.Counter++
			a := authentication(uv, c)
			options, session, err := Keys{}.BeginAuthentication(a)
			require.NoError(t, err)

			got, err := Keys{}.Authenticate(a, session, d.get(t, options), c)

			require.NoError(t, err)
			require.Equal(t, mfa.Assertion{CredentialID: c.ID, SignCount: 8}, withoutSigned(t, got))
		})
	}
}

// TestAuthenticateForged meets each check alone: the forge is right in all but
// one, and its signature is always right.
func TestAuthenticateForged(t *testing.T) {
	type edit func(*forge, *mfa.Authentication, *mfa.Credential)
	key := func(change func(*forge)) edit {
		return func(f *forge, _ *mfa.Authentication, _ *mfa.Credential) { change(f) }
	}
	stored := func(change func(*mfa.Credential)) edit {
		return func(_ *forge, _ *mfa.Authentication, c *mfa.Credential) { change(c) }
	}
	unverified := func(uv mfa.UserVerification) edit {
		return func(f *forge, a *mfa.Authentication, _ *mfa.Credential) { f.flags, a.UV = flagUP, uv }
	}
	tests := []struct {
		name string
		edit edit
		says string // "" for what passes
	}{
		{"a good answer passes", key(func(*forge) {}), ""},
		{"no user verification, where it is discouraged", unverified(mfa.UVDiscouraged), ""},
		{"no user verification, where it is required now", unverified(mfa.UVRequired), "did not verify"},
		{"nobody at the key", key(func(f *forge) { f.flags = flagUV }), "nobody"},
		{"a key of another relying party", key(func(f *forge) { f.rpID = "evil.example" }), "key answered for another"},
		{"a page of another origin", key(func(f *forge) { f.client["origin"] = "https://evil.example" }), "origin"},
		{"a page below ours", key(func(f *forge) { f.client["origin"] = "https://x.login.example" }), "origin"},
		{"an origin that is only nearly the same", key(func(f *forge) { f.client["origin"] = origin + ":443" }), "origin"},
		{"a page inside another one", key(func(f *forge) { f.client["crossOrigin"] = true }), "inside"},
		{"another challenge", key(func(f *forge) { f.client["challenge"] = encode(make([]byte, 32)) }), "challenge"},
		{"an answer to a registration", key(func(f *forge) { f.client["type"] = "webauthn.create" }), "kind"},
		{"a session of another tenant", func(f *forge, a *mfa.Authentication, _ *mfa.Credential) {
			a.RP.ID, f.rpID = "other.example", "other.example"
		}, "another relying party"},
		{"another credential than the stored one", key(func(f *forge) { f.id = []byte("another id") }), "about another credential"},
		{"a credential that was not allowed", func(f *forge, a *mfa.Authentication, c *mfa.Credential) {
			f.id, c.ID = []byte("another id"), []byte("another id")
			a.Allow = []mfa.Credential{*c}
		}, "not among those allowed"},
		{"a credential that is not allowed any more", func(_ *forge, a *mfa.Authentication, _ *mfa.Credential) {
			a.Allow = []mfa.Credential{{ID: []byte("the one that is left")}}
		}, "not among those allowed"},
		{"backup eligibility that appears", key(func(f *forge) { f.flags |= flagBE }), "backup eligibility"},
		{"backup eligibility that vanishes", stored(func(c *mfa.Credential) { c.BackupEligible = true }), "backup eligibility"},
		{"backed up, but not eligible", key(func(f *forge) { f.flags |= flagBS }), "backed up"},
		{"the public key of somebody else", stored(func(c *mfa.Credential) {
			c.PublicKey = marshalCOSE(t, map[int]any{1: 1, 3: -8, -1: 6, -2: make([]byte, 32)})
		}), "invalid_signature"},
		{"a public key that is none", stored(func(c *mfa.Credential) { c.PublicKey = []byte("?") }), "invalid_signature"},
		{"no public key", stored(func(c *mfa.Credential) { c.PublicKey = nil }), "invalid_signature"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newForge(t, "webauthn.get", []byte(`{}`))
			c := mfa.Credential{ID: f.id, PublicKey: f.cose, SignCount: 7}
			a := authentication(mfa.UVDiscouraged, c)
			options, session, err := Keys{}.BeginAuthentication(a)
			require.NoError(t, err)
			f = newForge(t, "webauthn.get", options)
			tt.edit(f, &a, &c)

			got, err := Keys{}.Authenticate(a, session, f.get(t), c)

			if tt.says != "" {
				requireError(t, mfa.ErrMismatch, tt.says, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, f.flags&flagUV != 0, got.UserVerified)
		})
	}
}

func TestAuthenticateHoldsTheDemandOfTheBeginning(t *testing.T) {
	f, c, session := begunForge(t, authentication(mfa.UVRequired))
	f.flags = flagUP

	_, err := Keys{}.Authenticate(authentication(mfa.UVDiscouraged), session, f.get(t), c)

	requireError(t, mfa.ErrMismatch, "did not verify", err)
}

func TestAuthenticateRefusesASignatureThatIsChanged(t *testing.T) {
	d := newDesk(virtualwebauthn.KeyTypeEC2)
	c := d.registered(t)
	a := authentication(mfa.UVPreferred, c)
	options, session, err := Keys{}.BeginAuthentication(a)
	require.NoError(t, err)

	answer := edited(t, d.get(t, options), func(_, response map[string]any) {
		data := decode(t, response["authenticatorData"])
		data[36]++ // the counter
		response["authenticatorData"] = encode(data)
	})
	_, err = Keys{}.Authenticate(a, session, answer, c)

	requireError(t, mfa.ErrMismatch, "invalid_signature", err)
}

func TestCounter(t *testing.T) {
	tests := []struct {
		name        string
		stored, now uint32
		cloned      bool
	}{
		{"it grows by one", 7, 8, false},
		{"it jumps", 7, 4_000_000_000, false},
		{"it stands still", 7, 7, true},
		{"it goes back", 7, 6, true},
		{"it goes back to nothing", 7, 0, true},
		{"a key that does not count", 0, 0, false},
		{"it begins to count", 0, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := authentication(mfa.UVPreferred)
			f, c, session := begunForge(t, a)
			c.SignCount, f.count = tt.stored, tt.now

			got, err := Keys{}.Authenticate(a, session, f.get(t), c)

			require.NoError(t, err)
			require.Equal(t, tt.cloned, got.Cloned)
			require.Equal(t, tt.now, got.SignCount)
		})
	}
}

// TestPasskey: where the ceremony names no credential, the key tells the account.
func TestPasskey(t *testing.T) {
	tests := []struct {
		name   string
		handle []byte
		says   string
	}{
		{"it is told who that is", alice.Handle, ""},
		{"it is told of somebody else, which is for the caller to compare", []byte("mallory"), ""},
		{"it tells nothing", nil, "does not tell its user"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := authentication(mfa.UVRequired)
			f, c, session := begunForge(t, a)
			f.handle = tt.handle
			f.flags |= flagBE | flagBS
			c.BackupEligible = true

			got, err := Keys{}.Authenticate(a, session, f.get(t), c)

			if tt.says != "" {
				requireError(t, mfa.ErrMismatch, tt.says, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, mfa.Assertion{CredentialID: c.ID, UserHandle: tt.handle, UserVerified: true, BackedUp: true, SignCount: 8}, withoutSigned(t, got))
		})
	}
}

func TestASessionOfTheOtherCeremonyIsNone(t *testing.T) {
	_, session, err := Keys{}.BeginRegistration(registration(mfa.UVPreferred))
	require.NoError(t, err)
	a := authentication(mfa.UVPreferred)
	f, c, _ := begunForge(t, a)

	_, err = Keys{}.Authenticate(a, session, f.get(t), c)

	requireError(t, mfa.ErrMismatch, "another ceremony", err)
}

// begunForge is a forge at an authentication that has begun, and its credential.
func begunForge(t *testing.T, a mfa.Authentication) (*forge, mfa.Credential, []byte) {
	t.Helper()
	options, session, err := Keys{}.BeginAuthentication(a)
	require.NoError(t, err)
	f := newForge(t, "webauthn.get", options)
	return f, mfa.Credential{ID: f.id, PublicKey: f.cose, SignCount: 7}, session
}

// withoutSigned is got without what was signed, which is there and is other each time.
func withoutSigned(t *testing.T, got mfa.Assertion) mfa.Assertion {
	t.Helper()
	require.NotEmpty(t, got.ClientDataJSON)
	require.NotEmpty(t, got.AuthenticatorData)
	require.NotEmpty(t, got.Signature)
	got.ClientDataJSON, got.AuthenticatorData, got.Signature = nil, nil, nil
	return got
}
