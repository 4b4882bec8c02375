package mfa

import "errors"

// Credential is a passkey or security key as the server keeps it: everything but
// the private key, which never leaves the key.
//
// Source: WebAuthn Level 3, section 4 (credential record).
type Credential struct {
	ID             []byte   // chosen by the key; unique in the tenant
	PublicKey      []byte   // COSE_Key
	AAGUID         []byte   // 16 bytes, the model of the key; all zero where it does not tell
	SignCount      uint32   // 0 for keys that do not count
	UserVerified   bool     // at registration: the key can check its user
	Discoverable   bool     // the key knows the account, so that no name has to be typed
	BackupEligible bool     // may be copied to other devices; never changes
	BackedUp       bool     // is copied now
	Transports     []string // usb, nfc, ble, hybrid, internal
	AttestedFormat string   // attestation statement format; "none" mostly
}

// RelyingParty is the tenant as keys know it: its host, and the exact origins of
// its pages.
type RelyingParty struct {
	ID      string   // host name without port
	Name    string   // shown by the browser
	Origins []string // such as https://login.example
}

// KeyUser is the account as keys know it. Handle is random, one for each user, and
// tells nothing about the person.
type KeyUser struct {
	Handle      []byte
	Name        string // the identifier
	DisplayName string
}

// UserVerification says whether a key has to check its user, by fingerprint, face
// or PIN. Source: WebAuthn Level 3, section 5.8.6.
type UserVerification string

// The demands on user verification.
const (
	UVRequired    UserVerification = "required"
	UVPreferred   UserVerification = "preferred"
	UVDiscouraged UserVerification = "discouraged"
)

// Registration asks a browser to make a credential.
type Registration struct {
	RP      RelyingParty
	User    KeyUser
	Exclude []Credential // those the user has; the same key is not registered twice
	UV      UserVerification
}

// Authentication asks a browser to use a credential. Allow is empty for a passkey
// that tells the account by itself.
//
// Challenge is what the key is to sign, at least 16 bytes that nobody could guess; nil
// for random ones.
type Authentication struct {
	RP        RelyingParty
	Allow     []Credential
	UV        UserVerification
	Challenge []byte
}

// Assertion is what a key has proved.
type Assertion struct {
	CredentialID []byte
	UserHandle   []byte // empty where the key did not tell
	UserVerified bool
	BackedUp     bool
	SignCount    uint32
	// Cloned: the counter went back or stood still, so another key has the same
	// private key. The credential must not be used again.
	Cloned bool

	// What was signed, and the signature, as they came.
	ClientDataJSON    []byte
	AuthenticatorData []byte
	Signature         []byte
}

// Keys speaks WebAuthn. options are JSON for the browser
// (PublicKeyCredential.parseCreationOptionsFromJSON and its sister), session is
// what the server keeps of the ceremony, and answer is the browser's
// credential.toJSON().
type Keys interface {
	BeginRegistration(r Registration) (options, session []byte, err error)
	// Register checks the answer to a registration. Errors: [ErrMalformed] for what
	// is no answer, [ErrMismatch] for one that is not right here: of another
	// challenge, origin or relying party, or without the verification asked for.
	Register(r Registration, session, answer []byte) (Credential, error)

	BeginAuthentication(a Authentication) (options, session []byte, err error)
	// CredentialOf reads which credential an answer is about, so that it can be
	// looked up. Nothing is proved by it. Errors: [ErrMalformed].
	CredentialOf(answer []byte) (credentialID, userHandle []byte, err error)
	// Authenticate checks the answer to an authentication against c. Errors as for
	// Register; also [ErrMismatch] where backup eligibility has changed.
	Authenticate(a Authentication, session, answer []byte, c Credential) (Assertion, error)
}

// ErrKeyExists refuses to register a key that the account, or another one of the
// tenant, has already.
var ErrKeyExists = errors.New("mfa: the key is registered already")
