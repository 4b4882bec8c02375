package mfa

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Start names an operation to begin. ContactID is an existing contact to be
// confirmed as it is, or to be changed or removed; FactorID the key to be changed
// or removed. Account changes the account's registered address.
type Start struct {
	Kind      Method
	Verb      Verb
	ContactID string
	FactorID  string
	Account   bool
	Label     string // of a key
}

// View is an operation as it stands.
type View struct {
	Operation
	Enrolments Enrolments
	Stages     policy.Stages
	Stage      int // the one that is open
	Missing    []policy.Proof
	Proof      policy.Proof // of Missing, the one that takes a challenge; "" for none
	PIN        bool         // a PIN is entered as well
	Password   bool         // the password is to be proved
	// NeedsContact: the new address or number has to be entered now.
	NeedsContact bool
	// Complete: every proof was given. Most are done by then; a new PIN and recovery
	// codes, and what takes no proof at all, wait for [Service.Finish].
	Complete bool
}

// StartOperation begins an operation.
//
// Errors: [ErrForbidden]; [*BlockedError]; [ErrStaleLogin] if the latest active
// login is older than the policy's reauth_max_age_s; [ErrTooMany]; [ErrInUse];
// [ErrAlready]; [ErrNoPIN]; [ErrUnverified]; [ErrNotFound] for a contact or factor of somebody else,
// or where there is nothing to be changed.
func (s *Service) StartOperation(ctx context.Context, d Doer, st Start) (View, error) {
	e, err := s.Store.Enrolments(ctx, d.Subject)
	if err != nil {
		return View{}, fmt.Errorf("mfa: start: %w", err)
	}
	o, err := s.newOperation(ctx, d, st, e)
	if err != nil {
		return View{}, err
	}
	o.State.First = d.owes(o, e, s.now())
	stages, err := judged(d, o, e)
	if err == nil && s.now().Sub(d.LoginAt) > reauthAge(d.Policy, o.Kind) {
		err = ErrStaleLogin
	}
	if err != nil {
		s.tellOperation(ctx, EventOperationRefused, d, o, err)
		return View{}, err
	}
	if o.addsApp() {
		err = s.addPendingApp(ctx, d, &o)
		if err != nil {
			return View{}, err
		}
		e, err = s.Store.Enrolments(ctx, d.Subject) // with the new app, for the page that shows it
		if err != nil {
			return View{}, fmt.Errorf("mfa: start: %w", err)
		}
	}
	err = s.Store.CreateOperation(ctx, o)
	if err != nil {
		return View{}, fmt.Errorf("mfa: start: %w", err)
	}
	s.tellOperation(ctx, EventOperationStarted, d, o, nil)
	return s.view(d, o, e, stages), nil
}

// newOperation fills in what the operation is about.
func (s *Service) newOperation(ctx context.Context, d Doer, st Start, e Enrolments) (Operation, error) {
	err := st.sound(e)
	if err != nil {
		return Operation{}, err
	}
	id, err := s.newID()
	if err != nil {
		return Operation{}, err
	}
	now := s.now()
	o := Operation{
		ID: id, Subject: d.Subject, Binding: d.Binding, Kind: st.Kind, Verb: st.Verb, Status: OperationOpen,
		PolicyVersion: d.PolicyVersion, CreatedAt: now, ExpiresAt: now.Add(OperationLife),
	}
	o.State.Account, o.State.Label = st.Account, label(st.Label)
	switch st.Verb {
	case VerbEnable:
		o.State.ContactID = e.fixed(d.Policy, st)
		o.giveWay(d.Policy, e)
		o.State.Reset, err = s.pinDied(ctx, d, o, e)
	case VerbSwitchOn, VerbSwitchOff:
		o.Kind = ""
	default:
		o.State.Account = st.Account || st.Verb == VerbChange && ownAddressOnly(d.Policy, st.Kind)
		o.State.OldKind = st.Kind
		o.State.OldContactID, o.State.OldFactorID = e.target(st, o.State.Account)
		if st.FactorID != "" && o.State.OldFactorID != st.FactorID {
			return Operation{}, ErrNotFound
		}
	}
	return o, err
}

// ownAddressOnly reports whether k is email, and goes to the account's own address
// alone: then another address for it is another address of the account.
func ownAddressOnly(p *policy.Policy, k Method) bool {
	return k == policy.Email && p.Contacts.Email.FactorAddress != "any_verified"
}

// sound refuses what names no change at all, and a contact of another kind.
func (st Start) sound(e Enrolments) error {
	switch st.Verb {
	case VerbSwitchOn, VerbSwitchOff:
		return nil
	case VerbEnable, VerbDisable, VerbChange, VerbRemove:
	default:
		return ErrForbidden
	}
	if st.Account && (st.Verb != VerbChange || st.Kind != policy.Email) {
		return ErrForbidden
	}
	if st.ContactID == "" {
		return nil
	}
	c := e.contact(st.ContactID)
	given := st.Verb == VerbEnable && c.Status == ContactRevoked // it has to be entered anew
	if c.ID == "" || given || c.Kind != kindOfContact(st.Kind) {
		return ErrNotFound
	}
	return nil
}

