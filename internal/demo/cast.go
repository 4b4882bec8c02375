package demo

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sallyport-id/sallyport/identity"
	"github.com/sallyport-id/sallyport/internal/seal"
	"github.com/sallyport-id/sallyport/internal/setup"
	"github.com/sallyport-id/sallyport/mfa/policy"
	"github.com/sallyport-id/sallyport/templates"
)

// zoneName is where the tenants of the demo are.
const zoneName = "Europe/Berlin"

// zone is where the demo is: its own pages show their times as those of its tenants
// do, so that a code which is good until 14:36 arrived at 14:31.
func zone() *time.Location { return identity.Tenant{TimeZone: zoneName}.Zone() }

// settled is how long ago the people of the demo confirmed what they have.
const settled = 30 * 24 * time.Hour

// house is one tenant of the demo.
type house struct {
	slug, name, preset, brand, note string
	country                         string // which of the phone numbers its people have
	people                          func(phones) []person
}

// person is one account of a demo tenant, as /_demo tells it.
type person struct {
	Name        string   `json:"name"`
	Sub         string   `json:"sub"` // how apps know the account; "" of one that is gone
	Password    string   `json:"password"`
	Phone       string   `json:"phone"`
	PhoneStatus string   `json:"phone_status"`
	PhoneSource string   `json:"phone_source"`
	MFAEnabled  bool     `json:"mfa_enabled"`
	Factors     []string `json:"factors"`
	PIN         string   `json:"pin"`
	Note        string   `json:"note"`

	admin   bool
	profile *identity.Profile
}

// noted is what the start page says of a person: the note, and how apps know the account.
func (p person) noted() string {
	if p.Sub == "" {
		return p.Note
	}
	return p.Note + " (sub " + p.Sub + ")"
}

// app is one client of a demo tenant, as /_demo tells it.
type app struct {
	ID           string   `json:"id"`
	Secret       string   `json:"secret"`
	RedirectURIs []string `json:"redirect_uris"`
	AuthMethod   string   `json:"auth_method"`
	Note         string   `json:"note"`
}

type phones struct{ alice, bob, admin string }

// Numbers that nobody has: they are valid in their plans and set aside for
// examples, or lie in ranges that are not given out.
var numbers = map[string]phones{
	"MX": {"+526441832399", "+526441832301", "+526441832377"},
	"DE": {"+4915735991000", "+4915735991001", "+4915735991002"},
}

const (
	alice = "alice@example.test"
	bob   = "bob@example.test"
	carol = "carol@example.test"
	admin = "admin@example.test"
)

var passwords = map[string]string{
	alice: "alice-opens-the-first-gate",
	bob:   "bob-opens-the-first-gate",
	carol: "carol-opens-the-first-gate",
	admin: "admin-opens-the-first-gate",
}

