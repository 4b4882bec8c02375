package templates

import (
	"slices"
	"time"
)

// Inside surrounds the wide pages about one's own account, with the ways
// between them. A link that is "" is left out.
type Inside struct {
	Frame
	SettingsURL string
	DevicesURL  string
	AppsURL     string
	ActivityURL string
	SignOutURL  string // a page that asks; nothing is ended by opening it
}

// SettingsPage is the hub "Login and security". Each part that is empty or nil
// is left out.
type SettingsPage struct {
	Inside
	News
	Refused    string // a Blocked constant, or the name of a flag: why the last change was not made; "" at first
	Tasks      []Task
	Prompts    int // second steps within 24 hours, when they are unusually many; 0 hides the hint
	Methods    int // how many ways protect the account, for the status line
	Advice     string
	TwoStep    TwoStep
	Choice     *MethodChoice // where only one method may be on; posts method=sms, email or off
	NeedsPIN   *RowAction    // makes a PIN, which most of the rest waits for; nil where nothing does
	Rows       []FactorRow   // in the order of policy
	Contacts   []ContactRow
	Passkeys   []KeyRow      // "Passkeys on your devices"
	Keys       []KeyRow      // "Security keys"
	First      *MethodChoice // which way is asked first; posts method
	SignIn     []FactorRow   // the password and the PIN
	Devices    int           // trusted devices, with DevicesURL
	HasDevices bool          // the policy knows trusted devices
	Sessions   int           // with DevicesURL
	Apps       int           // with AppsURL
	Recent     []ActivityEvent
}

func (SettingsPage) file() string { return "settings.html" }

// Listed reports whether the page has a list of passkeys and keys.
func (p SettingsPage) Listed() bool { return len(p.Passkeys)+len(p.Keys) > 0 }

// News says on top of a page what has just been done.
type News struct {
	Done       string // a Done constant; "" says nothing
	DoneMethod string // the kind that it is about: email, sms, voice, totp, webauthn, recovery_codes, pin; "" for none
	Mailed     bool   // the owner was told by email, too
	Switched   string // on or off where this has switched two-step sign-in; "" says nothing
}

// What has just been done. A page that is opened again may say it again, but
// never what has not happened.
const (
	DoneSaved            = "saved"
	DoneContactConfirmed = "contact_confirmed"
	DoneContactChanged   = "contact_changed"
	DoneContactRemoved   = "contact_removed"
	DoneFactorAdded      = "factor_added"
	DoneFactorRemoved    = "factor_removed"
	DoneFactorChanged    = "factor_changed"
	DoneMFAEnabled       = "mfa_enabled"
	DoneMFADisabled      = "mfa_disabled"
	DonePINChanged       = "pin_changed"
	DoneCodesMade        = "recovery_codes_made" // for the first time
	DoneCodesReplaced    = "recovery_codes_replaced"
	DonePasswordChanged  = "password_changed"
	DoneDeviceRemoved    = "device_removed"
	DoneDevicesRevoked   = "devices_revoked"
	DoneSessionEnded     = "session_ended"
	DoneSessionsEnded    = "sessions_ended"
	DoneAppRemoved       = "app_removed"
	DoneActionApproved   = "action_approved"
	DoneCancelled        = "cancelled" // nothing has changed
)

var doneNews = []string{
	DoneSaved, DoneContactConfirmed, DoneContactChanged, DoneContactRemoved, DoneFactorAdded, DoneFactorRemoved,
	DoneFactorChanged, DoneMFAEnabled, DoneMFADisabled, DonePINChanged, DoneCodesMade, DoneCodesReplaced, DonePasswordChanged,
	DoneDeviceRemoved, DoneDevicesRevoked, DoneSessionEnded, DoneSessionsEnded, DoneAppRemoved, DoneActionApproved,
	DoneCancelled,
}

// NewsKey is the key of the text of Done; "" when there is none. A factor has a
// sentence of its own for each method.
func (n News) NewsKey() string {
	switch {
	case !slices.Contains(doneNews, n.Done):
		return ""
	case slices.Contains(doneByMethod, n.Done) && slices.Contains(factorKinds, n.DoneMethod):
		return "done." + n.Done + "." + n.DoneMethod
	}
	return "done." + n.Done
}

var (
	doneByMethod = []string{DoneFactorAdded, DoneFactorRemoved, DoneFactorChanged}
	factorKinds  = []string{"email", "sms", "voice", "totp", "webauthn", "recovery_codes", "pin"}
)

