package webauthn

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
)

// FuzzRegister gives hostile answers: whole ones, and good ones whose attestation
// object is hostile, since nearly nothing random gets that far.
func FuzzRegister(f *testing.F) {
	r := registration(mfa.UVPreferred)
	options, session, err := Keys{}.BeginRegistration(r)
	require.NoError(f, err)
	var seed []byte
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		d := newDesk(kind)
		o, err := virtualwebauthn.ParseAttestationOptions(string(options))
		require.NoError(f, err)
		seed = []byte(virtualwebauthn.CreateAttestationResponse(d.page, d.key, d.cred, *o))
		f.Add(seed, part(f, seed, "attestationObject"))
	}
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`), []byte{0xa0})

	f.Fuzz(func(t *testing.T, answer, object []byte) {
		_, err := Keys{}.Register(r, session, answer)
		requireOurs(t, err)
		_, err = Keys{}.Register(r, session, with(t, seed, map[string][]byte{"attestationObject": object}))
		requireOurs(t, err)
	})
}

// FuzzAuthenticate gives hostile answers, and good ones with hostile parts, also
// to a credential whose public key was hostile.
func FuzzAuthenticate(f *testing.F) {
	d := newDesk(virtualwebauthn.KeyTypeEC2)
	a := authentication(mfa.UVPreferred)
	options, session, err := Keys{}.BeginAuthentication(a)
	require.NoError(f, err)
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	require.NoError(f, err)
	seed := []byte(virtualwebauthn.CreateAssertionResponse(d.page, d.key, d.cred, *o))
	c := mfa.Credential{ID: d.cred.ID, PublicKey: d.cred.Key.AttestationData()}
	f.Add(seed, part(f, seed, "authenticatorData"), part(f, seed, "signature"), c.PublicKey)
	rsa := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeRSA)
	f.Add(seed, part(f, seed, "authenticatorData"), make([]byte, 256), rsa.Key.AttestationData())
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`), []byte{}, []byte{}, marshalCOSE(f, map[int]any{1: 1, 3: -8, -1: 6, -2: []byte{}}))

	f.Fuzz(func(t *testing.T, answer, data, signature, public []byte) {
		_, _, err := Keys{}.CredentialOf(answer)
		requireOurs(t, err)
		_, err = Keys{}.Authenticate(a, session, answer, c)
		requireOurs(t, err)
		_, err = Keys{}.Authenticate(a, session, with(t, seed, map[string][]byte{"authenticatorData": data}), c)
		requireOurs(t, err)
		hostile := c
		hostile.PublicKey = public
		_, err = Keys{}.Authenticate(a, session, with(t, seed, map[string][]byte{"signature": signature}), hostile)
		requireOurs(t, err)
	})
}

// requireOurs: whatever comes in, the caller can tell what to do.
func requireOurs(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, mfa.ErrMalformed) && !errors.Is(err, mfa.ErrMismatch) {
		t.Fatalf("neither malformed nor a mismatch: %v", err)
	}
}

func part(tb testing.TB, answer []byte, name string) []byte {
	tb.Helper()
	var whole struct{ Response map[string]json.RawMessage }
	require.NoError(tb, json.Unmarshal(answer, &whole))
	var text string
	require.NoError(tb, json.Unmarshal(whole.Response[name], &text))
	b, err := encoding.DecodeString(text)
	require.NoError(tb, err)
	return b
}

func with(t *testing.T, answer []byte, parts map[string][]byte) []byte {
	t.Helper()
	return edited(t, answer, func(_, response map[string]any) {
		for name, b := range parts {
			response[name] = encode(b)
		}
	})
}
