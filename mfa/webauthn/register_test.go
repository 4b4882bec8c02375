package webauthn

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
)

func TestRegistrationOptions(t *testing.T) {
	have := mfa.Credential{ID: []byte("a key she has"), Transports: []string{"usb"}}
	options, _, err := Keys{}.BeginRegistration(registration(mfa.UVDiscouraged, have))
	require.NoError(t, err)

	var o map[string]any
	require.NoError(t, json.Unmarshal(options, &o))
	require.Len(t, decode(t, o["challenge"]), 32)
	delete(o, "challenge")
	got, err := json.Marshal(o)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"rp": {"id": "login.example", "name": "Example"},
		"user": {"id": "`+encode(alice.Handle)+`", "name": "alice@example.test", "displayName": "Alice"},
		"pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -257}],
		"timeout": 300000,
		"excludeCredentials": [{"type": "public-key", "id": "`+encode(have.ID)+`", "transports": ["usb"]}],
		"authenticatorSelection": {"residentKey": "preferred", "userVerification": "discouraged"},
		"attestation": "none",
		"extensions": {"credProps": true}
	}`, string(got))
}

func TestBeginRegistrationRefusesWhatNoBrowserAccepts(t *testing.T) {
	tests := []struct {
		name string
		edit func(*mfa.Registration)
	}{
		{"an address is no relying party", func(r *mfa.Registration) { r.RP.ID = "192.0.2.1" }},
		{"a port is no part of the relying party", func(r *mfa.Registration) { r.RP.ID = "login.example:443" }},
		{"no relying party", func(r *mfa.Registration) { r.RP.ID = "" }},
		{"no origin", func(r *mfa.Registration) { r.RP.Origins = nil }},
		{"no user handle", func(r *mfa.Registration) { r.User.Handle = nil }},
		{"a handle of 65 bytes", func(r *mfa.Registration) { r.User.Handle = make([]byte, 65) }},
		{"a demand that does not exist", func(r *mfa.Registration) { r.UV = "always" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := registration(mfa.UVPreferred)
			tt.edit(&r)

			_, _, err := Keys{}.BeginRegistration(r)

			require.Error(t, err)
		})
	}
}

func TestRegister(t *testing.T) {
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		t.Run(string(kind), func(t *testing.T) {
			d := newDesk(kind)
			d.key.Options.BackupEligible, d.key.Options.BackupState = true, true
			r := registration(mfa.UVRequired)
			options, session, err := Keys{}.BeginRegistration(r)
			require.NoError(t, err)

			answer := edited(t, d.create(t, options), func(whole, response map[string]any) {
				whole["clientExtensionResults"] = map[string]any{"credProps": map[string]any{"rk": true}, "unasked": true}
				response["transports"] = []string{"internal", "hybrid", "teleport", "hybrid"}
			})
			c, err := Keys{}.Register(r, session, answer)

			require.NoError(t, err)
			require.NotEmpty(t, c.PublicKey)
			c.PublicKey = nil
			require.Equal(t, mfa.Credential{
				ID: d.cred.ID, AAGUID: d.key.Aaguid[:], SignCount: 7, UserVerified: true, Discoverable: true,
				BackupEligible: true, BackedUp: true, Transports: []string{"hybrid", "internal"}, AttestedFormat: "packed",
			}, c)
		})
	}
}

// TestRegisterForged meets each check alone: the forge is right in all but one.
func TestRegisterForged(t *testing.T) {
	demand := func(uv mfa.UserVerification) func(*forge, *mfa.Registration) {
		return func(f *forge, r *mfa.Registration) { f.flags, r.UV = flagUP, uv }
	}
	tests := []struct {
		name string
		edit func(*forge, *mfa.Registration)
		want error
		says string
	}{
		{"a good key passes", func(*forge, *mfa.Registration) {}, nil, ""},
		{"no user verification, where it is discouraged", demand(mfa.UVDiscouraged), nil, ""},
		{"no user verification, where it is preferred", demand(mfa.UVPreferred), nil, ""},
		{"another origin of the party passes", func(f *forge, _ *mfa.Registration) { f.client["origin"] = party.Origins[1] }, nil, ""},
		{"no user verification, where it is required now", demand(mfa.UVRequired), mfa.ErrMismatch, "did not verify"},
		{"nobody at the key", func(f *forge, _ *mfa.Registration) { f.flags = flagUV }, mfa.ErrMismatch, "nobody"},
		{"a key of another relying party", func(f *forge, _ *mfa.Registration) { f.rpID = "evil.example" }, mfa.ErrMismatch, "key answered for another"},
		{"a page of another origin", func(f *forge, _ *mfa.Registration) { f.client["origin"] = "https://evil.example" }, mfa.ErrMismatch, "origin"},
		{"a page of another port", func(f *forge, _ *mfa.Registration) { f.client["origin"] = origin + ":8443" }, mfa.ErrMismatch, "origin"},
		{"an origin that is only nearly the same", func(f *forge, _ *mfa.Registration) { f.client["origin"] = "https://LOGIN.example/" }, mfa.ErrMismatch, "origin"},
		{"a page inside another one", func(f *forge, _ *mfa.Registration) { f.client["crossOrigin"] = true }, mfa.ErrMismatch, "inside"},
		{"another challenge", func(f *forge, _ *mfa.Registration) { f.client["challenge"] = encode(make([]byte, 32)) }, mfa.ErrMismatch, "challenge"},
		{"no challenge", func(f *forge, _ *mfa.Registration) { delete(f.client, "challenge") }, mfa.ErrMismatch, "challenge"},
		{"an answer of the other kind", func(f *forge, _ *mfa.Registration) { f.client["type"] = "webauthn.get" }, mfa.ErrMismatch, "kind"},
		{"a session of another user", func(_ *forge, r *mfa.Registration) { r.User.Handle = []byte("mallory") }, mfa.ErrMismatch, "another user"},
		{"a session of another tenant", func(f *forge, r *mfa.Registration) { r.RP.ID, f.rpID = "other.example", "other.example" }, mfa.ErrMismatch, "another relying party"},
		{"backed up, but not eligible", func(f *forge, _ *mfa.Registration) { f.flags |= flagBS }, mfa.ErrMismatch, "backed up"},
		{"a credential that is excluded", func(f *forge, r *mfa.Registration) { r.Exclude = []mfa.Credential{{ID: f.id}} }, mfa.ErrKeyExists, ""},
		{"no credential id", func(f *forge, _ *mfa.Registration) { f.id = nil }, mfa.ErrMalformed, ""},
		{"an algorithm that was not offered", func(f *forge, _ *mfa.Registration) {
			f.cose = marshalCOSE(t, map[int]any{1: 3, 3: -37, -1: bytes.Repeat([]byte{0xC1}, 256), -2: []byte{1, 0, 1}})
		}, mfa.ErrMismatch, "attestation"},
		{"an RSA key of 1024 bits", func(f *forge, _ *mfa.Registration) {
			f.cose = marshalCOSE(t, map[int]any{1: 3, 3: -257, -1: bytes.Repeat([]byte{0xC1}, 128), -2: []byte{1, 0, 1}})
		}, mfa.ErrMismatch, "too weak"},
		{"an RSA key of 32768 bits", func(f *forge, _ *mfa.Registration) {
			f.cose = marshalCOSE(t, map[int]any{1: 3, 3: -257, -1: bytes.Repeat([]byte{0xC1}, 4096), -2: []byte{1, 0, 1}})
		}, mfa.ErrMalformed, "too large"},
		{"a point that is not on the curve", func(f *forge, _ *mfa.Registration) {
			f.cose = marshalCOSE(t, map[int]any{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)})
		}, mfa.ErrMalformed, "public key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := registration(mfa.UVDiscouraged)
			options, session, err := Keys{}.BeginRegistration(r)
			require.NoError(t, err)
			f := newForge(t, "webauthn.create", options)
			tt.edit(f, &r)

			c, err := Keys{}.Register(r, session, f.create(t))

			requireError(t, tt.want, tt.says, err)
			if tt.want == nil {
				require.Equal(t, f.id, c.ID)
				require.Equal(t, []string{"usb", "nfc"}, c.Transports)
				require.Equal(t, f.flags&flagUV != 0, c.UserVerified)
			}
		})
	}
}

func TestRegisterHoldsTheDemandOfTheBeginning(t *testing.T) {
	options, session, err := Keys{}.BeginRegistration(registration(mfa.UVRequired))
	require.NoError(t, err)
	f := newForge(t, "webauthn.create", options)
	f.flags = flagUP

	_, err = Keys{}.Register(registration(mfa.UVDiscouraged), session, f.create(t))

	requireError(t, mfa.ErrMismatch, "did not verify", err)
}

func TestRegisterChecksAnAttestationThatNobodyAskedFor(t *testing.T) {
	d := newDesk(virtualwebauthn.KeyTypeEC2)
	r := registration(mfa.UVPreferred)
	options, session, err := Keys{}.BeginRegistration(r)
	require.NoError(t, err)

	answer := edited(t, d.create(t, options), func(_, response map[string]any) {
		object := decode(t, response["attestationObject"])
		i := bytes.Index(object, []byte("authData")) - 4 // the end of the signature
		object[i] ^= 1
		response["attestationObject"] = encode(object)
	})
	_, err = Keys{}.Register(r, session, answer)

	requireError(t, mfa.ErrMismatch, "attestation", err)
}

// TestMalformed is about answers that are none, to every function that reads one.
func TestMalformed(t *testing.T) {
	d := newDesk(virtualwebauthn.KeyTypeEC2)
	c := d.registered(t)
	r, a := registration(mfa.UVPreferred), authentication(mfa.UVPreferred, c)
	createOptions, createSession, err := Keys{}.BeginRegistration(r)
	require.NoError(t, err)
	getOptions, getSession, err := Keys{}.BeginAuthentication(a)
	require.NoError(t, err)
	created, got := d.create(t, createOptions), d.get(t, getOptions)
	both := func(edit func(whole, response map[string]any)) [][]byte {
		return [][]byte{edited(t, created, edit), edited(t, got, edit)}
	}
	tests := []struct {
		name    string
		answers [][]byte // to a registration, to an authentication
	}{
		{"nothing", [][]byte{nil, {}}},
		{"no JSON", [][]byte{[]byte("{"), []byte("{")}},
		{"null", [][]byte{[]byte("null"), []byte("null")}},
		{"an empty object", [][]byte{[]byte("{}"), []byte("{}")}},
		{"more after the end", [][]byte{append(bytes.Clone(created), '1'), append(bytes.Clone(got), '1')}},
		{"an answer of the other kind", [][]byte{got, created}},
		{"more than 64 KiB", both(func(whole, _ map[string]any) { whole["more"] = strings.Repeat("x", 64<<10) })},
		{"no id", both(func(whole, _ map[string]any) { delete(whole, "id") })},
		{"an id that is not the raw id", both(func(whole, _ map[string]any) { whole["id"] = encode([]byte("other")) })},
		{"another type", both(func(whole, _ map[string]any) { whole["type"] = "password" })},
		{"no client data", both(func(_, response map[string]any) { delete(response, "clientDataJSON") })},
		{"client data that is no JSON", both(func(_, response map[string]any) { response["clientDataJSON"] = encode([]byte("{")) })},
		{"no key data", both(func(_, response map[string]any) {
			delete(response, "attestationObject")
			delete(response, "authenticatorData")
		})},
		{"key data that is cut short", both(func(_, response map[string]any) {
			for _, name := range []string{"attestationObject", "authenticatorData"} {
				if response[name] != nil {
					response[name] = encode(decode(t, response[name])[:30])
				}
			}
		})},
		{"a user handle that no key could keep", [][]byte{nil, edited(t, got, func(_, response map[string]any) {
			response["userHandle"] = encode(make([]byte, 65))
		})}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Keys{}.Register(r, createSession, tt.answers[0])
			require.ErrorIs(t, err, mfa.ErrMalformed)

			_, err = Keys{}.Authenticate(a, getSession, tt.answers[1], c)
			require.ErrorIs(t, err, mfa.ErrMalformed)

			_, _, err = Keys{}.CredentialOf(tt.answers[1])
			require.ErrorIs(t, err, mfa.ErrMalformed)
		})
	}
}

// TestBrokenSession: a session that cannot be read is never the fault of the person.
func TestBrokenSession(t *testing.T) {
	f := newForge(t, "webauthn.create", []byte(`{"challenge":""}`))
	for _, session := range []string{"", "null", "{}", `{"type":"webauthn.create","challenge":"AAAA"}`, `{"type":"webauthn.create","challenge":"?"}`} {
		_, err := Keys{}.Register(registration(mfa.UVPreferred), []byte(session), f.create(t))

		require.Error(t, err, "%s", session)
		require.NotErrorIs(t, err, mfa.ErrMismatch)
		require.NotErrorIs(t, err, mfa.ErrMalformed)
	}
}

func TestUserHandle(t *testing.T) {
	handle, err := UserHandle(rand.Reader)
	require.NoError(t, err)
	require.Len(t, handle, 32)

	_, err = UserHandle(bytes.NewReader(make([]byte, 31)))
	require.Error(t, err, "too little random is no handle")
}

func requireError(t *testing.T, want error, says string, err error) {
	t.Helper()
	require.ErrorIs(t, err, want)
	if want != nil {
		require.ErrorContains(t, err, says)
	}
}
