package webauthn

import (
	"errors"

	"github.com/go-webauthn/webauthn/protocol"
)

// maxAnswer is the most that an answer may have, in bytes. One with an attestation
// chain of several certificates has about 10 KiB.
const maxAnswer = 64 << 10

// parseRegistration reads the answer of navigator.credentials.create. Every error
// is an [mfa.ErrMalformed] but for a key that is too weak.
func parseRegistration(answer []byte) (*protocol.ParsedCredentialCreationData, error) {
	if len(answer) > maxAnswer {
		return nil, malformed("the answer is too large")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, malformed(kind(err))
	}
	key := parsed.Response.AttestationObject.AuthData.AttData
	if len(key.CredentialID) == 0 {
		return nil, malformed("the credential has no id")
	}
	err = soundKey(key.CredentialPublicKey)
	if err != nil {
		return nil, err
	}
	return parsed, nil
}

// parseAuthentication reads the answer of navigator.credentials.get. Every error
// is an [mfa.ErrMalformed].
func parseAuthentication(answer []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(answer) > maxAnswer {
		return nil, malformed("the answer is too large")
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, malformed(kind(err))
	}
	if len(parsed.Response.UserHandle) > protocol.MaximumUserHandleLength {
		return nil, malformed("the user handle is too long")
	}
	return parsed, nil
}

// kind is the sort of error that the library had, such as "invalid_signature". The
// rest of it repeats what the browser sent, and what was expected instead.
func kind(err error) string {
	known, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		return "cannot be read"
	}
	return known.Type
}
