package policy

// Policy is the whole policy of one tenant, with every default filled in. Get one
// from [Parse] or [Preset]; its zero value is not a valid policy.
//
// The JSON names, ranges and defaults are those of policy.schema.json. Durations
// are whole seconds, money is in millionths of a US dollar.
type Policy struct {
	Schema        string             `json:"schema"` // always "mfa-policy/1"
	Name          string             `json:"name"`
	Note          string             `json:"note"`
	Enforcement   Enforcement        `json:"enforcement"`
	Methods       map[Kind]Method    `json:"methods"` // every kind has an entry
	Selection     Selection          `json:"selection"`
	Codes         Codes              `json:"codes"`
	Delivery      Delivery           `json:"delivery"`
	Contacts      Contacts           `json:"contacts"`
	Lifecycle     map[Kind]Lifecycle `json:"lifecycle"` // at least the enabled kinds
	Actions       map[string]Action  `json:"actions"`   // as written; ask [Policy.Action]
	TrustedDevice TrustedDevice      `json:"trusted_device"`
	Session       Session            `json:"session"`
	Lockout       Lockout            `json:"lockout"`
	Limits        Limits             `json:"limits"`
	Recovery      Recovery           `json:"recovery"`
	Admin         Admin              `json:"admin"`
	Notify        Notify             `json:"notify"`
	Signals       []Signal           `json:"signals"`
	ACR           ACR                `json:"acr"`
}

// Enforcement says whether a login has a second step, and how hard it is asked for.
type Enforcement struct {
	Mode                 Mode           `json:"mode"`
	DefaultForNewTenants bool           `json:"default_for_new_tenants"`
	Grace                Seconds        `json:"grace_s"` // mode required: how long enrolment may be put off
	Reminders            List[Reminder] `json:"reminders"`
	Chooser              Chooser        `json:"chooser"`
	UserMaySkip          bool           `json:"user_may_skip"` // mode prompt: the banner can be dismissed
	FirstEnrolmentProof  EnrolmentProof `json:"first_enrolment_proof"`
}

// Method says whether and where one kind is offered.
type Method struct {
	Enabled bool      `json:"enabled"`
	Role    Role      `json:"role"`
	Uses    List[Use] `json:"uses"`
}

// Selection bounds how many methods a tenant and a user may have.
type Selection struct {
	TenantMax              int        `json:"tenant_max"`                // of email, sms, voice, totp, webauthn together
	TenantMultiMustInclude List[Kind] `json:"tenant_multi_must_include"` // if more than one is on
	UserMax                int        `json:"user_max"`                  // active second factors; 1 means exclusive
	Switch                 Switch     `json:"switch"`
}

// Codes is what codes look like and how long they live. Use [Policy.Code] to get
// what holds for one channel and purpose.
type Codes struct {
	Default   CodeSet                  `json:"default"`
	ByChannel map[Kind]CodeOverride    `json:"by_channel"`
	ByPurpose map[Purpose]CodeOverride `json:"by_purpose"` // wins over ByChannel
	TOTP      TOTPCodes                `json:"totp"`
	Recovery  RecoveryCodeSet          `json:"recovery"`
	PIN       PINDigits                `json:"pin"`
}

// CodeSet is the settings of a delivered code.
type CodeSet struct {
	Digits      int     `json:"digits"`
	TTL         Seconds `json:"ttl_s"`
	ResendAfter Seconds `json:"resend_after_s"` // before a resend or a change of channel
	Attempts    int     `json:"attempts"`       // comparisons per challenge
	Sends       int     `json:"sends"`          // deliveries per challenge chain, the first included
}

// CodeOverride replaces some settings of a [CodeSet]. A zero field replaces nothing.
type CodeOverride struct {
	Digits      int     `json:"digits,omitempty"`
	TTL         Seconds `json:"ttl_s,omitempty"`
	ResendAfter Seconds `json:"resend_after_s,omitempty"`
	Attempts    int     `json:"attempts,omitempty"`
	Sends       int     `json:"sends,omitempty"`
}

