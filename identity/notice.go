package identity

import (
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// Notice is a message to the owner of an account about what happened to it. It
// holds no address: that is looked up when it is sent, and a notice that waits
// in the database tells nobody anything.
//
// A request (see [Notice.IsRequest]) is one for which nothing has been looked up
// yet, not even whether there is an account; it alone has an address, sealed as
// long as it waits and deleted when it is done with.
type Notice struct {
	ID       string // "" until it is queued
	TenantID string
	UserID   string // "" for a request of somebody who is not signed in
	Kind     string // the name of its text
	Device   string // such as Chrome on Linux
	At       time.Time
	Tries    int        // how often its delivery was begun
	To       mfa.Secret // what was typed as identifier, canonical; requests only
	Lang     string     // of the page on which it was asked for; requests only

	ContactID string   // where it goes; "" is the registered address
	Method    string   // the kind of factor it is about, such as sms; "" for none
	Masked    string   // the contact it is about, masked
	Count     int      // such as the recovery codes that are left
	Also      []string // other kinds of factors that ended with it
	TwoStep   string   // on or off where two-step sign-in was switched by it; "" for neither

	Action           string // the action it is about, such as payout.request; "" for none
	Amount, Currency string // of the transaction, such as 1250.00 and EUR; "" for none
	Payee            string // likewise
}

// The kinds of requests.
const (
	RequestReset  = "request.password_reset"
	RequestVerify = "request.email_verify"
	RequestSignUp = "request.sign_up"
)

// IsRequest reports whether n has to be answered by [Accounts.Letter], and is no
// text of its own.
func (n Notice) IsRequest() bool {
	return n.Kind == RequestReset || n.Kind == RequestVerify || n.Kind == RequestSignUp
}
