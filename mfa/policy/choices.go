package policy

import (
	"slices"
	"time"
)

// Reminder is a surface on which a missing second factor is shown.
type Reminder string

// Values of [Enforcement.Reminders].
const (
	ReminderLoginBanner Reminder = "login_banner"
	ReminderChecklist   Reminder = "checklist"
)

// Chooser says who picks among enabled methods.
type Chooser string

// Values of [Enforcement.Chooser].
const (
	ChooserUser   Chooser = "user"
	ChooserTenant Chooser = "tenant"
)

// EnrolmentProof is the extra proof at a first enrolment in the middle of a login.
type EnrolmentProof string

// Values of [Enforcement.FirstEnrolmentProof].
const (
	EnrolmentProofNone      EnrolmentProof = "none"
	EnrolmentProofEmailCode EnrolmentProof = "email_code"
)

// Switch says what happens to the old method when a user takes another.
type Switch string

// Values of [Selection.Switch].
const (
	SwitchAddThenRemove Switch = "add_then_remove"
	SwitchReplace       Switch = "replace" // both change in one transaction
)

// First says which method is presented first. It is one of the constants below,
// or the name of the kind email, sms or voice.
type First string

// Values of [Delivery.First] that are not the name of a kind.
const (
	FirstUserChoice    First = "user_choice"
	FirstTenantPrimary First = "tenant_primary"
	FirstLastUsed      First = "last_used"
)

// Kind returns the kind that f names, and false for the other values.
func (f First) Kind() (Kind, bool) {
	k := Kind(f)
	return k, k.Delivered()
}

// Unlock says when the other methods of a challenge chain are offered.
type Unlock string

// Values of [Delivery.FallbackUnlock].
const (
	UnlockNever      Unlock = "never"
	UnlockAtOnce     Unlock = "at_once"
	UnlockAfterTimer Unlock = "after_timer" // when resend_after_s has run out
)

// LineType is the type of a telephone number.
type LineType string

// Line types. Ambiguous is a number whose plan does not tell fixed from mobile.
const (
	LineMobile    LineType = "mobile"
	LineFixed     LineType = "fixed"
	LineAmbiguous LineType = "ambiguous"
	LineVoIP      LineType = "voip"
)

// AdminAssigned says what a number typed by an admin is good for.
type AdminAssigned string

// Values of [PhoneContacts.AdminAssigned].
const (
	AdminAssignedMustEnrol           AdminAssigned = "must_enrol"
	AdminAssignedConfirmOnFirstLogin AdminAssigned = "confirm_on_first_login"
)

// Uniqueness says whether two accounts may have one number.
type Uniqueness string

// Values of [PhoneContacts.Unique].
const (
	UniqueNone              Uniqueness = "none"
	UniqueConfirmedInTenant Uniqueness = "confirmed_in_tenant"
)

// Release says when a replaced number may be used by another account.
type Release string

// Values of [PhoneContacts.ReleaseAfterChange].
const (
	ReleaseAtOnce    Release = "at_once"
	ReleaseAfterDays Release = "after_days"
	ReleaseNever     Release = "never"
)

// Removal says whether a number may be removed.
type Removal string

// Values of [PhoneContacts.Remove].
const (
	RemoveAllowed     Removal = "allowed"
	RemoveWhileUnused Removal = "while_unused" // only when no active factor needs it
	RemoveForbidden   Removal = "forbidden"
)

// Permission is allowed or forbidden.
type Permission string

// Values of a [Permission].
const (
	Allowed   Permission = "allowed"
	Forbidden Permission = "forbidden"
)

// Who is somebody with rights over a user's factors.
type Who string

// Values of a [Who].
const (
	TenantAdmin Who = "tenant_admin"
	Operator    Who = "operator"
	Nobody      Who = "nobody"
)

// RecoveryWay is a way to recover without staff.
type RecoveryWay string

// Values of [Recovery.SelfService].
const (
	RecoverByCodes       RecoveryWay = "recovery_codes"
	RecoverByOtherFactor RecoveryWay = "other_factor"
)

// Lifetime is how long a device is trusted, as written in the document.
type Lifetime string

// Lifetimes. LifetimeSession stores nothing: it ends with the sign-in.
const (
	LifetimeSession Lifetime = "session"
	LifetimeDay     Lifetime = "P1D"
	LifetimeWeek    Lifetime = "P7D"
	LifetimeMonth   Lifetime = "P30D"
)

// Duration returns the length of l; 0 for LifetimeSession and for anything unknown.
func (l Lifetime) Duration() time.Duration {
	const day = 24 * time.Hour
	switch l {
	case LifetimeDay:
		return day
	case LifetimeWeek:
		return 7 * day
	case LifetimeMonth:
		return 30 * day
	case LifetimeSession:
		return 0
	}
	return 0
}

// DeviceConsent says whether the user is asked before a device is trusted.
type DeviceConsent string

// Values of [TrustedDevice.Consent].
const (
	ConsentAsk  DeviceConsent = "ask"
	ConsentAuto DeviceConsent = "auto"
)

// Class is the strength with which somebody is signed in.
type Class string

// Classes, from weakest to strongest. Source: protocol.md 5.6.
const (
	Class1FA  Class = "1fa"
	ClassTD   Class = "td"
	Class2SV  Class = "2sv"
	ClassMFA  Class = "mfa"
	ClassPHR  Class = "phr"
	ClassPHRH Class = "phrh"
)

var classes = []Class{Class1FA, ClassTD, Class2SV, ClassMFA, ClassPHR, ClassPHRH}

// AtLeast reports whether c is least or stronger, on the line
// 1fa < td < 2sv < mfa < phr < phrh. It is false when either is unknown.
func (c Class) AtLeast(least Class) bool {
	have, want := slices.Index(classes, c), slices.Index(classes, least)
	return want >= 0 && have >= want
}

// Event is something that happened to a user's factors or contacts.
type Event string

// Events of [Notify.EmailEvents].
const (
	EventFactorAdded       Event = "factor_added"
	EventFactorRemoved     Event = "factor_removed"
	EventFactorChanged     Event = "factor_changed"
	EventContactChanged    Event = "contact_changed"
	EventMFAEnabled        Event = "mfa_enabled"
	EventMFADisabled       Event = "mfa_disabled"
	EventPINChanged        Event = "pin_changed"
	EventRecoveryCodesMade Event = "recovery_codes_made"
	EventRecoveryCodeUsed  Event = "recovery_code_used"
	EventDeviceTrusted     Event = "device_trusted"
	EventDevicesRevoked    Event = "devices_revoked"
	EventAdminReset        Event = "admin_reset"
	EventPasswordChanged   Event = "password_changed"
	EventSecondStepFailed  Event = "second_step_failed"
	EventFactorLocked      Event = "factor_locked"
	EventActionApproved    Event = "action_approved"
)

// Notice is something a page tells the user on the spot.
type Notice string

// Values of [Notify.OnScreen].
const (
	NoticeContactConfirmed Notice = "contact_confirmed"
	NoticeActionApproved   Notice = "action_approved"
	NoticeCodeSent         Notice = "code_sent"
)