// TOTPCodes is the form of the codes of an authenticator app. Source: RFC 6238.
type TOTPCodes struct {
	Period Seconds `json:"period_s"`
	Digits int     `json:"digits"`
	Back   int     `json:"back"`  // past steps accepted
	Ahead  int     `json:"ahead"` // future steps accepted
}

// RecoveryCodeSet is the form of a set of recovery codes.
type RecoveryCodeSet struct {
	Count int `json:"count"`
	Bits  int `json:"bits"` // secret bits per code, beside the slot number
}

// PINDigits is the length of a PIN.
type PINDigits struct {
	Min int `json:"digits_min"`
	Max int `json:"digits_max"`
}

// Delivery says which method a user meets first and which ones stand beside it.
type Delivery struct {
	First                         First      `json:"first"`
	FallbackTo                    List[Kind] `json:"fallback_to"` // kinds that are not enabled are ignored
	FallbackUnlock                Unlock     `json:"fallback_unlock"`
	FallbackNeedsConfirmedContact bool       `json:"fallback_needs_confirmed_contact"`
}

// Contacts is the rules for telephone numbers and addresses.
type Contacts struct {
	Phone PhoneContacts `json:"phone"`
	Email EmailContacts `json:"email"`
}

// PhoneContacts is the rules for telephone numbers.
type PhoneContacts struct {
	Collect            string         `json:"collect"`            // never, optional, required
	RequiredOnCreate   string         `json:"required_on_create"` // auto, always, never
	LineTypes          List[LineType] `json:"line_types"`
	SMSTo              List[LineType] `json:"sms_to"` // fixed never
	VoiceTo            List[LineType] `json:"voice_to"`
	Extensions         string         `json:"extensions"` // always "reject"
	CountriesSMS       Countries      `json:"countries_sms"`
	CountriesVoice     Countries      `json:"countries_voice"`
	CountryGuess       string         `json:"country_guess"` // none, ip, tenant
	Unique             Uniqueness     `json:"unique"`
	ReleaseAfterChange Release        `json:"release_after_change"`
	ReleaseDays        int            `json:"release_days"`
	Remove             Removal        `json:"remove"`
	Change             Permission     `json:"change"`
	ChangeBlockedBy    List[string]   `json:"change_blocked_by"` // user flags that hide and refuse the change
	AdminAssigned      AdminAssigned  `json:"admin_assigned"`
	LegacyUnverified   string         `json:"legacy_unverified"` // keep_and_prompt, drop
}

// EmailContacts is the rules for addresses.
type EmailContacts struct {
	FactorAddress string     `json:"factor_address"` // registered, any_verified
	Change        Permission `json:"change"`
}

// Lifecycle says what it takes to switch one method on, off, or to replace it.
type Lifecycle struct {
	Enable       Ceremony `json:"enable"`
	Disable      Ceremony `json:"disable"`
	Change       Ceremony `json:"change"`
	ReauthMaxAge Seconds  `json:"reauth_max_age_s"` // age of the last active login before the first stage
}

// Action is something that a user confirms, and what the confirmation takes.
type Action struct {
	Applies       Applies           `json:"applies"`
	Require       List[Requirement] `json:"require"`
	Stages        Stages            `json:"stages"`
	Methods       List[Kind]        `json:"methods"` // empty: every method whose uses has action
	Binding       Binding           `json:"binding"`
	Fields        List[string]      `json:"fields"` // members of authorization_details the user must see
	TTL           Seconds           `json:"ttl_s"`  // from request to approval
	ConsumeWithin Seconds           `json:"consume_within_s"`
	Hold          bool              `json:"hold"`       // refused during recovery.hold_actions_s
	DenyFlags     List[string]      `json:"deny_flags"` // user flags that refuse the action
	Details       Details           `json:"details"`
	Begin         Begin             `json:"begin"`
	Thresholds    []Threshold       `json:"thresholds"` // in the order in which they are laid over it
}

// TrustedDevice says whether a browser may skip the second step of a login, and
// for how long. It never counts outside a login.
type TrustedDevice struct {
	Enabled    bool          `json:"enabled"`
	Lifetime   Lifetime      `json:"lifetime"` // ask [Policy.TrustLifetime]
	Consent    DeviceConsent `json:"consent"`
	MaxPerUser int           `json:"max_per_user"`
}

