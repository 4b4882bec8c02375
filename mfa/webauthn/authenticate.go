package webauthn

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	lib "github.com/go-webauthn/webauthn/webauthn"

	"github.com/sallyport-id/sallyport/mfa"
)

// CredentialOf implements [mfa.Keys].
func (Keys) CredentialOf(answer []byte) (credentialID, userHandle []byte, err error) {
	parsed, err := parseAuthentication(answer)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: credential of an answer: %w", err)
	}
	return parsed.RawID, parsed.Response.UserHandle, nil
}

// Authenticate implements [mfa.Keys]. Errors: [mfa.ErrMalformed],
// [mfa.ErrMismatch]; any other one is about the session or the relying party, not
// about the answer.
//
// A counter that went back is no error: the signature is good, and it is for the
// caller to disable the credential ([mfa.Assertion.Cloned]).
//
// Source: WebAuthn Level 3, section 7.2.
func (Keys) Authenticate(a mfa.Authentication, session, answer []byte, c mfa.Credential) (mfa.Assertion, error) {
	proved, err := authenticate(a, session, answer, c)
	if err != nil {
		return mfa.Assertion{}, fmt.Errorf("webauthn: authenticate: %w", err)
	}
	return proved, nil
}

func authenticate(a mfa.Authentication, session, answer []byte, c mfa.Credential) (mfa.Assertion, error) {
	begun, err := open(session, protocol.AssertCeremony)
	if err != nil {
		return mfa.Assertion{}, err
	}
	party, err := relyingParty(a.RP, a.UV)
	if err != nil {
		return mfa.Assertion{}, err
	}
	parsed, err := parseAuthentication(answer)
	if err != nil {
		return mfa.Assertion{}, err
	}
	err = begun.admits(a, c, parsed)
	if err != nil {
		return mfa.Assertion{}, err
	}
	key := parsed.Response.AuthenticatorData
	err = begun.judge(a.RP, a.UV, parsed.Response.CollectedClientData, key)
	if err != nil {
		return mfa.Assertion{}, err
	}
	if key.Flags.HasBackupEligible() != c.BackupEligible {
		return mfa.Assertion{}, mismatch("backup eligibility has changed")
	}
	seen, err := party.ValidateLogin(holder(c, parsed), begun.login(c, parsed), parsed)
	if err != nil {
		return mfa.Assertion{}, mismatch("assertion: " + kind(err))
	}
	return mfa.Assertion{
		CredentialID: c.ID,
		UserHandle:   parsed.Response.UserHandle,
		UserVerified: key.Flags.HasUserVerified(),
		BackedUp:     key.Flags.HasBackupState(),
		SignCount:    key.Counter,
		Cloned:       seen.Authenticator.CloneWarning,

		ClientDataJSON:    parsed.Raw.AssertionResponse.ClientDataJSON,
		AuthenticatorData: parsed.Raw.AssertionResponse.AuthenticatorData,
		Signature:         parsed.Raw.AssertionResponse.Signature,
	}, nil
}

// admits checks who may answer: c, one of those that the ceremony allows, and
// where it allows all, a passkey that tells its user.
//
// Source: WebAuthn Level 3, section 7.2 steps 5 and 6.
func (c ceremony) admits(a mfa.Authentication, stored mfa.Credential, parsed *protocol.ParsedCredentialAssertionData) error {
	listed := slices.ContainsFunc(a.Allow, func(one mfa.Credential) bool { return bytes.Equal(one.ID, stored.ID) })
	switch {
	case !bytes.Equal(parsed.RawID, stored.ID):
		return mismatch("the answer is about another credential")
	case !c.allows(stored.ID), len(a.Allow) > 0 && !listed:
		return mismatch("the credential is not among those allowed")
	case len(c.Allow) == 0 && len(parsed.Response.UserHandle) == 0:
		return mismatch("the passkey does not tell its user")
	}
	return nil
}

// holder is the owner of c to the library. Whose credential c is, only the caller
// knows; so the handle is taken as it is told, and is handed back to the caller.
func holder(c mfa.Credential, parsed *protocol.ParsedCredentialAssertionData) account {
	return account{handle: parsed.Response.UserHandle, credentials: []lib.Credential{{
		ID:                c.ID,
		PublicKey:         c.PublicKey,
		AttestationFormat: c.AttestedFormat,
		Flags:             lib.CredentialFlags{UserVerified: c.UserVerified, BackupEligible: c.BackupEligible, BackupState: c.BackedUp},
		Authenticator:     lib.Authenticator{AAGUID: c.AAGUID, SignCount: c.SignCount},
	}}}
}

func (c ceremony) login(stored mfa.Credential, parsed *protocol.ParsedCredentialAssertionData) lib.SessionData {
	return lib.SessionData{
		Challenge: c.Challenge, RelyingPartyID: c.RPID, UserID: parsed.Response.UserHandle,
		AllowedCredentialIDs: [][]byte{stored.ID},
		UserVerification:     protocol.UserVerificationRequirement(c.UV),
	}
}