// What would make the account safer; the status line ends with it.
const (
	AdviceSecondMethod = "second_method" // with one way only, on a phone or a device
	AdviceSecondOther  = "second_other"  // with one way only that no lost phone takes away
	AdviceSecondKey    = "second_key"
	AdviceCodes        = "recovery_codes" // there are none
	AdviceTurnOn       = "turn_on"        // ways exist, and two-step sign-in is off
	AdviceStart        = "start"          // nothing is set up
)

var advices = []string{AdviceSecondMethod, AdviceSecondOther, AdviceSecondKey, AdviceCodes, AdviceTurnOn, AdviceStart}

// Task is a line of the checklist, computed from the state of the account.
type Task struct {
	Name   string // a Task constant
	URL    string // where it is done; "" when Done
	Post   bool   // the URL takes a form with csrf and Fields
	Fields []Field
	Done   bool
}

// The tasks of the checklist.
const (
	TaskConfirmPhone = "confirm_phone" // no number, or one that is not confirmed
	TaskTwoStep      = "two_step"
	TaskCodes        = "recovery_codes"
)

var tasks = []string{TaskConfirmPhone, TaskTwoStep, TaskCodes}

// The states of a row and of the switch.
const (
	StateOn         = "on"
	StateOff        = "off"
	StateUnverified = "unverified"
	StatePending    = "pending"  // its code is on the way
	StateRequired   = "required" // on, and the organization keeps it on
	StateBlocked    = "blocked"  // cannot be used; Reason says why
)

var states = []string{StateOn, StateOff, StateUnverified, StatePending, StateRequired, StateBlocked}

// TwoStep is the switch "Two-step sign-in". Its form posts mfa=on or mfa=off
// with csrf. The zero value hides it.
type TwoStep struct {
	State   string // StateOn, StateOff or StateRequired, which has no form
	Since   time.Time
	Action  string // "" shows no button
	Blocked string // a Blocked constant: why there is no button; "" says nothing
	OneWay  bool   // with StateRequired: there is one method and no choice
}

// MethodChoice is a radio group; its form posts method to Action.
type MethodChoice struct {
	Action  string
	Options []MethodOption
	Since   time.Time // of the current choice; zero hides it
}

// MethodOption is one radio button. "off" is the method that is none.
type MethodOption struct {
	Method  string // email, sms, voice, totp, webauthn, recovery_codes or off
	Masked  string
	Current bool
	Reason  string // a Blocked or a Reason constant: cannot be chosen, and why; "" when it can
}

// FactorRow is one kind of method, or the password.
type FactorRow struct {
	Kind      string // email, sms, voice, totp, webauthn, recovery_codes, pin or password
	State     string // a State constant; "" shows none
	Reason    string // with StateBlocked: a Blocked or a Reason constant
	Masked    string // where its codes go
	Name      string // of the device, given by the user
	First     bool   // asked first
	Apart     bool   // with StateRequired: two-step sign-in is off, and only actions ask for it
	Since     time.Time
	LastUsed  time.Time
	Unused    bool // never used since it was set up; says so
	CodesLeft int  // of recovery_codes, with CodesTotal
	// CodesTotal is how many were made; 0 says that there are none.
	CodesTotal int
	Actions    []RowAction
	Blocked    []Block // changes that are not offered, and why
}

// CodesLow reports whether the backup codes are nearly used up.
func (r FactorRow) CodesLow() bool { return r.CodesTotal > 0 && r.CodesLeft <= 2 }

// ContactRow is an address or a number of the account.
type ContactRow struct {
	Kind       string // email or phone
	Masked     string // as much of it as may be shown
	Status     string // confirmed, unverified, pending or "" for none yet
	Registered bool   // notices go there
	Since      time.Time
	Actions    []RowAction
	Blocked    []Block
}

// KeyRow is a passkey or a security key.
type KeyRow struct {
	Name     string // given by the user
	Synced   bool   // kept by a password manager, on several devices
	Since    time.Time
	LastUsed time.Time
	Actions  []RowAction
	Blocked  []Block
}

// RowAction is what can be done about a row: a link to a page that asks, or a
// small form that posts csrf and Fields.
type RowAction struct {
	Label  string // a Do constant
	URL    string
	Post   bool
	Fields []Field
}