// Session says how long somebody stays signed in.
type Session struct {
	Idle           Seconds `json:"idle_s"`
	Absolute       Seconds `json:"absolute_s"`
	Persistent     bool    `json:"persistent"`       // the cookie survives a restart of the browser
	OnFactorChange string  `json:"on_factor_change"` // offer_revoke_others, revoke_others
}

// Lockout says what wrong answers cost.
type Lockout struct {
	SoftFails    int           `json:"soft_fails"` // failures of one factor in Window before delays start
	Window       Seconds       `json:"window_s"`
	Delays       List[Seconds] `json:"delays_s"`
	HardFails    int           `json:"hard_fails"` // consecutive failures that disable the factor
	PINFails     int           `json:"pin_fails"`
	PINBlock     Seconds       `json:"pin_block_s"`
	PINHardFails int           `json:"pin_hard_fails"` // then the PIN needs a reset
}

// Rate allows N events in any stretch of Per.
type Rate struct {
	N   int     `json:"n"`
	Per Seconds `json:"per_s"`
}

// Limits is how much may be sent and tried. Every rate of a list holds at once.
type Limits struct {
	SendPerContact     []Rate `json:"send_per_contact"`
	SendPerUser        []Rate `json:"send_per_user"`
	SendPerIP          []Rate `json:"send_per_ip"`
	SendPerPrefix      []Rate `json:"send_per_prefix"` // a number without its last four digits
	SendPerCountry     []Rate `json:"send_per_country"`
	NewContactsPerUser []Rate `json:"new_contacts_per_user"`
	VerifyPerUser      []Rate `json:"verify_per_user"`
	VerifyPerIP        []Rate `json:"verify_per_ip"`
	Budget
}

// Budget is the ceiling of telephony cost and the guard against numbers that get
// codes and never type them.
type Budget struct {
	DailyMicros       int64   `json:"budget_daily_usd_micros"` // of the tenant, in one UTC day
	OnExhaust         string  `json:"budget_on_exhaust"`       // other_methods, block
	ConversionSends   int     `json:"conversion_min_sends"`
	ConversionPercent int     `json:"conversion_min_percent"` // below it, the prefix or country is blocked
	ConversionBlock   Seconds `json:"conversion_block_s"`
}

// Recovery says how a user who lost a factor gets back in.
type Recovery struct {
	SelfService    List[RecoveryWay] `json:"self_service"`
	AdminResetUser Who               `json:"admin_reset_user"`
	AdminResetAll  Who               `json:"admin_reset_all"`
	DualControl    string            `json:"dual_control"` // none, reset_all, every_reset
	HoldActions    Seconds           `json:"hold_actions_s"`
}

// Admin is what the tenant's admin sees and may do.
type Admin struct {
	MissingPhoneReport string `json:"missing_phone_report"`  // while_phone_method_on, never
	MissingPhoneOnSave string `json:"missing_phone_on_save"` // warn, block
	MethodsEditableBy  Who    `json:"methods_editable_by"`
	MayDisableForUser  Who    `json:"may_disable_for_user"`
}

// Notify says who is told of what.
type Notify struct {
	EmailEvents              List[Event]  `json:"email_events"` // to the registered address
	OldContactToo            bool         `json:"old_contact_too"`
	OnScreen                 List[Notice] `json:"on_screen"`
	FrequentPromptHintPerDay int          `json:"frequent_prompt_hint_per_day"` // 0 is off
}

// Signal is an event sent to the relying app.
type Signal struct {
	When    string `json:"when"`              // contact_confirmed, factor_added, mfa_enabled
	Channel Kind   `json:"channel,omitempty"` // "" is any
	Event   string `json:"event"`
	Value   Value  `json:"value,omitzero"`
}

// ACR says what the methods are worth, and the least a login must reach when the
// user has a second factor.
type ACR struct {
	EmailIs  Class `json:"email_is"`
	SMSIs    Class `json:"sms_is"`
	VoiceIs  Class `json:"voice_is"`
	LoginMin Class `json:"login_min"`
}
