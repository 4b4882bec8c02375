package identity

import "time"

// The events of this package, for the audit log.
const (
	EventPasswordChanged = "password.changed"
	EventPasswordReset   = "password.reset"
	EventEmailVerified   = "email.verified"
	EventAccountCreated  = "account.created"
	EventSessionEnded    = "session.ended"
	EventSignedOutAll    = "session.ended_all"
)

// Activity is something that happened to an account, as its owner may read it.
type Activity struct {
	ID        string
	At        time.Time
	Type      string // one of ActivityTypes, the key of a message
	Result    string
	IP        string
	UserAgent string
	ClientID  string
	Data      map[string]string
}

// ActivityPage says which part of it is wanted: the Limit latest that are older
// than the one with time Before and id BeforeID. The zero time is the newest end;
// a Limit of 0, or above 50, is 50.
type ActivityPage struct {
	Before   time.Time
	BeforeID string
	Limit    int
}

// ActivityTypes are the events of the audit log that are meant for the owner of the
// account; the rest is for who runs the server. To show one more, add a line, and
// a text of its name.
var ActivityTypes = []string{
	"login.completed",
	"stepup.completed",
	"action.approved",
	"action.refused",
	"consent.given",
	"consent.declined",
	"second_step_failed",
	"downgrade_attempt",
	"factor.added",
	"factor.removed",
	"factor.changed",
	"factor.locked",
	"factor.cloned",
	"contact.confirmed",
	"contact.changed",
	"contact.removed",
	"device.trusted",
	"device.removed",
	"device.theft",
	"devices.revoked",
	"challenge.locked",
	"app.removed",
	"recovery_codes.made",
	"recovery_codes.replaced",
	"recovery_code.used",
	"pin.set",
	"pin.changed",
	"mfa.enabled",
	"mfa.disabled",
	"admin.reset",
	"refresh.reused",
	EventPasswordChanged,
	EventPasswordReset,
	EventEmailVerified,
	EventAccountCreated,
	EventSessionEnded,
	EventSignedOutAll,
}

// ActivityFailures are events of which the owner reads those that failed: a right
// code is part of the sign-in or the action that follows, and told with it.
var ActivityFailures = []string{
	"challenge.tried",
	"password.tried",
}
