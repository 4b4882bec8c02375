// Package setup writes tenants, policies, apps and users as a file describes
// them. Doing it twice changes nothing; what a file does not mention stays as it
// is. It works on the database of a running server, which sees the change at
// once.
package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"gopkg.in/yaml.v3"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/message"
)

// File is what `sallyport apply -f` reads, as YAML or JSON.
type File struct {
	Tenants []Tenant `json:"tenants"`
}

// Tenant describes a tenant. Only slug is always required; name and preset (or
// policy) are when it is new.
type Tenant struct {
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Host     string `json:"host"`      // host mode: the host name that is the tenant
	Brand    string `json:"brand"`     // "#rrggbb"
	Locale   string `json:"locale"`    // BCP 47
	TimeZone string `json:"time_zone"` // IANA name
	HelpURL  string `json:"help_url"`
	Privacy  string `json:"privacy_url"`
	SignUp   *bool  `json:"sign_up"` // people may make accounts themselves
	// Texts are the tenant's own words for codes, all of them together: by language,
	// then by channel and kind (en, sms.login). Not mentioned, they stay; empty, they
	// are gone.
	Texts message.Overrides `json:"texts"`
	// DetailTypes are the tenant's own kinds of transactions, all of them together (see
	// docs/confirmations.md). Not mentioned, they stay; empty, they are gone.
	DetailTypes []json.RawMessage `json:"detail_types"`

	Preset  string          `json:"preset"` // the preset that the policy begins as
	Policy  json.RawMessage `json:"policy"` // a whole document (it names its schema), or a JSON merge patch (RFC 7396) over the policy in force, at first over the preset
	Reason  string          `json:"reason"` // why the policy changes, for the record
	Clients []Client        `json:"clients"`
	Users   []User          `json:"users"`
}

// Client describes an app: its id, and any of the members of identity.Client.
type Client struct {
	ID string
	// Secret is the app's secret; when an app that needs one is new and has
	// none here, one is generated and printed once.
	Secret  string
	Members json.RawMessage // all members, laid over the registration as it is
}

// UnmarshalJSON splits off what is not part of the registration.
func (c *Client) UnmarshalJSON(data []byte) error {
	var head struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	err := json.Unmarshal(data, &head)
	if err != nil {
		return err
	}
	c.ID, c.Secret, c.Members = head.ID, head.Secret, append(json.RawMessage(nil), data...)
	return nil
}

// User describes an account, named by username (an email address).
type User struct {
	Username     string            `json:"username"`
	Password     string            `json:"password"`      // hashed when it is written; "" leaves it as it is
	PasswordHash string            `json:"password_hash"` // an argon2id PHC string, for an import
	EmailStatus  string            `json:"email_status"`  // confirmed (the default of a new account) or unverified
	Phone        string            `json:"phone"`         // international form
	PhoneStatus  string            `json:"phone_status"`  // confirmed or unverified (the default of a new number)
	PhoneSource  string            `json:"phone_source"`  // self, legacy, admin (the default of a new number) or import
	MFAEnabled   *bool             `json:"mfa_enabled"`   // the user's own switch
	Factors      []string          `json:"factors"`       // email, sms, voice: active second factors
	PIN          string            `json:"pin"`           // hashed when it is written; "" leaves it as it is
	Flags        *[]string         `json:"flags"`         // all that are set on the account
	Admin        *bool             `json:"admin"`
	Disabled     *bool             `json:"disabled"`
	Profile      *identity.Profile `json:"profile"` // claims that are not mentioned stay; phone_number_verified speaks of the phone_number beside it
}

// Read reads a file. Unknown members are errors, and so are YAML's surprises:
// everything is decoded as JSON in the end.
func Read(path string) (File, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return File{}, err
	}
	return Parse(text)
}

// Parse reads a file's text.
func Parse(text []byte) (File, error) {
	var tree any
	err := yaml.Unmarshal(text, &tree)
	if err != nil {
		return File{}, fmt.Errorf("not YAML or JSON: %w", err)
	}
	data, err := json.Marshal(tree)
	if err != nil {
		return File{}, fmt.Errorf("keys must be text: %w", err)
	}
	var f File
	err = strict(data, &f)
	if err != nil {
		return File{}, err
	}
	if len(f.Tenants) == 0 {
		return File{}, errors.New("the file names no tenants: it begins with `tenants:` and a list")
	}
	return f, nil
}
