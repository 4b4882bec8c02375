package templates

import (
	"strings"
	"time"
)

// IdentifyPage asks who the user is. It posts username, or cancel=1; a passkey
// posts credential to PasskeyAction.
type IdentifyPage struct {
	Frame
	Action         string
	Username       string    // kept from the last try
	Problem        string    // a Problem constant; "" at first
	RetryAt        time.Time // with ProblemLocked
	PasskeyAction  string    // "" offers no passkey
	PasskeyOptions string    // PublicKeyCredentialRequestOptions as JSON, for any account
	TroubleURL     string    // "Trouble signing in?"; a single link for all troubles
	ForgotURL      string    // "Forgot password?"
	SignUpURL      string    // "Create an account"
	CanCancel      bool      // shows the way back to the app
}

func (IdentifyPage) file() string { return "identify.html" }

// Field is the id of the field that Problem is about; "" when it is about none.
func (p IdentifyPage) Field() string {
	switch p.Problem {
	case "", ProblemPasskeyUnknown, ProblemPasskeyFailed, ProblemKeyCancelled, ProblemKeyUnverified, ProblemKeyCloned:
		return ""
	}
	return "username"
}

// PasswordPage asks for the password of Username. It posts username and
// password, or cancel=1.
type PasswordPage struct {
	Frame
	Action    string
	Username  string
	Problem   string
	RetryAt   time.Time
	ForgotURL string
	Change    string // a Change constant, when it is asked for a change of the settings
	Progress         // with Change: how far the change has come
	CanCancel bool
}

func (PasswordPage) file() string { return "password.html" }

// CodeField is the part of a page that asks for a code. The zero value asks for
// none.
type CodeField struct {
	Method       string        // email, sms, voice, totp, webauthn, recovery_codes, or pin for the PIN alone
	Masked       string        // where the code went, such as "a•••@example.test"
	Digits       int           // of the code; 0 is 6
	Sent         bool          // says as a notice that a code has just been sent
	ExpiresAt    time.Time     // of the code; zero hides it
	Life         time.Duration // of the code from when it was sent; 0 does not say it
	ResendAt     time.Time     // from when a new code may be asked for
	ResendAction string        // posted with csrf only; "" hides the button
	TriesLeft    int           // shown with ProblemWrongCode; 0 hides it
	CodesLeft    int           // unused backup codes
	Problem      string        // a Problem constant; "" at first
	LockedUntil  time.Time     // with ProblemTooMany and ProblemPINBlocked; hides the field until then
	AskPIN       bool          // asks for the PIN on the same form, as pin; one error covers both
	KeyOptions   string        // with webauthn: PublicKeyCredentialRequestOptions as JSON
	PINHelp      PINHelp       // for who has forgotten the PIN
}

// Asks reports whether the page takes an answer: a code, a PIN or a key.
func (c CodeField) Asks() bool {
	return c.Method != "" && !c.Locked() && c.Problem != ProblemSendFailed && c.Problem != ProblemKeyCloned
}

// AsksKey reports whether the answer is a key's, by way of the browser's dialog.
func (c CodeField) AsksKey() bool { return c.Asks() && c.Method == "webauthn" }

// Locked reports whether no code is taken now.
func (c CodeField) Locked() bool {
	switch c.Problem {
	case ProblemTooMany, ProblemLocked, ProblemPINBlocked, ProblemPINDead:
		return true
	}
	return false
}

// Notice reports whether Problem is no problem but news.
func (c CodeField) Notice() bool { return c.Problem == ProblemSwitched }

// Wrong reports whether Problem is about what was typed into the field.
func (c CodeField) Wrong() bool {
	switch c.Problem {
	case "", ProblemSwitched, ProblemTooSoon, ProblemSendLimit, ProblemSendFailed, ProblemMethod, ProblemChanged:
		return false
	}
	return c.Asks() && c.Method != "webauthn"
}

// Field is the id of the field that Problem is about; "" when it is about none.
func (c CodeField) Field() string {
	switch {
	case !c.Wrong():
		return ""
	case c.Method == "pin":
		return "pin"
	}
	return "code"
}

