package templates

import "time"

// EnrolPhonePage asks for a telephone number. It posts country, phone, line
// when AskLine, and method; nothing is sent before [EnrolPhoneCheckPage].
type EnrolPhonePage struct {
	Frame
	Wizard
	Action    string
	Countries []Country
	Country   string // code of the selected one; "" selects none
	Phone     string // kept from the last try
	AskLine   bool   // when the number does not tell: mobile or landline
	Line      string // mobile or fixed
	Methods   []PhoneMethod
	Method    string // the selected one, sms or voice
	Change    bool   // another number is in force until the new one is confirmed
	Current   string // that number, masked
	Told      string // with Change, who is told of it: TellBoth, TellEmail or ""
	Problem   string // ProblemPhone…, ProblemSendLimit or ProblemSendFailed; "" at first
	Reason    string // with ProblemPhoneBlocked: a Blocked constant or the name of a flag
	RetryAt   time.Time
}

func (EnrolPhonePage) file() string { return "enrol-phone.html" }

// Who is told when a number is changed.
const (
	TellBoth  = "both"  // the account's address and the old number
	TellEmail = "email" // the account's address
)

// Over reports whether no number is taken now.
func (p EnrolPhonePage) Over() bool { return p.Problem == ProblemPhoneBlocked }

// Field is the id of the field that Problem is about; "" when it is about none.
func (p EnrolPhonePage) Field() string {
	switch p.Problem {
	case "", ProblemPhoneBlocked, ProblemPhoneLimit, ProblemSendLimit, ProblemSendFailed:
		return ""
	case ProblemPhoneNoCountry:
		return "country"
	case ProblemPhoneLandline:
		if len(p.Methods) > 1 {
			return "method-sms"
		}
	case ProblemPhoneLine, ProblemPhoneWhich:
		if p.AskLine {
			return "line-mobile"
		}
	}
	return "phone"
}

// Example is how a number of the selected country looks; "" is not known.
func (p EnrolPhonePage) Example() string {
	for _, c := range p.Countries {
		if c.Code == p.Country {
			return c.Example
		}
	}
	return ""
}

// Country is an option of the country select.
type Country struct {
	Code    string // ISO 3166-1, such as MX
	Name    string // in the language of the page
	Calling string // calling code, such as +52
	Example string // a national number as people write it, such as "222 123 4567"
}

// PhoneMethod is a way to send a code to a number.
type PhoneMethod struct {
	Method    string // sms or voice
	Available bool
	Reason    string // a Reason constant, when not available
}

// EnrolPhoneCheckPage shows the number as it was understood, before anything is
// sent to it. It posts Fields and confirmed=1, or Fields and change=1 for
// another number; and method when there are several.
type EnrolPhoneCheckPage struct {
	Frame
	Wizard
	Action    string
	Number    string  // in international form, such as "+52 644 183 2399"
	Country   string  // name of the country, shown behind it; "" hides it
	Fields    []Field // country, phone, line and method as they were entered
	Method    string  // sms or voice; decides what the page announces
	Methods   []PhoneMethod
	Existing  bool // the number is on file and waits to be confirmed
	Confirmed bool // with Existing: it was confirmed before, and gets a code to be used for this
	CanChange bool
	Problem   string // ProblemSendFailed, ProblemSendLimit, ProblemPhoneCountry or ProblemPhoneLandline
	RetryAt   time.Time
}

func (EnrolPhoneCheckPage) file() string { return "enrol-phone-check.html" }

// EnrolEmailPage asks for an address, or to confirm the one on file. It posts
// email; when Existing, email is hidden and change=1 asks for another one.
type EnrolEmailPage struct {
	Frame
	Wizard
	Action    string
	Email     string // kept from the last try, or the account's own address as a proposal
	Existing  bool   // the address is on file and waits to be confirmed
	Confirmed bool   // with Existing: it was confirmed before, and gets a code to be used for this
	CanChange bool   // with Existing
	Then      bool   // something else is asked for before the code is sent
	Change    bool   // another address is in force until the new one is confirmed
	Current   string // that address, masked
	Problem   string // ProblemBadEmail, ProblemEmail…, ProblemSendLimit or ProblemSendFailed
	Reason    string // with ProblemEmailBlocked: a Blocked constant or the name of a flag
	RetryAt   time.Time
}

func (EnrolEmailPage) file() string { return "enrol-email.html" }

// Over reports whether no address is taken now.
func (p EnrolEmailPage) Over() bool { return p.Problem == ProblemEmailBlocked }

// Field is the id of the field that Problem is about; "" when it is about none.
func (p EnrolEmailPage) Field() string {
	switch p.Problem {
	case "", ProblemEmailBlocked, ProblemEmailLimit, ProblemSendLimit, ProblemSendFailed:
		return ""
	}
	return "email"
}

// EnrolCodePage takes the code that went to a new number or address. It posts
// code, and pin when AskPIN; method to SwitchAction.
type EnrolCodePage struct {
	Frame
	Wizard
	CodeField
	Action       string
	ChangeURL    string // back to the number or address, when it was wrong
	SwitchAction string // with Ways: a call instead of a text
	Ways         []Way
}

func (EnrolCodePage) file() string { return "enrol-code.html" }

// ActionName is of no action: the code only sets up a method.
func (EnrolCodePage) ActionName() string { return "" }
