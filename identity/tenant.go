package identity

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/sallyport-id/sallyport/consent/details"
	"github.com/sallyport-id/sallyport/mfa"
	"github.com/sallyport-id/sallyport/mfa/policy"
)

// TenantStatus is active or suspended. A suspended tenant is not found, at any
// endpoint, and sends nothing.
type TenantStatus string

// The states of a tenant.
const (
	TenantActive    TenantStatus = "active"
	TenantSuspended TenantStatus = "suspended"
)

// Tenant is one isolated customer of the server, with its own issuer, users,
// apps, keys and policy. Nothing of one tenant is ever found through another.
type Tenant struct {
	ID     string
	Slug   string // in path mode the issuer ends in /t/<slug>
	Host   string // in host mode the host name that is the tenant; "" in path mode
	Issuer string // stored, never derived from a request

	Name     string // shown on every page
	Brand    string // the tenant's one colour, #rrggbb; "" for ours
	LogoURL  string // same-origin path; "" for the name in text
	Locale   string // BCP 47; default "en"
	TimeZone string // IANA name; default "UTC"
	HelpURL  string
	Privacy  string
	// DetailTypes are the tenant's own kinds of transactions, a JSON array of documents
	// that package details has judged; "" for the built-in ones alone.
	DetailTypes string
	Texts       string // its own words for codes, as JSON that package internal/message has judged; "" for ours

	// SignUp lets people make accounts themselves, with an address that they
	// prove to be theirs.
	SignUp bool

	Status        TenantStatus
	Preset        string // the preset that the policy began as
	PolicyVersion int
	PolicyEpoch   int64 // voids trusted devices when it grows
	Version       int64 // grows with every change of the tenant, its apps, keys or policy
	CreatedAt     time.Time
}

// Zone is the tenant's time zone, or UTC if it is unknown here.
func (t Tenant) Zone() *time.Location {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Path is the path part of the issuer: "/t/<slug>" in path mode, "" in host
// mode. All endpoints and pages of the tenant lie below it.
func (t Tenant) Path() string {
	if t.Host != "" {
		return ""
	}
	return "/t/" + t.Slug
}

// PublicHost is the host that the user's browser shows, with its port.
func (t Tenant) PublicHost() string {
	u, err := url.Parse(t.Issuer)
	if err != nil {
		return ""
	}
	return u.Host
}

// RelyingParty is the tenant as passkeys and security keys know it: the host of its
// pages, and their one origin. Tenants in path mode share both.
func (t Tenant) RelyingParty() mfa.RelyingParty {
	u, err := url.Parse(t.Issuer)
	if err != nil {
		return mfa.RelyingParty{}
	}
	return mfa.RelyingParty{ID: u.Hostname(), Name: t.Name, Origins: []string{u.Scheme + "://" + u.Host}}
}

// AccountApp is the client id under which a user signs in to the account's own
// pages, on the way to no app. No app can be registered under it.
const AccountApp = "urn:sallyport:account"

// Account is the app of that name. It belongs to the tenant, and gets no code.
func (t Tenant) Account() *Client {
	return &Client{ID: AccountApp, TenantID: t.ID, Name: t.Name, FirstParty: true}
}

// Realm is everything about a tenant that is kept in memory: the tenant, its
// policy in force and its apps, as one immutable picture at one version.
type Realm struct {
	Tenant  Tenant
	Policy  *policy.Policy
	Clients map[string]*Client // by client_id
	// Details are the kinds of transactions that apps may push; nil for none.
	Details *details.Registry
}

// ParseDetails reads the tenant's own kinds of transactions, and adds the built-in ones.
//
// Errors: those of [details.ParseType] and [details.NewRegistry].
func ParseDetails(document string) (*details.Registry, error) {
	var docs []json.RawMessage
	if document != "" {
		err := json.Unmarshal([]byte(document), &docs)
		if err != nil {
			return nil, fmt.Errorf("identity: detail types: %w", err)
		}
	}
	var own []details.Type
	for _, doc := range docs {
		t, err := details.ParseType(doc)
		if err != nil {
			return nil, err
		}
		own = append(own, t)
	}
	return details.NewRegistry(own...)
}

// Client returns the app id, or nil if the tenant has none of that name or it
// is disabled.
func (r *Realm) Client(id string) *Client {
	c := r.Clients[id]
	if c == nil || c.Disabled {
		return nil
	}
	return c
}
