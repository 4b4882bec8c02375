package mfa

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// gatewayPatience is how long a gateway may take to accept a message.
const gatewayPatience = 10 * time.Second

// deliver hands code to the gateway and starts the life of c.
//
// It goes on when the browser hangs up: the message may be on its way by then.
//
// Errors: [ErrDelivery], with c as a failed challenge; [ErrSuperseded] if a
// newer one took its place while the gateway was busy.
func (s *Service) deliver(ctx context.Context, ask Ask, c Challenge, contact Contact, code Secret) (Challenge, error) {
	ctx = context.WithoutCancel(ctx)
	log, sendErr := s.send(ctx, ask, c, contact, code)
	err := s.Store.RecordDelivery(ctx, log)
	if sendErr != nil {
		c.Status, c.ResendAt = ChallengeFailed, time.Time{}
		s.tell(ctx, EventSendFailed, ask, c, sendErr)
		err = errors.Join(err, s.Store.Refused(ctx, c.Subject, c.ID))
		if err != nil {
			return c, fmt.Errorf("%w: %w", ErrDelivery, err)
		}
		return c, fmt.Errorf("%w: %s", ErrDelivery, log.Error)
	}
	if err != nil {
		return c, fmt.Errorf("mfa: record delivery: %w", err)
	}

	c.Status, c.SentAt = ChallengeSent, s.now()
	c.ResendAt, c.ExpiresAt = c.SentAt.Add(c.ResendAfter), c.SentAt.Add(c.TTL)
	err = s.Store.Accepted(ctx, c.Subject, c.ID, c)
	if err != nil {
		return c, fmt.Errorf("mfa: deliver: %w", err)
	}
	s.tell(ctx, EventSent, ask, c, nil, "gateway", log.Gateway, "reference", log.Reference)
	return c, nil
}

// send composes the message, books what it costs and gives it to the gateway. The
// log line it returns is complete either way.
func (s *Service) send(ctx context.Context, ask Ask, c Challenge, contact Contact, code Secret) (Delivery, error) {
	log := Delivery{
		ID: c.ID, Subject: c.Subject, ChallengeID: c.ID, Channel: c.Method, Gateway: s.Sender.Name(), Status: "failed",
	}
	m, err := s.message(ask, c, contact, code)
	if err == nil {
		err = s.handOver(ctx, ask, m, contact, &log)
	}
	log.At = s.now()
	if err != nil {
		log.Error = redact(err.Error(), contact.Value, code)
		return log, err
	}
	log.Status = "sent"
	return log, nil
}

// handOver books the cost of m and gives it to the gateway.
func (s *Service) handOver(ctx context.Context, ask Ask, m Message, contact Contact, log *Delivery) error {
	booking, err := s.Telephony.Afford(ctx, ask, m, contact)
	if err != nil {
		return err
	}
	patient, cancel := context.WithTimeout(ctx, gatewayPatience)
	defer cancel()
	by, err := Hand(patient, s.Sender, m)
	log.Reference = by.Reference
	if by.Gateway != "" {
		log.Gateway = by.Gateway
	}
	if err != nil {
		return errors.Join(err, s.Telephony.NotSent(ctx, booking))
	}
	return s.Telephony.Sent(ctx, booking, by)
}

// affordable leaves out calls and text messages while the tenant's budget of the day
// is used up. Where the policy blocks then, nothing goes on: fewer ways must not
// become an easier way.
//
// Errors: [ErrBudget].
func (s *Service) affordable(ctx context.Context, ask Ask, e Enrolments, options []Option) ([]Option, error) {
	if s.Telephony == nil {
		return options, nil
	}
	var kept []Option
	for _, o := range options {
		reason, err := "", error(nil)
		if o.Method == policy.SMS || o.Method == policy.Voice {
			reason, err = s.Telephony.Closed(ctx, ask, o.Method, e.contact(o.ContactID))
		}
		switch {
		case err != nil:
			return nil, err
		case reason == "budget" && ask.Policy.Limits.OnExhaust == "block":
			return nil, ErrBudget
		case reason == "":
			kept = append(kept, o)
		}
	}
	return kept, nil
}

// message words the one message of c; its delivery has the id of c.
func (s *Service) message(ask Ask, c Challenge, contact Contact, code Secret) (Message, error) {
	// The words for a login are others than those for an action, so that a code
	// for the one cannot be talked out of somebody as the other.
	kind := "code.action"
	if c.Purpose == PurposeLogin {
		kind = "code.login"
	}
	now := s.now()
	title, text, html, err := s.Composer.Compose(kind, Note{
		Channel: c.Method, About: ask.About, Action: wordsFor(ask), Code: code,
		Now: now, ExpiresAt: now.Add(c.TTL),
	})
	return Message{
		ID: c.ID, Subject: c.Subject, Channel: c.Method, To: contact.Value, Code: code, Lang: ask.About.Lang,
		Title: title, Text: Secret(text), HTML: Secret(html),
	}, err
}

// What the words of a message call an operation of the life cycle.
const (
	WordsVerify = "contact.verify"  // a code to the contact that is being confirmed
	WordsChange = "settings.change" // a code that lets something be changed
)

// wordsFor is the action that the message names.
func wordsFor(ask Ask) string {
	switch ask.Purpose {
	case PurposeContactVerify:
		return WordsVerify
	case PurposeLifecycle:
		if ask.Action != policy.ActionMFAEnable && ask.Action != policy.ActionMFADisable {
			return WordsChange
		}
	}
	return ask.Action
}

// longestError is how much of a gateway's complaint is kept.
const longestError = 200

// redact takes secrets out of a gateway's complaint, which may quote them.
func redact(text string, secrets ...Secret) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s.Reveal(), "[secret]")
		}
	}
	text = strings.ToValidUTF8(text, "")
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError], "")
	}
	return text
}
