package mfa

import (
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Effect is what an operation changes when it is complete. A store carries it out
// in one transaction, or nothing of it. The zero Effect changes nothing.
type Effect struct {
	At       time.Time
	Confirm  string // contact that becomes confirmed
	Unique   bool   // nobody else in the tenant may have it confirmed
	Activate []Factor
	// Disable are factors that end, before Activate begins.
	Disable []string
	// Retire are contacts that end, before Confirm begins.
	Retire []Retired
	// Registered is the contact that becomes the account's own address.
	Registered string
	PIN        string         // hash of the new PIN
	Codes      []RecoveryCode // of the set in Activate
	Spend      string         // verified challenge that becomes used
	// Forgive are guards that begin anew: what they guard was just proved.
	Forgive []string
	// ForgetDevices ends the trust in every browser of the user.
	ForgetDevices bool
	Change        *Change // for the hook; nil: nothing that the account has to know
}

// Retired is a contact that ends.
type Retired struct {
	ContactID  string
	Status     ContactStatus // replaced or removed
	ReplacedBy string
	Tombstone  bool      // no other account may confirm the value…
	Until      time.Time // …before this; zero: never
}

// Change tells the hook of a store what happens in its transaction, so that the
// account, the notices and the signals change with it or not at all.
type Change struct {
	Subject     Subject
	OperationID string
	At          time.Time
	Device      string // of the browser in which it was done, such as Chrome on Linux
	// BlockedBy are the flags that refuse the change if the account has one of them
	// at this moment; the hook answers with a [*BlockedError].
	BlockedBy []string
	// SwitchTo is what two-step sign-in becomes; nil leaves it.
	SwitchTo *bool
	// Email is the new registered address, Phone the number that was confirmed; ""
	// leaves them.
	Email     Secret
	Phone     Secret
	PhoneGone bool          // the account has no confirmed number any more
	Hold      time.Duration // actions with hold are refused for so long
	// Happened is all that has changed, for the log: also what the policy mails to
	// nobody.
	Happened []Notice
	Notices  []Notice
	Signals  []Signal
}

// Notice is a message to the owner about a change.
type Notice struct {
	Kind      string // the name of its text, and with a dot for its last "_" of its event
	ContactID string // where it goes; "" is the registered address
	Method    Method // what it is about
	Masked    string // the contact it is about
	// Also are other methods that ended with the change, in the order of the policy.
	Also []Method
	// TwoStep is on or off where the change has switched two-step sign-in, and the
	// notice is about something else; "" says nothing.
	TwoStep string
}

// same reports whether n and o are the same message.
func (n Notice) same(o Notice) bool {
	return n.Kind == o.Kind && n.ContactID == o.ContactID && n.Method == o.Method && n.Masked == o.Masked
}

// Signal is an event for the relying app. Of two with one Dedupe the first counts.
type Signal struct {
	Event  string
	Value  policy.Value
	Dedupe string
}
