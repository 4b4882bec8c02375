package webauthn

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
)

const origin = "https://login.example"

var (
	party = mfa.RelyingParty{ID: "login.example", Name: "Example", Origins: []string{origin, "https://www.login.example"}}
	alice = mfa.KeyUser{Handle: []byte("0123456789abcdef0123456789abcdef"), Name: "alice@example.test", DisplayName: "Alice"}
)

// desk is a page at login.example, with a key plugged in.
type desk struct {
	page virtualwebauthn.RelyingParty // as the browser and the key see it
	key  virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

// newDesk has a key that verifies its user, tells who that is, and has counted 7.
func newDesk(kind virtualwebauthn.KeyType) *desk {
	d := &desk{
		page: virtualwebauthn.RelyingParty{ID: party.ID, Name: party.Name, Origin: origin},
		key:  virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: alice.Handle}),
		cred: virtualwebauthn.NewCredential(kind),
	}
	// The library leaves out the leading zeros of a coordinate on P-256, which one key
	// in 128 has; no server can read those.
	for kind == virtualwebauthn.KeyTypeEC2 && len(d.cred.Key.AttestationData()) != 77 {
		d.cred = virtualwebauthn.NewCredential(kind)
	}
	d.cred.Counter = 7
	return d
}

// create answers the options of a registration.
func (d *desk) create(t *testing.T, options []byte) []byte {
	t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(string(options))
	require.NoError(t, err)
	return []byte(virtualwebauthn.CreateAttestationResponse(d.page, d.key, d.cred, *o))
}

// get answers the options of an authentication.
func (d *desk) get(t *testing.T, options []byte) []byte {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	require.NoError(t, err)
	return []byte(virtualwebauthn.CreateAssertionResponse(d.page, d.key, d.cred, *o))
}

// registered is the desk's credential as the server keeps it.
func (d *desk) registered(t *testing.T) mfa.Credential {
	t.Helper()
	r := registration(mfa.UVPreferred)
	options, session, err := Keys{}.BeginRegistration(r)
	require.NoError(t, err)
	c, err := Keys{}.Register(r, session, d.create(t, options))
	require.NoError(t, err)
	return c
}

func registration(uv mfa.UserVerification, exclude ...mfa.Credential) mfa.Registration {
	return mfa.Registration{RP: party, User: alice, UV: uv, Exclude: exclude}
}

func authentication(uv mfa.UserVerification, allow ...mfa.Credential) mfa.Authentication {
	return mfa.Authentication{RP: party, UV: uv, Allow: allow}
}

// edited is an answer, changed.
func edited(t *testing.T, answer []byte, edit func(whole, response map[string]any)) []byte {
	t.Helper()
	var whole map[string]any
	require.NoError(t, json.Unmarshal(answer, &whole))
	edit(whole, whole["response"].(map[string]any))
	b, err := json.Marshal(whole)
	require.NoError(t, err)
	return b
}

var encoding = base64.RawURLEncoding

func encode(b []byte) string { return encoding.EncodeToString(b) }

func decode(t *testing.T, s any) []byte {
	t.Helper()
	b, err := encoding.DecodeString(s.(string))
	require.NoError(t, err)
	return b
}
