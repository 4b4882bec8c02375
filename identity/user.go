package identity

import (
	"time"

	"github.com/sallyport-id/sallyport/mfa"
)

// UserStatus is the state of an account.
type UserStatus string

// The states of an account. Only an active one can sign in.
const (
	UserActive   UserStatus = "active"
	UserDisabled UserStatus = "disabled"
)

// User is one account of one tenant.
type User struct {
	ID       string
	TenantID string

	Username     string // what is typed at sign-in: the registered address, canonical
	PasswordHash string // PHC string; "" for none
	Status       UserStatus
	Admin        bool // may administrate the tenant

	PasswordEpoch int64
	MFAEpoch      int64
	MFAEnabled    bool                 // the user's own switch
	Flags         map[string]time.Time // set by relying apps; name to since
	HoldUntil     time.Time            // actions with hold are refused before it
	Profile       Profile
	EnrolAsked    time.Time // when a second step was first asked for; zero: never
	SignedOutAt   time.Time // of the last sign-out everywhere; zero: never
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Subject is the user as the second-step layer knows it.
func (u User) Subject() mfa.Subject { return mfa.Subject{TenantID: u.TenantID, UserID: u.ID} }

// Epochs are the counters that void the user's remembered devices.
func (u User) Epochs(t Tenant) mfa.Epochs {
	return mfa.Epochs{Policy: t.PolicyEpoch, MFA: u.MFAEpoch, Password: u.PasswordEpoch}
}

// Lang is the language that the user chose, as a BCP 47 tag, or "" for none.
func (u User) Lang() string { return u.Profile.Locale }

// Zone is the time zone that the user chose, or that of the tenant.
func (u User) Zone(t Tenant) *time.Location {
	name := u.Profile.Zoneinfo
	if name == "" || name == "Local" { // that would be the zone of this machine
		return t.Zone()
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return t.Zone()
	}
	return zone
}

// Profile holds the standard claims of OpenID Connect Core section 5.1, under
// their names; empty ones are not released.
type Profile struct {
	Name                string   `json:"name,omitempty"`
	GivenName           string   `json:"given_name,omitempty"`
	FamilyName          string   `json:"family_name,omitempty"`
	MiddleName          string   `json:"middle_name,omitempty"`
	Nickname            string   `json:"nickname,omitempty"`
	PreferredUsername   string   `json:"preferred_username,omitempty"`
	ProfileURL          string   `json:"profile,omitempty"`
	Picture             string   `json:"picture,omitempty"`
	Website             string   `json:"website,omitempty"`
	Email               string   `json:"email,omitempty"`
	EmailVerified       bool     `json:"email_verified,omitempty"`
	Gender              string   `json:"gender,omitempty"`
	Birthdate           string   `json:"birthdate,omitempty"`
	Zoneinfo            string   `json:"zoneinfo,omitempty"`
	Locale              string   `json:"locale,omitempty"`
	PhoneNumber         string   `json:"phone_number,omitempty"`
	PhoneNumberVerified bool     `json:"phone_number_verified,omitempty"`
	Address             *Address `json:"address,omitempty"`
	UpdatedAt           int64    `json:"updated_at,omitempty"` // seconds since 1970
}

// Address is the address claim of OpenID Connect Core section 5.1.1.
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}
