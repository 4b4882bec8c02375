package webauthn

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
)

// Flags of the authenticator data. Source: WebAuthn Level 3, section 6.1.
const (
	flagUP, flagUV, flagBE, flagBS, flagAT byte = 1, 4, 8, 16, 64
)

// forge is a key that signs what it is told to, so that every check can be met
// alone: the signature is always right. Its algorithm is EdDSA.
type forge struct {
	id      []byte
	private ed25519.PrivateKey

	client map[string]any // what the browser says
	rpID   string
	flags  byte
	count  uint32
	handle []byte
	cose   []byte // the public key that it shows
}

// newForge answers options rightly, until it is told otherwise.
func newForge(t *testing.T, kind string, options []byte) *forge {
	t.Helper()
	var o struct{ Challenge string }
	require.NoError(t, json.Unmarshal(options, &o))
	f := &forge{
		id: []byte("the id of a forged key"), private: ed25519.NewKeyFromSeed(make([]byte, 32)),
		client: map[string]any{"type": kind, "challenge": o.Challenge, "origin": origin},
		rpID:   party.ID, flags: flagUP | flagUV, count: 8, handle: alice.Handle,
	}
	f.cose = marshalCOSE(t, map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(f.private.Public().(ed25519.PublicKey))})
	return f
}

func marshalCOSE(t testing.TB, key map[int]any) []byte {
	t.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	require.NoError(t, err)
	b, err := mode.Marshal(key)
	require.NoError(t, err)
	return b
}

func (f *forge) authData(flags byte) []byte {
	hash := sha256.Sum256([]byte(f.rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), f.count)
}

// create is the answer to a registration, without attestation.
func (f *forge) create(t *testing.T) []byte {
	t.Helper()
	data := append(f.authData(f.flags|flagAT), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(f.id)))
	data = slices.Concat(data, f.id, f.cose)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	require.NoError(t, err)
	return f.envelope(t, map[string]any{
		"clientDataJSON": encode(f.clientData(t)), "attestationObject": encode(object), "transports": []string{"usb", "nfc"},
	})
}

// get is the answer to an authentication.
func (f *forge) get(t *testing.T) []byte {
	t.Helper()
	data, client := f.authData(f.flags), f.clientData(t)
	hash := sha256.Sum256(client)
	signature := ed25519.Sign(f.private, append(slices.Clone(data), hash[:]...))
	response := map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature)}
	if f.handle != nil {
		response["userHandle"] = encode(f.handle)
	}
	return f.envelope(t, response)
}

func (f *forge) clientData(t *testing.T) []byte {
	t.Helper()
	b, err := json.Marshal(f.client)
	require.NoError(t, err)
	return b
}

func (f *forge) envelope(t *testing.T, response map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"id": encode(f.id), "rawId": encode(f.id), "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{},
	})
	require.NoError(t, err)
	return b
}
