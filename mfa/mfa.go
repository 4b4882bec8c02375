package mfa

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Subject names one user of one tenant. Every operation and every row works on
// exactly one Subject.
type Subject struct {
	TenantID string
	UserID   string
}

func (s Subject) String() string { return s.TenantID + "/" + s.UserID }

// Method is a kind of second step; its values are those of the policy document.
type Method = policy.Kind

// Purpose says what a challenge is for. A code made for one purpose never
// passes for another: the purpose is in its MAC.
type Purpose string

// The purposes. They are also the keys of codes.by_purpose in a policy.
const (
	PurposeLogin         Purpose = "login"
	PurposeAction        Purpose = "action"
	PurposeLifecycle     Purpose = "lifecycle"
	PurposeContactVerify Purpose = "contact_verify"
)

// Secret is text that must not reach a log, an error or a page by accident: a
// code, an address, a token. It prints [secret]; Reveal gives the text.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the text, as do the methods below for every other way to print.
func (Secret) String() string { return "[secret]" }

// GoString hides the text from %#v.
func (Secret) GoString() string { return "[secret]" }

// LogValue hides the text from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText hides the text from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Format hides the text from every verb.
func (Secret) Format(f fmt.State, verb rune) { _, _ = f.Write([]byte("[secret]")) }

// ContactKind is email or phone.
type ContactKind string

// The kinds of contact.
const (
	ContactEmail ContactKind = "email"
	ContactPhone ContactKind = "phone"
)

// ContactStatus is the state of a contact (mfa.md 3.2).
type ContactStatus string

// The states of a contact. Only a confirmed one may receive a code that is not
// for its own verification; the one exception is a number that an admin set
// under contacts.phone.admin_assigned = confirm_on_first_login.
const (
	ContactUnverified ContactStatus = "unverified"
	ContactPending    ContactStatus = "pending"
	ContactConfirmed  ContactStatus = "confirmed"
	ContactReplaced   ContactStatus = "replaced"
	ContactRemoved    ContactStatus = "removed"
	ContactRevoked    ContactStatus = "revoked"
)

// ContactSource says who gave a contact.
type ContactSource string

// The sources of a contact.
const (
	SourceSelf   ContactSource = "self"
	SourceLegacy ContactSource = "legacy"
	SourceAdmin  ContactSource = "admin"
	SourceImport ContactSource = "import"
)

// Contact is an email address or a phone number of a user. Its value never
// changes after insert: a change is a new row.
type Contact struct {
	ID          string
	Subject     Subject
	Kind        ContactKind
	Value       Secret // canonical: lower-case address, or E.164
	Masked      string // what may be shown after the first factor, such as +52 ••• ••• 2399
	Country     string // ISO 3166-1 region of a phone, "" for email
	LineType    string // mobile, fixed, ambiguous, voip; "" for email
	Status      ContactStatus
	Source      ContactSource
	Registered  bool // the account's own email address
	Unique      bool // no other account of the tenant may have it confirmed
	ConfirmedAt time.Time
	CreatedAt   time.Time
	ExpiresAt   time.Time // of a pending one; zero for none
	ReplacedBy  string    // the contact that took its place
	// SMSIncapable: a text message could not be delivered, for good; a call may be.
	SMSIncapable bool
}

// FactorStatus is the state of an enrolled factor.
type FactorStatus string

// The states of a factor. Only active ones count for login and policy.
const (
	FactorPending  FactorStatus = "pending"
	FactorActive   FactorStatus = "active"
	FactorDisabled FactorStatus = "disabled"
)

// Factor is an enrolled way to do a second step. A contact factor (email, sms,
// voice) names its contact and is usable only while that contact is confirmed.
type Factor struct {
	ID         string
	Subject    Subject
	Kind       Method
	ContactID  string // "" where the factor is not a contact
	Label      string
	Status     FactorStatus
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time // of a pending one; zero for none
	DisabledAt time.Time
	EnrolledIP string

	Secret     Secret      // the seed of an authenticator app, raw bytes; wiped with the factor
	LastStep   int64       // the latest time step that was accepted; only ever grows
	Credential *Credential // of a passkey or security key
	CodesLeft  int         // unused ones, of recovery codes
	// Exclusive: enrolled while the policy allows one method at a time. A user has
	// at most one active factor like that.
	Exclusive bool
}

// Enrolments is all that a user has to prove a second step with, and the
// guards that count wrong guesses for each. What is pending counts for nothing but
// its own verification.
type Enrolments struct {
	Contacts []Contact
	Factors  []Factor
	Guards   []Guard
}

// Proof is a second step that was passed once, by one challenge, for one owner.
type Proof struct {
	ChallengeID string
	Subject     Subject
	Purpose     Purpose
	Action      string // the action's name, auth.login for a login
	Method      Method
	FactorID    string // "" for a code to a contact that is no factor of the user
	ContactID   string
	DetailsHash string
	At          time.Time

	UserVerified   bool // by the key itself: fingerprint, face or PIN
	BackupEligible bool // a key that may be copied to other devices

	// Evidence is the JSON of a [Signed] where a key has signed the transaction itself,
	// "" else.
	Evidence string
}

// LoginWaiver is what a trusted device gives: the second step of a login may
// be spared. It is no Proof and cannot be made into one, so nothing that asks
// for a Proof can be satisfied by a device.
type LoginWaiver struct {
	DeviceID string
	Subject  Subject
	At       time.Time
}
