package templates

import "time"

// Slip is what the user is asked to confirm.
type Slip struct {
	Title  string // of a kind of transaction that the pages have no words for; "" else
	Amount string // as [Set.Amount] writes it; "" without
	// AmountLabel is what the amount is, such as offer; "" for an amount.
	AmountLabel string
	Payee       string
	Facts       []Fact
	App         string // who asks
	When        time.Time
	Device      string // such as "Chrome on Linux"
	Same        bool   // it is the device that the user now holds
	Odd         bool   // a name in it mixes alphabets, as a disguised one does
}

// Empty reports whether there is nothing to show.
func (s Slip) Empty() bool {
	return s.Amount == "" && s.Payee == "" && len(s.Facts) == 0 && s.App == "" && s.When.IsZero() && s.Device == ""
}

// Fact is a line of a slip. Label is one of those that the pages have words for, such as
// account or reference; another label is shown as it is.
type Fact struct {
	Label  string
	Value  string
	Mono   bool // account numbers and ids, which always run from left to right
	Choice bool // Value is one of a few, which the pages have words for
}

// ConfirmPage shows an action and asks to confirm it. When its CodeField has a
// method the code was sent on arrival, and the page takes it; otherwise submit
// begins the first stage. It posts code, pin or both, or the credential of a
// key, or cancel=1; deny=1 to DenyAction.
type ConfirmPage struct {
	Frame
	CodeField
	Action     string
	ActionName string // such as "payout.request"
	Slip       Slip
	ChooseURL  string // "Try another way"; a page, so opening it changes nothing
	DenyAction string // "I don't recognise this"; "" hides it
}

func (ConfirmPage) file() string { return "confirm.html" }

// Elsewhere leads to another way, where a key cannot be used.
func (p ConfirmPage) Elsewhere() string { return p.ChooseURL }

// DeniedPage says that a confirmation was stopped which its user did not start.
type DeniedPage struct {
	Frame
	BackURL     string // to the app, named AppName
	EndAllURL   string // where all sessions can be ended
	PasswordURL string
}

func (DeniedPage) file() string { return "denied.html" }