// Says is the problem whose text fits the method: a wrong code of an app has
// another remedy than one from a message, and with a PIN on the same form the
// text must not tell which of the two was wrong.
func (c CodeField) Says() string {
	kind := c.Method
	if c.AskPIN {
		kind = "pair"
	}
	said, ok := problemOf[kind][c.Problem]
	if ok {
		return said
	}
	return c.Problem
}

// ProblemAt is the time that the text of Problem names.
func (c CodeField) ProblemAt() time.Time {
	if c.Problem == ProblemTooSoon {
		return c.ResendAt
	}
	return c.LockedUntil
}

// Exact reports whether the code's end is shown to the second: it is near the time from
// which there is a new one, and the one rounded and the other not would look as if
// nothing worked in between.
func (c CodeField) Exact() bool {
	return !c.ExpiresAt.IsZero() && !c.ResendAt.IsZero() && c.ResendAt.After(c.ExpiresAt.Add(-time.Minute))
}

// Seconds is Life in seconds while that is how people count it, else 0.
func (c CodeField) Seconds() int {
	if c.Life > 2*time.Minute {
		return 0
	}
	return int(c.Life / time.Second)
}

// Minutes is Life in whole minutes.
func (c CodeField) Minutes() int { return int(c.Life / time.Minute) }

// LongWait reports whether a new code takes longer than anybody likes to wait, or than
// the old one works, so that to begin anew is worth a word.
func (c CodeField) LongWait(now time.Time) bool {
	wait := c.ResendAt.Sub(now)
	return wait > 0 && !c.ExpiresAt.IsZero() && (c.ResendAt.After(c.ExpiresAt) || wait > 5*time.Minute)
}

// AsksPIN reports whether the PIN is asked for, alone or with a code, or would be if it
// were not shut.
func (c CodeField) AsksPIN() bool { return c.AskPIN || c.Method == "pin" }

// Width is the number of digits to draw marks for.
func (c CodeField) Width() int {
	if c.Digits == 0 {
		return 6
	}
	return c.Digits
}

// Delivered reports whether the code comes in a message, so that another can be
// sent.
func (c CodeField) Delivered() bool {
	return c.Method == "email" || c.Method == "sms" || c.Method == "voice"
}

// Way is one line of "Try another way". An available one is a form that posts
// method to the page's SwitchAction; another one stays, with its reason.
type Way struct {
	Method      string // email, sms, voice, totp, webauthn or recovery_codes
	Masked      string
	Name        string    // of an authenticator or key, given by the user
	CodesLeft   int       // of recovery_codes
	Available   bool      //
	Reason      string    // a Reason constant, when not available
	AvailableAt time.Time // with ReasonTimer and ReasonLocked
}

// Why a way is not available now.
const (
	ReasonTimer      = "timer"      // from AvailableAt
	ReasonLocked     = "locked"     // too many wrong codes, until AvailableAt
	ReasonBlocked    = "blocked"    // by the policy of the tenant
	ReasonUnverified = "unverified" // the number or address is not confirmed
	ReasonUsedUp     = "used_up"    // no codes left, or no more sends
	ReasonNotYet     = "not_yet"    // the method does not work here yet
)

// ChallengePage asks for a code, at sign-in, for an action or for a change in
// the settings. It posts code, pin or both, or the credential of a key; and
// trust_device, or cancel=1.
type ChallengePage struct {
	Frame
	Progress
	CodeField
	Action       string
	Change       string // what is being changed in the settings; "" elsewhere
	SwitchAction string
	Ways         []Way
	NoneURL      string // "I can't use any of these"
	TrustDevice  string // P1D, P7D, P30D, or a text such as "2 weeks"; "" hides the box
	ActionName   string // such as "payout.request"; "" at sign-in and in the settings
	Slip         Slip   // repeated when the action has details
	DenyAction   string // "I don't recognise this"; "" but for an action
	CanCancel    bool
}

