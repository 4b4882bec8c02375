package templates

import (
	"encoding/base64"
	"errors"
	"html/template"
	"strings"
	"time"
)

// Progress says how far a sequence of pages has come, as "Step 2 of 4". The
// zero value hides it.
type Progress struct{ Step, Steps int }

// Wizard is what the pages of an enrolment share. The zero value of a field
// hides its part.
type Wizard struct {
	Progress
	BackURL    string // to the page before, such as the choice of a method
	LeaveURL   string // away without any change: to the settings
	LaterURL   string // form action; posted with later=1, it puts the enrolment off
	LaterLeft  int    // how often it can still be put off
	LaterUntil time.Time
}

// How urgent an enrolment is.
const (
	EnrolNow      = "now"      // nothing goes on without it
	EnrolBy       = "by"       // it can be put off: LaterURL, with LaterLeft or LaterUntil
	EnrolOptional = "optional" // nobody asks for it
	EnrolInstead  = "instead"  // another method must come before this one can go
)

// EnrolChoosePage lets the user choose a method to set up. It posts method, or
// later=1 to LaterURL, or cancel=1.
type EnrolChoosePage struct {
	Frame
	Wizard
	Action    string
	Need      string        // an Enrol constant; "" is EnrolOptional
	Choices   []EnrolChoice // the recommended one first; the order is kept
	Problem   string        // a Problem constant, such as ProblemNoChoice
	RetryAt   time.Time
	CanCancel bool // shows the way back to the app
}

func (EnrolChoosePage) file() string { return "enrol-choose.html" }

// One reports whether there is nothing to choose from.
func (p EnrolChoosePage) One() bool { return len(p.Choices) == 1 }

// EnrolChoice is a method that can be set up. One that cannot stays in the
// list, with its reason.
type EnrolChoice struct {
	Method      string // email, sms, voice, phone (text or call), totp, webauthn, recovery_codes or pin
	Strength    string // strongest, strong or basic; "" hides it
	Recommended bool
	Masked      string // the number or address that waits to be confirmed
	Available   bool
	Reason      string    // a Reason constant, when not available
	AvailableAt time.Time // with ReasonTimer and ReasonLocked
}

// Why a method cannot be set up, beyond the reasons of a [Way].
const (
	ReasonCountry = "country" // no text messages in the user's country
	ReasonOn      = "on"      // it is on already, and one is all there can be
	ReasonLimit   = "limit"   // as many as can be
	ReasonFirst   = "first"   // another method must be on before
	ReasonLine    = "line"    // a landline takes no text messages
	ReasonPIN     = "pin"     // a PIN must be set before
)

// The kinds of device on which an authenticator app is set up. They only
// change which apps are named.
const (
	DeviceIOS      = "ios"
	DeviceAndroid  = "android"
	DeviceComputer = "computer"
	DeviceOther    = "other"
)

// EnrolDevicePage asks which device shall have the authenticator app. It gets
// os (a Device constant) from Action: a GET form, so that it changes nothing.
type EnrolDevicePage struct {
	Frame
	Wizard
	Action string
}

func (EnrolDevicePage) file() string { return "enrol-device.html" }

// Devices lists the kinds of device in the order of the page.
func (EnrolDevicePage) Devices() []string {
	return []string{DeviceIOS, DeviceAndroid, DeviceComputer, DeviceOther}
}

// EnrolGetAppPage says where to get an authenticator app for OS. It posts os to
// Action, which begins the enrolment.
type EnrolGetAppPage struct {
	Frame
	Wizard
	Action string
	OS     string // a Device constant; anything else is DeviceOther
}

func (EnrolGetAppPage) file() string { return "enrol-get-app.html" }

// Kind is OS, or DeviceOther.
func (p EnrolGetAppPage) Kind() string {
	_, ok := apps[p.OS]
	if !ok {
		return DeviceOther
	}
	return p.OS
}

// Apps is what the page names for OS.
func (p EnrolGetAppPage) Apps() []AppGroup { return apps[p.Kind()] }

// AppGroup is a kind of authenticator app, with some that exist. The choice is
// the user's; nothing depends on it.
type AppGroup struct {
	Kind  string // builtin, known, open or manager
	Names []string
}

var (
	knownApps = AppGroup{"known", []string{"Google Authenticator", "Microsoft Authenticator"}}
	managers  = AppGroup{"manager", []string{"1Password", "Bitwarden", "KeePassXC"}}
)

// apps are by device. Each set up a time-based code of RFC 6238 by QR code.
var apps = map[string][]AppGroup{
	DeviceIOS:      {{"builtin", []string{"Apple Passwords"}}, knownApps, {"open", []string{"Ente Auth", "Tofu"}}},
	DeviceAndroid:  {knownApps, {"open", []string{"Aegis", "Ente Auth", "FreeOTP"}}},
	DeviceComputer: {managers, {"open", []string{"Ente Auth"}}},
	DeviceOther:    {knownApps, {"open", []string{"Aegis", "Ente Auth", "FreeOTP"}}, managers},
}

// EnrolAppPage shows the secret of an authenticator app once, and takes the
// first code. It posts code, and pin when AskPIN. Its CodeField has the method
// totp.
type EnrolAppPage struct {
	Frame
	Wizard
	CodeField
	Action   string
	QR       []byte // a PNG of SetupURI
	Key      string // the secret in base32, with or without blanks
	Label    string // the account name that the app will show
	SetupURI string // otpauth://…, for an app on this very device
	Period   int    // seconds; 0 is 30
}

