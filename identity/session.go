package identity

import (
	"slices"
	"time"
)

// The first factors and the trusted device, as the method of an [AuthEvent].
// Second steps carry the name of their policy kind (email, sms, totp, …).
const (
	MethodPassword = "password"
	MethodDevice   = "device"  // a trusted device; never an active verification
	MethodVouched  = "vouched" // an app's own login; never an active verification
)

// AuthEvent is one verification that a session or an interaction rests on.
type AuthEvent struct {
	Method         string    `json:"method"`
	FactorID       string    `json:"factor_id,omitempty"`
	At             time.Time `json:"at"`
	UserVerified   bool      `json:"uv,omitempty"`       // WebAuthn
	BackupEligible bool      `json:"be,omitempty"`       // WebAuthn
	Attested       bool      `json:"attested,omitempty"` // WebAuthn
	// Primary: a passkey that checked its user, and stood in the place of the
	// password.
	Primary bool `json:"primary,omitempty"`
}

// First reports whether e is a first factor: the password, or a passkey in its place.
func (e AuthEvent) First() bool {
	return e.Method == MethodPassword || e.Primary && e.UserVerified
}

// Session is a browser that has completed a login. It begins with the last
// effect of a login, never before, and its secret changes at each login and
// step-up (ASVS 7.2.4).
type Session struct {
	ID            string
	TenantID      string
	UserID        string
	TokenHash     []byte // SHA-256 of the cookie's 32 random bytes
	Events        []AuthEvent
	PasswordEpoch int64
	MFAEpoch      int64
	CreatedAt     time.Time
	LastSeen      time.Time // written at most once a minute
	ExpiresAt     time.Time // absolute
	IdleFor       time.Duration
	Persistent    bool // cookie survives a browser restart
	IP            string
	UserAgent     string // short, such as Chrome on Linux
}

// Live reports whether s can be used by u at now: neither expired nor idle for
// too long, of this user, who is active and has not changed the password since.
func (s *Session) Live(u *User, now time.Time) bool {
	return s != nil && u != nil &&
		s.TenantID == u.TenantID && s.UserID == u.ID &&
		u.Status == UserActive &&
		s.PasswordEpoch == u.PasswordEpoch &&
		now.Before(s.ExpiresAt) &&
		now.Before(s.LastSeen.Add(s.IdleFor))
}

// LastActive is the time of the latest active verification, the zero time if
// there is none. A trusted device is no active verification.
func LastActive(events []AuthEvent) time.Time {
	var last time.Time
	for _, e := range events {
		if e.Method != MethodDevice && e.Method != MethodVouched && e.At.After(last) {
			last = e.At
		}
	}
	return last
}

// LastFirst is the time of the latest first factor, the zero time if there is none:
// when the user last logged in. A second factor that confirmed an action on the way
// makes no login fresh.
func LastFirst(events []AuthEvent) time.Time {
	return LastActive(slices.DeleteFunc(slices.Clone(events), func(e AuthEvent) bool { return !e.First() }))
}

// LastSecond is the time of the latest active verification other than the password,
// the zero time if there is none. A passkey that checked its user is both factors in
// one; a trusted device is no active verification.
func LastSecond(events []AuthEvent) time.Time {
	return LastActive(slices.DeleteFunc(slices.Clone(events), func(e AuthEvent) bool { return e.Method == MethodPassword }))
}

// SessionEntry is a session as its user sees it in a list. It says nothing by
// which the session could be taken over.
type SessionEntry struct {
	ID         string
	CreatedAt  time.Time
	LastSeen   time.Time
	ExpiresAt  time.Time
	IP         string
	UserAgent  string
	Persistent bool
	Current    bool // the one in which the list was asked for
}
