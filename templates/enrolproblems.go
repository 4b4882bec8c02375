package templates

// What was wrong with a method that the user sets up, or with a key or a PIN
// that answers. They are Problem constants like the others.
const (
	ProblemNoChoice = "no_choice" // nothing was chosen

	ProblemKeyCancelled  = "key_cancelled"  // the browser's dialog was closed or timed out
	ProblemKeyFailed     = "key_failed"     // the answer was not right
	ProblemKeyUnknown    = "key_unknown"    // not a key of this account
	ProblemKeyCloned     = "key_cloned"     // its counter went back; it is off from now on
	ProblemKeyUnverified = "key_unverified" // it was touched, but nobody was verified
	ProblemKeyExists     = "key_exists"     // it is registered already
	ProblemKeyPolicy     = "key_policy"     // this kind of key is not accepted here
	ProblemKeyLimit      = "key_limit"      // as many keys as can be

	ProblemPasskeyUnknown = "passkey_unknown" // at the door: no account has it
	ProblemPasskeyFailed  = "passkey_failed"  // at the door: the answer was not right

	ProblemPhoneInvalid   = "phone_invalid"
	ProblemPhoneNoCountry = "phone_no_country" // no country was chosen
	ProblemPhoneExtension = "phone_extension"
	ProblemPhoneLandline  = "phone_landline_sms" // a text to a landline
	ProblemPhoneLine      = "phone_line"         // a landline or a mobile number is not accepted
	ProblemPhoneWhich     = "phone_which"        // the number does not tell, and the user has not said
	ProblemPhoneInUse     = "phone_in_use"       // told after the right code only
	ProblemPhoneCountry   = "phone_country"      // the method or the number is not offered there
	ProblemPhoneType      = "phone_type"         // premium, toll-free, service and the like
	ProblemPhoneBlocked   = "phone_blocked"      // change_blocked, with a Reason
	ProblemPhoneLimit     = "phone_limit"        // too many numbers tried; RetryAt
	ProblemPhoneSame      = "phone_same"         // it is the number that is there now

	ProblemEmailInUse   = "email_in_use" // told after the right code only
	ProblemEmailBlocked = "email_blocked"
	ProblemEmailLimit   = "email_limit"
	ProblemEmailSame    = "email_same"

	ProblemPINLength   = "pin_length" // not as long as the policy says, or not only digits
	ProblemPINRun      = "pin_run"
	ProblemPINRepeat   = "pin_repeat"
	ProblemPINDate     = "pin_date"
	ProblemPINPhone    = "pin_phone"
	ProblemPINPassword = "pin_password"
	ProblemPINCommon   = "pin_common"
	ProblemPINSame     = "pin_same"    // the one that counts now
	ProblemPINBlocked  = "pin_blocked" // until LockedUntil
	ProblemPINDead     = "pin_dead"    // it has to be reset

	ProblemNotSaved = "not_saved" // the box was not ticked
)

// The following have texts, but no handler names them: [CodeField.Says] does.
const (
	problemUsedApp      = "used_app"
	problemWrongApp     = "wrong_app"
	problemWrongPIN     = "wrong_pin"
	problemWrongPair    = "wrong_pair"
	problemEmptyPIN     = "empty_pin"
	problemEmptyPair    = "empty_pair"
	problemMalformedPIN = "malformed_pin"
	problemBadBackup    = "malformed_backup"
)

// problemOf is the text of a problem by method; "pair" is a code and a PIN.
var problemOf = map[string]map[string]string{
	"totp":           {ProblemUsed: problemUsedApp, ProblemWrongCode: problemWrongApp},
	"recovery_codes": {ProblemMalformed: problemBadBackup},
	"webauthn":       {ProblemWrongCode: ProblemKeyFailed, ProblemMalformed: ProblemKeyFailed, ProblemEmpty: ProblemKeyFailed},
	"pin":            {ProblemWrongCode: problemWrongPIN, ProblemMalformed: problemMalformedPIN, ProblemEmpty: problemEmptyPIN},
	"pair":           {ProblemWrongCode: problemWrongPair, ProblemMalformed: problemWrongPair, ProblemEmpty: problemEmptyPair},
}

