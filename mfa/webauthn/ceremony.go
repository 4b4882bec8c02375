package webauthn

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/sallyport-id/sallyport/mfa"
)

// ceremony is what the server keeps between the options and the answer. Its JSON
// is the session of [mfa.Keys].
type ceremony struct {
	Type      protocol.CeremonyType `json:"type"`      // the challenge of one is no challenge of the other
	Challenge string                `json:"challenge"` // base64url of 32 random bytes
	RPID      string                `json:"rp_id"`
	UV        mfa.UserVerification  `json:"uv"`
	User      []byte                `json:"user,omitempty"`  // the handle, in a registration
	Allow     [][]byte              `json:"allow,omitempty"` // credential ids; none for a passkey
}

// open reads a session. A session that cannot be read is the server's own fault,
// never that of an answer.
func open(session []byte, kind protocol.CeremonyType) (ceremony, error) {
	var c ceremony
	err := json.Unmarshal(session, &c)
	if err != nil {
		return ceremony{}, fmt.Errorf("session: %w", err)
	}
	challenge, err := base64.RawURLEncoding.DecodeString(c.Challenge)
	if err != nil || len(challenge) < protocol.MinimumChallengeLength {
		return ceremony{}, errors.New("session: no challenge")
	}
	if c.Type != kind {
		return ceremony{}, mismatch("the session is of another ceremony")
	}
	return c, nil
}

// allows reports whether the credential with id may answer. A ceremony that names
// none is open to all.
func (c ceremony) allows(id []byte) bool {
	return len(c.Allow) == 0 || slices.ContainsFunc(c.Allow, func(a []byte) bool { return bytes.Equal(a, id) })
}

// judge checks what a key has signed against what was asked for, and says what
// the first difference is. uv is the demand of now; the one made when the ceremony
// began holds as well, so that neither can be talked down.
//
// Source: WebAuthn Level 3, section 7.1 steps 7 to 16 and section 7.2 steps 10 to 19.
func (c ceremony) judge(rp mfa.RelyingParty, uv mfa.UserVerification, client protocol.CollectedClientData, key protocol.AuthenticatorData) error {
	hash := sha256.Sum256([]byte(rp.ID))
	verified := c.UV != mfa.UVRequired && uv != mfa.UVRequired || key.Flags.HasUserVerified()
	checks := []struct {
		ok   bool
		what string
	}{
		{c.RPID == rp.ID, "the ceremony is of another relying party"},
		{client.Type == c.Type, "the answer is of another kind"},
		{subtle.ConstantTimeCompare([]byte(client.Challenge), []byte(c.Challenge)) == 1, "the challenge is another one"},
		{slices.Contains(rp.Origins, client.Origin), "the origin is another one"},
		{!client.CrossOrigin && client.TopOrigin == "", "the page was inside another one"},
		{bytes.Equal(key.RPIDHash, hash[:]), "the key answered for another relying party"},
		{key.Flags.HasUserPresent(), "nobody was at the key"},
		{verified, "the key did not verify its user"},
		{key.Flags.HasBackupEligible() || !key.Flags.HasBackupState(), "a key that cannot be backed up says that it is"},
	}
	for _, check := range checks {
		if !check.ok {
			return mismatch(check.what)
		}
	}
	return nil
}

func mismatch(what string) error { return fmt.Errorf("%s: %w", what, mfa.ErrMismatch) }

func malformed(what string) error { return fmt.Errorf("%s: %w", what, mfa.ErrMalformed) }
