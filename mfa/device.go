package mfa

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// deviceGrace is how long the verifier before the last rotation is still good:
// another tab may have sent it before it saw the new one.
const deviceGrace = 60 * time.Second

// DeviceCookie is what a trusted browser keeps. The zero value is none.
type DeviceCookie struct {
	Name   string // without the prefix that the web layer puts before it
	Value  Secret
	MaxAge time.Duration
}

// TrustRequest asks to trust the browser of a login. It takes a Proof, so a login
// that a device has let through cannot mint another device.
type TrustRequest struct {
	Proof  Proof
	Policy *policy.Policy
	Epochs Epochs
	Label  string // such as Chrome on Linux
}

// DeviceCookieName names the cookie of who, without prefix: several users of one
// browser each have their own, and the name does not tell who they are.
func (s *Service) DeviceCookieName(who Subject) string {
	sum := sha256.Sum256([]byte(s.Peppers.LimitKey(who.TenantID, "device/1\x00"+who.UserID)))
	return "td-" + base32.StdEncoding.EncodeToString(sum[:])[:10]
}

// Trust makes a trusted device out of the browser in which the second step of r
// was just passed, and returns its cookie. Where the policy trusts no devices, or
// only until the sign-in ends, it stores nothing and returns the zero cookie.
//
// Errors: [ErrNotOffered] for a proof that no trust may come from: one that is
// not for a login, or a recovery code.
func (s *Service) Trust(ctx context.Context, r TrustRequest) (DeviceCookie, error) {
	lifetime := r.Policy.TrustLifetime()
	if lifetime <= 0 {
		return DeviceCookie{}, nil
	}
	p := r.Proof
	if p.ChallengeID == "" || p.Purpose != PurposeLogin || p.Action != policy.ActionLogin || p.Method == policy.RecoveryCodes {
		return DeviceCookie{}, ErrNotOffered
	}
	id, err := s.newID()
	if err != nil {
		return DeviceCookie{}, err
	}
	selector, verifier, err := s.newToken()
	if err != nil {
		return DeviceCookie{}, err
	}
	now := s.now()
	mintedBy := p.FactorID
	if mintedBy == "" {
		mintedBy = p.ContactID
	}
	err = s.Devices.CreateDevice(ctx, Device{
		ID: id, Subject: p.Subject, Selector: selector, VerifierHash: hash(verifier), Epochs: r.Epochs,
		MintedBy: mintedBy, Label: r.Label, CreatedAt: now, ExpiresAt: now.Add(lifetime), LastUsedAt: now,
	}, max(1, r.Policy.TrustedDevice.MaxPerUser))
	if err != nil {
		return DeviceCookie{}, fmt.Errorf("mfa: trust device: %w", err)
	}
	s.tellDevice(ctx, EventDeviceTrusted, p.Subject, id)
	return DeviceCookie{Name: s.DeviceCookieName(p.Subject), Value: cookieValue(selector, verifier), MaxAge: lifetime}, nil
}

// Recognise tells whether value is the cookie of a device that who trusts, and
// spares the second step of a login. Call it only after the first factor of who
// was proved. next is the value to put into the cookie from now on, or "" to
// leave the cookie as it is; its life does not change.
//
// Errors: [ErrNotFound] if the second step has to be asked for. An old value that
// comes back after its time is a copy: the device is deleted, and observed as
// stolen.
func (s *Service) Recognise(ctx context.Context, who Subject, epochs Epochs, p *policy.Policy, value Secret) (w LoginWaiver, next Secret, err error) {
	selector, verifier, ok := parseCookie(value)
	if !ok || p.TrustLifetime() <= 0 {
		return LoginWaiver{}, "", ErrNotFound
	}
	d, err := s.Devices.DeviceBySelector(ctx, who, selector)
	if err != nil {
		return LoginWaiver{}, "", fmt.Errorf("mfa: recognise device: %w", err)
	}
	now := s.now()
	if !d.usable(epochs, p.TrustLifetime(), now) {
		return LoginWaiver{}, "", ErrNotFound
	}
	next, err = s.rotate(ctx, d, hash(verifier), now)
	if err != nil {
		return LoginWaiver{}, "", err
	}
	return LoginWaiver{DeviceID: d.ID, Subject: who, At: now}, next, nil
}

