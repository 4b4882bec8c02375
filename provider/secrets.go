package provider

import "github.com/sallyport-id/sallyport/internal/seal"

// RingSecrets takes [Secrets] from the key ring.
//
// A new current key of purpose token ends every refresh token and changes every
// sid, so that ring is rotated only when its key has leaked.
type RingSecrets struct{ Ring *seal.Ring }

var _ Secrets = RingSecrets{}

// TokenKey implements [Secrets].
func (s RingSecrets) TokenKey(tenantID string) []byte {
	return s.Ring.Derive(seal.Token, tenantID, "tokens")
}

// ClientSecretMAC implements [Secrets]. A pepper that is missing gives bytes
// that equal nothing; the server does not start without it.
func (s RingSecrets) ClientSecretMAC(pepperID, tenantID, clientID, secret string) ([]byte, error) {
	return s.Ring.MAC(seal.PepperClient, pepperID, tenantID, []byte(clientID), []byte(secret)), nil
}

// CurrentClientPepper implements [Secrets].
func (s RingSecrets) CurrentClientPepper() string { return s.Ring.Current(seal.PepperClient) }
