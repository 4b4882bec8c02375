package policy

import "encoding/json"

// defaults returns a policy with every default of the schema, in fresh memory. A
// test compares it with policy.schema.json.
func defaults() Policy {
	return Policy{
		Enforcement: Enforcement{
			Mode:                ModeOptIn,
			Reminders:           List[Reminder]{},
			Chooser:             ChooserUser,
			UserMaySkip:         true,
			FirstEnrolmentProof: EnrolmentProofEmailCode,
		},
		Methods:   map[Kind]Method{},
		Selection: Selection{TenantMax: 5, TenantMultiMustInclude: List[Kind]{}, UserMax: 5, Switch: SwitchAddThenRemove},
		Codes: Codes{
			Default:   CodeSet{Digits: 6, TTL: 300, ResendAfter: 60, Attempts: 5, Sends: 5},
			ByChannel: map[Kind]CodeOverride{},
			ByPurpose: map[Purpose]CodeOverride{},
			TOTP:      TOTPCodes{Period: 30, Digits: 6, Back: 1, Ahead: 0},
			Recovery:  RecoveryCodeSet{Count: 10, Bits: 70},
			PIN:       PINDigits{Min: 6, Max: 8},
		},
		Delivery: Delivery{
			First:                         FirstUserChoice,
			FallbackTo:                    List[Kind]{},
			FallbackUnlock:                UnlockAtOnce,
			FallbackNeedsConfirmedContact: true,
		},
		Contacts:      defaultContacts(),
		Lifecycle:     map[Kind]Lifecycle{},
		Actions:       map[string]Action{},
		TrustedDevice: TrustedDevice{Lifetime: LifetimeSession, Consent: ConsentAsk, MaxPerUser: 5},
		Session:       Session{Idle: 3600, Absolute: 86400, OnFactorChange: "offer_revoke_others"},
		Lockout: Lockout{
			SoftFails: 5, Window: 900, Delays: List[Seconds]{30, 60, 300, 900, 3600}, HardFails: 50,
			PINFails: 5, PINBlock: 900, PINHardFails: 10,
		},
		Limits: defaultLimits(),
		Recovery: Recovery{
			SelfService:    List[RecoveryWay]{RecoverByCodes, RecoverByOtherFactor},
			AdminResetUser: TenantAdmin,
			AdminResetAll:  Operator,
			DualControl:    "reset_all",
			HoldActions:    86400,
		},
		Admin: Admin{
			MissingPhoneReport: "while_phone_method_on",
			MissingPhoneOnSave: "warn",
			MethodsEditableBy:  TenantAdmin,
			MayDisableForUser:  TenantAdmin,
		},
		Notify:  defaultNotify(),
		Signals: []Signal{},
		ACR:     ACR{EmailIs: Class2SV, SMSIs: ClassMFA, VoiceIs: ClassMFA, LoginMin: Class1FA},
	}
}

func defaultContacts() Contacts {
	return Contacts{
		Phone: PhoneContacts{
			Collect:            "optional",
			RequiredOnCreate:   "auto",
			LineTypes:          List[LineType]{LineMobile, LineAmbiguous},
			SMSTo:              List[LineType]{LineMobile, LineAmbiguous},
			VoiceTo:            List[LineType]{LineMobile, LineAmbiguous},
			Extensions:         "reject",
			CountriesSMS:       Countries{List: List[string]{}},
			CountriesVoice:     Countries{List: List[string]{}},
			CountryGuess:       "ip",
			Unique:             UniqueNone,
			ReleaseAfterChange: ReleaseAtOnce,
			ReleaseDays:        90,
			Remove:             RemoveWhileUnused,
			Change:             Allowed,
			ChangeBlockedBy:    List[string]{},
			AdminAssigned:      AdminAssignedMustEnrol,
			LegacyUnverified:   "keep_and_prompt",
		},
		Email: EmailContacts{FactorAddress: "registered", Change: Allowed},
	}
}

func defaultLimits() Limits {
	return Limits{
		SendPerContact:     []Rate{{5, 600}, {10, 3600}, {20, 86400}},
		SendPerUser:        []Rate{{10, 3600}, {30, 86400}},
		SendPerIP:          []Rate{{25, 300}, {200, 86400}},
		SendPerPrefix:      []Rate{{30, 3600}},
		SendPerCountry:     []Rate{{2000, 86400}},
		NewContactsPerUser: []Rate{{3, 86400}},
		VerifyPerUser:      []Rate{{20, 900}},
		VerifyPerIP:        []Rate{{120, 300}},
		Budget:             defaultBudget(),
	}
}

func defaultBudget() Budget {
	return Budget{
		DailyMicros:       20_000_000,
		OnExhaust:         "other_methods",
		ConversionSends:   30,
		ConversionPercent: 20,
		ConversionBlock:   3600,
	}
}

func defaultNotify() Notify {
	return Notify{
		EmailEvents: List[Event]{
			EventFactorAdded, EventFactorRemoved, EventFactorChanged, EventContactChanged,
			EventMFAEnabled, EventMFADisabled, EventPINChanged, EventRecoveryCodesMade,
			EventRecoveryCodeUsed, EventDeviceTrusted, EventAdminReset, EventPasswordChanged,
			EventSecondStepFailed, EventFactorLocked,
		},
		OldContactToo: true,
		OnScreen:      List[Notice]{NoticeContactConfirmed, NoticeActionApproved, NoticeCodeSent},
	}
}

func defaultMethod() Method {
	return Method{Role: RoleAny, Uses: List[Use]{UseLogin, UseAction}}
}

func defaultLifecycle() Lifecycle { return Lifecycle{ReauthMaxAge: 900} }

func defaultAction() Action {
	return Action{
		Applies:       AppliesAlways,
		Require:       List[Requirement]{},
		Stages:        Stages{},
		Methods:       List[Kind]{},
		Binding:       BindingPage,
		Fields:        List[string]{},
		TTL:           600,
		ConsumeWithin: 120,
		DenyFlags:     List[string]{},
		Details:       DetailsOptional,
		Begin:         BeginOnSubmit,
		Thresholds:    []Threshold{},
	}
}

// The three types below are elements of maps, so their defaults cannot lie ready
// before the document is read.

// UnmarshalJSON reads a method over the defaults.
func (m *Method) UnmarshalJSON(b []byte) error {
	type plain Method
	v := plain(defaultMethod())
	err := json.Unmarshal(b, &v)
	*m = Method(v)
	return err
}

// UnmarshalJSON reads a lifecycle over the defaults.
func (l *Lifecycle) UnmarshalJSON(b []byte) error {
	type plain Lifecycle
	v := plain(defaultLifecycle())
	err := json.Unmarshal(b, &v)
	*l = Lifecycle(v)
	return err
}

// UnmarshalJSON reads an action over the defaults.
func (a *Action) UnmarshalJSON(b []byte) error {
	type plain Action
	v := plain(defaultAction())
	err := json.Unmarshal(b, &v)
	*a = Action(v)
	return err
}
