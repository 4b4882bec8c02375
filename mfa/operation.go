package mfa

import (
	"crypto/subtle"
	"net/netip"
	"slices"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Verb says what an operation of the life cycle does.
type Verb string

// The verbs. Switching two-step sign-in on or off is about no kind; the others are
// about the kind of the operation.
const (
	VerbEnable    Verb = "enable"
	VerbDisable   Verb = "disable"
	VerbChange    Verb = "change"
	VerbRemove    Verb = "remove" // a contact that no method needs, or one of several keys
	VerbSwitchOn  Verb = "switch_on"
	VerbSwitchOff Verb = "switch_off"
)

// OperationStatus is the state of an operation.
type OperationStatus string

// The states of an operation. Only an open one goes on.
const (
	OperationOpen      OperationStatus = "open"
	OperationDone      OperationStatus = "done"
	OperationCancelled OperationStatus = "cancelled"
)

// OperationLife is how long a user may take from the first stage to the last.
const OperationLife = 30 * time.Minute

// Operation is a change of what a user has enrolled, on its way through the stages
// of the policy. It belongs to one browser.
type Operation struct {
	ID            string
	Subject       Subject
	Binding       []byte // hash of the browser's secret
	Kind          Method // "" for the switch
	Verb          Verb
	Status        OperationStatus
	State         OperationState
	PolicyVersion int
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

// OperationState is what was said and proved so far. It holds ids and times, and
// nothing secret.
type OperationState struct {
	// ContactID is the address or number that is added, "" while it is not known.
	ContactID string `json:"contact_id,omitempty"`
	// FactorID is the pending factor that is added.
	FactorID string `json:"factor_id,omitempty"`
	// OldKind, OldContactID and OldFactorID are what code_current is proved with:
	// what is changed or switched off, or the method that a new one takes the place
	// of.
	OldKind      Method `json:"old_kind,omitempty"`
	OldContactID string `json:"old_contact_id,omitempty"`
	OldFactorID  string `json:"old_factor_id,omitempty"`
	// Account: it is the account's registered address that changes.
	Account bool `json:"account,omitempty"`
	// Reset: a new PIN takes the place of one that died of too many wrong tries.
	Reset bool `json:"reset,omitempty"`
	// First is what the user proves of what is there already before anything new comes
	// in, whatever the document says; "" for nothing, see [Doer.owes].
	First policy.Proof `json:"first,omitempty"`
	Label string       `json:"label,omitempty"` // of a key, given by the user

	ChallengeID string  `json:"challenge_id,omitempty"` // in progress
	Wants       Wanted  `json:"wants,omitzero"`         // what it is for
	Given       []Given `json:"given,omitempty"`
	// Answer is what the challenge of code_new left, see [Challenge].
	Answer string `json:"answer,omitempty"`
}

// Wanted is a proof for a stage.
type Wanted struct {
	Stage int          `json:"stage"`
	Proof policy.Proof `json:"proof"`
}

// Given is a proof that was given for a stage.
type Given struct {
	Wanted
	Method         Method    `json:"method,omitempty"`
	FactorID       string    `json:"factor_id,omitempty"` // or the contact, where there is no factor
	ChallengeID    string    `json:"challenge_id,omitempty"`
	UserVerified   bool      `json:"uv,omitempty"`
	BackupEligible bool      `json:"be,omitempty"`
	At             time.Time `json:"at"`
}

// Doer is who does an operation, and from where. The edge fills it anew for each
// request from its own records.
type Doer struct {
	Subject       Subject
	Policy        *policy.Policy
	PolicyVersion int
	Flags         []string  // set on the account by relying apps
	MFAEnabled    bool      // the user's switch
	LoginAt       time.Time // latest first factor of the session
	SecondAt      time.Time // latest second factor that was given in the session, the zero time for none
	Enrolling     bool      // in the middle of a login that cannot end without a second step
	Binding       []byte    // hash of the browser's secret
	IP            netip.Addr
	Device        string // of the browser, such as Chrome on Linux
	About         About
	RP            RelyingParty
	UserName      string
}

// owes is what the user has to prove before o brings in something new while two-step
// sign-in is in force; "" for nothing.
//
// A session that never saw a second factor, or not lately, owes one: a trusted device
// spares the second step at login, and must not spare it here, where whoever has the
// password and the device would make a factor of their own. Somebody who must have a
// second factor, has none and put the set-up off owes the same code as in the middle of
// the login, or putting it off would be the way around it.
//
// Source: NIST SP 800-63B-4, 4.1.2; policy.md 2.2 (enforcement.first_enrolment_proof).
func (d Doer) owes(o Operation, e Enrolments, now time.Time) policy.Proof {
	enforced := d.Policy.Enforcement
	required := enforced.Mode == policy.ModeRequired
	switch {
	case !o.bringsIn() || d.Enrolling || !d.MFAEnabled && !required:
		return ""
	case len(e.secondFactors()) > 0:
		if now.Sub(d.SecondAt) > reauthAge(d.Policy, o.Kind) {
			return policy.ProofSecondFactor
		}
	case required && enforced.FirstEnrolmentProof == policy.EnrolmentProofEmailCode:
		return ProofEmailCode
	}
	return ""
}

// has reports whether proof was given for stage.
func (o Operation) has(stage int, proof policy.Proof) bool {
	return slices.ContainsFunc(o.State.Given, func(g Given) bool { return g.Stage == stage && g.Proof == proof })
}

// belongsTo reports whether the operation is d's, in the same browser.
func (o Operation) belongsTo(d Doer) bool {
	return o.Subject == d.Subject && len(d.Binding) > 0 && subtle.ConstantTimeCompare(o.Binding, d.Binding) == 1
}

// open reports whether the operation still goes on at now.
func (o Operation) open(now time.Time) bool {
	return o.Status == OperationOpen && now.Before(o.ExpiresAt)
}

// name is what its challenges are for; it is in the MAC of their codes.
func (o Operation) name() string {
	switch o.Verb {
	case VerbSwitchOn:
		return policy.ActionMFAEnable
	case VerbSwitchOff:
		return policy.ActionMFADisable
	}
	return "lifecycle." + string(o.Kind) + "." + string(o.Verb)
}