// usable reports whether d spares a second step at now, if its verifier is right.
// A policy that became shorter holds for devices that are older.
func (d Device) usable(present Epochs, lifetime time.Duration, now time.Time) bool {
	ends := d.CreatedAt.Add(lifetime)
	if d.ExpiresAt.Before(ends) {
		ends = d.ExpiresAt
	}
	return d.Epochs == present && now.Before(ends) && !now.Before(d.CreatedAt)
}

// rotate gives d a new verifier if presented is its present one, and leaves it
// alone within the grace of the one before.
func (s *Service) rotate(ctx context.Context, d Device, presented []byte, now time.Time) (Secret, error) {
	if subtle.ConstantTimeCompare(presented, d.VerifierHash) != 1 {
		return "", s.tolerate(ctx, d, presented, now)
	}
	_, verifier, err := s.newToken()
	if err != nil {
		return "", err
	}
	ok, err := s.Devices.RotateDevice(ctx, d.Subject, d.ID, d.VerifierHash, hash(verifier), now)
	if err != nil {
		return "", fmt.Errorf("mfa: rotate device: %w", err)
	}
	if ok {
		return cookieValue(d.Selector, verifier), nil
	}
	// Another tab was faster; what was presented is now the one before.
	d, err = s.Devices.DeviceBySelector(ctx, d.Subject, d.Selector)
	if err != nil {
		return "", fmt.Errorf("mfa: recognise device: %w", err)
	}
	return "", s.tolerate(ctx, d, presented, now)
}

// tolerate accepts the verifier before the last rotation for a short while. Any
// other one for a selector that exists is a copy of an old cookie.
func (s *Service) tolerate(ctx context.Context, d Device, presented []byte, now time.Time) error {
	isPrev := len(d.PrevHash) > 0 && subtle.ConstantTimeCompare(presented, d.PrevHash) == 1
	if isPrev && now.Before(d.RotatedAt.Add(deviceGrace)) {
		return nil
	}
	err := s.Devices.DeleteDevice(ctx, d.Subject, d.ID)
	s.tellDevice(ctx, EventDeviceTheft, d.Subject, d.ID)
	return errors.Join(ErrNotFound, err)
}

// Forget ends the trust in the device whose cookie is value; an unknown one is no
// error.
func (s *Service) Forget(ctx context.Context, who Subject, value Secret) error {
	selector, verifier, ok := parseCookie(value)
	if !ok {
		return nil
	}
	d, err := s.Devices.DeviceBySelector(ctx, who, selector)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mfa: forget device: %w", err)
	}
	presented := hash(verifier)
	if !bytes.Equal(presented, d.VerifierHash) && !bytes.Equal(presented, d.PrevHash) {
		return nil
	}
	err = s.Devices.DeleteDevice(ctx, who, d.ID)
	if err != nil {
		return fmt.Errorf("mfa: forget device: %w", err)
	}
	return nil
}

func (s *Service) tellDevice(ctx context.Context, kind string, who Subject, id string) {
	s.Events.Observe(ctx, Event{
		Kind: kind, Subject: who, Result: "ok", At: s.now(), Data: map[string]string{"device": id},
	})
}

const (
	selectorSize = 16
	verifierSize = 32
)

func (s *Service) newToken() (selector, verifier []byte, err error) {
	b := make([]byte, selectorSize+verifierSize)
	_, err = io.ReadFull(s.random(), b)
	if err != nil {
		return nil, nil, fmt.Errorf("mfa: random token: %w", err)
	}
	return b[:selectorSize:selectorSize], b[selectorSize:], nil
}

// hash is a plain one: the verifier has 256 random bits, so nobody finds it by
// trying.
func hash(verifier []byte) []byte {
	sum := sha256.Sum256(verifier)
	return sum[:]
}

// strict refuses the spare bits at the end of a text, so that one token has one
// spelling.
var strict = base64.RawURLEncoding.Strict()

func cookieValue(selector, verifier []byte) Secret {
	return Secret("v1." + strict.EncodeToString(selector) + "." + strict.EncodeToString(verifier))
}

func parseCookie(value Secret) (selector, verifier []byte, ok bool) {
	parts := strings.Split(value.Reveal(), ".")
	if len(parts) != 3 || parts[0] != "v1" {
		return nil, nil, false
	}
	selector, err := strict.DecodeString(parts[1])
	if err != nil || len(selector) != selectorSize {
		return nil, nil, false
	}
	verifier, err = strict.DecodeString(parts[2])
	return selector, verifier, err == nil && len(verifier) == verifierSize
}