// The words on the buttons of a row.
const (
	DoAdd        = "add"
	DoEnable     = "enable"
	DoChange     = "change"
	DoEdit       = "edit"
	DoConfirm    = "confirm"
	DoTurnOff    = "turn_off"
	DoRemove     = "remove"
	DoRename     = "rename"
	DoMakeNew    = "make_new"
	DoMake       = "make"
	DoSet        = "set"
	DoSignOut    = "sign_out"
	DoAddPasskey = "add_passkey"
	DoAddKey     = "add_key"
	DoRemoveAll  = "remove_all"
	DoSignOutAll = "sign_out_all"
	DoRemoveApp  = "remove_app"
)

var dos = []string{
	DoAdd, DoEnable, DoChange, DoEdit, DoConfirm, DoTurnOff, DoRemove, DoRename, DoMakeNew, DoMake, DoSet, DoSignOut,
	DoAddPasskey, DoAddKey, DoRemoveAll, DoSignOutAll, DoRemoveApp,
}

// Block is a change that is not offered now.
type Block struct {
	Label  string // the Do constant of the button that would stand here
	Reason string // a Blocked constant, or the name of a flag that the app has set
}

// Why a change is not possible. Any other reason is the name of a flag, and is
// quoted.
const (
	BlockedIdentity   = "identity_verification_pending" // a flag that the app has set
	BlockedForbidden  = "forbidden"                     // by the policy
	BlockedRequired   = "required"                      // the organization keeps it on
	BlockedLast       = "last_method"                   // the last one that may not go
	BlockedNeverGoes  = "never_removed"                 // a number that may be changed, never removed
	BlockedRegistered = "registered"                    // notices need an address
	BlockedCountry    = "country"                       // no text messages to the country of the number
	BlockedPhone      = "no_phone"                      // it needs a confirmed number first
	BlockedStaff      = "staff"                         // only the organization's contact person can
	BlockedHold       = "hold"                          // for a while after a recovery
	BlockedAddress    = "address_unconfirmed"           // the account's address is to be confirmed first
	BlockedPIN        = "no_pin"                        // it needs a PIN first
	BlockedInUse      = "in_use"                        // a method needs the contact
	BlockedChoice     = "choice"                        // it is done by choosing the method
	BlockedPINDead    = "pin_dead"                      // the PIN has stopped working
)

var blocks = []string{
	BlockedIdentity, BlockedForbidden, BlockedRequired, BlockedLast, BlockedNeverGoes, BlockedRegistered,
	BlockedCountry, BlockedPhone, BlockedStaff, BlockedHold, BlockedAddress, BlockedPIN, BlockedInUse,
	BlockedChoice, BlockedPINDead,
}

// ConfirmChangePage asks once more before something is removed or turned off,
// and lists what is lost. It posts csrf, Fields and confirm=1.
type ConfirmChangePage struct {
	Frame
	Action  string
	Fields  []Field
	Change  string // a Change constant with a question of its own
	Name    string // of the key, device or app that it is about
	Masked  string // the number or address that it is about
	Losses  []Loss
	Next    bool   // a proof is asked for after this page
	NextTo  string // the number or address to which the code of the next page goes; "" says only that there is one
	Alone   bool   // it is the only second step: after it the password alone opens the account
	Refused string // a Blocked constant, or the name of a flag: it cannot be done; the button is gone
	BackURL string
}

func (ConfirmChangePage) file() string { return "settings-confirm.html" }

// Loss is a line of what will be lost, or what stays.
type Loss struct {
	What  string // a Loss constant
	N     int    // how many; 0 where it is not counted
	Stays bool
}

// What a change takes away.
const (
	LossMethods  = "methods"
	LossCodes    = "recovery_codes"
	LossDevices  = "devices"
	LossSessions = "sessions"
	LossThis     = "this_session"
	LossPasskeys = "passkeys"
	LossPIN      = "pin"
	LossActions  = "actions" // that go on asking; always Stays
	LossContact  = "contact" // the number or address stays in the account
	LossApp      = "app"     // the app can no longer use the account
	LossAppData  = "app_data"
)

var losses = []string{LossMethods, LossCodes, LossDevices, LossSessions, LossPasskeys}

var lossesPlain = []string{LossThis, LossPIN, LossActions, LossContact, LossApp, LossAppData}

// RenamePage gives a key, a passkey or a device a name. It posts name.
type RenamePage struct {
	Frame
	Action  string
	Kind    string // passkey, key, device or totp
	Name    string // as it is now
	Problem string // ProblemNoName or ProblemNameTooLong
	BackURL string
}

func (RenamePage) file() string { return "settings-rename.html" }
