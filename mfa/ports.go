package mfa

import (
	"context"
	"net/netip"
	"time"

	"github.com/sallyport-id/sallyport/mfa/policy"
)

// Ask says which proof is wanted, of whom, for what. The caller fills it anew
// for each operation from its own records; nothing in it comes from the client
// unchecked.
type Ask struct {
	Subject       Subject
	Policy        *policy.Policy // the policy in force
	PolicyVersion int
	Purpose       Purpose
	Action        string       // auth.login, or the name of the action
	Proof         policy.Proof // any but password, pin and fresh_login, which need no challenge
	Allowed       []Method     // further restriction, such as methods that reach the acr asked for; nil: none
	// Kind, ContactID and FactorID narrow code_new and code_current to the one
	// thing that an operation is about; see [Operation.Ask].
	Kind      Method
	ContactID string
	FactorID  string
	// Recover: the user can use no other method and asks for what the policy
	// keeps for that (uses: recover).
	Recover bool
	// CodeGiven: a recovery code was given in the same sign-in or action, which takes
	// one and no second.
	CodeGiven   bool
	OwnerID     string // the interaction or operation
	Binding     []byte // hash of the browser's secret
	DetailsHash string // "" where no details are bound
	// ConfirmationID is that of the approval which is asked for; "" for none. A key
	// signs it together with DetailsHash.
	ConfirmationID string
	IP             netip.Addr // of the browser, for limits
	About          About
	RP             RelyingParty // the tenant as keys know it
	UserName       string       // the identifier, shown by the browser when a key is registered
	UserVerify     UserVerification
	// Known is what the user has enrolled, if the caller has read it for this very
	// request; nil reads it.
	Known *Enrolments
}

// About is what a message may say besides the code.
type About struct {
	TenantName string
	Host       string // host of the hosted pages, for the origin-bound last line
	AppName    string
	// ActionTitle is what the tenant calls an action of its own; "" for its name.
	ActionTitle string
	Lang        string // BCP 47
	Zone        *time.Location
	Amount      string // decimal, such as 1250.00; "" where the action has none
	Currency    string // of Amount, such as EUR
	Payee       string // whom or what it is for; "" for none
	Account     string // the last characters of the payee's account; "" for none
	HelpURL     string // the tenant's own pages, at the foot of an email; "" for none
	PrivacyURL  string
	Texts       string // the tenant's own words, for the Composer alone; "" for none
}

// Option is one way to give the proof. A way that is not available yet, or for
// another reason, is listed with that reason and cannot be begun.
type Option struct {
	Method      Method
	FactorID    string
	ContactID   string
	Masked      string
	AvailableAt time.Time // zero: now
	Reason      string    // "" when available; else a message key such as after_timer, locked
	Primary     bool      // presented first
	Adds        bool      // it proves what is new, and has a guard of its own
	CodesLeft   int       // of recovery codes
}

// Available reports whether the option can be begun at now.
func (o Option) Available(now time.Time) bool {
	return o.Reason == "" && !now.Before(o.AvailableAt)
}

// Message is what a Sender delivers. Code and To print [secret].
type Message struct {
	ID      string // of the delivery
	Subject Subject
	Channel Method
	To      Secret
	Title   string // subject line of an email; holds no code
	Text    Secret
	HTML    Secret // email only
	Code    Secret // "" for a notice
	Lang    string
}

// Composer words a message. kind is code.login or code.action, or the name of
// a notice.
type Composer interface {
	Compose(kind string, m Note) (title, text, html string, err error)
}

// Note is what a Composer words.
type Note struct {
	Channel   Method
	About     About
	Action    string
	Code      Secret
	Now       time.Time
	ExpiresAt time.Time
}

// Sender hands a message to a gateway. It returns when the gateway has
// accepted it; an error means that it was not accepted.
type Sender interface {
	Send(ctx context.Context, m Message) (reference string, err error)
	// Name is the gateway's name in the log of deliveries.
	Name() string
}

// Peppers makes the keyed hashes of codes. The keys are outside the database.
type Peppers interface {
	// CurrentPepper is the id of the key that new codes are hashed with.
	CurrentPepper() string
	// CodeMAC is HMAC-SHA-256 over the parts, each prefixed by its length.
	// It returns an error for an id that is not in the key ring.
	CodeMAC(pepperID, tenantID string, parts ...string) ([]byte, error)
	// LimitKey hashes what is personal in a rate limit key.
	LimitKey(tenantID, value string) string
	// KeyedSecret makes of a recovery code or a PIN what is hashed and stored, so
	// that a copy of the database is of no use without the key ring. label tells the
	// two apart.
	KeyedSecret(label, tenantID, userID string, secret Secret) Secret
}

// Hasher hashes what people have to keep in mind or on paper, slowly.
//
// Source: NIST SP 800-63B-4 section 3.1.1.2 (a salted, memory-hard hash).
type Hasher interface {
	Hash(ctx context.Context, secret Secret) (string, error)
	Verify(ctx context.Context, hash string, secret Secret) (bool, error)
}

// Observer is told what happened. It must not block.
type Observer interface {
	Observe(ctx context.Context, e Event)
}

// Event is one thing that happened, for the audit log and for notices.
type Event struct {
	Kind    string // such as challenge.sent, challenge.verified, factor.locked
	Subject Subject
	Result  string // ok, or why not
	Owner   string // interaction
	Action  string
	Method  Method
	IP      netip.Addr
	At      time.Time
	Data    map[string]string // redacted: no code, no full contact
}