func (ChallengePage) file() string { return "challenge.html" }

// Elsewhere leads to another way, where a key cannot be used.
func (p ChallengePage) Elsewhere() string {
	if len(p.Ways) == 0 {
		return ""
	}
	return "#other"
}

// ChoosePage lets the user choose a method. It posts method to SwitchAction, or
// cancel=1 to Action.
type ChoosePage struct {
	Frame
	Action       string
	SwitchAction string
	Ways         []Way
	Problem      string // ProblemMethod, ProblemTooMany or ProblemSendFailed
	RetryAt      time.Time
	BackURL      string // to the challenge that is open
	NoneURL      string
	ActionName   string
	Change       string // as in a ChallengePage
	CanCancel    bool
}

func (ChoosePage) file() string { return "choose.html" }

// RecoverPage helps somebody who can use none of the ways: with a recovery code
// where there is one, and with whom to ask. It posts csrf alone to CodesAction, and
// cancel=1 to CancelAction.
type RecoverPage struct {
	Frame
	CodesAction  string // "" where there are no codes for that
	BackURL      string // to the other ways
	CancelAction string
}

func (RecoverPage) file() string { return "recover.html" }

// ConsentPage asks whether the app may use the account. It posts decision=allow
// or decision=deny.
type ConsentPage struct {
	Frame
	Action       string
	Scopes       []string // all that are asked for; openid alone is "who you are"
	Email        string   // shown with the scope email
	Phone        string   // shown with the scope phone
	AppHost      string   // such as "shop.example.test"
	AppTermsURL  string
	AppPolicyURL string
	Unverified   bool   // nobody at the tenant has checked this app
	ActionsApart bool   // the tenant has actions that always ask again
	RemoveURL    string // where access can be taken back; "" does not mention it
}

func (ConsentPage) file() string { return "consent.html" }

// Asks returns the scopes that get a line of their own. openid says no more
// than profile does, so it has a line only without profile.
func (p ConsentPage) Asks() []string {
	var out []string
	profile := strings.Contains(" "+strings.Join(p.Scopes, " ")+" ", " profile ")
	for _, s := range p.Scopes {
		if s == "openid" && profile {
			continue
		}
		out = append(out, s)
	}
	return out
}

// BannerPage reminds of a second step after sign-in. It posts nothing but csrf.
type BannerPage struct {
	Frame
	Action      string // later
	SetUpAction string // "Set up now", before going on to the app; "" hides it
	SettingsURL string // where it can be set up; "" does not mention it
}

func (BannerPage) file() string { return "banner.html" }

// InterstitialPage sends the browser back to the app: a redirect after a form
// would break on form-action.
type InterstitialPage struct {
	Frame
	URL    string // complete, with code or error; any scheme but javascript and data
	Failed bool   // the app is told of an error
}

func (InterstitialPage) file() string { return "interstitial.html" }

// FormPostPage sends the browser back to the app with a form.
//
// Source: OAuth 2.0 Form Post Response Mode §2.
type FormPostPage struct {
	Frame
	URL    string
	Fields []Field
	Failed bool
}

// Field is a hidden input.
type Field struct{ Name, Value string }

func (FormPostPage) file() string { return "form-post.html" }

// LogoutPage asks whether to sign out, or says that it is done. It posts
// decision=signout or decision=stay, and Fields.
type LogoutPage struct {
	Frame
	Action  string
	Fields  []Field // what the app sent and the answer needs
	Done    bool
	BackURL string // to the app, when it registered one
	// SignInURL leads in again, after Done; "" leaves it out.
	SignInURL string
}

func (LogoutPage) file() string { return "logout.html" }

// ErrorPage says why there is no way on here, and what to do.
type ErrorPage struct {
	Frame
	Problem string    // an Error constant; anything else is ErrorServer
	RetryAt time.Time // with ErrorRateLimited and ErrorMaintenance
	BackURL string    // to the app, named AppName
	Details []Field   // for developers
}

func (ErrorPage) file() string { return "error.html" }
