// Package webauthn implements [mfa.Keys]: passkeys and security keys in browsers.
//
// The life of a ceremony:
//
//	BeginRegistration, BeginAuthentication   options for the browser, a session for the server
//	CredentialOf                             which credential an answer is about, unproved
//	Register, Authenticate                   check the answer against the session
//
// What the caller keeps: the session, on the server; that it is used once and for
// five minutes at most; that it belongs to this browser and purpose; and that
// [mfa.Assertion.UserHandle], where there is one, is the handle of the user whose
// credential it was. The package remembers nothing and has no clock.
//
// The checks follow WebAuthn Level 3, sections 7.1 and 7.2. The library
// github.com/go-webauthn/webauthn parses, and verifies signatures and attestation
// statements; what decides is also checked here, so that the origin is compared
// exactly and a refusal says what was wrong.
//
// The page's side of a ceremony is templates/static/webauthn.js.
package webauthn
