package mfa

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/sallyport-id/sallyport/ratelimit"
)

// Kinds of [Event].
const (
	EventSent             = "challenge.sent"
	EventSendFailed       = "challenge.failed"
	EventTried            = "challenge.tried"   // a comparison; Result is ok or mismatch
	EventRefused          = "challenge.refused" // no comparison; Result says why
	EventLocked           = "challenge.locked"
	EventUsed             = "challenge.used"
	EventCancelled        = "challenge.cancelled"
	EventDowngrade        = "downgrade_attempt"  // a method was asked for that is not offered, or too soon
	EventLimited          = "limit.hit"          // Result names the limit
	EventFactorLocked     = "factor.locked"      // for good; the owner has to be told
	EventSecondStepFailed = "second_step_failed" // repeatedly, by somebody who knows the password
	EventContactConfirmed = "contact.confirmed"
	EventFactorAdded      = "factor.added"
	EventDeviceTrusted    = "device.trusted"
	EventDeviceTheft      = "device.theft" // an old cookie came back; the owner has to be told
)

// suspicious is how many failures in a row, with the right password, are worth
// telling the owner. Source: OWASP ASVS 5.0, 6.3.5.
const suspicious = 3

// results are the words for errors in [Event.Result].
var results = []struct {
	err  error
	word string
}{
	{ErrMismatch, "mismatch"},
	{ErrExpired, "code_expired"},
	{ErrExhausted, "no_attempts"},
	{ErrSpent, "already_passed"},
	{ErrSuperseded, "superseded"},
	{ErrPolicyChanged, "policy_changed"},
	{ErrTooSoon, "too_soon"},
	{ErrNotOffered, "not_offered"},
	{ErrNoSends, "no_sends"},
	{ErrDelivery, "not_delivered"},
	{ErrContactInUse, "contact_in_use"},
}

func result(err error) string {
	if err == nil {
		return "ok"
	}
	if _, locked := errors.AsType[*LockedError](err); locked {
		return "locked"
	}
	if wait, limited := errors.AsType[*ratelimit.WaitError](err); limited {
		return wait.What
	}
	for _, r := range results {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return "failed"
}

// tell reports one event about challenge c. data is pairs of name and value.
func (s *Service) tell(ctx context.Context, kind string, ask Ask, c Challenge, err error, data ...string) {
	e := Event{
		Kind: kind, Subject: ask.Subject, Result: result(err), Owner: ask.OwnerID, Action: ask.Action,
		Method: c.Method, IP: ask.IP, At: s.now(), Data: map[string]string{},
	}
	if c.ID != "" {
		maps.Copy(e.Data, map[string]string{"challenge": c.ID, "chain": c.ChainID, "contact": c.Masked})
	}
	for i := 0; i+1 < len(data); i += 2 {
		e.Data[data[i]] = data[i+1]
	}
	s.Events.Observe(ctx, e)
}

// now is the clock in the precision that every store keeps.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
