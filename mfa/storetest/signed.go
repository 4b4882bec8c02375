package storetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// confirming is a user of E with a key, and the confirmation of a payout by it.
func confirming(t *testing.T, s Stores) (*Life, mfa.Ask) {
	l := withKey(t, s)
	a, err := policy.Preset(systemA)
	require.NoError(t, err)
	payout := a.Actions["payout.request"]
	payout.Stages, payout.Methods, payout.Binding = policy.Stages{{policy.ProofSecondFactor}}, policy.List[policy.Kind]{policy.WebAuthn}, policy.BindingSigned
	l.Policy.Actions["payout.request"] = payout
	set := l.Policy.Methods[policy.WebAuthn]
	set.Uses = append(set.Uses, policy.UseAction)
	l.Policy.Methods[policy.WebAuthn] = set
	ask := l.Payout("i1", "hash-of-the-details")
	ask.Proof, ask.RP, ask.ConfirmationID, ask.UserVerify = policy.ProofSecondFactor, l.Doer().RP, "confirmation-1", mfa.UVRequired
	return l, ask
}

// keySignsTransaction checks the evidence as somebody would who has nothing else.
func keySignsTransaction(t *testing.T, s Stores) {
	l, ask := confirming(t, s)
	c, err := l.Begin(t.Context(), ask, policy.WebAuthn)
	require.NoError(t, err)
	other := ask
	other.DetailsHash = "hash-of-other-details"
	signature := l.Sign(c.Ceremony.Options, 0)
	require.ErrorIs(t, l.Enter(other, c, signature), mfa.ErrNotFound, "a signature for one transaction is none for another")

	v, err := l.Verify(t.Context(), mfa.Attempt{Ask: ask, ChallengeID: c.ID, Input: signature})

	require.NoError(t, err)
	got := signedBy(t, v.Proof.Evidence)
	require.Equal(t, ask.ConfirmationID, got.ConfirmationID)
	require.Equal(t, ask.DetailsHash, got.DetailsHash)
	stored, err := l.Store.Challenge(t.Context(), l.Who, c.ID)
	require.NoError(t, err)
	p, err := l.Passed(t.Context(), ask, stored)
	require.NoError(t, err)
	require.Equal(t, v.Proof.Evidence, p.Evidence, "a crash does not lose it")
	require.Equal(t, v.Proof.UserVerified, p.UserVerified)
}

// signedBy reads evidence and verifies its signature.
func signedBy(t *testing.T, evidence string) mfa.Signed {
	t.Helper()
	var got mfa.Signed
	require.NoError(t, json.Unmarshal([]byte(evidence), &got))
	require.Len(t, got.Nonce, 32)
	var client struct{ Type, Challenge, Origin string }
	require.NoError(t, json.Unmarshal(got.ClientDataJSON, &client))
	require.Equal(t, "webauthn.get", client.Type)
	want := sha256.Sum256(append([]byte("txn/1"+got.ConfirmationID+got.DetailsHash), got.Nonce...))
	require.Equal(t, base64.RawURLEncoding.EncodeToString(want[:]), client.Challenge)

	var key map[int]any
	require.NoError(t, cbor.Unmarshal(got.PublicKey, &key))
	x, _ := key[-2].([]byte)
	y, _ := key[-3].([]byte)
	public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
	hash := sha256.Sum256(got.ClientDataJSON)
	signed := sha256.Sum256(append(append([]byte{}, got.AuthenticatorData...), hash[:]...))
	require.True(t, ecdsa.VerifyASN1(public, signed[:], got.Signature), "the signature does not verify")
	return got
}
