package templates

import "time"

// What was wrong with a new password, a name or an address. They go into the
// Problem field of the pages of this file.
const (
	ProblemTooShort    = "too_short"
	ProblemTooLong     = "too_long"
	ProblemCommon      = "common"    // on the list of leaked passwords
	ProblemGuessable   = "guessable" // a run, a repetition
	ProblemContext     = "context"   // holds the name, the address or the tenant
	ProblemSameAsOld   = "same_as_old"
	ProblemWrongOld    = "wrong" // the present password
	ProblemNoNew       = "no_new_password"
	ProblemNoName      = "no_name"
	ProblemNameTooLong = "name_too_long"
	ProblemBadEmail    = "bad_email" // an address that no message can reach
	ProblemTooOften    = "too_often" // until RetryAt
)

var accountProblems = []string{
	ProblemTooShort, ProblemTooLong, ProblemCommon, ProblemGuessable, ProblemContext, ProblemSameAsOld,
	ProblemWrongOld, ProblemNoNew, ProblemNoName, ProblemNameTooLong, ProblemBadEmail, ProblemTooOften,
}

// What is being changed in the settings: the Change of a [ConfirmChangePage], and
// of the pages that ask for a proof. A change of a method is "<method>.enable",
// ".change" or ".disable".
const (
	ChangeTurnOn2FA     = "all.enable"
	ChangeTurnOff2FA    = "all.disable"
	ChangeSwitchMethod  = "method.switch" // one method takes the place of another
	ChangeFirst         = "first.choose"  // which way is asked first
	ChangeTurnOffEmail  = "email.disable"
	ChangeTurnOffSMS    = "sms.disable"
	ChangeTurnOffVoice  = "voice.disable"
	ChangeTurnOffTOTP   = "totp.disable"
	ChangeTurnOffKeys   = "webauthn.disable"
	ChangeTurnOffCodes  = "recovery_codes.disable"
	ChangeTurnOffPIN    = "pin.disable"
	ChangeRemoveEmail   = "email.remove"
	ChangeRemovePhone   = "phone.remove"
	ChangeRemovePasskey = "passkey.remove"
	ChangeRemoveKey     = "key.remove"
	ChangeRemoveDevice  = "device.remove"
	ChangeRemoveDevices = "devices.remove"
	ChangeEndSession    = "session.end"
	ChangeEndSessions   = "sessions.end" // all of them: sign out everywhere
	ChangeRemoveApp     = "app.remove"
	ChangePassword      = "password.change"
	ChangeSettings      = "settings" // to open the settings after a while
)

// questions are the changes that ask once more on a [ConfirmChangePage]; any
// other one has general words.
var questions = []string{
	ChangeTurnOff2FA, ChangeTurnOffEmail, ChangeTurnOffSMS, ChangeTurnOffVoice, ChangeTurnOffTOTP, ChangeTurnOffKeys,
	ChangeTurnOffCodes, ChangeTurnOffPIN, ChangeRemoveEmail, ChangeRemovePhone, ChangeRemovePasskey, ChangeRemoveKey,
	ChangeRemoveDevice, ChangeRemoveDevices, ChangeEndSession, ChangeEndSessions, ChangeRemoveApp, ChangeSwitchMethod,
	"other",
}

// PasswordChangePage changes the password of someone who is signed in. It posts
// password, the present one, and new-password.
type PasswordChangePage struct {
	Frame
	Action    string
	Username  string // hidden, for password managers
	First     bool   // there is no password yet: the old one is not asked for
	MinLength int    // in characters
	Problem   string // a Problem constant; "" at first
	RetryAt   time.Time
	ForgotURL string
	BackURL   string
}

func (PasswordChangePage) file() string { return "account-password.html" }

// Field is the id of the field that Problem is about: password or new-password;
// "" when there is no problem.
func (p PasswordChangePage) Field() string {
	switch p.Problem {
	case "":
		return ""
	case ProblemWrongOld, ProblemNoPassword, ProblemLocked, ProblemTooOften:
		if !p.First {
			return "password"
		}
	}
	return "new-password"
}

// ForgotPage asks for the address of an account, to send a link to it. It posts
// username. Its answer is the same for addresses that nobody has.
type ForgotPage struct {
	Frame
	Action    string
	Username  string
	Sent      bool      // the answer to a request; the form is gone
	ExpiresAt time.Time // of the link, with Sent
	Problem   string    // ProblemNoUsername or ProblemTooOften
	RetryAt   time.Time
	SignInURL string
}

func (ForgotPage) file() string { return "account-forgot.html" }

// How far a link from an email has come.
const (
	LinkRequest = "request" // the user may ask for one
	LinkSent    = "sent"
	LinkOpen    = "open" // opened, and not yet used: opening alone changes nothing
	LinkExpired = "expired"
	LinkUsed    = "used"
	LinkDone    = "done"
)

// ResetPage takes a new password from someone who opened the link. It posts
// new-password.
type ResetPage struct {
	Frame
	State      string // LinkOpen, LinkExpired, LinkUsed or LinkDone; "" is LinkExpired
	Action     string
	Username   string // hidden, for password managers
	MinLength  int
	Problem    string
	RetryAt    time.Time
	RequestURL string // where to ask for a new link
	SignInURL  string
	SecondStep bool // with LinkDone: says that the second step stays on
}

func (ResetPage) file() string { return "account-reset.html" }

// VerifyEmailPage confirms that an address reaches its owner. It posts csrf
// alone: to Action with LinkRequest and LinkOpen, to ResendAction otherwise.
type VerifyEmailPage struct {
	Frame
	State        string // a Link constant; "" is LinkExpired
	Masked       string // the address
	Action       string
	ResendAction string    // "Send a new link"; "" hides it
	ExpiresAt    time.Time // with LinkSent
	Problem      string    // ProblemTooOften or ProblemSendFailed
	RetryAt      time.Time
	ContinueURL  string // with LinkDone
}

func (VerifyEmailPage) file() string { return "account-verify.html" }

// SignUpPage asks for the address of a new account. It posts username. Its
// answer is the same for addresses that have an account.
type SignUpPage struct {
	Frame
	Action    string
	Username  string
	Sent      bool
	ExpiresAt time.Time
	Problem   string // ProblemNoUsername, ProblemBadEmail or ProblemTooOften
	RetryAt   time.Time
	SignInURL string
	TermsURL  string
}

func (SignUpPage) file() string { return "account-signup.html" }

// SignUpFinishPage makes the account once the link was opened. It posts name and
// new-password.
type SignUpFinishPage struct {
	Frame
	State      string // LinkOpen, LinkExpired, LinkUsed or LinkDone; "" is LinkExpired
	Action     string
	Username   string // the address, shown and hidden for password managers
	Name       string
	MinLength  int
	Problem    string // of name: ProblemNoName, ProblemNameTooLong; all others are of new-password
	RetryAt    time.Time
	RequestURL string
	SignInURL  string
}

func (SignUpFinishPage) file() string { return "account-signup-finish.html" }

// Field is the id of the field that Problem is about: name or new-password; ""
// when there is no problem.
func (p SignUpFinishPage) Field() string {
	switch p.Problem {
	case "":
		return ""
	case ProblemNoName, ProblemNameTooLong:
		return "name"
	}
	return "new-password"
}
