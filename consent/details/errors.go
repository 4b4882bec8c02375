package details

import (
	"fmt"
	"strings"
)

// Fault is the sort of mistake that an app made.
type Fault string

// The sorts of mistakes. All of them are invalid_authorization_details to the
// app (RFC 9396 section 5); they differ in what a log and a test want to know.
const (
	FaultMalformed   Fault = "malformed"        // no I-JSON, or not an array of objects
	FaultDuplicate   Fault = "duplicate_member" // a member name stands twice in one object
	FaultTooLarge    Fault = "too_large"        // bytes, elements or depth
	FaultUnknownType Fault = "unknown_type"
	FaultSeveral     Fault = "several" // more than one transaction
	FaultSchema      Fault = "schema"  // a member is missing, too many or of the wrong form
	FaultText        Fault = "text"
	FaultAmount      Fault = "amount"
	FaultCurrency    Fault = "currency"
	FaultIBAN        Fault = "iban"
	FaultMasked      Fault = "masked"
	FaultWallet      Fault = "wallet"
	FaultChanged     Fault = "changed" // stored bytes are not the canonical form that Open expects
)

// Error refuses what an app sent.
//
// Text says what is wrong and what to do, and may be sent as error_description
// (RFC 6749 section 5.2): printable ASCII without quotes and backslashes, at
// most 200 characters, and nothing of what the app sent. What is wrong with one
// member begins with its place in the transaction: "/payee/name: Send a text."
type Error struct {
	Kind Fault
	At   string // JSON pointer (RFC 6901) into the parameter as far as the type knows the names; "" for the whole
	Text string
}

// Error returns kind, place and text in one line.
func (e *Error) Error() string {
	if e.At == "" {
		return fmt.Sprintf("details: %s: %s", e.Kind, e.Text)
	}
	return fmt.Sprintf("details: %s at %s: %s", e.Kind, e.At, e.Text)
}

// longestText is the bound of Error.Text, in characters.
const longestText = 200

// refuse returns an error whose text keeps the promises of [Error], whatever the
// tenant's own schema put into it.
func refuse(kind Fault, at, format string, args ...any) *Error {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, fmt.Sprintf(format, args...))
	if len(plain) > longestText {
		plain = plain[:longestText-3] + "..."
	}
	return &Error{Kind: kind, At: at, Text: plain}
}

// longestPlace is how much of a pointer a text may take, in characters. Of a longer one
// the end is told, which is where to look.
const longestPlace = 90

// under returns e with its place in the transaction before its text. The transaction is
// at root. Every name of the place is one of the schema's, so an app that sent a name of
// its own, or a secret as one, never reads it again.
func (e *Error) under(root string) *Error {
	place := strings.TrimPrefix(e.At, root)
	if place == "" {
		return e
	}
	for len(place) > longestPlace {
		_, rest, _ := strings.Cut(strings.TrimPrefix(place, ".../"), "/")
		place = ".../" + rest
	}
	return refuse(e.Kind, e.At, "%s: %s", place, e.Text)
}

// Mistake is one thing that is wrong with a type.
type Mistake struct {
	Type string // its name
	At   string // JSON pointer into the type's document, such as /schema/properties/fee
	Text string // a sentence that says what is wrong and what to do
}

// String returns the mistake as one line.
func (m Mistake) String() string {
	return fmt.Sprintf("type %q, %s: %s", m.Type, m.At, m.Text)
}

// Invalid refuses types. Mistakes is everything that is wrong with them, at
// least one.
type Invalid struct{ Mistakes []Mistake }

// Error lists every mistake on a line of its own.
func (e *Invalid) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = m.String()
	}
	return "details: types are not valid:\n" + strings.Join(lines, "\n")
}
