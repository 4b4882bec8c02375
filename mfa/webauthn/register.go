package webauthn

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	lib "github.com/go-webauthn/webauthn/webauthn"

	"github.com/sallyport-id/sallyport/mfa"
)

// Register implements [mfa.Keys]. Errors: [mfa.ErrMalformed], [mfa.ErrMismatch];
// [mfa.ErrKeyExists] where the browser answers with a credential of r.Exclude; any
// other one is about the session or the relying party, not about the answer.
//
// That the credential id is new in the tenant is for the store to say.
//
// Source: WebAuthn Level 3, section 7.1.
func (Keys) Register(r mfa.Registration, session, answer []byte) (mfa.Credential, error) {
	c, err := register(r, session, answer)
	if err != nil {
		return mfa.Credential{}, fmt.Errorf("webauthn: register: %w", err)
	}
	return c, nil
}

func register(r mfa.Registration, session, answer []byte) (mfa.Credential, error) {
	begun, err := open(session, protocol.CreateCeremony)
	if err != nil {
		return mfa.Credential{}, err
	}
	party, err := relyingParty(r.RP, r.UV)
	if err != nil {
		return mfa.Credential{}, err
	}
	parsed, err := parseRegistration(answer)
	if err != nil {
		return mfa.Credential{}, err
	}
	if !bytes.Equal(begun.User, r.User.Handle) {
		return mfa.Credential{}, mismatch("the ceremony is of another user")
	}
	err = begun.judge(r.RP, r.UV, parsed.Response.CollectedClientData, parsed.Response.AttestationObject.AuthData)
	if err != nil {
		return mfa.Credential{}, err
	}
	made, err := party.CreateCredential(account{handle: begun.User}, lib.SessionData{
		Challenge: begun.Challenge, RelyingPartyID: begun.RPID, UserID: begun.User,
		UserVerification: protocol.UserVerificationRequirement(begun.UV), CredParams: algorithms,
	}, parsed)
	if err != nil {
		return mfa.Credential{}, mismatch("attestation: " + kind(err))
	}
	if slices.ContainsFunc(r.Exclude, func(c mfa.Credential) bool { return bytes.Equal(c.ID, made.ID) }) {
		return mfa.Credential{}, mfa.ErrKeyExists
	}
	return record(made, parsed), nil
}

func record(made *lib.Credential, parsed *protocol.ParsedCredentialCreationData) mfa.Credential {
	props := parsed.ClientExtensionResults.CredProps
	return mfa.Credential{
		ID:             made.ID,
		PublicKey:      made.PublicKey,
		AAGUID:         made.Authenticator.AAGUID,
		SignCount:      made.Authenticator.SignCount,
		UserVerified:   made.Flags.UserVerified,
		Discoverable:   props != nil && props.RK != nil && *props.RK,
		BackupEligible: made.Flags.BackupEligible,
		BackedUp:       made.Flags.BackupState,
		Transports:     transports(made.Transport),
		AttestedFormat: made.AttestationFormat,
	}
}

// known are the transports that are kept. A browser may say anything here, and it
// is stored and sent back to it.
//
// Source: WebAuthn Level 3, section 5.8.4.
var known = []protocol.AuthenticatorTransport{
	protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal,
}

func transports(said []protocol.AuthenticatorTransport) []string {
	var kept []string
	for _, t := range known {
		if slices.Contains(said, t) {
			kept = append(kept, string(t))
		}
	}
	return kept
}

// The bounds of a public key. The largest that is of use is an RSA key of 8192
// bits; larger ones would only make every later check slow. Fewer than 2048 bits
// are less than 112 bits of strength (NIST SP 800-131A).
const (
	maxPublicKey  = 1200 // bytes of the COSE_Key
	minRSAModulus = 256  // bytes
)

// soundKey refuses a public key that no signature could be checked with. Without
// an attestation nobody else looks at it before the first authentication.
func soundKey(cose []byte) error {
	if len(cose) > maxPublicKey {
		return malformed("the public key is too large")
	}
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return malformed("the public key cannot be read")
	}
	rsa, ok := key.(webauthncose.RSAPublicKeyData)
	if ok && len(bytes.TrimLeft(rsa.Modulus, "\x00")) < minRSAModulus {
		return mismatch("the public key is too weak")
	}
	return nil
}
