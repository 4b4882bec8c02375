package mfa

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sallyport-id/sallyport/mfa/phone"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/mfa/totp"
)

// pendingContactLife and pendingFactorLife are how long something may wait to be
// proved. Source: mfa.md 3.2.
const (
	pendingContactLife = 24 * time.Hour
	pendingFactorLife  = 15 * time.Minute
)

// Entered is a new address or number as the user understood it.
type Entered struct {
	Method  Method // email, sms or voice: how the code is to come
	Address string // canonical address, for email
	Number  phone.Number
}

// EnterContact takes the new address or number of an operation. Nothing is sent
// yet. What the user has already, and never verified, is taken up as it is. Another
// one may be entered until the operation is done; what was proved of the one before
// counts for nothing then.
//
// Errors: [ErrOrder] while the old one has to be proved first, or if the operation
// is about no contact; [ErrUnchanged]; [ErrMalformed] for what is no address; those
// of [phone.Judge]; [ErrForbidden] for a method or an address that the policy does
// not have; [ErrInUse] for another number while a method needs the present one, which
// is to be changed instead; [*BlockedError]; [*ratelimit.WaitError] after too many
// new contacts.
func (s *Service) EnterContact(ctx context.Context, d Doer, id string, in Entered) (Contact, error) {
	v, err := s.ViewOperation(ctx, d, id)
	if err != nil {
		return Contact{}, err
	}
	if !v.addsContact() || v.oldLeft() {
		return Contact{}, ErrOrder
	}
	err = s.judgeEntered(d, v, in)
	if err != nil {
		return Contact{}, err
	}
	c, known, err := s.draftContact(v, in)
	if err == nil {
		err = v.mayTake(d, in.Method, c)
	}
	if err != nil {
		return Contact{}, err
	}
	if !known {
		err = s.spend(ctx, Ask{Subject: d.Subject, Policy: d.Policy, IP: d.IP}, []scope{{"contacts.user", d.Subject.UserID, d.Policy.Limits.NewContactsPerUser}})
		if err != nil {
			return Contact{}, err
		}
	}
	if !known || c.Status == ContactPending { // one that waits already may wait on
		err = s.Store.AddContact(ctx, c)
		if err != nil {
			return Contact{}, fmt.Errorf("mfa: new contact: %w", err)
		}
	}
	return c, s.takeContact(ctx, d, id, in.Method, c)
}

// takeContact makes c the contact of the operation, and drops what was begun for the
// one before.
func (s *Service) takeContact(ctx context.Context, d Doer, id string, m Method, c Contact) error {
	begun := ""
	_, err := s.Store.Advance(ctx, d.Subject, id, func(o *Operation, e Enrolments) (Effect, error) {
		if !o.belongsTo(d) || !o.open(s.now()) {
			return Effect{}, ErrNotFound
		}
		begun = ""
		if o.State.ContactID == c.ID && o.Kind == m {
			return Effect{}, nil
		}
		if o.State.Wants.Proof == policy.ProofCodeNew {
			begun = o.State.ChallengeID
			o.State.ChallengeID, o.State.Wants = "", Wanted{}
		}
		o.State.ContactID, o.Kind = c.ID, m
		o.State.Given = slices.DeleteFunc(o.State.Given, func(g Given) bool { return g.Proof == policy.ProofCodeNew })
		stages, err := judged(d, *o, e)
		if err != nil {
			return Effect{}, err
		}
		v := s.view(d, *o, e, stages)
		if v.oldLeft() {
			return Effect{}, ErrOrder
		}
		return Effect{}, nil
	})
	if err != nil {
		return fmt.Errorf("mfa: new contact: %w", err)
	}
	return s.Drop(ctx, d.Subject, begun)
}

// judgeEntered refuses what the policy does not take. A number may be reached by
// another method than the one that the operation began with.
func (s *Service) judgeEntered(d Doer, v View, in Entered) error {
	kind := kindOfContact(in.Method)
	if kind == "" || kind != kindOfContact(v.Kind) {
		return ErrForbidden
	}
	if in.Method != v.Kind {
		other := v.Operation
		other.Kind = in.Method
		_, err := judged(d, other, v.Enrolments)
		if err != nil {
			return err
		}
	}
	if kind == ContactPhone {
		return phone.Judge(in.Number, d.Policy.Contacts.Phone).For(in.Method)
	}
	local, domain, ok := strings.Cut(in.Address, "@")
	if !ok || local == "" || domain == "" || strings.ContainsFunc(in.Address, unicode.IsSpace) {
		return ErrMalformed
	}
	return nil
}

// mayTake refuses a contact that cannot be the new one.
func (v *View) mayTake(d Doer, m Method, c Contact) error {
	held := v.Enrolments.heldPhone()
	switch {
	case v.State.Account && c.Registered, !v.State.Account && v.Verb == VerbChange && c.ID == v.State.OldContactID && c.Status == ContactConfirmed:
		return ErrUnchanged
	case !v.State.Account && c.Status == ContactConfirmed && v.Enrolments.activeFactor(m, c.ID).ID != "":
		return ErrUnchanged
	case !v.State.Account && ownAddressOnly(d.Policy, m) && !c.Registered:
		return ErrForbidden
	case v.Verb == VerbEnable && c.Kind == ContactPhone && held != "" && held != c.ID:
		return ErrInUse
	}
	o := v.Operation
	o.State.ContactID = c.ID
	return blocked(d, o, v.Enrolments)
}

// draftContact is the contact for what was entered: one the user has, or a new one
// that is pending.
func (s *Service) draftContact(v View, in Entered) (c Contact, known bool, err error) {
	kind, value := ContactPhone, in.Number.E164
	if in.Method == policy.Email {
		kind, value = ContactEmail, in.Address
	}
	now := s.now()
	for _, had := range v.Enrolments.Contacts {
		if had.Kind != kind || had.Value.Reveal() != value || had.Status == ContactRevoked {
			continue
		}
		if had.Status == ContactPending && had.Source == SourceSelf {
			had.ExpiresAt = now.Add(pendingContactLife)
		}
		return had, true, nil
	}
	id, err := s.newID()
	if err != nil {
		return Contact{}, false, err
	}
	c = Contact{
		ID: id, Subject: v.Subject, Kind: kind, Value: Secret(value), Country: in.Number.Region, LineType: in.Number.Line,
		Masked: in.Number.Masked, Status: ContactPending, Source: SourceSelf, CreatedAt: now, ExpiresAt: now.Add(pendingContactLife),
	}
	if kind == ContactEmail {
		c.Masked = MaskEmail(value)
	}
	return c, false, nil
}

// MaskEmail keeps the first letter of an address and its domain.
// Source: mfa.md 4.12.
func MaskEmail(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return "•••"
	}
	first := []rune(local)[0]
	return string(first) + "•••@" + domain
}

// addPendingApp makes the seed of a new authenticator app.
func (s *Service) addPendingApp(ctx context.Context, d Doer, o *Operation) error {
	seed, err := totp.NewSecret(s.random())
	if err != nil {
		return fmt.Errorf("mfa: new app: %w", err)
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	now := s.now()
	o.State.FactorID, o.ExpiresAt = id, now.Add(pendingFactorLife)
	err = s.Store.AddFactor(ctx, Factor{
		ID: id, Subject: d.Subject, Kind: policy.TOTP, Status: FactorPending, Secret: Secret(seed), LastStep: totp.NoStep,
		CreatedAt: now, ExpiresAt: now.Add(pendingFactorLife),
	})
	if err != nil {
		return fmt.Errorf("mfa: new app: %w", err)
	}
	return nil
}
