package policy

import "slices"

// Kind is a way to prove something in a second step.
type Kind string

// The kinds, in the order in which lists of them are given out.
const (
	Email         Kind = "email"
	SMS           Kind = "sms"
	Voice         Kind = "voice"
	TOTP          Kind = "totp"
	WebAuthn      Kind = "webauthn"
	RecoveryCodes Kind = "recovery_codes"
	PIN           Kind = "pin"
)

// kinds is every kind; factors are those of them that tenant_max counts, and
// channels those that carry a code to somebody.
var (
	kinds    = []Kind{Email, SMS, Voice, TOTP, WebAuthn, RecoveryCodes, PIN}
	factors  = []Kind{Email, SMS, Voice, TOTP, WebAuthn}
	channels = []Kind{Email, SMS, Voice}
)

// Kinds returns every kind, in a fixed order.
func Kinds() []Kind { return slices.Clone(kinds) }

// Delivered reports whether k sends a code to a contact: email, sms and voice.
func (k Kind) Delivered() bool { return slices.Contains(channels, k) }

// Role says how prominently a method is offered.
type Role string

// Roles of a method. A companion is never a second factor alone.
const (
	RoleAny       Role = "any"
	RolePrimary   Role = "primary"
	RoleBackup    Role = "backup"
	RoleCompanion Role = "companion"
)

// Use is an occasion on which a method may be presented.
type Use string

// Uses of a method.
const (
	UseLogin   Use = "login"
	UseAction  Use = "action"
	UseRecover Use = "recover"
)

// Mode says who decides that a login has a second step.
type Mode string

// Modes, from "no second step" to "the tenant decides".
const (
	ModeDisabled Mode = "disabled"
	ModeOptIn    Mode = "opt_in"
	ModePrompt   Mode = "prompt"
	ModeRequired Mode = "required"
)

// Proof is one thing a user shows inside a stage.
type Proof string

// Proofs, with the meaning of policy.md 2.1.
const (
	ProofPassword      Proof = "password"       // account password, or the primary login method where there is none
	ProofPIN           Proof = "pin"            // the user's PIN
	ProofCodeNew       Proof = "code_new"       // proof from the thing being added
	ProofCodeCurrent   Proof = "code_current"   // proof from the same method as it is now
	ProofSecondFactor  Proof = "second_factor"  // any active second factor, chosen by delivery
	ProofDeliveredCode Proof = "delivered_code" // code by email, sms or voice, also when the second step is off
	ProofAnyFactor     Proof = "any_factor"     // password or any factor
	ProofFreshLogin    Proof = "fresh_login"    // active login not older than [Policy.FreshLoginAge]
)

// Applies says when an action asks for its stages.
type Applies string

// Values of [Action.Applies].
const (
	AppliesAlways         Applies = "always"
	AppliesWhenMFAEnabled Applies = "when_mfa_enabled"
	AppliesUntilMet       Applies = "until_met" // only the preconditions are checked
)

// Requirement is a precondition of an action.
type Requirement string

// Values of [Action.Require].
const (
	RequirePhoneConfirmed Requirement = "phone_confirmed"
	RequireMFAEnabled     Requirement = "mfa_enabled"
	RequireEmailVerified  Requirement = "email_verified"
)

// Binding says how an approval is tied to what was approved.
type Binding string

// Bindings, from weakest to strongest.
const (
	BindingNone    Binding = "none"
	BindingPage    Binding = "page"    // shown, and hash-bound at the server
	BindingMessage Binding = "message" // also in the message that carries the code
	BindingSigned  Binding = "signed"  // the WebAuthn challenge holds the hash
)

// Details says whether an action can be asked for without pushed details.
type Details string

// Values of [Action.Details].
const (
	DetailsOptional Details = "optional"
	DetailsRequired Details = "required"
)

// Begin says when the first stage of an action begins.
type Begin string

// Values of [Action.Begin]. Either way it begins once: a reload sends nothing.
const (
	BeginOnArrival Begin = "on_arrival"
	BeginOnSubmit  Begin = "on_submit"
)

// Purpose is what a delivered code is for.
type Purpose string

// Purposes with settings of their own in codes.by_purpose.
const (
	PurposeLogin         Purpose = "login"
	PurposeContactVerify Purpose = "contact_verify"
	PurposeLifecycle     Purpose = "lifecycle"
	PurposeAction        Purpose = "action"
)

var purposes = []Purpose{PurposeLogin, PurposeContactVerify, PurposeLifecycle, PurposeAction}
