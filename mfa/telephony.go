package mfa

import (
	"context"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Routed is a [Sender] with several gateways behind it. It says which of them
// took a message, and what a message may cost.
type Routed interface {
	Sender
	// SendVia is Send with the gateway and the cost. On an error, Gateway is the last
	// one that was tried.
	SendVia(ctx context.Context, m Message) (Handed, error)
	// Quote is the most that m can cost, in millionths of a US dollar, whichever
	// gateway takes it; 0 for an email.
	Quote(m Message) int64
}

// Handed is what is known of a message once a gateway has accepted it.
type Handed struct {
	Gateway    string
	Reference  string // the gateway's own id of the message; "" if it told none
	CostMicros int64  // by the price list, in millionths of a US dollar
}

// Hand gives m to s, and tells the gateway as exactly as s knows it.
func Hand(ctx context.Context, s Sender, m Message) (Handed, error) {
	routed, ok := s.(Routed)
	if ok {
		return routed.SendVia(ctx, m)
	}
	reference, err := s.Send(ctx, m)
	return Handed{Gateway: s.Name(), Reference: reference}, err
}

// Classes of what went wrong with a message, as receipts and refusals tell it.
const (
	FailNoSMS       = "no_sms"      // the line takes no text messages
	FailNumber      = "number"      // there is no such number, or it is out of use
	FailUnreachable = "unreachable" // switched off, no network; later it may work
	FailBlocked     = "blocked"     // by the carrier or by the person
	FailMachine     = "machine"     // an answering machine took the call
	FailNoAnswer    = "no_answer"   // nobody answered, or nobody pressed a key
	FailExpired     = "expired"
	FailOther       = "other"
)

// Kinds of [Event] about what became of a message after it was accepted.
const (
	EventDelivered   = "delivery.delivered"
	EventUndelivered = "delivery.failed" // Result is the class
)

// RefusedError is a gateway's word that this number cannot be reached, now or
// later: no other gateway is tried. Class is one of the Fail constants.
type RefusedError struct {
	Class  string
	Reason string // the gateway's words or number for it; holds no address
}

func (e *RefusedError) Error() string {
	return "mfa: the gateway refused the number (" + e.Class + "): " + e.Reason
}

// Booking is one text message or call before it is sent, with what it may cost.
type Booking struct {
	ID        string // of the delivery, which is that of the message
	Challenge string // whose code it carries
	Subject   Subject
	Channel   Method
	Country   string // ISO 3166-1
	Prefix    string // keyed hash of the number without its last four digits
	Micros    int64
	At        time.Time
}

// Day is the UTC day that a booking at t counts for, such as 2026-01-02.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Outlay is what a [TelephonyStore] found for a booking, which is taken if neither
// Over nor Until is set.
type Outlay struct {
	Over    bool      // it does not fit into the budget any more
	Until   time.Time // its country or prefix is blocked until then
	Scope   string    // country or prefix, with Until
	Tripped bool      // this very booking found the conversion too low
	Spent   int64     // of the day, in millionths of a US dollar
	Told    int       // the highest alert of the day so far, in percent
}

// Receipt is what a gateway reports of a message, after it accepted it.
type Receipt struct {
	ID         string // of the delivery
	Subject    Subject
	Gateway    string
	Reference  string // "" if the gateway told none
	Status     string // delivered, failed, or "" where it only tells a price
	Class      string // of a failure, one of the Fail constants
	CostMicros int64  // with Priced
	Priced     bool
	At         time.Time
}

// Sending is a line of the log of deliveries with what telephony adds to it.
type Sending struct {
	Delivery
	Country    string
	CostMicros int64
	ReceiptAt  time.Time // when a receipt settled it; zero if none has
}

// TelephonyStore keeps what messages cost, and how many of their codes came back.
// A second implementation only has to pass storetest.RunTelephony.
//
// Every method works within one tenant; a delivery of another tenant or user is
// [ErrNotFound].
type TelephonyStore interface {
	// Book judges b and, unless it refuses it, counts it: for the country and the
	// prefix within the last hour, for the budget of the UTC day, and as a queued row
	// in the log of deliveries. A refused booking counts nowhere. Of any number of
	// callers at once no more succeed than the budget has room for.
	Book(ctx context.Context, b Booking, l policy.Budget) (Outlay, error)

	// Settle puts the cost of what was booked right once the gateway is known, if no
	// receipt has. A booking that was not sent is taken back with Unbook.
	Settle(ctx context.Context, b Booking, costMicros int64) error
	Unbook(ctx context.Context, b Booking) error

	// Verified counts the code of delivery id as typed in by its owner. A delivery
	// that was never booked is no error.
	Verified(ctx context.Context, who Subject, id string, now time.Time) error

	// Spent reads the budget of the day and whether country or prefix is blocked,
	// without counting anything.
	Spent(ctx context.Context, tenantID, country, prefix string, now time.Time) (Outlay, error)

	// Alert notes that an alert of percent is due on day. first is true for exactly
	// one caller; a lower percentage than one that was told is never first.
	Alert(ctx context.Context, tenantID, day string, percent int) (first bool, err error)

	// Receive settles a delivery by what its gateway reports. A delivery that was
	// delivered or failed by a receipt stays so; the cost follows the receipt, in the
	// log and in the budget of the day it was booked for. first is true if the status
	// changed.
	//
	// Errors: [ErrNotFound] where subject, gateway or reference are not those of the
	// delivery.
	Receive(ctx context.Context, r Receipt) (s Sending, first bool, err error)
}