// saysOfPIN is problem in the words for a PIN.
func saysOfPIN(about bool, problem string) string {
	said, ok := problemOf["pin"][problem]
	if about && ok {
		return said
	}
	return problem
}

var enrolProblems = []string{
	ProblemNoChoice, ProblemKeyCancelled, ProblemKeyFailed, ProblemKeyUnknown, ProblemKeyCloned, ProblemKeyUnverified,
	ProblemKeyExists, ProblemKeyPolicy, ProblemKeyLimit, ProblemPasskeyUnknown, ProblemPasskeyFailed,
	ProblemPhoneInvalid, ProblemPhoneNoCountry, ProblemPhoneExtension, ProblemPhoneLandline, ProblemPhoneLine, ProblemPhoneWhich,
	ProblemPhoneInUse, ProblemPhoneCountry, ProblemPhoneType, ProblemPhoneBlocked, ProblemPhoneLimit, ProblemPhoneSame,
	ProblemEmailInUse, ProblemEmailBlocked, ProblemEmailLimit, ProblemEmailSame,
	ProblemPINLength, ProblemPINRun, ProblemPINRepeat, ProblemPINDate, ProblemPINPhone, ProblemPINPassword,
	ProblemPINCommon, ProblemPINSame, ProblemPINBlocked, ProblemPINDead, ProblemNotSaved,
	problemUsedApp, problemWrongApp, problemWrongPIN, problemWrongPair, problemEmptyPIN, problemEmptyPair,
	problemMalformedPIN, problemBadBackup,
}

// ChangeFirstEnrolment is the Change of the code that is asked for before the
// first method is set up, in the middle of a sign-in. The others are named with
// the pages of the settings, or "<method>.enable", ".change" and ".disable".
const ChangeFirstEnrolment = "first_enrolment"

// changes are those of a method and a few others; each has a sentence on a
// [ChallengePage]. Any other Change has a general one.
var changes = []string{
	ChangeFirstEnrolment,
	"email.enable", "email.change", "email.disable", "sms.enable", "sms.change", "sms.disable",
	"voice.enable", "voice.change", "voice.disable", "totp.enable", "totp.change", "totp.disable",
	"webauthn.enable", "webauthn.change", "webauthn.disable", "pin.enable", "pin.change", "pin.disable",
	"recovery_codes.enable", "recovery_codes.change", "recovery_codes.disable",
	ChangeTurnOff2FA, ChangePassword, ChangeRemoveDevices, ChangeEndSessions, ChangeSettings, "other",
}

// enrolFamilies are the messages of the pages that set up a method.
var enrolFamilies = []family{
	{"problem", enrolProblems, []string{".what", ".do"}},
	{"problem", []string{ProblemPINBlocked, ProblemPhoneLimit, ProblemEmailLimit}, []string{".do_soon"}},
	{"code.label", []string{"pin"}, whole},
	{"way", []string{"pin", "phone"}, []string{".name", ".hint"}},
	{"need", []string{"email", "sms", "voice", "phone", "totp", "webauthn", "recovery_codes", "pin"}, whole},
	{"done.method", []string{"email", "sms", "voice", "totp", "webauthn", "recovery_codes", "pin"}, whole},
	{"strength", []string{"strongest", "strong", "basic"}, whole},
	{"reason", []string{ReasonCountry, ReasonOn, ReasonLimit, ReasonFirst, ReasonLine, ReasonPIN, ReasonLocked, ReasonTimer}, whole},
	{"os", []string{DeviceIOS, DeviceAndroid, DeviceComputer, DeviceOther}, whole},
	{"store", []string{DeviceIOS, DeviceAndroid, DeviceComputer, DeviceOther}, whole},
	{"app", []string{"builtin", "known", "open", "manager"}, whole},
	{"change", changes, whole},
}