// houses are systems A to E, one tenant each, and the one for conformance tools.
var houses = []house{
	{
		"contractor", "Contractor", "contractor-email-first", "#0b5563",
		"Codes go to email first; a text message is offered after the timer, to a confirmed phone.", "MX",
		func(n phones) []person {
			return []person{
				{Name: alice, Phone: n.alice, PhoneStatus: "confirmed", PhoneSource: "self", MFAEnabled: true, Factors: []string{"email", "sms"}, Note: "two-step sign-in is on, phone confirmed"},
				{Name: bob, Phone: n.bob, PhoneStatus: "unverified", PhoneSource: "legacy", MFAEnabled: true, Factors: []string{"email"}, Note: "phone from before verification existed: it gets no codes until it is confirmed in the settings"},
				{Name: carol, Factors: []string{"email"}, Note: "two-step sign-in is off, no phone; a payout asks for an email code all the same"},
				{Name: admin, Phone: n.admin, PhoneStatus: "confirmed", PhoneSource: "self", MFAEnabled: true, Factors: []string{"email", "sms"}, Note: "tenant admin", admin: true},
			}
		},
	},
	{
		"broker", "Northgate Broker", "broker-security-identities", "#3d3a8c",
		"Several security identities at the same time; the user picks one each time.", "MX",
		func(n phones) []person {
			return []person{
				{Name: alice, Phone: n.alice, PhoneStatus: "confirmed", PhoneSource: "self", MFAEnabled: true, Factors: []string{"email", "sms"}, PIN: "394716", Note: "email and text message are on: choose at sign-in; the PIN confirms a withdrawal"},
				{Name: bob, Phone: n.bob, PhoneStatus: "unverified", PhoneSource: "legacy", MFAEnabled: true, Factors: []string{"email"}, PIN: "394717", Note: "phone not verified: confirm it in the settings"},
				{Name: carol, Note: "no phone, no PIN, nothing switched on: set a PIN first, then add a security identity"},
				{Name: admin, MFAEnabled: true, Factors: []string{"email"}, Note: "tenant admin", admin: true},
			}
		},
	},
	{
		"marketplace", "Freelance Market", "marketplace-phone-verification", "#7a3b12",
		"No second step at sign-in; a confirmed phone opens bidding.", "MX",
		func(n phones) []person {
			return []person{
				{Name: alice, Phone: n.alice, PhoneStatus: "confirmed", PhoneSource: "self", Note: "phone confirmed: may bid"},
				{Name: bob, Phone: n.bob, PhoneStatus: "unverified", PhoneSource: "legacy", Note: "phone not verified: bidding waits until it is confirmed in the settings"},
				{Name: carol, Note: "no phone: bidding waits until one is confirmed in the settings"},
				{Name: admin, Note: "tenant admin", admin: true},
			}
		},
	},
	{
		"contract", "Contract 4711", "contract-exclusive-method", "#5b2245",
		"One method at a time, email or text message; who has none is reminded after sign-in.", "DE",
		func(n phones) []person {
			return []person{
				{Name: alice, Phone: n.alice, PhoneStatus: "confirmed", PhoneSource: "self", MFAEnabled: true, Factors: []string{"sms"}, Note: "codes by text message, at each sign-in"},
				{Name: bob, Phone: n.bob, PhoneStatus: "unverified", PhoneSource: "legacy", MFAEnabled: true, Factors: []string{"email"}, Note: "codes by email; phone not verified"},
				{Name: carol, Note: "no second step: is reminded after sign-in, and can choose one in the settings"},
				{Name: admin, MFAEnabled: true, Factors: []string{"email"}, Note: "tenant admin", admin: true},
			}
		},
	},
	{
		"account", "Example GmbH", "account-admin-sms-default", "#1f5f3a",
		"Everybody needs a code by text message; the administrator decides how long a device is trusted.", "DE",
		func(n phones) []person {
			return []person{
				{Name: alice, Phone: n.alice, PhoneStatus: "confirmed", PhoneSource: "self", MFAEnabled: true, Factors: []string{"sms"}, Note: "codes by text message"},
				{Name: bob, Phone: n.bob, PhoneStatus: "unverified", PhoneSource: "admin", Note: "number typed by the admin: the first code confirms it"},
				{Name: carol, Note: "created before text messages were switched on: has no number, and adds one at the next sign-in"},
				{Name: admin, Phone: n.admin, PhoneStatus: "confirmed", PhoneSource: "self", MFAEnabled: true, Factors: []string{"sms"}, Note: "tenant admin", admin: true},
			}
		},
	},
	{
		"conformance", "Conformance", "conformance-password-only", "#44505a",
		"Password only, for OpenID conformance tools.", "MX",
		func(n phones) []person {
			return []person{
				{Name: alice, Phone: n.alice, PhoneStatus: "confirmed", PhoneSource: "self", Note: "every standard claim is filled in", profile: fullProfile(n.alice)},
				{Name: bob, Phone: n.bob, PhoneStatus: "unverified", PhoneSource: "legacy", Note: "phone not verified"},
				{Name: carol, Note: "no phone"},
				{Name: admin, Note: "tenant admin", admin: true},
			}
		},
	},
}

// fullProfile fills in every claim of OpenID Connect Core section 5.1.
func fullProfile(phone string) *identity.Profile {
	return &identity.Profile{
		Name: "Alice Marie Example", GivenName: "Alice", FamilyName: "Example", MiddleName: "Marie", Nickname: "Ally",
		PreferredUsername: "alice", ProfileURL: "https://alice.example.test/about", Picture: "https://alice.example.test/alice.png",
		Website: "https://alice.example.test", Gender: "female", Birthdate: "1990-04-01", Zoneinfo: "Europe/Berlin", Locale: "en-GB",
		PhoneNumber: phone, PhoneNumberVerified: true, UpdatedAt: 1767225600,
		Address: &identity.Address{
			Formatted: "Gate Street 1\n10115 Berlin\nGermany", StreetAddress: "Gate Street 1", Locality: "Berlin",
			Region: "Berlin", PostalCode: "10115", Country: "DE",
		},
	}
}

// scene is one demo tenant, ready to be written and to be told of.
type scene struct {
	house  house
	people []person
	apps   []app
	notYet []string
	tenant setup.Tenant
}

