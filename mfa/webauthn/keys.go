package webauthn

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	lib "github.com/go-webauthn/webauthn/webauthn"

	"github.com/sallyport-id/sallyport/mfa"
)

// Keys speaks WebAuthn. It holds nothing: all that a ceremony needs is in its
// arguments, so that the zero value serves every tenant.
type Keys struct{}

var _ mfa.Keys = Keys{}

// timeout is how long the browser waits for the person. It is a hint to the
// browser; the caller ends the session at its own time.
//
// Source: WebAuthn Level 3, section 15.1 (300 to 600 seconds).
const timeout = 5 * time.Minute

// algorithms are those that a new credential may have, the first is the best
// liked. ES256 is what nearly every key can do, RS256 what a TPM may be limited to.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// UserHandle makes the handle of a new user: 32 bytes of random. Keys show it to
// whoever asks them, so it tells nothing about the person.
//
// Source: WebAuthn Level 3, section 14.6.1.
func UserHandle(random io.Reader) ([]byte, error) {
	handle := make([]byte, 32)
	_, err := io.ReadFull(random, handle)
	if err != nil {
		return nil, fmt.Errorf("webauthn: user handle: %w", err)
	}
	return handle, nil
}

// BeginRegistration implements [mfa.Keys]. It fails only for what no browser
// would accept: a relying party id that is not a host name, no origin, a user
// handle that is not 1 to 64 bytes.
func (Keys) BeginRegistration(r mfa.Registration) (options, session []byte, err error) {
	party, err := relyingParty(r.RP, r.UV)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: begin registration: %w", err)
	}
	creation, begun, err := party.BeginRegistration(
		account{handle: r.User.Handle, name: r.User.Name, display: r.User.DisplayName},
		lib.WithCredentialParameters(algorithms),
		lib.WithExclusions(descriptors(r.Exclude)),
		lib.WithConveyancePreference(protocol.PreferNoAttestation),
		lib.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			// Not demanded: keys of the U2F kind have no room for it.
			ResidentKey:      protocol.ResidentKeyRequirementPreferred,
			UserVerification: protocol.UserVerificationRequirement(r.UV),
		}),
		askWhetherDiscoverable,
	)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: begin registration: %w", err)
	}
	s := ceremony{Type: protocol.CreateCeremony, Challenge: begun.Challenge, RPID: r.RP.ID, UV: r.UV, User: r.User.Handle}
	return marshal(creation.Response, s)
}

// BeginAuthentication implements [mfa.Keys]. It fails only for what no browser
// would accept.
func (Keys) BeginAuthentication(a mfa.Authentication) (options, session []byte, err error) {
	party, err := relyingParty(a.RP, a.UV)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: begin authentication: %w", err)
	}
	assertion, begun, err := party.BeginDiscoverableLogin(
		lib.WithUserVerification(protocol.UserVerificationRequirement(a.UV)),
		lib.WithAllowedCredentials(descriptors(a.Allow)),
		lib.WithChallenge(a.Challenge),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: begin authentication: %w", err)
	}
	s := ceremony{Type: protocol.AssertCeremony, Challenge: begun.Challenge, RPID: a.RP.ID, UV: a.UV}
	for _, c := range a.Allow {
		s.Allow = append(s.Allow, c.ID)
	}
	return marshal(assertion.Response, s)
}

// askWhetherDiscoverable has the browser say whether the key knows the account.
//
// Source: WebAuthn Level 3, section 10.1.3 (credProps).
func askWhetherDiscoverable(o *protocol.PublicKeyCredentialCreationOptions) error {
	o.Extensions.CredProps = true
	return nil
}

func marshal(options any, s ceremony) (o, b []byte, err error) {
	o, err = json.Marshal(options)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: options: %w", err)
	}
	b, err = json.Marshal(s)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: session: %w", err)
	}
	return o, b, nil
}

// relyingParty is the library's view of rp, made for one call.
func relyingParty(rp mfa.RelyingParty, uv mfa.UserVerification) (*lib.WebAuthn, error) {
	switch uv {
	case mfa.UVRequired, mfa.UVPreferred, mfa.UVDiscouraged:
	default:
		return nil, fmt.Errorf("user verification %q is unknown", uv)
	}
	name := rp.Name
	if name == "" {
		name = rp.ID // a browser refuses a party without a name
	}
	limit := lib.TimeoutConfig{Timeout: timeout, TimeoutUVD: timeout}
	return lib.New(&lib.Config{
		RPID:          rp.ID,
		RPDisplayName: name,
		RPOrigins:     rp.Origins,
		Timeouts:      lib.TimeoutsConfig{Login: limit, Registration: limit},
		// Password managers answer extensions that nobody asked for. Nothing here
		// believes an extension, so that is no reason to refuse a good key.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

func descriptors(all []mfa.Credential) []protocol.CredentialDescriptor {
	var list []protocol.CredentialDescriptor
	for _, c := range all {
		d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: c.ID}
		for _, t := range c.Transports {
			d.Transport = append(d.Transport, protocol.AuthenticatorTransport(t))
		}
		list = append(list, d)
	}
	return list
}

// account is a user as the library asks for one.
type account struct {
	handle        []byte
	name, display string
	credentials   []lib.Credential
}

func (a account) WebAuthnID() []byte                    { return a.handle }
func (a account) WebAuthnName() string                  { return a.name }
func (a account) WebAuthnDisplayName() string           { return a.display }
func (a account) WebAuthnCredentials() []lib.Credential { return a.credentials }