// kindOfContact is what m delivers to; "" for nothing.
func kindOfContact(m Method) ContactKind {
	switch m {
	case policy.Email:
		return ContactEmail
	case policy.SMS, policy.Voice:
		return ContactPhone
	}
	return ""
}

// fixed is the contact that a method is switched on for, where it is known from the
// start: one that was named, the number that another method has already, or the
// account's own address where the policy takes no other.
func (e Enrolments) fixed(p *policy.Policy, st Start) string {
	switch {
	case st.ContactID != "":
		return st.ContactID
	case kindOfContact(st.Kind) == ContactPhone:
		return e.heldPhone()
	case ownAddressOnly(p, st.Kind):
		return e.registered().ID
	}
	return ""
}

// longestLabel is how many characters the name of a key has at most.
const longestLabel = 64

// label is a name as a user gave it, in one line of what can be seen.
func label(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	runes := []rune(text)
	return strings.TrimSpace(string(runes[:min(len(runes), longestLabel)]))
}

// giveWay names the method that a new one takes the place of, where the policy
// allows one at a time and swaps them.
func (o *Operation) giveWay(p *policy.Policy, e Enrolments) {
	others := e.secondFactors()
	i := slices.IndexFunc(others, func(f Factor) bool { return f.Kind != o.Kind })
	if i < 0 || p.Selection.Switch != policy.SwitchReplace || len(e.SecondFactors()) < p.Selection.UserMax ||
		!slices.Contains(counted, o.Kind) {
		return
	}
	o.State.OldKind, o.State.OldContactID, o.State.OldFactorID = others[i].Kind, others[i].ContactID, others[i].ID
}

// target is the contact and factor that st speaks of; the one in use where it
// names none.
func (e Enrolments) target(st Start, account bool) (contactID, factorID string) {
	if account {
		return e.registered().ID, ""
	}
	for _, f := range e.active(st.Kind) {
		if st.FactorID == "" || f.ID == st.FactorID {
			contactID, factorID = f.ContactID, f.ID
			break
		}
	}
	switch {
	case st.ContactID != "":
		contactID = st.ContactID
	case contactID == "" && st.Kind == policy.Email:
		contactID = e.registered().ID
	case contactID == "" && st.Kind.Delivered():
		contactID = e.phone().ID
	}
	return contactID, factorID
}

// ViewOperation is operation id as it stands.
//
// Errors: [ErrNotFound] for one of another user or browser, and one that is over;
// [ErrChanged] where another operation was faster; and those of
// [Service.StartOperation] but [ErrStaleLogin], where the policy or a flag has
// changed.
func (s *Service) ViewOperation(ctx context.Context, d Doer, id string) (View, error) {
	o, err := s.Store.Operation(ctx, d.Subject, id)
	if err != nil {
		return View{}, fmt.Errorf("mfa: operation: %w", err)
	}
	if !o.belongsTo(d) || !o.open(s.now()) {
		return View{}, ErrNotFound
	}
	e, err := s.Store.Enrolments(ctx, d.Subject)
	if err != nil {
		return View{}, fmt.Errorf("mfa: operation: %w", err)
	}
	stages, err := judged(d, o, e)
	if err != nil {
		return View{}, err
	}
	return s.view(d, o, e, stages), nil
}

func (s *Service) view(d Doer, o Operation, e Enrolments, stages policy.Stages) View {
	v := View{Operation: o, Enrolments: e, Stages: stages}
	v.judge(d, s.now())
	return v
}

// judge works out what is to be done next.
func (v *View) judge(d Doer, now time.Time) {
	var left bool
	fresh := now.Sub(d.LoginAt) <= d.Policy.FreshLoginAge()
	v.Stage, v.Missing, left = NextStage(v.Stages, func(stage int, proof policy.Proof) bool {
		return v.has(stage, proof) || proof == policy.ProofFreshLogin && fresh
	})
	v.Proof, v.PIN = Challenged(v.Missing)
	v.Password = slices.Contains(v.Missing, policy.ProofPassword)
	adds := v.addsContact()
	v.NeedsContact = adds && v.State.ContactID == "" && !v.oldLeft()
	v.Complete = !left && !(adds && v.State.ContactID == "")
	if v.Kind == policy.WebAuthn && v.bringsIn() && v.State.Answer == "" {
		v.Complete = false
	}
}

// bringsIn reports whether the operation brings in something new.
func (o Operation) bringsIn() bool { return o.Verb == VerbEnable || o.Verb == VerbChange }

// addsApp reports whether the operation brings in an authenticator app.
func (o Operation) addsApp() bool { return o.bringsIn() && o.Kind == policy.TOTP }

// addsContact reports whether the operation brings in an address or number.
func (v *View) addsContact() bool {
	return v.bringsIn() && v.Kind.Delivered()
}

// oldLeft reports whether a proof is still to be given that shows that the user
// has what was enrolled before. Until then nothing new is typed, so that a thief
// with an open session cannot even begin.
func (v *View) oldLeft() bool {
	return slices.ContainsFunc(ofOld(v.Stages), func(w Wanted) bool { return !v.has(w.Stage, w.Proof) })
}

// selfFinishing reports whether the operation is done with its last proof.
func (v *View) selfFinishing() bool {
	switch {
	case !v.bringsIn():
		return true
	case v.Kind == policy.RecoveryCodes, v.Kind == policy.PIN:
		return false
	}
	return true
}