// scenes writes the demo's tenants down as a file would, people without
// password hashes. Secrets come from the key ring, so that they are
// the same at the next start with the same data.
func scenes(ring *seal.Ring, serverURL, shopCallback string) ([]scene, error) {
	var all []scene
	for _, h := range houses {
		s, err := newScene(h, ring, serverURL, shopCallback)
		if err != nil {
			return nil, fmt.Errorf("demo tenant %s: %w", h.slug, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// hashPasswords hashes each password of the demo once; all tenants share them.
func hashPasswords(hash func(string) (string, error)) (map[string]string, error) {
	hashes := map[string]string{}
	for name, password := range passwords {
		h, err := hash(password)
		if err != nil {
			return nil, err
		}
		hashes[name] = h
	}
	return hashes, nil
}

// doors is the tenant and its policy alone, without anybody in it.
func (s scene) doors() setup.Tenant {
	t := s.tenant
	t.Users, t.Clients = nil, nil
	return t
}

// inhabitants are the people and apps of the tenant.
func (s scene) inhabitants(hashes map[string]string) setup.Tenant {
	t := setup.Tenant{Slug: s.house.slug, Clients: s.tenant.Clients}
	for _, u := range s.tenant.Users {
		u.PasswordHash = hashes[u.Username]
		t.Users = append(t.Users, u)
	}
	return t
}

func newScene(h house, ring *seal.Ring, serverURL, shopCallback string) (scene, error) {
	preset, err := policy.Preset(h.preset)
	if err != nil {
		return scene{}, err
	}
	masked, notYet := policy.Mask(preset, policy.Enforced())
	document, err := json.Marshal(masked)
	if err != nil {
		return scene{}, err
	}
	s := scene{house: h, people: h.people(numbers[h.country]), notYet: append([]string{}, notYet...)}
	s.tenant = setup.Tenant{
		Slug: h.slug, Name: h.name, Brand: h.brand, Policy: document, Preset: h.preset, TimeZone: zoneName,
		HelpURL: serverURL + paperPath(h.slug, templates.PaperHelp), Privacy: serverURL + paperPath(h.slug, templates.PaperPrivacy),
		Reason: "demo",
	}
	for i := range s.people {
		p := &s.people[i]
		p.Password = passwords[p.Name]
		p.Factors = append([]string{}, p.Factors...)
		s.tenant.Users = append(s.tenant.Users, setup.User{
			Username: p.Name, Phone: p.Phone, PhoneStatus: p.PhoneStatus, PhoneSource: p.PhoneSource,
			MFAEnabled: &p.MFAEnabled, Factors: p.Factors, PIN: p.PIN, Admin: &p.admin, Profile: profileOf(*p),
		})
	}
	s.apps = appsOf(h, ring, shopCallback)
	for _, a := range s.apps {
		c, err := clientOf(h, a)
		if err != nil {
			return scene{}, err
		}
		s.tenant.Clients = append(s.tenant.Clients, c)
	}
	return s, nil
}

func profileOf(p person) *identity.Profile {
	if p.profile != nil {
		return p.profile
	}
	names := map[string]string{alice: "Alice Example", bob: "Bob Example", carol: "Carol Example", admin: "Admin Example"}
	return &identity.Profile{Name: names[p.Name], PhoneNumber: p.Phone, PhoneNumberVerified: p.PhoneStatus == "confirmed"}
}

// shopClient is the client id of the demo shop at every tenant, callbackPath where
// its answers go.
const (
	shopClient   = "demo-shop"
	callbackPath = "/callback"
)

func appsOf(h house, ring *seal.Ring, shopCallback string) []app {
	secret := func(id string) string {
		return base64.RawURLEncoding.EncodeToString(ring.Derive(seal.PepperClient, "", "demo-secret/"+h.slug+"/"+id))
	}
	cli := []string{"http://127.0.0.1:9999/callback"}
	return []app{
		{shopClient, secret(shopClient), []string{shopCallback}, identity.AuthBasic, "the demo shop; the tenant's own app, so it asks for no consent"},
		{"demo-cli", secret("demo-cli"), cli, identity.AuthBasic, "for curl and tools; a third party, so it asks for consent once"},
		{"demo-cli-2", secret("demo-cli-2"), cli, identity.AuthBasic, "a second client for tools that need two"},
	}
}

// clientOf is the registration of a demo app. The conformance tenant reads
// acr_values as OpenID Connect Core does, signs with RS256 and does not insist on
// PKCE, as the conformance plans expect.
func clientOf(h house, a app) (setup.Client, error) {
	names := map[string]string{shopClient: "Demo Shop", "demo-cli": "Demo CLI", "demo-cli-2": "Demo CLI 2"}
	members := map[string]any{
		"client_name":   names[a.ID],
		"redirect_uris": a.RedirectURIs,
		"grant_types":   []string{"authorization_code", "refresh_token", "client_credentials"},
		"scopes":        []string{"openid", "profile", "email", "phone", "address", "offline_access"},
		"auth_methods":  []string{identity.AuthBasic, identity.AuthPost},
		"first_party":   a.ID == shopClient,
		"acr_mode":      identity.ACRRequired, "id_token_signed_response_alg": "ES256",
	}
	if a.ID == shopClient { // its server may ask where its users stand, and set flags
		members["scopes"] = append(members["scopes"].([]string), "users.security", "users.flags")
	}
	if h.slug == "conformance" {
		members["acr_mode"], members["id_token_signed_response_alg"], members["pkce_optional"] = identity.ACRVoluntary, "RS256", true
	}
	data, err := json.Marshal(members)
	return setup.Client{ID: a.ID, Secret: a.Secret, Members: data}, err
}
