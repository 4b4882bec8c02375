package mfa

import (
	"context"
	"errors"
	"maps"
	"strings"
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
	EventFactorCloned     = "factor.cloned" // a key was turned off; the owner has to be told
	EventRecoveryCodeUsed = "recovery_code.used"
	EventOperationStarted = "operation.started"
	EventOperationRefused = "operation.refused"
	EventOperationDone    = "operation.done"
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
	{ErrReplayed, "replayed"},
	{ErrCloned, "cloned"},
	{ErrMismatch, "mismatch"},
	{ErrExpired, "code_expired"},
	{ErrExhausted, "no_attempts"},
	{ErrSpent, "already_passed"},
	{ErrSuperseded, "superseded"},
	{ErrPolicyChanged, "policy_changed"},
	{ErrTooSoon, "too_soon"},
	{ErrNotOffered, "not_offered"},
	{ErrNoSends, "no_sends"},
	{ErrBudget, "budget"},
	{ErrDelivery, "not_delivered"},
	{ErrContactInUse, "contact_in_use"},
	{ErrForbidden, "forbidden"},
	{ErrStaleLogin, "stale_login"},
	{ErrTooMany, "too_many"},
	{ErrInUse, "in_use"},
	{ErrOrder, "order"},
	{ErrAlready, "already"},
	{ErrChanged, "changed_meanwhile"},
	{ErrNoPIN, "no_pin"},
	{ErrNotFound, "not_found"},
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
	if blocked, ok := errors.AsType[*BlockedError](err); ok {
		return "blocked_by_" + blocked.Flag
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

// tellOperation reports a step of an operation.
func (s *Service) tellOperation(ctx context.Context, kind string, d Doer, o Operation, err error) {
	s.Events.Observe(ctx, Event{
		Kind: kind, Subject: d.Subject, Result: result(err), Owner: o.ID, Action: o.name(), Method: o.Kind, IP: d.IP, At: s.now(),
		Data: map[string]string{"operation": o.ID},
	})
}

// tellEffect reports what an operation has changed.
func (s *Service) tellEffect(ctx context.Context, d Doer, o Operation, e Effect) {
	if e.Change == nil {
		return
	}
	s.tellOperation(ctx, EventOperationDone, d, o, nil)
	for _, n := range e.Change.Happened {
		s.Events.Observe(ctx, Event{
			Kind: eventName(n.Kind), Subject: d.Subject, Result: "ok", Owner: o.ID, Action: o.name(), Method: n.Method,
			IP: d.IP, At: s.now(), Data: map[string]string{"contact": n.Masked},
		})
	}
}

// eventName is the event that a notice tells of: factor.added for factor_added.
func eventName(notice string) string {
	i := strings.LastIndexByte(notice, '_')
	if i < 0 {
		return notice
	}
	return notice[:i] + "." + notice[i+1:]
}

// now is the clock in the precision that every store keeps.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
