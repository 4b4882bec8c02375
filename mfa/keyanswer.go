package mfa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// keyAnswer is what a key has signed.
type keyAnswer struct {
	keys     Keys
	ask      Ask
	factorID string // "" for a registration
	handle   []byte // of the user, for a registration
	answer   []byte
	allow    []Credential
}

// readKey finds the user's key that an answer is about; a registration has none.
func (s *Service) readKey(ctx context.Context, a Attempt, e Enrolments) (answer, error) {
	if s.Keys == nil {
		return nil, ErrNotOffered
	}
	given := &keyAnswer{keys: s.Keys, ask: a.Ask, answer: []byte(a.Input.Reveal()), allow: e.credentials()}
	if a.Proof == policy.ProofCodeNew {
		var err error
		given.handle, err = s.handle(ctx, a.Subject)
		return given, err
	}
	id, handle, err := s.Keys.CredentialOf(given.answer)
	if err != nil {
		return nil, ErrMalformed
	}
	i := slices.IndexFunc(e.Factors, func(f Factor) bool {
		return f.Kind == policy.WebAuthn && f.Status == FactorActive && f.Credential != nil && string(f.Credential.ID) == string(id)
	})
	if i < 0 {
		return nil, ErrUnknownKey
	}
	given.factorID = e.Factors[i].ID
	return given, s.ownHandle(ctx, a.Subject, handle)
}

// ownHandle refuses a key that says it is somebody else's. One that does not say
// whose it is may be anybody's.
//
// Source: WebAuthn Level 3, section 7.2 step 6.
func (s *Service) ownHandle(ctx context.Context, who Subject, handle []byte) error {
	if len(handle) == 0 {
		return nil
	}
	owner, err := s.Store.HandleOwner(ctx, who.TenantID, handle)
	if errors.Is(err, ErrNotFound) || err == nil && owner != who {
		return ErrUnknownKey
	}
	if err != nil {
		return fmt.Errorf("mfa: handle: %w", err)
	}
	return nil
}

// credentials are those of the user's active keys.
func (e Enrolments) credentials() []Credential {
	var all []Credential
	for _, f := range e.active(policy.WebAuthn) {
		if f.Credential != nil {
			all = append(all, *f.Credential)
		}
	}
	return all
}

func (a *keyAnswer) which(c Challenge) Which {
	return Which{ChallengeID: c.ID, FactorID: a.factorID}
}

func (a *keyAnswer) right(k *Case, found *finding, now time.Time) bool {
	if k.Challenge.Ceremony == nil {
		return false
	}
	session := []byte(k.Challenge.Ceremony.Session)
	if a.ask.Proof == policy.ProofCodeNew {
		return a.register(k, found, session)
	}
	f := k.Factor
	if f == nil || f.Status != FactorActive || f.Credential == nil {
		return false
	}
	got, err := a.keys.Authenticate(Authentication{RP: a.ask.RP, Allow: a.allow, UV: a.ask.userVerify()}, session, a.answer, *f.Credential)
	if err != nil {
		return false
	}
	if got.Cloned {
		// Two keys have one private key. Neither can be told from the other.
		f.Status, f.DisabledAt, found.why = FactorDisabled, now, ErrCloned
		return false
	}
	k.Challenge.Answer, err = a.evidence(k, got)
	if err != nil {
		return false
	}
	c := *f.Credential
	c.SignCount, c.BackedUp = got.SignCount, got.BackedUp
	f.Credential = &c
	found.userVerified, found.backupEligible = got.UserVerified, c.BackupEligible
	return true
}

// register checks a new key, and leaves it for the effect of the operation.
func (a *keyAnswer) register(k *Case, found *finding, session []byte) bool {
	c, err := a.keys.Register(Registration{
		RP: a.ask.RP, User: KeyUser{Handle: a.handle}, Exclude: a.allow, UV: a.ask.userVerify(),
	}, session, a.answer)
	if errors.Is(err, ErrKeyExists) {
		found.why = ErrKeyExists
	}
	if err != nil {
		return false
	}
	found.userVerified, found.backupEligible = c.UserVerified, c.BackupEligible
	text, err := json.Marshal(c)
	if err != nil {
		return false
	}
	k.Challenge.Answer = string(text)
	return true
}

// userVerify is the demand on keys: none, unless the caller has one, so that keys
// which only tell that somebody touched them work as a second step.
func (a Ask) userVerify() UserVerification {
	if a.UserVerify == "" {
		return UVPreferred
	}
	return a.UserVerify
}

// credentialOf reads what a registration left; nil if there is none.
func credentialOf(answer string) *Credential {
	var c Credential
	err := json.Unmarshal([]byte(answer), &c)
	if err != nil || len(c.ID) == 0 {
		return nil
	}
	return &c
}
