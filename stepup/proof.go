package stepup

import (
	"fmt"
	"time"
)

// Proof is what the server vouches for after a login or a confirmation.
//
// A proof of an action is for one use: the app removes it from its session
// together with carrying out the action.
//
// Printing and encoding/json show no secret, and so do not keep the value; use
// [Proof.Encode] and [DecodeProof].
type Proof struct {
	Subject  string    // who, unique within the issuer
	ACR      string    // the level or the action that was reached
	AMR      []string  // how, in the words of RFC 8176
	AuthTime time.Time // of the latest active proof that counts for ACR

	IDToken Secret         // raw; for StartOptions.IDTokenHint and for logout
	Claims  map[string]any // all claims of the ID token, as encoding/json reads them

	AccessToken  Secret
	RefreshToken Secret    // "" if the server gave none
	ExpiresAt    time.Time // when AccessToken expires; zero if the server did not say
	Scope        string    // what was granted, separated by spaces
}

// Action returns the name of the action that p confirms, such as
// "payout.request", or "" if p is a login.
func (p Proof) Action() string { return actionOf(p.ACR) }

// keptProof is how a proof is written; see kept.
type keptProof struct {
	Version      int            `json:"v"`
	Subject      string         `json:"sub"`
	ACR          string         `json:"acr"`
	AMR          []string       `json:"amr"`
	AuthTime     time.Time      `json:"auth_time"`
	IDToken      string         `json:"id_token"`
	Claims       map[string]any `json:"claims"`
	AccessToken  string         `json:"access_token"`
	RefreshToken string         `json:"refresh_token"`
	ExpiresAt    time.Time      `json:"expires_at"`
	Scope        string         `json:"scope"`
}

// Encode returns p with its tokens, as base64url of a JSON object, for the app's
// session: on the app's side, or in an encrypted and authenticated cookie. It is
// to be protected like a password; who can change it can claim any proof.
func (p Proof) Encode() string {
	return encode(keptProof{
		Version:      keptVersion,
		Subject:      p.Subject,
		ACR:          p.ACR,
		AMR:          p.AMR,
		AuthTime:     p.AuthTime,
		IDToken:      string(p.IDToken),
		Claims:       p.Claims,
		AccessToken:  string(p.AccessToken),
		RefreshToken: string(p.RefreshToken),
		ExpiresAt:    p.ExpiresAt,
		Scope:        p.Scope,
	})
}

// DecodeProof reads what [Proof.Encode] wrote. It believes what it reads: the
// proof was checked before it was kept.
func DecodeProof(text string) (Proof, error) {
	var k keptProof
	err := decode(text, &k)
	if err != nil {
		return Proof{}, fmt.Errorf("stepup: proof: %w", err)
	}
	if k.Version != keptVersion || k.Subject == "" {
		return Proof{}, fmt.Errorf("stepup: proof: version %d is not known or the subject is missing", k.Version)
	}
	return Proof{
		Subject:      k.Subject,
		ACR:          k.ACR,
		AMR:          k.AMR,
		AuthTime:     k.AuthTime,
		IDToken:      Secret(k.IDToken),
		Claims:       k.Claims,
		AccessToken:  Secret(k.AccessToken),
		RefreshToken: Secret(k.RefreshToken),
		ExpiresAt:    k.ExpiresAt,
		Scope:        k.Scope,
	}, nil
}