func (EnrolAppPage) file() string { return "enrol-app.html" }

// ActionName is of no action: the code only sets up a method.
func (EnrolAppPage) ActionName() string { return "" }

// Image is the QR code as a data URI, which the content security policy allows
// for images.
func (p EnrolAppPage) Image() template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p.QR)) //nolint:gosec // base64
}

// Groups is the key in groups of four, to type by hand.
func (p EnrolAppPage) Groups() string {
	key := strings.Join(strings.Fields(p.Key), "")
	var out []string
	for len(key) > 4 {
		out, key = append(out, key[:4]), key[4:]
	}
	return strings.Join(append(out, key), " ")
}

// Seconds is the life of a code of the app.
func (p EnrolAppPage) Seconds() int {
	if p.Period == 0 {
		return 30
	}
	return p.Period
}

// SetupLink is SetupURI for a link. Anything but otpauth is an error.
func (p EnrolAppPage) SetupLink() (template.URL, error) {
	if !strings.HasPrefix(p.SetupURI, "otpauth://totp/") {
		return "", errors.New("a setup link is an otpauth address")
	}
	return template.URL(p.SetupURI), nil //nolint:gosec // the scheme is checked above; the attribute is escaped
}

// EnrolKeyPage names and registers a passkey or security key. It posts name and
// credential, and pin when AskPIN. It needs JavaScript, and says so.
type EnrolKeyPage struct {
	Frame
	Wizard
	Action  string
	Kind    string // passkey or security_key; "" is either
	Options string // PublicKeyCredentialCreationOptions as JSON; "" asks for the name only
	Name    string // suggested, such as "Chrome on Linux"; kept from the last try
	AskPIN  bool
	PINHelp PINHelp // with AskPIN
	// Problem is ProblemKey…, ProblemNoName, ProblemNameTooLong or about the PIN;
	// ProblemKeyPolicy and ProblemKeyLimit end the matter.
	Problem     string
	TriesLeft   int // of the PIN, with ProblemWrongCode
	LockedUntil time.Time
}

func (EnrolKeyPage) file() string { return "enrol-key.html" }

// Over reports whether no key can be registered now.
func (p EnrolKeyPage) Over() bool {
	switch p.Problem {
	case ProblemKeyPolicy, ProblemKeyLimit, ProblemPINBlocked, ProblemPINDead:
		return true
	}
	return false
}

// Says is the problem in the words for a PIN, where it is about one.
func (p EnrolKeyPage) Says() string { return saysOfPIN(p.Field() == "pin", p.Problem) }

// Field is the id of the field that Problem is about; "" when it is about none.
func (p EnrolKeyPage) Field() string {
	switch p.Problem {
	case ProblemNoName, ProblemNameTooLong:
		return "name"
	case ProblemWrongCode, ProblemEmpty, ProblemMalformed:
		if p.AskPIN {
			return "pin"
		}
	}
	return ""
}

// EnrolPINPage sets a PIN. It posts new-pin, and pin, the one that counts now,
// when AskOld.
type EnrolPINPage struct {
	Frame
	Wizard
	Action      string
	DigitsMin   int
	DigitsMax   int // 0 or DigitsMin: exactly DigitsMin
	AskOld      bool
	PINHelp     PINHelp // with AskOld
	Problem     string  // ProblemPIN…; ProblemWrongCode and ProblemEmpty are about the old PIN when AskOld
	TriesLeft   int     // of the old PIN
	LockedUntil time.Time
}

func (EnrolPINPage) file() string { return "enrol-pin.html" }

// Over reports whether no PIN is taken now.
func (p EnrolPINPage) Over() bool {
	return p.Problem == ProblemPINBlocked || p.Problem == ProblemPINDead || p.Problem == ProblemTooMany
}

// Field is the id of the field that Problem is about; "" when it is about none.
func (p EnrolPINPage) Field() string {
	switch {
	case p.Problem == "" || p.Over():
		return ""
	case p.AskOld && (p.Problem == ProblemWrongCode || p.Problem == ProblemEmpty || p.Problem == ProblemMalformed):
		return "pin"
	}
	return "new-pin"
}

// Says is the problem in the words for a PIN.
func (p EnrolPINPage) Says() string { return saysOfPIN(true, p.Problem) }

// Exact reports whether there is one length only.
func (p EnrolPINPage) Exact() bool { return p.DigitsMax == 0 || p.DigitsMax == p.DigitsMin }

// EnrolDonePage says that a method is on.
type EnrolDonePage struct {
	Frame
	Wizard
	Method      string // email, sms, voice, totp, webauthn, recovery_codes or pin
	Masked      string // the number or address
	Name        string // of a key, such as "Chrome on Linux"
	Emailed     bool   // the user was told by mail, too
	ContinueURL string
	AnotherURL  string // to add one more, against being locked out
	TwoStepOn   bool   // two-step sign-in was switched on by it
	Methods     int    // that protect the account now, as the hub counts them; 0 says nothing
	Advice      string // an Advice constant; "" when all is well
}

func (EnrolDonePage) file() string { return "enrol-done.html" }
